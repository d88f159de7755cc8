/* SPDX-License-Identifier: MIT */
#include "storm.h"
#include <stdlib.h>

#define NS_MS 1000000ull

static uint64_t now(const struct storm *s)
{
    return sim_world_now(s->world->sim);
}

/* --- submitting --- */

/* A block has one write at a time: which of two would be the later one nobody could say. */
static bool may_write(const struct storm *s, uint32_t block, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (s->writing[block + i])
            return false;
    return true;
}

static void prepare_write(struct storm *s, struct storm_io *io)
{
    for (uint32_t i = 0; i < io->count; i++) {
        uint64_t block = io->block + i;
        struct stamp stamp = {block, ledger_submit(&s->ledger, block), 1};
        io->generations[i] = stamp.generation;
        s->writing[block] = true;
        stamp_put(io->buf + i * s->plan.unit, s->plan.unit, &stamp);
    }
}

static void prepare_read(struct storm *s, struct storm_io *io)
{
    stamp_poison(io->buf, io->seg.len);
    for (uint32_t i = 0; i < io->count; i++)
        io->began[i] = ledger_look(&s->ledger, io->block + i);
}

/* Short ones often, long ones sometimes. */
static uint32_t some_length(struct storm *s)
{
    static const uint32_t most[] = {1, 2, 8, 8, 16, STORM_LONG};
    return (uint32_t)dice_between(&s->dice, 1, most[dice_below(&s->dice, 6)]);
}

static void draw(struct storm *s, struct storm_io *io)
{
    *io = (struct storm_io){.used = true, .count = some_length(s), .begin_ns = now(s)};
    if (io->count > s->plan.span)
        io->count = s->plan.span;
    io->block = (uint32_t)dice_between(&s->dice, 0, s->plan.span - io->count);
    io->write = dice_below(&s->dice, 2) && may_write(s, io->block, io->count);
    uint64_t len = (uint64_t)io->count * s->plan.unit;
    io->buf = malloc(len); /* each has its own, for the sanitizer */
    io->seg = seg_memory(io->buf, len);
    if (io->write)
        prepare_write(s, io);
    else
        prepare_read(s, io);
}

static void submit(struct storm *s, uint32_t slot)
{
    struct storm_io *io = &s->ios[slot];
    draw(s, io);
    const struct berth_io b = {.op = io->write ? BERTH_WRITE : BERTH_READ,
                               .offset_bytes = (uint64_t)io->block * s->plan.unit,
                               .len_bytes = io->seg.len,
                               .segs = &io->seg,
                               .seg_count = 1,
                               .tag = slot};
    int taken = berth_queue_submit(s->queue, &b, 1);
    if (taken != 1)
        storm_wrong(s, "an I/O was not taken: %d", taken);
    s->flying++;
    s->report->ios++;
}

void burden_fill(struct storm *s)
{
    for (uint32_t i = 0; i < s->plan.depth; i++)
        if (!s->ios[i].used)
            submit(s, i);
}

/* --- reaping --- */

static void judge_block(struct storm *s, const struct storm_io *io, uint32_t i)
{
    struct stamp found = {0};
    uint64_t block = io->block + i;
    enum stamp_state state = stamp_get(io->buf + i * s->plan.unit, s->plan.unit, &found);
    if (state == STAMP_DAMAGED || (state == STAMP_SOUND && found.block != block)) {
        storm_wrong(s, "block %llu was read as something that nobody wrote there", (unsigned long long)block);
        return;
    }
    enum ledger_verdict verdict = ledger_judge(&s->ledger, block, &io->began[i], found.generation);
    if (verdict != LEDGER_FINE)
        storm_wrong(s, "block %llu was read as of generation %llu, where %llu was there and %llu is the last",
                    (unsigned long long)block, (unsigned long long)found.generation,
                    (unsigned long long)io->began[i].floor, (unsigned long long)s->entries[block].submitted);
    ledger_settle(&s->ledger, block, found.generation);
}

static void succeeded(struct storm *s, const struct storm_io *io)
{
    for (uint32_t i = 0; i < io->count; i++)
        if (io->write)
            ledger_settle(&s->ledger, io->block + i, io->generations[i]);
        else
            judge_block(s, io, i);
}

/* What an I/O may fail with where time is short and commands stay unanswered. */
static bool may_fail_so(int error)
{
    return error == BERTH_E_TIMEOUT || error == BERTH_E_LOST || error == BERTH_E_UNKNOWN ||
           error == BERTH_E_SCSI;
}

static void failed(struct storm *s, const struct storm_io *io, const struct berth_done *done)
{
    s->report->errors++;
    s->report->by_error[-done->error % STORM_ERRORS]++;
    s->over |= done->error == BERTH_E_LOST;
    if (!s->plan.harsh || !may_fail_so(done->error))
        storm_wrong(s, "a %s ended with %s (status %02x, sense %x/%04x): %s", io->write ? "write" : "read",
                    berth_error_name(done->error), done->scsi_status, done->sense_key, done->asc,
                    berth_lun_detail(s->lun)->text);
}

/* No I/O waits for ever. What it may take in the worst case: a session dies under it again and again, each
 * time just before it would have had an answer, and each one is sought for as long as is allowed. */
static uint64_t longest_ms(const struct storm *s)
{
    const struct berth_options *o = &s->plan.options;
    return (LUN_LOSSES + 1ull) * (o->command_timeout_ms + o->recovery_timeout_ms) + o->connect_timeout_ms;
}

static void conclude(struct storm *s, const struct berth_done *done)
{
    struct storm_io *io = &s->ios[done->tag];
    if (!io->used) {
        storm_wrong(s, "an I/O completed twice");
        return;
    }
    uint64_t took_ms = (now(s) - io->begin_ns) / NS_MS;
    if (took_ms > s->report->longest_io_ms)
        s->report->longest_io_ms = took_ms;
    if (took_ms > longest_ms(s))
        storm_wrong(s, "an I/O took %llu ms", (unsigned long long)took_ms);
    if (s->calm_ns && !s->report->back_ms)
        s->report->back_ms = (now(s) - s->calm_ns) / NS_MS + 1;
    if (done->error)
        failed(s, io, done);
    else
        succeeded(s, io);
    for (uint32_t i = 0; io->write && i < io->count; i++) {
        s->writing[io->block + i] = false;
        ledger_land(&s->ledger, io->block + i);
    }
    stamp_poison(io->buf, io->seg.len);
    free(io->buf);
    io->used = false;
    s->flying--;
}

void burden_reap(struct storm *s, int timeout_ms)
{
    struct berth_done done[STORM_DEPTH];
    int count = berth_queue_reap(s->queue, done, 1, STORM_DEPTH, timeout_ms);
    if (count < 0)
        storm_wrong(s, "reaping failed with %s", berth_error_name(count));
    for (int i = 0; i < count; i++)
        conclude(s, &done[i]);
}

/* --- in the end --- */

void burden_verify(struct storm *s)
{
    struct storm_io all = {.count = 1};
    uint8_t *disk = mini_disk(s->target);
    for (uint32_t block = 0; block < STORM_BLOCKS; block++) {
        all.block = block;
        all.buf = disk + (uint64_t)block * s->plan.unit;
        all.began[0] = ledger_look(&s->ledger, block);
        judge_block(s, &all, 0);
    }
}
