/* SPDX-License-Identifier: MIT */
/* Buffers of the target: taken and given back by size class, kept for the next command, bounded in sum. */
#ifndef TARGET_POOL_H
#define TARGET_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POOL_CLASSES   12u /* 4 KiB .. 8 MiB */
#define POOL_CLASS_MIN 4096u
#define POOL_SMALL     (64u * 1024) /* bytes */

struct pool {
    void *free[POOL_CLASSES];    /* each buffer begins with the pointer to the next */
    uint64_t taken, kept, limit; /* bytes */
};

void pool_init(struct pool *p, uint64_t limit);
/* A buffer of at least `len` bytes; NULL when it is too long, the sum would pass the limit, or memory is out.
 */
void *pool_take(struct pool *p, uint32_t len);
void pool_give(struct pool *p, void *buffer, uint32_t len);
/* May somebody who has `share` bytes take `len` more? At most a quarter of what is left for others; and the
 * last eighth of all is for those who have nothing yet and want little: however many come and hold on to what
 * they have, the next one still gets something. */
bool pool_fair(const struct pool *p, uint64_t share, uint32_t len);
void pool_free(struct pool *p);

#endif
