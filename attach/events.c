/* SPDX-License-Identifier: MIT */
#include "attach/events.h"
#include <stdio.h>
#include "attach/parts.h"

void events_init(struct events *e)
{
    pthread_mutex_init(&e->lock, NULL);
}

void events_destroy(struct events *e)
{
    pthread_mutex_destroy(&e->lock);
}

void events_add(struct events *e, const char *kind, int error, const char *text)
{
    pthread_mutex_lock(&e->lock);
    struct event *to = &e->ring[++e->last % EVENTS_KEPT];
    to->seq = e->last;
    to->ms = attachment_now_ms();
    to->kind = kind;
    to->error = error;
    snprintf(to->text, sizeof to->text, "%s", text);
    pthread_mutex_unlock(&e->lock);
}

uint64_t events_last(struct events *e)
{
    pthread_mutex_lock(&e->lock);
    uint64_t last = e->last;
    pthread_mutex_unlock(&e->lock);
    return last;
}

bool events_next(struct events *e, uint64_t seq, struct event *out, uint64_t *missed)
{
    pthread_mutex_lock(&e->lock);
    uint64_t next = seq + 1, first = e->last > EVENTS_KEPT ? e->last - EVENTS_KEPT + 1 : 1;
    bool there = seq < e->last;
    *missed = there && next < first ? first - next : 0;
    if (there)
        *out = e->ring[(next + *missed) % EVENTS_KEPT];
    pthread_mutex_unlock(&e->lock);
    return there;
}
