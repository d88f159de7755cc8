/* SPDX-License-Identifier: MIT */
#include "check/disk.h"
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define WORD  8u
#define CHUNK 4096u

/* Scatters the bits of a number (splitmix64): no word is like its neighbour. */
static uint64_t scatter(uint64_t n)
{
    n += 0x9e3779b97f4a7c15u;
    n = (n ^ (n >> 30)) * 0xbf58476d1ce4e5b9u;
    n = (n ^ (n >> 27)) * 0x94d049bb133111ebu;
    return n ^ (n >> 31);
}

void disk_pattern(uint8_t *out, uint32_t lun, uint32_t g, uint64_t offset, size_t len)
{
    uint64_t base = (uint64_t)g << 56 | (uint64_t)lun << 40;
    for (size_t i = 0; i + WORD <= len; i += WORD) {
        uint64_t word = scatter(base + (offset + i) / WORD);
        memcpy(out + i, &word, WORD);
    }
}

static size_t first_difference(const uint8_t *a, const uint8_t *b, size_t len)
{
    size_t i = 0;
    while (i < len && a[i] == b[i])
        i++;
    return i;
}

size_t disk_differs(const uint8_t *bytes, uint32_t lun, uint32_t g, uint64_t offset, size_t len)
{
    uint8_t right[CHUNK];
    for (size_t at = 0; at < len; at += CHUNK) {
        size_t part = len - at < CHUNK ? len - at : CHUNK;
        disk_pattern(right, lun, g, offset + at, part);
        if (memcmp(bytes + at, right, part) != 0)
            return at + first_difference(bytes + at, right, part);
    }
    return len;
}

static bool is_whole(const struct disk *d, uint32_t from, uint32_t to, uint64_t offset, uint32_t block)
{
    for (uint32_t g = from; g <= to; g++)
        if (disk_differs(d->bytes + offset, d->lun, g, offset, block) == block)
            return true;
    return false;
}

size_t disk_torn(const struct disk *d, uint32_t from, uint32_t to, uint64_t offset, size_t len,
                 uint32_t block)
{
    for (size_t at = 0; at < len; at += block)
        if (!is_whole(d, from, to, offset + at, block))
            return at;
    return len;
}

bool disk_open(struct disk *d, uint32_t lun)
{
    *d = (struct disk){.fd = memfd_create("berth-check", MFD_CLOEXEC), .bytes = MAP_FAILED, .lun = lun};
    if (d->fd >= 0 && ftruncate(d->fd, DISK_BYTES) == 0)
        d->bytes = mmap(NULL, DISK_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, d->fd, 0);
    if (d->bytes == MAP_FAILED) {
        disk_close(d);
        return false;
    }
    disk_pattern(d->bytes, lun, DISK_FIRST, 0, DISK_BYTES);
    return true;
}

void disk_close(struct disk *d)
{
    if (d->bytes && d->bytes != MAP_FAILED)
        munmap(d->bytes, DISK_BYTES);
    if (d->fd >= 0)
        close(d->fd);
    *d = (struct disk){.fd = -1};
}
