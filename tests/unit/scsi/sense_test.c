/* SPDX-License-Identifier: MIT */
#include "check.h"
#include "scsi/sense.h"

static const uint8_t fixed[18] = {0xf0, 0, 0x05, 0, 0, 0, 9, 10, 0, 0, 0, 0, 0x21, 0x00, 0, 0, 0, 0};
static const uint8_t wide[20] = {0x72, 0x03, 0x11, 0x01, 0, 0, 0, 12, 0, 10, 0x80, 0, 1, 2, 3, 4, 5, 6, 7, 8};

static struct scsi_sense get(const uint8_t *bytes, size_t len)
{
    struct scsi_sense s;
    memset(&s, 0xff, sizeof s);
    scsi_get_sense(bytes, len, &s);
    return s;
}

static void fixed_format_is_read(void **state)
{
    (void)state;
    struct scsi_sense s = get(fixed, sizeof fixed);
    assert_true(s.valid);
    assert_false(s.deferred);
    assert_int_equal(s.key, SENSE_ILLEGAL_REQUEST);
    assert_int_equal(s.asc, ASC_LBA_OUT_OF_RANGE);
    assert_true(s.has_information);
    assert_int_equal(s.information, 9);
}

static void descriptor_format_is_read(void **state)
{
    (void)state;
    struct scsi_sense s = get(wide, sizeof wide);
    assert_true(s.valid);
    assert_int_equal(s.key, SENSE_MEDIUM_ERROR);
    assert_int_equal(s.asc, 0x1101);
    assert_true(s.has_information);
    assert_int_equal(s.information, 0x0102030405060708);
}

static void other_descriptors_are_stepped_over(void **state)
{
    (void)state;
    uint8_t bytes[8 + 6 + 12] = {0x73, 0x06, 0x29, 0x00, 0, 0, 0, 18, 0x02, 4, 1, 2, 3,
                                 4,    0x00, 10,   0x80, 0, 0, 0, 0,  0,    0, 0, 0, 5};
    struct scsi_sense s = get(bytes, sizeof bytes);
    assert_true(s.deferred);
    assert_int_equal(s.information, 5);
    bytes[9] = 40; /* runs past the end: what follows it is not believed */
    assert_false(get(bytes, sizeof bytes).has_information);
    bytes[9] = 4, bytes[16] = 0; /* not VALID */
    assert_false(get(bytes, sizeof bytes).has_information);
}

static void additional_length_bounds_both_formats(void **state)
{
    (void)state;
    uint8_t bytes[20];
    memcpy(bytes, fixed, sizeof fixed);
    bytes[7] = 5; /* ends before the ASCQ */
    assert_int_equal(get(bytes, sizeof fixed).asc, 0);
    assert_int_equal(get(bytes, sizeof fixed).key, 5);
    bytes[7] = 6;
    assert_int_equal(get(bytes, sizeof fixed).asc, 0x2100);
    memcpy(bytes, wide, sizeof wide);
    bytes[7] = 11;
    assert_false(get(bytes, sizeof wide).has_information);
}

static void short_sense_keeps_what_is_there(void **state)
{
    (void)state;
    assert_false(get(fixed, 0).valid);
    assert_false(get(fixed, 2).valid);
    assert_true(get(fixed, 3).valid);
    assert_int_equal(get(fixed, 3).key, 5);
    assert_int_equal(get(fixed, 13).asc, 0);
    assert_int_equal(get(fixed, 14).asc, 0x2100);
    assert_false(get(fixed, 7).has_information);
    assert_false(get(wide, 3).valid);
    assert_int_equal(get(wide, 4).asc, 0x1101);
    assert_false(get(wide, 19).has_information);
    assert_int_equal(get(fixed, 8).information, 9);
}

static void foreign_bytes_are_no_sense(void **state)
{
    (void)state;
    uint8_t bytes[18] = {0};
    for (unsigned code = 0; code < 256; code++) {
        bytes[0] = (uint8_t)code;
        struct scsi_sense s = get(bytes, sizeof bytes);
        assert_int_equal(s.valid, (code & 0x7f) >= 0x70 && (code & 0x7f) <= 0x73);
        if (!s.valid)
            assert_false(s.deferred || s.key || s.asc || s.has_information);
    }
}

static void read_one(const uint8_t *bytes, size_t len)
{
    struct scsi_sense s = get(bytes, len);
    assert_true(s.valid || (!s.key && !s.asc));
    assert_true(s.has_information || s.information == 0);
}

static void hostile_sense_stays_inside(void **state)
{
    (void)state;
    each_prefix(fixed, sizeof fixed, read_one);
    each_prefix(wide, sizeof wide, read_one);
    each_hostile(96, read_one);
    uint8_t bytes[96];
    memset(bytes, 0xff, sizeof bytes);
    for (uint8_t code = 0x70; code <= 0x73; code++) {
        bytes[0] = code;
        each_prefix(bytes, sizeof bytes, read_one);
    }
}

static void written_sense_has_its_layout(void **state)
{
    (void)state;
    uint8_t bytes[SCSI_SENSE_PUT_MAX];
    struct scsi_sense s = {.key = 5, .asc = 0x2100, .has_information = true, .information = 9};
    assert_int_equal(scsi_put_sense(bytes, &s), sizeof fixed);
    assert_memory_equal(bytes, fixed, sizeof fixed);
    s = (struct scsi_sense){
        .key = 3, .asc = 0x1101, .has_information = true, .information = 0x0102030405060708};
    assert_int_equal(scsi_put_sense(bytes, &s), sizeof wide);
    assert_memory_equal(bytes, wide, sizeof wide);
}

static void what_is_written_reads_back(void **state)
{
    (void)state;
    static const struct scsi_sense rows[] = {
        {.key = SENSE_UNIT_ATTENTION, .asc = ASC_POWER_ON},
        {.key = SENSE_MEDIUM_ERROR, .asc = ASC_UNRECOVERED_READ, .deferred = true},
        {.key = 15, .asc = 0xffff, .has_information = true, .information = UINT32_MAX},
        {.key = 3, .has_information = true, .information = UINT64_MAX, .deferred = true},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint8_t bytes[SCSI_SENSE_PUT_MAX];
        struct scsi_sense s = get(bytes, scsi_put_sense(bytes, &rows[i]));
        assert_true(s.valid);
        assert_int_equal(s.key, rows[i].key);
        assert_int_equal(s.asc, rows[i].asc);
        assert_int_equal(s.deferred, rows[i].deferred);
        assert_int_equal(s.has_information, rows[i].has_information);
        assert_int_equal(s.information, rows[i].information);
    }
}

static void codes_have_words(void **state)
{
    (void)state;
    assert_string_equal(scsi_sense_key_text(5), "ILLEGAL REQUEST");
    assert_string_equal(scsi_sense_key_text(14), "MISCOMPARE");
    assert_string_equal(scsi_asc_text(0x2100), "logical block address out of range");
    assert_string_equal(scsi_asc_text(0x2707), "space allocation failed write protect");
    assert_string_equal(scsi_asc_text(0x8123), "");
    for (unsigned key = 0; key < 256; key++)
        assert_true(strlen(scsi_sense_key_text((uint8_t)key)) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fixed_format_is_read),
        cmocka_unit_test(descriptor_format_is_read),
        cmocka_unit_test(other_descriptors_are_stepped_over),
        cmocka_unit_test(additional_length_bounds_both_formats),
        cmocka_unit_test(short_sense_keeps_what_is_there),
        cmocka_unit_test(foreign_bytes_are_no_sense),
        cmocka_unit_test(hostile_sense_stays_inside),
        cmocka_unit_test(written_sense_has_its_layout),
        cmocka_unit_test(what_is_written_reads_back),
        cmocka_unit_test(codes_have_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
