/* SPDX-License-Identifier: MIT */
/* The event loop's calls. Commands gather until the caller comes to wait, which it does through
 * iscsi_which_events() and iscsi_service(): by then it has also said where their data is to go, which some do
 * after the command. Callbacks are made in iscsi_service() and in calls that wait, and nowhere else but in
 * iscsi_destroy_context(). */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "parts.h"

#define BATCH 64u

/* --- out --- */

static uint32_t time_of(const struct iscsi_context *iscsi)
{
    int64_t ms = (int64_t)iscsi->set.timeout_s * 1000;
    return ms > 0 && ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX;
}

int io_send(struct op *op, int lun, struct scsi_task *task, const struct iscsi_data *data)
{
    if (data && data->data)
        op->given = (struct scsi_iovec){data->data, data->size};
    task->itt = op->number;
    task->lun = (uint32_t)lun;
    op->task = task;
    op->timeout_ms = time_of(op->iscsi);
    op_move(op, OP_PENDING);
    return 0;
}

API int iscsi_scsi_command_async(struct iscsi_context *iscsi, int lun, struct scsi_task *task,
                                 iscsi_command_cb cb, struct iscsi_data *data, void *private_data)
{
    if ((iscsi->phase != PHASE_UP && !iscsi->comes_back) || iscsi->set.type != ISCSI_SESSION_NORMAL)
        return say(iscsi, "a command needs a session that is logged in, and no discovery session");
    if (!task || task->cdb_size < 1 || task->cdb_size > SCSI_CDB_MAX_SIZE ||
        task->xfer_dir < SCSI_XFER_NONE || task->xfer_dir > SCSI_XFER_WRITE)
        return say(iscsi, "there is no command to be sent");
    struct op *op = op_new(iscsi, cb, private_data);
    return op ? io_send(op, lun, task, data) : -1;
}

/* One that cannot be sent ends at once. */
static uint32_t gather(struct iscsi_context *iscsi, struct berth_io ios[BATCH])
{
    uint32_t n = 0;
    struct op *op;
    while (n < BATCH && iscsi->out.count < FLIGHT_MAX && (op = iscsi->pending.first) != NULL) {
        if (transfer_begin(op, &ios[n])) {
            op_move(op, OP_AWAY);
            n++;
        } else {
            op_ready(op, SCSI_STATUS_ERROR);
        }
    }
    return n;
}

static void refuse(struct op *op, int error)
{
    const struct berth_done done = {.error = error};
    op_ready(op, transfer_end(op, &done));
}

/* False: the library takes no more now. What it has not taken waits on. */
static bool submit(struct iscsi_context *iscsi, const struct berth_io *ios, uint32_t count)
{
    while (count > 0) {
        int taken = berth_queue_submit(iscsi->queue, ios, count);
        if (taken == BERTH_E_QUEUE_FULL)
            break;
        if (taken < 0) {
            refuse((struct op *)(uintptr_t)ios->tag, taken);
            taken = 1;
        }
        ios += taken;
        count -= (uint32_t)taken;
    }
    for (uint32_t n = 0; n < count; n++)
        op_move((struct op *)(uintptr_t)ios[n].tag, OP_PENDING);
    return count == 0;
}

static void hand_over(struct iscsi_context *iscsi)
{
    struct berth_io ios[BATCH];
    uint32_t n = BATCH;
    while (iscsi->queue && iscsi->pending.first && n == BATCH) {
        n = gather(iscsi, ios);
        if (!submit(iscsi, ios, n))
            return;
    }
}

/* --- in --- */

static bool session_is_lost(const struct iscsi_context *iscsi)
{
    struct berth_status s = {.size = sizeof s};
    return berth_lun_status(iscsi->lun, &s) == BERTH_OK && s.state == BERTH_STATE_FAILED;
}

/* A session that is gone for good takes all of its commands with it, the first of which tells. */
static void finish(struct iscsi_context *iscsi, const struct berth_done *done)
{
    struct op *op = (struct op *)(uintptr_t)done->tag;
    bool gone = done->error && berth_error_scope(done->error) != BERTH_SCOPE_TASK && session_is_lost(iscsi);
    int status = transfer_end(op, done);
    if (op->is_ping)
        iscsi->nops = 0;
    op_ready(op, status);
    if (gone && iscsi->phase == PHASE_UP)
        session_failed(iscsi, berth_lun_detail(iscsi->lun)->text);
}

/* Works on the session; waits for one completion if `wait`. */
static uint32_t reap(struct iscsi_context *iscsi, bool wait)
{
    struct berth_done done[BATCH];
    iscsi->rung = false;
    int n = berth_queue_reap(iscsi->queue, done, wait, BATCH, -1);
    for (int i = 0; i < n; i++)
        finish(iscsi, &done[i]);
    return n > 0 ? (uint32_t)n : 0;
}

static void hear_bell(struct iscsi_context *iscsi, bool wait)
{
    struct pollfd p = {.fd = iscsi->bell, .events = POLLIN};
    uint64_t times;
    if (iscsi->bell < 0 || poll(&p, 1, wait ? -1 : 0) != 1)
        return;
    iscsi->rung = false;
    if (read(iscsi->bell, &times, sizeof times) < 0)
        return; /* somebody else has */
}

static void deliver(struct iscsi_context *iscsi)
{
    for (uint32_t n = iscsi->ready.count; n > 0 && iscsi->ready.first; n--)
        op_deliver(iscsi);
}

static bool may_send(const struct iscsi_context *iscsi)
{
    return iscsi->queue && iscsi->pending.first && iscsi->out.count < FLIGHT_MAX;
}

/* One round. Returns whether there may be more to do at once. */
static bool work_once(struct iscsi_context *iscsi, bool wait)
{
    uint32_t got = 0;
    hand_over(iscsi);
    if (iscsi->ready.first)
        wait = false;
    if (iscsi->bell >= 0 && (iscsi->opening || !iscsi->queue || iscsi->rung))
        hear_bell(iscsi, wait && !iscsi->queue);
    if (iscsi->opening && opening_over(iscsi->opening))
        session_came(iscsi);
    else if (iscsi->queue)
        got = reap(iscsi, wait);
    deliver(iscsi);
    return got == BATCH || iscsi->ready.first || may_send(iscsi);
}

static void end_if_doomed(struct iscsi_context *iscsi)
{
    if (iscsi->depth > 0 || !iscsi->doomed)
        return;
    iscsi->doomed = false;
    iscsi_destroy_context(iscsi);
}

int io_work(struct iscsi_context *iscsi, const bool *done)
{
    bool more = true;
    iscsi->depth++;
    while (done ? !*done : more && !iscsi->doomed) {
        more = work_once(iscsi, done != NULL);
        if (done && !*done && !more && !iscsi->queue && !iscsi->opening)
            break; /* nothing will ever come */
    }
    iscsi->depth--;
    int result = iscsi->phase == PHASE_FAILED ? -1 : 0;
    end_if_doomed(iscsi);
    return result;
}

API int iscsi_service(struct iscsi_context *iscsi, int revents)
{
    (void)revents; /* whatever it was, it is looked for */
    return io_work(iscsi, NULL);
}

/* --- what to wait for --- */

void io_ring(struct iscsi_context *iscsi)
{
    const uint64_t once = 1;
    if (iscsi->rung || iscsi->depth > 0)
        return;
    iscsi->rung = true;
    if (iscsi->queue)
        berth_queue_wake(iscsi->queue);
    else if (iscsi->bell >= 0 && write(iscsi->bell, &once, sizeof once) < 0)
        return; /* it has been rung 2^64 times */
}

static void watch(int set, int fd)
{
    struct epoll_event ev = {.events = EPOLLIN};
    epoll_ctl(set, EPOLL_CTL_ADD, fd, &ev); /* a descriptor that was closed has left by itself */
}

void io_hung_up(struct iscsi_context *iscsi)
{
    iscsi->rung = false;
    if (iscsi->fd >= 0 && iscsi->queue)
        watch(iscsi->fd, berth_queue_fd(iscsi->queue));
}

static void make_set(struct iscsi_context *iscsi)
{
    iscsi->fd = epoll_create1(EPOLL_CLOEXEC);
    if (iscsi->fd < 0)
        return;
    watch(iscsi->fd, iscsi->bell);
    io_hung_up(iscsi);
}

/* Who asks before there is a queue has a descriptor that stays. */
API int iscsi_get_fd(struct iscsi_context *iscsi)
{
    if (iscsi->fd < 0 && iscsi->queue)
        return berth_queue_fd(iscsi->queue);
    if (iscsi->fd < 0 && iscsi->bell >= 0)
        make_set(iscsi);
    return iscsi->fd;
}

/* The caller is about to wait. What is pending either goes now, or, where it is little beside what is under
 * way, when the descriptor is looked at: more may come until then. */
static void prepare_to_wait(struct iscsi_context *iscsi)
{
    struct berth_done none;
    if (iscsi->pending.first && iscsi->queue && !iscsi->rung && iscsi->pending.count >= iscsi->out.count) {
        hand_over(iscsi);
        berth_queue_reap(iscsi->queue, &none, 0, 0, 0);
    }
    if (iscsi->ready.first || may_send(iscsi))
        io_ring(iscsi);
}

API int iscsi_which_events(struct iscsi_context *iscsi)
{
    if (iscsi->depth == 0)
        prepare_to_wait(iscsi);
    return iscsi->queue || iscsi->bell >= 0 ? POLLIN : 0;
}

API int iscsi_queue_length(struct iscsi_context *iscsi)
{
    return (int)(iscsi->out.count + iscsi->pending.count);
}

API int iscsi_out_queue_length(struct iscsi_context *iscsi)
{
    return (int)iscsi->pending.count;
}

/* --- back --- */

/* What the target may be working on comes back when it has let go of it: until then its memory is not the
 * caller's. */
void io_cancel(struct op *op)
{
    if (op->state == OP_PENDING)
        op_ready(op, SCSI_STATUS_CANCELLED);
    else if (op->state == OP_AWAY)
        berth_queue_cancel(op->iscsi->queue, (uint64_t)(uintptr_t)op);
}

static void cancel_list(const struct ops *list, int lun)
{
    for (struct op *op = list->first, *next; op; op = next) {
        next = op->next;
        if (op->task && (lun == NO_LUN || (int)op->task->lun == lun))
            io_cancel(op);
    }
}

void io_cancel_all(struct iscsi_context *iscsi, int lun)
{
    cancel_list(&iscsi->pending, lun);
    cancel_list(&iscsi->out, lun);
}

API int iscsi_scsi_cancel_task(struct iscsi_context *iscsi, struct scsi_task *task)
{
    struct op *op = op_of(iscsi, task);
    if (!op)
        return -1;
    io_cancel(op);
    io_ring(iscsi);
    return 0;
}

API void iscsi_scsi_cancel_all_tasks(struct iscsi_context *iscsi)
{
    io_cancel_all(iscsi, NO_LUN);
    io_ring(iscsi);
}
