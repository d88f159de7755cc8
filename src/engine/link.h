/* SPDX-License-Identifier: MIT */
/* What the engines of this floor share, mostly about links: link.state is a phase and flags. */
#ifndef ENGINE_LINK_H
#define ENGINE_LINK_H

#include "engine/engine.h"

enum link_state {
    LINK_CLOSED = 0,
    LINK_CONNECTING = 1,
    LINK_UP = 2,
    LINK_BROKEN = 3, /* sending failed outside poll(), which will tell the owner */
    LINK_PHASE = 3,
    LINK_RX_PAUSED = 4,  /* nobody to take bytes, or the core wants to send first */
    LINK_TX_BLOCKED = 8, /* the transport takes no more for now */
    LINK_SLEEPY = 16,    /* sockets: the descriptor blocks, and every call says that it must not */
};

static inline uint32_t link_phase(const struct link *l)
{
    return l->state & LINK_PHASE;
}

static inline void link_set_phase(struct link *l, uint32_t phase, uint32_t flags)
{
    l->state = (uint8_t)(phase | flags);
}

static inline void link_set_flag(struct link *l, uint32_t flag, bool on)
{
    l->state = (uint8_t)(on ? l->state | flag : l->state & ~flag);
}

static inline void link_mark_dirty(struct link *l)
{
    if (list_empty(&l->dirty))
        list_push(&l->engine->dirty, &l->dirty);
}

static inline bool link_may_send(const struct link *l)
{
    return link_phase(l) == LINK_UP && !(l->state & LINK_TX_BLOCKED) && l->conn;
}

/* Everything but owner, fd and transport starts anew. */
static inline void link_start(struct link *l, struct engine *e, uint32_t phase)
{
    l->engine = e;
    l->conn = NULL;
    l->filter = NULL;
    list_init(&l->dirty);
    list_push(&e->links, &l->node);
    link_set_phase(l, phase, LINK_RX_PAUSED);
    l->interest = 0;
    l->connect_deadline_ns = UINT64_MAX;
    l->last_errno = 0;
    l->why = NULL;
    l->rx_bytes = l->tx_bytes = l->rx_calls = l->tx_calls = 0;
}

/* It was released elsewhere: nothing but where it is starts anew, and it is asked what it wants. */
static inline void link_take_over(struct link *l, struct engine *e)
{
    l->engine = e;
    l->interest = 0;
    list_push(&e->links, &l->node);
    link_mark_dirty(l);
}

static inline void link_stop(struct link *l)
{
    list_remove(&l->node);
    list_remove(&l->dirty);
    link_set_phase(l, LINK_CLOSED, 0);
}

/* Broken links keep their phase: whoever has them next tells the owner. */
static inline void link_let_go(struct link *l)
{
    list_remove(&l->node);
    list_remove(&l->dirty);
    link_set_phase(l, link_phase(l), LINK_RX_PAUSED | (l->state & LINK_SLEEPY));
}

static inline void engine_begin(struct engine *e, const struct engine_ops *ops)
{
    e->ops = ops;
    e->outer_fd = -1;
    list_init(&e->links);
    list_init(&e->dirty);
}

#endif
