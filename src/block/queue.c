/* SPDX-License-Identifier: MIT */
/* Queues: where I/Os come in and completions go out. */
#include <stdlib.h>
#include <string.h>
#include "block/lun.h"

#define NS_PER_MS 1000000ull

BERTH_EXPORT int berth_queue_new(struct berth_queue **out, struct berth_lun *lun, uint32_t depth)
{
    *out = NULL;
    if (depth == 0 || depth > LUN_DEPTH_MAX)
        return BERTH_E_ARGUMENT;
    struct berth_queue *q = calloc(1, sizeof *q + depth * sizeof q->requests[0]);
    if (!q)
        return BERTH_E_MEMORY;
    q->lun = lun;
    q->depth = depth;
    list_init(&q->free);
    list_init(&q->done);
    for (uint32_t i = 0; i < depth; i++) {
        q->requests[i].queue = q;
        list_push(&q->free, &q->requests[i].link);
    }
    list_push(&lun->queues, &q->link);
    *out = q;
    return BERTH_OK;
}

/* Commands of a dying queue end where nobody looks: they only give their task back. */
static void orphan_commands(struct berth_queue *q)
{
    struct berth_lun *lun = q->lun;
    for (uint32_t i = 0; i < lun->options.depth; i++) {
        struct command *cmd = &lun->commands[i];
        if (!cmd->request || cmd->request->queue != q)
            continue;
        cmd->request = NULL;
        session_revoke(lun->initiator->session, cmd->task, BERTH_E_ABORTED);
    }
}

BERTH_EXPORT void berth_queue_free(struct berth_queue *q)
{
    if (!q)
        return;
    for (uint32_t i = 0; i < q->depth; i++)
        list_remove(&q->requests[i].link);
    /* Memory of I/Os in flight is the caller's: nothing may touch it from here on. */
    if (q->outstanding > 0 && !q->lun->closing) {
        orphan_commands(q);
        initiator_settle(q->lun->initiator);
    }
    list_remove(&q->link);
    free(q);
}

/* --- submit --- */

static bool aligned(const struct berth_lun *lun, const struct berth_io *io)
{
    uint64_t mask = lun->info.block_bytes - 1u;
    return ((io->offset_bytes | io->len_bytes) & mask) == 0 && io->offset_bytes <= lun->info.size_bytes &&
           io->len_bytes <= lun->info.size_bytes - io->offset_bytes;
}

static int check_segs(const struct berth_io *io)
{
    if (io->seg_count > BERTH_SEGS_MAX || segs_len(io->segs, io->seg_count) != io->len_bytes)
        return BERTH_E_ARGUMENT;
    for (uint32_t i = 0; i < io->seg_count; i++)
        if (io->segs[i].kind != BERTH_SEG_MEMORY)
            return BERTH_E_UNSUPPORTED;
    return BERTH_OK;
}

static int check_io(const struct berth_lun *lun, const struct berth_io *io)
{
    bool data = io->op == BERTH_READ || io->op == BERTH_WRITE;
    if (io->op > BERTH_ZERO || (io->flags & ~(uint32_t)(BERTH_FUA | BERTH_MAY_TRIM)))
        return BERTH_E_ARGUMENT;
    if (io->op == BERTH_FLUSH)
        return BERTH_OK;
    if (!aligned(lun, io))
        return BERTH_E_RANGE;
    if (io->op != BERTH_READ && lun->info.read_only)
        return BERTH_E_READ_ONLY;
    if (io->op == BERTH_TRIM && lun->info.max_trim_bytes == 0)
        return BERTH_E_UNSUPPORTED;
    return data ? check_segs(io) : BERTH_OK;
}

static void enqueue(struct berth_queue *q, const struct berth_io *io)
{
    struct request *r = list_entry(list_pop(&q->free), struct request, link);
    r->io = *io;
    if (io->op == BERTH_FLUSH) /* of the whole LUN: its other fields are unused, and may hold anything */
        r->io = (struct berth_io){.op = BERTH_FLUSH, .tag = io->tag};
    r->data = (struct extent){.segs = r->io.segs, .count = r->io.seg_count, .len = r->io.len_bytes};
    r->issued = 0;
    r->outstanding = 0;
    r->begun = false;
    r->sync_after = (r->io.flags & BERTH_FUA) && !q->lun->info.fua && q->lun->info.write_cache;
    r->done = (struct berth_done){.tag = io->tag};
    q->outstanding++;
    list_push(&q->lun->waiting, &r->link);
}

BERTH_EXPORT int berth_queue_submit(struct berth_queue *q, const struct berth_io *ios, uint32_t count)
{
    uint32_t taken = 0;
    for (; taken < count && !list_empty(&q->free); taken++) {
        int error = check_io(q->lun, &ios[taken]);
        if (error && taken == 0)
            return error;
        if (error)
            break;
        enqueue(q, &ios[taken]);
    }
    lun_pump(q->lun);
    return taken == 0 && count > 0 ? BERTH_E_QUEUE_FULL : (int)taken;
}

/* --- reap --- */

void request_finish(struct request *r)
{
    struct berth_queue *q = r->queue;
    list_remove(&r->link);
    list_push(&q->done, &r->link);
    q->done_count++;
}

static uint32_t collect(struct berth_queue *q, struct berth_done *done, uint32_t max)
{
    uint32_t n = 0;
    struct list *node;
    while (n < max && (node = list_pop(&q->done)) != NULL) {
        done[n++] = list_entry(node, struct request, link)->done;
        list_push(&q->free, node);
        q->outstanding--;
        q->done_count--;
    }
    return n;
}

int queue_wait(struct berth_lun *lun, uint64_t until_ns)
{
    uint64_t due = lun_due(lun);
    int error = initiator_wait(lun->initiator, due < until_ns ? due : until_ns);
    lun_tick(lun);
    lun_pump(lun);
    if (error && error != BERTH_E_ABORTED)
        lun_say(&lun->detail, error, initiator_detail(lun->initiator));
    return error;
}

static uint64_t deadline(const struct berth_lun *lun, int timeout_ms)
{
    return timeout_ms < 0 ? UINT64_MAX : initiator_now(lun->initiator) + (uint64_t)timeout_ms * NS_PER_MS;
}

BERTH_EXPORT int berth_queue_reap(struct berth_queue *q, struct berth_done *done, uint32_t min, uint32_t max,
                                  int timeout_ms)
{
    uint64_t until = min ? deadline(q->lun, timeout_ms) : 0;
    uint32_t wanted = min < max ? min : max;
    bool once = min == 0;

    lun_pump(q->lun);
    while (q->outstanding > q->done_count && (once || q->done_count < wanted)) {
        int error = queue_wait(q->lun, once ? 0 : until);
        if (error == BERTH_E_ABORTED)
            return error;
        if (once || (until != UINT64_MAX && initiator_now(q->lun->initiator) >= until))
            break;
    }
    return (int)collect(q, done, max);
}

BERTH_EXPORT int berth_queue_fd(const struct berth_queue *q)
{
    struct engine *e = q->lun->initiator->engine;
    return e->ops->fd(e);
}
