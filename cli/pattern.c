/* SPDX-License-Identifier: MIT */
#include <string.h>
#include "cli/pattern.h"

static const char mark[16] = "berth bench data";

/* Compares the range with itself one byte on: memcmp is the fastest loop at hand. */
bool pattern_is_zero(const void *buf, size_t len)
{
    const uint8_t *b = buf;
    return len == 0 || (b[0] == 0 && memcmp(b, b + 1, len - 1) == 0);
}

/* xorshift64* (Vigna 2016). */
uint64_t pattern_next(uint64_t *state)
{
    uint64_t x = *state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return x * 0x2545f4914f6cdd1du;
}

void pattern_fill(void *buf, size_t len, uint32_t block, uint64_t seed)
{
    uint8_t *b = buf;
    uint64_t state = seed * 2 + 1;
    for (size_t i = 0; i + sizeof state <= len; i += sizeof state) {
        uint64_t word = pattern_next(&state);
        memcpy(b + i, &word, sizeof word);
    }
    for (size_t i = 0; i < len; i += block)
        memcpy(b + i, mark, sizeof mark);
}

bool pattern_is_blank(const void *buf, size_t len, uint32_t block)
{
    const uint8_t *b = buf;
    for (size_t i = 0; i < len; i += block) {
        size_t part = len - i < block ? len - i : block;
        bool marked = part >= sizeof mark && memcmp(b + i, mark, sizeof mark) == 0;
        if (!marked && !pattern_is_zero(b + i, part))
            return false;
    }
    return true;
}
