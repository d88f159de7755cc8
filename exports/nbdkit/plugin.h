/* SPDX-License-Identifier: MIT */
/* What the parts of nbdkit's plugin know of each other. nbdkit calls on many threads at once, and has one
 * handle for each connection; the LUN is one for all of them, so that a flush through any covers the writes
 * of all. */
#ifndef NBDKIT_PLUGIN_OF_BERTH_H
#define NBDKIT_PLUGIN_OF_BERTH_H

#include <nbdkit-plugin.h>
#include "attach/attachment.h"

struct disk {
    struct settings *settings;
    struct attachment *attachment; /* from after_fork to cleanup */
    struct berth_lun *lun;
    uint32_t block_bytes;
};

extern struct disk disk;

/* --- failure.c --- */

/* The number that nbdkit is to send for an error of the library, which is told in words as well; returns -1.
 */
int failure_tell(const char *what, int error);
/* Without words, for what is part of every day. */
int failure_number(int error);

/* --- serving.c --- */
int serve_read(void *user, void *buf, uint32_t len, uint64_t offset, uint32_t flags);
int serve_write(void *user, const void *buf, uint32_t len, uint64_t offset, uint32_t flags);
int serve_flush(void *user, uint32_t flags);
int serve_trim(void *user, uint32_t len, uint64_t offset, uint32_t flags);
int serve_zero(void *user, uint32_t len, uint64_t offset, uint32_t flags);
int serve_extents(void *user, uint32_t len, uint64_t offset, uint32_t flags, struct nbdkit_extents *out);

/* --- unaligned.c: requests that keep to no block. Each returns 0 or an enum berth_error. --- */

/* Who changes whole blocks may do so beside others, but not while one is read, changed and written. */
void unaligned_enter(void);
void unaligned_leave(void);
int unaligned_read(void *buf, uint64_t len, uint64_t offset);
int unaligned_write(const void *buf, uint64_t len, uint64_t offset, uint32_t flags);

/* --- users.c --- */
void *user_new(void);
void user_free(void *user);
void users_list(void *arg, attachment_tell_user *tell, void *to);

/* --- ending.c: when somebody asks the attachment to end, nbdkit is to shut down, and the other way round.
 * --- */
int ending_begin(struct attachment *a); /* 0 or an errno */
void ending_end(void);

#endif
