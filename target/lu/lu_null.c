/* SPDX-License-Identifier: MIT */
/* "null:SIZE": reads are zeros and writes are forgotten, so that what is measured is the way there and back.
 * Reads are answered from an area of zeros that nobody ever writes, so that all of it is the kernel's one
 * page of zeros, which stays in the caches. */
#include <sys/mman.h>
#include "lu/command.h"

static int null_open(struct lu *lu, const char *where, const struct lu_reason *why)
{
    if (lu_read_size(where, &lu->size, why))
        return -1;
    void *zeros = mmap(NULL, COMMAND_XFER_MAX, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (zeros == MAP_FAILED)
        return lu_refuse(why, "null:%s: out of memory: free some and start again", where);
    lu->store = zeros;
    return 0;
}

static void null_close(struct lu *lu)
{
    munmap(lu->store, COMMAND_XFER_MAX);
}

static const void *null_peek(struct lu *lu, uint64_t offset, uint64_t len)
{
    (void)offset;
    return len <= COMMAND_XFER_MAX ? lu->store : NULL;
}

static int null_read(struct lu *lu, uint64_t offset, const struct extent *to)
{
    (void)offset;
    for (uint64_t done = 0; done < to->len; done += COMMAND_XFER_MAX) {
        uint64_t left = to->len - done;
        extent_write(to, done, lu->store, left < COMMAND_XFER_MAX ? left : COMMAND_XFER_MAX);
    }
    return 0;
}

static int null_write(struct lu *lu, uint64_t offset, const struct extent *from)
{
    (void)lu, (void)offset, (void)from;
    return 0;
}

static int null_flush(struct lu *lu)
{
    (void)lu;
    return 0;
}

static int null_punch(struct lu *lu, uint64_t offset, uint64_t len)
{
    (void)lu, (void)offset, (void)len;
    return 0;
}

/* All of it is there: whoever copies only what is allocated would move nothing, and measure that. */
static int null_map(struct lu *lu, uint64_t offset, uint64_t *len, bool *allocated)
{
    (void)lu, (void)offset, (void)len;
    *allocated = true;
    return 0;
}

static int null_resize(struct lu *lu, uint64_t size, const struct lu_reason *why)
{
    (void)why;
    lu->size = size > 0 ? size : lu->size;
    return 0;
}

const struct lu_backend lu_null = {
    .name = "null",
    .open = null_open,
    .read = null_read,
    .write = null_write,
    .flush = null_flush,
    .punch = null_punch,
    .map = null_map,
    .peek = null_peek,
    .resize = null_resize,
    .close = null_close,
};
