/* SPDX-License-Identifier: MIT */
/* Target port groups: what is told of them, and what goes through which state. */
#include "disks.h"
#include "lu/rows.h"

/* `nexus` of disks.h comes through group 1, `far` through group 0x0203. */
static struct nexus far;

static int begin(void **state)
{
    set_up(state);
    set.target_name = IQN;
    assert_true(lu_set_add_group(&set, 1));
    assert_true(lu_set_add_group(&set, 0x0203));
    nexus_init(&far, &set, 0x0203);
    nexus_join(&nexus, (const uint8_t *)"port", 4);
    nexus_join(&far, (const uint8_t *)"port", 4);
    for (uint32_t lun = 0; lun < COMMAND_LU_MAX; lun++)
        nexus_take_attention(&far, lun);
    return 0;
}

static int end(void **state)
{
    nexus_leave(&nexus);
    nexus_leave(&far);
    set.target_name = NULL;
    set.group_count = 0;
    return tear_down(state);
}

static void run_far_long(const uint8_t *cdb, uint32_t len)
{
    static uint8_t kept[SCSI_CDB_MAX];
    memcpy(kept, cdb, len);
    c = (struct command){.nexus = &far, .cdb = kept, .cdb_len = len, .memory = memory, .done = count_done};
    c.edtl_out = command_data_out(&c);
    out_segs[0] = seg_memory(out, c.edtl_out);
    c.data_out = (struct extent){out_segs, 1, 0, c.edtl_out};
    command_execute(&c);
}

static void run_far(const uint8_t *cdb)
{
    run_far_long(cdb, 16);
}

/* Changes the state of the far group, and hears of it. */
static void become(enum port_state state)
{
    assert_true(lu_set_access(&set, 0x0203, state));
    nexus_settle(&far, ASC_ACCESS_CHANGED);
    nexus_settle(&nexus, ASC_ACCESS_CHANGED);
}

/* --- what is told --- */

static void without_groups_there_is_one(void **state)
{
    (void)state;
    set.group_count = 0;
    run(0, CDB(0xa3, 0x0a, 0, 0, 0, 0, 0, 0, 1, 0));
    good(16);
    assert_memory_equal(c.reply, "\0\0\0\x0c\0\x0f\0\1\0\0\0\1\0\0\0\1", 16);
    run(0, CDB(0x12, 0, 0, 0, 96));
    assert_int_equal(c.reply[6] & 0x10, 0);
    assert_int_equal(c.reply[5] >> 4 & 3, 1);
    assert_false(lu_set_access(&set, 2, PORT_STANDBY));
    assert_true(lu_set_access(&set, 1, PORT_STANDBY)); /* and it is as real as any */
    assert_int_equal(nexus_path(&nexus), PORT_STANDBY);
    nexus_settle(&nexus, ASC_ACCESS_CHANGED);
    run(0, CDB(0xa3, 0x0a, 0, 0, 0, 0, 0, 0, 1, 0));
    good(16);
    assert_memory_equal(c.reply, "\0\0\0\x0c\2\x0f\0\1\0\2\0\1\0\0\0\1", 16);
}

static void all_groups_are_listed(void **state)
{
    (void)state;
    static const char list[] = "\0\0\0\x18\0\x0f\0\1\0\0\0\1\0\0\0\1\1\x0f\2\3\0\2\0\1\0\0\2\3";
    become(PORT_NON_OPTIMIZED);
    run(0, CDB(0xa3, 0x0a, 0, 0, 0, 0, 0, 0, 1, 0));
    good(28);
    assert_memory_equal(c.reply, list, 28);
    run_far(CDB(0xa3, 0x0a, 0, 0, 0, 0, 0, 0, 1, 0)); /* through all of them the same */
    good(28);
    assert_memory_equal(c.reply, list, 28);
    run(0, CDB(0xa3, 0x2a, 0, 0, 0, 0, 0, 0, 1, 0)); /* the extended header */
    good(32);
    assert_memory_equal(c.reply, "\0\0\0\x1c\x10\0\0\0", 8);
    assert_memory_equal(c.reply + 8, list + 4, 24);
    run(0, CDB(0xa3, 0x4a, 0, 0, 0, 0, 0, 0, 1, 0));
    invalid_field();
}

static void a_path_knows_its_port(void **state)
{
    (void)state;
    static const char name[] = IQN ",t,0x0203";
    run_far(CDB(0x12, 1, 0x83, 1, 0));
    good(60 + 4 + (sizeof name / 4 + (sizeof name % 4 != 0)) * 4);
    assert_memory_equal(c.reply + 44, "\1\x14\0\4\0\0\2\3\1\x15\0\4\0\0\2\3\x53\x98", 18);
    assert_string_equal((const char *)c.reply + 64, name);
    run(0, CDB(0x12, 1, 0x83, 1, 0));
    assert_memory_equal(c.reply + 44, "\1\x14\0\4\0\0\0\1\1\x15\0\4\0\0\0\1", 16);
    assert_string_equal((const char *)c.reply + 64, IQN ",t,0x0001");
    run(0, CDB(0x12, 0, 0, 0, 96));
    assert_int_equal(c.reply[6] & 0x10, 0x10); /* MULTIP */
}

static void the_largest_list_fits(void **state)
{
    (void)state;
    assert_false(lu_set_add_group(&set, 0));
    assert_true(lu_set_add_group(&set, 1)); /* already there: no second one */
    for (uint16_t i = 2; i < COMMAND_GROUPS_MAX; i++)
        assert_true(lu_set_add_group(&set, (uint16_t)(1000 * i)));
    assert_int_equal(set.group_count, COMMAND_GROUPS_MAX);
    assert_false(lu_set_add_group(&set, 7));
    assert_true(lu_set_add_group(&set, 2000));
    run(0, CDB(0xa3, 0x2a, 0, 0, 0, 0, 0, 0, 0xff, 0xff));
    good(8 + 12 * COMMAND_GROUPS_MAX);
}

/* --- a change --- */

static void everybody_hears_of_a_change(void **state)
{
    (void)state;
    assert_true(lu_set_access(&set, 0x0203, PORT_OPTIMIZED)); /* which it is */
    assert_int_equal(nexus_take_attention(&nexus, 0), 0);
    assert_false(lu_set_access(&set, 9, PORT_STANDBY));
    assert_true(lu_set_access(&set, 0x0203, PORT_STANDBY));
    for (uint64_t lun = 0; lun < 3; lun++) {
        run(lun, CDB(0x00));
        refused(SENSE_UNIT_ATTENTION, ASC_ACCESS_CHANGED);
        run(lun, CDB(0x00));
        good(0);
    }
    run_far(CDB(0x00)); /* what is pending comes first */
    refused(SENSE_UNIT_ATTENTION, ASC_ACCESS_CHANGED);
    run_far(CDB(0x00));
    refused(SENSE_NOT_READY, ASC_PORT_IN_STANDBY);
    become(PORT_OPTIMIZED);
    run_far(CDB(0x28, 0, 0, 0, 0, 0, 0, 0, 1));
    good(512);
}

/* --- what goes through --- */

static void active_paths_are_alike(void **state)
{
    (void)state;
    become(PORT_NON_OPTIMIZED);
    fill(out, 512, 1);
    run_far(CDB(0x2a, 0, 0, 0, 0, 9, 0, 0, 1));
    good(0);
    assert_memory_equal(stored(&disk, 9), out, 512);
    run_far(CDB(0x28, 0, 0, 0, 0, 9, 0, 0, 1));
    good(512);
}

static bool among(const uint16_t *list, size_t count, const struct row *row)
{
    uint16_t key = (uint16_t)(row->op << 8 | (row->action == ROW_ALL ? 0 : row->action));
    for (size_t i = 0; i < count; i++)
        if (list[i] == key)
            return true;
    return false;
}

/* Every row, through this path: those of the list and no others get past it. */
static void only_these_go_through(uint16_t asc, const uint16_t *list, size_t count)
{
    for (size_t i = 0; i < command_row_count; i++) {
        const struct row *row = &command_rows[i];
        uint8_t cdb[SCSI_CDB_MAX] = {row->op, row->action == ROW_ALL ? 0 : (uint8_t)row->action};
        struct scsi_sense s = {0};
        if (row->op == SCSI_VARIABLE_LENGTH)
            cdb[1] = 0, cdb[9] = (uint8_t)row->action;
        run_far_long(cdb, sizeof cdb);
        if (c.status == SCSI_CHECK_CONDITION)
            scsi_get_sense(c.sense, c.sense_len, &s);
        if ((s.asc == asc) == among(list, count, row))
            fail_msg("%s ended with status %02x, sense %04x", row->name, c.status, s.asc);
        if (s.asc == asc)
            assert_int_equal(s.key, SENSE_NOT_READY);
        if (s.asc == asc)
            assert_int_equal(command_data_in(&c) + command_data_out(&c), 0);
    }
    run_far(CDB(0xff));
    refused(SENSE_ILLEGAL_REQUEST, ASC_INVALID_OPCODE);
}

static void standby_lets_questions_through(void **state)
{
    (void)state;
    static const uint16_t through[] = {0x0300, 0x1200, 0x1500, 0x1a00, 0x1d00, 0x2500, 0x5500, 0x5a00, 0x5e00,
                                       0x5e01, 0x5e02, 0x5e03, 0x5f00, 0x5f01, 0x5f02, 0x5f03, 0x5f04, 0x5f05,
                                       0x5f06, 0x5f07, 0x9e10, 0xa000, 0xa30a, 0xa30c, 0xa30d};
    become(PORT_STANDBY);
    only_these_go_through(ASC_PORT_IN_STANDBY, through, COUNT(through));
}

static void unavailable_lets_little_through(void **state)
{
    (void)state;
    static const uint16_t through[] = {0x0300, 0x1200, 0xa000, 0xa30a};
    become(PORT_UNAVAILABLE);
    only_these_go_through(ASC_PORT_UNAVAILABLE, through, COUNT(through));
    run_far(CDB(0x12, 0, 0, 0, 96));
    assert_int_equal(c.reply[0], 0x20); /* a disk that is not connected */
    assert_int_equal(c.reply[58], 0x00);
    assert_int_equal(c.reply[59], 0xa0);
    run(0, CDB(0x12, 0, 0, 0, 96));
    assert_int_equal(c.reply[0], 0x00);
}

static void request_sense_tells_the_path(void **state)
{
    (void)state;
    static const struct {
        enum port_state state;
        uint8_t key;
        uint16_t asc;
    } rows[] = {{PORT_STANDBY, SENSE_NOT_READY, ASC_PORT_IN_STANDBY},
                {PORT_UNAVAILABLE, SENSE_NOT_READY, ASC_PORT_UNAVAILABLE},
                {PORT_NON_OPTIMIZED, SENSE_NO_SENSE, ASC_NONE}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct scsi_sense s;
        become(rows[i].state);
        run_far(CDB(0x03, 0, 0, 0, 18));
        good(18);
        scsi_get_sense(c.reply, 18, &s);
        assert_int_equal(s.key, rows[i].key);
        assert_int_equal(s.asc, rows[i].asc);
    }
}

static void conflicts_come_before_the_path(void **state)
{
    (void)state;
    run(0, CDB(0x16));
    become(PORT_STANDBY);
    run_far(CDB(0x28, 0, 0, 0, 0, 0, 0, 0, 1));
    assert_int_equal(c.status, SCSI_RESERVATION_CONFLICT);
}

#define GTEST(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        GTEST(without_groups_there_is_one),    GTEST(all_groups_are_listed),
        GTEST(a_path_knows_its_port),          GTEST(the_largest_list_fits),
        GTEST(everybody_hears_of_a_change),    GTEST(active_paths_are_alike),
        GTEST(standby_lets_questions_through), GTEST(unavailable_lets_little_through),
        GTEST(request_sense_tells_the_path),   GTEST(conflicts_come_before_the_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
