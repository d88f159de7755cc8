/* SPDX-License-Identifier: MIT */
/* Who is to be looked after when: a heap of times. Entering, moving and taking cost the logarithm of how many
 * there are; knowing the first one costs nothing. */
#ifndef BASE_AGENDA_H
#define BASE_AGENDA_H

#include <stdint.h>

/* Embedded in whoever has something to do at a time. All zero but for the time, which is UINT64_MAX: not in
 * any agenda. */
struct agenda_entry {
    uint64_t due_ns;
    uint32_t place; /* from 1 on; 0: in no agenda */
};

struct agenda {
    struct agenda_entry **entries; /* the caller's memory, with room for everybody */
    uint32_t count;
};

static inline void agenda_entry_init(struct agenda_entry *e)
{
    *e = (struct agenda_entry){.due_ns = UINT64_MAX};
}

/* The earliest time; UINT64_MAX: there is none. */
static inline uint64_t agenda_first(const struct agenda *a)
{
    return a->count ? a->entries[0]->due_ns : UINT64_MAX;
}

/* Enters, or moves; UINT64_MAX takes it off. */
void agenda_set(struct agenda *a, struct agenda_entry *e, uint64_t due_ns);

/* Takes off the first one if its time has come, else NULL. */
struct agenda_entry *agenda_take(struct agenda *a, uint64_t now_ns);

#endif
