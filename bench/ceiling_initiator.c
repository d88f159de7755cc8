/* SPDX-License-Identifier: MIT */
/* The ceiling's receiver: keeps every connection full and receives in one of four shapes. */
#include "ceiling.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include "ceiling_line.h"
#include "cli/clock.h"
#include "sockets.h"

#define USAGE                                                                                                \
    "bench_ceiling run ADDRESS:PORT [--shape two-reads|staged|predicted|plain] [--rw RW] [--bs BYTES]\n"     \
    "           [--depth N] [--time SECONDS] [--sockets N] [--poll] [--look US] [--hold PERCENT]\n"          \
    "           [--lowat BYTES] [--segment BYTES]"
#define EVENTS 256

struct run {
    struct load load;
    const char *shape_name;
    const struct shape *shape;
    uint32_t segment, hold_percent, lowat, look_us;
    bool poll;
    int epoll;
    struct line *lines;
    uint32_t under_way; /* I/Os of all lines */
};

/* --- sending --- */

static void add_piece(struct line *n, struct msghdr *msg, void *base, size_t len)
{
    struct iovec *last = msg->msg_iovlen ? &n->iov[msg->msg_iovlen - 1] : NULL;
    if (last && (uint8_t *)last->iov_base + last->iov_len == base)
        last->iov_len += len;
    else
        n->iov[msg->msg_iovlen++] = (struct iovec){base, len};
}

static void send_all(struct line *n, struct msghdr *msg)
{
    while (msg->msg_iovlen) {
        ssize_t sent = sendmsg(n->fd, msg, MSG_NOSIGNAL);
        n->load->syscalls++;
        if (sent < 0)
            die("send");
        for (; msg->msg_iovlen && (size_t)sent >= msg->msg_iov->iov_len; msg->msg_iovlen--)
            sent -= (ssize_t)(msg->msg_iov++)->iov_len;
        if (msg->msg_iovlen) {
            msg->msg_iov->iov_base = (uint8_t *)msg->msg_iov->iov_base + sent;
            msg->msg_iov->iov_len -= (size_t)sent;
        }
    }
}

/* What the slots of `waiting` want leaves together, written data from where it lies. */
static void send_requests(struct line *n)
{
    struct msghdr msg = {.msg_iov = n->iov};
    for (uint32_t i = 0; i < n->waiting_count; i++) {
        uint32_t slot = n->waiting[i];
        const struct load_slot *s = &n->load->slots[slot];
        n->requests[i] = (struct pdu){.tag = slot,
                                      .len = n->load->block,
                                      .segment = n->segment,
                                      .write = s->write,
                                      .offset = s->offset};
        add_piece(n, &msg, &n->requests[i], sizeof(struct pdu));
        if (s->write)
            add_piece(n, &msg, s->place, n->load->block);
        n->fifo[n->tail++ & n->mask] = slot;
        if (msg.msg_iovlen > LINE_PIECES - 2)
            send_all(n, &msg), msg = (struct msghdr){.msg_iov = n->iov};
    }
    n->waiting_count = 0;
    send_all(n, &msg);
}

/* --- turns --- */

/* Takes what has been completed, and asks for as much again: together, once no more than a part of the depth
 * is on its way. */
static void turn(struct run *r, struct line *n)
{
    struct load *l = &r->load;
    uint64_t now = clock_ns();
    bool more = load_more(l, now);
    for (uint32_t i = 0; i < n->done_count; i++) {
        load_done(l, n->done[i], now);
        if (!more) {
            r->under_way--;
            continue;
        }
        load_next(l, n->done[i], now);
        n->waiting[n->waiting_count++] = n->done[i];
    }
    n->done_count = 0;
    if (n->waiting_count && (n->tail - n->head) * 100 <= l->depth * r->hold_percent)
        send_requests(n);
}

/* Looks for a while before it sleeps, if so wished. */
static ssize_t look_and_receive(struct run *r, struct line *n, int flags)
{
    uint64_t until = r->look_us && !flags ? clock_ns() + r->look_us * 1000ull : 0;
    while (until && clock_ns() < until) {
        r->load.syscalls++;
        ssize_t got = r->shape->receive(n, MSG_DONTWAIT);
        if (got >= 0 || errno != EAGAIN)
            return got;
    }
    r->load.syscalls++;
    return r->shape->receive(n, flags);
}

static void receive(struct run *r, struct line *n, int flags)
{
    if (line_in_flight(n) == 0)
        return;
    ssize_t got = look_and_receive(r, n, flags);
    if (got < 0 && errno != EAGAIN && errno != EINTR)
        die("receive");
    errno = 0;
    if (got == 0)
        die("the other side has closed the connection; run it with the address of a 'bench_ceiling serve'");
    if (n->done_count)
        turn(r, n);
}

static void one_line(struct run *r)
{
    struct line *n = r->lines;
    while (line_in_flight(n))
        receive(r, n, r->poll ? MSG_DONTWAIT : 0);
}

static void many_lines(struct run *r)
{
    struct epoll_event events[EVENTS];
    while (r->under_way) {
        int count = epoll_wait(r->epoll, events, EVENTS, r->poll ? 0 : -1);
        r->load.syscalls++;
        if (count < 0)
            die("epoll");
        for (int i = 0; i < count; i++)
            receive(r, events[i].data.ptr, MSG_DONTWAIT);
    }
}

static void start(struct run *r)
{
    uint64_t now = clock_ns();
    r->under_way = r->load.depth * r->load.sessions;
    for (uint32_t i = 0; i < r->under_way; i++) {
        struct line *n = &r->lines[i / r->load.depth];
        load_next(&r->load, i, now);
        n->waiting[n->waiting_count++] = i;
    }
    for (uint32_t i = 0; i < r->load.sessions; i++)
        send_requests(&r->lines[i]);
}

/* --- the program --- */

static void prepare(struct run *r, const char *where)
{
    load_prepare(&r->load);
    r->epoll = epoll_create1(EPOLL_CLOEXEC);
    r->lines = calloc(r->load.sessions, sizeof *r->lines);
    if (!r->lines)
        die("memory");
    for (uint32_t i = 0; i < r->load.sessions; i++) {
        struct line *n = &r->lines[i];
        struct epoll_event ev = {.events = EPOLLIN, .data.ptr = n};
        int lowat = (int)r->lowat;
        line_prepare(n, &r->load, r->segment, r->shape);
        n->fd = socket_connect(where);
        if ((lowat && setsockopt(n->fd, SOL_SOCKET, SO_RCVLOWAT, &lowat, sizeof lowat) < 0) ||
            epoll_ctl(r->epoll, EPOLL_CTL_ADD, n->fd, &ev) < 0)
            die("connection");
    }
}

int ceiling_run(char **argv)
{
    static struct run r = {
        .load = LOAD_DEFAULTS, .shape_name = "staged", .segment = 256u << 10, .hold_percent = 100};
    const struct word words[] = {LOAD_WORDS(&r.load),
                                 {"shape", WORD_TEXT, &r.shape_name},
                                 {"sockets", WORD_NUMBER, &r.load.sessions},
                                 {"segment", WORD_NUMBER, &r.segment},
                                 {"hold", WORD_NUMBER, &r.hold_percent},
                                 {"lowat", WORD_NUMBER, &r.lowat},
                                 {"look", WORD_NUMBER, &r.look_us},
                                 {"poll", WORD_FLAG, &r.poll},
                                 {NULL, WORD_FLAG, NULL}};
    const char *where = words_take(argv, words, USAGE);
    r.shape = shape_find(r.shape_name);
    errno = 0;
    if (!r.shape || r.segment == 0)
        die("--shape is one of two-reads, staged, predicted, plain; --segment is not 0");
    prepare(&r, where);
    load_begin(&r.load);
    start(&r);
    if (r.load.sessions == 1)
        one_line(&r);
    else
        many_lines(&r);
    load_end(&r.load);
    load_print(&r.load, "ceiling", r.shape_name);
    return 0;
}
