/* SPDX-License-Identifier: MIT */
#include "base/slots.h"

#define NO_SLOT         0xffffu
#define GENERATION_MASK ((1u << GENERATION_BITS) - 1)

void slots_init(struct slots *s, uint16_t *mem, uint16_t count)
{
    *s = (struct slots){.next = mem, .generation = mem + count, .count = count};
    for (uint16_t i = 0; i < count; i++) {
        s->next[i] = i + 1u < count ? (uint16_t)(i + 1) : (uint16_t)NO_SLOT;
        s->generation[i] = 0;
    }
    s->free = count ? 0 : (uint16_t)NO_SLOT;
}

int slots_take(struct slots *s)
{
    uint16_t slot = s->free;
    if (slot == NO_SLOT)
        return -1;
    s->free = s->next[slot];
    s->generation[slot] = (uint16_t)((s->generation[slot] + 1u) & GENERATION_MASK);
    s->taken++;
    return slot;
}

void slots_give(struct slots *s, uint16_t slot)
{
    s->generation[slot] = (uint16_t)((s->generation[slot] + 1u) & GENERATION_MASK);
    s->next[slot] = s->free;
    s->free = slot;
    s->taken--;
}

uint32_t slots_tag(const struct slots *s, uint16_t slot)
{
    return (uint32_t)s->generation[slot] << SLOT_BITS | slot;
}

int slots_find(const struct slots *s, uint32_t tag)
{
    uint32_t slot = tag & ((1u << SLOT_BITS) - 1);
    uint32_t generation = tag >> SLOT_BITS;
    if (slot >= s->count || generation != s->generation[slot] || !(generation & 1))
        return -1;
    return (int)slot;
}
