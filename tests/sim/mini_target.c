/* SPDX-License-Identifier: MIT */
#include "mini_target.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "base/bytes.h"
#include "host/crypto.h"
#include "scsi/cdb.h"
#include "scsi/identity.h"
#include "scsi/sense.h"
#include "proto/core.h" /* answers that no target of ours gives are put into the outbox by hand */
#include "lu/command.h"
#include "stream/tap.h"
#include "witness.h"

#define STAGE_BYTES 4096u
#define LOGIN_NS    (15ull * 1000000000)

struct mini_session {
    struct list link;
    struct mini_target *target;
    struct link wire;
    struct session *session;
    struct conn *conn;
    bool attached;
    bool over; /* its connection is gone */
    struct nexus nexus;
    struct referee *referee;
    struct tap tap; /* the referee's */
};

/* One command from its arrival until its answer is out; or, without a session, until it is executed or its
 * initiator is back. */
struct work {
    struct list link;
    struct mini_target *target;
    struct mini_session *session;
    struct task *task; /* NULL: its connection is dead */
    bool ready, held, answered, early;
    uint64_t due;
    uint8_t isid[6];
    uint32_t data_len;
    uint8_t *data;
    struct berth_seg seg;
    uint8_t cdb[SCSI_CDB_MAX];
    struct nexus nexus; /* without a session */
    struct command command;
};

struct mini_target {
    struct mini_config config;
    struct engine *engine;
    struct listener *listener;
    struct lu lu;
    struct lu_set set;
    struct list sessions, works;
    struct login_config login;
    struct mini_counters counters;
    uint16_t last_tsih;
    struct witness witness;
};

static uint32_t chance(struct mini_target *t)
{
    return t->config.random ? t->config.random(t->config.arg) : 0;
}

/* --- commands --- */

static void work_free(struct work *w)
{
    list_remove(&w->link);
    free(w->data);
    free(w);
}

static struct work *work_new(struct mini_session *ms, struct task *task)
{
    struct work *w = calloc(1, sizeof *w);
    w->target = ms->target;
    w->session = ms;
    w->task = task;
    memcpy(w->isid, ms->session->config.isid, sizeof w->isid);
    task->owner = w;
    list_push(&ms->target->works, &w->link);
    return w;
}

static uint8_t *work_memory(struct work *w, uint32_t len)
{
    w->data = calloc(1, len + 1);
    w->data_len = len;
    w->seg = seg_memory(w->data, len);
    return w->data;
}

/* The answer, by hand: the core would wait for the data. */
static void answer_early(struct mini_session *ms, struct work *w)
{
    uint8_t bhs[WIRE_BHS_LEN];
    struct wire_scsi_response r = {.status = SCSI_RESERVATION_CONFLICT, .itt = w->task->itt};
    put_scsi_response(bhs, &r);
    w->early = outbox_push(ms->conn, bhs, 0) != NULL;
}

static void task_begin(void *owner, struct task *task)
{
    struct mini_session *ms = owner;
    struct work *w = work_new(ms, task);
    work_memory(w, task->edtl);
    task->data = (struct extent){.segs = &w->seg, .count = 1, .len = task->edtl};
    if (ms->target->config.early)
        answer_early(ms, w);
}

static void task_end(void *owner, struct task *task)
{
    (void)owner;
    if (task->owner)
        work_free(task->owner);
}

/* What waits for its execution is not executed; but see cut_works(). */
static void task_abort(void *owner, struct task *task)
{
    struct mini_session *ms = owner;
    struct work *w = task->owner;
    if (ms->over)
        return;
    ms->target->counters.aborted++;
    if (w)
        w->answered = true;
    session_respond(ms->session, task);
}

static void command_done(struct command *c)
{
    (void)c;
}

static void describe(struct work *w)
{
    struct command *c = &w->command;
    c->nexus = w->session ? &w->session->nexus : &w->nexus;
    c->lun = w->task->lun;
    memcpy(w->cdb, w->task->cdb, sizeof w->cdb);
    c->cdb = w->cdb;
    c->cdb_len = w->task->cdb_len;
    c->edtl_in = w->task->read ? w->task->edtl : 0;
    c->edtl_out = w->task->write ? w->task->edtl : 0;
    c->done = command_done;
}

static void run(struct work *w)
{
    struct command *c = &w->command;
    uint32_t in = command_data_in(c);
    if (in > 0 && !w->data)
        work_memory(w, in);
    c->memory = w->data;
    if (c->edtl_out)
        c->data_out = (struct extent){.segs = &w->seg, .count = 1, .len = w->data_len};
    command_execute(c);
    w->target->counters.executed++;
}

static void set_write_residual(struct task *task, uint32_t wanted)
{
    if (wanted == task->edtl)
        return;
    task->residual_kind = wanted > task->edtl ? WIRE_RESIDUAL_OVERFLOW : WIRE_RESIDUAL_UNDERFLOW;
    task->residual = wanted > task->edtl ? wanted - task->edtl : task->edtl - wanted;
}

static void execute(struct work *w)
{
    struct task *task = w->task;
    describe(w);
    run(w);
    const struct command *c = &w->command;
    task->status = c->status;
    task->sense_len = c->sense_len;
    memcpy(task->sense, c->sense, c->sense_len);
    if (task->write)
        set_write_residual(task, command_data_out(c));
    if (task->read)
        task->data = c->data_in;
}

static void respond(struct work *w)
{
    struct session *s = w->session->session;
    w->answered = true;
    session_respond(s, w->task);
    link_kick(&w->session->wire);
}

/* Nobody waits for the answer any more; what is done is done all the same. */
static void execute_late(struct work *w)
{
    w->target->counters.late++;
    run(w);
    work_free(w);
}

static void carry_out(struct mini_session *ms, struct task *tmf)
{
    tmf->response = session_abort(ms->session, tmf);
    session_respond(ms->session, tmf);
    link_kick(&ms->wire);
}

static void work_due(struct work *w)
{
    if (w->task && w->task->kind == TASK_TMF) {
        w->answered = true;
        carry_out(w->session, w->task);
        return;
    }
    if (!w->session) {
        execute_late(w);
        return;
    }
    execute(w);
    if (w->target->config.ended)
        w->target->config.ended(w->target->config.arg, w->task);
    respond(w);
}

static uint64_t due(struct mini_target *t, uint64_t most)
{
    return engine_now(t->engine) + (most ? chance(t) % most : 0);
}

static void admit(struct mini_session *ms, struct task *task)
{
    struct mini_target *t = ms->target;
    struct work *w = task->owner ? task->owner : work_new(ms, task);
    enum mini_turn turn = t->config.script ? t->config.script(t->config.arg, task) : MINI_EXECUTE;
    t->counters.commands++;
    w->ready = true;
    w->held = turn == MINI_HOLD || turn == MINI_LOSE || turn == MINI_LOSE_ALL || w->early;
    w->due = due(t, turn == MINI_SLOW || turn == MINI_STRAND ? t->config.slow_ns : t->config.delay_ns);
    if (turn == MINI_ANSWER && !w->early)
        respond(w);
    if (turn == MINI_LOSE || turn == MINI_LOSE_ALL)
        execute(w);
    if (turn == MINI_DROP || turn == MINI_LOSE_ALL || turn == MINI_STRAND)
        ms->conn->failed = true; /* seen when the events have been drained */
}

static bool waiting(const struct work *w)
{
    return w->ready && !w->held && !w->answered;
}

static struct work *next_due(struct mini_target *t, uint64_t now)
{
    list_each (at, &t->works) {
        struct work *w = list_entry(at, struct work, link);
        if (waiting(w) && w->due <= now)
            return w;
    }
    return NULL;
}

static uint64_t first_due(struct mini_target *t)
{
    uint64_t first = UINT64_MAX;
    list_each (at, &t->works) {
        const struct work *w = list_entry(at, struct work, link);
        if (waiting(w) && w->due < first)
            first = w->due;
    }
    return first;
}

uint64_t mini_work(struct mini_target *t)
{
    struct work *w;
    while ((w = next_due(t, engine_now(t->engine))) != NULL)
        work_due(w);
    return first_due(t);
}

/* --- scripts --- */

void mini_status(struct task *task, uint8_t status)
{
    task->status = status;
    if (task->read)
        task->data = (struct extent){0};
}

void mini_sense_code(struct task *task, uint8_t response_code, uint8_t key, uint16_t asc)
{
    struct scsi_sense sense = {.key = key, .asc = asc};
    mini_sense_full(task, &sense);
    task->sense[0] = response_code;
}

void mini_sense_full(struct task *task, const struct scsi_sense *sense)
{
    mini_status(task, SCSI_CHECK_CONDITION);
    task->sense_len = (uint32_t)scsi_put_sense(task->sense, sense);
}

void mini_sense(struct task *task, uint8_t key, uint16_t asc)
{
    mini_sense_code(task, 0x70, key, asc);
}

void mini_data(struct task *task, const void *bytes, uint32_t len)
{
    struct work *w = task->owner;
    mini_status(task, SCSI_GOOD);
    memcpy(work_memory(w, len), bytes, len);
    task->data = (struct extent){.segs = &w->seg, .count = 1, .len = len};
}

uint64_t mini_lba(const struct task *task)
{
    return task->cdb[0] >> 5 == 4 ? get64(task->cdb + 2) : get32(task->cdb + 2);
}

uint32_t mini_blocks(const struct task *task)
{
    return task->cdb[0] >> 5 == 4 ? get32(task->cdb + 10) : get16(task->cdb + 7);
}

/* --- sessions --- */

static struct mini_session *of_link(struct link *l)
{
    return list_entry(l, struct mini_session, wire);
}

static void outlive(struct work *w)
{
    describe(w);
    w->nexus = w->session->nexus;
    memset(w->nexus.attention, 0, sizeof w->nexus.attention);
    w->command.nexus = &w->nexus;
    w->session = NULL;
    w->task = NULL;
}

/* Commands that wait for their execution lose their session; with `late` they stay all the same. */
static void cut_works(struct mini_session *ms)
{
    struct list *head = &ms->target->works;
    for (struct list *at = head->next, *next; at != head; at = next) {
        next = at->next;
        struct work *w = list_entry(at, struct work, link);
        if (w->session != ms)
            continue;
        if (waiting(w) && w->task->kind == TASK_SCSI && ms->target->config.late)
            outlive(w);
        else
            work_free(w);
    }
}

static void session_over(struct mini_session *ms)
{
    link_close(&ms->wire);
    ms->over = true;
    if (ms->attached)
        conn_drop(ms->conn);
    cut_works(ms);
    list_remove(&ms->link);
    ms->target->counters.sessions--;
    if (ms->referee)
        referee_free(ms->referee);
    free(ms->conn);
    free(ms->session);
    free(ms);
}

static bool same_initiator(const struct mini_session *a, const uint8_t *isid)
{
    return memcmp(a->session->config.isid, isid, 6) == 0;
}

/* The same initiator is back: what it has sent before is not executed any more from here on. */
static void reinstate(struct mini_session *ms)
{
    struct mini_target *t = ms->target;
    const uint8_t *isid = ms->session->config.isid;
    for (struct list *at = t->sessions.next, *next; at != &t->sessions; at = next) {
        next = at->next;
        struct mini_session *old = list_entry(at, struct mini_session, link);
        if (old != ms && old->attached && conn_phase(old->conn) != CONN_LOGIN && same_initiator(old, isid)) {
            t->counters.reinstated++;
            session_over(old);
        }
    }
    for (struct list *at = t->works.next, *next; at != &t->works; at = next) {
        next = at->next;
        struct work *w = list_entry(at, struct work, link);
        if (!w->session && memcmp(w->isid, isid, 6) == 0)
            work_free(w);
    }
}

/* By hand, from what the core has kept of the request: opcode, flags and tags are right. */
static void reject(struct mini_session *ms, struct task *tmf)
{
    uint8_t bhs[WIRE_BHS_LEN];
    struct wire_reject r = {.reason = ms->target->config.reject_reason};
    struct wire_tmf_request q = {.immediate = tmf->immediate,
                                 .function = tmf->function,
                                 .lun = tmf->lun,
                                 .itt = tmf->itt,
                                 .referenced_tag = tmf->referenced_tag,
                                 .cmd_sn = tmf->cmd_sn,
                                 .ref_cmd_sn = tmf->ref_cmd_sn};
    put_tmf_request(ms->conn->out.data, &q);
    put_reject(bhs, &r);
    outbox_push(ms->conn, bhs, WIRE_BHS_LEN);
    session_task_free(ms->session, tmf);
}

/* What nobody answers stays where it is until the session ends. */
static bool manage(struct mini_session *ms, struct task *tmf)
{
    struct mini_target *t = ms->target;
    enum mini_turn turn = t->config.tmf ? t->config.tmf(t->config.arg, tmf) : MINI_EXECUTE;
    t->counters.managed++;
    if (turn == MINI_EXECUTE)
        carry_out(ms, tmf);
    if (turn == MINI_ANSWER)
        session_respond(ms->session, tmf);
    if (turn == MINI_REJECT)
        reject(ms, tmf);
    if (turn == MINI_DROP)
        ms->conn->failed = true;
    if (turn == MINI_SLOW) {
        struct work *w = work_new(ms, tmf);
        w->ready = true;
        w->due = due(t, t->config.slow_ns);
    }
    return true;
}

static bool event(struct mini_session *ms, const struct conn_event *ev)
{
    switch ((enum conn_event_kind)ev->kind) {
    case CONN_EV_LOGGED_IN:
        ms->target->counters.logins++;
        memcpy(ms->target->counters.isid, ms->session->config.isid, 6);
        reinstate(ms);
        return true;
    case CONN_EV_TMF:
        return manage(ms, ev->task);
    case CONN_EV_LOGGED_OUT:
        ms->target->counters.logouts++;
        if (ms->target->config.lingers)
            return true;
        session_over(ms);
        return false;
    case CONN_EV_LOGIN_FAILED:
    case CONN_EV_ERROR:
        session_over(ms);
        return false;
    default:
        return true;
    }
}

static void on_progress(struct link *l)
{
    struct mini_session *ms = of_link(l);
    struct conn_event ev;
    struct task *task;
    while (conn_event(ms->conn, &ev))
        if (!event(ms, &ev))
            return;
    while ((task = session_next_ready(ms->session)) != NULL)
        admit(ms, task);
    if (ms->conn->failed)
        session_over(ms);
}

static struct conn_config conn_config(struct mini_target *t)
{
    return (struct conn_config){.stage_bytes = STAGE_BYTES,
                                .control_bytes = CONN_CONTROL_MIN,
                                .direct_bytes = STAGE_BYTES,
                                .login_timeout_ns = LOGIN_NS,
                                .login = &t->login};
}

static void listen_in(struct mini_session *ms)
{
    struct referee *r = ms->referee = witness_connection(&ms->target->witness);
    tap_init(&ms->tap, ms->conn, NULL, referee_received(r), referee_sent(r));
    link_attach_filter(&ms->wire, &ms->tap.filter);
}

static void on_up(struct link *l)
{
    struct mini_session *ms = of_link(l);
    struct conn_config cc = conn_config(ms->target);
    if (ms->target->config.deaf)
        return;
    ms->conn = calloc(1, conn_size(ms->session, &cc));
    conn_init(ms->conn, ms->session, &cc, engine_now(ms->target->engine));
    ms->attached = true;
    link_attach(l, ms->conn);
    listen_in(ms);
}

static void on_down(struct link *l, int error)
{
    (void)error;
    session_over(of_link(l));
}

static const struct link_owner callbacks = {.up = on_up, .progress = on_progress, .down = on_down};

static uint16_t login_check(void *owner, struct conn *c)
{
    struct mini_session *ms = owner;
    struct mini_target *t = ms->target;
    struct login *login = conn_login(c);
    const char *where = t->config.redirect;
    uint16_t status = t->config.login ? t->config.login(t->config.arg) : 0;
    if (where)
        portal_parse((struct span){where, strlen(where)}, &login->redirect);
    if (status)
        return status;
    if (!ms->session->discovery && strcmp(login->target_name, MINI_IQN) != 0)
        return WIRE_LOGIN_NOT_FOUND;
    ms->session->tsih = ++t->last_tsih ? t->last_tsih : ++t->last_tsih;
    return WIRE_LOGIN_SUCCESS;
}

static bool text(void *owner, struct conn *c, struct span request, struct writer *answer, uint32_t *cursor)
{
    struct mini_session *ms = owner;
    (void)c;
    (void)request;
    (void)cursor;
    if (ms->target->config.targets)
        ms->target->config.targets(ms->target->config.arg, answer);
    return false;
}

static struct link *on_accept(void *owner, const struct engine_addr *from)
{
    struct mini_target *t = owner;
    struct mini_session *ms = calloc(1, sizeof *ms);
    struct session_config sc = {
        .role = ROLE_TARGET, .depth = t->config.depth ? t->config.depth : 16, .crypto = host_crypto()};
    (void)from;
    ms->target = t;
    ms->wire.owner = &callbacks;
    sc.owner = (struct session_owner){.task_begin = task_begin,
                                      .task_end = task_end,
                                      .task_abort = task_abort,
                                      .login_check = login_check,
                                      .text = text,
                                      .owner = ms};
    ms->session = session_init(malloc(session_size(&sc)), &sc);
    nexus_init(&ms->nexus, &t->set, 1);
    if (!t->config.attentions)
        memset(ms->nexus.attention, 0, sizeof ms->nexus.attention);
    t->counters.sessions++;
    list_push(&t->sessions, &ms->link);
    return &ms->wire;
}

static void announce(struct mini_target *t, const struct wire_async *a, const void *data, uint32_t len)
{
    list_each (at, &t->sessions) {
        struct mini_session *ms = list_entry(at, struct mini_session, link);
        if (ms->attached && conn_send_async(ms->conn, a, data, len))
            link_kick(&ms->wire);
    }
}

void mini_release(struct mini_target *t)
{
    for (struct list *at = t->works.next, *next; at != &t->works; at = next) {
        next = at->next;
        struct work *w = list_entry(at, struct work, link);
        if (!w->ready || !w->held || w->answered || !w->session)
            continue;
        w->held = false;
        execute(w);
        respond(w);
    }
}

void mini_async(struct mini_target *t, const struct wire_async *a)
{
    announce(t, a, NULL, 0);
}

void mini_event(struct mini_target *t, const void *data, uint32_t len)
{
    announce(t, &(struct wire_async){.event = WIRE_ASYNC_SCSI, .lun = scsi_lun_encode(0)}, data, len);
}

/* --- life --- */

static void set_login(struct mini_target *t)
{
    struct negotiation *n = &t->login.want;
    const struct mini_config *c = &t->config;
    t->login.portal_group = t->config.group ? t->config.group : 1;
    negotiation_init(n, ROLE_TARGET);
    negotiation_want(n, KEY_AUTH_METHOD, CHOICES1(AUTH_NONE));
    negotiation_want(n, KEY_HEADER_DIGEST, CHOICES2(DIGEST_CRC32C, DIGEST_NONE));
    negotiation_want(n, KEY_DATA_DIGEST, CHOICES2(DIGEST_CRC32C, DIGEST_NONE));
    negotiation_want(n, KEY_INITIAL_R2T, 0);
    negotiation_want(n, KEY_IMMEDIATE_DATA, 1);
    negotiation_want(n, KEY_MAX_BURST_LENGTH, c->max_burst ? c->max_burst : 65536);
    negotiation_want(n, KEY_FIRST_BURST_LENGTH, c->first_burst ? c->first_burst : 8192);
    negotiation_want(n, KEY_MAX_OUTSTANDING_R2T, 2);
    negotiation_want(n, KEY_DATA_PDU_IN_ORDER, 1);
    negotiation_want(n, KEY_DATA_SEQUENCE_IN_ORDER, 1);
    negotiation_want(n, KEY_DEFAULT_TIME2WAIT, c->time2wait_s);
    negotiation_want(n, KEY_DEFAULT_TIME2RETAIN, 0);
    n->wanted = 0;
    negotiation_want(n, KEY_MAX_RECV_DATA_SEGMENT_LENGTH, c->segment ? c->segment : 8192);
}

static void open_lu(struct mini_target *t, const char *lu)
{
    char why[256];
    int failed = lu_open(&t->lu, lu, 0, MINI_IQN, why, sizeof why);
    assert(!failed);
    (void)failed;
    t->set.lus[0] = &t->lu;
}

static uint64_t time_of(void *target)
{
    struct mini_target *t = target;
    return engine_now(t->engine);
}

struct mini_target *mini_new(struct engine *engine, const struct mini_config *config)
{
    struct mini_target *t = calloc(1, sizeof *t);
    t->config = *config;
    t->engine = engine;
    list_init(&t->sessions);
    list_init(&t->works);
    open_lu(t, config->lu ? config->lu : "ram:1M");
    witness_begin(&t->witness, time_of, t, config->breaks);
    return t;
}

void mini_start(struct mini_target *t)
{
    struct engine_addr where;
    uint8_t port[2];
    struct sockaddr sa = {.sa_family = AF_UNSPEC};
    put16(port, t->config.port);
    memcpy(sa.sa_data, port, 2);
    memset(&where, 0, sizeof where);
    memcpy(&where.sa, &sa, sizeof sa);
    where.len = sizeof sa;
    set_login(t);
    if (!t->listener)
        t->engine->ops->listen(t->engine, &where, on_accept, t, &t->listener);
}

void mini_reset(struct mini_target *t)
{
    while (!list_empty(&t->sessions))
        session_over(list_entry(t->sessions.next, struct mini_session, link));
}

void mini_stop(struct mini_target *t)
{
    mini_reset(t);
    while (!list_empty(&t->works))
        work_free(list_entry(t->works.next, struct work, link));
    if (t->listener)
        t->engine->ops->unlisten(t->engine, t->listener);
    t->listener = NULL;
}

void mini_swap(struct mini_target *t, const char *lu)
{
    lu_close(&t->lu);
    open_lu(t, lu);
}

void mini_resize(struct mini_target *t, uint64_t size)
{
    char text[256];
    int failed = lu_resize(&t->lu, &t->set, size, &(struct lu_reason){text, sizeof text});
    assert(!failed);
    (void)failed;
    list_each (at, &t->sessions)
        lu_tell(&t->lu, &list_entry(at, struct mini_session, link)->nexus, ASC_CAPACITY_CHANGED);
}

void mini_free(struct mini_target *t)
{
    mini_stop(t);
    lu_close(&t->lu);
    witness_end(&t->witness);
    free(t);
}

struct mini_config *mini_config(struct mini_target *t)
{
    return &t->config;
}

uint8_t *mini_disk(struct mini_target *t)
{
    return (uint8_t *)(uintptr_t)t->lu.backend->peek(&t->lu, 0, t->lu.size);
}

const struct mini_counters *mini_counters(const struct mini_target *t)
{
    return &t->counters;
}
