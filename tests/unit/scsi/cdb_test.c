/* SPDX-License-Identifier: MIT */
#include "check.h"
#include "scsi/cdb.h"

static void check_cdb(const uint8_t *cdb, uint32_t len, const uint8_t *want, uint32_t want_len)
{
    assert_int_equal(len, want_len);
    assert_memory_equal(cdb, want, want_len);
}
#define CHECK_CDB(build, ...)                                                                                \
    do {                                                                                                     \
        uint8_t cdb[SCSI_CDB_MAX], want[] = {__VA_ARGS__};                                                   \
        memset(cdb, 0xee, sizeof cdb); /* builders clear what they do not set */                             \
        check_cdb(cdb, (build), want, sizeof want);                                                          \
        assert_int_equal(cdb[sizeof want], 0xee); /* and touch nothing behind */                             \
    } while (0)

static void lengths_follow_the_group_code(void **state)
{
    (void)state;
    static const struct {
        uint8_t op, len;
    } rows[] = {{0x00, 6},  {0x1f, 6},  {0x20, 10}, {0x5f, 10}, {0x60, 0}, {0x7f, 0},
                {0x80, 16}, {0x9f, 16}, {0xa0, 12}, {0xbf, 12}, {0xc0, 0}, {0xff, 0}};
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(scsi_cdb_len(rows[i].op), rows[i].len);
}

static void status_has_words(void **state)
{
    (void)state;
    assert_string_equal(scsi_status_text(0x00), "GOOD");
    assert_string_equal(scsi_status_text(0x02), "CHECK CONDITION");
    assert_string_equal(scsi_status_text(0x28), "TASK SET FULL");
    for (unsigned s = 0; s < 256; s++)
        assert_non_null(scsi_status_text((uint8_t)s));
}

static void reads_and_writes_take_ten_bytes_where_they_fit(void **state)
{
    (void)state;
    CHECK_CDB(scsi_put_read(cdb, &(struct scsi_rw){.lba = 0x01020304, .blocks = 0x0506}), 0x28, 0, 1, 2, 3, 4,
              0, 5, 6, 0);
    CHECK_CDB(scsi_put_write(cdb, &(struct scsi_rw){.lba = 0xffffffff, .blocks = 0xffff, .fua = true}), 0x2a,
              0x08, 0xff, 0xff, 0xff, 0xff, 0, 0xff, 0xff, 0);
    CHECK_CDB(scsi_put_read(cdb, &(struct scsi_rw){.dpo = true, .protect = 3}), 0x28, 0x70, 0, 0, 0, 0, 0, 0,
              0, 0);
}

static void larger_ones_take_sixteen(void **state)
{
    (void)state;
    CHECK_CDB(scsi_put_read(cdb, &(struct scsi_rw){.lba = 0x100000000, .blocks = 1}), 0x88, 0, 0, 0, 0, 1, 0,
              0, 0, 0, 0, 0, 0, 1, 0, 0);
    CHECK_CDB(scsi_put_write(cdb, &(struct scsi_rw){.lba = 2, .blocks = 0x10000, .fua = true}), 0x8a, 8, 0, 0,
              0, 0, 0, 0, 0, 2, 0, 1, 0, 0, 0, 0);
    CHECK_CDB(scsi_put_write(cdb, &(struct scsi_rw){.lba = UINT64_MAX, .blocks = UINT32_MAX}), 0x8a, 0, 0xff,
              0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0);
}

static void check_rw(const uint8_t *cdb, uint64_t lba, uint32_t blocks, uint8_t protect, bool dpo, bool fua)
{
    struct scsi_rw rw;
    memset(&rw, 0xff, sizeof rw);
    scsi_get_rw(cdb, &rw);
    assert_int_equal(rw.lba, lba);
    assert_int_equal(rw.blocks, blocks);
    assert_int_equal(rw.protect, protect);
    assert_int_equal(rw.dpo, dpo);
    assert_int_equal(rw.fua, fua);
}

static void all_lengths_of_reads_are_read(void **state)
{
    (void)state;
    check_rw((uint8_t[]){0x08, 0xe1, 0x02, 0x03, 0x04, 0}, 0x010203, 4, 0, false, false); /* 21 bits of LBA */
    check_rw((uint8_t[]){0x0a, 0x1f, 0xff, 0xff, 0x00, 0}, 0x1fffff, 256, 0, false, false);
    check_rw((uint8_t[]){0x28, 0x10, 1, 2, 3, 4, 0x1f, 0, 0, 0}, 0x01020304, 0, 0, true, false);
    check_rw((uint8_t[]){0x2a, 0xe8, 1, 2, 3, 4, 0, 0xff, 0xfe, 0}, 0x01020304, 0xfffe, 7, false, true);
    check_rw((uint8_t[]){0xa8, 0x20, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0}, 0x01020304, 0x05060708, 1, false, false);
    check_rw((uint8_t[]){0xaa, 0x08, 1, 2, 3, 4, 0, 0, 0, 1, 0, 0}, 0x01020304, 1, 0, false, true);
    check_rw((uint8_t[]){0x8a, 0x18, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0, 0}, 0x0102030405060708,
             0x090a0b0c, 0, true, true);
}

static void long_reads_are_read(void **state)
{
    (void)state;
    /* READ(32) and WRITE(32): their bits are in byte 10, and the tags in between are none of it. */
    static const uint8_t read[32] = {0x7f, 0xff, 0,    0,    0,    0,    0x3f, 0x18, 0,  9,    0x30,
                                     0xff, 1,    2,    3,    4,    5,    6,    7,    8,  0xff, 0xff,
                                     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 9,    10,   11, 12};
    static const uint8_t write[32] = {0x7f, 0, 0, 0, 0, 0, 0, 0x18, 0, 0x0b, 0xe8, 0, 0, 0, 0, 0,
                                      0,    0, 0, 1, 0, 0, 0, 0,    0, 0,    0,    0, 0, 0, 0, 2};
    check_rw(read, 0x0102030405060708, 0x090a0b0c, 1, true, false);
    check_rw(write, 1, 2, 7, false, true);
}

static void what_is_built_reads_back(void **state)
{
    (void)state;
    static const struct scsi_rw rows[] = {{0},
                                          {.lba = 1, .blocks = 65535, .fua = true},
                                          {.lba = 1, .blocks = 65536, .dpo = true},
                                          {.lba = UINT32_MAX, .blocks = 1, .protect = 5},
                                          {.lba = UINT64_MAX, .blocks = UINT32_MAX, .protect = 7}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint8_t cdb[SCSI_CDB_MAX];
        const struct scsi_rw *r = &rows[i];
        scsi_put_write(cdb, r);
        check_rw(cdb, r->lba, r->blocks, r->protect, r->dpo, r->fua);
    }
}

static void identity_commands_have_their_layout(void **state)
{
    (void)state;
    CHECK_CDB(scsi_put_test_unit_ready(cdb), 0, 0, 0, 0, 0, 0);
    CHECK_CDB(scsi_put_inquiry(cdb, 0x0160), 0x12, 0, 0, 1, 0x60, 0);
    CHECK_CDB(scsi_put_inquiry_vpd(cdb, 0xb0, 0xffff), 0x12, 1, 0xb0, 0xff, 0xff, 0);
    CHECK_CDB(scsi_put_read_capacity_10(cdb), 0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    CHECK_CDB(scsi_put_read_capacity_16(cdb, 32), 0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32, 0, 0);
    CHECK_CDB(scsi_put_report_luns(cdb, 0x01020304), 0xa0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 0, 0);
    CHECK_CDB(scsi_put_mode_sense_6(cdb, 0x3f, 0xff), 0x1a, 8, 0x3f, 0, 0xff, 0);
    CHECK_CDB(scsi_put_mode_sense_6(cdb, 0xc8, 4), 0x1a, 8, 0x08, 0, 4,
              0); /* current values, whatever comes */
    CHECK_CDB(scsi_put_get_lba_status(cdb, 0x0102030405060708, 24), 0x9e, 0x12, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0,
              0, 24, 0, 0);
}

static void synchronize_cache_grows_when_needed(void **state)
{
    (void)state;
    CHECK_CDB(scsi_put_synchronize_cache(cdb, 0, 0), 0x35, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    CHECK_CDB(scsi_put_synchronize_cache(cdb, 7, 0xffff), 0x35, 0, 0, 0, 0, 7, 0, 0xff, 0xff, 0);
    CHECK_CDB(scsi_put_synchronize_cache(cdb, 7, 0x10000), 0x91, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 1, 0, 0, 0, 0);
    CHECK_CDB(scsi_put_synchronize_cache(cdb, 0x100000000, 0), 0x91, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0,
              0);
}

static void write_same_goes_both_ways(void **state)
{
    (void)state;
    struct scsi_write_same ws = {.lba = 0x1122334455667788, .blocks = 0x99aabbcc, .unmap = true}, back;
    CHECK_CDB(scsi_put_write_same_16(cdb, &ws), 0x93, 0x08, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88,
              0x99, 0xaa, 0xbb, 0xcc, 0, 0);
    ws.ndob = ws.anchor = true;
    ws.protect = 1;
    uint8_t cdb[SCSI_CDB_MAX];
    scsi_put_write_same_16(cdb, &ws);
    assert_int_equal(cdb[1], 0x39);
    scsi_get_write_same(cdb, &back);
    assert_int_equal(back.lba, ws.lba);
    assert_int_equal(back.blocks, ws.blocks);
    assert_true(back.unmap && back.anchor && back.ndob);
    assert_int_equal(back.protect, 1);
    scsi_put_write_same_16(cdb, &(struct scsi_write_same){0});
    scsi_get_write_same(cdb, &back);
    assert_false(back.unmap || back.anchor || back.ndob || back.protect);
}

static void write_same_10_has_no_ndob(void **state)
{
    (void)state;
    struct scsi_write_same ws;
    scsi_get_write_same((uint8_t[]){0x41, 0x09, 1, 2, 3, 4, 0, 5, 6, 0}, &ws);
    assert_int_equal(ws.lba, 0x01020304);
    assert_int_equal(ws.blocks, 0x0506);
    assert_true(ws.unmap);
    assert_false(ws.ndob);
    assert_false(ws.anchor);
}

static void unmap_list_has_its_layout(void **state)
{
    (void)state;
    static const struct scsi_range ranges[] = {{0x0102030405060708, 0x0a0b0c0d}, {1, 2}};
    static const uint8_t want_list[] = {0, 38, 0, 32, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13,
                                        0, 0,  0, 0,  0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0,  0,  0,  0};
    uint8_t list[40];
    CHECK_CDB(scsi_put_unmap(cdb, 0x1234), 0x42, 0, 0, 0, 0, 0, 0, 0x12, 0x34, 0);
    assert_int_equal(scsi_put_unmap_list(list, sizeof list, ranges, 2), 40);
    assert_memory_equal(list, want_list, sizeof want_list);
    assert_int_equal(scsi_put_unmap_list(list, 39, ranges, 2), 0);
    assert_int_equal(scsi_put_unmap_list(list, 7, ranges, 0), 0);
    assert_int_equal(scsi_put_unmap_list(list, 8, ranges, 0), 8);
}

static void unmap_list_fits_its_cdb(void **state)
{
    (void)state;
    static uint8_t list[80000];
    static struct scsi_range ranges[4096];
    assert_int_equal(scsi_put_unmap_list(list, sizeof list, ranges, 4095), 8 + 4095 * 16);
    assert_int_equal(scsi_put_unmap_list(list, sizeof list, ranges, 4096), 0);
    assert_int_equal(scsi_put_unmap_list(list, sizeof list, ranges, 0x10000000), 0); /* 16 * count wraps */
}

static void unmap_ranges_are_read(void **state)
{
    (void)state;
    static const struct scsi_range ranges[] = {{0x0102030405060708, 0x0a0b0c0d}, {1, 2}};
    struct scsi_range r;
    uint8_t list[48];
    uint32_t len = scsi_put_unmap_list(list, sizeof list, ranges, 2);
    for (uint32_t i = 0; i < 2; i++) {
        assert_true(scsi_get_unmap_range(list, len, i, &r));
        assert_int_equal(r.lba, ranges[i].lba);
        assert_int_equal(r.blocks, ranges[i].blocks);
    }
    assert_false(scsi_get_unmap_range(list, len, 2, &r));
    assert_false(scsi_get_unmap_range(list, len, UINT32_MAX, &r));
    assert_false(scsi_get_unmap_range(list, len - 1, 0, &r)); /* promises more than came */
    list[3] = 24;                                             /* half a descriptor at the end is no range */
    assert_true(scsi_get_unmap_range(list, len, 0, &r));
    assert_false(scsi_get_unmap_range(list, len, 1, &r));
    list[3] = 32, list[1] = 37; /* the outer length ends before the inner */
    assert_false(scsi_get_unmap_range(list, len, 0, &r));
}

static void read_ranges(const uint8_t *list, size_t len)
{
    struct scsi_range r;
    uint32_t i = 0;
    while (scsi_get_unmap_range(list, (uint32_t)len, i, &r))
        i++;
    assert_true(8 + i * 16 <= len || i == 0);
}

static void hostile_unmap_lists_stay_inside(void **state)
{
    (void)state;
    each_hostile(64, read_ranges);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lengths_follow_the_group_code),
        cmocka_unit_test(status_has_words),
        cmocka_unit_test(reads_and_writes_take_ten_bytes_where_they_fit),
        cmocka_unit_test(larger_ones_take_sixteen),
        cmocka_unit_test(all_lengths_of_reads_are_read),
        cmocka_unit_test(long_reads_are_read),
        cmocka_unit_test(what_is_built_reads_back),
        cmocka_unit_test(identity_commands_have_their_layout),
        cmocka_unit_test(synchronize_cache_grows_when_needed),
        cmocka_unit_test(write_same_goes_both_ways),
        cmocka_unit_test(write_same_10_has_no_ndob),
        cmocka_unit_test(unmap_list_has_its_layout),
        cmocka_unit_test(unmap_list_fits_its_cdb),
        cmocka_unit_test(unmap_ranges_are_read),
        cmocka_unit_test(hostile_unmap_lists_stay_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
