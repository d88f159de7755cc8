/* SPDX-License-Identifier: MIT */
/* Takes a mount of FUSE away: by the kernel where we may, else through fusermount3. */
#ifndef ATTACH_UNMOUNT_H
#define ATTACH_UNMOUNT_H

#include <stdbool.h>

/* Returns 0 or an errno; EBUSY: it is in use. Lazily it goes out of sight at once, whoever uses it. */
int unmount(const char *path, bool lazily);

#endif
