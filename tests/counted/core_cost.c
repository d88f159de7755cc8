/* SPDX-License-Identifier: MIT */
/* core_cost SCENARIO COUNT: COUNT I/Os from the initiator's core to the target's and back, in memory, moved
 * the way an engine moves bytes. Does the same to the instruction each time; the script `instructions` counts
 * them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sim/pair.h"

#define DEPTH   32u
#define OUT_MAX 256u
#define IN_MAX  64u

static const struct scenario {
    const char *name;
    char op;
    uint32_t len, segment; /* bytes of an I/O; of a PDU's payload at most */
    uint32_t first_burst;
    bool digests;
} scenarios[] = {
    {"read_4k", 'R', 4096, 262144, 65536, false},
    {"write_4k", 'W', 4096, 262144, 65536, false},
    {"read_64k", 'R', 65536, 262144, 65536, false},
    {"read_64k_in_8k_pdus", 'R', 65536, 8192, 65536, false},
    {"write_64k_in_8k_pdus", 'W', 65536, 8192, 16384, false}, /* immediate, unsolicited and solicited */
    {"read_4k_digests", 'R', 4096, 262144, 65536, true},
    {"read_256k_digests", 'R', 262144, 262144, 65536, true},
};

static uint8_t buffers[DEPTH][262144];

static void demand(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "core_cost: %s\n", what);
    exit(1);
}

/* --- the sides ---
 * All that is done for the initiator is done below a function whose name says so: that is how the script
 * tells it from the target's. */
#define CALL static __attribute__((noipa)) /* keeps its name and its place */
#define SIDE(name)                                                                                           \
    CALL uint32_t name##_peek(struct conn *c, struct berth_seg *segs)                                        \
    {                                                                                                        \
        return conn_tx_peek(c, segs, OUT_MAX);                                                               \
    }                                                                                                        \
    CALL void name##_sent(struct conn *c, uint64_t n)                                                        \
    {                                                                                                        \
        conn_tx_done(c, conn_epoch(c), n);                                                                   \
    }                                                                                                        \
    CALL uint32_t name##_want(struct conn *c, struct berth_seg *segs)                                        \
    {                                                                                                        \
        return conn_rx_want(c, segs, IN_MAX);                                                                \
    }                                                                                                        \
    CALL void name##_received(struct conn *c, uint64_t n)                                                    \
    {                                                                                                        \
        conn_rx_done(c, conn_epoch(c), n, 0);                                                                \
    }                                                                                                        \
    static const struct side name = {name##_peek, name##_sent, name##_want, name##_received};

struct side {
    uint32_t (*peek)(struct conn *c, struct berth_seg *segs);
    void (*sent)(struct conn *c, uint64_t n);
    uint32_t (*want)(struct conn *c, struct berth_seg *segs);
    void (*received)(struct conn *c, uint64_t n);
};

SIDE(initiator)
SIDE(target)

CALL struct task *initiator_submit(struct pair *p, char op, uint32_t offset, uint32_t len, void *buf)
{
    return pair_submit(p, op, offset, len, buf);
}

CALL struct task *initiator_reap(struct pair *p)
{
    return session_reap(p->is);
}

CALL void initiator_free(struct pair *p, struct task *task)
{
    session_task_free(p->is, task);
}

/* --- moving bytes, as the sockets engine would --- */

static uint32_t skip(struct berth_seg *segs, uint32_t count, uint32_t first, uint64_t n)
{
    for (; first < count && n >= segs[first].len; first++)
        n -= segs[first].len;
    if (first < count)
        segs[first] = seg_memory((uint8_t *)segs[first].base + n, segs[first].len - n);
    return first;
}

/* Fills `to` from from[*first] on, which moves on. */
static uint64_t copy(struct berth_seg *to, uint32_t to_count, struct berth_seg *from, uint32_t from_count,
                     uint32_t *first)
{
    uint64_t moved = 0, n;
    for (uint32_t t = 0; t < to_count && *first < from_count; moved += n) {
        n = to[t].len < from[*first].len ? to[t].len : from[*first].len;
        memcpy(to[t].base, from[*first].base, n);
        t = skip(to, to_count, t, n);
        *first = skip(from, from_count, *first, n);
    }
    return moved;
}

static uint64_t move(const struct side *sender, struct conn *from, const struct side *receiver,
                     struct conn *to)
{
    struct berth_seg out[OUT_MAX], in[IN_MAX];
    uint32_t count = sender->peek(from, out), first = 0;
    uint64_t total = 0, moved = 1;
    while (first < count && moved > 0) {
        moved = copy(in, receiver->want(to, in), out, count, &first);
        receiver->received(to, moved);
        total += moved;
    }
    sender->sent(from, total);
    return total;
}

static void exchange(struct pair *p)
{
    uint64_t moved;
    do {
        moved = move(&initiator, p->ic, &target, p->tc);
        pair_work(p);
        moved += move(&target, p->tc, &initiator, p->ic);
    } while (moved > 0);
}

/* --- I/Os --- */

static void finish(struct pair *p, const struct scenario *s)
{
    struct task *task;
    uint32_t done = 0;
    while ((task = initiator_reap(p)) != NULL) {
        demand(task->error == BERTH_OK && task->moved == s->len, "an I/O failed");
        free(task->owner);
        initiator_free(p, task);
        done++;
    }
    demand(done == DEPTH, "not all I/Os ended");
}

static void round_of_ios(struct pair *p, const struct scenario *s)
{
    for (uint32_t i = 0; i < DEPTH; i++)
        demand(initiator_submit(p, s->op, i * s->len % PAIR_DISK, s->len, buffers[i]) != NULL,
               "no task is free");
    exchange(p);
    finish(p, s);
}

static struct pair *start(const struct scenario *s)
{
    struct pair_config config;
    pair_config_init(&config, 1);
    config.segment_i = config.segment_t = s->segment;
    config.first_burst = s->first_burst;
    config.stage_bytes = CONN_STAGE_MAX;
    config.direct_bytes = 8192;
    config.depth = DEPTH;
    config.max_burst = 262144;
    config.header_digest = config.data_digest = s->digests;
    struct pair *p = pair_new(&config);
    pair_run(p);
    demand(p->up, "no login");
    return p;
}

int main(int argc, char **argv)
{
    const struct scenario *s = NULL;
    for (size_t i = 0; argc == 3 && i < sizeof scenarios / sizeof scenarios[0]; i++)
        if (strcmp(scenarios[i].name, argv[1]) == 0)
            s = &scenarios[i];
    demand(s != NULL, "usage: core_cost SCENARIO COUNT");
    struct pair *p = start(s);
    memset(s->op == 'W' ? (void *)buffers : p->disk, 'x', s->op == 'W' ? sizeof buffers : PAIR_DISK);
    for (long left = strtol(argv[2], NULL, 10); left > 0; left -= DEPTH)
        round_of_ios(p, s);
    demand(memcmp(p->disk, buffers[DEPTH - 1], s->len) == 0, "bytes differ");
    pair_free(p);
    return 0;
}
