/* SPDX-License-Identifier: MIT */
/* A request on its way through the LUN: begun, moved on by what is done, answered. */
#ifndef FUSE_TRANSFER_H
#define FUSE_TRANSFER_H

#include "disk.h"

/* `slot` has op, flags, unique, offset and length, which are within the LUN, and for a write its data. */
void transfer_begin(struct disk *disk, struct slot *slot);

/* Submits what has been begun, and goes on with what is done. */
void transfer_turn(struct disk *disk);

/* A signal wants it back. It is, unless the LUN is done with it soon. */
void transfer_want_back(struct disk *disk, uint64_t unique);

/* Answers all that is under way, for nobody will go on with it: who waits for it, and for us, need not. */
void transfer_abandon(struct disk *disk);

/* Takes back what signals have wanted for long enough. Returns ms until there is more to do, -1: nothing. */
int transfer_overdue(struct disk *disk);

#endif
