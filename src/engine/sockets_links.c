/* SPDX-License-Identifier: MIT */
/* Links of the sockets engine: connecting, up, closed. */
#include "engine/dial.h"
#include "engine/link.h"
#include "engine/sockets_parts.h"

#include <berth/error.h>
#include <errno.h>
#include <unistd.h>

void sockets_link_open(struct sockets *s, struct link *l, int fd, uint32_t phase, uint32_t interest)
{
    link_start(l, &s->engine, phase);
    l->fd = fd;
    l->interest = interest;
    l->transport = NULL;
}

void sockets_close(struct link *l)
{
    struct sockets *s = sockets_of(l->engine);
    if (link_phase(l) == LINK_CLOSED)
        return;
    if (link_phase(l) == LINK_CONNECTING)
        s->connecting--;
    sockets_scrub(s, l, SOURCE_LINK);
    if (s->current == l)
        s->current = NULL;
    link_stop(l);
    sockets_close_fd(s, l->fd);
    l->fd = -1;
    s->engine.wake = true;
}

/* err 0: the peer closed. */
void sockets_link_down(struct link *l, int err)
{
    sockets_close(l);
    l->last_errno = err;
    l->owner->down(l, err ? engine_error(err) : BERTH_E_CLOSED);
}

void sockets_break_link(struct link *l, int err)
{
    link_set_phase(l, LINK_BROKEN, LINK_RX_PAUSED | (l->state & LINK_SLEEPY)); /* it may still be read */
    l->last_errno = err;
    link_mark_dirty(l);
}

/* --- changing hands --- */

void sockets_release(struct link *l)
{
    struct sockets *s = sockets_of(l->engine);
    sockets_scrub(s, l, SOURCE_LINK);
    if (s->current == l)
        s->current = NULL;
    link_let_go(l);
    sockets_epoll(s, EPOLL_CTL_DEL, l->fd, 0, NULL, SOURCE_LINK);
}

int sockets_adopt(struct engine *e, struct link *l)
{
    struct sockets *s = sockets_of(e);
    link_take_over(l, e);
    if (sockets_epoll(s, EPOLL_CTL_ADD, l->fd, 0, l, SOURCE_LINK) < 0 && link_phase(l) == LINK_UP)
        sockets_break_link(l, errno);
    return BERTH_OK;
}

/* --- connecting --- */

int sockets_connect(struct engine *e, struct link *l, const struct engine_addr *to,
                    const struct engine_bind *bind, uint64_t deadline_ns)
{
    struct sockets *s = sockets_of(e);
    struct dial d = {.to = to, .bind = bind};
    l->engine = e;
    link_set_phase(l, LINK_CLOSED, 0);
    if (to->sa.ss_family != AF_INET && to->sa.ss_family != AF_INET6)
        return BERTH_E_ADDRESS;
    int error = dial_begin(&d);
    e->syscalls += d.syscalls;
    l->last_errno = errno;
    l->why = d.why;
    if (error)
        return error;
    if (sockets_epoll(s, EPOLL_CTL_ADD, d.fd, EPOLLOUT, l, SOURCE_LINK) < 0) {
        l->last_errno = errno;
        return sockets_give_up(s, d.fd);
    }
    sockets_link_open(s, l, d.fd, LINK_CONNECTING, EPOLLOUT);
    l->connect_deadline_ns = deadline_ns;
    s->connecting++;
    return BERTH_OK;
}

void sockets_link_up(struct sockets *s, struct link *l)
{
    s->current = l;
    l->owner->up(l);
    if (s->current != l)
        return;
    if (!s->engine.front_first || link_move(l, s->engine.front) != BERTH_OK)
        sockets_settle(s, l);
}

static void connect_event(struct sockets *s, struct link *l)
{
    int err = sockets_error(s, l->fd);
    if (err) {
        sockets_link_down(l, err);
        return;
    }
    s->connecting--;
    link_set_phase(l, LINK_UP, LINK_RX_PAUSED);
    sockets_link_up(s, l);
}

static struct link *expired(struct sockets *s)
{
    list_each (node, &s->engine.links) {
        struct link *l = list_entry(node, struct link, node);
        if (link_phase(l) == LINK_CONNECTING && l->connect_deadline_ns <= s->now)
            return l;
    }
    return NULL;
}

/* As many as there were: an owner who connects again with a deadline in the past must not hold us here. */
void sockets_expire_connects(struct sockets *s)
{
    struct link *l;
    for (uint32_t left = s->connecting; left > 0 && (l = expired(s)); left--)
        sockets_link_down(l, ETIMEDOUT);
}

void sockets_link_event(struct sockets *s, struct link *l, uint32_t events)
{
    struct outcome out = {.moved = false};
    if (link_phase(l) == LINK_CONNECTING) {
        connect_event(s, l);
        return;
    }
    if (link_phase(l) != LINK_UP)
        return;
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        sockets_rx(s, l, &out, MSG_DONTWAIT);
    if (!out.ended && (events & (EPOLLHUP | EPOLLERR)) && (l->state & LINK_RX_PAUSED)) {
        out.ended = true; /* what came before it is told first */
        out.err = sockets_error(s, l->fd);
    }
    if (events & EPOLLOUT)
        link_set_flag(l, LINK_TX_BLOCKED, false);
    if (!out.ended && (events & EPOLLOUT) && link_may_send(l))
        sockets_tx(s, l, &out);
    sockets_conclude(s, l, &out);
}
