/* SPDX-License-Identifier: MIT */
/* "ram:SIZE": anonymous memory, which takes room only where it was written. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "lu/lu.h"

/* `written` has a byte per page: 1 where something was written since the page was last punched. The kernel
 * knows it too, but does not tell it apart from pages swapped out. */
struct ram {
    uint8_t *memory;
    uint8_t *written;
    uint64_t size, pages, page;
    uint64_t
        room; /* bytes of addresses that are kept for growing: the memory never moves, for answers show it */
};

#define ROOM_MIN (UINT64_C(64) << 30)

#define MAP_RUN_MAX                                                                                          \
    (UINT64_C(1) << 18) /* pages looked at for one answer, so that an empty TiB takes no second */

/* --- open and close --- */

static uint64_t pages_of(const struct ram *ram, uint64_t size)
{
    return (size - 1) / ram->page + 1;
}

static uint8_t *reserve(uint64_t len)
{
    void *p = mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

static void unmap_memory(struct ram *ram)
{
    if (ram->memory)
        munmap(ram->memory, ram->room);
    if (ram->written)
        munmap(ram->written, pages_of(ram, ram->room));
}

static bool reserve_room(struct ram *ram, uint64_t room)
{
    ram->room = pages_of(ram, room) * ram->page;
    ram->memory = reserve(ram->room);
    ram->written = reserve(pages_of(ram, room));
    if (ram->memory && ram->written)
        return true;
    unmap_memory(ram);
    return false;
}

/* The first `size` bytes are there to be used. What has been there once stays mapped. */
static bool open_up(struct ram *ram, uint64_t size)
{
    uint64_t pages = pages_of(ram, size);
    if (mprotect(ram->memory, pages * ram->page, PROT_READ | PROT_WRITE) ||
        mprotect(ram->written, pages_of(ram, pages) * ram->page, PROT_READ | PROT_WRITE))
        return false;
    ram->size = size;
    ram->pages = pages;
    return true;
}

static void ram_close(struct lu *lu)
{
    unmap_memory(lu->store);
    free(lu->store);
}

/* Where addresses are scarce, there is room for this size only. */
static struct ram *make_ram(uint64_t size)
{
    struct ram *ram = calloc(1, sizeof *ram);
    if (!ram)
        return NULL;
    ram->page = (uint64_t)sysconf(_SC_PAGESIZE);
    bool room = (size < ROOM_MIN && reserve_room(ram, ROOM_MIN)) || reserve_room(ram, size);
    if (room && open_up(ram, size))
        return ram;
    if (room)
        unmap_memory(ram);
    free(ram);
    return NULL;
}

static int ram_open(struct lu *lu, const char *where, const struct lu_reason *why)
{
    if (lu_read_size(where, &lu->size, why))
        return -1;
    lu->store = make_ram(lu->size);
    if (!lu->store)
        return lu_refuse(why, "ram:%s: the system gives no room for that much memory: choose a smaller size",
                         where);
    return 0;
}

/* --- data --- */

static const void *ram_peek(struct lu *lu, uint64_t offset, uint64_t len)
{
    const struct ram *ram = lu->store;
    (void)len;
    return ram->memory + offset;
}

static int ram_read(struct lu *lu, uint64_t offset, const struct extent *to)
{
    const struct ram *ram = lu->store;
    extent_write(to, 0, ram->memory + offset, to->len);
    return 0;
}

static int ram_write(struct lu *lu, uint64_t offset, const struct extent *from)
{
    struct ram *ram = lu->store;
    if (from->len == 0)
        return 0;
    uint64_t first = offset / ram->page, last = (offset + from->len - 1) / ram->page;
    memset(ram->written + first, 1, last - first + 1);
    extent_read(from, 0, ram->memory + offset, from->len);
    return 0;
}

static int ram_flush(struct lu *lu)
{
    (void)lu;
    return 0;
}

/* --- holes --- */

/* A part of a page stays allocated; one never written is zero already and is left untouched. */
static void zero_part(struct ram *ram, uint64_t offset, uint64_t end)
{
    if (offset < end && ram->written[offset / ram->page])
        memset(ram->memory + offset, 0, end - offset);
}

static void drop_pages(struct ram *ram, uint64_t first, uint64_t end)
{
    if (first >= end)
        return;
    uint64_t offset = first * ram->page, len = (end - first) * ram->page;
    if (len > ram->size - offset)
        len = ram->size - offset; /* the last page may be cut by the size */
    if (madvise(ram->memory + offset, len, MADV_DONTNEED))
        memset(ram->memory + offset, 0, len); /* locked memory cannot be given back */
    memset(ram->written + first, 0, end - first);
}

static int ram_punch(struct lu *lu, uint64_t offset, uint64_t len)
{
    struct ram *ram = lu->store;
    uint64_t end = offset + len, first = (offset + ram->page - 1) / ram->page;
    uint64_t last =
        end == ram->size ? ram->pages : end / ram->page; /* the pages [first, last) go as a whole */

    if (first * ram->page > end) { /* begins and ends inside one page */
        zero_part(ram, offset, end);
        return 0;
    }
    zero_part(ram, offset, first * ram->page);
    zero_part(ram, last * ram->page, end);
    drop_pages(ram, first, last);
    return 0;
}

static int ram_map(struct lu *lu, uint64_t offset, uint64_t *len, bool *allocated)
{
    const struct ram *ram = lu->store;
    uint64_t first = offset / ram->page, left = ram->pages - first;
    uint64_t run = left < MAP_RUN_MAX ? left : MAP_RUN_MAX;
    const uint8_t *at = ram->written + first, *change = memchr(at, !*at, run);

    uint64_t end = (first + (change ? (uint64_t)(change - at) : run)) * ram->page;
    *allocated = *at;
    if (end - offset < *len)
        *len = end - offset;
    return 0;
}

/* --- size --- */

/* What is cut off is given back; an answer that still shows it shows zeros. */
static void shrink(struct lu *lu, uint64_t size)
{
    struct ram *ram = lu->store;
    ram_punch(lu, size, ram->size - size);
    ram->size = size;
    ram->pages = pages_of(ram, size);
}

static int ram_resize(struct lu *lu, uint64_t size, const struct lu_reason *why)
{
    struct ram *ram = lu->store;
    if (size > ram->room)
        return lu_refuse(why,
                         "LUN %u may grow to %llu bytes while it is served: start anew to make it larger",
                         lu->number, (unsigned long long)ram->room);
    if (size > ram->size && !open_up(ram, size))
        return lu_refuse(why, "LUN %u: the system gives no room for that much memory: choose a smaller size",
                         lu->number);
    if (size > 0 && size < ram->size)
        shrink(lu, size);
    lu->size = ram->size;
    return 0;
}

const struct lu_backend lu_ram = {
    .name = "ram",
    .open = ram_open,
    .read = ram_read,
    .write = ram_write,
    .flush = ram_flush,
    .punch = ram_punch,
    .map = ram_map,
    .peek = ram_peek,
    .resize = ram_resize,
    .close = ram_close,
};
