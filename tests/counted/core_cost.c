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
} scenarios[] = {
    {"read_4k", 'R', 4096, 262144, 65536},
    {"write_4k", 'W', 4096, 262144, 65536},
    {"read_64k_in_8k_pdus", 'R', 65536, 8192, 65536},
    {"write_64k_in_8k_pdus", 'W', 65536, 8192, 16384}, /* immediate, unsolicited and solicited */
};

static uint8_t buffers[DEPTH][65536];

static void demand(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "core_cost: %s\n", what);
    exit(1);
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

static uint64_t move(struct conn *from, struct conn *to)
{
    struct berth_seg out[OUT_MAX], in[IN_MAX];
    uint32_t count = conn_tx_peek(from, out, OUT_MAX), first = 0;
    uint64_t total = 0, moved = 1;
    while (first < count && moved > 0) {
        moved = copy(in, conn_rx_want(to, in, IN_MAX), out, count, &first);
        conn_rx_done(to, conn_epoch(to), moved, 0);
        total += moved;
    }
    conn_tx_done(from, conn_epoch(from), total);
    return total;
}

static void exchange(struct pair *p)
{
    uint64_t moved;
    do {
        moved = move(p->ic, p->tc);
        pair_work(p);
        moved += move(p->tc, p->ic);
    } while (moved > 0);
}

/* --- I/Os --- */

static void finish(struct pair *p, const struct scenario *s)
{
    struct task *task;
    uint32_t done = 0;
    while ((task = session_reap(p->is)) != NULL) {
        demand(task->error == BERTH_OK && task->moved == s->len, "an I/O failed");
        free(task->owner);
        session_task_free(p->is, task);
        done++;
    }
    demand(done == DEPTH, "not all I/Os ended");
}

static void round_of_ios(struct pair *p, const struct scenario *s)
{
    for (uint32_t i = 0; i < DEPTH; i++)
        demand(pair_submit(p, s->op, i * s->len % PAIR_DISK, s->len, buffers[i]) != NULL, "no task is free");
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
