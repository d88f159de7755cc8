/* SPDX-License-Identifier: MIT */
/* The instruction takes two or three cycles, but one can start in each: three lanes side by side keep it
 * busy. */
#include "host/crc32c_cpu.h"

#ifdef CRC32C_CPU
#include "wire/crc32c.h"
#include "wire/pdu.h"

#include <string.h>

#if defined(__x86_64__)
#include "host/crc32c_x86.h"
#else
#include "host/crc32c_armv8.h"
#endif

/* What moves a register over N bytes of zeros: x^(8N - 33) mod P, bits reflected. */
#define LONG_LANE  512u
#define LONG_ONE   0xdd7e3b0cu /* over one lane */
#define LONG_TWO   0x170076fau /* over two */
#define SHORT_LANE 64u
#define SHORT_ONE  0x9e4addf8u
#define SHORT_TWO  0x0d3b6092u

bool crc32c_cpu_usable(void)
{
    return has_step();
}

bool crc32c_cpu_lanes_usable(void)
{
    return has_step() && has_product();
}

static inline uint64_t word_at(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* The first lane continues `crc`, the others start from nothing; the instruction that feeds in the two
 * shifted registers also reduces them. */
static inline uint64_t ON_CPU three_lanes(uint64_t crc, const uint8_t *p, size_t lane, uint32_t one,
                                          uint32_t two)
{
    uint64_t second = 0, third = 0;
    for (size_t i = 0; i < lane; i += 8) {
        crc = step_word(crc, word_at(p + i));
        second = step_word(second, word_at(p + lane + i));
        third = step_word(third, word_at(p + 2 * lane + i));
    }
    return third ^ step_word(0, product(crc, two) ^ product(second, one));
}

uint32_t ON_CPU crc32c_cpu(uint32_t state, const void *bytes, size_t len)
{
    const uint8_t *p = bytes;
    uint64_t crc = state;
    for (; len >= 8; len -= 8, p += 8)
        crc = step_word(crc, word_at(p));
    for (; len > 0; len--, p++)
        crc = step_byte(crc, *p);
    return (uint32_t)crc;
}

uint32_t ON_CPU crc32c_cpu_lanes(uint32_t state, const void *bytes, size_t len)
{
    const uint8_t *p = bytes;
    uint64_t crc = state;
    for (; len >= 3 * LONG_LANE; len -= 3 * LONG_LANE, p += 3 * LONG_LANE)
        crc = three_lanes(crc, p, LONG_LANE, LONG_ONE, LONG_TWO);
    for (; len >= 3 * SHORT_LANE; len -= 3 * SHORT_LANE, p += 3 * SHORT_LANE)
        crc = three_lanes(crc, p, SHORT_LANE, SHORT_ONE, SHORT_TWO);
    return crc32c_cpu((uint32_t)crc, p, len);
}

/* A length known beforehand leaves six instructions in a row. Additional header segments are rare. */
uint32_t ON_CPU crc32c_cpu_header(const void *header, size_t len)
{
    const uint8_t *p = header;
    uint64_t crc = CRC32C_INIT;
    for (size_t i = 0; i < WIRE_BHS_LEN; i += 8)
        crc = step_word(crc, word_at(p + i));
    if (len > WIRE_BHS_LEN)
        crc = crc32c_cpu((uint32_t)crc, p + WIRE_BHS_LEN, len - WIRE_BHS_LEN);
    return crc32c_final((uint32_t)crc);
}
#endif
