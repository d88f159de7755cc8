/* SPDX-License-Identifier: MIT */
/* One I/O: its range, its segments, the commands it becomes. */
#include "test.h"

#include "scsi/cdb.h"

static const struct mini_config big = {.lu = "ram:64M"};

/* --- ranges --- */

struct range_row {
    uint64_t offset, len;
    int expected;
};

static void ranges(void **state)
{
    static uint8_t buf[2 * MIB];
    static const struct range_row rows[] = {
        {0, 512, 0},
        {MIB - 512, 512, 0},
        {0, MIB, 0},
        {0, 0, 0},
        {MIB, 0, 0}, /* nothing, at the very end */
        {1, 512, BERTH_E_RANGE},
        {0, 511, BERTH_E_RANGE},
        {0, 1, BERTH_E_RANGE},
        {256, 512, BERTH_E_RANGE},
        {MIB - 512, 1024, BERTH_E_RANGE},
        {MIB, 512, BERTH_E_RANGE},
        {MIB + 512, 0, BERTH_E_RANGE},
        {0, MIB + 512, BERTH_E_RANGE},
        {512, UINT64_MAX - 511, BERTH_E_RANGE}, /* the sum wraps */
        {UINT64_MAX - 511, 512, BERTH_E_RANGE},
        {UINT64_MAX - 511, 1024, BERTH_E_RANGE},
    };
    struct lab *l = lab_lun(NULL);
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct range_row *r = &rows[i];
        assert_int_equal(berth_read(l->lun, buf, r->len, r->offset), r->expected);
        assert_int_equal(berth_write(l->lun, buf, r->len, r->offset, 0), r->expected);
        assert_int_equal(berth_trim(l->lun, r->len, r->offset), r->expected);
        assert_int_equal(berth_zero(l->lun, r->len, r->offset, 0), r->expected);
    }
    lab_free(l);
}

static void blocks_of_4096(void **state)
{
    static uint8_t buf[16 * KIB], back[16 * KIB];
    struct lab *l = lab_lun(&(struct mini_config){.lu = "ram:1M,block=4096"});
    (void)state;
    assert_int_equal(berth_lun_info(l->lun)->block_bytes, 4096);
    assert_int_equal(berth_lun_info(l->lun)->size_bytes, MIB);
    fill(buf, sizeof buf, 5);
    assert_int_equal(berth_write(l->lun, buf, 512, 0, 0), BERTH_E_RANGE);
    assert_int_equal(berth_write(l->lun, buf, 4096, 512, 0), BERTH_E_RANGE);
    assert_int_equal(berth_write(l->lun, buf, sizeof buf, 8 * KIB, 0), 0);
    assert_int_equal(l->log[0].lba, 2);
    assert_int_equal(l->log[0].blocks, 4);
    assert_int_equal(berth_read(l->lun, back, sizeof back, 8 * KIB), 0);
    assert_memory_equal(buf, back, sizeof buf);
    assert_int_equal(berth_zero(l->lun, 4096, 8 * KIB, 0), 0);
    assert_int_equal(lab_find(l, SCSI_WRITE_SAME_16, 0)->edtl, 4096);
    lab_free(l);
}

static void zero_length_sends_nothing(void **state)
{
    struct lab *l = lab_lun(NULL);
    struct berth_done done;
    struct berth_io io = make_io(BERTH_WRITE, 0, 0, NULL, 0);
    (void)state;
    io.flags = BERTH_FUA;
    assert_int_equal(one_io(l->lun, &io, &done), 0);
    assert_int_equal(done.tag, 77);
    assert_int_equal(l->count, 0);
    lab_free(l);
}

/* --- segments --- */

struct seg_row {
    struct berth_seg segs[3];
    uint32_t count;
    int expected;
};

static void segments(void **state)
{
    static uint8_t buf[4 * KIB];
    const struct seg_row rows[] = {
        {{seg_memory(buf, 1024)}, 1, 0},
        {{seg_memory(buf, 0), seg_memory(buf, 1000), seg_memory(buf, 24)}, 3, 0},
        {{seg_memory(NULL, 0), seg_memory(buf, 1024)}, 2, 0},
        {{seg_memory(buf, 1023)}, 1, BERTH_E_ARGUMENT},
        {{seg_memory(buf, 1025)}, 1, BERTH_E_ARGUMENT},
        {{seg_memory(buf, 1024), seg_memory(buf, 1)}, 2, BERTH_E_ARGUMENT},
        {{seg_memory(NULL, 1024)}, 1, BERTH_E_ARGUMENT},
        {{seg_memory(buf, 1ull << 63), seg_memory(buf, 1ull << 63), seg_memory(buf, 1024)},
         3,
         BERTH_E_ARGUMENT},
        {{{.kind = BERTH_SEG_FILE, .len = 1024}}, 1, BERTH_E_UNSUPPORTED},
        {{{.kind = BERTH_SEG_FIXED, .base = buf, .len = 1024}}, 1, BERTH_E_UNSUPPORTED},
        {{seg_memory(buf, 512), {.kind = BERTH_SEG_FILE, .len = 512}}, 2, BERTH_E_UNSUPPORTED},
        {{seg_memory(buf, 1024)}, 0, BERTH_E_ARGUMENT},
        {{seg_memory(buf, 1024)}, BERTH_SEGS_MAX + 1, BERTH_E_ARGUMENT},
    };
    struct lab *l = lab_lun(NULL);
    struct berth_done done;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct berth_io io = make_io(BERTH_WRITE, 0, 1024, rows[i].segs, rows[i].count);
        assert_int_equal(one_io(l->lun, &io, &done), rows[i].expected);
        io.op = BERTH_READ;
        assert_int_equal(one_io(l->lun, &io, &done), rows[i].expected);
    }
    struct berth_io io = make_io(BERTH_READ, 0, 1024, NULL, 1);
    assert_int_equal(one_io(l->lun, &io, &done), BERTH_E_ARGUMENT);
    lab_free(l);
}

/* The most segments there may be, of odd sizes, over everything that splits: PDUs, bursts, commands. */
static void scatter(void **state)
{
    enum { COUNT = BERTH_SEGS_MAX, LEN = 6 * MIB };
    static struct berth_seg segs[COUNT];
    static uint8_t buf[LEN], back[LEN];
    struct berth_done done;
    struct lab *l = lab_lun(&big);
    uint64_t at = 0;
    (void)state;
    fill(buf, LEN, 9);
    for (uint32_t i = 0; i < COUNT; i++) {
        uint64_t len = i + 1 == COUNT ? LEN - at : 1 + (i * 7919u) % 11000;
        segs[i] = seg_memory(buf + at, len);
        at += len;
    }
    struct berth_io io = make_io(BERTH_WRITE, 512, LEN, segs, COUNT);
    assert_int_equal(one_io(l->lun, &io, &done), 0);
    assert_memory_equal(mini_disk(l->target) + 512, buf, LEN);
    for (uint32_t i = 0; i < COUNT; i++)
        segs[i].base = back + ((uint8_t *)segs[i].base - buf);
    io.op = BERTH_READ;
    assert_int_equal(one_io(l->lun, &io, &done), 0);
    assert_memory_equal(back, buf, LEN);
    assert_true(lab_seen(l, SCSI_READ_10) >= 2);
    lab_free(l);
}

/* --- splitting --- */

/* The target announces 4 MiB. The pieces lie one behind the other and leave nothing out. */
static void splits_at_the_limit(void **state)
{
    enum { LEN = 9 * MIB + 512 };
    static uint8_t buf[LEN];
    struct lab *l = lab_lun(&big);
    uint64_t next = 1;
    (void)state;
    assert_int_equal(berth_lun_info(l->lun)->max_transfer_bytes, 4 * MIB);
    assert_int_equal(berth_read(l->lun, buf, LEN, 512), 0);
    assert_int_equal(l->count, 3);
    for (uint32_t i = 0; i < l->count; i++) {
        assert_int_equal(l->log[i].op, SCSI_READ_10);
        assert_int_equal(l->log[i].lba, next);
        assert_int_equal(l->log[i].edtl, l->log[i].blocks * 512);
        assert_true(l->log[i].edtl <= 4 * MIB);
        next += l->log[i].blocks;
    }
    assert_int_equal(next, 1 + LEN / 512);
    lab_free(l);
}

/* More pieces than tasks: they go as tasks come free. */
static void more_pieces_than_depth(void **state)
{
    enum { LEN = 32 * MIB };
    static uint8_t buf[LEN];
    struct lab *l = lab_new(&big, NULL);
    (void)state;
    l->options.depth = 2;
    assert_int_equal(lab_open(l), 0);
    fill(buf, LEN, 1);
    assert_int_equal(berth_write(l->lun, buf, LEN, 0, 0), 0);
    assert_int_equal(l->count, 8);
    assert_memory_equal(mini_disk(l->target), buf, LEN);
    lab_free(l);
}

/* An error in one piece ends the I/O, with the error of that piece; what had not been sent stays unsent. */
static void error_in_one_piece(void **state)
{
    static uint8_t buf[32 * MIB];
    struct lab *l = lab_new(&big, NULL);
    struct berth_done done;
    struct berth_seg seg = seg_memory(buf, sizeof buf);
    struct berth_io io = make_io(BERTH_READ, 0, sizeof buf, &seg, 1);
    (void)state;
    l->options.depth = 1;
    assert_int_equal(lab_open(l), 0);
    lab_rule(l, (struct lab_rule){.op = SCSI_READ_10,
                                  .skip = 2,
                                  .times = 1,
                                  .turn = MINI_ANSWER,
                                  .key = SENSE_MEDIUM_ERROR,
                                  .asc = ASC_UNRECOVERED_READ});
    assert_int_equal(one_io(l->lun, &io, &done), BERTH_E_MEDIUM);
    assert_int_equal(done.scsi_status, SCSI_CHECK_CONDITION);
    assert_int_equal(done.sense_key, SENSE_MEDIUM_ERROR);
    assert_int_equal(done.asc, ASC_UNRECOVERED_READ);
    assert_int_equal(l->count, 3);
    assert_int_equal(berth_read(l->lun, buf, 512, 0), 0); /* nothing of it is left behind */
    lab_free(l);
}

/* --- operations --- */

static void flush_ignores_the_rest(void **state)
{
    struct lab *l = lab_lun(NULL);
    struct berth_done done;
    struct berth_io io = make_io(BERTH_FLUSH, 12345, 678, (void *)16, 9999);
    (void)state;
    assert_int_equal(one_io(l->lun, &io, &done), 0);
    assert_int_equal(l->count, 1);
    assert_int_equal(l->log[0].op, SCSI_SYNCHRONIZE_CACHE_10);
    assert_int_equal(l->log[0].edtl, 0);
    assert_int_equal(l->log[0].lba, 0);
    assert_int_equal(l->log[0].blocks, 0);
    lab_free(l);
}

static void unknown_operations_and_flags(void **state)
{
    struct lab *l = lab_lun(NULL);
    struct berth_done done;
    (void)state;
    for (uint32_t op = BERTH_ZERO + 1; op < 40; op++) {
        if (op == BERTH_RESET)
            continue;
        struct berth_io io = make_io(op, 0, 0, NULL, 0);
        assert_int_equal(one_io(l->lun, &io, &done), BERTH_E_ARGUMENT);
    }
    struct berth_io io = make_io(BERTH_FLUSH, 0, 0, NULL, 0);
    io.flags = 4;
    assert_int_equal(one_io(l->lun, &io, &done), BERTH_E_ARGUMENT);
    assert_int_equal(l->count, 0);
    lab_free(l);
}

static void read_only_lun(void **state)
{
    uint8_t buf[512];
    struct lab *l = lab_lun(&(struct mini_config){.lu = "ram:1M,ro"});
    (void)state;
    assert_true(berth_lun_info(l->lun)->read_only);
    assert_int_equal(berth_write(l->lun, buf, 512, 0, 0), BERTH_E_READ_ONLY);
    assert_int_equal(berth_zero(l->lun, 512, 0, 0), BERTH_E_READ_ONLY);
    assert_int_equal(berth_trim(l->lun, 512, 0), BERTH_E_READ_ONLY);
    assert_int_equal(berth_read(l->lun, buf, 512, 0), 0);
    assert_int_equal(berth_flush(l->lun), 0);
    lab_free(l);
}

/* A LUN shrinks while it is away: the library still believes in its old size, the target does not. */
static void shrinks_while_away(void **state)
{
    uint8_t buf[512] = {0};
    struct lab *l = lab_lun(NULL);
    (void)state;
    mini_stop(l->target);
    mini_swap(l->target, "ram:512K");
    mini_start(l->target);
    assert_int_equal(berth_write(l->lun, buf, 512, 512 * KIB, 0), BERTH_E_RANGE);
    assert_int_equal(berth_write(l->lun, buf, 512, 512 * KIB - 512, 0), 0);
    assert_int_equal(berth_lun_info(l->lun)->reconnects, 1);
    lab_free(l);
}

static void words_of_failures(void **state)
{
    uint8_t buf[512];
    struct lab *l = lab_lun(NULL);
    (void)state;
    lab_rule(l, (struct lab_rule){.op = SCSI_READ_10,
                                  .turn = MINI_ANSWER,
                                  .key = SENSE_MEDIUM_ERROR,
                                  .asc = ASC_UNRECOVERED_READ});
    assert_int_equal(berth_read(l->lun, buf, 512, 0), BERTH_E_MEDIUM);
    assert_non_null(strstr(berth_lun_detail(l->lun)->text, "MEDIUM ERROR, 11h/00h"));
    assert_int_equal(berth_lun_detail(l->lun)->error, BERTH_E_MEDIUM);
    lab_no_rules(l);
    lab_rule(l, (struct lab_rule){.op = SCSI_READ_10, .turn = MINI_ANSWER, .status = 0x18});
    assert_int_equal(berth_read(l->lun, buf, 512, 0), BERTH_E_RESERVED);
    assert_non_null(strstr(berth_lun_detail(l->lun)->text, "RESERVATION CONFLICT"));
    assert_int_equal(berth_read(l->lun, buf, 512, 1), BERTH_E_RANGE);
    assert_int_equal(berth_lun_detail(l->lun)->error, BERTH_E_RANGE);
    lab_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges),
        cmocka_unit_test(blocks_of_4096),
        cmocka_unit_test(zero_length_sends_nothing),
        cmocka_unit_test(segments),
        cmocka_unit_test(scatter),
        cmocka_unit_test(splits_at_the_limit),
        cmocka_unit_test(more_pieces_than_depth),
        cmocka_unit_test(error_in_one_piece),
        cmocka_unit_test(flush_ignores_the_rest),
        cmocka_unit_test(unknown_operations_and_flags),
        cmocka_unit_test(read_only_lun),
        cmocka_unit_test(shrinks_while_away),
        cmocka_unit_test(words_of_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
