/* SPDX-License-Identifier: MIT */
/* Session recovery (RFC 7143 7.1.4.4): what happens to tasks when the connection dies, and when to try again.
 */
#include <string.h>
#include "initiator/parts.h"

#define NS_PER_MS 1000000ull
#define NS_PER_S  1000000000ull

/* Errors that no waiting cures: trying again would only hammer the target (11.13.5). */
static bool hopeless(int error)
{
    switch (error) {
    case BERTH_E_AUTH:
    case BERTH_E_AUTH_REQUIRED:
    case BERTH_E_AUTH_DOWNGRADE:
    case BERTH_E_TARGET_AUTH:
    case BERTH_E_NEGOTIATION:
    case BERTH_E_REDIRECT:
        return true;
    default:
        return false;
    }
}

/* Errors of a single address: another one of the same name may do. */
static bool local_to_address(int error)
{
    return berth_error_scope(error) == BERTH_SCOPE_CONNECTION;
}

/* What was on the wire may be sent again only if doing it twice does no harm; for the rest nobody knows. */
static void sort_detached(struct initiator *i)
{
    struct list *head = &i->session->detached;
    for (struct list *at = head->next, *next; at != head; at = next) {
        next = at->next;
        struct task *task = list_entry(at, struct task, link);
        if (!i->owner.may_replay(i->owner.owner, task))
            session_revoke(i->session, task, BERTH_E_UNKNOWN);
    }
}

static void end_tasks(struct initiator *i, int error)
{
    for (uint32_t n = 0; n < i->session->slots.count; n++) {
        struct task *task = &i->session->tasks[n];
        if (task->state == TASK_QUEUED || task->state == TASK_DETACHED)
            session_revoke(i->session, task, error);
    }
}

void recovery_fail(struct initiator *i, int error)
{
    i->state = INITIATOR_FAILED;
    i->error = error;
    if (i->detail[0] == 0)
        initiator_say(i, error, NULL);
    end_tasks(i, error);
    connection_drain(i);
}

/* Doubles up to the maximum; the jitter keeps many initiators of one target apart. */
static uint64_t next_pause(struct initiator *i, uint64_t now)
{
    uint64_t pause = i->backoff;
    i->backoff = pause ? (pause * 2 < INITIATOR_BACKOFF_MAX ? pause * 2 : INITIATOR_BACKOFF_MAX)
                       : INITIATOR_BACKOFF_MIN;
    return pause / 2 + (pause ? now % pause : 0) / 2;
}

static uint64_t end_of_patience(const struct initiator *i)
{
    return i->lost_at + i->policy.recovery_timeout_ms * NS_PER_MS;
}

/* The last attempt is made when the time is up, and no later. */
static void wait_for_next(struct initiator *i, uint64_t now, uint64_t at_least)
{
    uint64_t pause = next_pause(i, now), end = end_of_patience(i), left = end > now ? end - now : 0;
    pause = pause < left ? pause : left;
    i->state = INITIATOR_WAITING;
    i->retry_at = now + (pause > at_least ? pause : at_least);
}

/* Opening, not recovering: every address gets one try, then the last one's error stands. */
static void first_attempt_failed(struct initiator *i, int error)
{
    if (local_to_address(error) && i->next_address < i->addresses.count)
        connection_try(i);
    else
        recovery_fail(i, error);
}

void recovery_begin(struct initiator *i, int error, const char *text)
{
    uint64_t now = initiator_now(i), time2wait = 0;
    bool was_up = i->state == INITIATOR_UP || i->state == INITIATOR_LEAVING;

    initiator_say(i, error, text);
    if (was_up)
        time2wait = i->session->keys.agreed[KEY_DEFAULT_TIME2WAIT] * NS_PER_S; /* 7.5.1 */
    i->relogin = false;
    connection_drop(i);
    if (!i->ever_up) {
        first_attempt_failed(i, error);
        return;
    }
    if (was_up) {
        i->lost_at = now;
        i->backoff = 0;
        sort_detached(i);
        i->owner.session(i->owner.owner, error, i->detail);
    }
    if (hopeless(error) || now >= end_of_patience(i))
        recovery_fail(i, hopeless(error) ? error : BERTH_E_LOST);
    else
        wait_for_next(i, now, time2wait);
}

void recovery_tick(struct initiator *i, uint64_t now)
{
    if (now < i->retry_at)
        return;
    if (memcmp(&i->portal, &i->home, sizeof i->home) != 0) { /* a redirect holds for one session */
        const char *why;
        i->portal = i->home;
        if (host_resolve(&i->portal, &i->addresses, &why) != BERTH_OK) {
            wait_for_next(i, now, 0);
            return;
        }
    }
    i->redirects = 0;
    connection_try(i);
}

/* Logged in. Only now, when the target has ended the old session, may its writes be sent once more. */
void recovery_up(struct initiator *i)
{
    uint64_t now = initiator_now(i);
    struct list *node;
    bool back = i->ever_up;

    i->state = INITIATOR_UP;
    i->ever_up = true;
    i->scan_at = now;
    i->backoff = 0;
    i->detail[0] = 0;
    while ((node = list_pop(&i->session->detached)) != NULL)
        initiator_resubmit(i, list_entry(node, struct task, link));
    list_each (at, &i->session->queued)
        list_entry(at, struct task, link)->deadline_ns = now + i->policy.command_timeout_ms * NS_PER_MS;
    if (!back)
        return;
    i->reconnects++;
    i->owner.session(i->owner.owner, BERTH_OK, NULL);
}
