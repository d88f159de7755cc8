/* SPDX-License-Identifier: MIT */
/* What is done about a command that is late or wanted back (RFC 7143 7.11): its abort, the reset of its LUN,
 * the end of the session. Each step has a limit, and whatever goes wrong in it leads to the next one, never
 * back. */
#include "initiator/parts.h"

#define NS_PER_MS 1000000ull
#define PAUSE_NS  (50 * NS_PER_MS) /* before a target that has too many immediate requests gets another */

static struct watch *watch_of(const struct initiator *i, const struct task *task)
{
    return &i->watches[task->slot];
}

static struct task *task_of(const struct initiator *i, const struct watch *w)
{
    return &i->session->tasks[w - i->watches];
}

static uint64_t limit(const struct initiator *i)
{
    return initiator_now(i) + i->policy.abort_timeout_ms * NS_PER_MS;
}

/* --- the steps --- */

/* Only a few are asked for at a time; the task's limit counts from when it was late, not from then. */
static void ask_for_aborts(struct initiator *i)
{
    if (i->state != INITIATOR_UP || i->reset || initiator_now(i) < i->ask_at)
        return;
    while (i->aborts < ESCALATION_ABORTS && !list_empty(&i->late)) {
        struct watch *w = list_entry(i->late.next, struct watch, link);
        struct task *task = task_of(i, w);
        w->abort = session_manage(i->session, i->conn, WIRE_TMF_ABORT_TASK, task->lun, task);
        if (!w->abort) {
            i->ask_at = initiator_now(i) + PAUSE_NS;
            break;
        }
        w->abort->owner = w;
        list_remove(&w->link);
        i->aborts++;
        i->counters.aborts++;
        initiator_kick(i);
    }
}

static void abort_task(struct initiator *i, struct task *task)
{
    deadlines_set(i, task, limit(i));
    list_push(&i->late, &watch_of(i, task)->link);
    ask_for_aborts(i);
}

static void end_session(struct initiator *i, struct task *task)
{
    (void)task;
    connection_lost(i, BERTH_E_TIMEOUT, "a command got no answer, nor did what was to end it");
}

/* One at a time, and for all late tasks of its LUN. A second LUN that needs one is more than a LUN's trouble.
 */
static void reset_lun(struct initiator *i, struct task *task)
{
    list_remove(&watch_of(i, task)->link);
    if (!i->reset) {
        i->reset = session_manage(i->session, i->conn, WIRE_TMF_LU_RESET, task->lun, NULL);
        i->counters.resets += i->reset != NULL;
        if (i->reset)
            deadlines_set(i, i->reset, limit(i));
        initiator_kick(i);
    }
    if (i->reset && i->reset->lun == task->lun)
        deadlines_set(i, task, i->reset->deadline_ns);
    else
        end_session(i, task);
}

static void (*const steps[])(struct initiator *i, struct task *task) = {
    [STEP_ABORT] = abort_task,    /* 11.5.1 */
    [STEP_RESET] = reset_lun,     /* SAM-5 7.5 */
    [STEP_SESSION] = end_session, /* reinstatement, 6.3.5: the one end that every target obeys */
};

/* Nothing at all has come since it was to be aborted: another request would only be one more without an
 * answer. */
static bool silent(const struct initiator *i, const struct task *task)
{
    uint64_t asked = task->deadline_ns - i->policy.abort_timeout_ms * NS_PER_MS;
    return watch_of(i, task)->step == STEP_ABORT && conn_last_rx(i->conn) < asked;
}

static void climb(struct initiator *i, struct task *task)
{
    struct watch *w = watch_of(i, task);
    bool command = task->kind == TASK_SCSI && task->state == TASK_ACTIVE;
    w->step = command && w->step < STEP_SESSION && !silent(i, task) ? w->step + 1 : STEP_SESSION;
    steps[w->step](i, task);
}

/* --- how it begins --- */

static void give_up(struct initiator *i, struct task *task, int error)
{
    watch_of(i, task)->error = error;
    session_revoke(i->session, task, error);
}

void escalation_late(struct initiator *i, struct task *task)
{
    struct watch *w = watch_of(i, task);
    if (w->step == STEP_NONE && !w->error)
        w->error = BERTH_E_TIMEOUT;
    climb(i, task);
}

void initiator_cancel(struct initiator *i, struct task *task, int error)
{
    struct watch *w = watch_of(i, task);
    reactor_touch(i);
    if (task->state == TASK_QUEUED || task->state == TASK_DETACHED) {
        give_up(i, task, error);
        return;
    }
    if (task->state != TASK_ACTIVE || w->error)
        return; /* its outcome is known, or being waited for */
    if (task->kind != TASK_SCSI) {
        session_revoke(i->session, task, error);
        return;
    }
    w->error = error;
    if (w->step == STEP_NONE && i->state == INITIATOR_UP) /* otherwise the connection is about to end */
        climb(i, task);
}

/* The target is ending a LUN's tasks, and does not say which have been: who is asked for, one by one, will
 * tell. They may be sent again. */
void escalation_lun_ended(struct initiator *i, uint64_t lun)
{
    for (uint32_t n = 0; n < i->session->slots.count && i->state == INITIATOR_UP; n++) {
        struct task *task = &i->session->tasks[n];
        bool meant = slots_taken(&i->session->slots, n) && task->kind == TASK_SCSI && task->lun == lun;
        if (meant && task->state == TASK_ACTIVE && i->watches[n].step == STEP_NONE)
            climb(i, task);
    }
}

/* --- how it goes on --- */

enum verdict { NEXT, OVER, AGAIN };

/* What a response means for what was asked (11.6.1). OVER is what the core has acted upon already. */
struct answer {
    uint8_t code;
    uint8_t abort, reset; /* enum verdict */
};

static const struct answer answers[] = {
    {WIRE_TMF_COMPLETE, OVER, OVER},
    {WIRE_TMF_NO_TASK, OVER, NEXT}, /* ended before: if there was a response, it has come; a LUN is no task */
    {WIRE_TMF_NO_LUN, NEXT, NEXT},
    {WIRE_TMF_STILL_ALLEGIANT, NEXT, NEXT}, /* this and the next are answers to TASK REASSIGN */
    {WIRE_TMF_NO_REASSIGN, NEXT, NEXT},
    {WIRE_TMF_UNSUPPORTED, NEXT, NEXT},
    {WIRE_TMF_AUTH_FAILED, NEXT, NEXT},
    {WIRE_TMF_SUCCEEDED, NEXT, NEXT}, /* to a query (RFC 7144 6.4.2) */
    {WIRE_TMF_REJECTED, NEXT, NEXT},
};

static enum verdict verdict(const struct task *tmf)
{
    bool abort = tmf->function == WIRE_TMF_ABORT_TASK;
    if (tmf->error == BERTH_E_REJECTED)
        return abort && tmf->reject_reason == WIRE_REJECT_TOO_MANY_IMMEDIATE ? AGAIN : NEXT;
    for (size_t n = 0; n < sizeof answers / sizeof answers[0]; n++)
        if (tmf->error == BERTH_OK && answers[n].code == tmf->response)
            return (enum verdict)(abort ? answers[n].abort : answers[n].reset);
    return NEXT;
}

static void abort_answered(struct initiator *i, const struct task *tmf)
{
    struct watch *w = tmf->owner;
    struct task *task = task_of(i, w);
    i->aborts--;
    if (w->abort != tmf)
        return; /* its task is done */
    w->abort = NULL;
    if (i->state != INITIATOR_UP || task->state != TASK_ACTIVE || w->step != STEP_ABORT)
        return;
    if (verdict(tmf) == NEXT) {
        climb(i, task);
    } else if (verdict(tmf) == AGAIN) {
        list_push(&i->late, &w->link);
        i->ask_at = initiator_now(i) + PAUSE_NS;
    }
}

void escalation_answered(struct initiator *i, struct task *tmf)
{
    bool reset = tmf == i->reset, failed = reset && verdict(tmf) != OVER;
    if (reset)
        i->reset = NULL;
    else
        abort_answered(i, tmf);
    session_task_free(i->session, tmf);
    if (failed && i->state == INITIATOR_UP)
        end_session(i, NULL);
    ask_for_aborts(i);
}

/* --- what others have asked for --- */

/* They end because the caller wants it, and are not for sending again. */
static void give_up_covered(struct initiator *i, bool all, uint64_t lun)
{
    for (uint32_t n = 0; n < i->session->slots.count; n++) {
        const struct task *task = &i->session->tasks[n];
        bool meant =
            slots_taken(&i->session->slots, n) && task->kind == TASK_SCSI && (all || task->lun == lun);
        if (meant && task->state == TASK_ACTIVE && !i->watches[n].error)
            i->watches[n].error = BERTH_E_ABORTED;
    }
}

struct task *initiator_manage(struct initiator *i, uint8_t function, uint64_t lun, uint32_t timeout_ms)
{
    struct task *tmf =
        i->state == INITIATOR_UP ? session_manage(i->session, i->conn, function, lun, NULL) : NULL;
    if (!tmf)
        return NULL;
    struct watch *w = &i->watches[tmf->slot];
    *w = (struct watch){.timeout_ms = timeout_ms, .wanted = true};
    list_init(&w->link);
    deadlines_set(i, tmf, timeout_ms ? initiator_now(i) + timeout_ms * NS_PER_MS : limit(i));
    i->counters.resets += function == WIRE_TMF_LU_RESET;
    give_up_covered(i, function != WIRE_TMF_LU_RESET, tmf->lun);
    reactor_touch(i);
    initiator_kick(i);
    return tmf;
}

void escalation_told(struct initiator *i, struct task *tmf)
{
    i->watches[tmf->slot].wanted = false;
    i->owner.task_done(i->owner.owner, tmf);
}

/* --- how it ends --- */

/* It was ended without a response: by an abort of its own, or by a reset that was another's. */
static int end_of(struct initiator *i, const struct task *task, const struct watch *w)
{
    if (w->error)
        return w->error;
    return i->owner.replay(i->owner.owner, task);
}

static void forget(struct initiator *i, struct watch *w)
{
    if (w->abort && w->abort->state == TASK_QUEUED) /* nothing is left to be aborted */
        session_revoke(i->session, w->abort, BERTH_E_ABORTED);
    else if (w->abort && w->abort->state == TASK_ACTIVE) /* it keeps its place among those that are out, and
                                                            its slot, but not for ever */
        deadlines_set(i, w->abort, limit(i));
    list_remove(&w->link);
    w->abort = NULL;
    w->step = STEP_NONE;
    w->error = 0;
}

bool escalation_done(struct initiator *i, struct task *task)
{
    struct watch *w = watch_of(i, task);
    if (task->aborted)
        task->error = end_of(i, task, w);
    forget(i, w);
    if (!task->aborted || task->error)
        return true;
    initiator_resubmit(i, task);
    return false;
}

int escalation_detached(struct initiator *i, struct task *task)
{
    struct watch *w = watch_of(i, task);
    int error = end_of(i, task, w);
    forget(i, w);
    return error;
}

/* --- time --- */

void escalation_tick(struct initiator *i, uint64_t now)
{
    if (now >= i->ask_at)
        ask_for_aborts(i);
}

uint64_t escalation_due(const struct initiator *i)
{
    bool waiting = !list_empty(&i->late) && i->aborts < ESCALATION_ABORTS && !i->reset;
    return waiting ? i->ask_at : UINT64_MAX;
}
