/* SPDX-License-Identifier: MIT */
/* Texts that go over several PDUs, and Text Requests (RFC 7143 6.1, 6.2, 11.10, 11.11). */
#include <stdlib.h>
#include "referee/court.h"

/* --- gathering --- */

static bool append(struct text_seen *t, const uint8_t *bytes, uint32_t len)
{
    if (len == 0)
        return true;
    uint8_t *longer = len <= TEXT_TOTAL_MAX - t->len ? realloc(t->bytes, t->len + len) : NULL;
    if (!longer)
        return false;
    t->bytes = longer;
    memcpy(t->bytes + t->len, bytes, len);
    t->len += len;
    return true;
}

/* Adds a data segment; true when the text is whole. */
bool text_gather(struct text_seen *t, const struct scan_pdu *pdu, bool more)
{
    if (pdu->data_kept < pdu->data_len || t->cut || !append(t, pdu->data, pdu->data_kept))
        t->cut = true;
    return !more;
}

void text_done(struct text_seen *t)
{
    free(t->bytes);
    *t = (struct text_seen){0};
}

/* --- requests --- */

static void judge_continuation(struct referee *r, const struct wire_text_request *q)
{
    const struct exchange_seen *x = &r->text;
    const struct task_seen *t = task_find(r->session, q->itt);
    if (t && t->owner && t->owner != r)
        foul(r, RULE_Q2, "the exchange began on connection %u", t->owner->number);
    else if (!x->open || q->ttt != x->ttt)
        foul(r, RULE_Y3, "TargetTransferTag is 0x%08x, which no response has offered", q->ttt);
    else if (q->lun != x->lun)
        foul(r, RULE_Y3, "LUN differs from that of the response");
    else if (q->itt != x->itt || q->immediate != x->immediate)
        foul(r, RULE_T14, "InitiatorTaskTag or I changes within the sequence");
}

/* A request with the tag of the open exchange resets it (6.4); any other begins a task of its own. */
static void begin(struct referee *r, const uint8_t *bhs, const struct wire_text_request *q)
{
    struct exchange_seen *x = &r->text;
    if (!x->open || q->itt != x->itt)
        task_begin(r, bhs);
    x->itt = q->itt;
    x->immediate = q->immediate;
    x->targets = false;
    bargain_restart(&r->bargain);
    text_done(&r->mine);
    text_done(&r->theirs);
}

static void judge_content(struct referee *r, const struct wire_text_request *q)
{
    const struct exchange_seen *x = &r->text;
    bool whole = judge_pairs(r, KEY_FULL_FEATURE);
    text_done(&r->mine);
    if (!whole || q->ttt != WIRE_TAG_NONE)
        return;
    if (x->targets && (r->bargain.pairs != 1 || !q->final))
        foul(r, RULE_Y2, "SendTargets is not alone in one request");
    if (!x->targets && r->session->discovery)
        foul(r, RULE_Y1, "a Text Request without SendTargets in a discovery session");
}

void judge_text(struct referee *r, const struct scan_pdu *pdu)
{
    struct exchange_seen *x = &r->text;
    struct wire_text_request q;
    get_text_request(pdu->bhs, &q);
    if (x->awaiting)
        foul(r, RULE_T14, "the Text Request before is not answered");
    if (q.more && q.final)
        foul(r, RULE_T14, "both F and C are set");
    if (x->more && pdu->data_len > 0)
        foul(r, RULE_L8, "%u bytes of data answer a response with C=1", pdu->data_len);
    if (q.ttt != WIRE_TAG_NONE)
        judge_continuation(r, &q);
    else
        begin(r, pdu->bhs, &q);
    x->awaiting = true;
    r->text_asked.waiting = false;
    if (text_gather(&r->mine, pdu, q.more))
        judge_content(r, &q);
}

/* --- responses --- */

void note_text(struct referee *r, const struct scan_pdu *pdu)
{
    struct exchange_seen *x = &r->text;
    struct wire_text_response a;
    get_text_response(pdu->bhs, &a);
    x->awaiting = false;
    x->open = !a.final;
    x->more = a.more;
    x->ttt = a.ttt;
    x->lun = a.lun;
    if (text_gather(&r->theirs, pdu, a.more)) {
        if (!x->targets)
            note_pairs(r);
        text_done(&r->theirs);
    }
    struct task_seen *t = task_find(r->session, a.itt);
    if (a.final && t && task_opcode(t) == WIRE_TEXT_REQUEST)
        task_end(t, a.window.stat_sn);
}
