/* SPDX-License-Identifier: MIT */
#include "block/check.h"
#include "block/lun.h"
#include "block/policy.h"
#include "block/questions.h"

/* --- what is found --- */

/* It waits, to be sent again or for the first time. */
static bool unsent(const struct command *cmd)
{
    return cmd->request && (!list_empty(&cmd->link) || cmd->task->state == TASK_QUEUED);
}

/* Ends an I/O of which nothing is on the wire. */
static void fail_command(struct berth_lun *lun, struct command *cmd, const struct berth_done *why)
{
    request_fail(cmd->request, why);
    if (!list_empty(&cmd->link)) {
        list_remove(&cmd->link);
        command_end(lun, cmd, why->error);
    } else if (cmd->task->state == TASK_QUEUED) {
        initiator_cancel(lun->initiator, cmd->task, BERTH_E_ABORTED);
    }
}

static void fail_all(struct berth_lun *lun, const struct berth_done *why)
{
    lun_fail_waiting(lun, why);
    for (uint32_t n = 0; n < lun->command_count; n++) {
        struct command *cmd = &lun->commands[n];
        if (unsent(cmd) && !check_asks(lun, cmd))
            fail_command(lun, cmd, why);
    }
    lun->check.ended = true;
    status_tend(lun);
    initiator_settle(lun->initiator);
}

static void tell_gone(struct berth_lun *lun, int error)
{
    struct berth_notice notice = {BERTH_NOTICE_GONE, error, berth_error_text(error), 0};
    if (!lun->check.told)
        lanes_notice(lun, &notice);
    lun->check.told = true;
}

static void come_to_an_end(struct berth_lun *lun, int found)
{
    lun->check.turns++;
    lun->check.found = found;
    lanes_checked(lun);
}

static void tell_why(struct berth_lun *lun, const struct berth_done *why)
{
    char words[sizeof lun->detail.text];
    if (why->scsi_status)
        outcome_words(why, words, sizeof words);
    initiator_note(lun->initiator, why->error, why->scsi_status ? words : berth_error_text(why->error));
}

void check_fence(struct berth_lun *lun, const struct berth_done *why)
{
    struct check *c = &lun->check;
    c->running = false;
    c->fence = *why;
    if (why->error == BERTH_E_CHANGED) /* else it is a session's end, which knows better */
        tell_why(lun, why);
    fail_all(lun, &c->fence);
}

/* Another device: for this LUN there is no way back. */
static void fence(struct berth_lun *lun)
{
    const struct berth_done why = {.error = BERTH_E_CHANGED, .bad_offset_bytes = UINT64_MAX};
    tell_gone(lun, BERTH_E_CHANGED);
    lanes_fence(lun, &why);
    check_fence(lun, &why);
}

/* Nothing found out: what waits ends with the reason, what comes has it looked into again. */
static void give_up(struct berth_lun *lun, const struct berth_done *why)
{
    struct check *c = &lun->check;
    c->running = false;
    c->given_up = true;
    come_to_an_end(lun, why->error);
    tell_why(lun, why);
    if (why->error == BERTH_E_NO_LUN)
        tell_gone(lun, why->error);
    fail_all(lun, why);
}

static void give_up_with(struct berth_lun *lun, int error)
{
    give_up(lun, &(struct berth_done){.error = error, .bad_offset_bytes = UINT64_MAX});
}

/* A LUN that has shrunk gets nothing that lies beyond its end. */
static void cut_off(struct berth_lun *lun)
{
    const struct berth_done why = {.error = BERTH_E_RANGE, .bad_offset_bytes = UINT64_MAX};
    for (uint32_t n = 0; n < lun->command_count; n++) {
        struct command *cmd = &lun->commands[n];
        if (unsent(cmd) && request_beyond(lun, cmd->request))
            fail_command(lun, cmd, &why);
    }
}

/* What was built for the LUN as it was, above all how a write becomes durable, is built for it as it is. */
static void build_anew(struct berth_lun *lun)
{
    for (uint32_t n = 0; n < lun->command_count; n++) {
        struct command *cmd = &lun->commands[n];
        if (unsent(cmd) && !check_asks(lun, cmd))
            command_renew(lun, cmd);
    }
}

static void start_over(struct check *c)
{
    c->step = 0;
    c->again = false;
}

static void succeed(struct berth_lun *lun)
{
    struct check *c = &lun->check;
    if (c->again && c->rounds++ < LUN_TRIES) {
        start_over(c);
        return;
    }
    cut_off(lun);
    build_anew(lun);
    c->running = c->wanted = c->told = false;
    c->losses = 0;
    initiator_hold(lun->initiator, false);
    lanes_publish(lun);
    come_to_an_end(lun, BERTH_OK);
    if (c->back)
        lanes_notice(lun, &(struct berth_notice){.kind = BERTH_NOTICE_BACK, .text = NULL});
    c->back = false;
}

/* Answers that another moment may change: the reasons for which an I/O would be sent again, too. */
static bool passes(const struct berth_done *done)
{
    const struct scsi_sense sense = {.valid = true, .key = done->sense_key, .asc = done->asc};
    if (!done->scsi_status)
        return berth_error_scope(done->error) == BERTH_SCOPE_TASK;
    uint8_t verdict = policy_find(done->scsi_status, &sense)->verdict;
    return verdict == POLICY_AGAIN || verdict == POLICY_LATER;
}

static bool anybody_waits(const struct berth_lun *lun)
{
    bool waits = !list_empty(&lun->waiting) || !list_empty(&lun->paused);
    for (uint32_t n = 0; n < lun->command_count && !waits; n++)
        waits = unsent(&lun->commands[n]);
    return waits;
}

/* I/Os have deadlines of their own; while one of them waits, so may we. */
static void ask_later(struct berth_lun *lun, const struct berth_done *done)
{
    struct check *c = &lun->check;
    uint64_t now = initiator_now(lun->initiator);
    if (!passes(done) || !anybody_waits(lun)) {
        give_up(lun, done);
        return;
    }
    c->pause_ns = c->pause_ns * 2 < LUN_PAUSE_MIN_NS ? LUN_PAUSE_MIN_NS : c->pause_ns * 2;
    if (c->pause_ns > LUN_PAUSE_MAX_NS)
        c->pause_ns = LUN_PAUSE_MAX_NS;
    c->due_ns = now + c->pause_ns;
    start_over(c);
}

static enum finding judge(struct berth_lun *lun, const struct request *r)
{
    const struct check *c = &lun->check;
    bool refused = r->done.scsi_status == SCSI_CHECK_CONDITION && r->done.sense_key == SENSE_ILLEGAL_REQUEST;
    if (!r->done.error)
        return questions[c->step].hear(lun, c->reply, r->reply_len);
    if (r->done.error == BERTH_E_NO_LUN)
        return GONE;
    if (r->done.error == BERTH_E_RESERVED)
        return (enum finding)questions[c->step].reserved;
    if (refused)
        return (enum finding)questions[c->step].refused;
    return c->step == 0 && r->done.scsi_status ? SAME : UNSURE;
}

static void answered(struct berth_lun *lun, const struct request *r)
{
    struct berth_done done = r->done;
    switch (judge(lun, r)) {
    case SAME:
        lun->check.step++;
        break;
    case OTHER:
        fence(lun);
        break;
    case GONE:
        give_up_with(lun, BERTH_E_NO_LUN);
        break;
    case UNSURE:
        if (!done.error)
            done.error = BERTH_E_PROTOCOL;
        ask_later(lun, &done);
        break;
    }
}

/* --- how it goes --- */

static void ask(struct berth_lun *lun)
{
    struct check *c = &lun->check;
    uint8_t cdb[SCSI_CDB_MAX] = {0};
    uint32_t len = 0;
    while (c->step < QUESTIONS && (len = questions[c->step].ask(lun, cdb)) == 0)
        c->step++;
    if (c->step == QUESTIONS) {
        succeed(lun);
        return;
    }
    struct task *task = initiator_task_ahead(lun->initiator);
    if (!task) { /* all are in use: one will be given back */
        c->due_ns = initiator_now(lun->initiator) + LUN_PAUSE_MIN_NS;
        return;
    }
    c->seg = seg_memory(c->reply, questions[c->step].size);
    struct request *r = queue_question(c->queue, cdb, len, &c->seg);
    command_issue(lun, r, task, initiator_now(lun->initiator));
}

/* A target under whose every answer the session dies must not keep I/Os waiting for ever. */
static bool dies_under_it(struct berth_lun *lun, uint64_t now)
{
    const struct check *c = &lun->check;
    return c->losses > LUN_LOSSES && now - c->lost_ns >= lun_recovery_ns(lun);
}

static void begin(struct berth_lun *lun, uint64_t now)
{
    struct check *c = &lun->check;
    start_over(c);
    c->running = true;
    c->given_up = false;
    c->rounds = 0;
    c->due_ns = c->pause_ns = 0;
    if (!dies_under_it(lun, now))
        return;
    c->losses = 0;
    give_up_with(lun, BERTH_E_LOST);
}

/* One step. Returns whether there may be another at once. */
static bool go_on(struct berth_lun *lun)
{
    struct check *c = &lun->check;
    uint64_t now = initiator_now(lun->initiator);
    struct berth_done done;
    if (queue_collect(c->queue, &done, 1) == 1) {
        if (c->running)
            answered(lun, &c->queue->requests[0]);
        return true;
    }
    if (!c->running && (!c->given_up || anybody_waits(lun))) {
        begin(lun, now);
        return true;
    }
    bool ready = c->running && c->queue->outstanding == 0 && now >= c->due_ns;
    if (ready)
        ask(lun);
    return ready && c->running && c->queue->outstanding == 0;
}

bool check_tick(struct berth_lun *lun)
{
    struct check *c = &lun->check;
    c->ended = false;
    if (c->fence.error && anybody_waits(lun))
        fail_all(lun, &c->fence);
    while (c->wanted && !c->fence.error && lun->initiator->state == INITIATOR_UP && go_on(lun))
        ;
    return c->ended;
}

uint64_t check_due(const struct berth_lun *lun)
{
    const struct check *c = &lun->check;
    bool up = lun->initiator->state == INITIATOR_UP; /* leaving it cannot ask, and need not be woken for it */
    return up && c->running && c->queue->outstanding == 0 ? c->due_ns : UINT64_MAX;
}

/* --- what sets it off --- */

int check_init(struct berth_lun *lun)
{
    return queue_make(&lun->check.queue, lun, 1);
}

void check_enable(struct berth_lun *lun)
{
    lun->check.enabled = true;
}

void check_want(struct berth_lun *lun)
{
    struct check *c = &lun->check;
    if (!c->enabled || lun->closing)
        return;
    c->again |= c->running;
    c->wanted = true;
    initiator_hold(lun->initiator, true);
}

void check_anew(struct berth_lun *lun)
{
    if (lun->check.fence.error)
        return;
    lun->check.given_up = false;
    check_want(lun);
}

/* The question that is out is not asked again: after the login all begins anew. */
static void take_back(struct berth_lun *lun, struct command *cmd)
{
    struct request *r = cmd->request;
    cmd->request = NULL;
    depth_leave(&lun->depth, &cmd->counts);
    r->under_way = false;
    r->queue->outstanding--;
    list_push(&r->queue->free, &r->link);
    if (!list_empty(&cmd->link)) {
        list_remove(&cmd->link);
        initiator_task_free(lun->initiator, cmd->task);
    } else {
        initiator_cancel(lun->initiator, cmd->task, BERTH_E_ABORTED);
    }
}

void check_lost(struct berth_lun *lun)
{
    struct check *c = &lun->check;
    if (!c->enabled || lun->closing)
        return;
    if (c->running && c->losses++ == 0)
        c->lost_ns = initiator_now(lun->initiator);
    for (uint32_t n = 0; n < lun->command_count; n++)
        if (check_asks(lun, &lun->commands[n]))
            take_back(lun, &lun->commands[n]);
    c->running = c->given_up = false;
    c->back = true;
    check_want(lun);
}

bool check_asks(const struct berth_lun *lun, const struct command *cmd)
{
    return cmd->request && cmd->request->queue == lun->check.queue;
}

bool check_begins(const struct berth_lun *lun, const struct command *cmd)
{
    return check_asks(lun, cmd) && lun->check.step == 0;
}

bool check_greets(const struct berth_lun *lun, const struct command *cmd)
{
    return check_begins(lun, cmd) && lun->check.back;
}
