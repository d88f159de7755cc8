/* SPDX-License-Identifier: MIT */
/* What the tests of floor block share. */
#ifndef BLOCK_TEST_H
#define BLOCK_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lab.h"

#define KIB   1024u
#define MIB   (1024u * KIB)
#define NS_MS 1000000ull

/* Submits one I/O to a fresh queue and waits for it, or returns what submit said. */
static inline int one_io(struct berth_lun *lun, const struct berth_io *io, struct berth_done *done)
{
    struct berth_queue *q;
    assert_int_equal(berth_queue_new(&q, lun, 1), 0);
    int taken = berth_queue_submit(q, io, 1);
    if (taken == 1)
        assert_int_equal(berth_queue_reap(q, done, 1, 1, -1), 1);
    berth_queue_free(q);
    return taken == 1 ? done->error : taken;
}

static inline struct berth_io make_io(uint32_t op, uint64_t offset, uint64_t len,
                                      const struct berth_seg *segs, uint32_t count)
{
    return (struct berth_io){
        .op = op, .offset_bytes = offset, .len_bytes = len, .segs = segs, .seg_count = count, .tag = 77};
}

static inline void fill(uint8_t *to, size_t len, uint32_t seed)
{
    for (size_t i = 0; i < len; i++)
        to[i] = (uint8_t)((i * 2654435761u + seed) >> 13);
}

#endif
