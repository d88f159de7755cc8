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

/* Block by block through `reply`. */
static int compare(struct command *c, struct lu *lu, uint64_t lba, uint32_t len)
{
    for (uint32_t done = 0; done < len; done += lu->block) {
        struct berth_seg seg = seg_memory(c->reply, lu->block);
        int error = lu->backend->read(lu, lba * lu->block + done, &(struct extent){&seg, 1, 0, lu->block});
        if (error)
            return cmd_fault(c, error, ASC_UNRECOVERED_READ, lba);
        uint32_t at = cmd_first_difference(c, done, lu->block);
        if (at < lu->block)
            return cmd_fault(c, CMD_DIFFERS, ASC_MISCOMPARE, done + at);
    }
    return 0;
}

static int write_half(struct command *c, struct lu *lu, uint64_t lba, uint32_t len)
{
    struct extent from = c->data_out;
    from.skip += len;
    from.len = len;
    int error = lu->backend->write(lu, lba * lu->block, &from);
    return cmd_fault(c, error ? error : cmd_settle(c, lu), ASC_WRITE_ERROR, lba);
}

static int compare_and_write(struct command *c, struct lu *lu)
{
    uint64_t lba = get64(c->cdb + 2);
    uint32_t len = half_of(c, lu);
    int error = compare(c, lu, lba, len);
    return error ? error : write_half(c, lu, lba, len);
}

void cmd_compare(struct command *c, struct lu *lu)
{
    uint64_t lba = get64(c->cdb + 2);
    uint32_t len = half_of(c, lu);

    if (!cmd_in_range(lu, lba, c->cdb[13]))
        cmd_fail(c, SENSE_ILLEGAL_REQUEST, ASC_LBA_OUT_OF_RANGE);
    else if (c->edtl_out != 2 * len || c->data_out.len < 2 * len) /* such as 256 blocks, counted as 0 */
        cmd_invalid_field(c);
    else if (len > 0)
        cmd_work(c, lu, c->cdb[1] & FUA, compare_and_write);
}
