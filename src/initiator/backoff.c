/* SPDX-License-Identifier: MIT */
/* How long to wait between attempts: not at all at first, then from milliseconds on, doubling. The jitter
 * keeps the many initiators of one target, who all lost it in the same moment, from coming back in another.
 */
#include "initiator/parts.h"

/* splitmix64: its seed comes from the system's generator when the initiator is made. */
static uint64_t some(struct initiator *i, uint64_t below)
{
    uint64_t z = i->random += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (z ^ z >> 31) % below;
}

uint64_t backoff_next(struct initiator *i)
{
    uint64_t pause = i->backoff, next = pause ? pause * 2 : INITIATOR_BACKOFF_MIN;
    i->backoff = next < INITIATOR_BACKOFF_MAX ? next : INITIATOR_BACKOFF_MAX;
    return pause ? pause / 2 + some(i, pause / 2 + 1) : 0;
}

void backoff_reset(struct initiator *i)
{
    i->backoff = 0;
}
