/* SPDX-License-Identifier: MIT */
/* The command window (4.2.2.1): narrow, closed, across the end of the numbers; immediate commands beside it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "puppet.h"
#include "wire/serial.h"
#include "workload.h"

/* Runs to the end; at no time has a command been sent beyond MaxCmdSN. */
static void run_within(struct workload *w)
{
    struct pair *p = w->pair;
    while (pair_step(p)) {
        workload_reap(w);
        if (p->up)
            assert_true(serial_le(p->is->cmd_sn - 1, p->is->max_cmd_sn));
        assert_true(p->ts->slots.taken <= p->tsc.depth + SESSION_IMMEDIATE_MAX);
    }
}

static void fill(struct workload *w, uint32_t round)
{
    for (uint32_t i = 0; i < WORKLOAD_OPS; i++)
        workload_add(w, "WRE"[(i + round) % 3], (i + round) % 3 == 2 ? 0 : 50 + pair_random(w->pair, 3000));
}

/* Rounds of more commands than the window takes. */
static void narrow(uint16_t depth, uint32_t first_cmd_sn, uint64_t seed, uint32_t rounds)
{
    struct pair_config c;
    pair_config_init(&c, seed);
    c.t_depth = depth;
    c.first_cmd_sn = first_cmd_sn;
    c.max_move = 1 + (uint32_t)seed * 37 % 3000;
    c.initial_r2t = seed & 1;
    c.segment_t = 512;
    c.max_burst = c.first_burst = 1024;
    struct workload *w = workload_new(pair_new(&c));
    struct pair *p = w->pair;
    for (uint32_t round = 0; round < rounds; round++) {
        fill(w, round);
        run_within(w);
        workload_check(w);
        workload_clear(w);
    }
    assert_int_equal(p->executed, rounds * WORKLOAD_OPS);
    assert_int_equal(p->is->cmd_sn, first_cmd_sn + rounds * WORKLOAD_OPS);
    assert_int_equal(p->ts->exp_cmd_sn, p->is->cmd_sn);
    workload_free(w);
    pair_free(p);
}

static void test_narrow(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed < 60; seed++)
        narrow((uint16_t)(1 + seed % 5), (uint32_t)seed * 1000, seed, 3);
}

/* 32 commands before the largest number, and on through it; the same at the sign bit. */
static void test_wrap(void **state)
{
    (void)state;
    static const uint32_t firsts[] = {0xffffffe0u, 0xffffffffu, 0u, 0x7fffffe0u, 0x80000000u};
    for (size_t i = 0; i < sizeof firsts / sizeof firsts[0]; i++)
        for (uint16_t depth = 1; depth <= 16; depth = (uint16_t)(depth * 4))
            narrow(depth, firsts[i], i + 3, 8);
}

/* 16 commands before the largest number, and a hundred thousand behind it. */
static void test_long_life(void **state)
{
    (void)state;
    struct pair_config c;
    pair_config_init(&c, 41);
    c.first_cmd_sn = 0xfffffff0u;
    struct workload *w = workload_new(pair_new(&c));
    struct pair *p = w->pair;
    for (uint32_t n = 0; n < 100000; n += WORKLOAD_OPS) {
        for (uint32_t i = 0; i < WORKLOAD_OPS; i++)
            workload_add(w, "WRE"[(i + n) % 3], (i + n) % 3 == 2 ? 0 : 64);
        run_within(w);
        workload_check(w);
        workload_clear(w);
    }
    assert_int_equal(p->executed, 100000);
    assert_int_equal(p->is->cmd_sn, 0xfffffff0u + 100000);
    assert_int_equal(p->ts->exp_cmd_sn, p->is->cmd_sn);
    workload_free(w);
    pair_free(p);
}

/* --- a window by hand --- */

static void say_window(struct puppet *u, uint32_t exp, uint32_t max)
{
    uint8_t bhs[WIRE_BHS_LEN];
    struct wire_nop_in in = {
        .itt = WIRE_TAG_NONE, .ttt = WIRE_TAG_NONE, .window = {u->victim->exp_stat_sn, exp, max}};
    put_nop_in(bhs, &in);
    puppet_say(u, bhs, NULL, 0);
}

static struct puppet *logged_in(struct workload **w)
{
    struct pair_config c;
    pair_config_init(&c, 5);
    c.t_depth = 1;
    c.first_cmd_sn = 0xfffffffe;
    c.immediate_data = true;
    struct pair *p = pair_new(&c);
    pair_run(p);
    *w = workload_new(p);
    return puppet_new(p, p->ic);
}

/* With the window closed nothing but immediate commands goes; an unsolicited NOP-In opens it, and what waited
 * goes without anybody asking. */
static void test_closed(void **state)
{
    (void)state;
    struct workload *w;
    struct puppet *u = logged_in(&w);
    struct session *s = u->pair->is;
    for (int i = 0; i < 4; i++)
        workload_add(w, 'W', 100);
    puppet_expect(u, WIRE_SCSI_COMMAND);
    assert_int_equal(get32(u->bhs + 24), 0xfffffffe);
    assert_false(puppet_hear(u));
    assert_false(conn_tx_pending(u->victim));
    struct task *tmf = session_task(s, TASK_TMF);
    tmf->immediate = true;
    tmf->function = WIRE_TMF_ABORT_TASK;
    tmf->owner_tag = 99;
    session_submit(s, tmf);
    assert_true(conn_tx_pending(u->victim));
    assert_true(conn_ping(u->victim));
    assert_true(puppet_hear(u)); /* in the order in which they were submitted, and in front of the rest */
    assert_int_equal(u->bhs[0], WIRE_TMF_REQUEST | 0x40);
    assert_int_equal(get32(u->bhs + 24), 0xffffffff); /* the next number, not taken */
    assert_true(puppet_hear(u));
    assert_int_equal(u->bhs[0], WIRE_NOP_OUT | 0x40);
    assert_int_equal(get32(u->bhs + 24), 0xffffffff);
    assert_false(puppet_hear(u));
    say_window(u, 0xffffffff, 0); /* two more, across the end */
    for (uint32_t i = 0; i < 2; i++) {
        assert_true(puppet_hear(u));
        assert_int_equal(wire_opcode(u->bhs), WIRE_SCSI_COMMAND);
        assert_int_equal(get32(u->bhs + 24), 0xffffffff + i);
    }
    assert_false(puppet_hear(u));
    say_window(u, 0xffffffff, 0xfffffffe); /* it does not shrink */
    say_window(u, 1, 0);                   /* closed; all of it is known */
    assert_false(puppet_hear(u));
    assert_int_equal(s->cmd_sn, 1);
    say_window(u, 1, 1);
    assert_true(puppet_hear(u));
    assert_int_equal(get32(u->bhs + 24), 1);
    assert_false(puppet_hear(u));
    assert_int_equal(s->in_flight, 6);
    workload_free(w);
    puppet_free(u);
}

/* A command that was withdrawn while it waited has taken no number. */
static void test_withdrawn(void **state)
{
    (void)state;
    struct workload *w;
    struct puppet *u = logged_in(&w);
    for (int i = 0; i < 3; i++)
        workload_add(w, 'E', 0);
    puppet_expect(u, WIRE_SCSI_COMMAND);
    session_revoke(u->pair->is, w->ops[1].task, BERTH_E_ABORTED);
    assert_ptr_equal(session_reap(u->pair->is), w->ops[1].task);
    say_window(u, 0xffffffff, 0xffffffff);
    assert_true(puppet_hear(u));
    assert_int_equal(get32(u->bhs + 24), 0xffffffff);
    assert_int_equal(wire_itt(u->bhs), w->ops[2].task->itt);
    workload_free(w);
    puppet_free(u);
}

/* Held back, commands take no number, whatever the window; what goes ahead does, and uses the reserve where
 * the pool is empty. Pings and their like are not held. */
static void test_held(void **state)
{
    (void)state;
    struct workload *w;
    struct puppet *u = logged_in(&w);
    struct session *s = u->pair->is;
    say_window(u, 0xfffffffe, 20);
    session_hold(s, true);
    for (uint32_t i = 0; i < PAIR_DEPTH; i++)
        workload_add(w, 'E', 0);
    assert_false(puppet_hear(u));
    assert_false(conn_tx_pending(u->victim));
    assert_null(session_task(s, TASK_SCSI));
    struct task *ahead = session_task_ahead(s);
    assert_non_null(ahead);
    session_submit(s, ahead);
    puppet_expect(u, WIRE_SCSI_COMMAND);
    assert_int_equal(wire_itt(u->bhs), ahead->itt);
    assert_int_equal(get32(u->bhs + 24), 0xfffffffe);
    assert_true(conn_ping(u->victim));
    assert_true(puppet_hear(u));
    assert_int_equal(wire_opcode(u->bhs), WIRE_NOP_OUT);
    assert_false(puppet_hear(u));
    session_hold(s, false);
    for (uint32_t i = 0; i < PAIR_DEPTH; i++) {
        assert_true(puppet_hear(u));
        assert_int_equal(wire_itt(u->bhs), w->ops[i].task->itt);
        assert_int_equal(get32(u->bhs + 24), 0xffffffff + i);
    }
    assert_false(puppet_hear(u));
    workload_free(w);
    puppet_free(u);
}

static uint8_t gathered[PAIR_DEPTH + 1][32 * 1024];

static struct task *give(struct pair *p, uint32_t n, char op, uint32_t len)
{
    struct task *task = pair_submit(p, op, 0, len, gathered[n]);
    assert_non_null(task);
    return task;
}

/* Short reads may wait for each other as long as more are under way; nothing else may. */
static void test_gathering(void **state)
{
    (void)state;
    static const struct {
        char op;
        uint32_t len;
        bool ahead, gathers;
    } lasts[] = {{'R', 16384, false, true},
                 {'R', 16385, false, false},
                 {'W', 512, false, false},
                 {'R', 512, true, false}};
    for (size_t i = 0; i < sizeof lasts / sizeof lasts[0]; i++) {
        struct pair_config c;
        pair_config_init(&c, 1);
        struct pair *p = pair_new(&c);
        assert_false(conn_tx_gathers(p->ic)); /* a login waits for nobody */
        pair_run(p);
        give(p, 0, 'R', 512);
        assert_false(conn_tx_gathers(p->ic)); /* nothing is under way */
        give(p, 1, 'R', 512);
        pair_move(p, true, UINT64_MAX);
        assert_false(conn_tx_gathers(p->ic)); /* nothing waits */
        give(p, 2, lasts[i].op, lasts[i].len)->ahead = lasts[i].ahead;
        assert_true(conn_tx_pending(p->ic));
        assert_int_equal(conn_tx_gathers(p->ic), lasts[i].gathers);
        assert_false(conn_tx_gathers(p->tc));
        give(p, 3, 'R', 512);
        assert_false(conn_tx_gathers(p->ic)); /* as many wait as are under way */
        pair_run(p);
        for (struct task *task; (task = session_reap(p->is)) != NULL;) {
            free(task->owner);
            session_task_free(p->is, task);
        }
        pair_free(p);
    }
}

/* A ping, which tells whether the peer is there, does not wait; nor what waits behind it. */
static void test_pings_do_not_gather(void **state)
{
    (void)state;
    struct pair_config c;
    pair_config_init(&c, 1);
    struct pair *p = pair_new(&c);
    pair_run(p);
    give(p, 0, 'R', 512);
    pair_move(p, true, UINT64_MAX);
    assert_true(conn_ping(p->ic));
    assert_false(conn_tx_gathers(p->ic));
    give(p, 1, 'R', 512);
    assert_false(conn_tx_gathers(p->ic));
    pair_run(p);
    for (struct task *task; (task = session_reap(p->is)) != NULL;) {
        free(task->owner);
        session_task_free(p->is, task);
    }
    pair_free(p);
}

/* Bytes of a data segment are no news before its end. */
static void test_news(void **state)
{
    (void)state;
    struct pair_config c;
    pair_config_init(&c, 1);
    struct pair *p = pair_new(&c);
    assert_true(conn_rx_news(p->ic)); /* a login is looked at always */
    pair_run(p);
    (void)conn_rx_news(p->ic);
    assert_false(conn_rx_news(p->ic));
    give(p, 0, 'R', 4096);
    pair_move(p, true, UINT64_MAX);
    while (pair_work(p))
        ;
    assert_int_equal(pair_move(p, false, WIRE_BHS_LEN + 1000), WIRE_BHS_LEN + 1000);
    assert_false(conn_rx_news(p->ic));
    pair_run(p);
    assert_true(conn_rx_news(p->ic));
    assert_false(conn_rx_news(p->ic));
    for (struct task *task; (task = session_reap(p->is)) != NULL;) {
        free(task->owner);
        session_task_free(p->is, task);
    }
    pair_free(p);
}

/* What reads still owe, whether they have been sent or not, as far as it was asked. */
static void test_due(void **state)
{
    (void)state;
    struct pair_config c;
    pair_config_init(&c, 1);
    struct pair *p = pair_new(&c);
    pair_run(p);
    assert_int_equal(conn_rx_due(p->ic, UINT64_MAX), 0);
    give(p, 0, 'R', 4096);
    pair_move(p, true, UINT64_MAX);
    give(p, 1, 'W', 8192);
    give(p, 2, 'R', 512);
    assert_int_equal(conn_rx_due(p->ic, UINT64_MAX), 4608);
    assert_int_equal(conn_rx_due(p->ic, 4608), 4608);
    assert_in_range(conn_rx_due(p->ic, 100), 100, 4608);
    assert_int_equal(conn_rx_due(p->tc, UINT64_MAX), 0);
    while (conn_rx_due(p->ic, UINT64_MAX) == 4608)
        assert_true(pair_step(p));
    assert_int_equal(conn_rx_due(p->ic, UINT64_MAX), 512);
    pair_run(p);
    assert_int_equal(conn_rx_due(p->ic, UINT64_MAX), 0);
    for (struct task *task; (task = session_reap(p->is)) != NULL;) {
        free(task->owner);
        session_task_free(p->is, task);
    }
    pair_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_narrow),    cmocka_unit_test(test_wrap),
        cmocka_unit_test(test_long_life), cmocka_unit_test(test_closed),
        cmocka_unit_test(test_withdrawn), cmocka_unit_test(test_held),
        cmocka_unit_test(test_gathering), cmocka_unit_test(test_pings_do_not_gather),
        cmocka_unit_test(test_due),       cmocka_unit_test(test_news)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
