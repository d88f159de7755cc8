/* SPDX-License-Identifier: MIT */
#include "check.h"
#include "scsi/identity.h"
#include "scsi/sense.h"

static void caching_page_has_its_layout(void **state)
{
    (void)state;
    const struct scsi_mode m = {
        .write_protected = true, .dpo_fua = true, .write_cache = true, .read_cache_disabled = true};
    uint8_t want_6[24] = {23, 0, 0x90, 0, 0x08, 0x12, 0x05},
            want_10[28] = {0, 26, 0, 0x90, 0, 0, 0, 0, 8, 0x12, 5};
    uint8_t out[28];
    memset(out, 0xee, sizeof out);
    assert_int_equal(scsi_put_mode_6(out, sizeof out, &m, 0x08), sizeof want_6);
    assert_memory_equal(out, want_6, sizeof want_6);
    memset(out, 0xee, sizeof out);
    assert_int_equal(scsi_put_mode_10(out, sizeof out, &m, 0x08), sizeof want_10);
    assert_memory_equal(out, want_10, sizeof want_10);
}

static void control_page_has_its_layout(void **state)
{
    (void)state;
    const struct scsi_mode m = {0};
    uint8_t want[16] = {15, 0, 0, 0, 0x0a, 0x0a, 0, 0x10}, out[16];
    assert_int_equal(scsi_put_mode_6(out, sizeof out, &m, 0x0a), sizeof want);
    assert_memory_equal(out, want, sizeof want);
}

static void all_pages_stand_in_one_answer(void **state)
{
    (void)state;
    const struct scsi_mode m = {0};
    uint8_t out[64];
    assert_int_equal(scsi_put_mode_6(out, sizeof out, &m, 0x3f), 4 + 20 + 12);
    assert_int_equal(out[4], 0x08);
    assert_int_equal(out[24], 0x0a);
    assert_int_equal(scsi_put_mode_10(out, sizeof out, &m, 0x3f), 8 + 20 + 12);
    assert_int_equal(scsi_put_mode_6(out, 35, &m, 0x3f), 0);
    assert_int_equal(scsi_put_mode_10(out, 39, &m, 0x3f), 0);
}

static void unknown_pages_are_refused(void **state)
{
    (void)state;
    const struct scsi_mode m = {0};
    uint8_t out[64];
    for (uint8_t page = 0; page < 0x3f; page++) {
        bool known = page == 0x08 || page == 0x0a;
        assert_int_equal(scsi_put_mode_6(out, sizeof out, &m, page) > 0, known);
        assert_int_equal(scsi_put_mode_10(out, sizeof out, &m, page) > 0, known);
    }
}

static void masks_show_what_may_change(void **state)
{
    (void)state;
    const struct scsi_mode m = {
        .write_protected = true, .write_cache = true, .changeable = true, .descriptor_sense = true};
    uint8_t out[64], want[36] = {35, 0, 0x80, 0, 0x08, 0x12, 0x04};
    want[24] = want[25] = 0x0a;
    want[26] = 0x04;
    assert_int_equal(scsi_put_mode_6(out, sizeof out, &m, 0x3f), sizeof want);
    assert_memory_equal(out, want, sizeof want);
}

static void what_is_selected_reads_back(void **state)
{
    (void)state;
    const struct scsi_mode can = {
        .write_cache = true, .descriptor_sense = true, .software_write_protect = true};
    for (unsigned bits = 0; bits < 8; bits++) {
        const struct scsi_mode m = {
            .write_cache = bits & 1, .descriptor_sense = bits & 2, .software_write_protect = bits & 4};
        struct scsi_mode six = {0}, ten = {.write_cache = true, .descriptor_sense = true};
        uint8_t out[64];
        size_t len = scsi_put_mode_6(out, sizeof out, &m, 0x3f);
        out[4] |= 0x80; /* PS, as a disk that could save pages would show it */
        assert_int_equal(scsi_get_mode_select_6(out, len, &can, &six), 0);
        len = scsi_put_mode_10(out, sizeof out, &m, 0x3f);
        assert_int_equal(scsi_get_mode_select_10(out, len, &can, &ten), 0);
        assert_int_equal(six.write_cache, m.write_cache);
        assert_int_equal(six.descriptor_sense, m.descriptor_sense);
        assert_int_equal(six.software_write_protect, m.software_write_protect);
        assert_int_equal(ten.write_cache, m.write_cache);
        assert_int_equal(ten.descriptor_sense, m.descriptor_sense);
        assert_int_equal(ten.software_write_protect, m.software_write_protect);
    }
}

static void select_one(const uint8_t *list, size_t len)
{
    const struct scsi_mode can = {.write_cache = true}, none = {0};
    struct scsi_mode m = none;
    if (scsi_get_mode_select_6(list, len, &can, &m) || len < 4)
        assert_memory_equal(&m, &none, sizeof m);
    scsi_get_mode_select_10(list, len, &can, &m);
}

static void flawed_lists_change_nothing(void **state)
{
    (void)state;
    const struct scsi_mode m = {.write_cache = true}, can = {.write_cache = true};
    struct scsi_mode now = {0};
    uint8_t out[64];
    size_t len = scsi_put_mode_6(out, sizeof out, &m, 0x3f);
    each_prefix(out, len, select_one);
    out[25]++; /* the control page's length */
    assert_int_equal(scsi_get_mode_select_6(out, len, &can, &now), ASC_INVALID_FIELD_IN_PARAMETERS);
    assert_false(now.write_cache);
    out[25]--, out[24] = 0x1c; /* a page that there is not */
    assert_int_equal(scsi_get_mode_select_6(out, len, &can, &now), ASC_INVALID_FIELD_IN_PARAMETERS);
    out[24] = 0x4a; /* a subpage */
    assert_int_equal(scsi_get_mode_select_6(out, len, &can, &now), ASC_INVALID_FIELD_IN_PARAMETERS);
    assert_false(now.write_cache);
    each_hostile(64, select_one);
}

static void what_is_written_reads_back(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 16; bits++) {
        const struct scsi_mode m = {bits & 1, bits & 2, bits & 4, bits & 8, false, false, false};
        struct scsi_mode back;
        uint8_t out[64];
        size_t len = scsi_put_mode_6(out, sizeof out, &m, 0x3f);
        memset(&back, 0, sizeof back);
        assert_true(scsi_get_mode_6(out, len, &back));
        assert_int_equal(back.write_protected, m.write_protected);
        assert_int_equal(back.dpo_fua, m.dpo_fua);
        assert_int_equal(back.write_cache, m.write_cache);
        assert_int_equal(back.read_cache_disabled, m.read_cache_disabled);
    }
}

static void block_descriptors_and_other_pages_are_stepped_over(void **state)
{
    (void)state;
    uint8_t data[] = {0,    0, 0x10, 8, 9, 9, 9, 9, 9, 9, 9, 9, /* header, block descriptor */
                      0x01, 2, 8,    8,                         /* a page */
                      0x48, 3, 0,    2, 4, 4, /* subpage 3 of page 8: not the caching page */
                      0x88, 3, 0x05, 0, 0};   /* caching, with PS */
    struct scsi_mode m;
    data[0] = sizeof data - 1;
    assert_true(scsi_get_mode_6(data, sizeof data, &m));
    assert_true(m.dpo_fua && m.write_cache && m.read_cache_disabled);
    assert_true(scsi_get_mode_6(data, sizeof data - 3, &m)); /* cut before the bits */
    assert_false(m.write_cache);
    data[3] = 200; /* a block descriptor longer than the answer hides the pages */
    assert_true(scsi_get_mode_6(data, sizeof data, &m));
    assert_false(m.write_cache);
    data[3] = 8, data[0] = 3; /* the answer ends with its header */
    assert_true(scsi_get_mode_6(data, sizeof data, &m));
    assert_false(m.write_cache);
    data[0] = 0;
    assert_true(scsi_get_mode_6(data, sizeof data, &m));
    assert_false(scsi_get_mode_6(data, 3, &m));
}

static void the_told_length_ends_the_answer(void **state)
{
    (void)state;
    uint8_t data[7] = {6, 0, 0, 0, 0x08, 1, 0x04};
    struct scsi_mode m;
    assert_true(scsi_get_mode_6(data, sizeof data, &m));
    assert_true(m.write_cache);
    data[0] = 5;
    assert_true(scsi_get_mode_6(data, sizeof data, &m));
    assert_false(m.write_cache);
}

static void read_one(const uint8_t *data, size_t len)
{
    struct scsi_mode m;
    assert_int_equal(scsi_get_mode_6(data, len, &m), len >= 4);
}

static void hostile_answers_stay_inside(void **state)
{
    (void)state;
    each_hostile(300, read_one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(caching_page_has_its_layout),
        cmocka_unit_test(control_page_has_its_layout),
        cmocka_unit_test(all_pages_stand_in_one_answer),
        cmocka_unit_test(unknown_pages_are_refused),
        cmocka_unit_test(masks_show_what_may_change),
        cmocka_unit_test(what_is_selected_reads_back),
        cmocka_unit_test(flawed_lists_change_nothing),
        cmocka_unit_test(what_is_written_reads_back),
        cmocka_unit_test(block_descriptors_and_other_pages_are_stepped_over),
        cmocka_unit_test(the_told_length_ends_the_answer),
        cmocka_unit_test(hostile_answers_stay_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
