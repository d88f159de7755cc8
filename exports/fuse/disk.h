/* SPDX-License-Identifier: MIT */
/* A LUN as the one file of a mount. One thread does the work: it takes requests from the kernel, hands them
 * to the LUN and answers them when they are done, many at a time. What may wait for something else is an
 * errand.
 *
 *   loop.c      waits, and does in turn what has come
 *   receive.c   what the kernel asks for that the LUN has to do
 *   file.c      what else the kernel asks for, through libfuse: names, attributes, sizes
 *   transfer.c  a request on its way through the LUN, piecemeal blocks included
 *   errands.c   what would have the thread wait: holes, word to the kernel, unmounting
 *   openers.c   who has the file open
 *   elsewhere.c who has it mounted when we no longer do
 *   mount.c     the mount as such
 */
#ifndef FUSE_DISK_H
#define FUSE_DISK_H

#include <berth/berth.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "errands.h"
#include "openers.h"
#include "pool.h"

#define FILE_NAME "disk"
#define FILE_NODE 2u

struct fuse_session;

#define DISK_EXTENT UINT32_MAX /* for disk_count: a question about an extent */

/* Something is done: `op` is an enum berth_op. Called by the disk's thread and by that of errands. */
typedef void disk_count(void *arg, uint32_t op, uint64_t bytes, uint64_t ns, int error);

struct disk {
    struct berth_lun *lun;
    struct berth_queue *queue;
    struct fuse_session *session;
    const char *mountpoint;
    int fd;                         /* of the kernel's device */
    int end_fd;                     /* readable: somebody wants us to end; -1: none */
    uint32_t block_bytes, io_bytes; /* the latter is what programs are told to use */
    bool read_only, thin;
    bool direct; /* without the kernel's page cache, whoever opens the file */
    _Atomic uint64_t size_bytes;
    int64_t since_s; /* the file's times */
    uint32_t uid, gid;
    disk_count *count;
    void (*ready)(void *arg);    /* the file can be used */
    bool (*insisted)(void *arg); /* it is to end now, whoever has it open */
    void *arg;                   /* of these three */

    struct pool pool;
    struct berth_io ios[SLOTS_MAX * IOS_OF_SLOT]; /* to be submitted in this round */
    uint32_t io_count;
    uint64_t sequence;
    uint32_t ragged;          /* writes under way, or waiting, that change blocks in part */
    uint32_t waiting;         /* slots in SLOT_WAITS */
    uint32_t wanted_back;     /* slots that a signal wants back */
    bool greeted, told_ready; /* the kernel has begun to talk; `ready` was called */
    bool ending;              /* somebody wants us to end */
    uint64_t unmount_next_ns; /* when that is tried again */

    struct openers openers;
    struct errands errands;
};

/* Takes all it will need. 0, or an error. */
int disk_begin(struct disk *disk, struct berth_detail *detail);
void disk_end(struct disk *disk);

/* Serves until it is unmounted. */
void disk_serve(struct disk *disk);

/* The kernel is told, soon, that the size has changed. Any thread. */
void disk_resized(struct disk *disk, uint64_t size_bytes);

uint64_t disk_now_ns(void);

#endif
