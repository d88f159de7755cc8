/* SPDX-License-Identifier: MIT */
/* The io_uring engine. One poll(): queue what the links want, enter the kernel once to have it done and to
 * wait, tell what came back.
 *
 * It stands in front of an engine that connects, listens and watches, and waits for that one's descriptor
 * beside its own links. If the kernel does not let it any more it gives its links back and is gone: what had
 * not been answered by then has not happened.
 *
 * As in the sockets engine, after a callback a link is touched only if `current` still names it. */
#include "engine/uring.h"
#include "engine/link.h"
#include "engine/uring_parts.h"

#include <berth/error.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PASSES 4u /* progress() after a send may bring more to send */

/* ---- telling ---- */

static int socket_error(struct uring *u, int fd)
{
    int err = 0;
    socklen_t len = sizeof err;
    u->base->syscalls++;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0 ? errno : err;
}

static void take_down(struct link *l, int err)
{
    uring_close(l);
    l->last_errno = err;
    l->owner->down(l, err ? engine_error(err) : BERTH_E_CLOSED);
}

/* All that it waits for is in flight. */
static bool idle(const struct link *l)
{
    const struct carried *c = carried_of(l);
    bool receives = uring_flies(c, URING_RECV) || (l->state & LINK_RX_PAUSED && uring_flies(c, URING_HUP));
    bool sends = l->state & LINK_TX_BLOCKED ? uring_flies(c, URING_OUT)
                                            : !(l->conn && filter_tx_pending(l->filter, l->conn));
    return receives && sends;
}

static void conclude(struct uring *u, struct link *l, struct uring_outcome *out)
{
    struct carried *c = carried_of(l);
    if (out->unread)
        uring_last_words(u, l);
    bool moved = c->moved;
    c->moved = false;
    u->current = l;
    if (moved)
        l->owner->progress(l);
    if (u->current != l)
        return;
    if (out->ended)
        take_down(l, out->err);
    else if (moved || !idle(l)) /* one that is paused may be so no more */
        link_mark_dirty(l);
}

static void tell(struct uring *u, struct carried *c)
{
    struct link *l = c->link;
    struct uring_outcome out = {.ended = false};
    uint8_t landed = c->landed;
    c->landed = 0;
    if (landed & 1u << URING_OUT)
        link_set_flag(l, LINK_TX_BLOCKED, false);
    if (landed & 1u << URING_RECV)
        uring_received(u, c, &out);
    if (landed & 1u << URING_HUP && l->state & LINK_RX_PAUSED && !out.ended && c->result[URING_HUP] > 0)
        out = (struct uring_outcome){.ended = true, .err = socket_error(u, l->fd)};
    if (link_phase(l) == LINK_BROKEN)
        out = (struct uring_outcome){.ended = true, .unread = true, .err = l->last_errno};
    conclude(u, l, &out);
}

/* What becomes ready meanwhile has its turn in the next round. */
static void tell_all(struct uring *u)
{
    struct list telling, *node;
    list_init(&telling);
    while ((node = list_pop(&u->ready)))
        list_push(&telling, node);
    while ((node = list_pop(&telling)))
        tell(u, list_entry(node, struct carried, ready));
}

/* ---- the engine behind ---- */

static void poll_base(struct uring *u)
{
    bool wake = u->base->wake, interrupted = u->base->interrupted;
    u->base_ready = false;
    (void)u->base->ops->poll(u->base, 0);
    u->base->wake |= wake;
    u->base->interrupted |= interrupted;
}

static void watch_base(struct uring *u)
{
    if (u->watching)
        return;
    struct io_uring_sqe *sqe = uring_sqe(u, NULL, URING_BASE);
    io_uring_prep_poll_add(sqe, u->base->ops->fd(u->base), POLLIN);
    sqe->user_data = URING_BASE;
    u->watching = true;
}

static bool base_works(struct uring *u)
{
    return u->base_ready || !list_empty(&u->base->dirty) || u->base->ops->due(u->base) <= engine_now(u->base);
}

/* ---- the end ---- */

static void give_back_all(struct uring *u)
{
    char why[96];
    snprintf(why, sizeof why, "io_uring_enter: %s", strerrordesc_np(u->failure));
    while (!list_empty(&u->engine.links)) {
        struct link *l = list_entry(u->engine.links.next, struct link, node);
        uring_release(l);
        (void)u->base->ops->adopt(u->base, l);
        if (l->owner->moved)
            l->owner->moved(l, why);
    }
}

/* What a child would cancel is its parent's. */
static void uring_disown(struct engine *e)
{
    uring_of(e)->failure = EOWNERDEAD;
}

static void uring_free(struct engine *e)
{
    struct uring *u = uring_of(e);
    while (!list_empty(&e->links))
        uring_close(list_entry(e->links.next, struct link, node));
    u->base->front = NULL;
    u->base->front_first = false;
    uring_ring_end(u);
    if (u->bell >= 0)
        close(u->bell);
    free(u);
}

/* ---- poll ---- */

/* true: there is something to be told before anybody waits. */
static bool prepare_all(struct uring *u)
{
    bool news = false;
    struct list *node;
    while (!u->failure && (node = list_pop(&u->engine.dirty)))
        news |= uring_prepare(u, list_entry(node, struct link, dirty));
    return news || !list_empty(&u->ready);
}

static uint64_t wait_until(struct uring *u, uint64_t until_ns)
{
    uint64_t due = u->base->ops->due(u->base);
    bool work = u->again || u->engine.wake || u->base->wake || u->base_ready ||
                !list_empty(&u->engine.dirty) || !list_empty(&u->base->dirty) || !list_empty(&u->ready);
    return work ? 0 : until_ns < due ? until_ns : due;
}

static void enter(struct uring *u, uint64_t until_ns)
{
    watch_base(u);
    if (until_ns > 0 || !uring_idle(u))
        uring_enter(u, 1, until_ns);
    u->now = engine_now(u->base);
    uring_sent(u);
}

/* --- looking before sleeping: for what has come the kernel sets a flag, so a look costs no call --- */

static bool lingers(struct uring *u, uint64_t until_ns)
{
    return until_ns > u->now &&
           patience_begins(&u->patience, (enum engine_wait)u->base->wait, &u->engine.links);
}

static void look(struct uring *u, uint64_t until_ns)
{
    bool polls = u->base->wait == ENGINE_POLLS;
    uint64_t begin = u->now, end = begin + u->patience.left_ns;
    if (polls || until_ns < end)
        end = until_ns;
    while (u->now < end && uring_idle(u)) {
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#endif
        u->now = engine_now(u->base);
    }
    if (polls)
        return;
    patience_spend(&u->patience, u->now - begin);
    patience_learn(&u->patience, !uring_idle(u) && u->patience.left_ns > 0);
}

/* Submits, looks, and then sleeps if nothing has come. */
static void wait(struct uring *u, uint64_t until_ns)
{
    if (lingers(u, until_ns)) {
        enter(u, 0);
        if (wait_until(u, until_ns) == 0)
            return;
        look(u, until_ns);
        if (!uring_idle(u))
            until_ns = 0;
    }
    enter(u, until_ns);
}

static void turn(struct uring *u, uint64_t until_ns)
{
    bool news = true;
    for (uint32_t pass = 0; pass < PASSES && news && !u->failure; pass++) {
        if (base_works(u))
            poll_base(u);
        news = prepare_all(u);
        if (!news)
            break;
        enter(u, 0);
        tell_all(u);
    }
    if (u->failure)
        return;
    wait(u, wait_until(u, until_ns));
    tell_all(u);
    if (base_works(u))
        poll_base(u);
}

static int uring_poll(struct engine *e, uint64_t until_ns)
{
    struct uring *u = uring_of(e);
    struct engine *base = u->base;
    e->wake = base->wake = base->interrupted = u->again = false;
    u->now = engine_now(base);
    if (!u->failure)
        turn(u, until_ns);
    uring_hush(u);
    if (!u->failure)
        return BERTH_OK;
    give_back_all(u);
    uring_free(e);
    return base->ops->poll(base, 0);
}

/* ---- the engine ---- */

void uring_limits(struct engine_limits *limits)
{
    *limits = (struct engine_limits){
        .max_recv_segment = (1u << 24) - 1, /* the protocol's own limits (RFC 7143 13.12, 13.13) */
        .max_send_segment = (1u << 24) - 1,
        .max_burst = (1u << 24) - 1,
        .max_depth = UINT16_MAX,
        .seg_kinds = 1u << BERTH_SEG_MEMORY,
        .send_kinds = 1u << BERTH_SEG_MEMORY, /* sending files would take the kernel's own threads */
    };
}

static uint64_t uring_now(struct engine *e)
{
    return engine_now(uring_of(e)->base);
}

static int uring_fd(struct engine *e)
{
    return uring_bell(uring_of(e));
}

static const struct engine_ops uring_ops = {
    .size = sizeof(struct engine_ops),
    .name = "io_uring",
    .caps = ENGINE_REAL_TIME,
    .limits = uring_limits,
    .now = uring_now,
    .kick = uring_kick,
    .flush = uring_flush,
    .close = uring_close,
    .release = uring_release,
    .adopt = uring_adopt,
    .quiesce = uring_quiesce,
    .poll = uring_poll,
    .fd = uring_fd,
    .disown = uring_disown,
    .free = uring_free,
};

/* Whoever is refused has one sentence with the way out. */
static const char *refusal(int err)
{
    switch (err) {
    case EPERM:
    case EACCES:
        return "io_uring is forbidden here, by sysctl kernel.io_uring_disabled or a filter of system calls; "
               "the "
               "engine 'sockets' does without";
    case ENOSYS:
    case EINVAL:
        return "io_uring of this kernel is missing or older than Linux 6.1; the engine 'sockets' does "
               "without";
    case ENOMEM:
    case EMFILE:
    case ENFILE:
        return "memory or descriptors are too short for io_uring; the engine 'sockets' takes less";
    default:
        return "io_uring cannot be set up here; the engine 'sockets' does without";
    }
}

struct engine *uring_engine_new(struct engine *base, const char **why)
{
    struct uring *u = calloc(1, sizeof *u);
    if (!u)
        return NULL;
    engine_begin(&u->engine, &uring_ops);
    u->base = base;
    u->bell = -1;
    list_init(&u->ready);
    list_init(&u->queued);
    list_init(&u->sending);
    int r = uring_ring_begin(u);
    if (r == 0)
        return &u->engine;
    free(u);
    *why = refusal(-r);
    errno = -r;
    return NULL;
}
