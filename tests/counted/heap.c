/* SPDX-License-Identifier: MIT */
#include "heap.h"
#include <errno.h>
#include "../glibc_heap.h"

static struct heap_counts own;
static struct heap_counts *counts = &own;

void heap_count_in(struct heap_counts *elsewhere)
{
    counts = elsewhere;
}

static void take(void)
{
    atomic_fetch_add_explicit(&counts->taken, 1, memory_order_relaxed);
}

void *malloc(size_t size)
{
    take();
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    take();
    return __libc_calloc(count, size);
}

void *realloc(void *at, size_t size)
{
    take();
    return __libc_realloc(at, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    take();
    return __libc_memalign(alignment, size);
}

void *memalign(size_t alignment, size_t size)
{
    take();
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
    take();
    *out = __libc_memalign(alignment, size);
    return *out ? 0 : ENOMEM;
}

void free(void *at)
{
    if (at)
        atomic_fetch_add_explicit(&counts->given, 1, memory_order_relaxed);
    __libc_free(at);
}
