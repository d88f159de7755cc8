/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "attach/size.h"

static void sizes(void **state)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } rows[] = {
        {"0", 0},
        {"4096", 4096},
        {"4k", 4096},
        {"4K", 4096},
        {"4KiB", 4096},
        {"1M", 1u << 20},
        {"2GiB", 2ull << 30},
        {"1T", 1ull << 40},
        {"18446744073709551615", UINT64_MAX},
        {"16777215T", 16777215ull << 40},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t bytes = 1234;
        assert_true(size_parse(rows[i].text, &bytes));
        assert_int_equal(bytes, rows[i].bytes);
    }
}

static void no_sizes(void **state)
{
    static const char *const rows[] = {"",    " 1",   "-1",    "+1",        "1 ",
                                       "k",   "1x",   "1kk",   "1KB",       "1Ki",
                                       "0x4", "1.5M", "1KiBB", "16777216T", "18446744073709551616"};
    uint64_t bytes;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (size_parse(rows[i], &bytes))
            fail_msg("'%s' was taken", rows[i]);
}

static void ranges(void **state)
{
    uint32_t first = 0, last = 0;
    (void)state;
    assert_true(size_range("1024-65535", 1, 65535, &first, &last));
    assert_int_equal(first, 1024);
    assert_int_equal(last, 65535);
    assert_true(size_range("7", 1, 65535, &first, &last));
    assert_int_equal(first, 7);
    assert_int_equal(last, 7);
    static const char *const bad[] = {"",        "0-7",   "7-",    "-7",  "9-8",
                                      "7-65536", "7-8-9", "7 - 8", "a-b", "65536"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (size_range(bad[i], 1, 65535, &first, &last))
            fail_msg("'%s' was taken", bad[i]);
}

static void bits(void **state)
{
    uint32_t n = 0;
    (void)state;
    assert_true(size_bits("42", &n));
    assert_int_equal(n, 42);
    assert_true(size_bits("0x2a", &n));
    assert_int_equal(n, 42);
    assert_true(size_bits("0XFFFFFFFF", &n));
    assert_int_equal(n, 0xffffffff);
    static const char *const bad[] = {"", "0x", "x1", "0x1ffffffff", "0x-1", "4294967296", "-1", "0xg"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (size_bits(bad[i], &n))
            fail_msg("'%s' was taken", bad[i]);
}

static void counts(void **state)
{
    uint32_t n = 0;
    (void)state;
    assert_true(size_count("1", 1, 1024, &n));
    assert_int_equal(n, 1);
    assert_true(size_count("1024", 1, 1024, &n));
    assert_int_equal(n, 1024);
    assert_false(size_count("0", 1, 1024, &n));
    assert_false(size_count("1025", 1, 1024, &n));
    assert_false(size_count("4294967297", 1, UINT32_MAX, &n));
    assert_false(size_count("8k", 1, UINT32_MAX, &n));
    assert_false(size_count("", 0, 1, &n));
}

static void seconds(void **state)
{
    static const char *const bad[] = {"",      "0",     "-1", "1e3", "nan", "inf",
                                      "86401", "1.2.3", ".5", "5s",  "0x10"};
    uint32_t ms = 0;
    (void)state;
    assert_true(size_seconds("10", &ms));
    assert_int_equal(ms, 10000);
    assert_true(size_seconds("0.25", &ms));
    assert_int_equal(ms, 250);
    assert_true(size_seconds("86400", &ms));
    assert_int_equal(ms, 86400000);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (size_seconds(bad[i], &ms))
            fail_msg("'%s' was taken", bad[i]);
}

static void human(void **state)
{
    (void)state;
    assert_string_equal(size_human(0).s, "0 bytes");
    assert_string_equal(size_human(1023).s, "1023 bytes");
    assert_string_equal(size_human(1024).s, "1.0 KiB");
    assert_string_equal(size_human(1536 * 1024).s, "1.5 MiB");
    assert_string_equal(size_human((1ull << 30) - 1).s, "1.0 GiB");
    assert_string_equal(size_human(UINT64_MAX).s, "16777216.0 TiB");
    assert_string_equal(size_rate(312.44e6).s, "312.4 MB/s");
}

static void clock_text(void **state)
{
    (void)state;
    assert_string_equal(size_clock(0).s, "0:00");
    assert_string_equal(size_clock(67).s, "1:07");
    assert_string_equal(size_clock(3599).s, "59:59");
    assert_string_equal(size_clock(3723).s, "1:02:03");
    assert_string_equal(size_clock(360000).s, "100:00:00");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes),  cmocka_unit_test(no_sizes),   cmocka_unit_test(counts),
        cmocka_unit_test(ranges), cmocka_unit_test(bits),       cmocka_unit_test(seconds),
        cmocka_unit_test(human),  cmocka_unit_test(clock_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
