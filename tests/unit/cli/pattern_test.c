/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "cli/pattern.h"

static uint8_t buf[16384];

static void zero_is_seen(void **state)
{
    (void)state;
    memset(buf, 0, sizeof buf);
    assert_true(pattern_is_zero(buf, 0));
    assert_true(pattern_is_zero(buf, 1));
    assert_true(pattern_is_zero(buf, sizeof buf));
}

static void one_byte_anywhere_is_not_zero(void **state)
{
    (void)state;
    memset(buf, 0, sizeof buf);
    for (size_t i = 0; i < 600; i++) {
        buf[i] = 1;
        assert_false(pattern_is_zero(buf, 600));
        buf[i] = 0;
    }
    buf[599] = 1;
    assert_true(pattern_is_zero(buf, 599));
    memset(buf, 7, sizeof buf);
    assert_false(pattern_is_zero(buf, 600));
}

static void bench_leavings_are_blank(void **state)
{
    (void)state;
    pattern_fill(buf, sizeof buf, 512, 1);
    assert_false(pattern_is_zero(buf, sizeof buf));
    assert_true(pattern_is_blank(buf, sizeof buf, 512));
    memset(buf + 512, 0, 1024);
    assert_true(pattern_is_blank(buf, sizeof buf, 512));
}

static void data_is_not_blank(void **state)
{
    (void)state;
    pattern_fill(buf, sizeof buf, 512, 1);
    buf[sizeof buf - 512] ^= 1;
    assert_false(pattern_is_blank(buf, sizeof buf, 512));
    memset(buf, 0, sizeof buf);
    buf[sizeof buf - 1] = 1;
    assert_false(pattern_is_blank(buf, sizeof buf, 4096));
}

static void seeds_differ(void **state)
{
    (void)state;
    pattern_fill(buf, 4096, 512, 1);
    pattern_fill(buf + 4096, 4096, 512, 2);
    assert_memory_not_equal(buf, buf + 4096, 4096);
    pattern_fill(buf + 4096, 4096, 512, 1);
    assert_memory_equal(buf, buf + 4096, 4096);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zero_is_seen),
        cmocka_unit_test(one_byte_anywhere_is_not_zero),
        cmocka_unit_test(bench_leavings_are_blank),
        cmocka_unit_test(data_is_not_blank),
        cmocka_unit_test(seeds_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
