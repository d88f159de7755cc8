/* SPDX-License-Identifier: MIT */
/* CRC32C of the digests (RFC 7143 13.1). The state is the plain CRC register; start with CRC32C_INIT, feed any
 * pieces, finish with crc32c_final(), store with put32_le(). Whoever computes digests calls through struct
 * wire_crypto: floor host knows the CPU and fills in the functions below or better ones. */
#ifndef WIRE_CRC32C_H
#define WIRE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

#define CRC32C_INIT 0xffffffffu

static inline uint32_t crc32c_final(uint32_t state)
{
    return ~state;
}

/* Feeds `len` bytes into `state`, byte-table version: slow, correct everywhere, the others' oracle. */
uint32_t crc32c_table(uint32_t state, const void *bytes, size_t len);

/* Same with the CPU's own crc32 instruction, for short runs. Only for a CPU that has it (SSE 4.2 on x86-64);
 * wire does not ask the CPU, host does. The table version on other architectures. */
uint32_t crc32c_instruction(uint32_t state, const void *bytes, size_t len);

#endif
