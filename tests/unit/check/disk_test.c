/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "check/disk.h"

#define BLOCK 512u

static struct disk d;

static void a_disk_is_of_the_first_generation(void **state)
{
    (void)state;
    assert_true(disk_open(&d, 3));
    assert_int_equal(disk_differs(d.bytes, 3, DISK_FIRST, 0, DISK_BYTES), DISK_BYTES);
    disk_close(&d);
}

/* Other places, LUNs and generations differ within the first word. */
static void whatever_belongs_elsewhere_differs(void **state)
{
    uint8_t bytes[4 * BLOCK];
    (void)state;
    disk_pattern(bytes, 3, DISK_SECOND, 8 * BLOCK, sizeof bytes);
    assert_int_equal(disk_differs(bytes, 3, DISK_SECOND, 8 * BLOCK, sizeof bytes), sizeof bytes);
    assert_true(disk_differs(bytes, 3, DISK_SECOND, 9 * BLOCK, sizeof bytes) < 8);
    assert_true(disk_differs(bytes, 4, DISK_SECOND, 8 * BLOCK, sizeof bytes) < 8);
    assert_true(disk_differs(bytes, 3, DISK_FIRST, 8 * BLOCK, sizeof bytes) < 8);
    assert_true(disk_differs(bytes, 3, DISK_THIRD, 8 * BLOCK, sizeof bytes) < 8);
}

static void the_first_byte_that_differs_is_found(void **state)
{
    static uint8_t bytes[5 * 4096];
    (void)state;
    disk_pattern(bytes, 0, DISK_FIRST, 0, sizeof bytes);
    for (size_t at = sizeof bytes; at-- > 0; at -= at > 997 ? 997 : at) {
        bytes[at] ^= 0x10;
        assert_int_equal(disk_differs(bytes, 0, DISK_FIRST, 0, sizeof bytes), at);
    }
}

static void a_block_of_two_generations_is_torn(void **state)
{
    (void)state;
    assert_true(disk_open(&d, 0));
    disk_pattern(d.bytes + 2 * BLOCK, 0, DISK_SECOND, 2 * BLOCK, 3 * BLOCK);
    assert_int_equal(disk_torn(&d, DISK_FIRST, DISK_SECOND, 0, 8 * BLOCK, BLOCK), 8 * BLOCK);
    assert_int_equal(disk_torn(&d, DISK_SECOND, DISK_SECOND, 2 * BLOCK, 3 * BLOCK, BLOCK), 3 * BLOCK);
    assert_int_equal(disk_torn(&d, DISK_SECOND, DISK_THIRD, 2 * BLOCK, 4 * BLOCK, BLOCK), 3 * BLOCK);
    disk_pattern(d.bytes + 5 * BLOCK, 0, DISK_SECOND, 5 * BLOCK, BLOCK / 2);
    assert_int_equal(disk_torn(&d, DISK_FIRST, DISK_SECOND, 0, 8 * BLOCK, BLOCK), 5 * BLOCK);
    disk_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_disk_is_of_the_first_generation),
        cmocka_unit_test(whatever_belongs_elsewhere_differs),
        cmocka_unit_test(the_first_byte_that_differs_is_found),
        cmocka_unit_test(a_block_of_two_generations_is_torn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
