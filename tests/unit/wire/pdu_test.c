/* SPDX-License-Identifier: MIT */
/* The fields that all headers share. */
#include "header_check.h"

static void reads_opcode_and_flags(void **state)
{
    (void)state;
    const uint8_t bhs[WIRE_BHS_LEN] = {0xc1, 0x80};
    assert_int_equal(wire_opcode(bhs), WIRE_SCSI_COMMAND);
    assert_true(wire_immediate(bhs));
    assert_true(wire_final(bhs));
    const uint8_t plain[WIRE_BHS_LEN] = {0x3f, 0x7f};
    assert_int_equal(wire_opcode(plain), WIRE_REJECT);
    assert_false(wire_immediate(plain));
    assert_false(wire_final(plain));
}

static void sets_lengths_and_nothing_else(void **state)
{
    (void)state;
    uint8_t bhs[WIRE_BHS_LEN], expected[WIRE_BHS_LEN];
    memset(bhs, 0x55, sizeof bhs);
    memcpy(expected, bhs, sizeof bhs);
    memcpy(expected + 4, ((uint8_t[]){0x05, 0x12, 0x34, 0x56}), 4);
    wire_set_lengths(bhs, 20, 0x123456);
    assert_memory_equal(bhs, expected, sizeof bhs);
    assert_int_equal(wire_ahs_len(bhs), 20);
    assert_int_equal(wire_data_len(bhs), 0x123456);
}

static void keeps_the_largest_lengths(void **state)
{
    (void)state;
    uint8_t bhs[WIRE_BHS_LEN] = {0};
    wire_set_lengths(bhs, WIRE_AHS_MAX, WIRE_DSL_MAX);
    assert_int_equal(wire_ahs_len(bhs), WIRE_AHS_MAX);
    assert_int_equal(wire_data_len(bhs), WIRE_DSL_MAX);
    wire_set_lengths(bhs, 0, 0);
    assert_int_equal(wire_ahs_len(bhs), 0);
    assert_int_equal(wire_data_len(bhs), 0);
}

static void reads_the_task_tag(void **state)
{
    (void)state;
    const uint8_t bhs[WIRE_BHS_LEN] = {[16] = 0xde, 0xad, 0xbe, 0xef};
    assert_int_equal(wire_itt(bhs), 0xdeadbeef);
}

static void pads_to_words(void **state)
{
    (void)state;
    static const uint32_t padding[] = {0, 3, 2, 1, 0, 3};
    for (uint32_t len = 0; len < 6; len++)
        assert_int_equal(wire_padding(len), padding[len]);
    assert_int_equal(wire_padding(WIRE_DSL_MAX), 1);
}

static void puts_the_window(void **state)
{
    (void)state;
    const struct wire_window window = WINDOW;
    const uint8_t expected[] = {WINDOW_BYTES};
    uint8_t bhs[WIRE_BHS_LEN] = {0};
    struct wire_window got;
    put_window(bhs, &window);
    assert_memory_equal(bhs + 24, expected, sizeof expected);
    assert_int_equal(bhs[23] | bhs[36], 0);
    get_window(bhs, &got);
    assert_memory_equal(&got, &window, sizeof got);
}

static void names_every_opcode(void **state)
{
    (void)state;
    static const uint8_t known[] = {0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x10, 0x20,
                                    0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x31, 0x32, 0x3f};
    for (unsigned opcode = 0; opcode < 256; opcode++) {
        bool named = strcmp(wire_opcode_name((uint8_t)opcode), "unknown PDU") != 0;
        assert_int_equal(named, opcode < 64 && memchr(known, (int)opcode, sizeof known) != NULL);
    }
    assert_string_equal(wire_opcode_name(0x01), "SCSI Command");
    assert_string_equal(wire_opcode_name(0x31), "R2T");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_opcode_and_flags),
        cmocka_unit_test(sets_lengths_and_nothing_else),
        cmocka_unit_test(keeps_the_largest_lengths),
        cmocka_unit_test(reads_the_task_tag),
        cmocka_unit_test(pads_to_words),
        cmocka_unit_test(puts_the_window),
        cmocka_unit_test(names_every_opcode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
