/* SPDX-License-Identifier: MIT */
/* A TCP socket on its way to a peer: opened, given the local end that was asked for, connecting. */
#ifndef ENGINE_DIAL_H
#define ENGINE_DIAL_H

#include "engine/engine.h"

struct dial {
    const struct engine_addr *to;
    const struct engine_bind *bind; /* NULL: as the system likes */
    int fd;
    const char *why; /* what of `bind` cannot be had, in constant words; NULL: something else failed */
    uint64_t syscalls;
};

/* Returns 0 with the descriptor in `fd`, which becomes writable when it is connected or has failed; or an
 * error, with errno, and `fd` is closed. */
int dial_begin(struct dial *d);

/* Both ends of connections within this machine: what is good for networks is not good for them. */
void dial_spare_pacing(int fd, const struct engine_addr *peer, uint64_t *syscalls);

#endif
