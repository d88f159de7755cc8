/* SPDX-License-Identifier: MIT */
/* What the kernel asks about the mount that the LUN need not be asked for: one folder with one file. */
#ifndef FUSE_FILE_H
#define FUSE_FILE_H

struct fuse_lowlevel_ops;

extern const struct fuse_lowlevel_ops file_operations;

#endif
