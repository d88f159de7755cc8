/* SPDX-License-Identifier: MIT */
#include "lu/rows.h"
#include "lu/cmd.h"

#define ALL      ROW_ALL
#define B1       0xff
#define B2       0xff, 0xff
#define B3       0xff, 0xff, 0xff
#define B4       0xff, 0xff, 0xff, 0xff
#define B8       B4, B4
#define Z3       0, 0, 0
#define Z8       0, 0, 0, 0, 0, 0, 0, 0
#define FREE     ACCESS_FREE
#define STATUS   ACCESS_STATUS
#define READS    ACCESS_READS
#define CHANGED  ACCESS_CHANGES
#define RESERVES ACCESS_RESERVES
#define PERSISTS ACCESS_PERSISTS

#define GRP 0x3f /* group number: statistics that nobody here keeps */

/* SPC-4 6, SBC-3 5. Rows stay lines, so that it reads as a table. Through a port in standby go the commands
 * that SPC-4 names, and those with which an initiator finds out what it has there: a path that is found while
 * it is in standby will be used later. */
/* clang-format off */
const struct row command_rows[] = {
    {SCSI_TEST_UNIT_READY, ALL, MEDIUM, STATUS, "TEST UNIT READY", cmd_test_unit_ready, NULL, {0}},
    {SCSI_REQUEST_SENSE, ALL, ALWAYS | ANYWHERE, FREE, "REQUEST SENSE", cmd_request_sense, NULL, {0x01, 0, 0, 0xff}},
    {SCSI_READ_6, ALL, MEDIUM, READS, "READ(6)", cmd_read, cmd_read_bytes, {0x1f, B3}},
    {SCSI_WRITE_6, ALL, WRITES | MEDIUM, CHANGED, "WRITE(6)", cmd_write, cmd_write_bytes, {0x1f, B3}},
    {SCSI_INQUIRY, ALL, ALWAYS | ANYWHERE, FREE, "INQUIRY", cmd_inquiry, NULL, {0x01, B3}},
    {SCSI_MODE_SELECT_6, ALL, OUT | STANDBY, CHANGED, "MODE SELECT(6)", cmd_mode_select_6, cmd_mode_select_6_bytes,
     {0x10, 0, 0, 0xff}},
    {SCSI_RESERVE_6, ALL, 0, RESERVES, "RESERVE(6)", cmd_reserve, NULL, {0}},
    {SCSI_RELEASE_6, ALL, 0, RESERVES, "RELEASE(6)", cmd_release, NULL, {0}},
    {SCSI_MODE_SENSE_6, ALL, STANDBY, READS, "MODE SENSE(6)", cmd_mode_sense_6, NULL, {0x08, B3}},
    {SCSI_START_STOP_UNIT, ALL, 0, CHANGED, "START STOP UNIT", cmd_start_stop_unit, NULL, {0x01, 0, 0x0f, 0xf7}},
    {SCSI_SEND_DIAGNOSTIC, ALL, STANDBY, CHANGED, "SEND DIAGNOSTIC", cmd_send_diagnostic, NULL, {0x17}},
    {SCSI_READ_CAPACITY_10, ALL, STANDBY, FREE, "READ CAPACITY(10)", cmd_read_capacity_10, NULL, {0}},
    {SCSI_READ_10, ALL, MEDIUM, READS, "READ(10)", cmd_read, cmd_read_bytes, {0x1e, B4, GRP, B2}},
    {SCSI_WRITE_10, ALL, WRITES | MEDIUM, CHANGED, "WRITE(10)", cmd_write, cmd_write_bytes, {0x1a, B4, GRP, B2}},
    {SCSI_WRITE_VERIFY_10, ALL, WRITES | MEDIUM, CHANGED, "WRITE AND VERIFY(10)", cmd_write_verify, cmd_write_verify_bytes,
     {0x16, B4, GRP, B2}},
    {SCSI_VERIFY_10, ALL, OUT | MEDIUM, READS, "VERIFY(10)", cmd_verify, cmd_verify_bytes, {0x16, B4, GRP, B2}},
    {SCSI_PREFETCH_10, ALL, MEDIUM, READS, "PRE-FETCH(10)", cmd_prefetch, NULL, {0x02, B4, GRP, B2}},
    {SCSI_SYNCHRONIZE_CACHE_10, ALL, MEDIUM, CHANGED, "SYNCHRONIZE CACHE(10)", cmd_sync_cache, NULL, {0x06, B4, GRP, B2}},
    {SCSI_WRITE_SAME_10, ALL, WRITES | MEDIUM, CHANGED, "WRITE SAME(10)", cmd_write_same, cmd_same_bytes, {0x08, B4, GRP, B2}},
    {SCSI_UNMAP, ALL, WRITES | MEDIUM, CHANGED, "UNMAP", cmd_unmap, cmd_unmap_bytes, {0, 0, Z3, GRP, B2}},
    {SCSI_MODE_SELECT_10, ALL, OUT | STANDBY, CHANGED, "MODE SELECT(10)", cmd_mode_select_10, cmd_mode_select_10_bytes,
     {0x10, Z3, 0, 0, B2}},
    {SCSI_RESERVE_10, ALL, 0, RESERVES, "RESERVE(10)", cmd_reserve, NULL, {0}},
    {SCSI_RELEASE_10, ALL, 0, RESERVES, "RELEASE(10)", cmd_release, NULL, {0}},
    {SCSI_MODE_SENSE_10, ALL, STANDBY, READS, "MODE SENSE(10)", cmd_mode_sense_10, NULL, {0x18, B2, Z3, B2}},
    {SCSI_PERSISTENT_RESERVE_IN, 0x00, STANDBY, PERSISTS, "READ KEYS", cmd_read_keys, NULL, {0x1f, Z3, 0, 0, B2}},
    {SCSI_PERSISTENT_RESERVE_IN, 0x01, STANDBY, PERSISTS, "READ RESERVATION", cmd_read_reservation, NULL,
     {0x1f, Z3, 0, 0, B2}},
    {SCSI_PERSISTENT_RESERVE_IN, 0x02, STANDBY, PERSISTS, "REPORT CAPABILITIES", cmd_report_capabilities, NULL,
     {0x1f, Z3, 0, 0, B2}},
    {SCSI_PERSISTENT_RESERVE_IN, 0x03, STANDBY, PERSISTS, "READ FULL STATUS", cmd_read_full_status,
     cmd_full_status_bytes, {0x1f, Z3, 0, 0, B2}},
    {SCSI_PERSISTENT_RESERVE_OUT, 0x00, OUT | STANDBY, PERSISTS, "REGISTER", cmd_register, cmd_persist_bytes,
     {0x1f, B1, 0, 0, B4}},
    {SCSI_PERSISTENT_RESERVE_OUT, 0x01, OUT | STANDBY, PERSISTS, "RESERVE (PERSISTENT)", cmd_persistent_reserve, cmd_persist_bytes,
     {0x1f, B1, 0, 0, B4}},
    {SCSI_PERSISTENT_RESERVE_OUT, 0x02, OUT | STANDBY, PERSISTS, "RELEASE (PERSISTENT)", cmd_persistent_release, cmd_persist_bytes,
     {0x1f, B1, 0, 0, B4}},
    {SCSI_PERSISTENT_RESERVE_OUT, 0x03, OUT | STANDBY, PERSISTS, "CLEAR", cmd_clear, cmd_persist_bytes,
     {0x1f, B1, 0, 0, B4}},
    {SCSI_PERSISTENT_RESERVE_OUT, 0x04, OUT | STANDBY, PERSISTS, "PREEMPT", cmd_preempt, cmd_persist_bytes,
     {0x1f, B1, 0, 0, B4}},
    {SCSI_PERSISTENT_RESERVE_OUT, 0x05, OUT | STANDBY | ALONE, PERSISTS, "PREEMPT AND ABORT", cmd_preempt_and_abort, cmd_persist_bytes,
     {0x1f, B1, 0, 0, B4}},
    {SCSI_PERSISTENT_RESERVE_OUT, 0x06, OUT | STANDBY, PERSISTS, "REGISTER AND IGNORE EXISTING KEY", cmd_register_and_ignore, cmd_persist_bytes,
     {0x1f, B1, 0, 0, B4}},
    {SCSI_PERSISTENT_RESERVE_OUT, 0x07, OUT | STANDBY, PERSISTS, "REGISTER AND MOVE", cmd_register_and_move, cmd_move_bytes,
     {0x1f, B1, 0, 0, B4}},
    {SCSI_VARIABLE_LENGTH, 0x0009, MEDIUM, READS, "READ(32)", cmd_read, cmd_read_bytes,
     {0, Z3, 0, GRP, 0x18, B2, 0x1e, 0, B8, Z8, B4}},
    {SCSI_VARIABLE_LENGTH, 0x000b, WRITES | MEDIUM, CHANGED, "WRITE(32)", cmd_write, cmd_write_bytes,
     {0, Z3, 0, GRP, 0x18, B2, 0x1a, 0, B8, Z8, B4}},
    {SCSI_READ_16, ALL, MEDIUM, READS, "READ(16)", cmd_read, cmd_read_bytes, {0x1e, B8, B4, GRP}},
    {SCSI_COMPARE_AND_WRITE, ALL, WRITES | MEDIUM | ALONE, CHANGED, "COMPARE AND WRITE", cmd_compare, cmd_pair_bytes,
     {0x1a, B8, Z3, B1, GRP}},
    {SCSI_WRITE_16, ALL, WRITES | MEDIUM, CHANGED, "WRITE(16)", cmd_write, cmd_write_bytes, {0x1a, B8, B4, GRP}},
    {SCSI_ORWRITE_16, ALL, WRITES | MEDIUM | ALONE, CHANGED, "ORWRITE(16)", cmd_or_write, cmd_write_bytes, {0x1a, B8, B4, GRP}},
    {SCSI_WRITE_VERIFY_16, ALL, WRITES | MEDIUM, CHANGED, "WRITE AND VERIFY(16)", cmd_write_verify, cmd_write_verify_bytes,
     {0x16, B8, B4, GRP}},
    {SCSI_VERIFY_16, ALL, OUT | MEDIUM, READS, "VERIFY(16)", cmd_verify, cmd_verify_bytes, {0x16, B8, B4, GRP}},
    {SCSI_PREFETCH_16, ALL, MEDIUM, READS, "PRE-FETCH(16)", cmd_prefetch, NULL, {0x02, B8, B4, GRP}},
    {SCSI_SYNCHRONIZE_CACHE_16, ALL, MEDIUM, CHANGED, "SYNCHRONIZE CACHE(16)", cmd_sync_cache, NULL, {0x06, B8, B4, GRP}},
    {SCSI_WRITE_SAME_16, ALL, WRITES | MEDIUM, CHANGED, "WRITE SAME(16)", cmd_write_same, cmd_same_bytes, {0x09, B8, B4, GRP}},
    {SCSI_SERVICE_ACTION_IN_16, 0x10, STANDBY, FREE, "READ CAPACITY(16)", cmd_read_capacity_16, NULL, {0x1f, Z8, B4}},
    {SCSI_SERVICE_ACTION_IN_16, 0x12, MEDIUM, READS, "GET LBA STATUS", cmd_get_lba_status, NULL, {0x1f, B8, B4}},
    {SCSI_MAINTENANCE_IN, 0x0a, ANYWHERE, STATUS, "REPORT TARGET PORT GROUPS", cmd_report_port_groups, NULL,
     {B1, Z3, 0, B4}},
    {SCSI_MAINTENANCE_IN, 0x0c, STANDBY, READS, "REPORT SUPPORTED OPERATION CODES", cmd_report_opcodes, NULL,
     {0x1f, 0x87, B1, B2, B4}},
    {SCSI_MAINTENANCE_IN, 0x0d, STANDBY, READS, "REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS", cmd_report_functions, NULL,
     {0x1f, 0x80, Z3, B4}},
    {SCSI_REPORT_LUNS, ALL, ALWAYS | ANYWHERE, FREE, "REPORT LUNS", cmd_report_luns, cmd_luns_bytes, {0, 0xff, Z3, B4}},
    {SCSI_READ_12, ALL, MEDIUM, READS, "READ(12)", cmd_read, cmd_read_bytes, {0x1e, B4, B4, GRP}},
    {SCSI_WRITE_12, ALL, WRITES | MEDIUM, CHANGED, "WRITE(12)", cmd_write, cmd_write_bytes, {0x1a, B4, B4, GRP}},
    {SCSI_WRITE_VERIFY_12, ALL, WRITES | MEDIUM, CHANGED, "WRITE AND VERIFY(12)", cmd_write_verify, cmd_write_verify_bytes,
     {0x16, B4, B4, GRP}},
    {SCSI_VERIFY_12, ALL, OUT | MEDIUM, READS, "VERIFY(12)", cmd_verify, cmd_verify_bytes, {0x16, B4, B4, GRP}},
};
/* clang-format on */

const size_t command_row_count = sizeof command_rows / sizeof command_rows[0];

uint32_t row_len(const struct row *row)
{
    return row->op == SCSI_VARIABLE_LENGTH ? SCSI_LONG_LEN : scsi_cdb_len(row->op);
}
