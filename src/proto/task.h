/* SPDX-License-Identifier: MIT */
/* A task: one request of the initiator and everything known about it, on either side of the wire.
 *
 * A task belongs to the session; its connection (allegiance) can change or be lost. The write payload and the
 * read memory are the owner's and stay referenced until the task is done. A task is done only when nothing
 * can write to its memory or read from it any more. */
#ifndef PROTO_TASK_H
#define PROTO_TASK_H

#include <berth/error.h>
#include "base/list.h"
#include "base/seg.h"
#include "wire/pdu.h"

#define TASK_SENSE_MAX 252u               /* SPC-4: sense data is never longer */
#define TASK_R2T_MAX   8u                 /* MaxOutstandingR2T we agree to */
#define TASK_BURSTS    (TASK_R2T_MAX + 1) /* and the unsolicited sequence */

enum task_kind { TASK_SCSI, TASK_TMF, TASK_NOP, TASK_TEXT, TASK_LOGOUT };

/* A ping; or what takes the place of a command that was rejected, under its `cmd_sn` (7.3). */
enum nop_kind { NOP_PING, NOP_PLUG };

/* The life of a task. On the initiator CmdSN is taken on the way from QUEUED to ACTIVE, never before. */
enum task_state {
    TASK_FREE,
    TASK_QUEUED,   /* initiator: submitted, not on the wire; may be withdrawn freely */
    TASK_ACTIVE,   /* initiator: on the wire, waits for the peer. Target: receiving data-out */
    TASK_READY,    /* target: all data-out is here, the owner executes it */
    TASK_ANSWER,   /* target: data-in and status are going out */
    TASK_DETACHED, /* its connection died; the owner's policy decides */
    TASK_ENDING,   /* outcome known, but an engine still refers to its memory */
    TASK_DONE,     /* on the session's done list */
    TASK_STATES,
};

/* One sequence of Data-Out PDUs that the initiator owes (solicited: answer to an R2T; or the unsolicited one)
 * or that the target waits for. */
struct burst {
    uint32_t ttt; /* WIRE_TAG_NONE: unsolicited */
    uint32_t offset, len, moved;
    uint32_t data_sn;
};

struct task {
    struct list link;   /* in one of the session's or connection's queues */
    struct list member; /* in its connection's `tasks` */
    struct conn *conn;  /* allegiance; NULL when queued (but for a ping or a logout) or detached */
    uint16_t slot;
    uint8_t kind, state; /* enum task_kind, task_state */

    /* The request */
    bool read, write, immediate;
    bool ahead;       /* initiator: goes before other commands, also where those are held back */
    uint8_t attr;     /* enum wire_task_attr */
    uint8_t function; /* TMF function or logout reason; of a NOP: enum nop_kind */
    uint8_t cdb_len;
    uint8_t cdb[WIRE_CDB_MAX];
    uint64_t lun;
    uint32_t itt, cmd_sn;
    uint32_t referenced_tag, ref_cmd_sn; /* TMF */
    uint32_t edtl;                       /* ExpectedDataTransferLength: of the read, or of the write */
    struct extent data;   /* `data.len` is the memory there is; on the initiator equal to edtl */
    uint64_t deadline_ns; /* owner's clock; 0 = none */
    void *owner;          /* the floor above */
    uint64_t owner_tag;   /* survives a freeze, unlike the pointer */

    /* Progress */
    uint32_t moved;    /* bytes of data received (read) or sent (write) so far; target: received or sent */
    uint32_t data_sn;  /* next DataSN of a Data-In */
    uint32_t r2t_sn;   /* next R2TSN */
    uint32_t asked;    /* where the data ends that immediate data, unsolicited data and R2Ts cover so far */
    uint32_t seq_left; /* target: bytes of the current Data-In sequence until MaxBurstLength */
    uint16_t tx_refs; /* transmit slots that still refer to `data`, and a receive into it that is under way */
    bool data_pending; /* initiator: in conn->sending */
    bool unsent; /* initiator, detached or rejected: its command had not left us whole, or was thrown away, so
                  * nobody has executed it */
    bool unsolicited; /* target: unsolicited Data-Out PDUs are still to come */
    bool reserve;     /* target: an immediate request, which has no place in the command window */
    bool aborted;     /* initiator: task management has ended it, no response has. Target: the owner has it
                       * in hand, and whatever comes of it is not sent */
    uint8_t burst_first, burst_count;
    struct burst bursts[TASK_BURSTS];

    /* Outcome */
    int error;        /* enum berth_error; BERTH_OK only if response, status, residual and counts all agree */
    uint8_t response; /* iSCSI response 11.4.3, TMF response, logout response */
    uint8_t reject_reason; /* 11.17.1: the target rejected the request, or data of it; 0: nothing of it */
    uint8_t status;        /* SAM status, valid with error BERTH_OK or BERTH_E_SCSI */
    uint8_t residual_kind;
    uint32_t residual;
    uint32_t sense_len;
    uint8_t sense[TASK_SENSE_MAX];
};

#endif
