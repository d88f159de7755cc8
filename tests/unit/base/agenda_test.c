/* SPDX-License-Identifier: MIT */
/* Whatever is entered, moved and taken off, the first one is the earliest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/agenda.h"

#define ALL 100u

static struct agenda_entry *memory[ALL];
static struct agenda_entry entries[ALL];
static struct agenda agenda;
static uint32_t dice = 1;

static int start(void **state)
{
    (void)state;
    agenda = (struct agenda){.entries = memory};
    for (uint32_t i = 0; i < ALL; i++)
        agenda_entry_init(&entries[i]);
    return 0;
}

static uint32_t roll(uint32_t below)
{
    dice = dice * 1664525u + 1013904223u;
    return (dice >> 8) % below;
}

/* What a look at all of them finds. */
static uint64_t earliest(void)
{
    uint64_t first = UINT64_MAX;
    for (uint32_t i = 0; i < ALL; i++)
        if (entries[i].due_ns < first)
            first = entries[i].due_ns;
    return first;
}

static void empty(void **state)
{
    (void)state;
    assert_int_equal(agenda_first(&agenda), UINT64_MAX);
    assert_null(agenda_take(&agenda, UINT64_MAX));
    agenda_set(&agenda, &entries[0], UINT64_MAX); /* it is in none */
    assert_int_equal(agenda.count, 0);
}

static void takes_in_order(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < ALL; i++)
        agenda_set(&agenda, &entries[i], roll(50));
    assert_int_equal(agenda.count, ALL);
    uint64_t last = 0;
    for (uint32_t i = 0; i < ALL; i++) {
        uint64_t first = agenda_first(&agenda);
        assert_true(first >= last);
        if (first > 0)
            assert_null(agenda_take(&agenda, first - 1)); /* not yet */
        struct agenda_entry *e = agenda_take(&agenda, first);
        assert_non_null(e);
        assert_int_equal(e->place, 0);
        assert_int_equal(e->due_ns, UINT64_MAX);
        last = first;
    }
    assert_int_equal(agenda.count, 0);
}

static void moves(void **state)
{
    (void)state;
    for (uint32_t n = 0; n < 20000; n++) {
        agenda_set(&agenda, &entries[roll(ALL)], roll(5) ? roll(1000) : UINT64_MAX);
        assert_int_equal(agenda_first(&agenda), earliest());
    }
    uint32_t in = 0;
    for (uint32_t i = 0; i < ALL; i++)
        in += entries[i].place > 0;
    assert_int_equal(in, agenda.count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(empty, start),
        cmocka_unit_test_setup(takes_in_order, start),
        cmocka_unit_test_setup(moves, start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
