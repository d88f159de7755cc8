/* SPDX-License-Identifier: MIT */
/* key=value pairs and the constants that stand in values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "wire/text.h"

#define SPAN(literal) ((struct span){literal, sizeof(literal) - 1})

/* A copy that ends where its memory ends, so that a sanitizer sees a step too far. */
static struct reader reader_at_end(uint8_t *memory, size_t size, const void *bytes, size_t len)
{
    memcpy(memory + size - len, bytes, len);
    return reader_over(memory + size - len, len);
}

static void walks_pairs(void **state)
{
    (void)state;
    static const char text[] = "Aa=1\0Bb=\0Cc=x=y,z";
    struct reader r = reader_over(text, sizeof text);
    struct span key, value;
    assert_int_equal(text_next(&r, &key, &value), TEXT_PAIR);
    assert_true(span_is(key, "Aa") && span_is(value, "1"));
    assert_int_equal(text_next(&r, &key, &value), TEXT_PAIR);
    assert_true(span_is(key, "Bb") && span_is(value, ""));
    assert_int_equal(text_next(&r, &key, &value), TEXT_PAIR);
    assert_true(span_is(key, "Cc") && span_is(value, "x=y,z"));
    assert_int_equal(text_next(&r, &key, &value), TEXT_END);
    assert_int_equal(text_next(&r, &key, &value), TEXT_END);
}

static void skips_stray_zeros(void **state)
{
    (void)state;
    static const char text[] = "\0\0Aa=1\0\0\0Bb=2\0\0\0";
    struct reader r = reader_over(text, sizeof text);
    struct span key, value;
    assert_int_equal(text_next(&r, &key, &value), TEXT_PAIR);
    assert_int_equal(text_next(&r, &key, &value), TEXT_PAIR);
    assert_true(span_is(key, "Bb"));
    assert_int_equal(text_next(&r, &key, &value), TEXT_END);
    r = reader_over("", 0);
    assert_int_equal(text_next(&r, &key, &value), TEXT_END);
    r = reader_over(NULL, 0);
    assert_int_equal(text_next(&r, &key, &value), TEXT_END);
}

struct bad_row {
    const char *text;
    size_t len;
};

#define BAD(literal)                                                                                         \
    {                                                                                                        \
        literal, sizeof(literal) - 1                                                                         \
    }

static const struct bad_row bad_rows[] = {
    BAD("Aa=1"),    BAD("A"),       BAD("="),        BAD("Aa\0"),      BAD("=1\0"),    BAD("1a=1\0"),
    BAD(".a=1\0"),  BAD("A a=1\0"), BAD("A,a=1\0"),  BAD("A\x80=1\0"), BAD("A\n=1\0"), BAD(" Aa=1\0"),
    BAD("_Aa=1\0"), BAD("A:a=1\0"), BAD("A/a=1\0"),  BAD("A[0]=1\0"),  BAD("Aa"),      BAD("Aa="),
    BAD("#Aa=1\0"), BAD("\xff=\0"), BAD("Aa\0=1\0"), BAD("A~a=1\0"),
};

static void refuses_what_is_no_pair(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_rows / sizeof bad_rows[0]; i++) {
        uint8_t memory[16];
        struct reader r = reader_at_end(memory, sizeof memory, bad_rows[i].text, bad_rows[i].len);
        struct span key, value;
        if (text_next(&r, &key, &value) != TEXT_BAD)
            fail_msg("row %zu: %s", i, bad_rows[i].text);
        assert_int_equal(text_next(&r, &key, &value), TEXT_BAD); /* and does not find its feet again */
    }
}

static void takes_every_legal_key_character(void **state)
{
    (void)state;
    static const char legal[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-+@_#";
    for (int c = 1; c < 256; c++) {
        char text[] = {'A', (char)c, '=', '1', 0};
        struct reader r = reader_over(text, sizeof text);
        struct span key, value;
        bool good = strchr(legal, c) != NULL || c == '=';
        assert_int_equal(text_next(&r, &key, &value), good ? TEXT_PAIR : TEXT_BAD);
    }
}

static void limits_the_key(void **state)
{
    (void)state;
    for (size_t len = TEXT_KEY_MAX - 1; len <= TEXT_KEY_MAX + 1; len++) {
        char text[80];
        memset(text, 'K', len);
        memcpy(text + len, "=v", 3);
        struct reader r = reader_over(text, len + 3);
        struct span key, value;
        assert_int_equal(text_next(&r, &key, &value), len <= TEXT_KEY_MAX ? TEXT_PAIR : TEXT_BAD);
    }
}

static void leaves_long_values_to_the_rows(void **state)
{
    (void)state;
    static char text[5000];
    memset(text, 'v', sizeof text);
    memcpy(text, "K=", 2);
    text[sizeof text - 1] = 0;
    struct reader r = reader_over(text, sizeof text);
    struct span key, value;
    assert_int_equal(text_next(&r, &key, &value), TEXT_PAIR);
    assert_int_equal(value.len, sizeof text - 3);
}

/* T8: the same text in two segments, collected again, whatever byte the cut is at. A half is bad or shorter.
 */
static void survives_a_cut_anywhere(void **state)
{
    (void)state;
    static const char text[] = "MaxBurstLength=4096\0HeaderDigest=CRC32C,None";
    for (size_t cut = 0; cut < sizeof text; cut++) {
        uint8_t memory[64];
        struct reader r = reader_at_end(memory, sizeof memory, text, cut);
        struct span key, value;
        int pairs = 0;
        enum text_next next;
        while ((next = text_next(&r, &key, &value)) == TEXT_PAIR)
            pairs++;
        assert_int_equal(pairs, cut >= 20);
        assert_int_equal(next, cut == 0 || cut == 20 ? TEXT_END : TEXT_BAD);
    }
}

static void puts_pairs(void **state)
{
    (void)state;
    char out[64];
    static const char expected[] = "Key=value\0Empty=\0Number=18446744073709551615\0Zero=0";
    struct writer w = writer_over(out, sizeof out);
    text_put(&w, "Key", "value");
    text_put_span(&w, SPAN("Empty"), "");
    text_put_number(&w, "Number", UINT64_MAX);
    text_put_number(&w, "Zero", 0);
    assert_true(w.ok);
    assert_int_equal(writer_len(&w), sizeof expected);
    assert_memory_equal(out, expected, sizeof expected);
}

static void puts_all_of_a_pair_or_nothing(void **state)
{
    (void)state;
    const uint8_t bytes[] = {0xab, 0xcd};
    for (size_t size = 0; size <= 11; size++) {
        char out[12] = {0};
        struct writer w = writer_over(out, size);
        text_put(&w, "Ab", "1234567");
        assert_int_equal(w.ok, size >= 11);
        assert_int_equal(writer_len(&w), size >= 11 ? 11 : 0);
        assert_int_equal(out[0], size >= 11 ? 'A' : 0);
        w = writer_over(out, size);
        text_put_hex(&w, "Abc", bytes, 2); /* Abc=0xabcd and its zero: 11 */
        assert_int_equal(w.ok, size >= 11);
        w = writer_over(out, size);
        text_put_number(&w, "Ab", 1234567);
        assert_int_equal(w.ok, size >= 11);
    }
}

static void writes_numbers(void **state)
{
    (void)state;
    static const uint64_t numbers[] = {
        0, 1, 9, 10, 99, 100, 262144, UINT32_MAX, 10000000000000000000u, UINT64_MAX};
    static const char *const texts[] = {"0",
                                        "1",
                                        "9",
                                        "10",
                                        "99",
                                        "100",
                                        "262144",
                                        "4294967295",
                                        "10000000000000000000",
                                        "18446744073709551615"};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        char out[24] = {0};
        struct writer w = writer_over(out, sizeof out);
        uint64_t back;
        write_number(&w, numbers[i]);
        assert_string_equal(out, texts[i]);
        assert_true(span_number((struct span){out, writer_len(&w)}, &back) && back == numbers[i]);
    }
}

struct number_row {
    const char *text;
    bool good;
    uint64_t value;
};

static const struct number_row number_rows[] = {
    {"0", true, 0},
    {"7", true, 7},
    {"65535", true, 65535},
    {"18446744073709551615", true, UINT64_MAX},
    {"18446744073709551616", false, 0},
    {"18446744073709551620", false, 0},
    {"99999999999999999999", false, 0},
    {"100000000000000000000000", false, 0},
    {"0x0", true, 0},
    {"0x1f", true, 31},
    {"0X1F", true, 31},
    {"0xaBcDeF", true, 0xabcdef},
    {"0xffffffffffffffff", true, UINT64_MAX},
    {"0x0000000000000000000001", true, 1},
    {"0x10000000000000000", false, 0},
    {"", false, 0},
    {"0x", false, 0},
    {"x", false, 0},
    {"x1", false, 0},
    {"00", false, 0}, /* 6.1: a decimal constant has no leading zeros */
    {"007", false, 0},
    {"0b1", false, 0},
    {"-1", false, 0},
    {"+1", false, 0},
    {" 1", false, 0},
    {"1 ", false, 0},
    {"1,2", false, 0},
    {"1~2", false, 0},
    {"1.0", false, 0},
    {"0xg", false, 0},
    {"0x1 ", false, 0},
    {"12a", false, 0},
    {"Yes", false, 0},
};

static void reads_numbers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof number_rows / sizeof number_rows[0]; i++) {
        const struct number_row *row = &number_rows[i];
        uint64_t value = 0;
        bool good = span_number((struct span){row->text, strlen(row->text)}, &value);
        if (good != row->good || (good && value != row->value))
            fail_msg("%s", row->text);
    }
    uint64_t value;
    assert_false(span_number(SPAN("1\0"), &value));
}

static void copies_strings_that_fit(void **state)
{
    (void)state;
    char to[5] = "????";
    assert_true(span_copy(SPAN("abcd"), to, sizeof to));
    assert_string_equal(to, "abcd");
    assert_false(span_copy(SPAN("abcde"), to, sizeof to));
    assert_string_equal(to, "");
    assert_false(span_copy(SPAN("a\0b"), to, sizeof to));
    assert_string_equal(to, "");
    assert_true(span_copy(SPAN(""), to, 1));
    assert_true(span_copy((struct span){NULL, 0}, to, 1));
    to[0] = 'x';
    assert_false(span_copy(SPAN(""), to, 0));
    assert_int_equal(to[0], 'x');
}

static void compares_whole_spans(void **state)
{
    (void)state;
    assert_true(span_is(SPAN("Yes"), "Yes"));
    assert_false(span_is(SPAN("yes"), "Yes"));
    assert_false(span_is(SPAN("Ye"), "Yes"));
    assert_false(span_is(SPAN("Yes "), "Yes"));
    assert_true(span_is(SPAN(""), ""));
}

static int items_of(struct span list, size_t lens[8])
{
    struct span item;
    int count = 0;
    for (; span_item(&list, &item); count++)
        lens[count] = item.len;
    return count;
}

static void cuts_lists(void **state)
{
    (void)state;
    size_t lens[8];
    assert_int_equal(items_of(SPAN("abc"), lens), 1);
    assert_int_equal(lens[0], 3);
    assert_int_equal(items_of(SPAN("a,bc,d"), lens), 3);
    assert_true(lens[0] == 1 && lens[1] == 2 && lens[2] == 1);
    assert_int_equal(items_of(SPAN(""), lens), 1);
    assert_int_equal(lens[0], 0);
    assert_int_equal(items_of(SPAN(",a,"), lens), 3);
    assert_true(lens[0] == 0 && lens[1] == 1 && lens[2] == 0);
}

/* --- binary values --- */

struct binary_row {
    const char *text;
    long len;
    uint8_t bytes[8];
};

static const struct binary_row binary_rows[] = {
    {"0x00", 1, {0}},
    {"0X0aFf", 2, {0x0a, 0xff}},
    {"0x0102030405060708", 8, {1, 2, 3, 4, 5, 6, 7, 8}},
    {"0x010203040506070809", -1, {0}}, /* one more than there is room for */
    {"0x1", 1, {1}}, /* 6.1: n digits are (n + 1) / 2 bytes, and the first digit weighs most */
    {"0Xf", 1, {0xf}},
    {"0x123", 2, {0x01, 0x23}},
    {"0x000", 2, {0, 0}},
    {"0x102030405060708", 8, {1, 2, 3, 4, 5, 6, 7, 8}},
    {"0x10203040506070809", -1, {0}}, /* 17 digits are 9 bytes */
    {"0xg23", -1, {0}},
    {"0x12g", -1, {0}},
    {"0x", -1, {0}},
    {"0b", -1, {0}},
    {"", -1, {0}},
    {"0", -1, {0}},
    {"abcd", -1, {0}},
    {"0xgg", -1, {0}},
    {"0x0g", -1, {0}},
    {"0x 1", -1, {0}},
    {"123", -1, {0}},
    {"0bZg==", 1, {'f'}}, /* RFC 4648 section 10 */
    {"0bZm8=", 2, {'f', 'o'}},
    {"0BZm9v", 3, {'f', 'o', 'o'}},
    {"0bZm9vYg==", 4, {'f', 'o', 'o', 'b'}},
    {"0bZm9vYmE=", 5, {'f', 'o', 'o', 'b', 'a'}},
    {"0bZm9vYmFy", 6, {'f', 'o', 'o', 'b', 'a', 'r'}},
    {"0b+/+/", 3, {0xfb, 0xff, 0xbf}},
    {"0bAAAAAAAAAAA=", 8, {0}},
    {"0bAAAAAAAAAAAA", -1, {0}}, /* 9 bytes */
    {"0bAAAAAAAAAAAAAAAAAAAAAAAA", -1, {0}},
    {"0bZg", -1, {0}}, /* without padding */
    {"0bZg=", -1, {0}},
    {"0bZ===", -1, {0}},
    {"0b====", -1, {0}},
    {"0bZm==", -1, {0}}, /* bits behind the last byte */
    {"0bZm9=", -1, {0}},
    {"0bZg==Zg==", -1, {0}},
    {"0bZ=m8", -1, {0}},
    {"0bZm8-", -1, {0}},
    {"0bZm8 ", -1, {0}},
    {"0b\xc3\xa4\xc3\xa4", -1, {0}},
};

static void reads_binary_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof binary_rows / sizeof binary_rows[0]; i++) {
        const struct binary_row *row = &binary_rows[i];
        uint8_t got[9];
        memset(got, 0x77, sizeof got);
        long len = span_binary((struct span){row->text, strlen(row->text)}, got, 8);
        if (len != row->len)
            fail_msg("%s: %ld", row->text, len);
        assert_int_equal(got[8], 0x77);
        if (len > 0) {
            assert_memory_equal(got, row->bytes, (size_t)len);
            assert_int_equal(got[len], 0x77);
        }
    }
}

/* The length is known before the first byte is written: too long a value leaves the buffer alone. */
static void overflows_nothing(void **state)
{
    (void)state;
    static char hex[2 + 4096], base64[2 + 4096];
    memset(hex, 'f', sizeof hex);
    memset(base64, '/', sizeof base64);
    memcpy(hex, "0x", 2);
    memcpy(base64, "0b", 2);
    for (size_t max = 0; max < 20; max++) {
        uint8_t got[21];
        memset(got, 0x77, sizeof got);
        for (size_t digits = 2 * max + 1; digits < 60; digits++)
            assert_int_equal(span_binary((struct span){hex, 2 + digits}, got, max), -1);
        for (size_t digits = (max / 3 + 1) * 4; digits < 60; digits++)
            assert_int_equal(span_binary((struct span){base64, 2 + digits}, got, max), -1);
        for (size_t i = 0; i < sizeof got; i++)
            assert_int_equal(got[i], 0x77);
    }
}

static void reads_the_hex_it_puts(void **state)
{
    (void)state;
    uint8_t bytes[256], back[256];
    char out[600];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)i;
    struct writer w = writer_over(out, sizeof out);
    text_put_hex(&w, "CHAP_C", bytes, sizeof bytes);
    assert_memory_equal(out, "CHAP_C=0x000102", 15);
    assert_int_equal(writer_len(&w), 7 + 2 + 512 + 1);
    struct reader r = reader_over(out, writer_len(&w));
    struct span key, value;
    assert_int_equal(text_next(&r, &key, &value), TEXT_PAIR);
    assert_int_equal(span_binary(value, back, sizeof back), sizeof back);
    assert_memory_equal(back, bytes, sizeof back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(walks_pairs),
        cmocka_unit_test(skips_stray_zeros),
        cmocka_unit_test(refuses_what_is_no_pair),
        cmocka_unit_test(takes_every_legal_key_character),
        cmocka_unit_test(limits_the_key),
        cmocka_unit_test(leaves_long_values_to_the_rows),
        cmocka_unit_test(survives_a_cut_anywhere),
        cmocka_unit_test(puts_pairs),
        cmocka_unit_test(puts_all_of_a_pair_or_nothing),
        cmocka_unit_test(writes_numbers),
        cmocka_unit_test(reads_numbers),
        cmocka_unit_test(copies_strings_that_fit),
        cmocka_unit_test(compares_whole_spans),
        cmocka_unit_test(cuts_lists),
        cmocka_unit_test(reads_binary_values),
        cmocka_unit_test(overflows_nothing),
        cmocka_unit_test(reads_the_hex_it_puts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
