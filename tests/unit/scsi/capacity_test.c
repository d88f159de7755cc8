/* SPDX-License-Identifier: MIT */
#include "check.h"
#include "scsi/identity.h"

static void capacity_10_goes_both_ways(void **state)
{
    (void)state;
    uint8_t out[SCSI_CAPACITY_10_LEN];
    struct scsi_capacity c = {.last_lba = 0x01020304, .block_bytes = 512}, back;
    scsi_put_capacity_10(out, &c);
    assert_memory_equal(out, "\1\2\3\4\0\0\2\0", 8);
    assert_true(scsi_get_capacity_10(out, sizeof out, &back));
    assert_int_equal(back.last_lba, 0x01020304);
    assert_int_equal(back.block_bytes, 512);
    assert_false(back.thin || back.read_zeros || back.protected);
}

static void capacity_10_says_when_it_does_not_fit(void **state)
{
    (void)state;
    static const struct {
        uint64_t last;
        uint32_t told;
    } rows[] = {{0, 0},
                {0xfffffffe, 0xfffffffe},
                {0xffffffff, 0xffffffff},
                {0x100000000, 0xffffffff},
                {0x100000001, 0xffffffff},
                {UINT64_MAX, 0xffffffff}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint8_t out[SCSI_CAPACITY_10_LEN];
        struct scsi_capacity c = {.last_lba = rows[i].last, .block_bytes = 4096}, back;
        scsi_put_capacity_10(out, &c);
        assert_true(scsi_get_capacity_10(out, sizeof out, &back));
        assert_int_equal(back.last_lba, rows[i].told);
    }
}

static void capacity_16_goes_both_ways(void **state)
{
    (void)state;
    const struct scsi_capacity c = {.last_lba = 0x0102030405060708,
                                    .block_bytes = 4096,
                                    .thin = true,
                                    .read_zeros = true,
                                    .protected = true,
                                    .physical_exponent = 3};
    uint8_t out[SCSI_CAPACITY_16_LEN];
    struct scsi_capacity back;
    memset(out, 0xee, sizeof out);
    scsi_put_capacity_16(out, &c);
    assert_memory_equal(out, "\1\2\3\4\5\6\7\10\0\0\20\0\1\3\xc0\0", 16);
    for (size_t i = 16; i < sizeof out; i++)
        assert_int_equal(out[i], 0);
    assert_true(scsi_get_capacity_16(out, sizeof out, &back));
    assert_int_equal(back.last_lba, c.last_lba);
    assert_int_equal(back.block_bytes, 4096);
    assert_true(back.thin && back.read_zeros && back.protected);
    assert_int_equal(back.physical_exponent, 3);
}

static void short_answers_leave_zeros(void **state)
{
    (void)state;
    uint8_t out[SCSI_CAPACITY_16_LEN];
    struct scsi_capacity c = {.last_lba = 9, .block_bytes = 512, .thin = true, .protected = true}, back;
    scsi_put_capacity_16(out, &c);
    for (size_t len = 0; len < 12; len++)
        assert_false(scsi_get_capacity_16(out, len, &back));
    assert_true(scsi_get_capacity_16(out, sizeof out, &back));
    assert_false(back.read_zeros);
    assert_true(scsi_get_capacity_16(out, 12, &back));
    assert_int_equal(back.last_lba, 9);
    assert_false(back.protected);
    assert_true(scsi_get_capacity_16(out, 14, &back));
    assert_true(back.protected);
    assert_false(back.thin);
    for (size_t len = 0; len < 8; len++)
        assert_false(scsi_get_capacity_10(out, len, &back));
}

static void blocks_of_no_bytes_are_refused(void **state)
{
    (void)state;
    uint8_t zeros[SCSI_CAPACITY_16_LEN] = {0};
    struct scsi_capacity back;
    assert_false(scsi_get_capacity_10(zeros, 8, &back));
    assert_false(scsi_get_capacity_16(zeros, 32, &back));
}

static void lba_status_goes_both_ways(void **state)
{
    (void)state;
    static const uint8_t want[24] = {0, 0, 0, 20, 0, 0,  0,  0,  1, 2, 3, 4,
                                     5, 6, 7, 8,  9, 10, 11, 12, 1, 0, 0, 0};
    const struct scsi_lba_status s = {.lba = 0x0102030405060708, .blocks = 0x090a0b0c, .provisioning = 1};
    uint8_t out[24];
    struct scsi_lba_status back;
    memset(out, 0xee, sizeof out);
    assert_int_equal(scsi_put_lba_status(out, 23, &s), 0);
    assert_int_equal(scsi_put_lba_status(out, sizeof out, &s), 24);
    assert_memory_equal(out, want, sizeof want);
    assert_true(scsi_get_lba_status(out, sizeof out, 0, &back));
    assert_int_equal(back.lba, s.lba);
    assert_int_equal(back.blocks, s.blocks);
    assert_int_equal(back.provisioning, 1);
    assert_false(scsi_get_lba_status(out, sizeof out, 1, &back));
}

static void many_descriptors_are_bounded_by_both_lengths(void **state)
{
    (void)state;
    uint8_t out[8 + 3 * 16] = {0, 0, 0, 4 + 3 * 16};
    struct scsi_lba_status s;
    out[8 + 2 * 16 + 7] = 77;
    assert_true(scsi_get_lba_status(out, sizeof out, 2, &s));
    assert_int_equal(s.lba, 77);
    assert_false(scsi_get_lba_status(out, sizeof out - 1, 2, &s));
    out[3] = 4 + 2 * 16;
    assert_false(scsi_get_lba_status(out, sizeof out, 2, &s));
    assert_true(scsi_get_lba_status(out, sizeof out, 1, &s));
    out[3] = 3; /* not even the header */
    assert_false(scsi_get_lba_status(out, sizeof out, 0, &s));
    memset(out, 0xff, 4);
    assert_true(scsi_get_lba_status(out, sizeof out, 2, &s));
    assert_false(scsi_get_lba_status(out, sizeof out, UINT32_MAX, &s));
}

static void read_all(const uint8_t *data, size_t len)
{
    struct scsi_capacity c;
    struct scsi_lba_status s;
    uint32_t i = 0;
    assert_true(!scsi_get_capacity_10(data, len, &c) || c.block_bytes > 0);
    assert_true(!scsi_get_capacity_16(data, len, &c) || c.block_bytes > 0);
    while (scsi_get_lba_status(data, len, i, &s))
        i++;
    assert_true(i == 0 || 8 + i * 16 <= len);
}

static void hostile_answers_stay_inside(void **state)
{
    (void)state;
    each_hostile(64, read_all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(capacity_10_goes_both_ways),
        cmocka_unit_test(capacity_10_says_when_it_does_not_fit),
        cmocka_unit_test(capacity_16_goes_both_ways),
        cmocka_unit_test(short_answers_leave_zeros),
        cmocka_unit_test(blocks_of_no_bytes_are_refused),
        cmocka_unit_test(lba_status_goes_both_ways),
        cmocka_unit_test(many_descriptors_are_bounded_by_both_lengths),
        cmocka_unit_test(hostile_answers_stay_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
