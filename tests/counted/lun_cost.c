/* SPDX-License-Identifier: MIT */
/* lun_cost SCENARIO COUNT: COUNT I/Os through a queue of the public interface, at a target in the same
 * process, in a simulated world. Does the same to the instruction each time; the script `instructions` counts
 * them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lab.h"

#define DEPTH 32u

static const struct scenario {
    const char *name;
    enum berth_op op;
    uint32_t len;
} scenarios[] = {
    {"lun_read_4k", BERTH_READ, 4096},
    {"lun_write_4k", BERTH_WRITE, 4096},
    {"lun_read_64k", BERTH_READ, 65536},
};

static uint8_t buffers[DEPTH][65536];
static struct berth_seg segs[DEPTH];

static void demand(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "lun_cost: %s\n", what);
    exit(1);
}

static void round_of_ios(struct berth_queue *q, const struct scenario *s)
{
    struct berth_io ios[DEPTH];
    struct berth_done done[DEPTH];
    for (uint32_t i = 0; i < DEPTH; i++) {
        segs[i] = (struct berth_seg){.base = buffers[i], .len = s->len};
        ios[i] = (struct berth_io){.op = s->op,
                                   .offset_bytes = (uint64_t)i * s->len,
                                   .len_bytes = s->len,
                                   .segs = &segs[i],
                                   .seg_count = 1,
                                   .tag = i};
    }
    demand(berth_queue_submit(q, ios, DEPTH) == (int)DEPTH, "not all I/Os were taken");
    demand(berth_queue_reap(q, done, DEPTH, DEPTH, -1) == (int)DEPTH, "not all I/Os ended");
    for (uint32_t i = 0; i < DEPTH; i++)
        demand(done[i].error == BERTH_OK, "an I/O failed");
}

int main(int argc, char **argv)
{
    struct mini_config config = {.lu = "ram:4M,block=512", .depth = DEPTH};
    const struct scenario *s = NULL;
    struct berth_queue *q;
    for (size_t i = 0; argc == 3 && i < sizeof scenarios / sizeof scenarios[0]; i++)
        if (strcmp(scenarios[i].name, argv[1]) == 0)
            s = &scenarios[i];
    demand(s != NULL, "usage: lun_cost SCENARIO COUNT");
    struct lab *l = lab_lun(&config);
    demand(berth_queue_new(&q, l->lun, DEPTH) == 0, "no queue");
    memset(s->op == BERTH_WRITE ? (void *)buffers : mini_disk(l->target), 'x', sizeof buffers);
    for (long left = strtol(argv[2], NULL, 10); left > 0; left -= DEPTH)
        round_of_ios(q, s);
    demand(memcmp(mini_disk(l->target), buffers, s->len) == 0, "bytes differ");
    berth_queue_free(q);
    lab_free(l);
    return 0;
}
