/* SPDX-License-Identifier: MIT */
/* Bounded reader and writer: every width at every distance from the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/cursor.h"

static const uint8_t bytes[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x88, 0x99};

static void reads_big_endian(void **state)
{
    (void)state;
    struct reader r = reader_over(bytes, sizeof bytes);
    assert_int_equal(read8(&r), 0x01);
    assert_int_equal(read16(&r), 0x0203);
    assert_int_equal(read32(&r), 0x04050607);
    assert_int_equal(reader_left(&r), 2);
    assert_true(r.ok);
    r = reader_over(bytes, sizeof bytes);
    assert_true(read64(&r) == 0x0102030405060788u);
    assert_true(r.ok);
}

static uint64_t read_width(struct reader *r, size_t width)
{
    return width == 1 ? read8(r) : width == 2 ? read16(r) : width == 4 ? read32(r) : read64(r);
}

static void reads_zero_past_the_end(void **state)
{
    (void)state;
    for (size_t width = 1; width <= 8; width *= 2)
        for (size_t len = 0; len <= 8; len++) {
            struct reader r = reader_over(bytes + 1, len);
            uint64_t value = read_width(&r, width);
            assert_int_equal(r.ok, len >= width);
            assert_int_equal(value != 0, len >= width);
            assert_int_equal(reader_left(&r), len >= width ? len - width : len);
        }
}

static void stays_failed(void **state)
{
    (void)state;
    struct reader r = reader_over(bytes, 3);
    assert_int_equal(read32(&r), 0);
    assert_int_equal(read8(&r), 0); /* there would be a byte, but the schema has already been broken */
    assert_null(read_bytes(&r, 0));
    assert_false(r.ok);
}

static void reads_spans(void **state)
{
    (void)state;
    struct reader r = reader_over(bytes, sizeof bytes);
    assert_ptr_equal(read_bytes(&r, 4), bytes);
    assert_ptr_equal(read_bytes(&r, 0), bytes + 4);
    assert_ptr_equal(read_bytes(&r, 5), bytes + 4);
    assert_null(read_bytes(&r, SIZE_MAX));
    assert_false(r.ok);
}

static void reads_nothing_from_null(void **state)
{
    (void)state;
    struct reader r = reader_over(NULL, 100);
    assert_int_equal(reader_left(&r), 0);
    assert_int_equal(read8(&r), 0);
    assert_false(r.ok);
}

static void writes_big_endian(void **state)
{
    (void)state;
    uint8_t out[16];
    static const uint8_t expected[16] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08,
                                         0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 'x'};
    struct writer w = writer_over(out, sizeof out);
    write8(&w, 0x01);
    write16(&w, 0x0203);
    write32(&w, 0x04050607);
    write64(&w, 0x08090a0b0c0d0e0fu);
    write_str(&w, "x");
    assert_true(w.ok);
    assert_int_equal(writer_len(&w), 16);
    assert_int_equal(writer_left(&w), 0);
    assert_memory_equal(out, expected, sizeof out);
}

static void write_width(struct writer *w, size_t width)
{
    if (width == 1)
        write8(w, 0xff);
    else if (width == 2)
        write16(w, 0xffff);
    else if (width == 4)
        write32(w, UINT32_MAX);
    else
        write64(w, UINT64_MAX);
}

static void writes_nothing_past_the_end(void **state)
{
    (void)state;
    for (size_t width = 1; width <= 8; width *= 2)
        for (size_t size = 0; size <= 8; size++) {
            uint8_t out[9] = {0};
            struct writer w = writer_over(out, size);
            write_width(&w, width);
            assert_int_equal(w.ok, size >= width);
            assert_int_equal(writer_len(&w), size >= width ? width : 0);
            assert_int_equal(out[size], 0);
            assert_int_equal(out[0], size >= width ? 0xff : 0); /* all or nothing */
        }
}

static void writer_stays_failed(void **state)
{
    (void)state;
    uint8_t out[4] = {0};
    struct writer w = writer_over(out, 3);
    write32(&w, 1);
    write8(&w, 0xaa);
    assert_false(w.ok);
    assert_int_equal(out[0], 0);
    assert_null(write_room(&w, 0));
}

static void stores_little_endian_for_digests(void **state)
{
    (void)state;
    uint8_t out[4];
    put32_le(out, 0x11223344);
    assert_memory_equal(out, ((uint8_t[]){0x44, 0x33, 0x22, 0x11}), 4);
    assert_int_equal(get32_le(out), 0x11223344);
}

static void stores_24_bits(void **state)
{
    (void)state;
    uint8_t out[4] = {0, 0, 0, 0x77};
    put24(out, 0xabcdef);
    assert_memory_equal(out, ((uint8_t[]){0xab, 0xcd, 0xef, 0x77}), 4);
    assert_int_equal(get24(out), 0xabcdef);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_big_endian),
        cmocka_unit_test(reads_zero_past_the_end),
        cmocka_unit_test(stays_failed),
        cmocka_unit_test(reads_spans),
        cmocka_unit_test(reads_nothing_from_null),
        cmocka_unit_test(writes_big_endian),
        cmocka_unit_test(writes_nothing_past_the_end),
        cmocka_unit_test(writer_stays_failed),
        cmocka_unit_test(stores_little_endian_for_digests),
        cmocka_unit_test(stores_24_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
