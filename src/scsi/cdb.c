/* SPDX-License-Identifier: MIT */
#include "scsi/cdb.h"
#include <stddef.h>
#include <string.h>
#include "base/bytes.h"

/* Service actions of SERVICE ACTION IN(16) (SBC-3 5.16, 5.6). */
#define READ_CAPACITY_16 0x10
#define GET_LBA_STATUS   0x12

/* Bits of byte 1, or of byte 10 where there are 32 (SBC-3 5.11, 5.37). */
#define LONG_BITS_AT 10
#define RW_DPO       0x10
#define RW_FUA       0x08
#define WS_ANCHOR    0x10
#define WS_UNMAP     0x08
#define WS_NDOB      0x01

const char *scsi_status_text(uint8_t status)
{
    static const struct {
        uint8_t status;
        const char *text;
    } rows[] = {
        {SCSI_GOOD, "GOOD"},
        {SCSI_CHECK_CONDITION, "CHECK CONDITION"},
        {SCSI_CONDITION_MET, "CONDITION MET"},
        {SCSI_BUSY, "BUSY"},
        {SCSI_RESERVATION_CONFLICT, "RESERVATION CONFLICT"},
        {SCSI_TASK_SET_FULL, "TASK SET FULL"},
        {SCSI_ACA_ACTIVE, "ACA ACTIVE"},
        {SCSI_TASK_ABORTED, "TASK ABORTED"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].status == status)
            return rows[i].text;
    return "unknown status";
}

uint32_t scsi_cdb_len(uint8_t opcode)
{
    static const uint8_t by_group[8] = {6, 10, 10, 0, 16, 12, 0, 0}; /* SPC-4 4.3.2 */
    return by_group[opcode >> 5];
}

static uint32_t begin(uint8_t *cdb, uint8_t opcode)
{
    uint32_t len = scsi_cdb_len(opcode);
    memset(cdb, 0, len);
    cdb[0] = opcode;
    return len;
}

/* --- reads and writes --- */

static uint32_t put_rw(uint8_t *cdb, uint8_t op_10, uint8_t op_16, const struct scsi_rw *rw)
{
    bool small = rw->lba <= UINT32_MAX && rw->blocks <= UINT16_MAX;
    uint32_t len = begin(cdb, small ? op_10 : op_16);

    cdb[1] = (uint8_t)((rw->protect & 7) << 5 | (rw->dpo ? RW_DPO : 0) | (rw->fua ? RW_FUA : 0));
    if (small) {
        put32(cdb + 2, (uint32_t)rw->lba);
        put16(cdb + 7, (uint16_t)rw->blocks);
    } else {
        put64(cdb + 2, rw->lba);
        put32(cdb + 10, rw->blocks);
    }
    return len;
}

uint32_t scsi_put_read(uint8_t *cdb, const struct scsi_rw *rw)
{
    return put_rw(cdb, SCSI_READ_10, SCSI_READ_16, rw);
}

uint32_t scsi_put_write(uint8_t *cdb, const struct scsi_rw *rw)
{
    return put_rw(cdb, SCSI_WRITE_10, SCSI_WRITE_16, rw);
}

static void get_rw_6(const uint8_t *cdb, struct scsi_rw *rw)
{
    rw->lba = get24(cdb + 1) & 0x1fffff;
    rw->blocks = cdb[4] ? cdb[4] : 256;
}

/* The LBA and the count stand at the same places in every command of one length. */
static void get_range(const uint8_t *cdb, uint64_t *lba, uint32_t *blocks)
{
    switch (scsi_cdb_len(cdb[0])) {
    case 10:
        *lba = get32(cdb + 2);
        *blocks = get16(cdb + 7);
        break;
    case 12:
        *lba = get32(cdb + 2);
        *blocks = get32(cdb + 6);
        break;
    case 16:
        *lba = get64(cdb + 2);
        *blocks = get32(cdb + 10);
        break;
    case 0: /* 32 bytes */
        *lba = get64(cdb + 12);
        *blocks = get32(cdb + 28);
        break;
    default:
        break;
    }
}

void scsi_get_rw(const uint8_t *cdb, struct scsi_rw *rw)
{
    *rw = (struct scsi_rw){0};
    if (scsi_cdb_len(cdb[0]) == 6) {
        get_rw_6(cdb, rw);
        return;
    }
    get_range(cdb, &rw->lba, &rw->blocks);
    uint8_t bits = cdb[cdb[0] == SCSI_VARIABLE_LENGTH ? LONG_BITS_AT : 1];
    rw->protect = bits >> 5;
    rw->dpo = bits & RW_DPO;
    rw->fua = bits & RW_FUA;
}

/* --- identity and state --- */

uint32_t scsi_put_test_unit_ready(uint8_t *cdb)
{
    return begin(cdb, SCSI_TEST_UNIT_READY);
}

uint32_t scsi_put_inquiry(uint8_t *cdb, uint16_t allocation)
{
    uint32_t len = begin(cdb, SCSI_INQUIRY);
    put16(cdb + 3, allocation);
    return len;
}

uint32_t scsi_put_inquiry_vpd(uint8_t *cdb, uint8_t page, uint16_t allocation)
{
    uint32_t len = scsi_put_inquiry(cdb, allocation);
    cdb[1] = 1; /* EVPD */
    cdb[2] = page;
    return len;
}

uint32_t scsi_put_read_capacity_10(uint8_t *cdb)
{
    return begin(cdb, SCSI_READ_CAPACITY_10);
}

static uint32_t put_service_in_16(uint8_t *cdb, uint8_t action, uint64_t lba, uint32_t allocation)
{
    uint32_t len = begin(cdb, SCSI_SERVICE_ACTION_IN_16);
    cdb[1] = action;
    put64(cdb + 2, lba);
    put32(cdb + 10, allocation);
    return len;
}

uint32_t scsi_put_read_capacity_16(uint8_t *cdb, uint32_t allocation)
{
    return put_service_in_16(cdb, READ_CAPACITY_16, 0, allocation);
}

uint32_t scsi_put_get_lba_status(uint8_t *cdb, uint64_t lba, uint32_t allocation)
{
    return put_service_in_16(cdb, GET_LBA_STATUS, lba, allocation);
}

uint32_t scsi_put_report_luns(uint8_t *cdb, uint32_t allocation)
{
    uint32_t len = begin(cdb, SCSI_REPORT_LUNS);
    put32(cdb + 6, allocation);
    return len;
}

uint32_t scsi_put_mode_sense_6(uint8_t *cdb, uint8_t page, uint8_t allocation)
{
    uint32_t len = begin(cdb, SCSI_MODE_SENSE_6);
    cdb[1] = 0x08; /* DBD: nobody here wants block descriptors */
    cdb[2] = page & 0x3f;
    cdb[4] = allocation;
    return len;
}

/* --- ranges without data of their own length --- */

uint32_t scsi_put_synchronize_cache(uint8_t *cdb, uint64_t lba, uint32_t blocks)
{
    const struct scsi_rw range = {.lba = lba, .blocks = blocks};
    return put_rw(cdb, SCSI_SYNCHRONIZE_CACHE_10, SCSI_SYNCHRONIZE_CACHE_16, &range);
}

uint32_t scsi_put_write_same_16(uint8_t *cdb, const struct scsi_write_same *ws)
{
    uint32_t len = begin(cdb, SCSI_WRITE_SAME_16);
    cdb[1] = (uint8_t)((ws->protect & 7) << 5 | (ws->anchor ? WS_ANCHOR : 0) | (ws->unmap ? WS_UNMAP : 0) |
                       (ws->ndob ? WS_NDOB : 0));
    put64(cdb + 2, ws->lba);
    put32(cdb + 10, ws->blocks);
    return len;
}

void scsi_get_write_same(const uint8_t *cdb, struct scsi_write_same *ws)
{
    *ws = (struct scsi_write_same){0};
    get_range(cdb, &ws->lba, &ws->blocks);
    ws->protect = cdb[1] >> 5;
    ws->anchor = cdb[1] & WS_ANCHOR;
    ws->unmap = cdb[1] & WS_UNMAP;
    ws->ndob = cdb[0] == SCSI_WRITE_SAME_16 && (cdb[1] & WS_NDOB); /* WRITE SAME(10) has no such bit */
}

uint32_t scsi_put_unmap(uint8_t *cdb, uint16_t parameter_len)
{
    uint32_t len = begin(cdb, SCSI_UNMAP);
    put16(cdb + 7, parameter_len);
    return len;
}

uint32_t scsi_put_unmap_list(uint8_t *list, uint32_t size, const struct scsi_range *ranges, uint32_t count)
{
    if (size < SCSI_UNMAP_HEADER || count > (size - SCSI_UNMAP_HEADER) / SCSI_UNMAP_RANGE)
        return 0;
    uint32_t len = SCSI_UNMAP_HEADER + count * SCSI_UNMAP_RANGE;
    if (len > UINT16_MAX) /* the CDB's parameter list length has 16 bits */
        return 0;

    memset(list, 0, len);
    put16(list, (uint16_t)(len - 2));
    put16(list + 2, (uint16_t)(len - SCSI_UNMAP_HEADER));
    for (uint32_t i = 0; i < count; i++) {
        uint8_t *at = list + SCSI_UNMAP_HEADER + i * SCSI_UNMAP_RANGE;
        put64(at, ranges[i].lba);
        put32(at + 8, ranges[i].blocks);
    }
    return len;
}

bool scsi_get_unmap_range(const uint8_t *list, uint32_t len, uint32_t i, struct scsi_range *range)
{
    if (len < SCSI_UNMAP_HEADER)
        return false;
    uint32_t data = get16(list + 2);
    if (data > len - SCSI_UNMAP_HEADER || data + 6 > get16(list)) /* SBC-3 table 96: the two lengths agree */
        return false;
    if (i >= data / SCSI_UNMAP_RANGE)
        return false;
    const uint8_t *at = list + SCSI_UNMAP_HEADER + i * SCSI_UNMAP_RANGE;
    *range = (struct scsi_range){.lba = get64(at), .blocks = get32(at + 8)};
    return true;
}
