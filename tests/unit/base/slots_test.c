/* SPDX-License-Identifier: MIT */
/* Tags with generations: a dead tag finds nothing, however the slots were used since. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/slots.h"

static uint16_t mem[SLOTS_MEM(SLOTS_MAX)];
static struct slots s;

static void takes_each_slot_once(void **state)
{
    (void)state;
    bool seen[SLOTS_MAX] = {false};
    slots_init(&s, mem, SLOTS_MAX);
    for (int i = 0; i < (int)SLOTS_MAX; i++) {
        int slot = slots_take(&s);
        assert_in_range(slot, 0, SLOTS_MAX - 1);
        assert_false(seen[slot]);
        seen[slot] = true;
        assert_int_equal(s.taken, i + 1);
        assert_int_equal(slots_find(&s, slots_tag(&s, (uint16_t)slot)), slot);
    }
    assert_int_equal(slots_take(&s), -1);
    assert_int_equal(s.taken, SLOTS_MAX);
}

static void has_no_slots(void **state)
{
    (void)state;
    slots_init(&s, mem, 0);
    assert_int_equal(slots_take(&s), -1);
    assert_int_equal(slots_find(&s, 0), -1);
    assert_int_equal(slots_find(&s, UINT32_MAX), -1);
}

static void refuses_dead_tags(void **state)
{
    (void)state;
    slots_init(&s, mem, 1);
    uint32_t dead = 0;
    for (int i = 0; i < 1 << (GENERATION_BITS - 1); i++) { /* as long as generations last */
        int slot = slots_take(&s);
        uint32_t tag = slots_tag(&s, (uint16_t)slot);
        assert_int_equal(slots_find(&s, tag), slot);
        if (i > 0) {
            assert_int_not_equal(tag, dead);
            assert_int_equal(slots_find(&s, dead), -1);
        } else {
            dead = tag;
        }
        slots_give(&s, (uint16_t)slot);
        assert_int_equal(slots_find(&s, tag), -1);
    }
    assert_int_equal(s.taken, 0);
}

static void refuses_free_slots_of_any_generation(void **state)
{
    (void)state;
    slots_init(&s, mem, 4);
    int slot = slots_take(&s);
    slots_give(&s, (uint16_t)slot);
    for (uint32_t generation = 0; generation < 1u << GENERATION_BITS; generation++)
        assert_int_equal(slots_find(&s, generation << SLOT_BITS | (uint32_t)slot), -1);
}

static void refuses_foreign_tags(void **state)
{
    (void)state;
    slots_init(&s, mem, 8);
    uint16_t slot = (uint16_t)slots_take(&s);
    uint32_t tag = slots_tag(&s, slot);
    for (uint32_t high = SLOT_BITS + GENERATION_BITS; high < 32; high++)
        assert_int_equal(slots_find(&s, tag | 1u << high), -1);
    assert_int_equal(slots_find(&s, tag + 8), -1); /* past the last slot */
    assert_int_equal(slots_find(&s, UINT32_MAX), -1);
    assert_int_equal(slots_find(&s, tag), slot);
}

static void looks_no_further_than_its_slots(void **state)
{
    (void)state;
    uint16_t exact[SLOTS_MEM(2) + 1] = {0};
    slots_init(&s, exact, 2);
    exact[SLOTS_MEM(2)] = 1; /* what a third slot's generation would be */
    assert_int_equal(slots_find(&s, 1u << SLOT_BITS | 2), -1);
}

static void makes_no_reserved_tag(void **state)
{
    (void)state;
    slots_init(&s, mem, SLOTS_MAX);
    for (int i = 0; i < 5000; i++) {
        uint16_t slot = (uint16_t)slots_take(&s);
        assert_true(slots_tag(&s, slot) < 1u << (SLOT_BITS + GENERATION_BITS));
        slots_give(&s, slot);
    }
}

static void reuses_given_slots(void **state)
{
    (void)state;
    slots_init(&s, mem, 3);
    uint16_t a = (uint16_t)slots_take(&s), b = (uint16_t)slots_take(&s), c = (uint16_t)slots_take(&s);
    uint32_t tag_a = slots_tag(&s, a), tag_c = slots_tag(&s, c);
    slots_give(&s, b);
    assert_int_equal(slots_take(&s), b);
    assert_int_equal(slots_take(&s), -1);
    assert_int_equal(slots_find(&s, tag_a), a); /* the others did not notice */
    assert_int_equal(slots_find(&s, tag_c), c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_each_slot_once),  cmocka_unit_test(has_no_slots),
        cmocka_unit_test(refuses_dead_tags),     cmocka_unit_test(refuses_free_slots_of_any_generation),
        cmocka_unit_test(refuses_foreign_tags),  cmocka_unit_test(looks_no_further_than_its_slots),
        cmocka_unit_test(makes_no_reserved_tag), cmocka_unit_test(reuses_given_slots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
