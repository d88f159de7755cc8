/* SPDX-License-Identifier: MIT */
/* RFC 1982 on 32 bits, around the wrap above all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "wire/serial.h"

static const uint32_t starts[] = {0,          1,          0x7ffffffe, 0x7fffffff,
                                  0x80000000, 0x80000001, 0xfffffffe, 0xffffffff};
static const uint32_t steps[] = {1, 2, 1000, 0x7ffffffe, 0x7fffffff};

static void later_is_later_everywhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++)
        for (size_t j = 0; j < sizeof steps / sizeof steps[0]; j++) {
            uint32_t a = starts[i], b = a + steps[j];
            assert_true(serial_lt(a, b));
            assert_true(serial_le(a, b));
            assert_false(serial_lt(b, a));
            assert_false(serial_le(b, a));
        }
}

static void equal_is_not_less(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
        assert_false(serial_lt(starts[i], starts[i]));
        assert_true(serial_le(starts[i], starts[i]));
    }
}

static void counts_across_the_wrap(void **state)
{
    (void)state;
    uint32_t n = 0xfffffff0;
    for (int i = 0; i < 100000; i++, n++)
        assert_true(serial_lt(n, n + 1));
    assert_true(serial_lt(0xffffffff, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(later_is_later_everywhere),
        cmocka_unit_test(equal_is_not_less),
        cmocka_unit_test(counts_across_the_wrap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
