/* SPDX-License-Identifier: MIT */
/* How the sockets engine moves a link's bytes. */
#include "engine/link.h"
#include "engine/sockets_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

#define RX_SEGS      64u
#define IO_LOOPS     16u /* receives, or sends, per link and round: one busy link must not starve the others */
#define FLUSH_PASSES 4u  /* progress() after a send may bring more to send */

/* Segments as iovecs. Returns their bytes; 0 also when there is one that is no memory. */
static uint64_t to_iovecs(struct sockets *s, uint32_t count)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct berth_seg *seg = &s->segs[i];
        if (seg->kind != BERTH_SEG_MEMORY)
            return 0;
        s->iov[i] = (struct iovec){seg->base, seg->len};
        total += seg->len;
    }
    return total;
}

static ssize_t receive(struct sockets *s, struct link *l, uint32_t count, int flags)
{
    struct msghdr msg = {.msg_iov = s->iov, .msg_iovlen = count};
    s->engine.syscalls++;
    l->rx_calls++;
    if (count == 1)
        return recv(l->fd, s->iov[0].iov_base, s->iov[0].iov_len, flags);
    return l->state & LINK_SLEEPY ? recvmsg(l->fd, &msg, flags) : readv(l->fd, s->iov, (int)count);
}

static bool would_block(int err)
{
    return err == EAGAIN || err == EWOULDBLOCK || err == EINTR;
}

static uint64_t ask_rx(struct sockets *s, struct link *l, uint32_t *count)
{
    *count = l->conn ? filter_rx_want(l->filter, l->conn, s->segs, RX_SEGS) : 0;
    uint64_t asked = to_iovecs(s, *count);
    link_set_flag(l, LINK_RX_PAUSED, asked == 0);
    return asked;
}

/* One receive. True if there may be more to get. */
static bool rx_once(struct sockets *s, struct link *l, struct outcome *out, int flags)
{
    uint32_t count;
    uint64_t asked = ask_rx(s, l, &count);
    if (asked == 0)
        return false;
    ssize_t n = receive(s, l, count, flags);
    if (n <= 0) {
        out->ended = n == 0 || !would_block(errno);
        out->err = n == 0 ? 0 : errno;
        return false;
    }
    out->moved = true;
    if (!(flags & MSG_DONTWAIT))
        s->now = sockets_now(&s->engine); /* it may have slept */
    l->rx_bytes += (uint64_t)n;
    filter_rx_done(l->filter, l->conn, (uint64_t)n, s->now);
    out->news |= l->filter || conn_rx_news(l->conn);
    return (uint64_t)n == asked;
}

void sockets_rx(struct sockets *s, struct link *l, struct outcome *out, int flags)
{
    for (uint32_t i = 0; i < IO_LOOPS && rx_once(s, l, out, flags); i++)
        flags = MSG_DONTWAIT;
}

/* From now on a receive without MSG_DONTWAIT sleeps, so long at most. */
void sockets_let_block(struct sockets *s, struct link *l, uint64_t most_ns)
{
    struct timeval most = {.tv_usec = (suseconds_t)(most_ns / 1000)};
    int flags = fcntl(l->fd, F_GETFL);
    s->engine.syscalls += 3;
    if (flags >= 0 && setsockopt(l->fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most) == 0 &&
        fcntl(l->fd, F_SETFL, flags & ~O_NONBLOCK) == 0)
        link_set_flag(l, LINK_SLEEPY, true);
}

/* There is no flag for sendfile(). */
static void let_nothing_block(struct sockets *s, struct link *l)
{
    int flags = fcntl(l->fd, F_GETFL);
    s->engine.syscalls += 2;
    if (flags >= 0 && fcntl(l->fd, F_SETFL, flags | O_NONBLOCK) == 0)
        link_set_flag(l, LINK_SLEEPY, false);
}

static void tx_failed(struct link *l, struct outcome *out, int err)
{
    if (would_block(err)) {
        link_set_flag(l, LINK_TX_BLOCKED, true);
        return;
    }
    out->ended = out->unread = true;
    out->err = err;
}

/* Segments that leave in one call: memory as far as it goes, or one piece of a file. */
struct run {
    uint32_t first, count;
    bool more; /* others follow */
};

static struct run next_run(const struct sockets *s, uint32_t first, uint32_t count)
{
    uint32_t end = first + 1;
    while (s->segs[first].kind == BERTH_SEG_MEMORY && end < count && s->segs[end].kind == BERTH_SEG_MEMORY)
        end++;
    return (struct run){first, end - first, end < count};
}

static bool is_crumb(const struct sockets *s, const struct run *r, uint32_t i)
{
    return i < r->count && s->segs[r->first + i].len <= SOCKETS_CRUMB;
}

/* The run as iovecs. Small pieces that follow each other, as the headers of commands do, are put side by
 * side: to the kernel each piece by itself costs more than its bytes. Returns all bytes. */
static uint64_t lay_out(struct sockets *s, const struct run *r, struct msghdr *msg)
{
    uint64_t total = 0, used = 0;
    bool joins = false; /* the last iovec is of crumbs */
    *msg = (struct msghdr){.msg_iov = s->iov};
    for (uint32_t i = 0; i < r->count; i++) {
        const struct berth_seg *seg = &s->segs[r->first + i];
        uint8_t *at = s->crumbs + used;
        bool crumb = is_crumb(s, r, i) && (joins || is_crumb(s, r, i + 1));
        if (crumb)
            memcpy(at, seg->base, seg->len);
        if (crumb && joins)
            s->iov[msg->msg_iovlen - 1].iov_len += seg->len;
        else
            s->iov[msg->msg_iovlen++] = (struct iovec){crumb ? at : seg->base, seg->len};
        used += crumb ? seg->len : 0;
        total += seg->len;
        joins = crumb;
    }
    return total;
}

static ssize_t send_memory(struct sockets *s, const struct link *l, const struct run *r, uint64_t *asked)
{
    struct msghdr msg;
    if (s->segs[r->first].kind != BERTH_SEG_MEMORY) {
        errno = EOPNOTSUPP; /* limits() has not promised that */
        return -1;
    }
    *asked = lay_out(s, r, &msg);
    return sendmsg(l->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT | (r->more ? MSG_MORE : 0));
}

static ssize_t send_file(struct sockets *s, struct link *l, const struct berth_seg *seg, uint64_t *asked)
{
    off_t offset = (off_t)seg->offset;
    if (l->state & LINK_SLEEPY)
        let_nothing_block(s, l);
    *asked = seg->len;
    ssize_t n = sendfile(l->fd, (int)seg->index, &offset, seg->len);
    if (n == 0) { /* somebody made the file shorter: its length has been promised to the peer */
        errno = EIO;
        return -1;
    }
    return n;
}

static ssize_t send_run(struct sockets *s, struct link *l, const struct run *r, uint64_t *asked)
{
    const struct berth_seg *seg = &s->segs[r->first];
    s->engine.syscalls++;
    l->tx_calls++;
    return seg->kind == BERTH_SEG_FILE ? send_file(s, l, seg, asked) : send_memory(s, l, r, asked);
}

/* Sends what was peeked, as far as the socket takes it. Returns the bytes; *err is 0 if that was all. */
static uint64_t send_runs(struct sockets *s, struct link *l, uint32_t count, int *err)
{
    uint64_t sent = 0, asked;
    *err = 0;
    for (uint32_t at = 0; at < count && !*err;) {
        struct run r = next_run(s, at, count);
        ssize_t n = send_run(s, l, &r, &asked);
        at += r.count;
        sent += n > 0 ? (uint64_t)n : 0;
        if (n < 0)
            *err = errno;
        else if ((uint64_t)n < asked)
            *err = EAGAIN;
    }
    return sent;
}

/* One list of segments. True if all of it went and more may be waiting. */
static bool tx_once(struct sockets *s, struct link *l, struct outcome *out)
{
    int err;
    uint32_t count = filter_tx_peek(l->filter, l->conn, s->segs, SOCKETS_SEGS);
    uint64_t sent = send_runs(s, l, count, &err);
    if (sent > 0) {
        out->moved = out->news = true;
        l->tx_bytes += sent;
        sockets_sent(s);
        filter_tx_done(l->filter, l->conn, sent);
    }
    if (err)
        tx_failed(l, out, err);
    return !err && count > 0;
}

void sockets_tx(struct sockets *s, struct link *l, struct outcome *out)
{
    for (uint32_t i = 0; i < IO_LOOPS && filter_tx_pending(l->filter, l->conn) && tx_once(s, l, out); i++)
        ;
}

/* Makes epoll wait for what the link waits for now. A paused receiver is asked again: something was sent, or
 * drained by the owner, since. */
void sockets_settle(struct sockets *s, struct link *l)
{
    uint32_t count;
    if (l->state & LINK_RX_PAUSED)
        ask_rx(s, l, &count);
    if (link_may_send(l) && filter_tx_pending(l->filter, l->conn))
        link_mark_dirty(l);
    uint32_t interest = (l->state & LINK_RX_PAUSED ? 0u : (uint32_t)EPOLLIN) |
                        (l->state & LINK_TX_BLOCKED ? (uint32_t)EPOLLOUT : 0u);
    if (interest == l->interest)
        return;
    l->interest = interest;
    if (sockets_epoll(s, EPOLL_CTL_MOD, l->fd, interest, l, SOURCE_LINK) < 0)
        sockets_break_link(l, errno);
}

/* Tells the owner what happened; the link may be gone when it returns. */
void sockets_conclude(struct sockets *s, struct link *l, struct outcome *out)
{
    struct outcome last = {.moved = false};
    if (out->unread)
        sockets_rx(s, l, &last, MSG_DONTWAIT); /* the peer's last words often tell why sending failed */
    s->current = l;
    if (out->news || last.news)
        l->owner->progress(l);
    if (s->current != l)
        return;
    if (out->ended)
        sockets_link_down(l, out->err);
    else
        sockets_settle(s, l);
}

void sockets_kick(struct link *l)
{
    if (link_phase(l) == LINK_UP && !(l->state & LINK_TX_BLOCKED))
        link_mark_dirty(l);
}

void sockets_flush(struct link *l)
{
    struct sockets *s = sockets_of(l->engine);
    struct outcome out = {.moved = false};
    if (!link_may_send(l))
        return;
    list_remove(&l->dirty);
    sockets_tx(s, l, &out);
    if (out.ended)
        sockets_break_link(l, out.err);
    else
        sockets_settle(s, l);
}

static void flush_one(struct sockets *s, struct link *l)
{
    struct outcome out = {.moved = false};
    if (s->gathering && link_may_send(l) && !l->filter && conn_tx_gathers(l->conn)) {
        list_push(&s->held, &l->dirty);
        return;
    }
    if (link_phase(l) == LINK_BROKEN)
        out = (struct outcome){.ended = true, .unread = true, .err = l->last_errno};
    else if (link_may_send(l))
        sockets_tx(s, l, &out);
    sockets_conclude(s, l, &out);
}

void sockets_flush_dirty(struct sockets *s)
{
    struct list *node;
    for (uint32_t pass = 0; pass < FLUSH_PASSES && !list_empty(&s->engine.dirty); pass++) {
        while ((node = list_pop(&s->engine.dirty)))
            list_push(&s->flushing, node);
        while ((node = list_pop(&s->flushing)))
            flush_one(s, list_entry(node, struct link, dirty));
    }
}

void sockets_let_go(struct sockets *s)
{
    struct list *node;
    s->gathering = false;
    while ((node = list_pop(&s->held)))
        list_push(&s->engine.dirty, node);
}
