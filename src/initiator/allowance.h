/* SPDX-License-Identifier: MIT */
/* Where a redirect may lead: "follow" (anywhere), "none", or a list of hosts and networks. */
#ifndef INITIATOR_ALLOWANCE_H
#define INITIATOR_ALLOWANCE_H

#include "host/resolve.h"

#define ALLOWANCE_MAX 32u /* hosts and networks */

struct allowance_row {
    char name[ADDRESS_MAX + 1]; /* of a host; "" for a network */
    uint8_t network[16];        /* IPv4 in its first four bytes */
    uint8_t bits;               /* of it that count */
    sa_family_t family;
};

struct allowance {
    bool everywhere;
    uint32_t count;
    struct allowance_row rows[ALLOWANCE_MAX];
};

/* "follow" (or NULL), "none", or "HOST,ADDRESS,NETWORK/BITS,...". NULL, or what is wrong. */
const char *allowance_parse(struct allowance *a, const char *text);

/* Only what is there: memory that nobody has written to costs nothing. */
void allowance_copy(struct allowance *to, const struct allowance *from);

/* Whether the host is named in the list; then its addresses do not matter. */
bool allowance_names(const struct allowance *a, const char *host);

/* Takes out of `found` what lies in none of the networks. */
void allowance_filter(const struct allowance *a, struct resolved *found);

#endif
