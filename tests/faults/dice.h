/* SPDX-License-Identifier: MIT */
/* Chance from a seed: splitmix64, a counter in odd steps whose bits are well stirred. */
#ifndef FAULTS_DICE_H
#define FAULTS_DICE_H

#include <stdint.h>

struct dice {
    uint64_t state;
};

static inline uint64_t dice_throw(struct dice *d)
{
    uint64_t z = d->state += 0x9e3779b97f4a7c15ull;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

/* 0 to `below` - 1; 0 if there is no such number. */
static inline uint64_t dice_below(struct dice *d, uint64_t below)
{
    return below ? dice_throw(d) % below : 0;
}

/* Both ends are possible. */
static inline uint64_t dice_between(struct dice *d, uint64_t first, uint64_t last)
{
    return first + dice_below(d, last - first + 1);
}

#endif
