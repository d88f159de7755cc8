/* SPDX-License-Identifier: MIT */
#include "header_check.h"

/* 11.18 */
static void out_has_every_field(void **state)
{
    (void)state;
    for (unsigned immediate = 0; immediate < 2; immediate++) {
        const struct wire_nop_out n = {.immediate = immediate,
                                       .lun = LUN,
                                       .itt = ITT,
                                       .ttt = TTT,
                                       .cmd_sn = 0x31323334,
                                       .exp_stat_sn = 0x41424344};
        const uint8_t bytes[WIRE_BHS_LEN] = {immediate ? 0x40 : 0x00,
                                             0x80,
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
        CHECK_FAMILY(nop_out, bytes, &n);
    }
}

/* 11.19 */
static void in_has_every_field(void **state)
{
    (void)state;
    const struct wire_nop_in n = {.lun = LUN, .itt = WIRE_TAG_NONE, .ttt = TTT, .window = WINDOW};
    static const uint8_t bytes[WIRE_BHS_LEN] = {
        0x20, 0x80, 0, 0, ZERO4, LUN_BYTES, ONES4, TTT_BYTES, WINDOW_BYTES, NO_LUN_BYTES, ZERO4};
    CHECK_FAMILY(nop_in, bytes, &n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(out_has_every_field),
        cmocka_unit_test(in_has_every_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
