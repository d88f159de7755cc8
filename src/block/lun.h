/* SPDX-License-Identifier: MIT */
/* Inside of floor block: a LUN, its queues, and how one I/O becomes SCSI commands.
 *
 *   lun.c      open, close, facts     options.c    what a caller may ask for     probe.c  what the LUN says
 *   queue.c    submit and reap        command.c    I/O -> commands               sync.c   blocking wrappers
 *   outcome.c  outcomes -> errors, retries         discovery.c  SendTargets, REPORT LUNS
 *   policy.c   what each status is answered with   depth.c      how many commands at once
 *   check.c    is it still the same LUN?           questions.c  what it is asked for that
 *   binding.c  the local end of connections        notice.c     what a caller is told unasked
 *   withdrawal.c  I/Os that are wanted back        waiting.c    I/Os that wait to become commands
 *   lanes.c    several sessions as one device      reactors.c  threads of the library
 *   spread.c   which of them an I/O takes          port.c      queues of threads other than the sessions'
 *   terms.c    what may be changed of an open LUN status.c    how it stands
 *   refresh.c  asking it anew                         tally.c     what is counted */
#ifndef BLOCK_LUN_H
#define BLOCK_LUN_H

#include <berth/berth.h>
#include "base/export.h"
#include "block/check.h"
#include "block/depth.h"
#include "block/lanes.h"
#include "block/port.h"
#include "block/spread.h"
#include "initiator/initiator.h"
#include "scsi/cdb.h"
#include "scsi/identity.h"
#include "scsi/sense.h"

#define LUN_DEPTH_MAX    SESSION_DEPTH_MAX
#define LUN_TRANSFER_MAX (16u * 1024 * 1024)  /* bytes of one command when the LUN names no limit */
#define LUN_SAME_MAX     (256u * 1024 * 1024) /* bytes of one WRITE SAME when the LUN names no limit */
#define LUN_TRIES        8u /* times a command is sent again at once: unit attentions, aborts by others */
#define LUN_LOSSES       4u /* sessions that may die under a command, however long ago the first one was */
#define LUN_PAUSE_MIN_NS                                                                                     \
    (10ull * 1000000) /* before a command is sent again after BUSY or TASK SET FULL, doubling */
#define LUN_PAUSE_MAX_NS (1000ull * 1000000) /* and a quarter of jitter */
#define LUN_PAUSE_ASK_NS (100ull * 1000000)  /* of a question that all others wait for */
#define LUN_CUT_NS       (500ull * 1000000) /* for a target to let go of what a queue has sent that is freed */
#define LUN_ZEROS        (64u * 1024)       /* written over and over where WRITE SAME is missing */
#define LUN_ZERO_SEGS    64u
#define LUN_ENGINES      "there is no such engine; there are 'sockets', 'io_uring' and 'auto'"

enum lun_op { OP_ASK = BERTH_RESET + 1 }; /* beside enum berth_op: a question of our own about the LUN */

/* Where a request is, as its queue sees it. */
enum request_place {
    REQUEST_FREE,
    REQUEST_AWAY, /* with a LUN: what is not said to be the queue's is the LUN's now */
    REQUEST_BACK, /* done, and not reaped */
};

/* One I/O on its way. */
struct request {
    struct list link; /* in its queue's free, or the LUN's waiting list, or the queue's done list */
    struct berth_queue *queue;
    struct berth_lun *lun; /* the lane that it belongs to */
    struct mail mail, recall;
    uint8_t place; /* the queue's, enum request_place */
    uint8_t op;    /* what was asked for; what is under way may be the flush behind it */
    bool recalled; /* the queue's: `recall` is on its way */
    struct berth_io io;
    struct extent data;
    uint64_t issued;      /* bytes covered by commands so far */
    uint64_t begun_ns;    /* when the first one was; 0 not yet */
    uint64_t wait_until;  /* of initiator_served(): no longer is what is left of it kept; 0: not known yet */
    uint32_t outstanding; /* commands in flight */
    bool begun;           /* for operations without a length: the command was issued */
    bool sync_after;      /* FUA by a flush, where the LUN has no FUA bit */
    bool under_way;       /* submitted, and not done */
    bool cancelled;       /* nothing of it is sent any more */
    struct berth_done done;
    uint8_t cdb[SCSI_CDB_MAX]; /* OP_ASK, SCSI */
    uint64_t lun_field;        /* whose it is */
    uint8_t cdb_len, direction, attribute;
    uint32_t reply_len; /* OP_ASK: bytes received */
};

/* How zeros are written, best way first. */
enum zero_way { ZERO_UNMAP, ZERO_SAME, ZERO_DATA };

/* One SCSI command of a request; there is one per task slot. */
struct command {
    struct list link;        /* in the LUN's paused list while it waits to be sent again */
    struct request *request; /* NULL: nobody waits for it any more */
    struct task *task;
    uint64_t offset, len;      /* bytes of the LUN */
    uint64_t due_ns, pause_ns; /* while paused */
    uint64_t patience_ns;      /* when BUSY is no excuse any more; 0 not busy yet */
    uint64_t lost_ns;          /* when a session first died under it; 0 never */
    uint64_t covers;           /* a flush: so many writes were done when it was built */
    uint32_t tries, losses;
    bool counts; /* in the LUN's depth */
    bool fua;    /* written through */
    uint8_t way; /* enum zero_way, of a ZERO */
    uint8_t parameters[SCSI_UNMAP_HEADER + SCSI_UNMAP_RANGE];
    struct berth_seg seg; /* of the parameters */
};

struct berth_queue {
    struct list link; /* in the LUN's queues */
    struct berth_lun *lun;
    struct list free, done;
    uint32_t depth, outstanding, done_count;
    struct port *port; /* NULL: the sessions are on the queue's thread */
    int bell;          /* an eventfd for berth_queue_wake() where there is no port; -1: there is none */
    bool woken;
    bool internal;         /* not the caller's */
    uint32_t recalls;      /* on their way */
    struct spread *spread; /* over the lanes, if there are several */
    struct request requests[];
};

/* What is written where WRITE SAME is missing, over and over. */
struct zeros {
    uint8_t bytes[LUN_ZEROS];
    struct berth_seg list[LUN_ZERO_SEGS]; /* made when it is first needed */
};

/* Lies in pages of its own, with what is rarely touched at its end. */
struct berth_lun {
    struct initiator *initiator;
    struct berth_lun_info info;
    struct berth_detail detail;
    struct berth_options options; /* callbacks and numbers; no secrets, no strings */
    struct lanes *lanes;          /* NULL: it is the only one, on its caller's thread */
    uint32_t lane;
    struct worker *worker; /* whose thread works on it; NULL: the caller's */
    struct mail poke;
    struct berth_queue *returning_to; /* what is to leave for this queue at the end of the round */
    struct mail_bundle returning;
    struct list queues;
    struct list waiting;     /* requests with bytes not yet issued, in order */
    uint64_t wait_first;     /* none of them has to end before */
    struct list paused;      /* commands that wait for their due_ns */
    struct berth_queue *own; /* of one request, for what its thread waits for */
    struct depth depth;
    struct check check;
    uint32_t command_count;
    uint64_t lun_field;
    uint8_t zero_works, zero_refused; /* bit per enum zero_way: tried */
    uint64_t max_same_bytes;          /* of one WRITE SAME */
    uint64_t max_unmap_bytes;         /* of one UNMAP, if there is that command; 0 there is not */
    bool write_same_unmaps;           /* trim by WRITE SAME for want of UNMAP */
    bool cache_known;                 /* the LUN said whether it has a write cache */
    pid_t pid;                        /* of the process that has opened it */
    bool closing;
    bool shut_out; /* by the command window, as of the last round */
    uint8_t state; /* enum berth_state, since: */
    uint64_t state_ns;
    uint64_t completed;
    uint64_t writes;        /* that were done, not with FUA */
    uint64_t durable;       /* without lanes: so many of them are sure to be on the medium */
    uint64_t lost_writes;   /* times */
    struct berth_done loss; /* of the last of them, until a flush has told of it */
    struct scsi_inquiry inquiry;
    struct scsi_designator designator; /* the one that `identity` has in words; type 0: none */
    uint8_t pages;                     /* bit per row of probe.c: the LUN has it */
    uint8_t mode_page;                 /* that MODE SENSE knows; 0 none */
    bool short_capacity;               /* READ CAPACITY(10) for want of (16) */
    char serial[256], identity[SCSI_DESIGNATOR_MAX * 2 + 8], portal[ADDRESS_MAX + 16];
    char vendor[9], product[17], revision[5];
    struct berth_negotiated negotiated[KEY_COUNT];
    struct zeros *zeros;
    struct tally *tally;       /* in pages of its own: an idle LUN never touches them */
    struct command commands[]; /* by task slot */
};

/* What a LUN is reached through; NULL: sockets and the system's resolver. */
struct lun_world {
    struct engine *engine; /* borrowed */
    int (*resolve)(const struct portal *p, struct resolved *out, const char **why);
    uint64_t seed; /* see struct initiator_config */
};

/* lun.c */
/* Logs in only; berth_lun_close() for the result. */
int lun_connect(struct berth_lun **out, const struct url *url, const struct berth_options *options,
                const struct lun_world *world, struct berth_detail *detail);
/* berth_lun_open() in a given world. */
int lun_open(struct berth_lun **out, const char *text, const struct berth_options *options,
             const struct lun_world *world, struct berth_detail *detail);
/* The same at a place: a lane that has been opened, and does not yet come back when it is lost. */
int lun_open_at(struct berth_lun **out, const struct url *url, const struct berth_options *options,
                const struct lun_place *place, struct berth_detail *detail);
void lun_keep(struct berth_lun *lun);
/* Begins to log out; does so and gives up the session; frees what is left. */
void lun_leave(struct berth_lun *lun);
/* We are a child of the process that opened it, whose session it is. */
bool lun_is_inherited(const struct berth_lun *lun);
void lun_end(struct berth_lun *lun);
void lun_free(struct berth_lun *lun);
void lun_stats(const struct berth_lun *lun, struct berth_stats *stats);
int lun_say(struct berth_detail *detail, int error, const char *text); /* returns error */
int lun_tell(struct berth_lun *lun, int error,
             const char *text); /* the same, where berth_lun_detail() looks */

/* terms.c */
uint64_t lun_recovery_ns(const struct berth_lun *lun);
struct berth_policy terms_of(const struct berth_options *options);

/* Fills in a structure of the caller's that begins with its size: who was built with less of it gets less. 0,
 * or BERTH_E_ARGUMENT for a size that cannot be. */
int lun_give(void *to, const void *from, size_t most);
/* status.c: part of each round, and whenever something may have changed */
void status_tend(struct berth_lun *lun);

/* tally.c: what is counted here; all else is counted by floor initiator. */
struct tally {
    struct berth_op_counters ops[BERTH_OPS];
    uint64_t busy, task_set_full, conflicts, checks[16], other_statuses;
    uint64_t attentions;
    uint64_t shut_out, shut_out_ns, shut_out_at; /* times, for how long; since when, 0 it is not */
};
void tally_request(const struct request *r); /* it is done */
void tally_status(struct berth_lun *lun, const struct command *cmd, const struct scsi_sense *sense);
void tally_tend(struct berth_lun *lun); /* part of each round */

/* notice.c: tells the caller, who may not want to know. Without a text it has the words for its kind. */
void notice_give(const struct berth_options *options, const struct berth_notice *notice);

/* options.c: what is wrong with them, or the configuration they make. */
int options_check(struct initiator_config *config, const struct berth_options *options, const char *url_user,
                  struct berth_detail *detail);

/* binding.c: the same for the local end of connections. */
int binding_check(struct engine_bind *bind, const struct berth_options *options, struct berth_detail *detail);

/* probe.c */
int probe(struct berth_lun *lun);
int probe_identity(struct berth_lun *lun); /* what is to be known of a LUN of any kind, in any state */
void probe_session(struct berth_lun *lun); /* what the login agreed on */
/* The same with answers that are here. */
bool probe_absent(const struct scsi_inquiry *q);
bool probe_take_capacity(struct berth_lun *lun, const struct scsi_capacity *c); /* false: impossible */
void probe_take_mode(struct berth_lun *lun, const uint8_t *reply, int64_t got);
bool probe_has_page(const struct berth_lun *lun, uint8_t page);
void probe_take_page(struct berth_lun *lun, uint8_t page, const uint8_t *reply, int64_t got);

/* discovery.c: takes the address under which the target reports the LUN's number, or else that of LUN 0. */
int discovery_find_lun(struct berth_lun *lun);

/* command.c */
void command_build(struct berth_lun *lun, struct command *cmd);
void command_renew(struct berth_lun *lun, struct command *cmd); /* the LUN has changed; it is unsent */
void lun_pump(struct berth_lun *lun); /* issues what is waiting, as far as there are tasks */
bool request_issued(const struct request *r);
bool request_whole(const struct request *r); /* one command, whatever its length */
bool request_beyond(const struct berth_lun *lun, const struct request *r); /* the end of the LUN */
void request_fail(struct request *r, const struct berth_done *why);        /* unless it has failed before */
void command_issue(struct berth_lun *lun, struct request *r, struct task *task, uint64_t now);

/* waiting.c */
void waiting_begin(struct berth_lun *lun); /* the time of those that have come */
bool waiting_tend(struct berth_lun *lun);  /* ends those whose time is over: were there any? */
void waiting_renew(struct berth_lun *lun, uint64_t before_ns, uint64_t now_ns); /* the time that all have */
uint64_t waiting_due(const struct berth_lun *lun);
void waiting_fail(struct request *r, const struct berth_done *why); /* what is not issued of it never is */
void waiting_fail_with(struct request *r, int error);
void lun_fail_waiting(struct berth_lun *lun, const struct berth_done *why);

/* outcome.c: callbacks of floor initiator, and commands that wait to be sent again */
void lun_task_done(void *owner, struct task *task);
int lun_replay(void *owner, const struct task *task);
void lun_attention(void *owner, uint64_t lun_field, const struct scsi_sense *sense);
uint64_t lun_tend(void *owner);
void command_end(struct berth_lun *lun, struct command *cmd,
                 int error); /* `error` unless an earlier one tells */
void outcome_words(const struct berth_done *done, char *out, size_t size); /* of one with a status */
void outcome_say(struct berth_lun *lun, const struct berth_done *done);    /* into berth_lun_detail() */

/* queue.c */
/* What is known of the LUN, on whichever thread it was found out. */
struct bounds {
    uint32_t block_bytes;
    uint64_t size_bytes;
    bool read_only, trims, thin;
};
struct bounds lun_bounds(const struct berth_lun *lun);
/* Without a thread, or a place in a list, of its own. */
int queue_make(struct berth_queue **out, struct berth_lun *lun, uint32_t depth);
/* For any thread, of the LUN's own spare ones; to be given back, with nothing under way. */
int queue_borrow(struct berth_queue **out, struct berth_lun *lun);
void queue_give_back(struct berth_queue *q);
/* Frees one of which nothing is anywhere. */
void queue_drop(struct berth_queue *q);
/* Submits a request of the queue's that is ready. */
void queue_give(struct berth_queue *q, struct request *r);
void request_finish(struct request *r);
int queue_wait(struct berth_lun *lun, uint64_t until_ns);
uint32_t queue_collect(struct berth_queue *q, struct berth_done *done, uint32_t max);
/* A question about the LUN, not yet sent; NULL: the queue is full. */
struct request *queue_question(struct berth_queue *q, const uint8_t *cdb, uint32_t cdb_len,
                               const struct berth_seg *seg);

/* withdrawal.c */
/* Ends every I/O of the queue unreaped; nothing touches its callers' memory any more when this returns. */
void queue_cut(struct berth_queue *q);
/* The same, as far as this lane has to do with it: first it wants all back, then it waits `until` they are.
 */
void queue_recall_lane(struct berth_queue *q, struct berth_lun *lun);
void queue_cut_lane(struct berth_queue *q, struct berth_lun *lun, uint64_t until);
void request_withdraw(struct request *r);

/* sync.c: one CDB, its answer of at most `size` bytes into `reply`; returns the bytes received or an error.
 */
int64_t lun_ask(struct berth_lun *lun, const uint8_t *cdb, uint32_t cdb_len, void *reply, uint32_t size,
                struct berth_done *done);

/* discovery.c: berth_discover() in a given world. */
int lun_discover(struct berth_target **targets, const char *portal, const struct berth_options *options,
                 const struct lun_world *world, struct berth_detail *detail);

#endif
