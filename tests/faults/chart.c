/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "load.h"

#define MAGIC    0x6c65646765723031ull
#define QUIET_NS 1000000u /* between two events that an I/O is done */

struct head {
    uint64_t magic, blocks;
    _Atomic uint64_t run;
    uint64_t reserved[5];
};

static bool fail(const char *doing, const char *file)
{
    fprintf(stderr, "load: cannot %s %s: %s\n", doing, file, strerror(errno));
    return false;
}

static bool map(struct chart *c, int fd, const char *file)
{
    if (ftruncate(fd, (off_t)c->map_len) < 0)
        return fail("make room in", file);
    c->map = mmap(NULL, c->map_len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return c->map != MAP_FAILED || fail("map", file);
}

bool chart_open(struct chart *c, const char *file, uint64_t blocks)
{
    int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    c->map_len = sizeof(struct head) + blocks * sizeof(struct ledger_entry);
    if (fd < 0)
        return fail("open", file);
    bool ok = map(c, fd, file);
    close(fd);
    if (!ok)
        return false;
    struct head *h = c->map;
    if (h->magic == 0)
        *h = (struct head){.magic = MAGIC, .blocks = blocks};
    if (h->magic != MAGIC || h->blocks != blocks) {
        fprintf(stderr, "load: %s is no ledger of %llu blocks\n", file, (unsigned long long)blocks);
        return false;
    }
    c->run = atomic_fetch_add(&h->run, 1) + 1;
    struct ledger_entry *entries = (struct ledger_entry *)(void *)(h + 1);
    for (uint64_t i = 0; i < blocks; i++) /* whoever was killed does not write any more */
        entries[i].flying = 0;
    c->ledger = (struct ledger){entries, blocks};
    return true;
}

void chart_close(struct chart *c)
{
    munmap(c->map, c->map_len);
}

void chart_event(struct job *j, char what)
{
    struct load *l = j->load;
    uint64_t now = load_now();
    if (!l->events || (what == 'd' && now - j->told_ns < QUIET_NS))
        return;
    if (what == 'd')
        j->told_ns = now;
    pthread_mutex_lock(&l->lock);
    fprintf(l->events, "%c %u %llu\n", what, j->number, (unsigned long long)now);
    if (what != 'd') /* somebody may wait for it */
        fflush(l->events);
    pthread_mutex_unlock(&l->lock);
}
