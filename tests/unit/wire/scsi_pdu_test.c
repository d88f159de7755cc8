/* SPDX-License-Identifier: MIT */
/* SCSI Command and Response, and the extended CDB in its AHS. */
#include "header_check.h"

#define CDB_BYTES                                                                                            \
    0xd0, 0xd1, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda, 0xdb, 0xdc, 0xdd, 0xde, 0xdf

static const struct wire_scsi_command command = {.lun = LUN,
                                                 .itt = ITT,
                                                 .edtl = 0x31323334,
                                                 .cmd_sn = 0x41424344,
                                                 .exp_stat_sn = 0x51525354,
                                                 .cdb = {CDB_BYTES}};

/* 11.3 */
static const uint8_t command_bytes[WIRE_BHS_LEN] = {0x01, 0x00, 0,    0,    ZERO4, LUN_BYTES, ITT_BYTES,
                                                    0x31, 0x32, 0x33, 0x34, 0x41,  0x42,      0x43,
                                                    0x44, 0x51, 0x52, 0x53, 0x54,  CDB_BYTES};

static void command_has_every_field(void **state)
{
    (void)state;
    CHECK_FAMILY(scsi_command, command_bytes, &command);
}

struct flag_row {
    bool immediate, final, read, write;
    uint8_t attr, byte0, byte1;
};

/* 11.3.1: F, R, W are bits 0, 1, 2 from the left. */
static const struct flag_row flag_rows[] = {
    {true, false, false, false, 0, 0x41, 0x00},
    {false, true, false, false, 0, 0x01, 0x80},
    {false, false, true, false, 0, 0x01, 0x40},
    {false, false, false, true, 0, 0x01, 0x20},
    {false, false, false, false, WIRE_ATTR_SIMPLE, 0x01, 0x01},
    {false, false, false, false, WIRE_ATTR_ACA, 0x01, 0x04},
    {true, true, true, true, 7, 0x41, 0xe7},
};

static void command_has_its_flags(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof flag_rows / sizeof flag_rows[0]; i++) {
        const struct flag_row *row = &flag_rows[i];
        struct wire_scsi_command c = command;
        uint8_t bytes[WIRE_BHS_LEN];
        c.immediate = row->immediate;
        c.final = row->final;
        c.read = row->read;
        c.write = row->write;
        c.attr = row->attr;
        memcpy(bytes, command_bytes, sizeof bytes);
        bytes[0] = row->byte0;
        bytes[1] = row->byte1;
        CHECK_FAMILY(scsi_command, bytes, &c);
        get_scsi_command(bytes, &c);
        assert_int_equal(c.write, row->write);
        assert_int_equal(c.attr, row->attr);
    }
}

static const struct wire_scsi_response response = {.response = 0x01,
                                                   .status = 0x02,
                                                   .itt = ITT,
                                                   .snack_tag = 0x61626364,
                                                   .window = WINDOW,
                                                   .exp_data_sn = 0x71727374,
                                                   .bidi_residual = 0x81828384,
                                                   .residual = 0x91929394};

/* 11.4 */
static const uint8_t response_bytes[WIRE_BHS_LEN] = {
    0x21, 0x80, 0x01, 0x02, ZERO4, NO_LUN_BYTES, ITT_BYTES, 0x61, 0x62, 0x63, 0x64, WINDOW_BYTES,
    0x71, 0x72, 0x73, 0x74, 0x81,  0x82,         0x83,      0x84, 0x91, 0x92, 0x93, 0x94};

static void response_has_every_field(void **state)
{
    (void)state;
    CHECK_FAMILY(scsi_response, response_bytes, &response);
}

/* 11.4.1: o u O U are bits 3 to 6 from the left. */
static void response_has_its_residual_bits(void **state)
{
    (void)state;
    static const uint8_t plain[] = {0x00, 0x02, 0x04, 0x06}, bidi[] = {0x00, 0x08, 0x10, 0x18};
    for (uint8_t i = 0; i < 4; i++)
        for (uint8_t j = 0; j < 4; j++) {
            struct wire_scsi_response r = response;
            uint8_t bytes[WIRE_BHS_LEN];
            r.residual_kind = i;
            r.bidi_residual_kind = j;
            memcpy(bytes, response_bytes, sizeof bytes);
            bytes[1] = 0x80 | plain[i] | bidi[j];
            CHECK_FAMILY(scsi_response, bytes, &r);
        }
    assert_int_equal(WIRE_RESIDUAL_UNDERFLOW, 1);
    assert_int_equal(WIRE_RESIDUAL_OVERFLOW, 2);
}

/* --- AHS --- */

static uint8_t cdb[WIRE_CDB_MAX];

static int fill_cdb(void **state)
{
    (void)state;
    for (uint8_t i = 0; i < WIRE_CDB_MAX; i++)
        cdb[i] = (uint8_t)(0x80 + i);
    return 0;
}

static void short_cdb_needs_no_ahs(void **state)
{
    (void)state;
    uint8_t ahs[WIRE_AHS_CDB_MAX], got[WIRE_CDB_MAX];
    for (uint32_t len = 0; len <= WIRE_CDB_LEN; len++)
        assert_int_equal(put_ahs_cdb(ahs, cdb, len), 0);
    assert_int_equal(get_ahs_cdb(NULL, 0, got), WIRE_CDB_LEN);
}

static void long_cdb_has_the_bytes_of_the_rfc(void **state)
{
    (void)state;
    /* 11.2.2.3: AHSLength = CDBLength - 15, type 1, one reserved byte, the rest of the CDB, padding */
    static const uint8_t seventeen[] = {0x00, 0x02, 0x01, 0x00, 0x90, 0, 0, 0};
    static const uint8_t thirty_two[] = {0x00, 0x11, 0x01, 0x00, 0x90, 0x91, 0x92, 0x93, 0x94, 0x95,
                                         0x96, 0x97, 0x98, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f};
    uint8_t ahs[WIRE_AHS_CDB_MAX];
    memset(ahs, 0xee, sizeof ahs);
    assert_int_equal(put_ahs_cdb(ahs, cdb, 17), sizeof seventeen);
    assert_memory_equal(ahs, seventeen, sizeof seventeen);
    assert_int_equal(ahs[sizeof seventeen], 0xee);
    assert_int_equal(put_ahs_cdb(ahs, cdb, 32), sizeof thirty_two);
    assert_memory_equal(ahs, thirty_two, sizeof thirty_two);
}

static void long_cdb_comes_back(void **state)
{
    (void)state;
    for (uint32_t len = WIRE_CDB_LEN + 1; len <= WIRE_CDB_MAX; len++) {
        uint8_t ahs[WIRE_AHS_CDB_MAX], got[WIRE_CDB_MAX + 1];
        uint32_t ahs_len = put_ahs_cdb(ahs, cdb, len);
        memset(got, 0x33, sizeof got);
        memcpy(got, cdb, WIRE_CDB_LEN);
        assert_int_equal(ahs_len % 4, 0);
        assert_int_equal(get_ahs_cdb(ahs, ahs_len, got), len);
        assert_memory_equal(got, cdb, len);
        assert_int_equal(got[len], 0x33);
    }
}

struct ahs_row {
    const char *what;
    int result;
    uint32_t len;
    uint8_t ahs[28];
};

static const struct ahs_row ahs_rows[] = {
    {"bidirectional length alone", 16, 8, {0, 5, 2, 0, 9, 9, 9, 9}},
    {"unknown types", 16, 12, {0, 1, 0x3f, 7, 0, 5, 0, 0, 1, 2, 3, 4}},
    {"reserved bits beside the type", 17, 8, {0, 2, 0xc1, 0xff, 0xaa, 1, 2, 3}},
    {"CDB behind another", 17, 16, {0, 5, 2, 0, 9, 9, 9, 9, 0, 2, 1, 0, 0xaa, 0, 0, 0}},
    {"CDB before another", 17, 16, {0, 2, 1, 0, 0xaa, 0, 0, 0, 0, 5, 2, 0, 9, 9, 9, 9}},
    {"empty AHS of another type", 16, 4, {0, 0, 2, 0}},
    {"length 1: CDB of 16", -1, 4, {0, 1, 1, 0}},
    {"length 0: CDB of 15", -1, 4, {0, 0, 1, 0}},
    {"CDB of 33", -1, 24, {0, 18, 1, 0}},
    {"longer than the AHS", -1, 8, {0, 6, 1, 0, 1, 2, 3, 4}},
    {"as long as can be", -1, 8, {0xff, 0xff, 1, 0, 1, 2, 3, 4}},
    {"another, as long as can be", -1, 8, {0xff, 0xff, 2, 0, 1, 2, 3, 4}},
    {"padding cut off", -1, 5, {0, 2, 1, 0, 0xaa}},
    {"head cut off", -1, 2, {0, 2}},
    {"one stray byte", -1, 1, {0}},
    {"zeros at the end", 17, 12, {0, 2, 1, 0, 0xaa, 0, 0, 0, 0, 0, 0, 0}},
    {"cut behind a good one", -1, 11, {0, 2, 1, 0, 0xaa, 0, 0, 0, 0, 0, 0}},
    {"two CDBs", -1, 16, {0, 2, 1, 0, 0xaa, 0, 0, 0, 0, 2, 1, 0, 0xbb, 0, 0, 0}},
};

static void reads_any_ahs(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ahs_rows / sizeof ahs_rows[0]; i++) {
        const struct ahs_row *row = &ahs_rows[i];
        uint8_t got[WIRE_CDB_MAX] = {0}, exact[sizeof row->ahs];
        memcpy(exact + sizeof exact - row->len, row->ahs, row->len); /* the sanitizer guards the end */
        int result = get_ahs_cdb(exact + sizeof exact - row->len, row->len, got);
        if (result != row->result)
            fail_msg("%s: %d instead of %d", row->what, result, row->result);
        if (result == 17)
            assert_int_equal(got[16], 0xaa);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(command_has_every_field),
        cmocka_unit_test(command_has_its_flags),
        cmocka_unit_test(response_has_every_field),
        cmocka_unit_test(response_has_its_residual_bits),
        cmocka_unit_test_setup(short_cdb_needs_no_ahs, fill_cdb),
        cmocka_unit_test_setup(long_cdb_has_the_bytes_of_the_rfc, fill_cdb),
        cmocka_unit_test_setup(long_cdb_comes_back, fill_cdb),
        cmocka_unit_test(reads_any_ahs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
