/* SPDX-License-Identifier: MIT */
#include "host/lookup.h"

#include <berth/error.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct lookup {
    pthread_mutex_t lock; /* for all that follows, but for `event` and `resolver`, which stay as they are */
    int event;
    lookup_resolver *resolver;
    bool open;     /* there is a question nobody has put yet */
    bool running;  /* there is a thread */
    bool answered; /* the last question is, and the answer was not taken */
    bool orphan;   /* the owner has gone */
    struct portal question;
    struct resolved answer;
    int error;
    const char *why;
};

struct lookup *lookup_new(lookup_resolver *resolver)
{
    struct lookup *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    l->resolver = resolver;
    l->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (l->event >= 0 && pthread_mutex_init(&l->lock, NULL) == 0)
        return l;
    if (l->event >= 0)
        close(l->event);
    free(l);
    return NULL;
}

static void destroy(struct lookup *l)
{
    pthread_mutex_destroy(&l->lock);
    close(l->event);
    free(l);
}

/* --- the thread --- */

/* The question to put, or false when there is none and the thread is to end. */
static bool next_question(struct lookup *l, struct portal *p)
{
    pthread_mutex_lock(&l->lock);
    bool more = l->open && !l->orphan;
    *p = l->question;
    l->open = false;
    l->running = more;
    bool last = !more && l->orphan;
    pthread_mutex_unlock(&l->lock);
    if (last)
        destroy(l);
    return more;
}

/* An answer to a question that has been replaced meanwhile is none. */
static void answer(struct lookup *l, const struct resolved *found, int error, const char *why)
{
    const uint64_t one = 1;
    pthread_mutex_lock(&l->lock);
    if (!l->open && !l->orphan) {
        l->answer = *found;
        l->error = error;
        l->why = why;
        l->answered = true;
        (void)!write(l->event, &one, sizeof one);
    }
    pthread_mutex_unlock(&l->lock);
}

static void *run(void *arg)
{
    struct lookup *l = arg;
    lookup_resolver *resolver = l->resolver;
    struct portal p;
    while (next_question(l, &p)) {
        struct resolved found = {.count = 0};
        const char *why = NULL;
        int error = resolver(&p, &found, &why);
        answer(l, &found, error, why);
    }
    return NULL;
}

/* The caller's signals are for the caller's threads. */
static int start(struct lookup *l)
{
    sigset_t all, before;
    pthread_attr_t attr;
    pthread_t thread;
    int err = pthread_attr_init(&attr);
    if (err)
        return err;
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    err = pthread_create(&thread, &attr, run, l);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    return err;
}

/* --- its owner --- */

int lookup_ask(struct lookup *l, const struct portal *p)
{
    int err = 0;
    pthread_mutex_lock(&l->lock);
    l->question = *p;
    l->open = true;
    l->answered = false;
    if (!l->running) {
        l->running = true;
        err = start(l);
    }
    if (err)
        l->running = l->open = false;
    pthread_mutex_unlock(&l->lock);
    errno = err;
    return err ? BERTH_E_SYSTEM : BERTH_OK;
}

int lookup_fd(const struct lookup *l)
{
    return l->event;
}

void lookup_heard(struct lookup *l)
{
    uint64_t count;
    (void)!read(l->event, &count, sizeof count);
}

bool lookup_take(struct lookup *l, struct resolved *out, int *error, const char **why)
{
    pthread_mutex_lock(&l->lock);
    bool there = l->answered;
    if (there) {
        *out = l->answer;
        *error = l->error;
        *why = l->why;
    }
    l->answered = false;
    pthread_mutex_unlock(&l->lock);
    return there;
}

void lookup_free(struct lookup *l)
{
    if (!l)
        return;
    pthread_mutex_lock(&l->lock);
    bool running = l->running;
    l->orphan = true;
    pthread_mutex_unlock(&l->lock);
    if (!running)
        destroy(l);
}
