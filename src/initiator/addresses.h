/* SPDX-License-Identifier: MIT */
/* The order in which a portal's addresses are tried. */
#ifndef INITIATOR_ADDRESSES_H
#define INITIATOR_ADDRESSES_H

#include "host/resolve.h"

/* Begins with `first` and goes on in the resolver's order, IPv4 and IPv6 taking turns (RFC 8305 4), so that a
 * host whose one half is dead is reached through the other soon. Leaves out those with a bit in `without`.
 * Returns how many there are in `order`. */
uint32_t addresses_order(const struct resolved *a, uint32_t first, uint32_t without,
                         uint8_t order[RESOLVE_MAX]);

/* Where in `a` the address is that is number `n` of `b`; 0 if it is not there. */
uint32_t addresses_find(const struct resolved *a, const struct resolved *b, uint32_t n);

#endif
