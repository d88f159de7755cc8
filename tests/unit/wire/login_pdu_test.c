/* SPDX-License-Identifier: MIT */
#include "header_check.h"

#define ISID_BYTES 0x80, 0x12, 0x34, 0x56, 0x78, 0x9a

static const struct wire_login_request request = {.version_max = 0x02,
                                                  .version_min = 0x01,
                                                  .isid = {ISID_BYTES},
                                                  .tsih = 0x2122,
                                                  .cid = 0x3132,
                                                  .itt = ITT,
                                                  .cmd_sn = 0x41424344,
                                                  .exp_stat_sn = 0x51525354};

/* 11.12 */
static const uint8_t request_bytes[WIRE_BHS_LEN] = {
    0x43, 0x00, 0x02, 0x01, ZERO4, ISID_BYTES, 0x21, 0x22, ITT_BYTES, 0x31,         0x32,        0,
    0,    0x41, 0x42, 0x43, 0x44,  0x51,       0x52, 0x53, 0x54,      NO_LUN_BYTES, NO_LUN_BYTES};

static const struct wire_login_response response = {.version_max = 0x02,
                                                    .version_active = 0x01,
                                                    .isid = {ISID_BYTES},
                                                    .tsih = 0x2122,
                                                    .itt = ITT,
                                                    .window = WINDOW,
                                                    .status_class = 0x02,
                                                    .status_detail = 0x0b};

/* 11.13 */
static const uint8_t response_bytes[WIRE_BHS_LEN] = {
    0x23,      0x00,  0x02,         0x01, ZERO4, ISID_BYTES, 0x21, 0x22,
    ITT_BYTES, ZERO4, WINDOW_BYTES, 0x02, 0x0b,  0,          0,    NO_LUN_BYTES};

struct flag_row {
    bool transit, more;
    uint8_t csg, nsg, byte1;
};

/* T, C, two reserved bits, CSG, NSG */
static const struct flag_row flag_rows[] = {
    {false, false, 0, 0, 0x00}, {false, true, 0, 0, 0x40}, {true, false, 0, 1, 0x81},
    {true, false, 0, 3, 0x83},  {true, false, 1, 3, 0x87}, {false, false, 1, 0, 0x04},
    {true, true, 3, 3, 0xcf},
};

static void requests_have_every_field(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof flag_rows / sizeof flag_rows[0]; i++) {
        const struct flag_row *row = &flag_rows[i];
        struct wire_login_request l = request;
        uint8_t bytes[WIRE_BHS_LEN];
        l.transit = row->transit;
        l.more = row->more;
        l.csg = row->csg;
        l.nsg = row->nsg;
        memcpy(bytes, request_bytes, sizeof bytes);
        bytes[1] = row->byte1;
        CHECK_FAMILY(login_request, bytes, &l);
    }
}

static void responses_have_every_field(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof flag_rows / sizeof flag_rows[0]; i++) {
        const struct flag_row *row = &flag_rows[i];
        struct wire_login_response l = response;
        uint8_t bytes[WIRE_BHS_LEN];
        l.transit = row->transit;
        l.more = row->more;
        l.csg = row->csg;
        l.nsg = row->nsg;
        memcpy(bytes, response_bytes, sizeof bytes);
        bytes[1] = row->byte1;
        CHECK_FAMILY(login_response, bytes, &l);
    }
}

/* 11.12.3: NSG is reserved while T is clear. */
static void next_stage_needs_transit(void **state)
{
    (void)state;
    struct wire_login_request l = request;
    struct wire_login_response r = response;
    uint8_t bhs[WIRE_BHS_LEN];
    l.nsg = r.nsg = WIRE_STAGE_FULL_FEATURE;
    put_login_request(bhs, &l);
    assert_int_equal(bhs[1], 0);
    put_login_response(bhs, &r);
    assert_int_equal(bhs[1], 0);
    bhs[1] = 0x03;
    get_login_request(bhs, &l);
    get_login_response(bhs, &r);
    assert_int_equal(l.nsg, 0);
    assert_int_equal(r.nsg, 0);
}

static void every_status_has_words(void **state)
{
    (void)state;
    static const uint16_t known[] = {0x0000, 0x0101, 0x0102, 0x0200, 0x0201, 0x0202, 0x0203, 0x0204, 0x0205,
                                     0x0206, 0x0207, 0x0208, 0x0209, 0x020a, 0x020b, 0x0300, 0x0301, 0x0302};
    size_t count = 0;
    for (uint32_t status = 0; status <= 0xffff; status++) {
        const char *text = wire_login_status_text((uint16_t)status);
        assert_non_null(text);
        if (strncmp(text, "unknown", 7) != 0)
            assert_int_equal(status, known[count++]);
    }
    assert_int_equal(count, sizeof known / sizeof known[0]);
    assert_string_equal(wire_login_status_text(WIRE_LOGIN_NOT_FOUND), "target not found");
    assert_string_equal(wire_login_status_text(0x02ff), "unknown initiator error");
    assert_string_equal(wire_login_status_text(0x0303), "unknown target error");
    assert_string_equal(wire_login_status_text(0x0400), "unknown login status");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_have_every_field),
        cmocka_unit_test(responses_have_every_field),
        cmocka_unit_test(next_stage_needs_transit),
        cmocka_unit_test(every_status_has_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
