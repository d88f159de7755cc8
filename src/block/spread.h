/* SPDX-License-Identifier: MIT */
/* How the I/Os of one queue are spread over the sessions of its LUN. Where there are at least as many queues
 * as sessions, each queue has its own one. Else a run of I/Os goes to one session as long as that has not got
 * its share of the queue's depth, and the next run begins with the next session. */
#ifndef BLOCK_SPREAD_H
#define BLOCK_SPREAD_H

#include <stdbool.h>
#include <stdint.h>
#include "base/list.h"

struct spread_lane {
    struct list open; /* in the list of those that have not got their share */
    uint32_t load;    /* I/Os of the queue there, until they are reaped */
};

struct spread {
    uint32_t home, share, count;
    struct list open; /* in the order in which they are next */
    struct spread_lane lanes[];
};

/* Memory of its own, for free(); NULL: there is none. */
struct spread *spread_new(uint32_t lanes, uint32_t depth, uint32_t home);

/* The lane for the next I/O. `own`: only home, while that is up; `up` says which lanes are. */
uint32_t spread_pick(struct spread *s, bool own, bool (*up)(const void *arg, uint32_t lane), const void *arg);
static inline bool spread_has_room(const struct spread *s, uint32_t lane)
{
    return s->lanes[lane].load < s->share;
}
void spread_turn(struct spread *s, uint32_t lane); /* a run that went there is over */

void spread_enter(struct spread *s, uint32_t lane);
void spread_leave(struct spread *s, uint32_t lane);

#endif
