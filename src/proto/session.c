/* SPDX-License-Identifier: MIT */
/* The session: tasks from a fixed pool, the command window, and what happens to tasks when connections come
 * and go. */
#include "proto/core.h"

#define TAG_BITS (SLOT_BITS + GENERATION_BITS)

static uint16_t pool_size(const struct session_config *config)
{
    return (uint16_t)(config->depth + SESSION_IMMEDIATE_MAX);
}

size_t session_size(const struct session_config *config)
{
    size_t slots = SLOTS_MEM((size_t)pool_size(config)) * sizeof(uint16_t);
    return sizeof(struct session) + pool_size(config) * sizeof(struct task) + slots + 64;
}

/* Until the target says otherwise. A window only grows (4.2.2.1): one that begins wider could never be right.
 */
static void close_window(struct session *s)
{
    s->exp_cmd_sn = s->cmd_sn;
    s->max_cmd_sn = s->cmd_sn - 1;
}

struct session *session_init(void *memory, const struct session_config *config)
{
    struct session *s = memory;
    uint8_t *at = (uint8_t *)memory + ((sizeof *s + 15) & ~(size_t)15);

    memset(s, 0, sizeof *s);
    s->config = *config;
    slots_init(&s->slots, (uint16_t *)(void *)at, pool_size(config));
    at += (SLOTS_MEM((size_t)pool_size(config)) * sizeof(uint16_t) + 15) & ~(size_t)15;
    s->tasks = (struct task *)(void *)at;
    s->cmd_sn = config->first_cmd_sn;
    close_window(s);
    struct list *heads[] = {&s->conns, &s->queued, &s->ready, &s->detached, &s->done};
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
        list_init(heads[i]);
    return s;
}

uint32_t session_tag(const struct session *s, const struct task *task)
{
    return slots_tag(&s->slots, task->slot) | (uint32_t)s->config.itt_engine_bits << TAG_BITS;
}

static struct task *take(struct session *s, enum task_kind kind)
{
    int slot = slots_take(&s->slots);
    if (slot < 0)
        return NULL;
    struct task *task = &s->tasks[slot];
    memset(task, 0, offsetof(struct task, sense)); /* sense_len 0: the bytes need no wiping */
    task->slot = (uint16_t)slot;
    task->kind = (uint8_t)kind;
    list_init(&task->link);
    list_init(&task->member);
    task->itt = session_tag(s, task);
    return task;
}

struct task *session_task(struct session *s, enum task_kind kind)
{
    uint32_t limit = kind == TASK_SCSI ? s->config.depth : pool_size(&s->config);
    return s->slots.taken < limit ? take(s, kind) : NULL;
}

struct task *session_task_ahead(struct session *s)
{
    struct task *task = take(s, TASK_SCSI);
    if (task)
        task->ahead = true;
    return task;
}

void session_hold(struct session *s, bool held)
{
    s->held = held;
}

/* What the window has promised must find room, however many immediate requests came in between: those have
 * the reserve for themselves. */
struct task *session_admit(struct session *s, enum task_kind kind, bool immediate)
{
    uint32_t taken = immediate ? s->reserved : s->slots.taken - s->reserved;
    uint32_t limit = immediate ? SESSION_IMMEDIATE_MAX : s->config.depth;
    struct task *task = taken < limit ? take(s, kind) : NULL;
    if (task && immediate) {
        task->reserve = true;
        s->reserved++;
    }
    return task;
}

void session_task_free(struct session *s, struct task *task)
{
    task_become(s, task, TASK_FREE);
    if (task->reserve)
        s->reserved--;
    task->reserve = false;
    list_remove(&task->link);
    list_remove(&task->member);
    slots_give(&s->slots, task->slot);
}

/* Looks a tag from the wire up: slot, generation and engine bits must all be those of a task in use. */
struct task *session_find(struct session *s, uint32_t tag)
{
    if (tag >> TAG_BITS != s->config.itt_engine_bits)
        return NULL;
    int slot = slots_find(&s->slots, tag & ((1u << TAG_BITS) - 1));
    return slot < 0 ? NULL : &s->tasks[slot];
}

void session_window(struct session *s, const struct wire_window *w)
{
    if (serial_lt(w->max_cmd_sn, w->exp_cmd_sn - 1))
        return; /* 4.2.2.1: both are ignored */
    if (serial_lt(s->exp_cmd_sn, w->exp_cmd_sn))
        s->exp_cmd_sn = w->exp_cmd_sn;
    if (serial_lt(s->max_cmd_sn, w->max_cmd_sn))
        s->max_cmd_sn = w->max_cmd_sn;
}

/* The window never shrinks: a command takes a slot and moves ExpCmdSN by one each. */
uint32_t session_max_cmd_sn(struct session *s)
{
    uint32_t taken = s->slots.taken - s->reserved - s->leaving;
    uint32_t free = taken < s->config.depth ? s->config.depth - taken : 0;
    uint32_t now = s->exp_cmd_sn + free - 1;
    if (serial_lt(s->max_cmd_sn, now))
        s->max_cmd_sn = now;
    return s->max_cmd_sn;
}

bool session_urgent(const struct task *task)
{
    return task->immediate || (task->kind == TASK_NOP && task->function == NOP_PLUG);
}

static uint32_t rank(const struct task *task)
{
    return session_urgent(task) ? 2 : task->ahead;
}

void session_submit(struct session *s, struct task *task)
{
    struct list *before = &s->queued;
    task_become(s, task, TASK_QUEUED);
    if (task->kind == TASK_TEXT)
        task->immediate = true; /* as are those that ask for the rest, and all have one I bit (11.10.3) */
    if (rank(task) > 0)         /* ahead of the others, behind those of its kind */
        for (before = s->queued.next; before != &s->queued; before = before->next)
            if (rank(list_entry(before, struct task, link)) < rank(task))
                break;
    list_push(before, &task->link);
}

static void reset_progress(struct task *task)
{
    task->aborted = false;
    task->moved = task->data_sn = task->r2t_sn = task->asked = 0;
    task->burst_first = task->burst_count = 0;
    task->data_pending = task->unsolicited = task->unsent = false;
    task->error = BERTH_OK;
    task->residual_kind = task->response = task->reject_reason = task->status = 0;
    task->residual = task->sense_len = 0;
}

/* A fresh generation: an answer to the old incarnation finds nobody. */
void session_requeue(struct session *s, struct task *task)
{
    list_remove(&task->link);
    uint16_t slot = task->slot;
    s->slots.generation[slot] = (uint16_t)((s->slots.generation[slot] + 2u) & ((1u << GENERATION_BITS) - 1));
    task->itt = session_tag(s, task);
    reset_progress(task);
    session_submit(s, task);
}

void session_restart(struct session *s)
{
    s->tsih = 0;
    close_window(s);
    memset(&s->keys, 0, sizeof s->keys);
}

/* Pings and logouts are the connection's own: nobody waits for them in session_reap(). */
static bool anonymous(const struct task *task)
{
    return task->kind == TASK_NOP || task->kind == TASK_LOGOUT;
}

static void done(struct session *s, struct task *task)
{
    task->conn = NULL;
    if (anonymous(task)) {
        session_task_free(s, task);
        return;
    }
    list_remove(&task->link);
    list_remove(&task->member);
    task_become(s, task, TASK_DONE);
    list_push(&s->done, &task->link);
}

struct session *task_session(const struct task *task)
{
    return task->conn->session;
}

static void landed(struct session *s, struct task *task)
{
    s->in_flight--;
    manage_over(s, task);
}

void task_finish(struct task *task)
{
    struct session *s = task_session(task);
    frame_forget_task(task->conn, task);
    list_remove(&task->link);
    task->data_pending = false;
    task_become(s, task, TASK_ENDING);
    if (task->tx_refs == 0) {
        landed(s, task);
        done(s, task);
    }
}

void task_settle(struct task *task)
{
    if (--task->tx_refs > 0 || task->state != TASK_ENDING)
        return;
    struct session *s = task_session(task);
    if (s->config.role == ROLE_TARGET) {
        session_end(s, task);
        return;
    }
    landed(s, task);
    done(s, task);
}

struct task *session_reap(struct session *s)
{
    struct list *node = list_pop(&s->done);
    return node ? list_entry(node, struct task, link) : NULL;
}

/* The connection is dead: outcomes that are known stand, the rest is for the owner's policy. A success that
 * was reported before our last byte was out, which now never will be, is none. */
static void detach(struct session *s, struct task *task)
{
    bool unsent = task->error == BERTH_OK && task->tx_refs > 0;
    bool over = task->kind == TASK_TMF || (task->state == TASK_ENDING && !unsent);
    list_remove(&task->member);
    landed(s, task);
    if (task->kind == TASK_TMF && task->state == TASK_ACTIVE)
        task->error = BERTH_E_UNKNOWN; /* whatever it was about, it is not to be asked again */
    if (anonymous(task) || over) {
        done(s, task);
        return;
    }
    list_remove(&task->link);
    task->conn = NULL;
    task->data_pending = false;
    task_become(s, task, TASK_DETACHED);
    list_push(&s->detached, &task->link);
}

/* A ping, a logout or task management that never got out must not get out on the next connection. */
static void withdraw(struct session *s, const struct conn *c)
{
    for (struct list *at = s->queued.next, *next; at != &s->queued; at = next) {
        struct task *task = list_entry(at, struct task, link);
        next = at->next;
        if (task->conn != c)
            continue;
        task->error = BERTH_E_UNKNOWN;
        done(s, task);
    }
}

void session_detach(struct session *s, struct conn *c)
{
    while (!list_empty(&c->tasks))
        detach(s, list_entry(c->tasks.next, struct task, member));
    withdraw(s, c);
}

void session_revoke(struct session *s, struct task *task, int error)
{
    if (task->state == TASK_ENDING || task->state == TASK_DONE)
        return; /* its outcome is known already */
    task->error = error;
    if (task->state == TASK_ACTIVE)
        task_finish(task);
    else
        done(s, task);
}

/* --- target --- */

void session_ready(struct session *s, struct task *task)
{
    list_remove(&task->link);
    task_become(s, task, TASK_READY);
    list_push(&s->ready, &task->link);
}

struct task *session_next_ready(struct session *s)
{
    struct list *node = list_pop(&s->ready);
    return node ? list_entry(node, struct task, link) : NULL;
}

static bool in_hand(const struct task *task)
{
    return task->state == TASK_READY && list_empty(&task->link);
}

/* Once for each task; it may have ended when this returns. */
static void cut_off(struct session *s, struct task *task)
{
    if (task->aborted)
        return;
    task->aborted = true;
    if (s->config.owner.task_abort)
        s->config.owner.task_abort(s->config.owner.owner, task);
}

/* A task that the owner has in hand is only cut off; session_respond() ends it. One into whose memory an
 * engine still receives stays until that is over. */
void session_end(struct session *s, struct task *task)
{
    bool stays = in_hand(task);
    list_remove(&task->link);
    if (task->tx_refs > 0) {
        task_become(s, task, TASK_ENDING);
        return;
    }
    task->conn = NULL;
    list_remove(&task->member);
    if (stays) {
        cut_off(s, task);
        return;
    }
    if (s->config.owner.task_end)
        s->config.owner.task_end(s->config.owner.owner, task);
    session_task_free(s, task);
}

void session_respond(struct session *s, struct task *task)
{
    task_become(s, task, TASK_ANSWER);
    if (task->aborted || !task->conn) {
        session_end(s, task);
        return;
    }
    task->moved = task->data_sn = 0;
    list_push(&task->conn->answering, &task->link);
}

static bool same_lun(const struct session *s, uint64_t a, uint64_t b)
{
    bool (*same)(uint64_t, uint64_t) = s->config.owner.same_lun;
    return a == b || (same && same(a, b));
}

static bool covers(const struct session *s, const struct task *tmf, const struct task *task)
{
    switch (tmf->function) {
    case WIRE_TMF_ABORT_TASK:
        return task->itt == tmf->referenced_tag;
    case WIRE_TMF_ABORT_TASK_SET:
    case WIRE_TMF_CLEAR_TASK_SET:
    case WIRE_TMF_LU_RESET:
        return same_lun(s, task->lun, tmf->lun);
    default:
        return true;
    }
}

/* A command that has come since is not meant. An immediate request has the number of the next that is none.
 */
static bool older(const struct task *task, const struct task *tmf)
{
    return serial_lt(task->cmd_sn, tmf->cmd_sn) || (task->immediate && task->cmd_sn == tmf->cmd_sn);
}

/* Whatever it is: what is in a slot that nobody has taken was never written. */
static struct task *taken(struct session *s, uint32_t slot)
{
    return slots_taken(&s->slots, slot) ? &s->tasks[slot] : NULL;
}

static bool unanswered(const struct task *task)
{
    return task->kind == TASK_SCSI && !task->aborted &&
           (task->state == TASK_ACTIVE || task->state == TASK_READY);
}

/* What is half sent can be left at that. Of its own session's commands the answers go out before the
 * response, as they would have anyhow; another session would hear them after it. */
static bool half_answered(const struct task *task)
{
    return task->kind == TASK_SCSI && task->state == TASK_ANSWER && !list_empty(&task->link);
}

static void abort_one(struct session *s, struct task *task)
{
    if (in_hand(task)) {
        cut_off(s, task);
        return;
    }
    frame_forget_task(task->conn, task);
    session_end(s, task);
}

static bool manageable(const struct task *tmf)
{
    return tmf->function >= WIRE_TMF_ABORT_TASK && tmf->function <= WIRE_TMF_TARGET_COLD_RESET &&
           tmf->function != WIRE_TMF_CLEAR_ACA;
}

uint8_t session_abort(struct session *s, const struct task *tmf)
{
    uint32_t ended = 0;
    bool one = tmf->function == WIRE_TMF_ABORT_TASK;
    if (!manageable(tmf))
        return WIRE_TMF_UNSUPPORTED;
    for (uint32_t i = 0; i < s->slots.count; i++) {
        struct task *task = taken(s, i);
        if (!task || !unanswered(task) || !covers(s, tmf, task) || !(one || older(task, tmf)))
            continue;
        abort_one(s, task);
        ended++;
    }
    return one && ended == 0 ? WIRE_TMF_NO_TASK : WIRE_TMF_COMPLETE;
}

uint32_t session_clear(struct session *s, const struct task *tmf)
{
    uint32_t ended = 0;
    for (uint32_t i = 0; i < s->slots.count; i++) {
        struct task *task = taken(s, i);
        if (!task || !(unanswered(task) || half_answered(task)) || !covers(s, tmf, task))
            continue;
        abort_one(s, task);
        ended++;
    }
    return ended;
}

bool session_up(const struct session *s)
{
    list_each (node, &s->conns)
        if (list_entry(node, struct conn, node)->phase == CONN_FULL)
            return true;
    return false;
}
