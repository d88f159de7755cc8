/* SPDX-License-Identifier: MIT */
/* VERIFY, WRITE AND VERIFY, ORWRITE: commands that look at what is stored before they are done. */
#include <string.h>
#include "lu/cmd.h"

enum { MEDIUM = 0, BYTES = 1, ONE_BLOCK = 3 }; /* BYTCHK (SBC-3 table 119): what is compared */

static uint8_t bytchk(const struct command *c)
{
    return c->cdb[1] >> 1 & 3;
}

/* SBC-3 5.31: 10b is reserved, and to write one block over and over is what WRITE SAME is for. */
static bool bytchk_known(const struct command *c)
{
    bool writes = c->cdb[0] == SCSI_WRITE_VERIFY_10 || c->cdb[0] == SCSI_WRITE_VERIFY_12 ||
                  c->cdb[0] == SCSI_WRITE_VERIFY_16;
    return bytchk(c) <= BYTES || (bytchk(c) == ONE_BLOCK && !writes);
}

/* --- comparing, through `reply` --- */

/* Where `len` bytes of `reply` differ from the data-out at `at`; `len` if nowhere. */
uint32_t cmd_first_difference(const struct command *c, uint64_t at, uint32_t len)
{
    uint8_t expected[512];
    for (uint32_t done = 0; done < len; done += sizeof expected) {
        extent_read(&c->data_out, at + done, expected, sizeof expected);
        for (uint32_t i = 0; i < sizeof expected; i++)
            if (expected[i] != c->reply[done + i])
                return done + i;
    }
    return len;
}

/* One step of `len` bytes, `done` bytes into the range. */
static int verify_step(struct command *c, struct lu *lu, uint64_t lba, uint32_t done, uint32_t len)
{
    struct berth_seg seg = seg_memory(c->reply, len);
    int error = lu->backend->read(lu, lba * lu->block + done, &(struct extent){&seg, 1, 0, len});
    if (error)
        return cmd_fault(c, error, ASC_UNRECOVERED_READ, lba + done / lu->block);
    uint32_t from = bytchk(c) == ONE_BLOCK ? 0 : done;
    uint32_t at = bytchk(c) == MEDIUM ? len : cmd_first_difference(c, from, len);
    return at < len ? cmd_fault(c, CMD_DIFFERS, ASC_MISCOMPARE, from + at) : 0;
}

/* A compare with one block goes block by block. */
static int verify(struct command *c, struct lu *lu, uint64_t lba, uint32_t len)
{
    uint32_t most = bytchk(c) == ONE_BLOCK ? lu->block : (uint32_t)sizeof c->reply;
    int error = 0;
    for (uint32_t done = 0; done < len && !error; done += most)
        error = verify_step(c, lu, lba, done, len - done < most ? len - done : most);
    return error;
}

static int verify_range(struct command *c, struct lu *lu)
{
    struct scsi_rw rw;
    scsi_get_rw(c->cdb, &rw);
    return verify(c, lu, rw.lba, rw.blocks * lu->block);
}

/* --- VERIFY (SBC-3 5.31 to 5.33) --- */

static uint32_t verify_needs(const struct command *c, const struct lu *lu, uint32_t blocks)
{
    uint32_t compared = bytchk(c) == BYTES ? blocks : bytchk(c) == ONE_BLOCK && blocks > 0;
    return compared * lu->block;
}

uint32_t cmd_verify_bytes(const struct command *c, struct lu *lu)
{
    struct scsi_rw rw;
    scsi_get_rw(c->cdb, &rw);
    return bytchk_known(c) && !cmd_refusal(lu, &rw) ? verify_needs(c, lu, rw.blocks) : 0;
}

void cmd_verify(struct command *c, struct lu *lu)
{
    struct scsi_rw rw;
    scsi_get_rw(c->cdb, &rw);
    uint16_t why = bytchk_known(c) ? cmd_refusal(lu, &rw) : ASC_INVALID_FIELD_IN_CDB;
    uint32_t needed = why ? 0 : verify_needs(c, lu, rw.blocks);

    /* What is missing cannot be compared, and what is too much is about blocks of another size. */
    if (!why && (c->edtl_out != needed || c->data_out.len < needed))
        why = ASC_INVALID_FIELD_IN_CDB;
    if (why)
        cmd_fail(c, SENSE_ILLEGAL_REQUEST, why);
    else
        cmd_work(c, lu, false, verify_range);
}

/* --- WRITE AND VERIFY (SBC-3 5.40 to 5.42) --- */

uint32_t cmd_write_verify_bytes(const struct command *c, struct lu *lu)
{
    return bytchk_known(c) ? cmd_write_bytes(c, lu) : 0;
}

static int write_and_verify(struct command *c, struct lu *lu)
{
    struct scsi_rw rw;
    scsi_get_rw(c->cdb, &rw);
    uint32_t len = (uint32_t)c->data_out.len;
    int error = len > 0 ? lu->backend->write(lu, rw.lba * lu->block, &c->data_out) : 0;
    if (!error)
        error = cmd_settle(c, lu);
    return error ? cmd_fault(c, error, ASC_WRITE_ERROR, rw.lba) : verify(c, lu, rw.lba, len);
}

void cmd_write_verify(struct command *c, struct lu *lu)
{
    struct scsi_rw rw;
    uint32_t len = 0;
    scsi_get_rw(c->cdb, &rw);
    if (!bytchk_known(c)) {
        cmd_invalid_field(c);
    } else if (cmd_check_write(c, lu, &rw, &len)) {
        c->data_out.len = len;
        cmd_work(c, lu, true, write_and_verify); /* only what has left the cache can be verified */
    }
}

/* --- ORWRITE(16) (SBC-3 5.11): it runs alone, so that nothing comes in between --- */

static int or_step(struct command *c, struct lu *lu, uint64_t offset, uint32_t done, uint32_t len)
{
    struct berth_seg seg = seg_memory(c->reply, len);
    const struct extent step = {&seg, 1, 0, len};
    uint8_t bits[512];
    int error = lu->backend->read(lu, offset + done, &step);

    for (uint32_t at = 0; at < len && !error; at += sizeof bits) {
        extent_read(&c->data_out, (uint64_t)done + at, bits, sizeof bits);
        for (uint32_t i = 0; i < sizeof bits; i++)
            c->reply[at + i] |= bits[i];
    }
    return error ? error : lu->backend->write(lu, offset + done, &step);
}

static int or_range(struct command *c, struct lu *lu)
{
    struct scsi_rw rw;
    scsi_get_rw(c->cdb, &rw);
    uint32_t len = (uint32_t)c->data_out.len, most = sizeof c->reply;
    int error = 0;
    for (uint32_t done = 0; done < len && !error; done += most)
        error = or_step(c, lu, rw.lba * lu->block, done, len - done < most ? len - done : most);
    if (!error)
        error = cmd_settle(c, lu);
    return cmd_fault(c, error, ASC_WRITE_ERROR, rw.lba);
}

void cmd_or_write(struct command *c, struct lu *lu)
{
    struct scsi_rw rw;
    uint32_t len;
    scsi_get_rw(c->cdb, &rw);
    if (!cmd_check_write(c, lu, &rw, &len))
        return;
    c->data_out.len = len;
    cmd_work(c, lu, rw.fua, or_range);
}
