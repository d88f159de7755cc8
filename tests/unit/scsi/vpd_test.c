/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include "check.h"
#include "scsi/identity.h"

static const uint8_t naa[8] = {0x30, 1, 2, 3, 4, 5, 6, 7};

static void supported_pages_go_both_ways(void **state)
{
    (void)state;
    static const uint8_t pages[] = {0x00, 0x80, 0x83, 0xb0}, want[] = {0, 0, 0, 4, 0x00, 0x80, 0x83, 0xb0};
    uint8_t out[8];
    assert_int_equal(scsi_put_vpd_supported(out, sizeof out, pages, 4), 8);
    assert_memory_equal(out, want, sizeof want);
    assert_int_equal(scsi_put_vpd_supported(out, 7, pages, 4), 0);
    assert_true(scsi_get_vpd_supported(want, 8, 0xb0));
    assert_true(scsi_get_vpd_supported(want, 8, 0x00));
    assert_false(scsi_get_vpd_supported(want, 8, 0xb1));
    assert_false(scsi_get_vpd_supported(want, 7, 0xb0)); /* cut off */
    assert_false(
        scsi_get_vpd_supported((uint8_t[]){0, 0, 0, 1, 0x80, 0xb0}, 6, 0xb0)); /* behind the page's end */
    assert_false(scsi_get_vpd_supported((uint8_t[]){0, 0x83, 0, 1, 0xb0}, 5, 0xb0)); /* another page */
}

static void serial_goes_both_ways(void **state)
{
    (void)state;
    uint8_t out[32];
    char serial[8];
    assert_int_equal(scsi_put_vpd_serial(out, sizeof out, "0123abc"), 11);
    assert_memory_equal(out,
                        "\0\x80\0\7"
                        "0123abc",
                        11);
    assert_true(scsi_get_vpd_serial(out, 11, serial, sizeof serial));
    assert_string_equal(serial, "0123abc");
    assert_true(scsi_get_vpd_serial(out, 11, serial, 4)); /* a small destination is filled, never overrun */
    assert_string_equal(serial, "012");
    assert_true(scsi_get_vpd_serial((const uint8_t *)"\0\x80\0\6  a\nb ", 10, serial, sizeof serial));
    assert_string_equal(serial, "a?b");
    assert_true(scsi_get_vpd_serial(out, 4, serial, sizeof serial));
    assert_string_equal(serial, "");
    assert_false(scsi_get_vpd_serial(out, 3, serial, sizeof serial));
    assert_string_equal(serial, "");
}

static void identification_has_its_layout(void **state)
{
    (void)state;
    static const uint8_t want[] = {0,   0x83, 0,   28,  1,   3,   0,   8,   0x30, 1,   2,
                                   3,   4,    5,   6,   7,   2,   1,   0,   12,   'B', 'E',
                                   'R', 'T',  'H', ' ', ' ', ' ', 'a', 'b', 'c',  'd'};
    uint8_t out[64];
    assert_int_equal(
        scsi_put_vpd_identification(
            out, sizeof out, &(struct scsi_identification){.naa = naa, .vendor = "BERTH", .serial = "abcd"}),
        sizeof want);
    assert_memory_equal(out, want, sizeof want);
    assert_int_equal(scsi_put_vpd_identification(
                         out, sizeof want - 1,
                         &(struct scsi_identification){.naa = naa, .vendor = "BERTH", .serial = "abcd"}),
                     0);
}

static void check_best(const uint8_t *page, size_t len, uint8_t type, const char *text)
{
    struct scsi_designator d;
    char words[64];
    assert_true(scsi_get_vpd_designator(page, len, &d));
    assert_int_equal(d.type, type);
    scsi_designator_text(&d, words, sizeof words);
    assert_string_equal(words, text);
}

static void the_best_designator_is_found(void **state)
{
    (void)state;
    uint8_t page[] = {0, 0x83, 0, 0,                                                      /* header */
                      2, 0x01, 0, 10, 'A',  'C', 'M',  'E', ' ', ' ', ' ', ' ', 'x', '1', /* T10 */
                      3, 0x08, 0, 8,  'i',  'q', 'n',  '.', 'x', 0,   0,   0,             /* SCSI name */
                      1, 0x02, 0, 8,  1,    2,   3,    4,   5,   6,   7,   8,             /* EUI-64 */
                      1, 0x13, 0, 8,  9,    9,   9,    9,   9,   9,   9,   9, /* NAA of the port */
                      1, 0x03, 0, 5,  8,    8,   8,    8,   8,                /* NAA of no valid length */
                      1, 0x03, 0, 8,  0x60, 1,   0x40, 5,   6,   7,   8,   9};
    page[3] = sizeof page - 4;
    check_best(page, sizeof page, 3, "naa.6001400506070809");
    check_best(page, sizeof page - 1, 2, "eui.0102030405060708"); /* the last one does not end inside */
    check_best(page, 4 + 14 + 12, 1, "t10.ACME    x1");
    check_best(page, 4 + 13, 0, "");
    memmove(page + 4, page + 18, 12);
    check_best(page, 4 + 12, 8, "iqn.x");
}

/* Page 83h with one designator of this type and length after a SCSI name string. */
static uint8_t type_chosen(uint8_t type, uint8_t len)
{
    uint8_t page[4 + 8 + 4 + 255] = {0, 0x83, 0, 0, 3, 8, 0, 4, 'i', 'q', 'n', '.', 1, type, 0, len};
    struct scsi_designator d;
    page[2] = (uint8_t)((12 + len) >> 8), page[3] = (uint8_t)(12 + len);
    assert_true(scsi_get_vpd_designator(page, sizeof page, &d));
    assert_int_equal(d.code_set, d.type == 8 ? 3 : 1);
    return d.type;
}

static void designators_have_their_lengths(void **state)
{
    (void)state;
    for (unsigned len = 0; len < 256; len++) {
        assert_int_equal(type_chosen(3, (uint8_t)len), len == 8 || len == 16 ? 3 : 8);
        assert_int_equal(type_chosen(2, (uint8_t)len), len == 8 || len == 12 || len == 16 ? 2 : 8);
        assert_int_equal(type_chosen(1, (uint8_t)len), len > 0 ? 1 : 8);
        assert_int_equal(type_chosen(4, (uint8_t)len), 8); /* a relative target port names no LU */
    }
}

static void the_first_of_equals_is_kept(void **state)
{
    (void)state;
    static const uint8_t page[] = {0, 0x83, 0, 24, 1, 3, 0,    8, 0x30, 1, 1, 1, 1, 1,
                                   1, 1,    1, 3,  0, 8, 0x30, 2, 2,    2, 2, 2, 2, 2};
    check_best(page, sizeof page, 3, "naa.3001010101010101");
}

static void an_overlong_serial_is_refused(void **state)
{
    (void)state;
    char serial[300];
    uint8_t out[400];
    memset(serial, 'x', sizeof serial);
    serial[248] = 0;
    assert_int_equal(
        scsi_put_vpd_identification(
            out, sizeof out, &(struct scsi_identification){.naa = naa, .vendor = "BERTH", .serial = serial}),
        0);
    serial[247] = 0;
    assert_int_equal(
        scsi_put_vpd_identification(
            out, sizeof out, &(struct scsi_identification){.naa = naa, .vendor = "BERTH", .serial = serial}),
        4 + 12 + 4 + 255);
}

static void a_missing_identification_is_told(void **state)
{
    (void)state;
    struct scsi_designator d;
    memset(&d, 0xff, sizeof d);
    assert_false(scsi_get_vpd_designator((uint8_t[]){0, 0x80, 0, 0}, 4, &d));
    assert_int_equal(d.type, 0);
    assert_int_equal(d.len, 0);
    assert_false(scsi_get_vpd_designator((uint8_t[]){0, 0x83, 0}, 3, &d));
}

static void designator_text_fits_its_place(void **state)
{
    (void)state;
    struct scsi_designator d = {.type = 3, .code_set = 1, .len = 255};
    char text[16];
    memset(d.bytes, 0xab, sizeof d.bytes);
    for (size_t size = 0; size <= sizeof text; size++) {
        memset(text, 'x', sizeof text);
        scsi_designator_text(&d, text, size);
        if (size > 0)
            assert_true(strlen(text) < size);
        assert_true(size == sizeof text || text[size] == 'x');
    }
    assert_string_equal(text, "naa.abababababa");
    d = (struct scsi_designator){.type = 8, .code_set = 3, .len = 3, .bytes = {'a', 0x1b, 'b'}};
    scsi_designator_text(&d, text, sizeof text);
    assert_string_equal(text, "a?b");
}

static void check_text(uint8_t type, uint8_t code_set, const char *words)
{
    struct scsi_designator d = {.type = type, .code_set = code_set, .len = 2, .bytes = {0x4a, 0x4b}};
    char text[16];
    scsi_designator_text(&d, text, sizeof text);
    assert_string_equal(text, words);
}

static void designator_text_follows_type_and_code_set(void **state)
{
    (void)state;
    check_text(1, 1, "t10.4a4b");
    check_text(1, 2, "t10.JK");
    check_text(2, 0, "eui.4a4b");
    check_text(3, 2, "naa.4a4b"); /* binary by its type */
    check_text(4, 2, "JK");
    check_text(8, 3, "JK");
    check_text(15, 1, "4a4b");
}

static void limits_have_their_layout(void **state)
{
    (void)state;
    const struct scsi_limits l = {.wsnz = true,
                                  .max_compare_and_write = 0x7f,
                                  .optimal_granularity = 0x0102,
                                  .max_transfer = 0x03040506,
                                  .optimal_transfer = 0x0708090a,
                                  .max_unmap_blocks = 0x0b0c0d0e,
                                  .max_unmap_ranges = 0x0f101112,
                                  .unmap_granularity = 0x13141516,
                                  .unmap_alignment = 0x17181920,
                                  .unmap_alignment_valid = true,
                                  .max_write_same = 0x2122232425262728};
    static const uint8_t want[44] = {0,    0xb0, 0,    0x3c, 1,    0x7f, 1,    2,    3,    4,    5,
                                     6,    7,    8,    9,    10,   0,    0,    0,    0,    11,   12,
                                     13,   14,   15,   0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x97,
                                     0x18, 0x19, 0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28};
    uint8_t out[64];
    struct scsi_limits back;
    memset(out, 0xee, sizeof out);
    assert_int_equal(scsi_put_vpd_limits(out, sizeof out, &l), 64);
    assert_memory_equal(out, want, sizeof want);
    assert_int_equal(out[63], 0);
    assert_int_equal(scsi_put_vpd_limits(out, 63, &l), 0);
    assert_true(scsi_get_vpd_limits(want, sizeof want, &back));
    assert_int_equal(back.wsnz, l.wsnz);
    assert_int_equal(back.max_compare_and_write, 0x7f);
    assert_int_equal(back.optimal_granularity, l.optimal_granularity);
    assert_int_equal(back.max_transfer, l.max_transfer);
    assert_int_equal(back.optimal_transfer, l.optimal_transfer);
    assert_int_equal(back.max_unmap_blocks, l.max_unmap_blocks);
    assert_int_equal(back.max_unmap_ranges, l.max_unmap_ranges);
    assert_int_equal(back.unmap_granularity, l.unmap_granularity);
    assert_int_equal(back.unmap_alignment, l.unmap_alignment);
    assert_true(back.unmap_alignment_valid);
    assert_int_equal(back.max_write_same, l.max_write_same);
}

static void short_limits_leave_zeros(void **state)
{
    (void)state;
    uint8_t out[64];
    struct scsi_limits l = {.max_transfer = 7, .max_unmap_blocks = 8, .max_write_same = UINT64_MAX}, back;
    scsi_put_vpd_limits(out, sizeof out, &l);
    assert_true(scsi_get_vpd_limits(out, sizeof out, &back));
    assert_false(back.wsnz || back.unmap_alignment_valid);
    out[3] = 12; /* the page as SBC-2 knew it */
    assert_true(scsi_get_vpd_limits(out, sizeof out, &back));
    assert_int_equal(back.max_transfer, 7);
    assert_int_equal(back.max_unmap_blocks, 0);
    assert_int_equal(back.max_write_same, 0);
    out[3] = 60;
    assert_true(scsi_get_vpd_limits(out, 43, &back)); /* a number cut in half is no number */
    assert_int_equal(back.max_unmap_blocks, 8);
    assert_int_equal(back.max_write_same, 0);
    assert_false(scsi_get_vpd_limits(out, 3, &back));
    out[1] = 0xb1;
    assert_false(scsi_get_vpd_limits(out, sizeof out, &back));
    assert_int_equal(back.max_transfer, 0);
}

static void characteristics_go_both_ways(void **state)
{
    (void)state;
    uint8_t out[64];
    struct scsi_characteristics back;
    assert_int_equal(scsi_put_vpd_characteristics(out, sizeof out, &(struct scsi_characteristics){0x1c20}),
                     64);
    assert_memory_equal(out, "\0\xb1\0\x3c\x1c\x20\0", 7);
    assert_int_equal(scsi_put_vpd_characteristics(out, 63, &(struct scsi_characteristics){1}), 0);
    assert_true(scsi_get_vpd_characteristics((uint8_t[]){0, 0xb1, 0, 60, 0x1c, 0x20}, 6, &back));
    assert_int_equal(back.rotation_rate, 0x1c20);
    assert_true(scsi_get_vpd_characteristics((uint8_t[]){0, 0xb1, 0, 60, 0x1c}, 5, &back));
    assert_int_equal(back.rotation_rate, 0);
}

static void provisioning_goes_both_ways(void **state)
{
    (void)state;
    static const struct {
        struct scsi_provisioning p;
        uint8_t bits, type;
    } rows[] = {
        {{.unmap = true}, 0x80, 0},
        {{.write_same_16 = true}, 0x40, 0},
        {{.write_same_10 = true}, 0x20, 0},
        {{.read_zeros = true}, 0x04, 0},
        {{.anchor = true}, 0x02, 0},
        {{.type = 2}, 0, 2},
        {{.unmap = true, .write_same_16 = true, .write_same_10 = true, .read_zeros = true, .type = 1},
         0xe4,
         1},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint8_t out[8], want[8] = {0, 0xb2, 0, 4, 0, rows[i].bits, rows[i].type, 0};
        struct scsi_provisioning back;
        memset(&back, 0, sizeof back);
        assert_int_equal(scsi_put_vpd_provisioning(out, sizeof out, &rows[i].p), 8);
        assert_memory_equal(out, want, sizeof want);
        assert_true(scsi_get_vpd_provisioning(out, sizeof out, &back));
        assert_memory_equal(&back, &rows[i].p, sizeof back);
    }
}

static void read_all(const uint8_t *data, size_t len)
{
    struct scsi_designator d;
    struct scsi_limits l;
    struct scsi_characteristics c;
    struct scsi_provisioning p;
    char text[600];
    scsi_get_vpd_supported(data, len, 0x99);
    if (scsi_get_vpd_serial(data, len, text, sizeof text))
        assert_true(strlen(text) <= len - 4);
    if (scsi_get_vpd_designator(data, len, &d)) {
        scsi_designator_text(&d, text, sizeof text);
        assert_true(d.len <= len - 4);
    }
    scsi_get_vpd_limits(data, len, &l);
    scsi_get_vpd_characteristics(data, len, &c);
    scsi_get_vpd_provisioning(data, len, &p);
}

static void hostile_pages_stay_inside(void **state)
{
    (void)state;
    static const uint8_t pages[] = {0x00, 0x80, 0x83, 0xb0, 0xb1, 0xb2};
    uint8_t page[300];
    for (size_t i = 0; i < COUNT(pages); i++)
        for (int fill = 0; fill < 256; fill += 5) {
            memset(page, fill, sizeof page);
            page[1] = pages[i];
            page[2] = 0xff;
            each_prefix(page, sizeof page, read_all);
        }
    each_hostile(128, read_all);
}

static void ports_are_named_behind_the_lu(void **state)
{
    (void)state;
    const struct scsi_identification id = {
        (const uint8_t *)"12345678", "BERTH", "abcd", 0x0102, 0x0304, NULL};
    struct scsi_designator best;
    uint8_t out[64];
    assert_int_equal(scsi_put_vpd_identification(out, sizeof out, &id), 4 + 12 + 16 + 8 + 8);
    assert_memory_equal(out + 32, "\1\x14\0\4\0\0\1\2\1\x15\0\4\0\0\3\4", 16);
    assert_true(scsi_get_vpd_designator(out, 48, &best));
    assert_int_equal(best.type, 3);
    assert_int_equal(scsi_put_vpd_identification(out, 47, &id), 0);
}

/* Of every length modulo four, so that there is always a NUL and never more than four. */
static void a_port_has_the_targets_name_and_its_tag(void **state)
{
    (void)state;
    static const char *const names[] = {"iqn.x:abc", "iqn.x:abcd", "iqn.x:abcde", "iqn.x:abcdef"};
    struct scsi_identification id = {(const uint8_t *)"12345678", "BERTH", "abcd", 0x0a0b, 0x0a0b, NULL};
    for (size_t i = 0; i < COUNT(names); i++) {
        uint8_t out[96], want[32] = {0};
        size_t len = (size_t)snprintf((char *)want, sizeof want, "%s,t,0x0a0b", names[i]);
        size_t padded = (len / 4 + 1) * 4;
        id.target_name = names[i];
        memset(out, 0xee, sizeof out);
        assert_int_equal(scsi_put_vpd_identification(out, sizeof out, &id), 48 + 4 + padded);
        assert_memory_equal(out + 48, "\x53\x98\0", 3);
        assert_int_equal(out[51], padded);
        assert_memory_equal(out + 52, want, padded);
        assert_int_equal(out[52 + padded], 0xee);
        assert_int_equal(scsi_put_vpd_identification(out, 51 + padded, &id), 0);
    }
}

static void extended_data_have_their_layout(void **state)
{
    (void)state;
    uint8_t out[64];
    for (unsigned bits = 0; bits < 16; bits++) {
        const struct scsi_extended x = {bits & 1, bits & 2, bits & 4, bits & 8};
        memset(out, 0xee, sizeof out);
        assert_int_equal(scsi_put_vpd_extended(out, sizeof out, &x), 64);
        assert_memory_equal(out, "\0\x86\0\x3c\0", 5);
        assert_int_equal(out[5], bits & 7);
        assert_int_equal(out[6], bits >> 3);
        for (size_t i = 7; i < sizeof out; i++)
            assert_int_equal(out[i], 0);
        assert_int_equal(scsi_put_vpd_extended(out, 63, &x), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(extended_data_have_their_layout),
        cmocka_unit_test(ports_are_named_behind_the_lu),
        cmocka_unit_test(a_port_has_the_targets_name_and_its_tag),
        cmocka_unit_test(supported_pages_go_both_ways),
        cmocka_unit_test(serial_goes_both_ways),
        cmocka_unit_test(identification_has_its_layout),
        cmocka_unit_test(the_best_designator_is_found),
        cmocka_unit_test(designators_have_their_lengths),
        cmocka_unit_test(the_first_of_equals_is_kept),
        cmocka_unit_test(an_overlong_serial_is_refused),
        cmocka_unit_test(designator_text_follows_type_and_code_set),
        cmocka_unit_test(a_missing_identification_is_told),
        cmocka_unit_test(designator_text_fits_its_place),
        cmocka_unit_test(limits_have_their_layout),
        cmocka_unit_test(short_limits_leave_zeros),
        cmocka_unit_test(characteristics_go_both_ways),
        cmocka_unit_test(provisioning_goes_both_ways),
        cmocka_unit_test(hostile_pages_stay_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
