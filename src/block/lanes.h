/* SPDX-License-Identifier: MIT */
/* Several sessions to one LUN as one device. Each of them, a lane, is a struct berth_lun with everything that
 * it takes to bring commands to their end; here is what they have in common.
 *
 * An I/O is given to a lane when it is submitted and stays there for life: a write whose session has died
 * waits for that session to come back and ends the old one at the target, and is never sent on a sibling,
 * where it could overtake its own older copy. What one lane finds out about the device holds for all: that it
 * is another one, that it has another size, that it lost what it had acknowledged. A lane that has failed for
 * good takes the others with it, because nobody knows what of its commands is still to happen. */
#ifndef BLOCK_LANES_H
#define BLOCK_LANES_H

#include <berth/berth.h>
#include <pthread.h>
#include <stdatomic.h>
#include "base/list.h"
#include "initiator/url.h"
#include "wire/keys.h"

#define LANES_MAX 512u

struct lun_world;
struct worker;

/* What berth_lun_stats() tells, of one lane, for other threads: as of the end of a round. */
struct lane_counters {
    _Atomic uint64_t syscalls, rx_bytes, tx_bytes, commands, retries, lost_writes, writes;
};

/* What submitting has to know of the device, for other threads than those that find it out. */
struct lanes_facts {
    _Atomic uint64_t size_bytes;
    _Atomic bool read_only, trims, thin;
};

/* What a lane tells the others. */
struct lane_state {
    struct lane_counters counters;
    _Atomic bool up;      /* it takes commands now */
    _Atomic bool recheck; /* it is to look at the device again */
    _Atomic bool poked;   /* the letter that says so is on its way */
    /* Under the lock: */
    bool away; /* its session is lost, and that has been told */
    uint64_t reconnects;
    uint32_t checks; /* struct check's `turns` and `found` */
    int found;
};

struct lanes {
    struct berth_lun *luns[LANES_MAX]; /* the first one is the caller's handle */
    uint32_t count, room;              /* open; there are to be */
    bool threaded;                     /* each lane belongs to a worker's thread; else all to the caller's */
    uint32_t block_bytes;              /* of the device */
    bool (*cancelled)(void *arg);      /* the caller's, see struct berth_options */
    void *cancelled_arg;
    struct lanes_facts facts;
    _Atomic uint64_t durable; /* so many of the writes of all are sure to be on the medium */
    _Atomic bool fenced;
    _Atomic bool complete;    /* all are open */
    _Atomic uint32_t feeders; /* queues of the caller's */

    /* Guards what follows. Notices are given under it, so that there is one at a time; who hears them may ask
     * for facts, so it may be taken again by who has it. */
    pthread_mutex_t lock;
    pthread_mutex_t
        changes;          /* of the policy, one after the other; taken before `lock`, and by callers alone */
    pthread_cond_t heard; /* a check has come to an end, or everything has */
    struct berth_done fence; /* with this everything ends */
    struct berth_done loss;  /* until a flush has told of it */
    bool gone;               /* the device is, and that has been told */
    bool failed;             /* a session was given up, and that has been told */
    uint64_t told_size;
    char why[sizeof((struct berth_detail *)NULL)->text]; /* of the last session that was lost, or failed */
    struct berth_lun_info latest, shown;     /* as the first lane knows it; as the caller saw it */
    struct berth_negotiated rows[KEY_COUNT]; /* of `latest`, as of what follows */
    char alias[256], portal[272];
    struct berth_negotiated shown_rows[KEY_COUNT];
    char shown_alias[256], shown_portal[272];
    struct berth_policy policy; /* in force */
    struct berth_detail detail; /* of the last call that failed */
    struct list spare;          /* queues for calls that wait */
    struct list queues;         /* the caller's and the spare ones that are in use */
    uint32_t next_home;
    struct lane_state of[]; /* `room` of them */
};

/* Opens them all; the result is closed with berth_lun_close(). */
int lanes_open(struct berth_lun **out, const struct url *url, const struct berth_options *options,
               const struct lun_world *world, struct berth_detail *detail);
void lanes_close(struct lanes *all);

/* What makes a lane one. All zero: the only session, on its caller's thread, in the real world. */
struct lun_place {
    struct lanes *lanes;
    uint32_t lane;
    struct worker *worker;
    const struct lun_world *world;
};

/* --- from a lane's thread, also where it is the only one --- */

/* Told once, however many lanes find it out. */
void lanes_notice(struct berth_lun *lun, const struct berth_notice *notice);
/* The LUN lost what it had acknowledged; and the next flush, of whichever lane, that is to tell of it. */
void lanes_note_loss(struct berth_lun *lun, const struct berth_done *loss);
bool lanes_take_loss(struct berth_lun *lun, struct berth_done *out);
/* Writes that were done, and not with FUA: a flush covers those of all lanes. Each counts its own before it
 * tells of them. */
uint64_t lanes_writes(const struct berth_lun *lun);
void lanes_count_writes(const struct berth_lun *lun);
void lanes_flushed(struct berth_lun *lun, uint64_t writes);
bool lanes_unflushed(const struct berth_lun *lun); /* are there any that no flush has covered? */
/* Everything ends with this, on all of them. */
void lanes_fence(struct berth_lun *lun, const struct berth_done *why);
/* A check has come to its end. */
void lanes_checked(struct berth_lun *lun);
/* The device has another size: the others are to look, too. */
void lanes_recheck(struct berth_lun *lun);
/* What is known of the session and the device may be new. */
void lanes_publish(struct berth_lun *lun);
/* Part of each round: hears what the others have found, tells how it stands. */
void lanes_tend(struct berth_lun *lun);
void lanes_poked(struct berth_lun *lun);

/* --- from the caller's threads --- */

/* Has `what` done for each lane, on its thread; which must not wait. Returns the first error. */
int lanes_ask(struct lanes *all, int (*what)(struct berth_lun *lun, void *arg), void *arg);
int lanes_ask_one(struct lanes *all, uint32_t lane, int (*what)(struct berth_lun *lun, void *arg), void *arg);
/* Waits for the end of a check of each lane, that is for another number of them than `before`, or for the end
 * of everything. Returns what was found, or BERTH_E_TIMEOUT, or BERTH_E_ABORTED when the caller has had
 * enough. */
int lanes_await_checks(struct lanes *all, const uint32_t *before, uint32_t timeout_ms);
struct berth_policy lanes_policy(const struct lanes *all);
void lanes_set_policy(struct lanes *all, const struct berth_policy *policy);

/* Whether each queue has a lane of its own, and which lanes take commands now. */
bool lanes_have_own(const struct lanes *all);
bool lanes_up(const void *lanes, uint32_t lane);
const struct berth_lun_info *lanes_show(struct lanes *all);
void lanes_stats(const struct lanes *all, struct berth_stats *stats);
/* Into the caller's detail; returns the error. NULL: the error's own words, or why the session was lost. */
int lanes_say(struct lanes *all, int error, const char *text);

#endif
