/* SPDX-License-Identifier: MIT */
#include "header_check.h"

/* 11.10; F and C are the first two bits of byte 1. */
static void request_has_every_field(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 8; i++) {
        const struct wire_text_request t = {.immediate = i & 4,
                                            .final = i & 2,
                                            .more = i & 1,
                                            .lun = LUN,
                                            .itt = ITT,
                                            .ttt = TTT,
                                            .cmd_sn = 0x31323334,
                                            .exp_stat_sn = 0x41424344};
        const uint8_t bytes[WIRE_BHS_LEN] = {i & 4 ? 0x44 : 0x04,
                                             (uint8_t)(i << 6 & 0xc0),
                                             0,
                                             0,
                                             ZERO4,
                                             LUN_BYTES,
                                             ITT_BYTES,
                                             TTT_BYTES,
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
        CHECK_FAMILY(text_request, bytes, &t);
    }
}

/* 11.11 */
static void response_has_every_field(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        const struct wire_text_response t = {
            .final = i & 2, .more = i & 1, .lun = LUN, .itt = ITT, .ttt = TTT, .window = WINDOW};
        const uint8_t bytes[WIRE_BHS_LEN] = {0x24,         (uint8_t)(i << 6), 0,         0,
                                             ZERO4,        LUN_BYTES,         ITT_BYTES, TTT_BYTES,
                                             WINDOW_BYTES, NO_LUN_BYTES,      ZERO4};
        CHECK_FAMILY(text_response, bytes, &t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_has_every_field),
        cmocka_unit_test(response_has_every_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
