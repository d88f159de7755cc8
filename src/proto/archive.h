/* SPDX-License-Identifier: MIT */
/* Private to freeze.c and freeze_conn.c: one codec for both directions. A structure has one function that
 * names its fields; whether it writes or reads them is the archive's affair, so that freeze and thaw cannot
 * drift apart. Reading, every function also refuses what no core could have written: `ok` becomes false and
 * stays so. */
#ifndef PROTO_ARCHIVE_H
#define PROTO_ARCHIVE_H

#include "base/cursor.h"
#include "proto/core.h"

struct archive {
    struct writer *out; /* freezing; NULL when thawing */
    struct reader in;
    bool ok;
    struct session *session;
};

static inline bool thawing(const struct archive *a)
{
    return !a->out;
}

/* Thawing, `fact` must hold. Freezing, it does. */
static inline void require(struct archive *a, bool fact)
{
    a->ok = a->ok && (fact || !thawing(a));
}

static inline void field_bytes(struct archive *a, void *bytes, size_t len)
{
    if (!thawing(a)) {
        write_bytes(a->out, bytes, len);
        return;
    }
    const uint8_t *from = read_bytes(&a->in, len);
    require(a, from != NULL);
    if (from)
        memcpy(bytes, from, len);
}

static inline void field8(struct archive *a, uint8_t *v)
{
    field_bytes(a, v, 1);
}

static inline void field64(struct archive *a, uint64_t *v)
{
    uint8_t bytes[8];
    put64(bytes, *v);
    field_bytes(a, bytes, sizeof bytes);
    *v = get64(bytes);
}

static inline void field32(struct archive *a, uint32_t *v)
{
    uint8_t bytes[4];
    put32(bytes, *v);
    field_bytes(a, bytes, sizeof bytes);
    *v = get32(bytes);
}

static inline void field16(struct archive *a, uint16_t *v)
{
    uint8_t bytes[2];
    put16(bytes, *v);
    field_bytes(a, bytes, sizeof bytes);
    *v = get16(bytes);
}

static inline void field_int(struct archive *a, int *v)
{
    uint32_t bits = (uint32_t)*v;
    field32(a, &bits);
    *v = (int)bits;
}

static inline void field_bool(struct archive *a, bool *v)
{
    uint8_t byte = *v;
    field8(a, &byte);
    require(a, byte <= 1);
    *v = byte & 1;
}

/* An enumeration, or anything else with a largest value. */
static inline void field_upto8(struct archive *a, uint8_t *v, uint8_t max)
{
    field8(a, v);
    require(a, *v <= max);
}

static inline void field_upto32(struct archive *a, uint32_t *v, uint32_t max)
{
    field32(a, v);
    require(a, *v <= max);
}

/* A NUL-terminated string in an array of `size` bytes. */
static inline void field_string(struct archive *a, char *text, size_t size)
{
    uint32_t len = (uint32_t)strnlen(text, size - 1);
    field_upto32(a, &len, (uint32_t)size - 1);
    if (!a->ok)
        return;
    field_bytes(a, text, len);
    text[len] = '\0';
    require(a, strlen(text) == len);
}

/* A task by its slot; it must be in use. */
void field_task(struct archive *a, struct task **task);

/* The order of a queue, as slots. `member`: it links the tasks' `member`, otherwise their `link`. Thawing,
 * every task must be free to be linked and be in `state`. */
void field_queue(struct archive *a, struct list *head, bool member, bool (*fits)(const struct task *task));

void field_negotiation(struct archive *a, struct negotiation *n);

/* freeze_conn.c */
void field_conn(struct archive *a, struct conn *c);

#endif
