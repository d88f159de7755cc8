/* SPDX-License-Identifier: MIT */
/* A session (RFC 7143 4.4.3): task pool, command window, TSIH, session-wide parameters. Both roles.
 *
 * No call here allocates, blocks or looks at a clock: memory and time come from the caller. A session and its
 * connections belong to one thread at a time. */
#ifndef PROTO_SESSION_H
#define PROTO_SESSION_H

#include "base/slots.h"
#include "proto/task.h"
#include "wire/crypto.h"
#include "wire/keys.h"
#include "wire/name.h"

struct conn;
struct session;

/* What the floor above does for the core, during a call into it. */
struct session_owner {
    /* Target: a command with data-out has arrived. Fill task->data (memory for up to task->edtl bytes); leave
     * data.len 0 to have the bytes swallowed, the task then becomes READY all the same. */
    void (*task_begin)(void *owner, struct task *task);
    /* Target: a task left the session without having been answered, or its answer is gone. Give back memory.
     */
    void (*task_end)(void *owner, struct task *task);
    /* Target, may be NULL: a SCSI command has arrived, of whose data nothing is here yet. Commands come in
     * order: the first is the oldest. task_begin() and session_next_ready(), or task_end(), follow. */
    void (*task_arrive)(void *owner, struct task *task);
    /* Target, may be NULL: a task that session_next_ready() or CONN_EV_TMF handed out is not to be answered
     * any more. session_respond() is due all the same, in this call or later, and ends it. */
    void (*task_abort)(void *owner, struct task *task);
    /* Target, in login: who is this, may it come in? `login` holds the declared names. Returns the login
     * status, WIRE_LOGIN_SUCCESS to go on. */
    uint16_t (*login_check)(void *owner, struct conn *conn);
    /* Target: a complete Text Request in full feature phase, or one whose answer continues. Writes key=value
     * pairs to `answer` from the `cursor` the last call left (0 at first); sets *cursor and returns true when
     * more follows. */
    bool (*text)(void *owner, struct conn *conn, struct span request, struct writer *answer,
                 uint32_t *cursor);
    /* Target: do two LUN fields name the same unit (SAM-5 4.7 has several forms)? NULL: if they are equal. */
    bool (*same_lun)(uint64_t a, uint64_t b);
    void *owner;
};

struct session_config {
    uint8_t role;   /* enum wire_role */
    uint16_t depth; /* tasks at once, 1..SESSION_DEPTH_MAX; target: also the command window it opens */
    uint8_t isid[6];
    uint8_t itt_engine_bits; /* upper eight bits of every InitiatorTaskTag, for engines that need them; 0 */
    uint32_t first_cmd_sn;
    const struct wire_crypto *crypto;
    struct session_owner owner;
};

#define SESSION_DEPTH_MAX     1024u
#define SESSION_IMMEDIATE_MAX 8u /* target: immediate commands beyond the window, 4.2.2.1 */

struct session {
    struct session_config config;
    uint16_t tsih;
    bool discovery;
    /* Command window, 4.2.2.1. Initiator: cmd_sn is the next to use. Target: exp_cmd_sn, max_cmd_sn are ours.
     */
    uint32_t cmd_sn, exp_cmd_sn, max_cmd_sn;
    struct negotiation keys; /* of the leading connection: session-wide values in keys.agreed */
    struct slots slots;
    struct task
        *tasks; /* config.depth + SESSION_IMMEDIATE_MAX of them; what is in one that is not taken is void */
    struct list conns;
    struct list queued;   /* initiator: TASK_QUEUED, in submission order */
    struct list ready;    /* target: TASK_READY, in CmdSN order */
    struct list detached; /* TASK_DETACHED */
    struct list done;     /* TASK_DONE: reap with session_reap() */
    bool held;            /* initiator: commands stay queued, but for those that go ahead */
    uint32_t in_flight;   /* initiator: tasks ACTIVE or ENDING */
    uint32_t resets;      /* initiator: of these, task management that covers more than one task */
    uint32_t leaving;     /* target: tasks of the window whose last answer is in the transmit ring */
    uint32_t reserved;    /* target: tasks that immediate requests have taken */
    uint64_t moves_seen;  /* of its tasks: bit from * TASK_STATES + to */
};

/* Bytes of memory a session of this configuration needs; the caller provides them, 16-aligned. */
size_t session_size(const struct session_config *config);
struct session *session_init(void *memory, const struct session_config *config);

/* Initiator. Takes a free task (all fields zero but slot, itt, kind, state FREE), or NULL when all are in
 * use. Kinds other than TASK_SCSI may also use the reserve of SESSION_IMMEDIATE_MAX tasks. */
struct task *session_task(struct session *s, enum task_kind kind);
/* A command that goes ahead of all others, and while they are held back; it may use the reserve, too. */
struct task *session_task_ahead(struct session *s);
/* Commands that are not on the wire yet stay where they are until they are let go. */
void session_hold(struct session *s, bool held);
/* Returns a task that is FREE (never submitted) or was reaped. */
void session_task_free(struct session *s, struct task *task);

/* Initiator. Queues a task filled in by the caller; it goes on the wire when a connection and the window let
 * it. Texts become immediate. */
void session_submit(struct session *s, struct task *task);
/* The session ended with its last connection; a new login (TSIH 0, same ISID) is about to begin. Nothing
 * negotiated is carried over; queued and detached tasks stay. */
void session_restart(struct session *s);
/* Puts a detached or a reaped task back at the end of the queue, to be sent afresh: new ITT generation, new
 * CmdSN. */
void session_requeue(struct session *s, struct task *task);
/* Has a task management function (11.5) carried out, on this connection: an immediate request, to be reaped
 * like a command. NULL: no task is free. `subject` is the task that ABORT TASK and QUERY TASK are about,
 * which must be ACTIVE, or NULL. `response` of the request tells what the target says of it; `error` is
 * BERTH_OK with any answer, BERTH_E_REJECTED, or BERTH_E_UNKNOWN when the
 * connection died.
 *
 * Until it is answered, what is covered goes on: responses count, R2Ts are honoured (as briefly as may be,
 * when more than one task is covered; not at all where FastAbort was agreed, 4.2.3). While more than one is
 * covered, no new command goes out. With the answer, all that was covered and has ended is done, `aborted`,
 * with BERTH_E_ABORTED; what is still sent for it is swallowed. */
struct task *session_manage(struct session *s, struct conn *c, uint8_t function, uint64_t lun,
                            const struct task *subject);
/* Gives a task up with `error`. QUEUED and DETACHED: done at once. ACTIVE: done as soon as no engine can
 * touch its memory (ENDING until then). Its tag dies with its generation, so what the peer still sends for it
 * is swallowed; but the peer may still work on it, and must not see that tag again before it has let go: only
 * for connections that are about to end. See session_manage() otherwise. */
void session_revoke(struct session *s, struct task *task, int error);
/* Next finished task, or NULL. */
struct task *session_reap(struct session *s);

/* Target. Next task to execute, or NULL. */
struct task *session_next_ready(struct session *s);
/* Target. Answers a READY task: task->status, sense, and for reads task->data (what to send; cut to EDTL
 * here). */
void session_respond(struct session *s, struct task *task);

/* Target. Carries out a task management request (11.5) of this session on those of its commands that are
 * older and not answered: they end without an answer, those in the owner's hand when it lets them go
 * (task_abort). Returns the response code; the owner answers with it once it has let go. */
uint8_t session_abort(struct session *s, const struct task *tmf);
/* Target. The same for a request of another session, which is of any age. Returns how many it has ended. */
uint32_t session_clear(struct session *s, const struct task *tmf);

/* Is any connection in full feature phase? */
bool session_up(const struct session *s);

#endif
