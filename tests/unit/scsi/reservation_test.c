/* SPDX-License-Identifier: MIT */
#include "check.h"
#include "scsi/reservation.h"

static void types_are_what_the_standard_says(void **state)
{
    (void)state;
    static const struct {
        uint8_t type;
        bool exclusive, registrants, all;
    } rows[] = {{1, false, false, false}, {3, true, false, false}, {5, false, true, false},
                {6, true, true, false},   {7, false, true, true},  {8, true, true, true}};
    for (unsigned type = 0, next = 0; type < 256; type++) {
        bool known = next < COUNT(rows) && rows[next].type == type;
        assert_int_equal(scsi_pr_known((uint8_t)type), known);
        assert_int_equal(scsi_pr_exclusive((uint8_t)type), known && rows[next].exclusive);
        assert_int_equal(scsi_pr_registrants((uint8_t)type), known && rows[next].registrants);
        assert_int_equal(scsi_pr_all((uint8_t)type), known && rows[next].all);
        next += known;
    }
}

static void lists_read_back(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 8; bits++) {
        const struct scsi_pr_out p = {0x0102030405060708, 0x1112131415161718, bits & 1, bits & 2, bits & 4};
        struct scsi_pr_out back;
        uint8_t list[24], want[24] = {1, 2, 3, 4, 5, 6, 7, 8, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18};
        want[20] = (uint8_t)((bits & 1) << 3 | (bits & 2) << 1 | bits >> 2);
        scsi_put_pr_out(list, &p);
        assert_memory_equal(list, want, sizeof want);
        scsi_get_pr_out(list, &back);
        assert_int_equal(back.key, p.key);
        assert_int_equal(back.action_key, p.action_key);
        assert_int_equal(back.spec_i_pt, p.spec_i_pt);
        assert_int_equal(back.all_tg_pt, p.all_tg_pt);
        assert_int_equal(back.aptpl, p.aptpl);
    }
}

static void answers_have_their_layout(void **state)
{
    (void)state;
    uint8_t out[40];
    scsi_put_pr_header(out, 0x01020304, 16);
    assert_memory_equal(out, "\1\2\3\4\0\0\0\x10", 8);
    assert_int_equal(scsi_put_pr_reservation(out, 5, PR_NONE, 9), 8);
    assert_memory_equal(out, "\0\0\0\5\0\0\0\0", 8);
    assert_int_equal(scsi_put_pr_reservation(out, 5, 6, 0x0a0b), 24);
    assert_memory_equal(out, "\0\0\0\5\0\0\0\x10\0\0\0\0\0\0\x0a\x0b\0\0\0\0\0\6\0\0", 24);
    scsi_put_pr_capabilities(out, false, false);
    assert_memory_equal(out, "\0\x08\0\x80\xea\x01\0\0", 8);
    scsi_put_pr_capabilities(out, true, true);
    assert_memory_equal(out, "\0\x08\1\x81\xea\x01\0\0", 8);
}

static void a_status_has_its_layout(void **state)
{
    (void)state;
    struct scsi_pr_status s = {.key = 7, .type = 5, .port = 1, .id = (const uint8_t *)"abcd", .id_len = 4};
    uint8_t out[28];
    assert_int_equal(scsi_put_pr_status(out, sizeof out, &s), 28);
    assert_memory_equal(out, "\0\0\0\0\0\0\0\7\0\0\0\0\1\5\0\0\0\0\0\1\0\0\0\4abcd", 28);
    assert_int_equal(scsi_put_pr_status(out, 27, &s), 0);
    s.type = PR_NONE;
    scsi_put_pr_status(out, sizeof out, &s);
    assert_int_equal(out[12] | out[13], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_are_what_the_standard_says),
        cmocka_unit_test(lists_read_back),
        cmocka_unit_test(answers_have_their_layout),
        cmocka_unit_test(a_status_has_its_layout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
