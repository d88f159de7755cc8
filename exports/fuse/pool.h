/* SPDX-License-Identifier: MIT */
/* Requests of the kernel that wait for the LUN, and the memory for their data: all there is of it, taken when
 * we start. Slots and memory are handed out last in, first out, so that a small load touches little memory.
 */
#ifndef FUSE_POOL_H
#define FUSE_POOL_H

#include <berth/berth.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "span.h"

#define SLOTS_MAX       64u         /* requests under way at once; what is beyond waits in the kernel */
#define DATA_BYTES_MAX  (1u << 20)  /* of one request: as much as the kernel sends and asks for */
#define BLOCK_BYTES_MAX (64u << 10) /* of a LUN */
#define HEAD_BYTES      80u         /* of a WRITE, in front of its data */
#define IOS_OF_SLOT     3u          /* the most that one request has under way */
#define RECEIVE_BYTES   (HEAD_BYTES + DATA_BYTES_MAX)

enum slot_state {
    SLOT_FREE,
    SLOT_WAITS, /* for another that writes to the same blocks */
    SLOT_EDGES, /* reads the blocks that it changes in part */
    SLOT_MOVES, /* does what it is there for */
};

struct slot {
    enum slot_state state;
    uint32_t op, flags; /* enum berth_op, enum berth_flags */
    uint32_t pid;       /* who asked; 0: the kernel itself, or somebody we cannot see */
    uint64_t unique;    /* the kernel's number of the request */
    uint64_t sequence;  /* of two that are about the same blocks the lower one goes first */
    uint64_t offset_bytes, len_bytes;
    struct span span;
    uint32_t pending; /* I/Os */
    int error;        /* of the first one that failed: enum berth_error */
    uint64_t begun_ns;
    uint64_t wanted_back_ns; /* since when a signal wants it back; 0: none does */
    bool cancelled;
    struct berth_seg segs[IOS_OF_SLOT];
    char *data;    /* of the request: page-aligned, HEAD_BYTES and more in front of it, a block behind it */
    char *edge[2]; /* a block each: the first and the last one, where they are changed in part */
    struct slot *next;
};

struct pool {
    struct slot slot[SLOTS_MAX];
    struct slot *free;
    uint32_t used;
    char *memory;
    size_t memory_bytes;
};

/* 0, or BERTH_E_MEMORY. */
int pool_init(struct pool *pool, uint32_t block_bytes);
void pool_done(struct pool *pool);

/* NULL: all are in use. */
struct slot *pool_take(struct pool *pool);
void pool_give(struct pool *pool, struct slot *slot);

#endif
