/* SPDX-License-Identifier: MIT */
/* How commands end: what their outcome means for the I/O, and which of them are sent again instead, at once
 * or after a pause. */
#include <stdio.h>
#include <string.h>
#include "block/lun.h"
#include "scsi/replay.h"

#define NS_PER_MS 1000000ull
#define ANY       0xff /* sense key */

/* --- outcome -> error --- */

struct sense_row {
    uint8_t key;
    uint16_t asc; /* 0: any */
    int error;
};

/* First match wins. */
static const struct sense_row sense_rows[] = {
    {SENSE_DATA_PROTECT, ASC_SPACE_ALLOCATION_FAILED, BERTH_E_NO_SPACE},
    {SENSE_DATA_PROTECT, 0, BERTH_E_READ_ONLY},
    {SENSE_MEDIUM_ERROR, 0, BERTH_E_MEDIUM},
    {SENSE_HARDWARE_ERROR, 0, BERTH_E_MEDIUM},
    {SENSE_ILLEGAL_REQUEST, ASC_LBA_OUT_OF_RANGE, BERTH_E_RANGE},
    {SENSE_ILLEGAL_REQUEST, ASC_LUN_NOT_SUPPORTED, BERTH_E_NO_LUN},
    {SENSE_ILLEGAL_REQUEST, ASC_INVALID_OPCODE, BERTH_E_UNSUPPORTED},
    {SENSE_ILLEGAL_REQUEST, ASC_INVALID_FIELD_IN_CDB, BERTH_E_UNSUPPORTED},
};

static int sense_error(const struct scsi_sense *s)
{
    for (size_t i = 0; i < sizeof sense_rows / sizeof sense_rows[0]; i++)
        if (s->valid && s->key == sense_rows[i].key && (!sense_rows[i].asc || s->asc == sense_rows[i].asc))
            return sense_rows[i].error;
    return BERTH_E_SCSI;
}

static int status_error(const struct task *task, const struct scsi_sense *sense)
{
    if (task->error != BERTH_E_SCSI)
        return task->error;
    return task->status == SCSI_RESERVATION_CONFLICT ? BERTH_E_RESERVED : sense_error(sense);
}

static void note_error(struct request *r, const struct task *task, const struct scsi_sense *sense)
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

/* Reads and writes of blocks move everything or have failed. */
static int moved_all(const struct request *r, const struct task *task)
{
    bool raw = r->io.op == OP_ASK || r->io.op == BERTH_SCSI;
    return raw || (task->residual_kind == WIRE_RESIDUAL_NONE && task->moved == task->edtl) ? BERTH_OK
                                                                                           : BERTH_E_SHORT;
}

static void status_words(const struct berth_done *done, char *out, size_t size)
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
        status_words(done, words, sizeof words);
        lun_say(&lun->detail, done->error, words);
    } else {
        bool lost = lun->initiator->state == INITIATOR_FAILED && *session;
        lun_say(&lun->detail, done->error, lost ? session : NULL);
    }
}

/* --- outcome -> once more? --- */

enum verdict { VERDICT_FINAL, VERDICT_FINE, VERDICT_AGAIN, VERDICT_LATER };

/* First match wins; what has no row is final. */
static const struct verdict_row {
    uint8_t status, key; /* key ANY: whatever the sense says */
    uint16_t asc;        /* 0: any */
    uint8_t verdict;
} verdict_rows[] = {
    {SCSI_BUSY, ANY, 0, VERDICT_LATER},
    {SCSI_TASK_SET_FULL, ANY, 0, VERDICT_LATER},
    {SCSI_TASK_ABORTED, ANY, 0, VERDICT_AGAIN}, /* by another initiator (SAM-5 5.3.1) */
    {SCSI_CHECK_CONDITION, SENSE_UNIT_ATTENTION, 0, VERDICT_AGAIN},
    {SCSI_CHECK_CONDITION, SENSE_ABORTED_COMMAND, 0, VERDICT_AGAIN},
    {SCSI_CHECK_CONDITION, SENSE_NOT_READY, 0x0401, VERDICT_LATER}, /* is becoming ready */
    {SCSI_CHECK_CONDITION, SENSE_NOT_READY, 0x040a, VERDICT_LATER}, /* its access state is changing */
    {SCSI_CHECK_CONDITION, SENSE_RECOVERED, 0, VERDICT_FINE},       /* done, with some effort */
};

static bool row_fits(const struct verdict_row *row, const struct task *task, const struct scsi_sense *s)
{
    if (task->status != row->status)
        return false;
    return row->key == ANY ||
           (s->valid && !s->deferred && s->key == row->key && (!row->asc || s->asc == row->asc));
}

static enum verdict status_verdict(const struct task *task, const struct scsi_sense *sense)
{
    for (size_t i = 0; i < sizeof verdict_rows / sizeof verdict_rows[0]; i++)
        if (row_fits(&verdict_rows[i], task, sense))
            return (enum verdict)verdict_rows[i].verdict;
    return VERDICT_FINAL;
}

/* Commands that the target has thrown away unlooked at, and that may go again (RFC 7143 11.17.1); one that
 * crossed with the request to log out may in the next session. */
static enum verdict reject_verdict(uint8_t reason)
{
    switch (reason) {
    case WIRE_REJECT_DATA_DIGEST:
        return VERDICT_AGAIN;
    case WIRE_REJECT_TOO_MANY_IMMEDIATE:
    case WIRE_REJECT_LONG_OPERATION:
    case WIRE_REJECT_WAITING_FOR_LOGOUT:
        return VERDICT_LATER;
    default:
        return VERDICT_FINAL;
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
static enum verdict bounded(struct berth_lun *lun, struct command *cmd, enum verdict verdict)
{
    if (verdict == VERDICT_AGAIN && cmd->tries++ >= LUN_TRIES)
        return VERDICT_FINAL;
    return verdict == VERDICT_LATER && !patient(lun, cmd) ? VERDICT_FINAL : verdict;
}

/* Floor block itself, while probing, wants to know of NOT READY, and callers with commands of their own of
 * everything. */
static enum verdict judge(struct berth_lun *lun, struct command *cmd, const struct scsi_sense *sense)
{
    if (cmd->task->error == BERTH_E_REJECTED)
        return bounded(lun, cmd, reject_verdict(cmd->task->reject_reason));
    if (cmd->task->error != BERTH_E_SCSI)
        return VERDICT_FINAL;
    if (cmd->request->io.op == BERTH_SCSI)
        return cmd->task->status == SCSI_CONDITION_MET ? VERDICT_FINE : VERDICT_FINAL;
    if (zero_differently(lun, cmd, sense))
        return VERDICT_AGAIN;
    if (nothing_to_flush(lun, cmd, sense))
        return VERDICT_FINE;
    enum verdict verdict = status_verdict(cmd->task, sense);
    bool probing = cmd->request->io.op == OP_ASK && sense->key == SENSE_NOT_READY;
    return probing && verdict == VERDICT_LATER ? VERDICT_FINAL : bounded(lun, cmd, verdict);
}

/* --- commands --- */

static void complete_request(struct berth_lun *lun, struct request *r)
{
    if (r->outstanding > 0 || !request_issued(r))
        return;
    if (r->sync_after && !r->done.error && !r->cancelled) {
        r->sync_after = false;
        r->io.op = BERTH_FLUSH;
        r->begun = false;
        list_push(&lun->waiting, &r->link);
        return;
    }
    request_finish(r);
}

static void end_command(struct berth_lun *lun, struct command *cmd)
{
    struct request *r = cmd->request;
    r->outstanding--;
    r->reply_len = cmd->task->moved;
    tell_command(r, cmd->task);
    if (r->io.op == BERTH_ZERO && cmd->task->error == BERTH_OK)
        lun->zero_works |= (uint8_t)(1u << cmd->way);
    cmd->request = NULL;
    initiator_task_free(lun->initiator, cmd->task);
    lun->completed++;
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

static void pause_command(struct berth_lun *lun, struct command *cmd)
{
    cmd->pause_ns = cmd->pause_ns ? cmd->pause_ns * 2 : LUN_PAUSE_MIN_NS;
    if (cmd->pause_ns > LUN_PAUSE_MAX_NS)
        cmd->pause_ns = LUN_PAUSE_MAX_NS;
    cmd->due_ns = initiator_now(lun->initiator) + cmd->pause_ns;
    list_push(&lun->paused, &cmd->link);
}

static void end_in_error(struct berth_lun *lun, struct command *cmd)
{
    struct scsi_sense sense = {0};
    struct task *task = cmd->task;
    scsi_get_sense(task->sense, task->sense_len, &sense);
    enum verdict verdict = judge(lun, cmd, &sense);
    if (cmd->request->cancelled && (verdict == VERDICT_AGAIN || verdict == VERDICT_LATER)) {
        command_end(lun, cmd, BERTH_E_ABORTED);
        return;
    }
    switch (verdict) {
    case VERDICT_AGAIN:
        initiator_resubmit(lun->initiator, task);
        return;
    case VERDICT_LATER:
        pause_command(lun, cmd);
        return;
    case VERDICT_FINE:
        task->error = moved_all(cmd->request, task);
        break;
    case VERDICT_FINAL:
        break;
    }
    if (task->error)
        note_error(cmd->request, task, &sense);
    end_command(lun, cmd);
}

void lun_task_done(void *owner, struct task *task)
{
    struct berth_lun *lun = owner;
    struct command *cmd = &lun->commands[task->slot];

    if (task->kind != TASK_SCSI || !cmd->request) { /* nobody waits for it any more */
        initiator_task_free(lun->initiator, task);
        return;
    }
    if (task->error == BERTH_OK)
        task->error = moved_all(cmd->request, task);
    if (task->error == BERTH_OK)
        end_command(lun, cmd);
    else
        end_in_error(lun, cmd);
}

/* What must not be done twice may have been done once. And a command under which one session after the other
 * dies may well be the cause. */
int lun_replay(void *owner, const struct task *task)
{
    struct berth_lun *lun = owner;
    struct command *cmd = &lun->commands[task->slot];
    uint64_t now = initiator_now(lun->initiator);
    if (!cmd->request || cmd->request->cancelled)
        return BERTH_E_ABORTED;
    if (!task->unsent && !scsi_may_repeat(task->cdb, task->cdb_len, lun->inquiry.device_type))
        return BERTH_E_UNKNOWN;
    if (cmd->losses++ == 0)
        cmd->lost_ns = now;
    bool young = now - cmd->lost_ns < lun->options.recovery_timeout_ms * NS_PER_MS;
    return young || cmd->losses <= LUN_LOSSES ? BERTH_OK : BERTH_E_UNKNOWN;
}

/* --- pauses --- */

static bool due(const struct berth_lun *lun, const struct command *cmd, uint64_t now)
{
    return cmd->due_ns <= now || lun->initiator->state == INITIATOR_FAILED;
}

void lun_tick(struct berth_lun *lun)
{
    uint64_t now = list_empty(&lun->paused) ? 0 : initiator_now(lun->initiator);
    for (struct list *at = lun->paused.next, *next; at != &lun->paused; at = next) {
        struct command *cmd = list_entry(at, struct command, link);
        next = at->next;
        if (!due(lun, cmd, now))
            continue;
        list_remove(&cmd->link);
        initiator_resubmit(lun->initiator, cmd->task);
    }
}

uint64_t lun_due(const struct berth_lun *lun)
{
    uint64_t first = UINT64_MAX;
    list_each (at, &lun->paused) {
        const struct command *cmd = list_entry(at, struct command, link);
        if (cmd->due_ns < first)
            first = cmd->due_ns;
    }
    return first;
}
