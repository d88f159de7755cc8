/* SPDX-License-Identifier: MIT */
/* CDBs of SPC-4 and SBC-3, both ways: the initiator builds them, the target reads them. */
#ifndef SCSI_CDB_H
#define SCSI_CDB_H

#include <stdbool.h>
#include <stdint.h>

#define SCSI_CDB_MAX 32u

enum scsi_op {
    SCSI_TEST_UNIT_READY = 0x00,
    SCSI_REQUEST_SENSE = 0x03,
    SCSI_READ_6 = 0x08,
    SCSI_WRITE_6 = 0x0a,
    SCSI_INQUIRY = 0x12,
    SCSI_MODE_SELECT_6 = 0x15,
    SCSI_RESERVE_6 = 0x16,
    SCSI_RELEASE_6 = 0x17,
    SCSI_MODE_SENSE_6 = 0x1a,
    SCSI_START_STOP_UNIT = 0x1b,
    SCSI_SEND_DIAGNOSTIC = 0x1d,
    SCSI_READ_CAPACITY_10 = 0x25,
    SCSI_READ_10 = 0x28,
    SCSI_WRITE_10 = 0x2a,
    SCSI_WRITE_VERIFY_10 = 0x2e,
    SCSI_VERIFY_10 = 0x2f,
    SCSI_PREFETCH_10 = 0x34,
    SCSI_SYNCHRONIZE_CACHE_10 = 0x35,
    SCSI_READ_DEFECT_DATA_10 = 0x37,
    SCSI_WRITE_SAME_10 = 0x41,
    SCSI_UNMAP = 0x42,
    SCSI_LOG_SENSE = 0x4d,
    SCSI_MODE_SELECT_10 = 0x55,
    SCSI_RESERVE_10 = 0x56,
    SCSI_RELEASE_10 = 0x57,
    SCSI_MODE_SENSE_10 = 0x5a,
    SCSI_PERSISTENT_RESERVE_IN = 0x5e,
    SCSI_PERSISTENT_RESERVE_OUT = 0x5f,
    SCSI_VARIABLE_LENGTH = 0x7f, /* 32 bytes: 0009h READ(32), 000Bh WRITE(32) */
    SCSI_READ_16 = 0x88,
    SCSI_COMPARE_AND_WRITE = 0x89,
    SCSI_WRITE_16 = 0x8a,
    SCSI_ORWRITE_16 = 0x8b,
    SCSI_READ_ATTRIBUTE = 0x8c,
    SCSI_WRITE_VERIFY_16 = 0x8e,
    SCSI_VERIFY_16 = 0x8f,
    SCSI_PREFETCH_16 = 0x90,
    SCSI_SYNCHRONIZE_CACHE_16 = 0x91,
    SCSI_WRITE_SAME_16 = 0x93,
    SCSI_SERVICE_ACTION_IN_16 = 0x9e, /* 10h READ CAPACITY(16), 12h GET LBA STATUS */
    SCSI_REPORT_LUNS = 0xa0,
    SCSI_MAINTENANCE_IN = 0xa3, /* 0Ah, 0Ch, 0Dh: REPORT TARGET PORT GROUPS, OPERATION CODES, TMFS */
    SCSI_READ_12 = 0xa8,
    SCSI_WRITE_12 = 0xaa,
    SCSI_WRITE_VERIFY_12 = 0xae,
    SCSI_VERIFY_12 = 0xaf,
    SCSI_READ_DEFECT_DATA_12 = 0xb7,
};

enum scsi_status {
    SCSI_GOOD = 0x00,
    SCSI_CHECK_CONDITION = 0x02,
    SCSI_CONDITION_MET = 0x04,
    SCSI_BUSY = 0x08,
    SCSI_RESERVATION_CONFLICT = 0x18,
    SCSI_TASK_SET_FULL = 0x28,
    SCSI_ACA_ACTIVE = 0x30,
    SCSI_TASK_ABORTED = 0x40,
};

const char *scsi_status_text(uint8_t status); /* "BUSY"; never NULL */

/* By group code: 6, 10, 12, 16; 0 for variable and vendor groups. */
uint32_t scsi_cdb_len(uint8_t opcode);

/* The length of the variable group's CDBs, which is in byte 7 (SPC-4 4.3.3) and for all of SBC-3 the same. */
#define SCSI_LONG_LEN 32u

/* Reads, writes and other block ranges of 6, 10, 12, 16 and 32 bytes. Where a command has no FUA, that bit is
 * another field of it. */
struct scsi_rw {
    uint64_t lba;
    uint32_t blocks; /* READ(6)'s 0 is given as 256 */
    bool fua, dpo;
    uint8_t protect; /* RDPROTECT/WRPROTECT */
};

/* Builders return the CDB's length. rw: 10 bytes where LBA and count fit, else 16. */
uint32_t scsi_put_read(uint8_t *cdb, const struct scsi_rw *rw);
uint32_t scsi_put_write(uint8_t *cdb, const struct scsi_rw *rw);
void scsi_get_rw(const uint8_t *cdb, struct scsi_rw *rw); /* any operation code with a range */

uint32_t scsi_put_test_unit_ready(uint8_t *cdb);
uint32_t scsi_put_inquiry(uint8_t *cdb, uint16_t allocation);
uint32_t scsi_put_inquiry_vpd(uint8_t *cdb, uint8_t page, uint16_t allocation);
uint32_t scsi_put_read_capacity_10(uint8_t *cdb);
uint32_t scsi_put_read_capacity_16(uint8_t *cdb, uint32_t allocation);
uint32_t scsi_put_report_luns(uint8_t *cdb, uint32_t allocation);
uint32_t scsi_put_mode_sense_6(uint8_t *cdb, uint8_t page, uint8_t allocation);
/* 0,0: all; 10 or 16 bytes. */
uint32_t scsi_put_synchronize_cache(uint8_t *cdb, uint64_t lba, uint32_t blocks);
uint32_t scsi_put_get_lba_status(uint8_t *cdb, uint64_t lba, uint32_t allocation);

/* WRITE SAME(16) of one zero block in the data-out, or none with ndob. */
struct scsi_write_same {
    uint64_t lba;
    uint32_t blocks; /* 0: to the end of the LU, as far as B0h allows */
    bool unmap, anchor, ndob;
    uint8_t protect;
};
uint32_t scsi_put_write_same_16(uint8_t *cdb, const struct scsi_write_same *ws);
void scsi_get_write_same(const uint8_t *cdb, struct scsi_write_same *ws); /* 10 or 16 */

/* UNMAP: the CDB and its parameter list. */
#define SCSI_UNMAP_HEADER 8u
#define SCSI_UNMAP_RANGE  16u
struct scsi_range {
    uint64_t lba;
    uint32_t blocks;
};
uint32_t scsi_put_unmap(uint8_t *cdb, uint16_t parameter_len);
/* Parameter list of `count` ranges; returns its length, 0 if it does not fit in `size`. */
uint32_t scsi_put_unmap_list(uint8_t *list, uint32_t size, const struct scsi_range *ranges, uint32_t count);
/* Range `i` of a received list; false past the end or if the list's own lengths contradict `len`. */
bool scsi_get_unmap_range(const uint8_t *list, uint32_t len, uint32_t i, struct scsi_range *range);

#endif
