/* SPDX-License-Identifier: MIT */
/* A task's CDB as a structure. */
#include "bytes.h"
#include "parts.h"

static void *read_6(struct scsi_task *task, const uint8_t *c)
{
    struct scsi_read6_cdb *r = scsi_malloc(task, sizeof *r);
    if (!r)
        return NULL;
    r->opcode = SCSI_OPCODE_READ6;
    r->lba = (uint32_t)(c[1] & 0x1f) << 16 | get16(c + 2);
    r->transfer_length = c[4] ? c[4] : 256;
    r->control = c[5];
    return r;
}

#define HEAD(r, c, opcode_, protect)                                                                         \
    (r)->opcode = (opcode_);                                                                                 \
    (r)->protect = (uint8_t)((c)[1] >> 5 & 7);                                                               \
    (r)->dpo = (uint8_t)((c)[1] >> 4 & 1)
#define FUA(r, c)                                                                                            \
    (r)->fua = (uint8_t)((c)[1] >> 3 & 1);                                                                   \
    (r)->fua_nv = (uint8_t)((c)[1] >> 1 & 1)
#define RARC(r, c)   (r)->rarc = (uint8_t)((c)[1] >> 2 & 1)
#define BYTCHK(r, c) (r)->bytchk = (uint8_t)((c)[1] >> 1 & 1)
#define NOTHING(r, c)
#define TAIL_10(r, c, length)                                                                                \
    (r)->lba = get32((c) + 2);                                                                               \
    (r)->group = (c)[6] & 0x1f;                                                                              \
    (r)->length = get16((c) + 7);                                                                            \
    (r)->control = (c)[9]
#define TAIL_12(r, c, length)                                                                                \
    (r)->lba = get32((c) + 2);                                                                               \
    (r)->length = get32((c) + 6);                                                                            \
    (r)->group = (c)[10] & 0x1f;                                                                             \
    (r)->control = (c)[11]
/* The header has 32 bits for the LBA of WRITE(16). */
#define TAIL_16(r, c, length)                                                                                \
    (r)->lba = (__typeof__((r)->lba))get64((c) + 2);                                                         \
    (r)->length = get32((c) + 10);                                                                           \
    (r)->group = (c)[14] & 0x1f;                                                                             \
    (r)->control = (c)[15]

#define DECODE(name, type, opcode_, protect, flags, more, tail, length)                                      \
    static void *name(struct scsi_task *task, const uint8_t *c)                                              \
    {                                                                                                        \
        struct type *r = scsi_malloc(task, sizeof *r);                                                       \
        if (!r)                                                                                              \
            return NULL;                                                                                     \
        HEAD(r, c, opcode_, protect);                                                                        \
        flags(r, c);                                                                                         \
        more(r, c);                                                                                          \
        tail(r, c, length);                                                                                  \
        return r;                                                                                            \
    }

DECODE(read_10, scsi_read10_cdb, SCSI_OPCODE_READ10, rdprotect, FUA, NOTHING, TAIL_10, transfer_length)
DECODE(read_12, scsi_read12_cdb, SCSI_OPCODE_READ12, rdprotect, FUA, RARC, TAIL_12, transfer_length)
DECODE(read_16, scsi_read16_cdb, SCSI_OPCODE_READ16, rdprotect, FUA, RARC, TAIL_16, transfer_length)
DECODE(verify_10, scsi_verify10_cdb, SCSI_OPCODE_VERIFY10, vrprotect, BYTCHK, NOTHING, TAIL_10,
       verification_length)
DECODE(verify_12, scsi_verify12_cdb, SCSI_OPCODE_VERIFY12, vrprotect, BYTCHK, NOTHING, TAIL_12,
       verification_length)
DECODE(verify_16, scsi_verify16_cdb, SCSI_OPCODE_VERIFY16, vrprotect, BYTCHK, NOTHING, TAIL_16,
       verification_length)
DECODE(write_10, scsi_write10_cdb, SCSI_OPCODE_WRITE10, wrprotect, FUA, NOTHING, TAIL_10, transfer_length)
DECODE(write_12, scsi_write12_cdb, SCSI_OPCODE_WRITE12, wrprotect, FUA, NOTHING, TAIL_12, transfer_length)
DECODE(write_16, scsi_write16_cdb, SCSI_OPCODE_WRITE16, wrprotect, FUA, NOTHING, TAIL_16, transfer_length)

static const struct {
    enum scsi_opcode op;
    void *(*decode)(struct scsi_task *task, const uint8_t *cdb);
} rows[] = {
    {SCSI_OPCODE_READ6, read_6},       {SCSI_OPCODE_READ10, read_10},     {SCSI_OPCODE_READ12, read_12},
    {SCSI_OPCODE_READ16, read_16},     {SCSI_OPCODE_VERIFY10, verify_10}, {SCSI_OPCODE_VERIFY12, verify_12},
    {SCSI_OPCODE_VERIFY16, verify_16}, {SCSI_OPCODE_WRITE10, write_10},   {SCSI_OPCODE_WRITE12, write_12},
    {SCSI_OPCODE_WRITE16, write_16},
};

API void *scsi_cdb_unmarshall(struct scsi_task *task, enum scsi_opcode opcode)
{
    if (task->cdb[0] != (uint8_t)opcode)
        return NULL;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].op == opcode)
            return rows[i].decode(task, task->cdb);
    return NULL;
}
