/* SPDX-License-Identifier: MIT */
/* Threads that wait for disks, so that the target's thread need not, and the way back to it: a list of what
 * is finished and a descriptor that is readable while there is something in it. */
#ifndef TARGET_WORKERS_H
#define TARGET_WORKERS_H

#include <stdbool.h>
#include <stdint.h>
#include "lu/lu.h"

#define WORKERS_MAX    32u
#define WORKERS_PER_LU 16u /* a disk that hangs holds up its own LU; the others find threads */

struct workers;

/* No thread is started before it is needed. NULL: no memory, or no descriptor. */
struct workers *workers_new(void);

/* --- from the target's thread --- */

/* Has `run` called on a thread of its own, which may wait there and sets io->error; io->done follows from
 * workers_reap(). Where no thread can be had it all happens in this call. */
void workers_run(struct workers *w, struct lu_io *io, void (*run)(struct lu_io *io));
/* Readable when workers_reap() has something to do. */
int workers_fd(const struct workers *w);
/* Calls `done` of everything that is finished. */
void workers_reap(struct workers *w);
/* I/Os handed to workers_run() and workers_promise() that have not been reaped. */
uint32_t workers_busy(const struct workers *w);
/* Waits until something is finished, and reaps it; returns at once when nothing is under way. */
void workers_wait(struct workers *w);
/* Nothing is under way. */
void workers_free(struct workers *w);

/* For backends with a thread of their own: one I/O is on its way there... */
void workers_promise(struct workers *w);

/* --- from any thread --- */

/* ...and back: it is finished, and `done` follows on the target's thread. */
void workers_finish(struct workers *w, struct lu_io *io);

#endif
