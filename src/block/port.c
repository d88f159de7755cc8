/* SPDX-License-Identifier: MIT */
#include "block/port.h"

#include <stdlib.h>
#include <time.h>
#include "block/lun.h"
#include "block/reactors.h"

#define NS_PER_MS   1000000ull
#define PATIENCE_MS 100 /* between two looks at whether the caller has had enough */

int port_new(struct port **out, bool has_fd)
{
    struct port *p = calloc(1, sizeof *p);
    *out = NULL;
    if (!p)
        return BERTH_E_MEMORY;
    mailbox_init(&p->in);
    p->wake.kind = MAIL_WAKE;
    int error = bell_make(&p->bell, has_fd);
    if (error) {
        free(p);
        return error;
    }
    *out = p;
    return BERTH_OK;
}

void port_free(struct port *p)
{
    if (!p)
        return;
    bell_free(&p->bell);
    free(p);
}

/* --- the worker's side --- */

void port_io_here(struct request *r)
{
    list_push(&r->lun->waiting, &r->link);
    reactor_touch(r->lun->initiator); /* in whose round it is sent */
}

void port_flush(struct berth_lun *lun)
{
    struct berth_queue *q = lun->returning_to;
    struct mail_bundle letters = lun->returning;
    if (!q)
        return;
    lun->returning_to = NULL;
    lun->returning = (struct mail_bundle){NULL, NULL};
    lanes_count_writes(lun); /* whoever flushes next may know of them from us */
    if (mailbox_push(&q->port->in, &letters))
        bell_ring(&q->port->bell);
}

static void send_back(struct berth_lun *lun, struct berth_queue *q, struct mail *letter)
{
    if (lun->returning_to != q)
        port_flush(lun);
    lun->returning_to = q;
    mail_bundle_add(&lun->returning, letter);
}

void port_return(struct request *r)
{
    r->mail.kind = MAIL_IO;
    send_back(r->lun, r->queue, &r->mail);
}

void port_recall_here(struct request *r)
{
    if (r->under_way && !r->cancelled) { /* else it has been done meanwhile */
        request_withdraw(r);
        initiator_settle(r->lun->initiator);
    }
    reactor_touch(r->lun->initiator);
    send_back(r->lun, r->queue, &r->recall);
}

/* --- the queue's side --- */

static void take_recall(struct berth_queue *q, struct request *r)
{
    r->recalled = false;
    q->recalls--;
    if (r->place == REQUEST_FREE) /* reaped before; now nothing of it is anywhere else */
        list_push(&q->free, &r->link);
}

static void take_done(struct berth_queue *q, struct request *r)
{
    r->place = REQUEST_BACK;
    list_push(&q->done, &r->link);
    q->done_count++;
}

static void open_letter(struct berth_queue *q, struct mail *letter)
{
    switch ((enum mail_kind)letter->kind) {
    case MAIL_IO:
        take_done(q, mail_entry(letter, struct request, mail));
        break;
    case MAIL_RECALL:
        take_recall(q, mail_entry(letter, struct request, recall));
        break;
    case MAIL_WAKE:
        atomic_store(&q->port->wake_sent, false);
        q->woken = true;
        break;
    case MAIL_POKE:
    case MAIL_JOB:
    case MAIL_ERRAND:
        break;
    }
}

/* Whoever has put the first letter where it said that we sleep is going to ring, or has done so. */
static void open_letters(struct berth_queue *q)
{
    struct port *p = q->port;
    if (!mailbox_holds(&p->in) && !p->asleep)
        return;
    struct mail *letter = mailbox_take(&p->in), *next;
    p->owed += p->asleep && letter;
    p->asleep = false;
    for (; letter; letter = next) {
        next = letter->next;
        open_letter(q, letter);
    }
}

static void hush(struct port *p)
{
    if (p->owed > 0)
        p->owed -= bell_hear(&p->bell);
}

/* Between its letter and its ring a worker needs the port. */
static void hear_out(struct port *p)
{
    while (p->owed > 0) {
        bell_sleep(&p->bell, -1);
        hush(p);
    }
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* How long the next sleep may last; -1: for ever. */
static int nap_ms(const struct berth_queue *q, uint64_t until)
{
    int most = q->lun->lanes->cancelled ? PATIENCE_MS : -1;
    if (until == UINT64_MAX)
        return most;
    uint64_t now = now_ns(), left = until > now ? (until - now + NS_PER_MS - 1) / NS_PER_MS : 0;
    return most < 0 || left < (uint64_t)most ? (int)left : most;
}

/* Sleeps until a letter comes. False: a signal came, or the caller has had enough. */
static bool nap(struct berth_queue *q, uint64_t until, int *error)
{
    struct port *p = q->port;
    const struct lanes *all = q->lun->lanes;
    p->asleep = mailbox_sleep(&p->in);
    if (p->asleep && !bell_sleep(&p->bell, nap_ms(q, until)))
        return false;
    if (all->cancelled && all->cancelled(all->cancelled_arg))
        *error = BERTH_E_ABORTED;
    return *error == BERTH_OK;
}

static bool has_enough(const struct berth_queue *q, uint32_t wanted)
{
    return q->woken || q->done_count >= wanted || q->done_count == q->outstanding;
}

static int wait_for(struct berth_queue *q, uint32_t wanted, int timeout_ms)
{
    uint64_t until = timeout_ms < 0 ? UINT64_MAX : now_ns() + (uint64_t)timeout_ms * NS_PER_MS;
    bool more = true;
    int error = BERTH_OK;
    open_letters(q);
    while (more && !has_enough(q, wanted) && (until == UINT64_MAX || now_ns() < until)) {
        more = nap(q, until, &error);
        open_letters(q); /* which says that we are awake */
        hush(q->port);
    }
    return error;
}

/* Whoever sleeps on the descriptor is to be woken by what comes from now on, and by what is here. */
static void arm(struct berth_queue *q)
{
    struct port *p = q->port;
    if (q->done_count == 0)
        p->asleep = mailbox_sleep(&p->in);
    if (p->asleep)
        return;
    p->owed++;
    bell_ring(&p->bell);
}

int port_reap(struct berth_queue *q, struct berth_done *done, uint32_t min, uint32_t max, int timeout_ms)
{
    int error = BERTH_OK;
    if (min > 0)
        error = wait_for(q, min < max ? min : max, timeout_ms);
    else
        open_letters(q);
    hush(q->port);
    uint32_t count = queue_collect(q, done, max);
    q->woken = false;
    if (q->port->listening)
        arm(q);
    return count == 0 && error ? error : (int)count;
}

int port_fd(struct berth_queue *q)
{
    q->port->listening = true;
    open_letters(q);
    arm(q);
    return q->port->bell.fd;
}

void port_wake(struct port *p)
{
    if (!atomic_exchange(&p->wake_sent, true) && mailbox_push_one(&p->in, &p->wake))
        bell_ring(&p->bell);
}

int port_cancel(struct berth_queue *q, uint64_t tag)
{
    int count = 0;
    open_letters(q);
    for (uint32_t n = 0; n < q->depth; n++) {
        struct request *r = &q->requests[n];
        if (r->place != REQUEST_AWAY || r->recalled || r->io.tag != tag)
            continue;
        r->recalled = true;
        q->recalls++;
        worker_post(r->lun->worker, &(struct mail_bundle){&r->recall, &r->recall});
        count++;
    }
    return count;
}

/* --- all of a queue --- */

struct cutting {
    struct berth_queue *queue;
    struct berth_lun *lun;
    uint64_t until;
};

static int recall_here(void *arg)
{
    struct cutting *c = arg;
    queue_recall_lane(c->queue, c->lun);
    return BERTH_OK;
}

static int cut_here(void *arg)
{
    struct cutting *c = arg;
    queue_cut_lane(c->queue, c->lun, c->until);
    port_flush(c->lun);
    return BERTH_OK;
}

static void on_all(struct berth_queue *q, int (*what)(void *arg), uint64_t until)
{
    struct lanes *all = q->lun->lanes;
    for (uint32_t n = 0; n < all->count; n++) {
        struct cutting c = {q, all->luns[n], until};
        worker_run(c.lun->worker, what, &c, NULL, NULL);
    }
}

void port_cut(struct berth_queue *q)
{
    if (q->outstanding > 0 || q->recalls > 0) {
        uint64_t until = now_ns() + LUN_CUT_NS; /* the engines' clock is the same */
        on_all(q, recall_here, until);
        on_all(q, cut_here, until);
    }
    open_letters(q);
    hear_out(q->port);
}
