/* SPDX-License-Identifier: MIT */
/* The logical unit that holds nothing. */
#include "disks.h"

static struct lu nothing;

static int begin(void **state)
{
    set_up(state);
    open_lu(&nothing, "null:64M,block=4096", 7);
    set.lus[7] = &nothing;
    return 0;
}

static int end(void **state)
{
    set.lus[7] = NULL;
    lu_close(&nothing);
    return tear_down(state);
}

static bool zeros(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (bytes[i])
            return false;
    return true;
}

static void it_reads_as_zeros_whatever_was_written(void **state)
{
    (void)state;
    fill(out, COMMAND_XFER_MAX, 1);
    run(7, CDB(0x8a, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 4, 0));
    good(0);
    assert_int_equal(command_data_out(&c), COMMAND_XFER_MAX);
    memset(memory, 0xee, sizeof memory);
    run(7, CDB(0x88, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 4, 0));
    good(COMMAND_XFER_MAX);
    assert_true(zeros(memory, COMMAND_XFER_MAX));
}

static void reads_take_no_memory(void **state)
{
    (void)state;
    c.may_peek = true;
    for (uint8_t lba = 0; lba < 2; lba++) {
        run(7, CDB(0x88, 0, 0, 0, 0, 0, 0, 0, 0, lba, 0, 0, 4, 0));
        good(COMMAND_XFER_MAX);
        assert_int_equal(command_data_in(&c), 0);
        assert_ptr_equal(c.data_in.segs[0].base, stored(&nothing, 0));
        assert_true(zeros(c.data_in.segs[0].base, COMMAND_XFER_MAX));
    }
    assert_null(nothing.backend->peek(&nothing, 0, COMMAND_XFER_MAX + 4096));
}

static void every_command_has_its_place(void **state)
{
    (void)state;
    struct scsi_lba_status s;
    memset(out, 0, 8192);
    run(7, CDB(0x89, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)); /* COMPARE AND WRITE, with zeros */
    good(0);
    run(7, CDB(0x91));
    good(0);
    run(7, CDB(0x93, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8));
    good(0);
    run(7, CDB(0x9e, 0x12, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 24));
    good(24);
    assert_true(scsi_get_lba_status(c.reply, 24, 0, &s));
    assert_int_equal(s.blocks, 64 * 256 - 1);
    assert_int_equal(s.provisioning, 0); /* a copy of it is a copy of all of it */
    run(7, CDB(0x28, 0, 0, 0, 0x40, 0, 0, 0, 1));
    out_of_range();
    assert_false(nothing.write_cache);
}

static void long_reads_come_in_parts(void **state)
{
    (void)state;
    uint8_t tail[8];
    struct berth_seg segs[] = {seg_memory(memory, COMMAND_XFER_MAX), seg_memory(tail, sizeof tail)};
    memset(memory, 0xee, sizeof memory);
    memset(tail, 0xee, sizeof tail);
    assert_int_equal(nothing.backend->read(&nothing, 0, &(struct extent){segs, 2, 4, COMMAND_XFER_MAX}), 0);
    assert_int_equal(memory[3], 0xee);
    assert_true(zeros(memory + 4, COMMAND_XFER_MAX - 4) && zeros(tail, 4));
    assert_int_equal(tail[4], 0xee);
}

#define ON_NOTHING(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_NOTHING(it_reads_as_zeros_whatever_was_written),
        ON_NOTHING(reads_take_no_memory),
        ON_NOTHING(every_command_has_its_place),
        ON_NOTHING(long_reads_come_in_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
