/* SPDX-License-Identifier: MIT */
/* CRC32C by table against known digests and against bitwise arithmetic. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "base/bytes.h"
#include "wire/crc32c.h"

typedef uint32_t crc_function(uint32_t state, const void *bytes, size_t len);

static uint32_t digest(crc_function *crc, const void *bytes, size_t len)
{
    return crc32c_final(crc(CRC32C_INIT, bytes, len));
}

/* Straight from the polynomial, bit by bit. */
static uint32_t oracle(uint32_t state, const void *bytes, size_t len)
{
    const uint8_t *p = bytes;
    for (size_t i = 0; i < 8 * len; i++) {
        uint32_t low = (state ^ (uint32_t)p[i / 8] >> i % 8) & 1;
        state = state >> 1 ^ (low ? 0x82f63b78 : 0);
    }
    return state;
}

/* RFC 7143 A.4, which lists the bytes in the order they are sent. */
static void check_known(crc_function *crc)
{
    uint8_t up[32], down[32], same[32], wire[4];
    for (uint8_t i = 0; i < 32; i++)
        down[31 - i] = up[i] = i;
    memset(same, 0, sizeof same);
    assert_int_equal(digest(crc, same, 32), 0x8a9136aa);
    put32_le(wire, digest(crc, same, 32));
    assert_memory_equal(wire, ((uint8_t[]){0xaa, 0x36, 0x91, 0x8a}), 4);
    memset(same, 0xff, sizeof same);
    assert_int_equal(digest(crc, same, 32), 0x62a8ab43);
    assert_int_equal(digest(crc, up, 32), 0x46dd794e);
    assert_int_equal(digest(crc, down, 32), 0x113fdb5c);
    assert_int_equal(digest(crc, "123456789", 9), 0xe3069283);
    assert_int_equal(digest(crc, "", 0), 0);

    /* a SCSI READ(10) command */
    static const uint8_t command[48] = {
        0x01, 0xc0, [16] = 0x14, [22] = 0x04, 0x00, [27] = 0x14, [31] = 0x18, [32] = 0x28, [40] = 0x02};
    assert_int_equal(digest(crc, command, 48), 0xd9963a56);
}

static void table_knows_the_vectors(void **state)
{
    (void)state;
    check_known(crc32c_table);
    check_known(oracle);
}

static void fill(uint8_t *bytes, size_t len)
{
    uint32_t seed = 12345;
    for (size_t i = 0; i < len; i++) {
        seed = seed * 1664525 + 1013904223;
        bytes[i] = (uint8_t)(seed >> 24);
    }
}

static void is_right_at_every_length_and_address(void **state)
{
    (void)state;
    uint8_t bytes[160];
    fill(bytes, sizeof bytes);
    for (size_t at = 0; at < 9; at++)
        for (size_t len = 0; len <= sizeof bytes - at; len++) {
            uint32_t expected = oracle(CRC32C_INIT, bytes + at, len);
            assert_int_equal(crc32c_table(CRC32C_INIT, bytes + at, len), expected);
        }
}

static void takes_pieces(void **state)
{
    (void)state;
    uint8_t bytes[64];
    fill(bytes, sizeof bytes);
    uint32_t whole = crc32c_table(CRC32C_INIT, bytes, sizeof bytes);
    for (size_t cut = 0; cut <= sizeof bytes; cut++) {
        uint32_t first = crc32c_table(CRC32C_INIT, bytes, cut);
        assert_int_equal(crc32c_table(first, bytes + cut, sizeof bytes - cut), whole);
    }
}

/* 13.1: a segment with its digest behind it leaves a fixed remainder: 0x1c2d19ed, here bits reversed. */
static void leaves_the_remainder_of_the_rfc(void **state)
{
    (void)state;
    uint8_t bytes[52];
    fill(bytes, 48);
    put32_le(bytes + 48, digest(crc32c_table, bytes, 48));
    uint32_t left = crc32c_table(CRC32C_INIT, bytes, sizeof bytes), reversed = 0;
    for (int i = 0; i < 32; i++)
        reversed |= (left >> i & 1) << (31 - i);
    assert_int_equal(reversed, 0x1c2d19ed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_knows_the_vectors),
        cmocka_unit_test(is_right_at_every_length_and_address),
        cmocka_unit_test(takes_pieces),
        cmocka_unit_test(leaves_the_remainder_of_the_rfc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
