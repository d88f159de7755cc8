/* SPDX-License-Identifier: MIT */
/* The connection of the moment: attempts, what the core tells of it, its loss. */
#include <stdio.h>
#include <string.h>
#include "initiator/parts.h"

#define NS_PER_MS 1000000ull

/* "192.0.2.1:3260: connection refused: nothing listens there": where, what, and the rule or words of the
 * peer. */
void initiator_say(struct initiator *i, int error, const char *text)
{
    char where[ADDRESS_MAX + 16];
    portal_print(&i->here->portal, where, sizeof where);
    snprintf(i->detail, sizeof i->detail, "%s: %s%s%s", where, berth_error_text(error), text ? ": " : "",
             text ? text : "");
    initiator_note(i, error, i->detail);
}

void initiator_note(struct initiator *i, int error, const char *text)
{
    i->trouble_error = error;
    i->trouble_at = initiator_now(i);
    snprintf(i->trouble, sizeof i->trouble, "%s", text);
}

void connection_drop(struct initiator *i)
{
    race_end(i);
    i->parting = i->pinged = false;
    i->rx_bytes += i->link->rx_bytes;
    i->tx_bytes += i->link->tx_bytes;
    i->link->rx_bytes = i->link->tx_bytes = 0;
    if (!i->attached)
        return;
    i->attached = false;
    i->link->conn = NULL;
    conn_drop(i->conn);
}

void connection_lost(struct initiator *i, int error, const char *text)
{
    if (i->state == INITIATOR_FAILED || i->state == INITIATOR_WAITING)
        return; /* known already */
    if (i->state == INITIATOR_LEAVING && !i->relogin) {
        connection_drop(i);
        initiator_become(i, INITIATOR_IDLE);
        return;
    }
    recovery_begin(i, error, text);
}

/* Somebody takes connections there and says nothing: that must not cost the others their turn. */
static uint64_t patience(const struct initiator *i, uint64_t now)
{
    const struct place *here = i->here;
    uint32_t others = here->addresses.count - 1 - (uint32_t)__builtin_popcount(here->failed);
    return others > 0 ? now + (i->attempt_deadline - now) / 2 : i->attempt_deadline;
}

static void on_up(struct link *l)
{
    struct racer *r = list_entry(l, struct racer, link);
    struct initiator *i = r->initiator;
    reactor_touch(i);
    race_won(i, r);
    session_restart(i->session);
    i->silent_by = patience(i, initiator_now(i));
    conn_init(i->conn, i->session, &i->conn_config, initiator_now(i));
    i->attached = true;
    initiator_become(i, INITIATOR_LOGIN);
    link_attach(l, i->conn);
    carrier_up(i);
    link_kick(l);
}

/* The engine's or the system's own words, where ours do not say it all. */
const char *connection_words(const struct link *l, int error)
{
    bool said = error == BERTH_E_REFUSED || error == BERTH_E_RESET || error == BERTH_E_CLOSED;
    if (l->why)
        return l->why;
    return l->last_errno && !said ? strerror(l->last_errno) : NULL;
}

/* LIO says no more than this to whom it wants a name of. */
static const char *early_words(const struct initiator *i)
{
    if (i->login.mine.name)
        return "it closed the connection without answering the login";
    return "it closed the connection without answering the login (as some targets do that demand CHAP)";
}

static void on_down(struct link *l, int error)
{
    struct racer *r = list_entry(l, struct racer, link);
    struct initiator *i = r->initiator;
    bool early = i->state == INITIATOR_LOGIN && !conn_login(i->conn)->started;
    reactor_touch(i);
    if (i->state == INITIATOR_CONNECTING)
        race_failed(i, r, error);
    else if (i->parting)
        connection_parted(i);
    else if (early && error == BERTH_E_CLOSED)
        connection_lost(i, BERTH_E_NOT_ISCSI, early_words(i));
    else
        connection_lost(i, error, connection_words(l, error));
}

/* --- events --- */

/* The target's own words and the number behind them, which the administrator will look for. */
static void login_failed(struct initiator *i, const struct conn_event *ev)
{
    char words[128];
    if (ev->login_status >> 8 < 2) {
        connection_lost(i, ev->error, ev->rule);
        return;
    }
    i->refusal = ev->login_status;
    snprintf(words, sizeof words, "%s (status %02x/%02x)", ev->rule, ev->login_status >> 8,
             ev->login_status & 0xff);
    connection_lost(i, ev->error, words);
}

/* A SCSI event (11.9.1): the floor above knows what it means. */
static void pass_on(struct initiator *i, const struct conn_event *ev)
{
    struct scsi_sense sense;
    scsi_get_sense(ev->sense, ev->sense_len, &sense);
    if (sense.valid && i->owner.attention)
        i->owner.attention(i->owner.owner, ev->async.lun, &sense);
}

/* The target wants us out or has thrown us out (11.9.1): leave in order where we may, then come back. */
static void told(struct initiator *i, const struct conn_event *ev)
{
    const struct wire_async *a = &ev->async;
    if (i->state != INITIATOR_UP)
        return; /* on our way */
    switch (a->event) {
    case WIRE_ASYNC_SCSI:
        pass_on(i, ev);
        break;
    case WIRE_ASYNC_LOGOUT:
    case WIRE_ASYNC_RENEGOTIATE:
        parting_begin(i, a->parameter3);
        break;
    case WIRE_ASYNC_DROP_CONNECTION:
    case WIRE_ASYNC_DROP_ALL:
        i->wait_ns = a->parameter2 * 1000 * NS_PER_MS; /* Time2Wait */
        i->dismissed = true;
        connection_lost(i, BERTH_E_CLOSED, "the target announced that it drops the connection");
        break;
    case WIRE_ASYNC_TASKS_ENDED:
        if (i->session->keys.agreed[KEY_TASK_REPORTING] == REPORT_FAST_ABORT)
            escalation_lun_ended(i, a->lun);
        break;
    default:
        break; /* the vendor's own */
    }
}

void connection_parted(struct initiator *i)
{
    i->parting = false;
    connection_lost(i, BERTH_E_CLOSED, "logged out at the target's request");
}

/* After an orderly end nothing is left that would have to be waited for but the peer's end of the connection,
 * and that not long (11.14). */
static void logged_out(struct initiator *i, const struct conn_event *ev)
{
    uint64_t told = ev->async.parameter2 * 1000 * NS_PER_MS; /* 11.15.3 */
    if (!ev->error)
        i->wait_ns = 0;
    else if (told > i->wait_ns)
        i->wait_ns = told;
    if (ev->error)
        connection_parted(i);
    i->parting = i->state == INITIATOR_LEAVING;
    i->attempt_deadline = initiator_now(i) + INITIATOR_FIN;
}

static void on_event(struct initiator *i, const struct conn_event *ev)
{
    switch ((enum conn_event_kind)ev->kind) {
    case CONN_EV_LOGGED_IN:
        recovery_up(i);
        break;
    case CONN_EV_REDIRECT:
        redirect_follow(i, ev);
        break;
    case CONN_EV_LOGIN_FAILED:
        login_failed(i, ev);
        break;
    case CONN_EV_ERROR:
        connection_lost(i, ev->error, ev->rule);
        break;
    case CONN_EV_LOGGED_OUT:
        logged_out(i, ev);
        break;
    case CONN_EV_ASYNC:
        told(i, ev);
        break;
    case CONN_EV_REJECT: /* its task has ended with BERTH_E_REJECTED */
    case CONN_EV_TMF:    /* target's */
        break;
    }
}

/* The core knows that the answer has come, and keeps nothing of it. */
static void count_pong(struct initiator *i)
{
    struct initiator_counters *c = &i->counters;
    if (!i->attached || conn_ping_out(i->conn))
        return;
    uint64_t heard = initiator_heard(i);
    i->pinged = false;
    c->ping_last_ns = heard > i->ping_at ? heard - i->ping_at : 0;
    if (c->pongs++ == 0 || c->ping_last_ns < c->ping_min_ns)
        c->ping_min_ns = c->ping_last_ns;
    if (c->ping_last_ns > c->ping_max_ns)
        c->ping_max_ns = c->ping_last_ns;
}

void connection_deliver(struct initiator *i)
{
    struct task *task;
    while ((task = session_reap(i->session)) != NULL) {
        engine_wake(i->engine); /* the caller waits for outcomes, not for bytes */
        if (task->kind == TASK_NOP || task->kind == TASK_LOGOUT)
            session_task_free(i->session, task);
        else if (task->kind == TASK_TMF && i->watches[task->slot].wanted)
            escalation_told(i, task);
        else if (task->kind == TASK_TMF)
            escalation_answered(i, task);
        else if (escalation_done(i, task))
            i->owner.task_done(i->owner.owner, task);
    }
}

void connection_drain(struct initiator *i)
{
    struct conn_event ev;
    connection_deliver(i);
    if (i->pinged)
        count_pong(i);
    while (i->attached && conn_event(i->conn, &ev))
        on_event(i, &ev);
    connection_deliver(i);
    parting_tick(i);
    if (i->attached && conn_tx_pending(i->conn))
        link_kick(i->link);
}

static void on_progress(struct link *l)
{
    struct initiator *i = list_entry(l, struct racer, link)->initiator;
    reactor_touch(i);
    connection_drain(i);
}

const struct link_owner connection_callbacks = {
    .up = on_up, .progress = on_progress, .down = on_down, .moved = carrier_lost};
