/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "load.h"

#define NS_PER_MS  1000000ull
#define FIRST_ISID "800000000000"
#define REOPEN_MS  100u
#define REFUSED_MS 20u    /* between tries where every I/O is refused */
#define OPEN_MS    60000u /* for which a LUN may be sought that a fault has kept from being opened */

/* --- its LUN --- */

static void notice(void *arg, const struct berth_notice *n)
{
    if (n->kind == BERTH_NOTICE_LOST || n->kind == BERTH_NOTICE_BACK)
        chart_event(arg, n->kind == BERTH_NOTICE_LOST ? 'l' : 'b');
}

/* Under its own initiator port, the same after a restart: an old session of it is ended then. */
bool job_open(struct job *j, struct berth_detail *why)
{
    const struct load_options *o = &j->load->options;
    struct berth_options lun = o->lun;
    lun.notice = notice;
    lun.notice_arg = j;
    if (o->keep_isid) {
        lun.isid = FIRST_ISID;
        lun.isid_offset = (uint16_t)(o->seed % 200 * LOAD_JOBS_MAX + j->number);
    }
    j->opens++;
    if (berth_lun_open(&j->lun, o->urls[j->number % o->url_count], &lun, why) < 0)
        return false;
    j->failed = false;
    chart_event(j, 'o');
    return berth_queue_new(&j->queue, j->lun, o->depth) == 0;
}

void job_close(struct job *j)
{
    struct berth_stats stats;
    if (!j->lun)
        return;
    berth_lun_stats(j->lun, &stats);
    j->reconnects += berth_lun_info(j->lun)->reconnects;
    j->retries += stats.retries;
    berth_lun_close(j->lun);
    j->lun = NULL;
}

/* --- submitting --- */

/* Its own blocks, one write of each at a time. */
static bool may_write(const struct job *j, uint64_t block, uint32_t count)
{
    if (block < j->first || block + count > j->first + j->blocks)
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (j->writing[block - j->first + i])
            return false;
    return true;
}

static void prepare_write(struct job *j, struct slot *s)
{
    struct ledger *ledger = &j->load->chart.ledger;
    uint32_t writer = (uint32_t)(j->load->chart.run << 8 | j->number);
    for (uint32_t i = 0; i < s->count; i++) {
        struct stamp stamp = {s->block + i, ledger_submit(ledger, s->block + i), writer};
        s->generations[i] = stamp.generation;
        j->writing[s->block - j->first + i] = true;
        stamp_put(s->buf + (uint64_t)i * LOAD_UNIT, LOAD_UNIT, &stamp);
    }
}

static void prepare_read(struct job *j, struct slot *s)
{
    for (uint32_t i = 0; i < s->count; i++)
        s->began[i] = ledger_look(&j->load->chart.ledger, s->block + i);
}

/* Each order of magnitude as often as the next. */
static uint32_t some_length(struct job *j)
{
    uint32_t most = 1;
    while (most < j->load->options.longest_blocks && dice_below(&j->dice, 8))
        most *= 2;
    uint32_t longest = j->load->options.longest_blocks;
    return (uint32_t)dice_between(&j->dice, 1, most < longest ? most : longest);
}

static void draw(struct job *j, struct slot *s)
{
    const struct load_options *o = &j->load->options;
    bool write = dice_below(&j->dice, 100) < o->write_percent;
    s->count = some_length(j);
    if (s->count > j->blocks)
        s->count = (uint32_t)j->blocks;
    s->block = write ? j->first + dice_below(&j->dice, j->blocks - s->count + 1)
                     : dice_below(&j->dice, j->load->chart.ledger.count - s->count + 1);
    s->write = write && may_write(j, s->block, s->count);
    s->seg = (struct berth_seg){.base = s->buf, .len = (uint64_t)s->count * LOAD_UNIT};
    if (s->write)
        prepare_write(j, s);
    else
        prepare_read(j, s);
    s->used = true;
    s->begin_ns = load_now();
}

/* --- reaping --- */

static bool judge_state(struct load *l, uint64_t block, const struct ledger_view *began,
                        enum stamp_state state, const struct stamp *found)
{
    if (state == STAMP_BLANK || (state == STAMP_SOUND && found->block == block))
        return true;
    if (state == STAMP_DAMAGED && ledger_overlaps(&l->chart.ledger, block, began))
        l->torn++;
    else
        load_wrong(l, "O1: block %llu holds what nobody wrote there", (unsigned long long)block);
    return false;
}

bool judge_block(struct load *l, uint64_t block, const struct ledger_view *began, const uint8_t *bytes)
{
    struct stamp found = {0};
    if (!judge_state(l, block, began, stamp_get(bytes, LOAD_UNIT, &found), &found))
        return false;
    enum ledger_verdict verdict = ledger_judge(&l->chart.ledger, block, began, found.generation);
    if (verdict != LEDGER_FINE)
        load_wrong(l, "%s: block %llu is of generation %llu, where %llu was there and %llu is the last",
                   found.generation ? "O2" : "O1", (unsigned long long)block,
                   (unsigned long long)found.generation, (unsigned long long)began->floor,
                   (unsigned long long)l->chart.ledger.entries[block].submitted);
    ledger_settle(&l->chart.ledger, block, found.generation);
    return verdict == LEDGER_FINE;
}

static void succeeded(struct job *j, const struct slot *s)
{
    j->bytes += s->seg.len;
    for (uint32_t i = 0; i < s->count; i++)
        if (s->write)
            ledger_settle(&j->load->chart.ledger, s->block + i, s->generations[i]);
        else
            judge_block(j->load, s->block + i, &s->began[i], s->buf + (uint64_t)i * LOAD_UNIT);
}

static void failed(struct job *j, const struct berth_done *done)
{
    j->errors++;
    j->by_error[-done->error % LOAD_ERRORS]++;
    j->failed |= done->error == BERTH_E_LOST || berth_error_scope(done->error) == BERTH_SCOPE_SESSION;
}

static void release(struct job *j, struct slot *s)
{
    for (uint32_t i = 0; s->write && i < s->count; i++) {
        j->writing[s->block - j->first + i] = false;
        ledger_land(&j->load->chart.ledger, s->block + i);
    }
    stamp_poison(s->buf, s->seg.len);
    s->used = false;
    j->flying--;
}

static void conclude(struct job *j, const struct berth_done *done)
{
    struct slot *s = &j->slots[done->tag];
    if (done->tag >= j->load->options.depth || !s->used) {
        load_wrong(j->load, "O5: job %u: an I/O completed twice", j->number);
        return;
    }
    uint64_t took = load_now() - s->begin_ns;
    if (took > j->longest_ns)
        j->longest_ns = took;
    j->ios++;
    chart_event(j, done->error ? 'e' : 'd');
    if (done->error)
        failed(j, done);
    else
        succeeded(j, s);
    release(j, s);
}

static void pause_ms(uint32_t ms)
{
    const struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};
    nanosleep(&t, NULL);
}

static void submit(struct job *j, uint32_t number)
{
    struct slot *s = &j->slots[number];
    if (!stamp_poisoned(s->buf, s->seg.len ? s->seg.len : (uint64_t)LOAD_LONG * LOAD_UNIT))
        load_wrong(j->load, "job %u: memory of an I/O was touched after it was done", j->number);
    draw(j, s);
    const struct berth_io io = {.op = s->write ? BERTH_WRITE : BERTH_READ,
                                .flags = s->write && j->load->options.fua ? BERTH_FUA : 0,
                                .offset_bytes = s->block * LOAD_UNIT,
                                .len_bytes = s->seg.len,
                                .segs = &s->seg,
                                .seg_count = 1,
                                .tag = number};
    int taken = berth_queue_submit(j->queue, &io, 1);
    j->flying++;
    if (taken != 1) /* refused at once, as beyond the end of a LUN that has shrunk: one end like any other */
        conclude(j, &(struct berth_done){.tag = number, .error = taken < 0 ? taken : BERTH_E_STATE});
}

/* Where all are refused there is nothing to wait for: no more of it than a user would try. */
static void fill(struct job *j)
{
    for (uint32_t i = 0; i < j->load->options.depth; i++)
        if (!j->slots[i].used)
            submit(j, i);
    if (j->flying == 0)
        pause_ms(REFUSED_MS);
}

static void reap(struct job *j, int timeout_ms)
{
    struct berth_done done[LOAD_DEPTH];
    int count = berth_queue_reap(j->queue, done, 1, LOAD_DEPTH, timeout_ms);
    if (count < 0)
        load_wrong(j->load, "job %u: reaping ended with %s", j->number, berth_error_name(count));
    for (int i = 0; i < count; i++)
        conclude(j, &done[i]);
}

static void drain(struct job *j)
{
    uint64_t end = load_now() + j->load->options.drain_ms * NS_PER_MS;
    while (j->flying > 0 && load_now() < end)
        reap(j, 100);
    j->stuck += j->flying;
}

/* --- life --- */

/* As a user would: what breaks while a LUN is opened, or a session that was given up, is tried again. */
static bool open_by(struct job *j, uint64_t end, struct berth_detail *why)
{
    job_close(j);
    do {
        if (job_open(j, why))
            return true;
        job_close(j);
        pause_ms(REOPEN_MS);
    } while (load_now() < end);
    return false;
}

static bool prepare(struct job *j)
{
    uint32_t depth = j->load->options.depth;
    j->writing = calloc(j->blocks, sizeof *j->writing);
    j->slots = calloc(depth, sizeof *j->slots);
    for (uint32_t i = 0; j->slots && i < depth; i++) {
        j->slots[i].buf = malloc((uint64_t)LOAD_LONG * LOAD_UNIT);
        if (!j->slots[i].buf)
            return false;
        stamp_poison(j->slots[i].buf, (uint64_t)LOAD_LONG * LOAD_UNIT);
    }
    return j->writing && j->slots;
}

static void clear_up(struct job *j)
{
    for (uint32_t i = 0; j->slots && i < j->load->options.depth; i++)
        free(j->slots[i].buf);
    free(j->slots);
    free(j->writing);
}

static void work(struct job *j)
{
    uint64_t end = load_now() + j->load->options.time_ms * NS_PER_MS;
    struct berth_detail why;
    while (load_now() < end) {
        if (j->failed && j->flying == 0 && (!j->load->options.reopen || !open_by(j, end, &why)))
            break;
        if (!j->failed)
            fill(j);
        reap(j, 100);
    }
    if (j->lun)
        drain(j);
}

void job_run(struct job *j)
{
    struct berth_detail why;
    if (!prepare(j))
        load_wrong(j->load, "job %u: no memory", j->number);
    else if (!open_by(j, load_now() + OPEN_MS * NS_PER_MS, &why))
        load_wrong(j->load, "job %u: the LUN does not open: %s", j->number, why.text);
    else
        work(j);
    job_close(j);
    clear_up(j);
}
