/* SPDX-License-Identifier: MIT */
/* Inside of the stand-in for libiscsi.
 *
 *   task.c      struct scsi_task and its memory     cdb.c        CDBs, to bytes
 *   reply.c     what a LUN answered, as structures  request.c    CDBs, as structures
 *   modes.c     mode pages, both ways               words.c      names of codes
 *   url.c       URLs and the environment            settings.c   what a context is told before it connects
 *   session.c   connect, log in, leave, come back   opening.c    the thread that connects while others go on
 *   discovery.c what targets there are              ops.c        what is on its way, and callbacks
 *   transfer.c  one command, there and back         io.c         all of them: the event loop's calls
 *   manage.c    task management and pings           commands.c   a function for each command
 *   sync.c      the same, waited for                log.c        what is told to whom it may concern
 */
#ifndef COMPAT_LIBISCSI_PARTS_H
#define COMPAT_LIBISCSI_PARTS_H

#include <berth/berth.h>
#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define API __attribute__((visibility("default")))

#define TEXT_MAX   256u /* bytes of a name or secret, with its end: MAX_STRING_SIZE + 1 */
#define ERROR_MAX  1024u
#define FLIGHT_MAX 128u /* commands with the library at once; more wait in the context */
#define FEW_SEGS   8u   /* of a command without memory for more */
#define CHUNK      64u  /* commands that are made room for at a time */
#define CHUNKS_MAX 1024u
#define NO_LUN     (-1)

struct opening;

enum op_state { OP_FREE, OP_PENDING, OP_AWAY, OP_READY };

/* One command on its way. */
struct op {
    struct op *next, *before; /* in one of the context's lists */
    struct iscsi_context *iscsi;
    struct scsi_task *task; /* NULL: it is no command of the caller's */
    iscsi_command_cb cb;    /* NULL: nobody wants to know */
    void *private_data;
    struct op *waiter;                     /* what is over when this is, too */
    uint32_t waits_for;                    /* so many others */
    uint32_t response;                     /* of task management */
    struct iscsi_discovery_address *found; /* of a discovery */
    uint32_t number;                       /* of the tag */
    uint8_t state;                         /* enum op_state */
    bool is_task_management, is_reset, is_ping;
    uint8_t reset; /* enum berth_reset */
    int reset_lun;
    bool bounces; /* `rest` takes the place of the caller's memory, which is in too many pieces */
    int status;   /* of its callback */
    uint32_t timeout_ms;
    struct berth_seg *segs; /* `few`, or memory of its own */
    uint32_t seg_count, seg_room;
    void *data;              /* received where the caller has given no memory; the task's in the end */
    void *rest;              /* memory for what is beyond the caller's */
    struct scsi_iovec given; /* what came as struct iscsi_data */
    struct berth_command command;
    struct berth_seg few[FEW_SEGS];
};

/* A ring through its head. */
struct ops {
    struct op *first, *last;
    uint32_t count;
};

struct settings {
    char initiator[TEXT_MAX], target[TEXT_MAX], portal[TEXT_MAX];
    char user[TEXT_MAX], secret[TEXT_MAX], target_user[TEXT_MAX], target_secret[TEXT_MAX];
    char isid[13]; /* "": a random one */
    uint8_t digest, type;
    bool immediate_data, initial_r2t;
    int timeout_s, retries; /* 0, and below: without an end */
    bool no_reconnect;
};

enum phase {
    PHASE_IDLE,
    PHASE_OPENING,   /* a thread is at it */
    PHASE_CONNECTED, /* and not logged in, as far as the caller knows */
    PHASE_UP,
    PHASE_FAILED, /* for good, until it is asked to come back */
};

struct iscsi_context {
    struct settings set;
    char error[ERROR_MAX];
    uint8_t phase;        /* enum phase */
    bool away;            /* the session is lost and being sought */
    bool comes_back;      /* what is being opened takes the place of a session that was given up */
    atomic_bool unwanted; /* what the thread is opening */
    atomic_bool settled;  /* the session is the caller's, who may be told of it */
    struct berth_lun *lun;
    int number; /* of it; NO_LUN: the session is for commands that name theirs */
    struct berth_queue *queue;
    struct berth_target *targets; /* of a discovery session, until it is asked for them */
    int target_count;             /* below 0: not known */
    struct berth_detail refused;  /* what the login is to say; error 0: nothing */
    struct opening *opening;
    struct op *lost_op; /* told once the connection is lost for good */

    struct op *chunks[CHUNKS_MAX];
    uint32_t chunk_count;
    struct op *spare;
    struct ops pending; /* not with the library yet */
    struct ops out;     /* with the library */
    struct ops ready;   /* done; their callbacks are to come */
    uint32_t depth;     /* calls of iscsi_service() and its like that are under way */
    bool rung;          /* the descriptor has been made readable */
    bool doomed;        /* iscsi_destroy_context() was called in a callback */
    int fd, bell;       /* what the caller waits on where there may be no queue; -1 */
    int nops;
    iscsi_log_fn log;
    int log_level;
};

/* log.c: words into iscsi_get_error(), and to the log. Returns -1. */
int say(struct iscsi_context *iscsi, const char *format, ...) __attribute__((format(printf, 2, 3)));
void tell(struct iscsi_context *iscsi, int level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* task.c: one of our own making. */
struct scsi_task *task_new(const uint8_t *cdb, int size, int direction, uint32_t length);

/* ops.c: lists, and where their members come from and go. */
/* NULL: there is no memory. */
struct op *op_new(struct iscsi_context *iscsi, iscsi_command_cb cb, void *private_data);
void op_move(struct op *op, enum op_state state);
/* The one that carries this task out, or is to; NULL: it is done. */
struct op *op_of(const struct iscsi_context *iscsi, const struct scsi_task *task);
struct op *op_numbered(const struct iscsi_context *iscsi, uint32_t itt);
/* It has come to its end: its callback will be told so. */
void op_ready(struct op *op, int status);
/* Makes the callback of the next one that is ready. */
void op_deliver(struct iscsi_context *iscsi);
void ops_free(struct iscsi_context *iscsi);

/* transfer.c: one command between the caller's structures and the library's. */
bool transfer_begin(struct op *op, struct berth_io *io);
int transfer_end(struct op *op, const struct berth_done *done); /* the status */

/* io.c */
int io_send(struct op *op, int lun, struct scsi_task *task, const struct iscsi_data *data);
/* Works on the session, and makes callbacks, until `done` is set; without it, as long as there is anything to
 * do at once. 0, or -1: the session has failed. */
int io_work(struct iscsi_context *iscsi, const bool *done);
void io_cancel(struct op *op);
void io_cancel_all(struct iscsi_context *iscsi, int lun); /* NO_LUN: of all */
/* There is something to do although no byte will come. */
void io_ring(struct iscsi_context *iscsi);
void io_hung_up(struct iscsi_context *iscsi); /* there is another queue, or none */

/* session.c */
/* Everything that was under way ends with this status. */
void session_close(struct iscsi_context *iscsi, int status);
void session_failed(struct iscsi_context *iscsi, const char *why);
void session_came(struct iscsi_context *iscsi); /* what the thread has come to */

/* opening.c */
bool opening_over(const struct opening *o);

/* sync.c: a callback for whoever waits. */
struct answer {
    bool done;
    int status;
    struct scsi_task *task;
    struct iscsi_discovery_address *found;
};
void answer_cb(struct iscsi_context *iscsi, int status, void *command_data, void *private_data);
int answer_wait(struct iscsi_context *iscsi, struct answer *answer); /* 0 if its status is GOOD */

#endif
