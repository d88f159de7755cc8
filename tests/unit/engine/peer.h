/* SPDX-License-Identifier: MIT */
/* A link with its owner and stub conn, and the means to run engines until something is so. */
#ifndef TEST_PEER_H
#define TEST_PEER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include <berth/error.h>
#include "engine/engine.h"
#include "stub_conn.h"

#define PEERS_MAX 40u
#define MS        1000000ull
#define FOREVER   UINT64_MAX
#define PATIENCE  (60000 * MS) /* for what is sure to come, however little time the machine has for us */

struct peer {
    struct link link;
    struct conn conn;
    uint32_t ups, progresses, downs, moves;
    char words[96]; /* why it was moved */
    int error;
    uint64_t rx_at_down;
    bool no_conn; /* up() attaches nothing */
    void (*on_up)(struct peer *p);
    void (*on_progress)(struct peer *p);
    void (*on_down)(struct peer *p);
    void *arg;
};

/* What a listener hands its connections to. */
struct hall {
    struct listener *listener;
    struct engine_addr where, from;
    struct peer *peers[PEERS_MAX];
    uint32_t count;
    bool full;                     /* refuse */
    bool pattern;                  /* receivers and senders of the pattern; else echo */
    void (*setup)(struct peer *p); /* of every accepted peer, before up() */
};

static inline struct peer *peer_of(struct link *l)
{
    return (struct peer *)(void *)l; /* link is its first member */
}

static inline void peer_up(struct link *l)
{
    struct peer *p = peer_of(l);
    p->ups++;
    if (!p->no_conn) {
        link_attach(l, &p->conn);
        link_kick(l);
    }
    if (p->on_up)
        p->on_up(p);
}

static inline void peer_progress(struct link *l)
{
    struct peer *p = peer_of(l);
    p->progresses++;
    if (p->on_progress)
        p->on_progress(p);
}

static inline void peer_down(struct link *l, int error)
{
    struct peer *p = peer_of(l);
    p->downs++;
    p->error = error;
    p->rx_at_down = p->conn.rx_at;
    if (p->on_down)
        p->on_down(p);
}

static inline void peer_moved(struct link *l, const char *why)
{
    struct peer *p = peer_of(l);
    p->moves++;
    snprintf(p->words, sizeof p->words, "%s", why);
}

static const struct link_owner peer_owner = {
    .up = peer_up, .progress = peer_progress, .down = peer_down, .moved = peer_moved};

static inline struct peer *peer_new(void)
{
    struct peer *p = calloc(1, sizeof *p);
    p->link.owner = &peer_owner;
    stub_init(&p->conn);
    return p;
}

/* Closes it too. */
static inline void peer_free(struct peer *p)
{
    if (p->link.engine)
        link_close(&p->link);
    stub_free(&p->conn);
    free(p);
}

static inline struct peer *peer_connect(struct engine *e, const struct engine_addr *to)
{
    struct peer *p = peer_new();
    assert_int_equal(e->ops->connect(e, &p->link, to, NULL, FOREVER), BERTH_OK);
    return p;
}

static inline struct link *hall_accept(void *owner, const struct engine_addr *from)
{
    struct hall *h = owner;
    h->from = *from;
    if (h->full)
        return NULL;
    assert_true(h->count < PEERS_MAX);
    struct peer *p = h->peers[h->count++] = peer_new();
    if (!h->pattern)
        stub_echo(&p->conn);
    if (h->setup)
        h->setup(p);
    return &p->link;
}

static inline void hall_open(struct hall *h, struct engine *e, struct engine_addr where)
{
    h->where = where;
    assert_int_equal(e->ops->listen(e, &h->where, hall_accept, h, &h->listener), BERTH_OK);
}

static inline void hall_close(struct hall *h, struct engine *e)
{
    for (uint32_t i = 0; i < h->count; i++)
        if (h->peers[i])
            peer_free(h->peers[i]);
    h->count = 0;
    if (h->listener)
        e->ops->unlisten(e, h->listener);
    h->listener = NULL;
}

/* Polls until `*counter` (any uint32_t of a peer) is at least `least`. */
static inline void run_until(struct engine *e, const uint32_t *counter, uint32_t least)
{
    uint64_t limit = engine_now(e) + PATIENCE;
    while (*counter < least) {
        assert_int_equal(engine_poll(e, engine_now(e) + 10 * MS), BERTH_OK);
        assert_true(engine_now(e) < limit);
    }
}

/* Two engines, or one twice, in turns until both positions are reached. */
static inline void run_moves(struct engine *a, struct engine *b, const uint64_t *at, uint64_t least,
                             const uint64_t *at2, uint64_t least2)
{
    uint64_t limit = engine_now(a) + PATIENCE;
    while (*at < least || *at2 < least2) {
        assert_int_equal(engine_poll(a, a == b ? engine_now(a) + 10 * MS : 0), BERTH_OK);
        if (a != b)
            assert_int_equal(engine_poll(b, 0), BERTH_OK);
        assert_true(engine_now(a) < limit);
    }
}

#endif
