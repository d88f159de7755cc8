/* SPDX-License-Identifier: MIT */
/* REPORT SUPPORTED OPERATION CODES and TASK MANAGEMENT FUNCTIONS. */
#include "disks.h"
#include "lu/rows.h"

/* Every row is listed, once, with the length of its CDB, and is what one gets when asking for it alone. */
static void every_command_is_told(void **state)
{
    (void)state;
    static uint8_t list[COMMAND_INLINE_MAX];
    run(0, CDB(0xa3, 0x0c, 0, 0, 0, 0, 0, 0, 0xff, 0xff));
    good(4 + 8 * command_row_count);
    memcpy(list, c.reply, c.data_in.len);
    assert_int_equal(get32(list), 8 * command_row_count);
    for (size_t i = 0; i < command_row_count; i++) {
        const uint8_t *d = list + 4 + 8 * i;
        bool action = d[5] & 1;
        uint32_t len = row_len(&command_rows[i]);
        assert_int_equal(get16(d + 6), len);
        assert_int_equal(action, command_rows[i].action != ROW_ALL);
        run(0, CDB(0xa3, 0x0c, action ? 2 : 1, d[0], d[2], d[3], 0, 0, 0xff, 0xff));
        good(4 + len);
        assert_int_equal(c.reply[1], 3);
        assert_int_equal(get16(c.reply + 2), len);
        assert_int_equal(c.reply[4], d[0]);
        for (size_t k = 0; k < i; k++)
            assert_memory_not_equal(list + 4 + 8 * k, d, 4);
        if (d[0] == 0x7f) /* see below */
            continue;
        assert_int_equal(c.reply[5] & 0x1f, action ? d[3] : command_rows[i].usage[0] & 0x1f);
        assert_memory_equal(c.reply + 6, command_rows[i].usage + 1, len - 2);
    }
}

static void long_commands_have_long_actions(void **state)
{
    (void)state;
    static const char usage[] = "\x7f\0\0\0\0\0\x3f\x18\0\x09\x1e\0\xff\xff\xff\xff\xff\xff\xff\xff"
                                "\0\0\0\0\0\0\0\0\xff\xff\xff\xff";
    run(0, CDB(0xa3, 0x0c, 2, 0x7f, 0, 9, 0, 0, 1, 0));
    good(36);
    assert_memory_equal(c.reply, "\0\3\0\x20", 4);
    assert_memory_equal(c.reply + 4, usage, 32);
    run(0, CDB(0xa3, 0x0c, 2, 0x7f, 0, 0x0b, 0, 0, 1, 0));
    good(36);
    assert_memory_equal(c.reply + 12, "\0\x0b\x1a", 3);
    run(0, CDB(0xa3, 0x0c, 2, 0x7f, 0, 0x0a, 0, 0, 1, 0)); /* VERIFY(32) */
    assert_int_equal(c.reply[1], 1);
    run(0, CDB(0xa3, 0x0c, 2, 0x7f, 1, 9, 0, 0, 1, 0)); /* all 16 bits count */
    assert_int_equal(c.reply[1], 1);
    run(0, CDB(0xa3, 0x0c, 1, 0x7f, 0, 0, 0, 0, 1, 0));
    invalid_field();
}

static void timeouts_are_told_when_asked_for(void **state)
{
    (void)state;
    run(0, CDB(0xa3, 0x0c, 0x80, 0, 0, 0, 0, 0, 0xff, 0xff));
    good(4 + 20 * command_row_count);
    assert_int_equal(c.reply[4 + 5], 2);
    assert_memory_equal(c.reply + 12, "\0\x0a\0\0\0\0\0\0\0\0\0\0", 12);
    run(0, CDB(0xa3, 0x0c, 0x81, 0x2a, 0, 0, 0, 0, 1, 0));
    good(4 + 10 + 12);
    assert_int_equal(c.reply[1], 0x83);
    assert_memory_equal(c.reply + 4, "\x2a\x1a\xff\xff\xff\xff\x3f\xff\xff\0\0\x0a", 12);
    run(0, CDB(0xa3, 0x0c, 0x81, 0xff, 0, 0, 0, 0, 1, 0));
    good(4);
    assert_int_equal(c.reply[1], 1);
}

static void one_command_is_asked_for_rightly(void **state)
{
    (void)state;
    static const struct {
        uint8_t options, op, action;
        int support; /* -1: the question is refused */
    } rows[] = {
        {1, 0x2a, 0, 3},    {1, 0xff, 0, 1},    {1, 0x9e, 0, -1}, {2, 0x9e, 0x10, 3}, {2, 0x9e, 0x11, 1},
        {2, 0x2a, 0, -1},   {2, 0xff, 0, 1},    {3, 0x2a, 0, 3},  {3, 0x2a, 1, 1},    {3, 0x9e, 0x12, 3},
        {3, 0x9e, 0, 1},    {3, 0xff, 0, 1},    {4, 0x2a, 0, -1}, {7, 0x2a, 0, -1},   {2, 0x5f, 8, 1},
        {2, 0x9e, 0xff, 1}, {2, 0x5e, 0x00, 3},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        run(0, CDB(0xa3, 0x0c, rows[i].options, rows[i].op, 0, rows[i].action, 0, 0, 1, 0));
        if (rows[i].support < 0) {
            invalid_field();
            continue;
        }
        assert_int_equal(c.status, SCSI_GOOD);
        assert_int_equal(c.reply[1], rows[i].support);
    }
    run(0, CDB(0xa3, 0x0c, 2, 0x9e, 1, 0x10, 0, 0, 1, 0)); /* a service action of 16 bits */
    assert_int_equal(c.reply[1], 1);
    for (uint8_t action = 0; action < 32; action++)
        if (action != 0x0a && action != 0x0c && action != 0x0d) {
            run(0, CDB(0xa3, action));
            invalid_field();
        }
}

static void task_management_is_told(void **state)
{
    (void)state;
    run(0, CDB(0xa3, 0x0d, 0, 0, 0, 0, 0, 0, 0, 4));
    good(4);
    assert_memory_equal(c.reply, "\xda\0\0\0", 4);
    run(0, CDB(0xa3, 0x0d, 0x80, 0, 0, 0, 0, 0, 0, 16));
    good(16);
    assert_memory_equal(c.reply, "\xda\0\0\x0c\0\0\0\0\0\0\0\0\0\0\0\0", 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_command_is_told),
        TEST(long_commands_have_long_actions),
        TEST(timeouts_are_told_when_asked_for),
        TEST(one_command_is_asked_for_rightly),
        TEST(task_management_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
