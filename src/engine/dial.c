/* SPDX-License-Identifier: MIT */
/* Everything between socket() and a connection that is under way. What was asked of the local end is either
 * had or the attempt fails and says what could not be had: traffic that its owner wants on one network must
 * not leave through another. */
#include "engine/dial.h"

#include <berth/error.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <time.h>
#include <unistd.h>

#ifndef IP_LOCAL_PORT_RANGE
#define IP_LOCAL_PORT_RANGE 51 /* Linux 6.3 */
#endif

#define DSCP_AT 2 /* above the two bits of ECN */

static int set(struct dial *d, int level, int option, const void *value, socklen_t len)
{
    d->syscalls++;
    return setsockopt(d->fd, level, option, value, len);
}

static int set_number(struct dial *d, int level, int option, int value)
{
    return set(d, level, option, &value, sizeof value);
}

/* --- the peer --- */

static bool on_this_machine(const struct sockaddr_storage *sa)
{
    const struct sockaddr_in *v4 = (const void *)sa;
    const struct sockaddr_in6 *v6 = (const void *)sa;
    if (sa->ss_family == AF_INET)
        return ntohl(v4->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    return sa->ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

/* Between two processes of one machine there is no network to be spared, but the system's choice may be one
 * that spares it (BBR paces what it sends by timers, which costs more than all the rest of an I/O). Every
 * system has this one; where it may not be chosen the default has to do. */
void dial_spare_pacing(int fd, const struct engine_addr *peer, uint64_t *syscalls)
{
    static const char plain[] = "reno";
    if (!on_this_machine(&peer->sa))
        return;
    ++*syscalls;
    (void)!setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, plain, sizeof plain - 1);
}

static int connect_now(struct dial *d)
{
    d->syscalls++;
    int r = connect(d->fd, (const struct sockaddr *)&d->to->sa, d->to->len);
    return r < 0 && errno != EINPROGRESS && errno != EINTR ? -1 : 0;
}

/* --- how packets are marked --- */

static int set_device(struct dial *d)
{
    const char *name = d->bind->device;
    return *name ? set(d, SOL_SOCKET, SO_BINDTODEVICE, name, (socklen_t)strlen(name)) : 0;
}

static int set_mark(struct dial *d)
{
    return d->bind->mark ? set_number(d, SOL_SOCKET, SO_MARK, (int)d->bind->mark) : 0;
}

static int set_dscp(struct dial *d)
{
    int value = d->bind->dscp << DSCP_AT;
    if (value == 0)
        return 0;
    return d->to->sa.ss_family == AF_INET ? set_number(d, IPPROTO_IP, IP_TOS, value)
                                          : set_number(d, IPPROTO_IPV6, IPV6_TCLASS, value);
}

static int set_priority(struct dial *d)
{
    return d->bind->priority ? set_number(d, SOL_SOCKET, SO_PRIORITY, (int)d->bind->priority) : 0;
}

/* In this order: the traffic class brings a priority of its own. */
static const struct step {
    int (*take)(struct dial *d);
    const char *forbidden, *other; /* what it means if it fails with EPERM, and else */
} steps[] = {
    {set_device, "binding to a network device is not permitted: it takes CAP_NET_RAW before Linux 5.7",
     "there is no such network device"},
    {set_mark, "marking packets is not permitted: it takes CAP_NET_ADMIN", "packets cannot be marked here"},
    {set_dscp, "setting the DSCP is not permitted", "the DSCP cannot be set here"},
    {set_priority, "a priority above 6 is not permitted: it takes CAP_NET_ADMIN",
     "the priority cannot be set here"},
};

static int take_steps(struct dial *d)
{
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
        if (steps[i].take(d) < 0) {
            d->why = errno == EPERM ? steps[i].forbidden : steps[i].other;
            return -1;
        }
    return 0;
}

/* --- the local address and port --- */

static void set_port(struct engine_addr *a, uint16_t port)
{
    struct sockaddr_in *v4 = (void *)&a->sa; /* the port lies at the same place in both families */
    v4->sin_port = htons(port);
}

static uint16_t port_of(const struct engine_addr *a)
{
    const struct sockaddr_in *v4 = (const void *)&a->sa;
    return ntohs(v4->sin_port);
}

/* The source that was asked for, or any, with this port. */
static int bind_to(struct dial *d, uint16_t port)
{
    struct engine_addr from = d->bind->source;
    if (from.len == 0) {
        from.len = d->to->sa.ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
        from.sa.ss_family = d->to->sa.ss_family;
    }
    set_port(&from, port);
    d->syscalls++;
    if (bind(d->fd, (const struct sockaddr *)&from.sa, from.len) == 0)
        return 0;
    if (errno == EADDRNOTAVAIL)
        d->why = "the local address is not one of this host's";
    return -1;
}

/* With no port of its own yet, which connect() chooses with the peer in mind, so that connections to
 * different portals can share one. */
static int bind_source(struct dial *d)
{
    if (d->bind->source.len == 0)
        return 0;
    (void)!set_number(d, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
    int r = bind_to(d, 0);
    if (r < 0 && !d->why)
        d->why = "the local address cannot be used";
    return r;
}

static int open_socket(struct dial *d)
{
    d->syscalls++;
    d->fd = socket(d->to->sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
    if (d->fd < 0 || set_number(d, IPPROTO_TCP, TCP_NODELAY, 1) < 0)
        return -1;
    dial_spare_pacing(d->fd, d->to, &d->syscalls);
    return d->bind ? take_steps(d) : 0;
}

static void close_socket(struct dial *d)
{
    int err = errno;
    if (d->fd >= 0) {
        d->syscalls++;
        close(d->fd);
    }
    d->fd = -1;
    errno = err;
}

/* --- a range of local ports --- */

/* EADDRNOTAVAIL is connect()'s word for it. */
static bool in_use(int err)
{
    return err == EADDRINUSE || err == EADDRNOTAVAIL;
}

static bool in_range(struct dial *d)
{
    struct engine_addr at = {.len = sizeof at.sa};
    d->syscalls++;
    return getsockname(d->fd, (struct sockaddr *)&at.sa, &at.len) == 0 &&
           port_of(&at) >= d->bind->first_port && port_of(&at) <= d->bind->last_port;
}

/* The kernel finds a free port by itself, but only within its own range of ports: beyond, it takes no notice
 * of ours and says nothing. */
static bool bound_by_kernel(struct dial *d)
{
    uint32_t range = (uint32_t)d->bind->last_port << 16 | d->bind->first_port;
    return set(d, IPPROTO_IP, IP_LOCAL_PORT_RANGE, &range, sizeof range) == 0 && bind_to(d, 0) == 0 &&
           in_range(d);
}

/* Ports are shared with connections to other peers, so being free shows only in connect(). */
static int try_port(struct dial *d, uint16_t port)
{
    int r = open_socket(d);
    if (r == 0)
        r = set_number(d, SOL_SOCKET, SO_REUSEADDR, 1);
    if (r == 0)
        r = port ? bind_to(d, port) : bound_by_kernel(d) ? 0 : -1;
    if (r == 0)
        r = connect_now(d);
    if (r < 0)
        close_socket(d);
    return r;
}

static uint32_t somewhere(uint32_t below)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint32_t)t.tv_nsec % below;
}

static const char *port_flaw(int err)
{
    if (err == EACCES)
        return "local ports below 1024 are not permitted: they take CAP_NET_BIND_SERVICE";
    return in_use(err) ? "all local ports of the range are in use" : NULL;
}

/* Not from the first one on: the port of the last connection may still be waiting for its end. */
static int dial_from_range(struct dial *d)
{
    const struct engine_bind *b = d->bind;
    uint32_t count = b->last_port - b->first_port + 1u, begin = somewhere(count);
    int r = try_port(d, 0);
    for (uint32_t n = 0; r < 0 && !d->why && n < count; n++) {
        r = try_port(d, (uint16_t)(b->first_port + (begin + n) % count));
        if (r < 0 && !in_use(errno))
            break;
    }
    if (r < 0 && !d->why)
        d->why = port_flaw(errno);
    return r;
}

static int dial_plainly(struct dial *d)
{
    int r = open_socket(d);
    if (r == 0 && d->bind)
        r = bind_source(d);
    if (r == 0)
        r = connect_now(d);
    if (r < 0)
        close_socket(d);
    return r;
}

static bool family_fits(const struct dial *d)
{
    return !d->bind || d->bind->source.len == 0 || d->bind->source.sa.ss_family == d->to->sa.ss_family;
}

int dial_begin(struct dial *d)
{
    d->fd = -1;
    d->why = NULL;
    if (!family_fits(d)) {
        d->why = "the local address is of another family than the portal's";
        errno = EAFNOSUPPORT;
        return BERTH_E_LOCAL;
    }
    if ((d->bind && d->bind->last_port ? dial_from_range(d) : dial_plainly(d)) == 0)
        return BERTH_OK;
    return d->why ? BERTH_E_LOCAL : engine_error(errno);
}
