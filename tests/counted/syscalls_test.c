/* SPDX-License-Identifier: MIT */
/* System calls per I/O. How many I/Os one call serves depends on how the peer's answers bunch, so the number
 * stated is well above the usual 0.16, and the median of many windows is compared: a busy machine cannot fail
 * it, one system call per I/O for sending, or for receiving, does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>
#include "rig.h"

#define WINDOWS     21u
#define COUNT       1000u
#define CALLS_MAX   (COUNT / 2) /* half a system call per I/O */
#define COMMAND_MIN 48u         /* bytes of a command on the wire */

static int compare(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static void check_op(const char *name, enum berth_op op)
{
    struct rig r;
    struct berth_stats before, after;
    uint64_t calls[WINDOWS];
    rig_start(&r, "ram:64M", false);
    rig_run(&r, op, 4096, COUNT);
    for (uint32_t i = 0; i < WINDOWS; i++) {
        berth_lun_stats(r.lun, &before);
        rig_run(&r, op, 4096, COUNT);
        berth_lun_stats(r.lun, &after);
        calls[i] = after.syscalls - before.syscalls;
        assert_int_equal(after.commands - before.commands, COUNT);
        assert_int_equal(after.retries, before.retries);
        assert_true(after.tx_bytes - before.tx_bytes >= COUNT * COMMAND_MIN);
        /* A full queue needs one sending, one waiting and one receiving at the least. */
        assert_true(calls[i] >= 3 * COUNT / RIG_DEPTH);
    }
    qsort(calls, WINDOWS, sizeof calls[0], compare);
    print_message("%s: %.3f system calls per I/O (%.3f to %.3f)\n", name, (double)calls[WINDOWS / 2] / COUNT,
                  (double)calls[0] / COUNT, (double)calls[WINDOWS - 1] / COUNT);
    assert_in_range(calls[WINDOWS / 2], 1, CALLS_MAX);
    rig_stop(&r);
}

static void test_reads(void **state)
{
    (void)state;
    check_op("4 KiB reads", BERTH_READ);
}

static void test_writes(void **state)
{
    (void)state;
    check_op("4 KiB writes", BERTH_WRITE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_reads), cmocka_unit_test(test_writes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
