/* SPDX-License-Identifier: MIT */
/* x86: SSE 4.2 has the CRC32C of 8 bytes, PCLMULQDQ the carry-less product. For crc32c_cpu.c alone. */
#ifndef HOST_CRC32C_X86_H
#define HOST_CRC32C_X86_H

#if defined(__x86_64__)
#include <immintrin.h>
#include <stdbool.h>
#include <stdint.h>

#define ON_CPU __attribute__((target("sse4.2,pclmul")))

static inline bool has_step(void)
{
    return __builtin_cpu_supports("sse4.2");
}

static inline bool has_product(void)
{
    return __builtin_cpu_supports("pclmul");
}

static inline uint64_t ON_CPU step_word(uint64_t crc, uint64_t word)
{
    return _mm_crc32_u64(crc, word);
}

static inline uint64_t ON_CPU step_byte(uint64_t crc, uint8_t byte)
{
    return _mm_crc32_u8((uint32_t)crc, byte);
}

static inline uint64_t ON_CPU product(uint64_t a, uint64_t b)
{
    __m128i p = _mm_clmulepi64_si128(_mm_cvtsi64_si128((long long)a), _mm_cvtsi64_si128((long long)b), 0);
    return (uint64_t)_mm_cvtsi128_si64(p);
}

#endif

#endif
