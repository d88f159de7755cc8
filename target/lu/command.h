/* SPDX-License-Identifier: MIT */
/* Executes SCSI commands on logical units; knows nothing of iSCSI. One row per operation code in command.c.
 */
#ifndef TARGET_COMMAND_H
#define TARGET_COMMAND_H

#include "lu/lu.h"

#define COMMAND_SENSE_MAX  96u
#define COMMAND_INLINE_MAX 4096u /* answers that are no LU data: INQUIRY, MODE SENSE, ... */
#define COMMAND_LU_MAX     1024u /* 2 KiB of each session; beyond 255 they have flat addresses (SAM-5 4.7) */
#define COMMAND_GROUPS_MAX 64u
#define COMMAND_XFER_MAX   (4u * 1024 * 1024) /* bytes of one command: VPD B0h announces it */

struct nexus;

/* How well a LU is reached through a target port (SPC-4 table 307). */
enum port_state { PORT_OPTIMIZED = 0, PORT_NON_OPTIMIZED = 1, PORT_STANDBY = 2, PORT_UNAVAILABLE = 3 };

/* A target port group (SPC-4 5.11): an iSCSI portal group, which is one target port. Its tag is the
 * identifier of both, and which of its portals a nexus came through does not matter. */
struct port_group {
    uint16_t tag;  /* 1..65535 */
    uint8_t state; /* enum port_state, for all LUs alike */
    bool changed;  /* it has had another */
};

/* The logical units that an I_T nexus sees, and all who see them. */
struct lu_set {
    const char *target_name;        /* of VPD 83h, where the ports are named; NULL: they are not */
    struct lu *lus[COMMAND_LU_MAX]; /* by LUN; NULL where there is none */
    struct nexus *nexuses;          /* chained by `next` */
    struct port_group groups[COMMAND_GROUPS_MAX];
    uint32_t group_count; /* 0: there is but group 1, active and optimized */
};

/* An I_T nexus: who it is, and per LU its pending unit attentions, as bits of a table in attention.c. */
struct nexus {
    struct lu_set *set;
    struct nexus *next;
    struct nexus_id id; /* of the initiator port nothing before nexus_join() */
    /* Aborts this nexus' commands on a LU and tells how many there were; may be NULL. */
    uint32_t (*abort)(struct nexus *n, uint64_t lun);
    struct arrivals arrivals; /* task_set.c's own */
    uint16_t attention[COMMAND_LU_MAX];
};

/* One command. The caller fills the first part, with stage COMMAND_OUTSIDE; for a command with data-out it
 * learns from command_data_out() how much memory to provide and sets `data_out` before command_execute().
 * After command_execute() `done` is called, in this call or later from the same thread, with the last part
 * filled. */
struct command {
    struct nexus *nexus;
    uint64_t lun; /* the 8 bytes of the LUN field */
    const uint8_t *cdb;
    uint32_t cdb_len;
    uint32_t edtl_in, edtl_out; /* what the initiator expects to be moved */
    struct extent data_out;     /* received: min(command_data_out(), edtl_out) bytes, or more */
    /* Memory for LU data to be read, at least command_data_in() bytes; not used when peeked. */
    void *memory;
    bool may_peek;     /* answer may refer to the store's own memory (no digest runs over it) */
    bool may_refer;    /* answer may refer to a range of a descriptor, as well */
    uint8_t attribute; /* enum attribute */
    uint8_t stage;     /* enum command_stage */
    void (*done)(struct command *);
    void *user;

    /* Its place on the LU; NULL where there is none. */
    struct lu *lu;
    struct list member; /* in lu->tasks */
    bool exclusive;     /* nothing else may run on the LU meanwhile */
    bool aborted;       /* `done` will be called, but nobody waits for the answer */

    /* Between command_execute() and `done`: what is under way for it. */
    uint8_t busy; /* calls and I/Os that have not returned */
    struct lu_io io;
    void (*then)(struct command *c, struct lu *lu, int error);
    int (*work)(struct command *c, struct lu *lu);
    uint64_t room; /* for the work, from its handler: bytes to the LU's end, which may move */
    bool settle;   /* what the work changes is to be durable */
    struct {
        uint16_t asc;
        uint64_t at;
    } fault; /* of the work: what went wrong, and where */

    uint8_t status; /* SAM status */
    uint8_t sense[COMMAND_SENSE_MAX];
    uint32_t sense_len;
    struct extent data_in; /* the answer; its segments live in `seg` */
    struct berth_seg seg;
    uint8_t reply[COMMAND_INLINE_MAX]; /* answers that are no LU data */
};

/* Bytes that this CDB will read or answer in `memory`, so that the caller can provide them; at most
 * COMMAND_XFER_MAX. 0: none, or a command that will be refused, or (with may_peek set before this call) one
 * that peeks. */
uint32_t command_data_in(const struct command *c);

/* Bytes of parameter or LU data this CDB takes, as the CDB says; at most COMMAND_XFER_MAX. 0: none, or a
 * command that will be refused whatever is sent, so that nothing need be solicited. The residual is the
 * caller's affair: it compares this with edtl_out. With edtl_out smaller than this, whole blocks of what came
 * are written. */
uint32_t command_data_out(const struct command *c);

/* Takes its place among the LU's commands, which is that of its arrival; without this call that of its
 * execution. */
void command_arrive(struct command *c);
/* Runs it, now or when those are done that it must wait for. Until `done`, nothing of the command, of its
 * nexus and of its LU goes away. */
void command_execute(struct command *c);
/* Nobody waits for it any more. One that does not run yet ends in this call, with `done` if it was executed;
 * one that runs ends when its I/O does, and until then nothing else begins on its LU, so that what comes
 * later is stored later. lu_wake() is due afterwards. */
void command_abort(struct command *c);
/* Runs what waits, as far as nothing is in its way any more. */
void lu_wake(struct lu *lu);

/* The operation's name for logs, as in "READ(10)"; "unknown operation" for a CDB without a row. */
const char *command_name(const struct command *c);

/* --- changes of the set: lu_set.c --- */

/* All initiators are told, on the other LUs that the list has changed, on this one that it begins anew.
 * false: there is no such number, or a LU has it. */
bool lu_set_add(struct lu_set *set, struct lu *lu);
/* From now on there is no such LU, also for commands that have come and not begun. The others may go on: the
 * LU is closed once it is idle and, as for a store that shows its memory or its file (peek, segment), once no
 * answer that was read from it is still to be sent. */
void lu_set_remove(struct lu_set *set, struct lu *lu);
/* No command is on the LU. */
bool lu_idle(const struct lu *lu);
/* Gives the LU another size, or with 0 measures what is behind it; all initiators are told of a change.
 * Commands may be under way: those that begin after this see the new size. On failure the LU stays as it was,
 * and -1 is returned with a sentence. */
int lu_resize(struct lu *lu, struct lu_set *set, uint64_t size, const struct lu_reason *why);

/* --- target port groups: port_group.c --- */

/* One more, active and optimized, unless it is there already. false: no room, or 0, which is no tag. */
bool lu_set_add_group(struct lu_set *set, uint16_t tag);
bool lu_set_has_group(const struct lu_set *set, uint16_t tag);
/* The groups that there are; never none. */
const struct port_group *lu_set_groups(const struct lu_set *set, uint32_t *count);
/* Changes the state of a group; all initiators are told, on all LUs. false: there is no such group. */
bool lu_set_access(struct lu_set *set, uint16_t tag, enum port_state state);
/* The state of the nexus' path. */
enum port_state nexus_path(const struct nexus *n);

/* --- nexuses and unit attentions: attention.c --- */

/* A nexus comes through one target port, its group's tag (1 where there is but one), and begins with POWER ON
 * OCCURRED (29h/00h) pending on every LU. It hears of others' doings from nexus_join() on, with the identity
 * of its initiator port, until nexus_leave(); both are harmless twice. */
void nexus_init(struct nexus *n, struct lu_set *set, uint16_t group);
void nexus_join(struct nexus *n, const uint8_t *id, uint32_t id_len);
void nexus_leave(struct nexus *n);
/* Something to be told, on every LU: one of the codes that attention.c lists. Several may be pending, but a
 * reset (29h) stands for all else. */
void nexus_attention(struct nexus *n, uint16_t asc_ascq);
/* The most urgent one of a LU, which has been told with this; 0: there is none. */
uint16_t nexus_take_attention(struct nexus *n, uint32_t number);
/* This one need not be told any more, on no LU. */
void nexus_settle(struct nexus *n, uint16_t asc_ascq);

/* On one LU: for one nexus, and for all that have joined but `except`, which may be NULL. */
void lu_tell(const struct lu *lu, struct nexus *n, uint16_t asc_ascq);
void lu_tell_others(const struct lu *lu, const struct nexus *except, struct lu_set *set, uint16_t asc_ascq);

/* Have some of its commands been aborted that still run? */
bool lu_dying(const struct lu *lu);

/* A logical unit reset: what initiators have set up is gone, and all hear of it, also who asked for it (SAM-5
 * 6.3.3). */
void lu_reset(struct lu *lu, struct lu_set *set);

#endif
