/* SPDX-License-Identifier: MIT */
/* A task for each command: SPC-4, SBC-3 and MMC say where its fields are. */
#include <string.h>
#include "bytes.h"
#include "parts.h"

/* A flag at a bit; fields of more than one are cut to size. */
static uint8_t flag(int value, int bit)
{
    return (uint8_t)(value ? 1 << bit : 0);
}

static uint8_t field(int value, int low, int size)
{
    return (uint8_t)((value & ((1 << size) - 1)) << low);
}

static struct scsi_task *none(const uint8_t *cdb, int size)
{
    return task_new(cdb, size, SCSI_XFER_NONE, 0);
}

/* What cannot be expressed has no task: nobody gets another length than the one that was asked for. */
static struct scsi_task *in(const uint8_t *cdb, int size, uint32_t length)
{
    return task_new(cdb, size, length ? SCSI_XFER_READ : SCSI_XFER_NONE, length);
}

static struct scsi_task *out(const uint8_t *cdb, int size, uint32_t length)
{
    return task_new(cdb, size, length ? SCSI_XFER_WRITE : SCSI_XFER_NONE, length);
}

/* --- blocks --- */

/* What the commands about a range of blocks have in common. */
struct blocks {
    uint8_t op;
    int size;      /* of the CDB */
    uint8_t flags; /* byte 1 */
    uint64_t lba;
    uint32_t count;
    int group;
};

static uint32_t count_of(uint32_t xferlen, int blocksize)
{
    return blocksize > 0 ? xferlen / (uint32_t)blocksize : 0;
}

static void put_blocks(uint8_t cdb[SCSI_CDB_MAX_SIZE], const struct blocks *b)
{
    memset(cdb, 0, SCSI_CDB_MAX_SIZE);
    cdb[0] = b->op;
    cdb[1] = b->flags;
    if (b->size == 16) {
        put64(cdb + 2, b->lba);
        put32(cdb + 10, b->count);
        cdb[14] = field(b->group, 0, 5);
        return;
    }
    put32(cdb + 2, (uint32_t)b->lba);
    if (b->size == 12) {
        put32(cdb + 6, b->count);
        cdb[10] = field(b->group, 0, 5);
    } else {
        cdb[6] = field(b->group, 0, 5);
        put16(cdb + 7, (uint16_t)b->count);
    }
}

static struct scsi_task *move(const struct blocks *b, int direction, uint32_t xferlen)
{
    uint8_t cdb[SCSI_CDB_MAX_SIZE];
    put_blocks(cdb, b);
    return direction == SCSI_XFER_READ ? in(cdb, b->size, xferlen) : out(cdb, b->size, xferlen);
}

static uint8_t rw_flags(int protect, int dpo, int fua, int fua_nv)
{
    return (uint8_t)(field(protect, 5, 3) | flag(dpo, 4) | flag(fua, 3) | flag(fua_nv, 1));
}

static uint8_t verify_flags(int protect, int dpo, int bytchk)
{
    return (uint8_t)(field(protect, 5, 3) | flag(dpo, 4) | flag(bytchk, 1));
}

API struct scsi_task *scsi_cdb_read6(uint32_t lba, uint32_t xferlen, int blocksize)
{
    uint32_t count = count_of(xferlen, blocksize);
    uint8_t cdb[6] = {SCSI_OPCODE_READ6, (uint8_t)(lba >> 16 & 0x1f), (uint8_t)(lba >> 8), (uint8_t)lba,
                      (uint8_t)count};
    return count <= 256 ? in(cdb, 6, xferlen) : NULL;
}

#define MOVE(name, opcode, cdb_size, lba_type, way)                                                          \
    API struct scsi_task *scsi_cdb_##name(lba_type lba, uint32_t xferlen, int blocksize, int protect,        \
                                          int dpo, int fua, int fua_nv, int group_number)                    \
    {                                                                                                        \
        const struct blocks b = {.op = (opcode),                                                             \
                                 .size = (cdb_size),                                                         \
                                 .flags = rw_flags(protect, dpo, fua, fua_nv),                               \
                                 .lba = lba,                                                                 \
                                 .count = count_of(xferlen, blocksize),                                      \
                                 .group = group_number};                                                     \
        return move(&b, (way), xferlen);                                                                     \
    }

MOVE(read10, SCSI_OPCODE_READ10, 10, uint32_t, SCSI_XFER_READ)
MOVE(read12, SCSI_OPCODE_READ12, 12, uint32_t, SCSI_XFER_READ)
MOVE(read16, SCSI_OPCODE_READ16, 16, uint64_t, SCSI_XFER_READ)
MOVE(write10, SCSI_OPCODE_WRITE10, 10, uint32_t, SCSI_XFER_WRITE)
MOVE(write12, SCSI_OPCODE_WRITE12, 12, uint32_t, SCSI_XFER_WRITE)
MOVE(write16, SCSI_OPCODE_WRITE16, 16, uint64_t, SCSI_XFER_WRITE)
MOVE(orwrite, SCSI_OPCODE_ORWRITE, 16, uint64_t, SCSI_XFER_WRITE)

/* Half of the data is compared, the other half written: one byte counts the blocks of a half. */
API struct scsi_task *scsi_cdb_compareandwrite(uint64_t lba, uint32_t xferlen, int blocksize, int wrprotect,
                                               int dpo, int fua, int fua_nv, int group_number)
{
    const struct blocks b = {.op = SCSI_OPCODE_COMPARE_AND_WRITE,
                             .size = 16,
                             .flags = rw_flags(wrprotect, dpo, fua, fua_nv),
                             .lba = lba,
                             .count = count_of(xferlen, blocksize) / 2 & 0xff,
                             .group = group_number};
    return move(&b, SCSI_XFER_WRITE, xferlen);
}

/* SBC-4: the boundary in 10 and 11, the length in 12 and 13 */
API struct scsi_task *scsi_cdb_writeatomic16(uint64_t lba, uint32_t xferlen, int blocksize, int wrprotect,
                                             int dpo, int fua, int group_number)
{
    const struct blocks b = {.op = SCSI_OPCODE_WRITE_ATOMIC16,
                             .size = 16,
                             .flags = rw_flags(wrprotect, dpo, fua, 0),
                             .lba = lba,
                             .count = count_of(xferlen, blocksize) & 0xffff,
                             .group = group_number};
    return move(&b, SCSI_XFER_WRITE, xferlen);
}

#define WRITE_VERIFY(name, opcode, cdb_size, lba_type)                                                       \
    API struct scsi_task *scsi_cdb_##name(lba_type lba, uint32_t xferlen, int blocksize, int wrprotect,      \
                                          int dpo, int bytchk, int group_number)                             \
    {                                                                                                        \
        const struct blocks b = {.op = (opcode),                                                             \
                                 .size = (cdb_size),                                                         \
                                 .flags = verify_flags(wrprotect, dpo, bytchk),                              \
                                 .lba = lba,                                                                 \
                                 .count = count_of(xferlen, blocksize),                                      \
                                 .group = group_number};                                                     \
        return move(&b, SCSI_XFER_WRITE, xferlen);                                                           \
    }

WRITE_VERIFY(writeverify10, SCSI_OPCODE_WRITE_VERIFY10, 10, uint32_t)
WRITE_VERIFY(writeverify12, SCSI_OPCODE_WRITE_VERIFY12, 12, uint32_t)
WRITE_VERIFY(writeverify16, SCSI_OPCODE_WRITE_VERIFY16, 16, uint64_t)

#define VERIFY(name, opcode, cdb_size, lba_type)                                                             \
    API struct scsi_task *scsi_cdb_##name(lba_type lba, uint32_t xferlen, int vprotect, int dpo, int bytchk, \
                                          int blocksize)                                                     \
    {                                                                                                        \
        const struct blocks b = {.op = (opcode),                                                             \
                                 .size = (cdb_size),                                                         \
                                 .flags = verify_flags(vprotect, dpo, bytchk),                               \
                                 .lba = lba,                                                                 \
                                 .count = count_of(xferlen, blocksize)};                                     \
        return move(&b, SCSI_XFER_WRITE, bytchk ? xferlen : 0);                                              \
    }

VERIFY(verify10, SCSI_OPCODE_VERIFY10, 10, uint32_t)
VERIFY(verify12, SCSI_OPCODE_VERIFY12, 12, uint32_t)
VERIFY(verify16, SCSI_OPCODE_VERIFY16, 16, uint64_t)

API struct scsi_task *scsi_cdb_writesame10(int wrprotect, int anchor, int unmap, uint32_t lba, int group,
                                           uint16_t num_blocks, uint32_t datalen)
{
    const struct blocks b = {.op = SCSI_OPCODE_WRITE_SAME10,
                             .size = 10,
                             .flags = field(wrprotect, 5, 3) | flag(anchor, 4) | flag(unmap, 3),
                             .lba = lba,
                             .count = num_blocks,
                             .group = group};
    return move(&b, SCSI_XFER_WRITE, datalen);
}

/* Without data: NDOB */
API struct scsi_task *scsi_cdb_writesame16(int wrprotect, int anchor, int unmap, uint64_t lba, int group,
                                           uint32_t num_blocks, uint32_t datalen)
{
    const struct blocks b = {.op = SCSI_OPCODE_WRITE_SAME16,
                             .size = 16,
                             .flags = field(wrprotect, 5, 3) | flag(anchor, 4) | flag(unmap, 3) |
                                      flag(datalen == 0, 0),
                             .lba = lba,
                             .count = num_blocks,
                             .group = group};
    return move(&b, SCSI_XFER_WRITE, datalen);
}

/* Nothing is moved: caches are emptied, or filled. */
static struct scsi_task *cache(uint8_t op, int size, uint8_t flags, uint64_t lba, uint32_t count, int group)
{
    const struct blocks b = {op, size, flags, lba, count, group};
    return move(&b, SCSI_XFER_WRITE, 0);
}

API struct scsi_task *scsi_cdb_synchronizecache10(int lba, int num_blocks, int syncnv, int immed)
{
    return cache(SCSI_OPCODE_SYNCHRONIZECACHE10, 10, flag(syncnv, 2) | flag(immed, 1), (uint32_t)lba,
                 (uint32_t)num_blocks, 0);
}

API struct scsi_task *scsi_cdb_synchronizecache16(uint64_t lba, uint32_t num_blocks, int syncnv, int immed)
{
    return cache(SCSI_OPCODE_SYNCHRONIZECACHE16, 16, flag(syncnv, 2) | flag(immed, 1), lba, num_blocks, 0);
}

API struct scsi_task *scsi_cdb_prefetch10(uint32_t lba, int num_blocks, int immed, int group)
{
    return cache(SCSI_OPCODE_PREFETCH10, 10, flag(immed, 1), lba, (uint32_t)num_blocks, group);
}

API struct scsi_task *scsi_cdb_prefetch16(uint64_t lba, int num_blocks, int immed, int group)
{
    return cache(SCSI_OPCODE_PREFETCH16, 16, flag(immed, 1), lba, (uint32_t)num_blocks, group);
}

API struct scsi_task *scsi_cdb_unmap(int anchor, int group, uint16_t xferlen)
{
    uint8_t cdb[10] = {SCSI_OPCODE_UNMAP, flag(anchor, 0)};
    cdb[6] = field(group, 0, 5);
    put16(cdb + 7, xferlen);
    return out(cdb, 10, xferlen);
}

/* --- what there is --- */

API struct scsi_task *scsi_cdb_testunitready(void)
{
    return none((const uint8_t[6]){SCSI_OPCODE_TESTUNITREADY}, 6);
}

API struct scsi_task *scsi_cdb_inquiry(int evpd, int page_code, int alloc_len)
{
    uint8_t cdb[6] = {SCSI_OPCODE_INQUIRY, flag(evpd, 0), (uint8_t)page_code};
    put16(cdb + 3, (uint16_t)alloc_len);
    return in(cdb, 6, (uint32_t)alloc_len);
}

API struct scsi_task *scsi_reportluns_cdb(int report_type, int alloc_len)
{
    uint8_t cdb[12] = {SCSI_OPCODE_REPORTLUNS, 0, (uint8_t)report_type};
    put32(cdb + 6, (uint32_t)alloc_len);
    return in(cdb, 12, (uint32_t)alloc_len);
}

API struct scsi_task *scsi_cdb_readcapacity10(int lba, int pmi)
{
    uint8_t cdb[10] = {SCSI_OPCODE_READCAPACITY10};
    put32(cdb + 2, (uint32_t)lba);
    cdb[8] = flag(pmi, 0);
    return in(cdb, 10, 8);
}

API struct scsi_task *scsi_cdb_serviceactionin16(enum scsi_service_action_in sa, uint32_t xferlen)
{
    uint8_t cdb[16] = {SCSI_OPCODE_SERVICE_ACTION_IN, (uint8_t)sa};
    put32(cdb + 10, xferlen);
    return in(cdb, 16, xferlen);
}

API struct scsi_task *scsi_cdb_readcapacity16(void)
{
    return scsi_cdb_serviceactionin16(SCSI_READCAPACITY16, 32);
}

API struct scsi_task *scsi_cdb_get_lba_status(uint64_t starting_lba, uint32_t alloc_len)
{
    uint8_t cdb[16] = {SCSI_OPCODE_SERVICE_ACTION_IN, SCSI_GET_LBA_STATUS};
    put64(cdb + 2, starting_lba);
    put32(cdb + 10, alloc_len);
    return in(cdb, 16, alloc_len);
}

API struct scsi_task *scsi_cdb_report_supported_opcodes(int rctd, int options, enum scsi_opcode opcode,
                                                        int sa, uint32_t alloc_len)
{
    uint8_t cdb[12] = {SCSI_OPCODE_MAINTENANCE_IN, SCSI_REPORT_SUPPORTED_OP_CODES};
    cdb[2] = field(options, 0, 3) | flag(rctd, 7);
    cdb[3] = (uint8_t)opcode;
    put16(cdb + 4, (uint16_t)sa);
    put32(cdb + 6, alloc_len);
    return in(cdb, 12, alloc_len);
}

API struct scsi_task *scsi_cdb_readdefectdata10(int req_plist, int req_glist, int defect_list_format,
                                                uint16_t alloc_len)
{
    uint8_t cdb[10] = {SCSI_OPCODE_READ_DEFECT_DATA10};
    cdb[2] = flag(req_plist, 4) | flag(req_glist, 3) | field(defect_list_format, 0, 3);
    put16(cdb + 7, alloc_len);
    return in(cdb, 10, alloc_len);
}

API struct scsi_task *scsi_cdb_readdefectdata12(int req_plist, int req_glist, int defect_list_format,
                                                uint32_t address_descriptor_index, uint32_t alloc_len)
{
    uint8_t cdb[12] = {SCSI_OPCODE_READ_DEFECT_DATA12};
    cdb[1] = flag(req_plist, 4) | flag(req_glist, 3) | field(defect_list_format, 0, 3);
    put32(cdb + 2, address_descriptor_index);
    put32(cdb + 6, alloc_len);
    return in(cdb, 12, alloc_len);
}

API struct scsi_task *scsi_cdb_readtoc(int msf, int format, int track_session, uint16_t alloc_len)
{
    uint8_t cdb[10] = {SCSI_OPCODE_READTOC, flag(msf, 1), field(format, 0, 4)};
    if (format == SCSI_READ_TOC || format == SCSI_READ_FULL_TOC)
        cdb[6] = (uint8_t)track_session;
    put16(cdb + 7, alloc_len);
    return in(cdb, 10, alloc_len);
}

/* --- modes and states --- */

API struct scsi_task *scsi_cdb_modesense6(int dbd, enum scsi_modesense_page_control pc,
                                          enum scsi_modesense_page_code page_code, int sub_page_code,
                                          unsigned char alloc_len)
{
    uint8_t cdb[6] = {SCSI_OPCODE_MODESENSE6, flag(dbd, 3),
                      (uint8_t)(field((int)pc, 6, 2) | field((int)page_code, 0, 6)), (uint8_t)sub_page_code,
                      alloc_len};
    return in(cdb, 6, alloc_len);
}

API struct scsi_task *scsi_cdb_modesense10(int llbaa, int dbd, enum scsi_modesense_page_control pc,
                                           enum scsi_modesense_page_code page_code, int sub_page_code,
                                           unsigned char alloc_len)
{
    uint8_t cdb[10] = {SCSI_OPCODE_MODESENSE10, (uint8_t)(flag(llbaa, 4) | flag(dbd, 3)),
                       (uint8_t)(field((int)pc, 6, 2) | field((int)page_code, 0, 6)), (uint8_t)sub_page_code};
    put16(cdb + 7, alloc_len);
    return in(cdb, 10, alloc_len);
}

API struct scsi_task *scsi_cdb_modeselect6(int pf, int sp, int param_len)
{
    uint8_t cdb[6] = {SCSI_OPCODE_MODESELECT6, (uint8_t)(flag(pf, 4) | flag(sp, 0)), 0, 0,
                      (uint8_t)param_len};
    return out(cdb, 6, (uint32_t)param_len);
}

API struct scsi_task *scsi_cdb_modeselect10(int pf, int sp, int param_len)
{
    uint8_t cdb[10] = {SCSI_OPCODE_MODESELECT10, (uint8_t)(flag(pf, 4) | flag(sp, 0))};
    put16(cdb + 7, (uint16_t)param_len);
    return out(cdb, 10, (uint32_t)param_len);
}

API struct scsi_task *scsi_cdb_startstopunit(int immed, int pcm, int pc, int no_flush, int loej, int start)
{
    uint8_t cdb[6] = {SCSI_OPCODE_STARTSTOPUNIT, flag(immed, 0)};
    cdb[3] = field(pcm, 0, 4);
    cdb[4] = field(pc, 4, 4) | flag(no_flush, 2) | flag(loej, 1) | flag(start, 0);
    return none(cdb, 6);
}

API struct scsi_task *scsi_cdb_preventallow(int prevent)
{
    uint8_t cdb[6] = {SCSI_OPCODE_PREVENTALLOW, 0, 0, 0, field(prevent, 0, 2)};
    return none(cdb, 6);
}

API struct scsi_task *scsi_cdb_sanitize(int immed, int ause, int sa, int param_len)
{
    uint8_t cdb[10] = {SCSI_OPCODE_SANITIZE, (uint8_t)(flag(immed, 7) | flag(ause, 5) | field(sa, 0, 5))};
    put16(cdb + 7, (uint16_t)param_len);
    return out(cdb, 10, (uint32_t)param_len);
}

/* --- reservations --- */

API struct scsi_task *scsi_cdb_reserve6(void)
{
    return none((const uint8_t[6]){SCSI_OPCODE_RESERVE6}, 6);
}

API struct scsi_task *scsi_cdb_release6(void)
{
    return none((const uint8_t[6]){SCSI_OPCODE_RELEASE6}, 6);
}

API struct scsi_task *scsi_cdb_persistent_reserve_in(enum scsi_persistent_in_sa sa, uint16_t xferlen)
{
    uint8_t cdb[10] = {SCSI_OPCODE_PERSISTENT_RESERVE_IN, field((int)sa, 0, 5)};
    put16(cdb + 7, xferlen);
    return in(cdb, 10, xferlen);
}

static void put_reservation(uint8_t *list, const struct scsi_persistent_reserve_out_basic *p)
{
    put64(list, p->reservation_key);
    put64(list + 8, p->service_action_reservation_key);
    list[20] = flag(p->spec_i_pt, 3) | flag(p->all_tg_pt, 2) | flag(p->aptpl, 0);
}

/* REGISTER AND MOVE has a parameter list of another shape, which this interface cannot say. */
API struct scsi_task *scsi_cdb_persistent_reserve_out(enum scsi_persistent_out_sa sa,
                                                      enum scsi_persistent_out_scope scope,
                                                      enum scsi_persistent_out_type type, void *params)
{
    enum { LIST = 24 };
    uint8_t cdb[10] = {SCSI_OPCODE_PERSISTENT_RESERVE_OUT, field((int)sa, 0, 5),
                       (uint8_t)(field((int)scope, 4, 4) | field((int)type, 0, 4))};
    if (sa == SCSI_PERSISTENT_RESERVE_REGISTER_AND_MOVE || !params)
        return NULL;
    put32(cdb + 5, LIST);
    struct scsi_task *task = out(cdb, 10, LIST);
    struct scsi_iovec *iov = task ? scsi_malloc(task, sizeof *iov + LIST) : NULL;
    if (!iov) {
        scsi_free_scsi_task(task);
        return NULL;
    }
    *iov = (struct scsi_iovec){iov + 1, LIST};
    put_reservation(iov->iov_base, params);
    scsi_task_set_iov_out(task, iov, 1);
    return task;
}

/* --- copies --- */

API struct scsi_task *scsi_cdb_extended_copy(int param_len)
{
    uint8_t cdb[16] = {SCSI_OPCODE_EXTENDED_COPY};
    put32(cdb + 10, (uint32_t)param_len);
    return out(cdb, 16, (uint32_t)param_len);
}

API struct scsi_task *scsi_cdb_receive_copy_results(enum scsi_copy_results_sa sa, int list_id, int xferlen)
{
    uint8_t cdb[16] = {SCSI_OPCODE_RECEIVE_COPY_RESULTS, field((int)sa, 0, 5), (uint8_t)list_id};
    put32(cdb + 10, (uint32_t)xferlen);
    return in(cdb, 16, (uint32_t)xferlen);
}

/* --- numbers --- */

API uint64_t scsi_get_uint64(const unsigned char *c)
{
    return get64(c);
}

API uint32_t scsi_get_uint32(const unsigned char *c)
{
    return get32(c);
}

API uint16_t scsi_get_uint16(const unsigned char *c)
{
    return get16(c);
}

API void scsi_set_uint64(unsigned char *c, uint64_t val)
{
    put64(c, val);
}

API void scsi_set_uint32(unsigned char *c, uint32_t val)
{
    put32(c, val);
}

API void scsi_set_uint16(unsigned char *c, uint16_t val)
{
    put16(c, val);
}
