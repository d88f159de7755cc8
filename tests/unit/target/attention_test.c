/* SPDX-License-Identifier: MIT */
/* Unit attentions: what is pending, in which order it is told, and what makes it go away. */
#include "disks.h"

static const uint16_t in_order[] = {
    ASC_LUNS_CHANGED,           ASC_CAPACITY_CHANGED,        ASC_ACCESS_CHANGED,        ASC_MODE_CHANGED,
    ASC_RESERVATIONS_PREEMPTED, ASC_REGISTRATIONS_PREEMPTED, ASC_RESERVATIONS_RELEASED, ASC_COMMANDS_CLEARED};
static const uint16_t resets[] = {ASC_POWER_ON, ASC_BUS_RESET, ASC_DEVICE_RESET, ASC_NEXUS_LOSS};

static uint16_t next(uint32_t lun)
{
    return nexus_take_attention(&nexus, lun);
}

static void all_that_is_pending_is_told_once(void **state)
{
    (void)state;
    for (size_t i = COUNT(in_order); i-- > 0;) { /* the order in which they come does not matter */
        nexus_attention(&nexus, in_order[i]);
        nexus_attention(&nexus, in_order[i]);
    }
    for (size_t i = 0; i < COUNT(in_order); i++) {
        run(0, CDB(0x00));
        refused(SENSE_UNIT_ATTENTION, in_order[i]);
    }
    run(0, CDB(0x00));
    good(0);
    assert_int_equal(next(1), in_order[0]); /* each LU has its own */
}

static void a_reset_stands_for_all_else(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(resets); i++) {
        lu_tell(&disk, &nexus, ASC_MODE_CHANGED);
        lu_tell(&disk, &nexus, ASC_POWER_ON);
        lu_tell(&disk, &nexus, resets[i]);
        lu_tell(&disk, &nexus, ASC_CAPACITY_CHANGED);
        assert_int_equal(next(0), resets[i]);
        assert_int_equal(next(0), 0);
    }
}

static void what_is_settled_is_not_told(void **state)
{
    (void)state;
    nexus_attention(&nexus, ASC_LUNS_CHANGED);
    nexus_attention(&nexus, ASC_MODE_CHANGED);
    nexus_settle(&nexus, ASC_LUNS_CHANGED);
    for (uint32_t lun = 0; lun < COMMAND_LU_MAX; lun++) {
        assert_int_equal(next(lun), ASC_MODE_CHANGED);
        assert_int_equal(next(lun), 0);
    }
}

static void what_is_no_news_is_not_told(void **state)
{
    (void)state;
    nexus_attention(&nexus, ASC_NONE);
    nexus_attention(&nexus, ASC_WRITE_ERROR);
    assert_int_equal(next(0), 0);
}

static void all_who_have_joined_are_told(void **state)
{
    (void)state;
    static struct nexus other, guest;
    other = guest = (struct nexus){.set = &set};
    nexus_join(&nexus, (const uint8_t *)"one", 3);
    nexus_join(&other, (const uint8_t *)"two", 3);
    lu_tell_others(&wide, &nexus, &set, ASC_MODE_CHANGED);
    assert_int_equal(nexus_take_attention(&other, 2), ASC_MODE_CHANGED);
    assert_int_equal(nexus_take_attention(&other, 0), 0);
    assert_int_equal(next(2), 0);
    assert_int_equal(nexus_take_attention(&guest, 2), 0);
    nexus_leave(&other);
    nexus_leave(&nexus);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(all_that_is_pending_is_told_once), TEST(a_reset_stands_for_all_else),
        TEST(what_is_settled_is_not_told),      TEST(what_is_no_news_is_not_told),
        TEST(all_who_have_joined_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
