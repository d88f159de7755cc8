/* SPDX-License-Identifier: MIT */
/* The connection is lost at every byte of the exchange, each way: every task is detached once, sent again on
 * the next connection of the same session, and done once, with every byte in its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "workload.h"

static struct pair_config usual(void)
{
    struct pair_config c;
    pair_config_init(&c, 17);
    c.segment_i = c.segment_t = 512;
    c.first_burst = 700;
    c.max_burst = 1024;
    c.max_r2t = 2;
    c.direct_bytes = 200;
    return c;
}

/* Moves until `left` bytes have gone both ways together, or nothing moves. False in the latter case. */
static bool run_bytes(struct workload *w, uint64_t left)
{
    struct pair *p = w->pair;
    for (bool more = true; more && left > 0;) {
        uint64_t a = pair_move(p, true, left), b = pair_move(p, false, left - a);
        more = a || b;
        left -= a + b;
        more |= pair_work(p);
        workload_reap(w);
    }
    return left == 0;
}

static uint32_t list_len(const struct list *head)
{
    uint32_t n = 0;
    list_each (node, head)
        n++;
    return n;
}

/* Every task is in one place: waiting, detached, or done and reaped. */
static void count_tasks(struct workload *w)
{
    const struct session *s = w->pair->is;
    uint32_t done = 0;
    workload_reap(w);
    for (uint32_t i = 0; i < w->count; i++) {
        assert_true(w->ops[i].done <= 1);
        done += w->ops[i].done;
        assert_null(w->ops[i].task->conn);
        assert_int_equal(w->ops[i].task->tx_refs, 0);
        assert_int_equal(w->ops[i].task->state, w->ops[i].done ? TASK_DONE : w->ops[i].task->state);
    }
    assert_int_equal(list_len(&s->queued) + list_len(&s->detached) + done, w->count);
    assert_int_equal(s->slots.taken, w->count);
    assert_int_equal(s->in_flight, 0);
    assert_int_equal(w->pair->ts->slots.taken, 0);
}

/* What is said to have stayed with us has not been executed. */
static void count_unsent(const struct workload *w)
{
    uint32_t may_have_come = 0;
    for (uint32_t i = 0; i < w->count; i++) {
        const struct task *task = w->ops[i].task;
        may_have_come += w->ops[i].done || (task->state == TASK_DETACHED && !task->unsent);
    }
    assert_true(w->pair->executed <= may_have_come);
}

/* Detached tasks in the order in which they were sent; they queue up behind nothing that came later. */
static void requeue_all(struct session *s)
{
    struct list *node;
    uint32_t last = 0;
    bool first = true;
    while ((node = list_pop(&s->detached)) != NULL) {
        struct task *task = list_entry(node, struct task, link);
        uint32_t old = task->itt;
        assert_int_equal(task->state, TASK_DETACHED);
        assert_true(first || (int32_t)(task->cmd_sn - last) > 0);
        last = task->cmd_sn;
        first = false;
        session_requeue(s, task);
        assert_true(task->itt != old);
    }
}

static void drop(struct workload *w)
{
    pair_drop(w->pair);
    count_tasks(w);
}

static void back(struct workload *w)
{
    pair_reconnect(w->pair);
    requeue_all(w->pair->is);
}

static void drop_and_back(struct workload *w)
{
    drop(w);
    back(w);
}

static bool drop_after(const struct pair_config *c, uint64_t bytes, bool other_parameters)
{
    struct workload *w = workload_new(pair_new(c));
    struct pair *p = w->pair;
    workload_mix(w, 6, 1500);
    bool reached = run_bytes(w, bytes);
    conn_ping(p->ic);
    conn_logout(p->ic, WIRE_LOGOUT_CONNECTION); /* both die with the connection, sent or not */
    if (bytes & 1)
        pair_move(p, true, 30);
    if (other_parameters)
        negotiation_want(&p->il.want, KEY_INITIAL_R2T, !c->initial_r2t);
    drop(w);
    count_unsent(w);
    back(w);
    pair_run(p);
    assert_true(p->up);
    assert_false(conn_ping_out(p->ic));
    workload_check(w);
    workload_free(w);
    pair_free(p);
    return reached;
}

static void test_every_byte(void **state)
{
    (void)state;
    for (int way = 0; way < 8; way++) {
        struct pair_config c = usual();
        uint64_t at = 0;
        c.initial_r2t = way & 1;
        c.header_digest = c.data_digest = way & 2;
        while (drop_after(&c, at, way & 4))
            at += way == 0 ? 1 : 7;
        assert_true(at > 5000);
    }
}

/* Again and again, with hardly any time for anything in between. */
static void test_many_drops(void **state)
{
    (void)state;
    for (uint64_t bytes = 700; bytes < 6000; bytes += 131) {
        struct pair_config c = usual();
        struct workload *w = workload_new(pair_new(&c));
        uint32_t drops = 0;
        workload_mix(w, WORKLOAD_OPS, 1500);
        while (run_bytes(w, bytes * (1 + drops / 20)) && drops < 1000) {
            drop_and_back(w);
            drops++;
        }
        assert_true(drops > 2 && drops < 1000);
        workload_check(w);
        struct pair *p = w->pair;
        workload_free(w);
        pair_free(p);
    }
}

/* Given up in every state; the connection goes on, or is lost, and the rest is not disturbed. */
static void test_revoke(void **state)
{
    (void)state;
    for (uint64_t bytes = 0; bytes < 9000; bytes += 13)
        for (int lost = 0; lost < 2; lost++) {
            struct pair_config c = usual();
            struct workload *w = workload_new(pair_new(&c));
            struct pair *p = w->pair;
            workload_mix(w, 6, 1500);
            run_bytes(w, bytes);
            for (uint32_t i = 0; i < w->count; i += 2) { /* even ones are given up */
                if (!w->ops[i].done)
                    session_revoke(p->is, w->ops[i].task, BERTH_E_ABORTED);
                session_revoke(p->is, w->ops[i].task, BERTH_E_TIMEOUT);
            }
            if (lost)
                drop_and_back(w);
            pair_run(p);
            workload_reap(w);
            assert_int_equal(p->last_i.rule != NULL, 0);
            for (uint32_t i = 0; i < w->count; i++) {
                assert_int_equal(w->ops[i].done, 1);
                assert_true(i % 2 == 0 ||
                            w->ops[i].task->error == (w->ops[i].kind == 'E' ? BERTH_E_SCSI : BERTH_OK));
                assert_true(w->ops[i].task->error != BERTH_E_TIMEOUT);
                if (i % 2 && w->ops[i].kind == 'R')
                    assert_memory_equal(w->ops[i].buf, w->model + w->ops[i].offset, w->ops[i].len);
                if (i % 2 && w->ops[i].kind == 'W')
                    assert_memory_equal(w->ops[i].buf, p->disk + w->ops[i].offset, w->ops[i].len);
            }
            assert_int_equal(p->is->in_flight, 0);
            workload_free(w);
            pair_free(p);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_byte), cmocka_unit_test(test_many_drops),
                                       cmocka_unit_test(test_revoke)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
