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

BERTH_EXPORT void berth_queue_free(struct berth_queue *q)
{
    if (!q)
        return;
    queue_cut(q);
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
    uint64_t left = io->len_bytes;
    if (io->seg_count > BERTH_SEGS_MAX || (io->seg_count > 0 && !io->segs))
        return BERTH_E_ARGUMENT;
    for (uint32_t i = 0; i < io->seg_count; i++) {
        const struct berth_seg *seg = &io->segs[i];
        if (seg->kind != BERTH_SEG_MEMORY)
            return BERTH_E_UNSUPPORTED;
        if (seg->len > left || (seg->len > 0 && !seg->base))
            return BERTH_E_ARGUMENT;
        left -= seg->len;
    }
    return left ? BERTH_E_ARGUMENT : BERTH_OK;
}

static bool moves_data(const struct berth_io *io)
{
    return io->op == BERTH_READ || io->op == BERTH_WRITE || io->op == BERTH_SCSI;
}

static int check_command(const struct berth_io *io)
{
    const struct berth_command *c = io->command;
    if (!c || c->cdb_len == 0 || c->cdb_len > BERTH_CDB_MAX || c->attribute > BERTH_ATTRIBUTE_ACA)
        return BERTH_E_ARGUMENT;
    if (c->direction > BERTH_DATA_OUT)
        return BERTH_E_UNSUPPORTED;
    if (io->len_bytes > UINT32_MAX || (io->len_bytes > 0 && c->direction == BERTH_DATA_NONE))
        return BERTH_E_ARGUMENT;
    return check_segs(io);
}

static int check_io(const struct berth_lun *lun, const struct berth_io *io)
{
    if (io->op > BERTH_SCSI || (io->flags & ~(uint32_t)(BERTH_FUA | BERTH_MAY_TRIM)))
        return BERTH_E_ARGUMENT;
    if (io->op == BERTH_SCSI)
        return check_command(io);
    if (lun->options.commands_only)
        return BERTH_E_STATE;
    if (io->op == BERTH_FLUSH)
        return BERTH_OK;
    if (!aligned(lun, io))
        return BERTH_E_RANGE;
    if (io->op != BERTH_READ && lun->info.read_only)
        return BERTH_E_READ_ONLY;
    if (io->op == BERTH_TRIM && lun->info.max_trim_bytes == 0)
        return BERTH_E_UNSUPPORTED;
    return moves_data(io) ? check_segs(io) : BERTH_OK;
}

static void take_command(struct request *r, struct berth_command *c)
{
    memcpy(r->cdb, c->cdb, c->cdb_len);
    r->cdb_len = c->cdb_len;
    r->direction = c->direction;
    r->attribute = c->attribute;
    r->io.offset_bytes = 0;
    c->status = c->sense_len = 0;
    c->moved_bytes = c->overflow_bytes = 0;
}

/* A free one, of which nothing has been done yet. */
static struct request *take_request(struct berth_queue *q, const struct berth_io *io)
{
    struct list *node = list_pop(&q->free);
    if (!node)
        return NULL;
    struct request *r = list_entry(node, struct request, link);
    r->io = *io;
    r->data = (struct extent){0};
    r->issued = r->outstanding = r->reply_len = 0;
    r->begun = r->sync_after = r->cancelled = false;
    r->under_way = true;
    r->done = (struct berth_done){.tag = io->tag, .bad_offset_bytes = UINT64_MAX};
    q->outstanding++;
    return r;
}

static void enqueue(struct berth_queue *q, const struct berth_io *io)
{
    struct request *r = take_request(q, io);
    if (io->op == BERTH_FLUSH)
        r->io.offset_bytes = r->io.len_bytes = 0;
    if (io->op == BERTH_SCSI)
        take_command(r, io->command);
    if (moves_data(io))
        r->data = (struct extent){.segs = io->segs, .count = io->seg_count, .len = io->len_bytes};
    list_push(&q->lun->waiting, &r->link);
}

struct request *queue_question(struct berth_queue *q, const uint8_t *cdb, uint32_t cdb_len,
                               const struct berth_seg *seg)
{
    struct request *r = take_request(q, &(struct berth_io){.op = OP_ASK, .len_bytes = seg->len});
    if (!r)
        return NULL;
    r->direction = BERTH_DATA_IN;
    r->attribute = BERTH_ATTRIBUTE_SIMPLE;
    r->data = (struct extent){.segs = seg, .count = seg->len ? 1 : 0, .len = seg->len};
    memcpy(r->cdb, cdb, cdb_len);
    r->cdb_len = (uint8_t)cdb_len;
    return r;
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
    r->under_way = false;
    list_remove(&r->link);
    list_push(&q->done, &r->link);
    q->done_count++;
}

uint32_t queue_collect(struct berth_queue *q, struct berth_done *done, uint32_t max)
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
    int error = initiator_wait(lun->initiator, until_ns);
    if (lun->initiator->state == INITIATOR_FAILED) /* which has no rounds any more */
        lun_tend(lun);
    if (error && error != BERTH_E_ABORTED)
        lun_say(&lun->detail, error, initiator_detail(lun->initiator));
    return error;
}

static uint64_t deadline(const struct berth_lun *lun, int timeout_ms)
{
    return timeout_ms < 0 ? UINT64_MAX : initiator_now(lun->initiator) + (uint64_t)timeout_ms * NS_PER_MS;
}

static int wait_for(struct berth_queue *q, uint32_t wanted, int timeout_ms)
{
    const struct initiator *i = q->lun->initiator;
    int error = BERTH_OK;
    if (q->outstanding == q->done_count || q->done_count >= wanted)
        return BERTH_OK;
    uint64_t until = deadline(q->lun, timeout_ms);
    do {
        error = queue_wait(q->lun, until);
    } while (error != BERTH_E_ABORTED && !i->engine->interrupted && q->outstanding > q->done_count &&
             q->done_count < wanted && (until == UINT64_MAX || initiator_now(i) < until));
    return error;
}

static bool any_done(const struct berth_lun *lun)
{
    list_each (at, &lun->queues)
        if (list_entry(at, struct berth_queue, link)->done_count > 0)
            return true;
    return false;
}

/* The caller may be off to sleep on the descriptor, or to do other things for long: nothing that could be
 * sent is kept back. */
static void part(struct berth_queue *q)
{
    initiator_flush(q->lun->initiator);
    reactor_alarm(q->lun->initiator->reactor, any_done(q->lun) ? 0 : UINT64_MAX);
}

BERTH_EXPORT int berth_queue_reap(struct berth_queue *q, struct berth_done *done, uint32_t min, uint32_t max,
                                  int timeout_ms)
{
    lun_pump(q->lun);
    int error = min ? wait_for(q, min < max ? min : max, timeout_ms) : queue_wait(q->lun, 0);
    uint32_t count = queue_collect(q, done, max);
    if (min == 0 || q->outstanding == 0)
        part(q);
    return count == 0 && error == BERTH_E_ABORTED ? error : (int)count;
}

BERTH_EXPORT int berth_queue_fd(const struct berth_queue *q)
{
    return reactor_fd(q->lun->initiator->reactor);
}
