/* SPDX-License-Identifier: MIT */
#include "host/resolve.h"

#include <berth/error.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

#define PORT_TEXT 6u /* "65535" */

/* `flags` AI_NUMERICHOST: addresses only (with %scope), which asks no server. */
static int look_up(const struct portal *p, int flags, struct addrinfo **list)
{
    struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = flags | AI_NUMERICSERV};
    char port[PORT_TEXT];
    snprintf(port, sizeof port, "%u", p->port);
    return getaddrinfo(p->host, port, &hints, list);
}

static void keep(struct resolved *out, const struct addrinfo *list)
{
    out->count = 0;
    for (; list && out->count < RESOLVE_MAX; list = list->ai_next) {
        if (list->ai_addrlen > sizeof out->sa[0])
            continue;
        memcpy(&out->sa[out->count], list->ai_addr, list->ai_addrlen);
        out->len[out->count++] = list->ai_addrlen;
    }
}

bool host_address(const char *text, struct sockaddr_storage *sa, socklen_t *len)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};
    struct addrinfo *list = NULL;
    if (getaddrinfo(text, NULL, &hints, &list) != 0)
        return false;
    bool fits = list->ai_addrlen <= sizeof *sa;
    if (fits)
        memcpy(sa, list->ai_addr, *len = list->ai_addrlen);
    freeaddrinfo(list);
    return fits;
}

int host_resolve(const struct portal *p, struct resolved *out, const char **why)
{
    struct addrinfo *list = NULL;
    int failed = look_up(p, AI_NUMERICHOST, &list);
    if (failed == EAI_NONAME)
        failed = look_up(p, 0, &list);
    out->count = 0;
    *why = failed ? gai_strerror(failed) : NULL;
    if (failed)
        return failed == EAI_MEMORY ? BERTH_E_MEMORY : BERTH_E_RESOLVE;
    keep(out, list);
    freeaddrinfo(list);
    return BERTH_OK;
}
