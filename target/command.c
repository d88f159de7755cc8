/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>
#include "base/bytes.h"
#include "target/cmd.h"

#define USAGE_MAX 15u
#define ALL       0xff /* whatever the service action */

enum {
    ALWAYS = 1,  /* runs where there is no LU, and past a pending unit attention (SAM-5 5.14.2) */
    OUT = 2,     /* the data go out */
    CHANGES = 4, /* refused by a read-only LU */
    WRITES = OUT | CHANGES
};

/* `usage`: for the CDB's bytes from 1 on, the bits that this target knows. A command with any other bit set
 * asks for something it would not get, and is refused; so RDPROTECT, ANCHOR, NACA and reserved bits need no
 * code. */
struct row {
    uint8_t op, action;
    uint8_t flags;
    uint8_t access; /* enum access */
    const char *name;
    void (*run)(struct command *c, struct lu *lu);
    uint32_t (*bytes)(const struct command *c, struct lu *lu); /* of LU data in; of any data out with OUT */
    uint8_t usage[USAGE_MAX];
};

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

/* SPC-4 6, SBC-3 5. Rows stay lines, so that it reads as a table. */
/* clang-format off */
static const struct row rows[] = {
    {SCSI_TEST_UNIT_READY, ALL, 0, STATUS, "TEST UNIT READY", cmd_test_unit_ready, NULL, {0}},
    {SCSI_REQUEST_SENSE, ALL, ALWAYS, FREE, "REQUEST SENSE", cmd_request_sense, NULL, {0x01, 0, 0, 0xff}},
    {SCSI_READ_6, ALL, 0, READS, "READ(6)", cmd_read, cmd_read_bytes, {0x1f, B3}},
    {SCSI_WRITE_6, ALL, WRITES, CHANGED, "WRITE(6)", cmd_write, cmd_write_bytes, {0x1f, B3}},
    {SCSI_INQUIRY, ALL, ALWAYS, FREE, "INQUIRY", cmd_inquiry, NULL, {0x01, B3}},
    {SCSI_MODE_SELECT_6, ALL, OUT, CHANGED, "MODE SELECT(6)", cmd_mode_select_6, cmd_mode_select_6_bytes,
     {0x10, 0, 0, 0xff}},
    {SCSI_RESERVE_6, ALL, 0, RESERVES, "RESERVE(6)", cmd_reserve, NULL, {0}},
    {SCSI_RELEASE_6, ALL, 0, RESERVES, "RELEASE(6)", cmd_release, NULL, {0}},
    {SCSI_MODE_SENSE_6, ALL, 0, READS, "MODE SENSE(6)", cmd_mode_sense_6, NULL, {0x08, B3}},
    {SCSI_START_STOP_UNIT, ALL, 0, CHANGED, "START STOP UNIT", cmd_start_stop_unit, NULL, {0x01, 0, 0x0f, 0xf7}},
    {SCSI_READ_CAPACITY_10, ALL, 0, FREE, "READ CAPACITY(10)", cmd_read_capacity_10, NULL, {0}},
    {SCSI_READ_10, ALL, 0, READS, "READ(10)", cmd_read, cmd_read_bytes, {0x1e, B4, GRP, B2}},
    {SCSI_WRITE_10, ALL, WRITES, CHANGED, "WRITE(10)", cmd_write, cmd_write_bytes, {0x1a, B4, GRP, B2}},
    {SCSI_WRITE_VERIFY_10, ALL, WRITES, CHANGED, "WRITE AND VERIFY(10)", cmd_write_verify, cmd_write_verify_bytes,
     {0x16, B4, GRP, B2}},
    {SCSI_VERIFY_10, ALL, OUT, READS, "VERIFY(10)", cmd_verify, cmd_verify_bytes, {0x16, B4, GRP, B2}},
    {SCSI_PREFETCH_10, ALL, 0, READS, "PRE-FETCH(10)", cmd_prefetch, NULL, {0x02, B4, GRP, B2}},
    {SCSI_SYNCHRONIZE_CACHE_10, ALL, 0, CHANGED, "SYNCHRONIZE CACHE(10)", cmd_sync_cache, NULL, {0x06, B4, GRP, B2}},
    {SCSI_WRITE_SAME_10, ALL, WRITES, CHANGED, "WRITE SAME(10)", cmd_write_same, cmd_same_bytes, {0x08, B4, GRP, B2}},
    {SCSI_UNMAP, ALL, WRITES, CHANGED, "UNMAP", cmd_unmap, cmd_unmap_bytes, {0, 0, Z3, GRP, B2}},
    {SCSI_MODE_SELECT_10, ALL, OUT, CHANGED, "MODE SELECT(10)", cmd_mode_select_10, cmd_mode_select_10_bytes,
     {0x10, Z3, 0, 0, B2}},
    {SCSI_RESERVE_10, ALL, 0, RESERVES, "RESERVE(10)", cmd_reserve, NULL, {0}},
    {SCSI_RELEASE_10, ALL, 0, RESERVES, "RELEASE(10)", cmd_release, NULL, {0}},
    {SCSI_MODE_SENSE_10, ALL, 0, READS, "MODE SENSE(10)", cmd_mode_sense_10, NULL, {0x18, B2, Z3, B2}},
    {SCSI_PERSISTENT_RESERVE_IN, 0x00, 0, PERSISTS, "READ KEYS", cmd_read_keys, NULL, {0x1f, Z3, 0, 0, B2}},
    {SCSI_PERSISTENT_RESERVE_IN, 0x01, 0, PERSISTS, "READ RESERVATION", cmd_read_reservation, NULL,
     {0x1f, Z3, 0, 0, B2}},
    {SCSI_PERSISTENT_RESERVE_IN, 0x02, 0, PERSISTS, "REPORT CAPABILITIES", cmd_report_capabilities, NULL,
     {0x1f, Z3, 0, 0, B2}},
    {SCSI_PERSISTENT_RESERVE_IN, 0x03, 0, PERSISTS, "READ FULL STATUS", cmd_read_full_status,
     cmd_full_status_bytes, {0x1f, Z3, 0, 0, B2}},
    {SCSI_PERSISTENT_RESERVE_OUT, 0x00, OUT, PERSISTS, "REGISTER", cmd_register, cmd_persist_bytes,
     {0x1f, B1, 0, 0, B4}},
    {SCSI_PERSISTENT_RESERVE_OUT, 0x01, OUT, PERSISTS, "RESERVE (PERSISTENT)", cmd_persistent_reserve, cmd_persist_bytes,
     {0x1f, B1, 0, 0, B4}},
    {SCSI_PERSISTENT_RESERVE_OUT, 0x02, OUT, PERSISTS, "RELEASE (PERSISTENT)", cmd_persistent_release, cmd_persist_bytes,
     {0x1f, B1, 0, 0, B4}},
    {SCSI_PERSISTENT_RESERVE_OUT, 0x03, OUT, PERSISTS, "CLEAR", cmd_clear, cmd_persist_bytes,
     {0x1f, B1, 0, 0, B4}},
    {SCSI_PERSISTENT_RESERVE_OUT, 0x04, OUT, PERSISTS, "PREEMPT", cmd_preempt, cmd_persist_bytes,
     {0x1f, B1, 0, 0, B4}},
    {SCSI_PERSISTENT_RESERVE_OUT, 0x05, OUT, PERSISTS, "PREEMPT AND ABORT", cmd_preempt_and_abort, cmd_persist_bytes,
     {0x1f, B1, 0, 0, B4}},
    {SCSI_PERSISTENT_RESERVE_OUT, 0x06, OUT, PERSISTS, "REGISTER AND IGNORE EXISTING KEY", cmd_register_and_ignore, cmd_persist_bytes,
     {0x1f, B1, 0, 0, B4}},
    {SCSI_READ_16, ALL, 0, READS, "READ(16)", cmd_read, cmd_read_bytes, {0x1e, B8, B4, GRP}},
    {SCSI_COMPARE_AND_WRITE, ALL, WRITES, CHANGED, "COMPARE AND WRITE", cmd_compare, cmd_pair_bytes,
     {0x1a, B8, Z3, B1, GRP}},
    {SCSI_WRITE_16, ALL, WRITES, CHANGED, "WRITE(16)", cmd_write, cmd_write_bytes, {0x1a, B8, B4, GRP}},
    {SCSI_ORWRITE_16, ALL, WRITES, CHANGED, "ORWRITE(16)", cmd_or_write, cmd_write_bytes, {0x1a, B8, B4, GRP}},
    {SCSI_WRITE_VERIFY_16, ALL, WRITES, CHANGED, "WRITE AND VERIFY(16)", cmd_write_verify, cmd_write_verify_bytes,
     {0x16, B8, B4, GRP}},
    {SCSI_VERIFY_16, ALL, OUT, READS, "VERIFY(16)", cmd_verify, cmd_verify_bytes, {0x16, B8, B4, GRP}},
    {SCSI_PREFETCH_16, ALL, 0, READS, "PRE-FETCH(16)", cmd_prefetch, NULL, {0x02, B8, B4, GRP}},
    {SCSI_SYNCHRONIZE_CACHE_16, ALL, 0, CHANGED, "SYNCHRONIZE CACHE(16)", cmd_sync_cache, NULL, {0x06, B8, B4, GRP}},
    {SCSI_WRITE_SAME_16, ALL, WRITES, CHANGED, "WRITE SAME(16)", cmd_write_same, cmd_same_bytes, {0x09, B8, B4, GRP}},
    {SCSI_SERVICE_ACTION_IN_16, 0x10, 0, FREE, "READ CAPACITY(16)", cmd_read_capacity_16, NULL, {0x1f, Z8, B4}},
    {SCSI_SERVICE_ACTION_IN_16, 0x12, 0, READS, "GET LBA STATUS", cmd_get_lba_status, NULL, {0x1f, B8, B4}},
    {SCSI_REPORT_LUNS, ALL, ALWAYS, FREE, "REPORT LUNS", cmd_report_luns, NULL, {0, 0xff, Z3, B4}},
    {SCSI_READ_12, ALL, 0, READS, "READ(12)", cmd_read, cmd_read_bytes, {0x1e, B4, B4, GRP}},
    {SCSI_WRITE_12, ALL, WRITES, CHANGED, "WRITE(12)", cmd_write, cmd_write_bytes, {0x1a, B4, B4, GRP}},
    {SCSI_WRITE_VERIFY_12, ALL, WRITES, CHANGED, "WRITE AND VERIFY(12)", cmd_write_verify, cmd_write_verify_bytes,
     {0x16, B4, B4, GRP}},
    {SCSI_VERIFY_12, ALL, OUT, READS, "VERIFY(12)", cmd_verify, cmd_verify_bytes, {0x16, B4, B4, GRP}},
};
/* clang-format on */

/* --- ending a command --- */

static void fail(struct command *c, const struct scsi_sense *s)
{
    c->status = SCSI_CHECK_CONDITION;
    const struct lu *lu = cmd_lu(c);
    struct scsi_sense sense = *s;
    sense.descriptor = lu && lu->mode.descriptor_sense;
    c->sense_len = (uint32_t)scsi_put_sense(c->sense, &sense);
    c->data_in = (struct extent){0};
}

void cmd_fail(struct command *c, uint8_t key, uint16_t asc)
{
    fail(c, &(struct scsi_sense){.key = key, .asc = asc});
}

void cmd_invalid_field(struct command *c)
{
    cmd_fail(c, SENSE_ILLEGAL_REQUEST, ASC_INVALID_FIELD_IN_CDB);
}

void cmd_conflict(struct command *c)
{
    c->status = SCSI_RESERVATION_CONFLICT;
}

void cmd_miscompare(struct command *c, uint32_t at)
{
    fail(c, &(struct scsi_sense){
                .key = SENSE_MISCOMPARE, .asc = ASC_MISCOMPARE, .has_information = true, .information = at});
}

/* With the first LBA as information: the initiator then takes no block of this command for good. */
void cmd_errno(struct command *c, int error, uint16_t asc, uint64_t lba)
{
    struct scsi_sense s = {
        .key = SENSE_MEDIUM_ERROR, .asc = asc, .has_information = true, .information = lba};

    switch (-error) {
    case 0:
        return;
    case ENOSPC:
    case EDQUOT:
        s = (struct scsi_sense){.key = SENSE_DATA_PROTECT, .asc = ASC_SPACE_ALLOCATION_FAILED};
        break;
    case EROFS:
        s = (struct scsi_sense){.key = SENSE_DATA_PROTECT, .asc = ASC_WRITE_PROTECTED};
        break;
    case ENOMEM:
    case EINVAL:
        s = (struct scsi_sense){.key = SENSE_HARDWARE_ERROR, .asc = ASC_INTERNAL_FAILURE};
        break;
    default:
        break;
    }
    fail(c, &s);
}

void cmd_reply(struct command *c, size_t len, size_t allocation)
{
    c->seg = seg_memory(c->reply, len < allocation ? len : allocation);
    c->data_in = (struct extent){&c->seg, 1, 0, c->seg.len};
}

void cmd_long_put(struct cmd_long_reply *r, const void *bytes, size_t len)
{
    size_t left = r->len < r->allocation ? r->allocation - r->len : 0;
    if (r->command->memory)
        memcpy((uint8_t *)r->command->memory + r->len, bytes, len < left ? len : left);
    r->len += len;
}

void cmd_long_reply(struct cmd_long_reply *r)
{
    struct command *c = r->command;
    size_t len = r->len < r->allocation ? r->len : r->allocation;
    if (len > 0 && !c->memory) {
        cmd_fail(c, SENSE_HARDWARE_ERROR, ASC_INTERNAL_FAILURE);
        return;
    }
    c->seg = seg_memory(c->memory, len);
    c->data_in = (struct extent){&c->seg, 1, 0, len};
}

uint32_t cmd_take_parameters(struct command *c, uint32_t told)
{
    uint64_t len = c->data_out.len < told ? c->data_out.len : told;
    if (len > sizeof c->reply)
        len = sizeof c->reply;
    extent_read(&c->data_out, 0, c->reply, len);
    return (uint32_t)len;
}

/* --- finding the LU and the row --- */

static bool lu_number(const struct command *c, uint32_t *number)
{
    return scsi_lun_decode(c->lun, number) && *number < COMMAND_LU_MAX && c->nexus->set->lus[*number];
}

struct lu *cmd_lu(const struct command *c)
{
    uint32_t number;
    return lu_number(c, &number) ? c->nexus->set->lus[number] : NULL;
}

uint16_t cmd_take_attention(struct command *c)
{
    uint32_t number;
    if (!lu_number(c, &number))
        return 0;
    uint16_t pending = c->nexus->attention[number];
    c->nexus->attention[number] = 0;
    return pending;
}

static bool row_fits(const struct row *row, const uint8_t *cdb)
{
    return row->op == cdb[0] && (row->action == ALL || row->action == (cdb[1] & 0x1f));
}

static const struct row *find_row(const struct command *c)
{
    if (c->cdb_len < 6) /* no CDB is shorter */
        return NULL;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (row_fits(&rows[i], c->cdb))
            return &rows[i];
    return NULL;
}

/* An operation code that has rows, but not with this service action. */
static bool knows_op(const struct command *c)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (c->cdb_len >= 6 && rows[i].op == c->cdb[0])
            return true;
    return false;
}

static bool fields_known(const struct row *row, const struct command *c)
{
    uint32_t len = scsi_cdb_len(row->op);
    if (c->cdb_len < len)
        return false;
    for (uint32_t i = 1; i < len; i++)
        if (c->cdb[i] & ~row->usage[i - 1])
            return false;
    return true;
}

/* Why the LU may not be changed, as an ASC; 0 if it may. */
static uint16_t protection(const struct lu *lu)
{
    if (lu->read_only)
        return ASC_WRITE_PROTECTED;
    return lu->mode.write_protected ? ASC_SOFTWARE_WRITE_PROTECTED : ASC_NONE;
}

/* To start a LU takes nothing away from who reserved it; to stop it does (SBC-3 table 13). */
static enum access access_of(const struct row *row, const uint8_t *cdb)
{
    enum { POWER_CONDITION = 0xf0, START = 0x01 };
    bool starts = row->op == SCSI_START_STOP_UNIT && (cdb[4] & (POWER_CONDITION | START)) == START;
    return starts ? ACCESS_FREE : (enum access)row->access;
}

static bool forbidden(const struct row *row, const struct command *c, const struct lu *lu)
{
    return row && lu && reservation_forbids(&lu->reservation, c->nexus, access_of(row, c->cdb));
}

/* --- the interface --- */

static void dispatch(struct command *c)
{
    struct lu *lu = cmd_lu(c);
    const struct row *row = find_row(c);
    bool always = row && row->flags & ALWAYS;
    uint16_t pending;

    if (!lu && !always)
        cmd_fail(c, SENSE_ILLEGAL_REQUEST, ASC_LUN_NOT_SUPPORTED);
    else if (forbidden(row, c, lu)) /* before all other statuses (SAM-5 5.3.3) */
        cmd_conflict(c);
    else if (!always && (pending = cmd_take_attention(c)) != 0)
        cmd_fail(c, SENSE_UNIT_ATTENTION, pending);
    else if (!row)
        cmd_fail(c, SENSE_ILLEGAL_REQUEST, knows_op(c) ? ASC_INVALID_FIELD_IN_CDB : ASC_INVALID_OPCODE);
    else if (!fields_known(row, c))
        cmd_invalid_field(c);
    else if (row->flags & CHANGES && protection(lu))
        cmd_fail(c, SENSE_DATA_PROTECT, protection(lu));
    else
        row->run(c, lu);
}

void command_execute(struct command *c)
{
    c->status = SCSI_GOOD;
    c->sense_len = 0;
    c->data_in = (struct extent){0};
    dispatch(c);
    c->done(c);
}

/* The LU and row of a command that its handler will see; unit attentions do not count, since another command
 * may take them before this one runs. */
static const struct row *runnable(const struct command *c, struct lu **lu)
{
    const struct row *row = find_row(c);
    *lu = cmd_lu(c);
    if (!row || !*lu || forbidden(row, c, *lu) || !fields_known(row, c))
        return NULL;
    if (row->flags & CHANGES && protection(*lu))
        return NULL;
    return row;
}

static uint32_t bytes_of(const struct command *c, uint8_t direction)
{
    struct lu *lu;
    const struct row *row = runnable(c, &lu);
    return row && row->bytes && (row->flags & OUT) == direction ? row->bytes(c, lu) : 0;
}

uint32_t command_data_in(const struct command *c)
{
    return bytes_of(c, 0);
}

uint32_t command_data_out(const struct command *c)
{
    return bytes_of(c, OUT);
}

const char *command_name(const struct command *c)
{
    const struct row *row = find_row(c);
    return row ? row->name : "unknown operation";
}
