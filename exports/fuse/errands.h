/* SPDX-License-Identifier: MIT */
/* What would have the disk's thread wait, done by a thread of its own that sleeps otherwise: looking for
 * holes, telling the kernel that the size has changed (it may wait for pages that only the disk's thread can
 * bring), unmounting. */
#ifndef FUSE_ERRANDS_H
#define FUSE_ERRANDS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "elsewhere.h"

#define SEEKS_MAX 16u /* the kernel asks one at a time */

struct disk;

struct seek {
    uint64_t unique, offset_bytes;
    bool hole; /* looked for; else data */
};

struct errands {
    pthread_t thread;
    bool running;
    pthread_mutex_t lock;
    pthread_cond_t wanted;
    struct seek seek[SEEKS_MAX];
    uint32_t seek_count;
    bool resized, unmount, end;
    bool said_busy; /* of the thread, and these */
    bool gone;      /* it is mounted here no more */
    char device[ELSEWHERE_DEVICE_MAX];
    _Atomic bool unmounted; /* here; `device` is known, and does not change any more */
};

/* 0, or an errno. */
int errands_begin(struct disk *disk);
void errands_end(struct disk *disk);

/* False: there are too many already. */
bool errands_seek(struct disk *disk, const struct seek *seek);
void errands_resized(struct disk *disk);
void errands_unmount(struct disk *disk);

/* Calls `tell` for who has the file open, or has it mounted when we no longer do. Any thread. */
void errands_users(struct disk *disk, void (*tell)(void *to, int64_t pid, const char *name), void *to);

#endif
