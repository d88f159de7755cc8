/* SPDX-License-Identifier: MIT */
/* One command: its bytes are where the caller wants them, or where it finds them afterwards. */
#include <stdlib.h>
#include <string.h>
#include "bytes.h"
#include "parts.h"

#define REST_MAX (64u * 1024 * 1024) /* bytes beyond the caller's memory that a command may ask for */

/* --- there --- */

struct pieces {
    const struct scsi_iovec *iov;
    size_t count;
};

static struct pieces pieces_of(const struct op *op, bool in)
{
    const struct scsi_iovector *v = in ? &op->task->iovector_in : &op->task->iovector_out;
    if (op->given.iov_base)
        return (struct pieces){&op->given, 1};
    return (struct pieces){v->iov, v->niov > 0 && v->iov ? (size_t)v->niov : 0};
}

static bool make_room(struct op *op, size_t count)
{
    if (count <= op->seg_room)
        return true;
    struct berth_seg *more = malloc(count * sizeof *more);
    if (!more)
        return false;
    if (op->segs != op->few)
        free(op->segs);
    op->segs = more;
    op->seg_room = (uint32_t)count;
    return true;
}

static void add(struct op *op, void *base, uint64_t len)
{
    op->segs[op->seg_count++] = (struct berth_seg){.kind = BERTH_SEG_MEMORY, .base = base, .len = len};
}

/* Returns how many of `len` bytes have no place. */
static uint64_t add_pieces(struct op *op, const struct pieces *p, uint64_t len)
{
    for (size_t i = 0; i < p->count && len > 0; i++) {
        uint64_t part = p->iov[i].iov_len < len ? p->iov[i].iov_len : len;
        if (part)
            add(op, p->iov[i].iov_base, part);
        len -= part;
    }
    return len;
}

static void copy_pieces(const struct pieces *p, uint8_t *flat, uint64_t len, bool to_flat)
{
    for (size_t i = 0; i < p->count && len > 0; i++) {
        uint64_t part = p->iov[i].iov_len < len ? p->iov[i].iov_len : len;
        if (part && to_flat)
            memcpy(flat, p->iov[i].iov_base, part);
        else if (part)
            memcpy(p->iov[i].iov_base, flat, part);
        flat += part;
        len -= part;
    }
}

static uint64_t size_of(const struct pieces *p, uint64_t most)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < p->count && sum < most; i++)
        sum += p->iov[i].iov_len < most - sum ? p->iov[i].iov_len : most - sum;
    return sum;
}

/* More pieces than an I/O may have: the bytes take a way round. */
static bool bounce(struct op *op, const struct pieces *p, uint64_t len, bool in)
{
    if (len > REST_MAX || (!in && size_of(p, len) < len))
        return false;
    op->rest = malloc(len);
    op->bounces = op->rest != NULL;
    if (op->rest && !in)
        copy_pieces(p, op->rest, len, true);
    if (op->rest)
        add(op, op->rest, len);
    return op->rest != NULL;
}

static bool say_short(struct op *op, uint64_t len, uint64_t missing)
{
    say(op->iscsi, "a command is to send %llu bytes, but there is memory for %llu less",
        (unsigned long long)len, (unsigned long long)missing);
    return false;
}

/* Reading, what has no place is received all the same. */
static bool add_rest(struct op *op, uint64_t len, bool none_given)
{
    void *memory = len <= REST_MAX || none_given ? malloc(len) : NULL;
    *(none_given ? &op->data : &op->rest) = memory;
    if (memory)
        add(op, memory, len);
    else
        say(op->iscsi, "out of memory");
    return memory != NULL;
}

static uint64_t length_of(const struct scsi_task *task)
{
    bool moves = task->xfer_dir != SCSI_XFER_NONE && task->expxferlen > 0;
    return moves ? (uint64_t)task->expxferlen : 0;
}

static bool place(struct op *op, uint64_t len, bool in)
{
    const struct pieces p = pieces_of(op, in);
    op->seg_count = 0;
    if (len == 0)
        return true;
    if (p.count >= BERTH_SEGS_MAX)
        return bounce(op, &p, len, in);
    if (!make_room(op, p.count + 1))
        return false;
    uint64_t missing = add_pieces(op, &p, len);
    if (missing == 0)
        return true;
    return in ? add_rest(op, missing, p.count == 0) : say_short(op, len, missing);
}

static void describe(struct op *op)
{
    static const uint8_t directions[] = {
        [SCSI_XFER_NONE] = BERTH_DATA_NONE,
        [SCSI_XFER_READ] = BERTH_DATA_IN,
        [SCSI_XFER_WRITE] = BERTH_DATA_OUT,
    };
    struct berth_command *c = &op->command;
    const struct scsi_task *task = op->task;
    memcpy(c->cdb, task->cdb, sizeof task->cdb);
    c->cdb_len = (uint8_t)task->cdb_size;
    c->direction = directions[task->xfer_dir];
    c->attribute = BERTH_ATTRIBUTE_SIMPLE;
    c->names_lun = (int)task->lun != op->iscsi->number;
    c->lun = task->lun;
}

static void begin_reset(struct op *op, struct berth_io *io)
{
    op->command.names_lun = op->reset_lun != op->iscsi->number;
    op->command.lun = (uint32_t)op->reset_lun;
    *io = (struct berth_io){.op = BERTH_RESET,
                            .flags = op->reset,
                            .tag = (uint64_t)(uintptr_t)op,
                            .command = op->reset == BERTH_RESET_LUN ? &op->command : NULL};
}

bool transfer_begin(struct op *op, struct berth_io *io)
{
    if (op->is_reset) {
        begin_reset(op, io);
        return true;
    }
    bool in = op->task->xfer_dir == SCSI_XFER_READ;
    uint64_t len = length_of(op->task);
    if (!place(op, len, in))
        return false;
    describe(op);
    *io = (struct berth_io){.op = BERTH_SCSI,
                            .len_bytes = len,
                            .segs = op->segs,
                            .seg_count = op->seg_count,
                            .tag = (uint64_t)(uintptr_t)op,
                            .command = &op->command,
                            .timeout_ms = op->timeout_ms};
    return true;
}

/* --- and back --- */

static void note_residual(struct scsi_task *task, const struct berth_command *c, uint64_t len)
{
    task->residual_status = SCSI_RESIDUAL_NO_RESIDUAL;
    task->residual = 0;
    if (c->overflow_bytes) {
        task->residual_status = SCSI_RESIDUAL_OVERFLOW;
        task->residual = c->overflow_bytes;
    } else if (c->moved_bytes < len) {
        task->residual_status = SCSI_RESIDUAL_UNDERFLOW;
        task->residual = len - c->moved_bytes;
    }
}

static void take_data(struct op *op)
{
    struct scsi_task *task = op->task;
    uint64_t moved = op->command.moved_bytes;
    if (op->bounces && task->xfer_dir == SCSI_XFER_READ) {
        const struct pieces p = pieces_of(op, true);
        copy_pieces(&p, op->rest, moved, false);
    }
    if (!op->data)
        return;
    free(task->datain.data);
    task->datain.data = op->data;
    task->datain.size = (int)moved;
    op->data = NULL;
}

/* Callers find the sense behind its length, as the PDU has it (RFC 7143 11.4.7.1). */
static void take_sense(struct op *op)
{
    struct scsi_task *task = op->task;
    const struct berth_command *c = &op->command;
    uint8_t sense[BERTH_SENSE_MAX] = {0};
    memcpy(sense, c->sense, c->sense_len);
    if (c->sense_len)
        scsi_parse_sense_data(&task->sense, sense);
    free(task->datain.data);
    task->datain.size = 0;
    task->datain.data = malloc(2u + sizeof sense);
    if (!task->datain.data)
        return;
    put16(task->datain.data, c->sense_len);
    memcpy(task->datain.data + 2, sense, sizeof sense);
    task->datain.size = 2 + c->sense_len;
}

static const char *name_or(const char *name, const char *other)
{
    return name ? name : other;
}

static void say_status(struct op *op)
{
    const struct scsi_task *task = op->task;
    if (op->command.status == SCSI_STATUS_CHECK_CONDITION)
        say(op->iscsi, "command %02xh failed with SENSE KEY:%s(%d) ASCQ:%s(0x%04x)", task->cdb[0],
            name_or(scsi_sense_key_str((int)task->sense.key), "UNKNOWN"), (int)task->sense.key,
            name_or(scsi_sense_ascq_str(task->sense.ascq), "UNKNOWN"), task->sense.ascq);
    else
        say(op->iscsi, "command %02xh ended with status %02xh", task->cdb[0], op->command.status);
}

static int say_error(struct op *op, int error)
{
    say(op->iscsi, "command %02xh: %s", op->task->cdb[0], berth_error_text(error));
    switch (error) {
    case BERTH_E_TIMEOUT:
        return SCSI_STATUS_TIMEOUT;
    case BERTH_E_ABORTED:
        return SCSI_STATUS_CANCELLED;
    default:
        return SCSI_STATUS_ERROR;
    }
}

/* CONDITION MET, the good status of some commands, has always been told as GOOD. */
static int status_of(const struct berth_command *c)
{
    return c->status == SCSI_STATUS_CONDITION_MET ? SCSI_STATUS_GOOD : c->status;
}

static int outcome(struct op *op, const struct berth_done *done, uint64_t len)
{
    if (done->error && !done->scsi_status)
        return say_error(op, done->error);
    note_residual(op->task, &op->command, len);
    if (op->command.status == SCSI_STATUS_CHECK_CONDITION)
        take_sense(op);
    else
        take_data(op);
    if (done->error)
        say_status(op);
    return status_of(&op->command);
}

/* The answers that a target has to a reset, and those that only we have. */
static int end_reset(struct op *op, int error)
{
    op->response = error == BERTH_E_NO_LUN        ? ISCSI_TMR_LUN_DOES_NOT_EXIST
                   : error == BERTH_E_UNSUPPORTED ? ISCSI_TMR_TMF_NOT_SUPPORTED
                   : error == BERTH_E_REJECTED    ? ISCSI_TMR_FUNC_REJECTED
                                                  : ISCSI_TMR_FUNC_COMPLETE;
    if (error)
        say(op->iscsi, "reset: %s", berth_error_text(error));
    return !error || op->response ? SCSI_STATUS_GOOD : SCSI_STATUS_ERROR;
}

int transfer_end(struct op *op, const struct berth_done *done)
{
    if (op->is_reset)
        return end_reset(op, done->error);
    int status = outcome(op, done, length_of(op->task));
    free(op->data);
    free(op->rest);
    op->data = op->rest = NULL;
    return status;
}
