/* SPDX-License-Identifier: MIT */
/* Where the proxy listens. */
#include <arpa/inet.h>
#include <berth/error.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>
#include "proxy/parts.h"

#define DEFAULT_PORTAL "127.0.0.1:3260"
#define BACKLOG        128

bool gate_parse(const char *text, bool any, struct portal *p)
{
    char stand_in[PROXY_TEXT_MAX];
    size_t len = strlen(text);
    bool zero = any && len >= 2 && strcmp(text + len - 2, ":0") == 0;
    if (len >= sizeof stand_in)
        return false;
    memcpy(stand_in, text, len + 1);
    if (zero)
        stand_in[len - 1] = '1';
    if (!portal_parse((struct span){stand_in, len}, p) || p->group >= 0)
        return false;
    if (zero)
        p->port = 0;
    return true;
}

static void print(struct gate *g)
{
    struct portal p = {0};
    const struct sockaddr_in *v4 = (const void *)&g->sa;
    const struct sockaddr_in6 *v6 = (const void *)&g->sa;
    bool six = g->sa.ss_family == AF_INET6;
    inet_ntop(g->sa.ss_family, six ? (const void *)&v6->sin6_addr : (const void *)&v4->sin_addr, p.host,
              sizeof p.host);
    p.port = ntohs(six ? v6->sin6_port : v4->sin_port);
    portal_print(&p, g->text, sizeof g->text);
}

static bool listen_at(struct gate *g)
{
    int on = 1;
    g->fd = socket(g->sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (g->fd < 0)
        return false;
    setsockopt(g->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(g->fd, (const struct sockaddr *)&g->sa, g->len) == 0 && listen(g->fd, BACKLOG) == 0 &&
        getsockname(g->fd, (struct sockaddr *)&g->sa, &g->len) == 0)
        return true;
    int number = errno;
    close(g->fd);
    g->fd = -1;
    errno = number;
    return false;
}

static int open_gate(struct gate *g, const char *text, const struct proxy_why *why)
{
    struct portal p;
    struct resolved found;
    const char *words;
    g->fd = -1;
    if (!gate_parse(text, true, &p))
        return proxy_refuse(why, BERTH_E_ADDRESS,
                            "'%s' is no address to listen at; take ADDR:PORT or [V6ADDR]:PORT", text);
    if (host_resolve(&p, &found, &words) != BERTH_OK)
        return proxy_refuse(why, BERTH_E_RESOLVE, "cannot listen at '%s': %s; take an address of this host",
                            text, words);
    memcpy(&g->sa, &found.sa[0], sizeof g->sa);
    g->len = found.len[0];
    if (!listen_at(g))
        return proxy_refuse(why, BERTH_E_SYSTEM, "cannot listen at '%s': %s; take another address or port",
                            text, strerror(errno));
    print(g);
    return BERTH_OK;
}

int gates_open(struct proxy *x, const struct proxy_why *why)
{
    const struct proxy_config *c = x->config;
    uint32_t count = c->portal_count ? c->portal_count : 1;
    int error = BERTH_OK;
    for (; x->gate_count < count && !error; x->gate_count++)
        error = open_gate(&x->gates[x->gate_count],
                          c->portal_count ? c->portals[x->gate_count] : DEFAULT_PORTAL, why);
    return error;
}

void gates_close(struct proxy *x)
{
    for (uint32_t i = 0; i < x->gate_count; i++)
        if (x->gates[i].fd >= 0) {
            close(x->gates[i].fd);
            x->gates[i].fd = -1;
        }
}

bool gates_reopen(struct proxy *x)
{
    bool all = true;
    for (uint32_t i = 0; i < x->gate_count; i++)
        all &= x->gates[i].fd >= 0 || listen_at(&x->gates[i]);
    return all;
}

void gate_accept(struct proxy *x, uint32_t gate)
{
    int fd;
    while (x->gates[gate].fd >= 0 &&
           (fd = accept4(x->gates[gate].fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
        pair_new(x, fd, gate + 1);
}
