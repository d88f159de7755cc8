/* SPDX-License-Identifier: MIT */
#include "base/cursor.h"
#include "scsi/identity.h"

/* READ CAPACITY(16) parameter data (SBC-3 5.16.2). */
#define PROT_EN 0x01 /* byte 12 */
#define LBPME   0x80 /* byte 14 */
#define LBPRZ   0x40

/* GET LBA STATUS parameter data (SBC-3 5.6.2). */
#define STATUS_HEADER     8u
#define STATUS_DESCRIPTOR 16u

void scsi_put_capacity_10(uint8_t *out, const struct scsi_capacity *c)
{
    put32(out, c->last_lba < UINT32_MAX ? (uint32_t)c->last_lba : UINT32_MAX);
    put32(out + 4, c->block_bytes);
}

void scsi_put_capacity_16(uint8_t *out, const struct scsi_capacity *c)
{
    memset(out, 0, SCSI_CAPACITY_16_LEN);
    put64(out, c->last_lba);
    put32(out + 8, c->block_bytes);
    out[12] = c->protected ? PROT_EN : 0;
    out[13] = c->physical_exponent & 0x0f;
    out[14] = (uint8_t)((c->thin ? LBPME : 0) | (c->read_zeros ? LBPRZ : 0));
}

/* Blocks of no bytes cannot be: whoever divides by them relies on this check. */
bool scsi_get_capacity_10(const uint8_t *data, size_t len, struct scsi_capacity *c)
{
    struct reader r = reader_over(data, len);
    *c = (struct scsi_capacity){0};
    c->last_lba = read32(&r);
    c->block_bytes = read32(&r);
    return r.ok && c->block_bytes > 0;
}

bool scsi_get_capacity_16(const uint8_t *data, size_t len, struct scsi_capacity *c)
{
    struct reader r = reader_over(data, len);
    *c = (struct scsi_capacity){0};
    c->last_lba = read64(&r);
    c->block_bytes = read32(&r);
    if (!r.ok || c->block_bytes == 0)
        return false;
    c->protected = read8(&r) & PROT_EN;
    c->physical_exponent = read8(&r) & 0x0f;
    uint8_t provisioning = read8(&r);
    c->thin = provisioning & LBPME;
    c->read_zeros = provisioning & LBPRZ;
    return true;
}

size_t scsi_put_lba_status(uint8_t *out, size_t size, const struct scsi_lba_status *s)
{
    if (size < STATUS_HEADER + STATUS_DESCRIPTOR)
        return 0;
    memset(out, 0, STATUS_HEADER + STATUS_DESCRIPTOR);
    put32(out, STATUS_HEADER + STATUS_DESCRIPTOR - 4);
    put64(out + 8, s->lba);
    put32(out + 16, s->blocks);
    out[20] = s->provisioning & 0x0f;
    return STATUS_HEADER + STATUS_DESCRIPTOR;
}

bool scsi_get_lba_status(const uint8_t *data, size_t len, uint32_t i, struct scsi_lba_status *s)
{
    if (len < STATUS_HEADER)
        return false;
    uint64_t told = get32(data) + (uint64_t)4, there = len < told ? len : told;
    if (there < STATUS_HEADER || i >= (there - STATUS_HEADER) / STATUS_DESCRIPTOR)
        return false;
    const uint8_t *at = data + STATUS_HEADER + (size_t)i * STATUS_DESCRIPTOR;
    *s = (struct scsi_lba_status){.lba = get64(at), .blocks = get32(at + 8), .provisioning = at[12] & 0x0f};
    return true;
}
