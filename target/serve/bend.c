/* SPDX-License-Identifier: MIT */
/* The filter that bends a session's bytes, and what becomes of the session by it. */
#include "serve/stage.h"
#include <stdlib.h>

#define SEGS 64u

static struct bend *of(const struct link_filter *f)
{
    return (struct bend *)(uintptr_t)f; /* filter is its first member */
}

static uint64_t now_of(const struct bend *b)
{
    return engine_now(b->ts->target->engine);
}

/* --- between bender and core --- */

/* What the core does not take now it takes after it has sent something. */
static void pump_in(struct bend *b, uint64_t now)
{
    struct berth_seg seg;
    while (bender_peek(b->bender, &b->bender->target, &seg, 1, now) > 0) {
        uint64_t taken = conn_feed(b->filter.conn, seg.base, seg.len, now);
        if (taken == 0)
            return;
        bender_done(b->bender, &b->bender->target, taken, now);
    }
}

static uint64_t take_segs(struct bend *b, const struct berth_seg *segs, uint32_t count, uint64_t now)
{
    uint64_t taken = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t room = bender_room(b->bender, &b->bender->target);
        uint64_t len = segs[i].len < room ? segs[i].len : room;
        bender_take(b->bender, &b->bender->target, segs[i].base, len, now);
        taken += len;
        if (len < segs[i].len)
            break;
    }
    return taken;
}

/* The core may have more to do then, which the next turn sees to. */
static void pump_out(struct bend *b, uint64_t now)
{
    struct conn *c = b->filter.conn;
    struct berth_seg segs[SEGS];
    while (conn_tx_pending(c) && bender_room(b->bender, &b->bender->target) > 0) {
        uint64_t taken = take_segs(b, segs, conn_tx_peek(c, segs, SEGS), now);
        if (taken == 0)
            return;
        conn_tx_done(c, conn_epoch(c), taken);
        b->ts->target->stage->again = true;
        engine_wake(b->ts->target->engine);
    }
}

/* --- between engine and bender --- */

static uint32_t rx_want(struct link_filter *f, struct berth_seg *segs, uint32_t max)
{
    struct bend *b = of(f);
    uint64_t room = bender_room(b->bender, &b->bender->initiator);
    b->paused = room == 0;
    if (room == 0 || max == 0)
        return 0;
    segs[0] = seg_memory(b->in, room < sizeof b->in ? room : sizeof b->in);
    return 1;
}

static void rx_done(struct link_filter *f, uint64_t n, uint64_t now)
{
    struct bend *b = of(f);
    bender_take(b->bender, &b->bender->initiator, b->in, n, now);
    pump_in(b, now);
    engine_wake(b->ts->target->engine);
}

static uint32_t tx_peek(struct link_filter *f, struct berth_seg *segs, uint32_t max)
{
    struct bend *b = of(f);
    uint64_t now = now_of(b);
    pump_out(b, now);
    return bender_peek(b->bender, &b->bender->initiator, segs, max, now);
}

static void tx_done(struct link_filter *f, uint64_t n)
{
    struct bend *b = of(f);
    bender_done(b->bender, &b->bender->initiator, n, now_of(b));
}

static bool tx_pending(const struct link_filter *f)
{
    const struct bend *b = of(f);
    return bender_pending(b->bender, &b->bender->initiator) ||
           (conn_tx_pending(f->conn) && bender_room(b->bender, &b->bender->target) > 0);
}

static const struct link_filter_ops ops = {rx_want, rx_done, tx_peek, tx_done, tx_pending};

/* --- the session --- */

/* Without memory for it the session goes its way unbent, and the target says so. */
struct link_filter *bend_begin(struct target_session *ts)
{
    struct target *t = ts->target;
    uint64_t now = engine_now(t->engine);
    uint32_t portal = (uint32_t)(ts->portal - t->portals) + 1;
    struct bend *b = t->stage ? calloc(1, sizeof *b) : NULL;
    if (!b)
        return NULL;
    b->bender = bender_new(&t->stage->play, portal, now);
    if (!b->bender) {
        free(b);
        return NULL;
    }
    b->filter = (struct link_filter){&ops, NULL, ts->conn};
    b->ts = ts;
    b->turn = t->stage->turn;
    ts->bend = b;
    engine_wake(t->engine);
    return &b->filter;
}

void bend_end(struct target_session *ts)
{
    if (!ts->bend)
        return;
    bender_free(ts->bend->bender);
    free(ts->bend);
    ts->bend = NULL;
}

bool bend_keeps(struct target_session *ts)
{
    struct bend *b = ts->bend;
    if (!b || !bender_busy(b->bender))
        return false;
    if (b->leave_by == 0)
        b->leave_by = now_of(b) + STAGE_LEAVE_NS;
    return true;
}

bool bend_has_ended(const struct target_session *ts)
{
    return ts->bend && ts->bend->leave_by > 0;
}

bool bend_outlives(const struct target_session *ts)
{
    return ts->bend && ts->bend->bender->stranded && ts->bend->bender->stubborn;
}

/* The core is done with it, and what it said last has left, or should have. */
static bool has_left(const struct bend *b, uint64_t now)
{
    return b->leave_by > 0 && (!bender_busy(b->bender) || now >= b->leave_by);
}

static void strand(struct target_session *ts)
{
    link_close(&ts->wire);
    bender_stranded(ts->bend->bender);
}

/* true: the session is gone. */
static bool grant_wish(struct target_session *ts, uint64_t now)
{
    bool reset = false;
    switch (bender_wish(ts->bend->bender, &reset)) {
    case WISH_CLOSE:
        target_session_drop(ts, reset);
        return true;
    case WISH_STRAND:
        strand(ts);
        return false;
    case WISH_NOTHING:
        break;
    }
    if (!has_left(ts->bend, now))
        return false;
    target_session_drop(ts, false);
    return true;
}

void bend_turn(struct target_session *ts, uint64_t now)
{
    struct bend *b = ts->bend;
    pump_in(b, now);
    pump_out(b, now);
    if (!target_session_progress(ts)) /* it has ended */
        return;
    pump_out(b, now);
    if (!grant_wish(ts, now) && (b->paused || tx_pending(&b->filter)))
        link_kick(&ts->wire); /* asks again whether it may receive, too */
}
