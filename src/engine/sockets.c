/* SPDX-License-Identifier: MIT */
/* The sockets engine. One poll(): send what is dirty, wait, receive what has come, call back.
 *
 * Three rules keep it to about three system calls per batch: everything pending leaves in one sendmsg(), but
 * for pieces of files, which take a sendfile() each; a receive that brought less than asked for has drained
 * the socket and is not tried again; and epoll_ctl() is called only when what a link waits for has changed.
 *
 * Two rules keep it safe against callbacks that close and free links: whoever closes scrubs the events of
 * this round and `current`, and after a callback a link is touched only if `current` still names it. */
#include "engine/sockets.h"
#include "engine/dial.h"
#include "engine/link.h"

#include <berth/error.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/time_types.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define RX_SEGS      64u
#define TX_SEGS      256u /* iovecs per sendmsg(); the kernel takes up to IOV_MAX, 1024 */
#define EVENTS       64
#define IO_LOOPS     16u /* receives, or sends, per link and round: one busy link must not starve the others */
#define ACCEPTS      32u          /* accepted per listener and round */
#define FLUSH_PASSES 4u           /* progress() after a send may bring more to send */
#define REST_NS      100000000ull /* a listener that found no free descriptor looks away for so long */
#define MS_NS        1000000ull

/* What an epoll event is about, in the low bits of its pointer. */
enum source { SOURCE_LINK, SOURCE_LISTENER, SOURCE_WATCH, SOURCE_MASK = 3 };

struct listener {
    struct list node;
    int fd;
    uint64_t rest_until_ns; /* 0: accepting */
    struct link *(*accept)(void *owner, const struct engine_addr *from);
    void *owner;
};

struct watch {
    struct list node;
    int fd;
    void (*ready)(void *owner);
    void *owner;
};

struct sockets {
    struct engine engine;
    int epoll;
    bool no_pwait2; /* kernel before 5.11, or a filter that forbids it */
    uint64_t now;
    uint32_t connecting, resting;
    struct list listeners, watches;
    struct list flushing;       /* what this pass of flush_dirty() has still to send */
    struct link *current;       /* whose callback runs */
    struct listener *accepting; /* whose callback runs */
    int event, event_count;
    struct epoll_event events[EVENTS];
    struct berth_seg segs[TX_SEGS];
    struct iovec iov[TX_SEGS];
};

/* What a round of receiving or sending did to a link. */
struct outcome {
    bool moved;
    bool ended;
    bool unread; /* ended by sending: what had arrived is still to be received */
    int err;     /* 0: the peer closed */
};

static struct sockets *sockets_of(struct engine *e)
{
    return (struct sockets *)(void *)e; /* engine is its first member */
}

static uint64_t clock_ns(struct engine *e)
{
    (void)e; /* answered by the vDSO: no system call */
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

/* ---- epoll ---- */

static int epoll_change(struct sockets *s, int op, int fd, uint32_t interest, void *what, enum source kind)
{
    struct epoll_event ev = {.events = interest, .data.u64 = (uintptr_t)what | kind};
    s->engine.syscalls++;
    return epoll_ctl(s->epoll, op, fd, &ev);
}

/* `what` is going away: no event of this round may reach it. */
static void scrub(struct sockets *s, const void *what, enum source kind)
{
    for (int i = s->event + 1; i < s->event_count; i++)
        if (s->events[i].data.u64 == ((uintptr_t)what | kind))
            s->events[i].data.u64 = 0;
}

static void close_fd(struct sockets *s, int fd)
{
    /* a forked child may hold a copy, which would keep a merely closed descriptor in the epoll set */
    epoll_change(s, EPOLL_CTL_DEL, fd, 0, NULL, SOURCE_LINK);
    s->engine.syscalls++;
    close(fd);
}

/* ---- links ---- */

static void link_open(struct sockets *s, struct link *l, int fd, uint32_t phase, uint32_t interest)
{
    link_start(l, &s->engine, phase);
    l->fd = fd;
    l->interest = interest;
    l->transport = NULL;
}

static void sockets_close(struct link *l)
{
    struct sockets *s = sockets_of(l->engine);
    if (link_phase(l) == LINK_CLOSED)
        return;
    if (link_phase(l) == LINK_CONNECTING)
        s->connecting--;
    scrub(s, l, SOURCE_LINK);
    if (s->current == l)
        s->current = NULL;
    link_stop(l);
    close_fd(s, l->fd);
    l->fd = -1;
    s->engine.wake = true;
}

/* err 0: the peer closed. */
static void link_down(struct link *l, int err)
{
    sockets_close(l);
    l->last_errno = err;
    l->owner->down(l, err ? engine_error(err) : BERTH_E_CLOSED);
}

static void break_link(struct link *l, int err)
{
    link_set_phase(l, LINK_BROKEN, LINK_RX_PAUSED);
    l->last_errno = err;
    link_mark_dirty(l);
}

/* ---- moving bytes ---- */

/* Segments as iovecs. Returns their bytes; 0 also when there is one that is no memory. */
static uint64_t to_iovecs(struct sockets *s, uint32_t first, uint32_t count)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct berth_seg *seg = &s->segs[first + i];
        if (seg->kind != BERTH_SEG_MEMORY)
            return 0;
        s->iov[i] = (struct iovec){seg->base, seg->len};
        total += seg->len;
    }
    return total;
}

static ssize_t receive(struct sockets *s, struct link *l, uint32_t count)
{
    s->engine.syscalls++;
    l->rx_calls++;
    if (count == 1)
        return recv(l->fd, s->iov[0].iov_base, s->iov[0].iov_len, 0);
    return readv(l->fd, s->iov, (int)count);
}

static bool would_block(int err)
{
    return err == EAGAIN || err == EWOULDBLOCK || err == EINTR;
}

static uint64_t ask_rx(struct sockets *s, struct link *l, uint32_t *count)
{
    *count = l->conn ? filter_rx_want(l->filter, l->conn, s->segs, RX_SEGS) : 0;
    uint64_t asked = to_iovecs(s, 0, *count);
    link_set_flag(l, LINK_RX_PAUSED, asked == 0);
    return asked;
}

/* One receive. True if there may be more to get. */
static bool rx_once(struct sockets *s, struct link *l, struct outcome *out)
{
    uint32_t count;
    uint64_t asked = ask_rx(s, l, &count);
    if (asked == 0)
        return false;
    ssize_t n = receive(s, l, count);
    if (n <= 0) {
        out->ended = n == 0 || !would_block(errno);
        out->err = n == 0 ? 0 : errno;
        return false;
    }
    out->moved = true;
    l->rx_bytes += (uint64_t)n;
    filter_rx_done(l->filter, l->conn, (uint64_t)n, s->now);
    return (uint64_t)n == asked;
}

static void rx(struct sockets *s, struct link *l, struct outcome *out)
{
    for (uint32_t i = 0; i < IO_LOOPS && rx_once(s, l, out); i++)
        ;
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

static ssize_t send_memory(struct sockets *s, const struct link *l, const struct run *r, uint64_t *asked)
{
    *asked = to_iovecs(s, r->first, r->count);
    if (*asked == 0) {
        errno = EOPNOTSUPP; /* limits() has not promised that */
        return -1;
    }
    struct msghdr msg = {.msg_iov = s->iov, .msg_iovlen = r->count};
    return sendmsg(l->fd, &msg, MSG_NOSIGNAL | (r->more ? MSG_MORE : 0));
}

static ssize_t send_file(const struct link *l, const struct berth_seg *seg, uint64_t *asked)
{
    off_t offset = (off_t)seg->offset;
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
    return seg->kind == BERTH_SEG_FILE ? send_file(l, seg, asked) : send_memory(s, l, r, asked);
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
    uint32_t count = filter_tx_peek(l->filter, l->conn, s->segs, TX_SEGS);
    uint64_t sent = send_runs(s, l, count, &err);
    if (sent > 0) {
        out->moved = true;
        l->tx_bytes += sent;
        filter_tx_done(l->filter, l->conn, sent);
    }
    if (err)
        tx_failed(l, out, err);
    return !err && count > 0;
}

static void tx(struct sockets *s, struct link *l, struct outcome *out)
{
    for (uint32_t i = 0; i < IO_LOOPS && filter_tx_pending(l->filter, l->conn) && tx_once(s, l, out); i++)
        ;
}

/* Makes epoll wait for what the link waits for now. A paused receiver is asked again: something was sent, or
 * drained by the owner, since. */
static void settle(struct sockets *s, struct link *l)
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
    if (epoll_change(s, EPOLL_CTL_MOD, l->fd, interest, l, SOURCE_LINK) < 0)
        break_link(l, errno);
}

/* Tells the owner what happened; the link may be gone when it returns. */
static void conclude(struct sockets *s, struct link *l, struct outcome *out)
{
    struct outcome last = {.moved = false};
    if (out->unread)
        rx(s, l, &last); /* the peer's last words often tell why sending failed */
    s->current = l;
    if (out->moved || last.moved)
        l->owner->progress(l);
    if (s->current != l)
        return;
    if (out->ended)
        link_down(l, out->err);
    else
        settle(s, l);
}

static void sockets_kick(struct link *l)
{
    if (link_phase(l) == LINK_UP && !(l->state & LINK_TX_BLOCKED))
        link_mark_dirty(l);
}

static void sockets_flush(struct link *l)
{
    struct sockets *s = sockets_of(l->engine);
    struct outcome out = {.moved = false};
    if (!link_may_send(l))
        return;
    list_remove(&l->dirty);
    tx(s, l, &out);
    if (out.ended)
        break_link(l, out.err);
    else
        settle(s, l);
}

static void flush_one(struct sockets *s, struct link *l)
{
    struct outcome out = {.moved = false};
    if (link_phase(l) == LINK_BROKEN)
        out = (struct outcome){.ended = true, .unread = true, .err = l->last_errno};
    else if (link_may_send(l))
        tx(s, l, &out);
    conclude(s, l, &out);
}

static void flush_dirty(struct sockets *s)
{
    struct list *node;
    for (uint32_t pass = 0; pass < FLUSH_PASSES && !list_empty(&s->engine.dirty); pass++) {
        while ((node = list_pop(&s->engine.dirty)))
            list_push(&s->flushing, node);
        while ((node = list_pop(&s->flushing)))
            flush_one(s, list_entry(node, struct link, dirty));
    }
}

/* ---- connecting ---- */

static int tcp_socket(struct sockets *s, int family)
{
    s->engine.syscalls++;
    return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
}

static int set_option(struct sockets *s, int fd, int level, int option)
{
    int on = 1;
    s->engine.syscalls++;
    return setsockopt(fd, level, option, &on, sizeof on);
}

static int give_up(struct sockets *s, int fd)
{
    int err = errno;
    s->engine.syscalls++;
    if (fd >= 0)
        close(fd);
    errno = err;
    return engine_error(err);
}

static int sockets_connect(struct engine *e, struct link *l, const struct engine_addr *to,
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
    if (epoll_change(s, EPOLL_CTL_ADD, d.fd, EPOLLOUT, l, SOURCE_LINK) < 0) {
        l->last_errno = errno;
        return give_up(s, d.fd);
    }
    link_open(s, l, d.fd, LINK_CONNECTING, EPOLLOUT);
    l->connect_deadline_ns = deadline_ns;
    s->connecting++;
    return BERTH_OK;
}

static void link_up(struct sockets *s, struct link *l)
{
    s->current = l;
    l->owner->up(l);
    if (s->current == l)
        settle(s, l);
}

static int socket_error(struct sockets *s, int fd)
{
    int err = 0;
    socklen_t len = sizeof err;
    s->engine.syscalls++;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0 ? errno : err;
}

static void connect_event(struct sockets *s, struct link *l)
{
    int err = socket_error(s, l->fd);
    if (err) {
        link_down(l, err);
        return;
    }
    s->connecting--;
    link_set_phase(l, LINK_UP, LINK_RX_PAUSED);
    link_up(s, l);
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
static void expire_connects(struct sockets *s)
{
    struct link *l;
    for (uint32_t left = s->connecting; left > 0 && (l = expired(s)); left--)
        link_down(l, ETIMEDOUT);
}

/* ---- listening ---- */

static bool listener_change(struct sockets *s, struct listener *ln, int op, uint32_t interest)
{
    return epoll_change(s, op, ln->fd, interest, ln, SOURCE_LISTENER) == 0;
}

static int bind_listener(struct sockets *s, int fd, struct engine_addr *where)
{
    struct sockaddr *sa = (struct sockaddr *)&where->sa;
    if (set_option(s, fd, SOL_SOCKET, SO_REUSEADDR) < 0)
        return -1;
    if (sa->sa_family == AF_INET6 && set_option(s, fd, IPPROTO_IPV6, IPV6_V6ONLY) < 0)
        return -1;
    if (set_option(s, fd, IPPROTO_TCP, TCP_NODELAY) < 0) /* accepted sockets inherit it */
        return -1;
    s->engine.syscalls += 3;
    if (bind(fd, sa, where->len) < 0 || listen(fd, SOMAXCONN) < 0)
        return -1;
    where->len = sizeof where->sa;
    return getsockname(fd, sa, &where->len);
}

static int start_listening(struct sockets *s, const struct listener *what, struct listener **out)
{
    struct listener *ln = malloc(sizeof *ln);
    if (!ln)
        return -1;
    *ln = *what;
    if (!listener_change(s, ln, EPOLL_CTL_ADD, EPOLLIN)) {
        free(ln);
        return -1;
    }
    list_push(&s->listeners, &ln->node);
    *out = ln;
    return 0;
}

static int sockets_listen(struct engine *e, struct engine_addr *where,
                          struct link *(*accept)(void *owner, const struct engine_addr *from), void *owner,
                          struct listener **out)
{
    struct sockets *s = sockets_of(e);
    int fd = tcp_socket(s, where->sa.ss_family);
    struct listener ln = {.fd = fd, .accept = accept, .owner = owner};
    if (fd < 0)
        return engine_error(errno);
    if (bind_listener(s, fd, where) < 0 || start_listening(s, &ln, out) < 0)
        return give_up(s, fd);
    return BERTH_OK;
}

/* Listening, and not in the way of anybody else's waiting. */
static int check_listener(struct sockets *s, int fd, struct engine_addr *where)
{
    int listening = 0, flags = fcntl(fd, F_GETFL);
    socklen_t len = sizeof listening;
    where->len = sizeof where->sa;
    s->engine.syscalls += 5;
    if (flags < 0 || getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) < 0 ||
        getsockname(fd, (struct sockaddr *)&where->sa, &where->len) < 0)
        return -1;
    if (!listening || (where->sa.ss_family != AF_INET && where->sa.ss_family != AF_INET6)) {
        errno = EINVAL;
        return -1;
    }
    return fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ? -1 : 0;
}

static int sockets_listen_fd(struct engine *e, int fd, struct engine_addr *where,
                             struct link *(*accept)(void *owner, const struct engine_addr *from), void *owner,
                             struct listener **out)
{
    struct sockets *s = sockets_of(e);
    struct listener ln = {.fd = fd, .accept = accept, .owner = owner};
    if (check_listener(s, fd, where) < 0 || set_option(s, fd, IPPROTO_TCP, TCP_NODELAY) < 0 ||
        start_listening(s, &ln, out) < 0)
        return engine_error(errno);
    return BERTH_OK;
}

static void sockets_unlisten(struct engine *e, struct listener *ln)
{
    struct sockets *s = sockets_of(e);
    scrub(s, ln, SOURCE_LISTENER);
    if (s->accepting == ln)
        s->accepting = NULL;
    if (ln->rest_until_ns)
        s->resting--;
    list_remove(&ln->node);
    close_fd(s, ln->fd);
    free(ln);
}

static void admit(struct sockets *s, struct listener *ln, int fd, const struct engine_addr *from)
{
    struct link *l = ln->accept(ln->owner, from);
    if (!l) {
        s->engine.syscalls++;
        close(fd);
        return;
    }
    dial_spare_pacing(fd, from, &s->engine.syscalls);
    link_open(s, l, fd, LINK_UP, EPOLLIN);
    if (epoll_change(s, EPOLL_CTL_ADD, fd, EPOLLIN, l, SOURCE_LINK) < 0)
        break_link(l, errno);
    else
        link_up(s, l);
}

static int accept_one(struct sockets *s, const struct listener *ln, struct engine_addr *from)
{
    from->len = sizeof from->sa;
    s->engine.syscalls++;
    return accept4(ln->fd, (struct sockaddr *)&from->sa, &from->len, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

/* Short of descriptors or memory: the listener stays readable, so leaving it watched would spin. Everything
 * else (ECONNABORTED, errors of the dead connection's network) concerns only the connection that is gone. */
static void accept_failed(struct sockets *s, struct listener *ln)
{
    if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM)
        return;
    ln->rest_until_ns = s->now + REST_NS;
    s->resting++;
    listener_change(s, ln, EPOLL_CTL_MOD, 0);
}

static void listener_event(struct sockets *s, struct listener *ln)
{
    struct engine_addr from;
    s->accepting = ln;
    for (uint32_t i = 0; i < ACCEPTS && s->accepting; i++) {
        int fd = accept_one(s, ln, &from);
        if (fd < 0) {
            accept_failed(s, ln);
            break;
        }
        admit(s, ln, fd, &from);
    }
    s->accepting = NULL;
}

static void wake_listeners(struct sockets *s)
{
    list_each (node, &s->listeners) {
        struct listener *ln = list_entry(node, struct listener, node);
        if (ln->rest_until_ns == 0 || ln->rest_until_ns > s->now)
            continue;
        ln->rest_until_ns = 0;
        s->resting--;
        listener_change(s, ln, EPOLL_CTL_MOD, EPOLLIN);
    }
}

/* ---- foreign descriptors ---- */

static struct watch *find_watch(struct sockets *s, int fd)
{
    list_each (node, &s->watches) {
        struct watch *w = list_entry(node, struct watch, node);
        if (w->fd == fd)
            return w;
    }
    return NULL;
}

static void unwatch(struct sockets *s, struct watch *w)
{
    scrub(s, w, SOURCE_WATCH);
    epoll_change(s, EPOLL_CTL_DEL, w->fd, 0, NULL, SOURCE_WATCH);
    list_remove(&w->node);
    free(w);
}

static int sockets_watch(struct engine *e, int fd, void (*ready)(void *owner), void *owner)
{
    struct sockets *s = sockets_of(e);
    struct watch *w = find_watch(s, fd);
    if (w)
        unwatch(s, w);
    if (!ready)
        return BERTH_OK;
    w = malloc(sizeof *w);
    if (!w)
        return BERTH_E_MEMORY;
    *w = (struct watch){.fd = fd, .ready = ready, .owner = owner};
    if (epoll_change(s, EPOLL_CTL_ADD, fd, EPOLLIN, w, SOURCE_WATCH) < 0) {
        free(w);
        return BERTH_E_SYSTEM;
    }
    list_push(&s->watches, &w->node);
    return BERTH_OK;
}

/* ---- poll ---- */

static void link_event(struct sockets *s, struct link *l, uint32_t events)
{
    struct outcome out = {.moved = false};
    if (link_phase(l) == LINK_CONNECTING) {
        connect_event(s, l);
        return;
    }
    if (link_phase(l) != LINK_UP)
        return;
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        rx(s, l, &out);
    if (!out.ended && (events & (EPOLLHUP | EPOLLERR)) && (l->state & LINK_RX_PAUSED))
        out = (struct outcome){.moved = out.moved, .ended = true, .err = socket_error(s, l->fd)};
    if (events & EPOLLOUT)
        link_set_flag(l, LINK_TX_BLOCKED, false);
    if (!out.ended && (events & EPOLLOUT) && link_may_send(l))
        tx(s, l, &out);
    conclude(s, l, &out);
}

static void dispatch_one(struct sockets *s, const struct epoll_event *ev)
{
    void *what = (void *)(uintptr_t)(ev->data.u64 & ~(uint64_t)SOURCE_MASK);
    struct watch *w = what;
    if (!what)
        return;
    switch ((enum source)(ev->data.u64 & SOURCE_MASK)) {
    case SOURCE_LINK:
        link_event(s, what, ev->events);
        break;
    case SOURCE_LISTENER:
        listener_event(s, what);
        break;
    case SOURCE_WATCH:
        w->ready(w->owner);
        break;
    case SOURCE_MASK:
        break;
    }
}

static void dispatch(struct sockets *s, int count)
{
    s->event_count = count;
    for (s->event = 0; s->event < s->event_count; s->event++)
        dispatch_one(s, &s->events[s->event]);
    s->event = s->event_count = 0;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* When the wait must end: what the caller said, or a connect deadline, or a resting listener. */
static uint64_t wait_until(struct sockets *s, uint64_t until_ns)
{
    if (s->engine.wake || !list_empty(&s->engine.dirty))
        return 0;
    if (s->connecting > 0)
        list_each (node, &s->engine.links) {
            struct link *l = list_entry(node, struct link, node);
            if (link_phase(l) == LINK_CONNECTING)
                until_ns = earlier(until_ns, l->connect_deadline_ns);
        }
    if (s->resting > 0)
        list_each (node, &s->listeners) {
            struct listener *ln = list_entry(node, struct listener, node);
            until_ns = earlier(until_ns, ln->rest_until_ns ? ln->rest_until_ns : UINT64_MAX);
        }
    return until_ns;
}

static int wait_ms(struct sockets *s, int timeout_ms)
{
    s->engine.syscalls++;
    return epoll_wait(s->epoll, s->events, EVENTS, timeout_ms);
}

static int wait_ns(struct sockets *s, uint64_t left_ns)
{
#ifdef SYS_epoll_pwait2
    struct __kernel_timespec t = {(long long)(left_ns / 1000000000u), (long long)(left_ns % 1000000000u)};
    if (!s->no_pwait2) {
        s->engine.syscalls++;
        long n = syscall(SYS_epoll_pwait2, s->epoll, s->events, EVENTS, &t, NULL, 0);
        if (n >= 0 || (errno != ENOSYS && errno != EPERM))
            return (int)n;
        s->no_pwait2 = true;
    }
#endif
    uint64_t ms = left_ns / MS_NS + (left_ns % MS_NS != 0); /* never before the time: that would spin */
    return wait_ms(s, ms > INT_MAX ? INT_MAX : (int)ms);
}

static int wait_events(struct sockets *s, uint64_t until_ns)
{
    if (until_ns == UINT64_MAX)
        return wait_ms(s, -1);
    uint64_t now = until_ns ? clock_ns(&s->engine) : 0;
    return until_ns > now ? wait_ns(s, until_ns - now) : wait_ms(s, 0);
}

static int sockets_poll(struct engine *e, uint64_t until_ns)
{
    struct sockets *s = sockets_of(e);
    e->wake = false;
    s->now = clock_ns(e);
    flush_dirty(s);
    int count = wait_events(s, wait_until(s, until_ns));
    e->interrupted = count < 0 && errno == EINTR;
    if (count < 0 && !e->interrupted)
        return BERTH_E_SYSTEM;
    s->now = clock_ns(e);
    dispatch(s, count < 0 ? 0 : count);
    expire_connects(s);
    if (s->resting > 0)
        wake_listeners(s);
    return BERTH_OK;
}

/* ---- the engine ---- */

static void sockets_limits(struct engine_limits *limits)
{
    *limits = (struct engine_limits){
        .max_recv_segment = (1u << 24) - 1, /* the protocol's own limits (RFC 7143 13.12, 13.13) */
        .max_send_segment = (1u << 24) - 1,
        .max_burst = (1u << 24) - 1,
        .max_depth = UINT16_MAX,
        .seg_kinds = 1u << BERTH_SEG_MEMORY,
        .send_kinds = 1u << BERTH_SEG_MEMORY | 1u << BERTH_SEG_FILE,
    };
}

static int sockets_fd(struct engine *e)
{
    return sockets_of(e)->epoll;
}

static void sockets_free(struct engine *e)
{
    struct sockets *s = sockets_of(e);
    while (!list_empty(&e->links))
        sockets_close(list_entry(e->links.next, struct link, node));
    while (!list_empty(&s->listeners))
        sockets_unlisten(e, list_entry(s->listeners.next, struct listener, node));
    while (!list_empty(&s->watches))
        unwatch(s, list_entry(s->watches.next, struct watch, node));
    close(s->epoll);
    free(s);
}

static const struct engine_ops sockets_ops = {
    .size = sizeof(struct engine_ops),
    .name = "sockets",
    .caps = ENGINE_LISTENS | ENGINE_REAL_TIME,
    .limits = sockets_limits,
    .now = clock_ns,
    .connect = sockets_connect,
    .listen = sockets_listen,
    .listen_fd = sockets_listen_fd,
    .unlisten = sockets_unlisten,
    .kick = sockets_kick,
    .flush = sockets_flush,
    .close = sockets_close,
    .poll = sockets_poll,
    .fd = sockets_fd,
    .watch = sockets_watch,
    .free = sockets_free,
};

struct engine *sockets_engine_new(void)
{
    struct sockets *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (s->epoll < 0) {
        free(s);
        return NULL;
    }
    s->engine.ops = &sockets_ops;
    list_init(&s->engine.links);
    list_init(&s->engine.dirty);
    list_init(&s->listeners);
    list_init(&s->watches);
    list_init(&s->flushing);
    return &s->engine;
}
