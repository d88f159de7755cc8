/* SPDX-License-Identifier: MIT */
/* One I/O becomes SCSI commands within the LUN's limits; their outcomes become the I/O's, after the retries
 * that a policy asks for: a unit attention is sat out, BUSY and TASK SET FULL wait and try again. */
#include <string.h>
#include "block/lun.h"

/* --- building --- */

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Until WRITE SAME has worked once, a piece is no longer than what zeros as data could replace. */
static uint64_t zero_limit(const struct berth_lun *lun)
{
    uint64_t as_data = least((uint64_t)LUN_ZEROS * LUN_ZERO_SEGS, lun->info.max_transfer_bytes);
    return lun->write_same_works ? lun->info.max_zero_bytes : least(as_data, lun->info.max_zero_bytes);
}

static uint64_t limit_of(const struct berth_lun *lun, const struct request *r)
{
    switch (r->io.op) {
    case BERTH_TRIM:
        return lun->info.max_trim_bytes;
    case BERTH_ZERO:
        return zero_limit(lun);
    default:
        return lun->info.max_transfer_bytes;
    }
}

static struct scsi_rw range_of(const struct berth_lun *lun, const struct command *cmd, bool fua)
{
    return (struct scsi_rw){.lba = cmd->offset / lun->info.block_bytes,
                            .blocks = (uint32_t)(cmd->len / lun->info.block_bytes),
                            .fua = fua && lun->info.fua};
}

static void set_data(struct task *task, const struct extent *data, uint32_t len)
{
    task->data = *data;
    task->edtl = len;
}

static void build_read(struct berth_lun *lun, struct command *cmd)
{
    struct scsi_rw rw = range_of(lun, cmd, false);
    cmd->task->cdb_len = (uint8_t)scsi_put_read(cmd->task->cdb, &rw);
    cmd->task->read = true;
}

static void build_write(struct berth_lun *lun, struct command *cmd)
{
    struct scsi_rw rw = range_of(lun, cmd, cmd->request->io.flags & BERTH_FUA);
    cmd->task->cdb_len = (uint8_t)scsi_put_write(cmd->task->cdb, &rw);
    cmd->task->write = true;
}

static void build_flush(struct berth_lun *lun, struct command *cmd)
{
    (void)lun;
    cmd->task->cdb_len = (uint8_t)scsi_put_synchronize_cache(cmd->task->cdb, 0, 0);
}

static void use_parameters(struct command *cmd, const void *bytes, uint32_t len)
{
    cmd->seg = seg_memory(bytes, len);
    struct extent data = {.segs = &cmd->seg, .count = 1, .len = len};
    set_data(cmd->task, &data, len);
    cmd->task->write = true;
}

static void build_write_same(struct berth_lun *lun, struct command *cmd, bool unmap)
{
    struct scsi_write_same ws = {.lba = cmd->offset / lun->info.block_bytes,
                                 .blocks = (uint32_t)(cmd->len / lun->info.block_bytes),
                                 .unmap = unmap};
    cmd->task->cdb_len = (uint8_t)scsi_put_write_same_16(cmd->task->cdb, &ws);
    use_parameters(cmd, lun->zeros, lun->info.block_bytes);
}

static void build_trim(struct berth_lun *lun, struct command *cmd)
{
    struct scsi_range range = {cmd->offset / lun->info.block_bytes,
                               (uint32_t)(cmd->len / lun->info.block_bytes)};
    if (lun->write_same_unmaps) {
        build_write_same(lun, cmd, true);
        return;
    }
    uint32_t len = scsi_put_unmap_list(cmd->parameters, sizeof cmd->parameters, &range, 1);
    cmd->task->cdb_len = (uint8_t)scsi_put_unmap(cmd->task->cdb, (uint16_t)len);
    use_parameters(cmd, cmd->parameters, len);
}

/* Zeros as data, where WRITE SAME is missing. */
static void build_zero_write(struct berth_lun *lun, struct command *cmd)
{
    struct extent zeros = {.segs = lun->zero_segs, .count = LUN_ZERO_SEGS, .len = cmd->len};
    build_write(lun, cmd);
    set_data(cmd->task, &zeros, (uint32_t)cmd->len);
    cmd->plain_write = true;
}

static void build_zero(struct berth_lun *lun, struct command *cmd)
{
    bool unmap = (cmd->request->io.flags & BERTH_MAY_TRIM) && lun->info.trim_reads_zeros;
    if (lun->no_write_same)
        build_zero_write(lun, cmd);
    else
        build_write_same(lun, cmd, unmap);
}

static void build_raw(struct berth_lun *lun, struct command *cmd)
{
    struct request *r = cmd->request;
    (void)lun;
    memcpy(cmd->task->cdb, r->cdb, r->cdb_len);
    cmd->task->cdb_len = r->cdb_len;
    cmd->task->read = r->data.len > 0;
}

static void (*const builders[])(struct berth_lun *, struct command *) = {
    [BERTH_READ] = build_read, [BERTH_WRITE] = build_write, [BERTH_FLUSH] = build_flush,
    [BERTH_TRIM] = build_trim, [BERTH_ZERO] = build_zero,   [OP_RAW] = build_raw,
};

static void build(struct berth_lun *lun, struct command *cmd)
{
    struct request *r = cmd->request;
    struct task *task = cmd->task;
    struct extent part = {r->data.segs, r->data.count, r->data.skip + (cmd->offset - r->io.offset_bytes),
                          cmd->len};

    task->lun = lun->lun_field;
    task->attr = WIRE_ATTR_SIMPLE;
    task->read = task->write = false;
    set_data(task, &part, r->data.len ? (uint32_t)cmd->len : 0);
    builders[r->io.op](lun, cmd);
}

/* --- issuing --- */

static bool all_issued(const struct request *r)
{
    return r->io.op == BERTH_FLUSH || r->io.op == OP_RAW || r->io.len_bytes == 0
               ? r->begun
               : r->issued == r->io.len_bytes;
}

static void issue_next(struct berth_lun *lun, struct request *r, struct task *task)
{
    struct command *cmd = &lun->commands[task->slot];
    uint64_t left = r->io.len_bytes - r->issued, limit = limit_of(lun, r);
    if (r->io.op == OP_RAW || r->io.op == BERTH_FLUSH)
        limit = left;

    memset(cmd, 0, sizeof *cmd);
    list_init(&cmd->link);
    cmd->request = r;
    cmd->task = task;
    cmd->offset = r->io.offset_bytes + r->issued;
    cmd->len = least(left, limit);
    r->begun = true;
    r->issued += cmd->len;
    r->outstanding++;
    build(lun, cmd);
    initiator_submit(lun->initiator, task);
}

static void fail_waiting(struct berth_lun *lun)
{
    struct list *node;
    while ((node = list_pop(&lun->waiting)) != NULL) {
        struct request *r = list_entry(node, struct request, link);
        r->issued = r->io.len_bytes;
        r->begun = true;
        r->done.error = lun->initiator->error;
        if (r->outstanding == 0)
            request_finish(r);
    }
}

void lun_pump(struct berth_lun *lun)
{
    if (lun->initiator->state == INITIATOR_FAILED)
        fail_waiting(lun);
    while (!list_empty(&lun->waiting)) {
        struct request *r = list_entry(lun->waiting.next, struct request, link);
        bool nothing = r->io.len_bytes == 0 && r->io.op != BERTH_FLUSH && r->io.op != OP_RAW;
        if (nothing) {
            request_finish(r);
            continue;
        }
        struct task *task = initiator_task(lun->initiator, TASK_SCSI);
        if (!task)
            return;
        issue_next(lun, r, task);
        if (all_issued(r))
            list_remove(&r->link);
    }
}

/* --- outcomes --- */

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

static void note_error(struct request *r, const struct task *task, const struct scsi_sense *sense)
{
    if (r->done.error)
        return; /* the first one tells */
    r->done.error = task->error == BERTH_E_SCSI ? sense_error(sense) : task->error;
    if (task->error == BERTH_E_SCSI && task->status == SCSI_RESERVATION_CONFLICT)
        r->done.error = BERTH_E_RESERVED;
    r->done.scsi_status = task->status;
    r->done.sense_key = sense->key;
    r->done.asc = sense->asc;
    r->done.residual_bytes = task->residual;
}

/* Reads and writes of blocks move everything or have failed. */
static int moved_all(const struct request *r, const struct task *task)
{
    bool raw = r->io.op == OP_RAW;
    return raw || (task->residual_kind == WIRE_RESIDUAL_NONE && task->moved == task->edtl) ? BERTH_OK
                                                                                           : BERTH_E_SHORT;
}

static bool sits_out(struct command *cmd, const struct scsi_sense *sense)
{
    return cmd->task->error == BERTH_E_SCSI && cmd->task->status == SCSI_CHECK_CONDITION && sense->valid &&
           sense->key == SENSE_UNIT_ATTENTION && cmd->attentions++ < LUN_ATTENTIONS;
}

static bool busy(const struct task *task)
{
    return task->error == BERTH_E_SCSI && (task->status == SCSI_BUSY || task->status == SCSI_TASK_SET_FULL);
}

static void pause_command(struct berth_lun *lun, struct command *cmd)
{
    cmd->pause_ns = cmd->pause_ns ? cmd->pause_ns * 2 : LUN_PAUSE_MIN_NS;
    if (cmd->pause_ns > LUN_PAUSE_MAX_NS)
        cmd->pause_ns = LUN_PAUSE_MAX_NS;
    cmd->due_ns = initiator_now(lun->initiator) + cmd->pause_ns;
    list_push(&lun->paused, &cmd->link);
}

/* A LUN that announced WRITE SAME and then does not know it: zeros go as data from now on. */
static bool zero_differently(struct berth_lun *lun, struct command *cmd, const struct scsi_sense *sense)
{
    bool refused = cmd->task->error == BERTH_E_SCSI && sense_error(sense) == BERTH_E_UNSUPPORTED;
    if (cmd->request->io.op != BERTH_ZERO || cmd->plain_write || !refused || lun->write_same_works)
        return false;
    lun->no_write_same = true;
    return true;
}

static void complete_request(struct berth_lun *lun, struct request *r)
{
    if (r->outstanding > 0 || !all_issued(r))
        return;
    if (r->sync_after && !r->done.error) {
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
    lun->write_same_works |= r->io.op == BERTH_ZERO && !cmd->plain_write && cmd->task->error == BERTH_OK;
    cmd->request = NULL;
    initiator_task_free(lun->initiator, cmd->task);
    lun->completed++;
    if (r->done.error && !all_issued(r)) { /* the rest is not worth starting */
        r->issued = r->io.len_bytes;
        list_remove(&r->link);
    }
    complete_request(lun, r);
}

static void again(struct berth_lun *lun, struct command *cmd)
{
    lun->retries++;
    initiator_resubmit(lun->initiator, cmd->task);
}

void lun_task_done(void *owner, struct task *task)
{
    struct berth_lun *lun = owner;
    struct command *cmd = &lun->commands[task->slot];
    struct scsi_sense sense = {0};

    if (task->kind != TASK_SCSI || !cmd->request) { /* an orphan of a queue that is gone */
        initiator_task_free(lun->initiator, task);
        return;
    }
    if (task->error == BERTH_OK)
        task->error = moved_all(cmd->request, task);
    if (task->error != BERTH_OK) {
        scsi_get_sense(task->sense, task->sense_len, &sense);
        if (sits_out(cmd, &sense)) {
            again(lun, cmd);
            return;
        }
        if (busy(task)) {
            pause_command(lun, cmd);
            return;
        }
        if (zero_differently(lun, cmd, &sense)) {
            build(lun, cmd);
            again(lun, cmd);
            return;
        }
        note_error(cmd->request, task, &sense);
    }
    end_command(lun, cmd);
}

/* Everything this floor sends may be done twice with the same result. */
bool lun_may_replay(void *owner, const struct task *task)
{
    (void)owner;
    return task->kind == TASK_SCSI;
}

/* --- pauses --- */

void lun_tick(struct berth_lun *lun)
{
    uint64_t now = list_empty(&lun->paused) ? 0 : initiator_now(lun->initiator);
    while (!list_empty(&lun->paused)) {
        struct command *cmd = list_entry(lun->paused.next, struct command, link);
        if (cmd->due_ns > now)
            return;
        list_remove(&cmd->link);
        again(lun, cmd);
    }
}

/* The list is not sorted by time, but nearly: the first one is soon enough. */
uint64_t lun_due(const struct berth_lun *lun)
{
    if (list_empty(&lun->paused))
        return UINT64_MAX;
    return list_entry(lun->paused.next, struct command, link)->due_ns;
}
