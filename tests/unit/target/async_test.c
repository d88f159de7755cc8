/* SPDX-License-Identifier: MIT */
/* Commands on a LU whose I/Os end when the test says so. */
#include "disks.h"

#define HELD_MAX 8u

static struct lu slow;
static struct lu_io *held[HELD_MAX];
static uint32_t held_count;

static void hold(struct lu *lu, struct lu_io *io)
{
    assert_ptr_equal(io->lu, lu);
    assert_true(held_count < HELD_MAX);
    held[held_count++] = io;
}

static const struct lu_backend slow_backend = {.name = "slow",
                                               .read = double_read,
                                               .write = double_write,
                                               .flush = double_flush,
                                               .punch = double_punch,
                                               .map = double_map,
                                               .start = hold};

static int set_up_slow(void **state)
{
    set_up(state);
    slow = (struct lu){.backend = &slow_backend,
                       .block = 512,
                       .number = 3,
                       .write_cache = true,
                       .size = 1u << 20,
                       .serial = "slow"};
    set.lus[3] = &slow;
    held_count = 0;
    return 0;
}

static int tear_down_slow(void **state)
{
    set.lus[3] = &double_lu;
    return tear_down(state);
}

static void note_done(struct command *command)
{
    assert_ptr_equal(command, &c);
    times_done++;
}

static void begin(const uint8_t *cdb, uint32_t data_out_len)
{
    static uint8_t kept[16];
    memcpy(kept, cdb, sizeof kept);
    c = (struct command){.nexus = &nexus, .lun = scsi_lun_encode(3), .cdb = kept, .cdb_len = 16};
    c.memory = memory;
    c.edtl_out = data_out_len;
    c.done = note_done;
    out_segs[0] = seg_memory(out, data_out_len);
    c.data_out = (struct extent){out_segs, 1, 0, data_out_len};
    times_done = 0;
    command_execute(&c);
}

static void step(int error)
{
    struct lu_io *io = held[0];
    assert_int_equal(held_count, 1);
    assert_int_equal(times_done, 0);
    held_count = 0;
    io->error = error;
    io->done(io);
}

static void end(int error)
{
    step(error);
    assert_int_equal(times_done, 1);
    assert_int_equal(held_count, 0);
}

static void expect_io(enum lu_io_kind kind, uint64_t offset, uint64_t len, bool fua)
{
    assert_int_equal(held_count, 1);
    assert_int_equal(held[0]->kind, kind);
    assert_int_equal(held[0]->offset, offset);
    assert_int_equal(held[0]->len, len);
    assert_int_equal(held[0]->data.len, kind == LU_FLUSH ? 0 : len);
    assert_int_equal(held[0]->fua, fua);
    assert_int_equal(seen.reads + seen.writes + seen.flushes, 0); /* nothing was done in the call */
}

static void test_read_ends_with_its_io(void **state)
{
    (void)state;
    begin(CDB(SCSI_READ_10, 0, 0, 0, 0, 4, 0, 0, 2), 0);
    expect_io(LU_READ, 2048, 1024, false);
    end(0);
    good(1024);
    assert_ptr_equal(c.data_in.segs[0].base, memory);
}

static void test_read_fails_with_its_io(void **state)
{
    (void)state;
    begin(CDB(SCSI_READ_10, 0, 0, 0, 0, 4, 0, 0, 2), 0);
    end(-EIO);
    refused(SENSE_MEDIUM_ERROR, ASC_UNRECOVERED_READ);
}

static void test_fua_goes_along(void **state)
{
    (void)state;
    begin(CDB(SCSI_WRITE_10, 0x08, 0, 0, 0, 4, 0, 0, 2), 1024);
    expect_io(LU_WRITE, 2048, 1024, true);
    end(0);
    slow.write_cache = false; /* then there is nothing that has to be made durable */
    begin(CDB(SCSI_WRITE_10, 0x08, 0, 0, 0, 4, 0, 0, 2), 1024);
    expect_io(LU_WRITE, 2048, 1024, false);
    end(0);
}

/* What is read with FUA must be on the medium: it is flushed first. */
static void test_read_with_fua_is_two_steps(void **state)
{
    (void)state;
    begin(CDB(SCSI_READ_10, 0x08, 0, 0, 0, 4, 0, 0, 2), 0);
    expect_io(LU_FLUSH, 0, 0, false);
    step(0);
    expect_io(LU_READ, 2048, 1024, false);
    end(0);
    good(1024);
    begin(CDB(SCSI_READ_10, 0x08, 0, 0, 0, 4, 0, 0, 2), 0);
    end(-EIO);
    refused(SENSE_MEDIUM_ERROR, ASC_WRITE_ERROR);
}

static void test_write_without_cache_is_durable(void **state)
{
    (void)state;
    slow.mode.cache_off = true;
    begin(CDB(SCSI_WRITE_10, 0, 0, 0, 0, 4, 0, 0, 2), 1024);
    expect_io(LU_WRITE, 2048, 1024, true);
    end(-ENOSPC);
    refused(SENSE_DATA_PROTECT, ASC_SPACE_ALLOCATION_FAILED);
}

static void test_write_of_nothing_starts_nothing(void **state)
{
    (void)state;
    begin(CDB(SCSI_WRITE_10, 0x08, 0, 0, 0, 4, 0, 0, 0), 0);
    assert_int_equal(held_count, 0);
    assert_int_equal(times_done, 1);
    good(0);
}

static void test_flush_ends_with_its_io(void **state)
{
    (void)state;
    begin(CDB(SCSI_SYNCHRONIZE_CACHE_10, 0, 0, 0, 0, 4, 0, 0, 0), 0);
    expect_io(LU_FLUSH, 2048, 0, false);
    end(0);
    good(0);
    begin(CDB(SCSI_SYNCHRONIZE_CACHE_10, 0, 0, 0, 0, 4, 0, 0, 0), 0);
    end(-EIO);
    refused(SENSE_MEDIUM_ERROR, ASC_WRITE_ERROR);
}

/* --- work of several steps --- */

/* As a thread would do it, some time later. */
static void do_work(void)
{
    struct lu_io *io = held[0];
    assert_int_equal(held_count, 1);
    assert_int_equal(io->kind, LU_WORK);
    assert_int_equal(times_done, 0);
    assert_int_equal(seen.reads + seen.writes + seen.flushes + seen.punches, 0);
    held_count = 0;
    lu_run(io);
    io->done(io);
    assert_int_equal(times_done, 1);
    assert_int_equal(held_count, 0);
}

static void expect_calls(uint32_t reads, uint32_t writes, uint32_t punches, uint32_t flushes)
{
    assert_int_equal(seen.reads, reads);
    assert_int_equal(seen.writes, writes);
    assert_int_equal(seen.punches, punches);
    assert_int_equal(seen.flushes, flushes);
    memset(&seen, 0, sizeof seen);
}

static void test_steps_are_done_elsewhere(void **state)
{
    (void)state;
    memset(out, 0, sizeof out);
    begin(CDB(SCSI_VERIFY_10, 0, 0, 0, 0, 4, 0, 0, 20), 0);
    do_work();
    good(0);
    expect_calls(3, 0, 0, 0);
    begin(CDB(SCSI_WRITE_VERIFY_10, 0, 0, 0, 0, 4, 0, 0, 2), 1024);
    do_work();
    good(0);
    expect_calls(1, 1, 0, 1);
    begin(CDB(SCSI_ORWRITE_16, 8, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 2), 1024);
    do_work();
    good(0);
    expect_calls(1, 1, 0, 1);
    begin(CDB(SCSI_WRITE_SAME_16, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 2), 512);
    do_work();
    good(0);
    expect_calls(0, 1, 0, 0);
    begin(CDB(SCSI_SERVICE_ACTION_IN_16, 0x12, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 24), 0);
    do_work();
    good(24);
}

static void test_unmap_is_work(void **state)
{
    (void)state;
    static const struct scsi_range ranges[] = {{4, 2}, {8, 0}, {16, 1}};
    uint32_t len = scsi_put_unmap_list(out, sizeof out, ranges, 3);
    slow.mode.cache_off = true;
    begin(CDB(SCSI_UNMAP, 0, 0, 0, 0, 0, 0, 0, (uint8_t)len), len);
    slow.mode.cache_off = false; /* what counts is how it was when it began */
    do_work();
    good(0);
    assert_int_equal(seen.offset, 16 * 512);
    expect_calls(0, 0, 2, 1);
    seen.error = -EIO;
    scsi_put_unmap_list(out, sizeof out, ranges, 3);
    begin(CDB(SCSI_UNMAP, 0, 0, 0, 0, 0, 0, 0, (uint8_t)len), len);
    do_work();
    refused(SENSE_MEDIUM_ERROR, ASC_WRITE_ERROR);
    expect_calls(0, 0, 1, 0);
}

static void test_faults_of_work_become_sense(void **state)
{
    (void)state;
    struct scsi_sense s;
    seen.error = -EIO;
    begin(CDB(SCSI_VERIFY_10, 0, 0, 0, 0, 4, 0, 0, 2), 0);
    do_work();
    refused(SENSE_MEDIUM_ERROR, ASC_UNRECOVERED_READ);
    memset(&seen, 0, sizeof seen);
    memset(out, 0x55, 1024);
    begin(CDB(SCSI_COMPARE_AND_WRITE, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 1), 1024);
    memset(c.reply, 0x55, 512); /* the double reads nothing */
    c.reply[77] = 0;
    do_work();
    refused(SENSE_MISCOMPARE, ASC_MISCOMPARE);
    scsi_get_sense(c.sense, c.sense_len, &s);
    assert_int_equal(s.information, 77);
    expect_calls(1, 0, 0, 0);
}

static void test_a_stop_waits_for_its_flush(void **state)
{
    (void)state;
    begin(CDB(SCSI_START_STOP_UNIT), 0);
    expect_io(LU_FLUSH, 0, 0, false);
    assert_false(slow.stopped);
    end(0);
    good(0);
    assert_true(slow.stopped);
    begin(CDB(SCSI_START_STOP_UNIT, 0, 0, 0, 1), 0);
    assert_false(slow.stopped);
    begin(CDB(SCSI_START_STOP_UNIT), 0);
    end(-EIO);
    refused(SENSE_MEDIUM_ERROR, ASC_WRITE_ERROR);
    assert_false(slow.stopped);
}

/* MODE SELECT of the caching page with WCE off, and D_SENSE on. */
static void select_modes(void)
{
    static const uint8_t list[36] = {[4] = 0x08, 0x12, [24] = 0x0a, 0x0a, 4, 0x10};
    memcpy(out, list, sizeof list);
    begin(CDB(SCSI_MODE_SELECT_6, 0x10, 0, 0, sizeof list), sizeof list);
}

static void test_the_cache_is_off_once_it_is_empty(void **state)
{
    (void)state;
    select_modes();
    expect_io(LU_FLUSH, 0, 0, false);
    assert_true(slow.mode.cache_off); /* for what is written from now on */
    assert_false(slow.mode.descriptor_sense);
    end(-EIO);
    refused(SENSE_MEDIUM_ERROR, ASC_WRITE_ERROR);
    assert_false(slow.mode.cache_off || slow.mode.descriptor_sense);
    select_modes();
    end(0);
    good(0);
    assert_true(slow.mode.cache_off && slow.mode.descriptor_sense);
}

/* Backends without start() do the same in the call. */
static void test_backends_that_wait(void **state)
{
    (void)state;
    set.lus[3] = &double_lu;
    run(3, CDB(SCSI_READ_10, 0x08, 0, 0, 0, 4, 0, 0, 2));
    good(1024);
    assert_int_equal(seen.flushes, 1);
    assert_int_equal(seen.reads, 1);
    run(3, CDB(SCSI_WRITE_10, 0x08, 0, 0, 0, 4, 0, 0, 2));
    good(0);
    assert_int_equal(seen.flushes, 2);
    assert_int_equal(seen.writes, 1);
    seen.flush_error = -EIO;
    run(3, CDB(SCSI_READ_10, 0x08, 0, 0, 0, 4, 0, 0, 2));
    refused(SENSE_MEDIUM_ERROR, ASC_WRITE_ERROR);
    assert_int_equal(seen.reads, 1);
}

#undef TEST
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up_slow, tear_down_slow)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_read_ends_with_its_io),
        TEST(test_read_fails_with_its_io),
        TEST(test_fua_goes_along),
        TEST(test_read_with_fua_is_two_steps),
        TEST(test_write_without_cache_is_durable),
        TEST(test_write_of_nothing_starts_nothing),
        TEST(test_flush_ends_with_its_io),
        TEST(test_steps_are_done_elsewhere),
        TEST(test_unmap_is_work),
        TEST(test_faults_of_work_become_sense),
        TEST(test_a_stop_waits_for_its_flush),
        TEST(test_the_cache_is_off_once_it_is_empty),
        TEST(test_backends_that_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
