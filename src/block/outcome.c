/* SPDX-License-Identifier: MIT */
/* How commands end: what their outcome means for the I/O, and which of them are sent again instead, at once
 * or after a pause. */
#include <stdio.h>
#include <string.h>
#include "block/lun.h"
#include "block/policy.h"
#include "scsi/replay.h"

#define NS_PER_MS 1000000ull

/* --- outcome -> error --- */

static int status_error(const struct task *task, const struct scsi_sense *sense)
{
    return task->error == BERTH_E_SCSI ? policy_find(task->status, sense)->error : task->error;
}

/* Where the LUN says that its medium is damaged, if that lies in what the I/O is about. */
static void note_place(const struct berth_lun *lun, struct request *r, const struct scsi_sense *sense)
{
    uint64_t block = lun->info.block_bytes, first = r->io.offset_bytes / block;
    bool inside = sense->information >= first && sense->information - first < r->io.len_bytes / block;
    if (r->done.error == BERTH_E_MEDIUM && sense->has_information && inside)
        r->done.bad_offset_bytes = sense->information * block;
}

static void note_error(const struct berth_lun *lun, struct request *r, const struct task *task,
                       const struct scsi_sense *sense)
{
    if (r->done.error)
        return; /* the first one tells */
    r->done.error = status_error(task, sense);
    if (task->error != BERTH_E_SCSI)
        return; /* there is no status */
    r->done.scsi_status = task->status;
    r->done.sense_key = sense->key;
    r->done.asc = sense->asc;
    r->done.residual_bytes = task->residual;
    note_place(lun, r, sense);
}

/* What a command of the caller's own has come to. */
static void tell_command(struct request *r, const struct task *task)
{
    struct berth_command *c = r->io.command;
    if (r->io.op != BERTH_SCSI || (task->error != BERTH_OK && task->error != BERTH_E_SCSI))
        return;
    c->status = task->status;
    c->sense_len = (uint8_t)task->sense_len;
    memcpy(c->sense, task->sense, task->sense_len);
    c->moved_bytes = task->read ? task->moved : r->io.len_bytes;
    if (task->write && task->residual_kind == WIRE_RESIDUAL_UNDERFLOW)
        c->moved_bytes -= task->residual;
    if (task->residual_kind == WIRE_RESIDUAL_OVERFLOW)
        c->overflow_bytes = task->residual;
    r->done.residual_bytes = r->io.len_bytes - c->moved_bytes;
}

/* Reads and writes of blocks move everything or have failed; so has whatever the target has thrown data of
 * away, be it as content as it likes. */
static int moved_all(const struct request *r, const struct task *task)
{
    if (task->reject_reason)
        return BERTH_E_REJECTED;
    bool raw = r->io.op == OP_ASK || r->io.op == BERTH_SCSI;
    return raw || (task->residual_kind == WIRE_RESIDUAL_NONE && task->moved == task->edtl) ? BERTH_OK
                                                                                           : BERTH_E_SHORT;
}

void outcome_words(const struct berth_done *done, char *out, size_t size)
{
    const char *asc = scsi_asc_text(done->asc);
    if (done->scsi_status != SCSI_CHECK_CONDITION)
        snprintf(out, size, "%s: %s", berth_error_text(done->error), scsi_status_text(done->scsi_status));
    else
        snprintf(out, size, "%s: %s, %02xh/%02xh%s%s%s", berth_error_text(done->error),
                 scsi_sense_key_text(done->sense_key), done->asc >> 8, done->asc & 0xffu, *asc ? " (" : "",
                 asc, *asc ? ")" : "");
}

void outcome_say(struct berth_lun *lun, const struct berth_done *done)
{
    char words[sizeof lun->detail.text];
    const char *session = initiator_detail(lun->initiator);
    if (done->scsi_status) {
        outcome_words(done, words, sizeof words);
        lun_say(&lun->detail, done->error, words);
    } else {
        bool lost = lun->initiator->state == INITIATOR_FAILED && *session;
        lun_say(&lun->detail, done->error, lost ? session : NULL);
    }
}

/* --- outcome -> once more? --- */

static bool may_repeat(const struct berth_lun *lun, const struct task *task)
{
    return task->unsent || scsi_may_repeat(task->cdb, task->cdb_len, lun->inquiry.device_type);
}

/* Commands that the target has thrown away unlooked at, and that may go again (RFC 7143 11.17.1); one that
 * crossed with the request to log out may in the next session. One of whose data it has thrown a part away
 * may have been done with what it had. */
static enum policy_verdict reject_verdict(const struct berth_lun *lun, const struct task *task)
{
    if (!may_repeat(lun, task))
        return POLICY_FAIL;
    switch (task->reject_reason) {
    case WIRE_REJECT_DATA_DIGEST:
        return POLICY_AGAIN;
    case WIRE_REJECT_TOO_MANY_IMMEDIATE:
    case WIRE_REJECT_LONG_OPERATION:
    case WIRE_REJECT_WAITING_FOR_LOGOUT:
        return POLICY_LATER;
    default:
        return POLICY_FAIL;
    }
}

/* A LUN that announced WRITE SAME, or its UNMAP bit, and then does not know it: the next way from now on. */
static bool zero_differently(struct berth_lun *lun, struct command *cmd, const struct scsi_sense *sense)
{
    uint8_t bit = (uint8_t)(1u << cmd->way);
    bool refused = status_error(cmd->task, sense) == BERTH_E_UNSUPPORTED;
    if (cmd->request->io.op != BERTH_ZERO || cmd->way == ZERO_DATA || !refused || lun->zero_works & bit)
        return false;
    lun->zero_refused |= bit;
    if (cmd->way == ZERO_SAME)
        lun->info.max_zero_bytes = 0;
    command_build(lun, cmd);
    return true;
}

/* A LUN that says nothing of a cache and does not know SYNCHRONIZE CACHE either has nothing to be flushed. */
static bool nothing_to_flush(const struct berth_lun *lun, const struct command *cmd,
                             const struct scsi_sense *sense)
{
    return cmd->request->io.op == BERTH_FLUSH && !lun->cache_known && sense->asc == ASC_INVALID_OPCODE;
}

static uint64_t time_of(const struct berth_lun *lun, const struct command *cmd)
{
    return cmd->request->io.timeout_ms ? cmd->request->io.timeout_ms : lun->options.command_timeout_ms;
}

static bool patient(struct berth_lun *lun, struct command *cmd)
{
    uint64_t now = initiator_now(lun->initiator);
    if (cmd->patience_ns == 0)
        cmd->patience_ns = now + time_of(lun, cmd) * NS_PER_MS;
    return now < cmd->patience_ns;
}

/* Nothing is sent again for ever. */
static enum policy_verdict bounded(struct berth_lun *lun, struct command *cmd, enum policy_verdict verdict)
{
    if (verdict == POLICY_AGAIN && cmd->tries++ >= LUN_TRIES)
        return POLICY_FAIL;
    return verdict == POLICY_LATER && !patient(lun, cmd) ? POLICY_FAIL : verdict;
}

/* Floor block itself, while probing, wants to know of NOT READY, and callers with commands of their own of
 * everything. */
static enum policy_verdict judge(struct berth_lun *lun, struct command *cmd, const struct scsi_sense *sense)
{
    if (cmd->task->error == BERTH_E_REJECTED)
        return bounded(lun, cmd, reject_verdict(lun, cmd->task));
    if (cmd->task->error != BERTH_E_SCSI)
        return POLICY_FAIL;
    if (cmd->request->io.op == BERTH_SCSI)
        return cmd->task->status == SCSI_CONDITION_MET ? POLICY_FINE : POLICY_FAIL;
    if (zero_differently(lun, cmd, sense))
        return POLICY_AGAIN;
    if (nothing_to_flush(lun, cmd, sense))
        return POLICY_FINE;
    enum policy_verdict verdict = policy_find(cmd->task->status, sense)->verdict;
    bool probing = cmd->request->io.op == OP_ASK && sense->key == SENSE_NOT_READY;
    return probing && verdict == POLICY_LATER ? POLICY_FAIL : bounded(lun, cmd, verdict);
}

/* --- commands --- */

static void tell_loss(struct berth_lun *lun, struct request *r)
{
    struct berth_done loss;
    if (r->io.op != BERTH_FLUSH || r->done.error || !lanes_take_loss(lun, &loss))
        return;
    loss.tag = r->done.tag;
    loss.bad_offset_bytes = UINT64_MAX;
    r->done = loss;
}

static void complete_request(struct berth_lun *lun, struct request *r)
{
    if (r->outstanding > 0 || !request_issued(r))
        return;
    if (r->sync_after && !r->done.error && !r->cancelled) {
        r->sync_after = false;
        r->io.op = BERTH_FLUSH;
        r->begun = false;
        r->wait_until = 0; /* a command of its own, with a time of its own */
        list_push(&lun->waiting, &r->link);
        return;
    }
    tell_loss(lun, r);
    request_finish(r);
}

/* Written with FUA it is durable at once. What was written while a flush was on its way, the flush may have
 * missed. */
static void count_write(struct berth_lun *lun, const struct command *cmd)
{
    uint32_t op = cmd->request->io.op;
    if (cmd->task->error)
        return;
    if (op == BERTH_FLUSH)
        lanes_flushed(lun, cmd->covers);
    lun->writes += (op == BERTH_WRITE || op == BERTH_ZERO) && !cmd->fua;
}

static void end_command(struct berth_lun *lun, struct command *cmd)
{
    struct request *r = cmd->request;
    count_write(lun, cmd);
    r->outstanding--;
    r->reply_len = cmd->task->moved;
    tell_command(r, cmd->task);
    if (r->io.op == BERTH_ZERO && cmd->task->error == BERTH_OK)
        lun->zero_works |= (uint8_t)(1u << cmd->way);
    lun->completed += !check_asks(lun, cmd);
    cmd->request = NULL;
    depth_leave(&lun->depth, &cmd->counts);
    initiator_task_free(lun->initiator, cmd->task);
    if (r->done.error && !request_issued(r)) { /* the rest is not worth starting */
        r->issued = r->io.len_bytes;
        list_remove(&r->link);
    }
    complete_request(lun, r);
}

void command_end(struct berth_lun *lun, struct command *cmd, int error)
{
    if (!cmd->request->done.error)
        cmd->request->done.error = error;
    end_command(lun, cmd);
}

/* Those that bounced together are not to come back together. */
static uint64_t jitter(uint64_t now, uint32_t slot, uint64_t most)
{
    return (now / 64 + slot * 2654435761ull) % (most + 1);
}

static void pause_command(struct berth_lun *lun, struct command *cmd)
{
    uint64_t now = initiator_now(lun->initiator);
    uint64_t most = check_asks(lun, cmd) ? LUN_PAUSE_ASK_NS : LUN_PAUSE_MAX_NS;
    cmd->pause_ns = cmd->pause_ns ? cmd->pause_ns * 2 : LUN_PAUSE_MIN_NS;
    if (cmd->pause_ns > most)
        cmd->pause_ns = most;
    cmd->due_ns = now + cmd->pause_ns + jitter(now, cmd->task->slot, cmd->pause_ns / 4);
    depth_leave(&lun->depth, &cmd->counts);
    list_push(&lun->paused, &cmd->link);
}

/* Nobody waits any more for the command that is to blame: the next flush has to tell. */
static void note_loss(struct berth_lun *lun, int error, const struct scsi_sense *sense)
{
    char text[128];
    lun->lost_writes++;
    const struct berth_done loss = {
        .error = error, .scsi_status = SCSI_CHECK_CONDITION, .sense_key = sense->key, .asc = sense->asc};
    lanes_note_loss(lun, &loss);
    snprintf(text, sizeof text, "the LUN failed to keep data that it had acknowledged: %s, %02xh/%02xh",
             scsi_sense_key_text(sense->key), sense->asc >> 8, sense->asc & 0xffu);
    lanes_notice(lun, &(struct berth_notice){BERTH_NOTICE_WRITES, error, text, 0});
}

/* What was acknowledged, and was only in the LUN's cache. */
static void note_volatile(struct berth_lun *lun, int error, const struct scsi_sense *sense)
{
    if (lanes_unflushed(lun) && lun->info.write_cache)
        note_loss(lun, error, sense);
    lanes_flushed(lun, lanes_writes(lun)); /* once is enough */
}

/* Most targets say "power on or reset" to every new session. That it is new we know already, and it says
 * nothing of their caches. */
static void take_news(struct berth_lun *lun, const struct policy_row *row, const struct scsi_sense *sense,
                      bool greeting)
{
    if (row->effects & POLICY_LOSS)
        note_loss(lun, row->error, sense);
    if (row->effects & POLICY_VOLATILE && !(greeting && sense->asc == ASC_POWER_ON))
        note_volatile(lun, row->error, sense);
    if (row->effects & POLICY_SPACE)
        lanes_notice(lun, &(struct berth_notice){.kind = BERTH_NOTICE_SPACE});
    if (row->effects & POLICY_RIGHTS)
        lanes_notice(lun, &(struct berth_notice){.kind = BERTH_NOTICE_RIGHTS});
}

/* A check is begun with the news that are expected. And a command of the caller's own may well be one that
 * the LUN has to refuse. */
static bool calls_for_check(const struct berth_lun *lun, const struct command *cmd,
                            const struct scsi_sense *sense)
{
    bool own = cmd->request->io.op == BERTH_SCSI && sense->key == SENSE_ILLEGAL_REQUEST;
    return !own && !check_begins(lun, cmd);
}

static void react(struct berth_lun *lun, const struct command *cmd, const struct scsi_sense *sense)
{
    const struct task *task = cmd->task;
    if (task->error != BERTH_E_SCSI)
        return;
    const struct policy_row *row = policy_find(task->status, sense);
    tally_status(lun, cmd, sense);
    if (task->lun != lun->lun_field)
        return; /* what another LUN says */
    if (row->effects & POLICY_FEWER)
        depth_fewer(&lun->depth, initiator_now(lun->initiator));
    if (row->effects & POLICY_CHECK && calls_for_check(lun, cmd, sense))
        check_want(lun);
    take_news(lun, row, sense, check_greets(lun, cmd));
}

void lun_attention(void *owner, uint64_t lun_field, const struct scsi_sense *sense)
{
    struct berth_lun *lun = owner;
    const struct policy_row *row = policy_find(SCSI_CHECK_CONDITION, sense);
    if (lun_field != lun->lun_field)
        return;
    lun->tally->attentions++;
    if (row->effects & POLICY_CHECK)
        check_want(lun);
    take_news(lun, row, sense, false);
}

static void end_in_error(struct berth_lun *lun, struct command *cmd)
{
    struct scsi_sense sense = {0};
    struct task *task = cmd->task;
    scsi_get_sense(task->sense, task->sense_len, &sense);
    react(lun, cmd, &sense);
    enum policy_verdict verdict = judge(lun, cmd, &sense);
    if (cmd->request->cancelled && (verdict == POLICY_AGAIN || verdict == POLICY_LATER)) {
        command_end(lun, cmd, BERTH_E_ABORTED);
        return;
    }
    switch (verdict) {
    case POLICY_AGAIN:
        initiator_resubmit(lun->initiator, task);
        return;
    case POLICY_LATER:
        pause_command(lun, cmd);
        return;
    case POLICY_FINE:
        task->error = moved_all(cmd->request, task);
        break;
    case POLICY_FAIL:
        break;
    }
    if (task->error)
        note_error(lun, cmd->request, task, &sense);
    end_command(lun, cmd);
}

/* What the target says of a reset (11.6.1). */
static int reset_error(const struct task *task)
{
    if (task->error)
        return task->error;
    switch (task->response) {
    case WIRE_TMF_COMPLETE:
        return BERTH_OK;
    case WIRE_TMF_NO_LUN:
        return BERTH_E_NO_LUN;
    case WIRE_TMF_UNSUPPORTED:
        return BERTH_E_UNSUPPORTED;
    default:
        return BERTH_E_REJECTED;
    }
}

static void end_reset(struct berth_lun *lun, struct command *cmd)
{
    struct request *r = cmd->request;
    if (!r->done.error)
        r->done.error = reset_error(cmd->task);
    r->outstanding--;
    cmd->request = NULL;
    initiator_task_free(lun->initiator, cmd->task);
    request_finish(r);
}

void lun_task_done(void *owner, struct task *task)
{
    struct berth_lun *lun = owner;
    struct command *cmd = &lun->commands[task->slot];

    if (task->kind == TASK_TMF && cmd->request) {
        end_reset(lun, cmd);
        return;
    }
    if (task->kind != TASK_SCSI || !cmd->request) { /* nobody waits for it any more */
        initiator_task_free(lun->initiator, task);
        return;
    }
    if (task->error == BERTH_OK)
        task->error = moved_all(cmd->request, task);
    if (task->error == BERTH_OK) {
        if (lun->depth.limit < lun->depth.most)
            depth_good(&lun->depth, initiator_now(lun->initiator));
        end_command(lun, cmd);
    } else {
        end_in_error(lun, cmd);
    }
}

/* What must not be done twice may have been done once. And a command under which one session after the other
 * dies may well be the cause. */
int lun_replay(void *owner, const struct task *task)
{
    struct berth_lun *lun = owner;
    struct command *cmd = &lun->commands[task->slot];
    uint64_t now = initiator_now(lun->initiator);
    if (!cmd->request || cmd->request->cancelled || check_asks(lun, cmd))
        return BERTH_E_ABORTED;
    if (!may_repeat(lun, task))
        return BERTH_E_UNKNOWN;
    if (cmd->losses++ == 0)
        cmd->lost_ns = now;
    bool young = now - cmd->lost_ns < lun_recovery_ns(lun);
    return young || cmd->losses <= LUN_LOSSES ? BERTH_OK : BERTH_E_UNKNOWN;
}

/* --- pauses --- */

/* As many go as the LUN takes; the rest, when one of those that went is done. Questions of our own may be
 * what all others wait for. */
static bool has_room(const struct berth_lun *lun, const struct command *cmd)
{
    return depth_room(&lun->depth) || cmd->request->io.op == OP_ASK;
}

static bool due(const struct berth_lun *lun, const struct command *cmd, uint64_t now)
{
    bool goes = cmd->due_ns <= now && has_room(lun, cmd);
    return goes || lun->initiator->state == INITIATOR_FAILED;
}

static void send_due(struct berth_lun *lun)
{
    uint64_t now = list_empty(&lun->paused) ? 0 : initiator_now(lun->initiator);
    for (struct list *at = lun->paused.next, *next; at != &lun->paused; at = next) {
        struct command *cmd = list_entry(at, struct command, link);
        next = at->next;
        if (!due(lun, cmd, now))
            continue;
        list_remove(&cmd->link);
        depth_enter(&lun->depth, &cmd->counts);
        initiator_resubmit(lun->initiator, cmd->task);
    }
}

static uint64_t next_due(const struct berth_lun *lun)
{
    uint64_t first = check_due(lun), expiry = waiting_due(lun);
    if (expiry < first)
        first = expiry;
    list_each (at, &lun->paused) {
        const struct command *cmd = list_entry(at, struct command, link);
        if (cmd->due_ns < first && has_room(lun, cmd))
            first = cmd->due_ns;
    }
    return first;
}

/* A check may be what is to be waited for, or end what was. */
uint64_t lun_tend(void *owner)
{
    struct berth_lun *lun = owner;
    if (lun->closing)
        return UINT64_MAX;
    send_due(lun);
    bool ended = check_tick(lun);
    lun_pump(lun);
    ended |= waiting_tend(lun);
    status_tend(lun);
    tally_tend(lun);
    lanes_tend(lun);
    port_flush(lun);
    return ended ? 0 : next_due(lun);
}
