/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>
#include "cli/histogram.h"

void histogram_clear(struct histogram *h)
{
    memset(h, 0, sizeof *h);
    h->min = UINT64_MAX;
}

/* Up to 2^(BITS+1) every value has its own bucket; from there each doubling halves the resolution. */
uint32_t histogram_index(uint64_t value)
{
    uint32_t shift;
    if (value >> HISTOGRAM_TOP)
        return HISTOGRAM_BUCKETS - 1;
    if (value < 2u << HISTOGRAM_BITS)
        return (uint32_t)value;
    shift = 63u - (uint32_t)__builtin_clzll(value) - HISTOGRAM_BITS;
    return (shift << HISTOGRAM_BITS) + (uint32_t)(value >> shift);
}

uint64_t histogram_floor(uint32_t bucket)
{
    uint32_t shift;
    if (bucket < 2u << HISTOGRAM_BITS)
        return bucket;
    shift = (bucket >> HISTOGRAM_BITS) - 1;
    return (uint64_t)(bucket - (shift << HISTOGRAM_BITS)) << shift;
}

void histogram_add(struct histogram *h, uint64_t value)
{
    h->buckets[histogram_index(value)]++;
    h->count++;
    h->sum += value;
    if (value < h->min)
        h->min = value;
    if (value > h->max)
        h->max = value;
}

void histogram_merge(struct histogram *h, const struct histogram *other)
{
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        h->buckets[i] += other->buckets[i];
    h->count += other->count;
    h->sum += other->sum;
    if (other->min < h->min)
        h->min = other->min;
    if (other->max > h->max)
        h->max = other->max;
}

/* The bucket's largest value, but no more than was ever seen. */
static uint64_t top_of(const struct histogram *h, uint32_t bucket)
{
    uint64_t top = histogram_floor(bucket + 1) - 1;
    return top < h->max && bucket + 1 < HISTOGRAM_BUCKETS ? top : h->max;
}

uint64_t histogram_at(const struct histogram *h, double fraction)
{
    double wanted = ceil(fraction * (double)h->count);
    uint64_t rank = wanted < 1 ? 1 : (uint64_t)wanted, seen = 0;
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS && h->count; i++) {
        seen += h->buckets[i];
        if (seen >= rank)
            return top_of(h, i);
    }
    return h->max;
}

double histogram_mean(const struct histogram *h)
{
    return h->count ? (double)h->sum / (double)h->count : 0;
}
