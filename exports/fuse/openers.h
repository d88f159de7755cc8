/* SPDX-License-Identifier: MIT */
/* Who has the file open: for `status`, and for the refusal to end. Calls from any thread. */
#ifndef FUSE_OPENERS_H
#define FUSE_OPENERS_H

#include <pthread.h>
#include <stdint.h>

#define OPENERS_MAX 256u /* more are counted, not named */

struct openers {
    pthread_mutex_t lock;
    uint32_t count;
    uint32_t pid[OPENERS_MAX]; /* 0: free */
};

void openers_init(struct openers *openers);
void openers_done(struct openers *openers);

/* Returns the number that openers_leave() takes. */
uint64_t openers_enter(struct openers *openers, uint32_t pid);
void openers_leave(struct openers *openers, uint64_t number);
uint32_t openers_count(struct openers *openers);

/* Calls `tell` for each: with a pid and the program's name, or with 0 and the loop device that holds `path`,
 * or with what else is known. */
void openers_list(struct openers *openers, const char *path,
                  void (*tell)(void *to, int64_t pid, const char *name), void *to);

#endif
