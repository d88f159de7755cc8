/* SPDX-License-Identifier: MIT */
/* How the io_uring engine moves a link's bytes.
 *
 * A send never waits: it takes what the socket has room for and ends within the call that submits it, so the
 * core learns at once what has left, as from any other engine, and only less than all is worth a completion.
 * A receive stays in flight until something comes. */
#include "engine/link.h"
#include "engine/uring_parts.h"

#include <errno.h>
#include <poll.h>
#include <sys/uio.h>

#define LAST_LOOPS 16u

/* Segments as iovecs, which stay until they have been submitted. NULL if there is one that is no memory. */
static struct iovec *to_iovecs(struct uring *u, uint32_t count, uint64_t *total)
{
    struct iovec *iov = &u->iov[u->iov_used];
    *total = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct berth_seg *seg = &u->segs[i];
        if (seg->kind != BERTH_SEG_MEMORY)
            return NULL;
        iov[i] = (struct iovec){seg->base, seg->len};
        *total += seg->len;
    }
    return iov;
}

static struct msghdr *message(struct uring *u, struct iovec *iov, uint32_t count)
{
    struct msghdr *msg = &u->msgs[u->msg_used++];
    u->iov_used += count;
    *msg = (struct msghdr){.msg_iov = iov, .msg_iovlen = count};
    return msg;
}

/* Room for the longest list, and for its operation, so that nothing is submitted half-made. */
static void make_room(struct uring *u)
{
    bool full = u->iov_used + URING_TX_SEGS + URING_RX_SEGS > URING_IOVECS || u->msg_used + 2 > URING_SQES ||
                io_uring_sq_space_left(&u->ring) < 4;
    if (full)
        uring_enter(u, 0, 0);
}

static void watch_socket(struct uring *u, struct carried *c, enum uring_op op, uint32_t events)
{
    struct io_uring_sqe *sqe;
    if (uring_flies(c, op))
        return;
    sqe = uring_sqe(u, c, op);
    uint64_t data = sqe->user_data;
    io_uring_prep_poll_add(sqe, c->link->fd, events);
    sqe->user_data = data;
}

/* ---- sending ---- */

static void queue_send(struct uring *u, struct carried *c, struct iovec *iov, uint32_t count)
{
    const int flags = MSG_NOSIGNAL | MSG_DONTWAIT | MSG_WAITALL;
    struct io_uring_sqe *sqe = uring_sqe(u, c, URING_SEND);
    uint64_t data = sqe->user_data;
    if (count == 1)
        io_uring_prep_send(sqe, c->link->fd, iov->iov_base, iov->iov_len, flags);
    else
        io_uring_prep_sendmsg(sqe, c->link->fd, message(u, iov, count), (unsigned)flags);
    sqe->user_data = data;
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    c->place = u->ring.sq.sqe_tail - (sqe != &u->nowhere);
    list_push(&u->queued, &c->sending);
    c->link->tx_calls++;
}

static bool prepare_send(struct uring *u, struct carried *c)
{
    struct link *l = c->link;
    uint32_t count = filter_tx_peek(l->filter, l->conn, u->segs, URING_TX_SEGS);
    const struct iovec *iov = to_iovecs(u, count, &c->offered);
    if (!iov) {
        uring_break_link(l, EOPNOTSUPP); /* limits() has not promised that */
        return false;
    }
    if (c->offered == 0)
        return false;
    queue_send(u, c, &u->iov[u->iov_used], count);
    return count == URING_TX_SEGS || l->filter || conn_tx_news(l->conn);
}

static void account_sent(struct uring *u, struct carried *c)
{
    struct link *l = c->link;
    bool less = c->landed & 1u << URING_SEND;
    int32_t result = c->result[URING_SEND];
    uint64_t n = less ? (result > 0 ? (uint64_t)result : 0) : c->offered;
    c->flying &= (uint8_t) ~(1u << URING_SEND);
    c->landed &= (uint8_t) ~(1u << URING_SEND);
    if (n > 0) {
        c->moved = true;
        patience_renew(&u->patience);
        l->tx_bytes += n;
        filter_tx_done(l->filter, l->conn, n);
        uring_make_ready(u, c);
    }
    if (!less)
        return;
    if (n > 0 || result == -EAGAIN || result == -EINTR)
        link_set_flag(l, LINK_TX_BLOCKED, true);
    else if (result < 0)
        uring_break_link(l, -result);
}

/* What the kernel has not taken, because it did not let us, is as if it had never been queued. */
void uring_sent(struct uring *u)
{
    struct list *node;
    while ((node = list_pop(&u->sending)))
        account_sent(u, list_entry(node, struct carried, sending));
    while ((node = list_pop(&u->queued))) {
        struct carried *c = list_entry(node, struct carried, sending);
        c->flying &= (uint8_t) ~(1u << URING_SEND);
        link_mark_dirty(c->link);
    }
}

/* ---- receiving ---- */

static void queue_receive(struct uring *u, struct carried *c, struct iovec *iov, uint32_t count)
{
    struct io_uring_sqe *sqe = uring_sqe(u, c, URING_RECV);
    uint64_t data = sqe->user_data;
    if (count == 1)
        io_uring_prep_recv(sqe, c->link->fd, iov->iov_base, iov->iov_len, 0);
    else
        io_uring_prep_recvmsg(sqe, c->link->fd, message(u, iov, count), 0);
    sqe->user_data = data;
    c->link->rx_calls++;
}

static uint32_t ask(struct uring *u, struct link *l, uint64_t *asked)
{
    if (l->conn)
        conn_background_rx(l->conn, true);
    uint32_t count = l->conn ? filter_rx_want(l->filter, l->conn, u->segs, URING_RX_SEGS) : 0;
    if (!to_iovecs(u, count, asked))
        *asked = 0;
    link_set_flag(l, LINK_RX_PAUSED, *asked == 0);
    return count;
}

static void prepare_receive(struct uring *u, struct carried *c)
{
    uint64_t asked;
    uint32_t count = ask(u, c->link, &asked);
    if (asked > 0)
        queue_receive(u, c, &u->iov[u->iov_used], count);
    else
        watch_socket(u, c, URING_HUP, 0);
}

static bool no_news(int32_t result)
{
    return result == -ECANCELED || result == -EAGAIN || result == -EINTR;
}

void uring_received(struct uring *u, struct carried *c, struct uring_outcome *out)
{
    struct link *l = c->link;
    int32_t n = c->result[URING_RECV];
    c->moved |= c->stopped;
    c->stopped = false;
    if (n > 0) {
        c->moved = true;
        l->rx_bytes += (uint64_t)n;
        filter_rx_done(l->filter, l->conn, (uint64_t)n, u->now);
        return;
    }
    if (no_news(n)) {
        if (l->conn)
            conn_background_rx(l->conn, true); /* what was lent for it is given back */
        return;
    }
    out->ended = true;
    out->err = -n;
}

void uring_last_words(struct uring *u, struct link *l)
{
    struct carried *c = carried_of(l);
    struct uring_outcome out = {.ended = false};
    uint64_t asked;
    ssize_t n = 1;
    uring_recall(u, c);
    if (c->landed & 1u << URING_RECV)
        uring_received(u, c, &out);
    c->landed = 0;
    u->iov_used = 0; /* nothing is queued */
    for (uint32_t i = 0; i < LAST_LOOPS && n > 0 && !out.ended; i++) {
        uint32_t count = ask(u, l, &asked);
        if (asked == 0)
            return;
        struct msghdr msg = {.msg_iov = u->iov, .msg_iovlen = count};
        u->base->syscalls++;
        n = recvmsg(l->fd, &msg, MSG_DONTWAIT);
        if (n <= 0)
            return;
        c->moved = true;
        l->rx_bytes += (uint64_t)n;
        filter_rx_done(l->filter, l->conn, (uint64_t)n, u->now);
    }
}

/* ---- both ---- */

bool uring_prepare(struct uring *u, struct link *l)
{
    struct carried *c = carried_of(l);
    bool news = false;
    make_room(u);
    if (link_phase(l) != LINK_UP) {
        uring_make_ready(u, c);
        return false;
    }
    if (l->state & LINK_TX_BLOCKED)
        watch_socket(u, c, URING_OUT, POLLOUT);
    else if (!uring_flies(c, URING_SEND) && l->conn && filter_tx_pending(l->filter, l->conn))
        news = prepare_send(u, c);
    if (!uring_flies(c, URING_RECV) && !(c->landed & 1u << URING_RECV))
        prepare_receive(u, c);
    return news;
}
