/* SPDX-License-Identifier: MIT */
/* A filter that changes nothing and shows every byte that passes a link, in both directions, to two scans. It
 * sits outermost: what it sees is what is on the wire. */
#ifndef STREAM_TAP_H
#define STREAM_TAP_H

#include "engine/filter.h"
#include "stream/scan.h"

#define TAP_SEGS 256u

struct tap {
    struct link_filter filter; /* attach this */
    struct scan *received, *sent;
    uint32_t rx_count, tx_count;
    struct berth_seg rx[TAP_SEGS], tx[TAP_SEGS];
};

/* `next` may be NULL: then the conn is next. The scans are the caller's. */
void tap_init(struct tap *t, struct conn *conn, struct link_filter *next, struct scan *received,
              struct scan *sent);

#endif
