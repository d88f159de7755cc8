/* SPDX-License-Identifier: MIT */
/* Data-Out, and the R2Ts that ask for it (RFC 7143 11.7, 11.8). */
#include "referee/court.h"

/* --- within a sequence --- */

static void judge_fill(struct referee *r, const struct burst_seen *b, const struct wire_data_out *d,
                       uint32_t len)
{
    const struct session_seen *s = r->session;
    uint32_t end = b->offset + b->len;
    if (s->agreed[KEY_DATA_PDU_IN_ORDER] && d->buffer_offset != b->offset + b->moved)
        foul(r, RULE_D8, "BufferOffset is %u instead of %u", d->buffer_offset, b->offset + b->moved);
    else if (d->buffer_offset < b->offset || d->buffer_offset > end || len > end - d->buffer_offset)
        foul(r, RULE_D8, "%u bytes at %u are outside of %u bytes at %u", len, d->buffer_offset, b->len,
             b->offset);
    else if (len > b->len - b->moved)
        foul(r, RULE_D8, "%u bytes more than were asked for", len - (b->len - b->moved));
}

static void judge_run(struct referee *r, struct burst_seen *b, const struct wire_data_out *d, uint32_t len)
{
    if (d->data_sn != b->data_sn)
        foul(r, RULE_D7, "DataSN is %u instead of %u", d->data_sn, b->data_sn);
    judge_fill(r, b, d, len);
    if (!d->final && len % 4 != 0)
        foul(r, RULE_D26, "%u bytes in a PDU that is not the last of its sequence", len);
    b->data_sn = d->data_sn + 1;
    b->moved = len > b->len - b->moved ? b->len : b->moved + len;
    if (!d->final && b->moved == b->len)
        foul(r, RULE_D7, "F is not set on the last PDU of the sequence");
}

/* --- unsolicited --- */

static void judge_uncalled(struct referee *r, const struct task_seen *t)
{
    if (r->session->agreed[KEY_INITIAL_R2T])
        foul(r, RULE_D3, "unsolicited Data-Out with InitialR2T=Yes");
    else if (wire_final(t->bhs))
        foul(r, RULE_D1, "unsolicited Data-Out, but F was set in the command");
    else
        foul(r, RULE_D3, "unsolicited Data-Out behind the end of its sequence");
}

static void judge_end(struct referee *r, const struct task_seen *t)
{
    const struct burst_seen *b = &t->unsolicited;
    if (b->moved < b->len && !t->aborted)
        foul(r, RULE_D4, "unsolicited data ends at %u instead of %u", b->offset + b->moved,
             b->offset + b->len);
}

/* More than the unsolicited burst can hold: of all data, or of FirstBurstLength. */
static bool judge_excess(struct referee *r, const struct task_seen *t, const struct wire_data_out *d,
                         uint32_t len)
{
    const struct burst_seen *b = &t->unsolicited;
    uint32_t end = b->offset + b->len;
    if (d->buffer_offset != b->offset + b->moved || len <= b->len - b->moved)
        return false;
    foul(r, end == t->edtl ? RULE_D24 : RULE_D3, "unsolicited data up to %u instead of %u",
         d->buffer_offset + len, end);
    return true;
}

/* The bursts of commands that were aborted may be missing. */
static bool in_turn(struct referee *r, const struct task_seen *t)
{
    struct list *at = r->unsolicited.next;
    while (at != &t->queue && list_entry(at, struct task_seen, queue)->aborted)
        at = at->next;
    return at == &t->queue;
}

static void judge_unsolicited(struct referee *r, struct task_seen *t, const struct wire_data_out *d,
                              uint32_t len)
{
    struct burst_seen *b = &t->unsolicited;
    if (!t->unsolicited_due) {
        judge_uncalled(r, t);
        return;
    }
    if (!in_turn(r, t))
        foul(r, RULE_D5, "an earlier command's unsolicited data is not complete");
    if (judge_excess(r, t, d, len))
        b->moved = b->len;
    else
        judge_run(r, b, d, len);
    if (!d->final)
        return;
    judge_end(r, t);
    t->unsolicited_due = false;
    list_remove(&t->queue);
}

/* --- solicited --- */

/* Where the R2T with this tag stands among the outstanding ones; -1: there is none. */
static int find_r2t(const struct task_seen *t, uint32_t ttt)
{
    for (int i = 0; i < t->r2t_count; i++)
        if (t->r2t[(uint32_t)(t->r2t_first + i) % REFEREE_R2T_MAX].ttt == ttt)
            return i;
    return -1;
}

static void drop_r2t(struct task_seen *t, int at)
{
    for (; at > 0; at--)
        t->r2t[(uint32_t)(t->r2t_first + at) % REFEREE_R2T_MAX] =
            t->r2t[(uint32_t)(t->r2t_first + at - 1) % REFEREE_R2T_MAX];
    t->r2t_first = (uint8_t)((t->r2t_first + 1u) % REFEREE_R2T_MAX);
    t->r2t_count--;
}

/* Longer sequences than MaxBurstLength are only asked for by a target that breaks the rules itself. */
static void judge_burst(struct referee *r, const struct burst_seen *b, uint32_t len)
{
    uint32_t most = r->session->agreed[KEY_MAX_BURST_LENGTH];
    if (b->len > most && b->moved + (uint64_t)len > most)
        foul(r, RULE_D9, "a sequence of more than MaxBurstLength, %u bytes", most);
}

static void judge_solicited(struct referee *r, struct task_seen *t, const struct wire_data_out *d,
                            uint32_t len)
{
    int at = find_r2t(t, d->ttt);
    if (at < 0) {
        foul(r, RULE_D6, "TargetTransferTag 0x%08x belongs to no outstanding R2T of the task", d->ttt);
        return;
    }
    struct burst_seen *b = &t->r2t[(uint32_t)(t->r2t_first + at) % REFEREE_R2T_MAX];
    if (at > 0)
        foul(r, RULE_D11, "%d earlier R2T is not answered yet", at);
    if (d->lun != b->lun && d->lun != t->lun) /* the two differ in a target's mistake only */
        foul(r, RULE_D6, "LUN differs from that of the R2T");
    judge_burst(r, b, len);
    judge_run(r, b, d, len);
    if (!d->final)
        return;
    if (b->moved < b->len && !t->aborted)
        foul(r, RULE_D8, "the sequence ends after %u of %u bytes", b->moved, b->len);
    drop_r2t(t, at);
}

/* --- which task --- */

/* NULL: there is nothing to hold the PDU to. */
static struct task_seen *addressee(struct referee *r, uint32_t itt)
{
    struct task_seen *t = task_find(r->session, itt);
    if (!t && r->session->crowded)
        return NULL;
    if (!t || task_opcode(t) != WIRE_SCSI_COMMAND)
        foul(r, RULE_D25, "there is no SCSI task with this InitiatorTaskTag");
    else if (t->owner && t->owner != r)
        foul(r, RULE_Q2, "the command was sent on connection %u", t->owner->number);
    else if (!t->ended && !t->blind)
        return t;
    return NULL;
}

void judge_data_out(struct referee *r, const struct scan_pdu *pdu)
{
    struct wire_data_out d;
    get_data_out(pdu->bhs, &d);
    struct task_seen *t = addressee(r, d.itt);
    if (!t)
        return;
    if (t->stopped)
        foul(r, RULE_M5, "data for a task that was aborted");
    else if (d.ttt == WIRE_TAG_NONE)
        judge_unsolicited(r, t, &d, pdu->data_len);
    else
        judge_solicited(r, t, &d, pdu->data_len);
}

/* --- the target's side --- */

void note_r2t(struct referee *r, const struct scan_pdu *pdu)
{
    struct wire_r2t q;
    get_r2t(pdu->bhs, &q);
    struct task_seen *t = task_find(r->session, q.itt);
    if (!t || t->ended || q.ttt == WIRE_TAG_NONE)
        return;
    if (t->r2t_count == REFEREE_R2T_MAX) {
        t->blind = true;
        return;
    }
    t->r2t[(uint32_t)(t->r2t_first + t->r2t_count++) % REFEREE_R2T_MAX] =
        (struct burst_seen){.lun = q.lun, .ttt = q.ttt, .offset = q.buffer_offset, .len = q.desired_len};
}

void note_data_in(struct referee *r, const struct scan_pdu *pdu)
{
    struct wire_data_in d;
    get_data_in(pdu->bhs, &d);
    struct task_seen *t = task_find(r->session, d.itt);
    if (d.acknowledge)
        r->acks[r->ack_next++ % REFEREE_ACKS_MAX] = (struct ack_seen){true, d.ttt, d.itt, d.lun};
    if (d.has_status && t && task_opcode(t) == WIRE_SCSI_COMMAND)
        task_end(t, d.window.stat_sn);
}
