/* SPDX-License-Identifier: MIT */
/* What the host's TCP tells of a link. */
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include "engine/engine.h"

static void print_v4(const struct sockaddr_in *sin, char *out, size_t size)
{
    char host[INET_ADDRSTRLEN];
    if (inet_ntop(AF_INET, &sin->sin_addr, host, sizeof host))
        snprintf(out, size, "%s:%u", host, ntohs(sin->sin_port));
}

static void print_v6(const struct sockaddr_in6 *sin6, char *out, size_t size)
{
    char host[INET6_ADDRSTRLEN], scope[IF_NAMESIZE] = "";
    bool scoped = sin6->sin6_scope_id && if_indextoname(sin6->sin6_scope_id, scope);
    if (inet_ntop(AF_INET6, &sin6->sin6_addr, host, sizeof host))
        snprintf(out, size, "[%s%s%s]:%u", host, scoped ? "%" : "", scope, ntohs(sin6->sin6_port));
}

static void print(const struct sockaddr_storage *sa, char *out, size_t size)
{
    if (sa->ss_family == AF_INET)
        print_v4((const struct sockaddr_in *)sa, out, size);
    else if (sa->ss_family == AF_INET6)
        print_v6((const struct sockaddr_in6 *)sa, out, size);
}

void link_facts(const struct link *l, struct link_facts *out)
{
    struct sockaddr_storage local = {0}, remote = {0};
    socklen_t local_len = sizeof local, remote_len = sizeof remote;
    struct tcp_info tcp = {0};
    socklen_t tcp_len = sizeof tcp;
    *out = (struct link_facts){0};
    if (!l->engine || l->fd < 0 || !(l->engine->ops->caps & ENGINE_REAL_TIME))
        return;
    l->engine->syscalls += 3;
    if (getsockname(l->fd, (struct sockaddr *)&local, &local_len) == 0)
        print(&local, out->local, sizeof out->local);
    if (getpeername(l->fd, (struct sockaddr *)&remote, &remote_len) == 0)
        print(&remote, out->remote, sizeof out->remote);
    if (getsockopt(l->fd, IPPROTO_TCP, TCP_INFO, &tcp, &tcp_len) != 0)
        return;
    out->rtt_us = tcp.tcpi_rtt;
    out->rtt_var_us = tcp.tcpi_rttvar;
    out->retransmits = tcp.tcpi_total_retrans;
    out->unacked = tcp.tcpi_unacked;
}
