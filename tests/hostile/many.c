/* SPDX-License-Identifier: MIT */
/* many URL INITIATORS SESSIONS SECONDS: so many initiators with so many sessions each, all in this one
 * process, write and read regions of their own of one LUN as fast as they can. Each block carries its
 * session, its place and the number of its write; a block read must be the last one written. Says "open",
 * begins when a line comes, or the end, and prints the number of I/Os. */
#include <berth/berth.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DEPTH 4u
#define BLOCK 4096u

struct slot {
    uint64_t memory[BLOCK / 8];
    struct berth_seg seg;
    uint64_t generation; /* of the last write; 0: none */
    bool reading;
};

struct client {
    struct berth_lun *lun;
    struct berth_queue *queue;
    uint32_t number, in_flight;
    struct slot slots[DEPTH];
};

static void die(const char *what, const char *why)
{
    fprintf(stderr, "many: %s: %s\n", what, why);
    exit(1);
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void open_client(struct client *c, const char *url, uint32_t initiators)
{
    char name[64];
    struct berth_options options;
    struct berth_detail why;
    berth_options_init(&options);
    snprintf(name, sizeof name, "iqn.2026-11.test:many%u", c->number % initiators);
    options.initiator_name = name;
    options.depth = DEPTH;
    if (berth_lun_open(&c->lun, url, &options, &why))
        die(name, why.text);
    if (berth_queue_new(&c->queue, c->lun, DEPTH))
        die(name, "no queue");
    for (uint32_t i = 0; i < DEPTH; i++) {
        struct slot *s = &c->slots[i];
        s->seg = (struct berth_seg){.kind = BERTH_SEG_MEMORY, .len = BLOCK};
        s->seg.base = s->memory;
        s->reading = true;
    }
}

static uint64_t place(const struct client *c, uint32_t slot)
{
    return ((uint64_t)c->number * DEPTH + slot) * BLOCK;
}

static void fill(struct client *c, uint32_t slot)
{
    struct slot *s = &c->slots[slot];
    s->generation++;
    for (uint32_t i = 0; i < BLOCK / 8; i++)
        s->memory[i] = place(c, slot) << 20 ^ s->generation << 4 ^ i;
}

static void check(const struct client *c, uint32_t slot)
{
    const struct slot *s = &c->slots[slot];
    for (uint32_t i = 0; i < BLOCK / 8; i++)
        if (s->memory[i] != (place(c, slot) << 20 ^ s->generation << 4 ^ i))
            die("a block", "is not what was written last");
}

static void next_io(struct client *c, uint32_t slot)
{
    struct slot *s = &c->slots[slot];
    s->reading = !s->reading;
    if (!s->reading)
        fill(c, slot);
    else
        memset(s->memory, 0, BLOCK);
    struct berth_io io = {.op = s->reading ? BERTH_READ : BERTH_WRITE,
                          .offset_bytes = place(c, slot),
                          .len_bytes = BLOCK,
                          .segs = &s->seg,
                          .seg_count = 1,
                          .tag = slot};
    if (berth_queue_submit(c->queue, &io, 1) != 1)
        die("submit", berth_lun_detail(c->lun)->text);
    c->in_flight++;
}

/* Reaps what is there; returns how many. */
static uint32_t turn(struct client *c, bool more, int timeout_ms)
{
    struct berth_done done[DEPTH];
    int n = berth_queue_reap(c->queue, done, timeout_ms ? 1 : 0, DEPTH, timeout_ms);
    for (int i = 0; i < n; i++) {
        uint32_t slot = (uint32_t)done[i].tag;
        c->in_flight--;
        if (done[i].error)
            die("I/O", berth_lun_detail(c->lun)->text);
        if (c->slots[slot].reading)
            check(c, slot);
        if (more)
            next_io(c, slot);
    }
    return n > 0 ? (uint32_t)n : 0;
}

int main(int argc, char *argv[])
{
    if (argc != 5)
        die("usage", "many URL INITIATORS SESSIONS SECONDS");
    uint32_t initiators = (uint32_t)atoi(argv[2]), count = initiators * (uint32_t)atoi(argv[3]);
    struct client *clients = calloc(count, sizeof *clients);
    uint64_t ios = 0;
    for (uint32_t i = 0; i < count; i++) {
        clients[i].number = i;
        open_client(&clients[i], argv[1], initiators);
    }
    printf("open\n");
    fflush(stdout);
    for (int c = getchar(); c != '\n' && c != EOF;)
        c = getchar();
    for (uint32_t i = 0; i < count * DEPTH; i++)
        next_io(&clients[i % count], i / count);
    for (double end = seconds() + atof(argv[4]); seconds() < end;)
        for (uint32_t i = 0; i < count; i++)
            ios += turn(&clients[i], true, 0);
    for (uint32_t i = 0; i < count; i++) {
        while (clients[i].in_flight > 0)
            ios += turn(&clients[i], false, 1000);
        if (berth_lun_info(clients[i].lun)->reconnects > 0)
            die("a session", "was lost on the way");
        berth_lun_close(clients[i].lun);
    }
    printf("%llu\n", (unsigned long long)ios);
    free(clients);
    return 0;
}
