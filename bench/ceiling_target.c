/* SPDX-License-Identifier: MIT */
/* The ceiling's sender. One thread, any number of connections. */
#include "ceiling.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include "load.h"
#include "sockets.h"

#define QUEUE   4096u /* answers that wait on one connection; a power of two */
#define STAGING (64u * 1024)
#define DIRECT  8192u /* what is still to come of written data is received in place from here on */
#define PIECES  256u
#define EVENTS  64
#define ROUNDS  16u

struct peer {
    int fd;
    bool blocked; /* the socket took no more */
    struct pdu queue[QUEUE];
    uint32_t head, tail; /* count on; the place is their rest by QUEUE */
    uint64_t sent;       /* of the first answer's bytes */
    struct pdu writing;  /* data of which is coming, as `write_left` says */
    uint32_t write_left;
    uint32_t have; /* bytes of a header that has not come whole */
    uint8_t staging[STAGING];
};

struct target {
    int epoll, listener;
    uint8_t *lun;
    uint64_t lun_bytes;
    struct iovec iov[PIECES];
    struct pdu heads[PIECES];
};

/* --- receiving --- */

static void enqueue(struct peer *p, const struct pdu *request)
{
    errno = 0;
    if (p->tail - p->head == QUEUE)
        die("too many requests at once");
    p->queue[p->tail++ % QUEUE] = *request;
}

static void request(struct target *t, struct peer *p, const struct pdu *r)
{
    errno = 0;
    if (r->segment == 0 || r->offset > t->lun_bytes || r->len > t->lun_bytes - r->offset)
        die("a request that makes no sense");
    if (r->write) {
        p->writing = *r;
        p->write_left = r->len;
    } else {
        enqueue(p, r);
    }
}

static uint8_t *write_place(struct target *t, const struct peer *p)
{
    return t->lun + p->writing.offset + p->writing.len - p->write_left;
}

static void wrote(struct peer *p, uint32_t len)
{
    p->write_left -= len;
    if (p->write_left == 0)
        enqueue(p, &p->writing);
}

static void digest_staging(struct target *t, struct peer *p)
{
    uint32_t at = 0;
    while (at < p->have) {
        uint32_t left = p->have - at, len = left < p->write_left ? left : p->write_left;
        if (len > 0) {
            memcpy(write_place(t, p), p->staging + at, len);
            wrote(p, len);
            at += len;
        } else if (left >= sizeof(struct pdu)) {
            struct pdu r;
            memcpy(&r, p->staging + at, sizeof r);
            request(t, p, &r);
            at += (uint32_t)sizeof r;
        } else {
            break;
        }
    }
    memmove(p->staging, p->staging + at, p->have - at);
    p->have -= at;
}

/* True if there may be more. */
static bool receive(struct target *t, struct peer *p, bool *over)
{
    uint32_t direct = p->write_left >= DIRECT ? p->write_left : 0;
    uint64_t asked = (uint64_t)direct + STAGING - p->have;
    struct iovec iov[2] = {{direct ? write_place(t, p) : NULL, direct},
                           {p->staging + p->have, STAGING - p->have}};
    ssize_t n = direct ? readv(p->fd, iov, 2) : recv(p->fd, iov[1].iov_base, iov[1].iov_len, 0);
    *over = n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
    if (n <= 0)
        return false;
    uint32_t placed = (uint32_t)n < direct ? (uint32_t)n : direct;
    if (placed)
        wrote(p, placed);
    p->have += (uint32_t)n - placed;
    digest_staging(t, p);
    return (uint64_t)n == asked;
}

/* --- sending --- */

/* Adds what `sent` leaves of one answer. Returns the pieces used by then. */
static uint32_t gather(struct target *t, const struct pdu *answer, uint64_t sent, uint32_t used)
{
    uint32_t data = answer->write ? 0 : answer->len, at = 0;
    do {
        uint32_t len = data - at < answer->segment ? data - at : answer->segment;
        struct iovec pieces[2] = {{&t->heads[used], sizeof(struct pdu)}, {t->lun + answer->offset + at, len}};
        t->heads[used] = *answer;
        t->heads[used].len = len;
        for (uint32_t i = 0; i < 2 && used < PIECES; i++) {
            uint64_t skip = sent < pieces[i].iov_len ? sent : pieces[i].iov_len;
            sent -= skip;
            if (skip < pieces[i].iov_len)
                t->iov[used++] =
                    (struct iovec){(uint8_t *)pieces[i].iov_base + skip, pieces[i].iov_len - skip};
        }
        at += len;
    } while (at < data && used < PIECES);
    return used;
}

static void sent(struct peer *p, uint64_t bytes)
{
    for (p->sent += bytes; p->head != p->tail; p->head++) {
        const struct pdu *answer = &p->queue[p->head % QUEUE];
        uint64_t all = answer_bytes(answer->write ? 0 : answer->len, answer->segment);
        if (p->sent < all)
            return;
        p->sent -= all;
    }
}

static void watch(struct target *t, struct peer *p, bool blocked)
{
    struct epoll_event ev = {.events = EPOLLIN | (blocked ? (uint32_t)EPOLLOUT : 0u), .data.ptr = p};
    if (blocked != p->blocked && epoll_ctl(t->epoll, EPOLL_CTL_MOD, p->fd, &ev) < 0)
        die("epoll");
    p->blocked = blocked;
}

static bool send_answers(struct target *t, struct peer *p)
{
    uint32_t used = 0;
    for (uint32_t i = p->head; i != p->tail && used < PIECES - 1; i++)
        used = gather(t, &p->queue[i % QUEUE], i == p->head ? p->sent : 0, used);
    struct msghdr msg = {.msg_iov = t->iov, .msg_iovlen = used};
    ssize_t n = sendmsg(p->fd, &msg, MSG_NOSIGNAL);
    if (n > 0)
        sent(p, (uint64_t)n);
    watch(t, p, n < 0 && errno == EAGAIN);
    return n > 0;
}

/* --- connections --- */

static void hang_up(struct peer *p)
{
    close(p->fd);
    free(p);
}

static void serve(struct target *t, struct peer *p)
{
    bool over = false;
    for (uint32_t i = 0; i < ROUNDS && receive(t, p, &over); i++)
        ;
    if (over) {
        hang_up(p);
        return;
    }
    for (uint32_t i = 0; i < ROUNDS && p->head != p->tail && send_answers(t, p); i++)
        ;
}

static void admit(struct target *t)
{
    struct peer *p = calloc(1, sizeof *p);
    if (!p)
        die("memory");
    p->fd = socket_accept(t->listener);
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = p};
    if (fcntl(p->fd, F_SETFL, O_NONBLOCK) < 0 || epoll_ctl(t->epoll, EPOLL_CTL_ADD, p->fd, &ev) < 0)
        die("epoll");
}

static void prepare(struct target *t, const char *address, uint64_t lun_bytes)
{
    struct epoll_event ev = {.events = EPOLLIN};
    t->lun_bytes = lun_bytes;
    t->lun = mmap(NULL, lun_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (t->lun == MAP_FAILED)
        die("memory");
    for (uint64_t at = 0; at < lun_bytes; at += 1u << 20)
        if (getrandom(t->lun + at, 1u << 20, 0) != 1 << 20)
            die("getrandom");
    t->epoll = epoll_create1(EPOLL_CLOEXEC);
    t->listener = socket_listen(address);
    if (t->epoll < 0 || epoll_ctl(t->epoll, EPOLL_CTL_ADD, t->listener, &ev) < 0)
        die("epoll");
}

_Noreturn void ceiling_serve(const char *address, bool busy, uint64_t lun_bytes)
{
    static struct target t;
    prepare(&t, address, lun_bytes);
    for (;;) {
        struct epoll_event events[EVENTS];
        int count = epoll_wait(t.epoll, events, EVENTS, busy ? 0 : -1);
        if (count < 0 && errno != EINTR)
            die("epoll");
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr)
                serve(&t, events[i].data.ptr);
            else
                admit(&t);
        }
    }
}
