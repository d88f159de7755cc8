/* SPDX-License-Identifier: MIT */
/* Session recovery (RFC 7143 7.1.4.4): what happens to tasks when the connection dies, when to try again, and
 * when to give up. */
#include <stdio.h>
#include "initiator/parts.h"

#define NS_PER_MS 1000000ull

/* Errors that no waiting cures: trying again would only hammer the target (11.13.5). */
static bool hopeless(const struct initiator *i, int error)
{
    if (i->refusal)
        return !refusal_passes(i);
    switch (error) {
    case BERTH_E_AUTH:
    case BERTH_E_AUTH_REQUIRED:
    case BERTH_E_AUTH_DOWNGRADE:
    case BERTH_E_TARGET_AUTH:
    case BERTH_E_CHAP:
    case BERTH_E_NEGOTIATION:
        return true;
    case BERTH_E_PROTOCOL: /* a discovery session has one question, and would have the same answer */
        return i->login.discovery;
    default:
        return false;
    }
}

/* --- tasks --- */

/* What was on the wire may be sent again only if doing it twice does no harm; for the rest nobody knows. */
static void sort_detached(struct initiator *i)
{
    struct list *head = &i->session->detached;
    for (struct list *at = head->next, *next; at != head; at = next) {
        next = at->next;
        struct task *task = list_entry(at, struct task, link);
        int error = escalation_detached(i, task);
        if (error)
            session_revoke(i->session, task, error);
    }
}

static void end_tasks(struct initiator *i, int error)
{
    for (uint32_t n = 0; n < i->session->slots.count; n++) {
        struct task *task = &i->session->tasks[n];
        if (!slots_taken(&i->session->slots, n))
            continue;
        if (task->state == TASK_QUEUED || task->state == TASK_DETACHED)
            session_revoke(i->session, task, error);
    }
}

void recovery_fail(struct initiator *i, int error)
{
    connection_drop(i);
    initiator_become(i, INITIATOR_FAILED);
    i->error = error;
    if (i->detail[0] == 0)
        initiator_say(i, error, NULL);
    i->trouble_error = error; /* whatever the last attempt has come to */
    i->trouble_at = initiator_now(i);
    end_tasks(i, error);
    connection_drain(i);
    if (i->owner.given_up)
        i->owner.given_up(i->owner.owner, error, i->detail);
}

/* --- when --- */

uint64_t recovery_deadline(const struct initiator *i)
{
    bool seeking = i->state == INITIATOR_WAITING || i->state == INITIATOR_RESOLVING ||
                   i->state == INITIATOR_CONNECTING || i->state == INITIATOR_LOGIN;
    bool ends = i->policy.recovery_timeout_ms != INITIATOR_FOR_EVER;
    return i->kept && seeking && ends ? i->lost_at + i->policy.recovery_timeout_ms * NS_PER_MS : UINT64_MAX;
}

/* Towards the end the pauses shrink, so that a target that comes back just in time is found. */
static void wait_for_next(struct initiator *i, uint64_t now, uint64_t at_least)
{
    initiator_become(i, INITIATOR_WAITING);
    uint64_t pause = backoff_next(i), end = recovery_deadline(i), left = end > now ? end - now : 0;
    if (pause > left / 2 && left > INITIATOR_BACKOFF_MIN)
        pause = left / 2;
    i->retry_at = now + (pause > at_least ? pause : at_least);
    engine_wake(i->engine); /* the wait that is under way does not know of this time */
}

/* A target that cannot serve us now is asked again for as long as an attempt may take; where the caller has
 * more patience than that, any that may be there later. */
static bool open_again(struct initiator *i, int error, bool connecting)
{
    bool patient = i->policy.open_timeout_ms > 0;
    if (patient ? hopeless(i, error) : !refusal_passes(i))
        return false;
    if (patient)
        seek_failed(i, !connecting);
    wait_for_next(i, initiator_now(i), INITIATOR_REFUSED);
    bool again = i->retry_at < i->open_deadline;
    if (patient && again)
        i->owner.session(i->owner.owner, error, i->detail);
    return again;
}

/* Opening, not recovering: every address gets one try, then the last one's error stands. One that breaks off
 * says nothing about the others. */
static void first_attempt_failed(struct initiator *i, int error, bool connecting)
{
    bool local = !connecting && berth_error_scope(error) == BERTH_SCOPE_CONNECTION;
    if ((!local || !seek_elsewhere(i)) && !open_again(i, error, connecting))
        recovery_fail(i, error);
}

/* What is to blame, by the error that the connection ended with; first match counts, the last one is all
 * others. */
static const struct {
    int error;
    enum initiator_loss loss;
} losses[] = {
    {BERTH_E_CLOSED, LOSS_CONNECTION},      {BERTH_E_RESET, LOSS_CONNECTION},
    {BERTH_E_UNREACHABLE, LOSS_CONNECTION}, {BERTH_E_NO_ANSWER, LOSS_SILENCE},
    {BERTH_E_TIMEOUT, LOSS_COMMAND},        {BERTH_E_ABORTED, LOSS_CALLER},
    {BERTH_E_HEADER_DIGEST, LOSS_DIGEST},   {BERTH_E_DATA_DIGEST, LOSS_DIGEST},
    {BERTH_E_PROTOCOL, LOSS_PROTOCOL},      {BERTH_OK, LOSS_OTHER},
};

static void count_loss(struct initiator *i, int error)
{
    size_t n = 0;
    while (losses[n].error && losses[n].error != error)
        n++;
    i->counters.losses[i->dismissed || i->relogin ? LOSS_ASKED : losses[n].loss]++;
    i->dismissed = false;
}

static void session_lost(struct initiator *i, int error, uint64_t now)
{
    if (now - i->up_at >= INITIATOR_STEADY || i->reconnects == 0) {
        i->lost_at = now;
        backoff_reset(i);
    }
    i->down_at = now;
    i->attempts = 0;
    sort_detached(i);
    i->owner.session(i->owner.owner, error, i->detail);
}

/* All states but FAILED and WAITING lead here. */
void recovery_begin(struct initiator *i, int error, const char *text)
{
    uint64_t now = initiator_now(i), at_least = 0;
    bool was_up = i->state == INITIATOR_UP || i->state == INITIATOR_LEAVING;
    bool connecting = i->state == INITIATOR_CONNECTING || i->state == INITIATOR_RESOLVING;

    initiator_say(i, error, text);
    if (was_up)
        count_loss(i, error);
    else
        i->counters.failures++;
    i->relogin = false;
    connection_drop(i);
    if (!i->kept || (was_up && hopeless(i, error))) {
        if (was_up)
            recovery_fail(i, error);
        else
            first_attempt_failed(i, error, connecting);
        return;
    }
    if (was_up) {
        session_lost(i, error, now);
        at_least = i->wait_ns;
    } else {
        seek_failed(i, !connecting);
    }
    wait_for_next(i, now, at_least);
    if (hopeless(i, error))
        recovery_fail(i, error);
}

/* A redirect holds for one session. */
void recovery_tick(struct initiator *i, uint64_t now)
{
    if (now >= i->retry_at)
        seek_home(i);
}

/* Through another portal group the target sees another nexus of ours (4.4.3): it may know nothing of what it
 * kept for the one before. NULL: the same group, as far as the target tells. */
static const char *other_group(struct initiator *i, char *words, size_t size)
{
    int32_t before = i->group, now = conn_login(i->conn)->portal_group;
    i->group = now;
    if (before < 0 || now < 0 || before == now)
        return NULL;
    snprintf(words, size, "it is now portal group %d instead of %d, where the target sees a new nexus",
             (int)now, (int)before);
    return words;
}

/* Logged in. Only now, when the target has ended the old session, may its writes be sent once more. */
void recovery_up(struct initiator *i)
{
    uint64_t now = initiator_now(i);
    struct list *node;

    initiator_become(i, INITIATOR_UP);
    i->up_at = i->scan_at = now;
    i->part_by = 0;
    i->wait_ns = i->session->keys.agreed[KEY_DEFAULT_TIME2WAIT] * 1000 * NS_PER_MS; /* 7.5.1 */
    i->detail[0] = 0;
    redirect_arrived(i);
    if (!i->kept) {
        i->group = conn_login(i->conn)->portal_group;
        return;
    }
    deadlines_after_outage(i, now);
    i->idle_ns += now - i->down_at;
    while ((node = list_pop(&i->session->detached)) != NULL)
        initiator_resubmit(i, list_entry(node, struct task, link));
    i->reconnects++;
    char words[96];
    i->owner.session(i->owner.owner, BERTH_OK, other_group(i, words, sizeof words));
}
