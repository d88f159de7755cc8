/* SPDX-License-Identifier: MIT */
/* The mount as such. How it is taken away: attach/unmount.h. */
#ifndef FUSE_MOUNT_H
#define FUSE_MOUNT_H

#include <berth/berth.h>
#include <limits.h>
#include <stdbool.h>

struct disk;

/* Makes the folder if there is none, and takes away what a process that was killed has left mounted there.
 * `full` is what the kernel calls it; `made`: the folder was made. */
int mount_prepare(const char *path, char full[PATH_MAX], bool *made, struct berth_detail *detail);

/* Mounts; sets disk->session and disk->fd. `options` is what -o had, or ""; `source` is shown by mount(8) and
 * df(1). */
int mount_enter(struct disk *disk, const char *source, const char *options, struct berth_detail *detail);

/* Frees what mount_enter() has made. If still mounted, the mount is dead from here on, and taken away. */
void mount_done(struct disk *disk);

#endif
