/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "stub_conn.h"
#include "base/seg.h"

#define PERIOD 65521u /* prime, so that no power of two shifts it onto itself */

/* The period and a run-over, so that up to PERIOD bytes can be had in one piece from anywhere. */
static const uint8_t *pattern(void)
{
    static uint8_t bytes[2 * PERIOD];
    static bool made;
    uint32_t x = 12345;
    for (size_t i = 0; !made && i < PERIOD; i++) {
        x = x * 1664525u + 1013904223u;
        bytes[i] = bytes[i + PERIOD] = (uint8_t)(x >> 24);
    }
    made = true;
    return bytes;
}

static const uint8_t *pattern_at(uint32_t seed, uint64_t at)
{
    return pattern() + (at + seed * 7919ull) % PERIOD;
}

void stub_pattern(uint32_t seed, uint64_t at, void *out, size_t n)
{
    for (size_t done = 0; done < n;) {
        size_t piece = n - done < PERIOD ? n - done : PERIOD;
        memcpy((uint8_t *)out + done, pattern_at(seed, at + done), piece);
        done += piece;
    }
}

void stub_init(struct conn *c)
{
    memset(c, 0, sizeof *c);
    c->tx_seg = 4096;
    c->rx_seg = 65536;
    c->rx_segs = 1;
    c->rx_gate = UINT64_MAX;
}

void stub_echo(struct conn *c)
{
    stub_init(c);
    c->echo = true;
}

void stub_free(struct conn *c)
{
    free(c->staging);
    c->staging = NULL;
}

void stub_push(struct conn *c, uint64_t n)
{
    c->tx_end += n;
}

uint32_t conn_epoch(const struct conn *c)
{
    return c->epoch;
}

/* The parts of a ring from `at`, `n` bytes long, as one or two segments. */
static uint32_t ring_segs(struct conn *c, uint32_t at, uint32_t n, struct berth_seg *segs)
{
    uint32_t first = n < STUB_RING - at ? n : STUB_RING - at;
    segs[0] = seg_memory(c->ring + at, first);
    segs[1] = seg_memory(c->ring, n - first);
    return n == 0 ? 0 : n > first ? 2 : 1;
}

static uint32_t pattern_want(struct conn *c, struct berth_seg *segs, uint32_t max)
{
    uint32_t count = c->rx_segs < max ? c->rx_segs : max;
    if (c->rx_at >= c->rx_gate && c->tx_at < c->rx_gate)
        return 0;
    if (!c->staging)
        c->staging = malloc((size_t)c->rx_seg * c->rx_segs);
    for (uint32_t i = 0; i < count; i++)
        segs[i] = seg_memory(c->staging + (size_t)i * c->rx_seg, c->rx_seg);
    return count;
}

uint32_t conn_rx_want(struct conn *c, struct berth_seg *segs, uint32_t max)
{
    assert_true(max >= 2);
    uint32_t count =
        c->echo ? ring_segs(c, (c->ring_head + c->ring_len) % STUB_RING, STUB_RING - c->ring_len, segs)
                : pattern_want(c, segs, max);
    c->rx_wanted = segs_len(segs, count);
    return count;
}

static void check_staged(struct conn *c, uint64_t n)
{
    uint8_t *expect = malloc(n);
    stub_pattern(c->rx_seed, c->rx_at, expect, n);
    if (memcmp(expect, c->staging, n) != 0)
        c->mismatch = true;
    free(expect);
}

void conn_rx_done(struct conn *c, uint32_t epoch, uint64_t n, uint64_t now)
{
    assert_int_equal(epoch, c->epoch);
    assert_true(n > 0 && n <= c->rx_wanted);
    assert_true(now >= c->last_now && now > 0);
    c->last_now = now;
    c->rx_wanted = 0;
    if (c->echo)
        c->ring_len += (uint32_t)n;
    else
        check_staged(c, n);
    c->rx_at += n;
}

static uint32_t pattern_peek(const struct conn *c, struct berth_seg *segs, uint32_t max)
{
    uint32_t count = 0;
    for (uint64_t at = c->tx_at; at < c->tx_end && count < max; count++) {
        uint64_t wish = c->tx_lens ? c->tx_lens[count % STUB_LENS] : c->tx_seg;
        uint64_t most = wish < PERIOD ? wish : PERIOD;
        uint64_t n = c->tx_end - at < most ? c->tx_end - at : most;
        segs[count] = seg_memory(pattern_at(c->tx_seed, at), n);
        segs[count].kind = c->tx_kind;
        if (c->tx_file && at / c->tx_seg % 2)
            segs[count] = (struct berth_seg){
                .kind = BERTH_SEG_FILE, .index = (uint32_t)c->tx_file, .offset = at, .len = n};
        at += n;
    }
    return count;
}

uint32_t conn_tx_peek(struct conn *c, struct berth_seg *segs, uint32_t max)
{
    assert_true(max >= 2);
    uint32_t count = c->echo ? ring_segs(c, c->ring_head, c->ring_len, segs) : pattern_peek(c, segs, max);
    c->tx_offered = segs_len(segs, count);
    return count;
}

void conn_tx_done(struct conn *c, uint32_t epoch, uint64_t n)
{
    assert_int_equal(epoch, c->epoch);
    assert_true(n > 0 && n <= c->tx_offered);
    c->tx_offered = 0;
    c->tx_at += n;
    if (!c->echo)
        return;
    c->ring_head = (c->ring_head + (uint32_t)n) % STUB_RING;
    c->ring_len -= (uint32_t)n;
}

bool conn_rx_news(struct conn *c)
{
    return c->rx_at >= c->rx_dull;
}

uint64_t conn_rx_due(const struct conn *c, uint64_t enough)
{
    return c->rx_due < enough ? c->rx_due : enough;
}

bool conn_tx_gathers(const struct conn *c)
{
    return c->gathers;
}

bool conn_tx_pending(const struct conn *c)
{
    return c->echo ? c->ring_len > 0 : c->tx_at < c->tx_end;
}

bool conn_tx_news(const struct conn *c)
{
    return !c->quiet;
}

void conn_background_rx(struct conn *c, bool on)
{
    c->background = on;
}
