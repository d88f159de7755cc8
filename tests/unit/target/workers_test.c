/* SPDX-License-Identifier: MIT */
/* Threads that wait for disks: who runs where, and what comes back. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <string.h>
#include "lu/workers.h"

#define MANY 500u

static struct workers *w;
static pthread_t home;
static struct lu_io ios[MANY];
static uint32_t done_count, abroad;
static sem_t gate, arrived;

static int set_up(void **state)
{
    (void)state;
    w = workers_new();
    home = pthread_self();
    memset(ios, 0, sizeof ios);
    done_count = abroad = 0;
    sem_init(&gate, 0, 0);
    sem_init(&arrived, 0, 0);
    return w ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    workers_free(w);
    sem_destroy(&gate);
    sem_destroy(&arrived);
    return 0;
}

static bool rings(void)
{
    struct pollfd bell = {.fd = workers_fd(w), .events = POLLIN};
    return poll(&bell, 1, 0) == 1;
}

static void count(struct lu_io *io)
{
    assert_true(pthread_equal(pthread_self(), home));
    assert_int_equal(io->error, -(int)io->offset);
    done_count++;
}

static void run(struct lu_io *io)
{
    if (!pthread_equal(pthread_self(), home))
        __atomic_add_fetch(&abroad, 1, __ATOMIC_RELAXED);
    io->error = -(int)io->offset;
}

static void run_behind_gate(struct lu_io *io)
{
    sem_post(&arrived);
    sem_wait(&gate);
    run(io);
}

static void hand(uint32_t i, void (*how)(struct lu_io *))
{
    ios[i] = (struct lu_io){.offset = i, .done = count};
    workers_run(w, &ios[i], how);
}

static void settle(void)
{
    while (workers_busy(w) > 0)
        workers_wait(w);
}

static void test_all_come_back(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < MANY; i++)
        hand(i, run);
    assert_int_equal(done_count, 0); /* never inside the call */
    assert_int_equal(workers_busy(w), MANY);
    settle();
    assert_int_equal(done_count, MANY);
    assert_int_equal(abroad, MANY);
    assert_false(rings());
}

/* One that hangs holds nobody else up, and as many as there are threads wait at once. */
static void test_they_wait_beside_each_other(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < WORKERS_MAX; i++)
        hand(i, run_behind_gate);
    for (uint32_t i = 0; i < WORKERS_MAX; i++)
        sem_wait(&arrived);
    assert_false(rings());
    hand(WORKERS_MAX, run);
    sem_post(&gate); /* one is free, and takes what waits */
    while (workers_busy(w) > WORKERS_MAX - 1)
        workers_wait(w);
    for (uint32_t i = 1; i < WORKERS_MAX; i++)
        sem_post(&gate);
    settle();
    assert_int_equal(done_count, WORKERS_MAX + 1);
}

/* A disk that hangs: its LU gets so many threads and no more, and another LU's I/Os go on. */
static void test_one_lu_does_not_take_all(void **state)
{
    static struct lu hanging, healthy;
    (void)state;
    for (uint32_t i = 0; i < 3 * WORKERS_MAX; i++) {
        ios[i] = (struct lu_io){.lu = &hanging, .offset = i, .done = count};
        workers_run(w, &ios[i], run_behind_gate);
    }
    for (uint32_t i = 0; i < WORKERS_PER_LU; i++)
        sem_wait(&arrived);
    for (uint32_t i = 3 * WORKERS_MAX; i < MANY; i++) {
        ios[i] = (struct lu_io){.lu = &healthy, .offset = i, .done = count};
        workers_run(w, &ios[i], run);
    }
    while (done_count < MANY - 3 * WORKERS_MAX)
        workers_wait(w);
    assert_int_equal(sem_trywait(&arrived), -1); /* nobody else has got through to the disk */
    for (uint32_t i = 0; i < 3 * WORKERS_MAX; i++)
        sem_post(&gate);
    settle();
    assert_int_equal(done_count, MANY);
    assert_int_equal(hanging.on_threads + healthy.on_threads, 0);
}

static void test_the_bell_rings_until_reaped(void **state)
{
    (void)state;
    assert_false(rings());
    hand(0, run);
    struct pollfd bell = {.fd = workers_fd(w), .events = POLLIN};
    assert_int_equal(poll(&bell, 1, 60000), 1);
    assert_int_equal(done_count, 0);
    workers_reap(w);
    assert_int_equal(done_count, 1);
    assert_false(rings());
    workers_reap(w); /* harmless */
    workers_wait(w); /* nothing to wait for */
}

static void *elsewhere(void *arg)
{
    struct lu_io *io = arg;
    run(io);
    workers_finish(w, io);
    return NULL;
}

static void test_a_backend_with_its_own_thread(void **state)
{
    (void)state;
    pthread_t thread;
    ios[7] = (struct lu_io){.offset = 7, .done = count};
    workers_promise(w);
    assert_int_equal(workers_busy(w), 1);
    assert_int_equal(pthread_create(&thread, NULL, elsewhere, &ios[7]), 0);
    settle();
    pthread_join(thread, NULL);
    assert_int_equal(done_count, 1);
}

/* What comes back may begin the next. */
static void again(struct lu_io *io)
{
    count(io);
    if (done_count < 100)
        hand(done_count, run), ios[done_count].done = again;
}

static void test_done_begins_the_next(void **state)
{
    (void)state;
    ios[0] = (struct lu_io){.done = again};
    workers_run(w, &ios[0], run);
    settle();
    assert_int_equal(done_count, 100);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_all_come_back),
        TEST(test_they_wait_beside_each_other),
        TEST(test_one_lu_does_not_take_all),
        TEST(test_the_bell_rings_until_reaped),
        TEST(test_a_backend_with_its_own_thread),
        TEST(test_done_begins_the_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
