/* SPDX-License-Identifier: MIT */
#include "block/depth.h"

void depth_init(struct depth *d, uint32_t most)
{
    *d = (struct depth){.most = most, .limit = most};
}

void depth_allow(struct depth *d, uint32_t most)
{
    bool fewer = d->limit < d->most;
    if (!fewer || d->limit > most)
        d->limit = most;
    d->most = most;
}

bool depth_room(const struct depth *d)
{
    return d->active < d->limit;
}

void depth_enter(struct depth *d, bool *in)
{
    d->active += !*in;
    *in = true;
}

void depth_leave(struct depth *d, bool *in)
{
    d->active -= *in;
    *in = false;
}

void depth_fewer(struct depth *d, uint64_t now)
{
    uint32_t others = d->active > 1 ? d->active - 1 : 1;
    if (others < d->limit)
        d->limit = others;
    d->good = 0;
    d->quiet_ns = now + DEPTH_QUIET_NS;
}

void depth_good(struct depth *d, uint64_t now)
{
    if (now < d->quiet_ns || ++d->good < d->limit * DEPTH_ROUNDS)
        return;
    d->limit += d->limit < d->most;
    d->good = 0;
}
