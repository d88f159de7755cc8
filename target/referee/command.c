/* SPDX-License-Identifier: MIT */
/* SCSI Commands (RFC 7143 11.3): header, additional header segments, immediate data. */
#include "referee/court.h"

#define AHS_EXTENDED_CDB 1u /* 11.2.2.1 */
#define AHS_BIDIRECTION  2u
#define AHS_CDB_LEAST    2u /* the shortest is of a CDB of 17 bytes (11.2.2.3) */
#define AHS_BIDI_LEN     5u
#define CDB_GROUP(byte)  ((byte) >> 5)

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* --- LUN --- */

/* Peripheral device and flat space addressing of SAM name a logical unit with their first two bytes: a bus
 * that is not this one, or levels below, do not go with them. */
void judge_lun(struct referee *r, uint64_t lun)
{
    uint8_t method = (uint8_t)(lun >> 62), bus = (uint8_t)(lun >> 56) & 0x3f;
    bool below = lun << 16;
    if ((method == 0 && bus != 0 && !below) || (method == 1 && below) || (method == 0 && bus == 0 && below))
        foul(r, RULE_D22, "LUN 0x%016llx has no format of SAM", (unsigned long long)lun);
}

/* --- additional header segments --- */

struct ahs_seen {
    bool cdb, bidi, bad;
};

/* CDBs of these groups have 6, 10, 16 and 12 bytes. */
static bool short_cdb(uint8_t operation)
{
    static const bool fixed[8] = {true, true, true, false, true, true, false, false};
    return fixed[CDB_GROUP(operation)];
}

static void see_segment(struct ahs_seen *a, uint8_t type, uint32_t len)
{
    if (type == AHS_EXTENDED_CDB) {
        a->bad |= a->cdb || len < AHS_CDB_LEAST;
        a->cdb = true;
    } else if (type == AHS_BIDIRECTION) {
        a->bad |= a->bidi || len != AHS_BIDI_LEN;
        a->bidi = true;
    } else {
        a->bad = true;
    }
}

static struct ahs_seen see_ahs(const struct scan_pdu *pdu)
{
    struct reader at = reader_over(pdu->ahs, pdu->ahs_len);
    struct ahs_seen seen = {0};
    while (reader_left(&at) > 0 && at.ok) {
        uint32_t len = read16(&at);
        see_segment(&seen, read8(&at), len);
        read_bytes(&at, len);
        read_bytes(&at, wire_padding(3 + len));
    }
    seen.bad |= !at.ok;
    return seen;
}

static void judge_ahs(struct referee *r, const struct scan_pdu *pdu, const struct wire_scsi_command *cmd)
{
    struct ahs_seen seen = see_ahs(pdu);
    bool both = cmd->read && cmd->write;
    if (seen.bad)
        foul(r, RULE_D18, "the additional header segments are malformed");
    else if (seen.cdb && short_cdb(cmd->cdb[0]))
        foul(r, RULE_D18, "an extended CDB for operation code 0x%02x", cmd->cdb[0]);
    else if (seen.bidi != both)
        foul(r, RULE_D18, "R and W are %sboth set, a bidirectional read length is %sthere",
             both ? "" : "not ", seen.bidi ? "" : "not ");
}

/* --- flags and immediate data --- */

static void judge_flags(struct referee *r, const struct wire_scsi_command *cmd)
{
    if (!cmd->write && !cmd->final)
        foul(r, RULE_D1, "neither W nor F is set");
    else if (!cmd->read && !cmd->write && cmd->edtl > 0)
        foul(r, RULE_D1, "neither R nor W is set, but %u bytes are expected", cmd->edtl);
    if (cmd->attr > WIRE_ATTR_ACA)
        foul(r, RULE_B2, "task attribute %u is reserved", cmd->attr);
}

static uint32_t first_burst(const struct session_seen *s)
{
    return least(s->agreed[KEY_FIRST_BURST_LENGTH], s->agreed[KEY_MAX_BURST_LENGTH]);
}

static void judge_immediate_data(struct referee *r, const struct wire_scsi_command *cmd, uint32_t len)
{
    const struct session_seen *s = r->session;
    if (len == 0)
        return;
    if (len > (cmd->write ? cmd->edtl : 0))
        foul(r, RULE_D24, "%u bytes of immediate data, but %u are expected", len, cmd->write ? cmd->edtl : 0);
    else if (!s->agreed[KEY_IMMEDIATE_DATA])
        foul(r, RULE_D2, "%u bytes of immediate data", len);
    else if (len > first_burst(s))
        foul(r, RULE_D3, "%u bytes of immediate data, FirstBurstLength is %u", len, first_burst(s));
}

/* F=0: what unsolicited data may follow. */
static void expect_unsolicited(struct referee *r, struct task_seen *t, uint32_t immediate)
{
    const struct session_seen *s = r->session;
    uint32_t end = least(first_burst(s), t->edtl);
    if (s->agreed[KEY_INITIAL_R2T]) {
        foul(r, RULE_D3, "F is not set with InitialR2T=Yes");
    } else if (immediate >= end) {
        foul(r, RULE_D1, "F is not set, but no unsolicited data can follow");
    } else {
        t->unsolicited =
            (struct burst_seen){.ttt = WIRE_TAG_NONE, .offset = immediate, .len = end - immediate};
        t->unsolicited_due = true;
        list_push(&r->unsolicited, &t->queue);
    }
}

void judge_command(struct referee *r, const struct scan_pdu *pdu)
{
    struct wire_scsi_command cmd;
    get_scsi_command(pdu->bhs, &cmd);
    judge_flags(r, &cmd);
    judge_lun(r, cmd.lun);
    judge_ahs(r, pdu, &cmd);
    judge_immediate_data(r, &cmd, pdu->data_len);
    struct task_seen *t = task_begin(r, pdu->bhs);
    if (!t)
        return;
    t->edtl = cmd.edtl;
    t->write = cmd.write;
    if (cmd.write && !cmd.final)
        expect_unsolicited(r, t, pdu->data_len);
}
