/* SPDX-License-Identifier: MIT */
/* The ways this host can compute a CRC32C, one function each, so that a test can hold them all against the
 * table. Contract of crc32c_table(). */
#ifndef HOST_CRC32C_HOST_H
#define HOST_CRC32C_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct crc32c_way {
    const char *name;
    bool (*usable)(void); /* on this CPU */
    uint32_t (*update)(uint32_t state, const void *bytes, size_t len);
};

/* Fastest first, ends with the table; `*count` receives how many. */
const struct crc32c_way *crc32c_ways(size_t *count);

/* The one host_crypto() carries. */
uint32_t crc32c_host(uint32_t state, const void *bytes, size_t len);

#endif
