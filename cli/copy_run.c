/* SPDX-License-Identifier: MIT */
/* The loop that both passes share: slots, runs of holes, waiting. */
#include <poll.h>
#include <string.h>
#include "cli/copy.h"
#include "attach/exit.h"
#include "cli/signals.h"

#define WAIT_MS 200 /* the longest wait: progress moves on, and pings to the targets go out */

bool copy_stopped(const struct copy *c)
{
    return c->src.status != STATUS_OK || c->dst.status != STATUS_OK || signals_caught();
}

uint64_t copy_padded(const struct endpoint *e, uint64_t len)
{
    return (len + e->block - 1) / e->block * e->block;
}

static uint64_t align_of(const struct copy *c)
{
    uint64_t align = COPY_ALIGN;
    if (c->src.block > align)
        align = c->src.block;
    return c->dst.block > align ? c->dst.block : align;
}

/* Data grows to the border, holes shrink to it; a hole with nothing left of it is data. */
void copy_run_at(struct copy *c, struct endpoint *e, struct copy_run *run, uint64_t offset)
{
    uint64_t align = align_of(c), len = 0, end;
    if (offset < run->end || e->kind->extent(e, offset, &len, &run->hole) != 0)
        return;
    end = len < c->end - offset ? offset + len : c->end;
    if (run->hole && end < c->end)
        end = end / align * align;
    if (end <= offset) {
        run->hole = false;
        end = offset + 1;
    }
    if (!run->hole && end < c->end)
        end = (end + align - 1) / align * align;
    run->end = end < c->end ? end : c->end;
}

void copy_rewind(struct copy *c, const char *verb)
{
    memset(c->slots, 0, sizeof c->slots);
    c->src_run = c->dst_run = (struct copy_run){0};
    c->next = c->turn = c->done_bytes = 0;
    c->end = c->src.size;
    c->stop = UINT64_MAX;
    progress_begin(&c->progress, verb, c->end);
}

static bool more(const struct copy *c)
{
    return c->next < c->end && c->next < c->stop;
}

static bool idle(const struct copy *c)
{
    for (unsigned i = 0; i < COPY_DEPTH; i++)
        if (c->slots[i].state != SLOT_FREE)
            return false;
    return true;
}

static void wait_for_either(const struct copy *c)
{
    struct pollfd p[2] = {0};
    p[0].fd = c->src.kind->wait_fd(&c->src, &p[0].events);
    p[1].fd = c->dst.kind->wait_fd(&c->dst, &p[1].events);
    poll(p, 2, WAIT_MS);
}

void copy_loop(struct copy *c, bool (*step)(struct copy *c, struct copy_slot *s), unsigned slots)
{
    while (!copy_stopped(c) && (more(c) || !idle(c))) {
        bool moved = false;
        c->src.kind->pump(&c->src); /* first, so that nobody waits with something to be done at hand */
        c->dst.kind->pump(&c->dst);
        for (unsigned i = 0; i < slots && !copy_stopped(c); i++)
            moved |= step(c, &c->slots[i]);
        progress_update(&c->progress, c->done_bytes);
        if (!moved)
            wait_for_either(c);
    }
    progress_end(&c->progress);
}
