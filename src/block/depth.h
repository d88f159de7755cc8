/* SPDX-License-Identifier: MIT */
/* How many commands a LUN is given at once: as many as there may be, until it says that this is too much. */
#ifndef BLOCK_DEPTH_H
#define BLOCK_DEPTH_H

#include <stdbool.h>
#include <stdint.h>

#define DEPTH_QUIET_NS (100ull * 1000000) /* without a TASK SET FULL, before more are tried */
#define DEPTH_ROUNDS   4u                 /* of commands that went well, before one more is tried */

struct depth {
    uint32_t most;     /* at once, ever */
    uint32_t limit;    /* at once, now: 1..most */
    uint32_t active;   /* sent, and neither done nor waiting for a pause to end */
    uint32_t good;     /* done since the limit changed */
    uint64_t quiet_ns; /* until then no more are tried */
};

void depth_init(struct depth *d, uint32_t most);
/* So many at once, from now on; unless the LUN has said that this is too much. */
void depth_allow(struct depth *d, uint32_t most);
bool depth_room(const struct depth *d);
/* `in` remembers for one command whether it counts; entering and leaving twice is no matter. */
void depth_enter(struct depth *d, bool *in);
void depth_leave(struct depth *d, bool *in);

/* TASK SET FULL, while the command still counts: the others are as many as the LUN holds. */
void depth_fewer(struct depth *d, uint64_t now);
/* A command went well, while there are fewer. */
void depth_good(struct depth *d, uint64_t now);

#endif
