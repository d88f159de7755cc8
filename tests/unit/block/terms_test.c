/* SPDX-License-Identifier: MIT */
/* What is changed of an open LUN holds at once, also for what is under way; and what cannot be says so. */
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
    memset(&t, 0, sizeof t);
    t.lab = lab_new(NULL, NULL);
    t.lab->options.depth = DEPTH;
    t.lab->options.sessions = sessions;
    t.lab->options.ping_interval_ms = 0;
    assert_int_equal(lab_open(t.lab), 0);
    assert_int_equal(berth_queue_new(&t.queue, t.lab->lun, DEPTH), 0);
}

static void end(void)
{
    lab_free(t.lab);
}

static struct berth_policy policy(void)
{
    struct berth_policy p = {.size = sizeof p};
    assert_int_equal(berth_lun_policy(t.lab->lun, &p), 0);
    assert_int_equal(p.size, sizeof p);
    return p;
}

static void set(const struct berth_policy *p)
{
    assert_int_equal(berth_lun_set_policy(t.lab->lun, p), 0);
}

static void submit(uint32_t first, uint32_t count, uint32_t timeout_ms)
{
    for (uint32_t n = first; n < first + count; n++) {
        t.segs[n] = seg_memory(t.bytes[n], LEN);
        struct berth_io io = make_io(BERTH_READ, n * LEN, LEN, &t.segs[n], 1);
        io.tag = n;
        io.timeout_ms = timeout_ms;
        assert_int_equal(berth_queue_submit(t.queue, &io, 1), 1);
    }
}

static void passes_ms(int ms)
{
    struct berth_done done;
    assert_int_equal(berth_queue_reap(t.queue, &done, 1, 1, ms), 0);
}

/* The next one to end does so after `ms`, with this tag and error. */
static void ends(uint64_t ms, uint64_t tag, int error)
{
    uint64_t begin = world_ms(t.lab->world);
    struct berth_done done;
    assert_int_equal(berth_queue_reap(t.queue, &done, 1, 1, 1000000), 1);
    assert_int_equal(done.tag, tag);
    assert_int_equal(done.error, error);
    assert_in_range(world_ms(t.lab->world) - begin, ms, ms + 20);
}

static void hold(void)
{
    lab_rule(t.lab, (struct lab_rule){.op = LAB_ANY, .turn = MINI_HOLD});
}

/* --- what there is --- */

static void tells(void **state)
{
    (void)state;
    begin(1);
    struct berth_policy p = policy(), less = {.size = offsetof(struct berth_policy, abort_timeout_ms)};
    assert_int_equal(p.connect_timeout_ms, 10000);
    assert_int_equal(p.command_timeout_ms, 30000);
    assert_int_equal(p.abort_timeout_ms, 5000);
    assert_int_equal(p.recovery_timeout_ms, 120000);
    assert_int_equal(p.ping_interval_ms, 0);
    assert_int_equal(p.ping_timeout_ms, 5000);
    assert_int_equal(p.depth, DEPTH);
    p.recovery_timeout_ms = 0;
    set(&p);
    assert_int_equal(policy().recovery_timeout_ms, 0);
    assert_int_equal(berth_lun_policy(t.lab->lun, &less), 0); /* who knows of less has less */
    assert_int_equal(less.command_timeout_ms, 30000);
    assert_int_equal(less.abort_timeout_ms, 0);
    less.command_timeout_ms = 7;
    set(&less);
    assert_int_equal(policy().command_timeout_ms, 7);
    assert_int_equal(policy().abort_timeout_ms, 5000);
    end();
}

static void refused(const struct berth_policy *p, const char *words)
{
    const struct berth_policy before = policy();
    assert_int_equal(berth_lun_set_policy(t.lab->lun, p), BERTH_E_ARGUMENT);
    assert_non_null(strstr(berth_lun_detail(t.lab->lun)->text, words));
    const struct berth_policy now = policy();
    assert_memory_equal(&before, &now, sizeof now);
}

static void refuses(void **state)
{
    (void)state;
    for (uint32_t sessions = 1; sessions <= 2; sessions++) {
        begin(sessions);
        const struct berth_policy good = policy();
        struct berth_policy p = good;
        p.connect_timeout_ms = 0;
        refused(&p, "connect_timeout_ms is 0, and must be from 1");
        p = good, p.command_timeout_ms = 0;
        refused(&p, "command_timeout_ms is 0");
        p = good, p.abort_timeout_ms = 0;
        refused(&p, "abort_timeout_ms is 0");
        p = good, p.ping_interval_ms = 5, p.ping_timeout_ms = 0;
        refused(&p, "ping_timeout_ms is 0");
        p = good, p.depth = 0;
        refused(&p, "depth is 0");
        p = good, p.depth = DEPTH + 1;
        refused(&p, "depth is 9, and must be from 1 to 8, which is what the LUN was opened with");
        p = good, p.size = sizeof p + 4;
        refused(&p, "size");
        p = good, p.size = 0;
        refused(&p, "size");
        assert_int_equal(berth_lun_policy(t.lab->lun, &p), BERTH_E_ARGUMENT);
        end();
    }
}

/* --- an outage --- */

static void outage_shortened(void **state)
{
    (void)state;
    begin(1);
    struct berth_policy p = policy();
    mini_stop(t.lab->target);
    submit(0, 2, 0);
    passes_ms(5000);
    p.recovery_timeout_ms = 6000;
    set(&p);
    ends(1000, 0, BERTH_E_LOST);
    ends(0, 1, BERTH_E_LOST);
    end();
}

static void outage_over_at_once(void **state)
{
    (void)state;
    begin(2);
    struct berth_policy p = policy();
    mini_stop(t.lab->target);
    submit(0, 1, 0);
    passes_ms(5000);
    p.recovery_timeout_ms = 0;
    set(&p);
    ends(0, 0, BERTH_E_LOST);
    end();
}

static void outage_for_ever(void **state)
{
    (void)state;
    begin(1);
    struct berth_policy p = policy();
    mini_stop(t.lab->target);
    submit(0, 1, 0);
    passes_ms(100000);
    p.recovery_timeout_ms = BERTH_FOR_EVER;
    set(&p);
    for (uint32_t day = 0; day < 60; day++) /* 2^32 milliseconds are less */
        for (uint32_t hour = 0; hour < 24; hour++) {
            sim_world_advance(t.lab->world->sim, 3600000 * NS_MS);
            passes_ms(0);
        }
    mini_start(t.lab->target);
    passes_ms(1); /* the next attempt is soon */
    struct berth_done done;
    assert_int_equal(berth_queue_reap(t.queue, &done, 1, 1, 2000), 1);
    assert_int_equal(done.error, BERTH_OK);
    end();
}

/* --- late commands --- */

static void command_shortened(void **state)
{
    (void)state;
    begin(1);
    struct berth_policy p = policy();
    hold();
    submit(0, 1, 0);
    submit(1, 1, 9000); /* its own */
    passes_ms(1000);
    p.command_timeout_ms = 3000;
    set(&p);
    ends(2000, 0, BERTH_E_TIMEOUT);
    ends(6000, 1, BERTH_E_TIMEOUT);
    end();
}

static void command_lengthened(void **state)
{
    (void)state;
    begin(1);
    struct berth_policy p = policy();
    hold();
    submit(0, 1, 0);
    passes_ms(29000);
    p.command_timeout_ms = 60000;
    set(&p);
    ends(31000, 0, BERTH_E_TIMEOUT);
    end();
}

/* Those that wait for their turn have the same time. */
static void waiting_shortened(void **state)
{
    (void)state;
    begin(1);
    struct berth_policy p = policy();
    p.depth = 1;
    set(&p);
    hold();
    submit(0, 2, 0);
    passes_ms(1000);
    assert_int_equal(t.lab->count, 1);
    p.command_timeout_ms = 3000;
    set(&p);
    ends(2000, 1, BERTH_E_TIMEOUT); /* with nothing to be let go of */
    ends(0, 0, BERTH_E_TIMEOUT);
    end();
}

static void busy_shortened(void **state)
{
    (void)state;
    begin(1);
    struct berth_policy p = policy();
    lab_rule(t.lab, (struct lab_rule){.op = LAB_ANY, .turn = MINI_ANSWER, .status = 0x08});
    submit(0, 1, 0);
    passes_ms(10000);
    p.command_timeout_ms = 10500;
    set(&p);
    struct berth_done done;
    uint64_t begin = world_ms(t.lab->world);
    assert_int_equal(berth_queue_reap(t.queue, &done, 1, 1, 100000), 1);
    assert_int_equal(done.error, BERTH_E_SCSI);
    assert_in_range(world_ms(t.lab->world) - begin, 0, 2000);
    end();
}

static enum mini_turn never(void *arg, struct task *tmf)
{
    (void)arg, (void)tmf;
    return MINI_HOLD;
}

/* An abort is out, and is given less time. */
static void abort_shortened(void **state)
{
    (void)state;
    begin(1);
    struct berth_policy p = policy();
    mini_config(t.lab->target)->tmf = never;
    hold();
    submit(0, 1, 1000);
    passes_ms(2000);
    assert_int_equal(mini_counters(t.lab->target)->managed, 1);
    p.abort_timeout_ms = 1500;
    set(&p);
    ends(500, 0, BERTH_E_TIMEOUT); /* the session is begun anew */
    assert_int_equal(mini_counters(t.lab->target)->managed, 1);
    end();
}

/* --- silence --- */

static void pings_begin(void **state)
{
    (void)state;
    begin(1);
    struct berth_policy p = policy();
    hold();
    submit(0, 1, 0);
    passes_ms(10000);
    world_cut_off(t.lab->world, true);
    p.ping_interval_ms = 2000;
    p.ping_timeout_ms = 1000;
    set(&p);
    assert_int_equal(berth_lun_info(t.lab->lun)->reconnects, 0);
    passes_ms(1500);
    world_cut_off(t.lab->world, false);
    lab_no_rules(t.lab);
    passes_ms(0);
    ends(0, 0, BERTH_OK);
    assert_int_equal(berth_lun_info(t.lab->lun)->reconnects, 1);
    end();
}

/* --- depth --- */

static void depth_changes(void **state)
{
    (void)state;
    begin(1);
    struct berth_policy p = policy();
    hold();
    p.depth = 3;
    set(&p);
    submit(0, DEPTH, 0);
    passes_ms(100);
    assert_int_equal(t.lab->count, 3);
    p.depth = 5;
    set(&p);
    passes_ms(100);
    assert_int_equal(t.lab->count, 5);
    p.depth = 1; /* nothing is called back */
    set(&p);
    passes_ms(100);
    assert_int_equal(t.lab->count, 5);
    p.depth = DEPTH;
    set(&p);
    passes_ms(100);
    assert_int_equal(t.lab->count, DEPTH);
    end();
}

/* The LUN's word stands. */
static void depth_after_full(void **state)
{
    struct depth d;
    (void)state;
    depth_init(&d, 8);
    bool in[4] = {false};
    for (uint32_t n = 0; n < 4; n++)
        depth_enter(&d, &in[n]);
    depth_fewer(&d, 0);
    assert_int_equal(d.limit, 3);
    depth_allow(&d, 6);
    assert_int_equal(d.limit, 3);
    depth_allow(&d, 2);
    assert_int_equal(d.limit, 2);
    depth_allow(&d, 8);
    assert_int_equal(d.limit, 8);
    assert_int_equal(d.most, 8);
}

static void all_sessions(void **state)
{
    (void)state;
    begin(3);
    struct berth_policy p = policy();
    p.depth = 2;
    p.command_timeout_ms = 1234;
    set(&p);
    assert_int_equal(policy().command_timeout_ms, 1234);
    for (uint32_t n = 0; n < 3; n++) {
        const struct berth_lun *lane = t.lab->lun->lanes->luns[n];
        assert_int_equal(lane->depth.limit, 2);
        assert_int_equal(lane->options.command_timeout_ms, 1234);
        assert_int_equal(lane->initiator->policy.command_timeout_ms, 1234);
    }
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells),
        cmocka_unit_test(refuses),
        cmocka_unit_test(outage_shortened),
        cmocka_unit_test(outage_over_at_once),
        cmocka_unit_test(outage_for_ever),
        cmocka_unit_test(command_shortened),
        cmocka_unit_test(command_lengthened),
        cmocka_unit_test(waiting_shortened),
        cmocka_unit_test(busy_shortened),
        cmocka_unit_test(abort_shortened),
        cmocka_unit_test(pings_begin),
        cmocka_unit_test(depth_changes),
        cmocka_unit_test(depth_after_full),
        cmocka_unit_test(all_sessions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
