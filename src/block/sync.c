/* SPDX-License-Identifier: MIT */
/* Blocking wrappers, over a queue of the LUN's own: the only one where the sessions are on the caller's
 * thread, and a spare one where they are on threads of the library and many callers may wait at once. */
#include <string.h>
#include "block/lun.h"

static bool has_threads(const struct berth_lun *lun)
{
    return lun->lanes && lun->lanes->threaded;
}

/* Into the caller's detail, which is not a lane's where lanes have threads. */
static int say(struct berth_lun *lun, int error)
{
    return has_threads(lun) ? lanes_say(lun->lanes, error, NULL) : lun_say(&lun->detail, error, NULL);
}

static void say_outcome(struct berth_queue *q, const struct berth_done *done)
{
    char words[sizeof((struct berth_detail *)NULL)->text];
    if (!q->port) {
        outcome_say(q->lun, done);
        return;
    }
    if (done->scsi_status)
        outcome_words(done, words, sizeof words);
    lanes_say(q->lun->lanes, done->error, done->scsi_status ? words : NULL);
}

static int wait_own(struct berth_queue *q, struct berth_done *done)
{
    while (q->done_count == 0)
        if (queue_wait(q->lun, UINT64_MAX) == BERTH_E_ABORTED)
            return BERTH_E_ABORTED;
    return (int)queue_collect(q, done, 1);
}

/* Waits for the one request in the queue. */
static int finish(struct berth_queue *q, struct berth_done *done)
{
    struct berth_lun *lun = q->lun;
    int got = 0;
    while (got == 0)
        got = q->port ? port_reap(q, done, 1, 1, -1) : wait_own(q, done);
    if (got < 0) {
        queue_cut(q);
        *done = (struct berth_done){.error = got};
        return q->port ? lanes_say(lun->lanes, got, NULL) : lun_say(&lun->detail, got, NULL);
    }
    if (!q->port)
        initiator_flush(lun->initiator); /* nobody knows when the next call comes */
    if (done->error)
        say_outcome(q, done);
    return done->error;
}

static int open_queue(struct berth_queue **out, struct berth_lun *lun)
{
    *out = lun->own;
    return has_threads(lun) ? queue_borrow(out, lun) : BERTH_OK;
}

static void close_queue(struct berth_queue *q)
{
    if (q->port)
        queue_give_back(q);
}

static int perform(struct berth_lun *lun, const struct berth_io *io)
{
    struct berth_done done;
    struct berth_queue *q;
    int error = open_queue(&q, lun);
    if (error)
        return say(lun, error);
    int taken = berth_queue_submit(q, io, 1);
    error = taken < 0 ? say(lun, taken) : finish(q, &done);
    close_queue(q);
    return error;
}

static int transfer(struct berth_lun *lun, enum berth_op op, const void *buf, uint64_t len, uint64_t offset,
                    uint32_t flags)
{
    struct berth_seg seg = seg_memory(buf, len);
    struct berth_io io = {
        .op = op, .flags = flags, .offset_bytes = offset, .len_bytes = len, .segs = &seg, .seg_count = 1};
    return perform(lun, &io);
}

BERTH_EXPORT int berth_read(struct berth_lun *lun, void *buf, uint64_t len_bytes, uint64_t offset_bytes)
{
    return transfer(lun, BERTH_READ, buf, len_bytes, offset_bytes, 0);
}

BERTH_EXPORT int berth_write(struct berth_lun *lun, const void *buf, uint64_t len_bytes,
                             uint64_t offset_bytes, uint32_t flags)
{
    return transfer(lun, BERTH_WRITE, buf, len_bytes, offset_bytes, flags);
}

BERTH_EXPORT int berth_flush(struct berth_lun *lun)
{
    struct berth_io io = {.op = BERTH_FLUSH};
    return perform(lun, &io);
}

BERTH_EXPORT int berth_trim(struct berth_lun *lun, uint64_t len_bytes, uint64_t offset_bytes)
{
    struct berth_io io = {.op = BERTH_TRIM, .offset_bytes = offset_bytes, .len_bytes = len_bytes};
    return perform(lun, &io);
}

BERTH_EXPORT int berth_zero(struct berth_lun *lun, uint64_t len_bytes, uint64_t offset_bytes, uint32_t flags)
{
    struct berth_io io = {
        .op = BERTH_ZERO, .flags = flags, .offset_bytes = offset_bytes, .len_bytes = len_bytes};
    return perform(lun, &io);
}

BERTH_EXPORT int berth_scsi(struct berth_lun *lun, struct berth_command *command, void *buf,
                            uint64_t len_bytes, uint32_t timeout_ms)
{
    struct berth_seg seg = seg_memory(buf, len_bytes);
    struct berth_io io = {.op = BERTH_SCSI,
                          .len_bytes = len_bytes,
                          .segs = &seg,
                          .seg_count = len_bytes ? 1 : 0,
                          .command = command,
                          .timeout_ms = timeout_ms};
    return perform(lun, &io);
}

static int64_t ask_through(struct berth_queue *q, const uint8_t *cdb, uint32_t cdb_len, void *reply,
                           uint32_t size, struct berth_done *done)
{
    struct berth_seg seg = seg_memory(reply, size);
    struct request *r = queue_question(q, cdb, cdb_len, &seg);
    if (!r)
        return BERTH_E_QUEUE_FULL;
    queue_give(q, r);
    int error = finish(q, done);
    return error ? error : (int64_t)r->reply_len;
}

int64_t lun_ask(struct berth_lun *lun, const uint8_t *cdb, uint32_t cdb_len, void *reply, uint32_t size,
                struct berth_done *done)
{
    return ask_through(lun->own, cdb, cdb_len, reply, size, done);
}

static int get_status(struct berth_lun *lun, uint64_t lba, struct scsi_lba_status *status)
{
    uint8_t cdb[SCSI_CDB_MAX] = {0}, reply[8 + 16];
    struct berth_done done = {0};
    struct berth_queue *q;
    int error = open_queue(&q, lun);
    if (error)
        return say(lun, error);
    int64_t got =
        ask_through(q, cdb, scsi_put_get_lba_status(cdb, lba, sizeof reply), reply, sizeof reply, &done);
    close_queue(q);
    if (got < 0)
        return done.scsi_status ? BERTH_E_UNSUPPORTED : (int)got;
    bool sense = scsi_get_lba_status(reply, (size_t)got, 0, status) && status->lba == lba && status->blocks;
    return sense ? BERTH_OK : BERTH_E_UNSUPPORTED;
}

/* A LUN that cannot tell, or tells nonsense, has no holes. */
BERTH_EXPORT int berth_extent(struct berth_lun *lun, uint64_t offset_bytes, uint64_t *len_bytes, bool *hole)
{
    struct scsi_lba_status status;
    const struct bounds facts = lun_bounds(lun);
    uint64_t block = facts.block_bytes;

    *hole = false;
    *len_bytes = 0;
    if (offset_bytes >= facts.size_bytes || offset_bytes % block)
        return say(lun, BERTH_E_RANGE);
    uint64_t left = facts.size_bytes - offset_bytes;
    int error = facts.thin ? get_status(lun, offset_bytes / block, &status) : BERTH_E_UNSUPPORTED;
    if (error && error != BERTH_E_UNSUPPORTED)
        return error;
    *len_bytes = left;
    if (error)
        return BERTH_OK;
    *hole = status.provisioning == 1;
    if (status.blocks < left / block)
        *len_bytes = status.blocks * block;
    return BERTH_OK;
}
