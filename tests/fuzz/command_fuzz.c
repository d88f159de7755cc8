/* SPDX-License-Identifier: MIT */
/* Any CDB with any data on the target's logical units: it ends once, with GOOD and at most what was allowed
 * or with CHECK CONDITION and sense; a store is only asked for whole blocks that it has, a read-only one for
 * no change. An input is a run of records: LUN, flags, CDB, EDTL, data; or E0h and on, and what is to change.
 */
#include <errno.h>
#include "fuzz.h"
#include "base/cursor.h"
#include "scsi/cdb.h"
#include "scsi/identity.h"
#include "scsi/sense.h"
#include "lu/command.h"

#define STEPS_MAX 64
enum { PEEK = 1, ATTEND = 2, FAIL = 4, SHORT_CDB = 8, HOSTILE_LUN = 16, OTHER = 32, RESET = 64, LEAVE = 128 };

static struct lu *busy; /* the LU whose store may be called now */
static int store_error; /* what the endless store answers */
static bool ended;

/* --- stores that check how they are called --- */

static void check_range(const struct lu *lu, uint64_t offset, uint64_t len)
{
    fuzz_check(lu == busy);
    fuzz_check(len > 0 && len % lu->block == 0 && offset % lu->block == 0);
    fuzz_check(offset < lu->size && len <= lu->size - offset);
}

static void check_extent(const struct extent *e)
{
    fuzz_check(e->skip <= segs_len(e->segs, e->count) && e->len <= segs_len(e->segs, e->count) - e->skip);
}

static int checked_read(struct lu *lu, uint64_t offset, const struct extent *to)
{
    check_range(lu, offset, to->len);
    check_extent(to);
    return lu_ram.read(lu, offset, to);
}

static int checked_write(struct lu *lu, uint64_t offset, const struct extent *from)
{
    check_range(lu, offset, from->len);
    check_extent(from);
    fuzz_check(!lu->read_only);
    return lu_ram.write(lu, offset, from);
}

static int checked_punch(struct lu *lu, uint64_t offset, uint64_t len)
{
    check_range(lu, offset, len);
    fuzz_check(!lu->read_only);
    return lu_ram.punch(lu, offset, len);
}

static int checked_map(struct lu *lu, uint64_t offset, uint64_t *len, bool *allocated)
{
    check_range(lu, offset, *len);
    return lu_ram.map(lu, offset, len, allocated);
}

static const void *checked_peek(struct lu *lu, uint64_t offset, uint64_t len)
{
    fuzz_check(offset < lu->size && len <= lu->size - offset);
    return lu_ram.peek(lu, offset, len);
}

static int no_flush(struct lu *lu)
{
    fuzz_check(lu == busy);
    return store_error;
}

static int endless_move(struct lu *lu, uint64_t offset, const struct extent *e)
{
    check_range(lu, offset, e->len);
    check_extent(e);
    return store_error;
}

static int endless_punch(struct lu *lu, uint64_t offset, uint64_t len)
{
    check_range(lu, offset, len);
    return store_error;
}

static int endless_map(struct lu *lu, uint64_t offset, uint64_t *len, bool *allocated)
{
    check_range(lu, offset, *len);
    *allocated = offset / lu->block & 1;
    return store_error;
}

static int checked_resize(struct lu *lu, uint64_t size, const struct lu_reason *why)
{
    return lu_ram.resize(lu, size, why);
}

static const struct lu_backend checked = {.name = "checked",
                                          .read = checked_read,
                                          .write = checked_write,
                                          .flush = no_flush,
                                          .punch = checked_punch,
                                          .map = checked_map,
                                          .resize = checked_resize,
                                          .peek = checked_peek};
/* Holds nothing and ends where 64 bits end. */
static const struct lu_backend endless = {.name = "endless",
                                          .read = endless_move,
                                          .write = endless_move,
                                          .flush = no_flush,
                                          .punch = endless_punch,
                                          .map = endless_map};

/* --- the logical units --- */

static struct lu lus[4];
static const uint16_t numbers[] = {0, 1, 2, 255};
static const uint64_t sizes[] = {40 * 1024, 40 * 1024, 1024 * 1024};
static struct lu_set set = {.target_name = "iqn.2026-11.io.berth:fuzz"};

static void open_all(void)
{
    static const char *const specs[] = {"ram:40K", "ram:40K,ro", "ram:1M,block=4096"};
    char why[128];
    for (uint16_t i = 0; i < 3; i++) {
        fuzz_check(lu_open(&lus[i], specs[i], i, "iqn.2026-11.io.berth:fuzz", why, sizeof why) == 0);
        lus[i].backend = &checked;
    }
    lus[3] = (struct lu){.backend = &endless,
                         .number = numbers[3],
                         .size = UINT64_MAX / 512 * 512,
                         .block = 512,
                         .write_cache = true};
}

/* As new: every input finds the same. */
static void empty_all(void)
{
    if (!lus[0].backend)
        open_all();
    for (int i = 0; i < 4; i++) {
        reservation_free(&lus[i].reservation);
        lus[i].mode = (struct lu_mode){0};
        lus[i].stopped = false;
        set.lus[numbers[i]] = &lus[i];
        if (i == 3)
            continue;
        fuzz_check(lu_ram.resize(&lus[i], sizes[i], NULL) == 0);
        fuzz_check(lu_ram.punch(&lus[i], 0, lus[i].size) == 0);
    }
    set.group_count = 0;
    fuzz_check(lu_set_add_group(&set, 1) && lu_set_add_group(&set, 2));
}

static struct lu *addressed(uint64_t lun)
{
    uint32_t number;
    return scsi_lun_decode(lun, &number) && number < COMMAND_LU_MAX ? set.lus[number] : NULL;
}

/* --- one command --- */

static void end(struct command *c)
{
    (void)c;
    fuzz_check(!ended);
    ended = true;
}

static void check_answer(const struct command *c, uint32_t data_in, const struct lu *lu)
{
    struct scsi_sense s;
    if (c->status == SCSI_RESERVATION_CONFLICT)
        fuzz_check(c->data_in.len == 0);
    else
        fuzz_check(c->status == SCSI_GOOD || c->status == SCSI_CHECK_CONDITION ||
                   (c->status == SCSI_CONDITION_MET &&
                    (c->cdb[0] == SCSI_PREFETCH_10 || c->cdb[0] == SCSI_PREFETCH_16)));
    if (c->status == SCSI_CHECK_CONDITION) {
        scsi_get_sense(c->sense, c->sense_len, &s);
        fuzz_check(c->sense_len <= COMMAND_SENSE_MAX && s.valid && s.key && s.asc);
        fuzz_check(c->data_in.len == 0);
        return;
    }
    fuzz_check(c->sense_len == 0);
    fuzz_check(c->data_in.skip == 0 && c->data_in.len == segs_len(c->data_in.segs, c->data_in.count));
    if (c->data_in.len == 0)
        return;
    if (c->seg.base == c->reply)
        fuzz_check(c->data_in.len <= COMMAND_INLINE_MAX);
    else if (c->seg.base == c->memory)
        fuzz_check(c->data_in.len <= data_in);
    else
        fuzz_check(c->may_peek && lu && data_in == 0 && c->data_in.len <= COMMAND_XFER_MAX);
}

/* Touches every byte of the answer: the sanitizer knows which of them exist. */
static void read_answer(const struct command *c)
{
    uint8_t bytes[512];
    for (uint64_t done = 0; done < c->data_in.len; done += sizeof bytes) {
        uint64_t left = c->data_in.len - done;
        extent_read(&c->data_in, done, bytes, left < sizeof bytes ? left : sizeof bytes);
    }
}

/* Data-out of exactly what a target would have received, repeated from `data`, in three pieces. */
static uint8_t *make_data(struct command *c, struct berth_seg segs[3], struct reader *data)
{
    uint32_t takes = command_data_out(c), len = takes < c->edtl_out ? takes : c->edtl_out;
    uint32_t given = read8(data), cut = len / 3;
    uint8_t *bytes = calloc(1, len ? len : 1);

    fuzz_check(bytes && takes <= COMMAND_XFER_MAX);
    if (given > reader_left(data))
        given = (uint32_t)reader_left(data);
    if (given > len)
        given = len;
    const uint8_t *from = read_bytes(data, given);
    for (uint32_t i = 0; given > 0 && i < len; i++)
        bytes[i] = from[i % given];
    segs[0] = seg_memory(bytes, cut);
    segs[1] = seg_memory(bytes + cut, 0);
    segs[2] = seg_memory(bytes + cut, len - cut);
    c->data_out = (struct extent){segs, 3, 0, len};
    return bytes;
}

static void execute(struct command *c, struct reader *data)
{
    struct berth_seg segs[3];
    uint32_t data_in = command_data_in(c);
    uint8_t *memory = data_in ? calloc(1, data_in) : NULL, *out = make_data(c, segs, data);

    fuzz_check(data_in <= COMMAND_XFER_MAX && (data_in == 0 || c->data_out.len == 0));
    c->memory = memory;
    busy = addressed(c->lun);
    ended = false;
    command_execute(c);
    fuzz_check(ended);
    check_answer(c, data_in, busy);
    read_answer(c);
    free(memory);
    free(out);
}

/* As iSCSI names initiator ports. */
#define ID_LEN 32u
static const char *const ids[] = {"\x45\0\0\x1ciqn.x:a,i,0x00023d000001\0\0\0",
                                  "\x45\0\0\x1ciqn.x:b,i,0x00023d000002\0\0\0"};

static void join(struct nexus *n, uint8_t which)
{
    nexus_join(n, (const uint8_t *)ids[which & 1], ID_LEN);
}

/* What happens beside commands: resets, and initiators that come and go. */
static void disturb(struct nexus *nexus, uint8_t flags, uint8_t number)
{
    static const uint16_t news[] = {ASC_NEXUS_LOSS, ASC_MODE_CHANGED, ASC_LUNS_CHANGED, ASC_CAPACITY_CHANGED};
    if (flags & ATTEND)
        nexus_attention(nexus, news[number & 3]);
    if (flags & RESET)
        lu_reset(&lus[number & 3], &set);
    if (flags & LEAVE && nexus->next)
        nexus_leave(nexus);
    else if (flags & LEAVE)
        join(nexus, number);
}

/* What the target's owner does to its LUs and ports: `lun` is none that there could be. */
static void manage(uint8_t lun, uint8_t how)
{
    enum { RESIZE = 0xe0, ACCESS, SWITCH };
    char why[128];
    const struct lu_reason reason = {why, sizeof why};
    struct lu *lu = &lus[how & 3];
    if (lun == RESIZE && lu != &lus[3])
        lu_resize(lu, &set, (how >> 2) * UINT64_C(2048), &reason);
    else if (lun == ACCESS)
        lu_set_access(&set, 1 + (how & 1), (enum port_state)(how >> 1 & 3));
    else if (lun == SWITCH && set.lus[lu->number])
        lu_set_remove(&set, lu);
    else if (lun == SWITCH)
        fuzz_check(lu_set_add(&set, lu));
    for (int i = 0; i < 4; i++)
        fuzz_check(lu_idle(&lus[i]) && lus[i].size > 0 && lus[i].size % lus[i].block == 0);
}

static void step(struct nexus nexuses[2], struct reader *data)
{
    static const int errors[] = {-EIO, -ENOSPC, -EROFS, -EINVAL};
    static struct command c;
    uint8_t lun = read8(data), flags = read8(data);
    if (lun >> 4 == 0x0e) {
        manage(lun, flags);
        return;
    }
    uint32_t cdb_len = reader_left(data) > 0 && *data->at == SCSI_VARIABLE_LENGTH ? SCSI_LONG_LEN : 16;
    const uint8_t *cdb = read_bytes(data, cdb_len);

    if (!cdb)
        return;
    struct nexus *nexus = &nexuses[flags & OTHER ? 1 : 0];
    disturb(nexus, flags, lun);
    store_error = flags & FAIL ? errors[lun & 3] : 0;
    if (flags & SHORT_CDB)
        cdb_len = lun % (cdb_len + 1);
    uint8_t *copy = fuzz_copy(cdb, cdb_len);
    c = (struct command){
        .nexus = nexus, .cdb = copy, .cdb_len = cdb_len, .may_peek = flags & PEEK, .done = end};
    c.lun = flags & HOSTILE_LUN ? read64(data) : scsi_lun_encode(lun);
    c.edtl_out = read16(data) * UINT32_C(64);
    c.edtl_in = c.edtl_out;
    execute(&c, data);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct nexus nexuses[2];
    struct reader r = reader_over(data, size);
    if (size == 0)
        return 0;
    set.nexuses = NULL;
    empty_all();
    for (int i = 0; i < 2; i++) {
        nexuses[i] = (struct nexus){.set = &set, .id.port = (uint16_t)(i + 1)};
        join(&nexuses[i], (uint8_t)i);
    }
    for (int i = 0; i < STEPS_MAX && r.ok && reader_left(&r) > 0; i++)
        step(nexuses, &r);
    return 0;
}
