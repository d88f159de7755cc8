/* SPDX-License-Identifier: MIT */
#include "slots.h"

#include <sys/mman.h>

#define PAGE_BYTES 4096u

static size_t rounded(size_t bytes)
{
    return (bytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
}

/* In front of and behind the data there is room for what a read brings of blocks that are wanted in part. */
static size_t slot_memory(size_t gap)
{
    return gap + DATA_BYTES_MAX + gap + 2 * gap;
}

int slots_init(struct slots *slots, uint32_t block_bytes)
{
    size_t gap = rounded(block_bytes);
    *slots = (struct slots){.memory_bytes = SLOTS_MAX * slot_memory(gap)};
    slots->memory = mmap(NULL, slots->memory_bytes, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (slots->memory == MAP_FAILED) {
        slots->memory = NULL;
        return BERTH_E_MEMORY;
    }
    for (uint32_t i = SLOTS_MAX; i-- > 0;) {
        struct slot *s = &slots->slot[i];
        s->data = slots->memory + i * slot_memory(gap) + gap;
        s->edge[0] = s->data + DATA_BYTES_MAX + gap;
        s->edge[1] = s->edge[0] + gap;
        s->next = slots->free;
        slots->free = s;
    }
    return BERTH_OK;
}

void slots_done(struct slots *slots)
{
    if (slots->memory)
        munmap(slots->memory, slots->memory_bytes);
    slots->memory = NULL;
}

struct slot *slots_take(struct slots *slots)
{
    struct slot *s = slots->free;
    if (!s)
        return NULL;
    slots->free = s->next;
    slots->used++;
    s->pending = 0;
    s->error = BERTH_OK;
    s->flags = 0;
    s->wanted_back_ns = 0;
    s->cancelled = false;
    return s;
}

void slots_give(struct slots *slots, struct slot *s)
{
    s->state = SLOT_FREE;
    s->next = slots->free;
    slots->free = s;
    slots->used--;
}
