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
        TEST(test_backends_that_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
