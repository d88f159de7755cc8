/* SPDX-License-Identifier: MIT */
/* Map of small integers to slots with generations: the shape of every tag that travels to a peer and back.
 * A tag is slot | generation << SLOT_BITS; a tag from the wire is looked up in O(1) and is refused when its
 * generation is not the slot's present one, so that an answer to yesterday's task never finds today's. */
#ifndef BASE_SLOTS_H
#define BASE_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

#define SLOT_BITS       12u
#define GENERATION_BITS 12u
#define SLOTS_MAX       ((1u << SLOT_BITS) - 1) /* the last slot stays unused: no tag is all ones */

struct slots {
    uint16_t *next;       /* free list through the slots */
    uint16_t *generation; /* odd while the slot is taken */
    uint16_t count;
    uint16_t free;
    uint16_t taken;
};

/* Number of uint16_t that slots_init() needs at `mem` for `count` slots. */
#define SLOTS_MEM(count) (2 * (count))

void slots_init(struct slots *s, uint16_t *mem, uint16_t count);

/* Takes a slot; returns it, or -1 when none is left. */
int slots_take(struct slots *s);

/* Gives a taken slot back; tags made from it are dead from now on. */
void slots_give(struct slots *s, uint16_t slot);

static inline bool slots_taken(const struct slots *s, uint32_t slot)
{
    return s->generation[slot] & 1;
}

/* The tag of a taken slot. */
uint32_t slots_tag(const struct slots *s, uint16_t slot);

/* The taken slot that `tag` names, or -1. Bits above SLOT_BITS + GENERATION_BITS must be zero. */
int slots_find(const struct slots *s, uint32_t tag);

#endif
