/* SPDX-License-Identifier: MIT */
/* The ways this host can compute a CRC32C, so that a test can hold them all against the table and the fastest
 * can be chosen when the program runs. */
#ifndef HOST_CRC32C_HOST_H
#define HOST_CRC32C_HOST_H

#include "host/crc32c_cpu.h"
#include "wire/crc32c.h"

/* ISA-L itself chooses by the CPU, up to 64 bytes at a time (VPCLMULQDQ). Short runs are quicker without. */
#if defined(HAVE_ISAL) && defined(CRC32C_CPU)
#define CRC32C_ISAL_WAY(ROW) ROW("isa-l", crc32c_cpu_usable, crc32c_isal, crc32c_cpu_header)
#else
#define CRC32C_ISAL_WAY(ROW)
#endif

#ifdef CRC32C_CPU
#define CRC32C_CPU_WAYS(ROW)                                                                                 \
    ROW(CRC32C_CPU, crc32c_cpu_lanes_usable, crc32c_cpu_lanes, crc32c_cpu_header)                            \
    ROW(CRC32C_CPU "-serial", crc32c_cpu_usable, crc32c_cpu, crc32c_cpu_header)
#else
#define CRC32C_CPU_WAYS(ROW)
#endif

/* Fastest first. ROW(name, usable on this CPU, as crc32c_table(), as crc32c_table_header()) */
#define CRC32C_WAYS(ROW)                                                                                     \
    CRC32C_ISAL_WAY(ROW)                                                                                     \
    CRC32C_CPU_WAYS(ROW) ROW("table", crc32c_table_usable, crc32c_table, crc32c_table_header)

struct crc32c_way {
    const char *name;
    bool (*usable)(void);
    uint32_t (*update)(uint32_t state, const void *bytes, size_t len);
    uint32_t (*header)(const void *header, size_t len);
};

const struct crc32c_way *crc32c_ways(size_t *count);
size_t crc32c_fastest(void); /* of those that are usable */

bool crc32c_table_usable(void); /* always */
#ifdef HAVE_ISAL
uint32_t crc32c_isal(uint32_t state, const void *bytes, size_t len);
#endif

#endif
