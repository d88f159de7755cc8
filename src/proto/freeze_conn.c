/* SPDX-License-Identifier: MIT */
/* A connection in the record: frame machine with what it has of a PDU, staging leftovers, login, what is
 * waiting to be sent and how much of it is out, events. Rings are written from their first entry on. */
#include "proto/archive.h"

#define SEGMENT_MIN 512u /* MaxRecvDataSegmentLength, 13.12 */

/* --- receiving --- */

/* The header as far as it is here. Its length is 48 bytes until those tell more. */
static void field_head(struct archive *a, struct conn *c)
{
    struct frame *f = &c->rx;
    field_upto32(a, &f->head_need, FRAME_HEAD_MAX);
    field_upto32(a, &f->head_have, f->head_need);
    if (!a->ok)
        return;
    field_bytes(a, f->head, f->head_have);
    if (f->head_need == WIRE_BHS_LEN)
        return;
    uint32_t whole = WIRE_BHS_LEN + wire_ahs_len(f->head) + (c->header_digest ? WIRE_DIGEST_LEN : 0);
    require(a, f->head_have >= WIRE_BHS_LEN && f->head_need == whole);
}

/* What follows from the header alone is not written, so that it cannot contradict it. */
static void derive_body(struct archive *a, struct conn *c, const struct dispatch_row *row)
{
    struct frame *f = &c->rx;
    f->data_len = wire_data_len(f->head);
    f->tail_need = wire_padding(f->data_len) + (c->data_digest && f->data_len ? WIRE_DIGEST_LEN : 0);
    f->sink = row->scsi_data ? (f->task ? SINK_TASK : SINK_NONE) : SINK_CONTROL;
    require(a, f->data_len > 0 && f->data_len <= c->max_recv);
    if (row->control_data && !row->spill)
        require(a, f->data_len <= c->config.control_bytes - c->control_have);
}

/* A payload in the middle of being placed: it must go on where the task's count stands and fit. */
static bool placing_sound(const struct conn *c)
{
    const struct frame *f = &c->rx;
    const struct task *t = f->task;
    return t->conn == c && t->state == TASK_ACTIVE && t->kind == TASK_SCSI && t->read &&
           f->task_offset <= t->edtl && f->data_len <= t->edtl - f->task_offset &&
           t->moved == f->task_offset + f->data_have;
}

static void field_placing(struct archive *a, struct conn *c, const struct dispatch_row *row)
{
    struct frame *f = &c->rx;
    field_task(a, &f->task);
    field32(a, &f->task_offset);
    field32(a, &f->crc);
    field32(a, &f->data_have);
    field32(a, &f->tail_have);
    derive_body(a, c, row);
    bool data = f->state == FRAME_DATA;
    require(a, data ? f->data_have < f->data_len : f->data_have == f->data_len);
    require(a, data ? f->tail_have == 0 : f->tail_have < f->tail_need);
    require(a, !f->task || (row->scsi_data && placing_sound(c)));
}

static void field_body(struct archive *a, struct conn *c)
{
    struct frame *f = &c->rx;
    const struct dispatch_row *row = f->head_have ? dispatch_find(c, wire_opcode(f->head)) : NULL;
    require(a, row && row->phases & 1u << c->phase && f->head_have == f->head_need);
    if (!a->ok)
        return;
    field_placing(a, c, row);
    if (a->ok)
        field_bytes(a, f->tail, f->tail_have);
}

static uint32_t control_filled(const struct conn *c)
{
    uint32_t room = c->config.control_bytes - c->control_have;
    if (c->rx.state == FRAME_HEAD || c->rx.sink != SINK_CONTROL)
        return c->control_have;
    return c->control_have + (c->rx.data_have < room ? c->rx.data_have : room);
}

static void field_stage(struct archive *a, struct conn *c)
{
    struct frame *f = &c->rx;
    uint32_t left = f->stage_end - f->stage_begin;
    field_upto32(a, &left, c->config.stage_bytes);
    if (!a->ok)
        return;
    field_bytes(a, c->stage + f->stage_begin, left);
    f->stage_end = f->stage_begin + left;
}

static void field_receiving(struct archive *a, struct conn *c)
{
    field_upto32(a, &c->control_have, c->config.control_bytes);
    require(a, c->control_have == 0 || c->phase == CONN_LOGIN);
    field_upto8(a, &c->rx.state, FRAME_TAIL);
    if (a->ok)
        field_head(a, c);
    if (a->ok && c->rx.state != FRAME_HEAD)
        field_body(a, c);
    if (a->ok)
        field_bytes(a, c->control, control_filled(c));
    field_stage(a, c);
}

/* --- sending --- */

static void field_entry(struct archive *a, struct outbox_entry *e)
{
    field_bytes(a, e->bhs, sizeof e->bhs);
    field_upto32(a, &e->data_len, CONN_CONTROL_MIN);
}

static void field_outbox(struct archive *a, struct outbox *o)
{
    field_upto32(a, &o->count, CONN_OUTBOX);
    for (uint32_t i = 0; i < o->count && a->ok; i++)
        field_entry(a, &o->entries[(o->first + i) % CONN_OUTBOX]);
}

/* Payload is the control data, or a range of a task that is on the wire here. */
static bool slot_sound(const struct conn *c, const struct tx_slot *slot)
{
    const struct task *t = slot->task;
    if (slot->head_len < WIRE_BHS_LEN)
        return false;
    if (slot->control || !t)
        return !t && slot->data_len <= (slot->control ? CONN_CONTROL_MIN : 0);
    return t->conn == c && slot->task_offset <= t->data.len &&
           slot->data_len <= t->data.len - slot->task_offset;
}

static void field_slot(struct archive *a, const struct conn *c, struct tx_slot *slot)
{
    field_upto8(a, &slot->head_len, sizeof slot->head);
    field_upto8(a, &slot->tail_len, sizeof slot->tail);
    if (!a->ok)
        return;
    field_bytes(a, slot->head, slot->head_len);
    field_bytes(a, slot->tail, slot->tail_len);
    field_bool(a, &slot->control);
    field_task(a, &slot->task);
    field32(a, &slot->task_offset);
    field32(a, &slot->data_len);
    require(a, slot_sound(c, slot));
    if (thawing(a) && a->ok && slot->task)
        slot->task->tx_refs++;
}

static void field_transmit(struct archive *a, struct conn *c)
{
    struct transmit *t = &c->tx;
    field_upto32(a, &t->count, CONN_TX_SLOTS);
    for (uint32_t i = 0; i < t->count && a->ok; i++)
        field_slot(a, c, &t->slots[(t->first + i) % CONN_TX_SLOTS]);
    field64(a, &t->sent);
    require(a, t->count > 0 ? t->sent < slot_len(&t->slots[t->first]) : t->sent == 0);
}

/* The one PDU whose data lies in the outbox' data area: how long is it? More than one cannot be. */
static uint32_t data_area_len(struct archive *a, const struct conn *c)
{
    uint32_t len = 0, users = 0;
    for (uint32_t i = 0; i < c->out.count; i++) {
        const struct outbox_entry *e = &c->out.entries[(c->out.first + i) % CONN_OUTBOX];
        users += e->data_len > 0;
        len += e->data_len;
    }
    for (uint32_t i = 0; i < c->tx.count; i++) {
        const struct tx_slot *slot = &c->tx.slots[(c->tx.first + i) % CONN_TX_SLOTS];
        users += slot->control && slot->data_len > 0;
        len += slot->control ? slot->data_len : 0;
    }
    require(a, users <= 1);
    return len;
}

static void field_sending(struct archive *a, struct conn *c)
{
    field_outbox(a, &c->out);
    if (a->ok)
        field_transmit(a, c);
    uint32_t len = a->ok ? data_area_len(a, c) : 0;
    if (!a->ok)
        return;
    c->out.data_busy = len > 0;
    field_bytes(a, c->out.data, len);
}

/* --- login --- */

static void field_portal(struct archive *a, struct portal *p)
{
    field_string(a, p->host, sizeof p->host);
    field16(a, &p->port);
    field_int(a, &p->group);
}

static void field_login(struct archive *a, struct login *l)
{
    field_negotiation(a, &l->keys);
    field_upto8(a, &l->csg, WIRE_STAGE_FULL_FEATURE);
    field_upto8(a, &l->nsg, WIRE_STAGE_FULL_FEATURE);
    field8(a, &l->rounds);
    field_bool(a, &l->started);
    field_bool(a, &l->done);
    field_bool(a, &l->chap_on);
    field_bool(a, &l->peer_proved);
    field_upto8(a, &l->chap_step, CHAP_PASSED);
    field8(a, &l->algorithm);
    field8(a, &l->chap_id);
    field16(a, &l->status);
    field32(a, &l->itt);
    field_bytes(a, l->challenge, sizeof l->challenge);
    field_string(a, l->target_alias, sizeof l->target_alias);
    field_string(a, l->chap_name, sizeof l->chap_name);
    field_int(a, &l->portal_group);
    field_portal(a, &l->redirect);
}

/* --- events --- */

static void field_window(struct archive *a, struct wire_window *w)
{
    field32(a, &w->stat_sn);
    field32(a, &w->exp_cmd_sn);
    field32(a, &w->max_cmd_sn);
}

static void field_event(struct archive *a, struct conn_event *ev)
{
    field_upto8(a, &ev->kind, CONN_EV_ERROR);
    field8(a, &ev->reject_reason);
    field16(a, &ev->login_status);
    field_int(a, &ev->error);
    field64(a, &ev->async.lun);
    field_window(a, &ev->async.window);
    field8(a, &ev->async.event);
    field8(a, &ev->async.vendor_code);
    field16(a, &ev->async.parameter1);
    field16(a, &ev->async.parameter2);
    field16(a, &ev->async.parameter3);
    field_upto8(a, &ev->sense_len, CONN_SENSE_MAX);
    if (a->ok)
        field_bytes(a, ev->sense, ev->sense_len);
}

static void field_events(struct archive *a, struct conn *c)
{
    field_upto32(a, &c->event_count, CONN_EVENTS);
    for (uint32_t i = 0; i < c->event_count && a->ok; i++)
        field_event(a, &c->events[(c->event_first + i) % CONN_EVENTS]);
}

/* --- the connection --- */

static void field_state(struct archive *a, struct conn *c)
{
    field16(a, &c->config.cid);
    field_upto8(a, &c->phase, CONN_LOGOUT);
    field_bool(a, &c->failed);
    field_bool(a, &c->ping_out);
    field_bool(a, &c->parting);
    field32(a, &c->epoch);
    field32(a, &c->exp_stat_sn);
    field32(a, &c->told_stat_sn);
    field_bool(a, &c->header_digest);
    field_bool(a, &c->data_digest);
    field_upto32(a, &c->max_send, WIRE_DSL_MAX);
    field_upto32(a, &c->max_recv, WIRE_DSL_MAX);
    field64(a, &c->last_rx);
    field64(a, &c->login_deadline);
    bool login = c->phase == CONN_LOGIN;
    require(a, c->max_send >= SEGMENT_MIN && c->max_recv >= SEGMENT_MIN);
    require(a, login || a->session->keys.agreed[KEY_MAX_BURST_LENGTH] > 0);
    require(a, !login || !(c->header_digest || c->data_digest));
}

static bool is_on_wire(const struct task *t)
{
    return t->state == TASK_ACTIVE || t->state == TASK_ENDING;
}

static bool owes_data(const struct task *t)
{
    return t->state == TASK_ACTIVE && t->conn && t->data_pending && t->burst_count > 0;
}

/* The tasks' side of the allegiance: what is on the wire, and what waits for this connection alone. */
static void adopt(struct session *s, struct conn *c)
{
    list_each (node, &c->tasks) {
        list_entry(node, struct task, member)->conn = c;
        s->in_flight++;
        manage_sent(c, list_entry(node, struct task, member));
    }
    list_each (node, &s->queued) {
        struct task *task = list_entry(node, struct task, link);
        if (task->kind == TASK_NOP || task->kind == TASK_LOGOUT || task->kind == TASK_TMF)
            task->conn = c;
    }
}

void field_conn(struct archive *a, struct conn *c)
{
    field_state(a, c);
    field_login(a, &c->login);
    require(a, login_possible(c));
    field_queue(a, &c->tasks, true, is_on_wire);
    if (thawing(a) && a->ok)
        adopt(a->session, c);
    field_queue(a, &c->sending, false, owes_data);
    if (a->ok)
        field_receiving(a, c);
    if (a->ok)
        field_sending(a, c);
    if (a->ok)
        field_events(a, c);
}
