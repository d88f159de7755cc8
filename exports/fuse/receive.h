/* SPDX-License-Identifier: MIT */
/* Requests of the kernel, read from its device as they are: those that the LUN has to do go into a slot
 * without a copy or an allocation, the rare ones to libfuse. */
#ifndef FUSE_RECEIVE_H
#define FUSE_RECEIVE_H

#include "disk.h"

/* Takes what is there, or as many as there is room for. False: there will be no more, for it was
 * unmounted. */
bool receive_turn(struct disk *disk);

#endif
