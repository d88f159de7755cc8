/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <berth/error.h>
#include "attach/exit.h"

static int is_error(int code)
{
    return strcmp(berth_error_name(code), "unknown_error") != 0;
}

/* Whoever adds an error to the library must decide what the command makes of it. */
static void every_error_has_a_row(void **state)
{
    int count = 0;
    (void)state;
    for (int code = -999; code <= 0; code++) {
        if (!is_error(code))
            continue;
        count++;
        if (exit_find(code)->error != code)
            fail_msg("no row for %s", berth_error_name(code));
        assert_true(exit_find(code)->next[0] != '\0');
    }
    assert_true(count > 40);
}

static void statuses_are_small_and_fail(void **state)
{
    (void)state;
    assert_int_equal(exit_find(BERTH_OK)->status, STATUS_OK);
    for (int code = -999; code < 0; code++)
        if (is_error(code))
            assert_in_range(exit_find(code)->status, STATUS_FAILED, STATUS_SYSTEM);
}

/* The advice stands in the middle of a sentence: no capital, no full stop, one line. */
static void advice_is_a_clause(void **state)
{
    (void)state;
    for (int code = -999; code < 0; code++) {
        const char *next = exit_find(code)->next;
        assert_true(next[0] >= 'a' && next[0] <= 'z');
        assert_int_not_equal(next[strlen(next) - 1], '.');
        assert_null(strchr(next, '\n'));
    }
}

static void scopes_map_as_the_manual_says(void **state)
{
    (void)state;
    assert_int_equal(exit_find(BERTH_E_REFUSED)->status, STATUS_UNREACHABLE);
    assert_int_equal(exit_find(BERTH_E_RESOLVE)->status, STATUS_UNREACHABLE);
    assert_int_equal(exit_find(BERTH_E_NO_ANSWER)->status, STATUS_UNREACHABLE);
    assert_int_equal(exit_find(BERTH_E_LOST)->status, STATUS_UNREACHABLE);
    assert_int_equal(exit_find(BERTH_E_AUTH)->status, STATUS_DENIED);
    assert_int_equal(exit_find(BERTH_E_AUTH_DOWNGRADE)->status, STATUS_DENIED);
    assert_int_equal(exit_find(BERTH_E_NO_TARGET)->status, STATUS_ABSENT);
    assert_int_equal(exit_find(BERTH_E_NO_LUN)->status, STATUS_ABSENT);
    assert_int_equal(exit_find(BERTH_E_READ_ONLY)->status, STATUS_IO);
    assert_int_equal(exit_find(BERTH_E_NO_SPACE)->status, STATUS_IO);
    assert_int_equal(exit_find(BERTH_E_NOT_ISCSI)->status, STATUS_PROTOCOL);
    assert_int_equal(exit_find(BERTH_E_URL)->status, STATUS_USAGE);
    assert_int_equal(exit_find(BERTH_E_SECRET)->status, STATUS_USAGE);
    assert_int_equal(exit_find(BERTH_E_MEMORY)->status, STATUS_SYSTEM);
}

static void strangers_are_faults(void **state)
{
    (void)state;
    assert_int_equal(exit_find(-7)->status, STATUS_SYSTEM);
    assert_int_equal(exit_find(1)->status, STATUS_SYSTEM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_error_has_a_row), cmocka_unit_test(statuses_are_small_and_fail),
        cmocka_unit_test(advice_is_a_clause),    cmocka_unit_test(scopes_map_as_the_manual_says),
        cmocka_unit_test(strangers_are_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
