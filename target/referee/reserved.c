/* SPDX-License-Identifier: MIT */
/* Bits of an initiator's headers that are always the same, as the diagrams of RFC 7143 11.3 to 11.18 draw
 * them. */
#include "referee/court.h"

static bool no_ttt(const struct referee *r, const uint8_t *bhs)
{
    (void)r;
    return get32(bhs + 20) == WIRE_TAG_NONE;
}

static bool no_transit(const struct referee *r, const uint8_t *bhs)
{
    (void)r;
    return !wire_final(bhs);
}

static uint8_t function(const uint8_t *bhs)
{
    return bhs[1] & 0x7f;
}

/* 11.5.3, and RFC 7144 6.3.1 for I_T NEXUS RESET. */
static bool whole_target(const struct referee *r, const uint8_t *bhs)
{
    (void)r;
    return function(bhs) == WIRE_TMF_TARGET_WARM_RESET || function(bhs) == WIRE_TMF_TARGET_COLD_RESET ||
           function(bhs) == WIRE_TMF_TASK_REASSIGN || function(bhs) == WIRE_TMF_IT_NEXUS_RESET;
}

/* 11.5.5 */
static bool no_ref_cmd_sn(const struct referee *r, const uint8_t *bhs)
{
    (void)r;
    return function(bhs) != WIRE_TMF_ABORT_TASK && function(bhs) != WIRE_TMF_QUERY_TASK;
}

/* 11.5.6 */
static bool no_exp_data_sn(const struct referee *r, const uint8_t *bhs)
{
    (void)r;
    return function(bhs) != WIRE_TMF_TASK_REASSIGN;
}

static bool whole_session(const struct referee *r, const uint8_t *bhs)
{
    (void)r;
    return function(bhs) == WIRE_LOGOUT_SESSION;
}

static bool status_snack(const struct referee *r, const uint8_t *bhs)
{
    (void)r;
    return (bhs[1] & 0x0f) == 1;
}

/* RFC 7144 5.1.1: the priority. */
static bool no_priority(const struct referee *r, const uint8_t *bhs)
{
    (void)bhs;
    return r->session->agreed[KEY_PROTOCOL_LEVEL] < 2;
}

struct fixed_row {
    uint8_t opcode, offset, len;
    uint8_t mask, value;
    const char *name;
    bool (*when)(const struct referee *r, const uint8_t *bhs); /* NULL: always */
};

/* clang-format off */
static const struct fixed_row rows[] = {
    {WIRE_NOP_OUT, 0, 1, 0x80, 0, "bit 0", NULL},
    {WIRE_NOP_OUT, 1, 1, 0xff, 0x80, "byte 1", NULL},
    {WIRE_NOP_OUT, 2, 2, 0xff, 0, "bytes 2 and 3", NULL},
    {WIRE_NOP_OUT, 32, 16, 0xff, 0, "bytes 32 to 47", NULL},

    {WIRE_SCSI_COMMAND, 0, 1, 0x80, 0, "bit 0", NULL},
    {WIRE_SCSI_COMMAND, 1, 1, 0x18, 0, "bits 3 and 4 of byte 1", NULL},
    {WIRE_SCSI_COMMAND, 2, 1, 0xf0, 0, "PRI without iSCSIProtocolLevel=2", no_priority},
    {WIRE_SCSI_COMMAND, 2, 1, 0x0f, 0, "byte 2", NULL},
    {WIRE_SCSI_COMMAND, 3, 1, 0xff, 0, "byte 3", NULL},

    {WIRE_TMF_REQUEST, 0, 1, 0x80, 0, "bit 0", NULL},
    {WIRE_TMF_REQUEST, 1, 1, 0x80, 0x80, "F", NULL},
    {WIRE_TMF_REQUEST, 2, 2, 0xff, 0, "bytes 2 and 3", NULL},
    {WIRE_TMF_REQUEST, 8, 8, 0xff, 0, "LUN", whole_target},
    {WIRE_TMF_REQUEST, 32, 4, 0xff, 0, "RefCmdSN", no_ref_cmd_sn},
    {WIRE_TMF_REQUEST, 36, 4, 0xff, 0, "ExpDataSN", no_exp_data_sn},
    {WIRE_TMF_REQUEST, 40, 8, 0xff, 0, "bytes 40 to 47", NULL},

    {WIRE_LOGIN_REQUEST, 0, 1, 0x80, 0, "bit 0", NULL},
    {WIRE_LOGIN_REQUEST, 1, 1, 0x30, 0, "bits 2 and 3 of byte 1", NULL},
    {WIRE_LOGIN_REQUEST, 1, 1, 0x03, 0, "NSG without T", no_transit},
    {WIRE_LOGIN_REQUEST, 22, 2, 0xff, 0, "bytes 22 and 23", NULL},
    {WIRE_LOGIN_REQUEST, 32, 16, 0xff, 0, "bytes 32 to 47", NULL},

    {WIRE_TEXT_REQUEST, 0, 1, 0x80, 0, "bit 0", NULL},
    {WIRE_TEXT_REQUEST, 1, 1, 0x3f, 0, "bits 2 to 7 of byte 1", NULL},
    {WIRE_TEXT_REQUEST, 2, 2, 0xff, 0, "bytes 2 and 3", NULL},
    {WIRE_TEXT_REQUEST, 8, 8, 0xff, 0, "LUN without TargetTransferTag", no_ttt},
    {WIRE_TEXT_REQUEST, 32, 16, 0xff, 0, "bytes 32 to 47", NULL},

    {WIRE_DATA_OUT, 0, 1, 0xc0, 0, "bits 0 and 1", NULL},
    {WIRE_DATA_OUT, 1, 1, 0x7f, 0, "bits 1 to 7 of byte 1", NULL},
    {WIRE_DATA_OUT, 2, 2, 0xff, 0, "bytes 2 and 3", NULL},
    {WIRE_DATA_OUT, 8, 8, 0xff, 0, "LUN without TargetTransferTag", no_ttt},
    {WIRE_DATA_OUT, 24, 4, 0xff, 0, "bytes 24 to 27", NULL},
    {WIRE_DATA_OUT, 32, 4, 0xff, 0, "bytes 32 to 35", NULL},
    {WIRE_DATA_OUT, 44, 4, 0xff, 0, "bytes 44 to 47", NULL},

    {WIRE_LOGOUT_REQUEST, 0, 1, 0x80, 0, "bit 0", NULL},
    {WIRE_LOGOUT_REQUEST, 1, 1, 0x80, 0x80, "F", NULL},
    {WIRE_LOGOUT_REQUEST, 2, 2, 0xff, 0, "bytes 2 and 3", NULL},
    {WIRE_LOGOUT_REQUEST, 8, 8, 0xff, 0, "bytes 8 to 15", NULL},
    {WIRE_LOGOUT_REQUEST, 20, 2, 0xff, 0, "CID with the reason to close the session", whole_session},
    {WIRE_LOGOUT_REQUEST, 22, 2, 0xff, 0, "bytes 22 and 23", NULL},
    {WIRE_LOGOUT_REQUEST, 32, 16, 0xff, 0, "bytes 32 to 47", NULL},

    {WIRE_SNACK_REQUEST, 0, 1, 0xc0, 0, "bits 0 and 1", NULL},
    {WIRE_SNACK_REQUEST, 1, 1, 0xf0, 0x80, "bits 0 to 3 of byte 1", NULL},
    {WIRE_SNACK_REQUEST, 2, 2, 0xff, 0, "bytes 2 and 3", NULL},
    {WIRE_SNACK_REQUEST, 8, 8, 0xff, 0, "LUN of a Status SNACK", status_snack},
    {WIRE_SNACK_REQUEST, 24, 4, 0xff, 0, "bytes 24 to 27", NULL},
    {WIRE_SNACK_REQUEST, 32, 8, 0xff, 0, "bytes 32 to 39", NULL},
};
/* clang-format on */

static bool as_drawn(const struct fixed_row *row, const uint8_t *bhs)
{
    for (uint32_t i = 0; i < row->len; i++)
        if ((bhs[row->offset + i] & row->mask) != row->value)
            return false;
    return true;
}

void judge_reserved(struct referee *r, const uint8_t *bhs)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct fixed_row *row = &rows[i];
        if (row->opcode != wire_opcode(bhs) || (row->when && !row->when(r, bhs)) || as_drawn(row, bhs))
            continue;
        foul(r, RULE_B1, "%s should be %s", row->name, row->value ? "as in the diagram" : "0");
    }
}
