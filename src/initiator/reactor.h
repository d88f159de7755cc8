/* SPDX-License-Identifier: MIT */
/* One engine and the sessions on it: a round of work for all of them costs no more than those cost that
 * something happened to. A reactor belongs to one thread at a time, with everything on it. */
#ifndef INITIATOR_REACTOR_H
#define INITIATOR_REACTOR_H

#include "base/agenda.h"
#include "engine/engine.h"

struct initiator;

struct reactor {
    struct engine *engine;
    bool owns_engine;
    struct list members; /* initiators */
    struct list touched; /* of them, those to be looked after in the round that comes */
    uint32_t count, room;
    struct agenda
        agenda;       /* of the members. None has anything to do before its time there, but those touched */
    uint64_t left_at; /* when the last round ended */
    /* Of whoever has given it a thread, all or none: takes what other threads have left, before others wait
     * and after; whether it may sleep, as far as they are concerned. */
    void (*gather)(void *owner);
    bool (*may_sleep)(void *owner);
    void *owner;
    int alarm_fd;      /* -1: nobody sleeps on the descriptor */
    uint64_t alarm_at; /* what it is set to; 0: it has gone off */
};

/* `engine` is borrowed; NULL: an own one of the sockets engine. 0 or a system error. */
int reactor_new(struct reactor **out, struct engine *engine);
/* Nobody is on it any more. */
void reactor_free(struct reactor *r);

int reactor_join(struct reactor *r, struct initiator *i); /* 0 or BERTH_E_MEMORY */
void reactor_leave(struct initiator *i);

/* Something has happened to this one: it is looked after in the next round, and before its end nobody sleeps
 * beyond a time that may be new. */
void reactor_touch(struct initiator *i);

/* One round: sends, waits until something happens or `until_ns` of the engine's clock, receives, looks after
 * all that something happened to, or whose time has come. Returns 0, or the error that ended all sessions. */
int reactor_poll(struct reactor *r, uint64_t until_ns);

/* For foreign event loops: a descriptor that is readable when reactor_poll() has something to do, or -1. */
int reactor_fd(struct reactor *r);
/* Before the caller goes to sleep on it: it is to be readable at `due_ns` at the latest. */
void reactor_alarm(struct reactor *r, uint64_t due_ns);
void reactor_alarm_end(struct reactor *r);
/* When the next round is due although nothing happens. */
uint64_t reactor_due(struct reactor *r);

#endif
