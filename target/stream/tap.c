/* SPDX-License-Identifier: MIT */
#include "stream/tap.h"
#include <unistd.h>

static struct tap *of(struct link_filter *f)
{
    return (struct tap *)(void *)f; /* filter is its first member */
}

/* A range of a file is read again to be looked at; what cannot be read is shown as zeros. */
static void show_file(struct scan *to, const struct berth_seg *seg, uint64_t len)
{
    uint8_t piece[4096];
    for (uint64_t done = 0; done < len;) {
        uint64_t want = len - done < sizeof piece ? len - done : sizeof piece;
        ssize_t n = pread((int)seg->index, piece, want, (off_t)(seg->offset + done));
        if (n <= 0) {
            memset(piece, 0, want);
            n = (ssize_t)want;
        }
        scan_bytes(to, piece, (uint64_t)n);
        done += (uint64_t)n;
    }
}

static void show(struct scan *to, const struct berth_seg *segs, uint32_t count, uint64_t n)
{
    for (uint32_t i = 0; i < count && n > 0; i++) {
        uint64_t len = segs[i].len < n ? segs[i].len : n;
        if (segs[i].kind == BERTH_SEG_FILE)
            show_file(to, &segs[i], len);
        else
            scan_bytes(to, segs[i].base, len);
        n -= len;
    }
}

static uint32_t rx_want(struct link_filter *f, struct berth_seg *segs, uint32_t max)
{
    struct tap *t = of(f);
    t->rx_count = filter_rx_want(f->next, f->conn, segs, max < TAP_SEGS ? max : TAP_SEGS);
    memcpy(t->rx, segs, t->rx_count * sizeof *segs);
    return t->rx_count;
}

/* Shown before they are used: the staging area may move when the next filter has them. */
static void rx_done(struct link_filter *f, uint64_t n, uint64_t now)
{
    struct tap *t = of(f);
    show(t->received, t->rx, t->rx_count, n);
    filter_rx_done(f->next, f->conn, n, now);
}

static uint32_t tx_peek(struct link_filter *f, struct berth_seg *segs, uint32_t max)
{
    struct tap *t = of(f);
    t->tx_count = filter_tx_peek(f->next, f->conn, segs, max < TAP_SEGS ? max : TAP_SEGS);
    memcpy(t->tx, segs, t->tx_count * sizeof *segs);
    return t->tx_count;
}

static void tx_done(struct link_filter *f, uint64_t n)
{
    struct tap *t = of(f);
    show(t->sent, t->tx, t->tx_count, n);
    filter_tx_done(f->next, f->conn, n);
}

static bool tx_pending(const struct link_filter *f)
{
    return filter_tx_pending(f->next, f->conn);
}

static const struct link_filter_ops ops = {rx_want, rx_done, tx_peek, tx_done, tx_pending};

void tap_init(struct tap *t, struct conn *conn, struct link_filter *next, struct scan *received,
              struct scan *sent)
{
    *t = (struct tap){.filter = {&ops, next, conn}, .received = received, .sent = sent};
}
