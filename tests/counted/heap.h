/* SPDX-License-Identifier: MIT */
/* Counts what a process takes from the heap and gives back: heap.c stands in for malloc() and its family, for
 * everything in the process, libraries included. */
#ifndef COUNTED_HEAP_H
#define COUNTED_HEAP_H

#include <stdatomic.h>
#include <stdint.h>

struct heap_counts {
    _Atomic uint64_t taken, given; /* calls */
};

/* From here on this process counts there, which may be memory it shares with another. */
void heap_count_in(struct heap_counts *counts);

#endif
