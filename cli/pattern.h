/* SPDX-License-Identifier: MIT */
/* What berth bench writes: blocks that begin with a mark, so that berth knows its own leavings from
 * somebody's data. */
#ifndef CLI_PATTERN_H
#define CLI_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool pattern_is_zero(const void *buf, size_t len);

/* Fills with marked blocks of bytes that do not compress. `len` and `block` are multiples of 16. */
void pattern_fill(void *buf, size_t len, uint32_t block, uint64_t seed);

/* Is every block either zero or marked? */
bool pattern_is_blank(const void *buf, size_t len, uint32_t block);

/* The next of a sequence of numbers that look random; `state` begins with anything but 0. */
uint64_t pattern_next(uint64_t *state);

#endif
