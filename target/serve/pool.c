/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include "serve/pool.h"

#define KEEP_MAX (64ull * 1024 * 1024) /* bytes that lie ready; more goes back to the system */

static uint32_t class_of(uint32_t len)
{
    uint32_t c = 0;
    while (c < POOL_CLASSES && POOL_CLASS_MIN << c < len)
        c++;
    return c;
}

void pool_init(struct pool *p, uint64_t limit)
{
    *p = (struct pool){.limit = limit};
}

void *pool_take(struct pool *p, uint32_t len)
{
    uint32_t c = class_of(len);
    uint64_t size = (uint64_t)POOL_CLASS_MIN << c;
    if (c == POOL_CLASSES || p->taken + size > p->limit)
        return NULL;
    void *buffer = p->free[c];
    if (buffer) {
        memcpy(&p->free[c], buffer, sizeof(void *));
        p->kept -= size;
    } else if ((buffer = aligned_alloc(POOL_CLASS_MIN, size)) == NULL) {
        return NULL;
    }
    p->taken += size;
    return buffer;
}

void pool_give(struct pool *p, void *buffer, uint32_t len)
{
    uint32_t c = class_of(len);
    uint64_t size = (uint64_t)POOL_CLASS_MIN << c;
    if (!buffer)
        return;
    p->taken -= size;
    if (p->kept + size > KEEP_MAX) {
        free(buffer);
        return;
    }
    memcpy(buffer, &p->free[c], sizeof(void *));
    p->free[c] = buffer;
    p->kept += size;
}

bool pool_fair(const struct pool *p, uint64_t share, uint32_t len)
{
    uint64_t left = p->limit - p->taken;
    if (share > 0)
        return share + len <= left / 4;
    return len <= POOL_SMALL || left > p->limit / 8;
}

void pool_free(struct pool *p)
{
    for (uint32_t c = 0; c < POOL_CLASSES; c++)
        for (void *at = p->free[c], *next; at; at = next) {
            memcpy(&next, at, sizeof next);
            free(at);
        }
    memset(p->free, 0, sizeof p->free);
}
