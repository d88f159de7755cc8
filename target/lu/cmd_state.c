/* SPDX-License-Identifier: MIT */
/* Commands about the state of an LU. */
#include "lu/cmd.h"

void cmd_test_unit_ready(struct command *c, struct lu *lu)
{
    (void)c, (void)lu;
}

/* SPC-4 6.39: sense as data, with status GOOD even where there is no LU. */
void cmd_request_sense(struct command *c, struct lu *lu)
{
    enum { DESC = 0x01 };
    struct scsi_sense s = {.key = SENSE_NO_SENSE};
    uint16_t pending = cmd_take_attention(c);
    enum port_state path = nexus_path(c->nexus);

    if (!lu)
        s = (struct scsi_sense){.key = SENSE_ILLEGAL_REQUEST, .asc = ASC_LUN_NOT_SUPPORTED};
    else if (pending)
        s = (struct scsi_sense){.key = SENSE_UNIT_ATTENTION, .asc = pending};
    else if (path >= PORT_STANDBY)
        s = (struct scsi_sense){.key = SENSE_NOT_READY,
                                .asc = path == PORT_STANDBY ? ASC_PORT_IN_STANDBY : ASC_PORT_UNAVAILABLE};
    else if (lu->stopped)
        s = (struct scsi_sense){.key = SENSE_NOT_READY, .asc = ASC_START_REQUIRED};
    s.descriptor = c->cdb[1] & DESC;
    cmd_reply(c, scsi_put_sense(c->reply, &s), c->cdb[4]);
}

static void stop(struct command *c, struct lu *lu, int error)
{
    cmd_errno(c, error, ASC_WRITE_ERROR, 0);
    lu->stopped |= !error;
}

/* SBC-3 5.25: there is nothing to spin, but a stop is kept until the start. What stops has its cache written.
 * A power condition is taken note of and nothing more. */
void cmd_start_stop_unit(struct command *c, struct lu *lu)
{
    enum { POWER_CONDITION = 0xf0, NO_FLUSH = 0x04, START = 0x01 };
    uint8_t bits = c->cdb[4];
    if (bits & POWER_CONDITION)
        return;
    if (bits & (NO_FLUSH | START))
        lu->stopped = !(bits & START);
    else
        cmd_start(c, lu, &(struct lu_io){.kind = LU_FLUSH}, stop);
}

static void have_tested(struct command *c, struct lu *lu, int error)
{
    (void)lu;
    if (error)
        cmd_fail(c, SENSE_HARDWARE_ERROR, ASC_FAILED_SELF_TEST);
}

/* SPC-4 6.42: the default self-test, which is whether there is anything to be read. Other tests, and pages,
 * are bits that the command table does not know. */
void cmd_send_diagnostic(struct command *c, struct lu *lu)
{
    enum { SELF_TEST = 0x04 };
    c->seg = seg_memory(c->reply, lu->block);
    const struct lu_io first = {.kind = LU_READ, .len = lu->block, .data = {&c->seg, 1, 0, lu->block}};
    if (c->cdb[1] & SELF_TEST)
        cmd_start(c, lu, &first, have_tested);
}
