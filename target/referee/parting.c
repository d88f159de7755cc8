/* SPDX-License-Identifier: MIT */
/* Logout, and what the target asks for with asynchronous messages (RFC 7143 11.14, 11.15, 11.9). */
#include "referee/court.h"

#define NS_PER_S 1000000000ull

/* --- asynchronous messages --- */

static void ask(struct referee *r, struct request_seen *q, const struct wire_async *a)
{
    *q = (struct request_seen){true, a->window.stat_sn, court_now(r) + a->parameter3 * NS_PER_S};
}

void note_async(struct referee *r, const struct scan_pdu *pdu)
{
    struct wire_async a;
    get_async(pdu->bhs, &a);
    if (a.event == WIRE_ASYNC_LOGOUT)
        ask(r, &r->logout_asked, &a);
    else if (a.event == WIRE_ASYNC_RENEGOTIATE && !r->text.awaiting)
        ask(r, &r->text_asked, &a);
}

static bool overdue(struct referee *r, struct request_seen *q)
{
    if (!q->waiting || court_now(r) <= q->by)
        return false;
    q->waiting = false;
    return true;
}

/* --- new requests --- */

/* One that asks for something new, other than an answer or data for what is under way. */
static bool is_request(const uint8_t *bhs)
{
    switch (wire_opcode(bhs)) {
    case WIRE_SCSI_COMMAND:
    case WIRE_TMF_REQUEST:
    case WIRE_LOGOUT_REQUEST:
        return true;
    case WIRE_TEXT_REQUEST:
        return get32(bhs + 20) == WIRE_TAG_NONE;
    case WIRE_NOP_OUT:
        return wire_itt(bhs) != WIRE_TAG_NONE;
    default:
        return false;
    }
}

/* It has acknowledged the message that asks for Logout, and so has read it. */
static bool knows(const struct referee *r)
{
    return r->logout_asked.waiting && serial_lt(r->logout_asked.stat_sn, r->acked);
}

/* What is sent although the connection is to end, or instead of what was asked for. */
void judge_parting(struct referee *r, const uint8_t *bhs)
{
    uint8_t opcode = wire_opcode(bhs);
    bool logout = opcode == WIRE_LOGOUT_REQUEST;
    if (r->leaving && is_request(bhs))
        foul(r, RULE_O1, "a %s behind a Logout Request", wire_opcode_name(opcode));
    if (opcode == WIRE_SCSI_COMMAND && knows(r))
        foul(r, RULE_A6, "a new command, although the target has asked for Logout");
    if (!logout && overdue(r, &r->logout_asked))
        foul(r, RULE_A1, "no Logout Request in the time that the target gave");
    if (!logout && opcode != WIRE_TEXT_REQUEST && overdue(r, &r->text_asked))
        foul(r, RULE_A3, "no Text Request in the time that the target gave");
}

/* --- logout --- */

void judge_logout(struct referee *r, const struct scan_pdu *pdu)
{
    struct wire_logout_request q;
    get_logout_request(pdu->bhs, &q);
    if (q.reason > WIRE_LOGOUT_RECOVERY)
        foul(r, RULE_B2, "reason code %u is reserved", q.reason);
    else if (q.reason != WIRE_LOGOUT_SESSION && r->session->discovery)
        foul(r, RULE_Y1, "reason code %u in a discovery session", q.reason);
    r->leaving = q.reason == WIRE_LOGOUT_SESSION || q.cid == r->login.first.cid;
    r->logout_asked.waiting = r->text_asked.waiting = false;
    task_begin(r, pdu->bhs);
}

void note_logout(struct referee *r, const struct scan_pdu *pdu)
{
    struct wire_logout_response a;
    get_logout_response(pdu->bhs, &a);
    struct task_seen *t = task_find(r->session, a.itt);
    if (a.response != 0)
        r->leaving = false;
    if (t && task_opcode(t) == WIRE_LOGOUT_REQUEST)
        task_end(t, a.window.stat_sn);
}
