/* SPDX-License-Identifier: MIT */
/* What a thread sleeps on until another rings: a descriptor where somebody may want to sleep on it in a loop
 * of their own, else a futex, which takes a system call less for each sleep, and no descriptor. */
#ifndef BLOCK_BELL_H
#define BLOCK_BELL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct bell {
    int fd;                 /* an eventfd; -1: the futex is `rings` */
    _Atomic uint32_t rings; /* since it was made */
    uint32_t heard;         /* of them */
};

int bell_make(struct bell *b, bool has_fd); /* 0 or BERTH_E_SYSTEM */
void bell_free(struct bell *b);

/* Any thread. Whoever hears it may take the bell down at once. */
void bell_ring(struct bell *b);

/* --- its owner's --- */
/* How often it was rung since it was last heard. */
uint32_t bell_hear(struct bell *b);
/* Until it rings, or has been rung and not heard. False: a signal came first. -1: for ever. */
bool bell_sleep(struct bell *b, int timeout_ms);

#endif
