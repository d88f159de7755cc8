/* SPDX-License-Identifier: MIT */
/* The comparing pass. Every byte of both ends is read, except where an end itself says that it has a hole. */
#include <string.h>
#include "cli/copy.h"
#include "attach/exit.h"
#include "cli/pattern.h"

#define PAIRS (COPY_DEPTH / 2) /* each uses two of the buffers */

static uint64_t first_difference(const uint8_t *a, const uint8_t *b, uint64_t len)
{
    uint64_t i = 0;
    if (memcmp(a, b, len) == 0)
        return len;
    while (a[i] == b[i])
        i++;
    return i;
}

static uint64_t first_nonzero(const uint8_t *a, uint64_t len)
{
    uint64_t i = 0;
    if (pattern_is_zero(a, len))
        return len;
    while (a[i] == 0)
        i++;
    return i;
}

/* A side without a length was a hole and stands for zeros. */
static uint64_t difference(const struct copy_slot *s)
{
    if (s->a.len && s->b.len)
        return first_difference(s->a.buf, s->b.buf, s->len);
    if (s->a.len || s->b.len)
        return first_nonzero(s->a.len ? s->a.buf : s->b.buf, s->len);
    return s->len;
}

/* Nothing behind a difference matters any more; pieces before it are still on their way. */
static bool compare(struct copy *c, struct copy_slot *s)
{
    uint64_t at = difference(s);
    if (at < s->len && s->offset + at < c->differs) {
        c->differs = s->offset + at;
        c->end = c->next < c->end ? c->next : c->end;
    }
    c->done_bytes += s->len;
    s->state = SLOT_FREE;
    return true;
}

static void start(struct endpoint *e, struct transfer *t, bool hole, uint64_t offset, uint64_t len)
{
    t->op = TRANSFER_READ;
    t->offset = offset;
    t->len = hole ? 0 : len;
    t->moved = 0;
    t->done = hole;
    if (!hole)
        e->kind->start(e, t);
}

static bool plan(struct copy *c, struct copy_slot *s)
{
    uint8_t *buffers = c->buffers + (size_t)(s - c->slots) * 2 * COPY_CHUNK;
    uint64_t end;
    bool holes;
    if (c->next >= c->end)
        return false;
    copy_run_at(c, &c->src, &c->src_run, c->next);
    copy_run_at(c, &c->dst, &c->dst_run, c->next);
    if (copy_stopped(c))
        return false;
    holes = c->src_run.hole && c->dst_run.hole;
    end = c->src_run.end < c->dst_run.end ? c->src_run.end : c->dst_run.end;
    if (!holes && end - c->next > COPY_CHUNK)
        end = c->next + COPY_CHUNK;
    s->offset = c->next;
    s->len = end - c->next;
    c->next = end;
    s->state = SLOT_READING;
    s->a.buf = buffers;
    s->b.buf = buffers + COPY_CHUNK;
    start(&c->src, &s->a, c->src_run.hole, s->offset, s->len);
    start(&c->dst, &s->b, c->dst_run.hole, s->offset, copy_padded(&c->dst, s->len));
    return true;
}

static bool step(struct copy *c, struct copy_slot *s)
{
    if (s->state == SLOT_FREE)
        return plan(c, s);
    return s->a.done && s->b.done && compare(c, s);
}

void copy_verify(struct copy *c)
{
    copy_rewind(c, "compared");
    c->differs = UINT64_MAX;
    copy_loop(c, step, PAIRS);
}
