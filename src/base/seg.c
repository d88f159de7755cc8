/* SPDX-License-Identifier: MIT */
#include <string.h>
#include "base/seg.h"

/* Finds the segment that holds byte `*pos` and makes `*pos` relative to it. */
static uint32_t seek(const struct extent *e, uint64_t *pos)
{
    uint32_t i = 0;
    while (i < e->count && *pos >= e->segs[i].len)
        *pos -= e->segs[i++].len;
    return i;
}

/* In place, as seg_put(). */
static uint64_t put_part(struct berth_seg *out, const struct berth_seg *seg, uint64_t pos, uint64_t len)
{
    out->kind = seg->kind;
    out->index = seg->index;
    if (seg->kind == BERTH_SEG_FILE)
        out->offset = seg->offset + pos;
    else
        out->base = (uint8_t *)seg->base + pos;
    out->len = seg->len - pos < len ? seg->len - pos : len;
    return out->len;
}

uint32_t extent_slice(const struct extent *from, uint64_t offset, uint64_t len, struct berth_seg *out,
                      uint32_t max, uint64_t *covered)
{
    uint64_t pos = from->skip + offset, left = len;
    uint32_t n = 0;

    for (uint32_t i = seek(from, &pos); i < from->count && n < max && left > 0; i++) {
        if (from->segs[i].len == 0)
            continue;
        left -= put_part(&out[n++], &from->segs[i], pos, left);
        pos = 0;
    }
    *covered = len - left;
    return n;
}

void extent_read(const struct extent *from, uint64_t offset, void *to, uint64_t len)
{
    uint8_t *at = to;
    struct berth_seg seg;
    for (uint64_t done = 0, got; done < len && extent_slice(from, offset + done, len - done, &seg, 1, &got);
         done += got)
        memcpy(at + done, seg.base, seg.len);
}

void extent_write(const struct extent *to, uint64_t offset, const void *from, uint64_t len)
{
    const uint8_t *at = from;
    struct berth_seg seg;
    for (uint64_t done = 0, got; done < len && extent_slice(to, offset + done, len - done, &seg, 1, &got);
         done += got)
        memcpy(seg.base, at + done, seg.len);
}

uint64_t segs_len(const struct berth_seg *segs, uint32_t count)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < count; i++)
        sum += segs[i].len;
    return sum;
}
