/* SPDX-License-Identifier: MIT */
/* Task management as an initiator has it done (RFC 7143 11.5, 11.6, 4.2.3; RFC 7144 6.3): the request, what
 * it covers, and what its answer ends. */
#include "proto/core.h"

enum reach { REACH_NONE, REACH_TASK, REACH_LUN, REACH_ALL };

/* What a function is about, and what it then ends. */
struct function_row {
    uint8_t reach; /* enum reach */
    bool ends;     /* those tasks, when it is complete */
};

static const struct function_row functions[] = {
    [WIRE_TMF_ABORT_TASK] = {REACH_TASK, true},    /* 11.5.1 */
    [WIRE_TMF_ABORT_TASK_SET] = {REACH_LUN, true}, /* 4.2.3.2, as those below */
    [WIRE_TMF_CLEAR_ACA] = {REACH_LUN, false},
    [WIRE_TMF_CLEAR_TASK_SET] = {REACH_LUN, true},
    [WIRE_TMF_LU_RESET] = {REACH_LUN, true},
    [WIRE_TMF_TARGET_WARM_RESET] = {REACH_ALL, true},
    [WIRE_TMF_TARGET_COLD_RESET] = {REACH_ALL, true},
    [WIRE_TMF_QUERY_TASK] = {REACH_TASK, false}, /* RFC 7144 6.3 */
    [WIRE_TMF_QUERY_TASK_SET] = {REACH_LUN, false},
    [WIRE_TMF_IT_NEXUS_RESET] = {REACH_ALL, true}, /* RFC 7144 6.5 */
    [WIRE_TMF_QUERY_ASYNC_EVENT] = {REACH_LUN, false},
};

static struct function_row row_of(const struct task *tmf)
{
    bool known = tmf->kind == TASK_TMF && tmf->function < sizeof functions / sizeof functions[0];
    return known ? functions[tmf->function] : (struct function_row){0};
}

/* Does it end more than one task? */
static bool is_wide(const struct task *task)
{
    struct function_row row = row_of(task);
    return row.ends && row.reach != REACH_TASK;
}

static bool covers(const struct task *tmf, const struct task *task)
{
    switch ((enum reach)row_of(tmf).reach) {
    case REACH_TASK:
        return task->itt == tmf->referenced_tag;
    case REACH_LUN:
        return task->kind == TASK_SCSI && task->lun == tmf->lun;
    case REACH_ALL:
        return task->kind == TASK_SCSI;
    case REACH_NONE:
        break;
    }
    return false;
}

/* --- the request --- */

struct task *session_manage(struct session *s, struct conn *c, uint8_t function, uint64_t lun,
                            const struct task *subject)
{
    struct task *tmf = session_task(s, TASK_TMF);
    if (!tmf)
        return NULL;
    tmf->conn = c;
    tmf->immediate = true;
    tmf->function = function;
    tmf->lun = row_of(tmf).reach == REACH_ALL ? 0 : lun;          /* 11.5.3 */
    tmf->referenced_tag = subject ? subject->itt : WIRE_TAG_NONE; /* 11.5.4 */
    tmf->ref_cmd_sn = subject ? subject->cmd_sn : 0;
    session_submit(s, tmf);
    return tmf;
}

/* The number of the task that is meant; of an immediate one that of the request itself (11.5.5). */
uint32_t manage_ref_cmd_sn(const struct conn *c, const struct task *tmf)
{
    const struct task *subject = session_find(c->session, tmf->referenced_tag);
    return subject && subject->immediate ? c->session->cmd_sn : tmf->ref_cmd_sn;
}

/* --- data that is owed --- */

static bool fast_abort(const struct conn *c)
{
    return c->session->keys.agreed[KEY_TASK_REPORTING] == REPORT_FAST_ABORT;
}

static void stop(struct task *task)
{
    task->burst_count = task->burst_first = 0;
    task->unsolicited = task->data_pending = false;
    list_remove(&task->link);
}

static void stop_covered(struct conn *c, const struct task *tmf)
{
    for (struct list *at = c->sending.next, *next; at != &c->sending; at = next) {
        struct task *task = list_entry(at, struct task, link);
        next = at->next;
        if (covers(tmf, task))
            stop(task);
    }
}

void manage_lun_ended(struct conn *c, uint64_t lun)
{
    const struct task all = {.kind = TASK_TMF, .function = WIRE_TMF_ABORT_TASK_SET, .lun = lun};
    uint8_t bhs[WIRE_BHS_LEN];
    struct wire_nop_out out = {.immediate = true, .lun = lun, .itt = WIRE_TAG_NONE, .ttt = WIRE_TAG_NONE};
    if (!fast_abort(c))
        return;
    stop_covered(c, &all);
    put_nop_out(bhs, &out);
    outbox_push(c, bhs, 0);
}

enum owed manage_owed(const struct conn *c, const struct task *task)
{
    if (c->session->resets == 0)
        return OWED_ALL;
    list_each (at, &c->tasks) {
        const struct task *tmf = list_entry(at, struct task, member);
        if (tmf->state == TASK_ACTIVE && is_wide(tmf) && covers(tmf, task))
            return fast_abort(c) ? OWED_NOTHING : OWED_AN_END;
    }
    return OWED_ALL;
}

/* --- on the wire, and back --- */

void manage_sent(struct conn *c, const struct task *task)
{
    if (!is_wide(task))
        return;
    c->session->resets++;
    if (fast_abort(c))
        stop_covered(c, task); /* 4.2.3.4 */
}

void manage_over(struct session *s, const struct task *task)
{
    if (is_wide(task))
        s->resets--;
}

/* Its tasks are over at the target: complete, or, for one, unknown there (11.6.1). */
static bool has_ended(const struct task *tmf)
{
    return row_of(tmf).ends && (tmf->response == WIRE_TMF_COMPLETE ||
                                (tmf->response == WIRE_TMF_NO_TASK && tmf->function == WIRE_TMF_ABORT_TASK));
}

/* No response of theirs is delivered from here on, not even one right behind this in the stream (11.5.1). */
void manage_answered(struct conn *c, struct task *tmf)
{
    for (struct list *at = c->tasks.next, *next; at != &c->tasks && has_ended(tmf); at = next) {
        struct task *task = list_entry(at, struct task, member);
        next = at->next;
        if (task->kind == TASK_TMF || task->state != TASK_ACTIVE || !covers(tmf, task))
            continue;
        task->aborted = true;
        task->error = BERTH_E_ABORTED;
        task_finish(task);
    }
}
