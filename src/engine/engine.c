/* SPDX-License-Identifier: MIT */
/* Engines by name, two of them in one thread, and links that go from one to the other. */
#include "engine/engine.h"
#include "engine/link.h"
#include "engine/sockets.h"
#include "engine/uring.h"

#include <berth/error.h>
#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

/* ---- by name ---- */

/* The first one connects, listens and watches; the others stand in front of it. */
static const struct {
    const char *name;
    void (*limits)(struct engine_limits *limits);
    struct engine *(*make_front)(struct engine *base, const char **why);
} engines[] = {
    {"sockets", sockets_limits, NULL},
    {"io_uring", uring_limits, uring_engine_new},
};
#define ENGINE_COUNT (sizeof engines / sizeof *engines)
#define ENGINE_AUTO  "auto"
#define ENGINE_BEST  "io_uring" /* of which "auto" finds out whether it is to be had */

static size_t find(const char *name)
{
    size_t i = 0;
    while (i < ENGINE_COUNT && strcmp(engines[i].name, name) != 0)
        i++;
    return i;
}

bool engine_known(const char *name)
{
    return find(name) < ENGINE_COUNT || strcmp(name, ENGINE_AUTO) == 0;
}

static void outer_add(struct engine *e, int fd)
{
    struct epoll_event ev = {.events = EPOLLIN};
    e->syscalls++;
    (void)!epoll_ctl(e->outer_fd, EPOLL_CTL_ADD, fd, &ev);
}

static int have_front(struct engine *e, size_t which, const char **why)
{
    if (e->front)
        return BERTH_OK;
    if (!(e->ops->caps & ENGINE_REAL_TIME)) {
        *why = "this engine has no sockets that another could carry";
        return BERTH_E_SYSTEM;
    }
    e->front = engines[which].make_front(e, why);
    if (!e->front)
        return errno == ENOMEM ? BERTH_E_MEMORY : BERTH_E_SYSTEM;
    if (e->outer_fd >= 0)
        outer_add(e, e->front->ops->fd(e->front));
    return BERTH_OK;
}

int engine_beside(struct engine *e, const char *name, struct engine **out, const char **why)
{
    bool any = strcmp(name, ENGINE_AUTO) == 0;
    size_t which = find(any ? ENGINE_BEST : name);
    *out = e;
    *why = NULL;
    if (which == ENGINE_COUNT)
        return BERTH_E_ARGUMENT;
    if (!engines[which].make_front)
        return BERTH_OK;
    int error = have_front(e, which, why);
    if (error)
        return any ? BERTH_OK : error;
    *out = e->front;
    return BERTH_OK;
}

int engine_prefer(struct engine *e, const char *name, const char **why)
{
    struct engine *carrier;
    int error = engine_beside(e, name, &carrier, why);
    if (!error)
        e->front_first = carrier != e;
    return error;
}

bool engine_has_work(const struct engine *e)
{
    return !list_empty(&e->dirty) || (e->front && !list_empty(&e->front->dirty));
}

struct engine *engine_new(const char *name)
{
    const char *why;
    struct engine *e = engine_known(name) ? sockets_engine_new() : NULL;
    if (e && engine_prefer(e, name, &why) != BERTH_OK) {
        int err = errno;
        engine_free(e);
        errno = err;
        return NULL;
    }
    return e;
}

void engine_free(struct engine *e)
{
    if (e->front)
        e->front->ops->free(e->front);
    if (e->outer_fd >= 0)
        close(e->outer_fd);
    e->ops->free(e);
}

void engine_disown(struct engine *e)
{
    if (e->front)
        e->front->ops->disown(e->front);
    if (e->ops->disown)
        e->ops->disown(e);
}

/* ---- limits ---- */

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static void meet(struct engine_limits *a, const struct engine_limits *b)
{
    a->max_recv_segment = least(a->max_recv_segment, b->max_recv_segment);
    a->max_send_segment = least(a->max_send_segment, b->max_send_segment);
    a->max_burst = least(a->max_burst, b->max_burst);
    a->max_depth = (uint16_t)least(a->max_depth, b->max_depth);
    a->seg_kinds &= b->seg_kinds;
    a->send_kinds &= b->send_kinds;
}

void engine_limits(struct engine *e, struct engine_limits *limits)
{
    struct engine_limits other;
    e->ops->limits(limits);
    if (!e->front)
        return;
    e->front->ops->limits(&other);
    meet(limits, &other);
}

void engine_limits_ever(struct engine *e, struct engine_limits *limits)
{
    struct engine_limits other;
    e->ops->limits(limits);
    for (size_t i = 0; i < ENGINE_COUNT; i++) {
        engines[i].limits(&other);
        meet(limits, &other);
    }
}

/* ---- waiting elsewhere ---- */

/* One of its own, for the engines' descriptors come and go, and each may wait for the other's. */
int engine_fd(struct engine *e)
{
    int own = e->ops->fd(e);
    if (e->outer_fd >= 0 || own < 0)
        return e->outer_fd;
    e->syscalls++;
    e->outer_fd = epoll_create1(EPOLL_CLOEXEC);
    if (e->outer_fd < 0)
        return -1;
    outer_add(e, own);
    if (e->front)
        outer_add(e, e->front->ops->fd(e->front));
    return e->outer_fd;
}

/* ---- from one to the other ---- */

int link_move(struct link *l, struct engine *to)
{
    struct engine *from = l->engine;
    if (from == to)
        return BERTH_OK;
    if (link_phase(l) != LINK_UP || !from->ops->release || !to->ops->adopt)
        return BERTH_E_STATE;
    from->ops->release(l);
    int error = to->ops->adopt(to, l);
    if (error)
        (void)from->ops->adopt(from, l); /* cannot fail where the other can */
    return error;
}

/* ---- errors ---- */

/* A host without IPv6 answers EAFNOSUPPORT or EADDRNOTAVAIL where one without a route answers ENETUNREACH:
 * the next address may still do. */
static const struct {
    int err;
    int error;
} errors[] = {
    {0, BERTH_OK},
    {ECONNREFUSED, BERTH_E_REFUSED},
    {ENETUNREACH, BERTH_E_UNREACHABLE},
    {EHOSTUNREACH, BERTH_E_UNREACHABLE},
    {ENETDOWN, BERTH_E_UNREACHABLE},
    {EHOSTDOWN, BERTH_E_UNREACHABLE},
    {EAFNOSUPPORT, BERTH_E_UNREACHABLE},
    {EADDRNOTAVAIL, BERTH_E_UNREACHABLE},
    {ETIMEDOUT, BERTH_E_NO_ANSWER},
    {ECONNRESET, BERTH_E_RESET},
    {ECONNABORTED, BERTH_E_RESET},
    {ENETRESET, BERTH_E_RESET},
    {EPIPE, BERTH_E_CLOSED},
    {ENOMEM, BERTH_E_MEMORY},
    {ENOBUFS, BERTH_E_MEMORY},
};

int engine_error(int err)
{
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        if (errors[i].err == err)
            return errors[i].error;
    return BERTH_E_SYSTEM;
}
