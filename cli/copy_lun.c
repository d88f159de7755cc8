/* SPDX-License-Identifier: MIT */
/* LUNs as ends of a copy. */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include "cli/blank.h"
#include "cli/copy_endpoint.h"
#include "cli/say.h"
#include "cli/sense.h"
#include "cli/signals.h"

#define FLUSH_WAIT_MS 200

int endpoint_open_lun(struct endpoint *e, const char *url, const struct berth_options *options)
{
    const struct berth_lun_info *info;
    struct berth_detail detail = {0};
    int error = berth_lun_open(&e->lun, url, options, &detail);
    e->name = url;
    e->kind = &endpoint_lun;
    if (error)
        return fail_error(error, &detail, url);
    info = berth_lun_info(e->lun);
    e->size = info->size_bytes;
    e->block = info->block_bytes;
    if (e->block == 0 || COPY_CHUNK % e->block != 0)
        return fail(STATUS_FAILED,
                    "%s has blocks of %" PRIu32 " bytes; berth copies only powers of two up to 1 MiB", url,
                    e->block);
    error = berth_queue_new(&e->queue, e->lun, 2 * COPY_DEPTH);
    return error ? fail_error(error, NULL, url) : STATUS_OK;
}

/* Holes count only where they are sure to read as zeros. A LUN that will not say has none. */
static int extent(struct endpoint *e, uint64_t offset, uint64_t *len, bool *hole)
{
    int error = blank_extent(e->lun, e->origin + offset, len, hole);
    if (error == 0)
        return 0;
    return endpoint_fail(e, exit_find(error)->status, "cannot ask %s for its holes: %s; %s", e->name,
                         berth_error_text(error), exit_find(error)->next);
}

static const char *verb_of(uint32_t op)
{
    switch (op) {
    case BERTH_READ:
        return "read";
    case BERTH_WRITE:
        return "write";
    case BERTH_ZERO:
        return "zero";
    default:
        return "flush";
    }
}

static void failed(struct endpoint *e, uint32_t op, uint64_t offset, const struct berth_done *done)
{
    const struct exit_row *row = exit_find(done->error);
    const struct berth_detail *detail = berth_lun_detail(e->lun);
    bool session = berth_error_scope(done->error) == BERTH_SCOPE_SESSION && detail->error == done->error;
    char where[40] = "";
    if (op != BERTH_FLUSH)
        snprintf(where, sizeof where, " at byte %" PRIu64, e->origin + offset);
    endpoint_fail(e, row->status, "cannot %s %s%s: %s%s; %s", verb_of(op), e->name, where,
                  session ? detail->text : berth_error_text(done->error), sense_words(done).s, row->next);
}

static uint32_t op_of(const struct transfer *t)
{
    static const uint32_t ops[] = {
        [TRANSFER_READ] = BERTH_READ, [TRANSFER_WRITE] = BERTH_WRITE, [TRANSFER_ZERO] = BERTH_ZERO};
    return ops[t->op];
}

static void start(struct endpoint *e, struct transfer *t)
{
    struct berth_io io = {.op = op_of(t), .offset_bytes = e->origin + t->offset, .len_bytes = t->len};
    int taken;
    if (t->op == TRANSFER_ZERO) {
        io.flags = BERTH_MAY_TRIM;
    } else {
        t->seg = (struct berth_seg){.kind = BERTH_SEG_MEMORY, .base = t->buf, .len = t->len};
        io.segs = &t->seg;
        io.seg_count = 1;
    }
    io.tag = (uint64_t)(uintptr_t)t;
    taken = berth_queue_submit(e->queue, &io, 1);
    if (taken < 1)
        failed(e, io.op, t->offset, &(struct berth_done){.error = taken < 0 ? taken : BERTH_E_QUEUE_FULL});
}

static void completed(struct endpoint *e, const struct berth_done *done)
{
    struct transfer *t = (struct transfer *)(uintptr_t)done->tag;
    if (done->error)
        failed(e, op_of(t), t->offset, done);
    t->moved = t->len;
    t->done = true;
}

static void pump(struct endpoint *e)
{
    struct berth_done done[2 * COPY_DEPTH];
    int count = berth_queue_reap(e->queue, done, 0, 2 * COPY_DEPTH, 0);
    for (int i = 0; i < count; i++)
        completed(e, &done[i]);
}

static int wait_fd(const struct endpoint *e, short *events)
{
    *events = POLLIN;
    return berth_queue_fd(e->queue);
}

static void finish(struct endpoint *e, uint64_t size)
{
    struct berth_io io = {.op = BERTH_FLUSH};
    struct berth_done done = {0};
    int taken = berth_queue_submit(e->queue, &io, 1), count = 0;
    (void)size;
    if (taken < 1)
        done.error = taken < 0 ? taken : BERTH_E_QUEUE_FULL;
    /* Through the queue, not berth_flush(), so that Ctrl-C ends the wait for a lost target. */
    while (taken == 1 && count == 0 && !signals_caught())
        count = berth_queue_reap(e->queue, &done, 1, 1, FLUSH_WAIT_MS);
    if (count < 0)
        done.error = count;
    if (done.error)
        failed(e, io.op, 0, &done);
}

/* Without a write cache, what was answered was durable. */
static uint64_t losses(const struct endpoint *e)
{
    const struct berth_lun_info *info = berth_lun_info(e->lun);
    return info->write_cache ? info->reconnects : 0;
}

static void close_lun(struct endpoint *e)
{
    berth_lun_close(e->lun);
    e->lun = NULL;
}

const struct endpoint_kind endpoint_lun = {
    .name = "LUN",
    .extent = extent,
    .start = start,
    .pump = pump,
    .wait_fd = wait_fd,
    .finish = finish,
    .losses = losses,
    .close = close_lun,
};
