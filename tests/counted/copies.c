/* SPDX-License-Identifier: MIT */
#include "copies.h"
#include <stdatomic.h>
#include <stddef.h>

static _Atomic uint64_t bytes;

uint64_t copies_bytes(void)
{
    return atomic_load(&bytes);
}

/* A loop that the compiler cannot take for a memcpy(), which it would then call. */
static void *forwards(void *to, const void *from, size_t len)
{
    uint8_t *t = to;
    const uint8_t *f = from;
    for (size_t i = 0; i < len; i++) {
        t[i] = f[i];
        __asm__ volatile("");
    }
    return to;
}

static void *backwards(void *to, const void *from, size_t len)
{
    uint8_t *t = to;
    const uint8_t *f = from;
    while (len-- > 0) {
        t[len] = f[len];
        __asm__ volatile("");
    }
    return to;
}

static void count(size_t len)
{
    atomic_fetch_add_explicit(&bytes, len, memory_order_relaxed);
}

#undef memcpy
#undef memmove
void *memcpy(void *restrict to, const void *restrict from, size_t len);
void *memmove(void *to, const void *from, size_t len);
void *__memcpy_chk(void *restrict to, const void *restrict from, size_t len, size_t room);
void *__memmove_chk(void *to, const void *from, size_t len, size_t room);

void *memcpy(void *restrict to, const void *restrict from, size_t len)
{
    count(len);
    return forwards(to, from, len);
}

void *memmove(void *to, const void *from, size_t len)
{
    count(len);
    return (uintptr_t)to - (uintptr_t)from < len ? backwards(to, from, len) : forwards(to, from, len);
}

/* The same behind _FORTIFY_SOURCE. */
void *__memcpy_chk(void *restrict to, const void *restrict from, size_t len, size_t room)
{
    return len > room ? (__builtin_trap(), to) : memcpy(to, from, len);
}

void *__memmove_chk(void *to, const void *from, size_t len, size_t room)
{
    return len > room ? (__builtin_trap(), to) : memmove(to, from, len);
}
