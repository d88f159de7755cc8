/* SPDX-License-Identifier: MIT */
#include "header_check.h"

/* 11.9 */
static void has_every_field(void **state)
{
    (void)state;
    const struct wire_async a = {.lun = LUN,
                                 .window = WINDOW,
                                 .event = WIRE_ASYNC_VENDOR,
                                 .vendor_code = 0x31,
                                 .parameter1 = 0x4142,
                                 .parameter2 = 0x5152,
                                 .parameter3 = 0x6162};
    static const uint8_t bytes[WIRE_BHS_LEN] = {0x32,  0x80,         0,    0,    ZERO4, LUN_BYTES, ONES4,
                                                ZERO4, WINDOW_BYTES, 0xff, 0x31, 0x41,  0x42,      0x51,
                                                0x52,  0x61,         0x62, ZERO4};
    CHECK_FAMILY(async, bytes, &a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(has_every_field)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
