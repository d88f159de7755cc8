/* SPDX-License-Identifier: MIT */
/* How long a wait looks before it sleeps: see sockets_wait.c for why. An engine has one, and its own way of
 * looking. */
#ifndef ENGINE_PATIENCE_H
#define ENGINE_PATIENCE_H

#include <stdbool.h>
#include <stdint.h>
#include "engine/engine.h"

#define PATIENCE_NS         20000ull
#define PATIENCE_MISSES_MAX 6u /* 63 waits sleep at once after so many */

struct patience {
    uint64_t left_ns; /* for looking, until something is sent again */
    uint32_t misses;  /* times in a row that it was not enough */
    uint32_t skip;    /* waits that sleep at once */
};

/* Will this wait for what comes on `links` begin with looking? To be asked once for each wait. */
bool patience_begins(struct patience *p, enum engine_wait how, const struct list *links);

/* Something was sent, so there may be an answer soon. */
static inline void patience_renew(struct patience *p)
{
    p->left_ns = PATIENCE_NS;
}

static inline void patience_spend(struct patience *p, uint64_t ns)
{
    p->left_ns -= ns < p->left_ns ? ns : p->left_ns;
}

/* Was the time enough? */
static inline void patience_learn(struct patience *p, bool hit)
{
    p->misses = hit ? 0 : p->misses < PATIENCE_MISSES_MAX ? p->misses + 1 : PATIENCE_MISSES_MAX;
    p->skip = (1u << p->misses) - 1;
}

#endif
