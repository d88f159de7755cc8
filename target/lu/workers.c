/* SPDX-License-Identifier: MIT */
#include "lu/workers.h"
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define STACK_BYTES (256u * 1024)

struct workers {
    int event;
    uint32_t busy; /* the target's thread's own */
    pthread_mutex_t lock;
    /* under the lock */
    pthread_cond_t work;
    struct list queue, finished;
    uint32_t queued, idle;
    bool stopping;
    /* only the target's thread starts and joins threads */
    pthread_t threads[WORKERS_MAX];
    uint32_t thread_count;
};

/* --- the threads --- */

/* An I/O of no LU stands for itself. */
static bool may_begin(const struct lu_io *io)
{
    return !io->lu || io->lu->on_threads < WORKERS_PER_LU;
}

/* The oldest of those whose LU has not got its share. */
static struct lu_io *next_in_line(struct workers *w)
{
    list_each (at, &w->queue) {
        struct lu_io *io = list_entry(at, struct lu_io, link);
        if (may_begin(io))
            return io;
    }
    return NULL;
}

static struct lu_io *take(struct workers *w)
{
    struct lu_io *io;
    w->idle++;
    while ((io = next_in_line(w)) == NULL && !w->stopping)
        pthread_cond_wait(&w->work, &w->lock);
    w->idle--;
    if (!io)
        return NULL;
    list_remove(&io->link);
    w->queued--;
    if (io->lu)
        io->lu->on_threads++;
    return io;
}

/* The first on the list rings; who comes behind it is found by the same reap. */
static void hand_back(struct workers *w, struct lu_io *io)
{
    uint64_t one = 1;
    bool first = list_empty(&w->finished);
    list_push(&w->finished, &io->link);
    if (first)
        while (write(w->event, &one, sizeof one) < 0 && errno == EINTR)
            ;
}

static void *serve(void *arg)
{
    struct workers *w = arg;
    struct lu_io *io;
    pthread_mutex_lock(&w->lock);
    while ((io = take(w)) != NULL) {
        pthread_mutex_unlock(&w->lock);
        io->run(io);
        pthread_mutex_lock(&w->lock);
        if (io->lu)
            io->lu->on_threads--;
        hand_back(w, io);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

/* Signals are for the target's thread. */
static bool add_thread(struct workers *w)
{
    sigset_t all, before;
    pthread_attr_t attr;
    if (pthread_attr_init(&attr))
        return false;
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&w->threads[w->thread_count], &attr, serve, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    w->thread_count += !error;
    return !error;
}

/* --- the target's thread --- */

struct workers *workers_new(void)
{
    struct workers *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    w->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (w->event < 0) {
        free(w);
        return NULL;
    }
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->work, NULL);
    list_init(&w->queue);
    list_init(&w->finished);
    return w;
}

/* True if nobody is free to do it. One that has to wait for others of its LU needs nobody: they come back. */
static bool enqueue(struct workers *w, struct lu_io *io)
{
    pthread_mutex_lock(&w->lock);
    list_push(&w->queue, &io->link);
    bool now = may_begin(io), short_of_hands = ++w->queued > w->idle;
    pthread_mutex_unlock(&w->lock);
    if (now)
        pthread_cond_signal(&w->work);
    return now && short_of_hands;
}

void workers_run(struct workers *w, struct lu_io *io, void (*run)(struct lu_io *io))
{
    io->run = run;
    if (w->thread_count == 0 && !add_thread(w)) {
        run(io);
        io->done(io);
        return;
    }
    w->busy++;
    if (enqueue(w, io) && w->thread_count < WORKERS_MAX)
        add_thread(w);
}

int workers_fd(const struct workers *w)
{
    return w->event;
}

void workers_promise(struct workers *w)
{
    w->busy++;
}

void workers_finish(struct workers *w, struct lu_io *io)
{
    pthread_mutex_lock(&w->lock);
    hand_back(w, io);
    pthread_mutex_unlock(&w->lock);
}

/* All of them at once: the list's head is put into its place and the old one taken out. */
static void take_finished(struct workers *w, struct list *mine)
{
    pthread_mutex_lock(&w->lock);
    list_push(&w->finished, mine);
    list_remove(&w->finished);
    pthread_mutex_unlock(&w->lock);
}

/* The bell is silenced first: what is finished from then on rings again. */
void workers_reap(struct workers *w)
{
    uint64_t rings;
    struct list mine, *node;
    while (read(w->event, &rings, sizeof rings) < 0 && errno == EINTR)
        ;
    take_finished(w, &mine);
    while ((node = list_pop(&mine)) != NULL) {
        struct lu_io *io = list_entry(node, struct lu_io, link);
        w->busy--;
        io->done(io);
    }
}

uint32_t workers_busy(const struct workers *w)
{
    return w->busy;
}

void workers_wait(struct workers *w)
{
    struct pollfd bell = {.fd = w->event, .events = POLLIN};
    if (w->busy == 0)
        return;
    poll(&bell, 1, -1);
    workers_reap(w);
}

void workers_free(struct workers *w)
{
    if (!w)
        return;
    pthread_mutex_lock(&w->lock);
    w->stopping = true;
    pthread_mutex_unlock(&w->lock);
    pthread_cond_broadcast(&w->work);
    for (uint32_t i = 0; i < w->thread_count; i++)
        pthread_join(w->threads[i], NULL);
    pthread_cond_destroy(&w->work);
    pthread_mutex_destroy(&w->lock);
    close(w->event);
    free(w);
}
