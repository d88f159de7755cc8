/* SPDX-License-Identifier: MIT */
#include "attach/counters.h"

#define FIRST_NS 1000u

/* Threads come to their shards in turns; two that share one only share its cache lines. */
static uint32_t shard(void)
{
    static _Atomic uint32_t next;
    static _Thread_local uint32_t mine;
    if (mine == 0)
        mine = 1 + atomic_fetch_add_explicit(&next, 1, memory_order_relaxed) % COUNTERS_SHARDS;
    return mine - 1;
}

static uint32_t bucket_of(uint64_t ns)
{
    uint64_t us = ns / FIRST_NS;
    uint32_t bucket = us ? 64 - (uint32_t)__builtin_clzll(us) : 0;
    return bucket < COUNTERS_BUCKETS ? bucket : COUNTERS_BUCKETS - 1;
}

static void add(_Atomic uint64_t *to, uint64_t what)
{
    atomic_fetch_add_explicit(to, what, memory_order_relaxed);
}

void counters_add(struct counters *c, enum attachment_op op, uint64_t bytes, uint64_t ns, int error)
{
    struct counters_op *o = &c->shards[shard()].ops[op];
    add(&o->count, 1);
    add(&o->bytes, error ? 0 : bytes);
    add(&o->errors, error != 0);
    add(&o->ns, ns);
    add(&o->buckets[bucket_of(ns)], 1);
}

static uint64_t read_of(const _Atomic uint64_t *from)
{
    return atomic_load_explicit(from, memory_order_relaxed);
}

struct counters_sum counters_of(const struct counters *c, enum attachment_op op)
{
    struct counters_sum sum = {.count = 0};
    for (uint32_t i = 0; i < COUNTERS_SHARDS; i++) {
        const struct counters_op *o = &c->shards[i].ops[op];
        sum.count += read_of(&o->count);
        sum.bytes += read_of(&o->bytes);
        sum.errors += read_of(&o->errors);
        sum.ns += read_of(&o->ns);
        for (uint32_t b = 0; b < COUNTERS_BUCKETS; b++)
            sum.buckets[b] += read_of(&o->buckets[b]);
    }
    return sum;
}

uint64_t counters_bucket_ns(uint32_t bucket)
{
    return bucket < COUNTERS_BUCKETS - 1 ? (uint64_t)FIRST_NS << bucket : UINT64_MAX;
}

uint64_t counters_at(const struct counters_sum *sum, double fraction)
{
    uint64_t seen = 0;
    for (uint32_t b = 0; b < COUNTERS_BUCKETS && sum->count > 0; b++) {
        seen += sum->buckets[b];
        if (seen > 0 && (double)seen >= fraction * (double)sum->count)
            return counters_bucket_ns(b);
    }
    return 0;
}

const char *counters_word(enum attachment_op op)
{
    static const char *const words[ATTACHMENT_OPS] = {"read", "write", "flush", "trim", "zero", "extent"};
    return words[op];
}
