/* SPDX-License-Identifier: MIT */
#include "base/cursor.h"
#include "scsi/identity.h"

/* Single level addressing methods (SAM-5 4.7.7): bits 7..6 of byte 0. */
#define METHOD_SHIFT 62
enum { PERIPHERAL = 0, FLAT = 1 };
#define FIRST_LEVEL_SHIFT 48
#define LOWER_LEVELS      ((UINT64_C(1) << FIRST_LEVEL_SHIFT) - 1)
#define FLAT_MAX          16383u
#define LIST_HEADER       8u
#define LIST_ENTRY        8u

uint64_t scsi_lun_encode(uint32_t number)
{
    if (number > FLAT_MAX)
        return UINT64_MAX; /* SAM-5 4.7.7.5.1: names no logical unit */
    uint64_t method = number < 256 ? PERIPHERAL : FLAT;
    return method << METHOD_SHIFT | (uint64_t)number << FIRST_LEVEL_SHIFT;
}

uint64_t scsi_lun_encode_other(uint32_t number)
{
    uint64_t lun = scsi_lun_encode(number);
    return lun == UINT64_MAX ? lun : lun ^ (uint64_t)FLAT << METHOD_SHIFT;
}

bool scsi_lun_decode_any(uint64_t lun, uint32_t *number)
{
    if (lun & LOWER_LEVELS || lun >> METHOD_SHIFT > FLAT)
        return false;
    *number = (uint32_t)(lun >> FIRST_LEVEL_SHIFT) & FLAT_MAX;
    return true;
}

bool scsi_lun_decode(uint64_t lun, uint32_t *number)
{
    uint32_t address;
    if (!scsi_lun_decode_any(lun, &address))
        return false;
    if (lun >> METHOD_SHIFT == PERIPHERAL && address > 255) /* a bus identifier would lead further down */
        return false;
    *number = address;
    return true;
}

uint32_t scsi_get_luns_count(const uint8_t *data, size_t len)
{
    if (len < LIST_HEADER)
        return 0;
    size_t told = get32(data), there = len - LIST_HEADER;
    return (uint32_t)((told < there ? told : there) / LIST_ENTRY);
}

uint64_t scsi_get_lun(const uint8_t *data, uint32_t i)
{
    return get64(data + LIST_HEADER + (size_t)i * LIST_ENTRY);
}

size_t scsi_put_luns(uint8_t *out, size_t size, const uint64_t *luns, uint32_t count)
{
    struct writer w = writer_over(out, size);
    write32(&w, count * LIST_ENTRY);
    write32(&w, 0);
    for (uint32_t i = 0; i < count; i++)
        write64(&w, luns[i]);
    return w.ok ? writer_len(&w) : 0;
}
