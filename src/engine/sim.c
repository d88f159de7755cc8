/* SPDX-License-Identifier: MIT */
/* The sim engine: every connection is two ends, each with an inbox its peer writes into. */
#include "engine/sim.h"
#include "engine/link.h"

#include <berth/error.h>
#include <errno.h>
#include <stdlib.h>

#define MOVES_MAX     4u /* moves per direction, link and poll: 1..MOVES_MAX by the seed */
#define RX_SEGS       64u
#define TX_SEGS       64u
#define START_NS      1000000000ull /* not 0, which poll() takes for "do not wait" */
#define FIRST_PORT    49152u
#define CHANCE_OUT_OF 1024u

struct sim_world {
    uint64_t random;
    uint64_t now;
    struct sim_faults faults;
    struct list listeners;
    uint32_t engines;
    uint32_t idle; /* polls in a row, of any engine, that moved nothing */
    uint16_t next_port;
};

struct sim_engine {
    struct engine engine;
    struct sim_world *world;
    bool cut_off;
    struct link *current; /* whose callback runs; NULL once it was closed */
    struct list *cursor;  /* the link to serve next */
    struct berth_seg segs[TX_SEGS];
};

/* One end of a connection. */
struct end {
    struct list backlog; /* the listener's, until accepted */
    struct end *peer;    /* NULL: gone */
    bool answered;       /* connecting: somebody accepted */
    bool refused;        /* connecting: nobody listens */
    bool ended;          /* the peer closed: what is in the inbox is all there will be */
    bool reset;
    bool unsendable;    /* something was sent after the peer had closed */
    uint32_t head, len; /* of the inbox, a ring */
    uint8_t inbox[SIM_PIPE_BYTES];
};

struct listener {
    struct list node; /* in the world's */
    struct engine *engine;
    uint16_t port;
    struct list backlog;
    uint32_t waiting;
    struct link *(*accept)(void *owner, const struct engine_addr *from);
    void *owner;
};

/* ---- the world ---- */

struct sim_world *sim_world_new(uint64_t seed, const struct sim_faults *faults)
{
    struct sim_world *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    w->random = seed;
    w->now = START_NS;
    w->next_port = FIRST_PORT;
    list_init(&w->listeners);
    sim_world_set_faults(w, faults);
    return w;
}

void sim_world_free(struct sim_world *w)
{
    free(w);
}

void sim_world_set_faults(struct sim_world *w, const struct sim_faults *faults)
{
    w->faults = faults ? *faults : (struct sim_faults){.max_segment = 0};
}

uint64_t sim_world_now(const struct sim_world *w)
{
    return w->now;
}

void sim_world_advance(struct sim_world *w, uint64_t ns)
{
    w->now += ns;
}

/* splitmix64: a counter in odd steps, its bits well stirred. */
uint32_t sim_world_random(struct sim_world *w)
{
    uint64_t z = w->random += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (uint32_t)((z ^ z >> 31) >> 32);
}

static bool strikes(struct sim_world *w, uint32_t chance)
{
    return chance > 0 && sim_world_random(w) % CHANCE_OUT_OF < chance;
}

/* How many of `available` bytes move at once. */
static uint32_t portion(struct sim_world *w, uint64_t available)
{
    uint32_t most = available < SIM_PIPE_BYTES ? (uint32_t)available : SIM_PIPE_BYTES;
    uint32_t max = w->faults.max_segment;
    if (max == 0 || most == 0)
        return most;
    return 1 + sim_world_random(w) % (max < most ? max : most);
}

struct engine_addr sim_addr(uint16_t port)
{
    struct engine_addr a = {.len = sizeof(struct sockaddr)};
    struct sockaddr sa = {.sa_family = AF_UNSPEC};
    put16((uint8_t *)sa.sa_data, port);
    memcpy(&a.sa, &sa, sizeof sa);
    return a;
}

static uint16_t port_of(const struct engine_addr *a)
{
    struct sockaddr sa;
    memcpy(&sa, &a->sa, sizeof sa);
    return get16((const uint8_t *)sa.sa_data);
}

static struct sim_engine *sim_of(struct engine *e)
{
    return (struct sim_engine *)(void *)e; /* engine is its first member */
}

static struct sim_world *world_of(struct engine *e)
{
    return sim_of(e)->world;
}

/* Something changed: every engine gets a turn before the clock moves. */
static void stir(struct engine *e)
{
    world_of(e)->idle = 0;
}

/* ---- ends ---- */

static struct end *end_new(void)
{
    struct end *end = malloc(sizeof *end); /* the inbox stays untouched until bytes come */
    if (!end)
        return NULL;
    memset(end, 0, offsetof(struct end, inbox));
    list_init(&end->backlog);
    return end;
}

static void join(struct end *a, struct end *b)
{
    a->peer = b;
    b->peer = a;
}

static uint32_t smaller(uint64_t a, uint32_t b)
{
    return a < b ? (uint32_t)a : b;
}

static void inbox_put(struct end *end, const uint8_t *bytes, uint32_t n)
{
    uint32_t at = (end->head + end->len) % SIM_PIPE_BYTES;
    uint32_t first = smaller(SIM_PIPE_BYTES - at, n);
    memcpy(end->inbox + at, bytes, first);
    memcpy(end->inbox, bytes + first, n - first);
    end->len += n;
}

static void inbox_take(struct end *end, uint8_t *bytes, uint32_t n)
{
    uint32_t first = smaller(SIM_PIPE_BYTES - end->head, n);
    memcpy(bytes, end->inbox + end->head, first);
    memcpy(bytes + first, end->inbox, n - first);
    end->len -= n;
    end->head = end->len ? (end->head + n) % SIM_PIPE_BYTES : 0;
}

/* The first `n` bytes of `segs`, piece by piece. */
static void each_piece(const struct berth_seg *segs, uint32_t n, struct end *end,
                       void (*move)(struct end *end, uint8_t *bytes, uint32_t n))
{
    for (; n > 0; segs++) {
        uint32_t piece = smaller(segs->len, n);
        if (piece > 0)
            move(end, segs->base, piece);
        n -= piece;
    }
}

static void piece_in(struct end *end, uint8_t *bytes, uint32_t n)
{
    inbox_put(end, bytes, n);
}

/* Both ends lose the connection; what was on its way may still arrive, or not. */
static void reset_end(struct sim_world *w, struct end *end)
{
    struct end *peer = end->peer;
    end->reset = true;
    end->peer = NULL;
    if (sim_world_random(w) & 1)
        end->len = 0;
    if (peer)
        peer->peer = NULL;
    if (peer && !peer->reset)
        reset_end(w, peer);
}

/* ---- links ---- */

static void sim_close(struct link *l)
{
    struct sim_engine *s = sim_of(l->engine);
    struct end *end = l->transport;
    if (link_phase(l) == LINK_CLOSED)
        return;
    if (s->current == l)
        s->current = NULL;
    if (s->cursor == &l->node)
        s->cursor = l->node.next;
    link_stop(l);
    if (end->peer) {
        end->peer->peer = NULL;
        end->peer->ended = true;
    }
    l->transport = NULL;
    free(end);
    s->engine.wake = true;
    stir(&s->engine);
}

static void sim_release(struct link *l)
{
    struct sim_engine *s = sim_of(l->engine);
    if (s->current == l)
        s->current = NULL;
    if (s->cursor == &l->node)
        s->cursor = l->node.next;
    link_let_go(l);
}

static int sim_adopt(struct engine *e, struct link *l)
{
    link_take_over(l, e);
    link_set_flag(l, LINK_RX_PAUSED, false); /* a link that moves in every round must receive all the same */
    stir(e);
    return BERTH_OK;
}

/* err 0: the peer closed. */
static void link_down(struct link *l, int err)
{
    sim_close(l);
    l->last_errno = err;
    l->owner->down(l, err ? engine_error(err) : BERTH_E_CLOSED);
}

static void link_open(struct sim_engine *s, struct link *l, struct end *end, uint32_t phase)
{
    link_start(l, &s->engine, phase);
    l->fd = -1;
    l->transport = end;
    stir(&s->engine);
}

static uint64_t ask_rx(struct sim_engine *s, struct link *l)
{
    uint32_t count = l->conn ? filter_rx_want(l->filter, l->conn, s->segs, RX_SEGS) : 0;
    uint64_t asked = segs_len(s->segs, count);
    link_set_flag(l, LINK_RX_PAUSED, asked == 0);
    return asked;
}

static bool rx_once(struct sim_engine *s, struct link *l)
{
    struct end *end = l->transport;
    if (end->len == 0 || (l->state & LINK_RX_PAUSED))
        return false;
    uint64_t asked = ask_rx(s, l);
    uint32_t n = portion(s->world, smaller(asked, end->len));
    if (n == 0)
        return false;
    each_piece(s->segs, n, end, inbox_take);
    l->rx_calls++;
    l->rx_bytes += n;
    filter_rx_done(l->filter, l->conn, n, s->world->now);
    return true;
}

/* A send to a peer that has gone resets the connection, as TCP would. */
static bool tx_once(struct sim_engine *s, struct link *l)
{
    struct end *end = l->transport;
    uint32_t count = filter_tx_peek(l->filter, l->conn, s->segs, TX_SEGS);
    uint64_t asked = segs_len(s->segs, count);
    if (!end->peer && s->cut_off) { /* it cannot know that yet */
        filter_tx_done(l->filter, l->conn, asked);
        return asked > 0;
    }
    if (!end->peer) {
        end->unsendable = asked > 0;
        return false;
    }
    uint32_t room = SIM_PIPE_BYTES - end->peer->len;
    uint32_t n = portion(s->world, smaller(asked, room));
    if (n == 0)
        return false;
    each_piece(s->segs, n, end->peer, piece_in);
    l->tx_calls++;
    l->tx_bytes += n;
    filter_tx_done(l->filter, l->conn, n);
    return true;
}

static uint32_t moves(struct sim_world *w)
{
    return 1 + sim_world_random(w) % MOVES_MAX;
}

static bool rx(struct sim_engine *s, struct link *l)
{
    bool moved = false;
    for (uint32_t left = moves(s->world); left > 0 && rx_once(s, l); left--)
        moved = true;
    return moved;
}

/* Only for links that were kicked or have more under way: as with sockets, a forgotten kick shows. */
static bool tx(struct sim_engine *s, struct link *l)
{
    bool moved = false;
    if (!l->conn)
        return false;
    list_remove(&l->dirty);
    for (uint32_t left = moves(s->world); left > 0 && filter_tx_pending(l->filter, l->conn) && tx_once(s, l);
         left--)
        moved = true;
    return moved;
}

static void settle(struct sim_engine *s, struct link *l)
{
    if (l->state & LINK_RX_PAUSED)
        ask_rx(s, l);
    if (l->conn && filter_tx_pending(l->filter, l->conn))
        link_mark_dirty(l);
}

static bool over(const struct end *end)
{
    return end->ended && end->len == 0;
}

static bool lost(const struct link *l)
{
    const struct end *end = l->transport;
    bool unreadable = end->len == 0 || (l->state & LINK_RX_PAUSED);
    return over(end) || ((end->reset || end->unsendable) && unreadable);
}

/* The link may be gone when it returns. */
static void conclude(struct sim_engine *s, struct link *l, bool moved, bool touched)
{
    const struct end *end = l->transport;
    s->current = l;
    if (moved)
        l->owner->progress(l);
    if (s->current != l)
        return;
    if (lost(l))
        link_down(l, over(end) && !end->reset ? 0 : ECONNRESET);
    else if (touched)
        settle(s, l);
}

static bool serve_cut_off(struct sim_engine *s, struct link *l)
{
    bool dirty = !list_empty(&l->dirty), moved = dirty && tx(s, l);
    s->current = l;
    if (moved)
        l->owner->progress(l);
    if (dirty && s->current == l)
        settle(s, l);
    return moved;
}

static bool serve_up(struct sim_engine *s, struct link *l)
{
    struct end *end = l->transport;
    bool dirty = !list_empty(&l->dirty);
    if (s->cut_off)
        return serve_cut_off(s, l);
    if (!end->reset && strikes(s->world, s->world->faults.reset))
        reset_end(s->world, end);
    bool moved = rx(s, l);
    if (dirty)
        moved = tx(s, l) || moved;
    conclude(s, l, moved, moved || dirty);
    return moved;
}

static void link_up(struct sim_engine *s, struct link *l)
{
    s->current = l;
    l->owner->up(l);
    if (s->current == l)
        settle(s, l);
}

static bool serve_connecting(struct sim_engine *s, struct link *l)
{
    struct end *end = l->transport;
    if (end->answered && !s->cut_off) {
        link_set_phase(l, LINK_UP, LINK_RX_PAUSED);
        link_up(s, l);
        return true;
    }
    bool refused = end->refused && !s->cut_off;
    if (!refused && l->connect_deadline_ns > s->world->now)
        return false;
    link_down(l, refused ? ECONNREFUSED : ETIMEDOUT);
    return true;
}

static bool serve(struct sim_engine *s, struct link *l)
{
    return link_phase(l) == LINK_CONNECTING ? serve_connecting(s, l) : serve_up(s, l);
}

static void sim_kick(struct link *l)
{
    if (link_phase(l) != LINK_UP || !list_empty(&l->dirty))
        return; /* that it is to be asked is known */
    link_mark_dirty(l);
    stir(l->engine);
}

static void sim_flush(struct link *l)
{
    struct sim_engine *s = sim_of(l->engine);
    if (link_phase(l) != LINK_UP || !l->conn)
        return;
    list_remove(&l->dirty);
    while (filter_tx_pending(l->filter, l->conn) && tx_once(s, l))
        stir(l->engine);
    settle(s, l);
}

/* ---- connecting and listening ---- */

static struct listener *find_listener(struct sim_world *w, uint16_t port)
{
    list_each (node, &w->listeners) {
        struct listener *ln = list_entry(node, struct listener, node);
        if (ln->port == port)
            return ln;
    }
    return NULL;
}

/* Puts the far end into the listener's backlog; one that is full answers nothing. */
static int knock(struct sim_world *w, struct end *near, uint16_t port)
{
    struct listener *ln = find_listener(w, port);
    near->refused = strikes(w, w->faults.refuse) || !ln;
    if (near->refused || ln->waiting == SIM_BACKLOG)
        return BERTH_OK;
    struct end *far = end_new();
    if (!far)
        return BERTH_E_MEMORY;
    join(near, far);
    list_push(&ln->backlog, &far->backlog);
    ln->waiting++;
    stir(ln->engine);
    return BERTH_OK;
}

/* There is one way from here to there, and nothing to be marked. */
static int sim_connect(struct engine *e, struct link *l, const struct engine_addr *to,
                       const struct engine_bind *bind, uint64_t deadline_ns)
{
    (void)bind;
    l->engine = e;
    link_set_phase(l, LINK_CLOSED, 0);
    if (to->sa.ss_family != AF_UNSPEC)
        return BERTH_E_ADDRESS;
    struct end *near = end_new();
    if (!near || knock(world_of(e), near, port_of(to)) < 0) {
        free(near);
        return BERTH_E_MEMORY;
    }
    link_open(sim_of(e), l, near, LINK_CONNECTING);
    l->connect_deadline_ns = deadline_ns;
    return BERTH_OK;
}

static uint16_t free_port(struct sim_world *w)
{
    while (find_listener(w, w->next_port))
        w->next_port = w->next_port == UINT16_MAX ? FIRST_PORT : (uint16_t)(w->next_port + 1);
    return w->next_port;
}

static int sim_listen(struct engine *e, struct engine_addr *where,
                      struct link *(*accept)(void *owner, const struct engine_addr *from), void *owner,
                      struct listener **out)
{
    struct sim_world *w = world_of(e);
    uint16_t port = port_of(where) ? port_of(where) : free_port(w);
    if (find_listener(w, port)) {
        errno = EADDRINUSE;
        return engine_error(errno);
    }
    struct listener *ln = malloc(sizeof *ln);
    if (!ln)
        return BERTH_E_MEMORY;
    *ln = (struct listener){.engine = e, .port = port, .accept = accept, .owner = owner};
    list_init(&ln->backlog);
    list_push(&w->listeners, &ln->node);
    *where = sim_addr(port);
    *out = ln;
    return BERTH_OK;
}

static struct end *next_waiting(struct listener *ln)
{
    struct list *node = list_pop(&ln->backlog);
    if (node)
        ln->waiting--;
    return node ? list_entry(node, struct end, backlog) : NULL;
}

static void sim_unlisten(struct engine *e, struct listener *ln)
{
    struct end *far;
    while ((far = next_waiting(ln))) {
        if (far->peer) {
            far->peer->refused = true;
            far->peer->peer = NULL;
        }
        free(far);
    }
    list_remove(&ln->node);
    free(ln);
    stir(e);
}

static void admit(struct sim_engine *s, struct listener *ln, struct end *far)
{
    struct engine_addr from = sim_addr(0);
    struct link *l = ln->accept(ln->owner, &from);
    struct end *near = far->peer;
    if (near)
        near->answered = true;
    if (!l) {
        if (near) {
            near->peer = NULL;
            near->ended = true;
        }
        free(far);
        return;
    }
    link_open(s, l, far, LINK_UP);
    link_up(s, l);
}

static struct listener *waiting_listener(struct engine *e)
{
    list_each (node, &world_of(e)->listeners) {
        struct listener *ln = list_entry(node, struct listener, node);
        if (ln->engine == e && ln->waiting > 0)
            return ln;
    }
    return NULL;
}

static bool accept_waiting(struct sim_engine *s)
{
    struct listener *ln;
    uint32_t left = SIM_BACKLOG;
    if (s->cut_off)
        return false;
    for (; left > 0 && (ln = waiting_listener(&s->engine)); left--)
        admit(s, ln, next_waiting(ln));
    return left < SIM_BACKLOG;
}

/* ---- poll ---- */

static uint32_t count_links(const struct engine *e)
{
    uint32_t count = 0;
    list_each (node, &e->links)
        count++;
    return count;
}

/* Begins with a link the seed chooses. As many as there were: callbacks may connect new ones. */
static bool serve_links(struct sim_engine *s)
{
    struct list *links = &s->engine.links;
    uint32_t count = count_links(&s->engine);
    bool moved = false;
    for (uint32_t skip = count ? sim_world_random(s->world) % count : 0; skip > 0; skip--)
        list_push(links, list_pop(links));
    s->cursor = links->next;
    for (; count > 0 && s->cursor != links; count--) {
        struct link *l = list_entry(s->cursor, struct link, node);
        s->cursor = s->cursor->next;
        moved = serve(s, l) || moved;
    }
    s->cursor = NULL;
    return moved;
}

static uint64_t next_deadline(const struct engine *e, uint64_t until_ns)
{
    list_each (node, &e->links) {
        const struct link *l = list_entry(node, struct link, node);
        if (link_phase(l) == LINK_CONNECTING && l->connect_deadline_ns < until_ns)
            until_ns = l->connect_deadline_ns;
    }
    return until_ns;
}

static void pass_time(struct sim_world *w, uint64_t until_ns)
{
    if (until_ns <= w->now)
        return;
    if (w->faults.latency_ns > 0 && until_ns - w->now > w->faults.latency_ns)
        w->now += w->faults.latency_ns;
    else if (until_ns != UINT64_MAX)
        w->now = until_ns;
}

static int sim_poll(struct engine *e, uint64_t until_ns)
{
    struct sim_world *w = world_of(e);
    e->wake = false;
    w->idle++; /* unless something moves or stirs now */
    bool moved = accept_waiting(sim_of(e));
    moved = serve_links(sim_of(e)) || moved;
    if (moved)
        stir(e);
    if (w->idle >= w->engines)
        pass_time(w, next_deadline(e, until_ns));
    return BERTH_OK;
}

/* ---- the engine ---- */

static void sim_limits(struct engine_limits *limits)
{
    *limits = (struct engine_limits){
        .max_recv_segment = (1u << 24) - 1, /* the protocol's own limits (RFC 7143 13.12, 13.13) */
        .max_send_segment = (1u << 24) - 1,
        .max_burst = (1u << 24) - 1,
        .max_depth = UINT16_MAX,
        .seg_kinds = 1u << BERTH_SEG_MEMORY,
        .send_kinds = 1u << BERTH_SEG_MEMORY,
    };
}

static uint64_t sim_now(struct engine *e)
{
    return world_of(e)->now;
}

static int sim_fd(struct engine *e)
{
    (void)e;
    return -1;
}

static int sim_watch(struct engine *e, int fd, void (*ready)(void *owner), void *owner)
{
    (void)e;
    (void)fd;
    (void)ready;
    (void)owner;
    return BERTH_E_UNSUPPORTED;
}

static struct listener *own_listener(struct engine *e)
{
    list_each (node, &world_of(e)->listeners) {
        struct listener *ln = list_entry(node, struct listener, node);
        if (ln->engine == e)
            return ln;
    }
    return NULL;
}

static void sim_free(struct engine *e)
{
    struct listener *ln;
    while (!list_empty(&e->links))
        sim_close(list_entry(e->links.next, struct link, node));
    while ((ln = own_listener(e)))
        sim_unlisten(e, ln);
    world_of(e)->engines--;
    free(sim_of(e));
}

static const struct engine_ops sim_ops = {
    .size = sizeof(struct engine_ops),
    .name = "sim",
    .caps = ENGINE_LISTENS,
    .limits = sim_limits,
    .now = sim_now,
    .connect = sim_connect,
    .listen = sim_listen,
    .unlisten = sim_unlisten,
    .kick = sim_kick,
    .flush = sim_flush,
    .close = sim_close,
    .release = sim_release,
    .adopt = sim_adopt,
    .poll = sim_poll,
    .fd = sim_fd,
    .watch = sim_watch,
    .free = sim_free,
};

void sim_engine_cut_off(struct engine *e, bool on)
{
    sim_of(e)->cut_off = on;
    stir(e);
}

void sim_engine_reset(struct engine *e)
{
    list_each (node, &e->links) {
        struct link *l = list_entry(node, struct link, node);
        struct end *end = l->transport;
        if (link_phase(l) == LINK_UP && !end->reset)
            reset_end(world_of(e), end);
    }
    stir(e);
}

struct engine *sim_engine_new(struct sim_world *w)
{
    struct sim_engine *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->world = w;
    engine_begin(&s->engine, &sim_ops);
    w->engines++;
    return &s->engine;
}
