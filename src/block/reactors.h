/* SPDX-License-Identifier: MIT */
/* Threads of the library, each with a reactor and the sessions that were placed on it. Everything of a
 * session happens on its worker's thread; other threads write letters to it. */
#ifndef BLOCK_REACTORS_H
#define BLOCK_REACTORS_H

#include <berth/berth.h>
#include <pthread.h>
#include "base/mailbox.h"
#include "initiator/reactor.h"

/* What a letter is about, by the structure that it is part of. */
enum mail_kind {
    MAIL_IO,     /* struct request: to a worker, to be done; to a queue, done */
    MAIL_RECALL, /* struct request: wanted back; comes back itself */
    MAIL_POKE,   /* struct berth_lun: something that all sessions of the LUN share has changed */
    MAIL_JOB,    /* see worker_run() */
    MAIL_ERRAND, /* see worker_ask() */
    MAIL_WAKE,   /* to a queue: berth_queue_wake() */
};

struct worker {
    struct mailbox in;
    struct berth_reactors *of;
    struct reactor *reactor;
    int bell;            /* an eventfd: rung for a worker who sleeps */
    struct mail *jobs;   /* those that wait, the oldest first */
    bool busy, stopping; /* with a job; there are to be no more rounds */
    uint32_t sessions;   /* placed here; under the reactors' lock */
    pthread_t thread;
};

/* The one with the fewest sessions, which are now one more. */
struct worker *reactors_place(struct berth_reactors *r);
void reactors_leave(struct worker *w);

/* Has `run` called on the worker's thread and waits for what it returns. It may itself wait for rounds of its
 * reactor: I/O goes on meanwhile, other jobs wait. `options`, if not NULL, are asked now and then whether the
 * caller still wants it; *given_up tells `run` that it does not. */
int worker_run(struct worker *w, int (*run)(void *arg), void *arg, const struct berth_options *options,
               atomic_bool *given_up);
/* The same for what does not wait: it is called where letters are opened, jobs or not, and after those that
 * this thread has sent before. */
int worker_ask(struct worker *w, int (*run)(void *arg), void *arg);
/* Any thread. Nothing is done with an empty bundle. */
void worker_post(struct worker *w, const struct mail_bundle *b);

#endif
