/* SPDX-License-Identifier: MIT */
/* Which command runs beside which: many commands of two nexuses on one LU, whose I/Os end when the test says.
 */
#include "disks.h"

#define MANY 16u

static struct lu slow;
static struct nexus other;
static struct command many[MANY];
static uint8_t cdbs[MANY][16];
static struct lu_io *held[MANY]; /* by the command's number, NULL: does not run */
static char order[2 * MANY + 1]; /* what was done: a letter for each command as it ends */

static uint32_t number_of(const struct command *command)
{
    return (uint32_t)(command - many);
}

static void hold(struct lu *lu, struct lu_io *io)
{
    (void)lu;
    held[number_of(list_entry(io, struct command, io))] = io;
}

static const struct lu_backend slow_backend = {.name = "slow",
                                               .read = double_read,
                                               .write = double_write,
                                               .flush = double_flush,
                                               .punch = double_punch,
                                               .map = double_map,
                                               .start = hold};

static void note_done(struct command *command)
{
    size_t at = strlen(order);
    order[at] = (char)((command->aborted ? 'A' : 'a') + (int)number_of(command));
}

static int set_up_slow(void **state)
{
    set_up(state);
    slow = (struct lu){
        .backend = &slow_backend, .block = 512, .number = 3, .write_cache = true, .size = 1u << 20};
    set.lus[3] = &slow;
    memset(&other, 0, sizeof other);
    other.set = &set;
    memset(held, 0, sizeof held);
    memset(many, 0, sizeof many);
    memset(order, 0, sizeof order);
    return 0;
}

static int tear_down_slow(void **state)
{
    assert_int_equal(slow.tasks.running + slow.tasks.waiting + slow.tasks.dying, 0);
    assert_int_equal(slow.tasks.barriers + slow.tasks.heads, 0);
    assert_true(!slow.tasks.commands.next || list_empty(&slow.tasks.commands));
    set.lus[3] = &double_lu;
    return tear_down(state);
}

static struct command *arrive(uint32_t i, enum attribute attribute, uint8_t op)
{
    memcpy(cdbs[i], CDB(op, 0, 0, 0, 0, 4, 0, 0, 1), sizeof cdbs[i]);
    many[i] = (struct command){.nexus = i % 2 ? &other : &nexus,
                               .lun = scsi_lun_encode(3),
                               .cdb = cdbs[i],
                               .cdb_len = 16,
                               .attribute = (uint8_t)attribute,
                               .memory = memory,
                               .edtl_out = op == SCSI_WRITE_10 ? 512 : 0,
                               .done = note_done};
    out_segs[0] = seg_memory(out, 512);
    many[i].data_out = (struct extent){out_segs, 1, 0, many[i].edtl_out};
    command_arrive(&many[i]);
    return &many[i];
}

static void come(uint32_t i, enum attribute attribute)
{
    command_execute(arrive(i, attribute, SCSI_READ_10));
}

static void end(uint32_t i)
{
    struct lu_io *io = held[i];
    assert_non_null(io);
    held[i] = NULL;
    io->error = 0;
    if (io->kind == LU_WORK)
        lu_run(io);
    io->done(io);
}

/* Exactly these run, as letters. */
static void runs(const char *which)
{
    char now[MANY + 1] = "";
    for (uint32_t i = 0, n = 0; i < MANY; i++)
        if (held[i])
            now[n++] = (char)('a' + i);
    assert_string_equal(now, which);
}

static void test_simple_ones_overtake(void **state)
{
    (void)state;
    come(0, ATTRIBUTE_SIMPLE);
    come(1, ATTRIBUTE_SIMPLE);
    come(2, ATTRIBUTE_SIMPLE);
    runs("abc");
    end(2);
    end(0);
    end(1);
    assert_string_equal(order, "cab");
}

/* SAM-5 8.6.3: an ORDERED command waits for all older ones, and younger SIMPLE ones wait for it. */
static void test_ordered_divides(void **state)
{
    (void)state;
    come(0, ATTRIBUTE_SIMPLE);
    come(1, ATTRIBUTE_SIMPLE);
    come(2, ATTRIBUTE_ORDERED);
    come(3, ATTRIBUTE_SIMPLE);
    come(4, ATTRIBUTE_ORDERED);
    come(5, ATTRIBUTE_SIMPLE);
    runs("ab");
    end(1);
    runs("a");
    end(0);
    runs("c");
    end(2);
    runs("d");
    end(3);
    runs("e");
    end(4);
    runs("f");
    end(5);
    assert_string_equal(order, "bacdef");
}

/* The place in the order is that of the arrival, however long the data take. */
static void test_order_is_of_arrival(void **state)
{
    (void)state;
    struct command *simple = arrive(0, ATTRIBUTE_SIMPLE, SCSI_WRITE_10);
    struct command *ordered = arrive(2, ATTRIBUTE_ORDERED, SCSI_WRITE_10);
    come(4, ATTRIBUTE_SIMPLE);
    command_execute(ordered);
    runs("");
    command_execute(simple);
    runs("a");
    end(0);
    runs("c");
    end(2);
    runs("e");
    end(4);
}

/* Commands whose data never come keep nobody waiting but who sent them. */
static void test_what_does_not_come(void **state)
{
    (void)state;
    struct command *head = arrive(0, ATTRIBUTE_HEAD, SCSI_WRITE_10);
    struct command *ordered = arrive(2, ATTRIBUTE_ORDERED, SCSI_WRITE_10);
    come(1, ATTRIBUTE_SIMPLE);
    come(3, ATTRIBUTE_ORDERED);
    come(4, ATTRIBUTE_SIMPLE);
    runs("b");
    end(1);
    runs("d");
    end(3);
    runs("");
    command_execute(head);
    runs("a");
    command_abort(ordered);
    lu_wake(&slow);
    runs("a");
    end(0);
    runs("e");
    end(4);
}

/* SAM-5 8.6.4: HEAD OF QUEUE runs at once, and what has not begun waits for it. */
static void test_head_goes_first(void **state)
{
    (void)state;
    come(0, ATTRIBUTE_SIMPLE);
    come(1, ATTRIBUTE_ORDERED);
    come(2, ATTRIBUTE_HEAD);
    come(3, ATTRIBUTE_HEAD);
    runs("acd");
    end(0);
    runs("cd");
    end(2);
    runs("d");
    come(4, ATTRIBUTE_SIMPLE);
    runs("d");
    end(3);
    runs("b");
    end(1);
    runs("e");
    end(4);
}

static void test_unknown_attributes_are_refused(void **state)
{
    (void)state;
    come(0, ATTRIBUTE_UNKNOWN);
    runs("");
    assert_string_equal(order, "a");
    assert_int_equal(many[0].status, SCSI_CHECK_CONDITION);
    assert_int_equal(many[0].sense[2] & 0x0f, SENSE_ILLEGAL_REQUEST);
    assert_int_equal(get16(many[0].sense + 12), ASC_INVALID_MESSAGE);
}

static void reply_orwrite(uint32_t i)
{
    struct command *command = arrive(i, ATTRIBUTE_SIMPLE, 0x8b);
    cdbs[i][9] = 4;
    cdbs[i][5] = cdbs[i][8] = 0;
    cdbs[i][13] = 1;
    command->edtl_out = 512;
    command->data_out.len = 512;
    command_execute(command);
}

/* ORWRITE reads and writes: nothing of the LU may be under way, or begin, meanwhile. */
static void test_exclusive_runs_alone(void **state)
{
    (void)state;
    come(0, ATTRIBUTE_SIMPLE);
    come(1, ATTRIBUTE_SIMPLE);
    reply_orwrite(2);
    come(3, ATTRIBUTE_SIMPLE);
    runs("ab");
    assert_int_equal(seen.writes, 0);
    end(0);
    assert_int_equal(seen.writes, 0);
    end(1);
    runs("c");
    come(4, ATTRIBUTE_SIMPLE);
    come(5, ATTRIBUTE_HEAD); /* not even this one */
    runs("c");
    end(2);
    assert_int_equal(seen.reads, 1);
    assert_int_equal(seen.writes, 1);
    assert_int_equal(many[2].status, SCSI_GOOD);
    runs("f");
    end(5);
    runs("de");
    end(3);
    end(4);
    assert_string_equal(order, "abcfde");
}

/* As long as its data are not here it is in nobody's way. */
static void test_exclusive_without_data_is_passed(void **state)
{
    (void)state;
    struct command *late = arrive(0, ATTRIBUTE_SIMPLE, 0x8b);
    come(1, ATTRIBUTE_SIMPLE);
    runs("b");
    end(1);
    command_abort(late);
    assert_string_equal(order, "b"); /* it was never executed, so it is not done either */
}

static void test_abort_of_one_that_waits(void **state)
{
    (void)state;
    come(0, ATTRIBUTE_SIMPLE);
    come(1, ATTRIBUTE_ORDERED);
    come(2, ATTRIBUTE_SIMPLE);
    command_abort(&many[1]);
    assert_string_equal(order, "B");
    runs("a");
    assert_false(lu_dying(&slow));
    lu_wake(&slow);
    runs("ac");
    end(0);
    end(2);
    assert_string_equal(order, "Bac");
}

/* What was aborted may still be stored: until it has ended nothing else begins. */
static void test_abort_of_one_that_runs(void **state)
{
    (void)state;
    come(0, ATTRIBUTE_SIMPLE);
    come(1, ATTRIBUTE_SIMPLE);
    command_abort(&many[0]);
    command_abort(&many[0]); /* twice is once */
    assert_true(lu_dying(&slow));
    assert_string_equal(order, "");
    come(2, ATTRIBUTE_SIMPLE);
    come(3, ATTRIBUTE_HEAD);
    runs("ab");
    end(1);
    runs("a");
    end(0);
    assert_false(lu_dying(&slow));
    runs("d"); /* a HEAD OF QUEUE is before all that wait */
    end(3);
    runs("c");
    end(2);
    assert_string_equal(order, "bAdc");
}

static void test_two_die(void **state)
{
    (void)state;
    come(0, ATTRIBUTE_SIMPLE);
    come(1, ATTRIBUTE_SIMPLE);
    command_abort(&many[0]);
    command_abort(&many[1]);
    end(0);
    assert_true(lu_dying(&slow));
    end(1);
    assert_false(lu_dying(&slow));
    assert_string_equal(order, "AB");
}

/* Commands that never wait end within the loop that wakes them, and wake nobody inside it. */
static void test_a_long_line_is_woken(void **state)
{
    (void)state;
    come(0, ATTRIBUTE_ORDERED);
    for (uint32_t i = 1; i < MANY; i++)
        command_execute(arrive(i, i % 3 ? ATTRIBUTE_SIMPLE : ATTRIBUTE_ORDERED, SCSI_TEST_UNIT_READY));
    assert_string_equal(order, "");
    end(0);
    assert_string_equal(order, "abcdefghijklmnop");
}

#undef TEST
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up_slow, tear_down_slow)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_simple_ones_overtake),
        TEST(test_ordered_divides),
        TEST(test_order_is_of_arrival),
        TEST(test_what_does_not_come),
        TEST(test_head_goes_first),
        TEST(test_unknown_attributes_are_refused),
        TEST(test_exclusive_runs_alone),
        TEST(test_exclusive_without_data_is_passed),
        TEST(test_abort_of_one_that_waits),
        TEST(test_abort_of_one_that_runs),
        TEST(test_two_die),
        TEST(test_a_long_line_is_woken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
