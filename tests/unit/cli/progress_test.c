/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "cli/progress.h"

#define MIB (1024u * 1024)

static char out[256];

static void half_way(void **state)
{
    struct progress p = {.total = 200 * MIB, .rate = 10e6};
    (void)state;
    progress_bar(out, sizeof out, &p, 100 * MIB, 100);
    assert_string_equal(out, "[=======================>                      ] "
                             " 50% 100.0 MiB of 200.0 MiB, 10.0 MB/s, 0:10 left");
}

static void both_ends(void **state)
{
    struct progress p = {.total = 10 * MIB, .rate = 1e6};
    (void)state;
    assert_non_null(strstr(progress_bar(out, sizeof out, &p, 0, 100), "[>"));
    assert_non_null(strstr(out, "  0% "));
    assert_non_null(strstr(progress_bar(out, sizeof out, &p, 10 * MIB, 100), "=] 100% "));
    assert_non_null(strstr(out, "0:00 left"));
}

static void fits_every_width(void **state)
{
    struct progress p = {.total = 200 * MIB, .rate = 10e6};
    (void)state;
    for (unsigned width = 0; width < 200; width++)
        assert_true(strlen(progress_bar(out, sizeof out, &p, 77 * MIB, width)) <= (width ? width - 1 : 0));
}

static void unknown_size_has_no_bar(void **state)
{
    struct progress p = {.total = UINT64_MAX, .rate = 2.5e6};
    (void)state;
    assert_string_equal(progress_bar(out, sizeof out, &p, 3 * MIB, 100), "3.0 MiB, 2.5 MB/s");
}

static void no_rate_no_estimate(void **state)
{
    struct progress p = {.total = 2 * MIB};
    (void)state;
    assert_non_null(strstr(progress_bar(out, sizeof out, &p, MIB, 100), "-:-- left"));
}

static void nothing_to_do_is_done(void **state)
{
    struct progress p = {.total = 0};
    (void)state;
    assert_non_null(strstr(progress_bar(out, sizeof out, &p, 0, 100), "100%"));
}

/* Going back must not look like a leap forward. */
static void going_back_is_no_speed(void **state)
{
    struct progress p;
    (void)state;
    progress_begin(&p, "copied", 1000 * MIB);
    p.last_done = 500 * MIB;
    p.last_ns -= 1000000000;
    progress_update(&p, 100 * MIB);
    assert_int_equal(p.last_done, 100 * MIB);
    assert_true(p.rate >= 0 && p.rate < 1);
    progress_end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(half_way),
        cmocka_unit_test(both_ends),
        cmocka_unit_test(fits_every_width),
        cmocka_unit_test(unknown_size_has_no_bar),
        cmocka_unit_test(no_rate_no_estimate),
        cmocka_unit_test(nothing_to_do_is_done),
        cmocka_unit_test(going_back_is_no_speed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
