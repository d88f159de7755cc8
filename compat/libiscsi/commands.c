/* SPDX-License-Identifier: MIT */
/* A function for each command, and one that waits for it: build the CDB, say where the data is, send. */
#include <stdlib.h>
#include <string.h>
#include "bytes.h"
#include "parts.h"

/* Where the data is: flat, or in pieces, or nowhere yet. */
struct place {
    unsigned char *data;
    uint32_t len;
    struct scsi_iovec *iov;
    int count;
};

/* Who is to hear of it. */
struct listener {
    iscsi_command_cb cb;
    void *private_data;
};

static struct scsi_task *send_task(struct iscsi_context *iscsi, int lun, struct scsi_task *task,
                                   const struct place *at, struct listener who)
{
    struct iscsi_data flat = {.size = at ? at->len : 0, .data = at ? at->data : NULL};
    if (!task) {
        say(iscsi, "no memory for the command, or its arguments do not fit its CDB");
        return NULL;
    }
    if (at && at->iov && task->xfer_dir == SCSI_XFER_READ)
        scsi_task_set_iov_in(task, at->iov, at->count);
    else if (at && at->iov)
        scsi_task_set_iov_out(task, at->iov, at->count);
    if (iscsi_scsi_command_async(iscsi, lun, task, who.cb, flat.data ? &flat : NULL, who.private_data) == 0)
        return task;
    scsi_free_scsi_task(task);
    return NULL;
}

static struct scsi_task *wait_for(struct iscsi_context *iscsi, struct scsi_task *task, struct answer *answer)
{
    if (task)
        answer_wait(iscsi, answer);
    return answer->done ? task : NULL;
}

static bool whole(struct iscsi_context *iscsi, uint32_t datalen, int blocksize)
{
    if (blocksize > 0 && datalen % (uint32_t)blocksize == 0)
        return true;
    say(iscsi, "the length of the data is no multiple of the block size");
    return false;
}

#define LISTENER                                                                                             \
    (struct listener)                                                                                        \
    {                                                                                                        \
        cb, private_data                                                                                     \
    }
#define WAIT(call)                                                                                           \
    struct answer answer = {.done = false};                                                                  \
    return wait_for(iscsi, call, &answer)
#define AND_HEAR    answer_cb, &answer
#define ASYNC       iscsi_command_cb cb, void *private_data
#define PIECES      struct scsi_iovec *iov, int niov
#define BLOCKS(lba) struct iscsi_context *iscsi, int lun, lba, uint32_t datalen, int blocksize
#define SOURCE(lba)                                                                                          \
    struct iscsi_context *iscsi, int lun, lba, unsigned char *data, uint32_t datalen, int blocksize

/* --- reading blocks --- */

#define READING(name, lba_type)                                                                              \
    static struct scsi_task *name(BLOCKS(lba_type lba), const uint8_t f[5], const struct place *at,          \
                                  struct listener who)                                                       \
    {                                                                                                        \
        if (!whole(iscsi, datalen, blocksize))                                                               \
            return NULL;                                                                                     \
        return send_task(iscsi, lun, scsi_cdb_##name(lba, datalen, blocksize, f[0], f[1], f[2], f[3], f[4]), \
                         at, who);                                                                           \
    }                                                                                                        \
    API struct scsi_task *iscsi_##name##_iov_task(BLOCKS(lba_type lba), FLAGS(rdprotect), ASYNC, PIECES)     \
    {                                                                                                        \
        const struct place at = {.iov = iov, .count = niov};                                                 \
        return name(iscsi, lun, lba, datalen, blocksize, FIVE(rdprotect), &at, LISTENER);                    \
    }                                                                                                        \
    API struct scsi_task *iscsi_##name##_task(BLOCKS(lba_type lba), FLAGS(rdprotect), ASYNC)                 \
    {                                                                                                        \
        return name(iscsi, lun, lba, datalen, blocksize, FIVE(rdprotect), NULL, LISTENER);                   \
    }                                                                                                        \
    API struct scsi_task *iscsi_##name##_iov_sync(BLOCKS(lba_type lba), FLAGS(rdprotect), PIECES)            \
    {                                                                                                        \
        WAIT(iscsi_##name##_iov_task(iscsi, lun, lba, datalen, blocksize, GIVEN(rdprotect), AND_HEAR, iov,   \
                                     niov));                                                                 \
    }                                                                                                        \
    API struct scsi_task *iscsi_##name##_sync(BLOCKS(lba_type lba), FLAGS(rdprotect))                        \
    {                                                                                                        \
        WAIT(iscsi_##name##_task(iscsi, lun, lba, datalen, blocksize, GIVEN(rdprotect), AND_HEAR));          \
    }

#define FLAGS(protect) int protect, int dpo, int fua, int fua_nv, int group_number
#define GIVEN(protect) protect, dpo, fua, fua_nv, group_number
#define BYTE(value)    (uint8_t)((value)&0xff)
#define TRUTH(value)   (uint8_t)((value) != 0)
#define FIVE(protect)                                                                                        \
    (const uint8_t[5])                                                                                       \
    {                                                                                                        \
        BYTE(protect), TRUTH(dpo), TRUTH(fua), TRUTH(fua_nv), BYTE(group_number)                             \
    }

READING(read10, uint32_t);
READING(read12, uint32_t);
READING(read16, uint64_t);

API struct scsi_task *iscsi_read6_iov_task(BLOCKS(uint32_t lba), ASYNC, PIECES)
{
    const struct place at = {.iov = iov, .count = niov};
    if (!whole(iscsi, datalen, blocksize))
        return NULL;
    return send_task(iscsi, lun, scsi_cdb_read6(lba, datalen, blocksize), &at, LISTENER);
}

API struct scsi_task *iscsi_read6_task(BLOCKS(uint32_t lba), ASYNC)
{
    return iscsi_read6_iov_task(iscsi, lun, lba, datalen, blocksize, cb, private_data, NULL, 0);
}

API struct scsi_task *iscsi_read6_iov_sync(BLOCKS(uint32_t lba), PIECES)
{
    WAIT(iscsi_read6_iov_task(iscsi, lun, lba, datalen, blocksize, AND_HEAR, iov, niov));
}

API struct scsi_task *iscsi_read6_sync(BLOCKS(uint32_t lba))
{
    WAIT(iscsi_read6_task(iscsi, lun, lba, datalen, blocksize, AND_HEAR));
}

/* --- writing blocks --- */

/* `flags` are parameters, `given` the same as arguments. */
#define WRITING(name, lba_type, flags, given)                                                                \
    static struct scsi_task *name(SOURCE(lba_type lba), flags, PIECES, struct listener who)                  \
    {                                                                                                        \
        const struct place at = {data, datalen, iov, niov};                                                  \
        if (!whole(iscsi, datalen, blocksize))                                                               \
            return NULL;                                                                                     \
        return send_task(iscsi, lun, scsi_cdb_##name(lba, datalen, blocksize, given), &at, who);             \
    }                                                                                                        \
    API struct scsi_task *iscsi_##name##_iov_task(SOURCE(lba_type lba), flags, ASYNC, PIECES)                \
    {                                                                                                        \
        (void)data; /* the pieces are the data */                                                            \
        return name(iscsi, lun, lba, NULL, datalen, blocksize, given, iov, niov, LISTENER);                  \
    }                                                                                                        \
    API struct scsi_task *iscsi_##name##_task(SOURCE(lba_type lba), flags, ASYNC)                            \
    {                                                                                                        \
        return name(iscsi, lun, lba, data, datalen, blocksize, given, NULL, 0, LISTENER);                    \
    }                                                                                                        \
    API struct scsi_task *iscsi_##name##_iov_sync(SOURCE(lba_type lba), flags, PIECES)                       \
    {                                                                                                        \
        WAIT(                                                                                                \
            iscsi_##name##_iov_task(iscsi, lun, lba, data, datalen, blocksize, given, AND_HEAR, iov, niov)); \
    }                                                                                                        \
    API struct scsi_task *iscsi_##name##_sync(SOURCE(lba_type lba), flags)                                   \
    {                                                                                                        \
        WAIT(iscsi_##name##_task(iscsi, lun, lba, data, datalen, blocksize, given, AND_HEAR));               \
    }

#define COMMA        ,
#define FUA_FLAGS    int wrprotect COMMA int dpo COMMA int fua COMMA int fua_nv COMMA int group_number
#define FUA_GIVEN    wrprotect COMMA dpo COMMA fua COMMA fua_nv COMMA group_number
#define BYTCHK_FLAGS int wrprotect COMMA int dpo COMMA int bytchk COMMA int group_number
#define BYTCHK_GIVEN wrprotect COMMA dpo COMMA bytchk COMMA group_number
#define ATOMIC_FLAGS int wrprotect COMMA int dpo COMMA int fua COMMA int group_number
#define ATOMIC_GIVEN wrprotect COMMA dpo COMMA fua COMMA group_number

WRITING(write10, uint32_t, FUA_FLAGS, FUA_GIVEN);
WRITING(write12, uint32_t, FUA_FLAGS, FUA_GIVEN);
WRITING(write16, uint64_t, FUA_FLAGS, FUA_GIVEN);
WRITING(orwrite, uint64_t, FUA_FLAGS, FUA_GIVEN);
WRITING(compareandwrite, uint64_t, FUA_FLAGS, FUA_GIVEN);
WRITING(writeverify10, uint32_t, BYTCHK_FLAGS, BYTCHK_GIVEN);
WRITING(writeverify12, uint32_t, BYTCHK_FLAGS, BYTCHK_GIVEN);
WRITING(writeverify16, uint64_t, BYTCHK_FLAGS, BYTCHK_GIVEN);
WRITING(writeatomic16, uint64_t, ATOMIC_FLAGS, ATOMIC_GIVEN);

/* --- comparing them --- */

#define CHECKED(lba)                                                                                         \
    struct iscsi_context *iscsi, int lun, unsigned char *data, uint32_t datalen, lba, int vprotect, int dpo, \
        int bytchk, int blocksize
#define CHECKED_GIVEN iscsi, lun, data, datalen, lba, vprotect, dpo, bytchk, blocksize

#define COMPARING(name, lba_type)                                                                            \
    API struct scsi_task *iscsi_##name##_iov_task(CHECKED(lba_type lba), ASYNC, PIECES)                      \
    {                                                                                                        \
        const struct place at = {iov ? NULL : data, datalen, iov, niov};                                     \
        if (!whole(iscsi, datalen, blocksize))                                                               \
            return NULL;                                                                                     \
        return send_task(iscsi, lun, scsi_cdb_##name(lba, datalen, vprotect, dpo, bytchk, blocksize),        \
                         bytchk ? &at : NULL, LISTENER);                                                     \
    }                                                                                                        \
    API struct scsi_task *iscsi_##name##_task(CHECKED(lba_type lba), ASYNC)                                  \
    {                                                                                                        \
        return iscsi_##name##_iov_task(CHECKED_GIVEN, cb, private_data, NULL, 0);                            \
    }                                                                                                        \
    API struct scsi_task *iscsi_##name##_iov_sync(CHECKED(lba_type lba), PIECES)                             \
    {                                                                                                        \
        WAIT(iscsi_##name##_iov_task(CHECKED_GIVEN, AND_HEAR, iov, niov));                                   \
    }                                                                                                        \
    API struct scsi_task *iscsi_##name##_sync(CHECKED(lba_type lba))                                         \
    {                                                                                                        \
        WAIT(iscsi_##name##_task(CHECKED_GIVEN, AND_HEAR));                                                  \
    }

COMPARING(verify10, uint32_t);
COMPARING(verify12, uint32_t);
COMPARING(verify16, uint64_t);

/* --- writing one block to many --- */

#define ALIKE(lba_type, count_type)                                                                          \
    struct iscsi_context *iscsi, int lun, lba_type lba, unsigned char *data, uint32_t datalen,               \
        count_type num_blocks, int anchor, int unmap, int wrprotect, int group
#define ALIKE_GIVEN iscsi, lun, lba, data, datalen, num_blocks, anchor, unmap, wrprotect, group

#define REPEATING(name, lba_type, count_type)                                                                \
    API struct scsi_task *iscsi_##name##_iov_task(ALIKE(lba_type, count_type), ASYNC, PIECES)                \
    {                                                                                                        \
        const struct place at = {iov ? NULL : data, datalen, iov, niov};                                     \
        return send_task(iscsi, lun,                                                                         \
                         scsi_cdb_##name(wrprotect, anchor, unmap, lba, group, num_blocks, datalen), &at,    \
                         LISTENER);                                                                          \
    }                                                                                                        \
    API struct scsi_task *iscsi_##name##_task(ALIKE(lba_type, count_type), ASYNC)                            \
    {                                                                                                        \
        return iscsi_##name##_iov_task(ALIKE_GIVEN, cb, private_data, NULL, 0);                              \
    }                                                                                                        \
    API struct scsi_task *iscsi_##name##_iov_sync(ALIKE(lba_type, count_type), PIECES)                       \
    {                                                                                                        \
        WAIT(iscsi_##name##_iov_task(ALIKE_GIVEN, AND_HEAR, iov, niov));                                     \
    }                                                                                                        \
    API struct scsi_task *iscsi_##name##_sync(ALIKE(lba_type, count_type))                                   \
    {                                                                                                        \
        WAIT(iscsi_##name##_task(ALIKE_GIVEN, AND_HEAR));                                                    \
    }

REPEATING(writesame10, uint32_t, uint16_t);
REPEATING(writesame16, uint64_t, uint32_t);

/* --- commands without data of the caller's, or whose data is received into memory of the task's --- */

/* `takes` are parameters behind the LUN, `given` the same as arguments, `cdb` the task. */
#define PLAIN(name, takes, given, cdb)                                                                       \
    API struct scsi_task *iscsi_##name##_task(struct iscsi_context *iscsi, int lun, takes, ASYNC)            \
    {                                                                                                        \
        return send_task(iscsi, lun, cdb, NULL, LISTENER);                                                   \
    }                                                                                                        \
    API struct scsi_task *iscsi_##name##_sync(struct iscsi_context *iscsi, int lun, takes)                   \
    {                                                                                                        \
        WAIT(iscsi_##name##_task(iscsi, lun, given, AND_HEAR));                                              \
    }

#define BARE(name, cdb)                                                                                      \
    API struct scsi_task *iscsi_##name##_task(struct iscsi_context *iscsi, int lun, ASYNC)                   \
    {                                                                                                        \
        return send_task(iscsi, lun, cdb, NULL, LISTENER);                                                   \
    }                                                                                                        \
    API struct scsi_task *iscsi_##name##_sync(struct iscsi_context *iscsi, int lun)                          \
    {                                                                                                        \
        WAIT(iscsi_##name##_task(iscsi, lun, AND_HEAR));                                                     \
    }

BARE(testunitready, scsi_cdb_testunitready());
BARE(readcapacity16, scsi_cdb_readcapacity16());
BARE(reserve6, scsi_cdb_reserve6());
BARE(release6, scsi_cdb_release6());

#define INQUIRY_TAKES int evpd COMMA int page_code COMMA int maxsize
#define INQUIRY_GIVEN evpd COMMA page_code COMMA maxsize
PLAIN(inquiry, INQUIRY_TAKES, INQUIRY_GIVEN, scsi_cdb_inquiry(evpd, page_code, maxsize));

#define CAPACITY_TAKES int lba COMMA int pmi
#define CAPACITY_GIVEN lba COMMA pmi
PLAIN(readcapacity10, CAPACITY_TAKES, CAPACITY_GIVEN, scsi_cdb_readcapacity10(lba, pmi));

#define DEFECTS_TAKES int req_plist COMMA int req_glist COMMA int defect_list_format
#define DEFECTS_GIVEN req_plist COMMA req_glist COMMA defect_list_format
#define DEFECTS_10    DEFECTS_TAKES COMMA uint16_t alloc_len
#define DEFECTS_12    DEFECTS_TAKES COMMA uint32_t address_descriptor_index COMMA uint32_t alloc_len
PLAIN(readdefectdata10, DEFECTS_10, DEFECTS_GIVEN COMMA alloc_len,
      scsi_cdb_readdefectdata10(req_plist, req_glist, defect_list_format, alloc_len));
PLAIN(readdefectdata12, DEFECTS_12, DEFECTS_GIVEN COMMA address_descriptor_index COMMA alloc_len,
      scsi_cdb_readdefectdata12(req_plist, req_glist, defect_list_format, address_descriptor_index,
                                alloc_len));

#define STATUS_TAKES uint64_t starting_lba COMMA uint32_t alloc_len
#define STATUS_GIVEN starting_lba COMMA alloc_len
PLAIN(get_lba_status, STATUS_TAKES, STATUS_GIVEN, scsi_cdb_get_lba_status(starting_lba, alloc_len));

#define SYNC_TAKES(lba, count) lba COMMA count COMMA int syncnv COMMA int immed
#define SYNC_GIVEN             lba COMMA num_blocks COMMA syncnv COMMA immed
PLAIN(synchronizecache10, SYNC_TAKES(int lba, int num_blocks), SYNC_GIVEN,
      scsi_cdb_synchronizecache10(lba, num_blocks, syncnv, immed));
PLAIN(synchronizecache16, SYNC_TAKES(uint64_t lba, uint32_t num_blocks), SYNC_GIVEN,
      scsi_cdb_synchronizecache16(lba, num_blocks, syncnv, immed));

#define FETCH_TAKES(lba) lba COMMA int num_blocks COMMA int immed COMMA int group
#define FETCH_GIVEN      lba COMMA num_blocks COMMA immed COMMA group
PLAIN(prefetch10, FETCH_TAKES(uint32_t lba), FETCH_GIVEN, scsi_cdb_prefetch10(lba, num_blocks, immed, group));
PLAIN(prefetch16, FETCH_TAKES(uint64_t lba), FETCH_GIVEN, scsi_cdb_prefetch16(lba, num_blocks, immed, group));

#define START_TAKES int immed COMMA int pcm COMMA int pc COMMA int no_flush COMMA int loej COMMA int start
#define START_GIVEN immed COMMA pcm COMMA pc COMMA no_flush COMMA loej COMMA start
PLAIN(startstopunit, START_TAKES, START_GIVEN, scsi_cdb_startstopunit(immed, pcm, pc, no_flush, loej, start));
PLAIN(preventallow, int prevent, prevent, scsi_cdb_preventallow(prevent));

#define SENSE_TAKES                                                                                          \
    int dbd COMMA int pc COMMA int page_code COMMA int sub_page_code COMMA unsigned char alloc_len
#define SENSE_GIVEN dbd COMMA pc COMMA page_code COMMA sub_page_code COMMA alloc_len
#define PAGE        (enum scsi_modesense_page_control) pc, (enum scsi_modesense_page_code)page_code, sub_page_code
PLAIN(modesense6, SENSE_TAKES, SENSE_GIVEN, scsi_cdb_modesense6(dbd, PAGE, alloc_len));
PLAIN(modesense10, int llbaa COMMA SENSE_TAKES, llbaa COMMA SENSE_GIVEN,
      scsi_cdb_modesense10(llbaa, dbd, PAGE, alloc_len));

PLAIN(persistent_reserve_in, int sa COMMA uint16_t xferlen, sa COMMA xferlen,
      scsi_cdb_persistent_reserve_in((enum scsi_persistent_in_sa)sa, xferlen));

#define RESERVE_TAKES int sa COMMA int scope COMMA int type COMMA void *params
#define RESERVE_GIVEN sa COMMA scope COMMA type COMMA params
PLAIN(persistent_reserve_out, RESERVE_TAKES, RESERVE_GIVEN,
      scsi_cdb_persistent_reserve_out((enum scsi_persistent_out_sa)sa, (enum scsi_persistent_out_scope)scope,
                                      (enum scsi_persistent_out_type)type, params));

#define TOC_TAKES int msf COMMA int format COMMA int track_session COMMA int maxsize
#define TOC_GIVEN msf COMMA format COMMA track_session COMMA maxsize
PLAIN(readtoc, TOC_TAKES, TOC_GIVEN, scsi_cdb_readtoc(msf, format, track_session, (uint16_t)maxsize));

#define OPCODES_TAKES int rctd COMMA int options COMMA int opcode COMMA int sa COMMA uint32_t alloc_len
#define OPCODES_GIVEN rctd COMMA options COMMA opcode COMMA sa COMMA alloc_len
PLAIN(report_supported_opcodes, OPCODES_TAKES, OPCODES_GIVEN,
      scsi_cdb_report_supported_opcodes(rctd, options, (enum scsi_opcode)opcode, sa, alloc_len));

#define RESULTS_TAKES int sa COMMA int list_id COMMA int alloc_len
#define RESULTS_GIVEN sa COMMA list_id COMMA alloc_len
PLAIN(receive_copy_results, RESULTS_TAKES, RESULTS_GIVEN,
      scsi_cdb_receive_copy_results((enum scsi_copy_results_sa)sa, list_id, alloc_len));

#define ERASE_TAKES int immed COMMA int ause
#define ERASE_GIVEN immed COMMA ause
PLAIN(sanitize_block_erase, ERASE_TAKES, ERASE_GIVEN,
      scsi_cdb_sanitize(immed, ause, SCSI_SANITIZE_BLOCK_ERASE, 0));
PLAIN(sanitize_crypto_erase, ERASE_TAKES, ERASE_GIVEN,
      scsi_cdb_sanitize(immed, ause, SCSI_SANITIZE_CRYPTO_ERASE, 0));
PLAIN(sanitize_exit_failure_mode, ERASE_TAKES, ERASE_GIVEN,
      scsi_cdb_sanitize(immed, ause, SCSI_SANITIZE_EXIT_FAILURE_MODE, 0));

/* It is the target that is asked, through any of its LUNs. */
API struct scsi_task *iscsi_reportluns_task(struct iscsi_context *iscsi, int report_type, int alloc_len,
                                            ASYNC)
{
    if (alloc_len < 16) {
        say(iscsi, "REPORT LUNS needs room for 16 bytes at least");
        return NULL;
    }
    return send_task(iscsi, 0, scsi_reportluns_cdb(report_type, alloc_len), NULL, LISTENER);
}

API struct scsi_task *iscsi_reportluns_sync(struct iscsi_context *iscsi, int report_type, int alloc_len)
{
    WAIT(iscsi_reportluns_task(iscsi, report_type, alloc_len, AND_HEAR));
}

/* --- commands with parameters --- */

static struct place place_of(const struct iscsi_data *data)
{
    return (struct place){.data = data ? data->data : NULL, .len = data ? (uint32_t)data->size : 0};
}

API struct scsi_task *iscsi_sanitize_task(struct iscsi_context *iscsi, int lun, int immed, int ause, int sa,
                                          int param_len, struct iscsi_data *data, ASYNC)
{
    const struct place at = place_of(data);
    return send_task(iscsi, lun, scsi_cdb_sanitize(immed, ause, sa, param_len), &at, LISTENER);
}

API struct scsi_task *iscsi_sanitize_sync(struct iscsi_context *iscsi, int lun, int immed, int ause, int sa,
                                          int param_len, struct iscsi_data *data)
{
    WAIT(iscsi_sanitize_task(iscsi, lun, immed, ause, sa, param_len, data, AND_HEAR));
}

API struct scsi_task *iscsi_extended_copy_task(struct iscsi_context *iscsi, int lun,
                                               struct iscsi_data *param_data, ASYNC)
{
    const struct place at = place_of(param_data);
    return send_task(iscsi, lun, scsi_cdb_extended_copy((int)at.len), &at, LISTENER);
}

API struct scsi_task *iscsi_extended_copy_sync(struct iscsi_context *iscsi, int lun,
                                               struct iscsi_data *param_data)
{
    WAIT(iscsi_extended_copy_task(iscsi, lun, param_data, AND_HEAR));
}

/* Parameters that are put together here live as long as the task. */
static unsigned char *parameters(struct scsi_task *task, uint32_t len)
{
    struct scsi_iovec *iov = task ? scsi_malloc(task, sizeof *iov + len) : NULL;
    if (!iov)
        return NULL;
    *iov = (struct scsi_iovec){iov + 1, len};
    scsi_task_set_iov_out(task, iov, 1);
    return iov->iov_base;
}

static struct scsi_task *without(struct iscsi_context *iscsi, struct scsi_task *task)
{
    scsi_free_scsi_task(task);
    say(iscsi, "no memory for the parameters");
    return NULL;
}

API struct scsi_task *iscsi_unmap_task(struct iscsi_context *iscsi, int lun, int anchor, int group,
                                       struct unmap_list *list, int list_len, ASYNC)
{
    enum { HEADER = 8, RANGE = 16, MOST = (UINT16_MAX - HEADER) / RANGE };
    if (list_len < 0 || list_len > MOST) {
        say(iscsi, "UNMAP takes from 0 to %d ranges", MOST);
        return NULL;
    }
    uint16_t len = (uint16_t)(HEADER + RANGE * list_len);
    struct scsi_task *task = scsi_cdb_unmap(anchor, group, len);
    unsigned char *p = parameters(task, len);
    if (!p)
        return without(iscsi, task);
    put16(p, (uint16_t)(len - 2));
    put16(p + 2, (uint16_t)(len - HEADER));
    for (int i = 0; i < list_len; i++) {
        put64(p + HEADER + RANGE * i, list[i].lba);
        put32(p + HEADER + RANGE * i + 8, list[i].num);
    }
    return send_task(iscsi, lun, task, NULL, LISTENER);
}

API struct scsi_task *iscsi_unmap_sync(struct iscsi_context *iscsi, int lun, int anchor, int group,
                                       struct unmap_list *list, int list_len)
{
    WAIT(iscsi_unmap_task(iscsi, lun, anchor, group, list, list_len, AND_HEAR));
}

static struct scsi_task *mode_select(struct iscsi_context *iscsi, int lun, int pf, int sp,
                                     struct scsi_mode_page *mp, bool six, struct listener who)
{
    struct scsi_task *scratch = scsi_cdb_testunitready();
    struct scsi_data *page = scratch ? scsi_modesense_dataout_marshall(scratch, mp, six) : NULL;
    struct scsi_task *task = !page ? NULL
                             : six ? scsi_cdb_modeselect6(pf, sp, page->size)
                                   : scsi_cdb_modeselect10(pf, sp, page->size);
    unsigned char *p = task ? parameters(task, (uint32_t)page->size) : NULL;
    if (p)
        memcpy(p, page->data, (size_t)page->size);
    scsi_free_scsi_task(scratch);
    return p ? send_task(iscsi, lun, task, NULL, who) : without(iscsi, task);
}

API struct scsi_task *iscsi_modeselect6_task(struct iscsi_context *iscsi, int lun, int pf, int sp,
                                             struct scsi_mode_page *mp, ASYNC)
{
    return mode_select(iscsi, lun, pf, sp, mp, true, LISTENER);
}

API struct scsi_task *iscsi_modeselect10_task(struct iscsi_context *iscsi, int lun, int pf, int sp,
                                              struct scsi_mode_page *mp, ASYNC)
{
    return mode_select(iscsi, lun, pf, sp, mp, false, LISTENER);
}

API struct scsi_task *iscsi_modeselect6_sync(struct iscsi_context *iscsi, int lun, int pf, int sp,
                                             struct scsi_mode_page *mp)
{
    WAIT(iscsi_modeselect6_task(iscsi, lun, pf, sp, mp, AND_HEAR));
}

API struct scsi_task *iscsi_modeselect10_sync(struct iscsi_context *iscsi, int lun, int pf, int sp,
                                              struct scsi_mode_page *mp)
{
    WAIT(iscsi_modeselect10_task(iscsi, lun, pf, sp, mp, AND_HEAR));
}
