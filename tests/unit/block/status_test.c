/* SPDX-License-Identifier: MIT */
/* What is told of how a LUN stands, in each of its states. */
#include "test.h"

#define DEPTH 8u
#define LEN   512u

static struct {
    struct lab *lab;
    struct berth_queue *queue;
    uint8_t bytes[DEPTH][LEN];
    struct berth_seg segs[DEPTH];
} t;

static void begin(uint32_t sessions)
{
    const struct mini_config config = {.group = 7};
    memset(&t, 0, sizeof t);
    t.lab = lab_new(&config, NULL);
    t.lab->options.sessions = sessions;
    t.lab->options.recovery_timeout_ms = 20000;
    assert_int_equal(lab_open(t.lab), 0);
    assert_int_equal(berth_queue_new(&t.queue, t.lab->lun, DEPTH), 0);
}

static void end(void)
{
    lab_free(t.lab);
}

static struct berth_status status(void)
{
    struct berth_status s = {.size = sizeof s};
    assert_int_equal(berth_lun_status(t.lab->lun, &s), 0);
    assert_int_equal(s.size, sizeof s);
    assert_int_equal(s.now_ns, sim_world_now(t.lab->world->sim));
    return s;
}

static struct berth_session session(uint32_t number)
{
    struct berth_session s = {.size = sizeof s};
    assert_int_equal(berth_lun_session(t.lab->lun, number, &s), 0);
    return s;
}

static void submit(uint32_t first, uint32_t count)
{
    for (uint32_t n = first; n < first + count; n++) {
        t.segs[n] = seg_memory(t.bytes[n], LEN);
        struct berth_io io = make_io(BERTH_READ, n * LEN, LEN, &t.segs[n], 1);
        assert_int_equal(berth_queue_submit(t.queue, &io, 1), 1);
    }
}

static int reap(uint32_t min, int timeout_ms)
{
    struct berth_done done[DEPTH];
    return berth_queue_reap(t.queue, done, min, DEPTH, timeout_ms);
}

static void hold(void)
{
    lab_rule(t.lab, (struct lab_rule){.op = LAB_ANY, .turn = MINI_HOLD});
}

static void up(void **state)
{
    (void)state;
    begin(1);
    struct berth_status s = status();
    assert_int_equal(s.state, BERTH_STATE_UP);
    assert_int_equal(s.sessions, 1);
    assert_int_equal(s.sessions_up, 1);
    assert_int_equal(s.attempts, 0);
    assert_int_equal(s.next_attempt_ns, 0);
    assert_int_equal(s.gives_up_ns, 0);
    assert_int_equal(s.trouble.error, 0);
    assert_string_equal(s.trouble.text, "");
    uint64_t since = s.since_ns;
    t.lab->options.depth = 2;
    hold();
    submit(0, 3);
    reap(1, 1000);
    s = status();
    assert_int_equal(s.in_flight, 3);
    assert_int_equal(s.waiting, 0);
    assert_int_equal(s.since_ns, since);
    assert_true(s.now_ns >= since + 1000 * NS_MS);
    struct berth_session one = session(0);
    assert_int_equal(one.state, BERTH_STATE_UP);
    assert_int_equal(one.in_flight, 3);
    assert_int_equal(one.portal_group, 7);
    assert_string_equal(one.portal, "host:3260");
    assert_string_equal(one.engine, "sim");
    assert_string_equal(one.local, "");
    assert_int_equal(one.reconnects, 0);
    end();
}

static void waiting(void **state)
{
    (void)state;
    begin(1);
    struct berth_policy p = {.size = sizeof p};
    assert_int_equal(berth_lun_policy(t.lab->lun, &p), 0);
    p.depth = 2;
    assert_int_equal(berth_lun_set_policy(t.lab->lun, &p), 0);
    hold();
    submit(0, 5);
    reap(1, 10);
    struct berth_status s = status();
    assert_int_equal(s.in_flight, 2);
    assert_int_equal(s.waiting, 3);
    end();
}

static void busy_waits(void **state)
{
    (void)state;
    begin(1);
    lab_rule(t.lab, (struct lab_rule){.op = LAB_ANY, .turn = MINI_ANSWER, .status = 0x08});
    submit(0, 1);
    reap(1, 5000);
    assert_int_equal(status().waiting + status().in_flight, 1);
    assert_int_equal(status().state, BERTH_STATE_UP);
    end();
}

static void seeking(void **state)
{
    (void)state;
    begin(1);
    hold();
    submit(0, 2);
    reap(1, 5000);
    uint64_t lost = status().now_ns;
    mini_stop(t.lab->target);
    lab_no_rules(t.lab);
    reap(1, 3000);
    struct berth_status s = status();
    assert_int_equal(s.state, BERTH_STATE_SEEKING);
    assert_in_range(s.since_ns, lost, lost + 10 * NS_MS);
    assert_int_equal(s.in_flight, 0);
    assert_int_equal(s.waiting, 2);
    assert_int_equal(s.sessions_up, 0);
    assert_true(s.attempts >= 3);
    assert_true(s.next_attempt_ns > s.now_ns);
    assert_true(s.next_attempt_ns < s.now_ns + INITIATOR_BACKOFF_MAX);
    assert_int_equal(s.gives_up_ns, s.since_ns + 20000 * NS_MS);
    assert_int_equal(s.trouble.error, BERTH_E_REFUSED);
    assert_non_null(strstr(s.trouble.text, "host:3260"));
    assert_in_range(s.trouble.at_ns, s.now_ns - INITIATOR_BACKOFF_MAX, s.now_ns);
    struct berth_session one = session(0);
    assert_int_equal(one.state, BERTH_STATE_SEEKING);
    assert_int_equal(one.attempts, s.attempts);
    assert_int_equal(one.next_attempt_ns, s.next_attempt_ns);
    assert_int_equal(one.trouble.error, BERTH_E_REFUSED);

    mini_start(t.lab->target);
    assert_int_equal(reap(2, 3000), 2);
    s = status();
    assert_int_equal(s.state, BERTH_STATE_UP);
    assert_true(s.since_ns > lost + 3000 * NS_MS);
    assert_int_equal(s.attempts, 0);
    assert_int_equal(s.gives_up_ns, 0);
    assert_int_equal(s.trouble.error, BERTH_E_REFUSED); /* the last one, and when it was */
    assert_true(s.trouble.at_ns < s.since_ns);
    assert_int_equal(session(0).reconnects, 1);
    end();
}

static void never_given_up(void **state)
{
    (void)state;
    begin(1);
    struct berth_policy p = {.size = sizeof p};
    assert_int_equal(berth_lun_policy(t.lab->lun, &p), 0);
    p.recovery_timeout_ms = BERTH_FOR_EVER;
    assert_int_equal(berth_lun_set_policy(t.lab->lun, &p), 0);
    mini_stop(t.lab->target);
    submit(0, 1);
    reap(1, 60000);
    assert_int_equal(status().state, BERTH_STATE_SEEKING);
    assert_int_equal(status().gives_up_ns, 0);
    end();
}

static void failed(void **state)
{
    (void)state;
    begin(1);
    mini_stop(t.lab->target);
    submit(0, 1);
    assert_int_equal(reap(1, 30000), 1);
    struct berth_status s = status();
    assert_int_equal(s.state, BERTH_STATE_FAILED);
    assert_int_equal(s.trouble.error, BERTH_E_LOST);
    assert_int_equal(s.trouble.at_ns, s.since_ns);
    assert_non_null(strstr(s.trouble.text, "refused"));
    assert_int_equal(s.waiting, 0);
    assert_int_equal(s.gives_up_ns, 0);
    end();
}

/* The check has a question out. */
static void checking(void **state)
{
    (void)state;
    begin(1);
    lab_rule(t.lab, (struct lab_rule){.op = 0x12, .turn = MINI_HOLD});
    mini_reset(t.lab->target);
    submit(0, 1);
    reap(1, 1000);
    struct berth_status s = status();
    assert_int_equal(s.state, BERTH_STATE_CHECKING);
    assert_int_equal(s.waiting, 1);
    assert_int_equal(s.in_flight, 0);
    assert_int_equal(s.sessions_up, 0);
    end();
}

static void gone(void **state)
{
    (void)state;
    begin(1);
    lab_rule(t.lab, (struct lab_rule){.op = LAB_ANY, .turn = MINI_ANSWER, .key = 5, .asc = 0x2500});
    submit(0, 1);
    assert_int_equal(reap(1, 1000), 1);
    for (int n = 0; n < 20 && status().state == BERTH_STATE_CHECKING; n++)
        reap(0, 0);
    struct berth_status s = status();
    assert_int_equal(s.state, BERTH_STATE_GONE);
    assert_int_equal(s.trouble.error, BERTH_E_NO_LUN);
    lab_no_rules(t.lab);
    submit(0, 1);
    assert_int_equal(reap(1, 1000), 1);
    assert_int_equal(status().state, BERTH_STATE_UP);
    end();
}

static void changed(void **state)
{
    (void)state;
    begin(1);
    mini_stop(t.lab->target);
    mini_swap(t.lab->target, "ram:1M,block=4096");
    mini_start(t.lab->target);
    submit(0, 1);
    assert_int_equal(reap(1, 10000), 1);
    struct berth_status s = status();
    assert_int_equal(s.state, BERTH_STATE_FAILED);
    assert_int_equal(s.trouble.error, BERTH_E_CHANGED);
    assert_true(strlen(s.trouble.text) > 0);
    end();
}

static bool shut;

static uint16_t doorkeeper(void *arg)
{
    (void)arg;
    return shut ? 0x0301 : 0;
}

static void several(void **state)
{
    (void)state;
    begin(3);
    struct berth_status s = status();
    assert_int_equal(s.sessions, 3);
    assert_int_equal(s.sessions_up, 3);
    mini_config(t.lab->target)->login = doorkeeper;
    shut = true;
    mini_reset(t.lab->target);
    submit(0, 6);
    reap(6, 2000);
    s = status();
    assert_int_equal(s.state, BERTH_STATE_SEEKING);
    assert_int_equal(s.sessions, 3);
    assert_int_equal(s.sessions_up, 0);
    assert_int_equal(s.waiting, 6);
    assert_true(s.attempts >= session(0).attempts + session(1).attempts);
    shut = false;
    assert_int_equal(reap(6, 10000), 6);
    for (int n = 0; n < 50 && status().sessions_up < 3; n++)
        reap(1, 100), sim_world_advance(t.lab->world->sim, 100 * NS_MS), reap(0, 0);
    assert_int_equal(status().sessions_up, 3);
    assert_int_equal(status().state, BERTH_STATE_UP);
    shut = false;
    end();
}

static void sizes(void **state)
{
    (void)state;
    begin(1);
    struct berth_session s = {.size = sizeof s};
    struct berth_status all = {.size = offsetof(struct berth_status, now_ns), .now_ns = 99};
    assert_int_equal(berth_lun_session(t.lab->lun, 1, &s), BERTH_E_ARGUMENT);
    s.size = 0;
    assert_int_equal(berth_lun_session(t.lab->lun, 0, &s), BERTH_E_ARGUMENT);
    assert_int_equal(berth_lun_status(t.lab->lun, &all), 0);
    assert_int_equal(all.now_ns, 99);
    all.size = sizeof all + 8;
    struct {
        struct berth_status s;
        uint8_t more[8];
    } later = {.s = {.size = sizeof later}};
    assert_int_equal(berth_lun_status(t.lab->lun, &later.s), 0);
    assert_int_equal(later.s.size, sizeof later.s); /* so much of it is known */
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(up),       cmocka_unit_test(waiting),        cmocka_unit_test(busy_waits),
        cmocka_unit_test(seeking),  cmocka_unit_test(never_given_up), cmocka_unit_test(failed),
        cmocka_unit_test(checking), cmocka_unit_test(gone),           cmocka_unit_test(changed),
        cmocka_unit_test(several),  cmocka_unit_test(sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
