/* SPDX-License-Identifier: MIT */
/* What is on a LUN that an initiator reads and writes. Every byte follows from a generation, the LUN and its
 * place, so whatever comes from elsewhere, or is old, or was never there, is seen. */
#ifndef CHECK_DISK_H
#define CHECK_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DISK_BYTES (8u * 1024 * 1024)

/* 0 is what a LUN holds at first; writes bring the others. */
enum disk_generation { DISK_FIRST, DISK_SECOND, DISK_THIRD };

struct disk {
    int fd; /* of memory */
    uint8_t *bytes;
    uint32_t lun;
};

bool disk_open(struct disk *d, uint32_t lun);
void disk_close(struct disk *d);

/* What generation `g` of this LUN has at `offset`. Both are multiples of 8. */
void disk_pattern(uint8_t *out, uint32_t lun, uint32_t g, uint64_t offset, size_t len);

/* Where the first byte is that is not of generation `g`; `len`: there is none. */
size_t disk_differs(const uint8_t *bytes, uint32_t lun, uint32_t g, uint64_t offset, size_t len);

/* Where the first block is that is whole in none of the generations `from` to `to`; `len`: there is none. */
size_t disk_torn(const struct disk *d, uint32_t from, uint32_t to, uint64_t offset, size_t len,
                 uint32_t block);

#endif
