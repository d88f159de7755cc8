/* SPDX-License-Identifier: MIT */
/* Reject and SNACK. */
#include "header_check.h"

/* 11.17 */
static void reject_has_every_field(void **state)
{
    (void)state;
    const struct wire_reject r = {.reason = 0x09, .window = WINDOW, .data_sn = 0x41424344};
    static const uint8_t bytes[WIRE_BHS_LEN] = {0x3f,  0x80,        0x09,         0,    ZERO4, NO_LUN_BYTES,
                                                ONES4, ZERO4,       WINDOW_BYTES, 0x41, 0x42,  0x43,
                                                0x44,  NO_LUN_BYTES};
    CHECK_FAMILY(reject, bytes, &r);
}

/* 11.16 */
static void snack_has_every_field(void **state)
{
    (void)state;
    for (uint8_t type = 0; type < 16; type++) {
        const struct wire_snack s = {.type = type,
                                     .lun = LUN,
                                     .itt = ITT,
                                     .ttt_or_tag = TTT,
                                     .exp_stat_sn = 0x31323334,
                                     .beg_run = 0x41424344,
                                     .run_length = 0x51525354};
        const uint8_t bytes[WIRE_BHS_LEN] = {0x10,      (uint8_t)(0x80 | type),
                                             0,         0,
                                             ZERO4,     LUN_BYTES,
                                             ITT_BYTES, TTT_BYTES,
                                             ZERO4,     0x31,
                                             0x32,      0x33,
                                             0x34,      NO_LUN_BYTES,
                                             0x41,      0x42,
                                             0x43,      0x44,
                                             0x51,      0x52,
                                             0x53,      0x54};
        CHECK_FAMILY(snack, bytes, &s);
    }
}

static void every_reason_has_words(void **state)
{
    (void)state;
    for (unsigned reason = 0; reason < 256; reason++) {
        bool known = strcmp(wire_reject_text((uint8_t)reason), "unknown reason") != 0;
        assert_int_equal(known, reason >= 0x02 && reason <= 0x0c);
    }
    assert_string_equal(wire_reject_text(WIRE_REJECT_PROTOCOL), "protocol error");
    assert_string_equal(wire_reject_text(0x0c), "waiting for logout");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reject_has_every_field),
        cmocka_unit_test(snack_has_every_field),
        cmocka_unit_test(every_reason_has_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
