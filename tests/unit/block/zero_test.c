/* SPDX-License-Identifier: MIT */
/* Zeros, trimming, and durability: what is built, what is tried next when the LUN will not. */
#include "test.h"

#include "base/bytes.h"
#include "scsi/cdb.h"
#include "scsi/sense.h"

#define WS_UNMAP 0x08

static struct lab_rule refuse(uint8_t op, uint32_t times, uint16_t asc)
{
    return (struct lab_rule){
        .op = op, .times = times, .turn = MINI_ANSWER, .key = SENSE_ILLEGAL_REQUEST, .asc = asc};
}

static void dirty(struct lab *l, size_t len)
{
    memset(mini_disk(l->target), 0xdd, len);
}

static void assert_zeros(struct lab *l, size_t from, size_t to, size_t size)
{
    const uint8_t *disk = mini_disk(l->target);
    for (size_t i = 0; i < size; i++)
        if (disk[i] != (i >= from && i < to ? 0 : 0xdd))
            fail_msg("byte %zu is %02x", i, disk[i]);
}

static const struct lab_entry *at_lba(struct lab *l, uint8_t op, uint64_t lba)
{
    const struct lab_entry *e;
    for (uint32_t n = 0; (e = lab_find(l, op, n)) != NULL; n++)
        if (e->lba == lba)
            return e;
    return NULL;
}

/* The commands between them cover [from, to) once, in blocks of 512. They may have come in any order. */
static void assert_covered(struct lab *l, uint8_t op, uint64_t from, uint64_t to)
{
    uint32_t used = 0;
    for (; from < to; used++) {
        const struct lab_entry *e = at_lba(l, op, from);
        assert_non_null(e);
        assert_true(e->blocks > 0);
        from += e->blocks;
    }
    assert_int_equal(from, to);
    assert_int_equal(used, lab_seen(l, op));
}

/* --- zeros --- */

static void zero_by_write_same(void **state)
{
    struct lab *l = lab_lun(&(struct mini_config){.lu = "ram:32M"});
    (void)state;
    dirty(l, 32 * MIB);
    assert_int_equal(berth_zero(l->lun, 9 * MIB, MIB, 0), 0);
    assert_zeros(l, MIB, 10 * MIB, 32 * MIB);
    assert_int_equal(lab_seen(l, SCSI_WRITE_SAME_16), l->count);
    assert_int_equal(l->log[0].edtl, 512);
    assert_int_equal(l->log[0].cdb[1] & WS_UNMAP, 0);
    assert_int_equal(l->log[0].blocks,
                     4 * MIB / 512); /* until it has worked: no more than data could replace */
    assert_covered(l, SCSI_WRITE_SAME_16, MIB / 512, 10 * MIB / 512);
    l->count = 0;
    assert_true(berth_lun_info(l->lun)->max_zero_bytes >= 10 * MIB);
    assert_int_equal(berth_zero(l->lun, 10 * MIB, 0, 0), 0);
    assert_int_equal(l->count, 1); /* now it is known to work */
    assert_int_equal(l->log[0].blocks, 10 * MIB / 512);
    lab_free(l);
}

static void zero_with_holes(void **state)
{
    struct lab *l = lab_lun(NULL);
    (void)state;
    assert_true(berth_lun_info(l->lun)->trim_reads_zeros);
    dirty(l, MIB);
    assert_int_equal(berth_zero(l->lun, 64 * KIB, 64 * KIB, BERTH_MAY_TRIM), 0);
    assert_zeros(l, 64 * KIB, 128 * KIB, MIB);
    assert_int_equal(l->log[0].op, SCSI_WRITE_SAME_16);
    assert_int_equal(l->log[0].cdb[1] & WS_UNMAP, WS_UNMAP);
    lab_free(l);
}

/* Refused, zeros go as data: the same range, once, and at once the next time. */
static void zero_as_data(void **state)
{
    static const uint16_t words[] = {ASC_INVALID_OPCODE, ASC_INVALID_FIELD_IN_CDB};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct lab *l = lab_lun(&(struct mini_config){.lu = "ram:32M"});
        dirty(l, 32 * MIB);
        lab_rule(l, refuse(SCSI_WRITE_SAME_16, 0, words[i]));
        assert_true(berth_lun_info(l->lun)->max_zero_bytes > 0);
        assert_int_equal(berth_zero(l->lun, 13 * MIB, 512, 0), 0);
        assert_int_equal(berth_lun_info(l->lun)->max_zero_bytes, 0);
        assert_zeros(l, 512, 13 * MIB + 512, 32 * MIB);
        assert_true(lab_seen(l, SCSI_WRITE_SAME_16) <= 4);
        l->count = 0;
        assert_int_equal(berth_zero(l->lun, 9 * MIB, 20 * MIB, BERTH_FUA), 0);
        assert_int_equal(lab_seen(l, SCSI_WRITE_SAME_16), 0);
        assert_covered(l, SCSI_WRITE_10, 20 * MIB / 512, 29 * MIB / 512);
        lab_free(l);
    }
}

/* Holes refused: without them, then. Neither is asked for again. */
static void zero_without_holes(void **state)
{
    struct lab *l = lab_lun(NULL);
    (void)state;
    dirty(l, MIB);
    lab_rule(l, refuse(SCSI_WRITE_SAME_16, 1, ASC_INVALID_FIELD_IN_CDB));
    assert_int_equal(berth_zero(l->lun, 64 * KIB, 0, BERTH_MAY_TRIM), 0);
    assert_zeros(l, 0, 64 * KIB, MIB);
    assert_int_equal(l->count, 2);
    assert_int_equal(l->log[0].cdb[1] & WS_UNMAP, WS_UNMAP);
    assert_int_equal(l->log[1].op, SCSI_WRITE_SAME_16);
    assert_int_equal(l->log[1].cdb[1] & WS_UNMAP, 0);
    assert_true(berth_lun_info(l->lun)->max_zero_bytes > 0);
    l->count = 0;
    assert_int_equal(berth_zero(l->lun, 64 * KIB, 64 * KIB, BERTH_MAY_TRIM), 0);
    assert_int_equal(l->count, 1);
    assert_int_equal(l->log[0].cdb[1] & WS_UNMAP, 0);
    lab_free(l);
}

static void zero_neither_way(void **state)
{
    struct lab *l = lab_lun(NULL);
    (void)state;
    dirty(l, MIB);
    lab_rule(l, refuse(SCSI_WRITE_SAME_16, 0, ASC_INVALID_OPCODE));
    assert_int_equal(berth_zero(l->lun, 64 * KIB, 0, BERTH_MAY_TRIM), 0);
    assert_zeros(l, 0, 64 * KIB, MIB);
    assert_int_equal(lab_seen(l, SCSI_WRITE_SAME_16), 2);
    assert_int_equal(lab_seen(l, SCSI_WRITE_10), 1);
    lab_free(l);
}

/* One of two that are on the way together is refused, the other works: no piece gets longer than its zeros.
 */
static void zero_refused_and_accepted(void **state)
{
    struct lab *l = lab_lun(&(struct mini_config){.lu = "ram:64M"});
    struct berth_queue *q;
    struct berth_done done[2];
    struct berth_io ios[2] = {make_io(BERTH_ZERO, 0, MIB, NULL, 0), make_io(BERTH_ZERO, MIB, MIB, NULL, 0)};
    (void)state;
    dirty(l, 64 * MIB);
    assert_int_equal(berth_queue_new(&q, l->lun, 2), 0);
    lab_rule(l, refuse(SCSI_WRITE_SAME_16, 1, ASC_INVALID_FIELD_IN_CDB));
    assert_int_equal(berth_queue_submit(q, ios, 2), 2);
    assert_int_equal(berth_queue_reap(q, done, 2, 2, -1), 2);
    assert_int_equal(done[0].error | done[1].error, 0);
    l->count = 0;
    assert_int_equal(berth_zero(l->lun, 40 * MIB, 2 * MIB, 0), 0);
    for (uint32_t i = 0; i < l->count; i++)
        assert_true(l->log[i].op != SCSI_WRITE_10 || l->log[i].edtl <= 4 * MIB);
    assert_zeros(l, 0, 42 * MIB, 64 * MIB);
    lab_free(l);
}

/* What has worked is not given up for one refusal: that one is an error. */
static void zero_refused_later(void **state)
{
    struct lab *l = lab_lun(NULL);
    (void)state;
    assert_int_equal(berth_zero(l->lun, 64 * KIB, 0, 0), 0);
    lab_rule(l, refuse(SCSI_WRITE_SAME_16, 1, ASC_INVALID_FIELD_IN_CDB));
    assert_int_equal(berth_zero(l->lun, 64 * KIB, 0, 0), BERTH_E_UNSUPPORTED);
    assert_int_equal(berth_zero(l->lun, 64 * KIB, 0, 0), 0);
    assert_int_equal(lab_seen(l, SCSI_WRITE_10), 0);
    lab_free(l);
}

/* --- trimming --- */

static const uint8_t limits_page[64] = {0, 0xb0, 0, 60};

/* VPD B0h with the given UNMAP and WRITE SAME limits, in blocks. */
static void limits(uint8_t page[64], uint32_t unmap_blocks, uint32_t ranges, uint64_t same)
{
    memcpy(page, limits_page, 64);
    put32(page + 20, unmap_blocks);
    put32(page + 24, ranges);
    put64(page + 36, same);
}

static struct lab *lab_with(const uint8_t limits_bytes[64], uint8_t provisioning)
{
    static uint8_t b2[8];
    struct lab *l = lab_new(&(struct mini_config){.lu = "ram:4M"}, NULL);
    const uint8_t page[8] = {0, 0xb2, 0, 4, 0, provisioning, 2, 0};
    memcpy(b2, page, 8);
    lab_rule(l, (struct lab_rule){
                    .op = SCSI_INQUIRY, .page = 0xb0, .turn = MINI_ANSWER, .data = limits_bytes, .len = 64});
    lab_rule(l,
             (struct lab_rule){.op = SCSI_INQUIRY, .page = 0xb2, .turn = MINI_ANSWER, .data = b2, .len = 8});
    assert_int_equal(lab_open(l), 0);
    return l;
}

static void trim_splits(void **state)
{
    uint8_t page[64];
    (void)state;
    limits(page, 100, 1, 0);
    struct lab *l = lab_with(page, 0x80);
    assert_int_equal(berth_lun_info(l->lun)->max_trim_bytes, 100 * 512);
    assert_int_equal(berth_trim(l->lun, 250 * 512, 1024), 0);
    assert_int_equal(l->count, 3);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(l->log[i].op, SCSI_UNMAP);
        assert_int_equal(l->log[i].edtl, SCSI_UNMAP_HEADER + SCSI_UNMAP_RANGE);
        assert_true(l->log[i].write);
    }
    lab_free(l);
}

struct trim_row {
    uint32_t unmap_blocks, ranges;
    uint64_t same;
    uint8_t provisioning;
    uint64_t expected; /* max_trim_bytes */
    uint8_t op;        /* of a trim */
};

static void trim_ways(void **state)
{
    const uint64_t most = (uint64_t)UINT32_MAX * 512;
    const struct trim_row rows[] = {
        {UINT32_MAX, 1, 0, 0x80, most, SCSI_UNMAP},
        {8, 4, 0, 0xc0, 8 * 512, SCSI_UNMAP},
        {0, 1, 0, 0x80, 0, 0}, /* either limit 0: no UNMAP, whatever B2h says */
        {100, 0, 0, 0x80, 0, 0},
        {0, 0, 1000, 0xc0, 1000 * 512, SCSI_WRITE_SAME_16},
        {100, 1, 1000, 0x40, 1000 * 512, SCSI_WRITE_SAME_16},
        {100, 1, 0, 0x40, 256 * MIB, SCSI_WRITE_SAME_16}, /* no limit named: ours */
        {100, 1, 1000, 0x00, 0, 0},
        {100, 1, 1000, 0x20, 0, 0}, /* WRITE SAME(10) alone is not used */
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct trim_row *r = &rows[i];
        uint8_t page[64];
        limits(page, r->unmap_blocks, r->ranges, r->same);
        struct lab *l = lab_with(page, r->provisioning);
        assert_int_equal(berth_lun_info(l->lun)->max_trim_bytes, r->expected);
        dirty(l, 4 * MIB);
        assert_int_equal(berth_trim(l->lun, 4096, 4096), r->op ? 0 : BERTH_E_UNSUPPORTED);
        if (r->op) {
            assert_int_equal(l->log[0].op, r->op);
            assert_zeros(l, 4096, 8192, 4 * MIB);
        } else {
            assert_int_equal(l->count, 0);
        }
        if (r->op == SCSI_WRITE_SAME_16)
            assert_int_equal(l->log[0].cdb[1] & WS_UNMAP, WS_UNMAP);
        lab_free(l);
    }
}

/* The limits are asked for anew, page by page, and a trim has room to go in between: WRITE SAME of no blocks
 * would be one of all that there are (SBC-3 5.46). */
static void trim_between_two_pages(void **state)
{
    uint8_t page[64];
    struct berth_done done[3];
    struct berth_queue *q;
    (void)state;
    limits(page, 0, 0, 16);
    struct lab *l = lab_with(page, 0x40);
    l->lun->depth.limit = l->lun->depth.most = 2;
    assert_int_equal(berth_queue_new(&q, l->lun, 3), 0);
    struct lab_rule same = l->rules[0], after = l->rules[1];
    lab_no_rules(l);
    lab_rule(l, (struct lab_rule){.op = SCSI_SYNCHRONIZE_CACHE_10, .turn = MINI_HOLD, .times = 2});
    lab_rule(l, (struct lab_rule){.op = SCSI_INQUIRY, .page = 0xb2, .turn = MINI_HOLD, .times = 1});
    lab_rule(l, same);
    lab_rule(l, after);
    dirty(l, 1 * MIB);
    struct berth_io flush = {.op = BERTH_FLUSH, .tag = 1};
    struct berth_io trim = {.op = BERTH_TRIM, .offset_bytes = 0, .len_bytes = 48 * 512, .tag = 2};
    assert_int_equal(berth_queue_submit(q, &flush, 1), 1);
    assert_int_equal(berth_queue_submit(q, &flush, 1), 1);
    assert_int_equal(berth_queue_submit(q, &trim, 1), 1);
    assert_int_equal(berth_queue_reap(q, done, 1, 2, 10), 0);
    check_want(l->lun);
    assert_int_equal(berth_queue_reap(q, done, 1, 2, 100), 0);
    assert_int_equal(berth_queue_cancel(q, 1), 2);
    assert_int_equal(berth_queue_reap(q, done, 2, 3, 100), 2); /* and now there is room */
    assert_int_equal(done[0].error, BERTH_E_ABORTED);
    assert_int_equal(berth_queue_reap(q, done, 1, 2, 100), 0);
    mini_release(l->target); /* the page */
    assert_int_equal(berth_queue_reap(q, done, 1, 2, 60000), 1);
    assert_int_equal(done[0].error, 0);
    assert_int_equal(lab_seen(l, SCSI_WRITE_SAME_16), 3);
    for (uint32_t n = 0; n < 3; n++)
        assert_int_equal(get32(lab_find(l, SCSI_WRITE_SAME_16, n)->cdb + 10), 16);
    assert_zeros(l, 0, 48 * 512, 1 * MIB);
    lab_free(l);
}

/* A LUN that has unlearnt to trim: what is waiting ends. */
static void trim_no_more(void **state)
{
    uint8_t page[64];
    struct berth_done done[2];
    struct berth_queue *q;
    (void)state;
    limits(page, 16, 1, 0);
    struct lab *l = lab_with(page, 0x80);
    l->lun->depth.limit = l->lun->depth.most = 1;
    assert_int_equal(berth_queue_new(&q, l->lun, 2), 0);
    lab_rule(l, (struct lab_rule){.op = SCSI_SYNCHRONIZE_CACHE_10, .turn = MINI_HOLD, .times = 1});
    struct berth_io flush = {.op = BERTH_FLUSH, .tag = 1};
    struct berth_io trim = {.op = BERTH_TRIM, .offset_bytes = 0, .len_bytes = 48 * 512, .tag = 2};
    assert_int_equal(berth_queue_submit(q, &flush, 1), 1);
    assert_int_equal(berth_queue_submit(q, &trim, 1), 1);
    assert_int_equal(berth_queue_reap(q, done, 1, 2, 10), 0);
    limits(page, 0, 1, 0);
    check_want(l->lun);
    assert_int_equal(berth_queue_reap(q, done, 1, 2, 5000), 1);
    assert_int_equal(done[0].tag, 2);
    assert_int_equal(done[0].error, BERTH_E_UNSUPPORTED);
    assert_int_equal(berth_lun_info(l->lun)->max_trim_bytes, 0);
    mini_release(l->target);
    assert_int_equal(berth_queue_reap(q, done, 1, 2, 5000), 1);
    assert_int_equal(done[0].error, 0);
    assert_int_equal(lab_seen(l, SCSI_UNMAP), 0);
    lab_free(l);
}

/* One range names at most what 32 bits can count, however large the I/O is. */
static void trim_of_everything(void **state)
{
    struct lab *l = lab_lun(&(struct mini_config){.lu = "ram:5T"});
    (void)state;
    uint64_t size = berth_lun_info(l->lun)->size_bytes;
    assert_true(size > (uint64_t)UINT32_MAX * 512);
    lab_rule(l, (struct lab_rule){.op = SCSI_UNMAP, .turn = MINI_ANSWER, .status = SCSI_GOOD});
    assert_int_equal(berth_trim(l->lun, size, 0), 0);
    assert_int_equal(l->count, (size + berth_lun_info(l->lun)->max_trim_bytes - 1) /
                                   berth_lun_info(l->lun)->max_trim_bytes);
    lab_free(l);
}

/* --- durability --- */

/* A mode page of our own: write cache on or off, FUA known or not. */
static struct lab *lab_cached(bool cache, bool fua, struct mini_config *config)
{
    static uint8_t mode[4 + 20];
    struct lab *l = lab_new(config, NULL);
    const uint8_t bytes[] = {23, 0, fua ? 0x10 : 0, 0, 0x08, 0x12, cache ? 0x04 : 0};
    memset(mode, 0, sizeof mode);
    memcpy(mode, bytes, sizeof bytes);
    lab_rule(
        l, (struct lab_rule){.op = SCSI_MODE_SENSE_6, .turn = MINI_ANSWER, .data = mode, .len = sizeof mode});
    assert_int_equal(lab_open(l), 0);
    assert_int_equal(berth_lun_info(l->lun)->write_cache, cache);
    assert_int_equal(berth_lun_info(l->lun)->fua, fua);
    return l;
}

struct fua_row {
    bool cache, fua;
    uint32_t op;
    bool bit, flush; /* expected */
};

static void force_unit_access(void **state)
{
    static const struct fua_row rows[] = {
        {true, true, BERTH_WRITE, true, false},   {true, false, BERTH_WRITE, false, true},
        {false, true, BERTH_WRITE, true, false},  {false, false, BERTH_WRITE, false, false},
        {true, true, BERTH_ZERO, false, true},    {true, false, BERTH_ZERO, false, true},
        {false, true, BERTH_ZERO, false, false},  {false, false, BERTH_ZERO, false, false},
        {true, false, BERTH_READ, false, false},  {true, true, BERTH_READ, false, false},
        {true, false, BERTH_FLUSH, false, false}, {true, false, BERTH_TRIM, false, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct fua_row *r = &rows[i];
        struct lab *l = lab_cached(r->cache, r->fua, NULL);
        uint8_t buf[512] = {0};
        struct berth_seg seg = seg_memory(buf, sizeof buf);
        struct berth_io io = make_io(r->op, 0, sizeof buf, &seg, 1);
        struct berth_done done;
        io.flags = BERTH_FUA;
        assert_int_equal(one_io(l->lun, &io, &done), 0);
        assert_int_equal(l->count, r->flush ? 2 : 1);
        assert_int_equal(l->log[0].op == SCSI_WRITE_10 && l->log[0].fua, r->bit);
        if (r->flush)
            assert_int_equal(l->log[1].op, SCSI_SYNCHRONIZE_CACHE_10);
        l->count = 0;
        io.flags = 0;
        assert_int_equal(one_io(l->lun, &io, &done), 0);
        assert_int_equal(l->count, 1);
        assert_false(l->log[0].op == SCSI_WRITE_10 && l->log[0].fua);
        lab_free(l);
    }
}

/* While a write waits the LUN turns out to know no FUA any more: then it is the flush that makes it last. */
static void fua_unlearnt(void **state)
{
    static const uint8_t mode[4 + 20] = {23, 0, 0, 0, 0x08, 0x12, 0x04};
    uint8_t buf[2][512] = {{0}};
    struct berth_seg segs[2] = {seg_memory(buf[0], 512), seg_memory(buf[1], 512)};
    struct berth_io ios[2] = {make_io(BERTH_READ, 0, 512, &segs[0], 1),
                              make_io(BERTH_WRITE, 512, 512, &segs[1], 1)};
    struct lab *l = lab_cached(true, true, NULL);
    struct berth_done done[2];
    struct berth_queue *q;
    (void)state;
    ios[1].flags = BERTH_FUA;
    l->lun->depth.limit = l->lun->depth.most = 1;
    lab_no_rules(l);
    lab_rule(l, (struct lab_rule){.op = SCSI_READ_10, .turn = MINI_HOLD, .times = 1});
    lab_rule(
        l, (struct lab_rule){.op = SCSI_MODE_SENSE_6, .turn = MINI_ANSWER, .data = mode, .len = sizeof mode});
    assert_int_equal(berth_queue_new(&q, l->lun, 2), 0);
    assert_int_equal(berth_queue_submit(q, ios, 2), 2);
    assert_int_equal(berth_queue_reap(q, done, 1, 2, 10), 0);
    check_want(l->lun);
    assert_int_equal(berth_queue_reap(q, done, 1, 2, 100), 0);
    assert_false(berth_lun_info(l->lun)->fua);
    mini_release(l->target);
    assert_int_equal(berth_queue_reap(q, done, 2, 2, 5000), 2);
    assert_int_equal(done[0].error | done[1].error, 0);
    assert_false(lab_find(l, SCSI_WRITE_10, 0)->fua);
    assert_int_equal(lab_seen(l, SCSI_SYNCHRONIZE_CACHE_10), 1);
    lab_free(l);
}

/* The same of a write that was built before, and is held back. */
static void fua_unlearnt_when_it_is_built(void **state)
{
    static const uint8_t mode[4 + 20] = {23, 0, 0, 0, 0x08, 0x12, 0x04};
    uint8_t buf[512] = {0};
    struct berth_seg seg = seg_memory(buf, sizeof buf);
    struct berth_io io = make_io(BERTH_WRITE, 0, sizeof buf, &seg, 1);
    struct lab *l = lab_cached(true, true, NULL);
    struct berth_done done;
    (void)state;
    io.flags = BERTH_FUA;
    lab_no_rules(l);
    lab_rule(
        l, (struct lab_rule){.op = SCSI_MODE_SENSE_6, .turn = MINI_ANSWER, .data = mode, .len = sizeof mode});
    check_want(l->lun);
    assert_int_equal(one_io(l->lun, &io, &done), 0);
    assert_false(berth_lun_info(l->lun)->fua);
    assert_int_equal(lab_seen(l, SCSI_WRITE_10), 1);
    assert_false(lab_find(l, SCSI_WRITE_10, 0)->fua);
    assert_int_equal(lab_seen(l, SCSI_SYNCHRONIZE_CACHE_10), 1);
    lab_free(l);
}

/* A device that was off has lost what was in its cache: what was written since the last flush is told of by
 * the next one, once. */
static void caches_that_lose(void **state)
{
    static const struct {
        uint16_t asc;
        bool cache, fua, flushed, greeting; /* the last: to the first command of a session */
        int error;
    } rows[] = {
        {0x2900, true, false, false, false, BERTH_E_SCSI},
        {0x2901, true, false, false, false, BERTH_E_SCSI},
        {0x2904, true, false, false, false, BERTH_E_SCSI},
        {0x2901, true, false, false, true, BERTH_E_SCSI},
        {0x2900, true, false, false, true, 0}, /* all that this says is that the session is new */
        {0x2902, true, false, false, false, 0},
        {0x2903, true, false, false, false, 0},
        {0x2907, true, false, false, false, 0},
        {0x2901, false, false, false, false, 0},
        {0x2901, true, true, false, false, 0},
        {0x2901, true, false, true, false, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t buf[512] = {0};
        struct berth_stats stats;
        struct lab *l = lab_cached(rows[i].cache, rows[i].fua, NULL);
        assert_int_equal(berth_write(l->lun, buf, 512, 0, rows[i].fua ? BERTH_FUA : 0), 0);
        if (rows[i].flushed)
            assert_int_equal(berth_flush(l->lun), 0);
        lab_rule(l, (struct lab_rule){.op = rows[i].greeting ? SCSI_TEST_UNIT_READY : SCSI_READ_10,
                                      .times = 1,
                                      .turn = MINI_ANSWER,
                                      .key = SENSE_UNIT_ATTENTION,
                                      .asc = rows[i].asc});
        if (rows[i].greeting)
            mini_reset(l->target);
        assert_int_equal(berth_read(l->lun, buf, 512, 0), 0);
        int error = berth_flush(l->lun);
        if (error != rows[i].error)
            fail_msg("row %zu: %s", i, berth_error_name(error));
        berth_lun_stats(l->lun, &stats);
        assert_int_equal(stats.lost_writes, error != 0);
        assert_int_equal(berth_flush(l->lun), 0);
        lab_free(l);
    }
}

/* The flush comes when all pieces are done, not before, and only if they went well. */
static void flush_behind_all_pieces(void **state)
{
    static uint8_t buf[9 * MIB];
    struct lab *l = lab_cached(true, false, &(struct mini_config){.lu = "ram:16M"});
    (void)state;
    assert_int_equal(berth_write(l->lun, buf, sizeof buf, 0, BERTH_FUA), 0);
    assert_int_equal(l->count, 4);
    assert_int_equal(l->log[3].op, SCSI_SYNCHRONIZE_CACHE_10);
    l->count = 0;
    lab_rule(l,
             (struct lab_rule){
                 .op = SCSI_WRITE_10, .skip = 1, .times = 1, .turn = MINI_ANSWER, .key = SENSE_MEDIUM_ERROR});
    assert_int_equal(berth_write(l->lun, buf, sizeof buf, 0, BERTH_FUA), BERTH_E_MEDIUM);
    assert_int_equal(lab_seen(l, SCSI_SYNCHRONIZE_CACHE_10), 0);
    lab_rule(l, refuse(SCSI_SYNCHRONIZE_CACHE_10, 1, 0x2600));
    assert_int_equal(berth_write(l->lun, buf, 512, 0, BERTH_FUA), BERTH_E_SCSI); /* not durable: an error */
    lab_free(l);
}

/* A LUN that does not say whether it has a cache is flushed; if it does not know how, it needs not. */
static void unknown_cache(void **state)
{
    uint8_t buf[512] = {0};
    struct lab *l = lab_new(NULL, NULL);
    (void)state;
    lab_rule(l, refuse(SCSI_MODE_SENSE_6, 0, ASC_INVALID_OPCODE));
    assert_int_equal(lab_open(l), 0);
    assert_true(berth_lun_info(l->lun)->write_cache);
    assert_int_equal(berth_write(l->lun, buf, 512, 0, BERTH_FUA), 0);
    assert_int_equal(l->log[1].op, SCSI_SYNCHRONIZE_CACHE_10);
    lab_rule(l, refuse(SCSI_SYNCHRONIZE_CACHE_10, 0, ASC_INVALID_OPCODE));
    assert_int_equal(berth_flush(l->lun), 0);
    assert_int_equal(berth_write(l->lun, buf, 512, 0, BERTH_FUA), 0);
    lab_free(l);

    l = lab_cached(true, false, NULL); /* this one says that it has one, and will not flush it */
    lab_rule(l, refuse(SCSI_SYNCHRONIZE_CACHE_10, 0, ASC_INVALID_OPCODE));
    assert_int_equal(berth_flush(l->lun), BERTH_E_UNSUPPORTED);
    lab_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zero_by_write_same),
        cmocka_unit_test(zero_with_holes),
        cmocka_unit_test(zero_as_data),
        cmocka_unit_test(zero_without_holes),
        cmocka_unit_test(zero_neither_way),
        cmocka_unit_test(zero_refused_and_accepted),
        cmocka_unit_test(zero_refused_later),
        cmocka_unit_test(trim_splits),
        cmocka_unit_test(trim_ways),
        cmocka_unit_test(trim_between_two_pages),
        cmocka_unit_test(trim_no_more),
        cmocka_unit_test(trim_of_everything),
        cmocka_unit_test(force_unit_access),
        cmocka_unit_test(fua_unlearnt),
        cmocka_unit_test(fua_unlearnt_when_it_is_built),
        cmocka_unit_test(caches_that_lose),
        cmocka_unit_test(flush_behind_all_pieces),
        cmocka_unit_test(unknown_cache),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
