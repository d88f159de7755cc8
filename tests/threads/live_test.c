/* SPDX-License-Identifier: MIT */
/* What is asked and changed of a LUN while other threads use it, and while its target is away. */
#include "stand.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#define IO      4096u
#define CHANGES 200u
#define USERS   3u

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static struct berth_policy policy(struct berth_lun *lun)
{
    struct berth_policy p = {.size = sizeof p};
    assert_int_equal(berth_lun_policy(lun, &p), 0);
    return p;
}

/* --- users of the LUN --- */

struct user {
    struct berth_lun *lun;
    pthread_t thread;
    atomic_bool *stop;
    uint64_t at;
    _Atomic uint32_t ios, errors;
};

static void *use(void *arg)
{
    struct user *u = arg;
    uint8_t block[IO];
    memset(block, 1, sizeof block);
    while (!atomic_load(u->stop)) {
        int error = berth_write(u->lun, block, IO, u->at, 0);
        if (!error)
            error = berth_read(u->lun, block, IO, u->at);
        atomic_fetch_add(&u->ios, 2);
        atomic_fetch_add(&u->errors, error != 0);
    }
    return NULL;
}

static void start_users(struct user *users, uint32_t count, struct berth_lun *lun, atomic_bool *stop)
{
    for (uint32_t n = 0; n < count; n++) {
        users[n] = (struct user){.lun = lun, .stop = stop, .at = n * IO};
        assert_int_equal(pthread_create(&users[n].thread, NULL, use, &users[n]), 0);
    }
}

static void stop_users(struct user *users, uint32_t count, atomic_bool *stop)
{
    atomic_store(stop, true);
    for (uint32_t n = 0; n < count; n++) {
        pthread_join(users[n].thread, NULL);
        assert_true(atomic_load(&users[n].ios) > 0);
        assert_int_equal(atomic_load(&users[n].errors), 0);
    }
}

/* --- policy --- */

static void *keep_changing(void *arg)
{
    struct berth_lun *lun = arg;
    struct berth_policy p = {.size = sizeof p};
    for (uint32_t n = 0; n < CHANGES; n++) {
        if (berth_lun_policy(lun, &p) != 0)
            return NULL;
        p.command_timeout_ms = 20000 + n;
        p.ping_interval_ms = n % 2 ? 0 : 1000;
        p.depth = 1 + n % 64;
        if (berth_lun_set_policy(lun, &p) != 0)
            return NULL;
    }
    return lun;
}

/* Two threads do it, while others use the LUN, and on while its sessions are lost and come back. */
static void keep_under_load(struct berth_lun *lun, void *(*keep)(void *lun))
{
    struct user users[USERS];
    atomic_bool stop = false;
    pthread_t other;
    void *result;
    start_users(users, USERS, lun, &stop);
    assert_int_equal(pthread_create(&other, NULL, keep, lun), 0);
    assert_non_null(keep(lun));
    stand_restart(&stand);
    assert_non_null(keep(lun));
    pthread_join(other, &result);
    assert_non_null(result);
    stop_users(users, USERS, &stop);
}

static void policy_under_load(void **state)
{
    struct berth_reactors *r = reactors(2);
    struct berth_lun *lun = stand_open(&stand, 3, r);
    (void)state;
    keep_under_load(lun, keep_changing);
    struct berth_policy p = policy(lun);
    p.depth = 0;
    assert_int_equal(berth_lun_set_policy(lun, &p), BERTH_E_ARGUMENT);
    assert_non_null(strstr(berth_lun_detail(lun)->text, "depth is 0"));
    berth_lun_close(lun);
    assert_int_equal(berth_reactors_free(r), 0);
}

/* --- engines --- */

/* There and back while others read and write, and while the session is lost and comes back. */
static void engines_under_load(void **state)
{
    struct berth_reactors *r = reactors(2);
    struct berth_lun *lun = stand_open(&stand, 3, r);
    struct user users[USERS];
    atomic_bool stop = false;
    (void)state;
    if (berth_lun_set_engine(lun, "io_uring")) {
        print_message("skipped: %s\n", berth_lun_detail(lun)->text);
        berth_lun_close(lun);
        assert_int_equal(berth_reactors_free(r), 0);
        skip();
    }
    start_users(users, USERS, lun, &stop);
    for (uint32_t n = 0; n < CHANGES; n++) {
        const char *engine = n % 2 ? "io_uring" : "sockets";
        assert_int_equal(berth_lun_set_engine(lun, engine), 0);
        if (n != CHANGES / 2)
            assert_string_equal(berth_lun_info(lun)->engine, engine);
        if (n == CHANGES / 2)
            stand_restart(&stand);
    }
    assert_int_equal(berth_lun_set_engine(lun, "rdma"), BERTH_E_ARGUMENT);
    stop_users(users, USERS, &stop);
    assert_string_equal(berth_lun_info(lun)->engine, "io_uring");
    berth_lun_close(lun);
    assert_int_equal(berth_reactors_free(r), 0);
}

struct reader {
    struct berth_lun *lun;
    int error;
};

static void *read_once(void *arg)
{
    struct reader *r = arg;
    uint8_t block[IO];
    r->error = berth_read(r->lun, block, IO, 0);
    return NULL;
}

/* An I/O that is held obeys the policy that another thread has set meanwhile. */
static void held_io_obeys(void **state)
{
    struct berth_reactors *r = reactors(1);
    struct reader reader = {.lun = stand_open(&stand, 2, r)};
    struct berth_policy p = policy(reader.lun);
    pthread_t thread;
    (void)state;
    stand_freeze(&stand);
    uint64_t begin = now_ms();
    assert_int_equal(pthread_create(&thread, NULL, read_once, &reader), 0);
    nap_ms(100);
    p.command_timeout_ms = 200;
    p.abort_timeout_ms = 100;
    p.connect_timeout_ms = 100;
    p.recovery_timeout_ms = 200;
    assert_int_equal(berth_lun_set_policy(reader.lun, &p), 0);
    pthread_join(thread, NULL);
    assert_true(now_ms() - begin < 25000); /* it had 30 s */
    assert_int_equal(reader.error, BERTH_E_TIMEOUT);
    stand_thaw(&stand);
    berth_lun_close(reader.lun);
    assert_int_equal(berth_reactors_free(r), 0);
}

/* --- status --- */

static struct berth_status status(struct berth_lun *lun)
{
    struct berth_status s = {.size = sizeof s};
    assert_int_equal(berth_lun_status(lun, &s), 0);
    return s;
}

static void *keep_asking(void *arg)
{
    struct berth_lun *lun = arg;
    struct berth_status all = {.size = sizeof all};
    struct berth_session one = {.size = sizeof one};
    for (uint32_t n = 0; n < CHANGES; n++)
        if (berth_lun_status(lun, &all) != 0 || all.sessions != 3 ||
            berth_lun_session(lun, n % 3, &one) != 0 || all.now_ns < all.since_ns)
            return NULL;
    return lun;
}

static void status_under_load(void **state)
{
    struct berth_reactors *r = reactors(2);
    struct berth_lun *lun = stand_open(&stand, 3, r);
    struct user users[USERS];
    atomic_bool stop = false;
    pthread_t other;
    void *result;
    (void)state;
    start_users(users, USERS, lun, &stop);
    assert_int_equal(pthread_create(&other, NULL, keep_asking, lun), 0);
    stand_restart(&stand);
    assert_non_null(keep_asking(lun));
    pthread_join(other, &result);
    assert_non_null(result);
    stop_users(users, USERS, &stop);
    berth_lun_close(lun);
    assert_int_equal(berth_reactors_free(r), 0);
}

static void wait_for_state(struct berth_lun *lun, uint32_t state)
{
    uint32_t now = status(lun).state;
    for (uint32_t n = 0; n < 10000 && now != state; n++) {
        nap_ms(5);
        now = status(lun).state;
    }
    assert_int_equal(now, state);
}

static void told_where_it_is(struct berth_reactors *r)
{
    struct berth_lun *lun = stand_open(&stand, 2, r);
    uint8_t block[IO];
    assert_int_equal(berth_read(lun, block, IO, 0), 0);
    for (uint32_t n = 0; n < 2; n++) {
        struct berth_session s = {.size = sizeof s};
        assert_int_equal(berth_lun_session(lun, n, &s), 0);
        assert_int_equal(s.state, BERTH_STATE_UP);
        assert_string_equal(s.engine, "sockets");
        assert_memory_equal(s.local, "127.0.0.1:", 10);
        assert_string_equal(s.remote, s.portal);
        assert_true(s.rtt_us > 0);
        assert_true(s.since_ns <= s.now_ns && s.since_ns / 1000000 + 60000 > now_ms());
    }
    berth_lun_close(lun);
}

static void where_it_is(void **state)
{
    struct berth_reactors *r = reactors(2);
    (void)state;
    told_where_it_is(r);
    told_where_it_is(NULL);
    assert_int_equal(berth_reactors_free(r), 0);
}

/* The target says nothing, another thread has an I/O held, and this one hears how it stands. */
static void told_while_away(void **state)
{
    struct berth_reactors *r = reactors(1);
    struct reader reader = {.lun = stand_open(&stand, 1, r)};
    struct berth_policy p = policy(reader.lun);
    pthread_t thread;
    (void)state;
    p.ping_interval_ms = 50;
    p.ping_timeout_ms = 50;
    p.connect_timeout_ms = 100;
    p.recovery_timeout_ms = BERTH_FOR_EVER;
    assert_int_equal(berth_lun_set_policy(reader.lun, &p), 0);
    stand_freeze(&stand);
    assert_int_equal(pthread_create(&thread, NULL, read_once, &reader), 0);
    wait_for_state(reader.lun, BERTH_STATE_SEEKING);
    struct berth_status s = status(reader.lun);
    for (uint32_t n = 0; n < 10000 && (s.waiting == 0 || s.attempts == 0); n++) {
        nap_ms(5);
        s = status(reader.lun);
    }
    assert_int_equal(s.waiting, 1);
    assert_int_equal(s.trouble.error, BERTH_E_NO_ANSWER);
    assert_int_equal(s.gives_up_ns, 0);
    p.ping_timeout_ms = p.connect_timeout_ms = 10000;
    assert_int_equal(berth_lun_set_policy(reader.lun, &p), 0);
    stand_thaw(&stand);
    pthread_join(thread, NULL);
    assert_int_equal(reader.error, 0);
    wait_for_state(reader.lun, BERTH_STATE_UP);
    berth_lun_close(reader.lun);
    assert_int_equal(berth_reactors_free(r), 0);
}

/* --- counters --- */

static struct berth_counters counters(struct berth_lun *lun)
{
    struct berth_counters c = {.size = sizeof c};
    assert_int_equal(berth_lun_counters(lun, &c), 0);
    return c;
}

/* However they are asked for meanwhile, in the end nothing is missing. */
static void counters_under_load(void **state)
{
    struct berth_reactors *r = reactors(2);
    struct berth_lun *lun = stand_open(&stand, 3, r);
    struct user users[USERS];
    atomic_bool stop = false;
    uint64_t before = 0, ios = 0, timed = 0;
    (void)state;
    start_users(users, USERS, lun, &stop);
    for (uint32_t n = 0; n < CHANGES; n++) {
        if (n == CHANGES / 2)
            stand_restart(&stand);
        uint64_t now = counters(lun).ops[BERTH_READ].count;
        assert_true(now >= before);
        before = now;
    }
    stop_users(users, USERS, &stop);
    /* A session that had nothing to do may notice last that it is lost. */
    for (uint32_t n = 0; n < 10000 && counters(lun).losses[BERTH_LOSS_CONNECTION] < 3; n++)
        nap_ms(5);
    for (uint32_t n = 0; n < USERS; n++)
        ios += atomic_load(&users[n].ios);
    struct berth_counters c = counters(lun);
    assert_int_equal(c.ops[BERTH_READ].count + c.ops[BERTH_WRITE].count, ios);
    assert_int_equal(c.ops[BERTH_READ].bytes, c.ops[BERTH_READ].count * IO);
    for (uint32_t n = 0; n < BERTH_LATENCIES; n++)
        timed += c.ops[BERTH_READ].latency_us[n];
    assert_int_equal(timed, c.ops[BERTH_READ].count);
    assert_int_equal(c.ops[BERTH_READ].errors, 0);
    assert_int_equal(c.losses[BERTH_LOSS_CONNECTION], 3);
    assert_true(c.reconnects <= 3);
    berth_lun_close(lun);
    assert_int_equal(berth_reactors_free(r), 0);
}

/* --- refresh --- */

static void *keep_refreshing(void *arg)
{
    struct berth_lun *lun = arg;
    for (uint32_t n = 0; n < 20; n++)
        if (berth_lun_refresh(lun) != 0)
            return NULL;
    return lun;
}

static void refresh_under_load(void **state)
{
    struct berth_reactors *r = reactors(2);
    struct berth_lun *lun = stand_open(&stand, 3, r);
    (void)state;
    keep_under_load(lun, keep_refreshing);
    struct berth_policy p = policy(lun);
    p.command_timeout_ms = 300;
    p.ping_interval_ms = 0;
    assert_int_equal(berth_lun_set_policy(lun, &p), 0);
    stand_freeze(&stand);
    assert_int_equal(berth_lun_refresh(lun), BERTH_E_TIMEOUT);
    stand_thaw(&stand);
    berth_lun_close(lun);
    assert_int_equal(berth_reactors_free(r), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(policy_under_load, stand_begin, stand_end),
        cmocka_unit_test_setup_teardown(engines_under_load, stand_begin, stand_end),
        cmocka_unit_test_setup_teardown(held_io_obeys, stand_begin, stand_end),
        cmocka_unit_test_setup_teardown(status_under_load, stand_begin, stand_end),
        cmocka_unit_test_setup_teardown(where_it_is, stand_begin, stand_end),
        cmocka_unit_test_setup_teardown(told_while_away, stand_begin, stand_end),
        cmocka_unit_test_setup_teardown(refresh_under_load, stand_begin, stand_end),
        cmocka_unit_test_setup_teardown(counters_under_load, stand_begin, stand_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
