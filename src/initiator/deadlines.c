/* SPDX-License-Identifier: MIT */
/* How long each command may take. Looking at all of them is cheap but not free: it is done when the earliest
 * deadline that was there at the last look has come, and for a busy session that one's command is long done.
 */
#include "initiator/parts.h"

#define NS_PER_MS 1000000ull
#define SCAN_NS   NS_PER_MS /* between two looks at all of them, at least */

static uint64_t time_of(const struct initiator *i, const struct task *task)
{
    const struct watch *w = &i->watches[task->slot];
    return w->timeout_ms ? w->timeout_ms * NS_PER_MS : i->policy.command_timeout_ms * NS_PER_MS;
}

void deadlines_set(struct initiator *i, struct task *task, uint64_t at)
{
    task->deadline_ns = at;
    if (at < i->scan_at)
        i->scan_at = at;
}

void deadlines_begin(struct initiator *i, struct task *task, uint64_t now)
{
    deadlines_set(i, task, now + time_of(i, task));
}

/* Memory of tasks that were never taken is not even read: some kernels give a page to who reads one. */
static bool runs(const struct session *s, uint32_t slot)
{
    const struct task *task = &s->tasks[slot];
    if (!slots_taken(&s->slots, slot))
        return false;
    bool going = task->state == TASK_ACTIVE || task->state == TASK_QUEUED || task->state == TASK_ENDING;
    return going && task->deadline_ns;
}

/* What was never sent is simply taken back. Returns whether it was one of those. */
static bool withdraw(struct initiator *i, struct task *task)
{
    bool unsent = task->kind == TASK_SCSI && task->state == TASK_QUEUED;
    if (unsent)
        initiator_cancel(i, task, BERTH_E_TIMEOUT);
    return unsent;
}

void deadlines_scan(struct initiator *i, uint64_t now)
{
    struct session *s = i->session;
    bool untaken = false, busy = false;
    if (now < i->scan_at)
        return;
    i->scan_at = UINT64_MAX;
    for (uint32_t n = 0; n < s->slots.count && i->state == INITIATOR_UP; n++) {
        struct task *task = &s->tasks[n];
        bool late = runs(s, n) && now >= task->deadline_ns, gone = late && withdraw(i, task);
        if (late && !gone)
            escalation_late(i, task);
        if (runs(s, n) && task->deadline_ns < i->scan_at)
            i->scan_at = task->deadline_ns;
        untaken |= gone;
        busy |= runs(s, n) && task->state != TASK_QUEUED;
    }
    if (i->scan_at < now + SCAN_NS)
        i->scan_at = now + SCAN_NS;
    if (untaken && !busy && !s->held &&
        i->state == INITIATOR_UP) /* it has nothing in hand, and takes nothing: past asking */
        connection_lost(i, BERTH_E_TIMEOUT, "the target took no command for too long");
}

/* Nobody received, sent or looked for so long: not the target's time. Commands submitted since then have all
 * of theirs. */
void deadlines_shift(struct initiator *i, uint64_t away)
{
    uint64_t step = i->policy.abort_timeout_ms * NS_PER_MS;
    for (uint32_t n = 0; n < i->session->slots.count; n++) {
        struct task *task = &i->session->tasks[n];
        if (!runs(i->session, n))
            continue;
        uint64_t given = i->watches[n].step ? step : time_of(i, task);
        if (task->deadline_ns <= i->reactor->left_at + given)
            task->deadline_ns += away;
    }
}

/* Those of requests of task management, and of what such a request is out for, are limits of steps. */
static void renew(struct initiator *i, struct task *task, const struct initiator_policy *before)
{
    const struct watch *w = &i->watches[task->slot];
    bool climbs = task->kind == TASK_TMF || w->step;
    uint64_t now_ms = climbs ? i->policy.abort_timeout_ms : i->policy.command_timeout_ms;
    uint64_t before_ms = climbs ? before->abort_timeout_ms : before->command_timeout_ms;
    bool own = w->timeout_ms && (!climbs || w->wanted); /* somebody's, who has said how long */
    if (!own)
        task->deadline_ns = task->deadline_ns + now_ms * NS_PER_MS - before_ms * NS_PER_MS;
}

void deadlines_renew(struct initiator *i, const struct initiator_policy *before)
{
    for (uint32_t n = 0; n < i->session->slots.count; n++)
        if (runs(i->session, n))
            renew(i, &i->session->tasks[n], before);
    i->scan_at = 0; /* all of them are to be looked at */
}

/* The outage is taken off the time of commands that had begun to wait before it. */
void deadlines_after_outage(struct initiator *i, uint64_t now)
{
    uint64_t outage = now - i->down_at;
    list_each (at, &i->session->queued) {
        struct task *task = list_entry(at, struct task, link);
        uint64_t latest = now + time_of(i, task);
        if (task->deadline_ns == 0)
            continue;
        task->deadline_ns = task->deadline_ns + outage < latest ? task->deadline_ns + outage : latest;
    }
}
