/* SPDX-License-Identifier: MIT */
/* Logical units that come, go and change their size while initiators look at them. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "disks.h"

static struct nexus other;
static struct lu fresh;
static char why[256];
static const struct lu_reason reason = {why, sizeof why};

static int begin(void **state)
{
    set_up(state);
    other = (struct nexus){.set = &set, .id.port = 1};
    nexus_join(&nexus, (const uint8_t *)"one", 3);
    nexus_join(&other, (const uint8_t *)"two", 3);
    open_lu(&fresh, "ram:64K", 9);
    return 0;
}

static int end(void **state)
{
    set.lus[9] = NULL;
    lu_close(&fresh);
    set.lus[1] = &read_only;
    nexus_leave(&nexus);
    nexus_leave(&other);
    return tear_down(state);
}

static void heard(struct nexus *n, uint32_t lun, uint16_t asc)
{
    assert_int_equal(nexus_take_attention(n, lun), asc);
    assert_int_equal(nexus_take_attention(n, lun), 0);
}

/* --- coming and going --- */

static void a_new_lu_is_there_for_all(void **state)
{
    (void)state;
    assert_true(lu_set_add(&set, &fresh));
    for (int i = 0; i < 2; i++) {
        struct nexus *n = i ? &other : &nexus;
        heard(n, 9, ASC_POWER_ON);
        heard(n, 0, ASC_LUNS_CHANGED);
        heard(n, 255, ASC_LUNS_CHANGED);
        heard(n, 8, 0); /* nothing there to be told of */
    }
    run(9, CDB(0x28, 0, 0, 0, 0, 127, 0, 0, 1));
    good(512);
    assert_false(lu_set_add(&set, &fresh)); /* its number is taken */
    fresh.number = COMMAND_LU_MAX;
    assert_false(lu_set_add(&set, &fresh));
    fresh.number = 9;
    heard(&other, 0, 0);
}

static void a_lu_that_has_gone_is_not_there(void **state)
{
    (void)state;
    lu_set_remove(&set, &read_only);
    heard(&nexus, 1, 0);
    heard(&nexus, 0, ASC_LUNS_CHANGED);
    heard(&other, 2, ASC_LUNS_CHANGED);
    run(1, CDB(0x00));
    refused(SENSE_ILLEGAL_REQUEST, ASC_LUN_NOT_SUPPORTED);
    run(0, CDB(0xa0, 0, 0, 0, 0, 0, 0, 0, 1, 0));
    good(8 + 4 * 8);
    assert_true(lu_idle(&read_only));
}

/* A command that has come to `lu` and whose data have not. */
static void arrive(struct command *late, const uint8_t *cdb)
{
    *late = (struct command){.nexus = &nexus, .lun = scsi_lun_encode(1), .cdb = cdb, .cdb_len = 16};
    late->done = count_done;
    command_arrive(late);
}

static void what_has_not_begun_finds_nothing(void **state)
{
    (void)state;
    static const uint8_t read[16] = {0x28, 0, 0, 0, 0, 0, 0, 0, 1};
    arrive(&c, read);
    assert_false(lu_idle(&read_only));
    lu_set_remove(&set, &read_only);
    assert_false(lu_idle(&read_only));
    times_done = 0;
    command_execute(&c);
    assert_int_equal(times_done, 1);
    refused(SENSE_ILLEGAL_REQUEST, ASC_LUN_NOT_SUPPORTED);
    assert_true(lu_idle(&read_only));
}

static void a_successor_does_not_inherit_commands(void **state)
{
    (void)state;
    static const uint8_t write[16] = {0x2a, 0, 0, 0, 0, 0, 0, 0, 1};
    arrive(&c, write);
    lu_set_remove(&set, &read_only);
    fresh.number = 1;
    assert_true(lu_set_add(&set, &fresh));
    nexus_take_attention(&nexus, 1);
    command_execute(&c);
    refused(SENSE_ILLEGAL_REQUEST, ASC_LUN_NOT_SUPPORTED);
    assert_true(lu_idle(&fresh) && lu_idle(&read_only));
}

static void what_waits_is_answered(void **state)
{
    (void)state;
    static const uint8_t ready[16] = {0x00}, read[16] = {0x28, 0, 0, 0, 0, 0, 0, 0, 1};
    static struct command first;
    arrive(&first, read);
    first.attribute = ATTRIBUTE_SIMPLE;
    c = (struct command){.nexus = &nexus, .lun = scsi_lun_encode(1), .cdb = ready, .cdb_len = 16};
    c.attribute = ATTRIBUTE_ORDERED;
    c.done = count_done;
    times_done = 0;
    command_execute(&c); /* waits for the first */
    assert_int_equal(times_done, 0);
    lu_set_remove(&set, &read_only);
    command_abort(&first);
    lu_wake(&read_only);
    assert_int_equal(times_done, 1);
    refused(SENSE_ILLEGAL_REQUEST, ASC_LUN_NOT_SUPPORTED);
    assert_true(lu_idle(&read_only));
}

/* --- size --- */

static void resize(struct lu *lu, uint64_t size)
{
    if (lu_resize(lu, &set, size, &reason))
        fail_msg("%s", why);
}

static void not_resized(struct lu *lu, uint64_t size, const char *words)
{
    uint64_t before = lu->size;
    why[0] = '\0';
    assert_int_equal(lu_resize(lu, &set, size, &reason), -1);
    assert_int_equal(lu->size, before);
    if (!strstr(why, words))
        fail_msg("'%s' is not in '%s'", words, why);
    heard(&other, lu->number, 0);
}

static void a_change_of_size_is_told(void **state)
{
    (void)state;
    resize(&disk, 2 << 20);
    heard(&nexus, 0, ASC_CAPACITY_CHANGED);
    heard(&other, 0, ASC_CAPACITY_CHANGED);
    heard(&other, 2, 0);
    run(0, CDB(0x25));
    assert_int_equal(get32(c.reply), 4095);
    run(0, CDB(0x28, 0, 0, 0, 0x0f, 0xff, 0, 0, 1));
    good(512);
    resize(&disk, 2 << 20); /* no change */
    heard(&other, 0, 0);
    resize(&disk, 512 * 10);
    heard(&other, 0, ASC_CAPACITY_CHANGED);
    run(0, CDB(0x00));
    refused(SENSE_UNIT_ATTENTION, ASC_CAPACITY_CHANGED);
    run(0, CDB(0x2a, 0, 0, 0, 0, 9, 0, 0, 1));
    good(0);
    run(0, CDB(0x2a, 0, 0, 0, 0, 9, 0, 0, 2));
    out_of_range();
}

static void sizes_must_fit(void **state)
{
    (void)state;
    not_resized(&wide, 4096 + 512,
                "LUN 2: its size of 4608 bytes is no multiple of the block of 4096: make it 8192");
    not_resized(&disk, UINT64_C(1) << 40,
                "LUN 0 may grow to 68719476736 bytes while it is served: start anew");
}

/* The memory stays where it is, and what comes back is zero. */
static void memory_grows_and_shrinks_in_place(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {512,     4096,    4608,   20 * 512, 1 << 20, 4096 * 7 + 512,
                                     3 << 20, 8 << 20, 1 << 20};
    const uint8_t *at = stored(&disk, 0);
    fill(out, 8 << 19, 1);
    for (size_t i = 0; i < COUNT(sizes); i++) {
        uint64_t before = disk.size;
        resize(&disk, sizes[i]);
        assert_int_equal(disk.size, sizes[i]);
        assert_ptr_equal(stored(&disk, 0), at);
        for (uint64_t k = before; k < sizes[i]; k++)
            assert_int_equal(at[k], 0);
        uint64_t len = sizes[i] < sizeof out ? sizes[i] : sizeof out;
        struct berth_seg seg = seg_memory(out, len);
        assert_int_equal(disk.backend->write(&disk, 0, &(struct extent){&seg, 1, 0, len}), 0);
        assert_int_equal(disk.backend->write(&disk, sizes[i] - 512, &(struct extent){&seg, 1, 0, 512}), 0);
    }
    resize(&disk, 0); /* asks what there is: what there was */
    assert_int_equal(disk.size, 1 << 20);
}

static void the_map_follows_the_size(void **state)
{
    (void)state;
    uint64_t len = 256 << 10;
    bool allocated;
    fill(out, 1 << 20, 1);
    struct berth_seg seg = seg_memory(out, 1 << 20);
    assert_int_equal(disk.backend->write(&disk, 0, &(struct extent){&seg, 1, 0, 1 << 20}), 0);
    resize(&disk, 64 << 10);
    resize(&disk, 256 << 10);
    assert_int_equal(disk.backend->map(&disk, 0, &len, &allocated), 0);
    assert_true(allocated);
    assert_int_equal(len, 64 << 10);
    len = 192 << 10;
    assert_int_equal(disk.backend->map(&disk, 64 << 10, &len, &allocated), 0);
    assert_false(allocated);
    assert_int_equal(len, 192 << 10);
}

static void nothing_has_any_size(void **state)
{
    (void)state;
    lu_close(&fresh);
    open_lu(&fresh, "null:1M", 9);
    assert_true(lu_set_add(&set, &fresh));
    resize(&fresh, UINT64_C(1) << 50);
    assert_int_equal(fresh.size, UINT64_C(1) << 50);
    resize(&fresh, 0);
    assert_int_equal(fresh.size, UINT64_C(1) << 50);
}

static void a_file_is_measured(void **state)
{
    (void)state;
    char path[128], spec[160];
    const char *temporary = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/berth-lu-set-XXXXXX", temporary ? temporary : P_tmpdir);
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, 1 << 20), 0);
    snprintf(spec, sizeof spec, "file:%s", path);
    lu_close(&fresh);
    open_lu(&fresh, spec, 9);
    unlink(path);
    assert_true(lu_set_add(&set, &fresh));
    nexus_take_attention(&other, 9);
    not_resized(&fresh, 2 << 20, "LUN 9 is as large as its file: change that with truncate");
    assert_int_equal(ftruncate(fd, 2 << 20), 0);
    assert_int_equal(fresh.size, 1 << 20);
    resize(&fresh, 0);
    assert_int_equal(fresh.size, 2 << 20);
    heard(&other, 9, ASC_CAPACITY_CHANGED);
    assert_int_equal(ftruncate(fd, 1000), 0);
    not_resized(&fresh, 0, "LUN 9: its size of 1000 bytes is no multiple");
    assert_int_equal(ftruncate(fd, 0), 0);
    not_resized(&fresh, 0, "LUN 9: it has no bytes");
    close(fd);
}

#define STEST(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STEST(a_new_lu_is_there_for_all),
        STEST(a_lu_that_has_gone_is_not_there),
        STEST(what_has_not_begun_finds_nothing),
        STEST(a_successor_does_not_inherit_commands),
        STEST(what_waits_is_answered),
        STEST(a_change_of_size_is_told),
        STEST(sizes_must_fit),
        STEST(memory_grows_and_shrinks_in_place),
        STEST(the_map_follows_the_size),
        STEST(nothing_has_any_size),
        STEST(a_file_is_measured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
