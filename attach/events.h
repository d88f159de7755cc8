/* SPDX-License-Identifier: MIT */
/* What has happened to an attachment lately, for whoever listens: a ring that the newest always fits into. */
#ifndef ATTACH_EVENTS_H
#define ATTACH_EVENTS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define EVENTS_KEPT     128u
#define EVENTS_TEXT_MAX 256u /* bytes */

struct event {
    uint64_t seq, ms; /* from 1 on; since 1970 */
    const char *kind; /* "lost" */
    int error;        /* enum berth_error; 0: none */
    char text[EVENTS_TEXT_MAX];
};

struct events {
    pthread_mutex_t lock;
    uint64_t last; /* seq of the newest */
    struct event ring[EVENTS_KEPT];
};

void events_init(struct events *e);
void events_destroy(struct events *e);
void events_add(struct events *e, const char *kind, int error, const char *text);
uint64_t events_last(struct events *e);

/* The first one after `seq`: false if there is none. `missed` is how many before it are gone already. */
bool events_next(struct events *e, uint64_t seq, struct event *out, uint64_t *missed);

#endif
