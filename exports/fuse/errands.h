/* SPDX-License-Identifier: MIT */
/* What would have the disk's thread wait, done by a thread of its own that sleeps otherwise: looking for
 * holes, telling the kernel that the size has changed (it may wait for pages that only the disk's thread can
 * bring), unmounting. */
#ifndef FUSE_ERRANDS_H
#define FUSE_ERRANDS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

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
    bool said_busy; /* of the thread */
};

/* 0, or an errno. */
int errands_begin(struct disk *disk);
void errands_end(struct disk *disk);

/* False: there are too many already. */
bool errands_seek(struct disk *disk, const struct seek *seek);
void errands_resized(struct disk *disk);
void errands_unmount(struct disk *disk);

#endif
