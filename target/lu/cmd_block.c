/* SPDX-License-Identifier: MIT */
/* Commands that move blocks or make them durable. */
#include "lu/cmd.h"

bool cmd_in_range(const struct lu *lu, uint64_t lba, uint64_t blocks)
{
    uint64_t total = lu->size / lu->block;
    return lba < total && blocks <= total - lba;
}

uint16_t cmd_refusal(const struct lu *lu, const struct scsi_rw *rw)
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
    if (cmd_refusal(lu, &rw))
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

static void have_read(struct command *c, struct lu *lu, int error)
{
    if (error) {
        cmd_errno(c, error, ASC_UNRECOVERED_READ, c->io.offset / lu->block);
        return;
    }
    c->seg = seg_memory(c->memory, c->io.len);
    c->data_in = (struct extent){&c->seg, 1, 0, c->io.len};
}

static void read_into_memory(struct command *c, struct lu *lu, const struct scsi_rw *rw)
{
    c->seg = seg_memory(c->memory, (uint64_t)rw->blocks * lu->block);
    const struct lu_io io = {.kind = LU_READ,
                             .offset = rw->lba * lu->block,
                             .len = c->seg.len,
                             .data = {&c->seg, 1, 0, c->seg.len}};
    if (c->memory)
        cmd_start(c, lu, &io, have_read);
    else
        c->status =
            SCSI_BUSY; /* it was to be refused when it came, and the reason is gone: once more, please */
}

/* Where the blocks can be sent from as they lie there. */
static bool refer(struct command *c, struct lu *lu, uint64_t offset, uint32_t len)
{
    const void *stored = peek(c, lu, offset, len);
    if (stored)
        c->seg = seg_memory(stored, len);
    return stored || (c->may_refer && lu->backend->segment && lu->backend->segment(lu, offset, len, &c->seg));
}

static void read_blocks(struct command *c, struct lu *lu, const struct scsi_rw *rw)
{
    uint32_t len = rw->blocks * lu->block;
    if (refer(c, lu, rw->lba * lu->block, len))
        c->data_in = (struct extent){&c->seg, 1, 0, len};
    else
        read_into_memory(c, lu, rw);
}

static void have_flushed(struct command *c, struct lu *lu, int error)
{
    struct scsi_rw rw;
    scsi_get_rw(c->cdb, &rw);
    if (error)
        cmd_errno(c, error, ASC_WRITE_ERROR, rw.lba);
    else
        read_blocks(c, lu, &rw);
}

void cmd_read(struct command *c, struct lu *lu)
{
    struct scsi_rw rw;
    scsi_get_rw(c->cdb, &rw);
    uint16_t why = cmd_refusal(lu, &rw);

    if (why)
        cmd_fail(c, SENSE_ILLEGAL_REQUEST, why);
    else if (rw.blocks > 0 && rw.fua && lu->write_cache) /* what is read must be on the medium */
        cmd_start(c, lu, &(struct lu_io){.kind = LU_FLUSH}, have_flushed);
    else if (rw.blocks > 0)
        read_blocks(c, lu, &rw);
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

bool cmd_must_settle(const struct lu *lu, bool fua)
{
    return lu->write_cache && (fua || lu->mode.cache_off);
}

int cmd_settle(const struct command *c, struct lu *lu)
{
    return c->settle ? lu->backend->flush(lu) : 0;
}

bool cmd_check_write(struct command *c, const struct lu *lu, const struct scsi_rw *rw, uint32_t *len)
{
    uint16_t why = cmd_refusal(lu, rw);
    if (why)
        cmd_fail(c, SENSE_ILLEGAL_REQUEST, why);
    else if (!came_in_full(c, lu, rw->blocks * lu->block, len))
        cmd_fail(c, SENSE_ABORTED_COMMAND, ASC_INTERNAL_FAILURE);
    return c->status == SCSI_GOOD;
}

static void have_written(struct command *c, struct lu *lu, int error)
{
    cmd_errno(c, error, ASC_WRITE_ERROR, c->io.offset / lu->block);
}

void cmd_write(struct command *c, struct lu *lu)
{
    struct scsi_rw rw;
    uint32_t len;
    scsi_get_rw(c->cdb, &rw);
    if (!cmd_check_write(c, lu, &rw, &len) || len == 0)
        return;
    struct lu_io io = {.kind = LU_WRITE,
                       .fua = cmd_must_settle(lu, rw.fua),
                       .offset = rw.lba * lu->block,
                       .len = len,
                       .data = c->data_out};
    io.data.len = len;
    cmd_start(c, lu, &io, have_written);
}

/* --- PREFETCH (SBC-3 5.12, 5.13) --- */

/* A store that answers from its own memory has it all "in the cache"; of a file that is left to the system,
 * which reads ahead by itself. */
void cmd_prefetch(struct command *c, struct lu *lu)
{
    struct scsi_rw range;
    scsi_get_rw(c->cdb, &range);
    if (!cmd_in_range(lu, range.lba, range.blocks))
        cmd_fail(c, SENSE_ILLEGAL_REQUEST, ASC_LBA_OUT_OF_RANGE);
    else if (lu->backend->peek && lu->backend->peek(lu, range.lba * lu->block, lu->block))
        c->status = SCSI_CONDITION_MET;
}

/* --- SYNCHRONIZE CACHE (SBC-3 5.22, 5.23): the whole LU, whatever range is asked for --- */

void cmd_sync_cache(struct command *c, struct lu *lu)
{
    struct scsi_rw range;
    scsi_get_rw(c->cdb, &range);
    if (!cmd_in_range(lu, range.lba, range.blocks))
        cmd_fail(c, SENSE_ILLEGAL_REQUEST, ASC_LBA_OUT_OF_RANGE);
    else
        cmd_start(c, lu, &(struct lu_io){.kind = LU_FLUSH, .offset = range.lba * lu->block}, have_written);
}
