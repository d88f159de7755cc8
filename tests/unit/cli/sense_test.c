/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "cli/sense.h"

static void words(void **state)
{
    struct berth_done done = {.error = BERTH_E_NO_SPACE, .scsi_status = 2, .sense_key = 7, .asc = 0x2707};
    (void)state;
    assert_string_equal(sense_words(&done).s, " (sense: data protect, 27h/07h)");
    done.sense_key = 5;
    done.asc = 0x2100;
    assert_string_equal(sense_words(&done).s, " (sense: illegal request, 21h/00h)");
    done.sense_key = 15;
    done.asc = 0xffff;
    assert_string_equal(sense_words(&done).s, " (sense: completed, FFh/FFh)");
}

static void other_statuses(void **state)
{
    struct berth_done done = {.error = BERTH_E_SCSI, .scsi_status = 0x28};
    (void)state;
    assert_string_equal(sense_words(&done).s, " (SCSI status 28h)");
}

static void no_reason_no_words(void **state)
{
    struct berth_done done = {.error = BERTH_E_TIMEOUT};
    (void)state;
    assert_string_equal(sense_words(&done).s, "");
}

static void a_key_beyond_the_table_is_cut(void **state)
{
    struct berth_done done = {.scsi_status = 2, .sense_key = 0xf3};
    (void)state;
    assert_string_equal(sense_words(&done).s, " (sense: medium error, 00h/00h)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words),
        cmocka_unit_test(other_statuses),
        cmocka_unit_test(no_reason_no_words),
        cmocka_unit_test(a_key_beyond_the_table_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
