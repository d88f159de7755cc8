/* SPDX-License-Identifier: MIT */
/* Requests of NBD as I/Os. The library receives into nbdkit's buffer and sends from it. */
#include <errno.h>
#include <time.h>
#include "plugin.h"

#define EXTENTS_MAX 64u /* told in one answer: each costs a command. Who wants more asks again */

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int finish(enum attachment_op op, const char *what, uint64_t bytes, uint64_t begun_ns, int error)
{
    attachment_count(disk.attachment, op, error ? 0 : bytes, now_ns() - begun_ns, error);
    return error ? failure_tell(what, error) : 0;
}

static bool aligned(uint64_t len, uint64_t offset)
{
    return ((len | offset) & (disk.block_bytes - 1u)) == 0;
}

static uint32_t durable(uint32_t flags)
{
    return flags & NBDKIT_FLAG_FUA ? BERTH_FUA : 0;
}

int serve_read(void *user, void *buf, uint32_t len, uint64_t offset, uint32_t flags)
{
    uint64_t begun = now_ns();
    (void)user;
    (void)flags;
    int error =
        aligned(len, offset) ? berth_read(disk.lun, buf, len, offset) : unaligned_read(buf, len, offset);
    return finish(ATTACHMENT_READ, "read", len, begun, error);
}

static int write_blocks(const void *buf, uint32_t len, uint64_t offset, uint32_t flags)
{
    unaligned_enter();
    int error = berth_write(disk.lun, buf, len, offset, flags);
    unaligned_leave();
    return error;
}

int serve_write(void *user, const void *buf, uint32_t len, uint64_t offset, uint32_t flags)
{
    uint64_t begun = now_ns();
    (void)user;
    int error = aligned(len, offset) ? write_blocks(buf, len, offset, durable(flags))
                                     : unaligned_write(buf, len, offset, durable(flags));
    return finish(ATTACHMENT_WRITE, "write", len, begun, error);
}

int serve_flush(void *user, uint32_t flags)
{
    uint64_t begun = now_ns();
    (void)user;
    (void)flags;
    return finish(ATTACHMENT_FLUSH, "flush", 0, begun, berth_flush(disk.lun));
}

/* What no whole block is, stays: a trim is a wish. */
static int trim_blocks(uint64_t len, uint64_t offset)
{
    uint64_t mask = disk.block_bytes - 1u, end = (offset + len) & ~mask;
    offset = (offset + mask) & ~mask;
    if (offset >= end)
        return BERTH_OK;
    unaligned_enter();
    int error = berth_trim(disk.lun, end - offset, offset);
    unaligned_leave();
    return error;
}

int serve_trim(void *user, uint32_t len, uint64_t offset, uint32_t flags)
{
    uint64_t begun = now_ns();
    (void)user;
    int error = trim_blocks(len, offset);
    if (!error && flags & NBDKIT_FLAG_FUA) /* SBC-3 has none for UNMAP */
        error = berth_flush(disk.lun);
    return finish(ATTACHMENT_TRIM, "trim", len, begun, error);
}

/* Zeros that would travel as data are not fast; and those that keep to no block nbdkit writes itself, if it
 * gets this number. */
static bool left_to_nbdkit(uint32_t len, uint64_t offset, uint32_t flags)
{
    bool sent_as_data = attachment_info(disk.attachment).max_zero_bytes == 0;
    return !aligned(len, offset) || (flags & NBDKIT_FLAG_FAST_ZERO && sent_as_data);
}

int serve_zero(void *user, uint32_t len, uint64_t offset, uint32_t flags)
{
    uint64_t begun = now_ns();
    uint32_t holes = flags & NBDKIT_FLAG_MAY_TRIM ? BERTH_MAY_TRIM : 0;
    (void)user;
    if (left_to_nbdkit(len, offset, flags)) {
        nbdkit_set_error(EOPNOTSUPP);
        return -1;
    }
    unaligned_enter();
    int error = berth_zero(disk.lun, len, offset, durable(flags) | holes);
    unaligned_leave();
    return finish(ATTACHMENT_ZERO, "zero", len, begun, error);
}

/* One run of blocks; moves `at` to its end. */
static int add_run(struct nbdkit_extents *out, uint64_t *at, uint32_t hole_type)
{
    uint64_t begun = now_ns(), len;
    bool hole;
    int error = berth_extent(disk.lun, *at, &len, &hole);
    if (finish(ATTACHMENT_EXTENT, "block status", 0, begun, error) < 0)
        return -1;
    uint64_t from = *at;
    *at += len;
    return nbdkit_add_extent(out, from, len, hole ? hole_type : 0);
}

int serve_extents(void *user, uint32_t len, uint64_t offset, uint32_t flags, struct nbdkit_extents *out)
{
    uint64_t at = offset & ~(uint64_t)(disk.block_bytes - 1u);
    bool zeros = attachment_info(disk.attachment).trim_reads_zeros;
    uint32_t hole_type = NBDKIT_EXTENT_HOLE | (zeros ? NBDKIT_EXTENT_ZERO : 0u);
    uint32_t most = flags & NBDKIT_FLAG_REQ_ONE ? 1 : EXTENTS_MAX;
    (void)user;
    for (uint32_t n = 0; n < most && at < offset + len; n++)
        if (add_run(out, &at, hole_type) < 0)
            return -1;
    return 0;
}
