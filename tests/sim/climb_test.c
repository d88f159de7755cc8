/* SPDX-License-Identifier: MIT */
/* Late and cancelled commands by chance: a target that answers, holds, is slow, loses and dies, and makes of
 * task management whatever comes to its mind. Each I/O completes once, in bounded time, its memory is its
 * caller's from then on, and the LUN works in the end. climb_test SEED repeats one run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab.h"

#define NS_MS   1000000ull
#define SEEDS   400u
#define IOS     60u
#define BLOCK   512u
#define PIECE   (16u * BLOCK)
#define LONGEST 60u /* ms, of an I/O's own time */
#define STEP    40u /* ms */
#define POISON  0xdb

struct io {
    struct berth_io io;
    struct berth_seg seg;
    uint8_t buf[PIECE];
    uint32_t len, done;
    uint64_t submitted_ms;
    bool cancelled;
};

static struct {
    uint64_t seed;
    struct lab *lab;
    struct berth_queue *queue;
    struct io ios[IOS];
    uint32_t submitted, completed;
    uint32_t errors[4]; /* OK, TIMEOUT, ABORTED, others */
    bool calm;          /* the target behaves */
} run;

static uint32_t totals[4], sessions, requests;

static void wrong(const char *what, uint32_t n)
{
    fprintf(stderr, "%s: I/O %u of seed %llu; again: climb_test %llu\n", what, n,
            (unsigned long long)run.seed, (unsigned long long)run.seed);
    exit(1);
}

static uint32_t chance(uint32_t below)
{
    return world_random(run.lab->world, below);
}

/* --- the target --- */

static enum mini_turn on_command(void *arg, struct task *task)
{
    static const enum mini_turn turns[] = {MINI_HOLD, MINI_HOLD, MINI_SLOW, MINI_SLOW, MINI_LOSE, MINI_DROP};
    (void)arg;
    bool moves = task->cdb[0] == SCSI_READ_10 || task->cdb[0] == SCSI_WRITE_10;
    if (run.calm || !moves || chance(3) > 0)
        return MINI_EXECUTE;
    return turns[chance(sizeof turns / sizeof turns[0])];
}

static enum mini_turn on_request(void *arg, struct task *tmf)
{
    static const enum mini_turn turns[] = {MINI_EXECUTE, MINI_EXECUTE, MINI_EXECUTE, MINI_SLOW,
                                           MINI_HOLD,    MINI_ANSWER,  MINI_REJECT,  MINI_DROP};
    static const uint8_t codes[] = {2, 3, 4, 5, 6, 7, 200, 255};
    static const uint8_t reasons[] = {0x02, 0x04, 0x06, 0x06, 0x06, 0x09};
    struct mini_config *c = mini_config(run.lab->target);
    (void)arg;
    requests++;
    if (run.calm)
        return MINI_EXECUTE;
    if (chance(4) == 0)
        mini_release(run.lab->target);
    tmf->response = codes[chance(sizeof codes)];
    c->reject_reason = reasons[chance(sizeof reasons)];
    return turns[chance(sizeof turns / sizeof turns[0])];
}

/* --- the caller --- */

/* What is done is its caller's: nothing may read from it or write to it. */
static void took_back(const struct berth_done *done)
{
    struct io *io = &run.ios[done->tag];
    uint64_t took = world_ms(run.lab->world) - io->submitted_ms;
    uint64_t most = run.lab->options.recovery_timeout_ms + 4 * (LONGEST + 2 * STEP);
    if (++io->done != 1)
        wrong("completed more than once", (uint32_t)done->tag);
    if (took > most)
        wrong("took too long", (uint32_t)done->tag);
    if (done->error == BERTH_E_ABORTED && !io->cancelled)
        wrong("aborted, although nobody wanted that", (uint32_t)done->tag);
    for (uint32_t i = 0; !done->error && io->io.op == BERTH_READ && i < io->len; i++)
        if (io->buf[i] == POISON || io->buf[i] == 0xee)
            wrong("read bytes that were never there", (uint32_t)done->tag);
    memset(io->buf, POISON, sizeof io->buf);
    run.completed++;
    run.errors[done->error == BERTH_OK          ? 0
               : done->error == BERTH_E_TIMEOUT ? 1
               : done->error == BERTH_E_ABORTED ? 2
                                                : 3]++;
}

static void submit(void)
{
    struct io *io = &run.ios[run.submitted];
    uint32_t room = (1u << 20) / BLOCK - PIECE / BLOCK;
    io->len = BLOCK * (1 + chance(PIECE / BLOCK));
    io->seg = seg_memory(io->buf, io->len);
    io->io = (struct berth_io){.op = chance(2) ? BERTH_READ : BERTH_WRITE,
                               .offset_bytes = (uint64_t)BLOCK * chance(room),
                               .len_bytes = io->len,
                               .segs = &io->seg,
                               .seg_count = 1,
                               .tag = run.submitted,
                               .timeout_ms = 1 + chance(LONGEST)};
    memset(io->buf, io->io.op == BERTH_WRITE ? 0x11 : 0xee, sizeof io->buf);
    io->submitted_ms = world_ms(run.lab->world);
    if (berth_queue_submit(run.queue, &io->io, 1) == 1)
        run.submitted++;
}

static void cancel(void)
{
    uint32_t n = chance(run.submitted);
    if (berth_queue_cancel(run.queue, n) > 0)
        run.ios[n].cancelled = true;
}

static void reap(uint32_t min, int timeout_ms)
{
    struct berth_done done[IOS];
    int count = berth_queue_reap(run.queue, done, min, IOS, timeout_ms);
    if (count < 0)
        wrong("reaping failed", 0);
    for (int i = 0; i < count; i++)
        took_back(&done[i]);
}

/* --- one run --- */

static void begin(uint64_t seed)
{
    struct sim_faults faults = {.max_segment = seed % 3 ? 1000 : 0};
    struct mini_config config = {.depth = 8, .delay_ns = 2 * NS_MS, .slow_ns = 90 * NS_MS};
    memset(&run, 0, sizeof run);
    run.seed = seed;
    run.calm = true;
    run.lab = lab_new(&config, &faults);
    for (uint64_t n = 0; n < seed; n++) /* another run of luck for each */
        sim_world_random(run.lab->world->sim);
    mini_config(run.lab->target)->script = on_command;
    mini_config(run.lab->target)->tmf = on_request;
    run.lab->options.abort_timeout_ms = STEP;
    run.lab->options.recovery_timeout_ms = 20000;
    if (lab_open(run.lab) || berth_queue_new(&run.queue, run.lab->lun, 24))
        wrong("the LUN does not open", 0);
    memset(mini_disk(run.lab->target), 0x11, 1u << 20);
    run.calm = false;
}

static void check_memory(void)
{
    for (uint32_t n = 0; n < run.submitted; n++) {
        if (run.ios[n].done != 1)
            wrong("never completed", n);
        for (uint32_t i = 0; i < PIECE; i++)
            if (run.ios[n].buf[i] != POISON)
                wrong("its memory was written to afterwards", n);
    }
    for (uint32_t i = 0; i < 1u << 20; i++)
        if (mini_disk(run.lab->target)[i] != 0x11)
            wrong("what was sent is not what was to be written", 0);
}

static void one(uint64_t seed)
{
    uint8_t block[BLOCK];
    begin(seed);
    while (run.submitted < IOS) {
        submit();
        if (chance(6) == 0)
            cancel();
        if (chance(2))
            reap(1, (int)chance(30));
    }
    while (run.completed < run.submitted)
        reap(1, -1);
    run.calm = true;
    int error = berth_read(run.lab->lun, block, BLOCK, 0);
    if (error)
        wrong(berth_error_name(error), 0);
    world_settle(run.lab->world);
    check_memory();
    for (uint32_t n = 0; n < 4; n++)
        totals[n] += run.errors[n];
    sessions += mini_counters(run.lab->target)->logins;
    lab_free(run.lab);
}

int main(int argc, char **argv)
{
    uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1, last = argc > 1 ? first : SEEDS;
    for (uint64_t seed = first; seed <= last; seed++)
        one(seed);
    printf("%u done, %u late, %u taken back, %u otherwise; %u sessions, %u requests of task management\n",
           totals[0], totals[1], totals[2], totals[3], sessions, requests);
    bool varied = totals[0] && totals[1] && totals[2] && sessions > SEEDS && requests > SEEDS;
    if (argc == 1 && !varied)
        fprintf(stderr, "something never happened in any of these runs\n");
    return argc == 1 && !varied;
}
