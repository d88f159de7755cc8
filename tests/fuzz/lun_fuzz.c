/* SPDX-License-Identifier: MIT */
/* A LUN in use, from the public calls down, at a target that the input makes answer late, wrongly or not at
 * all, lose connections and vanish for a while; time is the simulation's. What must hold: every I/O completes
 * exactly once and in bounded time; its memory is not touched afterwards; a block that is read, then or in
 * the end, holds what was last written there with success, or what was written later without it. */
#include "fuzz.h"

#include "base/cursor.h"
#include "lab.h"

#define REGIONS     8u  /* one for each I/O in flight, so that it is known what a block may hold */
#define REGION      16u /* blocks */
#define BLOCK       512u
#define DOUBTS      64u /* writes of a region that may have been done or not */
#define STEPS_MAX   300u
#define IO_MS       400u
#define RECOVERY_MS 3000u
#define END_TURNS   64u
#define END_MS      10000u /* each */

/* What a block may hold: the content of its last good write, or of any write since whose outcome nobody
 * knows. */
struct ledger {
    uint32_t good;
    uint32_t doubts[DOUBTS], doubt_count;
};

struct io {
    bool busy;
    uint32_t op, content, first, count; /* blocks of its region */
    uint8_t *memory;
    struct berth_seg seg;
};

struct disk {
    struct reader input;
    struct world *world;
    struct mini_target *target;
    struct berth_lun *lun;
    struct berth_queue *queue;
    struct ledger ledger[REGIONS * REGION];
    struct io ios[REGIONS];
    uint32_t contents; /* given out so far; 0 is a block of zeros */
    bool peace;        /* the target behaves from now on */
};

/* --- contents --- */

static void put_content(uint8_t *block, uint32_t content, uint32_t lba)
{
    memset(block, 0, BLOCK);
    for (uint32_t i = 0; content && i < BLOCK; i += 8) {
        put32(block + i, content);
        put32(block + i + 4, lba);
    }
}

/* Whole, and its own: never another block's, never half of one content and half of another. */
static uint32_t content_of(const uint8_t *block, uint32_t lba)
{
    uint8_t whole[BLOCK];
    uint32_t content = get32(block);
    put_content(whole, content, lba);
    fuzz_check(memcmp(whole, block, BLOCK) == 0);
    return content;
}

static bool possible(const struct ledger *l, uint32_t content)
{
    bool found = content == l->good;
    for (uint32_t i = 0; i < l->doubt_count; i++)
        found |= content == l->doubts[i];
    return found;
}

/* --- what the target does with a command --- */

static bool moves_data(const struct task *task)
{
    return task->cdb[0] == SCSI_READ_10 || task->cdb[0] == SCSI_READ_16 || task->cdb[0] == SCSI_WRITE_10 ||
           task->cdb[0] == SCSI_WRITE_16;
}

/* Sense of any kind, but for the one that says that the command was done. */
static void any_sense(struct disk *d, struct task *task)
{
    static const uint8_t codes[] = {0x70, 0x72, 0x71, 0x73};
    uint8_t key = read8(&d->input) % 16, code = read8(&d->input);
    mini_sense_code(task, codes[code % 4], key == SENSE_RECOVERED ? SENSE_NOT_READY : key, read16(&d->input));
    if (code & 0x80)
        task->sense_len = read8(&d->input) % task->sense_len;
}

/* Questions about the LUN are answered with anything. */
static void any_data(struct disk *d, struct task *task)
{
    uint8_t bytes[256];
    uint32_t len = read8(&d->input);
    size_t told = reader_left(&d->input) < len ? reader_left(&d->input) : len;
    memset(bytes, 0, sizeof bytes);
    for (size_t i = 0; i < told; i++)
        bytes[i] = read8(&d->input);
    mini_data(task, bytes, len);
}

static enum mini_turn answer(struct disk *d, struct task *task)
{
    static const uint8_t statuses[] = {
        SCSI_BUSY, SCSI_TASK_SET_FULL, SCSI_TASK_ABORTED, SCSI_RESERVATION_CONFLICT, 0x30, 0x11};
    uint8_t how = read8(&d->input);
    if (how < 0x60)
        mini_status(task, statuses[how % sizeof statuses]);
    else if (how < 0xc0 || moves_data(task) || !task->read)
        any_sense(d, task);
    else
        any_data(d, task);
    task->response = how == 0xc1 ? 1 : 0;
    return MINI_ANSWER;
}

static enum mini_turn script(void *arg, struct task *task)
{
    struct disk *d = arg;
    uint8_t how = d->peace || reader_left(&d->input) == 0 ? 0 : read8(&d->input);
    if (how < 0xb0)
        return MINI_EXECUTE;
    if (how < 0xd8)
        return answer(d, task);
    return how < 0xf0 ? MINI_HOLD : MINI_DROP;
}

static uint32_t chance(void *arg)
{
    struct disk *d = arg;
    return reader_left(&d->input) > 4 ? read32(&d->input) : 0;
}

/* --- I/Os --- */

static void finish(struct disk *d, const struct berth_done *done)
{
    fuzz_check(done->tag < REGIONS);
    struct io *io = &d->ios[done->tag];
    fuzz_check(io->busy);
    uint32_t lba = (uint32_t)done->tag * REGION + io->first;
    for (uint32_t i = 0; i < io->count; i++, lba++) {
        struct ledger *l = &d->ledger[lba];
        if (io->op == BERTH_READ && !done->error)
            fuzz_check(possible(l, content_of(io->memory + i * BLOCK, lba)));
        if (io->op == BERTH_READ || done->error)
            continue;
        l->good = io->content;
        l->doubt_count = 0;
    }
    free(io->memory); /* whoever touches it now is caught */
    io->busy = false;
}

static void reap(struct disk *d, int timeout_ms)
{
    struct berth_done done[REGIONS];
    int n = berth_queue_reap(d->queue, done, 1, REGIONS, timeout_ms);
    for (int i = 0; i < n; i++)
        finish(d, &done[i]);
}

/* Until it has succeeded, its content may be there or not. */
static bool take_doubt(struct disk *d, const struct io *io, uint32_t lba)
{
    for (uint32_t i = 0; i < io->count; i++)
        if (d->ledger[lba + i].doubt_count == DOUBTS)
            return false;
    for (uint32_t i = 0; i < io->count; i++) {
        struct ledger *l = &d->ledger[lba + i];
        l->doubts[l->doubt_count++] = io->content;
    }
    return true;
}

static void fill(const struct io *io, uint32_t lba)
{
    for (uint32_t i = 0; i < io->count; i++)
        put_content(io->memory + i * BLOCK, io->content, lba + i);
}

static void submit(struct disk *d, uint8_t which, uint8_t what, uint8_t where)
{
    static const uint32_t ops[] = {BERTH_READ, BERTH_WRITE, BERTH_WRITE, BERTH_ZERO};
    struct io *io = &d->ios[which % REGIONS];
    if (io->busy)
        return;
    *io = (struct io){.op = ops[what % 4], .first = where % REGION};
    io->count = 1 + (where >> 4) % (REGION - io->first);
    io->content = io->op == BERTH_WRITE ? ++d->contents : 0;
    uint32_t lba = which % REGIONS * REGION + io->first;
    if (io->op != BERTH_READ && !take_doubt(d, io, lba))
        return;
    io->memory = malloc(io->count * BLOCK);
    fill(io, lba);
    io->seg = seg_memory(io->memory, io->count * BLOCK);
    struct berth_io request = {.op = io->op,
                               .flags = what & 0x40 && io->op != BERTH_READ ? BERTH_FUA : 0,
                               .offset_bytes = (uint64_t)lba * BLOCK,
                               .len_bytes = io->count * BLOCK,
                               .segs = &io->seg,
                               .seg_count = io->op == BERTH_ZERO ? 0 : 1,
                               .tag = which % REGIONS};
    io->busy = berth_queue_submit(d->queue, &request, 1) == 1;
    if (!io->busy)
        free(io->memory);
}

/* --- what happens besides --- */

static void async(struct disk *d)
{
    struct wire_async a = {
        .event = read8(&d->input) % 7, .parameter2 = read8(&d->input) % 2, .parameter3 = 1};
    mini_async(d->target, &a);
}

static void step(struct disk *d, uint8_t what)
{
    switch (what % 16) {
    case 0:
        mini_reset(d->target);
        break;
    case 1:
        mini_stop(d->target);
        break;
    case 2:
    case 3:
        mini_start(d->target);
        break;
    case 4:
        d->world->silent = what & 0x10;
        break;
    case 5:
        async(d);
        break;
    case 6:
    case 7:
        sim_world_advance(d->world->sim, read8(&d->input) * 4000000ull);
        break;
    case 8:
    case 9:
    case 10:
        reap(d, what >> 4);
        break;
    case 11:
        reap(d, 100 * (what >> 4));
        break;
    default:
        submit(d, what >> 4, read8(&d->input), read8(&d->input));
    }
}

/* --- beginning and end --- */

static bool open_disk(struct disk *d, uint8_t choice)
{
    struct mini_config config = {.lu = "ram:64K,block=512",
                                 .depth = 1 + choice % 8,
                                 .delay_ns = choice & 8 ? 200000000 : 0,
                                 .late = choice & 16,
                                 .attentions = choice & 32,
                                 .script = script,
                                 .breaks =
                                     "A1 A3", /* who is not called for a second cannot leave within it */
                                 .random = chance,
                                 .arg = d};
    struct berth_options options;
    d->world = world_new(choice, NULL);
    d->target = world_target(d->world, &config);
    mini_config(d->target)->random = chance;
    berth_options_init(&options);
    options.connect_timeout_ms = options.command_timeout_ms = IO_MS;
    options.recovery_timeout_ms = RECOVERY_MS;
    options.ping_interval_ms = options.ping_timeout_ms = choice & 64 ? 0 : IO_MS;
    options.header_digest = options.data_digest = choice & 128 ? BERTH_DIGEST_CRC32C : BERTH_DIGEST_NONE;
    options.depth = REGIONS;
    return lun_open(&d->lun, WORLD_URL, &options, &d->world->reach, NULL) == 0 &&
           berth_lun_info(d->lun)->block_bytes == BLOCK &&
           berth_lun_info(d->lun)->size_bytes == REGIONS * REGION * BLOCK;
}

static bool idle(const struct disk *d)
{
    for (uint32_t i = 0; i < REGIONS; i++)
        if (d->ios[i].busy)
            return false;
    return true;
}

/* The target is well again: everything comes to its end. */
static void settle(struct disk *d)
{
    d->peace = true;
    d->world->silent = false;
    mini_start(d->target);
    for (uint32_t i = 0; i < END_TURNS && !idle(d); i++)
        reap(d, END_MS);
    fuzz_check(idle(d));
}

static void check_disk(const struct disk *d)
{
    for (uint32_t lba = 0; lba < REGIONS * REGION; lba++)
        fuzz_check(possible(&d->ledger[lba], content_of(mini_disk(d->target) + lba * BLOCK, lba)));
}

static void use(struct disk *d)
{
    fuzz_check(berth_queue_new(&d->queue, d->lun, REGIONS) == 0);
    for (uint32_t i = 0; i < STEPS_MAX && reader_left(&d->input) > 0; i++)
        step(d, read8(&d->input));
    settle(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct disk *d = calloc(1, sizeof *d);
    d->input = reader_over(data, size);
    if (open_disk(d, read8(&d->input)))
        use(d);
    d->peace = true;
    berth_lun_close(d->lun);
    check_disk(d);
    world_free(d->world);
    free(d);
    return 0;
}
