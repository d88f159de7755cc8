/* SPDX-License-Identifier: MIT */
/* A range of bytes as the LUN sees it: whole blocks, of which the first and the last may be wanted in part.
 */
#ifndef FUSE_SPAN_H
#define FUSE_SPAN_H

#include <stdbool.h>
#include <stdint.h>

struct span {
    uint64_t begin_bytes, end_bytes; /* of the blocks that it touches */
    uint32_t head_bytes;             /* of the first block, in front of the range */
    uint32_t tail_bytes;             /* of the last block, behind it */
};

struct span span_of(uint64_t offset_bytes, uint64_t len_bytes, uint32_t block_bytes);

/* Does it touch a block in part? */
bool span_ragged(const struct span *s);

bool span_overlaps(const struct span *a, const struct span *b);

/* The first block is the last one, too, and wanted in part at its front: it is one edge, not two. */
bool span_one_edge(const struct span *s, uint32_t block_bytes);

/* The blocks that are wanted whole; may be none. */
uint64_t span_inner_begin(const struct span *s, uint32_t block_bytes);
uint64_t span_inner_len(const struct span *s, uint32_t block_bytes);

#endif
