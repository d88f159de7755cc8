/* SPDX-License-Identifier: MIT */
/* Files and block devices as ends of a copy. Their transfers are done when start() returns: the page cache
 * does the overlapping. */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cli/copy_endpoint.h"
#include "attach/exit.h"

static const uint8_t zeros[64 * 1024];

static int rest_is_data(const struct endpoint *e, uint64_t offset, uint64_t *len, bool *hole)
{
    *len = e->size - offset;
    *hole = false;
    return 0;
}

static int extent(struct endpoint *e, uint64_t offset, uint64_t *len, bool *hole)
{
    const uint64_t at = e->origin + offset;
    off_t data = lseek(e->fd, (off_t)at, SEEK_DATA), end;
    if (data < 0 && errno == ENXIO) {
        *len = e->size - offset;
        *hole = true;
        return 0;
    }
    if (data < 0) /* a block device, or a file system that cannot tell */
        return rest_is_data(e, offset, len, hole);
    *hole = (uint64_t)data > at;
    end = *hole ? data : lseek(e->fd, (off_t)at, SEEK_HOLE);
    if (end < 0)
        return rest_is_data(e, offset, len, hole);
    *len = (uint64_t)end - at;
    return 0;
}

static void read_all(struct endpoint *e, struct transfer *t)
{
    while (t->moved < t->len) {
        ssize_t n =
            pread(e->fd, t->buf + t->moved, t->len - t->moved, (off_t)(e->origin + t->offset + t->moved));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            endpoint_fail_errno(e, "read");
            return;
        }
        if (n == 0) {
            endpoint_fail(e, STATUS_FAILED,
                          "%s became shorter while it was read; copy it again when it rests", e->name);
            return;
        }
        t->moved += (uint64_t)n;
    }
}

/* Writes `len` bytes of `buf`, or zeros if it is NULL. */
static void write_all(struct endpoint *e, const uint8_t *buf, uint64_t offset, uint64_t len)
{
    for (uint64_t done = 0; done < len;) {
        uint64_t part = len - done;
        ssize_t n;
        if (!buf && part > sizeof zeros)
            part = sizeof zeros;
        n = pwrite(e->fd, buf ? buf + done : zeros, part, (off_t)(e->origin + offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            endpoint_fail_errno(e, "write");
            return;
        }
        done += (uint64_t)n;
    }
}

/* A fresh file has its hole already; a block device may know how to make one. */
static void zero(struct endpoint *e, const struct transfer *t)
{
    int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
    if (!e->fresh && fallocate(e->fd, mode, (off_t)(e->origin + t->offset), (off_t)t->len) < 0)
        write_all(e, NULL, t->offset, t->len);
}

static void start(struct endpoint *e, struct transfer *t)
{
    if (t->op == TRANSFER_READ)
        read_all(e, t);
    else if (t->op == TRANSFER_WRITE)
        write_all(e, t->buf, t->offset, t->len);
    else
        zero(e, t);
    t->moved = t->len;
    t->done = true;
}

static void pump(struct endpoint *e)
{
    (void)e;
}

static int wait_fd(const struct endpoint *e, short *events)
{
    (void)e;
    (void)events;
    return -1;
}

/* A trailing hole is only there once the size says so. What is read back for --verify should come from the
 * disk. */
static bool ends_before(const struct endpoint *e, uint64_t size)
{
    struct stat st;
    return fstat(e->fd, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size < size;
}

static void finish(struct endpoint *e, uint64_t size)
{
    const uint64_t end = e->origin + size;
    if ((e->fresh || ends_before(e, end)) && ftruncate(e->fd, (off_t)end) < 0) {
        endpoint_fail_errno(e, "set the size of");
        return;
    }
    if (fsync(e->fd) < 0 && errno != EINVAL) {
        endpoint_fail_errno(e, "write");
        return;
    }
    posix_fadvise(e->fd, 0, 0, POSIX_FADV_DONTNEED);
    if (e->size == ENDPOINT_UNKNOWN)
        e->size = size;
}

static void close_file(struct endpoint *e)
{
    if (e->fd > STDERR_FILENO)
        close(e->fd);
    e->fd = -1;
}

const struct endpoint_kind endpoint_file = {
    .name = "file",
    .extent = extent,
    .start = start,
    .pump = pump,
    .wait_fd = wait_fd,
    .finish = finish,
    .close = close_file,
};
