/* SPDX-License-Identifier: MIT */
/* For tests that ask for times on the lab's fake clock. After cmocka.h. */
#ifndef SIM_CLOCKED_H
#define SIM_CLOCKED_H

#include "lab.h"

/* How long a read of the first block takes, which ends with `expected`. */
static inline uint64_t read_ms(struct lab *l, int expected)
{
    static uint8_t buf[512];
    uint64_t begin = world_ms(l->world);
    int error = berth_read(l->lun, buf, sizeof buf, 0);
    if (error != expected)
        print_message("%s: %s\n", berth_error_name(error), berth_lun_detail(l->lun)->text);
    assert_int_equal(error, expected);
    return world_ms(l->world) - begin;
}

/* Long enough for a session to count as a good one. */
static inline void live_a_while(struct lab *l)
{
    sim_world_advance(l->world->sim, 2 * INITIATOR_STEADY);
}

#endif
