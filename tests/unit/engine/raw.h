/* SPDX-License-Identifier: MIT */
/* Peers made by hand from plain blocking sockets, to do what an engine never would. */
#ifndef TEST_RAW_H
#define TEST_RAW_H

#include <arpa/inet.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer.h"

static inline struct engine_addr loopback4(uint16_t port)
{
    struct engine_addr a = {.len = sizeof(struct sockaddr_in)};
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons(port)};
    sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    memcpy(&a.sa, &sa, sizeof sa);
    return a;
}

static inline struct engine_addr loopback6(uint16_t port)
{
    struct engine_addr a = {.len = sizeof(struct sockaddr_in6)};
    struct sockaddr_in6 sa = {
        .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = in6addr_loopback};
    memcpy(&a.sa, &sa, sizeof sa);
    return a;
}

static inline uint16_t port_of(const struct engine_addr *a)
{
    struct sockaddr_in sa;
    memcpy(&sa, &a->sa, sizeof sa); /* the port lies at the same place in both families */
    return ntohs(sa.sin_port);
}

static inline bool have_ipv6(void)
{
    struct engine_addr a = loopback6(0);
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool yes = fd >= 0 && bind(fd, (struct sockaddr *)&a.sa, a.len) == 0;
    if (fd >= 0)
        close(fd);
    return yes;
}

/* A listening socket; `*where` receives its address. However much this system would let sockets keep that are
 * not read, and more of it the faster they are read, those it accepts keep so much. */
static inline int raw_listen(struct engine_addr *where, int backlog)
{
    static const int kept = 128 * 1024;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    *where = loopback4(0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &kept, sizeof kept), 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&where->sa, where->len), 0);
    assert_int_equal(listen(fd, backlog), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&where->sa, &where->len), 0);
    return fd;
}

/* A socket that has this port and does not listen; -1 if somebody else has it. */
static inline int raw_bound(uint16_t port)
{
    struct engine_addr where = loopback4(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(fd, (struct sockaddr *)&where.sa, where.len) == 0)
        return fd;
    close(fd);
    return -1;
}

/* A port that is nobody else's as long as the socket is open, and refuses. */
static inline int raw_refusing(struct engine_addr *where)
{
    int fd = raw_bound(0);
    *where = loopback4(0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&where->sa, &where->len), 0);
    return fd;
}

static inline int raw_connect(const struct engine_addr *to)
{
    int fd = socket(to->sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&to->sa, to->len), 0);
    return fd;
}

/* The end of a ring that was here before may end a wait in the middle, as a signal does. */
static inline void raw_send(int fd, uint32_t seed, uint64_t at, size_t n)
{
    uint8_t *bytes = malloc(n);
    stub_pattern(seed, at, bytes, n);
    for (size_t sent = 0; sent < n;) {
        ssize_t more = send(fd, bytes + sent, n - sent, MSG_NOSIGNAL);
        assert_true(more > 0);
        sent += (size_t)more;
    }
    free(bytes);
}

/* So may it end this one. */
static inline void raw_expect(int fd, uint32_t seed, uint64_t at, size_t n)
{
    uint8_t *bytes = malloc(n), *expect = malloc(n);
    for (size_t got = 0; got < n;) {
        ssize_t more = recv(fd, bytes + got, n - got, MSG_WAITALL);
        assert_true(more > 0);
        got += (size_t)more;
    }
    stub_pattern(seed, at, expect, n);
    assert_memory_equal(bytes, expect, n);
    free(bytes);
    free(expect);
}

/* Has it been promised that links of this engine send files? */
static inline bool sends_files(struct engine *e)
{
    struct engine_limits limits;
    engine_limits(e, &limits);
    return limits.send_kinds & 1u << BERTH_SEG_FILE;
}

/* A file without a name that holds the beginning of pattern 0. */
static inline int raw_file(size_t n)
{
    char path[] = "berth-pattern-XXXXXX";
    int fd = mkstemp(path);
    uint8_t *bytes = malloc(n);
    assert_true(fd >= 0);
    unlink(path);
    stub_pattern(0, 0, bytes, n);
    assert_int_equal(write(fd, bytes, n), n);
    free(bytes);
    return fd;
}

/* Closes with a RST. */
static inline void raw_reset(int fd)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
    close(fd);
}

/* What was sent may still be on its way when send() has returned: until so many bytes can be read. */
static inline void raw_arrives(const struct peer *p, int bytes)
{
    struct pollfd pfd = {.fd = p->link.fd, .events = POLLIN};
    for (int there = 0; there < bytes; assert_int_equal(ioctl(p->link.fd, FIONREAD, &there), 0))
        assert_int_equal(poll(&pfd, 1, (int)(PATIENCE / MS)), 1);
}

/* The same where a ring may have read them already: until the peer's kernel has confirmed all of them. */
static inline void raw_delivered(int fd)
{
    for (int left = 1; left > 0; assert_int_equal(ioctl(fd, SIOCOUTQ, &left), 0))
        sched_yield();
}

/* So may a RST. */
static inline void raw_reset_arrives(const struct peer *p)
{
    struct pollfd pfd = {.fd = p->link.fd};
    assert_int_equal(poll(&pfd, 1, (int)(PATIENCE / MS)), 1);
    assert_true(pfd.revents & (POLLERR | POLLHUP));
}

/* A peer of the engine, connected to a plain socket. */
static inline struct peer *raw_pair(struct engine *e, int *raw)
{
    struct engine_addr where;
    int listener = raw_listen(&where, 1);
    struct peer *p = peer_connect(e, &where);
    *raw = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    assert_true(*raw >= 0);
    run_until(e, &p->ups, 1);
    close(listener);
    return p;
}

#endif
