/* SPDX-License-Identifier: MIT */
/* Commands that deallocate blocks, fill them, or ask which are there. */
#include <string.h>
#include "base/bytes.h"
#include "lu/cmd.h"

/* --- UNMAP (SBC-3 5.28) --- */

uint32_t cmd_unmap_bytes(const struct command *c, struct lu *lu)
{
    (void)lu;
    return get16(c->cdb + 7);
}

/* Why a range cannot be unmapped, as an ASC; 0 if it can. *left counts down what one command may unmap. */
static uint16_t check_range(const struct lu *lu, const struct scsi_range *range, uint64_t *left)
{
    if (range->blocks == 0)
        return ASC_NONE;
    if (!cmd_in_range(lu, range->lba, range->blocks))
        return ASC_LBA_OUT_OF_RANGE;
    if (range->blocks > *left)
        return ASC_INVALID_FIELD_IN_PARAMETERS;
    *left -= range->blocks;
    return ASC_NONE;
}

/* All of the list before any of it is done. */
static uint16_t check_list(const struct lu *lu, const uint8_t *list, uint32_t len, uint32_t *count)
{
    uint64_t left = CMD_UNMAP_BLOCKS_MAX;
    struct scsi_range range;

    if (len < SCSI_UNMAP_HEADER)
        return ASC_PARAMETER_LIST_LENGTH;
    *count = get16(list + 2) / SCSI_UNMAP_RANGE;
    if (*count > CMD_UNMAP_RANGES_MAX)
        return ASC_INVALID_FIELD_IN_PARAMETERS;
    for (uint32_t i = 0; i < *count; i++) {
        if (!scsi_get_unmap_range(list, len, i, &range))
            return ASC_PARAMETER_LIST_LENGTH;
        uint16_t why = check_range(lu, &range, &left);
        if (why)
            return why;
    }
    return ASC_NONE;
}

/* The list lies in `reply` and has been checked. */
static int punch_ranges(struct command *c, struct lu *lu)
{
    uint32_t len = SCSI_UNMAP_HEADER + get16(c->reply + 2);
    struct scsi_range range;
    for (uint32_t i = 0; scsi_get_unmap_range(c->reply, len, i, &range); i++) {
        uint64_t offset = range.lba * lu->block, bytes = (uint64_t)range.blocks * lu->block;
        int error = bytes > 0 ? lu->backend->punch(lu, offset, bytes) : 0;
        if (error)
            return cmd_fault(c, error, ASC_WRITE_ERROR, range.lba);
    }
    return cmd_fault(c, cmd_settle(c, lu), ASC_WRITE_ERROR, 0);
}

void cmd_unmap(struct command *c, struct lu *lu)
{
    uint32_t told = cmd_unmap_bytes(c, lu), count = 0;
    if (told == 0)
        return;
    uint32_t len = cmd_take_parameters(c, told);
    uint16_t why = check_list(lu, c->reply, len, &count);
    if (why)
        cmd_fail(c, SENSE_ILLEGAL_REQUEST, why);
    else
        cmd_work(c, lu, false, punch_ranges);
}

/* --- WRITE SAME (SBC-3 5.43, 5.44) --- */

static uint16_t same_refusal(const struct lu *lu, const struct scsi_write_same *ws)
{
    if (ws->blocks == 0) /* WSNZ: "to the end" would have no bound */
        return ASC_INVALID_FIELD_IN_CDB;
    if (!cmd_in_range(lu, ws->lba, ws->blocks))
        return ASC_LBA_OUT_OF_RANGE;
    return ws->blocks > CMD_SAME_BLOCKS_MAX ? ASC_INVALID_FIELD_IN_CDB : ASC_NONE;
}

uint32_t cmd_same_bytes(const struct command *c, struct lu *lu)
{
    struct scsi_write_same ws;
    scsi_get_write_same(c->cdb, &ws);
    return same_refusal(lu, &ws) || ws.ndob ? 0 : lu->block;
}

static bool all_zero(const uint8_t *bytes, uint32_t len)
{
    return bytes[0] == 0 && memcmp(bytes, bytes + 1, len - 1) == 0;
}

/* Fills `reply` with copies of its first `block` bytes and writes it over the range, many times in one call.
 */
static int write_pattern(struct command *c, struct lu *lu, uint64_t offset, uint64_t len)
{
    struct berth_seg segs[64];
    const uint64_t chunk = sizeof segs / sizeof segs[0] * sizeof c->reply;
    int error = 0;

    for (uint32_t at = lu->block; at < sizeof c->reply; at += lu->block)
        memcpy(c->reply + at, c->reply, lu->block);
    for (size_t i = 0; i < sizeof segs / sizeof segs[0]; i++)
        segs[i] = seg_memory(c->reply, sizeof c->reply);
    for (uint64_t done = 0; done < len && !error; done += chunk) {
        uint64_t part = len - done < chunk ? len - done : chunk;
        const struct extent from = {segs, sizeof segs / sizeof segs[0], 0, part};
        error = lu->backend->write(lu, offset + done, &from);
    }
    return error;
}

/* Zeros may become a hole only where the initiator asked for one: without UNMAP it wants room that is its
 * own. */
static int fill(struct command *c, struct lu *lu)
{
    struct scsi_write_same ws;
    scsi_get_write_same(c->cdb, &ws);
    uint64_t offset = ws.lba * lu->block, len = (uint64_t)ws.blocks * lu->block;
    bool hole = ws.unmap && all_zero(c->reply, lu->block);
    int error = hole ? lu->backend->punch(lu, offset, len) : write_pattern(c, lu, offset, len);
    return cmd_fault(c, error ? error : cmd_settle(c, lu), ASC_WRITE_ERROR, ws.lba);
}

void cmd_write_same(struct command *c, struct lu *lu)
{
    struct scsi_write_same ws;
    scsi_get_write_same(c->cdb, &ws);
    uint16_t why = same_refusal(lu, &ws);
    uint32_t needed = ws.ndob ? 0 : lu->block;

    /* Whoever sends another amount thinks of blocks of another size. */
    if (!why && (c->edtl_out != needed || cmd_take_parameters(c, needed) < needed))
        why = ASC_INVALID_FIELD_IN_CDB;
    if (ws.ndob)
        memset(c->reply, 0, lu->block);
    if (why)
        cmd_fail(c, SENSE_ILLEGAL_REQUEST, why);
    else
        cmd_work(c, lu, false, fill);
}

/* --- GET LBA STATUS (SBC-3 5.6): one descriptor, the initiator asks again behind it --- */

static void put_status(struct command *c, const struct lu *lu, uint64_t lba, uint64_t len, bool allocated)
{
    enum { MAPPED = 0, DEALLOCATED = 1 };
    uint64_t blocks = len / lu->block;
    const struct scsi_lba_status s = {.lba = lba,
                                      .blocks = blocks < UINT32_MAX ? (uint32_t)blocks : UINT32_MAX,
                                      .provisioning = allocated ? MAPPED : DEALLOCATED};
    cmd_reply(c, scsi_put_lba_status(c->reply, sizeof c->reply, &s), get32(c->cdb + 10));
}

static int ask_map(struct command *c, struct lu *lu)
{
    uint64_t lba = get64(c->cdb + 2), len = c->room;
    bool allocated;
    int error = lu->backend->map(lu, lba * lu->block, &len, &allocated);
    if (!error)
        put_status(c, lu, lba, len, allocated);
    return cmd_fault(c, error, ASC_UNRECOVERED_READ, lba);
}

void cmd_get_lba_status(struct command *c, struct lu *lu)
{
    uint64_t lba = get64(c->cdb + 2);
    if (!cmd_in_range(lu, lba, 1)) {
        cmd_fail(c, SENSE_ILLEGAL_REQUEST, ASC_LBA_OUT_OF_RANGE);
        return;
    }
    c->room = lu->size - lba * lu->block;
    cmd_work(c, lu, false, ask_map);
}
