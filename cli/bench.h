/* SPDX-License-Identifier: MIT */
/* One measurement of a LUN: a fixed number of I/Os in flight for a fixed time, in each thread that takes
 * part. */
#ifndef CLI_BENCH_H
#define CLI_BENCH_H

#include <berth/berth.h>
#include "cli/histogram.h"
#include "cli/options.h"

#define BENCH_THREADS_MAX 64u

struct bench_slot {
    struct berth_seg seg;
    uint64_t started_ns;
    bool write;
};

/* A thread's part; after the run the first one has the results of all. */
struct bench {
    uint32_t mode;    /* enum bench_mode */
    uint32_t depth;   /* of each thread */
    uint32_t threads; /* there are so many parts */
    uint64_t block_bytes, duration_ns;
    struct berth_lun *lun;

    /* results */
    struct histogram latency; /* ns, of I/Os that succeeded */
    uint64_t reads, writes, errors;
    struct berth_done first_error;
    double seconds, cpu_us_per_io, syscalls_per_io;

    /* the run's own */
    struct berth_queue *queue;
    struct bench_slot *slots; /* `depth` of them, as of the next three */
    struct berth_io *ios;
    struct berth_done *done;
    uint8_t *memory;
    uint64_t places; /* offsets to choose from, in I/Os */
    uint64_t cursor, random;
    uint32_t in_flight;
};

/* Gets all memory; the run itself allocates nothing. Returns enum exit_status after it said what is wrong. */
int bench_prepare(struct bench *b);

/* Runs all parts at once; ends early on a signal, or when the session is lost for good. Counts are in the
 * results, errors too. */
void bench_run(struct bench *parts);

void bench_free(struct bench *b);

static inline uint64_t bench_ios(const struct bench *b)
{
    return b->reads + b->writes;
}

#endif
