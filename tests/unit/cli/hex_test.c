/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "cli/hex.h"

static void bytes_are_read(void **state)
{
    static const struct {
        const char *text, *bytes;
        size_t len;
    } rows[] = {
        {"", "", 0},
        {"  ", "", 0},
        {"12", "\x12", 1},
        {"0", "\0", 1},
        {"a", "\x0a", 1},
        {"120000004000", "\x12\0\0\0\x40\0", 6},
        {"12 0 0 0 40 0", "\x12\0\0\0\x40\0", 6},
        {"aB:Cd:eF", "\xab\xcd\xef", 3},
        {" 89\t01 ", "\x89\x01", 2},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t out[8] = {0};
        size_t len = 0;
        assert_true(hex_read(rows[i].text, out, &len, sizeof out));
        assert_int_equal(len, rows[i].len);
        assert_memory_equal(out, rows[i].bytes, len);
    }
}

static void pieces_follow_each_other(void **state)
{
    uint8_t out[3];
    size_t len = 0;
    (void)state;
    assert_true(hex_read("12", out, &len, sizeof out));
    assert_true(hex_read("3456", out, &len, sizeof out));
    assert_memory_equal(out, "\x12\x34\x56", 3);
    assert_false(hex_read("7", out, &len, sizeof out)); /* no more room */
    assert_true(hex_read("", out, &len, sizeof out));
    assert_int_equal(len, 3);
}

static void other_texts_are_refused(void **state)
{
    static const char *const texts[] = {"123",   "12 345", "0x12", "g",       "1g",
                                        "12,34", "-1",     "12\n", "\xc3\xa4"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        uint8_t out[8];
        size_t len = 0;
        assert_false(hex_read(texts[i], out, &len, sizeof out));
    }
}

static void text_is_cut_to_fit(void **state)
{
    char out[10];
    (void)state;
    assert_string_equal(hex_text(out, sizeof out, "\x70\xff\x05", 3), "70ff05");
    assert_string_equal(hex_text(out, sizeof out, "\x70\xff\x05\x01", 4), "70ff05...");
    assert_string_equal(hex_text(out, 4, "\x70", 1), "...");
    assert_string_equal(hex_text(out, 1, "\x70", 1), "");
    assert_string_equal(hex_text(out, sizeof out, NULL, 0), "");
}

static void dump(void **state)
{
    char text[400] = "";
    FILE *out = fmemopen(text, sizeof text, "w");
    (void)state;
    hex_dump(out, "0123456789abcdef\x7f~\0", 19);
    fclose(out);
    assert_string_equal(text,
                        "00000000  30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66  |0123456789abcdef|\n"
                        "00000010  7f 7e 00                                          |.~.|\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_are_read),
        cmocka_unit_test(pieces_follow_each_other),
        cmocka_unit_test(other_texts_are_refused),
        cmocka_unit_test(text_is_cut_to_fit),
        cmocka_unit_test(dump),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
