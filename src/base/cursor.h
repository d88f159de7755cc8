/* SPDX-License-Identifier: MIT */
/* Bounded reader and writer. Every parser of peer bytes walks with one of these: a step past the end sets
 * `ok` to false and yields zeros, so that a parser reads as a schema and checks once, at the end. */
#ifndef BASE_CURSOR_H
#define BASE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include "base/bytes.h"

struct reader {
    const uint8_t *at;
    const uint8_t *end;
    bool ok;
};

struct writer {
    uint8_t *start;
    uint8_t *at;
    uint8_t *end;
    bool ok;
};

static inline struct reader reader_over(const void *bytes, size_t len)
{
    const uint8_t *p = bytes;
    return (struct reader){p, p ? p + len : p, true};
}

static inline size_t reader_left(const struct reader *r)
{
    return (size_t)(r->end - r->at);
}

/* The next `len` bytes, or NULL (and ok = false) if there are fewer. */
static inline const uint8_t *read_bytes(struct reader *r, size_t len)
{
    if (!r->ok || len > reader_left(r)) {
        r->ok = false;
        return NULL;
    }
    const uint8_t *p = r->at;
    r->at += len;
    return p;
}

static inline uint8_t read8(struct reader *r)
{
    const uint8_t *p = read_bytes(r, 1);
    return p ? *p : 0;
}

static inline uint16_t read16(struct reader *r)
{
    const uint8_t *p = read_bytes(r, 2);
    return p ? get16(p) : 0;
}

static inline uint32_t read32(struct reader *r)
{
    const uint8_t *p = read_bytes(r, 4);
    return p ? get32(p) : 0;
}

static inline uint64_t read64(struct reader *r)
{
    const uint8_t *p = read_bytes(r, 8);
    return p ? get64(p) : 0;
}

static inline struct writer writer_over(void *bytes, size_t size)
{
    uint8_t *p = bytes;
    return (struct writer){p, p, p ? p + size : p, true};
}

static inline size_t writer_len(const struct writer *w)
{
    return (size_t)(w->at - w->start);
}

static inline size_t writer_left(const struct writer *w)
{
    return (size_t)(w->end - w->at);
}

/* Room for `len` bytes, or NULL (and ok = false): a writer fails, it never grows. */
static inline uint8_t *write_room(struct writer *w, size_t len)
{
    if (!w->ok || len > writer_left(w)) {
        w->ok = false;
        return NULL;
    }
    uint8_t *p = w->at;
    w->at += len;
    return p;
}

static inline void write_bytes(struct writer *w, const void *bytes, size_t len)
{
    uint8_t *p = write_room(w, len);
    if (p && len)
        memcpy(p, bytes, len);
}

static inline void write8(struct writer *w, uint8_t v)
{
    write_bytes(w, &v, 1);
}

static inline void write16(struct writer *w, uint16_t v)
{
    uint8_t *p = write_room(w, 2);
    if (p)
        put16(p, v);
}

static inline void write32(struct writer *w, uint32_t v)
{
    uint8_t *p = write_room(w, 4);
    if (p)
        put32(p, v);
}

static inline void write64(struct writer *w, uint64_t v)
{
    uint8_t *p = write_room(w, 8);
    if (p)
        put64(p, v);
}

static inline void write_str(struct writer *w, const char *s)
{
    write_bytes(w, s, strlen(s));
}

#endif
