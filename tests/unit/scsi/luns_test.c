/* SPDX-License-Identifier: MIT */
#include "check.h"
#include "scsi/identity.h"

static void numbers_go_both_ways(void **state)
{
    (void)state;
    static const struct {
        uint32_t number;
        uint64_t lun;
    } rows[] = {
        {0, 0},
        {1, 0x0001000000000000},
        {255, 0x00ff000000000000},
        {256, 0x4100000000000000},
        {16383, 0x7fff000000000000},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint32_t back = 0xeeee;
        assert_int_equal(scsi_lun_encode(rows[i].number), rows[i].lun);
        assert_true(scsi_lun_decode(rows[i].lun, &back));
        assert_int_equal(back, rows[i].number);
    }
}

static void flat_addresses_of_small_numbers_are_read(void **state)
{
    (void)state;
    uint32_t number;
    assert_true(scsi_lun_decode(0x4001000000000000, &number));
    assert_int_equal(number, 1);
}

static void numbers_have_another_form(void **state)
{
    (void)state;
    static const struct {
        uint32_t number;
        uint64_t other;
    } rows[] = {
        {0, 0x4000000000000000},   {1, 0x4001000000000000},     {255, 0x40ff000000000000},
        {256, 0x0100000000000000}, {16383, 0x3fff000000000000},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint32_t number = 0xeeee;
        assert_int_equal(scsi_lun_encode_other(rows[i].number), rows[i].other);
        assert_true(scsi_lun_decode_any(rows[i].other, &number));
        assert_int_equal(number, rows[i].number);
        assert_true(scsi_lun_decode_any(scsi_lun_encode(rows[i].number), &number));
        assert_int_equal(number, rows[i].number);
    }
    assert_int_equal(scsi_lun_encode_other(16384), UINT64_MAX);
}

static void other_addresses_are_refused(void **state)
{
    (void)state;
    static const uint64_t luns[] = {
        0x0100000000000000,                     /* peripheral on another bus */
        0x3fff000000000000, 0x0001000100000000, /* a second level */
        0x0000000000000001, 0x8000000000000000, /* logical unit addressing */
        0xc101000000000000,                     /* well known: REPORT LUNS */
        0xd200000100000000,                     /* extended flat */
        UINT64_MAX,
    };
    uint32_t number = 77;
    for (size_t i = 0; i < COUNT(luns); i++)
        assert_false(scsi_lun_decode(luns[i], &number));
    for (size_t i = 2; i < COUNT(luns); i++) /* the first two are the other form of 256 and 16383 */
        assert_false(scsi_lun_decode_any(luns[i], &number));
    assert_int_equal(number, 77);
}

static void numbers_without_an_address_name_nothing(void **state)
{
    (void)state;
    uint32_t number;
    assert_int_equal(scsi_lun_encode(16384), UINT64_MAX);
    assert_int_equal(scsi_lun_encode(UINT32_MAX), UINT64_MAX);
    assert_false(scsi_lun_decode(scsi_lun_encode(16384), &number));
}

static void the_list_goes_both_ways(void **state)
{
    (void)state;
    const uint64_t luns[] = {0, scsi_lun_encode(300)};
    static const uint8_t want[24] = {0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x41, 0x2c};
    uint8_t out[24];
    assert_int_equal(scsi_put_luns(out, 23, luns, 2), 0);
    assert_int_equal(scsi_put_luns(out, sizeof out, luns, 2), 24);
    assert_memory_equal(out, want, sizeof want);
    assert_int_equal(scsi_get_luns_count(out, sizeof out), 2);
    assert_int_equal(scsi_get_lun(out, 1), luns[1]);
    assert_int_equal(scsi_put_luns(out, 8, luns, 0), 8);
    assert_int_equal(scsi_get_luns_count(out, 8), 0);
}

static void only_entries_that_are_there_count(void **state)
{
    (void)state;
    uint8_t list[24] = {0, 0, 0, 16};
    assert_int_equal(scsi_get_luns_count(list, 7), 0);
    assert_int_equal(scsi_get_luns_count(list, 15), 0);
    assert_int_equal(scsi_get_luns_count(list, 23), 1);
    list[3] = 15;
    assert_int_equal(scsi_get_luns_count(list, 24), 1);
    memset(list, 0xff, 4);
    assert_int_equal(scsi_get_luns_count(list, 24), 2);
}

static void read_all(const uint8_t *data, size_t len)
{
    uint32_t number, count = scsi_get_luns_count(data, len);
    for (uint32_t i = 0; i < count; i++)
        if (scsi_lun_decode(scsi_get_lun(data, i), &number))
            assert_true(number <= 16383);
}

static void hostile_lists_stay_inside(void **state)
{
    (void)state;
    each_hostile(100, read_all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_go_both_ways),
        cmocka_unit_test(flat_addresses_of_small_numbers_are_read),
        cmocka_unit_test(numbers_have_another_form),
        cmocka_unit_test(other_addresses_are_refused),
        cmocka_unit_test(numbers_without_an_address_name_nothing),
        cmocka_unit_test(the_list_goes_both_ways),
        cmocka_unit_test(only_entries_that_are_there_count),
        cmocka_unit_test(hostile_lists_stay_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
