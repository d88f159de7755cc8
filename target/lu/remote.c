/* SPDX-License-Identifier: MIT */
#include "lu/remote.h"
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>
#include "lu/remote_link.h"

#define LINKS_MAX    4u
#define DEPTH        64u /* under way on one connection: libnbd and servers keep no more apart well */
#define DIAL_MS      3000u
#define PAUSE_MS     500u   /* at least, between attempts to connect */
#define RETRY_MS     10000u /* before another attempt at one more */
#define HEARTBEAT_MS 100

struct remote {
    char *uri;
    struct remote_facts facts;
    uint32_t patience_ms, link_count;
    struct remote_link links[LINKS_MAX];
    struct list waiting;  /* to be asked */
    uint64_t lost_at;     /* when the last connection was lost */
    uint64_t dialed_at;   /* when that was last tried */
    uint64_t dial_at;     /* not before */
    uint64_t expire_at;   /* when to look next for what has waited too long */
    uint64_t writable_at; /* when changes could last be made */
    bool unflushed;       /* the server may still have to make something durable */
    bool forgot;          /* and was lost before it did, which the next flush has to tell */
    int event;
    pthread_t thread;
    pthread_mutex_t lock;
    /* under the lock */
    struct list fresh;
    struct nbd_handle *next; /* to be taken over, with the size that it was told */
    uint64_t next_size;
    bool stopping;
};

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* --- answers --- */

static void finish(struct remote_ask *ask, int error)
{
    ask->error = error;
    ask->done(ask);
}

/* What a change leaves behind: whoever flushes is told whether it became durable. */
static void note_change(struct remote *r, const struct remote_ask *ask)
{
    bool durable = ask->kind == REMOTE_WRITE && ask->fua && r->facts.fua;
    r->unflushed |= remote_changes(ask) && !durable && r->facts.flush;
    r->unflushed |= ask->kind == REMOTE_FLUSH && ask->error;
}

static bool has_more(struct remote *r, struct remote_ask *ask)
{
    ask->moved += ask->part;
    if (ask->moved < ask->len && ask->kind != REMOTE_MAP)
        return true;
    if (ask->kind != REMOTE_WRITE || !ask->fua || r->facts.fua)
        return false;
    ask->kind = REMOTE_FLUSH; /* the server knows no FUA */
    return true;
}

static void answered(struct remote *r, struct remote_ask *ask, uint64_t now)
{
    note_change(r, ask);
    if (ask->error || !has_more(r, ask)) {
        finish(ask, ask->error);
        return;
    }
    ask->deadline = now + r->patience_ms; /* the server is at work */
    list_push_front(&r->waiting, &ask->link);
}

/* What no server has seen may be asked as often as there is time for; the rest once more, or a server that
 * hangs up at every request would be asked for ever. A connection that is as old as the one that was lost
 * first does not count: a server that ends loses all of its connections, but not at one moment. */
static bool may_ask_again(struct remote_ask *ask, const struct remote_link *l, uint64_t now)
{
    if (ask->error == REMOTE_UNSENT)
        return true;
    bool again = ask->lost_at && l->dialed_at > ask->lost_at;
    ask->lost_at = ask->lost_at ? ask->lost_at : now;
    return !again && !remote_changes(ask);
}

/* Its connection is gone. */
static void unanswered(struct remote *r, struct remote_link *l, struct remote_ask *ask, uint64_t now)
{
    bool in_time = now < ask->deadline;
    if (ask->kind == REMOTE_FLUSH)
        r->forgot |= ask->needed; /* which it will be told when it is tried again */
    else
        note_change(r, ask);
    if (in_time && may_ask_again(ask, l, now))
        list_push_front(&r->waiting, &ask->link);
    else
        finish(ask, in_time ? -ENOTCONN : -ETIMEDOUT);
}

/* --- connections --- */

static bool any_up(const struct remote *r)
{
    for (uint32_t i = 0; i < r->link_count; i++)
        if (r->links[i].state == REMOTE_UP)
            return true;
    return false;
}

/* May the server still be at a change that it was asked for over a connection that was lost? */
static bool fenced(const struct remote *r)
{
    for (uint32_t i = 0; i < r->link_count; i++)
        if (r->links[i].ending >= 0)
            return true;
    return false;
}

/* Those that have been waiting since `since` have waited long enough; `changes`: all changes have. */
static void fail_waiting(struct remote *r, uint64_t since, bool changes, int error)
{
    for (struct list *at = r->waiting.next, *next; at != &r->waiting; at = next) {
        struct remote_ask *ask = list_entry(at, struct remote_ask, link);
        next = at->next;
        if (ask->deadline > since + r->patience_ms && !(changes && remote_changes(ask)))
            continue;
        list_remove(at);
        finish(ask, error);
    }
}

/* A server that has not been away for long is waited for; else one attempt to reach it is all an ask gets. */
static void dial_failed(struct remote *r, struct remote_link *l, uint64_t now)
{
    remote_link_close(l);
    bool up = any_up(r);
    r->dial_at = now + (up ? RETRY_MS : PAUSE_MS);
    if (!up && now >= r->lost_at + r->patience_ms)
        fail_waiting(r, l->deadline - DIAL_MS, false, -ENOTCONN);
}

/* The connection is gone, and with it what was under way. Of a server that was told to keep something it is
 * not known whether it did. */
static void lost_link(struct remote *r, struct remote_link *l, uint64_t now)
{
    struct list *node;
    remote_link_close(l);
    r->forgot |= r->unflushed;
    while ((node = list_pop(&l->asked)) != NULL) {
        struct remote_ask *ask = list_entry(node, struct remote_ask, link);
        l->count--;
        ask->error = -ENOTCONN;
        unanswered(r, l, ask, now);
    }
    if (any_up(r))
        return;
    r->lost_at = now;
    r->dial_at = r->dialed_at + PAUSE_MS;
}

/* A server that has become smaller is another one. */
static void check_new(struct remote *r, struct remote_link *l, uint64_t now)
{
    struct remote_facts f;
    if (remote_link_look(l, &f) && f.size >= r->facts.size)
        return;
    dial_failed(r, l, now);
}

static void dial(struct remote *r, uint64_t now)
{
    if (list_empty(&r->waiting) || now < r->dial_at)
        return;
    for (uint32_t i = 0; i < r->link_count; i++) {
        struct remote_link *l = &r->links[i];
        if (l->state != REMOTE_DOWN)
            continue;
        r->dialed_at = now;
        r->dial_at = now + PAUSE_MS; /* it may be lost as soon as it is there */
        l->dialed_at = now;
        l->deadline = now + DIAL_MS;
        if (remote_link_dial(l, r->uri))
            continue;
        dial_failed(r, l, now);
        return;
    }
}

/* Connections with the old size end when they are idle; the first makes room for the one that knows the new
 * size, so that the server is never left alone. */
static void renew(struct remote *r)
{
    for (uint32_t i = 0; i < r->link_count; i++) {
        struct remote_link *l = &r->links[i];
        if (l->state == REMOTE_UP && (!l->stale || l->count > 0))
            continue;
        struct nbd_handle *next = r->next;
        if (!l->stale && !next)
            continue;
        remote_link_close(l);
        r->next = NULL;
        l->dialed_at = now_ms();
        if (next)
            remote_link_adopt(l, next);
    }
}

/* --- asking --- */

static struct remote_link *least_busy(struct remote *r)
{
    struct remote_link *best = NULL;
    for (uint32_t i = 0; i < r->link_count; i++) {
        struct remote_link *l = &r->links[i];
        if (l->state == REMOTE_UP && !l->stale && l->count < DEPTH && (!best || l->count < best->count))
            best = l;
    }
    return best;
}

/* NULL: nothing waits that may be asked now. */
static struct remote_ask *next_ask(struct remote *r)
{
    bool changes = !fenced(r);
    list_each (at, &r->waiting) {
        struct remote_ask *ask = list_entry(at, struct remote_ask, link);
        if (changes || !remote_changes(ask))
            return ask;
    }
    return NULL;
}

static void dispatch(struct remote *r)
{
    struct remote_link *l;
    struct remote_ask *ask;
    while ((l = least_busy(r)) != NULL && (ask = next_ask(r)) != NULL) {
        list_remove(&ask->link);
        bool flush = ask->kind == REMOTE_FLUSH;
        if (flush && r->forgot) {
            r->forgot = r->unflushed = false;
            finish(ask, -EIO);
            continue;
        }
        ask->needed = r->unflushed;
        if (flush)
            r->unflushed = false;
        remote_link_issue(l, ask, &r->facts);
    }
}

static void collect(struct remote *r, uint64_t now)
{
    for (uint32_t i = 0; i < r->link_count; i++) {
        struct remote_link *l = &r->links[i];
        struct list *node;
        bool lost = false;
        while ((node = list_pop(&l->answered)) != NULL) {
            struct remote_ask *ask = list_entry(node, struct remote_ask, link);
            if (!remote_link_lost(ask->error)) {
                answered(r, ask, now);
                continue;
            }
            lost = true;
            unanswered(r, l, ask, now);
        }
        if (lost && l->state == REMOTE_UP)
            lost_link(r, l, now);
    }
}

/* --- time --- */

/* They are not in the order of their deadlines: one may have been asked before. */
static bool has_expired(const struct remote_link *l, uint64_t now)
{
    list_each (at, &l->asked)
        if (now >= list_entry(at, struct remote_ask, link)->deadline)
            return true;
    return false;
}

static void expire_link(struct remote *r, struct remote_link *l, uint64_t now)
{
    if (l->state == REMOTE_DIALING && now >= l->deadline)
        dial_failed(r, l, now);
    else if (l->state == REMOTE_UP && has_expired(l, now))
        lost_link(r, l, now);
}

/* A server that has not closed a connection for so long may never: changes are not kept waiting for it. */
static void expire(struct remote *r, uint64_t now)
{
    if (!fenced(r))
        r->writable_at = now;
    if (now < r->expire_at)
        return;
    r->expire_at = now + HEARTBEAT_MS / 2;
    for (uint32_t i = 0; i < r->link_count; i++)
        expire_link(r, &r->links[i], now);
    fail_waiting(r, now - r->patience_ms, false, any_up(r) ? -ETIMEDOUT : -ENOTCONN);
    if (now >= r->writable_at + r->patience_ms)
        fail_waiting(r, now - r->patience_ms, true, -ETIMEDOUT);
}

/* --- the thread --- */

static bool idle(const struct remote *r)
{
    uint32_t under_way = 0;
    for (uint32_t i = 0; i < r->link_count; i++)
        under_way += r->links[i].count;
    return under_way == 0 && list_empty(&r->waiting);
}

static int wait_ms(struct remote *r)
{
    if (least_busy(r) && next_ask(r))
        return 0;
    return idle(r) ? -1 : HEARTBEAT_MS;
}

static void step(struct remote *r, uint32_t i, short events, uint64_t now)
{
    struct remote_link *l = &r->links[i];
    uint8_t before = l->state;
    remote_link_step(l, events);
    if (before == REMOTE_DIALING && l->state == REMOTE_DOWN)
        dial_failed(r, l, now);
    else if (before == REMOTE_DIALING && l->state == REMOTE_UP)
        check_new(r, l, now);
    else if (before == REMOTE_UP && l->state == REMOTE_DOWN)
        lost_link(r, l, now);
}

static void wait_for_events(struct remote *r)
{
    struct pollfd fds[1 + 2 * LINKS_MAX] = {{.fd = r->event, .events = POLLIN}};
    struct pollfd *ups = fds + 1, *ends = ups + r->link_count;
    uint64_t rings;
    for (uint32_t i = 0; i < r->link_count; i++) {
        ups[i].fd = remote_link_watch(&r->links[i], &ups[i].events);
        ends[i] = (struct pollfd){.fd = r->links[i].ending, .events = POLLIN};
    }
    if (poll(fds, 1 + 2 * r->link_count, wait_ms(r)) < 0)
        return;
    while (fds[0].revents && read(r->event, &rings, sizeof rings) < 0 && errno == EINTR)
        ;
    uint64_t now = now_ms();
    for (uint32_t i = 0; i < r->link_count; i++) {
        if (ends[i].revents)
            remote_link_watch_end(&r->links[i]);
        if (ups[i].revents)
            step(r, i, ups[i].revents, now);
    }
}

/* What others have left for this thread. false: to stop. */
static bool take_fresh(struct remote *r)
{
    struct list *node;
    pthread_mutex_lock(&r->lock);
    bool stopping = r->stopping;
    while ((node = list_pop(&r->fresh)) != NULL)
        list_push(&r->waiting, node);
    for (uint32_t i = 0; r->next && i < r->link_count; i++)
        r->links[i].stale = r->links[i].state == REMOTE_UP;
    if (r->next)
        r->facts.size = r->next_size;
    renew(r);
    pthread_mutex_unlock(&r->lock);
    return !stopping;
}

static void *talk(void *arg)
{
    struct remote *r = arg;
    while (take_fresh(r)) {
        uint64_t now = now_ms();
        dial(r, now);
        dispatch(r);
        collect(r, now);
        wait_for_events(r);
        now = now_ms();
        collect(r, now);
        expire(r, now);
    }
    for (uint32_t i = 0; i < r->link_count; i++) {
        remote_link_close(&r->links[i]);
        remote_link_forget_end(&r->links[i]);
    }
    return NULL;
}

/* Signals are for the target's thread. */
static bool start(struct remote *r)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&r->thread, NULL, talk, r);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return !error;
}

/* --- the interface --- */

static void discard(struct remote *r)
{
    if (r->event >= 0)
        close(r->event);
    pthread_mutex_destroy(&r->lock);
    free(r->uri);
    free(r);
}

struct remote *remote_new(struct nbd_handle *first, const char *uri, const struct remote_facts *facts,
                          uint32_t patience_ms)
{
    struct remote *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    pthread_mutex_init(&r->lock, NULL);
    list_init(&r->waiting);
    list_init(&r->fresh);
    r->facts = *facts;
    r->patience_ms = patience_ms;
    r->writable_at = now_ms();
    r->link_count = facts->many ? LINKS_MAX : 1;
    for (uint32_t i = 0; i < r->link_count; i++)
        remote_link_init(&r->links[i]);
    r->next = first; /* for the thread: without one it stays the caller's */
    r->next_size = facts->size;
    r->uri = strdup(uri);
    r->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (r->uri && r->event >= 0 && start(r))
        return r;
    discard(r);
    return NULL;
}

static void ring(struct remote *r)
{
    uint64_t one = 1;
    while (write(r->event, &one, sizeof one) < 0 && errno == EINTR)
        ;
}

void remote_submit(struct remote *r, struct remote_ask *ask)
{
    ask->moved = 0;
    ask->error = 0;
    ask->lost_at = 0;
    ask->deadline = now_ms() + r->patience_ms;
    pthread_mutex_lock(&r->lock);
    bool first = list_empty(&r->fresh);
    list_push(&r->fresh, &ask->link);
    pthread_mutex_unlock(&r->lock);
    if (first)
        ring(r);
}

struct waiter {
    pthread_mutex_t lock;
    pthread_cond_t done;
    bool is_done;
};

static void wake(struct remote_ask *ask)
{
    struct waiter *w = ask->waiter;
    pthread_mutex_lock(&w->lock);
    w->is_done = true;
    pthread_cond_signal(&w->done);
    pthread_mutex_unlock(&w->lock);
}

int remote_wait(struct remote *r, struct remote_ask *ask)
{
    struct waiter w = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false};
    ask->waiter = &w;
    ask->done = wake;
    remote_submit(r, ask);
    pthread_mutex_lock(&w.lock);
    while (!w.is_done)
        pthread_cond_wait(&w.done, &w.lock);
    pthread_mutex_unlock(&w.lock);
    return ask->error;
}

void remote_renew(struct remote *r, struct nbd_handle *next, uint64_t size)
{
    pthread_mutex_lock(&r->lock);
    struct nbd_handle *unused = r->next;
    r->next = next;
    r->next_size = size;
    pthread_mutex_unlock(&r->lock);
    ring(r);
    remote_hang_up(unused);
}

void remote_free(struct remote *r)
{
    pthread_mutex_lock(&r->lock);
    r->stopping = true;
    pthread_mutex_unlock(&r->lock);
    ring(r);
    pthread_join(r->thread, NULL);
    remote_hang_up(r->next);
    discard(r);
}
