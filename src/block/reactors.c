/* SPDX-License-Identifier: MIT */
#include "block/reactors.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>
#include "block/lun.h"

#define REACTORS_MAX  64u
#define PATIENCE_MS   100u     /* between two looks at whether a caller has had enough */
#define BROKEN_NAP_NS 10000000 /* between two looks at the jobs, of a worker that cannot wait */

struct berth_reactors {
    uint32_t count;
    bool poll;
    pthread_mutex_t lock; /* for the workers' `sessions`, and the ends of jobs */
    pthread_cond_t ended; /* a job has */
    struct worker workers[];
};

struct job {
    struct mail mail;
    int (*run)(void *arg);
    void *arg;
    int result;
    bool done; /* under the lock */
};

/* --- the worker's thread --- */

static void append(struct worker *w, struct mail *job)
{
    struct mail **end = &w->jobs;
    while (*end)
        end = &(*end)->next;
    job->next = NULL;
    *end = job;
}

/* Its sender, who is waiting, has it on the stack. */
static void end_job(struct worker *w, struct job *job, int result)
{
    pthread_mutex_lock(&w->of->lock);
    job->result = result;
    job->done = true;
    pthread_cond_broadcast(&w->of->ended);
    pthread_mutex_unlock(&w->of->lock);
}

static void do_errand(struct worker *w, struct job *errand)
{
    end_job(w, errand, errand->run(errand->arg));
}

static void open_letter(struct worker *w, struct mail *letter)
{
    switch ((enum mail_kind)letter->kind) {
    case MAIL_IO:
        port_io_here(mail_entry(letter, struct request, mail));
        break;
    case MAIL_RECALL:
        port_recall_here(mail_entry(letter, struct request, recall));
        break;
    case MAIL_POKE:
        lanes_poked(mail_entry(letter, struct berth_lun, poke));
        break;
    case MAIL_JOB:
        append(w, letter);
        break;
    case MAIL_ERRAND:
        do_errand(w, mail_entry(letter, struct job, mail));
        break;
    case MAIL_WAKE:
        break;
    }
}

static void gather(void *owner)
{
    struct worker *w = owner;
    if (w->of->poll && !mailbox_holds(&w->in)) /* and it is never asleep */
        return;
    for (struct mail *letter = mailbox_take(&w->in), *next; letter; letter = next) {
        next = letter->next;
        open_letter(w, letter);
    }
}

/* Jobs that have to wait for the one that is being done are no reason to stay awake. */
static bool may_sleep(void *owner)
{
    struct worker *w = owner;
    return !w->of->poll && (!w->jobs || w->busy) && mailbox_sleep(&w->in);
}

static void do_job(struct worker *w, struct job *job)
{
    w->busy = true;
    int result = job->run(job->arg);
    w->busy = false;
    end_job(w, job, result);
}

static void *work(void *arg)
{
    struct worker *w = arg;
    while (!w->stopping) {
        if (reactor_poll(w->reactor, w->of->poll ? 0 : UINT64_MAX))
            nanosleep(&(struct timespec){.tv_nsec = BROKEN_NAP_NS}, NULL); /* nothing will wake it any more */
        while (w->jobs) {
            struct mail *first = w->jobs;
            w->jobs = first->next;
            do_job(w, mail_entry(first, struct job, mail));
        }
    }
    return NULL;
}

static void heard(void *owner)
{
    struct worker *w = owner;
    uint64_t times;
    w->reactor->engine->syscalls++;
    if (read(w->bell, &times, sizeof times) < 0)
        return; /* heard before */
}

/* --- letters and jobs --- */

void worker_post(struct worker *w, const struct mail_bundle *b)
{
    const uint64_t once = 1;
    if (b->newest && mailbox_push(&w->in, b) && write(w->bell, &once, sizeof once) < 0)
        return; /* it has been rung 2^64 times */
}

static struct timespec in_a_while(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_nsec += PATIENCE_MS * 1000000l;
    t.tv_sec += t.tv_nsec / 1000000000l;
    t.tv_nsec %= 1000000000l;
    return t;
}

static void wait_for(struct berth_reactors *r, const struct job *job, const struct berth_options *options,
                     atomic_bool *given_up)
{
    pthread_mutex_lock(&r->lock);
    while (!job->done) {
        struct timespec until = in_a_while();
        pthread_cond_timedwait(&r->ended, &r->lock, &until);
        if (!options || !options->cancelled || job->done)
            continue;
        pthread_mutex_unlock(&r->lock);
        if (options->cancelled(options->cancelled_arg))
            atomic_store(given_up, true);
        pthread_mutex_lock(&r->lock);
    }
    pthread_mutex_unlock(&r->lock);
}

static int have_done(struct worker *w, struct job *job, const struct berth_options *options,
                     atomic_bool *given_up)
{
    worker_post(w, &(struct mail_bundle){&job->mail, &job->mail});
    wait_for(w->of, job, options, given_up);
    return job->result;
}

int worker_run(struct worker *w, int (*run)(void *arg), void *arg, const struct berth_options *options,
               atomic_bool *given_up)
{
    struct job job = {.mail = {.kind = MAIL_JOB}, .run = run, .arg = arg};
    return have_done(w, &job, options, given_up);
}

int worker_ask(struct worker *w, int (*run)(void *arg), void *arg)
{
    struct job errand = {.mail = {.kind = MAIL_ERRAND}, .run = run, .arg = arg};
    return have_done(w, &errand, NULL, NULL);
}

/* --- sessions --- */

struct worker *reactors_place(struct berth_reactors *r)
{
    struct worker *least = &r->workers[0];
    pthread_mutex_lock(&r->lock);
    for (uint32_t n = 1; n < r->count; n++)
        if (r->workers[n].sessions < least->sessions)
            least = &r->workers[n];
    least->sessions++;
    pthread_mutex_unlock(&r->lock);
    return least;
}

void reactors_leave(struct worker *w)
{
    pthread_mutex_lock(&w->of->lock);
    w->sessions--;
    pthread_mutex_unlock(&w->of->lock);
}

static bool any_sessions(struct berth_reactors *r)
{
    uint32_t sessions = 0;
    pthread_mutex_lock(&r->lock);
    for (uint32_t n = 0; n < r->count; n++)
        sessions += r->workers[n].sessions;
    pthread_mutex_unlock(&r->lock);
    return sessions > 0;
}

/* --- making and ending them --- */

static int set_cpu(pthread_attr_t *attr, const int *cpu)
{
    cpu_set_t set;
    if (!cpu)
        return 0;
    if (*cpu < 0 || *cpu >= CPU_SETSIZE)
        return EINVAL;
    CPU_ZERO(&set);
    CPU_SET(*cpu, &set);
    return pthread_attr_setaffinity_np(attr, sizeof set, &set);
}

/* The caller's signals are for the caller's threads. */
static int start_thread(struct worker *w, const int *cpu)
{
    sigset_t all, before;
    pthread_attr_t attr;
    int err = pthread_attr_init(&attr);
    if (err)
        return err;
    err = set_cpu(&attr, cpu);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (!err)
        err = pthread_create(&w->thread, &attr, work, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    return err;
}

static void worker_end(struct worker *w)
{
    if (w->bell >= 0 && w->reactor)
        w->reactor->engine->ops->watch(w->reactor->engine, w->bell, NULL, NULL);
    if (w->bell >= 0)
        close(w->bell);
    reactor_free(w->reactor);
}

static int worker_begin(struct worker *w, struct berth_reactors *of, const int *cpu)
{
    w->of = of;
    mailbox_init(&w->in);
    w->bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    int error = w->bell < 0 ? BERTH_E_SYSTEM : reactor_new(&w->reactor, NULL);
    if (!error) {
        w->reactor->gather = gather;
        w->reactor->may_sleep = may_sleep;
        w->reactor->owner = w;
        error = w->reactor->engine->ops->watch(w->reactor->engine, w->bell, heard, w);
    }
    int err = error ? 0 : start_thread(w, cpu);
    if (err)
        error = err == EINVAL ? BERTH_E_ARGUMENT : BERTH_E_SYSTEM;
    if (error)
        worker_end(w);
    return error;
}

static int stop(void *arg)
{
    ((struct worker *)arg)->stopping = true;
    return 0;
}

static void end_all(struct berth_reactors *r)
{
    for (uint32_t n = 0; n < r->count; n++) {
        struct worker *w = &r->workers[n];
        worker_run(w, stop, w, NULL, NULL);
        pthread_join(w->thread, NULL);
        worker_end(w);
    }
    pthread_cond_destroy(&r->ended);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

BERTH_EXPORT int berth_reactors_new(struct berth_reactors **out, uint32_t count, const int *cpus,
                                    uint32_t flags)
{
    *out = NULL;
    if (count == 0 || count > REACTORS_MAX || (flags & ~(uint32_t)BERTH_REACTORS_POLL))
        return BERTH_E_ARGUMENT;
    struct berth_reactors *r = calloc(1, sizeof *r + count * sizeof r->workers[0]);
    pthread_condattr_t steady;
    if (!r)
        return BERTH_E_MEMORY;
    r->poll = flags & BERTH_REACTORS_POLL;
    pthread_mutex_init(&r->lock, NULL);
    pthread_condattr_init(&steady);
    pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
    pthread_cond_init(&r->ended, &steady);
    pthread_condattr_destroy(&steady);
    int error = BERTH_OK;
    while (r->count < count && !error) {
        error = worker_begin(&r->workers[r->count], r, cpus ? &cpus[r->count] : NULL);
        r->count += !error;
    }
    if (error)
        end_all(r);
    else
        *out = r;
    return error;
}

BERTH_EXPORT int berth_reactors_free(struct berth_reactors *r)
{
    if (!r)
        return BERTH_OK;
    if (any_sessions(r))
        return BERTH_E_STATE;
    end_all(r);
    return BERTH_OK;
}
