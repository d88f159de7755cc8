/* SPDX-License-Identifier: MIT */
/* Task management (RFC 7143 11.5), and pings. What ends one's own commands is a matter of taking them back,
 * which the library does with ABORT TASK; what ends those of others is a reset. */
#include <string.h>
#include "parts.h"

/* --- one's own --- */

static void wait_for(struct op *waiter, struct op *subject)
{
    while (subject->waiter) /* somebody waits for it already: then for both */
        subject = subject->waiter;
    subject->waiter = waiter;
    waiter->waits_for++;
}

static void take_back(struct op *waiter, const struct ops *list, int lun)
{
    for (struct op *op = list->first, *next; op; op = next) {
        next = op->next;
        if (!op->task || (int)op->task->lun != lun)
            continue;
        wait_for(waiter, op);
        io_cancel(op);
    }
}

static struct op *request(struct iscsi_context *iscsi, iscsi_command_cb cb, void *private_data)
{
    if (iscsi->phase != PHASE_UP || !iscsi->queue) {
        say(iscsi, "task management needs a session that is logged in, and no discovery session");
        return NULL;
    }
    struct op *op = op_new(iscsi, cb, private_data);
    if (op)
        op->is_task_management = true;
    return op;
}

/* Held by one more than there are, so that it does not end while they are being counted. */
static void hold(struct op *op)
{
    op->waits_for = 1;
}

static int let_go(struct op *op)
{
    if (--op->waits_for == 0)
        op_ready(op, SCSI_STATUS_GOOD);
    io_ring(op->iscsi);
    return 0;
}

static int abort_op(struct op *subject, struct op *op)
{
    hold(op);
    if (subject) {
        wait_for(op, subject);
        io_cancel(subject);
    } else {
        op->response = ISCSI_TMR_TASK_DOES_NOT_EXIST;
    }
    return let_go(op);
}

static int abort_all(struct op *op, int lun)
{
    hold(op);
    take_back(op, &op->iscsi->pending, lun);
    take_back(op, &op->iscsi->out, lun);
    return let_go(op);
}

/* --- resets --- */

/* What has not been sent is not the target's to end. */
static int reset(struct op *op, enum berth_reset which, int lun)
{
    const struct ops *pending = &op->iscsi->pending;
    for (struct op *at = pending->first, *next; at; at = next) {
        next = at->next;
        if (at->task && (which != BERTH_RESET_LUN || (int)at->task->lun == lun))
            io_cancel(at);
    }
    op->is_reset = true;
    op->reset = (uint8_t)which;
    op->reset_lun = lun;
    op_move(op, OP_PENDING);
    return 0;
}

/* --- the calls --- */

API int iscsi_task_mgmt_async(struct iscsi_context *iscsi, int lun, enum iscsi_task_mgmt_funcs function,
                              uint32_t ritt, uint32_t rcmdscn, iscsi_command_cb cb, void *private_data)
{
    static const uint8_t resets[] = {
        [ISCSI_TM_LUN_RESET] = BERTH_RESET_LUN,
        [ISCSI_TM_TARGET_WARM_RESET] = BERTH_RESET_TARGET_WARM,
        [ISCSI_TM_TARGET_COLD_RESET] = BERTH_RESET_TARGET_COLD,
    };
    bool aborts = function == ISCSI_TM_ABORT_TASK || function == ISCSI_TM_ABORT_TASK_SET;
    bool resets_all = function >= ISCSI_TM_LUN_RESET && function <= ISCSI_TM_TARGET_COLD_RESET;
    (void)rcmdscn;
    if (!aborts && !resets_all)
        return say(iscsi, "task management function %d is not offered here", (int)function);
    struct op *op = request(iscsi, cb, private_data);
    if (!op)
        return -1;
    if (function == ISCSI_TM_ABORT_TASK)
        return abort_op(op_numbered(iscsi, ritt), op);
    return aborts ? abort_all(op, lun) : reset(op, (enum berth_reset)resets[function], lun);
}

API int iscsi_task_mgmt_abort_task_async(struct iscsi_context *iscsi, struct scsi_task *task,
                                         iscsi_command_cb cb, void *private_data)
{
    struct op *op = request(iscsi, cb, private_data);
    return op ? abort_op(op_of(iscsi, task), op) : -1;
}

API int iscsi_task_mgmt_abort_task_set_async(struct iscsi_context *iscsi, uint32_t lun, iscsi_command_cb cb,
                                             void *private_data)
{
    return iscsi_task_mgmt_async(iscsi, (int)lun, ISCSI_TM_ABORT_TASK_SET, 0, 0, cb, private_data);
}

API int iscsi_task_mgmt_lun_reset_async(struct iscsi_context *iscsi, uint32_t lun, iscsi_command_cb cb,
                                        void *private_data)
{
    return iscsi_task_mgmt_async(iscsi, (int)lun, ISCSI_TM_LUN_RESET, 0, 0, cb, private_data);
}

API int iscsi_task_mgmt_target_warm_reset_async(struct iscsi_context *iscsi, iscsi_command_cb cb,
                                                void *private_data)
{
    return iscsi_task_mgmt_async(iscsi, 0, ISCSI_TM_TARGET_WARM_RESET, 0, 0, cb, private_data);
}

API int iscsi_task_mgmt_target_cold_reset_async(struct iscsi_context *iscsi, iscsi_command_cb cb,
                                                void *private_data)
{
    return iscsi_task_mgmt_async(iscsi, 0, ISCSI_TM_TARGET_COLD_RESET, 0, 0, cb, private_data);
}

/* --- and waited for --- */

struct verdict {
    struct answer answer;
    uint32_t response;
};

static void verdict_cb(struct iscsi_context *iscsi, int status, void *command_data, void *private_data)
{
    struct verdict *v = private_data;
    v->response = command_data ? *(uint32_t *)command_data : 0;
    answer_cb(iscsi, status, NULL, &v->answer);
}

static int wait_for_verdict(struct iscsi_context *iscsi, int error, struct verdict *v)
{
    if (error || answer_wait(iscsi, &v->answer) != 0)
        return -1;
    return v->response == ISCSI_TMR_FUNC_COMPLETE
               ? 0
               : say(iscsi, "task management ended with response %u", v->response);
}

API int iscsi_task_mgmt_sync(struct iscsi_context *iscsi, int lun, enum iscsi_task_mgmt_funcs function,
                             uint32_t ritt, uint32_t rcmdscn)
{
    struct verdict v = {.response = 0};
    int error = iscsi_task_mgmt_async(iscsi, lun, function, ritt, rcmdscn, verdict_cb, &v);
    return wait_for_verdict(iscsi, error, &v);
}

API int iscsi_task_mgmt_abort_task_sync(struct iscsi_context *iscsi, struct scsi_task *task)
{
    struct verdict v = {.response = 0};
    int error = iscsi_task_mgmt_abort_task_async(iscsi, task, verdict_cb, &v);
    return wait_for_verdict(iscsi, error, &v);
}

API int iscsi_task_mgmt_abort_task_set_sync(struct iscsi_context *iscsi, uint32_t lun)
{
    return iscsi_task_mgmt_sync(iscsi, (int)lun, ISCSI_TM_ABORT_TASK_SET, 0, 0);
}

API int iscsi_task_mgmt_lun_reset_sync(struct iscsi_context *iscsi, uint32_t lun)
{
    return iscsi_task_mgmt_sync(iscsi, (int)lun, ISCSI_TM_LUN_RESET, 0, 0);
}

API int iscsi_task_mgmt_target_warm_reset_sync(struct iscsi_context *iscsi)
{
    return iscsi_task_mgmt_sync(iscsi, 0, ISCSI_TM_TARGET_WARM_RESET, 0, 0);
}

API int iscsi_task_mgmt_target_cold_reset_sync(struct iscsi_context *iscsi)
{
    return iscsi_task_mgmt_sync(iscsi, 0, ISCSI_TM_TARGET_COLD_RESET, 0, 0);
}

/* --- pings --- */

/* The library keeps the connection alive by itself, with NOPs of its own. What a caller wants to know is
 * whether the target still answers, and INQUIRY tells: it takes no unit attention away, and every LUN has it.
 */
API int iscsi_nop_out_async(struct iscsi_context *iscsi, iscsi_command_cb cb, unsigned char *data, int len,
                            void *private_data)
{
    if (iscsi->phase != PHASE_UP || iscsi->set.type != ISCSI_SESSION_NORMAL)
        return say(iscsi, "a NOP needs a session that is logged in, and no discovery session");
    if (data && len > 0)
        return say(iscsi, "a NOP carries no data here");
    struct scsi_task *task = scsi_cdb_inquiry(0, 0, 36);
    struct op *op = task ? op_new(iscsi, cb, private_data) : NULL;
    if (!op) {
        scsi_free_scsi_task(task);
        return -1;
    }
    op->is_ping = true;
    iscsi->nops++;
    return io_send(op, iscsi->number == NO_LUN ? 0 : iscsi->number, task, NULL);
}

API int iscsi_get_nops_in_flight(struct iscsi_context *iscsi)
{
    return iscsi->nops;
}
