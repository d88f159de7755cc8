/* SPDX-License-Identifier: MIT */
#include "scsi/replay.h"
#include "scsi/cdb.h"

#define ANY 0xffffu /* service action */

/* Whose command it is: one of SPC-4 clause 6 means the same to every device, one of SBC-3 clause 5 (or, with
 * 6 bytes, of SBC-2) is about blocks that have addresses. */
enum owner { SPC, SBC };

struct row {
    uint8_t op;
    uint16_t action;
    uint8_t owner;
    const char *name;
};

/* What may be repeated; whatever has no row may not. Not here, though it would look harmless: REQUEST SENSE,
 * whose first answer takes the sense away; MODE SELECT, START STOP UNIT, RESERVE and their like, which undo
 * what others have done meanwhile; everything that compares, adds or moves on (COMPARE AND WRITE, ORWRITE,
 * the XOR commands, EXTENDED COPY, PERSISTENT RESERVE OUT, FORMAT UNIT); SECURITY PROTOCOL IN, a dialogue. */
static const struct row rows[] = {
    {SCSI_TEST_UNIT_READY, ANY, SPC, "TEST UNIT READY"},
    {SCSI_READ_6, ANY, SBC, "READ(6)"},
    {SCSI_WRITE_6, ANY, SBC, "WRITE(6)"},
    {SCSI_INQUIRY, ANY, SPC, "INQUIRY"},
    {SCSI_MODE_SENSE_6, ANY, SPC, "MODE SENSE(6)"},
    {SCSI_READ_CAPACITY_10, ANY, SBC, "READ CAPACITY(10)"},
    {SCSI_READ_10, ANY, SBC, "READ(10)"},
    {SCSI_WRITE_10, ANY, SBC, "WRITE(10)"},
    {SCSI_WRITE_VERIFY_10, ANY, SBC, "WRITE AND VERIFY(10)"},
    {SCSI_VERIFY_10, ANY, SBC, "VERIFY(10)"},
    {SCSI_PREFETCH_10, ANY, SBC, "PRE-FETCH(10)"},
    {SCSI_SYNCHRONIZE_CACHE_10, ANY, SBC, "SYNCHRONIZE CACHE(10)"},
    {SCSI_READ_DEFECT_DATA_10, ANY, SBC, "READ DEFECT DATA(10)"},
    {SCSI_WRITE_SAME_10, ANY, SBC, "WRITE SAME(10)"},
    {SCSI_UNMAP, ANY, SBC, "UNMAP"},
    {SCSI_LOG_SENSE, ANY, SPC, "LOG SENSE"},
    {SCSI_MODE_SENSE_10, ANY, SPC, "MODE SENSE(10)"},
    {SCSI_PERSISTENT_RESERVE_IN, ANY, SPC, "PERSISTENT RESERVE IN"},
    {SCSI_VARIABLE_LENGTH, 0x0009, SBC, "READ(32)"},
    {SCSI_VARIABLE_LENGTH, 0x000a, SBC, "VERIFY(32)"},
    {SCSI_VARIABLE_LENGTH, 0x000b, SBC, "WRITE(32)"},
    {SCSI_VARIABLE_LENGTH, 0x000c, SBC, "WRITE AND VERIFY(32)"},
    {SCSI_VARIABLE_LENGTH, 0x000d, SBC, "WRITE SAME(32)"},
    {SCSI_READ_16, ANY, SBC, "READ(16)"},
    {SCSI_WRITE_16, ANY, SBC, "WRITE(16)"},
    {SCSI_READ_ATTRIBUTE, ANY, SPC, "READ ATTRIBUTE"},
    {SCSI_WRITE_VERIFY_16, ANY, SBC, "WRITE AND VERIFY(16)"},
    {SCSI_VERIFY_16, ANY, SBC, "VERIFY(16)"},
    {SCSI_PREFETCH_16, ANY, SBC, "PRE-FETCH(16)"},
    {SCSI_SYNCHRONIZE_CACHE_16, ANY, SBC, "SYNCHRONIZE CACHE(16)"},
    {SCSI_WRITE_SAME_16, ANY, SBC, "WRITE SAME(16)"},
    {SCSI_SERVICE_ACTION_IN_16, 0x10, SBC, "READ CAPACITY(16)"},
    {SCSI_SERVICE_ACTION_IN_16, 0x11, SBC, "READ LONG(16)"},
    {SCSI_SERVICE_ACTION_IN_16, 0x12, SBC, "GET LBA STATUS"},
    {SCSI_SERVICE_ACTION_IN_16, 0x13, SBC, "REPORT REFERRALS"},
    {SCSI_REPORT_LUNS, ANY, SPC, "REPORT LUNS"},
    {SCSI_MAINTENANCE_IN, 0x05, SPC, "REPORT IDENTIFYING INFORMATION"},
    {SCSI_MAINTENANCE_IN, 0x0a, SPC, "REPORT TARGET PORT GROUPS"},
    {SCSI_MAINTENANCE_IN, 0x0b, SPC, "REPORT ALIASES"},
    {SCSI_MAINTENANCE_IN, 0x0c, SPC, "REPORT SUPPORTED OPERATION CODES"},
    {SCSI_MAINTENANCE_IN, 0x0d, SPC, "REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS"},
    {SCSI_MAINTENANCE_IN, 0x0e, SPC, "REPORT PRIORITY"},
    {SCSI_MAINTENANCE_IN, 0x0f, SPC, "REPORT TIMESTAMP"},
    {SCSI_READ_12, ANY, SBC, "READ(12)"},
    {SCSI_WRITE_12, ANY, SBC, "WRITE(12)"},
    {SCSI_WRITE_VERIFY_12, ANY, SBC, "WRITE AND VERIFY(12)"},
    {SCSI_VERIFY_12, ANY, SBC, "VERIFY(12)"},
    {SCSI_READ_DEFECT_DATA_12, ANY, SBC, "READ DEFECT DATA(12)"},
};

/* Direct access, CD and DVD, optical memory, simplified direct access. */
static bool has_blocks(uint8_t device_type)
{
    return device_type == 0x00 || device_type == 0x05 || device_type == 0x07 || device_type == 0x0e;
}

static uint32_t service_action(const uint8_t *cdb, size_t len)
{
    if (cdb[0] != SCSI_VARIABLE_LENGTH)
        return len > 1 ? cdb[1] & 0x1fu : ANY;
    return len > 9 ? (uint32_t)cdb[8] << 8 | cdb[9] : ANY;
}

bool scsi_may_repeat(const uint8_t *cdb, size_t len, uint8_t device_type)
{
    if (len == 0)
        return false;
    uint32_t action = service_action(cdb, len);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *row = &rows[i];
        if (row->op == cdb[0] && (row->action == ANY || row->action == action))
            return row->owner == SPC || has_blocks(device_type);
    }
    return false;
}
