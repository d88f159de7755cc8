/* SPDX-License-Identifier: MIT */
/* What is promised of reactors, of several sessions and of their queues, one thing at a time. */
#include "stand.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#define IO      4096u
#define DEPTH   8u
#define WAIT_MS 100000

static uint8_t memory[DEPTH][IO];
static struct berth_seg segs[DEPTH];

static void submit(struct berth_queue *q, uint32_t count)
{
    struct berth_io ios[DEPTH];
    for (uint32_t n = 0; n < count; n++) {
        segs[n] = (struct berth_seg){.base = memory[n], .len = IO};
        ios[n] = (struct berth_io){.op = BERTH_READ,
                                   .offset_bytes = n * IO,
                                   .len_bytes = IO,
                                   .segs = &segs[n],
                                   .seg_count = 1,
                                   .tag = n};
    }
    assert_int_equal(berth_queue_submit(q, ios, count), count);
}

static void codes(void **state)
{
    struct berth_reactors *r = (void *)16;
    const int none[] = {99999};
    (void)state;
    assert_int_equal(berth_reactors_new(&r, 0, NULL, 0), BERTH_E_ARGUMENT);
    assert_null(r);
    assert_int_equal(berth_reactors_new(&r, 65, NULL, 0), BERTH_E_ARGUMENT);
    assert_int_equal(berth_reactors_new(&r, 1, NULL, 2), BERTH_E_ARGUMENT);
    assert_int_equal(berth_reactors_new(&r, 1, none, 0), BERTH_E_ARGUMENT);
    assert_int_equal(berth_reactors_new(&r, 64, NULL, 0), 0);
    assert_int_equal(berth_reactors_free(r), 0);
    assert_int_equal(berth_reactors_free(NULL), 0);
}

static void on_one_cpu(void **state)
{
    struct berth_reactors *r;
    int first = 0;
    cpu_set_t ours; /* which need not have the first of the machine */
    (void)state;
    assert_int_equal(sched_getaffinity(0, sizeof ours, &ours), 0);
    while (!CPU_ISSET(first, &ours))
        first++;
    const int cpus[] = {first, first};
    assert_int_equal(berth_reactors_new(&r, 2, cpus, 0), 0);
    struct berth_lun *lun = stand_open(&stand, 2, r);
    assert_int_equal(berth_read(lun, memory, IO, 0), 0);
    berth_lun_close(lun);
    assert_int_equal(berth_reactors_free(r), 0);
}

static void open_failures(void **state)
{
    struct berth_reactors *r = reactors(1);
    struct berth_options options;
    struct berth_detail why;
    struct berth_lun *lun;
    (void)state;
    berth_options_init(&options);
    options.reactors = r;
    options.sessions = 513;
    assert_int_equal(berth_lun_open(&lun, stand.url, &options, &why), BERTH_E_ARGUMENT);
    options.sessions = 0;
    assert_int_equal(berth_lun_open(&lun, stand.url, &options, &why), BERTH_E_ARGUMENT);
    options.sessions = 3;
    assert_int_equal(berth_lun_open(&lun, "iscsi://127.0.0.1:1/iqn.2026-11.io.berth:x/0", &options, &why),
                     BERTH_E_REFUSED);
    assert_non_null(strstr(why.text, "127.0.0.1:1"));
    assert_null(lun);
    assert_int_equal(berth_reactors_free(r), 0); /* nothing is left there */
}

static bool at_once(void *arg)
{
    _Atomic uint32_t *asked = arg;
    return atomic_fetch_add(asked, 1) > 1;
}

/* Who waits for a target that says nothing is asked, on its own thread, whether it still wants to. */
static void open_given_up(void **state)
{
    struct berth_reactors *r = reactors(1);
    struct berth_options options;
    struct berth_lun *lun;
    _Atomic uint32_t asked = 0;
    (void)state;
    berth_options_init(&options);
    options.reactors = r;
    options.cancelled = at_once;
    options.cancelled_arg = &asked;
    stand_freeze(&stand);
    assert_int_equal(berth_lun_open(&lun, stand.url, &options, NULL), BERTH_E_ABORTED);
    stand_thaw(&stand);
    assert_int_equal(berth_reactors_free(r), 0);
}

static void full_queue(void **state)
{
    struct berth_reactors *r = reactors(1);
    struct berth_lun *lun = stand_open(&stand, 1, r);
    struct berth_done done[DEPTH];
    struct berth_io one = {.op = BERTH_FLUSH};
    struct berth_queue *q;
    (void)state;
    assert_int_equal(berth_queue_new(&q, lun, DEPTH), 0);
    submit(q, DEPTH);
    assert_int_equal(berth_queue_submit(q, &one, 1), BERTH_E_QUEUE_FULL);
    assert_int_equal(berth_queue_reap(q, done, DEPTH, DEPTH, WAIT_MS), DEPTH);
    assert_int_equal(berth_queue_reap(q, done, 1, DEPTH, -1), 0); /* nothing is outstanding */
    one = (struct berth_io){.op = BERTH_READ, .offset_bytes = STAND_BYTES, .len_bytes = IO};
    assert_int_equal(berth_queue_submit(q, &one, 1), BERTH_E_RANGE);
    berth_lun_close(lun);
    assert_int_equal(berth_reactors_free(r), 0);
}

/* --- waking --- */

static void *wake_soon(void *arg)
{
    nap_ms(50);
    berth_queue_wake(arg);
    return NULL;
}

static void wakes(struct berth_reactors *r)
{
    struct berth_lun *lun = stand_open(&stand, 1, r);
    struct berth_done done[DEPTH];
    struct berth_queue *q;
    pthread_t thread;
    assert_int_equal(berth_queue_new(&q, lun, DEPTH), 0);
    stand_freeze(&stand);
    submit(q, 1);
    assert_int_equal(pthread_create(&thread, NULL, wake_soon, q), 0);
    assert_int_equal(berth_queue_reap(q, done, 1, DEPTH, WAIT_MS), 0);
    pthread_join(thread, NULL);
    berth_queue_wake(q); /* who wakes too early is not lost */
    berth_queue_wake(q);
    assert_int_equal(berth_queue_reap(q, done, 1, DEPTH, WAIT_MS), 0);
    assert_int_equal(berth_queue_reap(q, done, 1, DEPTH, 20), 0); /* waits */
    stand_thaw(&stand);
    assert_int_equal(berth_queue_reap(q, done, 1, DEPTH, WAIT_MS), 1);
    assert_int_equal(done[0].error, 0);
    berth_lun_close(lun);
}

static void wake_with_reactors(void **state)
{
    struct berth_reactors *r = reactors(1);
    (void)state;
    wakes(r);
    assert_int_equal(berth_reactors_free(r), 0);
}

static void wake_without(void **state)
{
    (void)state;
    wakes(NULL);
}

static struct berth_queue *woken_by_signal;

static void on_signal(int number)
{
    (void)number;
    berth_queue_wake(woken_by_signal);
}

static void wake_from_a_signal(void **state)
{
    struct berth_reactors *r = reactors(1);
    struct berth_lun *lun = stand_open(&stand, 1, r);
    struct sigaction act = {.sa_handler = on_signal, .sa_flags = SA_RESTART}, before;
    struct berth_done done[DEPTH];
    (void)state;
    assert_int_equal(berth_queue_new(&woken_by_signal, lun, DEPTH), 0);
    sigaction(SIGUSR1, &act, &before);
    stand_freeze(&stand);
    submit(woken_by_signal, 1);
    raise(SIGUSR1);
    assert_int_equal(berth_queue_reap(woken_by_signal, done, 1, DEPTH, WAIT_MS), 0);
    stand_thaw(&stand);
    assert_int_equal(berth_queue_reap(woken_by_signal, done, 1, DEPTH, WAIT_MS), 1);
    sigaction(SIGUSR1, &before, NULL);
    berth_lun_close(lun);
    assert_int_equal(berth_reactors_free(r), 0);
}

/* --- foreign loops --- */

static bool readable(int fd, int timeout_ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, timeout_ms) == 1;
}

static void sleeps_on_the_descriptor(struct berth_reactors *r, uint32_t sessions)
{
    struct berth_lun *lun = stand_open(&stand, sessions, r);
    struct berth_done done[DEPTH];
    struct berth_queue *q;
    assert_int_equal(berth_queue_new(&q, lun, DEPTH), 0);
    int fd = berth_queue_fd(q);
    for (uint32_t round = 0; round < 50; round++) {
        if (round == 25)
            stand_restart(&stand); /* it is the same descriptor, whatever becomes of the sessions */
        submit(q, DEPTH);
        berth_queue_reap(q, done, 0, 0, 0); /* which without reactors sends it */
        for (int got = 0; got < (int)DEPTH;) {
            assert_true(readable(fd, WAIT_MS));
            int n = berth_queue_reap(q, done, 0, 3, 0);
            assert_true(n >= 0);
            for (int i = 0; i < n; i++)
                assert_int_equal(done[i].error, 0);
            got += n;
        }
        assert_int_equal(berth_queue_fd(q), fd);
    }
    berth_queue_reap(q, done, 0, DEPTH, 0);
    berth_lun_close(lun);
}

static void foreign_loop(void **state)
{
    struct berth_reactors *r = reactors(2);
    (void)state;
    sleeps_on_the_descriptor(r, 2);
    assert_int_equal(berth_reactors_free(r), 0);
}

static void foreign_loop_without(void **state)
{
    (void)state;
    sleeps_on_the_descriptor(NULL, 1);
    sleeps_on_the_descriptor(NULL, 3);
}

/* --- several sessions --- */

static void no_reservations(void **state)
{
    struct berth_lun *lun = stand_open(&stand, 2, NULL), *single = stand_open(&stand, 1, NULL);
    struct berth_command command = {.cdb = {0x5f}, .cdb_len = 10, .direction = BERTH_DATA_OUT};
    uint8_t parameters[24] = {0};
    (void)state;
    assert_int_equal(berth_scsi(lun, &command, parameters, sizeof parameters, 0), BERTH_E_UNSUPPORTED);
    assert_int_equal(command.status, 0); /* nobody was asked */
    assert_true(berth_scsi(single, &command, parameters, sizeof parameters, 0) != BERTH_E_QUEUE_FULL);
    command = (struct berth_command){.cdb = {0x00}, .cdb_len = 6};
    assert_int_equal(berth_scsi(lun, &command, NULL, 0, 0), 0);
    berth_lun_close(lun);
    berth_lun_close(single);
}

static _Atomic uint32_t lost, back;

static void notice(void *arg, const struct berth_notice *n)
{
    (void)arg;
    if (n->kind == BERTH_NOTICE_LOST)
        atomic_fetch_add(&lost, 1);
    if (n->kind == BERTH_NOTICE_BACK)
        atomic_fetch_add(&back, 1);
}

static bool all_are_away(struct berth_lun *lun, uint32_t sessions)
{
    struct berth_session s = {.size = sizeof s};
    bool away = true;
    for (uint32_t n = 0; n < sessions; n++) {
        assert_int_equal(berth_lun_session(lun, n, &s), 0);
        away = away && s.state != BERTH_STATE_UP;
    }
    return away;
}

/* However many sessions: the device is lost once, and back once all of them are. The target comes back when
 * all of them have noticed that it went: who notices later is lost once more. */
static void told_once(void **state)
{
    struct berth_reactors *r = reactors(2);
    struct berth_options options;
    struct berth_lun *lun;
    (void)state;
    atomic_store(&lost, 0);
    atomic_store(&back, 0);
    berth_options_init(&options);
    options.reactors = r;
    options.sessions = 5;
    options.notice = notice;
    assert_int_equal(berth_lun_open(&lun, stand.url, &options, NULL), 0);
    stand_kill(&stand);
    for (int tries = 0; !all_are_away(lun, options.sessions) && tries < WAIT_MS / 10; tries++)
        nap_ms(10);
    assert_int_equal(atomic_load(&back), 0);
    stand_restart(&stand);
    for (int tries = 0; atomic_load(&back) == 0 && tries < WAIT_MS / 10; tries++)
        nap_ms(10);
    assert_int_equal(atomic_load(&lost), 1);
    assert_int_equal(atomic_load(&back), 1);
    assert_int_equal(berth_lun_info(lun)->reconnects, 5);
    berth_lun_close(lun);
    assert_int_equal(berth_reactors_free(r), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes),
        cmocka_unit_test_setup_teardown(on_one_cpu, stand_begin, stand_end),
        cmocka_unit_test_setup_teardown(open_failures, stand_begin, stand_end),
        cmocka_unit_test_setup_teardown(open_given_up, stand_begin, stand_end),
        cmocka_unit_test_setup_teardown(full_queue, stand_begin, stand_end),
        cmocka_unit_test_setup_teardown(wake_with_reactors, stand_begin, stand_end),
        cmocka_unit_test_setup_teardown(wake_without, stand_begin, stand_end),
        cmocka_unit_test_setup_teardown(wake_from_a_signal, stand_begin, stand_end),
        cmocka_unit_test_setup_teardown(foreign_loop, stand_begin, stand_end),
        cmocka_unit_test_setup_teardown(foreign_loop_without, stand_begin, stand_end),
        cmocka_unit_test_setup_teardown(no_reservations, stand_begin, stand_end),
        cmocka_unit_test_setup_teardown(told_once, stand_begin, stand_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
