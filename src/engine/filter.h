/* SPDX-License-Identifier: MIT */
/* A filter stands between a link and its conn and sees, or changes, what passes: a witness that checks each
 * PDU, or a script that damages it. It has the conn's own four calls, so an engine cannot tell the
 * difference; filters can be stacked, the outermost (nearest the wire) first. Without one an engine talks to
 * the conn directly.
 *
 * A filter must not close its link from inside these calls: it remembers that it wants to, and the link's
 * owner does it in progress(), or when its time has come. */
#ifndef ENGINE_FILTER_H
#define ENGINE_FILTER_H

#include "proto/conn.h"

struct link_filter;

struct link_filter_ops {
    /* As conn_rx_want() and conn_rx_done(): the bytes are in the segments of the last rx_want(), in order. */
    uint32_t (*rx_want)(struct link_filter *f, struct berth_seg *segs, uint32_t max);
    void (*rx_done)(struct link_filter *f, uint64_t n, uint64_t now);
    /* As conn_tx_peek(), conn_tx_done() and conn_tx_pending(). */
    uint32_t (*tx_peek)(struct link_filter *f, struct berth_seg *segs, uint32_t max);
    void (*tx_done)(struct link_filter *f, uint64_t n);
    bool (*tx_pending)(const struct link_filter *f);
};

struct link_filter {
    const struct link_filter_ops *ops;
    struct link_filter *next; /* towards the conn; NULL: the conn is next */
    struct conn *conn;
};

/* What a filter, or a link whose outermost filter is `f`, calls to go on towards the conn; `f` may be NULL.
 */
static inline uint32_t filter_rx_want(struct link_filter *f, struct conn *c, struct berth_seg *segs,
                                      uint32_t max)
{
    return f ? f->ops->rx_want(f, segs, max) : conn_rx_want(c, segs, max);
}

static inline void filter_rx_done(struct link_filter *f, struct conn *c, uint64_t n, uint64_t now)
{
    if (f)
        f->ops->rx_done(f, n, now);
    else
        conn_rx_done(c, conn_epoch(c), n, now);
}

static inline uint32_t filter_tx_peek(struct link_filter *f, struct conn *c, struct berth_seg *segs,
                                      uint32_t max)
{
    return f ? f->ops->tx_peek(f, segs, max) : conn_tx_peek(c, segs, max);
}

static inline void filter_tx_done(struct link_filter *f, struct conn *c, uint64_t n)
{
    if (f)
        f->ops->tx_done(f, n);
    else
        conn_tx_done(c, conn_epoch(c), n);
}

static inline bool filter_tx_pending(const struct link_filter *f, const struct conn *c)
{
    return f ? f->ops->tx_pending(f) : conn_tx_pending(c);
}

#endif
