/* SPDX-License-Identifier: MIT */
/* A run of typed segments and slices of it. The floors pass data by reference in this one shape. */
#ifndef BASE_SEG_H
#define BASE_SEG_H

#include <berth/seg.h>

/* `len` bytes that begin `skip` bytes into the list `segs`. The list is borrowed. */
struct extent {
    const struct berth_seg *segs;
    uint32_t count;
    uint64_t skip;
    uint64_t len;
};

/* Where it is done for each I/O: a segment returned by value is copied with wide loads, which wait for its
 * narrow stores. */
static inline void seg_put(struct berth_seg *out, const void *base, uint64_t len)
{
    out->kind = BERTH_SEG_MEMORY;
    out->index = 0;
    out->base = (void *)(uintptr_t)base; /* senders only read through it */
    out->len = len;
}

static inline struct berth_seg seg_memory(const void *base, uint64_t len)
{
    struct berth_seg seg;
    seg_put(&seg, base, len);
    return seg;
}

/* Writes up to `max` segments that cover bytes [offset, offset + len) of `from` into `out`.
 * Returns how many; *covered tells the bytes they hold (less than len only when max was too small).
 * The range must lie inside the extent. */
uint32_t extent_slice(const struct extent *from, uint64_t offset, uint64_t len, struct berth_seg *out,
                      uint32_t max, uint64_t *covered);

/* Copies between memory segments and a flat buffer; the range must lie inside the extent. */
void extent_read(const struct extent *from, uint64_t offset, void *to, uint64_t len);
void extent_write(const struct extent *to, uint64_t offset, const void *from, uint64_t len);

/* Sum of the segments' lengths. */
uint64_t segs_len(const struct berth_seg *segs, uint32_t count);

#endif
