/* SPDX-License-Identifier: MIT */
/* COMPARE AND WRITE (SBC-3 5.2). It runs alone on its LU (rows.c), so that nothing comes in between. */
#include "base/bytes.h"
#include "lu/cmd.h"

#define FUA 0x08 /* byte 1 */

static uint32_t half_of(const struct command *c, const struct lu *lu)
{
    return c->cdb[13] * lu->block;
}

uint32_t cmd_pair_bytes(const struct command *c, struct lu *lu)
{
    return cmd_in_range(lu, get64(c->cdb + 2), c->cdb[13]) ? 2 * half_of(c, lu) : 0;
}

/* Block by block through `reply`. False when the command has ended, with a difference or an error. */
static bool same(struct command *c, struct lu *lu, uint64_t lba, uint32_t len)
{
    for (uint32_t done = 0; done < len && c->status == SCSI_GOOD; done += lu->block) {
        struct berth_seg seg = seg_memory(c->reply, lu->block);
        int error = lu->backend->read(lu, lba * lu->block + done, &(struct extent){&seg, 1, 0, lu->block});
        uint32_t at = error ? 0 : cmd_first_difference(c, done, lu->block);
        if (error)
            cmd_errno(c, error, ASC_UNRECOVERED_READ, lba);
        else if (at < lu->block)
            cmd_miscompare(c, done + at);
    }
    return c->status == SCSI_GOOD;
}

static int write_half(struct command *c, struct lu *lu, uint64_t lba, uint32_t len)
{
    struct extent from = c->data_out;
    from.skip += len;
    from.len = len;
    int error = lu->backend->write(lu, lba * lu->block, &from);
    return error ? error : cmd_settle(lu, c->cdb[1] & FUA);
}

void cmd_compare(struct command *c, struct lu *lu)
{
    uint64_t lba = get64(c->cdb + 2);
    uint32_t len = half_of(c, lu);

    if (!cmd_in_range(lu, lba, c->cdb[13]))
        cmd_fail(c, SENSE_ILLEGAL_REQUEST, ASC_LBA_OUT_OF_RANGE);
    else if (c->edtl_out != 2 * len || c->data_out.len < 2 * len) /* such as 256 blocks, counted as 0 */
        cmd_invalid_field(c);
    else if (len > 0 && same(c, lu, lba, len))
        cmd_errno(c, write_half(c, lu, lba, len), ASC_WRITE_ERROR, lba);
}
