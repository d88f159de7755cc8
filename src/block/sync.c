/* SPDX-License-Identifier: MIT */
/* Blocking wrappers over a queue of the LUN's own. */
#include <string.h>
#include "block/lun.h"

/* Waits for the one request in the LUN's own queue. */
static int finish(struct berth_lun *lun, struct berth_done *done)
{
    struct berth_queue *q = lun->own;
    while (q->done_count == 0)
        if (queue_wait(lun, UINT64_MAX) == BERTH_E_ABORTED) {
            queue_cut(q);
            *done = (struct berth_done){.error = BERTH_E_ABORTED};
            return lun_say(&lun->detail, BERTH_E_ABORTED, NULL);
        }
    queue_collect(q, done, 1);
    initiator_flush(lun->initiator); /* nobody knows when the next call comes */
    if (done->error)
        outcome_say(lun, done);
    return done->error;
}

static int perform(struct berth_lun *lun, const struct berth_io *io)
{
    struct berth_done done;
    int taken = berth_queue_submit(lun->own, io, 1);
    if (taken < 0)
        return lun_say(&lun->detail, taken, NULL);
    return finish(lun, &done);
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

int64_t lun_ask(struct berth_lun *lun, const uint8_t *cdb, uint32_t cdb_len, void *reply, uint32_t size,
                struct berth_done *done)
{
    struct berth_seg seg = seg_memory(reply, size);
    struct request *r = queue_question(lun->own, cdb, cdb_len, &seg);
    if (!r)
        return BERTH_E_QUEUE_FULL;
    list_push(&lun->waiting, &r->link);
    lun_pump(lun);
    int error = finish(lun, done);
    return error ? error : (int64_t)r->reply_len;
}

static int get_status(struct berth_lun *lun, uint64_t lba, struct scsi_lba_status *status)
{
    uint8_t cdb[SCSI_CDB_MAX] = {0}, reply[8 + 16];
    struct berth_done done;
    int64_t got =
        lun_ask(lun, cdb, scsi_put_get_lba_status(cdb, lba, sizeof reply), reply, sizeof reply, &done);
    if (got < 0)
        return done.scsi_status ? BERTH_E_UNSUPPORTED : (int)got;
    bool sense = scsi_get_lba_status(reply, (size_t)got, 0, status) && status->lba == lba && status->blocks;
    return sense ? BERTH_OK : BERTH_E_UNSUPPORTED;
}

/* A LUN that cannot tell, or tells nonsense, has no holes. */
BERTH_EXPORT int berth_extent(struct berth_lun *lun, uint64_t offset_bytes, uint64_t *len_bytes, bool *hole)
{
    struct scsi_lba_status status;
    uint64_t block = lun->info.block_bytes;

    *hole = false;
    *len_bytes = 0;
    if (offset_bytes >= lun->info.size_bytes || offset_bytes % block)
        return lun_say(&lun->detail, BERTH_E_RANGE, NULL);
    uint64_t left = lun->info.size_bytes - offset_bytes;
    int error = lun->info.thin ? get_status(lun, offset_bytes / block, &status) : BERTH_E_UNSUPPORTED;
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
