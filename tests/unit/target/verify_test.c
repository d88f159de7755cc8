/* SPDX-License-Identifier: MIT */
/* VERIFY, WRITE AND VERIFY, ORWRITE, PRE-FETCH. */
#include "disks.h"

enum { MEDIUM = 0, BYTES = 1, RESERVED = 2, ONE_BLOCK = 3 };

/* One length of CDB: where its range stands, and the operation codes. */
struct form {
    uint8_t verify, write_verify;
    uint32_t lba_end, count_end; /* offsets behind the fields */
};
static const struct form forms[] = {{0x2f, 0x2e, 6, 9}, {0xaf, 0xae, 6, 10}, {0x8f, 0x8e, 10, 14}};

static uint8_t *make(const struct form *f, uint8_t op, uint8_t bytchk, uint32_t lba, uint32_t count)
{
    static uint8_t cdb[16];
    memset(cdb, 0, sizeof cdb);
    cdb[0] = op;
    cdb[1] = (uint8_t)(bytchk << 1);
    put32(cdb + f->lba_end - 4, lba);
    if (f->count_end == 9)
        put16(cdb + 7, (uint16_t)count);
    else
        put32(cdb + f->count_end - 4, count);
    return cdb;
}

static void store(struct lu *lu, uint64_t lba, const void *bytes, uint64_t len)
{
    struct berth_seg seg = seg_memory(bytes, len);
    assert_int_equal(lu->backend->write(lu, lba * lu->block, &(struct extent){&seg, 1, 0, len}), 0);
}

static void miscompare_at(uint64_t at)
{
    struct scsi_sense s;
    refused(SENSE_MISCOMPARE, ASC_MISCOMPARE);
    scsi_get_sense(c.sense, c.sense_len, &s);
    assert_true(s.has_information);
    assert_int_equal(s.information, at);
}

/* --- VERIFY --- */

static void without_bytchk_nothing_is_sent(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(forms); i++) {
        run(3, make(&forms[i], forms[i].verify, MEDIUM, 5, 20));
        good(0);
        assert_int_equal(command_data_out(&c) + command_data_in(&c), 0);
        assert_int_equal(seen.offset, 5 * 512 + 16 * 512); /* the last piece of what fits into a reply */
        assert_int_equal(seen.len, 4 * 512);
        run_edtl(0, make(&forms[i], forms[i].verify, MEDIUM, 5, 1), 512);
        invalid_field();
    }
    assert_int_equal(seen.reads, 3 * COUNT(forms));
    assert_int_equal(seen.writes, 0);
}

static void equal_bytes_are_good(void **state)
{
    (void)state;
    struct lu *const lus[] = {[0] = &disk, [1] = &read_only, [2] = &wide};
    for (uint32_t lun = 0; lun <= 2; lun++)
        for (size_t i = 0; i < COUNT(forms); i++) {
            uint32_t len = 33 * lus[lun]->block;
            memset(out, 0, len);
            if (lun != 1)
                fill(out, len, (unsigned)i);
            if (lun != 1) /* one need not be able to write in order to compare */
                store(lus[lun], 9, out, len);
            run(lun, make(&forms[i], forms[i].verify, BYTES, 9, 33));
            good(0);
            assert_int_equal(command_data_out(&c), len);
        }
}

static void a_differing_byte_is_named(void **state)
{
    (void)state;
    static const uint32_t places[] = {0, 511, 512, 4095, 4096, 5119};
    for (size_t i = 0; i < COUNT(places); i++) {
        fill(out, 5120, 4);
        store(&disk, 50, out, 5120);
        out[places[i]] ^= 1;
        out[5119] ^= 2;
        run(0, make(&forms[2], 0x8f, BYTES, 50, 10));
        miscompare_at(places[i]);
    }
}

static void one_block_is_compared_with_all(void **state)
{
    (void)state;
    fill(out, 512, 8);
    for (uint32_t lba = 20; lba < 30; lba++)
        store(&disk, lba, out, 512);
    run(0, make(&forms[0], 0x2f, ONE_BLOCK, 20, 10));
    good(0);
    assert_int_equal(command_data_out(&c), 512);
    run(0, make(&forms[0], 0x2f, ONE_BLOCK, 20, 11));
    miscompare_at(0);
    out[300] ^= 4;
    store(&disk, 27, out, 512);
    out[300] ^= 4;
    run(0, make(&forms[0], 0x2f, ONE_BLOCK, 20, 10));
    miscompare_at(300);
    run(0, make(&forms[0], 0x2f, ONE_BLOCK, 20, 0));
    good(0);
    assert_int_equal(command_data_out(&c), 0);
}

static void verify_has_its_limits(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(forms); i++)
        for (uint8_t bytchk = 0; bytchk < 4; bytchk++) {
            run(0, make(&forms[i], forms[i].verify, bytchk, BLOCKS - 1, 2));
            bytchk == RESERVED ? invalid_field() : out_of_range();
            assert_int_equal(command_data_out(&c), 0);
            run(0, make(&forms[i], forms[i].verify, bytchk, BLOCKS, 0));
            bytchk == RESERVED ? invalid_field() : out_of_range();
            run(0, make(&forms[i], forms[i].verify, bytchk, BLOCKS - 1, 0));
            bytchk == RESERVED ? invalid_field() : good(0);
        }
    run(3, make(&forms[2], 0x8f, MEDIUM, 0, COMMAND_XFER_MAX / 512 + 1));
    invalid_field();
    memset(out, 0, 1024);
    for (uint32_t edtl = 0; edtl <= 1536; edtl += 512) {
        run_edtl(0, make(&forms[0], 0x2f, BYTES, 0, 2), edtl);
        edtl == 1024 ? good(0) : invalid_field();
    }
    run(0, make(&forms[0], 0x2f, BYTES, 0, 2));
    c.data_out.len = 1023; /* lost on the way */
    command_execute(&c);
    invalid_field();
}

static void a_medium_error_stops_a_verify(void **state)
{
    (void)state;
    seen.error = -EIO;
    for (size_t i = 0; i < COUNT(forms); i++) {
        run(3, make(&forms[i], forms[i].verify, MEDIUM, 7, 40));
        refused(SENSE_MEDIUM_ERROR, ASC_UNRECOVERED_READ);
    }
    assert_int_equal(seen.reads, COUNT(forms));
}

/* --- WRITE AND VERIFY --- */

static void what_is_verified_was_written(void **state)
{
    (void)state;
    struct lu *const lus[] = {[0] = &disk, [2] = &wide};
    for (uint32_t lun = 0; lun <= 2; lun += 2)
        for (size_t i = 0; i < COUNT(forms); i++)
            for (uint8_t bytchk = 0; bytchk < 2; bytchk++) {
                uint32_t len = 19 * lus[lun]->block;
                fill(out, len, (unsigned)(i * 2 + bytchk));
                run(lun, make(&forms[i], forms[i].write_verify, bytchk, 3, 19));
                good(0);
                assert_int_equal(command_data_out(&c), len);
                assert_memory_equal(stored(lus[lun], 3), out, len);
            }
}

static void written_and_verified_means_durable(void **state)
{
    (void)state;
    run(3, make(&forms[0], 0x2e, MEDIUM, 3, 2));
    good(0);
    assert_int_equal(seen.writes, 1);
    assert_int_equal(seen.flushes, 1);
    assert_int_equal(seen.reads, 1);
    seen.flush_error = -EIO;
    run(3, make(&forms[0], 0x2e, MEDIUM, 3, 2));
    refused(SENSE_MEDIUM_ERROR, ASC_WRITE_ERROR);
    assert_int_equal(seen.reads, 1);
}

/* The double reads nothing: what `reply` held before is not what was written. */
static void what_did_not_arrive_is_a_miscompare(void **state)
{
    (void)state;
    memset(out, 0xee, 512);
    memset(out + 512, 0x11, 512);
    run(3, make(&forms[1], 0xae, BYTES, 3, 2));
    miscompare_at(512);
    assert_int_equal(seen.writes, 1);
}

static void write_and_verify_has_its_limits(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(forms); i++) {
        for (uint8_t bytchk = RESERVED; bytchk <= ONE_BLOCK; bytchk++) {
            run(0, make(&forms[i], forms[i].write_verify, bytchk, 0, 1));
            invalid_field();
            assert_int_equal(command_data_out(&c), 0);
        }
        run(0, make(&forms[i], forms[i].write_verify, BYTES, BLOCKS - 1, 2));
        out_of_range();
        run(0, make(&forms[i], forms[i].write_verify, BYTES, 0, 0));
        good(0);
        run(1, make(&forms[i], forms[i].write_verify, BYTES, 0, 1));
        refused(SENSE_DATA_PROTECT, ASC_WRITE_PROTECTED);
    }
    fill(out, 1024, 1);
    run_edtl(0, make(&forms[0], 0x2e, BYTES, 8, 2), 700); /* the one whole block that came */
    good(0);
    assert_memory_equal(stored(&disk, 8), out, 512);
    assert_int_equal(stored(&disk, 9)[0], 0);
}

/* --- ORWRITE --- */

static uint8_t *make_or(uint32_t lba, uint32_t count, uint8_t bits)
{
    uint8_t *cdb = make(&forms[2], 0x8b, 0, lba, count);
    cdb[1] = bits;
    return cdb;
}

static void bits_are_added(void **state)
{
    (void)state;
    static uint8_t before[20 * 512];
    fill(before, sizeof before, 5);
    store(&disk, 40, before, sizeof before);
    for (size_t i = 0; i < sizeof before; i++)
        out[i] = (uint8_t)(i * 7);
    run(0, make_or(40, 20, 0));
    good(0);
    assert_int_equal(command_data_out(&c), sizeof before);
    for (size_t i = 0; i < sizeof before; i++)
        assert_int_equal(stored(&disk, 40)[i], before[i] | out[i]);
    assert_int_equal(stored(&disk, 39)[511] | stored(&disk, 60)[0], 0);
}

static void or_write_is_a_write(void **state)
{
    (void)state;
    run(0, make_or(BLOCKS - 1, 2, 0));
    out_of_range();
    run(1, make_or(0, 1, 0));
    refused(SENSE_DATA_PROTECT, ASC_WRITE_PROTECTED);
    run(3, make_or(0, 1, 0));
    good(0);
    assert_int_equal(seen.flushes, 0);
    run(3, make_or(0, 1, 8)); /* FUA */
    good(0);
    assert_int_equal(seen.flushes, 1);
    run(3, make_or(7, 0, 8));
    good(0);
    seen.error = -EIO;
    run(3, make_or(0, 20, 0));
    refused(SENSE_MEDIUM_ERROR, ASC_WRITE_ERROR);
    assert_int_equal(seen.writes, 2);
    fill(out, 1024, 1);
    run_edtl(0, make_or(8, 2, 0), 600);
    good(0);
    assert_memory_equal(stored(&disk, 8), out, 512);
    assert_int_equal(stored(&disk, 9)[0], 0);
}

/* --- PRE-FETCH --- */

static void memory_has_all_of_it_at_hand(void **state)
{
    (void)state;
    run(0, CDB(0x34, 2, 0, 0, 0, 1, 0, 0, 8));
    assert_int_equal(c.status, SCSI_CONDITION_MET);
    assert_int_equal(c.sense_len + c.data_in.len, 0);
    run(0, CDB(0x90, 0, 0, 0, 0, 0, 0, 0, 0x07, 0xff, 0, 0, 0, 1));
    assert_int_equal(c.status, SCSI_CONDITION_MET);
    run(0, CDB(0x34)); /* to the end */
    assert_int_equal(c.status, SCSI_CONDITION_MET);
    run(3, CDB(0x34, 0, 0, 0, 0, 1, 0, 0, 8)); /* a store that shows no memory */
    good(0);
    run(0, CDB(0x34, 0, 0, 0, 0x07, 0xff, 0, 0, 2));
    out_of_range();
    run(0, CDB(0x90, 0, 0, 0, 0, 0, 0, 0, 0x08, 0));
    out_of_range();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_bytchk_nothing_is_sent),
        TEST(equal_bytes_are_good),
        TEST(a_differing_byte_is_named),
        TEST(one_block_is_compared_with_all),
        TEST(verify_has_its_limits),
        TEST(a_medium_error_stops_a_verify),
        TEST(what_is_verified_was_written),
        TEST(written_and_verified_means_durable),
        TEST(what_did_not_arrive_is_a_miscompare),
        TEST(write_and_verify_has_its_limits),
        TEST(bits_are_added),
        TEST(or_write_is_a_write),
        TEST(memory_has_all_of_it_at_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
