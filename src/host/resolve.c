/* SPDX-License-Identifier: MIT */
#include "host/resolve.h"

#include <berth/error.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define PORT_TEXT 6u /* "65535" */

/* `flags` AI_NUMERICHOST: addresses only (with %scope), which asks no server. */
static int look_up(const char *host, uint16_t port, int flags, struct addrinfo **list)
{
    struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = flags | AI_NUMERICSERV};
    char text[PORT_TEXT];
    snprintf(text, sizeof text, "%u", port);
    return getaddrinfo(host, text, &hints, list);
}

/* An IPv4 address in the clothes of IPv6 (RFC 4291 2.5.5.2) is one: else half of what is said of a connection
 * would go to the wrong half of the system. */
static socklen_t unmap(struct sockaddr_storage *sa, socklen_t len)
{
    struct sockaddr_in6 v6;
    memcpy(&v6, sa, sizeof v6);
    if (v6.sin6_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr))
        return len;
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = v6.sin6_port};
    memcpy(&v4.sin_addr, v6.sin6_addr.s6_addr + 12, sizeof v4.sin_addr);
    memset(sa, 0, sizeof *sa);
    memcpy(sa, &v4, sizeof v4);
    return sizeof v4;
}

static bool known(const struct resolved *out, const struct sockaddr_storage *sa, socklen_t len)
{
    for (uint32_t i = 0; i < out->count; i++)
        if (out->len[i] == len && memcmp(&out->sa[i], sa, len) == 0)
            return true;
    return false;
}

static void keep(struct resolved *out, const struct addrinfo *list)
{
    out->count = 0;
    for (; list && out->count < RESOLVE_MAX; list = list->ai_next) {
        struct sockaddr_storage sa = {0};
        if (list->ai_addrlen > sizeof sa)
            continue;
        memcpy(&sa, list->ai_addr, list->ai_addrlen);
        socklen_t len = unmap(&sa, list->ai_addrlen);
        if (known(out, &sa, len))
            continue;
        out->sa[out->count] = sa;
        out->len[out->count++] = len;
    }
}

static int find(const struct portal *p, int flags, struct resolved *out)
{
    struct addrinfo *list = NULL;
    out->count = 0;
    int failed = look_up(p->host, p->port, flags, &list);
    if (!failed) {
        keep(out, list);
        freeaddrinfo(list);
    }
    return failed;
}

bool host_numeric(const struct portal *p, struct resolved *out)
{
    return find(p, AI_NUMERICHOST, out) == 0;
}

bool host_address(const char *text, struct sockaddr_storage *sa, socklen_t *len)
{
    struct portal p = {.port = 0};
    struct resolved out;
    if (strlen(text) >= sizeof p.host)
        return false;
    memcpy(p.host, text, strlen(text) + 1);
    if (!host_numeric(&p, &out))
        return false;
    *sa = out.sa[0];
    *len = out.len[0];
    return true;
}

int host_resolve(const struct portal *p, struct resolved *out, const char **why)
{
    int failed = find(p, AI_NUMERICHOST, out);
    if (failed == EAI_NONAME)
        failed = find(p, 0, out);
    *why = failed ? gai_strerror(failed) : NULL;
    if (failed)
        return failed == EAI_MEMORY ? BERTH_E_MEMORY : BERTH_E_RESOLVE;
    return BERTH_OK;
}
