/* SPDX-License-Identifier: MIT */
/* Listeners of the sockets engine, and what they accept. */
#include "engine/dial.h"
#include "engine/link.h"
#include "engine/sockets_parts.h"

#include <berth/error.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

#define ACCEPTS 32u          /* accepted per listener and round */
#define REST_NS 100000000ull /* a listener that found no free descriptor looks away for so long */

static int tcp_socket(struct sockets *s, int family)
{
    s->engine.syscalls++;
    return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
}

static bool listener_change(struct sockets *s, struct listener *ln, int op, uint32_t interest)
{
    return sockets_epoll(s, op, ln->fd, interest, ln, SOURCE_LISTENER) == 0;
}

static int bind_listener(struct sockets *s, int fd, struct engine_addr *where)
{
    struct sockaddr *sa = (struct sockaddr *)&where->sa;
    if (sockets_set_option(s, fd, SOL_SOCKET, SO_REUSEADDR) < 0)
        return -1;
    if (sa->sa_family == AF_INET6 && sockets_set_option(s, fd, IPPROTO_IPV6, IPV6_V6ONLY) < 0)
        return -1;
    if (sockets_set_option(s, fd, IPPROTO_TCP, TCP_NODELAY) < 0) /* accepted sockets inherit it */
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

int sockets_listen(struct engine *e, struct engine_addr *where,
                   struct link *(*accept)(void *owner, const struct engine_addr *from), void *owner,
                   struct listener **out)
{
    struct sockets *s = sockets_of(e);
    int fd = tcp_socket(s, where->sa.ss_family);
    struct listener ln = {.fd = fd, .accept = accept, .owner = owner};
    if (fd < 0)
        return engine_error(errno);
    if (bind_listener(s, fd, where) < 0 || start_listening(s, &ln, out) < 0)
        return sockets_give_up(s, fd);
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

int sockets_listen_fd(struct engine *e, int fd, struct engine_addr *where,
                      struct link *(*accept)(void *owner, const struct engine_addr *from), void *owner,
                      struct listener **out)
{
    struct sockets *s = sockets_of(e);
    struct listener ln = {.fd = fd, .accept = accept, .owner = owner};
    if (check_listener(s, fd, where) < 0 || sockets_set_option(s, fd, IPPROTO_TCP, TCP_NODELAY) < 0 ||
        start_listening(s, &ln, out) < 0)
        return engine_error(errno);
    return BERTH_OK;
}

void sockets_unlisten(struct engine *e, struct listener *ln)
{
    struct sockets *s = sockets_of(e);
    sockets_scrub(s, ln, SOURCE_LISTENER);
    if (s->accepting == ln)
        s->accepting = NULL;
    if (ln->rest_until_ns)
        s->resting--;
    list_remove(&ln->node);
    sockets_close_fd(s, ln->fd);
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
    sockets_link_open(s, l, fd, LINK_UP, EPOLLIN);
    if (sockets_epoll(s, EPOLL_CTL_ADD, fd, EPOLLIN, l, SOURCE_LINK) < 0)
        sockets_break_link(l, errno);
    else
        sockets_link_up(s, l);
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

void sockets_listener_event(struct sockets *s, struct listener *ln)
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

void sockets_wake_listeners(struct sockets *s)
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
