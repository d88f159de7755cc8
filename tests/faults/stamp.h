/* SPDX-License-Identifier: MIT */
/* What blocks hold whose fate is followed: where they belong, who wrote them and for which time, all over the
 * block, so that a block that was lost, torn, mixed or put elsewhere tells so by itself. */
#ifndef FAULTS_STAMP_H
#define FAULTS_STAMP_H

#include <stdbool.h>
#include <stdint.h>

struct stamp {
    uint64_t block;      /* its number on the LUN */
    uint64_t generation; /* of this block: 1 is the first that was written */
    uint32_t writer;
};

enum stamp_state {
    STAMP_BLANK,   /* zeros: never written */
    STAMP_SOUND,   /* all of it is of one generation */
    STAMP_DAMAGED, /* anything else */
};

/* `len` bytes, a multiple of 8 from 64 on. */
void stamp_put(uint8_t *bytes, uint32_t len, const struct stamp *s);
enum stamp_state stamp_get(const uint8_t *bytes, uint32_t len, struct stamp *s);

#define STAMP_POISON 0xdb

/* For memory that nobody has any business with: it reads as no stamp, and shows when it is touched. */
void stamp_poison(uint8_t *bytes, uint64_t len);
bool stamp_poisoned(const uint8_t *bytes, uint64_t len);

#endif
