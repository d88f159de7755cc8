/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include "parts.h"

/* --- lists --- */

static struct ops *list_of(struct iscsi_context *iscsi, uint8_t state)
{
    switch ((enum op_state)state) {
    case OP_PENDING:
        return &iscsi->pending;
    case OP_AWAY:
        return &iscsi->out;
    case OP_READY:
        return &iscsi->ready;
    case OP_FREE:
        break;
    }
    return NULL;
}

static void leave(struct op *op)
{
    struct ops *list = list_of(op->iscsi, op->state);
    if (!list)
        return;
    *(op->before ? &op->before->next : &list->first) = op->next;
    *(op->next ? &op->next->before : &list->last) = op->before;
    list->count--;
}

static void enter(struct op *op)
{
    struct ops *list = list_of(op->iscsi, op->state);
    op->next = NULL;
    op->before = list->last;
    *(list->last ? &list->last->next : &list->first) = op;
    list->last = op;
    list->count++;
}

void op_move(struct op *op, enum op_state state)
{
    leave(op);
    op->state = (uint8_t)state;
    if (state != OP_FREE)
        enter(op);
}

/* --- memory --- */

static bool grow(struct iscsi_context *iscsi)
{
    struct op *chunk = iscsi->chunk_count < CHUNKS_MAX ? calloc(CHUNK, sizeof *chunk) : NULL;
    if (!chunk)
        return false;
    for (uint32_t i = CHUNK; i-- > 0;) {
        chunk[i].iscsi = iscsi;
        chunk[i].segs = chunk[i].few;
        chunk[i].seg_room = FEW_SEGS;
        chunk[i].number = iscsi->chunk_count * CHUNK + i;
        chunk[i].next = iscsi->spare;
        iscsi->spare = &chunk[i];
    }
    iscsi->chunks[iscsi->chunk_count++] = chunk;
    return true;
}

struct op *op_new(struct iscsi_context *iscsi, iscsi_command_cb cb, void *private_data)
{
    if (!iscsi->spare && !grow(iscsi)) {
        say(iscsi, "out of memory");
        return NULL;
    }
    struct op *op = iscsi->spare;
    iscsi->spare = op->next;
    op->next = op->before = op->waiter = NULL;
    op->task = NULL;
    op->cb = cb;
    op->private_data = private_data;
    op->waits_for = op->response = 0;
    op->found = NULL;
    op->is_task_management = op->is_reset = op->is_ping = op->bounces = false;
    op->data = op->rest = NULL;
    op->given = (struct scsi_iovec){0};
    return op;
}

static void give_back(struct op *op)
{
    op_move(op, OP_FREE);
    op->task = NULL;
    op->next = op->iscsi->spare;
    op->iscsi->spare = op;
}

void ops_free(struct iscsi_context *iscsi)
{
    for (uint32_t c = 0; c < iscsi->chunk_count; c++) {
        for (uint32_t i = 0; i < CHUNK; i++)
            if (iscsi->chunks[c][i].segs != iscsi->chunks[c][i].few)
                free(iscsi->chunks[c][i].segs);
        free(iscsi->chunks[c]);
    }
}

/* One that is on its way, not one that is done. */
struct op *op_numbered(const struct iscsi_context *iscsi, uint32_t itt)
{
    if (itt / CHUNK >= iscsi->chunk_count)
        return NULL;
    struct op *op = &iscsi->chunks[itt / CHUNK][itt % CHUNK];
    return op->task && (op->state == OP_PENDING || op->state == OP_AWAY) ? op : NULL;
}

struct op *op_of(const struct iscsi_context *iscsi, const struct scsi_task *task)
{
    struct op *op = task ? op_numbered(iscsi, task->itt) : NULL;
    return op && op->task == task ? op : NULL;
}

/* --- the end --- */

void op_ready(struct op *op, int status)
{
    struct op *waiter = op->waiter;
    op->status = status;
    op->waiter = NULL;
    if (op->task)
        op->task->status = status;
    op_move(op, OP_READY);
    if (waiter && --waiter->waits_for == 0)
        op_ready(waiter, SCSI_STATUS_GOOD);
}

/* What callbacks are handed beside the status lives as long as they run. */
void op_deliver(struct iscsi_context *iscsi)
{
    struct op *op = iscsi->ready.first;
    const iscsi_command_cb cb = op->cb;
    void *private_data = op->private_data;
    const int status = op->status;
    uint32_t response = op->response;
    struct iscsi_discovery_address *found = op->found;
    struct scsi_task *ping = op->is_ping ? op->task : NULL;
    struct iscsi_data none = {0, NULL};
    void *what = op->is_task_management ? (void *)&response
                 : found                ? (void *)found
                 : ping                 ? (void *)&none
                                        : op->task;
    give_back(op);
    scsi_free_scsi_task(ping);
    if (cb)
        cb(iscsi, status, what, private_data);
    if (found)
        iscsi_free_discovery_data(iscsi, found);
}
