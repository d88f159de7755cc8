/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "attach/utf8.h"

static void lengths(void **state)
{
    (void)state;
    assert_int_equal(utf8_len("a"), 1);
    assert_int_equal(utf8_len("\xc3\xa4"), 2);
    assert_int_equal(utf8_len("\xe2\x82\xac"), 3);
    assert_int_equal(utf8_len("\xf4\x8f\xbf\xbf"), 4);
}

static void ill_formed(void **state)
{
    static const char *const rows[] = {
        "\x80",
        "\xff",
        "\xc0\x80",
        "\xc1\xbf",
        "\xc3",
        "\xe0\x9f\xbf",
        "\xed\xa0\x80",
        "\xe2\x82",
        "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xf0\x9f\x9a",
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(utf8_len(rows[i]), 0);
}

static void terminals_are_safe(void **state)
{
    char out[64];
    (void)state;
    assert_string_equal(utf8_plain(out, sizeof out,
                                   "a\x1b[31m\n\t\x7f\xc2\x9b"
                                   "b\xff"),
                        "a?[31m????b?");
    assert_string_equal(utf8_plain(out, sizeof out, "\xc3\xa4 \xc2\xa0"), "\xc3\xa4 \xc2\xa0");
}

/* Never half a character. */
static void cut_to_fit(void **state)
{
    char out[6];
    (void)state;
    assert_string_equal(utf8_plain(out, sizeof out, "abcdefgh"), "abcde");
    assert_string_equal(utf8_plain(out, sizeof out, "abcd\xc3\xa4"), "abcd");
    assert_string_equal(utf8_plain(out, sizeof out, "abc\xc3\xa4"), "abc\xc3\xa4");
    assert_string_equal(utf8_plain(out, 1, "abc"), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lengths),
        cmocka_unit_test(ill_formed),
        cmocka_unit_test(terminals_are_safe),
        cmocka_unit_test(cut_to_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
