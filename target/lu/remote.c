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
#define PAUSE_MS     500u   /* between attempts to connect while there is no connection */
#define RETRY_MS     10000u /* before another attempt at one more */
#define HEARTBEAT_MS 100

struct remote {
    char *uri;
    struct remote_facts facts;
    uint32_t patience_ms, link_count;
    struct remote_link links[LINKS_MAX];
    struct list waiting; /* to be asked */
    uint64_t lost_at;    /* when the last connection was lost */
    uint64_t dial_at;    /* not before */
    bool unflushed;      /* the server may still have to make something durable */
    bool forgot;         /* and was lost before it did, which the next flush has to tell */
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
    bool changes = ask->kind == REMOTE_WRITE || ask->kind == REMOTE_ZERO;
    r->unflushed |= changes && !durable && r->facts.flush;
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

static void settle(struct remote *r, struct remote_ask *ask)
{
    bool lost = remote_link_lost(ask->error), changes = ask->kind == REMOTE_WRITE || ask->kind == REMOTE_ZERO;
    if (lost && ask->kind == REMOTE_FLUSH)
        r->forgot |= ask->needed; /* which it will be told when it is tried again */
    else
        note_change(r, ask);
    bool again = lost && (!changes || ask->error == REMOTE_UNSENT);
    if (again || (!ask->error && has_more(r, ask)))
        list_push_front(&r->waiting, &ask->link);
    else
        finish(ask, ask->error);
}

/* --- connections --- */

static bool any_up(const struct remote *r)
{
    for (uint32_t i = 0; i < r->link_count; i++)
        if (r->links[i].state == REMOTE_UP)
            return true;
    return false;
}

/* Those that have been waiting since `since` have waited long enough. */
static void fail_waiting(struct remote *r, uint64_t since)
{
    for (struct list *at = r->waiting.next, *next; at != &r->waiting; at = next) {
        struct remote_ask *ask = list_entry(at, struct remote_ask, link);
        next = at->next;
        if (ask->deadline > since + r->patience_ms)
            continue;
        list_remove(at);
        finish(ask, -ENOTCONN);
    }
}

/* A server that has not been away for long is waited for; else one attempt to reach it is all an ask gets. */
static void dial_failed(struct remote *r, struct remote_link *l, uint64_t now)
{
    remote_link_close(l);
    bool up = any_up(r);
    r->dial_at = now + (up ? RETRY_MS : PAUSE_MS);
    if (!up && now >= r->lost_at + r->patience_ms)
        fail_waiting(r, l->deadline - DIAL_MS);
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
        ask->error = now >= ask->deadline ? -ETIMEDOUT : -ENOTCONN;
        settle(r, ask);
    }
    if (!any_up(r))
        r->lost_at = r->dial_at = now;
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

static void dispatch(struct remote *r, uint64_t now)
{
    struct remote_link *l;
    while (!list_empty(&r->waiting) && (l = least_busy(r)) != NULL) {
        struct remote_ask *ask = list_entry(list_pop(&r->waiting), struct remote_ask, link);
        bool flush = ask->kind == REMOTE_FLUSH;
        if (flush && r->forgot) {
            r->forgot = r->unflushed = false;
            finish(ask, -EIO);
            continue;
        }
        ask->needed = r->unflushed;
        if (flush)
            r->unflushed = false;
        ask->deadline = now + r->patience_ms;
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
            lost |= remote_link_lost(ask->error);
            settle(r, ask);
        }
        if (lost && l->state == REMOTE_UP)
            lost_link(r, l, now);
    }
}

/* --- time --- */

static void expire_link(struct remote *r, struct remote_link *l, uint64_t now)
{
    struct list *oldest = l->asked.next;
    if (l->state == REMOTE_DIALING && now >= l->deadline)
        dial_failed(r, l, now);
    else if (l->state == REMOTE_UP && oldest != &l->asked &&
             now >= list_entry(oldest, struct remote_ask, link)->deadline)
        lost_link(r, l, now);
}

/* While there is no connection, nothing waits longer than for an answer. */
static void expire(struct remote *r, uint64_t now)
{
    for (uint32_t i = 0; i < r->link_count; i++)
        expire_link(r, &r->links[i], now);
    if (!any_up(r))
        fail_waiting(r, now - r->patience_ms);
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
    if (!list_empty(&r->waiting) && least_busy(r))
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
    struct pollfd fds[LINKS_MAX + 1] = {{.fd = r->event, .events = POLLIN}};
    uint64_t rings;
    for (uint32_t i = 0; i < r->link_count; i++)
        fds[i + 1].fd = remote_link_watch(&r->links[i], &fds[i + 1].events);
    if (poll(fds, r->link_count + 1, wait_ms(r)) < 0)
        return;
    while (fds[0].revents && read(r->event, &rings, sizeof rings) < 0 && errno == EINTR)
        ;
    uint64_t now = now_ms();
    for (uint32_t i = 0; i < r->link_count; i++)
        if (fds[i + 1].revents)
            step(r, i, fds[i + 1].revents, now);
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
        dispatch(r, now);
        collect(r, now);
        wait_for_events(r);
        now = now_ms();
        collect(r, now);
        expire(r, now);
    }
    for (uint32_t i = 0; i < r->link_count; i++)
        remote_link_close(&r->links[i]);
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
    r->link_count = facts->many ? LINKS_MAX : 1;
    for (uint32_t i = 0; i < r->link_count; i++)
        remote_link_init(&r->links[i]);
    remote_link_adopt(&r->links[0], first);
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
