/* SPDX-License-Identifier: MIT */
/* One session of the target from its accepted connection to its end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "host/crypto.h"
#include "host/pages.h"
#include "scsi/identity.h"
#include "scsi/sense.h"
#include "serve/target.h"

#define STAGE_BYTES   (32u * 1024)
#define CONTROL_BYTES 8192u
#define DIRECT_BYTES  (8u * 1024)

static const struct conn_config conn_sizes = {.stage_bytes = STAGE_BYTES,
                                              .control_bytes = CONTROL_BYTES,
                                              .direct_bytes = DIRECT_BYTES,
                                              .login_timeout_ns = TARGET_LOGIN_NS};

static struct target_session *of_link(struct link *l)
{
    return list_entry(l, struct target_session, wire);
}

static void tell(struct target_session *ts, enum log_kind kind, const char *what)
{
    const struct target *t = ts->target;
    const char *name = ts->attached ? conn_login(ts->conn)->initiator_name : "";
    log_say(t->log, engine_now(t->engine), kind, "%s%s%s: %s", ts->from, name[0] ? " " : "", name, what);
}

/* --- login --- */

static bool tsih_taken(const struct target *t, uint16_t tsih)
{
    list_each (at, &t->sessions)
        if (list_entry(at, struct target_session, link)->session->tsih == tsih)
            return true;
    return false;
}

/* There are more numbers than sessions. 0 is no session. */
static uint16_t new_tsih(struct target *t)
{
    do
        t->last_tsih++;
    while (t->last_tsih == 0 || tsih_taken(t, t->last_tsih));
    return t->last_tsih;
}

/* Where else the node wants its sessions to be, as a login status; 0: here. Who has come to the portal where
 * all are sent stays: otherwise he would be sent in a circle. */
static uint16_t redirection(const struct node *n, const struct portal_entry *here, struct login *login)
{
    const struct serve_redirect *r = &n->redirect;
    char there[ADDRESS_MAX + 16];
    if (!r->address || !portal_parse((struct span){r->address, strlen(r->address)}, &login->redirect))
        return WIRE_LOGIN_SUCCESS;
    portal_print(&login->redirect, there, sizeof there);
    if (strcmp(there, here->text) == 0)
        return WIRE_LOGIN_SUCCESS;
    return r->permanent ? WIRE_LOGIN_MOVED_PERMANENTLY : WIRE_LOGIN_MOVED_TEMPORARILY;
}

static uint16_t enter(struct target_session *ts, struct node *n, struct login *login)
{
    if (!node_allows(ts->target, n, login->initiator_name))
        return WIRE_LOGIN_FORBIDDEN;
    uint16_t status = redirection(n, ts->portal, login);
    if (status != WIRE_LOGIN_SUCCESS)
        return status;
    ts->node = n;
    snprintf(login->target_alias, sizeof login->target_alias, "%s", n->config->alias ? n->config->alias : "");
    nexus_init(&ts->nexus, &n->set, ts->portal->group);
    ts->nexus.abort = manage_preempted;
    return WIRE_LOGIN_SUCCESS;
}

static uint16_t login_check(void *owner, struct conn *c)
{
    struct target_session *ts = owner;
    struct target *t = ts->target;
    struct login *login = conn_login(c);
    struct node *n = node_find(t, login->target_name);
    if (login->tsih != 0)
        return WIRE_LOGIN_NO_SESSION; /* one connection a session */
    if (t->session_count >= TARGET_SESSIONS_MAX)
        return WIRE_LOGIN_OUT_OF_RESOURCES;
    ts->session->tsih = new_tsih(t);
    if (ts->session->discovery)
        return WIRE_LOGIN_SUCCESS;
    return n ? enter(ts, n, login) : WIRE_LOGIN_NOT_FOUND;
}

static bool same_initiator(const struct target_session *a, const struct target_session *b)
{
    return a != b && b->logged_in && !bend_outlives(b) && b->node == a->node &&
           b->portal->group == a->portal->group &&
           memcmp(a->session->config.isid, b->session->config.isid, 6) == 0 &&
           strcmp(conn_login(a->conn)->initiator_name, conn_login(b->conn)->initiator_name) == 0;
}

/* The same initiator port logs in again: its old session ends first (6.3.5). Commands of it that are under
 * way end before any of the new one's begins: held(). */
static void reinstate(struct target_session *ts)
{
    struct list *head = &ts->target->sessions;
    for (struct list *at = head->next, *next; at != head; at = next) {
        next = at->next;
        struct target_session *old = list_entry(at, struct target_session, link);
        if (!same_initiator(ts, old))
            continue;
        tell(old, LOG_SESSION, "logged in again: the old session ends");
        target_session_end(old);
    }
}

#define PORT_SUFFIX ",i,0x000000000000"

/* The initiator port as SCSI names it: TransportID of format 01b (SPC-4 7.6.4.6), padded to words. */
static uint32_t put_transport_id(uint8_t id[NEXUS_ID_MAX], const struct login *login)
{
    const uint8_t *isid = login->isid;
    char *text = (char *)id + 4;
    _Static_assert(4 + NAME_MAX_LEN + sizeof PORT_SUFFIX + 3 <= NEXUS_ID_MAX, "the longest name fits");

    memset(id, 0, NEXUS_ID_MAX);
    int len = snprintf(text, NEXUS_ID_MAX - 4, "%s,i,0x%02x%02x%02x%02x%02x%02x", login->initiator_name,
                       isid[0], isid[1], isid[2], isid[3], isid[4], isid[5]);
    uint32_t padded = ((uint32_t)len + 1 + 3) / 4 * 4;
    id[0] = 0x45;
    id[3] = (uint8_t)padded;
    return 4 + padded;
}

static void logged_in(struct target_session *ts)
{
    uint8_t id[NEXUS_ID_MAX];
    ts->logged_in = true;
    ts->since_ms = log_clock_ms();
    ts->target->login_count--;
    ts->target->session_count++;
    if (!ts->node) {
        tell(ts, LOG_SESSION, "asks what targets there are");
        return;
    }
    tell(ts, LOG_SESSION, "logged in");
    stage_login(ts);
    reinstate(ts);
    nexus_join(&ts->nexus, id, put_transport_id(id, conn_login(ts->conn)));
}

/* --- the link --- */

/* Is an older session of the same initiator port still at work? Then this one's commands wait. */
static bool held(const struct target_session *ts)
{
    list_each (at, &ts->target->ending) {
        const struct target_session *old = list_entry(at, struct target_session, link);
        if (old->node == ts->node && nexus_id_equal(&old->nexus.id, &ts->nexus.id))
            return true;
    }
    return false;
}

static void execute_ready(struct target_session *ts)
{
    struct task *task;
    if (!list_empty(&ts->target->ending) && held(ts))
        return;
    while (ts->unread < TARGET_UNREAD && (task = session_next_ready(ts->session)) != NULL)
        job_execute(ts, task);
}

static void free_session(struct target_session *ts)
{
    pages_free(ts->session, session_size(&ts->session->config));
    free(ts);
}

void target_session_settle(struct target_session *ts)
{
    struct target *t = ts->target;
    if (ts->running > 0)
        return;
    list_remove(&ts->link);
    free_session(ts);
    list_each (at, &t->sessions) {
        struct target_session *other = list_entry(at, struct target_session, link);
        if (list_empty(&other->session->ready))
            continue;
        execute_ready(other);
        link_kick(&other->wire);
    }
}

static void wake_lus(struct lu_set *set)
{
    for (uint32_t i = 0; i < COMMAND_LU_MAX; i++)
        if (set->lus[i])
            lu_wake(set->lus[i]);
}

/* Commands that are under way keep the session's memory until they are back. */
void target_session_end(struct target_session *ts)
{
    struct target *t = ts->target;
    struct lu_set *set = ts->nexus.set;
    if (ts->node)
        nexus_leave(&ts->nexus);
    link_close(&ts->wire);
    watch_end(ts);
    bend_end(ts);
    if (ts->attached)
        conn_drop(ts->conn);
    pages_free(ts->conn, conn_size(ts->session, &conn_sizes));
    ts->conn = NULL;
    ts->attached = false;
    ts->ended = true;
    if (ts->logged_in)
        t->session_count--;
    else
        t->login_count--;
    list_remove(&ts->link);
    list_push(&t->ending, &ts->link);
    target_session_settle(ts);
    if (set)
        wake_lus(set);
}

/* What the system has taken over for a peer that does not read would stay there after a mere close. */
static void reset_when_closed(struct target_session *ts)
{
    static const struct linger now = {.l_onoff = 1, .l_linger = 0};
    setsockopt(ts->wire.fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

void target_session_drop(struct target_session *ts, bool reset)
{
    if (reset)
        reset_when_closed(ts);
    target_session_end(ts);
}

static bool event(struct target_session *ts, const struct conn_event *ev)
{
    switch ((enum conn_event_kind)ev->kind) {
    case CONN_EV_LOGGED_IN:
        logged_in(ts);
        return true;
    case CONN_EV_TMF:
        manage(ts, ev->task);
        return true;
    case CONN_EV_LOGIN_FAILED:
        tell(ts, LOG_REFUSAL, wire_login_status_text(ev->login_status));
        break;
    case CONN_EV_LOGGED_OUT:
        tell(ts, LOG_SESSION, "logged out");
        break;
    case CONN_EV_ERROR:
        tell(ts, LOG_FAULT, ev->rule ? ev->rule : berth_error_text(ev->error));
        break;
    default:
        return true;
    }
    if (bend_keeps(ts))
        return true;
    target_session_end(ts);
    return false;
}

bool target_session_progress(struct target_session *ts)
{
    struct conn_event ev;
    while (conn_event(ts->conn, &ev))
        if (!event(ts, &ev))
            return false;
    execute_ready(ts);
    return true;
}

static void on_progress(struct link *l)
{
    target_session_progress(of_link(l));
}

static void on_up(struct link *l)
{
    struct target_session *ts = of_link(l);
    struct conn_config cc = conn_sizes;
    cc.login = &ts->portal->login;
    ts->conn = pages_new(conn_size(ts->session, &cc));
    if (!ts->conn) {
        target_session_end(ts);
        return;
    }
    ts->sent_at = engine_now(ts->target->engine);
    conn_init(ts->conn, ts->session, &cc, ts->sent_at);
    ts->attached = true;
    link_attach(l, ts->conn);
    link_attach_filter(l, bend_begin(ts));
    if (!watch_begin(ts))
        target_session_end(ts);
}

static void on_down(struct link *l, int error)
{
    struct target_session *ts = of_link(l);
    if (!bend_has_ended(ts))
        tell(ts, ts->logged_in ? LOG_SESSION : LOG_REFUSAL, berth_error_text(error));
    target_session_end(ts);
}

static const struct link_owner callbacks = {.up = on_up, .progress = on_progress, .down = on_down};

/* There are several ways to write the number of a LUN, and an initiator may mix them. */
static bool same_lun(uint64_t a, uint64_t b)
{
    uint32_t one, other;
    return scsi_lun_decode(a, &one) && scsi_lun_decode(b, &other) && one == other;
}

static struct session *make_session(struct target_session *ts)
{
    struct session_config sc = {.role = ROLE_TARGET, .depth = TARGET_DEPTH, .crypto = host_crypto()};
    sc.owner = (struct session_owner){.task_arrive = job_arrive,
                                      .task_begin = job_begin,
                                      .task_abort = job_abort,
                                      .task_end = job_end,
                                      .login_check = login_check,
                                      .text = send_targets,
                                      .same_lun = same_lun,
                                      .owner = ts};
    void *memory = pages_new(session_size(&sc));
    return memory ? session_init(memory, &sc) : NULL;
}

/* Whoever connects and does not log in must not keep others out: the one who has dawdled longest makes room.
 */
static void make_room(struct target *t)
{
    list_each (at, &t->sessions) {
        struct target_session *ts = list_entry(at, struct target_session, link);
        if (ts->logged_in)
            continue;
        tell(ts, LOG_REFUSAL, "made room for another, for want of a login");
        target_session_end(ts);
        return;
    }
}

struct link *target_accept(void *owner, const struct engine_addr *from)
{
    const struct portal_entry *portal = owner;
    struct target *t = portal->target;
    if (t->login_count >= TARGET_LOGINS_MAX)
        make_room(t);
    struct target_session *ts = calloc(1, sizeof *ts);
    if (!ts)
        return NULL;
    ts->target = t;
    ts->portal = portal;
    ts->wire.owner = &callbacks;
    ts->session = make_session(ts);
    if (!ts->session) {
        free(ts);
        return NULL;
    }
    list_init(&ts->receiving);
    addr_text(&from->sa, ts->from, sizeof ts->from);
    t->login_count++;
    list_push(&t->sessions, &ts->link);
    return &ts->wire;
}

/* --- time --- */

/* A peer that stays silent is pinged, and dropped when it does not answer that either. true: it is gone.
 * `now` is when this turn began, and so may be earlier than what was heard in it. */
static bool silent(struct target_session *ts, uint64_t now)
{
    if (conn_phase(ts->conn) != CONN_FULL || now < conn_last_rx(ts->conn) + TARGET_PING_NS)
        return false;
    if (!conn_ping_out(ts->conn)) {
        ts->ping_at = now;
        conn_send_nop_in(ts->conn);
        link_kick(&ts->wire);
        return false;
    }
    return now >= ts->ping_at + TARGET_PING_NS;
}

/* A peer that does not read what it asked for holds the memory that others need. */
static bool stalled(struct target_session *ts, uint64_t now)
{
    if (ts->sent != ts->wire.tx_bytes || !conn_tx_pending(ts->conn)) {
        ts->sent = ts->wire.tx_bytes;
        ts->sent_at = now;
    }
    return now >= ts->sent_at + TARGET_STALL_NS;
}

/* A write whose data do not come holds memory, and its place before others. The oldest is asked for first, so
 * that its data must be the first to come. */
static bool withholds(struct target_session *ts, uint64_t now)
{
    struct list *oldest = ts->receiving.next;
    bool any = oldest != &ts->receiving;
    uint32_t moved = any ? list_entry(oldest, struct job, link)->task->moved : 0;
    if (!any || oldest != ts->awaited || moved != ts->awaited_moved) {
        ts->awaited = oldest;
        ts->awaited_moved = moved;
        ts->awaited_at = now;
    }
    return now >= ts->awaited_at + TARGET_STALL_NS;
}

/* Why the session is to end now; NULL: it is not. */
static const char *overdue(struct target_session *ts, uint64_t now)
{
    if (now >= conn_deadline(ts->conn))
        return "the login did not finish in time";
    if (parting_overdue(ts, now))
        return "did not log out when it was asked to";
    if (stalled(ts, now))
        return "does not read what it asked for";
    if (withholds(ts, now))
        return "does not send the data of a write";
    return silent(ts, now) ? "silent for too long" : NULL;
}

void target_tick(struct target *t, uint64_t now)
{
    for (struct list *at = t->sessions.next, *next; at != &t->sessions; at = next) {
        next = at->next;
        struct target_session *ts = list_entry(at, struct target_session, link);
        if (!ts->attached)
            continue;
        const char *why = overdue(ts, now);
        if (!why)
            continue;
        tell(ts, ts->logged_in ? LOG_FAULT : LOG_REFUSAL, why);
        target_session_drop(ts, true);
    }
    log_tick(t->log, now);
}
