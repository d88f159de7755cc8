/* SPDX-License-Identifier: MIT */
/* Numbers as scripts write them. Every function takes a whole word and says false to anything else. */
#ifndef SCRIPT_UNITS_H
#define SCRIPT_UNITS_H

#include <stdbool.h>
#include <stdint.h>

#define UNITS_TIME_MAX (86400ull * 1000000000) /* a day, in ns */

/* Both ends are included. */
struct range {
    uint64_t first, last;
};

#define RANGE_ALL ((struct range){0, UINT64_MAX})

static inline bool range_has(struct range r, uint64_t value)
{
    return value >= r.first && value <= r.last;
}

bool units_number(const char *word, uint64_t *value);                /* decimal, or 0x hexadecimal */
bool units_size(const char *word, uint64_t *bytes);                  /* K, M, G */
bool units_time(const char *word, uint64_t *ns);                     /* us, ms, s, m; at most a day */
bool units_range(const char *word, struct range *r);                 /* N, N..M, N.. */
bool units_time_range(const char *word, struct range *ns);           /* 5ms, 5ms..2s */
bool units_ratio(const char *word, uint64_t *part, uint64_t *whole); /* 1/50: 0 < part <= whole */

#endif
