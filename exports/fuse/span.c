/* SPDX-License-Identifier: MIT */
#include "span.h"

struct span span_of(uint64_t offset_bytes, uint64_t len_bytes, uint32_t block_bytes)
{
    uint64_t end = offset_bytes + len_bytes;
    struct span s = {.begin_bytes = offset_bytes - offset_bytes % block_bytes,
                     .head_bytes = (uint32_t)(offset_bytes % block_bytes),
                     .tail_bytes = (uint32_t)((block_bytes - end % block_bytes) % block_bytes)};
    s.end_bytes = end + s.tail_bytes;
    return s;
}

bool span_ragged(const struct span *s)
{
    return s->head_bytes || s->tail_bytes;
}

bool span_overlaps(const struct span *a, const struct span *b)
{
    return a->begin_bytes < b->end_bytes && b->begin_bytes < a->end_bytes;
}

bool span_one_edge(const struct span *s, uint32_t block_bytes)
{
    return s->head_bytes && s->end_bytes - s->begin_bytes == block_bytes;
}

uint64_t span_inner_begin(const struct span *s, uint32_t block_bytes)
{
    return s->begin_bytes + (s->head_bytes ? block_bytes : 0);
}

uint64_t span_inner_len(const struct span *s, uint32_t block_bytes)
{
    uint64_t begin = span_inner_begin(s, block_bytes);
    uint64_t end = s->end_bytes - (s->tail_bytes ? block_bytes : 0);
    return end > begin ? end - begin : 0;
}
