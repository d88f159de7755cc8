/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>
#include "base/bytes.h"
#include "lu/cmd.h"
#include "lu/rows.h"

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
    case EFBIG: /* the file, or whoever owns it, may not grow */
    case EDQUOT:
        s = (struct scsi_sense){.key = SENSE_DATA_PROTECT, .asc = ASC_SPACE_ALLOCATION_FAILED};
        break;
    case EROFS:
        s = (struct scsi_sense){.key = SENSE_DATA_PROTECT, .asc = ASC_WRITE_PROTECTED};
        break;
    case ENOTCONN: /* who holds the blocks is not there, or does not answer */
        s = (struct scsi_sense){.key = SENSE_HARDWARE_ERROR, .asc = ASC_COMMUNICATION_FAILURE};
        break;
    case ETIMEDOUT:
        s = (struct scsi_sense){.key = SENSE_HARDWARE_ERROR, .asc = ASC_COMMUNICATION_TIMEOUT};
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
    return lu_number(c, &number) ? nexus_take_attention(c->nexus, number) : 0;
}

static uint16_t action_of(const struct command *c)
{
    if (c->cdb[0] != SCSI_VARIABLE_LENGTH)
        return c->cdb[1] & 0x1f;
    return c->cdb_len >= SCSI_LONG_LEN ? get16(c->cdb + 8) : ROW_ALL;
}

static bool row_fits(const struct row *row, const struct command *c)
{
    return row->op == c->cdb[0] && (row->action == ROW_ALL || row->action == action_of(c));
}

static const struct row *find_row(const struct command *c)
{
    if (c->cdb_len < 6) /* no CDB is shorter */
        return NULL;
    for (size_t i = 0; i < command_row_count; i++)
        if (row_fits(&command_rows[i], c))
            return &command_rows[i];
    return NULL;
}

/* An operation code that has rows, but not with this service action. */
static bool knows_op(const struct command *c)
{
    for (size_t i = 0; i < command_row_count; i++)
        if (c->cdb_len >= 6 && command_rows[i].op == c->cdb[0])
            return true;
    return false;
}

static bool fields_known(const struct row *row, const struct command *c)
{
    enum { OP_TO_LENGTH = 8 }; /* what the additional CDB length in byte 7 does not count */
    uint32_t len = row_len(row);
    if (c->cdb_len < len)
        return false;
    if (row->op == SCSI_VARIABLE_LENGTH && c->cdb[7] != len - OP_TO_LENGTH)
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

/* Why the command cannot go through its port, as an ASC; 0 if it can. */
static uint16_t out_of_reach(const struct row *row, const struct command *c)
{
    enum port_state state = nexus_path(c->nexus);
    if (state == PORT_STANDBY && !(row->flags & STANDBY))
        return ASC_PORT_IN_STANDBY;
    return state == PORT_UNAVAILABLE && !(row->flags & UNAVAILABLE) ? ASC_PORT_UNAVAILABLE : ASC_NONE;
}

static bool forbidden(const struct row *row, const struct command *c, const struct lu *lu)
{
    return row && lu && reservation_forbids(&lu->reservation, c->nexus, access_of(row, c->cdb));
}

/* --- the interface --- */

static void dispatch(struct command *c)
{
    struct lu *lu = cmd_lu(c) == c->lu ? c->lu : NULL; /* it may have been taken away since */
    const struct row *row = find_row(c);
    bool always = row && row->flags & ALWAYS;
    uint16_t pending, reach;

    if (!lu && !always)
        cmd_fail(c, SENSE_ILLEGAL_REQUEST, ASC_LUN_NOT_SUPPORTED);
    else if (c->attribute >= ATTRIBUTE_UNKNOWN) /* SAM-5 8.6.1 */
        cmd_fail(c, SENSE_ILLEGAL_REQUEST, ASC_INVALID_MESSAGE);
    else if (forbidden(row, c, lu)) /* before all other statuses (SAM-5 5.3.3) */
        cmd_conflict(c);
    else if (!always && (pending = cmd_take_attention(c)) != 0)
        cmd_fail(c, SENSE_UNIT_ATTENTION, pending);
    else if (!row)
        cmd_fail(c, SENSE_ILLEGAL_REQUEST, knows_op(c) ? ASC_INVALID_FIELD_IN_CDB : ASC_INVALID_OPCODE);
    else if ((reach = out_of_reach(row, c)) != 0)
        cmd_fail(c, SENSE_NOT_READY, reach);
    else if (!fields_known(row, c))
        cmd_invalid_field(c);
    else if (row->flags & MEDIUM && lu->stopped)
        cmd_fail(c, SENSE_NOT_READY, ASC_START_REQUIRED);
    else if (row->flags & CHANGES && protection(lu))
        cmd_fail(c, SENSE_DATA_PROTECT, protection(lu));
    else
        row->run(c, lu);
}

/* One thing less for the command to wait for. It may be gone when this returns. */
static void leave(struct command *c)
{
    struct lu *lu = c->lu;
    if (--c->busy > 0)
        return;
    if (lu)
        task_set_leave(&lu->tasks, c);
    c->done(c);
    if (lu)
        lu_wake(lu);
}

static void io_done(struct lu_io *io)
{
    struct command *c = list_entry(io, struct command, io);
    c->then(c, io->lu, io->error);
    leave(c);
}

void cmd_start(struct command *c, struct lu *lu, const struct lu_io *what, cmd_then *then)
{
    c->busy++;
    c->then = then;
    c->io = *what;
    c->io.done = io_done;
    list_init(&c->io.link);
    lu_start(lu, &c->io);
}

static int do_work(struct lu_io *io)
{
    struct command *c = list_entry(io, struct command, io);
    return c->work(c, io->lu);
}

static void worked(struct command *c, struct lu *lu, int error)
{
    (void)lu;
    if (error == CMD_DIFFERS)
        cmd_miscompare(c, (uint32_t)c->fault.at);
    else
        cmd_errno(c, error, c->fault.asc, c->fault.at);
}

void cmd_work(struct command *c, struct lu *lu, bool fua, int (*work)(struct command *c, struct lu *lu))
{
    c->work = work;
    c->settle = cmd_must_settle(lu, fua);
    cmd_start(c, lu, &(struct lu_io){.kind = LU_WORK, .work = do_work}, worked);
}

int cmd_fault(struct command *c, int error, uint16_t asc, uint64_t at)
{
    c->fault.asc = asc;
    c->fault.at = at;
    return error;
}

static void run(struct command *c)
{
    c->status = SCSI_GOOD;
    c->sense_len = 0;
    c->data_in = (struct extent){0};
    c->busy = 1;
    dispatch(c);
    leave(c);
}

/* What runs to its end in this call wakes nobody itself: the loop looks again. */
void lu_wake(struct lu *lu)
{
    struct task_set *s = &lu->tasks;
    struct command *next;
    if (s->waking)
        return;
    s->waking = true;
    while ((next = task_set_next(s)) != NULL)
        run(next);
    s->waking = false;
}

bool lu_dying(const struct lu *lu)
{
    return lu->tasks.dying > 0;
}

void command_arrive(struct command *c)
{
    const struct row *row = find_row(c);
    c->lu = cmd_lu(c);
    c->exclusive = row && row->flags & ALONE;
    if (c->lu)
        task_set_enter(&c->lu->tasks, c);
}

void command_execute(struct command *c)
{
    if (c->stage == COMMAND_OUTSIDE)
        command_arrive(c);
    if (!c->lu || task_set_admit(&c->lu->tasks, c))
        run(c);
}

void command_abort(struct command *c)
{
    enum command_stage stage = (enum command_stage)c->stage;
    if (stage == COMMAND_OUTSIDE)
        return;
    task_set_abort(&c->lu->tasks, c);
    if (stage == COMMAND_RUNNING)
        return;
    task_set_leave(&c->lu->tasks, c);
    if (stage == COMMAND_WAITING)
        c->done(c);
}

/* The LU and row of a command that its handler will see; unit attentions do not count, since another command
 * may take them before this one runs. */
static const struct row *runnable(const struct command *c, struct lu **lu)
{
    const struct row *row = find_row(c);
    *lu = cmd_lu(c);
    if (!row || (!*lu && !(row->flags & ALWAYS)) || forbidden(row, c, *lu) || !fields_known(row, c))
        return NULL;
    if (out_of_reach(row, c))
        return NULL;
    if (*lu && ((row->flags & MEDIUM && (*lu)->stopped) || (row->flags & CHANGES && protection(*lu))))
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
