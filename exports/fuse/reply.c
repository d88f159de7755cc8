/* SPDX-License-Identifier: MIT */
#include "reply.h"

#include <assert.h>
#include <berth/error.h>
#include <errno.h>
#include <linux/fuse.h>
#include <string.h>
#include <unistd.h>

static_assert(sizeof(struct fuse_out_header) == REPLY_HEAD_BYTES, "the kernel's");

/* ENOENT: whoever asked has gone. ENODEV: all have, it was unmounted. There is nobody to tell of other
 * errors. */
static void put(int fd, const void *message, size_t len_bytes)
{
    ssize_t n;
    do
        n = write(fd, message, len_bytes);
    while (n < 0 && errno == EINTR);
}

static struct fuse_out_header head(uint64_t unique, int number, size_t body_bytes)
{
    return (struct fuse_out_header){
        .len = (uint32_t)(REPLY_HEAD_BYTES + body_bytes), .error = -number, .unique = unique};
}

void reply_number(int fd, uint64_t unique, int number)
{
    struct fuse_out_header h = head(unique, number, 0);
    put(fd, &h, sizeof h);
}

void reply_body(int fd, uint64_t unique, const void *body, size_t len_bytes)
{
    char message[REPLY_HEAD_BYTES + 64];
    struct fuse_out_header h = head(unique, 0, len_bytes);
    assert(len_bytes <= 64);
    memcpy(message, &h, sizeof h);
    memcpy(message + sizeof h, body, len_bytes);
    put(fd, message, sizeof h + len_bytes);
}

void reply_data(int fd, uint64_t unique, char *data, size_t len_bytes)
{
    struct fuse_out_header h = head(unique, 0, len_bytes);
    memcpy(data - sizeof h, &h, sizeof h);
    put(fd, data - sizeof h, sizeof h + len_bytes);
}

int reply_errno(int error)
{
    return error == BERTH_E_ABORTED ? EINTR : berth_error_errno(error);
}
