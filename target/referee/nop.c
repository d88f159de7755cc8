/* SPDX-License-Identifier: MIT */
/* Pings in both directions (RFC 7143 11.18, 11.19). */
#include "referee/court.h"

static struct ping_seen *find(struct referee *r, uint32_t ttt)
{
    for (uint32_t i = 0; i < REFEREE_PINGS_MAX; i++)
        if (r->pings[i].waiting && r->pings[i].ttt == ttt)
            return &r->pings[i];
    return NULL;
}

static void judge_answer(struct referee *r, const struct wire_nop_out *q)
{
    struct ping_seen *p = find(r, q->ttt);
    if (!p && r->ping_missed)
        return;
    if (!p) {
        foul(r, RULE_P3, "TargetTransferTag is 0x%08x, which no ping has", q->ttt);
        return;
    }
    p->waiting = false;
    if (q->lun != p->lun)
        foul(r, RULE_P1, "LUN differs from that of the ping");
    else if (q->itt != WIRE_TAG_NONE)
        foul(r, RULE_P1, "the answer to a ping has the InitiatorTaskTag 0x%08x", q->itt);
}

void judge_nop(struct referee *r, const struct scan_pdu *pdu)
{
    struct wire_nop_out q;
    get_nop_out(pdu->bhs, &q);
    if (q.itt == WIRE_TAG_NONE && !q.immediate)
        foul(r, RULE_P2, "the I bit is not set");
    if (q.ttt != WIRE_TAG_NONE)
        judge_answer(r, &q);
    if (q.itt != WIRE_TAG_NONE)
        task_begin(r, pdu->bhs);
}

static bool answers(const uint8_t *bhs, const struct ping_seen *p)
{
    return wire_opcode(bhs) == WIRE_NOP_OUT && get32(bhs + 20) == p->ttt;
}

/* Whoever sends something else long after a ping has had the time to answer it. */
void judge_unanswered_pings(struct referee *r)
{
    for (uint32_t i = 0; i < REFEREE_PINGS_MAX; i++) {
        struct ping_seen *p = &r->pings[i];
        if (!p->waiting || court_now(r) < p->at + REFEREE_PATIENCE_NS || answers(r->bhs, p))
            continue;
        p->waiting = false;
        foul(r, RULE_P1, "the ping with TargetTransferTag 0x%08x was not answered", p->ttt);
    }
}

static void remember(struct referee *r, const struct wire_nop_in *a)
{
    for (uint32_t i = 0; i < REFEREE_PINGS_MAX; i++)
        if (!r->pings[i].waiting) {
            r->pings[i] = (struct ping_seen){true, a->ttt, a->lun, court_now(r)};
            return;
        }
    r->ping_missed = true;
}

void note_nop(struct referee *r, const struct scan_pdu *pdu)
{
    struct wire_nop_in a;
    get_nop_in(pdu->bhs, &a);
    if (a.ttt != WIRE_TAG_NONE)
        remember(r, &a);
    struct task_seen *t = a.itt == WIRE_TAG_NONE ? NULL : task_find(r->session, a.itt);
    if (t && task_opcode(t) == WIRE_NOP_OUT)
        task_end(t, a.window.stat_sn);
}
