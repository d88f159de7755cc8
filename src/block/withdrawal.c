/* SPDX-License-Identifier: MIT */
/* I/Os that are wanted back: one by one, with a completion, or all of a queue's at once, without. */
#include "block/lun.h"

/* What is paused has an outcome, and its task is ours. */
static void take_back(struct berth_lun *lun, struct command *cmd)
{
    if (list_empty(&cmd->link)) {
        initiator_cancel(lun->initiator, cmd->task, BERTH_E_ABORTED);
        return;
    }
    list_remove(&cmd->link);
    command_end(lun, cmd, BERTH_E_ABORTED);
}

/* --- one I/O --- */

/* What of it has not become a command never will. */
static void stop_issuing(struct request *r)
{
    if (request_issued(r))
        return;
    r->issued = r->io.len_bytes;
    r->begun = true;
    if (!r->done.error)
        r->done.error = BERTH_E_ABORTED;
    list_remove(&r->link);
}

void request_withdraw(struct request *r)
{
    struct berth_lun *lun = r->lun;
    r->cancelled = true;
    stop_issuing(r);
    for (uint32_t n = 0; n < lun->command_count; n++)
        if (lun->commands[n].request == r)
            take_back(lun, &lun->commands[n]);
    if (r->under_way && r->outstanding == 0)
        request_finish(r);
}

static bool is_wanted_back(const struct request *r, uint64_t tag)
{
    return r->under_way && !r->cancelled && r->io.tag == tag;
}

BERTH_EXPORT int berth_queue_cancel(struct berth_queue *q, uint64_t tag)
{
    int count = 0;
    if (q->port)
        return port_cancel(q, tag);
    for (uint32_t n = 0; n < q->depth; n++) {
        struct request *r = &q->requests[n];
        if (!is_wanted_back(r, tag))
            continue;
        request_withdraw(r);
        initiator_settle(r->lun->initiator);
        count++;
    }
    if (count > 0)
        reactor_alarm(q->lun->initiator->reactor, 0); /* there is something to reap, or to send */
    return count;
}

/* --- all of a queue --- */

static bool is_of(const struct command *cmd, const struct berth_queue *q)
{
    return cmd->request && cmd->request->queue == q;
}

static bool any_left(const struct berth_queue *q, const struct berth_lun *lun)
{
    for (uint32_t n = 0; n < lun->command_count; n++)
        if (is_of(&lun->commands[n], q))
            return true;
    return false;
}

/* The target is asked to let go of them. */
static void recall_commands(struct berth_queue *q, struct berth_lun *lun)
{
    for (uint32_t n = 0; n < lun->command_count; n++)
        if (is_of(&lun->commands[n], q))
            take_back(lun, &lun->commands[n]);
    initiator_settle(lun->initiator);
}

/* One that takes too long has lost us. */
void queue_cut_lane(struct berth_queue *q, struct berth_lun *lun, uint64_t until)
{
    struct initiator *i = lun->initiator;
    if (lun->closing)
        return;
    while (any_left(q, lun) && initiator_now(i) < until)
        initiator_wait(i, until);
    if (any_left(q, lun))
        initiator_cut(i);
    initiator_settle(i);
}

void queue_recall_lane(struct berth_queue *q, struct berth_lun *lun)
{
    for (uint32_t n = 0; n < q->depth; n++) {
        struct request *r = &q->requests[n];
        if (r->lun != lun || !r->under_way)
            continue;
        list_remove(&r->link);
        r->cancelled = true;
    }
    if (!lun->closing)
        recall_commands(q, lun);
}

/* All of them have the same time. */
static void cut_lanes(struct berth_queue *q, struct berth_lun *const *luns, uint32_t count)
{
    for (uint32_t n = 0; n < count; n++)
        queue_recall_lane(q, luns[n]);
    uint64_t until = luns[0]->closing ? 0 : initiator_now(luns[0]->initiator) + LUN_CUT_NS;
    for (uint32_t n = 0; n < count; n++)
        queue_cut_lane(q, luns[n], until);
}

static void all_free(struct berth_queue *q)
{
    q->outstanding = q->done_count = 0;
    for (uint32_t n = 0; n < q->depth; n++) {
        struct request *r = &q->requests[n];
        r->under_way = false;
        if (r->place != REQUEST_FREE && q->spread)
            spread_leave(q->spread, r->lun->lane);
        r->place = REQUEST_FREE;
        list_remove(&r->link);
        list_push(&q->free, &r->link);
    }
}

void queue_cut(struct berth_queue *q)
{
    struct lanes *all = q->lun->lanes;
    bool any = q->outstanding > q->done_count;
    if (q->port)
        port_cut(q);
    else if (any && all && !q->internal)
        cut_lanes(q, all->luns, all->count);
    else if (any)
        cut_lanes(q, &q->lun, 1);
    all_free(q);
}
