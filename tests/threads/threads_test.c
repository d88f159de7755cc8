/* SPDX-License-Identifier: MIT */
/* Four threads on one LUN, each with a queue of its own, while the sessions and their target have a hard
 * time. */
#include "stand.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define THREADS 4u
#define DEPTH   16u
#define IO      8192u
#define REGION  (STAND_BYTES / THREADS)
#define WAIT_MS 100000 /* much longer than anything takes */

struct shop {
    struct berth_lun *lun;
    uint32_t rounds;
    atomic_bool stop;
    _Atomic uint32_t turns;  /* of all hands */
    _Atomic uint32_t queues; /* made by their threads */
};

struct hand {
    struct shop *shop;
    struct berth_queue *queue;
    uint32_t number;
    uint64_t base;
    const char *wrong; /* NULL: nothing */
    uint8_t out[DEPTH][IO], in[DEPTH][IO];
    struct berth_seg segs[DEPTH];
};

static struct hand hands[THREADS];

/* Asserts are for the thread that runs the test. */
static bool holds(struct hand *h, bool condition, const char *what)
{
    if (!condition && !h->wrong)
        h->wrong = what;
    return condition;
}

static void fill(uint8_t *to, uint32_t seed)
{
    for (uint32_t i = 0; i < IO; i++)
        to[i] = (uint8_t)((i * 2654435761u + seed * 40503u) >> 11);
}

static uint64_t place(const struct hand *h, uint32_t round, uint32_t slot)
{
    return h->base + ((uint64_t)round * DEPTH + slot) * IO % REGION;
}

static bool submit_all(struct hand *h, enum berth_op op, uint32_t round)
{
    struct berth_io ios[DEPTH];
    for (uint32_t n = 0; n < DEPTH; n++) {
        h->segs[n] = (struct berth_seg){.base = op == BERTH_WRITE ? h->out[n] : h->in[n], .len = IO};
        ios[n] = (struct berth_io){.op = op,
                                   .offset_bytes = place(h, round, n),
                                   .len_bytes = IO,
                                   .segs = &h->segs[n],
                                   .seg_count = 1,
                                   .tag = n};
    }
    return berth_queue_submit(h->queue, ios, DEPTH) == (int)DEPTH;
}

static bool reap_all(struct hand *h, uint32_t count)
{
    struct berth_done done[DEPTH];
    uint32_t seen = 0;
    for (uint32_t got = 0; got < count;) {
        int n = berth_queue_reap(h->queue, done, 1, DEPTH, WAIT_MS);
        if (!holds(h, n >= 0, "reaping failed"))
            return false;
        for (int i = 0; i < n; i++) {
            holds(h, done[i].error == 0, berth_error_text(done[i].error));
            holds(h, done[i].tag < DEPTH && !(seen >> done[i].tag & 1), "an I/O was done twice");
            seen |= 1u << done[i].tag;
        }
        got += (uint32_t)n;
    }
    return h->wrong == NULL;
}

/* Writes, flushes, reads with the queue; reads the first again with a call that waits. */
static bool turn(struct hand *h, uint32_t round)
{
    uint8_t again[IO];
    struct berth_io flush = {.op = BERTH_FLUSH, .tag = 0};
    for (uint32_t n = 0; n < DEPTH; n++)
        fill(h->out[n], h->number + THREADS * (round * DEPTH + n));
    if (!holds(h, submit_all(h, BERTH_WRITE, round), "not all writes were taken") || !reap_all(h, DEPTH))
        return false;
    holds(h, berth_queue_submit(h->queue, &flush, 1) == 1, "no flush was taken");
    if (!reap_all(h, 1))
        return false;
    holds(h, submit_all(h, BERTH_READ, round), "not all reads were taken");
    if (!reap_all(h, DEPTH))
        return false;
    holds(h, memcmp(h->in, h->out, sizeof h->in) == 0, "what was read is not what was written");
    holds(h, berth_read(h->shop->lun, again, IO, place(h, round, 0)) == 0, "a call that waits failed");
    return holds(h, memcmp(again, h->out[0], IO) == 0, "a call that waits read something else");
}

static void *work(void *arg)
{
    struct hand *h = arg;
    struct shop *shop = h->shop;
    int error = berth_queue_new(&h->queue, shop->lun, DEPTH);
    holds(h, error == 0, "there is no queue");
    for (uint32_t round = 0; !h->wrong && round < shop->rounds && !atomic_load(&shop->stop); round++) {
        turn(h, round);
        atomic_fetch_add(&shop->turns, 1);
    }
    berth_queue_free(h->queue);
    return NULL;
}

static void begin(struct shop *shop, pthread_t *threads, void *(*run)(void *))
{
    for (uint32_t n = 0; n < THREADS; n++) {
        hands[n] = (struct hand){.shop = shop, .number = n, .base = (uint64_t)n * REGION};
        assert_int_equal(pthread_create(&threads[n], NULL, run, &hands[n]), 0);
    }
}

static void finish(pthread_t *threads)
{
    for (uint32_t n = 0; n < THREADS; n++)
        pthread_join(threads[n], NULL);
    for (uint32_t n = 0; n < THREADS; n++)
        if (hands[n].wrong)
            fail_msg("thread %u: %s", n, hands[n].wrong);
}

static struct berth_reactors *reactors_with(uint32_t count, uint32_t flags)
{
    struct berth_reactors *r;
    assert_int_equal(berth_reactors_new(&r, count, NULL, flags), 0);
    return r;
}

/* --- in peace --- */

static void in_peace(uint32_t sessions, uint32_t threads_of_ours, uint32_t flags)
{
    struct berth_reactors *r = reactors_with(threads_of_ours, flags);
    struct shop shop = {.lun = stand_open(&stand, sessions, r), .rounds = 30};
    pthread_t threads[THREADS];
    struct berth_stats stats;
    begin(&shop, threads, work);
    finish(threads);
    berth_lun_stats(shop.lun, &stats);
    assert_true(stats.commands >= THREADS * 30 * (2 * DEPTH + 2));
    assert_int_equal(berth_lun_info(shop.lun)->reconnects, 0);
    assert_int_equal(berth_reactors_free(r), BERTH_E_STATE);
    berth_lun_close(shop.lun);
    assert_int_equal(berth_reactors_free(r), 0);
}

static void one_session(void **state)
{
    (void)state;
    in_peace(1, 1, 0);
}

static void four_sessions(void **state)
{
    (void)state;
    in_peace(4, 2, 0);
}

static void polling(void **state)
{
    (void)state;
    in_peace(2, 1, BERTH_REACTORS_POLL);
}

/* --- and not --- */

static void resets(void **state)
{
    struct berth_reactors *r = reactors(2);
    struct shop shop = {.lun = stand_open(&stand, 3, r), .rounds = UINT32_MAX};
    pthread_t threads[THREADS];
    (void)state;
    begin(&shop, threads, work);
    for (uint32_t n = 0; n < 4; n++) {
        uint32_t seen = atomic_load(&shop.turns); /* so that there is something to be lost */
        for (int tries = 0; atomic_load(&shop.turns) < seen + 8 && tries < WAIT_MS / 10; tries++)
            nap_ms(10);
        stand_restart(&stand);
    }
    nap_ms(300);
    atomic_store(&shop.stop, true);
    finish(threads);
    assert_true(berth_lun_info(shop.lun)->reconnects >= 3);
    berth_lun_close(shop.lun);
    assert_int_equal(berth_reactors_free(r), 0);
}

/* Nothing touches the memory of I/Os whose queue is gone: it is wiped, and must stay so. */
static void *abandon(void *arg)
{
    struct hand *h = arg;
    for (uint32_t round = 0; !h->wrong && round < h->shop->rounds; round++) {
        holds(h, berth_queue_new(&h->queue, h->shop->lun, DEPTH) == 0, "there is no queue");
        holds(h, submit_all(h, BERTH_READ, round), "not all reads were taken");
        if (round % 3 == 0)
            berth_queue_cancel(h->queue, round % DEPTH);
        berth_queue_free(h->queue);
        memset(h->in, 0xa5, sizeof h->in);
        nap_ms(1);
        for (uint32_t n = 0; n < DEPTH; n++)
            for (uint32_t i = 0; i < IO; i++)
                holds(h, h->in[n][i] == 0xa5, "memory that was given back was written to");
    }
    return NULL;
}

static void queues_freed_in_flight(void **state)
{
    struct berth_reactors *r = reactors(2);
    struct shop shop = {.lun = stand_open(&stand, 3, r), .rounds = 25};
    pthread_t threads[THREADS];
    (void)state;
    begin(&shop, threads, abandon);
    finish(threads);
    berth_lun_close(shop.lun);
    assert_int_equal(berth_reactors_free(r), 0);
}

static void *submit_and_go(void *arg)
{
    struct hand *h = arg;
    struct berth_done done[DEPTH];
    holds(h, berth_queue_new(&h->queue, h->shop->lun, DEPTH) == 0, "there is no queue");
    atomic_fetch_add(&h->shop->queues, 1);
    while (!atomic_load(&h->shop->stop)) {
        int got = 0;
        holds(h, submit_all(h, BERTH_READ, 1), "not all reads were taken");
        while (got < (int)DEPTH && !atomic_load(&h->shop->stop))
            got += berth_queue_reap(h->queue, done, 1, DEPTH, WAIT_MS);
        atomic_fetch_add(&h->shop->turns, 1);
    }
    return NULL; /* with I/Os in flight */
}

static void close_in_flight(void **state)
{
    (void)state;
    for (uint32_t round = 0; round < 5; round++) {
        struct berth_reactors *r = reactors(2);
        struct shop shop = {.lun = stand_open(&stand, 2, r)};
        pthread_t threads[THREADS];
        begin(&shop, threads, submit_and_go);
        while (atomic_load(&shop.queues) < THREADS || atomic_load(&shop.turns) < 20)
            nap_ms(1);
        atomic_store(&shop.stop, true);
        for (uint32_t n = 0; n < THREADS; n++)
            berth_queue_wake(hands[n].queue);
        finish(threads);
        berth_lun_close(shop.lun);
        assert_int_equal(berth_reactors_free(r), 0);
    }
}

/* Commands that are wanted back while the target says nothing come back all the same. */
static void *take_back(void *arg)
{
    struct hand *h = arg;
    struct berth_done done[DEPTH];
    uint32_t got = 0, aborted = 0, wanted = 0;
    holds(h, berth_queue_new(&h->queue, h->shop->lun, DEPTH) == 0, "there is no queue");
    holds(h, submit_all(h, BERTH_READ, 1), "not all reads were taken");
    for (uint32_t n = 0; n < DEPTH; n++)
        wanted += (uint32_t)berth_queue_cancel(h->queue, n);
    holds(h, berth_queue_cancel(h->queue, 99) == 0, "nothing has that tag");
    atomic_fetch_add(&h->shop->turns, 1);
    while (got < DEPTH) {
        int n = berth_queue_reap(h->queue, done, 1, DEPTH, WAIT_MS);
        if (!holds(h, n > 0, "not all came back"))
            break;
        for (int i = 0; i < n; i++) {
            aborted += done[i].error == BERTH_E_ABORTED;
            holds(h, done[i].error == 0 || done[i].error == BERTH_E_ABORTED, "it ended otherwise");
        }
        got += (uint32_t)n;
    }
    holds(h, aborted <= wanted, "what nobody wanted back was taken back");
    holds(h, submit_all(h, BERTH_READ, 1), "not all requests are free again");
    reap_all(h, DEPTH);
    berth_queue_free(h->queue);
    return NULL;
}

static void cancels(void **state)
{
    struct berth_reactors *r = reactors(1);
    struct shop shop = {.lun = stand_open(&stand, 2, r)};
    pthread_t threads[THREADS];
    (void)state;
    stand_freeze(&stand);
    begin(&shop, threads, take_back);
    while (atomic_load(&shop.turns) < THREADS)
        nap_ms(1);
    stand_thaw(&stand);
    finish(threads);
    berth_lun_close(shop.lun);
    assert_int_equal(berth_reactors_free(r), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_session, stand_begin, stand_end),
        cmocka_unit_test_setup_teardown(four_sessions, stand_begin, stand_end),
        cmocka_unit_test_setup_teardown(polling, stand_begin, stand_end),
        cmocka_unit_test_setup_teardown(resets, stand_begin, stand_end),
        cmocka_unit_test_setup_teardown(queues_freed_in_flight, stand_begin, stand_end),
        cmocka_unit_test_setup_teardown(close_in_flight, stand_begin, stand_end),
        cmocka_unit_test_setup_teardown(cancels, stand_begin, stand_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
