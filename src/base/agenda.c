/* SPDX-License-Identifier: MIT */
#include "base/agenda.h"

#include <stdbool.h>
#include <stddef.h>

static void put(struct agenda *a, uint32_t at, struct agenda_entry *e)
{
    a->entries[at] = e;
    e->place = at + 1;
}

static bool before(const struct agenda *a, uint32_t left, uint32_t right)
{
    return a->entries[left]->due_ns < a->entries[right]->due_ns;
}

static void swap(struct agenda *a, uint32_t left, uint32_t right)
{
    struct agenda_entry *e = a->entries[left];
    put(a, left, a->entries[right]);
    put(a, right, e);
}

static void rise(struct agenda *a, uint32_t at)
{
    for (uint32_t above; at > 0 && before(a, at, above = (at - 1) / 2); at = above)
        swap(a, at, above);
}

static void sink(struct agenda *a, uint32_t at)
{
    for (uint32_t below; (below = 2 * at + 1) < a->count; at = below) {
        if (below + 1 < a->count && before(a, below + 1, below))
            below++;
        if (!before(a, below, at))
            return;
        swap(a, at, below);
    }
}

static void take_off(struct agenda *a, struct agenda_entry *e)
{
    uint32_t at = e->place - 1, last = --a->count;
    agenda_entry_init(e);
    if (at == last)
        return;
    put(a, at, a->entries[last]);
    rise(a, at);
    sink(a, at);
}

void agenda_set(struct agenda *a, struct agenda_entry *e, uint64_t due_ns)
{
    if (due_ns == UINT64_MAX) {
        if (e->place)
            take_off(a, e);
        return;
    }
    e->due_ns = due_ns;
    if (!e->place)
        put(a, a->count++, e);
    rise(a, e->place - 1);
    sink(a, e->place - 1);
}

struct agenda_entry *agenda_take(struct agenda *a, uint64_t now_ns)
{
    if (agenda_first(a) > now_ns || a->count == 0)
        return NULL;
    struct agenda_entry *first = a->entries[0];
    take_off(a, first);
    return first;
}
