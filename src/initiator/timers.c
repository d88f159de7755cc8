/* SPDX-License-Identifier: MIT */
/* Everything that happens because time passes: command deadlines, keepalive, login and logout limits. */
#include "initiator/parts.h"

#define NS_PER_MS 1000000ull
#define SCAN_NS   (100 * NS_PER_MS) /* how often deadlines of commands are looked at */

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
        connection_lost(i, BERTH_E_TIMEOUT, "a command got no answer");
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
        connection_lost(i, BERTH_E_NO_ANSWER, "no byte came for longer than the ping timeout");
    }
}

static void login_time(struct initiator *i, uint64_t now)
{
    if (now < i->attempt_deadline)
        return;
    bool silent = i->attached && !conn_login(i->conn)->started;
    connection_lost(i, BERTH_E_NO_ANSWER,
                    silent ? "connected, but the login got no answer" : "the login did not finish in time");
}

void timers_run(struct initiator *i)
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
            connection_lost(i, BERTH_E_NO_ANSWER, "the logout got no answer");
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

uint64_t timers_next(const struct initiator *i)
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
