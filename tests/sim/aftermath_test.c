/* SPDX-License-Identifier: MIT */
/* After a fault: the next one in every step of the recovery, again and again, and many commands at once that
 * get no answer. Everything comes to an end, once, and within its time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lab.h"

#define NS_MS 1000000ull
#define IOS   100u
#define STEPS 40u /* rounds of the engine from a loss on; by then all is well again */

static uint8_t bufs[IOS][512];

/* Many I/Os that were submitted together, and how often each has completed. */
struct crowd {
    struct berth_queue *queue;
    struct berth_seg segs[IOS];
    uint32_t done[IOS], errors[IOS], completed;
};

static struct crowd *crowd_new(struct lab *l, uint32_t count, uint32_t op)
{
    struct crowd *c = calloc(1, sizeof *c);
    assert_int_equal(berth_queue_new(&c->queue, l->lun, IOS), 0);
    for (uint32_t i = 0; i < count; i++) {
        c->segs[i] = seg_memory(bufs[i], sizeof bufs[i]);
        struct berth_io io = {.op = op,
                              .offset_bytes = i * sizeof bufs[i],
                              .len_bytes = sizeof bufs[i],
                              .segs = &c->segs[i],
                              .seg_count = 1,
                              .tag = i};
        assert_int_equal(berth_queue_submit(c->queue, &io, 1), 1);
    }
    return c;
}

static void crowd_reap(struct crowd *c, int timeout_ms)
{
    struct berth_done done[IOS];
    int count = berth_queue_reap(c->queue, done, 1, IOS, timeout_ms);
    assert_true(count >= 0);
    for (int i = 0; i < count; i++) {
        c->done[done[i].tag]++;
        c->errors[done[i].tag] = (uint32_t)-done[i].error;
        c->completed++;
    }
}

/* Each has completed once, and nothing more comes of it. */
static void crowd_check(struct crowd *c, uint32_t count, int error)
{
    for (int n = 0; n < 60 && c->completed < count; n++)
        crowd_reap(c, 1000);
    crowd_reap(c, 60000);
    assert_int_equal(c->completed, count);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(c->done[i], 1);
        assert_int_equal(-(int)c->errors[i], error);
    }
    berth_queue_free(c->queue);
    free(c);
}

/* --- silence of the target, for all of them at once --- */

static void hundred_timeouts(uint32_t op, enum mini_turn turn)
{
    struct lab *l = lab_new(&(struct mini_config){.depth = 128}, NULL);
    l->options.command_timeout_ms = 1000;
    assert_int_equal(lab_open(l), 0);
    lab_rule(l, (struct lab_rule){.op = op == BERTH_READ ? 0x28 : 0x2a, .turn = turn});
    struct crowd *c = crowd_new(l, IOS, op);
    uint64_t begin = world_ms(l->world);
    while (c->completed < IOS && world_ms(l->world) - begin < 60000)
        crowd_reap(c, 1000);
    assert_true(world_ms(l->world) - begin <= 5000);
    crowd_check(c, IOS, BERTH_E_TIMEOUT);
    lab_no_rules(l);
    crowd_check(crowd_new(l, IOS, op), IOS, BERTH_OK);
    lab_free(l);
}

static void hundred_reads_time_out(void **state)
{
    (void)state;
    hundred_timeouts(BERTH_READ, MINI_HOLD);
}

static void hundred_writes_time_out(void **state)
{
    (void)state;
    hundred_timeouts(BERTH_WRITE, MINI_HOLD);
    hundred_timeouts(BERTH_WRITE, MINI_LOSE);
}

/* The session dies at the very moment at which all are late. */
static void hundred_timeouts_and_a_loss(void **state)
{
    (void)state;
    for (uint64_t when = 900; when < 1200; when += 10) {
        struct lab *l = lab_new(&(struct mini_config){.depth = 128}, NULL);
        l->options.command_timeout_ms = 1000;
        assert_int_equal(lab_open(l), 0);
        lab_rule(l, (struct lab_rule){.op = 0x28, .turn = MINI_HOLD, .times = IOS});
        struct crowd *c = crowd_new(l, IOS, BERTH_READ);
        crowd_reap(c, (int)when);
        mini_reset(l->target);
        for (int n = 0; n < 60 && c->completed < IOS; n++)
            crowd_reap(c, 1000);
        assert_int_equal(c->completed, IOS);
        for (uint32_t i = 0; i < IOS; i++) {
            assert_int_equal(c->done[i], 1);
            assert_true(c->errors[i] == 0 || -(int)c->errors[i] == BERTH_E_TIMEOUT);
        }
        berth_queue_free(c->queue);
        free(c);
        lab_free(l);
    }
}

/* --- a second fault, in every step --- */

enum second { CUT, RESET, STOP, SILENT, DEAF_FAR, DEAF_NEAR, SECONDS };

struct trouble {
    struct lab *lab;
    enum second kind;
    uint32_t step, left; /* rounds until it comes, each time; how often yet */
    uint32_t turn;       /* rounds since the last one */
    uint64_t until_ns;
};

static void strike(struct trouble *t)
{
    struct world *w = t->lab->world;
    t->until_ns = sim_world_now(w->sim) + 300 * NS_MS;
    switch (t->kind) {
    case CUT:
        mini_reset(t->lab->target);
        break;
    case RESET:
        sim_engine_reset(w->near);
        break;
    case STOP:
        mini_stop(t->lab->target);
        break;
    case SILENT:
        w->silent = true;
        break;
    case DEAF_FAR:
        sim_engine_cut_off(w->far, true);
        break;
    default:
        sim_engine_cut_off(w->near, true);
        break;
    }
}

static void mend(struct trouble *t)
{
    struct world *w = t->lab->world;
    t->until_ns = 0;
    mini_start(t->lab->target);
    w->silent = false;
    sim_engine_cut_off(w->near, false);
    sim_engine_cut_off(w->far, false);
}

static void each_turn(void *arg)
{
    struct trouble *t = arg;
    if (t->until_ns && sim_world_now(t->lab->world->sim) >= t->until_ns) {
        mend(t);
        t->turn = 0;
    }
    if (t->until_ns || t->left == 0 || t->turn++ < t->step)
        return;
    t->left--;
    strike(t);
    t->turn = 0;
    t->lab->world->wake_at = t->until_ns;
}

/* How long it took until all I/Os were there, each in order. */
static uint64_t recover_ms(enum second kind, uint32_t step, uint32_t times)
{
    struct lab *l = lab_new(&(struct mini_config){.late = true, .delay_ns = 5 * NS_MS},
                            &(struct sim_faults){.max_segment = 200, .latency_ns = NS_MS});
    l->options.ping_interval_ms = l->options.ping_timeout_ms = 200;
    l->options.connect_timeout_ms = 1000;
    assert_int_equal(lab_open(l), 0);
    struct trouble t = {.lab = l, .kind = kind, .step = step, .left = times};
    struct crowd *c = crowd_new(l, 8, BERTH_WRITE);
    crowd_reap(c, 1);
    mini_reset(l->target);
    l->world->each_turn = each_turn;
    l->world->arg = &t;
    uint64_t begin = world_ms(l->world);
    for (int n = 0; n < 300 && c->completed < 8; n++)
        crowd_reap(c, 1000);
    uint64_t took = world_ms(l->world) - begin;
    crowd_check(c, 8, BERTH_OK);
    mend(&t);
    lab_free(l);
    return took;
}

/* A silence is noticed after a ping or a login's time, then come a pause and the login. */
static void second_fault_in_every_step(void **state)
{
    (void)state;
    for (int kind = 0; kind < SECONDS; kind++)
        for (uint32_t step = 0; step < STEPS; step++)
            assert_in_range(recover_ms((enum second)kind, step, 1), 0, 3000);
}

/* Ten in a row, each at the same step: the pauses grow, but there is an end to it. */
static void fault_after_fault(void **state)
{
    (void)state;
    for (int kind = 0; kind < SECONDS; kind++)
        for (uint32_t step = 0; step < STEPS; step += 3)
            assert_in_range(recover_ms((enum second)kind, step, 10), 0, 10 * 4500 + 3000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hundred_reads_time_out),      cmocka_unit_test(hundred_writes_time_out),
        cmocka_unit_test(hundred_timeouts_and_a_loss), cmocka_unit_test(second_fault_in_every_step),
        cmocka_unit_test(fault_after_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
