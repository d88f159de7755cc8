/* SPDX-License-Identifier: MIT */
/* What an initiator does with each PDU it receives in full feature phase. */
#include "proto/core.h"

static uint64_t owed_read(const struct task *task)
{
    return task->kind == TASK_SCSI && task->read && task->moved < task->edtl ? task->edtl - task->moved : 0;
}

uint64_t conn_rx_due(const struct conn *c, uint64_t enough)
{
    uint64_t due = 0;
    if (c->role != ROLE_INITIATOR)
        return 0;
    list_each (node, &c->tasks) {
        due += owed_read(list_entry(node, struct task, member));
        if (due >= enough)
            return due;
    }
    list_each (node, &c->session->queued) {
        due += owed_read(list_entry(node, struct task, link));
        if (due >= enough)
            return due;
    }
    return due;
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

bool initiator_counters(struct conn *c, const struct wire_window *w, bool consumes)
{
    session_window(c->session, w);
    if (!consumes)
        return true;
    if (serial_lt(w->stat_sn, c->exp_stat_sn))
        return false; /* seen before: never complete anything twice (4.2.2.2) */
    if (w->stat_sn != c->exp_stat_sn) {
        conn_fail(c, BERTH_E_PROTOCOL, "a gap in StatSN: a response was lost (4.2.2.2)");
        return false;
    }
    c->exp_stat_sn++;
    return true;
}

/* The task a PDU speaks of: in use, on the wire, on this connection, and of the right kind. A tag of another
 * life is not an error: its task was given up and the answer comes late. */
static struct task *addressee(struct conn *c, uint32_t itt, enum task_kind kind)
{
    struct task *task = session_find(c->session, itt);
    if (!task || task->conn != c || task->kind != kind || task->state != TASK_ACTIVE)
        return NULL;
    return task;
}

/* --- Data-In 11.7 --- */

static const char *data_in_flaw(const struct task *task, const struct wire_data_in *d, uint32_t len)
{
    if (!task->read)
        return "Data-In for a command that reads nothing (11.7)";
    if (d->has_status && !d->final)
        return "Data-In with status but not final (11.7.3)";
    if (len == 0)
        return NULL; /* nothing to place: where it would have gone does not matter */
    if (d->buffer_offset != task->moved)
        return "Data-In out of order (11.7.4)";
    if (len > task->edtl - task->moved)
        return "Data-In beyond the expected data transfer length (11.7.4)";
    if (d->data_sn != task->data_sn)
        return "a gap in DataSN: data was lost (11.7.2)";
    return NULL;
}

bool initiator_data_in_begin(struct conn *c, struct pdu *pdu)
{
    struct wire_data_in d;
    get_data_in(pdu->bhs, &d);
    struct task *task = addressee(c, d.itt, TASK_SCSI);
    if (!task)
        return true; /* swallowed */
    const char *flaw = data_in_flaw(task, &d, pdu->data_len);
    if (flaw) {
        conn_fail(c, BERTH_E_PROTOCOL, flaw);
        return false;
    }
    pdu->task = task;
    pdu->task_offset = d.buffer_offset;
    return true;
}

void task_data_placed(struct task *task, uint32_t offset, uint32_t len)
{
    (void)offset; /* in order: DataPDUInOrder and DataSequenceInOrder are always agreed to be Yes */
    task->moved += len;
}

/* --- outcome --- */

static const char *count_flaw(const struct task *task, uint32_t exp_data_sn, bool has_exp_data_sn)
{
    uint32_t seen = task->read ? task->data_sn : task->r2t_sn;
    if (task->residual_kind > WIRE_RESIDUAL_OVERFLOW)
        return "residual underflow and overflow at once (11.4.5)";
    if (task->residual_kind == WIRE_RESIDUAL_UNDERFLOW && task->residual > task->edtl)
        return "a residual larger than the expected data transfer length (11.4.5)";
    if (has_exp_data_sn && task->status == 0 && task->read && exp_data_sn != seen)
        return "ExpDataSN does not match the data that came (11.4.8)";
    return NULL;
}

/* Success only if response, status, residual and the bytes moved all agree. More may be sent than the target
 * then uses; more cannot come than it says it sent. */
static int verdict(const struct task *task)
{
    uint32_t missing = task->residual_kind == WIRE_RESIDUAL_UNDERFLOW ? task->residual : 0;
    uint32_t used = task->edtl - missing;
    if (task->response != 0)
        return BERTH_E_TARGET;
    if (task->status != 0)
        return BERTH_E_SCSI;
    if (task->reject_reason != 0)
        return BERTH_E_REJECTED; /* data of it was, and who knows what took its place */
    if ((task->write && task->moved < used) || (task->read && task->moved != used))
        return BERTH_E_SHORT;
    return BERTH_OK;
}

static void finish_scsi(struct conn *c, struct task *task, uint32_t exp_data_sn, bool has_exp_data_sn)
{
    const char *flaw = count_flaw(task, exp_data_sn, has_exp_data_sn);
    if (flaw) {
        conn_fail(c, BERTH_E_PROTOCOL, flaw);
        return;
    }
    task->error = verdict(task);
    task_finish(task);
}

void initiator_data_in_end(struct conn *c, const struct pdu *pdu)
{
    struct wire_data_in d;
    get_data_in(pdu->bhs, &d);
    bool counts = initiator_counters(c, &d.window, d.has_status);
    struct task *task = pdu->task;
    if (!task || !counts)
        return;
    task->data_sn++;
    if (!d.has_status)
        return;
    task->status = d.status;
    task->residual_kind = d.residual_kind;
    task->residual = d.residual;
    finish_scsi(c, task, 0, false);
}

/* --- SCSI Response 11.4 --- */

/* SenseLength and sense, at most `max` bytes of it; what does not fit together counts as no sense at all
 * (11.4.7). */
static uint32_t take_sense(const struct conn *c, const struct pdu *pdu, uint8_t *sense, uint32_t max)
{
    uint32_t have = least(pdu->data_len, c->config.control_bytes);
    uint32_t len = have < 2 ? 0 : get16(pdu->data);
    if (len == 0 || len > have - 2)
        return 0;
    memcpy(sense, pdu->data + 2, least(len, max));
    return least(len, max);
}

void initiator_scsi_response(struct conn *c, const struct pdu *pdu)
{
    struct wire_scsi_response r;
    get_scsi_response(pdu->bhs, &r);
    if (r.response > WIRE_RESPONSE_TARGET_FAILURE && r.response < WIRE_RESPONSE_VENDOR) {
        conn_fail(c, BERTH_E_PROTOCOL, "a reserved response code (11.4.3)");
        return;
    }
    bool counts = initiator_counters(c, &r.window, true);
    struct task *task = addressee(c, r.itt, TASK_SCSI);
    if (!task || !counts)
        return;
    task->response = r.response;
    if (r.response == 0) { /* otherwise status, sense and residual mean nothing (11.4.3) */
        task->status = r.status;
        task->residual_kind = r.residual_kind;
        task->residual = r.residual;
        task->sense_len = take_sense(c, pdu, task->sense, TASK_SENSE_MAX);
    }
    finish_scsi(c, task, r.exp_data_sn, r.response == 0);
}

/* --- R2T 11.8 --- */

static const char *r2t_flaw(const struct conn *c, const struct task *task, const struct wire_r2t *r)
{
    const uint32_t *agreed = c->session->keys.agreed;
    if (!task->write)
        return "R2T for a command that writes nothing (11.8)";
    if (r->ttt == WIRE_TAG_NONE)
        return "R2T without a TargetTransferTag (11.8.4)";
    if (r->desired_len == 0 || r->desired_len > agreed[KEY_MAX_BURST_LENGTH])
        return "R2T for no data or for more than MaxBurstLength (11.8.4)";
    if (r->buffer_offset > task->edtl || r->desired_len > task->edtl - r->buffer_offset)
        return "R2T beyond the command's data (11.8.4)";
    if (r->buffer_offset < task->asked) /* bytes sent twice would make up for others not sent at all */
        return "R2T for data that was sent or asked for before (13.19)";
    if (r->r2t_sn != task->r2t_sn)
        return "a gap in R2TSN (11.8.3)";
    if (task->burst_count >= agreed[KEY_MAX_OUTSTANDING_R2T] + (task->unsolicited ? 1 : 0) ||
        task->burst_count >= TASK_BURSTS)
        return "more R2Ts than MaxOutstandingR2T (13.17)";
    return NULL;
}

void initiator_r2t(struct conn *c, const struct pdu *pdu)
{
    struct wire_r2t r;
    get_r2t(pdu->bhs, &r);
    initiator_counters(c, &r.window, false);
    struct task *task = addressee(c, r.itt, TASK_SCSI);
    if (!task)
        return;
    const char *flaw = r2t_flaw(c, task, &r);
    if (flaw) {
        conn_fail(c, BERTH_E_PROTOCOL, flaw);
        return;
    }
    task->r2t_sn++;
    task->asked = r.buffer_offset + r.desired_len;
    if (manage_owed(c, task) == OWED_NOTHING)
        return;
    task->bursts[(task->burst_first + task->burst_count++) % TASK_BURSTS] =
        (struct burst){.ttt = r.ttt, .offset = r.buffer_offset, .len = r.desired_len};
    if (!task->data_pending) {
        task->data_pending = true;
        list_push(&c->sending, &task->link);
    }
}

/* --- the rest --- */

#define TEXT_ROUNDS_MAX 1024u /* responses to one Text Request */

void initiator_tmf_response(struct conn *c, const struct pdu *pdu)
{
    struct wire_tmf_response r;
    get_tmf_response(pdu->bhs, &r);
    bool counts = initiator_counters(c, &r.window, true);
    struct task *task = addressee(c, r.itt, TASK_TMF);
    if (!task || !counts)
        return;
    task->response = r.response;
    manage_answered(c, task);
    task_finish(task);
}

/* A call for each of a thousand pings would cost more than all else about them. */
static void push_answer(struct conn *c, const uint8_t *bhs)
{
    bool alone = c->out.count == 0 && c->tx.count == 0;
    uint64_t at = alone ? c->last_rx + CONN_ANSWERS_NS : c->answers_at;
    outbox_push(c, bhs, 0);
    c->answers_at = c->out.count < CONN_OUTBOX / 2 ? at : 0;
}

/* The peer asks for an answer (11.18): same TTT and LUN, no ITT, immediate. Its data is not sent back: an
 * unsolicited NOP-In has none. */
static void answer_ping(struct conn *c, const struct wire_nop_in *in)
{
    uint8_t bhs[WIRE_BHS_LEN];
    struct wire_nop_out out = {.immediate = true, .lun = in->lun, .itt = WIRE_TAG_NONE, .ttt = in->ttt};
    put_nop_out(bhs, &out);
    push_answer(c, bhs);
}

static void end_nop(struct conn *c, struct task *task)
{
    if (task->function == NOP_PING)
        c->ping_out = false;
    task_finish(task);
}

void initiator_nop_in(struct conn *c, const struct pdu *pdu)
{
    struct wire_nop_in in;
    get_nop_in(pdu->bhs, &in);
    if (in.itt != WIRE_TAG_NONE && in.ttt != WIRE_TAG_NONE) {
        conn_fail(c, BERTH_E_PROTOCOL, "a NOP-In that answers and asks at once (7.7)");
        return;
    }
    bool counts = initiator_counters(c, &in.window, in.itt != WIRE_TAG_NONE);
    if (in.ttt != WIRE_TAG_NONE)
        answer_ping(c, &in);
    struct task *task = in.itt == WIRE_TAG_NONE ? NULL : addressee(c, in.itt, TASK_NOP);
    if (task && counts)
        end_nop(c, task);
}

/* Appends the answer to the task's memory; what does not fit, or goes on and on, ends the exchange with an
 * error. */
static bool take_text(struct task *task, const struct pdu *pdu)
{
    if (pdu->data_len > task->data.len - task->moved || ++task->data_sn > TEXT_ROUNDS_MAX)
        return false;
    extent_write(&task->data, task->moved, pdu->data, pdu->data_len);
    task->moved += pdu->data_len;
    return true;
}

static void ask_for_more(struct conn *c, const struct wire_text_response *r)
{
    uint8_t bhs[WIRE_BHS_LEN];
    struct wire_text_request more = {
        .immediate = true, .final = !r->more, .lun = r->lun, .itt = r->itt, .ttt = r->ttt};
    put_text_request(bhs, &more);
    outbox_push(c, bhs, 0);
}

void initiator_text_response(struct conn *c, const struct pdu *pdu)
{
    struct wire_text_response r;
    get_text_response(pdu->bhs, &r);
    bool counts = initiator_counters(c, &r.window, true);
    struct task *task = addressee(c, r.itt, TASK_TEXT);
    if (!task || !counts)
        return;
    if (!take_text(task, pdu))
        task->error = BERTH_E_LIMIT;
    else if (r.final != (r.ttt == WIRE_TAG_NONE) || (r.final && r.more))
        task->error = BERTH_E_PROTOCOL;
    else if (!r.final) {
        ask_for_more(c, &r);
        return;
    }
    task_finish(task);
}

void initiator_logout_response(struct conn *c, const struct pdu *pdu)
{
    struct wire_logout_response r;
    get_logout_response(pdu->bhs, &r);
    bool counts = initiator_counters(c, &r.window, true);
    struct task *task = addressee(c, r.itt, TASK_LOGOUT);
    if (!task || !counts)
        return;
    task_finish(task);
    struct conn_event *ev = conn_raise(c, CONN_EV_LOGGED_OUT);
    ev->error = r.response ? BERTH_E_REJECTED : BERTH_OK;
    ev->async.parameter2 = r.response > WIRE_LOGOUT_NO_CID ? r.time2wait_s : 0; /* elsewhere it is invalid */
}

void initiator_async(struct conn *c, const struct pdu *pdu)
{
    struct wire_async a;
    get_async(pdu->bhs, &a);
    if (!initiator_counters(c, &a.window, true))
        return;
    struct conn_event *ev = conn_raise(c, CONN_EV_ASYNC);
    ev->async = a;
    if (a.event == WIRE_ASYNC_LOGOUT)
        conn_part(c); /* at once, and not when the owner has heard of it (11.9.1) */
    if (a.event == WIRE_ASYNC_SCSI)
        ev->sense_len = (uint8_t)take_sense(c, pdu, ev->sense, CONN_SENSE_MAX);
    else if (a.event == WIRE_ASYNC_TASKS_ENDED)
        manage_lun_ended(c, a.lun);
}

/* --- Reject 11.17 --- */

/* The rejected header comes back as data: believed only if it is whole, ours, and of an opcode that its task
 * could have sent. */
static struct task *rejected_task(struct conn *c, const struct pdu *pdu)
{
    static const enum task_kind kinds[] = {
        [WIRE_NOP_OUT] = TASK_NOP,     [WIRE_SCSI_COMMAND] = TASK_SCSI,
        [WIRE_TMF_REQUEST] = TASK_TMF, [WIRE_TEXT_REQUEST] = TASK_TEXT,
        [WIRE_DATA_OUT] = TASK_SCSI,   [WIRE_LOGOUT_REQUEST] = TASK_LOGOUT};
    if (pdu->data_len < WIRE_BHS_LEN)
        return NULL;
    uint8_t opcode = wire_opcode(pdu->data);
    if (opcode > WIRE_LOGOUT_REQUEST || opcode == WIRE_LOGIN_REQUEST)
        return NULL;
    return addressee(c, wire_itt(pdu->data), kinds[opcode]);
}

/* A command that was rejected has not been received (7.3): the target waits for its number, and would hold
 * back all that come after it. A NOP-Out takes its place, once. */
static void close_gap(struct conn *c, const struct task *task)
{
    struct session *s = c->session;
    if (task->immediate || serial_lt(task->cmd_sn, s->exp_cmd_sn))
        return;
    struct task *plug = task->kind == TASK_NOP ? NULL : session_task(s, TASK_NOP);
    if (!plug) {
        conn_fail(c, BERTH_E_REJECTED, "the number of a rejected command stays open (7.3)");
        return;
    }
    plug->conn = c;
    plug->function = NOP_PLUG;
    plug->cmd_sn = task->cmd_sn;
    plug->deadline_ns = task->deadline_ns; /* without an answer it would keep its task for ever */
    session_submit(s, plug);
}

/* A request that was rejected ends with an error, never with success. Data that was rejected does not end its
 * command: the target will (7.3). */
static void end_rejected(struct conn *c, struct task *task, const struct pdu *pdu, uint8_t reason)
{
    task->reject_reason = reason ? reason : WIRE_REJECT_RESERVED;
    if (wire_opcode(pdu->data) == WIRE_DATA_OUT)
        return;
    task->error = BERTH_E_REJECTED;
    task->unsent = true;
    close_gap(c, task);
    if (task->kind == TASK_LOGOUT)
        conn_raise(c, CONN_EV_LOGGED_OUT)->error = BERTH_E_REJECTED;
    if (task->kind == TASK_NOP)
        end_nop(c, task);
    else
        task_finish(task);
}

void initiator_reject(struct conn *c, const struct pdu *pdu)
{
    struct wire_reject r;
    get_reject(pdu->bhs, &r);
    if (!initiator_counters(c, &r.window, true))
        return;
    conn_raise(c, CONN_EV_REJECT)->reject_reason = r.reason;
    struct task *task = rejected_task(c, pdu);
    if (task)
        end_rejected(c, task, pdu, r.reason);
}
