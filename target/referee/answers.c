/* SPDX-License-Identifier: MIT */
/* Each PDU of the target: not judged, but taken for what was said. */
#include "referee/court.h"

static void note_response(struct referee *r, const struct scan_pdu *pdu)
{
    struct task_seen *t = task_find(r->session, wire_itt(pdu->bhs));
    if (t && task_opcode(t) == WIRE_SCSI_COMMAND)
        task_end(t, get32(pdu->bhs + 24));
}

/* The rejected header comes back (11.17): its task is over, if it was a request that makes one. */
static void note_reject(struct referee *r, const struct scan_pdu *pdu)
{
    if (pdu->data_kept < WIRE_BHS_LEN)
        return;
    struct task_seen *t = task_find(r->session, wire_itt(pdu->data));
    if (wire_opcode(pdu->data) == WIRE_TEXT_REQUEST)
        r->text.awaiting = r->text.open = false;
    if (wire_opcode(pdu->data) == WIRE_LOGOUT_REQUEST)
        r->leaving = false;
    if (t && task_opcode(t) == wire_opcode(pdu->data))
        task_end(t, get32(pdu->bhs + 24));
    note_gap(r, pdu);
}

struct answer_row {
    void (*note)(struct referee *r, const struct scan_pdu *pdu);
    bool (*takes_status)(const uint8_t *bhs);
};

static bool always(const uint8_t *bhs)
{
    (void)bhs;
    return true;
}

/* 11.19.2: that of a ping is shown only. */
static bool answers_ping(const uint8_t *bhs)
{
    return wire_itt(bhs) != WIRE_TAG_NONE;
}

static bool has_status(const uint8_t *bhs)
{
    return bhs[1] & 1;
}

/* 11.13.4: valid with success only. */
static bool succeeds(const uint8_t *bhs)
{
    return bhs[36] == 0;
}

static bool never(const uint8_t *bhs)
{
    (void)bhs;
    return false;
}

static const struct answer_row rows[WIRE_OPCODES] = {
    [WIRE_NOP_IN] = {note_nop, answers_ping},
    [WIRE_SCSI_RESPONSE] = {note_response, always},
    [WIRE_TMF_RESPONSE] = {note_tmf, always},
    [WIRE_LOGIN_RESPONSE] = {note_login, succeeds},
    [WIRE_TEXT_RESPONSE] = {note_text, always},
    [WIRE_DATA_IN] = {note_data_in, has_status},
    [WIRE_LOGOUT_RESPONSE] = {note_logout, always},
    [WIRE_R2T] = {note_r2t, never},
    [WIRE_ASYNC] = {note_async, always},
    [WIRE_REJECT] = {note_reject, always},
};

void heed(void *referee, const struct scan_pdu *pdu)
{
    struct referee *r = referee;
    const struct answer_row *row = &rows[wire_opcode(pdu->bhs)];
    if (!row->note || pdu->header_digest_bad)
        return;
    if (row->takes_status(pdu->bhs))
        note_status(r, get32(pdu->bhs + 24));
    if (wire_opcode(pdu->bhs) != WIRE_LOGIN_RESPONSE)
        note_window(r, pdu->bhs);
    row->note(r, pdu);
}
