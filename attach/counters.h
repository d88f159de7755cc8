/* SPDX-License-Identifier: MIT */
/* How often, how much, how long: counted by many threads at once without a lock, each in one of a few shards.
 */
#ifndef ATTACH_COUNTERS_H
#define ATTACH_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>
#include "attach/attachment.h"

#define COUNTERS_SHARDS 8u

/* By powers of two from 1 us on; the last has all that took longer than 67 s. */
#define COUNTERS_BUCKETS 28u

struct counters_op {
    _Atomic uint64_t count, bytes, errors, ns;
    _Atomic uint64_t buckets[COUNTERS_BUCKETS];
};

struct counters_shard {
    struct counters_op ops[ATTACHMENT_OPS];
    uint8_t apart[64]; /* so that neighbours share no cache line */
};

struct counters {
    struct counters_shard shards[COUNTERS_SHARDS];
};

struct counters_sum {
    uint64_t count, bytes, errors, ns;
    uint64_t buckets[COUNTERS_BUCKETS];
};

void counters_add(struct counters *c, enum attachment_op op, uint64_t bytes, uint64_t ns, int error);
struct counters_sum counters_of(const struct counters *c, enum attachment_op op);
/* What falls into it took less than that; the last: UINT64_MAX. */
uint64_t counters_bucket_ns(uint32_t bucket);
/* The end of the bucket that holds the given fraction (0..1) of all; 0 if there are none. */
uint64_t counters_at(const struct counters_sum *sum, double fraction);
const char *counters_word(enum attachment_op op);

#endif
