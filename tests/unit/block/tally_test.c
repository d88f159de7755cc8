/* SPDX-License-Identifier: MIT */
/* What is counted is what has happened, no more and no less. */
#include "test.h"

#include "scsi/cdb.h"

static struct lab *lab;
static uint8_t buf[64 * KIB];

static void begin_with(const struct mini_config *config)
{
    lab = lab_new(config, NULL);
    lab->options.ping_interval_ms = 0;
    assert_int_equal(lab_open(lab), 0);
}

static void begin(void)
{
    begin_with(NULL);
}

static void end(void)
{
    lab_free(lab);
}

static struct berth_counters counters(void)
{
    struct berth_counters c = {.size = sizeof c};
    assert_int_equal(berth_lun_counters(lab->lun, &c), 0);
    assert_int_equal(c.size, sizeof c);
    return c;
}

static void is(const struct berth_op_counters *c, uint64_t count, uint64_t errors, uint64_t bytes)
{
    assert_int_equal(c->count, count);
    assert_int_equal(c->errors, errors);
    assert_int_equal(c->bytes, bytes);
}

static uint64_t timed(const struct berth_op_counters *c)
{
    uint64_t sum = 0;
    for (uint32_t n = 0; n < BERTH_LATENCIES; n++)
        sum += c->latency_us[n];
    return sum;
}

/* --- I/Os --- */

static void none_yet(void **state)
{
    (void)state;
    begin();
    struct berth_counters c = counters(), none = {.size = sizeof c, .attempts = 1};
    assert_memory_equal(&c, &none, sizeof c); /* what opening has asked is not an I/O's */
    end();
}

static void by_kind(void **state)
{
    (void)state;
    begin();
    assert_int_equal(berth_write(lab->lun, buf, 8 * KIB, 0, 0), 0);
    assert_int_equal(berth_write(lab->lun, buf, 512, 0, BERTH_FUA), 0);
    for (uint32_t n = 0; n < 3; n++)
        assert_int_equal(berth_read(lab->lun, buf, 4 * KIB, 0), 0);
    assert_int_equal(berth_flush(lab->lun), 0);
    assert_int_equal(berth_zero(lab->lun, 16 * KIB, 0, 0), 0);
    if (berth_lun_info(lab->lun)->max_trim_bytes)
        assert_int_equal(berth_trim(lab->lun, 32 * KIB, 0), 0);
    struct berth_command inquiry = {.cdb = {0x12, 0, 0, 0, 36}, .cdb_len = 6, .direction = BERTH_DATA_IN};
    assert_int_equal(berth_scsi(lab->lun, &inquiry, buf, 255, 0), 0);
    assert_int_equal(berth_read(lab->lun, buf, 0, 0), 0); /* of nothing */
    struct berth_counters c = counters();
    is(&c.ops[BERTH_WRITE], 2, 0, 8 * KIB + 512);
    is(&c.ops[BERTH_READ], 4, 0, 12 * KIB);
    is(&c.ops[BERTH_FLUSH], 1, 0, 0);
    is(&c.ops[BERTH_ZERO], 1, 0, 16 * KIB);
    is(&c.ops[BERTH_SCSI], 1, 0, 36);
    assert_int_equal(timed(&c.ops[BERTH_READ]), 3); /* what needs no command takes no time */
    assert_int_equal(timed(&c.ops[BERTH_WRITE]), 2);
    end();
}

static void errors(void **state)
{
    (void)state;
    begin();
    lab_rule(lab, (struct lab_rule){.op = LAB_ANY, .times = 2, .turn = MINI_ANSWER, .key = 3, .asc = 0x1100});
    assert_int_equal(berth_read(lab->lun, buf, 512, 0), BERTH_E_MEDIUM);
    assert_int_equal(berth_write(lab->lun, buf, 512, 0, 0), BERTH_E_MEDIUM);
    assert_int_equal(berth_read(lab->lun, buf, 512, 0), 0);
    assert_int_equal(berth_read(lab->lun, buf, 512, UINT64_MAX - 511), BERTH_E_RANGE); /* never taken */
    struct berth_counters c = counters();
    is(&c.ops[BERTH_READ], 2, 1, 512);
    is(&c.ops[BERTH_WRITE], 1, 1, 0);
    assert_int_equal(timed(&c.ops[BERTH_READ]), 1);
    assert_int_equal(c.checks[3], 2);
    end();
}

/* 5 ms are 2^12.3 microseconds. */
static void latency(void **state)
{
    struct berth_queue *q;
    struct berth_done done;
    struct berth_seg seg = seg_memory(buf, 512);
    struct berth_io io = make_io(BERTH_READ, 0, 512, &seg, 1);
    (void)state;
    begin();
    assert_int_equal(berth_queue_new(&q, lab->lun, 1), 0);
    lab_rule(lab, (struct lab_rule){.op = SCSI_READ_10, .times = 5, .turn = MINI_HOLD});
    for (uint32_t n = 0; n < 5; n++) {
        sim_world_advance(lab->world->sim, 100 * NS_MS); /* the caller's own time */
        assert_int_equal(berth_queue_submit(q, &io, 1), 1);
        assert_int_equal(berth_queue_reap(q, &done, 1, 1, 5), 0);
        mini_release(lab->target);
        assert_int_equal(berth_queue_reap(q, &done, 1, 1, 5), 1);
    }
    assert_int_equal(berth_read(lab->lun, buf, 512, 0), 0); /* at once, on this clock */
    assert_int_equal(counters().ops[BERTH_READ].latency_us[13], 5);
    assert_int_equal(counters().ops[BERTH_READ].latency_us[0], 1);
    end();
}

/* --- answers --- */

static void answer(uint8_t status, uint8_t key, uint16_t asc)
{
    lab_rule(
        lab,
        (struct lab_rule){
            .op = SCSI_READ_10, .times = 1, .turn = MINI_ANSWER, .status = status, .key = key, .asc = asc});
}

static void statuses(void **state)
{
    (void)state;
    begin();
    answer(SCSI_BUSY, 0, 0);
    answer(SCSI_BUSY, 0, 0);
    answer(SCSI_TASK_SET_FULL, 0, 0);
    answer(SCSI_TASK_ABORTED, 0, 0);
    answer(0, 6, 0x2f00);
    answer(0, 11, 0);
    answer(SCSI_RESERVATION_CONFLICT, 0, 0);
    assert_int_equal(berth_read(lab->lun, buf, 512, 0), BERTH_E_RESERVED);
    struct berth_counters c = counters();
    assert_int_equal(c.busy, 2);
    assert_int_equal(c.task_set_full, 1);
    assert_int_equal(c.conflicts, 1);
    assert_int_equal(c.other_statuses, 1);
    assert_int_equal(c.checks[6], 1);
    assert_int_equal(c.checks[11], 1);
    assert_int_equal(c.retries, 6);
    is(&c.ops[BERTH_READ], 1, 1, 0);
    end();
}

static void news(void **state)
{
    (void)state;
    begin();
    mini_resize(lab->target, 2 * MIB);
    assert_int_equal(berth_read(lab->lun, buf, 512, 0), 0);
    assert_int_equal(counters().attentions + counters().checks[6], 1);
    end();
}

/* --- the session --- */

static void losses(void **state)
{
    const struct wire_async drop = {.event = WIRE_ASYNC_DROP_ALL},
                            leave = {.event = WIRE_ASYNC_LOGOUT, .parameter3 = 1};
    (void)state;
    begin();
    mini_reset(lab->target);
    assert_int_equal(berth_read(lab->lun, buf, 512, 0), 0);
    struct berth_counters c = counters();
    assert_int_equal(c.losses[BERTH_LOSS_CONNECTION], 1);
    assert_int_equal(c.reconnects, 1);
    assert_int_equal(c.attempts, 2);
    assert_int_equal(c.failures, 0);

    mini_async(lab->target, &leave);
    for (uint32_t n = 0; n < 3; n++)
        assert_int_equal(berth_read(lab->lun, buf, 512, 0), 0);
    sim_world_advance(lab->world->sim, 1000 * NS_MS);
    assert_int_equal(berth_read(lab->lun, buf, 512, 0), 0);
    c = counters();
    assert_int_equal(c.losses[BERTH_LOSS_ASKED], 1);
    assert_int_equal(c.losses[BERTH_LOSS_CONNECTION], 1);

    mini_async(lab->target, &drop);
    for (uint32_t n = 0; n < 3; n++)
        assert_int_equal(berth_read(lab->lun, buf, 512, 0), 0);
    assert_int_equal(counters().losses[BERTH_LOSS_ASKED], 2);
    assert_int_equal(counters().reconnects, 3);
    mini_reset(lab->target);
    assert_int_equal(berth_read(lab->lun, buf, 512, 0), 0);
    assert_int_equal(berth_lun_reconnect(lab->lun), 0);
    assert_int_equal(berth_read(lab->lun, buf, 512, 0), 0);
    assert_int_equal(counters().losses[BERTH_LOSS_CALLER], 1);
    assert_int_equal(counters().losses[BERTH_LOSS_CONNECTION], 2); /* nobody has asked for that */
    end();
}

static void failed_attempts(void **state)
{
    (void)state;
    begin();
    mini_stop(lab->target);
    struct berth_policy p = {.size = sizeof p};
    assert_int_equal(berth_lun_policy(lab->lun, &p), 0);
    p.recovery_timeout_ms = 3000;
    assert_int_equal(berth_lun_set_policy(lab->lun, &p), 0);
    assert_int_equal(berth_read(lab->lun, buf, 512, 0), BERTH_E_LOST);
    struct berth_counters c = counters();
    assert_true(c.failures >= 3);
    assert_in_range(c.attempts, c.failures + 1, c.failures + 2); /* the opening, and one that had no end */
    assert_int_equal(c.reconnects, 0);
    end();
}

static enum mini_turn never(void *arg, struct task *tmf)
{
    (void)arg, (void)tmf;
    return MINI_HOLD;
}

static void steps(void **state)
{
    (void)state;
    begin();
    lab_rule(lab, (struct lab_rule){.op = SCSI_READ_10, .times = 1, .turn = MINI_HOLD});
    assert_int_equal(berth_read(lab->lun, buf, 512, 0), BERTH_E_TIMEOUT);
    struct berth_counters c = counters();
    assert_int_equal(c.aborts, 1);
    assert_int_equal(c.resets, 0);
    lab_no_rules(lab);
    mini_config(lab->target)->tmf = never;
    lab_rule(lab, (struct lab_rule){.op = SCSI_READ_10, .times = 1, .turn = MINI_HOLD});
    assert_int_equal(berth_read(lab->lun, buf, 512, 0), BERTH_E_TIMEOUT);
    c = counters();
    assert_int_equal(c.aborts, 2);
    assert_int_equal(c.losses[BERTH_LOSS_COMMAND], 1);
    end();
}

static uint64_t late_ms; /* so long the network takes for the answer to a ping */

static void hold_up(void *arg)
{
    static uint64_t out_at;
    const struct initiator *i = lab->lun ? lab->lun->initiator : NULL;
    struct world *w = lab->world;
    (void)arg;
    if (!i || !i->attached || !conn_ping_out(i->conn))
        out_at = 0;
    else if (!out_at)
        out_at = world_ms(w);
    bool late = out_at && world_ms(w) < out_at + late_ms;
    w->wake_at = late ? (out_at + late_ms) * NS_MS : 0;
    world_cut_off(w, late);
}

static void pings(void **state)
{
    struct berth_queue *q;
    struct berth_done done;
    (void)state;
    lab = lab_new(NULL, NULL);
    lab->options.ping_interval_ms = 1000;
    assert_int_equal(lab_open(lab), 0);
    assert_int_equal(berth_queue_new(&q, lab->lun, 1), 0);
    lab->world->each_turn = hold_up;
    late_ms = 0;
    struct berth_seg seg = seg_memory(buf, 512);
    struct berth_io io = make_io(BERTH_READ, 0, 512, &seg, 1);
    lab_rule(lab, (struct lab_rule){.op = SCSI_READ_10, .times = 1, .turn = MINI_HOLD});
    assert_int_equal(berth_queue_submit(q, &io, 1), 1);
    assert_int_equal(berth_queue_reap(q, &done, 1, 1, 10500), 0);
    struct berth_counters c = counters();
    assert_in_range(c.pings, 9, 10);
    assert_int_equal(c.pongs, c.pings);
    assert_int_equal(c.ping_sessions, 1);
    assert_int_equal(c.ping_max_ns, 0); /* on this clock */
    late_ms = 7;
    assert_int_equal(berth_queue_reap(q, &done, 1, 1, 1000), 0);
    late_ms = 3;
    assert_int_equal(berth_queue_reap(q, &done, 1, 1, 1000), 0);
    c = counters();
    assert_int_equal(c.pongs, c.pings);
    assert_in_range(c.ping_max_ns, 7 * NS_MS, 8 * NS_MS);
    assert_in_range(c.ping_last_ns, 3 * NS_MS, 4 * NS_MS);
    assert_int_equal(c.ping_min_ns, 0);
    lab->world->each_turn = NULL;
    world_cut_off(lab->world, true);
    assert_int_equal(berth_queue_reap(q, &done, 1, 1, 7000), 0);
    world_cut_off(lab->world, false);
    c = counters();
    assert_int_equal(c.losses[BERTH_LOSS_SILENCE], 1);
    assert_int_equal(c.pings, c.pongs + 1);
    end();
}

static void window(void **state)
{
    const struct mini_config config = {.depth = 2};
    struct berth_queue *q;
    struct berth_done done[4];
    struct berth_seg seg = seg_memory(buf, 512);
    struct berth_io io = make_io(BERTH_READ, 0, 512, &seg, 1);
    (void)state;
    begin_with(&config);
    assert_int_equal(berth_queue_new(&q, lab->lun, 4), 0);
    lab_rule(lab, (struct lab_rule){.op = SCSI_READ_10, .times = 2, .turn = MINI_HOLD});
    for (uint32_t n = 0; n < 4; n++)
        assert_int_equal(berth_queue_submit(q, &io, 1), 1);
    assert_int_equal(berth_queue_reap(q, done, 1, 4, 5000), 0);
    struct berth_counters c = counters();
    assert_int_equal(c.window_closed, 1);
    assert_in_range(c.window_closed_ns, 4900 * NS_MS, 5000 * NS_MS);
    mini_release(lab->target);
    assert_int_equal(berth_queue_reap(q, done, 4, 4, 5000), 4);
    c = counters();
    assert_int_equal(c.window_closed, 1);
    assert_in_range(c.window_closed_ns, 4900 * NS_MS, 5100 * NS_MS);
    end();
}

/* --- all sessions --- */

static void together(void **state)
{
    struct berth_queue *q;
    struct berth_done done[9];
    struct berth_seg seg = seg_memory(buf, 512);
    struct berth_io io = make_io(BERTH_READ, 0, 512, &seg, 1);
    (void)state;
    lab = lab_new(NULL, NULL);
    lab->options.sessions = 3;
    assert_int_equal(lab_open(lab), 0);
    assert_int_equal(berth_queue_new(&q, lab->lun, 9), 0);
    for (uint32_t n = 0; n < 9; n++)
        assert_int_equal(berth_queue_submit(q, &io, 1), 1);
    assert_int_equal(berth_queue_reap(q, done, 9, 9, 5000), 9);
    struct berth_counters c = counters();
    is(&c.ops[BERTH_READ], 9, 0, 9 * 512);
    assert_int_equal(timed(&c.ops[BERTH_READ]), 9);
    assert_int_equal(c.attempts, 3);
    c.size = 0;
    assert_int_equal(berth_lun_counters(lab->lun, &c), BERTH_E_ARGUMENT);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(none_yet), cmocka_unit_test(by_kind),         cmocka_unit_test(errors),
        cmocka_unit_test(latency),  cmocka_unit_test(statuses),        cmocka_unit_test(news),
        cmocka_unit_test(losses),   cmocka_unit_test(failed_attempts), cmocka_unit_test(steps),
        cmocka_unit_test(pings),    cmocka_unit_test(window),          cmocka_unit_test(together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
