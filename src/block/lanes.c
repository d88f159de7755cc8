/* SPDX-License-Identifier: MIT */
#include "block/lanes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "block/lun.h"
#include "block/reactors.h"
#include "host/pages.h"

#define PATIENCE_MS 100u /* between two looks at whether the caller has had enough */

static void lock(const struct lanes *all)
{
    pthread_mutex_lock((pthread_mutex_t *)(uintptr_t)&all->lock);
}

static void unlock(const struct lanes *all)
{
    pthread_mutex_unlock((pthread_mutex_t *)(uintptr_t)&all->lock);
}

/* --- from one lane to the others --- */

/* That lane's next round comes soon, and lanes_tend() in it. */
static void poke(struct lanes *all, uint32_t lane)
{
    struct berth_lun *lun = all->luns[lane];
    if (!all->threaded)
        reactor_touch(lun->initiator);
    else if (!atomic_exchange(&all->of[lane].poked, true))
        worker_post(lun->worker, &(struct mail_bundle){&lun->poke, &lun->poke});
}

static void poke_others(const struct berth_lun *lun)
{
    struct lanes *all = lun->lanes;
    if (!atomic_load_explicit(&all->complete, memory_order_acquire))
        return; /* those that are opened later find out by themselves */
    for (uint32_t n = 0; n < all->count; n++)
        if (n != lun->lane)
            poke(all, n);
}

void lanes_poked(struct berth_lun *lun)
{
    atomic_store(&lun->lanes->of[lun->lane].poked, false);
    if (!lun->closing)
        reactor_touch(lun->initiator);
}

void lanes_fence(struct berth_lun *lun, const struct berth_done *why)
{
    struct lanes *all = lun->lanes;
    if (!all || lun->closing)
        return;
    lock(all);
    bool first = !all->fence.error;
    if (first)
        all->fence = *why;
    if (first && lun->initiator->state == INITIATOR_FAILED)
        snprintf(all->why, sizeof all->why, "%s", initiator_detail(lun->initiator));
    atomic_store(&all->fenced, true);
    pthread_cond_broadcast(&all->heard);
    unlock(all);
    if (first)
        poke_others(lun);
}

void lanes_checked(struct berth_lun *lun)
{
    struct lanes *all = lun->lanes;
    if (!all)
        return;
    lock(all);
    all->of[lun->lane].checks = lun->check.turns;
    all->of[lun->lane].found = lun->check.found;
    pthread_cond_broadcast(&all->heard);
    unlock(all);
}

void lanes_recheck(struct berth_lun *lun)
{
    struct lanes *all = lun->lanes;
    if (!all)
        return;
    for (uint32_t n = 0; n < all->room; n++)
        if (n != lun->lane) /* what another has found meanwhile, this one is still to look at */
            atomic_store(&all->of[n].recheck, true);
    poke_others(lun);
}

static void hear_others(struct berth_lun *lun)
{
    struct lanes *all = lun->lanes;
    if (atomic_load_explicit(&all->of[lun->lane].recheck, memory_order_relaxed) &&
        atomic_exchange(&all->of[lun->lane].recheck, false))
        check_want(lun);
    if (!atomic_load_explicit(&all->fenced, memory_order_acquire) || lun->check.fence.error)
        return;
    lock(all);
    struct berth_done why = all->fence;
    unlock(all);
    check_fence(lun, &why);
}

static void set(_Atomic uint64_t *counter, uint64_t value)
{
    atomic_store_explicit(counter, value, memory_order_relaxed);
}

static void count(struct berth_lun *lun)
{
    struct lane_counters *c = &lun->lanes->of[lun->lane].counters;
    struct berth_stats now;
    lun_stats(lun, &now);
    set(&c->syscalls, now.syscalls);
    set(&c->rx_bytes, now.rx_bytes);
    set(&c->tx_bytes, now.tx_bytes);
    set(&c->commands, now.commands);
    set(&c->retries, now.retries);
    set(&c->lost_writes, now.lost_writes);
    lanes_count_writes(lun);
}

void lanes_count_writes(const struct berth_lun *lun)
{
    set(&lun->lanes->of[lun->lane].counters.writes, lun->writes);
}

void lanes_tend(struct berth_lun *lun)
{
    struct lanes *all = lun->lanes;
    const struct initiator *i = lun->initiator;
    if (!all)
        return;
    if (i->state == INITIATOR_FAILED)
        lanes_fence(lun, &(struct berth_done){.error = i->error, .bad_offset_bytes = UINT64_MAX});
    hear_others(lun);
    atomic_store_explicit(&all->of[lun->lane].up, i->state == INITIATOR_UP && !lun->check.wanted,
                          memory_order_relaxed);
    count(lun);
}

/* --- what is told of the device --- */

static uint32_t lanes_away(const struct lanes *all)
{
    uint32_t away = 0;
    for (uint32_t n = 0; n < all->room; n++)
        away += all->of[n].away;
    return away;
}

/* A session is lost when the first one is, and back when all are. */
static bool is_news(struct lanes *all, uint32_t lane, const struct berth_notice *notice)
{
    uint32_t before = lanes_away(all);
    bool had = all->gone, over = all->failed;
    uint64_t size = all->told_size;
    switch ((enum berth_notice_kind)notice->kind) {
    case BERTH_NOTICE_LOST:
        all->of[lane].away = true;
        return before == 0;
    case BERTH_NOTICE_BACK:
        all->of[lane].away = all->gone = false;
        return before > 0 && lanes_away(all) == 0;
    case BERTH_NOTICE_SIZE:
        all->told_size = notice->size_bytes;
        return notice->size_bytes != size;
    case BERTH_NOTICE_GONE:
        all->gone = true;
        return !had;
    case BERTH_NOTICE_FAILED:
        all->failed = true;
        return !over;
    default:
        return true;
    }
}

void lanes_notice(struct berth_lun *lun, const struct berth_notice *notice)
{
    struct lanes *all = lun->lanes;
    if (!all) {
        notice_give(&lun->options, notice);
        return;
    }
    lock(all);
    if (notice->kind == BERTH_NOTICE_LOST)
        snprintf(all->why, sizeof all->why, "%s", notice->text ? notice->text : "");
    if (is_news(all, lun->lane, notice))
        notice_give(&lun->options, notice);
    unlock(all);
}

void lanes_note_loss(struct berth_lun *lun, const struct berth_done *loss)
{
    struct lanes *all = lun->lanes;
    if (!all) {
        lun->loss = *loss;
        return;
    }
    lock(all);
    all->loss = *loss;
    unlock(all);
}

bool lanes_take_loss(struct berth_lun *lun, struct berth_done *out)
{
    struct lanes *all = lun->lanes;
    struct berth_done *loss = all ? &all->loss : &lun->loss;
    if (all)
        lock(all);
    *out = *loss;
    loss->error = BERTH_OK;
    if (all)
        unlock(all);
    return out->error != BERTH_OK;
}

/* --- what is durable --- */

static uint64_t get(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit((_Atomic uint64_t *)(uintptr_t)counter, memory_order_relaxed);
}

/* Of the others as of when they last told anybody of what they have done. */
uint64_t lanes_writes(const struct berth_lun *lun)
{
    const struct lanes *all = lun->lanes;
    uint64_t sum = lun->writes;
    for (uint32_t n = 0; all && n < all->room; n++)
        sum += n == lun->lane ? 0 : get(&all->of[n].counters.writes);
    return sum;
}

void lanes_flushed(struct berth_lun *lun, uint64_t writes)
{
    struct lanes *all = lun->lanes;
    if (!all) {
        lun->durable = writes > lun->durable ? writes : lun->durable;
        return;
    }
    uint64_t before = get(&all->durable);
    while (writes > before && !atomic_compare_exchange_weak(&all->durable, &before, writes))
        ;
}

bool lanes_unflushed(const struct berth_lun *lun)
{
    return lanes_writes(lun) > (lun->lanes ? get(&lun->lanes->durable) : lun->durable);
}

/* --- what is known of the device --- */

static uint64_t all_reconnects(const struct lanes *all)
{
    uint64_t sum = 0;
    for (uint32_t n = 0; n < all->room; n++)
        sum += all->of[n].reconnects;
    return sum;
}

static void show_first(struct lanes *all, const struct berth_lun *lun)
{
    all->latest = lun->info;
    memcpy(all->rows, lun->negotiated, sizeof all->rows);
    snprintf(all->alias, sizeof all->alias, "%s", lun->info.target_alias);
    snprintf(all->portal, sizeof all->portal, "%s", lun->portal);
}

void lanes_publish(struct berth_lun *lun)
{
    struct lanes *all = lun->lanes;
    if (!all)
        return;
    lock(all);
    if (!all->told_size)
        all->told_size = lun->info.size_bytes;
    all->of[lun->lane].reconnects = lun->initiator->reconnects;
    if (lun->lane == 0)
        show_first(all, lun);
    all->latest.size_bytes = lun->info.size_bytes;
    all->latest.read_only = lun->info.read_only;
    all->latest.reconnects = all_reconnects(all);
    unlock(all);
    atomic_store_explicit(&all->facts.size_bytes, lun->info.size_bytes, memory_order_relaxed);
    atomic_store_explicit(&all->facts.read_only, lun->info.read_only, memory_order_relaxed);
    atomic_store_explicit(&all->facts.trims, lun->info.max_trim_bytes > 0, memory_order_relaxed);
    atomic_store_explicit(&all->facts.thin, lun->info.thin, memory_order_relaxed);
}

const struct berth_lun_info *lanes_show(struct lanes *all)
{
    lock(all);
    all->shown = all->latest;
    memcpy(all->shown_rows, all->rows, sizeof all->rows);
    memcpy(all->shown_alias, all->alias, sizeof all->alias);
    memcpy(all->shown_portal, all->portal, sizeof all->portal);
    all->shown.negotiated = all->shown_rows;
    all->shown.target_alias = all->shown_alias;
    all->shown.portal = all->shown_portal;
    unlock(all);
    return &all->shown;
}

/* Lanes that share an engine share its calls. */
static bool counted_before(const struct lanes *all, uint32_t lane)
{
    for (uint32_t n = 0; n < lane; n++)
        if (all->luns[n]->worker == all->luns[lane]->worker)
            return true;
    return false;
}

void lanes_stats(const struct lanes *all, struct berth_stats *stats)
{
    *stats = (struct berth_stats){0};
    for (uint32_t n = 0; n < all->count; n++) {
        const struct lane_counters *c = &all->of[n].counters;
        stats->syscalls += counted_before(all, n) ? 0 : get(&c->syscalls);
        stats->rx_bytes += get(&c->rx_bytes);
        stats->tx_bytes += get(&c->tx_bytes);
        stats->commands += get(&c->commands);
        stats->retries += get(&c->retries);
        stats->lost_writes += get(&c->lost_writes);
    }
}

int lanes_say(struct lanes *all, int error, const char *text)
{
    lock(all);
    bool session = berth_error_scope(error) == BERTH_SCOPE_SESSION && *all->why;
    lun_say(all->threaded ? &all->detail : &all->luns[0]->detail, error,
            text      ? text
            : session ? all->why
                      : NULL);
    unlock(all);
    return error;
}

/* --- what is in force --- */

struct errand {
    int (*what)(struct berth_lun *lun, void *arg);
    struct berth_lun *lun;
    void *arg;
};

static int run_errand(void *arg)
{
    struct errand *e = arg;
    return e->what(e->lun, e->arg);
}

int lanes_ask_one(struct lanes *all, uint32_t lane, int (*what)(struct berth_lun *lun, void *arg), void *arg)
{
    struct errand e = {what, all->luns[lane], arg};
    return e.lun->worker ? worker_ask(e.lun->worker, run_errand, &e) : run_errand(&e);
}

int lanes_ask(struct lanes *all, int (*what)(struct berth_lun *lun, void *arg), void *arg)
{
    int error = BERTH_OK;
    for (uint32_t n = 0; n < all->count; n++) {
        int result = lanes_ask_one(all, n, what, arg);
        error = error ? error : result;
    }
    return error;
}

/* Under the lock: whether all have ended, and what with. */
static bool all_checked(const struct lanes *all, const uint32_t *before, int *found)
{
    *found = all->fence.error;
    for (uint32_t n = 0; n < all->count && !all->fence.error; n++) {
        if (all->of[n].checks == before[n])
            return false;
        *found = *found ? *found : all->of[n].found;
    }
    return true;
}

static struct timespec in_ms(uint32_t ms)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += ms % 1000 * 1000000l;
    t.tv_sec += t.tv_nsec / 1000000000l;
    t.tv_nsec %= 1000000000l;
    return t;
}

int lanes_await_checks(struct lanes *all, const uint32_t *before, uint32_t timeout_ms)
{
    int found = BERTH_OK;
    bool ended = false, enough = false;
    for (uint32_t left = timeout_ms; !ended && !enough && left > 0;) {
        uint32_t nap = left < PATIENCE_MS ? left : PATIENCE_MS;
        struct timespec until = in_ms(nap);
        bool in_time = true;
        lock(all);
        while (!(ended = all_checked(all, before, &found)) && in_time)
            in_time = pthread_cond_timedwait(&all->heard, &all->lock, &until) == 0;
        unlock(all);
        left -= nap;
        enough = !ended && all->cancelled && all->cancelled(all->cancelled_arg);
    }
    return ended ? found : enough ? BERTH_E_ABORTED : BERTH_E_TIMEOUT;
}

struct berth_policy lanes_policy(const struct lanes *all)
{
    lock(all);
    struct berth_policy policy = all->policy;
    unlock(all);
    return policy;
}

void lanes_set_policy(struct lanes *all, const struct berth_policy *policy)
{
    lock(all);
    all->policy = *policy;
    unlock(all);
}

/* --- which lane --- */

bool lanes_up(const void *lanes, uint32_t lane)
{
    struct lanes *all = (struct lanes *)(uintptr_t)lanes;
    return atomic_load_explicit(&all->of[lane].up, memory_order_relaxed);
}

bool lanes_have_own(const struct lanes *all)
{
    const _Atomic uint32_t *feeders = &all->feeders;
    return atomic_load_explicit((_Atomic uint32_t *)(uintptr_t)feeders, memory_order_relaxed) >= all->count;
}

/* --- open --- */

struct opening {
    struct lanes *all;
    uint32_t lane;
    const struct url *url;
    const struct berth_options *options;
    const struct lun_world *world;
    struct berth_detail *detail;
    struct worker *worker;
    atomic_bool given_up;
};

static int compare(const struct berth_lun *first, const struct berth_lun *lun, struct berth_detail *detail)
{
    const struct scsi_designator *a = &first->designator, *b = &lun->designator;
    bool anonymous = a->type == 0 && !first->serial[0];
    bool same = a->type == b->type && a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0 &&
                strcmp(first->serial, lun->serial) == 0 && strcmp(first->vendor, lun->vendor) == 0 &&
                strcmp(first->product, lun->product) == 0 &&
                lun->info.block_bytes == first->lanes->block_bytes;
    if (anonymous)
        return lun_say(detail, BERTH_E_UNSUPPORTED,
                       "the LUN has no name (VPD page 83h or 80h) by which a second session could know it");
    return same
               ? BERTH_OK
               : lun_say(detail, BERTH_E_CHANGED, "a second session to the same LUN leads to another device");
}

static bool given_up(void *arg)
{
    return atomic_load((atomic_bool *)arg);
}

static int open_lane(void *arg)
{
    struct opening *o = arg;
    struct berth_options options = *o->options;
    struct lun_place place = {.lanes = o->all, .lane = o->lane, .worker = o->worker, .world = o->world};
    if (o->worker && options.cancelled) {
        options.cancelled = given_up;
        options.cancelled_arg = &o->given_up;
    }
    struct berth_lun *lun;
    int error = lun_open_at(&lun, o->url, &options, &place, o->detail);
    if (error)
        return error;
    if (o->worker)
        lun->options.cancelled = NULL;
    if (o->lane > 0 && (error = compare(o->all->luns[0], lun, o->detail)) != BERTH_OK) {
        lun_end(lun);
        lun_free(lun);
        return error;
    }
    if (o->lane == 0)
        o->all->block_bytes = lun->info.block_bytes;
    o->all->luns[o->lane] = lun;
    lanes_publish(lun);
    lun_keep(lun);
    lanes_tend(lun);
    return BERTH_OK;
}

static int open_next(struct opening *o)
{
    struct lanes *all = o->all;
    o->worker = o->options->reactors ? reactors_place(o->options->reactors) : NULL;
    o->lane = all->count;
    int error = o->worker ? worker_run(o->worker, open_lane, o, o->options, &o->given_up) : open_lane(o);
    if (error && o->worker)
        reactors_leave(o->worker);
    all->count += !error;
    return error;
}

static size_t lanes_size(uint32_t room)
{
    return sizeof(struct lanes) + room * sizeof(struct lane_state);
}

static struct lanes *make(const struct berth_options *options)
{
    struct lanes *all = pages_new(lanes_size(options->sessions));
    pthread_mutexattr_t again;
    pthread_condattr_t steady;
    if (!all)
        return NULL;
    all->threaded = options->reactors != NULL;
    all->room = options->sessions;
    all->cancelled = options->cancelled;
    all->cancelled_arg = options->cancelled_arg;
    all->policy = terms_of(options);
    list_init(&all->spare);
    list_init(&all->queues);
    pthread_mutexattr_init(&again);
    pthread_mutexattr_settype(&again, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&all->lock, &again);
    pthread_mutexattr_destroy(&again);
    pthread_mutex_init(&all->changes, NULL);
    pthread_condattr_init(&steady);
    pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
    pthread_cond_init(&all->heard, &steady);
    pthread_condattr_destroy(&steady);
    return all;
}

int lanes_open(struct berth_lun **out, const struct url *url, const struct berth_options *options,
               const struct lun_world *world, struct berth_detail *detail)
{
    struct lanes *all = make(options);
    struct opening o = {.all = all, .url = url, .options = options, .world = world, .detail = detail};
    int error = all ? BERTH_OK : lun_say(detail, BERTH_E_MEMORY, NULL);
    while (!error && all->count < options->sessions)
        error = open_next(&o);
    if (error && all)
        lanes_close(all);
    if (error)
        return error;
    atomic_store_explicit(&all->complete, true, memory_order_release);
    *out = all->luns[0];
    return BERTH_OK;
}

/* --- close --- */

static int leave_lane(void *arg)
{
    lun_leave(arg);
    return BERTH_OK;
}

static int end_lane(void *arg)
{
    lun_end(arg);
    return BERTH_OK;
}

static int free_lane(void *arg)
{
    lun_free(arg);
    return BERTH_OK;
}

/* The first one last: without workers the others are on its reactor. */
static void for_all(struct lanes *all, int (*what)(void *arg))
{
    for (uint32_t n = all->count; n-- > 0;) {
        struct berth_lun *lun = all->luns[n];
        if (lun->worker)
            worker_run(lun->worker, what, lun, NULL, NULL);
        else
            what(lun);
    }
}

/* What one lane has written to another is read before the job that frees that one: it was written before. */
void lanes_close(struct lanes *all)
{
    struct worker *workers[LANES_MAX];
    for (uint32_t n = 0; n < all->count; n++)
        workers[n] = all->luns[n]->worker;
    for_all(all, leave_lane); /* so that they all log out at the same time */
    for_all(all, end_lane);
    for_all(all, free_lane);
    for (uint32_t n = 0; n < all->count; n++)
        if (workers[n])
            reactors_leave(workers[n]);
    while (!list_empty(&all->queues))
        queue_drop(list_entry(all->queues.next, struct berth_queue, link));
    while (!list_empty(&all->spare))
        queue_drop(list_entry(all->spare.next, struct berth_queue, link));
    pthread_cond_destroy(&all->heard);
    pthread_mutex_destroy(&all->changes);
    pthread_mutex_destroy(&all->lock);
    pages_free(all, lanes_size(all->room));
}
