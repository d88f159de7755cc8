/* SPDX-License-Identifier: MIT */
/* One I/O becomes SCSI commands within the LUN's limits. */
#include <string.h>
#include "block/lun.h"

/* --- building --- */

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static enum zero_way zero_way(const struct berth_lun *lun, const struct request *r)
{
    bool holes = (r->io.flags & BERTH_MAY_TRIM) && lun->info.trim_reads_zeros;
    if (holes && !(lun->zero_refused & 1u << ZERO_UNMAP))
        return ZERO_UNMAP;
    return lun->zero_refused & 1u << ZERO_SAME ? ZERO_DATA : ZERO_SAME;
}

/* Until a way has worked once, a piece is no longer than what zeros as data could replace. */
static uint64_t zero_limit(const struct berth_lun *lun, const struct request *r)
{
    uint64_t as_data = least((uint64_t)LUN_ZEROS * LUN_ZERO_SEGS, lun->info.max_transfer_bytes);
    enum zero_way way = zero_way(lun, r);
    if (way == ZERO_DATA)
        return as_data;
    return lun->zero_works & 1u << way ? lun->max_same_bytes : least(as_data, lun->max_same_bytes);
}

static uint64_t limit_of(const struct berth_lun *lun, const struct request *r)
{
    switch (r->io.op) {
    case BERTH_TRIM:
        return lun->info.max_trim_bytes;
    case BERTH_ZERO:
        return zero_limit(lun, r);
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
    cmd->fua = rw.fua;
    cmd->task->cdb_len = (uint8_t)scsi_put_write(cmd->task->cdb, &rw);
    cmd->task->write = true;
}

static void build_flush(struct berth_lun *lun, struct command *cmd)
{
    cmd->covers = lanes_writes(lun);
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
    use_parameters(cmd, lun->zeros->bytes, lun->info.block_bytes);
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
static void build_zero_data(struct berth_lun *lun, struct command *cmd)
{
    struct berth_seg *list = lun->zeros->list;
    for (uint32_t i = 0; !list[LUN_ZERO_SEGS - 1].len && i < LUN_ZERO_SEGS; i++)
        list[i] = seg_memory(lun->zeros->bytes, LUN_ZEROS);
    struct extent zeros = {.segs = list, .count = LUN_ZERO_SEGS, .len = cmd->len};
    build_write(lun, cmd);
    set_data(cmd->task, &zeros, (uint32_t)cmd->len);
}

static void build_zero(struct berth_lun *lun, struct command *cmd)
{
    cmd->way = (uint8_t)zero_way(lun, cmd->request);
    if (cmd->way == ZERO_DATA)
        build_zero_data(lun, cmd);
    else
        build_write_same(lun, cmd, cmd->way == ZERO_UNMAP);
}

static uint8_t task_attribute(uint8_t attribute)
{
    static const uint8_t attributes[] = {
        [BERTH_ATTRIBUTE_SIMPLE] = WIRE_ATTR_SIMPLE,
        [BERTH_ATTRIBUTE_ORDERED] = WIRE_ATTR_ORDERED,
        [BERTH_ATTRIBUTE_HEAD] = WIRE_ATTR_HEAD,
        [BERTH_ATTRIBUTE_ACA] = WIRE_ATTR_ACA,
    };
    return attributes[attribute];
}

static void build_given(struct berth_lun *lun, struct command *cmd)
{
    struct request *r = cmd->request;
    (void)lun;
    memset(cmd->task->cdb, 0, sizeof cmd->task->cdb);
    memcpy(cmd->task->cdb, r->cdb, r->cdb_len);
    cmd->task->cdb_len = r->cdb_len;
    cmd->task->attr = task_attribute(r->attribute);
    bool moves =
        r->data.len > 0 || r->io.op == BERTH_SCSI; /* no room: the LUN says how much there would be */
    cmd->task->read = moves && r->direction == BERTH_DATA_IN;
    cmd->task->write = moves && r->direction == BERTH_DATA_OUT;
}

static void (*const builders[])(struct berth_lun *, struct command *) = {
    [BERTH_READ] = build_read, [BERTH_WRITE] = build_write, [BERTH_FLUSH] = build_flush,
    [BERTH_TRIM] = build_trim, [BERTH_ZERO] = build_zero,   [BERTH_SCSI] = build_given,
    [OP_ASK] = build_given,
};

void command_build(struct berth_lun *lun, struct command *cmd)
{
    struct request *r = cmd->request;
    struct task *task = cmd->task;
    struct extent part = {r->data.segs, r->data.count, r->data.skip + (cmd->offset - r->io.offset_bytes),
                          cmd->len};

    task->lun = r->lun_field;
    task->attr = WIRE_ATTR_SIMPLE;
    task->read = task->write = false;
    set_data(task, &part, r->data.len ? (uint32_t)cmd->len : 0);
    builders[r->io.op](lun, cmd);
}

/* --- issuing --- */

bool request_whole(const struct request *r)
{
    return r->io.op == BERTH_FLUSH || r->io.op >= BERTH_SCSI;
}

bool request_issued(const struct request *r)
{
    return request_whole(r) || r->io.len_bytes == 0 ? r->begun : r->issued == r->io.len_bytes;
}

/* Durable only by a flush behind it? WRITE SAME knows no FUA. */
static bool needs_sync(const struct berth_lun *lun, const struct berth_io *io)
{
    bool fua = lun->info.fua && io->op == BERTH_WRITE;
    return (io->op == BERTH_WRITE || io->op == BERTH_ZERO) && (io->flags & BERTH_FUA) && !fua &&
           lun->info.write_cache;
}

/* How long its pieces are is settled; so is how zeros are written, for the lengths hang on that. */
void command_renew(struct berth_lun *lun, struct command *cmd)
{
    struct request *r = cmd->request;
    r->sync_after |= needs_sync(lun, &r->io);
    if (r->io.op == BERTH_WRITE)
        command_build(lun, cmd);
}

static struct command *begin(struct berth_lun *lun, struct request *r, struct task *task)
{
    struct command *cmd = &lun->commands[task->slot];
    memset(cmd, 0, sizeof *cmd);
    list_init(&cmd->link);
    cmd->request = r;
    cmd->task = task;
    r->begun = true;
    r->outstanding++;
    return cmd;
}

void command_issue(struct berth_lun *lun, struct request *r, struct task *task, uint64_t now)
{
    struct command *cmd = begin(lun, r, task);
    uint64_t left = r->io.len_bytes - r->issued, limit = request_whole(r) ? left : limit_of(lun, r);

    cmd->offset = r->io.offset_bytes + r->issued;
    cmd->len = least(left, limit);
    r->sync_after |= needs_sync(lun, &r->io); /* now, as the command is built now */
    r->issued += cmd->len;
    depth_enter(&lun->depth, &cmd->counts);
    command_build(lun, cmd);
    initiator_submit(lun->initiator, task, r->io.timeout_ms, now);
    r->begun_ns = r->begun_ns ? r->begun_ns : now;
}

bool request_beyond(const struct berth_lun *lun, const struct request *r)
{
    uint64_t size = lun->info.size_bytes, at = r->io.offset_bytes;
    return !request_whole(r) && (at > size || r->io.len_bytes > size - at);
}

void request_fail(struct request *r, const struct berth_done *why)
{
    uint64_t tag = r->done.tag;
    if (r->done.error)
        return; /* the first one tells */
    r->done = *why;
    r->done.tag = tag;
}

/* Whether there is anything to be sent at all. */
static bool next_request(struct berth_lun *lun, struct request **out)
{
    while (!list_empty(&lun->waiting)) {
        struct request *r = *out = list_entry(lun->waiting.next, struct request, link);
        if (lun->initiator->state == INITIATOR_FAILED)
            waiting_fail_with(r, lun->initiator->error);
        else if (lun->check.fence.error)
            waiting_fail(r, &lun->check.fence);
        else if (request_beyond(lun, r))
            waiting_fail_with(r, BERTH_E_RANGE);
        else if (r->io.op == BERTH_TRIM && lun->info.max_trim_bytes == 0)
            waiting_fail_with(r, BERTH_E_UNSUPPORTED); /* it was possible, and is no more */
        else if (r->io.len_bytes == 0 && !request_whole(r))
            request_finish(r);
        else
            return true;
    }
    return false;
}

/* No command: it takes no part in the LUN's depth, and waits for a session alone. */
static bool issue_reset(struct berth_lun *lun, struct request *r)
{
    static const uint8_t functions[] = {
        [BERTH_RESET_LUN] = WIRE_TMF_LU_RESET,
        [BERTH_RESET_TARGET_WARM] = WIRE_TMF_TARGET_WARM_RESET,
        [BERTH_RESET_TARGET_COLD] = WIRE_TMF_TARGET_COLD_RESET,
    };
    struct task *task =
        initiator_manage(lun->initiator, functions[r->io.flags], r->lun_field, r->io.timeout_ms);
    if (!task)
        return false;
    begin(lun, r, task);
    list_remove(&r->link);
    return true;
}

void lun_pump(struct berth_lun *lun)
{
    struct request *r;
    uint64_t now = 0; /* asked for when there is something to be sent, and once */
    while (next_request(lun, &r)) {
        if (r->io.op == BERTH_RESET) {
            if (!issue_reset(lun, r))
                return;
            continue;
        }
        bool room = depth_room(&lun->depth) || r->io.op == OP_ASK;
        struct task *task = room ? initiator_task(lun->initiator, TASK_SCSI) : NULL;
        if (!task)
            return;
        if (now == 0)
            now = initiator_now(lun->initiator);
        command_issue(lun, r, task, now);
        if (request_issued(r))
            list_remove(&r->link);
    }
}
