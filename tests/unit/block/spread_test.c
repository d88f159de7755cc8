/* SPDX-License-Identifier: MIT */
/* Every session gets its share, whatever comes back in whichever order, and those that are down get nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "block/spread.h"

#define LANES 5u
#define DEPTH 32u /* shares of 7 */

static uint32_t down; /* bit per lane */

static bool up(const void *arg, uint32_t lane)
{
    (void)arg;
    return !(down >> lane & 1);
}

static uint32_t pick(struct spread *s)
{
    return spread_pick(s, false, up, NULL);
}

/* A run of I/Os, as berth_queue_submit() spreads it. */
static void run(struct spread *s, uint32_t count, uint32_t *to)
{
    uint32_t lane = pick(s);
    for (uint32_t n = 0; n < count; n++) {
        if (!spread_has_room(s, lane))
            lane = pick(s);
        spread_enter(s, lane);
        to[n] = lane;
    }
    spread_turn(s, lane);
}

static void runs_stay_together(void **state)
{
    struct spread *s = spread_new(LANES, DEPTH, 2);
    uint32_t to[DEPTH];
    (void)state;
    for (uint32_t r = 0; r < LANES; r++) {
        run(s, 3, to);
        for (uint32_t n = 0; n < 3; n++)
            assert_int_equal(to[n], (2 + r) % LANES);
    }
    run(s, 10, to); /* more than one may have: the rest goes on with the next */
    for (uint32_t n = 0; n < 10; n++)
        assert_int_equal(to[n], n < 4 ? 2 : n < 8 ? 3 : 4);
    free(s);
}

static void shares(void **state)
{
    struct spread *s = spread_new(LANES, DEPTH, 0);
    uint32_t to[DEPTH], dice = 7;
    (void)state;
    run(s, DEPTH, to);
    for (uint32_t turn = 0; turn < 5000; turn++) { /* as many leave as come */
        uint32_t again[DEPTH], count = 1 + dice % 8, first = dice / 8 % DEPTH;
        dice = dice * 1664525u + 1013904223u;
        for (uint32_t n = 0; n < count; n++)
            spread_leave(s, to[(first + n) % DEPTH]);
        run(s, count, again);
        for (uint32_t n = 0; n < count; n++)
            to[(first + n) % DEPTH] = again[n];
        for (uint32_t n = 0; n < LANES; n++)
            assert_in_range(s->lanes[n].load, 0, 7);
    }
    free(s);
}

static void passes_over_those_that_are_down(void **state)
{
    struct spread *s = spread_new(LANES, DEPTH, 1);
    uint32_t to[DEPTH];
    (void)state;
    down = 1u << 1 | 1u << 2;
    run(s, 21, to);
    for (uint32_t n = 0; n < 21; n++)
        assert_true(up(NULL, to[n]));
    assert_false(up(NULL, pick(s))); /* the others have their shares: it waits for one of these */
    down = 31;
    assert_true(pick(s) < LANES);
    down = 0;
    free(s);
}

static void own_lane(void **state)
{
    struct spread *s = spread_new(LANES, DEPTH, 3);
    (void)state;
    for (uint32_t n = 0; n < DEPTH; n++) { /* all of it, if that is to be */
        assert_int_equal(spread_pick(s, true, up, NULL), 3);
        spread_enter(s, 3);
    }
    down = 1u << 3;
    assert_int_not_equal(spread_pick(s, true, up, NULL), 3);
    down = 0;
    for (uint32_t n = 0; n < DEPTH; n++)
        spread_leave(s, 3);
    assert_int_equal(s->lanes[3].load, 0);
    assert_true(spread_has_room(s, 3));
    free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_stay_together),
        cmocka_unit_test(shares),
        cmocka_unit_test(passes_over_those_that_are_down),
        cmocka_unit_test(own_lane),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
