/* SPDX-License-Identifier: MIT */
/* The load under which faults are judged: jobs that write and read one LUN, each through a session of its
 * own, and what became of every I/O.
 *
 *   load.c     options, jobs, the report        job.c    one job: its I/Os and how they end
 *   verify.c   the whole LUN, read in the end   chart.c  the ledger in a file, events for who measures
 */
#ifndef FAULTS_LOAD_H
#define FAULTS_LOAD_H

#include <berth/berth.h>
#include <pthread.h>
#include <stdio.h>
#include "dice.h"
#include "ledger.h"
#include "stamp.h"

#define LOAD_UNIT     4096u /* bytes of a block of the ledger */
#define LOAD_LONG     256u  /* blocks of the longest I/O: 1 MiB */
#define LOAD_JOBS_MAX 64u
#define LOAD_DEPTH    128u
#define LOAD_WRONGS   8u /* that are told in words */
#define LOAD_ERRORS   600u

struct load_options {
    const char *urls[LOAD_JOBS_MAX]; /* of the same LUN; jobs take them in turn */
    uint32_t url_count;
    const char *ledger, *events;
    uint64_t span_bytes, seed;
    uint32_t jobs, depth, time_ms, longest_blocks, write_percent;
    uint32_t drain_ms; /* how long I/Os may take to come back in the end */
    bool verify, reopen, keep_isid, fua;
    struct berth_options lun;
};

/* The ledger in a file, which outlives whoever is killed. */
struct chart {
    struct ledger ledger;
    uint64_t run; /* how often it has been opened: a block's writer is known by it */
    void *map;
    uint64_t map_len;
};

struct slot {
    bool used, write;
    uint32_t count;
    uint64_t block, begin_ns;
    uint8_t *buf;
    struct berth_seg seg;
    uint64_t generations[LOAD_LONG];     /* of a write */
    struct ledger_view began[LOAD_LONG]; /* a read */
};

struct job {
    struct load *load;
    uint32_t number;
    pthread_t thread;
    struct dice dice;
    struct berth_lun *lun;
    struct berth_queue *queue;
    uint64_t first, blocks; /* that it writes */
    bool *writing;          /* of these: a write is under way */
    struct slot *slots;
    uint32_t flying;
    bool failed; /* the session was given up */
    uint64_t told_ns;

    uint64_t ios, bytes, errors, reconnects, opens, longest_ns, retries;
    uint64_t by_error[LOAD_ERRORS];
    uint32_t stuck; /* I/Os that never came back */
};

struct load {
    struct load_options options;
    struct chart chart;
    struct job jobs[LOAD_JOBS_MAX];
    pthread_mutex_t lock; /* of what follows */
    FILE *events;
    _Atomic uint64_t torn; /* blocks that were read while they were written, half and half */
    uint32_t wrong_count;
    char wrongs[LOAD_WRONGS][256];
};

uint64_t load_now(void);
/* A promise was broken. */
void load_wrong(struct load *l, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* chart.c. false after a sentence on standard error. */
bool chart_open(struct chart *c, const char *file, uint64_t blocks);
void chart_close(struct chart *c);
/* "o" the LUN is open, "d" an I/O is done, "e" it has failed, "l" the session is lost, "b" it is back. Done
 * ones at most once a millisecond, and the first after a pause always. */
void chart_event(struct job *j, char what);

/* job.c */
void job_run(struct job *j);
bool job_open(struct job *j, struct berth_detail *why);
void job_close(struct job *j);
bool judge_block(struct load *l, uint64_t block, const struct ledger_view *began, const uint8_t *bytes);

/* verify.c */
bool verify(struct load *l);

#endif
