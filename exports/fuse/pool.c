/* SPDX-License-Identifier: MIT */
#include "pool.h"

#include <sys/mman.h>

#define PAGE_BYTES 4096u
#define PREFAULTED 4u /* slots */

static size_t rounded(size_t bytes)
{
    return (bytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
}

/* In front of and behind the data there is room for what a read brings of blocks that are wanted in part. */
static size_t slot_memory(size_t gap)
{
    return gap + DATA_BYTES_MAX + gap + 2 * gap;
}

/* So much can be under way although there is no memory to be had: these are handed out first. */
static void prefault(struct pool *pool)
{
    char *end = pool->memory + pool->memory_bytes / SLOTS_MAX * PREFAULTED;
    for (volatile char *page = pool->memory; page < end; page += PAGE_BYTES)
        *page = 0;
}

int pool_init(struct pool *pool, uint32_t block_bytes)
{
    size_t gap = rounded(block_bytes);
    *pool = (struct pool){.memory_bytes = SLOTS_MAX * slot_memory(gap)};
    pool->memory = mmap(NULL, pool->memory_bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (pool->memory == MAP_FAILED) {
        pool->memory = NULL;
        return BERTH_E_MEMORY;
    }
    for (uint32_t i = SLOTS_MAX; i-- > 0;) {
        struct slot *s = &pool->slot[i];
        s->data = pool->memory + i * slot_memory(gap) + gap;
        s->edge[0] = s->data + DATA_BYTES_MAX + gap;
        s->edge[1] = s->edge[0] + gap;
        s->next = pool->free;
        pool->free = s;
    }
    prefault(pool);
    return BERTH_OK;
}

void pool_done(struct pool *pool)
{
    if (pool->memory)
        munmap(pool->memory, pool->memory_bytes);
    pool->memory = NULL;
}

struct slot *pool_take(struct pool *pool)
{
    struct slot *s = pool->free;
    if (!s)
        return NULL;
    pool->free = s->next;
    pool->used++;
    s->pending = 0;
    s->error = BERTH_OK;
    s->flags = 0;
    s->wanted_back_ns = 0;
    s->cancelled = false;
    return s;
}

void pool_give(struct pool *pool, struct slot *s)
{
    s->state = SLOT_FREE;
    s->next = pool->free;
    pool->free = s;
    pool->used--;
}
