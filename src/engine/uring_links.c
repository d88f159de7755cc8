/* SPDX-License-Identifier: MIT */
/* Links of the io_uring engine: they come from another engine, and go back to one or are closed. */
#include "engine/link.h"
#include "engine/uring_parts.h"

#include <berth/error.h>
#include <stdlib.h>
#include <unistd.h>

#define FLUSH_LOOPS 16u /* as many sends, at most, as the sockets engine would try */

void uring_make_ready(struct uring *u, struct carried *c)
{
    if (list_empty(&c->ready))
        list_push(&u->ready, &c->ready);
}

void uring_break_link(struct link *l, int err)
{
    link_set_phase(l, LINK_BROKEN, LINK_RX_PAUSED | (l->state & LINK_SLEEPY));
    l->last_errno = err;
    link_mark_dirty(l);
}

/* ---- coming and going ---- */

int uring_adopt(struct engine *e, struct link *l)
{
    struct carried *c = calloc(1, sizeof *c);
    if (!c)
        return BERTH_E_MEMORY;
    c->link = l;
    list_init(&c->ready);
    list_init(&c->sending);
    l->transport = c;
    link_take_over(l, e);
    return BERTH_OK;
}

static void part(struct uring *u, struct link *l)
{
    struct carried *c = carried_of(l);
    if (u->current == l)
        u->current = NULL;
    list_remove(&c->ready);
    free(c);
    l->transport = NULL;
}

/* The end of the connection, if it has come, is left for the next engine to find. */
void uring_release(struct link *l)
{
    struct uring *u = uring_of(l->engine);
    struct carried *c = carried_of(l);
    struct uring_outcome out = {.ended = false};
    uring_recall(u, c);
    u->now = engine_now(u->base); /* the base may have received since the last poll looked at the clock */
    if (c->landed & 1u << URING_RECV)
        uring_received(u, c, &out);
    if (out.ended && out.err && link_phase(l) == LINK_UP)
        uring_break_link(l, out.err);
    if (l->conn)
        conn_background_rx(l->conn, false);
    link_let_go(l);
    part(u, l);
}

void uring_close(struct link *l)
{
    struct uring *u = uring_of(l->engine);
    if (link_phase(l) == LINK_CLOSED)
        return;
    uring_recall(u, carried_of(l));
    link_stop(l);
    part(u, l);
    u->base->syscalls++;
    close(l->fd);
    l->fd = -1;
    u->base->wake = true;
}

void uring_quiesce(struct link *l)
{
    struct uring *u = uring_of(l->engine);
    if (link_phase(l) != LINK_UP || !uring_flies(carried_of(l), URING_RECV) || carried_of(l)->stopped)
        return;
    carried_of(l)->stopped = true;
    uring_cancel(u, carried_of(l), URING_RECV);
    u->base->wake = true;
}

/* ---- sending outside of poll() ---- */

void uring_kick(struct link *l)
{
    if (link_phase(l) == LINK_UP)
        link_mark_dirty(l);
}

static bool may_go_on(const struct link *l)
{
    return link_may_send(l) && filter_tx_pending(l->filter, l->conn);
}

static bool receives(const struct carried *c)
{
    return (c->flying | c->landed) & 1u << URING_RECV;
}

/* Whoever has a descriptor of ours may sleep on it next, so that a receive is begun, too. What has come back
 * by then keeps the link dirty, for poll() to tell of it. */
void uring_flush(struct link *l)
{
    struct uring *u = uring_of(l->engine);
    if (link_phase(l) != LINK_UP || (!may_go_on(l) && (u->bell < 0 || receives(carried_of(l)))))
        return;
    list_remove(&l->dirty);
    for (uint32_t i = 0; i == 0 || (i < FLUSH_LOOPS && may_go_on(l)); i++) {
        uring_prepare(u, l);
        uring_enter(u, 0, 0);
        uring_sent(u);
    }
    if (u->failure || !list_empty(&u->ready) || may_go_on(l))
        link_mark_dirty(l);
}
