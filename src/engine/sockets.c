/* SPDX-License-Identifier: MIT */
/* The sockets engine. One poll(): send what is dirty, wait, receive what has come, call back.
 *
 * Three rules keep it to about three system calls per batch: everything pending leaves in one sendmsg(), but
 * for pieces of files, which take a sendfile() each; a receive that brought less than asked for has drained
 * the socket and is not tried again; and epoll_ctl() is called only when what a link waits for has changed.
 * How it waits, and how it saves a call where there is but one link, is in sockets_wait.c.
 *
 * Two rules keep it safe against callbacks that close and free links: whoever closes scrubs the events of
 * this round and `current`, and after a callback a link is touched only if `current` still names it. */
#include "engine/sockets.h"
#include "engine/link.h"
#include "engine/sockets_parts.h"

#include <berth/error.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

uint64_t sockets_now(struct engine *e)
{
    (void)e; /* answered by the vDSO: no system call */
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

/* ---- descriptors ---- */

int sockets_epoll(struct sockets *s, int op, int fd, uint32_t interest, void *what, enum source kind)
{
    struct epoll_event ev = {.events = interest, .data.u64 = (uintptr_t)what | kind};
    if (s->epoll < 0) /* disowned */
        return 0;
    s->engine.syscalls++;
    return epoll_ctl(s->epoll, op, fd, &ev);
}

/* `what` is going away: no event of this round may reach it. */
void sockets_scrub(struct sockets *s, const void *what, enum source kind)
{
    for (int i = s->event + 1; i < s->event_count; i++)
        if (s->events[i].data.u64 == ((uintptr_t)what | kind))
            s->events[i].data.u64 = 0;
}

void sockets_close_fd(struct sockets *s, int fd)
{
    /* a forked child may hold a copy, which would keep a merely closed descriptor in the epoll set */
    sockets_epoll(s, EPOLL_CTL_DEL, fd, 0, NULL, SOURCE_LINK);
    s->engine.syscalls++;
    close(fd);
}

int sockets_set_option(struct sockets *s, int fd, int level, int option)
{
    int on = 1;
    s->engine.syscalls++;
    return setsockopt(fd, level, option, &on, sizeof on);
}

int sockets_give_up(struct sockets *s, int fd)
{
    int err = errno;
    s->engine.syscalls++;
    if (fd >= 0)
        close(fd);
    errno = err;
    return engine_error(err);
}

int sockets_error(struct sockets *s, int fd)
{
    int err = 0;
    socklen_t len = sizeof err;
    s->engine.syscalls++;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0 ? errno : err;
}

/* ---- poll ---- */

static void dispatch_one(struct sockets *s, const struct epoll_event *ev)
{
    void *what = (void *)(uintptr_t)(ev->data.u64 & ~(uint64_t)SOURCE_MASK);
    if (!what)
        return;
    switch ((enum source)(ev->data.u64 & SOURCE_MASK)) {
    case SOURCE_LINK:
        sockets_link_event(s, what, ev->events);
        break;
    case SOURCE_LISTENER:
        sockets_listener_event(s, what);
        break;
    case SOURCE_WATCH:
        sockets_watch_event(s, what);
        break;
    case SOURCE_MASK:
        break;
    }
}

void sockets_dispatch(struct sockets *s, int count)
{
    s->event_count = count;
    for (s->event = 0; s->event < s->event_count; s->event++)
        dispatch_one(s, &s->events[s->event]);
    s->event = s->event_count = 0;
}

static int sockets_poll(struct engine *e, uint64_t until_ns)
{
    struct sockets *s = sockets_of(e);
    e->wake = e->interrupted = false;
    s->now = sockets_now(e);
    s->gathering = sockets_lingers(s, until_ns);
    sockets_flush_dirty(s);
    int error = sockets_wait(s, until_ns);
    if (error)
        return error;
    sockets_expire_connects(s);
    if (s->resting > 0)
        sockets_wake_listeners(s);
    return BERTH_OK;
}

/* ---- the engine ---- */

void sockets_limits(struct engine_limits *limits)
{
    *limits = (struct engine_limits){
        .max_recv_segment = (1u << 24) - 1, /* the protocol's own limits (RFC 7143 13.12, 13.13) */
        .max_send_segment = (1u << 24) - 1,
        .max_burst = (1u << 24) - 1,
        .max_depth = UINT16_MAX,
        .seg_kinds = 1u << BERTH_SEG_MEMORY,
        .send_kinds = 1u << BERTH_SEG_MEMORY | 1u << BERTH_SEG_FILE,
    };
}

static int sockets_fd(struct engine *e)
{
    return sockets_of(e)->epoll;
}

/* Whom a set watches, it forgets for all who have it. */
static void sockets_disown(struct engine *e)
{
    struct sockets *s = sockets_of(e);
    if (s->epoll >= 0)
        close(s->epoll);
    s->epoll = -1;
}

static void sockets_free(struct engine *e)
{
    struct sockets *s = sockets_of(e);
    while (!list_empty(&e->links))
        sockets_close(list_entry(e->links.next, struct link, node));
    while (!list_empty(&s->listeners))
        sockets_unlisten(e, list_entry(s->listeners.next, struct listener, node));
    sockets_end_watches(s);
    if (s->epoll >= 0)
        close(s->epoll);
    munmap(s, sizeof *s);
}

static const struct engine_ops sockets_ops = {
    .size = sizeof(struct engine_ops),
    .name = "sockets",
    .caps = ENGINE_LISTENS | ENGINE_REAL_TIME,
    .limits = sockets_limits,
    .now = sockets_now,
    .connect = sockets_connect,
    .listen = sockets_listen,
    .listen_fd = sockets_listen_fd,
    .unlisten = sockets_unlisten,
    .kick = sockets_kick,
    .flush = sockets_flush,
    .close = sockets_close,
    .release = sockets_release,
    .adopt = sockets_adopt,
    .poll = sockets_poll,
    .fd = sockets_fd,
    .due = sockets_due,
    .watch = sockets_watch,
    .disown = sockets_disown,
    .free = sockets_free,
};

struct engine *sockets_engine_new(void)
{
    /* Pages of its own: what an idle one does not touch is not there. */
    struct sockets *s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (s == MAP_FAILED)
        return NULL;
    s->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (s->epoll < 0) {
        munmap(s, sizeof *s);
        return NULL;
    }
    engine_begin(&s->engine, &sockets_ops);
    list_init(&s->listeners);
    list_init(&s->watches);
    list_init(&s->flushing);
    list_init(&s->held);
    return &s->engine;
}
