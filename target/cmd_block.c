/* SPDX-License-Identifier: MIT */
/* Commands that move blocks or make them durable. */
#include <errno.h>
#include "target/cmd.h"

bool cmd_in_range(const struct lu *lu, uint64_t lba, uint64_t blocks)
{
    uint64_t total = lu->size / lu->block;
    return lba < total && blocks <= total - lba;
}

/* Why these blocks cannot be moved in one command, as an ASC; 0 if they can. */
static uint16_t refusal(const struct lu *lu, const struct scsi_rw *rw)
{
    if (!cmd_in_range(lu, rw->lba, rw->blocks))
        return ASC_LBA_OUT_OF_RANGE;
    return rw->blocks > COMMAND_XFER_MAX / lu->block ? ASC_INVALID_FIELD_IN_CDB : ASC_NONE;
}

/* Bytes and their place; false for a command to be refused. */
static bool get_bytes(const struct command *c, const struct lu *lu, uint64_t *offset, uint32_t *len)
{
    struct scsi_rw rw;
    scsi_get_rw(c->cdb, &rw);
    if (refusal(lu, &rw))
        return false;
    *offset = rw.lba * lu->block;
    *len = rw.blocks * lu->block;
    return true;
}

static const void *peek(const struct command *c, struct lu *lu, uint64_t offset, uint32_t len)
{
    return c->may_peek && lu->backend->peek ? lu->backend->peek(lu, offset, len) : NULL;
}

uint32_t cmd_read_bytes(const struct command *c, struct lu *lu)
{
    uint64_t offset;
    uint32_t len;
    return get_bytes(c, lu, &offset, &len) && !peek(c, lu, offset, len) ? len : 0;
}

uint32_t cmd_write_bytes(const struct command *c, struct lu *lu)
{
    uint64_t offset;
    uint32_t len;
    return get_bytes(c, lu, &offset, &len) ? len : 0;
}

/* --- READ --- */

static int read_into_memory(struct command *c, struct lu *lu, uint64_t offset, uint32_t len)
{
    struct berth_seg seg = seg_memory(c->memory, len);
    return c->memory ? lu->backend->read(lu, offset, &(struct extent){&seg, 1, 0, len}) : -EINVAL;
}

static void read_blocks(struct command *c, struct lu *lu, uint64_t lba, uint32_t len)
{
    uint64_t offset = lba * lu->block;
    const void *stored = peek(c, lu, offset, len);
    int error = stored ? 0 : read_into_memory(c, lu, offset, len);

    if (error) {
        cmd_errno(c, error, ASC_UNRECOVERED_READ, lba);
        return;
    }
    c->seg = seg_memory(stored ? stored : c->memory, len);
    c->data_in = (struct extent){&c->seg, 1, 0, len};
}

void cmd_read(struct command *c, struct lu *lu)
{
    struct scsi_rw rw;
    scsi_get_rw(c->cdb, &rw);
    uint16_t why = refusal(lu, &rw);

    if (why)
        cmd_fail(c, SENSE_ILLEGAL_REQUEST, why);
    else if (rw.fua && lu->write_cache) /* what is read must be on the medium */
        cmd_errno(c, lu->backend->flush(lu), ASC_WRITE_ERROR, rw.lba);
    if (c->status == SCSI_GOOD && rw.blocks > 0)
        read_blocks(c, lu, rw.lba, rw.blocks * lu->block);
}

/* --- WRITE --- */

/* Bytes to be written: whole blocks of what came. Less than the CDB says is right when the initiator's EDTL
 * was too small (RFC 7143 11.4.5.1, overflow); when the caller lost some, it must not look like a success. */
static bool came_in_full(const struct command *c, const struct lu *lu, uint32_t told, uint32_t *len)
{
    uint32_t due = told < c->edtl_out ? told : c->edtl_out;
    uint64_t came = c->data_out.len < told ? c->data_out.len : told;
    *len = (uint32_t)came / lu->block * lu->block;
    return came >= due;
}

static void write_blocks(struct command *c, struct lu *lu, const struct scsi_rw *rw, uint32_t len)
{
    struct extent from = c->data_out;
    from.len = len;
    int error = len > 0 ? lu->backend->write(lu, rw->lba * lu->block, &from) : 0;
    if (!error && rw->fua && lu->write_cache)
        error = lu->backend->flush(lu);
    cmd_errno(c, error, ASC_WRITE_ERROR, rw->lba);
}

void cmd_write(struct command *c, struct lu *lu)
{
    struct scsi_rw rw;
    uint32_t len;
    scsi_get_rw(c->cdb, &rw);
    uint16_t why = refusal(lu, &rw);

    if (why)
        cmd_fail(c, SENSE_ILLEGAL_REQUEST, why);
    else if (!came_in_full(c, lu, rw.blocks * lu->block, &len))
        cmd_fail(c, SENSE_ABORTED_COMMAND, ASC_INTERNAL_FAILURE);
    else
        write_blocks(c, lu, &rw, len);
}

/* --- SYNCHRONIZE CACHE (SBC-3 5.22, 5.23): the whole LU, whatever range is asked for --- */

void cmd_sync_cache(struct command *c, struct lu *lu)
{
    struct scsi_rw range;
    scsi_get_rw(c->cdb, &range);
    if (!cmd_in_range(lu, range.lba, range.blocks))
        cmd_fail(c, SENSE_ILLEGAL_REQUEST, ASC_LBA_OUT_OF_RANGE);
    else
        cmd_errno(c, lu->backend->flush(lu), ASC_WRITE_ERROR, range.lba);
}
