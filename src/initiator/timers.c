/* SPDX-License-Identifier: MIT */
/* Everything that happens because time passes: command deadlines, keepalive, login and logout limits. */
#include "initiator/parts.h"

#define NS_PER_MS 1000000ull

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* --- keepalive --- */

/* When the next ping is due, or, with one out, when silence means that the peer is gone. Every byte counts as
 * a sign of life, even of a peer that never answers the ping. */
static uint64_t ping_due(const struct initiator *i)
{
    uint64_t heard = conn_last_rx(i->conn);
    bool out = conn_ping_out(i->conn), none = i->session->slots.taken == i->session->slots.count;
    if (i->policy.ping_interval_ms == 0 || (!out && none)) /* what has all tasks has deadlines */
        return UINT64_MAX;
    if (!out)
        return heard + i->policy.ping_interval_ms * NS_PER_MS;
    return later(heard, i->ping_at) + i->policy.ping_timeout_ms * NS_PER_MS;
}

/* The ping leaves at once: its caller may be in no hurry to come back, and its time runs. */
static void ping(struct initiator *i, uint64_t now)
{
    if (!conn_ping(i->conn))
        return;
    i->ping_at = now;
    i->pinged = true;
    i->counters.pings++;
    link_kick(i->link);
    initiator_flush(i);
}

/* A target keeps what it has sent until that is acknowledged. Where no request follows for a while, and no
 * ping does, it is told all the same. */
static uint64_t ack_due(const struct initiator *i)
{
    return conn_owes_ack(i->conn) ? conn_last_rx(i->conn) + INITIATOR_ACK : UINT64_MAX;
}

static void acknowledge(struct initiator *i, uint64_t now)
{
    if (now < ack_due(i))
        return;
    conn_acknowledge(i->conn);
    link_kick(i->link);
    initiator_flush(i);
}

static void keep_alive(struct initiator *i, uint64_t now)
{
    if (now < ping_due(i))
        return;
    if (!conn_ping_out(i->conn))
        ping(i, now);
    else
        connection_lost(i, BERTH_E_NO_ANSWER, "no byte came for longer than the ping timeout");
}

/* --- attempts --- */

static bool silent(const struct initiator *i)
{
    return i->attached && !conn_login(i->conn)->started;
}

static uint64_t login_due(const struct initiator *i)
{
    return silent(i) ? earlier(i->silent_by, i->attempt_deadline) : i->attempt_deadline;
}

static void login_time(struct initiator *i, uint64_t now)
{
    if (now < login_due(i))
        return;
    connection_lost(i, BERTH_E_NO_ANSWER,
                    silent(i) ? "connected, but the login got no answer"
                              : "the login did not finish in time");
}

static void leave_time(struct initiator *i, uint64_t now)
{
    if (now < i->attempt_deadline)
        return;
    if (i->parting)
        connection_parted(i);
    else
        connection_lost(i, BERTH_E_NO_ANSWER, "the logout got no answer");
}

void timers_run(struct initiator *i, uint64_t now)
{
    if (now >= recovery_deadline(i)) {
        recovery_fail(i, BERTH_E_LOST);
        return;
    }
    if (i->state == INITIATOR_UP || i->state == INITIATOR_LEAVING)
        conn_tick(i->conn, now);
    switch ((enum initiator_state)i->state) {
    case INITIATOR_UP:
        deadlines_scan(i, now);
        escalation_tick(i, now);
        if (i->state == INITIATOR_UP)
            keep_alive(i, now);
        if (i->state == INITIATOR_UP)
            acknowledge(i, now);
        parting_tick(i);
        break;
    case INITIATOR_LOGIN:
        login_time(i, now);
        break;
    case INITIATOR_LEAVING:
        leave_time(i, now);
        break;
    case INITIATOR_WAITING:
        recovery_tick(i, now);
        break;
    case INITIATOR_RESOLVING:
    case INITIATOR_CONNECTING: /* how long, the engine watches */
        seek_tick(i, now);
        break;
    case INITIATOR_IDLE:
    case INITIATOR_FAILED:
    case INITIATOR_STATES:
        break;
    }
}

static uint64_t up_due(const struct initiator *i)
{
    uint64_t due = earlier(earlier(ping_due(i), ack_due(i)), earlier(escalation_due(i), parting_due(i)));
    due = earlier(due, conn_deadline(i->conn));
    return i->session->slots.taken ? earlier(due, i->scan_at) : due;
}

static uint64_t state_due(const struct initiator *i)
{
    switch ((enum initiator_state)i->state) {
    case INITIATOR_UP:
        return up_due(i);
    case INITIATOR_WAITING:
        return i->retry_at;
    case INITIATOR_RESOLVING:
    case INITIATOR_CONNECTING:
        return seek_due(i);
    case INITIATOR_LOGIN:
        return login_due(i);
    case INITIATOR_LEAVING:
        return earlier(i->attempt_deadline, conn_deadline(i->conn));
    default:
        return UINT64_MAX;
    }
}

uint64_t timers_next(const struct initiator *i)
{
    return earlier(state_due(i), recovery_deadline(i));
}

/* --- callers that were away --- */

static uint64_t most_between_calls(const struct initiator *i)
{
    return later(2 * NS_PER_MS * i->policy.ping_interval_ms, TIMERS_AWAY_NS);
}

/* Whatever ran while nobody received, sent or looked was not the target's time. */
void timers_resume(struct initiator *i, uint64_t away)
{
    if (away <= most_between_calls(i))
        return;
    deadlines_shift(i, away);
    i->ping_at += away;
    i->lost_at += away;
    i->down_at += away;
    i->idle_ns += away;
    i->attempt_deadline += away;
    i->silent_by += away;
}
