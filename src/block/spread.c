/* SPDX-License-Identifier: MIT */
#include "block/spread.h"

#include <stdlib.h>

struct spread *spread_new(uint32_t lanes, uint32_t depth, uint32_t home)
{
    struct spread *s = calloc(1, sizeof *s + lanes * sizeof s->lanes[0]);
    if (!s)
        return NULL;
    s->count = lanes;
    s->home = home;
    s->share = (depth + lanes - 1) / lanes;
    list_init(&s->open);
    for (uint32_t n = 0; n < lanes; n++)
        list_push(&s->open, &s->lanes[(home + n) % lanes].open);
    return s;
}

static uint32_t number_of(const struct spread *s, struct list *open)
{
    return (uint32_t)(list_entry(open, struct spread_lane, open) - s->lanes);
}

/* Of those that are not up one has to do if there is no other: what it is given waits. */
uint32_t spread_pick(struct spread *s, bool own, bool (*up)(const void *arg, uint32_t lane), const void *arg)
{
    if (own && up(arg, s->home))
        return s->home;
    list_each (at, &s->open)
        if (up(arg, number_of(s, at)))
            return number_of(s, at);
    return list_empty(&s->open) ? s->home : number_of(s, s->open.next);
}

void spread_turn(struct spread *s, uint32_t lane)
{
    struct list *open = &s->lanes[lane].open;
    if (list_empty(open))
        return;
    list_remove(open);
    list_push(&s->open, open);
}

void spread_enter(struct spread *s, uint32_t lane)
{
    if (++s->lanes[lane].load >= s->share)
        list_remove(&s->lanes[lane].open);
}

void spread_leave(struct spread *s, uint32_t lane)
{
    struct spread_lane *l = &s->lanes[lane];
    if (--l->load < s->share && list_empty(&l->open))
        list_push(&s->open, &l->open);
}
