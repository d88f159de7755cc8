/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include "cli/bench.h"
#include "cli/clock.h"
#include "cli/pattern.h"
#include "cli/say.h"
#include "cli/signals.h"

#define MEMORY_MAX (1024ull * 1024 * 1024) /* bytes of all buffers */
#define PAGE       4096u
#define REAP_MS    200
#define ERRORS_MAX 1000u /* failures at full speed tell nothing more */

static int check(const struct bench *b, const struct berth_lun_info *info)
{
    if (b->block_bytes % info->block_bytes != 0)
        return fail(STATUS_USAGE,
                    "--bs %" PRIu64 " is no multiple of the LUN's block; use a multiple of %" PRIu32,
                    b->block_bytes, info->block_bytes);
    if (b->block_bytes > info->size_bytes)
        return fail(STATUS_USAGE, "--bs %" PRIu64 " is more than the LUN holds; use at most %" PRIu64,
                    b->block_bytes, info->size_bytes);
    if (b->block_bytes > MEMORY_MAX / b->depth / b->threads)
        return fail(STATUS_USAGE,
                    "--bs times --depth is more than 1 GiB of buffers; make one of them smaller");
    return STATUS_OK;
}

static bool get_memory(struct bench *b)
{
    size_t size = (size_t)b->block_bytes * b->depth;
    b->slots = calloc(b->depth, sizeof *b->slots);
    b->ios = calloc(b->depth, sizeof *b->ios);
    b->done = calloc(b->depth, sizeof *b->done);
    b->memory = aligned_alloc(PAGE, (size + PAGE - 1) / PAGE * PAGE);
    if (!b->slots || !b->ios || !b->done || !b->memory)
        return false;
    memset(b->memory, 0, size);
    return true;
}

int bench_prepare(struct bench *b)
{
    const struct berth_lun_info *info = berth_lun_info(b->lun);
    int status = check(b, info), error;
    if (status != STATUS_OK)
        return status;
    if (!get_memory(b))
        return fail(STATUS_SYSTEM, "there is no memory for the buffers; use a smaller --bs or --depth");
    if (b->mode & BENCH_WRITE)
        pattern_fill(b->memory, (size_t)b->block_bytes * b->depth, info->block_bytes, clock_ns());
    for (uint32_t i = 0; i < b->depth; i++)
        b->slots[i].seg =
            (struct berth_seg){.base = b->memory + (size_t)i * b->block_bytes, .len = b->block_bytes};
    b->places = info->size_bytes / b->block_bytes;
    b->random = clock_ns() | 1;
    histogram_clear(&b->latency);
    error = berth_queue_new(&b->queue, b->lun, b->depth);
    return error ? fail_error(error, NULL, "the LUN's queue") : STATUS_OK;
}

void bench_free(struct bench *b)
{
    free(b->slots);
    free(b->ios);
    free(b->done);
    free(b->memory);
}

static uint64_t next_place(struct bench *b)
{
    if (b->mode & BENCH_RANDOM)
        return pattern_next(&b->random) % b->places;
    if (b->cursor == b->places)
        b->cursor = 0;
    return b->cursor++;
}

static bool next_is_write(struct bench *b)
{
    if ((b->mode & BENCH_READ) && (b->mode & BENCH_WRITE))
        return pattern_next(&b->random) >> 63;
    return b->mode & BENCH_WRITE;
}

static void fill_io(struct bench *b, struct berth_io *io, uint64_t slot, uint64_t now)
{
    struct bench_slot *s = &b->slots[slot];
    s->write = next_is_write(b);
    s->started_ns = now;
    *io = (struct berth_io){.op = s->write ? BERTH_WRITE : BERTH_READ,
                            .offset_bytes = next_place(b) * b->block_bytes,
                            .len_bytes = b->block_bytes,
                            .segs = &s->seg,
                            .seg_count = 1,
                            .tag = slot};
}

static void note_error(struct bench *b, const struct berth_done *done)
{
    if (b->errors++ == 0)
        b->first_error = *done;
}

/* Submits the first `count` of b->ios. */
static void submit(struct bench *b, uint32_t count)
{
    for (uint32_t sent = 0; sent < count;) {
        int taken = berth_queue_submit(b->queue, b->ios + sent, count - sent);
        if (taken < 1) {
            note_error(b, &(struct berth_done){.error = taken < 0 ? taken : BERTH_E_QUEUE_FULL});
            return;
        }
        sent += (uint32_t)taken;
        b->in_flight += (uint32_t)taken;
    }
}

static void account(struct bench *b, const struct berth_done *done, uint64_t now)
{
    const struct bench_slot *s = &b->slots[done->tag];
    if (done->error) {
        note_error(b, done);
        return;
    }
    histogram_add(&b->latency, now - s->started_ns);
    if (s->write)
        b->writes++;
    else
        b->reads++;
}

/* Takes what is done, and if `more`, puts as many new I/Os in its place. */
static void turn(struct bench *b, bool more)
{
    int count = berth_queue_reap(b->queue, b->done, 1, b->depth, REAP_MS);
    uint64_t now = clock_ns();
    for (int i = 0; i < count; i++) {
        account(b, &b->done[i], now);
        fill_io(b, &b->ios[i], b->done[i].tag, now);
    }
    if (count < 1)
        return;
    b->in_flight -= (uint32_t)count;
    if (more)
        submit(b, (uint32_t)count);
}

static bool hopeless(const struct bench *b)
{
    enum berth_scope scope = berth_error_scope(b->first_error.error);
    return b->errors >= ERRORS_MAX || (b->errors && scope != BERTH_SCOPE_TASK);
}

static void *measure(void *part)
{
    struct bench *b = part;
    uint64_t end = clock_ns() + b->duration_ns;
    for (uint32_t i = 0; i < b->depth; i++)
        fill_io(b, &b->ios[i], i, clock_ns());
    submit(b, b->depth);
    while (b->in_flight && !signals_caught() && !hopeless(b))
        turn(b, clock_ns() < end);
    return NULL;
}

/* The first part has the results of both. */
static void add(struct bench *b, const struct bench *other)
{
    histogram_merge(&b->latency, &other->latency);
    b->reads += other->reads;
    b->writes += other->writes;
    if (b->errors == 0)
        b->first_error = other->first_error;
    b->errors += other->errors;
}

/* This thread has the first part. */
static void measure_all(struct bench *parts)
{
    pthread_t threads[BENCH_THREADS_MAX];
    uint32_t begun = 1;
    while (begun < parts->threads && pthread_create(&threads[begun], NULL, measure, &parts[begun]) == 0)
        begun++;
    if (begun < parts->threads)
        note_error(parts, &(struct berth_done){.error = BERTH_E_SYSTEM});
    else
        measure(parts);
    for (uint32_t n = 1; n < begun; n++) {
        pthread_join(threads[n], NULL);
        add(parts, &parts[n]);
    }
}

static double cpu_us(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static uint64_t syscalls(const struct bench *b)
{
    struct berth_stats stats;
    berth_lun_stats(b->lun, &stats);
    return stats.syscalls;
}

void bench_run(struct bench *b)
{
    uint64_t begin = clock_ns(), calls = syscalls(b);
    double cpu = cpu_us(), ios;
    measure_all(b);
    ios = bench_ios(b) ? (double)bench_ios(b) : 1;
    b->seconds = (double)(clock_ns() - begin) / 1e9;
    b->cpu_us_per_io = (cpu_us() - cpu) / ios;
    b->syscalls_per_io = (double)(syscalls(b) - calls) / ios;
}
