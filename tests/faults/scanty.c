/* SPDX-License-Identifier: MIT */
#include "scanty.h"
#include <errno.h>
#include "../glibc_heap.h"

static uint64_t left, refused;
static bool for_ever;
static int64_t live;

void scanty_arm(uint64_t nth, bool ever)
{
    left = nth;
    for_ever = ever;
    if (nth > 0)
        refused = 0;
}

uint64_t scanty_refused(void)
{
    return refused;
}

int64_t scanty_live(void)
{
    return live;
}

static bool refuses(void)
{
    if (left == 0 || --left > 0)
        return false;
    left = for_ever ? 1 : 0;
    refused++;
    errno = ENOMEM;
    return true;
}

static void *counted(void *at)
{
    live += at != NULL;
    return at;
}

void *malloc(size_t size)
{
    return refuses() ? NULL : counted(__libc_malloc(size));
}

void *calloc(size_t count, size_t size)
{
    return refuses() ? NULL : counted(__libc_calloc(count, size));
}

void *realloc(void *at, size_t size)
{
    if (size > 0 && refuses())
        return NULL;
    live -= at != NULL;
    return counted(__libc_realloc(at, size));
}

void *memalign(size_t alignment, size_t size)
{
    return refuses() ? NULL : counted(__libc_memalign(alignment, size));
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return memalign(alignment, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
    *out = memalign(alignment, size);
    return *out ? 0 : ENOMEM;
}

void free(void *at)
{
    live -= at != NULL;
    __libc_free(at);
}
