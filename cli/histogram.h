/* SPDX-License-Identifier: MIT */
/* Counts latencies in buckets whose width grows with their value: 64 to each power of two, so that any value
 * is known to 1.6 percent, in memory that does not grow. */
#ifndef CLI_HISTOGRAM_H
#define CLI_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_BITS    6u  /* 2^6 buckets to a power of two */
#define HISTOGRAM_TOP     42u /* values from 2^42 ns (73 minutes) on share the last bucket */
#define HISTOGRAM_BUCKETS ((HISTOGRAM_TOP - HISTOGRAM_BITS + 1) << HISTOGRAM_BITS)

struct histogram {
    uint64_t buckets[HISTOGRAM_BUCKETS];
    uint64_t count, sum, min, max;
};

void histogram_clear(struct histogram *h);
void histogram_add(struct histogram *h, uint64_t value);
void histogram_merge(struct histogram *h, const struct histogram *other); /* adds all of its values */

/* The value that `fraction` (0..1) of all values do not exceed, to the bucket's precision; 0 if there are
 * none. */
uint64_t histogram_at(const struct histogram *h, double fraction);

double histogram_mean(const struct histogram *h);

uint32_t histogram_index(uint64_t value); /* the bucket it falls into */
uint64_t
histogram_floor(uint32_t bucket); /* the smallest value of it; of HISTOGRAM_BUCKETS: the end of all */

#endif
