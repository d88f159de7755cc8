/* SPDX-License-Identifier: MIT */
/* Where an initiator's PDUs come from: task management, then owed Data-Out, then new requests as far as the
 * window is open. */
#include "proto/core.h"

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* --- Data-Out 11.7 --- */

static void drop_burst(struct conn *c, struct task *task)
{
    task->burst_first = (uint8_t)((task->burst_first + 1) % TASK_BURSTS);
    task->unsolicited = false;
    if (--task->burst_count > 0)
        return;
    task->data_pending = false;
    list_remove(&task->link);
    (void)c;
}

static void next_data_out(struct conn *c, struct task *task, struct tx_slot *slot)
{
    struct burst *b = &task->bursts[task->burst_first];
    uint32_t left = b->len - b->moved, len = left;
    if (left > c->max_send)
        len = c->max_send - c->max_send % 4; /* whole words, except at the end (11.7.7) */
    bool final = len == left || manage_owed(c, task) == OWED_AN_END;
    struct wire_data_out d = {.final = final,
                              .lun = b->ttt == WIRE_TAG_NONE ? 0 : task->lun,
                              .itt = task->itt,
                              .ttt = b->ttt,
                              .exp_stat_sn = c->exp_stat_sn,
                              .data_sn = b->data_sn++,
                              .buffer_offset = b->offset + b->moved};
    put_data_out(slot->head, &d);
    wire_set_lengths(slot->head, 0, len);
    slot->task = task;
    slot->task_offset = b->offset + b->moved;
    slot->data_len = len;
    b->moved += len;
    task->moved += len;
    if (final)
        drop_burst(c, task);
}

/* --- SCSI Command 11.3 --- */

/* Immediate data, and after it one unsolicited sequence, together at most FirstBurstLength
 * (13.10, 13.11, 13.14). */
static void plan_unsolicited(struct conn *c, struct task *task, struct tx_slot *slot)
{
    const uint32_t *agreed = c->session->keys.agreed;
    uint32_t burst = least(agreed[KEY_FIRST_BURST_LENGTH], agreed[KEY_MAX_BURST_LENGTH]);
    uint32_t first = task->write ? least(task->edtl, burst) : 0;

    if (agreed[KEY_IMMEDIATE_DATA])
        slot->data_len = least(first, c->max_send);
    task->moved = task->asked = slot->data_len;
    if (agreed[KEY_INITIAL_R2T] || first == slot->data_len)
        return;
    task->asked = first;
    task->bursts[0] =
        (struct burst){.ttt = WIRE_TAG_NONE, .offset = slot->data_len, .len = first - slot->data_len};
    task->burst_count = 1;
    task->unsolicited = true;
}

static void next_command(struct conn *c, struct task *task, struct tx_slot *slot)
{
    plan_unsolicited(c, task, slot);
    struct wire_scsi_command cmd = {.immediate = task->immediate,
                                    .final = !task->unsolicited,
                                    .read = task->read,
                                    .write = task->write,
                                    .attr = task->attr,
                                    .lun = task->lun,
                                    .itt = task->itt,
                                    .edtl = task->edtl,
                                    .cmd_sn = c->session->cmd_sn,
                                    .exp_stat_sn = c->exp_stat_sn};
    memcpy(cmd.cdb, task->cdb, WIRE_CDB_LEN);
    put_scsi_command(slot->head, &cmd);
    uint32_t ahs_len = put_ahs_cdb(slot->head + WIRE_BHS_LEN, task->cdb, task->cdb_len);
    wire_set_lengths(slot->head, ahs_len, slot->data_len);
    if (slot->data_len)
        slot->task = task;
    if (task->unsolicited) {
        task->data_pending = true;
        list_push(&c->sending, &task->link);
    }
}

/* --- other requests --- */

static void next_tmf(struct conn *c, struct task *task, struct tx_slot *slot)
{
    struct wire_tmf_request t = {.immediate = task->immediate,
                                 .function = task->function,
                                 .lun = task->lun,
                                 .itt = task->itt,
                                 .referenced_tag = task->referenced_tag,
                                 .cmd_sn = c->session->cmd_sn,
                                 .exp_stat_sn = c->exp_stat_sn,
                                 .ref_cmd_sn = manage_ref_cmd_sn(c, task)};
    put_tmf_request(slot->head, &t);
}

static void next_nop(struct conn *c, struct task *task, struct tx_slot *slot)
{
    struct wire_nop_out n = {.immediate = task->immediate,
                             .itt = task->itt,
                             .ttt = WIRE_TAG_NONE,
                             .cmd_sn = task->cmd_sn,
                             .exp_stat_sn = c->exp_stat_sn};
    put_nop_out(slot->head, &n);
}

/* The request's text lies in the task's memory, which the answer will overwrite: it goes out by copy. */
static void next_text(struct conn *c, struct task *task, struct tx_slot *slot)
{
    struct wire_text_request t = {.immediate = task->immediate,
                                  .final = true,
                                  .itt = task->itt,
                                  .ttt = WIRE_TAG_NONE,
                                  .cmd_sn = c->session->cmd_sn,
                                  .exp_stat_sn = c->exp_stat_sn};
    put_text_request(slot->head, &t);
    slot->data_len = least(task->edtl, CONN_CONTROL_MIN);
    wire_set_lengths(slot->head, 0, slot->data_len);
    extent_read(&task->data, 0, c->out.data, slot->data_len);
    slot->control = true;
    c->out.data_busy = slot->data_len > 0;
}

static void next_logout(struct conn *c, struct task *task, struct tx_slot *slot)
{
    struct wire_logout_request l = {.immediate = task->immediate,
                                    .reason = task->function,
                                    .cid = task->function == WIRE_LOGOUT_SESSION ? 0 : c->config.cid,
                                    .itt = task->itt,
                                    .cmd_sn = c->session->cmd_sn,
                                    .exp_stat_sn = c->exp_stat_sn};
    put_logout_request(slot->head, &l);
    conn_become(c, CONN_LOGOUT); /* nothing new follows a Logout Request (11.14) */
}

/* The first queued request that may go now. CmdSN is taken here, on the way out, and nowhere else. */
static struct task *next_request(const struct conn *c)
{
    const struct session *s = c->session;
    if (c->phase != CONN_FULL || list_empty(&s->queued))
        return NULL;
    struct task *task = list_entry(s->queued.next, struct task, link);
    if (task->conn && task->conn != c)
        return NULL;
    if (task->kind == TASK_SCSI && s->held && !task->ahead)
        return NULL;
    if (task->kind == TASK_SCSI && (s->resets || c->parting))
        return NULL; /* of what is sent behind a reset nobody knew whether it is ended, too (11.5.1) */
    if (!session_urgent(task) && !serial_le(s->cmd_sn, s->max_cmd_sn))
        return NULL;
    if (task->kind == TASK_TEXT && !outbox_data_free(c))
        return NULL;
    return task;
}

bool initiator_pending(const struct conn *c)
{
    return !list_empty(&c->sending) || next_request(c);
}

bool initiator_next(struct conn *c, struct tx_slot *slot)
{
    static void (*const build[])(struct conn *, struct task *, struct tx_slot *) = {
        [TASK_SCSI] = next_command, [TASK_TMF] = next_tmf,       [TASK_NOP] = next_nop,
        [TASK_TEXT] = next_text,    [TASK_LOGOUT] = next_logout,
    };
    struct task *task = next_request(c);
    bool urgent = task && task->kind == TASK_TMF; /* data that it may cut short must not keep it back */
    if (!urgent && !list_empty(&c->sending)) {
        next_data_out(c, list_entry(c->sending.next, struct task, link), slot);
        return true;
    }
    if (!task)
        return false;
    list_remove(&task->link);
    task_become(c->session, task, TASK_ACTIVE);
    task->conn = c;
    if (task->kind != TASK_NOP || task->function != NOP_PLUG)
        task->cmd_sn = c->session->cmd_sn;
    list_push(&c->tasks, &task->member);
    c->session->in_flight++;
    build[task->kind](c, task, slot);
    manage_sent(c, task);
    if (!session_urgent(task))
        c->session->cmd_sn++;
    return true;
}

void initiator_slot_done(struct conn *c, const struct tx_slot *slot)
{
    (void)c;
    if (slot->task)
        task_settle(slot->task);
}

void conn_part(struct conn *c)
{
    c->parting = true;
}

void conn_logout(struct conn *c, enum wire_logout_reason reason)
{
    struct task *task = session_task(c->session, TASK_LOGOUT);
    if (!task)
        return;
    task->conn = c;
    task->immediate = true;
    task->function = (uint8_t)reason;
    session_submit(c->session, task);
}

/* What waits to be sent will say it, however long the peer does not receive. */
bool conn_owes_ack(const struct conn *c)
{
    return c->phase == CONN_FULL && c->told_stat_sn != c->exp_stat_sn && c->out.count == 0;
}

void conn_acknowledge(struct conn *c)
{
    uint8_t bhs[WIRE_BHS_LEN];
    struct wire_nop_out out = {.immediate = true, .itt = WIRE_TAG_NONE, .ttt = WIRE_TAG_NONE};
    put_nop_out(bhs, &out);
    if (conn_owes_ack(c))
        outbox_push(c, bhs, 0);
}

bool conn_ping(struct conn *c)
{
    struct task *task = c->ping_out || c->phase != CONN_FULL ? NULL : session_task(c->session, TASK_NOP);
    if (!task)
        return false;
    task->conn = c;
    task->immediate = true;
    c->ping_out = true;
    session_submit(c->session, task);
    return true;
}
