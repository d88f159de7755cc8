/* SPDX-License-Identifier: MIT */
#include "check.h"
#include "scsi/cdb.h"
#include "scsi/replay.h"

#define DISK 0x00
#define TAPE 0x01

static bool twice(uint8_t op, uint16_t action, uint8_t device_type)
{
    uint8_t cdb[SCSI_CDB_MAX] = {op, (uint8_t)action};
    if (op == SCSI_VARIABLE_LENGTH) {
        cdb[1] = 0;
        cdb[7] = 24;
        cdb[8] = (uint8_t)(action >> 8);
        cdb[9] = (uint8_t)action;
    }
    return scsi_may_repeat(cdb, op == SCSI_VARIABLE_LENGTH ? 32 : scsi_cdb_len(op), device_type);
}

static void what_floor_block_sends_may_be_repeated(void **state)
{
    (void)state;
    static const uint8_t ops[] = {
        SCSI_TEST_UNIT_READY, SCSI_INQUIRY,       SCSI_READ_10,
        SCSI_READ_16,         SCSI_WRITE_10,      SCSI_WRITE_16,
        SCSI_UNMAP,           SCSI_WRITE_SAME_16, SCSI_SYNCHRONIZE_CACHE_10,
        SCSI_MODE_SENSE_6,    SCSI_REPORT_LUNS,   SCSI_READ_CAPACITY_10,
    };
    for (size_t i = 0; i < COUNT(ops); i++)
        assert_true(twice(ops[i], 0, DISK));
    assert_true(twice(SCSI_SERVICE_ACTION_IN_16, 0x10, DISK));
    assert_true(twice(SCSI_SERVICE_ACTION_IN_16, 0x12, DISK));
}

static void what_changes_its_meaning_may_not(void **state)
{
    (void)state;
    static const uint8_t ops[] = {
        SCSI_COMPARE_AND_WRITE,
        SCSI_ORWRITE_16,
        SCSI_PERSISTENT_RESERVE_OUT,
        SCSI_RESERVE_6,
        SCSI_RESERVE_10,
        SCSI_RELEASE_6,
        SCSI_RELEASE_10,
        SCSI_MODE_SELECT_6,
        SCSI_MODE_SELECT_10,
        SCSI_START_STOP_UNIT,
        SCSI_SEND_DIAGNOSTIC,
        SCSI_REQUEST_SENSE,
        0x04, /* FORMAT UNIT */
        0x07, /* REASSIGN BLOCKS */
        0x3b, /* WRITE BUFFER */
        0x48, /* SANITIZE */
        0x50, /* XDWRITE(10) */
        0x53, /* XDWRITEREAD(10) */
        0x83, /* EXTENDED COPY, POPULATE TOKEN, WRITE USING TOKEN */
        0xa2, /* SECURITY PROTOCOL IN */
        0xa4, /* SET TARGET PORT GROUPS and others */
        0xb5, /* SECURITY PROTOCOL OUT */
    };
    for (size_t i = 0; i < COUNT(ops); i++)
        assert_false(twice(ops[i], 0, DISK));
}

static void vendors_codes_may_not(void **state)
{
    (void)state;
    for (uint32_t op = 0xc0; op <= 0xff; op++)
        assert_false(twice((uint8_t)op, 0, DISK));
    for (uint32_t op = 0x60; op <= 0x7e; op++) /* reserved */
        assert_false(twice((uint8_t)op, 0, DISK));
}

static void service_actions_are_told_apart(void **state)
{
    (void)state;
    assert_false(twice(SCSI_SERVICE_ACTION_IN_16, 0, DISK));
    assert_false(twice(SCSI_SERVICE_ACTION_IN_16, 0x1f, DISK));
    assert_true(twice(SCSI_MAINTENANCE_IN, 0x0a, DISK));
    assert_true(twice(SCSI_MAINTENANCE_IN, 0xea, DISK)); /* the upper bits are no part of it */
    assert_false(twice(SCSI_MAINTENANCE_IN, 0x10, DISK));
    for (uint16_t action = 0x0009; action <= 0x000d; action++)
        assert_true(twice(SCSI_VARIABLE_LENGTH, action, DISK));
    assert_false(twice(SCSI_VARIABLE_LENGTH, 0x0003, DISK)); /* XDREAD(32) */
    assert_false(twice(SCSI_VARIABLE_LENGTH, 0x000e, DISK)); /* ORWRITE(32) */
    assert_false(twice(SCSI_VARIABLE_LENGTH, 0x0109, DISK));
}

/* A tape has the same codes for the next block, wherever that is by now. */
static void blocks_without_addresses_may_not(void **state)
{
    (void)state;
    assert_false(twice(SCSI_READ_6, 0, TAPE));
    assert_false(twice(SCSI_WRITE_6, 0, TAPE));
    assert_false(twice(SCSI_WRITE_16, 0, TAPE));
    assert_false(twice(SCSI_WRITE_10, 0, 0x14)); /* zones have write pointers */
    assert_true(twice(SCSI_INQUIRY, 0, TAPE));
    assert_true(twice(SCSI_READ_10, 0, 0x05));
}

static void nothing_says_nothing(void **state)
{
    (void)state;
    uint8_t cdb[SCSI_CDB_MAX] = {SCSI_SERVICE_ACTION_IN_16, 0x10};
    assert_false(scsi_may_repeat(cdb, 0, DISK));
    assert_false(scsi_may_repeat(cdb, 1, DISK));
    assert_true(scsi_may_repeat(cdb, 2, DISK));
    cdb[0] = SCSI_VARIABLE_LENGTH;
    cdb[9] = 0x09;
    assert_false(scsi_may_repeat(cdb, 9, DISK));
    assert_true(scsi_may_repeat(cdb, 10, DISK));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_floor_block_sends_may_be_repeated),
        cmocka_unit_test(what_changes_its_meaning_may_not),
        cmocka_unit_test(vendors_codes_may_not),
        cmocka_unit_test(service_actions_are_told_apart),
        cmocka_unit_test(blocks_without_addresses_may_not),
        cmocka_unit_test(nothing_says_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
