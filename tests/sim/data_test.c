/* SPDX-License-Identifier: MIT */
/* Data transfer between the two cores under thousands of seeded schedules: every command completes exactly
 * once with every byte in its place, whatever the parameters and wherever the byte stream is cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "pair.h"

static void vary(struct pair_config *c)
{
    static const uint32_t sizes[] = {512, 1024, 3000, 8192, 65536};
    struct pair dice = {.random = c->seed};
    c->max_move = pair_random(&dice, 3) ? 1 + pair_random(&dice, 9000) : 0;
    c->header_digest = pair_random(&dice, 2);
    c->data_digest = pair_random(&dice, 2);
    c->initial_r2t = pair_random(&dice, 2);
    c->immediate_data = pair_random(&dice, 2);
    c->max_burst = sizes[pair_random(&dice, 5)];
    c->first_burst = sizes[pair_random(&dice, 5)];
    if (c->first_burst > c->max_burst)
        c->first_burst = c->max_burst;
    c->max_r2t = 1 + pair_random(&dice, 4);
    c->segment_i = sizes[pair_random(&dice, 5)];
    c->segment_t = sizes[pair_random(&dice, 5)];
    c->direct_bytes = 1 + pair_random(&dice, 9000);
}

struct op {
    char kind;
    uint32_t offset, len;
    uint8_t *buf;
    struct task *task;
};

/* One command on a region of its own, so that any order of execution gives the same result. */
static void submit_random(struct pair *p, struct op *op, uint32_t region)
{
    op->kind = "RRWWE"[pair_random(p, 5)];
    op->len = pair_random(p, 12000);
    op->offset = region * 16384 + pair_random(p, 16384 - op->len);
    op->buf = malloc(op->len + 1);
    for (uint32_t i = 0; i < op->len; i++)
        op->buf[i] = (uint8_t)pair_random(p, 256);
    op->task = pair_submit(p, op->kind, op->offset, op->len, op->buf);
    assert_non_null(op->task);
}

static void check(struct pair *p, struct op *op, uint8_t *model)
{
    if (op->kind == 'W')
        memcpy(model + op->offset, op->buf, op->len);
    if (op->kind == 'R')
        assert_memory_equal(op->buf, model + op->offset, op->len);
    assert_int_equal(op->task->error, op->kind == 'E' ? BERTH_E_SCSI : BERTH_OK);
    if (op->kind == 'E') {
        assert_int_equal(op->task->sense_len, 18);
        assert_int_equal(op->task->sense[2], 5);
    }
    free(op->task->owner);
    session_task_free(p->is, op->task);
    free(op->buf);
}

static void one_schedule(uint64_t seed)
{
    struct pair_config c;
    struct op ops[PAIR_DEPTH];
    pair_config_init(&c, seed);
    vary(&c);
    struct pair *p = pair_new(&c);
    uint8_t *model = calloc(1, PAIR_DISK);

    pair_run(p);
    assert_true(p->up);
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < PAIR_DEPTH; i++)
            submit_random(p, &ops[i], i);
        assert_null(session_task(p->is, TASK_SCSI));
        pair_run(p);
        uint32_t done = 0;
        while (session_reap(p->is))
            done++;
        if (done != PAIR_DEPTH)
            print_error("seed %llu: %u of %u done, event %d %s\n", (unsigned long long)seed, done, PAIR_DEPTH,
                        p->last_i.kind, p->last_i.rule ? p->last_i.rule : "");
        assert_int_equal(done, PAIR_DEPTH);
        for (uint32_t i = 0; i < PAIR_DEPTH; i++)
            check(p, &ops[i], model);
        assert_memory_equal(model, p->disk, PAIR_DISK);
    }
    assert_int_equal(p->is->in_flight, 0);
    assert_int_equal(p->ts->slots.taken, 0);
    free(model);
    pair_free(p);
}

static void test_schedules(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 2000; seed++)
        one_schedule(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_schedules)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
