/* SPDX-License-Identifier: MIT */
/* What a LUN may hold, block by block, while writes are under way, fail, are lost and are sent again.
 *
 * A block is written by one writer, one write at a time, each of a new generation. What it holds is then
 *   - never older than the newest generation that was acknowledged, or that anybody has read since,
 *   - never newer than the newest that was submitted;
 * so a write that was acknowledged is not lost, one that failed and was overtaken by a newer one does not
 * appear behind it, and what has been seen once stays seen. Readers may be other threads: they look before
 * they read, and judge afterwards.
 *
 * A read that overlaps a write of the same block may find it half done: no disk promises otherwise. Nothing
 * else excuses a block of two halves, least of all a write that has failed.
 *
 * All of it is plain numbers in memory that the caller provides, such as a mapped file that outlives the
 * process. */
#ifndef FAULTS_LEDGER_H
#define FAULTS_LEDGER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct ledger_entry {
    _Atomic uint64_t submitted; /* newest generation that may be on its way */
    _Atomic uint64_t settled;   /* oldest that the block may hold */
    _Atomic uint64_t flying;    /* writes under way: 0 or 1 */
};

struct ledger {
    struct ledger_entry *entries;
    uint64_t count; /* blocks */
};

enum ledger_verdict {
    LEDGER_FINE,
    LEDGER_OLD,   /* a newer one was there, and is lost or was overtaken */
    LEDGER_NEVER, /* nobody has written it */
};

/* What a reader knew when it began. */
struct ledger_view {
    uint64_t floor, submitted;
    bool flying;
};

/* A new write of the block: its generation. */
static inline uint64_t ledger_submit(struct ledger *l, uint64_t block)
{
    atomic_fetch_add(&l->entries[block].flying, 1);
    return atomic_fetch_add(&l->entries[block].submitted, 1) + 1;
}

/* It has come to an end, whichever. */
static inline void ledger_land(struct ledger *l, uint64_t block)
{
    atomic_fetch_sub(&l->entries[block].flying, 1);
}

/* From now on the block holds this generation or a later one: it was acknowledged, or read. */
static inline void ledger_settle(struct ledger *l, uint64_t block, uint64_t generation)
{
    _Atomic uint64_t *settled = &l->entries[block].settled;
    uint64_t old = atomic_load(settled);
    while (old < generation && !atomic_compare_exchange_weak(settled, &old, generation))
        ;
}

/* Before a read is submitted. */
static inline struct ledger_view ledger_look(const struct ledger *l, uint64_t block)
{
    const struct ledger_entry *e = &l->entries[block];
    return (struct ledger_view){atomic_load(&e->settled), atomic_load(&e->submitted),
                                atomic_load(&e->flying) > 0};
}

/* A read is over: was a write of the block under way meanwhile? */
static inline bool ledger_overlaps(const struct ledger *l, uint64_t block, const struct ledger_view *began)
{
    return began->flying || atomic_load(&l->entries[block].submitted) != began->submitted;
}

static inline enum ledger_verdict ledger_judge(const struct ledger *l, uint64_t block,
                                               const struct ledger_view *began, uint64_t generation)
{
    if (generation < began->floor)
        return LEDGER_OLD;
    return generation > atomic_load(&l->entries[block].submitted) ? LEDGER_NEVER : LEDGER_FINE;
}

#endif
