/* SPDX-License-Identifier: MIT */
/* CRC32C by the instruction that this architecture has for it, in one lane and in three. Whether the CPU at
 * hand has it too is to be asked first. Contract of crc32c_table(). */
#ifndef HOST_CRC32C_CPU_H
#define HOST_CRC32C_CPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__)
#define CRC32C_CPU "crc32q"
#elif defined(__aarch64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define CRC32C_CPU "armv8"
#endif

#ifdef CRC32C_CPU
bool crc32c_cpu_usable(void);       /* the instruction is there */
bool crc32c_cpu_lanes_usable(void); /* and the carry-less product that joins lanes */
uint32_t crc32c_cpu(uint32_t state, const void *bytes, size_t len);
uint32_t crc32c_cpu_lanes(uint32_t state, const void *bytes, size_t len);
uint32_t crc32c_cpu_header(const void *header, size_t len); /* as crc32c_table_header() */
#endif

#endif
