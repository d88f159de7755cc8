/* SPDX-License-Identifier: MIT */
#include "lu/page_cache.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#ifdef SYS_cachestat
#define CACHESTAT SYS_cachestat
#else
#define CACHESTAT 451 /* on every architecture (Linux 6.5) */
#endif

#define PAGES_MAX 1024u          /* of one question to mincore */
#define WINDOW    (4u * 1048576) /* bytes asked about at once of what is read in order */

/* As in the kernel's linux/mman.h, which may be older than the kernel. */
struct range {
    uint64_t off, len;
};
struct stat_pages {
    uint64_t cached, dirty, writeback, evicted, recently_evicted;
};

static uint64_t page_size(void)
{
    static uint64_t size;
    if (size == 0)
        size = (uint64_t)sysconf(_SC_PAGESIZE);
    return size;
}

/* Pages that the range touches. */
static uint64_t pages(uint64_t offset, uint64_t len)
{
    return (offset + len - 1) / page_size() - offset / page_size() + 1;
}

/* cachestat() also counts pages that are still being read. They are read in order: the last one tells.
 * Whatever else the kernel may say, this byte is one that it gave without waiting. */
static bool last_is_read(const struct page_cache *p, uint64_t offset, uint64_t len)
{
    uint8_t byte;
    const struct iovec one = {&byte, 1};
    return preadv2(p->fd, &one, 1, (off_t)(offset + len - 1), RWF_NOWAIT) == 1;
}

static bool ask_directly(struct page_cache *p, uint64_t offset, uint64_t len)
{
    struct range range = {offset, len};
    struct stat_pages found;
    if (syscall(CACHESTAT, p->fd, &range, &found, 0) == 0)
        return found.cached == pages(offset, len);
    p->no_stat = true;
    return false;
}

/* To who neither owns the file nor may write it, mincore() says that all of it is there (since Linux 5.0). It
 * looks at the user of now: that the file was opened for writing, by who we were then, is not enough. */
static bool may_know(const struct page_cache *p)
{
    char path[32];
    struct stat st;
    if (fstat(p->fd, &st) == 0 && st.st_uid == geteuid())
        return true;
    snprintf(path, sizeof path, "/proc/self/fd/%d", p->fd);
    return faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) == 0;
}

static bool mapped(struct page_cache *p)
{
    if (p->map)
        return true;
    void *map = may_know(p) ? mmap(NULL, p->size, PROT_READ, MAP_SHARED, p->fd, 0) : MAP_FAILED;
    p->no_map = map == MAP_FAILED;
    p->map = p->no_map ? NULL : map;
    return p->map;
}

static bool ask_mapping(struct page_cache *p, uint64_t offset, uint64_t len)
{
    uint8_t in_core[PAGES_MAX];
    uint64_t first = offset / page_size(), count = pages(offset, len);
    if (count > PAGES_MAX || !mapped(p))
        return false;
    if (mincore((uint8_t *)p->map + first * page_size(), count * page_size(), in_core) != 0)
        return false;
    for (uint64_t i = 0; i < count; i++)
        if (!(in_core[i] & 1))
            return false;
    return true;
}

static bool ask(struct page_cache *p, uint64_t offset, uint64_t len)
{
    if ((p->no_stat && p->no_map) || !last_is_read(p, offset, len))
        return false;
    if (!p->no_stat && ask_directly(p, offset, len))
        return true;
    return p->no_stat && !p->no_map && ask_mapping(p, offset, len);
}

static bool known(struct page_cache *p, uint64_t offset, uint64_t len)
{
    if (p->known_uses == 0 || offset < p->known || offset + len > p->known_end)
        return false;
    p->known_uses--;
    return true;
}

/* What is read in order is asked about in large pieces: a question costs nearly as much for 256 KiB as for
 * all. */
static bool ask_ahead(struct page_cache *p, uint64_t offset, uint64_t len)
{
    uint64_t left = p->size - offset, window = left < WINDOW ? left : WINDOW;
    if (window <= len || !ask(p, offset, window))
        return false;
    p->known = offset;
    p->known_end = offset + window;
    p->known_uses = (uint32_t)(window / len);
    return true;
}

bool page_cache_holds(struct page_cache *p, uint64_t offset, uint64_t len)
{
    if (len == 0 || len > p->size || offset > p->size - len)
        return false;
    bool reads_on = offset == p->last_end;
    p->last_end = offset + len;
    return known(p, offset, len) || (reads_on && ask_ahead(p, offset, len)) || ask(p, offset, len);
}

void page_cache_forget(struct page_cache *p)
{
    if (p->map)
        munmap(p->map, p->size);
    p->map = NULL;
    p->known_uses = 0;
}
