/* SPDX-License-Identifier: MIT */
/* For a heap of a test's own, which stands before glibc's. */
#ifndef TESTS_GLIBC_HEAP_H
#define TESTS_GLIBC_HEAP_H

#include <stddef.h>

/* What glibc's own functions are called besides. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *at, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *at);

void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void *realloc(void *at, size_t size);
void *aligned_alloc(size_t alignment, size_t size);
void *memalign(size_t alignment, size_t size);
int posix_memalign(void **out, size_t alignment, size_t size);
void free(void *at);

#endif
