/* SPDX-License-Identifier: MIT */
/* From the name of the portal to a connection, and what the way there is like. */
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <inttypes.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "cli/clock.h"
#include "cli/inspect.h"

#define PORT          "3260"
#define ADDRESSES_MAX 16u   /* of a name, that are tried */
#define CONNECT_MS    5000u /* for each */
#define FAR_MS        100.0 /* a name server that takes so long is told */

/* --- the name --- */

static char hex_byte(const char *at)
{
    const char digits[3] = {at[0], at[1], '\0'};
    return (char)strtoul(digits, NULL, 16);
}

/* Copies up to `len` characters, with %XX made the byte that it stands for. */
static void decode(char *out, size_t size, const char *text, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len && n + 1 < size; i++) {
        bool escaped = text[i] == '%' && i + 2 < len && strspn(text + i + 1, "0123456789abcdefABCDEF") >= 2;
        out[n++] = escaped ? hex_byte(text + i + 1) : text[i];
        i += escaped ? 2 : 0;
    }
    out[n] = '\0';
}

/* The host and port of a URL that the library has found to be good. */
static void take_portal(struct inspection *in)
{
    const char *at = strstr(in->url, "//") + 2, *end = at + strcspn(at, "/");
    const char *user = memchr(at, '@', (size_t)(end - at));
    at = user ? user + 1 : at;
    const char *bracket = *at == '[' ? memchr(at, ']', (size_t)(end - at)) : NULL;
    const char *colon = memchr(bracket ? bracket : at, ':', (size_t)(end - (bracket ? bracket : at)));
    const char *stop = bracket ? bracket : colon ? colon : end;
    at += bracket ? 1 : 0;
    decode(in->host, sizeof in->host, at, (size_t)(stop - at));
    if (colon && end - colon > 1 && (size_t)(end - colon) <= sizeof in->port)
        snprintf(in->port, sizeof in->port, "%.*s", (int)(end - colon - 1), colon + 1);
    else
        snprintf(in->port, sizeof in->port, PORT);
}

static const char *text_of(const struct addrinfo *a, char out[NI_MAXHOST])
{
    if (getnameinfo(a->ai_addr, a->ai_addrlen, out, NI_MAXHOST, NULL, 0, NI_NUMERICHOST) != 0)
        snprintf(out, NI_MAXHOST, "?");
    return out;
}

static void list_addresses(const struct addrinfo *a, char *out, size_t size)
{
    char one[NI_MAXHOST];
    size_t used = 0;
    for (unsigned i = 0; a && used < size && i < ADDRESSES_MAX; a = a->ai_next, i++)
        used += (size_t)snprintf(out + used, size - used, "%s%s", i ? ", " : "", text_of(a, one));
}

void inspect_name(struct inspection *in, struct finding *f)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    char list[400];
    take_portal(in);
    uint64_t begin = clock_ns();
    int error = getaddrinfo(in->host, in->port, &hints, &in->addresses);
    double ms = (double)(clock_ns() - begin) / 1e6;
    if (error) {
        in->addresses = NULL;
        finding_failed(f, STATUS_UNREACHABLE, exit_find(BERTH_E_RESOLVE)->next, "%s: %s", in->host,
                       error == EAI_SYSTEM ? strerror(errno) : gai_strerror(error));
        return;
    }
    list_addresses(in->addresses, list, sizeof list);
    finding_figure(f, "ms", ms);
    if (strcmp(list, in->host) == 0)
        finding_ok(f, "%s is an address", in->host);
    else if (ms > FAR_MS)
        finding_warning(f, "see to the name server, or give the address", "%s is %s, known after %.0f ms",
                        in->host, list, ms);
    else
        finding_ok(f, "%s is %s (%.1f ms)", in->host, list, ms);
}

/* --- the connection --- */

static int wait_connected(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    int error = ETIMEDOUT;
    socklen_t size = sizeof error;
    if (poll(&p, 1, CONNECT_MS) > 0)
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    return error;
}

/* Returns the socket, or the negative errno. */
static int connect_to(const struct addrinfo *a)
{
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    int error = connect(fd, a->ai_addr, a->ai_addrlen) == 0 ? 0 : errno;
    if (error == EINPROGRESS)
        error = wait_connected(fd);
    if (error == 0)
        return fd;
    close(fd);
    return -error;
}

struct attempts {
    unsigned count, failed;
    double ms; /* of the first that succeeded */
    char first[NI_MAXHOST], bad[NI_MAXHOST];
    int error; /* errno of the last that failed */
};

static void attempt(struct inspection *in, struct attempts *t, const struct addrinfo *a)
{
    uint64_t begin = clock_ns();
    int fd = connect_to(a);
    t->count++;
    if (fd < 0) {
        t->failed++;
        t->error = -fd;
        text_of(a, t->bad);
    } else if (in->socket < 0) {
        in->socket = fd;
        t->ms = (double)(clock_ns() - begin) / 1e6;
        text_of(a, t->first);
    } else {
        close(fd);
    }
}

static bool is_bound(const struct options *o)
{
    return o->bind || o->device || o->first_port || o->mark;
}

void inspect_connect(struct inspection *in, struct finding *f)
{
    struct attempts t = {0};
    if (is_bound(in->o)) {
        finding_untried(f, "connections are bound to a local end; the login shows whether that works");
        return;
    }
    for (const struct addrinfo *a = in->addresses; a && t.count < ADDRESSES_MAX; a = a->ai_next)
        attempt(in, &t, a);
    if (in->socket < 0) {
        int error = t.error == ECONNREFUSED ? BERTH_E_REFUSED
                    : t.error == ETIMEDOUT  ? BERTH_E_NO_ANSWER
                                            : BERTH_E_UNREACHABLE;
        finding_failed(f, exit_find(error)->status, exit_find(error)->next, "%s port %s: %s", t.bad, in->port,
                       strerror(t.error));
        return;
    }
    finding_figure(f, "ms", t.ms);
    if (t.failed)
        finding_warning(f, "have the name server leave out addresses that do not answer",
                        "%u of %u addresses cannot be connected to, such as %s: %s", t.failed, t.count, t.bad,
                        strerror(t.error));
    else
        finding_ok(f, "%s port %s (%.1f ms)", t.first, in->port, t.ms);
}

/* --- the way --- */

static bool same_address(const struct sockaddr *a, const struct sockaddr *b)
{
    if (!a || a->sa_family != b->sa_family)
        return false;
    if (a->sa_family == AF_INET)
        return ((const struct sockaddr_in *)a)->sin_addr.s_addr ==
               ((const struct sockaddr_in *)b)->sin_addr.s_addr;
    return a->sa_family == AF_INET6 && memcmp(&((const struct sockaddr_in6 *)a)->sin6_addr,
                                              &((const struct sockaddr_in6 *)b)->sin6_addr, 16) == 0;
}

static const struct ifaddrs *device_of(const struct ifaddrs *all, const struct sockaddr *ours)
{
    for (; all; all = all->ifa_next)
        if (same_address(all->ifa_addr, ours))
            return all;
    return NULL;
}

static in_addr_t network_of(const struct ifaddrs *i)
{
    return ((const struct sockaddr_in *)i->ifa_addr)->sin_addr.s_addr &
           ((const struct sockaddr_in *)i->ifa_netmask)->sin_addr.s_addr;
}

static bool has_ipv4(const struct ifaddrs *i)
{
    return i->ifa_addr && i->ifa_netmask && i->ifa_addr->sa_family == AF_INET;
}

/* Another device of the same network: answers may come in through it. */
static const char *twin_of(const struct ifaddrs *all, const struct ifaddrs *device)
{
    for (; all && has_ipv4(device); all = all->ifa_next)
        if (has_ipv4(all) && strcmp(all->ifa_name, device->ifa_name) != 0 && (all->ifa_flags & IFF_UP) &&
            network_of(all) == network_of(device))
            return all->ifa_name;
    return NULL;
}

static int rp_filter_of(const char *device)
{
    char path[128];
    int value = 0;
    snprintf(path, sizeof path, "/proc/sys/net/ipv4/conf/%s/rp_filter", device);
    FILE *f = fopen(path, "re");
    if (f && fscanf(f, "%d", &value) != 1)
        value = 0;
    if (f)
        fclose(f);
    return value;
}

static bool filters_strictly(const char *device)
{
    int all = rp_filter_of("all"), one = rp_filter_of(device);
    return (all > one ? all : one) == 1;
}

static int mtu_of(int fd, const char *device)
{
    struct ifreq r = {0};
    snprintf(r.ifr_name, sizeof r.ifr_name, "%s", device);
    return ioctl(fd, SIOCGIFMTU, &r) == 0 ? r.ifr_mtu : 0;
}

/* RFC 7323: with time stamps a segment carries 12 bytes less than was agreed. */
#define STAMPS 12u

static void judge_path(struct finding *f, const struct ifaddrs *all, const struct ifaddrs *device,
                       const struct tcp_info *t, int mtu)
{
    const char *twin = twin_of(all, device);
    finding_figure(f, "mtu_bytes", mtu);
    finding_figure(f, "segment_bytes", t->tcpi_snd_mss);
    finding_figure(f, "rtt_ms", t->tcpi_rtt / 1000.0);
    bool loops = device->ifa_flags & IFF_LOOPBACK; /* there, segments are what the window allows */
    if (!loops && t->tcpi_snd_mss + STAMPS < t->tcpi_advmss)
        finding_warning(f, "give all of the way the same MTU, switches and target included",
                        "%s has an MTU of %d bytes, and the way to the target takes segments of %" PRIu32,
                        device->ifa_name, mtu, t->tcpi_snd_mss);
    else if (twin && filters_strictly(device->ifa_name))
        finding_warning(f, "set rp_filter of both devices to 2",
                        "%s and %s are on one network, and rp_filter drops answers that take the other one",
                        device->ifa_name, twin);
    else
        finding_ok(f, "through %s, MTU %d bytes, segments of %" PRIu32 " bytes", device->ifa_name, mtu,
                   t->tcpi_snd_mss);
}

void inspect_path(struct inspection *in, struct finding *f)
{
    struct sockaddr_storage ours = {0};
    struct tcp_info t = {0};
    socklen_t size = sizeof ours, info_size = sizeof t;
    struct ifaddrs *all = NULL;
    if (in->socket < 0) {
        finding_untried(f, "there is no connection to look at");
        return;
    }
    getsockname(in->socket, (struct sockaddr *)&ours, &size);
    getsockopt(in->socket, IPPROTO_TCP, TCP_INFO, &t, &info_size);
    if (getifaddrs(&all) != 0)
        all = NULL;
    const struct ifaddrs *device = device_of(all, (struct sockaddr *)&ours);
    if (device)
        judge_path(f, all, device, &t, mtu_of(in->socket, device->ifa_name));
    else
        finding_untried(f, "the system does not tell which device the connection takes");
    freeifaddrs(all);
    close(in->socket);
    in->socket = -1;
}
