/* SPDX-License-Identifier: MIT */
/* How a LUN stands: told by its sessions, each on its own thread, and put together. */
#include <stdio.h>
#include <string.h>
#include "block/lun.h"

/* --- what is kept for it --- */

static enum berth_state state_of(const struct berth_lun *lun)
{
    const struct check *c = &lun->check;
    if (lun->initiator->state == INITIATOR_FAILED || c->fence.error)
        return BERTH_STATE_FAILED;
    if (lun->initiator->state != INITIATOR_UP)
        return BERTH_STATE_SEEKING;
    if (c->wanted)
        return c->given_up ? BERTH_STATE_GONE : BERTH_STATE_CHECKING;
    return BERTH_STATE_UP;
}

void status_tend(struct berth_lun *lun)
{
    uint8_t state = (uint8_t)state_of(lun);
    if (state == lun->state)
        return;
    lun->state = state;
    lun->state_ns = initiator_now(lun->initiator);
}

/* --- one session --- */

static struct berth_trouble last_trouble(const struct berth_lun *lun)
{
    const struct initiator *i = lun->initiator;
    struct berth_trouble t = {.at_ns = i->trouble_at};
    if (!t.at_ns)
        return t;
    t.error = i->trouble_error;
    snprintf(t.text, sizeof t.text, "%s", i->trouble);
    return t;
}

static bool is_sent(const struct command *cmd)
{
    bool off = cmd->task->state == TASK_QUEUED || cmd->task->state == TASK_DETACHED;
    return list_empty(&cmd->link) && !off;
}

static void count_ios(const struct berth_lun *lun, struct berth_session *s)
{
    list_each (at, &lun->waiting)
        s->waiting++;
    for (uint32_t n = 0; n < lun->command_count; n++) {
        const struct command *cmd = &lun->commands[n];
        if (!cmd->request || check_asks(lun, cmd))
            continue;
        s->in_flight += is_sent(cmd);
        s->waiting += !is_sent(cmd);
    }
}

static void tell_search(const struct initiator *i, struct berth_session *s)
{
    uint64_t end = initiator_gives_up(i);
    if (s->state != BERTH_STATE_SEEKING)
        return;
    s->attempts = i->attempts;
    s->next_attempt_ns = i->state == INITIATOR_WAITING ? i->retry_at : 0;
    s->gives_up_ns = end == UINT64_MAX ? 0 : end;
}

static void tell_connection(const struct initiator *i, struct berth_session *s)
{
    struct link_facts facts = {0};
    if (i->attached)
        link_facts(i->link, &facts);
    snprintf(s->local, sizeof s->local, "%s", facts.local);
    snprintf(s->remote, sizeof s->remote, "%s", facts.remote);
    s->rtt_us = facts.rtt_us;
    s->rtt_var_us = facts.rtt_var_us;
    s->retransmits = facts.retransmits;
    s->unacked = facts.unacked;
    s->portal_group = i->group;
    portal_print(&i->here->portal, s->portal, sizeof s->portal);
    snprintf(s->engine, sizeof s->engine, "%s", initiator_carrier(i));
}

static void tell_state(struct berth_lun *lun, struct berth_session *s)
{
    status_tend(lun);
    *s = (struct berth_session){.size = sizeof *s,
                                .state = lun->state,
                                .now_ns = initiator_now(lun->initiator),
                                .since_ns = lun->state_ns,
                                .reconnects = lun->initiator->reconnects};
    s->trouble = last_trouble(lun);
    count_ios(lun, s);
    tell_search(lun->initiator, s);
}

static int tell_session(struct berth_lun *lun, void *arg)
{
    struct berth_session *s = arg;
    tell_state(lun, s);
    tell_connection(lun->initiator, s);
    return BERTH_OK;
}

/* --- all of them --- */

static uint64_t sooner(uint64_t a, uint64_t b)
{
    return !a || (b && b < a) ? b : a;
}

/* The LUN is in a state since the first of its sessions is, and up since the last one is. */
static void add_state(struct berth_status *all, const struct berth_session *s)
{
    bool first = all->sessions == 1;
    if (first || s->state > all->state)
        all->since_ns = s->since_ns;
    else if (s->state == all->state && (s->since_ns < all->since_ns) == (s->state != BERTH_STATE_UP))
        all->since_ns = s->since_ns;
    if (first || s->state > all->state)
        all->state = s->state;
    all->sessions_up += s->state == BERTH_STATE_UP;
}

static void add_search(struct berth_status *all, const struct berth_session *s)
{
    if (s->state != BERTH_STATE_SEEKING)
        return;
    all->attempts += s->attempts;
    all->next_attempt_ns = sooner(all->next_attempt_ns, s->next_attempt_ns);
    all->gives_up_ns = sooner(all->gives_up_ns, s->gives_up_ns);
}

static int add_session(struct berth_lun *lun, void *arg)
{
    struct berth_status *all = arg;
    struct berth_session s;
    tell_state(lun, &s);
    all->sessions++;
    all->now_ns = s.now_ns;
    add_state(all, &s);
    add_search(all, &s);
    all->in_flight += s.in_flight;
    all->waiting += s.waiting;
    if (s.trouble.at_ns > all->trouble.at_ns)
        all->trouble = s.trouble;
    return BERTH_OK;
}

/* --- the calls --- */

int lun_give(void *to, const void *from, size_t most)
{
    uint32_t size;
    memcpy(&size, to, sizeof size);
    if (size < sizeof size)
        return BERTH_E_ARGUMENT;
    size = size < most ? size : (uint32_t)most;
    memcpy(to, from, size);
    memcpy(to, &size, sizeof size);
    return BERTH_OK;
}

BERTH_EXPORT int berth_lun_status(struct berth_lun *lun, struct berth_status *status)
{
    struct berth_status all = {.size = sizeof all};
    if (lun->lanes)
        lanes_ask(lun->lanes, add_session, &all);
    else
        add_session(lun, &all);
    return lun_give(status, &all, sizeof all);
}

BERTH_EXPORT int berth_lun_session(struct berth_lun *lun, uint32_t number, struct berth_session *session)
{
    struct berth_session s;
    if (number >= (lun->lanes ? lun->lanes->count : 1))
        return BERTH_E_ARGUMENT;
    if (lun->lanes)
        lanes_ask_one(lun->lanes, number, tell_session, &s);
    else
        tell_session(lun, &s);
    return lun_give(session, &s, sizeof s);
}
