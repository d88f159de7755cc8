/* SPDX-License-Identifier: MIT */
/* Each PDU of the initiator: what holds for all of them, before what holds for its kind. */
#include "referee/court.h"

enum trait {
    NUMBERED = 1, /* carries CmdSN */
    HAS_DATA = 2,
    HAS_AHS = 4,
    LOGIN = 8,
    OWN_FORM = HAS_DATA | HAS_AHS, /* lengths are a matter of a rule of its own */
};

struct hearing_row {
    void (*judge)(struct referee *r, const struct scan_pdu *pdu);
    uint8_t traits;
};

static const struct hearing_row rows[WIRE_OPCODES] = {
    [WIRE_NOP_OUT] = {judge_nop, NUMBERED | HAS_DATA},
    [WIRE_SCSI_COMMAND] = {judge_command, NUMBERED | HAS_DATA | HAS_AHS},
    [WIRE_TMF_REQUEST] = {judge_tmf, NUMBERED | OWN_FORM},
    [WIRE_LOGIN_REQUEST] = {judge_login, LOGIN | HAS_DATA},
    [WIRE_TEXT_REQUEST] = {judge_text, NUMBERED | HAS_DATA},
    [WIRE_DATA_OUT] = {judge_data_out, HAS_DATA},
    [WIRE_LOGOUT_REQUEST] = {judge_logout, NUMBERED},
    [WIRE_SNACK_REQUEST] = {judge_snack, 0},
};

#define VENDOR_FIRST  0x1cu /* 11.2.1.2 */
#define VENDOR_LAST   0x1eu
#define TARGET_OPCODE 0x20u

/* --- what it is --- */

/* Of a PDU whose digest is wrong nothing is believed. */
static bool judge_digests(struct referee *r, const struct scan_pdu *pdu)
{
    if (!pdu->header_digest_bad && !pdu->data_digest_bad)
        return true;
    foul(r, r->first ? RULE_G1 : RULE_G3, "the %s digest is missing or wrong",
         pdu->header_digest_bad ? "header" : "data");
    return false;
}

static bool judge_opcode(struct referee *r, uint8_t opcode)
{
    if (rows[opcode].judge)
        return true;
    if (opcode == WIRE_REJECT)
        foul(r, RULE_J4, "a Reject");
    else if (opcode >= TARGET_OPCODE)
        foul(r, RULE_D21, "operation code 0x%02x is a target's", opcode);
    else if (opcode < VENDOR_FIRST || opcode > VENDOR_LAST)
        foul(r, RULE_B2, "operation code 0x%02x is not assigned", opcode);
    return false;
}

static bool judge_phase(struct referee *r, bool login)
{
    if (r->phase == SEEN_REFUSED)
        foul(r, RULE_L10, "the login was refused or redirected, but the connection goes on");
    else if (login != (r->phase == SEEN_LOGIN))
        foul(r, RULE_L1, login ? "a Login Request in full feature phase" : "no login has been completed");
    else
        return true;
    return false;
}

/* --- its form --- */

static void judge_padding(struct referee *r, const struct scan_pdu *pdu)
{
    for (uint32_t i = 0; i < pdu->padding_len; i++)
        if (pdu->padding[i] != 0) {
            foul(r, RULE_D20, "padding byte 0x%02x", pdu->padding[i]);
            return;
        }
}

static void judge_form(struct referee *r, const struct scan_pdu *pdu, uint8_t traits)
{
    judge_reserved(r, pdu->bhs);
    judge_padding(r, pdu);
    if (pdu->ahs_len > 0 && !(traits & HAS_AHS))
        foul(r, RULE_B3, "TotalAHSLength is %u words", pdu->ahs_len / 4);
    if (pdu->data_len > 0 && !(traits & HAS_DATA))
        foul(r, RULE_B3, "DataSegmentLength is %u", pdu->data_len);
}

/* A data segment against what the target has declared to take. */
static void judge_length(struct referee *r, const struct scan_pdu *pdu)
{
    static const uint8_t rules[WIRE_OPCODES] = {[WIRE_NOP_OUT] = RULE_P4,
                                                [WIRE_SCSI_COMMAND] = RULE_D9,
                                                [WIRE_DATA_OUT] = RULE_D9,
                                                [WIRE_TEXT_REQUEST] = RULE_T8};
    uint8_t rule = rules[wire_opcode(pdu->bhs)];
    if (rule && pdu->data_len > r->bargain.limit)
        foul(r, (enum rule_id)rule, "DataSegmentLength is %u, the target takes %u", pdu->data_len,
             r->bargain.limit);
}

/* --- its place --- */

/* 4.3: other requests have no business there. An answer to a ping is none. */
static bool judge_discovery(struct referee *r, const uint8_t *bhs)
{
    uint8_t opcode = wire_opcode(bhs);
    if (!r->session->discovery || opcode == WIRE_TEXT_REQUEST || opcode == WIRE_LOGOUT_REQUEST ||
        (opcode == WIRE_NOP_OUT && wire_itt(bhs) == WIRE_TAG_NONE))
        return true;
    foul(r, RULE_Y1, "a %s in a discovery session", wire_opcode_name(opcode));
    return false;
}

static void hear_full(struct referee *r, const struct scan_pdu *pdu, const struct hearing_row *row)
{
    judge_ack(r, pdu->bhs);
    judge_length(r, pdu);
    judge_parting(r, pdu->bhs);
    judge_unanswered_pings(r);
    bool fresh = !(row->traits & NUMBERED) || judge_number(r, pdu->bhs);
    if (r->first)
        judge_agreement(r);
    r->first = false;
    if (fresh && judge_discovery(r, pdu->bhs))
        row->judge(r, pdu);
}

void hear(void *referee, const struct scan_pdu *pdu)
{
    struct referee *r = referee;
    uint8_t opcode = wire_opcode(pdu->bhs);
    const struct hearing_row *row = &rows[opcode];

    r->court->totals.pdus++;
    r->offset = pdu->offset;
    memcpy(r->bhs, pdu->bhs, WIRE_BHS_LEN);
    if (!judge_digests(r, pdu) || !judge_opcode(r, opcode) || !judge_phase(r, row->traits & LOGIN))
        return;
    judge_form(r, pdu, row->traits);
    if (row->traits & LOGIN)
        row->judge(r, pdu);
    else
        hear_full(r, pdu, row);
}
