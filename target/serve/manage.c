/* SPDX-License-Identifier: MIT */
/* Task management (RFC 7143 11.5). A response means that no command it is about can change the medium or be
 * answered any more (4.2.3.3): while one of them is still under way, the request waits, and on the LU nothing
 * new begins. Data-Out that is due for R2Ts of aborted commands is not waited for: their tags are dead, and
 * what comes is swallowed. */
#include "scsi/identity.h"
#include "scsi/sense.h"
#include "serve/target.h"

enum reach { REACH_SESSION, REACH_LU, REACH_TARGET };

/* What a function is about, beside the commands of the session that asks. */
static enum reach reach_of(uint8_t function)
{
    switch (function) {
    case WIRE_TMF_CLEAR_TASK_SET:
    case WIRE_TMF_LU_RESET:
        return REACH_LU;
    case WIRE_TMF_TARGET_WARM_RESET:
    case WIRE_TMF_TARGET_COLD_RESET:
        return REACH_TARGET;
    default:
        return REACH_SESSION;
    }
}

/* The LU that a request names; NULL where there is none. */
static struct lu *lu_of(const struct target_session *ts, const struct task *tmf)
{
    uint32_t number;
    bool found = scsi_lun_decode(tmf->lun, &number) && number < COMMAND_LU_MAX;
    return found ? ts->nexus.set->lus[number] : NULL;
}

static bool names_lu(const struct task *tmf)
{
    return reach_of(tmf->function) != REACH_TARGET;
}

typedef void visitor(struct lu *lu, struct target_session *ts);

static void each_lu(struct target_session *ts, const struct task *tmf, visitor *visit)
{
    struct lu_set *set = ts->nexus.set;
    struct lu *one = names_lu(tmf) ? lu_of(ts, tmf) : NULL;
    if (one)
        visit(one, ts);
    for (uint32_t i = 0; !names_lu(tmf) && i < COMMAND_LU_MAX; i++)
        if (set->lus[i])
            visit(set->lus[i], ts);
}

/* --- waiting --- */

/* `one`: the LU that the request names, which may have been taken out of the set since. */
static bool waits(struct target_session *ts, const struct task *tmf, const struct lu *one)
{
    struct lu_set *set = ts->nexus.set;
    bool dying = one && lu_dying(one);
    for (uint32_t i = 0; !names_lu(tmf) && !dying && i < COMMAND_LU_MAX; i++)
        dying = set->lus[i] && lu_dying(set->lus[i]);
    return dying;
}

void manage_settle(struct target *t)
{
    for (struct list *at = t->managing.next, *next; at != &t->managing; at = next) {
        struct job *job = list_entry(at, struct job, link);
        next = at->next;
        if (waits(job->ts, job->task, job->command.lu))
            continue;
        list_remove(&job->link);
        session_respond(job->ts->session, job->task);
        link_kick(&job->ts->wire);
    }
}

static void answer(struct target_session *ts, struct task *tmf)
{
    struct lu *one = names_lu(tmf) ? lu_of(ts, tmf) : NULL;
    bool wait = waits(ts, tmf, one);
    struct job *job = wait ? job_take(ts, tmf) : NULL;
    if (job) {
        job->command.lu = one; /* closed only when nothing of it is under way: not before this is answered */
        list_push(&ts->target->managing, &job->link);
        return;
    }
    if (wait) /* no memory to remember it by */
        tmf->response = WIRE_TMF_REJECTED;
    session_respond(ts->session, tmf);
}

/* --- carrying out --- */

/* Commands of other sessions: who loses some learns of it (SAM-5 5.14, TAS is 0). A reset tells everybody. */
static void clear_others(struct target_session *ts, const struct task *tmf)
{
    struct lu *lu = lu_of(ts, tmf);
    list_each (at, &ts->target->sessions) {
        struct target_session *other = list_entry(at, struct target_session, link);
        if (other == ts || other->node != ts->node || !other->logged_in)
            continue;
        if (session_clear(other->session, tmf) > 0 && tmf->function == WIRE_TMF_CLEAR_TASK_SET)
            lu_tell(lu, &other->nexus, ASC_COMMANDS_CLEARED);
    }
}

static void reset(struct lu *lu, struct target_session *ts)
{
    lu_reset(lu, ts->nexus.set);
}

static void wake(struct lu *lu, struct target_session *ts)
{
    (void)ts;
    lu_wake(lu);
}

static void carry_out(struct target_session *ts, struct task *tmf)
{
    tmf->response = session_abort(ts->session, tmf);
    if (reach_of(tmf->function) != REACH_SESSION)
        clear_others(ts, tmf);
    if (reach_of(tmf->function) != REACH_SESSION && tmf->function != WIRE_TMF_CLEAR_TASK_SET)
        each_lu(ts, tmf, reset);
    answer(ts, tmf);
    each_lu(ts, tmf, wake);
}

static uint8_t refusal(const struct target_session *ts, const struct task *tmf)
{
    if (!ts->node) /* discovery has no commands (4.3) */
        return WIRE_TMF_REJECTED;
    return tmf->function > WIRE_TMF_LU_RESET || lu_of(ts, tmf) ? WIRE_TMF_COMPLETE : WIRE_TMF_NO_LUN;
}

void manage(struct target_session *ts, struct task *tmf)
{
    tmf->response = refusal(ts, tmf);
    if (tmf->response == WIRE_TMF_COMPLETE)
        carry_out(ts, tmf);
    else
        session_respond(ts->session, tmf);
}

uint32_t manage_preempted(struct nexus *n, uint64_t lun)
{
    struct target_session *ts =
        (struct target_session *)(void *)((uint8_t *)n - offsetof(struct target_session, nexus));
    const struct task tmf = {.kind = TASK_TMF, .function = WIRE_TMF_ABORT_TASK_SET, .lun = lun};
    return session_clear(ts->session, &tmf);
}
