/* SPDX-License-Identifier: MIT */
/* Where a target's PDUs come from: R2Ts first (they keep data coming), then answers in the order they were
 * given. */
#include "proto/core.h"

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* --- R2T 11.8 --- */

static bool wants_r2t(const struct conn *c, const struct task *task)
{
    uint32_t outstanding = least(c->session->keys.agreed[KEY_MAX_OUTSTANDING_R2T], TASK_R2T_MAX);
    return task->asked < task->edtl && task->burst_count < outstanding;
}

static bool next_r2t(struct conn *c, struct tx_slot *slot)
{
    if (list_empty(&c->sending))
        return false;
    struct task *task = list_entry(c->sending.next, struct task, link);
    uint32_t len = least(task->edtl - task->asked, c->session->keys.agreed[KEY_MAX_BURST_LENGTH]);
    struct wire_r2t r = {.lun = task->lun,
                         .itt = task->itt,
                         .ttt = session_tag(c->session, task),
                         .r2t_sn = task->r2t_sn++,
                         .buffer_offset = task->asked,
                         .desired_len = len};
    task->bursts[(task->burst_first + task->burst_count++) % TASK_BURSTS] =
        (struct burst){.ttt = r.ttt, .offset = task->asked, .len = len};
    task->asked += len;
    put_r2t(slot->head, &r);
    stamp_target(c, slot->head, false);
    if (!wants_r2t(c, task)) {
        task->data_pending = false; /* the end of a burst brings it back */
        list_remove(&task->link);
    }
    return true;
}

/* The answer that is being built frees its task's place when it is out; the window in it may count on that.
 */
static void stamp_last(struct conn *c, struct tx_slot *slot)
{
    slot->last = true;
    if (!slot->task->reserve)
        c->session->leaving++;
    stamp_target(c, slot->head, true);
}

/* --- Data-In 11.7 and SCSI Response 11.4 --- */

static uint32_t answer_len(const struct task *task)
{
    return task->read ? (uint32_t)(task->data.len < task->edtl ? task->data.len : task->edtl) : 0;
}

/* For reads the residual follows from what the owner has to send; for writes the owner sets it. */
static void set_residual(struct task *task)
{
    if (!task->read || task->data.len == task->edtl)
        return;
    bool over = task->data.len > task->edtl;
    uint64_t residual = over ? task->data.len - task->edtl : task->edtl - task->data.len;
    task->residual_kind = over ? WIRE_RESIDUAL_OVERFLOW : WIRE_RESIDUAL_UNDERFLOW;
    task->residual = residual > UINT32_MAX ? UINT32_MAX : (uint32_t)residual;
}

static void last_data_in(struct conn *c, struct task *task, struct wire_data_in *d)
{
    if (task->status != 0)
        return; /* sense needs a response of its own */
    d->has_status = true;
    d->status = task->status;
    d->residual_kind = task->residual_kind;
    d->residual = task->residual;
    list_remove(&task->link);
    (void)c;
}

static void next_data_in(struct conn *c, struct task *task, struct tx_slot *slot)
{
    uint32_t total = answer_len(task);
    if (task->seq_left == 0)
        task->seq_left = c->session->keys.agreed[KEY_MAX_BURST_LENGTH];
    uint32_t len = least(least(total - task->moved, c->max_send), task->seq_left);
    bool end = task->moved + len == total;
    struct wire_data_in d = {.final = end || len == task->seq_left,
                             .lun = 0,
                             .itt = task->itt,
                             .ttt = WIRE_TAG_NONE,
                             .data_sn = task->data_sn++,
                             .buffer_offset = task->moved};
    slot->task = task;
    slot->task_offset = task->moved;
    slot->data_len = len;
    task->moved += len;
    task->seq_left -= len;
    if (end)
        last_data_in(c, task, &d);
    put_data_in(slot->head, &d);
    wire_set_lengths(slot->head, 0, len);
    if (d.has_status) {
        stamp_last(c, slot);
        return;
    }
    struct wire_window w = {0, c->session->exp_cmd_sn, session_max_cmd_sn(c->session)};
    put_window(slot->head, &w);
}

/* Sense data goes out through the outbox' data area: it must be free. */
static uint32_t put_sense_segment(struct conn *c, const struct task *task)
{
    if (task->sense_len == 0)
        return 0;
    put16(c->out.data, (uint16_t)task->sense_len);
    memcpy(c->out.data + 2, task->sense, task->sense_len);
    c->out.data_busy = true;
    return 2 + task->sense_len;
}

static void next_scsi_response(struct conn *c, struct task *task, struct tx_slot *slot)
{
    struct wire_scsi_response r = {.response = task->response,
                                   .status = task->status,
                                   .residual_kind = task->residual_kind,
                                   .residual = task->residual,
                                   .itt = task->itt,
                                   .exp_data_sn = task->read ? task->data_sn : task->r2t_sn};
    slot->data_len = put_sense_segment(c, task);
    slot->control = true;
    put_scsi_response(slot->head, &r);
    wire_set_lengths(slot->head, 0, slot->data_len);
}

static void next_tmf_response(struct conn *c, struct task *task, struct tx_slot *slot)
{
    struct wire_tmf_response r = {.response = task->response, .itt = task->itt};
    put_tmf_response(slot->head, &r);
    (void)c;
}

/* The answer that comes next, unless its sense data must wait for the data area. */
static struct task *first_answer(const struct conn *c)
{
    if (list_empty(&c->answering))
        return NULL;
    struct task *task = list_entry(c->answering.next, struct task, link);
    bool sense = task->kind == TASK_SCSI && task->sense_len && task->moved == answer_len(task);
    return sense && !outbox_data_free(c) ? NULL : task;
}

bool target_pending(const struct conn *c)
{
    return !list_empty(&c->sending) || first_answer(c);
}

static bool next_answer(struct conn *c, struct tx_slot *slot)
{
    struct task *task = first_answer(c);
    if (!task)
        return false;
    if (task->kind == TASK_SCSI) {
        if (task->moved == 0)
            set_residual(task);
        if (task->moved < answer_len(task)) {
            next_data_in(c, task, slot);
            return true;
        }
        next_scsi_response(c, task, slot);
    } else {
        next_tmf_response(c, task, slot);
    }
    list_remove(&task->link);
    slot->task = task;
    stamp_last(c, slot);
    return true;
}

bool target_next(struct conn *c, struct tx_slot *slot)
{
    return next_r2t(c, slot) || next_answer(c, slot);
}

void target_slot_done(struct conn *c, const struct tx_slot *slot)
{
    struct task *task = slot->task;
    if (task) {
        if (slot->last && !task->reserve)
            c->session->leaving--;
        task_settle(task);
        if (slot->last)
            session_end(c->session, task);
    }
    if (!slot->farewell)
        return;
    bool login = wire_opcode(slot->head) == WIRE_LOGIN_RESPONSE;
    struct conn_event *ev = conn_raise(c, login ? CONN_EV_LOGIN_FAILED : CONN_EV_LOGGED_OUT);
    ev->login_status = c->login.status;
    ev->error = login ? BERTH_E_LOGIN : BERTH_OK;
}
