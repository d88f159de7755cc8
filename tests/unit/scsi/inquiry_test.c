/* SPDX-License-Identifier: MIT */
#include "check.h"
#include "scsi/identity.h"

static const struct scsi_inquiry disk = {.version = 6,
                                         .third_party_copy = true,
                                         .protect = true,
                                         .command_queue = true,
                                         .vendor = "BERTH",
                                         .product = "VIRTUAL DISK",
                                         .revision = "0.1"};

static void written_data_has_its_layout(void **state)
{
    (void)state;
    static const uint8_t head[36] = {0,   0,   6,   2,   91,  9,   0,   2,   'B', 'E', 'R', 'T',
                                     'H', ' ', ' ', ' ', 'V', 'I', 'R', 'T', 'U', 'A', 'L', ' ',
                                     'D', 'I', 'S', 'K', ' ', ' ', ' ', ' ', '0', '.', '1', ' '};
    static const uint8_t standards[8] = {0x00, 0xa0, 0x09, 0x60, 0x04, 0x60, 0x04, 0xc0};
    uint8_t out[SCSI_INQUIRY_LEN];
    memset(out, 0xee, sizeof out);
    assert_int_equal(scsi_put_inquiry_data(out, &disk), SCSI_INQUIRY_LEN);
    assert_memory_equal(out, head, sizeof head);
    assert_memory_equal(out + 58, standards, sizeof standards);
    for (size_t i = 66; i < sizeof out; i++)
        assert_int_equal(out[i], 0);
}

static void a_missing_unit_is_told(void **state)
{
    (void)state;
    uint8_t out[SCSI_INQUIRY_LEN];
    struct scsi_inquiry q = disk, back;
    q.qualifier = 3, q.device_type = 0x1f;
    scsi_put_inquiry_data(out, &q);
    assert_int_equal(out[0], 0x7f);
    assert_true(scsi_get_inquiry_data(out, sizeof out, &back));
    assert_int_equal(back.qualifier, 3);
    assert_int_equal(back.device_type, 0x1f);
}

static void what_is_written_reads_back(void **state)
{
    (void)state;
    uint8_t out[SCSI_INQUIRY_LEN];
    struct scsi_inquiry back;
    scsi_put_inquiry_data(out, &disk);
    assert_true(scsi_get_inquiry_data(out, sizeof out, &back));
    assert_int_equal(back.version, 6);
    assert_true(back.third_party_copy && back.protect && back.command_queue);
    assert_string_equal(back.vendor, "BERTH");
    assert_string_equal(back.product, "VIRTUAL DISK");
    assert_string_equal(back.revision, "0.1");
}

static void flags_stand_alone(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 16; bits++) {
        struct scsi_inquiry q = {.third_party_copy = bits & 1,
                                 .protect = bits & 2,
                                 .command_queue = bits & 4,
                                 .multi_port = bits & 8},
                            back;
        uint8_t out[SCSI_INQUIRY_LEN];
        scsi_put_inquiry_data(out, &q);
        assert_true(scsi_get_inquiry_data(out, sizeof out, &back));
        assert_int_equal(back.third_party_copy, q.third_party_copy);
        assert_int_equal(back.protect, q.protect);
        assert_int_equal(back.command_queue, q.command_queue);
        assert_int_equal(back.multi_port, q.multi_port);
        assert_int_equal(out[6], bits & 8 ? 0x10 : 0);
    }
}

static void full_width_names_are_not_cut(void **state)
{
    (void)state;
    struct scsi_inquiry q = {.vendor = "ABCDEFGH", .product = "ABCDEFGHIJKLMNOP", .revision = "1234"}, back;
    uint8_t out[SCSI_INQUIRY_LEN];
    scsi_put_inquiry_data(out, &q);
    scsi_get_inquiry_data(out, sizeof out, &back);
    assert_string_equal(back.vendor, q.vendor);
    assert_string_equal(back.product, q.product);
    assert_string_equal(back.revision, q.revision);
}

static void short_answers_leave_zeros(void **state)
{
    (void)state;
    uint8_t out[SCSI_INQUIRY_LEN];
    struct scsi_inquiry back;
    scsi_put_inquiry_data(out, &disk);
    for (size_t len = 0; len < 5; len++)
        assert_false(scsi_get_inquiry_data(out, len, &back));
    assert_true(scsi_get_inquiry_data(out, 5, &back));
    assert_int_equal(back.version, 6);
    assert_false(back.protect || back.command_queue);
    assert_string_equal(back.vendor, "");
    assert_true(scsi_get_inquiry_data(out, 11, &back));
    assert_string_equal(back.vendor, "BER");
    assert_string_equal(back.product, "");
    out[4] = 11; /* additional length: ends with the vendor */
    assert_true(scsi_get_inquiry_data(out, sizeof out, &back));
    assert_string_equal(back.vendor, "BERTH");
    assert_string_equal(back.product, "");
    out[4] = 10;
    memcpy(out + 8, "ABCDEFGH", 8);
    assert_true(scsi_get_inquiry_data(out, sizeof out, &back));
    assert_string_equal(back.vendor, "ABCDEFG");
}

static void foreign_bytes_are_made_printable(void **state)
{
    (void)state;
    uint8_t out[SCSI_INQUIRY_LEN];
    struct scsi_inquiry back;
    scsi_put_inquiry_data(out, &disk);
    memcpy(out + 8, "\x1b[2J\xff\x7f\0\0", 8);
    assert_true(scsi_get_inquiry_data(out, sizeof out, &back));
    assert_string_equal(back.vendor, "?[2J??");
}

static void read_one(const uint8_t *data, size_t len)
{
    struct scsi_inquiry q;
    scsi_get_inquiry_data(data, len, &q);
    assert_true(strlen(q.vendor) <= 8 && strlen(q.product) <= 16 && strlen(q.revision) <= 4);
}

static void hostile_answers_stay_inside(void **state)
{
    (void)state;
    each_hostile(96, read_one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(written_data_has_its_layout),      cmocka_unit_test(a_missing_unit_is_told),
        cmocka_unit_test(what_is_written_reads_back),       cmocka_unit_test(flags_stand_alone),
        cmocka_unit_test(full_width_names_are_not_cut),     cmocka_unit_test(short_answers_leave_zeros),
        cmocka_unit_test(foreign_bytes_are_made_printable), cmocka_unit_test(hostile_answers_stay_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
