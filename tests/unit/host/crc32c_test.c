/* SPDX-License-Identifier: MIT */
/* Every way of computing a CRC32C that this CPU has, and which of them is taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "crc32c_checks.h"
#include "host/crypto.h"

static void every_way(void **state)
{
    (void)state;
    size_t count;
    const struct crc32c_way *ways = crc32c_ways(&count);
    for (size_t i = 0; i < count; i++) {
        print_message("           %s%s\n", ways[i].name, ways[i].usable() ? "" : ": not on this CPU");
        const char *complaint = ways[i].usable() ? crc32c_check(&ways[i]) : NULL;
        if (complaint)
            fail_msg("%s: %s", ways[i].name, complaint);
    }
}

static uint32_t forgets_the_last_of_65(uint32_t crc, const void *bytes, size_t len)
{
    return crc32c_table(crc, bytes, len == 65 ? 64 : len);
}

static void a_wrong_way_is_noticed(void **state)
{
    (void)state;
    const struct crc32c_way wrong = {"wrong", crc32c_table_usable, forgets_the_last_of_65,
                                     crc32c_table_header};
    assert_non_null(crc32c_check(&wrong));
}

static void last_way_is_always_usable(void **state)
{
    (void)state;
    size_t count;
    const struct crc32c_way *ways = crc32c_ways(&count);
    assert_true(count >= 1);
    assert_string_equal(ways[count - 1].name, "table");
    assert_true(ways[count - 1].usable());
}

static void the_fastest_usable_is_taken(void **state)
{
    (void)state;
    size_t count, i = 0;
    const struct crc32c_way *ways = crc32c_ways(&count);
    while (!ways[i].usable())
        i++;
    assert_string_equal(host_crc32c_name(), ways[i].name);
    assert_ptr_equal(host_crypto()->crc32c, ways[i].update);
    assert_ptr_equal(host_crypto()->header_digest, ways[i].header);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_way),
        cmocka_unit_test(a_wrong_way_is_noticed),
        cmocka_unit_test(last_way_is_always_usable),
        cmocka_unit_test(the_fastest_usable_is_taken),
    };
    return cmocka_run_group_tests_name("host crc32c", tests, NULL, NULL);
}
