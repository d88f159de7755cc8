/* SPDX-License-Identifier: MIT */
/* A target in a child process and an initiator in this one, with the heap of each under watch. */
#ifndef COUNTED_RIG_H
#define COUNTED_RIG_H

#include <berth/berth.h>
#include <sys/types.h>
#include "heap.h"

#define RIG_DEPTH     32u
#define RIG_IO_MAX    (1024u * 1024)
#define RIG_LUN_BYTES (64u * 1024 * 1024)

struct rig {
    pid_t target;
    int stop;                 /* closing it ends the target, so the end of this process does too */
    struct heap_counts *heap; /* [0] ours, [1] the target's */
    char url[512];
    struct berth_lun *lun;
    struct berth_queue *queue;
    struct berth_seg segs[RIG_DEPTH];
    uint8_t *memory;
    uint32_t depth; /* I/Os in flight: RIG_DEPTH, or what the test makes of it */
    /* To be set before rig_start() by who wants it otherwise, all else 0. */
    const char *key;            /* of the target's negotiation; NULL: none */
    uint32_t wait;              /* enum berth_wait */
    uint32_t sessions, threads; /* to the LUN; of the library. 0: one, and none */
    struct berth_reactors *reactors;
};

/* Serves `store` (as in `berth serve --lun`) and opens it. Failures end the test. */
void rig_start(struct rig *r, const char *store, bool digests);
void rig_stop(struct rig *r);

/* Carries out `count` I/Os all over the LUN, `depth` of them in flight. */
void rig_run(struct rig *r, enum berth_op op, uint32_t len, uint32_t count);

#endif
