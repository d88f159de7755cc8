/* SPDX-License-Identifier: MIT */
/* What one side wants of a negotiation key, as people write it: "MaxBurstLength=65536". For both roles. */
#ifndef WIRE_WISH_H
#define WIRE_WISH_H

#include "wire/keys.h"

#define WISH_FLAW_MAX   640u /* bytes of the clause that says what is wrong, with its NUL */
#define WISH_QUOTED_MAX 64u  /* bytes of what was written that are repeated in it */

/* A key that may be wished for, and how far: narrower than its row in key_rows, or the same. Of a list every
 * choice may be, in any order. */
struct wish_bound {
    enum wire_key key;
    uint32_t min, max; /* numbers and booleans */
};

/* Wants what `word` says. False if it is no wish within the bounds; `flaw` is a clause then that says what
 * would be one, and else "". */
bool wish_take(struct negotiation *n, const struct wish_bound *bounds, size_t count, const char *word,
               char flaw[WISH_FLAW_MAX]);

#endif
