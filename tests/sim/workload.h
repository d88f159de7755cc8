/* SPDX-License-Identifier: MIT */
/* A fixed mixture of commands over a pair, with a model of what the disk must hold in the end: writes, reads
 * of what was there before, errors with sense. Every command has a region of its own, so that any order gives
 * the same result, and buffers that may move. */
#ifndef SIM_WORKLOAD_H
#define SIM_WORKLOAD_H

#include "pair.h"

#define WORKLOAD_OPS PAIR_DEPTH

struct op {
    char kind; /* 'R', 'W', 'E' */
    uint32_t offset, len;
    uint8_t *buf;
    struct task *task;
    uint32_t done; /* times its task was reaped */
};

struct workload {
    struct pair *pair;
    struct op ops[WORKLOAD_OPS];
    uint32_t count;
    uint8_t model[PAIR_DISK];
};

/* Fills the disk with a pattern. */
struct workload *workload_new(struct pair *p);
void workload_free(struct workload *w);
/* Adds and submits a command. */
struct op *workload_add(struct workload *w, char kind, uint32_t len);
/* A bit of everything: sizes around segments and bursts, each way. */
void workload_mix(struct workload *w, uint32_t count, uint32_t len);
/* Reaps what is done. */
void workload_reap(struct workload *w);
/* Every command done exactly once, with the right outcome and data, and nothing else changed. */
void workload_check(struct workload *w);
/* Returns the tasks to the session, so that the operations can be added anew. */
void workload_clear(struct workload *w);

/* For session_thaw(): puts the task of a new session in place of the old, with its buffer somewhere else. */
bool workload_rebind(void *owner, struct task *task);

#endif
