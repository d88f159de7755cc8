/* SPDX-License-Identifier: MIT */
#include "host/crc32c_host.h"
#include "host/crypto.h"
#include "wire/crc32c.h"

#include <limits.h>
#include <string.h>

#ifdef HAVE_ISAL
#include <isa-l/crc.h>
#endif

#if defined(__x86_64__)
#include <immintrin.h>

#define SIMD __attribute__((target("sse4.2,pclmul")))

/* The crc32 instruction takes three cycles but one can start in each: three lanes side by side keep it busy.
 */
#define LANE      512u
#define BLOCK     (3 * LANE)
#define SHIFT_ONE 0xdd7e3b0cu /* x^(8*LANE - 33) mod P, bits reflected: moves a register over one lane */
#define SHIFT_TWO 0x170076fau /* x^(16*LANE - 33): over two */

static bool crc32q_usable(void)
{
    return __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("pclmul");
}

static inline uint64_t word_at(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

SIMD static inline uint64_t shifted(uint64_t crc, uint32_t by)
{
    __m128i product = _mm_clmulepi64_si128(_mm_cvtsi64_si128((long long)crc), _mm_cvtsi64_si128(by), 0);
    return (uint64_t)_mm_cvtsi128_si64(product);
}

/* The first lane continues `crc`, the others start from nothing; the instruction that feeds in the two
 * shifted registers also reduces them. */
SIMD static inline uint64_t crc_block(uint64_t crc, const uint8_t *p)
{
    uint64_t second = 0, third = 0;
    for (size_t i = 0; i < LANE; i += 8) {
        crc = _mm_crc32_u64(crc, word_at(p + i));
        second = _mm_crc32_u64(second, word_at(p + LANE + i));
        third = _mm_crc32_u64(third, word_at(p + 2 * LANE + i));
    }
    return third ^ _mm_crc32_u64(0, shifted(crc, SHIFT_TWO) ^ shifted(second, SHIFT_ONE));
}

SIMD static uint32_t crc32q_update(uint32_t state, const void *bytes, size_t len)
{
    const uint8_t *p = bytes;
    uint64_t crc = state;
    for (; len >= BLOCK; len -= BLOCK, p += BLOCK)
        crc = crc_block(crc, p);
    for (; len >= 8; len -= 8, p += 8)
        crc = _mm_crc32_u64(crc, word_at(p));
    for (; len > 0; len--, p++)
        crc = _mm_crc32_u8((uint32_t)crc, *p);
    return (uint32_t)crc;
}
#endif

#ifdef HAVE_ISAL
#define ISAL_MIN 256u /* below, the plain loop of the instruction is faster than ISA-L's entry */

/* ISA-L takes and returns the plain register, as our contract does: no inversion on either side. */
static uint32_t isal_update(uint32_t state, const void *bytes, size_t len)
{
    unsigned char *p = (unsigned char *)(uintptr_t)bytes; /* its prototype forgets const */
    while (len > INT_MAX) {
        state = crc32_iscsi(p, INT_MAX, state);
        p += INT_MAX;
        len -= INT_MAX;
    }
    return crc32_iscsi(p, (int)len, state);
}
#endif

static bool always(void)
{
    return true;
}

static const struct crc32c_way ways[] = {
#ifdef HAVE_ISAL
    {"isa-l", always, isal_update},
#endif
#if defined(__x86_64__)
    {"crc32q", crc32q_usable, crc32q_update},
#endif
    {"table", always, crc32c_table},
};

const struct crc32c_way *crc32c_ways(size_t *count)
{
    *count = sizeof ways / sizeof *ways;
    return ways;
}

/* cpu_supports is one load and one test: no state to set up, none to share between threads. */
uint32_t crc32c_host(uint32_t state, const void *bytes, size_t len)
{
#if defined(HAVE_ISAL) && defined(__x86_64__)
    if (len < ISAL_MIN && crc32q_usable())
        return crc32q_update(state, bytes, len);
#endif
    const struct crc32c_way *way = ways;
    while (!way->usable())
        way++;
    return way->update(state, bytes, len);
}

const char *host_crc32c_name(void)
{
    const struct crc32c_way *way = ways;
    while (!way->usable())
        way++;
    return way->name;
}
