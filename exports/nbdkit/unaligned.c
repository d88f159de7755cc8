/* SPDX-License-Identifier: MIT */
/* What NBD calls the minimum block size is the LUN's logical block, and who keeps to it comes here for the
 * lock alone. Others may not know it. A write of theirs is done as: read the blocks, change them, write them,
 * with nobody else changing any meanwhile: not fast, but right. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "plugin.h"

static pthread_rwlock_t whole = PTHREAD_RWLOCK_INITIALIZER;

void unaligned_enter(void)
{
    pthread_rwlock_rdlock(&whole);
}

void unaligned_leave(void)
{
    pthread_rwlock_unlock(&whole);
}

/* The blocks that [offset, offset + len) touches. */
struct blocks {
    uint64_t offset, len;
    uint8_t *bytes; /* NULL: there is no memory for them */
};

static struct blocks blocks_of(uint64_t len, uint64_t offset)
{
    uint64_t mask = disk.block_bytes - 1u;
    struct blocks b = {.offset = offset & ~mask};
    b.len = ((offset + len + mask) & ~mask) - b.offset;
    b.bytes = malloc(b.len);
    return b;
}

int unaligned_read(void *buf, uint64_t len, uint64_t offset)
{
    struct blocks b = blocks_of(len, offset);
    if (!b.bytes)
        return BERTH_E_MEMORY;
    int error = berth_read(disk.lun, b.bytes, b.len, b.offset);
    if (!error)
        memcpy(buf, b.bytes + (offset - b.offset), len);
    free(b.bytes);
    return error;
}

/* Only the first and the last block can keep something of what they were. */
static int read_ends(const struct blocks *b)
{
    uint64_t block = disk.block_bytes;
    int error = berth_read(disk.lun, b->bytes, block, b->offset);
    if (!error && b->len > block)
        error = berth_read(disk.lun, b->bytes + b->len - block, block, b->offset + b->len - block);
    return error;
}

int unaligned_write(const void *buf, uint64_t len, uint64_t offset, uint32_t flags)
{
    struct blocks b = blocks_of(len, offset);
    if (!b.bytes)
        return BERTH_E_MEMORY;
    pthread_rwlock_wrlock(&whole);
    int error = read_ends(&b);
    if (!error) {
        memcpy(b.bytes + (offset - b.offset), buf, len);
        error = berth_write(disk.lun, b.bytes, b.len, b.offset, flags);
    }
    pthread_rwlock_unlock(&whole);
    free(b.bytes);
    return error;
}
