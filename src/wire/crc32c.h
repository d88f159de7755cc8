/* SPDX-License-Identifier: MIT */
/* CRC32C of the digests (RFC 7143 13.1). The state is the plain CRC register; start with CRC32C_INIT, feed any
 * pieces, finish with crc32c_final(). wire carries the table version (fallback and oracle) and the short one
 * for headers; a faster bulk function comes in through struct wire_crypto. */
#ifndef WIRE_CRC32C_H
#define WIRE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

#define CRC32C_INIT 0xffffffffu

static inline uint32_t crc32c_final(uint32_t state)
{
    return ~state;
}

/* Feeds `len` bytes into `state`, byte-table version: slow, correct everywhere. */
uint32_t crc32c_table(uint32_t state, const void *bytes, size_t len);

/* Feeds a header of 48 bytes or some more. Uses the CPU's crc32 instruction where the compiler targets it or
 * `wire_crypto.crc_instruction` promises it. */
uint32_t crc32c_short(uint32_t state, const void *bytes, size_t len);

#endif
