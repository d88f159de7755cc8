/* SPDX-License-Identifier: MIT */
/* Both kinds of bell: no ring is lost, each is heard once, a sleep ends when it should. */
#include "test.h"

#include <pthread.h>
#include <signal.h>
#include <time.h>
#include "block/bell.h"

#define RINGS 20000u

static void nap_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

static void *ring_often(void *bell)
{
    for (uint32_t i = 0; i < RINGS; i++)
        bell_ring(bell);
    return NULL;
}

static void each_ring_is_heard_once(bool has_fd)
{
    struct bell b;
    pthread_t thread;
    uint32_t heard = 0;
    assert_int_equal(bell_make(&b, has_fd), 0);
    assert_int_equal(b.fd >= 0, has_fd);
    assert_int_equal(bell_hear(&b), 0);
    assert_int_equal(pthread_create(&thread, NULL, ring_often, &b), 0);
    while (heard < RINGS) {
        assert_true(bell_sleep(&b, -1));
        heard += bell_hear(&b);
    }
    pthread_join(thread, NULL);
    assert_int_equal(heard, RINGS);
    assert_int_equal(bell_hear(&b), 0);
    bell_free(&b);
}

static void ring_before_the_sleep_ends_it(bool has_fd)
{
    struct bell b;
    assert_int_equal(bell_make(&b, has_fd), 0);
    bell_ring(&b);
    assert_true(bell_sleep(&b, -1));
    assert_true(bell_sleep(&b, -1)); /* it has not been heard yet */
    assert_int_equal(bell_hear(&b), 1);
    assert_true(bell_sleep(&b, 1)); /* its time is over */
    assert_int_equal(bell_hear(&b), 0);
    bell_free(&b);
}

static void on_signal(int number)
{
    (void)number;
}

struct sleeper {
    struct bell bell;
    _Atomic bool over;
    bool rang;
};

static void *sleep_for_ever(void *arg)
{
    struct sleeper *s = arg;
    s->rang = bell_sleep(&s->bell, -1);
    atomic_store(&s->over, true);
    return NULL;
}

static void signal_ends_it(bool has_fd)
{
    struct sleeper s = {.rang = true};
    pthread_t thread;
    sigaction(SIGUSR1, &(struct sigaction){.sa_handler = on_signal}, NULL);
    assert_int_equal(bell_make(&s.bell, has_fd), 0);
    assert_int_equal(pthread_create(&thread, NULL, sleep_for_ever, &s), 0);
    while (!atomic_load(&s.over)) {
        pthread_kill(thread, SIGUSR1);
        nap_ms(1);
    }
    pthread_join(thread, NULL);
    assert_false(s.rang);
    bell_free(&s.bell);
}

static void bells_with_a_descriptor(void **state)
{
    (void)state;
    each_ring_is_heard_once(true);
    ring_before_the_sleep_ends_it(true);
    signal_ends_it(true);
}

static void bells_without(void **state)
{
    (void)state;
    each_ring_is_heard_once(false);
    ring_before_the_sleep_ends_it(false);
    signal_ends_it(false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bells_with_a_descriptor),
        cmocka_unit_test(bells_without),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
