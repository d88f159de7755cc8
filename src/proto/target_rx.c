/* SPDX-License-Identifier: MIT */
/* What a target does with each PDU it receives in full feature phase. Commands come in order: one connection.
 */
#include "proto/core.h"

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static void reject(struct conn *c, const struct pdu *pdu, enum wire_reject_reason reason)
{
    uint8_t bhs[WIRE_BHS_LEN];
    struct wire_reject r = {.reason = (uint8_t)reason};
    put_reject(bhs, &r);
    memcpy(c->out.data, pdu->bhs, WIRE_BHS_LEN);
    outbox_push(c, bhs, WIRE_BHS_LEN);
}

enum admission { ADMIT, IGNORE, FAIL };

/* Command numbering 4.2.2.1: outside the window is ignored, a gap inside it cannot happen on one connection.
 */
static enum admission admit(struct conn *c, uint32_t cmd_sn, bool immediate)
{
    struct session *s = c->session;
    if (immediate)
        return ADMIT;
    if (serial_lt(cmd_sn, s->exp_cmd_sn) || serial_lt(session_max_cmd_sn(s), cmd_sn))
        return IGNORE;
    if (cmd_sn != s->exp_cmd_sn) {
        conn_fail(c, BERTH_E_PROTOCOL, "a gap in CmdSN (4.2.2.1)");
        return FAIL;
    }
    s->exp_cmd_sn++;
    return ADMIT;
}

static struct task *new_task(struct conn *c, enum task_kind kind, bool immediate, uint32_t itt, uint64_t lun)
{
    struct task *task = session_admit(c->session, kind, immediate);
    if (!task)
        return NULL;
    task->immediate = immediate;
    task->itt = itt;
    task->lun = lun;
    task->conn = c;
    task_become(c->session, task, TASK_ACTIVE);
    list_push(&c->tasks, &task->member);
    return task;
}

/* --- SCSI Command 11.3 --- */

static const char *command_flaw(const struct conn *c, const struct wire_scsi_command *cmd, uint32_t len)
{
    const uint32_t *agreed = c->session->keys.agreed;
    if (c->session->discovery)
        return "a SCSI command in a discovery session (4.3)";
    if (len > 0 && (!cmd->write || !agreed[KEY_IMMEDIATE_DATA]))
        return "immediate data that was not agreed to (13.11)";
    if (len > least(agreed[KEY_FIRST_BURST_LENGTH], cmd->edtl))
        return "more immediate data than FirstBurstLength or the command allow (13.14)";
    if (!cmd->final && (!cmd->write || agreed[KEY_INITIAL_R2T]))
        return "unsolicited data that was not agreed to (13.10)";
    if (cmd->itt == WIRE_TAG_NONE)
        return "a command with the reserved InitiatorTaskTag (11.2.1.8)";
    return NULL;
}

static void describe(struct task *task, const struct wire_scsi_command *cmd, int cdb_len)
{
    task->read = cmd->read;
    task->write = cmd->write;
    task->attr = cmd->attr;
    task->edtl = cmd->edtl;
    task->cmd_sn = cmd->cmd_sn;
    task->unsolicited = !cmd->final;
    task->cdb_len = (uint8_t)cdb_len;
}

static bool has_memory(const struct task *task)
{
    return task->data.len >= task->edtl;
}

/* Memory for the data comes from the owner; without it every byte is swallowed and counted all the same. */
static void begin_data(struct conn *c, struct task *task, uint32_t immediate_len)
{
    const struct session_owner *owner = &c->session->config.owner;
    uint32_t first = least(c->session->keys.agreed[KEY_FIRST_BURST_LENGTH], task->edtl);
    if (!task->write)
        return;
    task->asked = task->unsolicited ? first : immediate_len;
    if (task->unsolicited)
        task->bursts[task->burst_count++] =
            (struct burst){.ttt = WIRE_TAG_NONE, .offset = immediate_len, .len = first - immediate_len};
    owner->task_begin(owner->owner, task);
}

static void arrive(struct conn *c, struct task *task)
{
    const struct session_owner *owner = &c->session->config.owner;
    if (owner->task_arrive)
        owner->task_arrive(owner->owner, task);
}

bool target_command_begin(struct conn *c, struct pdu *pdu)
{
    struct wire_scsi_command cmd;
    uint8_t cdb[WIRE_CDB_MAX] = {0};
    get_scsi_command(pdu->bhs, &cmd);
    memcpy(cdb, cmd.cdb, WIRE_CDB_LEN);
    int cdb_len = get_ahs_cdb(pdu->ahs, pdu->ahs_len, cdb);
    const char *flaw = command_flaw(c, &cmd, pdu->data_len);

    if (flaw || cdb_len < 0) {
        conn_fail(c, BERTH_E_PROTOCOL, flaw ? flaw : "malformed additional header segments (11.2.2)");
        return false;
    }
    enum admission admission = admit(c, cmd.cmd_sn, cmd.immediate);
    if (admission != ADMIT)
        return admission == IGNORE;
    if (cmd.read && cmd.write) {
        reject(c, pdu, WIRE_REJECT_COMMAND); /* no command of ours goes both ways */
        return true;
    }
    struct task *task = new_task(c, TASK_SCSI, cmd.immediate, cmd.itt, cmd.lun);
    if (!task) {
        reject(c, pdu, WIRE_REJECT_TOO_MANY_IMMEDIATE);
        return true;
    }
    describe(task, &cmd, cdb_len);
    memcpy(task->cdb, cdb, sizeof cdb);
    arrive(c, task);
    begin_data(c, task, pdu->data_len);
    c->command = task;
    pdu->task = pdu->data_len && has_memory(task) ? task : NULL;
    return true;
}

static void data_arrived(struct conn *c, struct task *task)
{
    bool refused = !has_memory(task); /* nothing more is asked for */
    if (!task->write || task->moved == task->edtl || (refused && !task->unsolicited)) {
        session_ready(c->session, task);
    } else if (!task->unsolicited && !task->data_pending && task->asked < task->edtl) {
        task->data_pending = true;
        list_push(&c->sending, &task->link); /* R2Ts for the rest */
    }
}

/* Bytes that went to a task's memory were counted as they were placed; swallowed ones are counted here. */
static void count_swallowed(struct task *task, const struct pdu *pdu)
{
    if (!pdu->task)
        task->moved += pdu->data_len;
}

void target_command_end(struct conn *c, const struct pdu *pdu)
{
    struct task *task = c->command;
    c->command = NULL;
    if (!task)
        return;
    count_swallowed(task, pdu);
    data_arrived(c, task);
}

/* --- Data-Out 11.7 --- */

/* Unsolicited Data-Out names its command by ITT alone; few commands wait for some at once. */
static struct task *by_itt(struct conn *c, uint32_t itt)
{
    list_each (node, &c->tasks) {
        struct task *task = list_entry(node, struct task, member);
        if (task->itt == itt && task->kind == TASK_SCSI && task->state == TASK_ACTIVE)
            return task;
    }
    return NULL;
}

static struct task *receiver(struct conn *c, const struct wire_data_out *d)
{
    if (d->ttt == WIRE_TAG_NONE)
        return by_itt(c, d->itt);
    struct task *task = session_find(c->session, d->ttt);
    return task && task->conn == c && task->itt == d->itt && task->state == TASK_ACTIVE ? task : NULL;
}

static const char *data_out_flaw(const struct task *task, const struct wire_data_out *d, uint32_t len)
{
    const struct burst *b = &task->bursts[task->burst_first];
    if (task->burst_count == 0 || b->ttt != d->ttt)
        return "Data-Out that nobody asked for (11.7.4)";
    if (d->data_sn != b->data_sn)
        return "a gap in DataSN: data was lost (11.7.2)";
    if (d->buffer_offset != b->offset + b->moved || len > b->len - b->moved)
        return "Data-Out outside its sequence (11.7.4)";
    if (d->final != (len == b->len - b->moved) && b->ttt != WIRE_TAG_NONE)
        return "the F bit of Data-Out is not at the end of its sequence (11.7.1)";
    return NULL;
}

bool target_data_out_begin(struct conn *c, struct pdu *pdu)
{
    struct wire_data_out d;
    get_data_out(pdu->bhs, &d);
    struct task *task = receiver(c, &d);
    if (!task)
        return true; /* an aborted task's data: swallowed */
    const char *flaw = data_out_flaw(task, &d, pdu->data_len);
    if (flaw) {
        conn_fail(c, BERTH_E_PROTOCOL, flaw);
        return false;
    }
    c->command = task;
    pdu->task = has_memory(task) ? task : NULL;
    pdu->task_offset = d.buffer_offset;
    return true;
}

/* An unsolicited sequence may end early; the rest is then asked for. */
static void end_burst(struct task *task, const struct burst *b)
{
    if (b->ttt == WIRE_TAG_NONE) {
        task->unsolicited = false;
        task->asked = b->offset + b->moved;
    }
    task->burst_first = (uint8_t)((task->burst_first + 1) % TASK_BURSTS);
    task->burst_count--;
}

void target_data_out_end(struct conn *c, const struct pdu *pdu)
{
    struct task *task = c->command;
    c->command = NULL;
    if (!task)
        return;
    count_swallowed(task, pdu);
    struct burst *b = &task->bursts[task->burst_first];
    b->moved += pdu->data_len;
    b->data_sn++;
    if (!wire_final(pdu->bhs))
        return;
    end_burst(task, b);
    data_arrived(c, task);
}

/* --- the rest --- */

void target_tmf_request(struct conn *c, const struct pdu *pdu)
{
    struct wire_tmf_request t;
    get_tmf_request(pdu->bhs, &t);
    if (admit(c, t.cmd_sn, t.immediate) != ADMIT)
        return;
    struct task *task = new_task(c, TASK_TMF, t.immediate, t.itt, t.lun);
    if (!task) {
        reject(c, pdu, WIRE_REJECT_TOO_MANY_IMMEDIATE);
        return;
    }
    task->cmd_sn = t.cmd_sn;
    task->function = t.function;
    task->referenced_tag = t.referenced_tag;
    task->ref_cmd_sn = t.ref_cmd_sn;
    task_become(c->session, task, TASK_READY);
    conn_raise(c, CONN_EV_TMF)->task = task;
}

/* A ping is answered with its own data, as far as the peer takes it and our buffer holds it (11.19). */
void target_nop_out(struct conn *c, const struct pdu *pdu)
{
    struct wire_nop_out out;
    get_nop_out(pdu->bhs, &out);
    if (out.itt == WIRE_TAG_NONE) {
        c->ping_out = false;
        return;
    }
    if (admit(c, out.cmd_sn, out.immediate) != ADMIT)
        return;
    uint8_t bhs[WIRE_BHS_LEN];
    struct wire_nop_in in = {.lun = out.lun, .itt = out.itt, .ttt = WIRE_TAG_NONE};
    uint32_t len = least(least(pdu->data_len, c->max_send), CONN_CONTROL_MIN);
    put_nop_in(bhs, &in);
    memcpy(c->out.data, pdu->data, len);
    outbox_push(c, bhs, len);
}

/* A value that cannot be is rejected, and the old one stays in force (6.2). */
void conn_take_key(struct conn *c, struct span key, struct span value, struct writer *answer)
{
    struct negotiation *keys = &c->login.keys;
    enum wire_key offender;
    if (negotiation_take(keys, KEY_FULL_FEATURE, key, value, answer, &offender) != NEGOTIATION_OK)
        text_put_span(answer, key, "Reject");
    else if (offender == KEY_MAX_RECV_DATA_SEGMENT_LENGTH)
        c->max_send = keys->theirs[KEY_MAX_RECV_DATA_SEGMENT_LENGTH];
}

void target_text_request(struct conn *c, const struct pdu *pdu)
{
    struct wire_text_request t;
    const struct session_owner *owner = &c->session->config.owner;
    get_text_request(pdu->bhs, &t);
    if (admit(c, t.cmd_sn, t.immediate) != ADMIT)
        return;
    bool stale = t.ttt != WIRE_TAG_NONE && (t.ttt != c->text_ttt || c->text_cursor == 0);
    if (t.more || !t.final || stale) { /* no key there is makes sense in a longer request than one PDU */
        reject(c, pdu, WIRE_REJECT_PROTOCOL);
        return;
    }
    if (t.ttt == WIRE_TAG_NONE)
        c->text_cursor = c->login.keys.pairs = 0;
    struct writer answer = writer_over(c->out.data, least(c->max_send, CONN_CONTROL_MIN));
    struct span request = {(const char *)pdu->data, pdu->data_len};
    bool more = owner->text(owner->owner, c, request, &answer, &c->text_cursor);
    uint8_t bhs[WIRE_BHS_LEN];
    if (more)
        c->text_ttt = (c->text_ttt + 1) & 0x7fffffff;
    else
        c->text_cursor = 0;
    struct wire_text_response r = {
        .final = !more, .lun = t.lun, .itt = t.itt, .ttt = more ? c->text_ttt : WIRE_TAG_NONE};
    put_text_response(bhs, &r);
    outbox_push(c, bhs, (uint32_t)writer_len(&answer));
}

void target_logout_request(struct conn *c, const struct pdu *pdu)
{
    struct wire_logout_request l;
    get_logout_request(pdu->bhs, &l);
    if (admit(c, l.cmd_sn, l.immediate) != ADMIT)
        return;
    bool known =
        l.reason == WIRE_LOGOUT_SESSION || (l.reason == WIRE_LOGOUT_CONNECTION && l.cid == c->config.cid);
    struct wire_logout_response r = {.response = known                              ? 0
                                                 : l.reason == WIRE_LOGOUT_RECOVERY ? 2
                                                                                    : 1,
                                     .itt = l.itt};
    uint8_t bhs[WIRE_BHS_LEN];
    put_logout_response(bhs, &r);
    struct outbox_entry *e = outbox_push(c, bhs, 0);
    if (known) {
        e->farewell = true;
        conn_become(c, CONN_LOGOUT);
    }
}

/* Error recovery level 0: nothing is ever sent again (11.16). */
void target_snack(struct conn *c, const struct pdu *pdu)
{
    reject(c, pdu, WIRE_REJECT_SNACK);
}

bool conn_send_async(struct conn *c, const struct wire_async *a, const void *data, uint32_t len)
{
    uint8_t bhs[WIRE_BHS_LEN];
    if (c->phase != CONN_FULL || !outbox_spare(c) || len > sizeof c->out.data || len > c->max_send)
        return false;
    if (len > 0 && !outbox_data_free(c))
        return false;
    if (len > 0)
        memcpy(c->out.data, data, len);
    put_async(bhs, a);
    return outbox_push(c, bhs, len);
}

bool conn_send_nop_in(struct conn *c)
{
    uint8_t bhs[WIRE_BHS_LEN];
    struct wire_nop_in in = {.itt = WIRE_TAG_NONE, .ttt = 1};
    put_nop_in(bhs, &in);
    if (c->phase != CONN_FULL || !outbox_spare(c) || !outbox_push(c, bhs, 0))
        return false;
    c->ping_out = true;
    return true;
}
