/* SPDX-License-Identifier: MIT */
/* Asks the kernel what of a file it has in memory. */
#ifndef TARGET_PAGE_CACHE_H
#define TARGET_PAGE_CACHE_H

#include <stdbool.h>
#include <stdint.h>

/* All zeros but `fd` and `size`: nothing is known yet. */
struct page_cache {
    int fd;
    uint64_t size; /* bytes of the file */
    bool no_stat;  /* the kernel cannot be asked directly (before 6.5, a filter forbids it, or as no_map) */
    bool no_map;   /* nor by way of a mapping: it tells the truth only to who may write the file */
    void *map;     /* of the whole file, never touched; NULL: none yet */
    /* Whoever reads on from where the last one ended gets an answer for some of what comes next. */
    uint64_t last_end;
    uint64_t known, known_end;
    uint32_t known_uses; /* how often that is believed */
};

/* Is all of the range in memory, and read? It may be gone the moment after. */
bool page_cache_holds(struct page_cache *p, uint64_t offset, uint64_t len);
void page_cache_forget(struct page_cache *p);

#endif
