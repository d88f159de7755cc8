/* SPDX-License-Identifier: MIT */
/* The names that are made where none are given. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "host/identity.h"
#include "wire/name.h"

static void the_host_s_name_is_a_name(void **state)
{
    char a[NAME_MAX_LEN + 1], b[NAME_MAX_LEN + 1];
    (void)state;
    host_initiator_name(a, sizeof a);
    host_initiator_name(b, sizeof b);
    assert_string_equal(a, b);
    assert_true(name_valid((struct span){a, strlen(a)}));
    assert_int_equal(strlen(a), strlen("iqn.2026-11.io.berth:") + 16);
}

static void isids_follow_the_name(void **state)
{
    uint8_t a[6], b[6], c[6];
    (void)state;
    host_isid("iqn.2026-11.test:a", a);
    host_isid("iqn.2026-11.test:a", b);
    host_isid("iqn.2026-11.test:b", c);
    assert_memory_equal(a, b, 6);
    assert_memory_not_equal(a, c, 6);
    assert_int_equal(a[0], 0x80);
    assert_int_equal(c[0], 0x80);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_host_s_name_is_a_name),
        cmocka_unit_test(isids_follow_the_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
