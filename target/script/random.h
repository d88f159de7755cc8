/* SPDX-License-Identifier: MIT */
/* Chance that can be repeated: a small generator (splitmix64) with its whole state in one number. */
#ifndef SCRIPT_RANDOM_H
#define SCRIPT_RANDOM_H

#include <stdint.h>

static inline uint64_t random_next(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* A number from `first` to `last`, both included. */
static inline uint64_t random_between(uint64_t *state, uint64_t first, uint64_t last)
{
    uint64_t span = last - first + 1;
    uint64_t r = random_next(state);
    return span == 0 ? r : first + r % span;
}

#endif
