/* SPDX-License-Identifier: MIT */
#include "header_check.h"

/* 11.14 */
static void request_has_every_field(void **state)
{
    (void)state;
    for (uint8_t reason = 0; reason < 0x80; reason++) {
        const struct wire_logout_request l = {.immediate = reason & 1,
                                              .reason = reason,
                                              .cid = 0x2122,
                                              .itt = ITT,
                                              .cmd_sn = 0x31323334,
                                              .exp_stat_sn = 0x41424344};
        const uint8_t bytes[WIRE_BHS_LEN] = {reason & 1 ? 0x46 : 0x06,
                                             (uint8_t)(0x80 | reason),
                                             0,
                                             0,
                                             ZERO4,
                                             NO_LUN_BYTES,
                                             ITT_BYTES,
                                             0x21,
                                             0x22,
                                             0,
                                             0,
                                             0x31,
                                             0x32,
                                             0x33,
                                             0x34,
                                             0x41,
                                             0x42,
                                             0x43,
                                             0x44,
                                             NO_LUN_BYTES,
                                             NO_LUN_BYTES};
        CHECK_FAMILY(logout_request, bytes, &l);
    }
}

/* 11.15 */
static void response_has_every_field(void **state)
{
    (void)state;
    const struct wire_logout_response l = {
        .response = 0x03, .itt = ITT, .window = WINDOW, .time2wait_s = 0x5152, .time2retain_s = 0x6162};
    static const uint8_t bytes[WIRE_BHS_LEN] = {0x26,      0x80,  0x03,         0,     ZERO4, NO_LUN_BYTES,
                                                ITT_BYTES, ZERO4, WINDOW_BYTES, ZERO4, 0x51,  0x52,
                                                0x61,      0x62,  ZERO4};
    CHECK_FAMILY(logout_response, bytes, &l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_has_every_field),
        cmocka_unit_test(response_has_every_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
