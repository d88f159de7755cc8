/* SPDX-License-Identifier: MIT */
/* Foreign descriptors that the sockets engine watches. */
#include "engine/sockets_parts.h"

#include <berth/error.h>
#include <stdlib.h>

struct watch {
    struct list node;
    int fd;
    void (*ready)(void *owner);
    void *owner;
};

static struct watch *find_watch(struct sockets *s, int fd)
{
    list_each (node, &s->watches) {
        struct watch *w = list_entry(node, struct watch, node);
        if (w->fd == fd)
            return w;
    }
    return NULL;
}

static void unwatch(struct sockets *s, struct watch *w)
{
    sockets_scrub(s, w, SOURCE_WATCH);
    sockets_epoll(s, EPOLL_CTL_DEL, w->fd, 0, NULL, SOURCE_WATCH);
    list_remove(&w->node);
    free(w);
}

int sockets_watch(struct engine *e, int fd, void (*ready)(void *owner), void *owner)
{
    struct sockets *s = sockets_of(e);
    struct watch *w = find_watch(s, fd);
    if (w)
        unwatch(s, w);
    if (!ready)
        return BERTH_OK;
    w = malloc(sizeof *w);
    if (!w)
        return BERTH_E_MEMORY;
    *w = (struct watch){.fd = fd, .ready = ready, .owner = owner};
    if (sockets_epoll(s, EPOLL_CTL_ADD, fd, EPOLLIN, w, SOURCE_WATCH) < 0) {
        free(w);
        return BERTH_E_SYSTEM;
    }
    list_push(&s->watches, &w->node);
    return BERTH_OK;
}

void sockets_watch_event(struct sockets *s, const struct watch *w)
{
    s->heard = true;
    s->alert = ALERT_LOOKS;
    w->ready(w->owner);
}

void sockets_end_watches(struct sockets *s)
{
    while (!list_empty(&s->watches))
        unwatch(s, list_entry(s->watches.next, struct watch, node));
}
