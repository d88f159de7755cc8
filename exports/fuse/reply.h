/* SPDX-License-Identifier: MIT */
/* Answers to the kernel, written to its device as they are: without a copy, an allocation or a lock. From any
 * thread. An answer that nobody waits for any more is none. */
#ifndef FUSE_REPLY_H
#define FUSE_REPLY_H

#include <stddef.h>
#include <stdint.h>

#define REPLY_HEAD_BYTES 16u /* in front of the data */

/* number: an errno, or 0. */
void reply_number(int fd, uint64_t unique, int number);

/* With a body of the protocol's (fuse_open_out, fuse_write_out, ...), at most 64 bytes. */
void reply_body(int fd, uint64_t unique, const void *body, size_t len_bytes);

/* With data, in front of which REPLY_HEAD_BYTES may be overwritten. */
void reply_data(int fd, uint64_t unique, char *data, size_t len_bytes);

/* The errno that says what a LUN's error is. What was taken back, a signal has interrupted: see read(2). */
int reply_errno(int error);

#endif
