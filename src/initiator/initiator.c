/* SPDX-License-Identifier: MIT */
/* One session's life: connection attempts, login events, orderly end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "host/crypto.h"
#include "host/identity.h"
#include "initiator/initiator.h"

#define STAGE_BYTES  (64u * 1024)
#define DIRECT_BYTES (8u * 1024)
#define NS_PER_MS    1000000ull
#define SCAN_NS      (100 * NS_PER_MS) /* how often deadlines of commands are looked at */

static const struct link_owner link_callbacks;

uint64_t initiator_now(const struct initiator *i)
{
    return engine_now(i->engine);
}

const char *initiator_detail(const struct initiator *i)
{
    return i->detail;
}

/* "192.0.2.1:3260: connection refused: nothing listens there": where, what, and the rule or words of the
 * peer. */
void initiator_say(struct initiator *i, int error, const char *text)
{
    char where[ADDRESS_MAX + 16];
    portal_print(&i->portal, where, sizeof where);
    snprintf(i->detail, sizeof i->detail, "%s: %s%s%s", where, berth_error_text(error), text ? ": " : "",
             text ? text : "");
}

/* --- tasks --- */

struct task *initiator_task(struct initiator *i, enum task_kind kind)
{
    return i->state == INITIATOR_FAILED ? NULL : session_task(i->session, kind);
}

static void arm(struct initiator *i, struct task *task)
{
    task->deadline_ns = initiator_now(i) + i->policy.command_timeout_ms * NS_PER_MS;
}

void initiator_submit(struct initiator *i, struct task *task)
{
    arm(i, task);
    session_submit(i->session, task);
    if (i->attached)
        link_kick(&i->link);
}

void initiator_resubmit(struct initiator *i, struct task *task)
{
    i->replays++;
    arm(i, task);
    session_requeue(i->session, task);
    if (i->attached)
        link_kick(&i->link);
}

void initiator_task_free(struct initiator *i, struct task *task)
{
    session_task_free(i->session, task);
}

static void deliver(struct initiator *i)
{
    struct task *task;
    while ((task = session_reap(i->session)) != NULL) {
        if (task->kind == TASK_NOP || task->kind == TASK_LOGOUT)
            session_task_free(i->session, task);
        else
            i->owner.task_done(i->owner.owner, task);
    }
}

/* --- connection --- */

void initiator_drop(struct initiator *i)
{
    link_close(&i->link);
    if (!i->attached)
        return;
    i->attached = false;
    i->link.conn = NULL;
    conn_drop(i->conn);
}

static void lost(struct initiator *i, int error, const char *text)
{
    if (i->state == INITIATOR_FAILED || i->state == INITIATOR_WAITING)
        return; /* known already */
    if (i->state == INITIATOR_LEAVING && !i->relogin) {
        initiator_drop(i);
        i->state = INITIATOR_IDLE;
        return;
    }
    recovery_begin(i, error, text);
}

static void on_up(struct link *l)
{
    struct initiator *i = list_entry(l, struct initiator, link);
    session_restart(i->session);
    conn_init(i->conn, i->session, &i->conn_config, initiator_now(i));
    i->attached = true;
    i->state = INITIATOR_LOGIN;
    link_attach(l, i->conn);
    link_kick(l);
}

static void on_down(struct link *l, int error)
{
    struct initiator *i = list_entry(l, struct initiator, link);
    bool early = i->state == INITIATOR_LOGIN && !conn_login(i->conn)->started;
    if (early && error == BERTH_E_CLOSED)
        lost(i, BERTH_E_NOT_ISCSI, "it closed the connection without answering the login");
    else
        lost(i, error, l->last_errno ? strerror(l->last_errno) : NULL);
}

/* --- events --- */

static void redirect(struct initiator *i)
{
    struct portal to = conn_login(i->conn)->redirect;
    const char *why = NULL;
    initiator_drop(i);
    if (++i->redirects > INITIATOR_REDIRECTS) {
        recovery_fail(i, BERTH_E_REDIRECT);
        return;
    }
    i->portal = to;
    i->next_address = 0;
    if (host_resolve(&to, &i->addresses, &why) == BERTH_OK) {
        initiator_attempt(i, initiator_now(i));
        return;
    }
    initiator_say(i, BERTH_E_REDIRECT, why);
    recovery_fail(i, BERTH_E_REDIRECT);
}

/* The target wants us out or has thrown us out (11.9.1): leave in order where we may, then come back. */
static void asked_to_go(struct initiator *i, const struct wire_async *a)
{
    switch (a->event) {
    case WIRE_ASYNC_LOGOUT:
    case WIRE_ASYNC_RENEGOTIATE:
        i->relogin = true;
        i->state = INITIATOR_LEAVING;
        i->attempt_deadline = initiator_now(i) + 1000 * NS_PER_MS * (a->parameter3 ? a->parameter3 : 1u);
        conn_logout(i->conn, WIRE_LOGOUT_SESSION);
        break;
    case WIRE_ASYNC_DROP_CONNECTION:
    case WIRE_ASYNC_DROP_ALL:
        lost(i, BERTH_E_CLOSED, "the target announced that it drops the connection");
        break;
    default:
        break; /* vendor's own, and what concerns single tasks: those get their status */
    }
}

static void on_event(struct initiator *i, const struct conn_event *ev)
{
    switch ((enum conn_event_kind)ev->kind) {
    case CONN_EV_LOGGED_IN:
        recovery_up(i);
        break;
    case CONN_EV_REDIRECT:
        redirect(i);
        break;
    case CONN_EV_LOGIN_FAILED:
    case CONN_EV_ERROR:
        lost(i, ev->error, ev->rule);
        break;
    case CONN_EV_LOGGED_OUT:
        lost(i, BERTH_E_CLOSED, "logged out at the target's request");
        break;
    case CONN_EV_ASYNC:
        asked_to_go(i, &ev->async);
        break;
    case CONN_EV_REJECT: /* its task has ended with BERTH_E_REJECTED */
    case CONN_EV_TMF:    /* target's */
        break;
    }
}

void initiator_drain(struct initiator *i)
{
    struct conn_event ev;
    deliver(i);
    while (i->attached && conn_event(i->conn, &ev))
        on_event(i, &ev);
    deliver(i);
    if (i->attached && conn_tx_pending(i->conn))
        link_kick(&i->link);
}

static void on_progress(struct link *l)
{
    initiator_drain(list_entry(l, struct initiator, link));
}

static const struct link_owner link_callbacks = {on_up, on_progress, on_down};

/* --- attempts --- */

/* Tries the next address of the portal; all of them were in vain when recovery says so. */
void initiator_attempt(struct initiator *i, uint64_t now)
{
    struct engine_addr to;
    if (i->next_address >= i->addresses.count)
        i->next_address = 0;
    memcpy(&to.sa, &i->addresses.sa[i->next_address], sizeof to.sa);
    to.len = i->addresses.len[i->next_address++];
    i->state = INITIATOR_CONNECTING;
    i->attempt_deadline = now + i->policy.connect_timeout_ms * NS_PER_MS;
    int error = i->engine->ops->connect(i->engine, &i->link, &to, i->attempt_deadline);
    if (error)
        lost(i, error, strerror(i->link.last_errno));
}

/* --- timers --- */

static bool expired(const struct task *task, uint64_t now)
{
    return (task->state == TASK_ACTIVE || task->state == TASK_QUEUED) && task->deadline_ns &&
           now >= task->deadline_ns;
}

/* A command that is late costs the connection: reinstating the session is the one abort that every target
 * obeys. */
static void scan_deadlines(struct initiator *i, uint64_t now)
{
    struct session *s = i->session;
    bool late = false;
    i->scan_at = now + SCAN_NS;
    for (uint32_t n = 0; n < s->slots.count; n++)
        if (expired(&s->tasks[n], now)) {
            session_revoke(s, &s->tasks[n], BERTH_E_TIMEOUT);
            late = true;
        }
    if (late)
        lost(i, BERTH_E_TIMEOUT, "a command got no answer");
}

static void keep_alive(struct initiator *i, uint64_t now)
{
    uint64_t interval = i->policy.ping_interval_ms * NS_PER_MS, heard = conn_last_rx(i->conn);
    if (interval == 0 || now < heard + interval)
        return;
    if (!conn_ping_out(i->conn)) {
        if (conn_ping(i->conn))
            link_kick(&i->link);
        i->ping_at = now;
    } else if (heard < i->ping_at && now >= i->ping_at + i->policy.ping_timeout_ms * NS_PER_MS) {
        lost(i, BERTH_E_NO_ANSWER, "no byte came for longer than the ping timeout");
    }
}

static void login_time(struct initiator *i, uint64_t now)
{
    if (now < i->attempt_deadline)
        return;
    bool silent = i->attached && !conn_login(i->conn)->started;
    lost(i, BERTH_E_NO_ANSWER,
         silent ? "connected, but the login got no answer" : "the login did not finish in time");
}

static void tick(struct initiator *i)
{
    uint64_t now = initiator_now(i);
    switch ((enum initiator_state)i->state) {
    case INITIATOR_UP:
        if (now >= i->scan_at)
            scan_deadlines(i, now);
        if (i->state == INITIATOR_UP)
            keep_alive(i, now);
        break;
    case INITIATOR_LOGIN:
        login_time(i, now);
        break;
    case INITIATOR_LEAVING:
        if (now >= i->attempt_deadline)
            lost(i, BERTH_E_NO_ANSWER, "the logout got no answer");
        break;
    case INITIATOR_WAITING:
        recovery_tick(i, now);
        break;
    case INITIATOR_IDLE:
    case INITIATOR_CONNECTING: /* the engine watches the time */
    case INITIATOR_FAILED:
        break;
    }
}

/* When tick() must run next. */
static uint64_t next_tick(const struct initiator *i)
{
    uint64_t ping =
        i->attached && i->policy.ping_interval_ms
            ? (conn_ping_out(i->conn) ? i->ping_at + i->policy.ping_timeout_ms * NS_PER_MS
                                      : conn_last_rx(i->conn) + i->policy.ping_interval_ms * NS_PER_MS)
            : UINT64_MAX;
    switch ((enum initiator_state)i->state) {
    case INITIATOR_UP:
        return ping < i->scan_at || i->session->slots.taken == 0 ? ping : i->scan_at;
    case INITIATOR_WAITING:
        return i->retry_at;
    case INITIATOR_LOGIN:
    case INITIATOR_LEAVING:
        return i->attempt_deadline;
    default:
        return UINT64_MAX;
    }
}

int initiator_wait(struct initiator *i, uint64_t until_ns)
{
    uint64_t next = next_tick(i);
    if (i->state == INITIATOR_FAILED)
        return i->error;
    int error = engine_poll(i->engine, next < until_ns ? next : until_ns);
    if (error)
        return error;
    tick(i);
    initiator_drain(i);
    if (i->owner.cancelled && i->owner.cancelled(i->owner.owner))
        return BERTH_E_ABORTED;
    return i->state == INITIATOR_FAILED ? i->error : BERTH_OK;
}

/* --- opening and closing --- */

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* What we ask for is what every engine that may ever carry this session can do. */
static void want_sizes(struct initiator *i, struct negotiation *n)
{
    struct engine_limits limits;
    i->engine->ops->limits(&limits);
    uint32_t segment = i->login.discovery ? CONN_CONTROL_MAX : INITIATOR_SEGMENT;
    negotiation_want(n, KEY_MAX_RECV_DATA_SEGMENT_LENGTH, least(segment, limits.max_recv_segment));
    if (i->login.discovery)
        return;
    negotiation_want(n, KEY_MAX_BURST_LENGTH, least(INITIATOR_BURST, limits.max_burst));
    negotiation_want(n, KEY_FIRST_BURST_LENGTH, least(INITIATOR_FIRST_BURST, limits.max_burst));
}

static void set_login(struct initiator *i, const struct initiator_config *config)
{
    static const uint8_t algorithms[] = {WIRE_CHAP_SHA3_256, WIRE_CHAP_SHA256, WIRE_CHAP_SHA1, WIRE_CHAP_MD5};
    struct login_config *l = &i->login;
    struct negotiation *n = &l->want;
    const struct initiator_policy *p = &i->policy;

    l->initiator_name = i->initiator_name;
    l->target_name = config->target_name ? i->target_name : NULL;
    l->discovery = config->target_name == NULL;
    memcpy(l->algorithms, algorithms, sizeof algorithms);
    l->algorithm_count = sizeof algorithms;
    negotiation_init(n, ROLE_INITIATOR);
    n->discovery = l->discovery;
    negotiation_want(n, KEY_HEADER_DIGEST, CHOICES1(p->header_digest ? DIGEST_CRC32C : DIGEST_NONE));
    negotiation_want(n, KEY_DATA_DIGEST, CHOICES1(p->data_digest ? DIGEST_CRC32C : DIGEST_NONE));
    want_sizes(i, n);
    negotiation_want(n, KEY_ERROR_RECOVERY_LEVEL, 0);
    negotiation_want(n, KEY_DEFAULT_TIME2WAIT, 0);
    negotiation_want(n, KEY_DEFAULT_TIME2RETAIN, 0);
    if (l->discovery)
        return;
    negotiation_want(n, KEY_MAX_CONNECTIONS, 1);
    negotiation_want(n, KEY_INITIAL_R2T, 0);
    negotiation_want(n, KEY_IMMEDIATE_DATA, 1);
    negotiation_want(n, KEY_MAX_OUTSTANDING_R2T, TASK_R2T_MAX - 1);
    negotiation_want(n, KEY_DATA_PDU_IN_ORDER, 1);
    negotiation_want(n, KEY_DATA_SEQUENCE_IN_ORDER, 1);
}

static struct login_credentials keep(const struct login_credentials *c, char *name, uint8_t *secret)
{
    if (!c->name)
        return (struct login_credentials){0};
    snprintf(name, CHAP_NAME_MAX + 1, "%s", c->name);
    memcpy(secret, c->secret, c->secret_len);
    return (struct login_credentials){name, secret, c->secret_len};
}

static int make_session(struct initiator *i)
{
    struct session_config sc = {
        .role = ROLE_INITIATOR, .depth = i->policy.depth, .first_cmd_sn = 1, .crypto = host_crypto()};
    /* An ISID of the random kind (11.12.5), the same for as long as this initiator lives: logging in again
     * with it tells the target to end the old session first. */
    sc.isid[0] = 0x80;
    if (!sc.crypto->random(sc.isid + 1, 5))
        return BERTH_E_SYSTEM;
    i->conn_config = (struct conn_config){.cid = 1,
                                          .stage_bytes = STAGE_BYTES,
                                          .control_bytes = CONN_CONTROL_MAX,
                                          .direct_bytes = DIRECT_BYTES,
                                          .login_timeout_ns = i->policy.connect_timeout_ms * NS_PER_MS,
                                          .login = &i->login};
    void *memory = calloc(1, session_size(&sc));
    if (!memory)
        return BERTH_E_MEMORY;
    i->session = session_init(memory, &sc);
    i->conn = calloc(1, conn_size(i->session, &i->conn_config));
    return i->conn ? BERTH_OK : BERTH_E_MEMORY;
}

static int set_up(struct initiator *i, const struct initiator_config *config)
{
    i->policy = config->policy;
    i->home = i->portal = config->portal;
    if (config->initiator_name)
        snprintf(i->initiator_name, sizeof i->initiator_name, "%s", config->initiator_name);
    else
        host_initiator_name(i->initiator_name, sizeof i->initiator_name);
    if (config->target_name)
        snprintf(i->target_name, sizeof i->target_name, "%s", config->target_name);
    i->link.owner = &link_callbacks;
    i->owns_engine = config->engine == NULL;
    i->engine = config->engine ? config->engine : engine_new("sockets");
    if (!i->engine)
        return BERTH_E_SYSTEM;
    set_login(i, config);
    i->login.mine = keep(&config->mine, i->user, i->secret);
    i->login.peer = keep(&config->peer, i->mutual_user, i->mutual_secret);
    return make_session(i);
}

int initiator_new(struct initiator **out, const struct initiator_config *config,
                  const struct initiator_owner *owner, char *detail, size_t detail_size)
{
    struct initiator *i = calloc(1, sizeof *i);
    *out = NULL;
    if (!i)
        return BERTH_E_MEMORY;
    i->owner = *owner;
    int error = set_up(i, config);
    if (error) {
        snprintf(detail, detail_size, "%s", berth_error_text(error));
        initiator_free(i);
        return error;
    }
    *out = i;
    return BERTH_OK;
}

/* Everything that is not done yet comes back. */
static void abort_all(struct initiator *i)
{
    for (uint32_t n = 0; n < i->session->slots.count; n++) {
        struct task *task = &i->session->tasks[n];
        if (task->state == TASK_QUEUED || task->state == TASK_DETACHED)
            session_revoke(i->session, task, BERTH_E_ABORTED);
    }
    deliver(i);
}

void initiator_free(struct initiator *i)
{
    if (!i)
        return;
    if (i->engine && i->link.engine)
        initiator_drop(i);
    if (i->session)
        abort_all(i);
    if (i->engine && i->owns_engine)
        engine_free(i->engine);
    free(i->conn);
    free(i->session);
    explicit_bzero(i, sizeof *i);
    free(i);
}

int initiator_open(struct initiator *i)
{
    const char *why = NULL;
    int error = host_resolve(&i->portal, &i->addresses, &why);
    if (error) {
        initiator_say(i, error, why);
        return error;
    }
    initiator_attempt(i, initiator_now(i));
    while (i->state != INITIATOR_UP && error == BERTH_OK)
        error = initiator_wait(i, UINT64_MAX);
    return error;
}

void initiator_close(struct initiator *i, uint32_t timeout_ms)
{
    if (i->state != INITIATOR_UP)
        return;
    i->relogin = false;
    i->state = INITIATOR_LEAVING;
    i->attempt_deadline = initiator_now(i) + timeout_ms * NS_PER_MS;
    conn_logout(i->conn, WIRE_LOGOUT_SESSION);
    link_kick(&i->link);
    while (i->state == INITIATOR_LEAVING && initiator_wait(i, i->attempt_deadline) == BERTH_OK)
        ;
}
