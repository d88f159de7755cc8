/* SPDX-License-Identifier: MIT */
/* A context's session. Connecting and logging in are one thing to the library, and two calls here: the first
 * of them does both, and what the target has against the login is told by the second. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "opening.h"

enum { LEVEL_SESSION = 2 };

/* --- up, and down again --- */

static void notice(void *arg, const struct berth_notice *n)
{
    struct iscsi_context *iscsi = arg;
    if (!atomic_load(&iscsi->settled))
        return; /* on a thread of ours */
    if (n->kind == BERTH_NOTICE_LOST)
        iscsi->away = true;
    else if (n->kind == BERTH_NOTICE_BACK)
        iscsi->away = false;
    tell(iscsi, LEVEL_SESSION, "%s", n->text);
}

static int take_lun(struct iscsi_context *iscsi, struct opening *o)
{
    if (berth_queue_new(&iscsi->queue, o->lun, FLIGHT_MAX) != BERTH_OK)
        return say(iscsi, "no queue for the LUN: out of memory or descriptors");
    iscsi->lun = o->lun;
    iscsi->number = o->number;
    o->lun = NULL;
    iscsi->away = false;
    atomic_store(&iscsi->settled, true);
    io_hung_up(iscsi);
    return 0;
}

/* The queue's end waits until the target has let go of what it was working on. */
void session_close(struct iscsi_context *iscsi, int status)
{
    struct ops *lists[] = {&iscsi->out, &iscsi->pending};
    berth_queue_free(iscsi->queue);
    berth_lun_close(iscsi->lun);
    berth_targets_free(iscsi->targets);
    iscsi->queue = NULL;
    iscsi->lun = NULL;
    atomic_store(&iscsi->settled, false);
    iscsi->targets = NULL;
    iscsi->target_count = -1;
    iscsi->refused.error = 0;
    iscsi->nops = 0;
    for (size_t i = 0; i < 2; i++)
        while (lists[i]->first) {
            struct op *op = lists[i]->first;
            free(op->data);
            free(op->rest);
            op->data = op->rest = NULL;
            if (op->is_task_management) /* nobody is told of these when the caller ends the session itself */
                op->cb = NULL;
            op_ready(op, status);
        }
    io_hung_up(iscsi);
}

void session_failed(struct iscsi_context *iscsi, const char *why)
{
    iscsi->phase = PHASE_FAILED;
    say(iscsi, "the session is lost: %s", why);
    if (iscsi->lost_op)
        op_ready(iscsi->lost_op, SCSI_STATUS_ERROR);
    iscsi->lost_op = NULL;
}

/* --- opening --- */

static const char *const errands[] = {
    [TO_CONNECT] = "Failed to connect to iSCSI socket",
    [TO_LOG_IN] = "Failed to log in to target",
    [TO_FULLY_CONNECT] = "Failed to connect to LUN",
    [TO_COME_BACK] = "Failed to reconnect",
};

/* What has been heard of the target itself says that there is a connection. */
static bool is_about_login(int error)
{
    return berth_error_scope(error) == BERTH_SCOPE_SESSION || error == BERTH_E_SECRET;
}

static int take_failure(struct iscsi_context *iscsi, const struct opening *o)
{
    if (o->errand == TO_CONNECT && is_about_login(o->why.error)) {
        iscsi->phase = PHASE_CONNECTED;
        iscsi->refused = o->why;
        return 0;
    }
    iscsi->phase = o->errand == TO_COME_BACK ? PHASE_FAILED : PHASE_IDLE;
    return say(iscsi, "%s: %s", errands[o->errand], o->why.text);
}

/* What is left in it, opening_free() closes. */
static int take_outcome(struct iscsi_context *iscsi, struct opening *o)
{
    if (o->why.error)
        return take_failure(iscsi, o);
    if (o->lun && take_lun(iscsi, o) != 0) {
        iscsi->phase = PHASE_IDLE;
        return -1;
    }
    iscsi->targets = o->targets;
    iscsi->target_count = o->target_count;
    o->targets = NULL;
    iscsi->phase = o->errand == TO_CONNECT ? PHASE_CONNECTED : PHASE_UP;
    return 0;
}

static struct opening *prepare(struct iscsi_context *iscsi, enum errand errand, int lun)
{
    struct opening *o = calloc(1, sizeof *o);
    if (!o) {
        say(iscsi, "out of memory");
        return NULL;
    }
    *o = (struct opening){.errand = errand, .set = iscsi->set, .number = lun, .notice = notice};
    o->iscsi = iscsi;
    o->target_count = -1;
    return o;
}

static int hang_bell(struct iscsi_context *iscsi)
{
    if (iscsi->bell < 0)
        iscsi->bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return iscsi->bell < 0 ? say(iscsi, "no descriptor to wait on: %s", strerror(errno)) : 0;
}

static int open_now(struct iscsi_context *iscsi, enum errand errand, int lun)
{
    struct opening *o = prepare(iscsi, errand, lun);
    if (!o)
        return -1;
    opening_run(o);
    int result = take_outcome(iscsi, o);
    opening_free(o);
    return result;
}

static int open_later(struct iscsi_context *iscsi, enum errand errand, int lun, struct op *op)
{
    struct opening *o = hang_bell(iscsi) == 0 ? prepare(iscsi, errand, lun) : NULL;
    if (!o)
        return -1;
    o->bell = iscsi->bell;
    o->op = op;
    iscsi->phase = PHASE_OPENING;
    iscsi->opening = o;
    if (opening_start(o) == 0)
        return 0;
    iscsi->opening = NULL;
    iscsi->phase = PHASE_IDLE;
    opening_free(o);
    return say(iscsi, "no thread to connect on: %s", strerror(errno));
}

/* Whoever has connected is told a second time when the connection is gone for good. */
static void expect_loss(struct iscsi_context *iscsi, const struct op *op)
{
    if (iscsi->lost_op || !op->cb)
        return;
    iscsi->lost_op = op_new(iscsi, op->cb, op->private_data);
}

void session_came(struct iscsi_context *iscsi)
{
    struct opening *o = iscsi->opening;
    iscsi->opening = NULL;
    iscsi->comes_back = false;
    opening_join(o);
    int result = take_outcome(iscsi, o);
    if (result && o->errand == TO_COME_BACK)
        session_close(iscsi, SCSI_STATUS_ERROR);
    if (!result && (o->errand == TO_CONNECT || o->errand == TO_FULLY_CONNECT) && o->op)
        expect_loss(iscsi, o->op);
    if (o->op)
        op_ready(o->op, result ? SCSI_STATUS_ERROR : SCSI_STATUS_GOOD);
    opening_free(o);
}

/* --- what has to be so before --- */

static int set_portal(struct iscsi_context *iscsi, const char *portal)
{
    if (iscsi->phase != PHASE_IDLE)
        return say(iscsi, "Trying to connect but already connected.");
    if (!portal || strlen(portal) >= TEXT_MAX)
        return say(iscsi, "the portal is missing or longer than %d bytes", MAX_STRING_SIZE);
    if (!iscsi->set.type)
        return say(iscsi, "set the session type before connecting");
    if (iscsi->set.type == ISCSI_SESSION_NORMAL && !iscsi->set.target[0])
        return say(iscsi, "set the target name before connecting");
    strcpy(iscsi->set.portal, portal);
    return 0;
}

static int may_log_in(struct iscsi_context *iscsi)
{
    if (iscsi->phase != PHASE_CONNECTED)
        return say(iscsi, "Trying to login while %s.",
                   iscsi->phase == PHASE_UP ? "already logged in" : "not connected");
    return 0;
}

static int take_refusal(struct iscsi_context *iscsi)
{
    return say(iscsi, "%s: %s", errands[TO_LOG_IN], iscsi->refused.text);
}

static bool is_settled(const struct iscsi_context *iscsi)
{
    return iscsi->lun || iscsi->target_count >= 0 || iscsi->refused.error;
}

static int settle(struct iscsi_context *iscsi)
{
    if (iscsi->refused.error)
        return take_refusal(iscsi);
    iscsi->phase = PHASE_UP;
    return 0;
}

/* A callback that is to come although nothing has to be waited for. */
static int call_back(struct op *op, int status)
{
    if (hang_bell(op->iscsi) != 0) {
        op->cb = NULL;
        op_ready(op, status);
        return -1;
    }
    op_ready(op, status);
    io_ring(op->iscsi);
    return 0;
}

static void drop(struct op *op)
{
    op->cb = NULL;
    op_ready(op, SCSI_STATUS_ERROR);
}

/* --- the calls --- */

static int begin(struct iscsi_context *iscsi, enum errand errand, int lun, iscsi_command_cb cb,
                 void *private_data)
{
    struct op *op = op_new(iscsi, cb, private_data);
    if (!op)
        return -1;
    int error = open_later(iscsi, errand, lun, op);
    if (error)
        drop(op);
    return error;
}

API int iscsi_connect_async(struct iscsi_context *iscsi, const char *portal, iscsi_command_cb cb,
                            void *private_data)
{
    int error = set_portal(iscsi, portal);
    return error ? error : begin(iscsi, TO_CONNECT, NO_LUN, cb, private_data);
}

API int iscsi_connect_sync(struct iscsi_context *iscsi, const char *portal)
{
    int error = set_portal(iscsi, portal);
    return error ? error : open_now(iscsi, TO_CONNECT, NO_LUN);
}

API int iscsi_full_connect_async(struct iscsi_context *iscsi, const char *portal, int lun,
                                 iscsi_command_cb cb, void *private_data)
{
    int error = set_portal(iscsi, portal);
    return error ? error : begin(iscsi, TO_FULLY_CONNECT, lun < 0 ? NO_LUN : lun, cb, private_data);
}

API int iscsi_full_connect_sync(struct iscsi_context *iscsi, const char *portal, int lun)
{
    int error = set_portal(iscsi, portal);
    return error ? error : open_now(iscsi, TO_FULLY_CONNECT, lun < 0 ? NO_LUN : lun);
}

API int iscsi_login_async(struct iscsi_context *iscsi, iscsi_command_cb cb, void *private_data)
{
    if (may_log_in(iscsi) != 0)
        return -1;
    if (!is_settled(iscsi))
        return begin(iscsi, TO_LOG_IN, NO_LUN, cb, private_data);
    struct op *op = op_new(iscsi, cb, private_data);
    return op ? call_back(op, settle(iscsi) == 0 ? SCSI_STATUS_GOOD : SCSI_STATUS_ERROR) : -1;
}

API int iscsi_login_sync(struct iscsi_context *iscsi)
{
    if (may_log_in(iscsi) != 0)
        return -1;
    return is_settled(iscsi) ? settle(iscsi) : open_now(iscsi, TO_LOG_IN, NO_LUN);
}

static int leave(struct iscsi_context *iscsi)
{
    if (iscsi->phase != PHASE_UP && iscsi->phase != PHASE_FAILED)
        return say(iscsi, "Trying to logout while not logged in.");
    if (iscsi->lost_op)
        drop(iscsi->lost_op);
    iscsi->lost_op = NULL;
    session_close(iscsi, SCSI_STATUS_CANCELLED);
    iscsi->phase = PHASE_CONNECTED;
    return 0;
}

API int iscsi_logout_async(struct iscsi_context *iscsi, iscsi_command_cb cb, void *private_data)
{
    if (leave(iscsi) != 0)
        return -1;
    struct op *op = op_new(iscsi, cb, private_data);
    return op ? call_back(op, SCSI_STATUS_GOOD) : -1;
}

API int iscsi_logout_sync(struct iscsi_context *iscsi)
{
    return leave(iscsi);
}

/* Whoever has asked for it is not told: the caller knows. */
static void stop_opening(struct iscsi_context *iscsi)
{
    struct opening *o = iscsi->opening;
    if (o && o->op)
        drop(o->op);
    iscsi->opening = NULL;
    iscsi->comes_back = false;
    opening_free(o);
}

API int iscsi_disconnect(struct iscsi_context *iscsi)
{
    if (iscsi->phase == PHASE_IDLE)
        return say(iscsi, "Trying to disconnect but not connected");
    if (iscsi->phase == PHASE_UP || iscsi->phase == PHASE_FAILED)
        leave(iscsi);
    stop_opening(iscsi);
    session_close(iscsi, SCSI_STATUS_CANCELLED);
    iscsi->phase = PHASE_IDLE;
    return 0;
}

/* --- coming back --- */

/* A session that is lost is being sought already. One that is not, the caller has no faith in. */
API int iscsi_reconnect(struct iscsi_context *iscsi)
{
    if (iscsi->phase == PHASE_UP && iscsi->lun) {
        if (!iscsi->away)
            berth_lun_reconnect(iscsi->lun);
        iscsi->nops = 0;
        return 0;
    }
    if (iscsi->phase != PHASE_FAILED)
        return say(iscsi, "there is no session to reconnect");
    int lun = iscsi->number;
    session_close(iscsi, SCSI_STATUS_ERROR);
    iscsi->comes_back = open_later(iscsi, TO_COME_BACK, lun, NULL) == 0;
    return iscsi->comes_back ? 0 : -1;
}

API int iscsi_is_logged_in(struct iscsi_context *iscsi)
{
    return iscsi && iscsi->phase == PHASE_UP && !iscsi->away;
}

API int iscsi_destroy_context(struct iscsi_context *iscsi)
{
    if (!iscsi)
        return 0;
    if (iscsi->lost_op)
        drop(iscsi->lost_op);
    iscsi->lost_op = NULL;
    stop_opening(iscsi);
    session_close(iscsi, SCSI_STATUS_CANCELLED);
    iscsi->phase = PHASE_IDLE;
    iscsi->doomed = iscsi->depth > 0;
    if (iscsi->doomed) /* the call that it was called in does the rest */
        return 0;
    iscsi->depth++;
    while (iscsi->ready.first)
        op_deliver(iscsi);
    if (iscsi->fd >= 0)
        close(iscsi->fd);
    if (iscsi->bell >= 0)
        close(iscsi->bell);
    ops_free(iscsi);
    explicit_bzero(iscsi, sizeof *iscsi);
    free(iscsi);
    return 0;
}
