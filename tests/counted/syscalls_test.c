/* SPDX-License-Identifier: MIT */
/* System calls per I/O. How many I/Os one call serves depends on how the peer's answers bunch, so the numbers
 * stated are some times the usual ones, and the median of many windows is compared: a busy machine cannot
 * fail it, two calls more for each dozen of I/Os do, where it sleeps. Where it looks before it sleeps
 * (BERTH_WAIT_AS_PAYS) each look is a call, too. What a single round takes is exact, and tested with the
 * engines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>
#include "rig.h"

#define WINDOWS     21u
#define COMMAND_MIN 48u /* bytes of a command on the wire */
#define SEGMENT_8K  "MaxRecvDataSegmentLength=8192"

static const struct scenario {
    const char *name;
    enum berth_op op;
    uint32_t len, depth, count;
    enum berth_wait wait;
    const char *key;
    double calls_max; /* per I/O */
} scenarios[] = {
    {"4 KiB reads", BERTH_READ, 4096, 32, 1000, BERTH_WAIT_AS_PAYS, NULL, 0.5},
    {"4 KiB writes", BERTH_WRITE, 4096, 32, 1000, BERTH_WAIT_AS_PAYS, NULL, 0.5},
    {"4 KiB reads, sleeping", BERTH_READ, 4096, 32, 1000, BERTH_WAIT_SLEEP, NULL, 0.25},
    {"4 KiB writes, sleeping", BERTH_WRITE, 4096, 32, 1000, BERTH_WAIT_SLEEP, NULL, 0.25},
    /* 8 PDUs each, of which none may take a call of its own */
    {"64 KiB writes in 8 KiB PDUs, 8 in flight", BERTH_WRITE, 65536, 8, 400, BERTH_WAIT_SLEEP, SEGMENT_8K,
     0.6},
    {"64 KiB writes in 8 KiB PDUs, 32 in flight", BERTH_WRITE, 65536, 32, 400, BERTH_WAIT_SLEEP, SEGMENT_8K,
     0.45},
};

static int compare(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static uint64_t window(struct rig *r, const struct scenario *s)
{
    struct berth_stats before, after;
    berth_lun_stats(r->lun, &before);
    rig_run(r, s->op, s->len, s->count);
    berth_lun_stats(r->lun, &after);
    uint64_t calls = after.syscalls - before.syscalls;
    assert_int_equal(after.commands - before.commands, s->count);
    assert_int_equal(after.retries, before.retries);
    assert_true(after.tx_bytes - before.tx_bytes >= s->count * COMMAND_MIN);
    /* A full queue needs one sending and one receiving at the least. */
    assert_true(calls >= 2 * s->count / s->depth);
    return calls;
}

static void check(const struct scenario *s)
{
    struct rig r = {.key = s->key, .wait = s->wait};
    uint64_t calls[WINDOWS];
    rig_start(&r, "ram:64M", false);
    r.depth = s->depth;
    rig_run(&r, s->op, s->len, s->count);
    for (uint32_t i = 0; i < WINDOWS; i++)
        calls[i] = window(&r, s);
    qsort(calls, WINDOWS, sizeof calls[0], compare);
    double median = (double)calls[WINDOWS / 2] / s->count;
    print_message("%s: %.3f system calls per I/O (%.3f to %.3f), at most %.2f\n", s->name, median,
                  (double)calls[0] / s->count, (double)calls[WINDOWS - 1] / s->count, s->calls_max);
    assert_true(median <= s->calls_max);
    rig_stop(&r);
}

static void test_scenarios(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++)
        check(&scenarios[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_scenarios)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
