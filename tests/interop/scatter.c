/* SPDX-License-Identifier: MIT */
/* scatter FILE URL BYTES SEED [KEY=VALUE...]: reads, writes and zeroes a LUN at random places, eight I/Os at
 * a time, in lengths of one block to a megabyte and pieces of odd lengths of memory, until so many bytes have
 * been moved. FILE holds what the LUN holds (at its beginning), and afterwards what it has to hold then. What
 * is read has to be what FILE says. The KEYs are asked for in the login. */
#include <berth/berth.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH      8u
#define LENGTH_MAX (1024u * 1024)
#define PIECES     7u

struct slot {
    struct berth_io io;
    struct berth_seg segs[PIECES];
    uint8_t *read; /* LENGTH_MAX bytes */
};

static struct {
    struct berth_lun *lun;
    struct berth_queue *queue;
    uint8_t *bytes; /* what the LUN holds */
    uint64_t size, block;
    uint64_t random;
    struct slot slots[DEPTH];
} s;

static void die(const char *what, const char *why)
{
    fprintf(stderr, "scatter: %s: %s\n", what, why);
    exit(1);
}

static uint64_t random_below(uint64_t limit)
{
    s.random ^= s.random << 13;
    s.random ^= s.random >> 7;
    s.random ^= s.random << 17;
    return (s.random >> 11) % limit;
}

/* --- before and after --- */

static void load(const char *file)
{
    FILE *f = fopen(file, "rb");
    if (!f || fseek(f, 0, SEEK_END) != 0)
        die(file, "cannot be read");
    s.size = (uint64_t)ftell(f);
    rewind(f);
    s.bytes = malloc(s.size);
    if (!s.bytes || fread(s.bytes, 1, s.size, f) != s.size)
        die(file, "cannot be read whole");
    fclose(f);
}

static void store(const char *file)
{
    FILE *f = fopen(file, "wb");
    if (!f || fwrite(s.bytes, 1, s.size, f) != s.size || fclose(f) != 0)
        die(file, "cannot be written");
}

static void open_lun(const char *url, char *const *keys, int count)
{
    struct berth_options options;
    struct berth_detail why = {0};
    berth_options_init(&options);
    options.keys = (const char *const *)keys;
    options.key_count = (uint32_t)count;
    if (berth_lun_open(&s.lun, url, &options, &why) != 0)
        die(url, why.text);
    const struct berth_lun_info *info = berth_lun_info(s.lun);
    s.block = info->block_bytes;
    if (info->size_bytes < s.size || s.size / DEPTH < s.block || s.size % s.block)
        die(url, "does not go with the file's size");
    if (berth_queue_new(&s.queue, s.lun, DEPTH) != 0)
        die(url, "no queue");
}

/* --- one round of I/Os beside each other --- */

/* Lengths near the powers of two are the ones at which something is cut. */
static uint64_t random_length(uint64_t room)
{
    uint64_t len = (s.block << random_below(12)) + random_below(3) * s.block - s.block;
    len = len < s.block ? s.block : len;
    len = len < LENGTH_MAX ? len : LENGTH_MAX;
    return len < room ? len : room;
}

static void cut(struct slot *slot, uint8_t *memory)
{
    uint64_t left = slot->io.len_bytes;
    uint32_t n = 0;
    while (left > 0) {
        uint64_t len = n + 1 < PIECES ? 1 + random_below(left) : left;
        slot->segs[n] = (struct berth_seg){.kind = BERTH_SEG_MEMORY, .len = len};
        slot->segs[n++].base = memory;
        memory += len;
        left -= len;
    }
    slot->io.segs = slot->segs;
    slot->io.seg_count = n;
}

static void plan(struct slot *slot, uint64_t begin, uint64_t end)
{
    struct berth_io *io = &slot->io;
    uint64_t blocks = (end - begin) / s.block;
    uint64_t at = random_below(blocks);
    uint64_t dice = random_below(16);
    *io = (struct berth_io){.op = dice == 0  ? BERTH_ZERO
                                  : dice < 8 ? BERTH_READ
                                             : BERTH_WRITE,
                            .offset_bytes = begin + at * s.block,
                            .len_bytes = random_length((blocks - at) * s.block),
                            .tag = (uint64_t)(slot - s.slots)};
    uint8_t *here = s.bytes + io->offset_bytes;
    if (io->op == BERTH_ZERO)
        memset(here, 0, io->len_bytes);
    for (uint64_t i = 0; io->op == BERTH_WRITE && i < io->len_bytes; i++)
        here[i] = (uint8_t)random_below(256);
    if (io->op != BERTH_ZERO)
        cut(slot, io->op == BERTH_WRITE ? here : slot->read);
}

static void check(const struct berth_done *done)
{
    const struct slot *slot = &s.slots[done->tag];
    char what[80];
    snprintf(what, sizeof what, "%s of %" PRIu64 " bytes at %" PRIu64,
             slot->io.op == BERTH_READ    ? "READ"
             : slot->io.op == BERTH_WRITE ? "WRITE"
                                          : "ZERO",
             slot->io.len_bytes, slot->io.offset_bytes);
    if (done->error)
        die(what, berth_lun_detail(s.lun)->text);
    if (slot->io.op == BERTH_READ &&
        memcmp(slot->read, s.bytes + slot->io.offset_bytes, slot->io.len_bytes) != 0)
        die(what, "not what was written there");
}

static uint64_t go_round(void)
{
    uint64_t region = s.size / DEPTH / s.block * s.block, moved = 0;
    uint64_t shift = random_below(region / s.block) * s.block;
    struct berth_done done;
    for (uint32_t i = 0; i < DEPTH; i++) {
        uint64_t begin = i ? i * region - shift : 0, end = i + 1 < DEPTH ? (i + 1) * region - shift : s.size;
        plan(&s.slots[i], begin, end);
        if (berth_queue_submit(s.queue, &s.slots[i].io, 1) != 1)
            die("submit", berth_lun_detail(s.lun)->text);
        moved += s.slots[i].io.len_bytes;
    }
    for (uint32_t i = 0; i < DEPTH; i++) {
        if (berth_queue_reap(s.queue, &done, 1, 1, -1) != 1)
            die("reap", berth_lun_detail(s.lun)->text);
        check(&done);
    }
    return moved;
}

int main(int argc, char *argv[])
{
    if (argc < 5)
        die("usage", "scatter FILE URL BYTES SEED [KEY=VALUE...]");
    uint64_t bytes = strtoull(argv[3], NULL, 10), moved = 0;
    s.random = strtoull(argv[4], NULL, 10) * 2654435761u + 1;
    load(argv[1]);
    open_lun(argv[2], argv + 5, argc - 5);
    for (uint32_t i = 0; i < DEPTH; i++)
        if (!(s.slots[i].read = malloc(LENGTH_MAX)))
            die("memory", "none left");
    while (moved < bytes)
        moved += go_round();
    if (berth_flush(s.lun) != 0)
        die("flush", berth_lun_detail(s.lun)->text);
    if (berth_lun_info(s.lun)->reconnects != 0)
        die(argv[2], "the session was lost on the way");
    berth_lun_close(s.lun);
    store(argv[1]);
    for (uint32_t i = 0; i < DEPTH; i++)
        free(s.slots[i].read);
    free(s.bytes);
    return 0;
}
