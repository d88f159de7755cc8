/* SPDX-License-Identifier: MIT */
/* CRC32C of the digests (RFC 7143 13.1). The state is the plain CRC register; start with CRC32C_INIT, feed
 * any pieces, finish with crc32c_final(), store with put32_le(). Whoever computes digests calls through
 * struct wire_crypto: which faster way there is depends on the CPU, and only floor host may ask that. */
#ifndef WIRE_CRC32C_H
#define WIRE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

#define CRC32C_INIT 0xffffffffu

static inline uint32_t crc32c_final(uint32_t state)
{
    return ~state;
}

/* Feeds `len` bytes into `state`, byte-table version: slow, correct everywhere, every other one's oracle. */
uint32_t crc32c_table(uint32_t state, const void *bytes, size_t len);

/* The digest of a header and its additional segments: 48 bytes or more. */
uint32_t crc32c_table_header(const void *header, size_t len);

#endif
