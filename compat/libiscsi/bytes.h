/* SPDX-License-Identifier: MIT */
/* Numbers as SCSI writes them, and a reader that knows where its bytes end: beyond that it reads zeros. */
#ifndef COMPAT_LIBISCSI_BYTES_H
#define COMPAT_LIBISCSI_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline uint16_t get16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t get32(const uint8_t *p)
{
    return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static inline uint64_t get64(const uint8_t *p)
{
    return (uint64_t)get32(p) << 32 | get32(p + 4);
}

static inline void put16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static inline void put32(uint8_t *p, uint32_t v)
{
    put16(p, (uint16_t)(v >> 16));
    put16(p + 2, (uint16_t)v);
}

static inline void put64(uint8_t *p, uint64_t v)
{
    put32(p, (uint32_t)(v >> 32));
    put32(p + 4, (uint32_t)v);
}

struct reply {
    const uint8_t *at;
    size_t len;
};

static inline bool has(const struct reply *r, size_t offset, size_t len)
{
    return offset <= r->len && len <= r->len - offset;
}

static inline uint8_t u8(const struct reply *r, size_t offset)
{
    return has(r, offset, 1) ? r->at[offset] : 0;
}

static inline uint16_t u16(const struct reply *r, size_t offset)
{
    return has(r, offset, 2) ? get16(r->at + offset) : 0;
}

static inline uint32_t u32(const struct reply *r, size_t offset)
{
    return has(r, offset, 4) ? get32(r->at + offset) : 0;
}

static inline uint64_t u64(const struct reply *r, size_t offset)
{
    return has(r, offset, 8) ? get64(r->at + offset) : 0;
}

/* `count` bits from bit `low` on */
static inline int bits(const struct reply *r, size_t offset, int low, int count)
{
    return u8(r, offset) >> low & ((1 << count) - 1);
}

#endif
