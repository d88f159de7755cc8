/* SPDX-License-Identifier: MIT */
/* SCSI Data-Out, Data-In and R2T. */
#include "header_check.h"

static const struct wire_data_out out = {.final = true,
                                         .lun = LUN,
                                         .itt = ITT,
                                         .ttt = TTT,
                                         .exp_stat_sn = 0x31323334,
                                         .data_sn = 0x41424344,
                                         .buffer_offset = 0x51525354};

/* 11.7 */
static const uint8_t out_bytes[WIRE_BHS_LEN] = {
    0x05, 0x80,  0,    0,    ZERO4, LUN_BYTES, ITT_BYTES, TTT_BYTES, ZERO4, 0x31, 0x32, 0x33,
    0x34, ZERO4, 0x41, 0x42, 0x43,  0x44,      0x51,      0x52,      0x53,  0x54, ZERO4};

static void data_out_has_every_field(void **state)
{
    (void)state;
    CHECK_FAMILY(data_out, out_bytes, &out);
    struct wire_data_out d = out;
    uint8_t bytes[WIRE_BHS_LEN];
    d.final = false;
    memcpy(bytes, out_bytes, sizeof bytes);
    bytes[1] = 0;
    CHECK_FAMILY(data_out, bytes, &d);
}

static const struct wire_data_in in = {.has_status = true,
                                       .status = 0x28,
                                       .lun = LUN,
                                       .itt = ITT,
                                       .ttt = TTT,
                                       .window = WINDOW,
                                       .data_sn = 0x41424344,
                                       .buffer_offset = 0x51525354,
                                       .residual = 0x61626364};

static const uint8_t in_bytes[WIRE_BHS_LEN] = {
    0x25, 0x01, 0,    0x28, ZERO4, LUN_BYTES, ITT_BYTES, TTT_BYTES, WINDOW_BYTES, 0x41, 0x42,
    0x43, 0x44, 0x51, 0x52, 0x53,  0x54,      0x61,      0x62,      0x63,         0x64};

static void data_in_has_every_field(void **state)
{
    (void)state;
    CHECK_FAMILY(data_in, in_bytes, &in);
}

/* 11.7.3: F, A are bits 0, 1 from the left; O, U, S the last three. */
static void data_in_has_its_flags(void **state)
{
    (void)state;
    static const uint8_t residual[] = {0x00, 0x02, 0x04, 0x06};
    for (unsigned i = 0; i < 16; i++) {
        struct wire_data_in d = in;
        uint8_t bytes[WIRE_BHS_LEN];
        d.final = i & 1;
        d.acknowledge = i & 2;
        d.residual_kind = (uint8_t)(i >> 2);
        memcpy(bytes, in_bytes, sizeof bytes);
        bytes[1] = (uint8_t)(0x01 | (i & 1 ? 0x80 : 0) | (i & 2 ? 0x40 : 0) | residual[i >> 2]);
        CHECK_FAMILY(data_in, bytes, &d);
    }
}

/* Without S, status, residuals and StatSN are reserved: not written, not read. */
static void data_in_without_status_has_none(void **state)
{
    (void)state;
    struct wire_data_in d = in, got;
    uint8_t bytes[WIRE_BHS_LEN];
    d.has_status = false;
    d.residual_kind = WIRE_RESIDUAL_OVERFLOW;
    memcpy(bytes, in_bytes, sizeof bytes);
    bytes[1] = bytes[3] = 0;
    memset(bytes + 24, 0, 4);
    memset(bytes + 44, 0, 4);
    CHECK_FAMILY(data_in, bytes, &d);

    memcpy(bytes, in_bytes, sizeof bytes);
    bytes[1] = 0x06; /* O and U without S */
    memset(&got, 0x11, sizeof got);
    get_data_in(bytes, &got);
    assert_false(got.has_status);
    assert_int_equal(got.status, 0);
    assert_int_equal(got.residual_kind, WIRE_RESIDUAL_NONE);
    assert_int_equal(got.residual, 0);
    assert_int_equal(got.window.stat_sn, 0);
    assert_int_equal(got.window.exp_cmd_sn, in.window.exp_cmd_sn); /* those always count */
    assert_int_equal(got.window.max_cmd_sn, in.window.max_cmd_sn);
}

/* 11.8 */
static void r2t_has_every_field(void **state)
{
    (void)state;
    const struct wire_r2t r2t = {.lun = LUN,
                                 .itt = ITT,
                                 .ttt = TTT,
                                 .window = WINDOW,
                                 .r2t_sn = 0x41424344,
                                 .buffer_offset = 0x51525354,
                                 .desired_len = 0x61626364};
    static const uint8_t bytes[WIRE_BHS_LEN] = {
        0x31, 0x80, 0,    0,    ZERO4, LUN_BYTES, ITT_BYTES, TTT_BYTES, WINDOW_BYTES, 0x41, 0x42,
        0x43, 0x44, 0x51, 0x52, 0x53,  0x54,      0x61,      0x62,      0x63,         0x64};
    CHECK_FAMILY(r2t, bytes, &r2t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data_out_has_every_field), cmocka_unit_test(data_in_has_every_field),
        cmocka_unit_test(data_in_has_its_flags),    cmocka_unit_test(data_in_without_status_has_none),
        cmocka_unit_test(r2t_has_every_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
