/* SPDX-License-Identifier: MIT */
#include "header_check.h"

/* 11.5 */
static void request_has_every_field(void **state)
{
    (void)state;
    struct wire_tmf_request t = {.function = 0,
                                 .lun = LUN,
                                 .itt = ITT,
                                 .referenced_tag = 0x21222324,
                                 .cmd_sn = 0x31323334,
                                 .exp_stat_sn = 0x41424344,
                                 .ref_cmd_sn = 0x51525354,
                                 .exp_data_sn = 0x61626364};
    uint8_t bytes[WIRE_BHS_LEN] = {0x02, 0x80, 0,    0,    ZERO4, LUN_BYTES, ITT_BYTES,
                                   0x21, 0x22, 0x23, 0x24, 0x31,  0x32,      0x33,
                                   0x34, 0x41, 0x42, 0x43, 0x44,  0x51,      0x52,
                                   0x53, 0x54, 0x61, 0x62, 0x63,  0x64,      NO_LUN_BYTES};
    CHECK_FAMILY(tmf_request, bytes, &t);
    for (uint8_t function = 1; function < 0x80; function++) {
        t.function = function;
        t.immediate = function & 1;
        bytes[0] = function & 1 ? 0x42 : 0x02;
        bytes[1] = 0x80 | function;
        CHECK_FAMILY(tmf_request, bytes, &t);
    }
}

/* 11.6 */
static void response_has_every_field(void **state)
{
    (void)state;
    const struct wire_tmf_response t = {.response = WIRE_TMF_REJECTED, .itt = ITT, .window = WINDOW};
    static const uint8_t bytes[WIRE_BHS_LEN] = {
        0x22, 0x80, 0xff, 0, ZERO4, NO_LUN_BYTES, ITT_BYTES, ZERO4, WINDOW_BYTES, NO_LUN_BYTES, ZERO4};
    CHECK_FAMILY(tmf_response, bytes, &t);
}

static void numbers_are_the_rfc_s(void **state)
{
    (void)state;
    assert_int_equal(WIRE_TMF_ABORT_TASK, 1);
    assert_int_equal(WIRE_TMF_LU_RESET, 5);
    assert_int_equal(WIRE_TMF_TASK_REASSIGN, 8);
    assert_int_equal(WIRE_TMF_QUERY_ASYNC_EVENT, 12);
    assert_int_equal(WIRE_TMF_NO_TASK, 1);
    assert_int_equal(WIRE_TMF_UNSUPPORTED, 5);
    assert_int_equal(WIRE_TMF_SUCCEEDED, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_has_every_field),
        cmocka_unit_test(response_has_every_field),
        cmocka_unit_test(numbers_are_the_rfc_s),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
