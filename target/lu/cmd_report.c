/* SPDX-License-Identifier: MIT */
/* What this target can do, and through which ports. */
#include <string.h>
#include "base/cursor.h"
#include "lu/cmd.h"
#include "lu/rows.h"

static void reply(struct command *c, const struct writer *w)
{
    if (w->ok)
        cmd_reply(c, writer_len(w), get32(c->cdb + 6));
    else
        cmd_fail(c, SENSE_HARDWARE_ERROR, ASC_INTERNAL_FAILURE);
}

/* --- REPORT TARGET PORT GROUPS (SPC-4 6.37) --- */

#define GROUP_LEN 12u /* with its one port */

static void write_group(struct writer *w, const struct port_group *group)
{
    enum { AO_SUP = 0x01, AN_SUP = 0x02, S_SUP = 0x04, U_SUP = 0x08, BY_ITSELF = 2 };
    write8(w, group->state);
    write8(w, AO_SUP | AN_SUP | S_SUP | U_SUP);
    write16(w, group->tag);
    write8(w, 0);
    write8(w, group->changed ? BY_ITSELF : 0);
    write8(w, 0);
    write8(w, 1);
    write32(w, group->tag); /* the port */
}

void cmd_report_port_groups(struct command *c, struct lu *lu)
{
    enum { PLAIN = 0, EXTENDED = 1 };
    uint8_t format = c->cdb[1] >> 5;
    uint32_t count, header = format == EXTENDED ? 4 : 0;
    const struct port_group *groups = lu_set_groups(c->nexus->set, &count);
    struct writer w = writer_over(c->reply, sizeof c->reply);
    _Static_assert(8 + COMMAND_GROUPS_MAX * GROUP_LEN <= COMMAND_INLINE_MAX, "all groups fit");

    (void)lu;
    if (format > EXTENDED) {
        cmd_invalid_field(c);
        return;
    }
    write32(&w, header + count * GROUP_LEN);
    if (format == EXTENDED)
        write32(&w, (uint32_t)EXTENDED << 28); /* and no transition takes any time */
    for (uint32_t i = 0; i < count; i++)
        write_group(&w, &groups[i]);
    reply(c, &w);
}

/* --- REPORT SUPPORTED OPERATION CODES (SPC-4 6.35) --- */

#define RCTD     0x80 /* byte 2: with timeouts */
#define SERVACTV 0x01
#define CTDP     0x02

static bool has_action(const struct row *row)
{
    return row->action != ROW_ALL;
}

/* Nothing is known of how long a store takes. */
static void write_timeouts(struct writer *w, const struct command *c)
{
    if (!(c->cdb[2] & RCTD))
        return;
    write16(w, 10);
    write16(w, 0);
    write64(w, 0);
}

static void write_descriptor(struct writer *w, const struct command *c, const struct row *row)
{
    write8(w, row->op);
    write8(w, 0);
    write16(w, has_action(row) ? row->action : 0);
    write8(w, 0);
    write8(w, (uint8_t)((has_action(row) ? SERVACTV : 0) | (c->cdb[2] & RCTD ? CTDP : 0)));
    write16(w, (uint16_t)row_len(row));
    write_timeouts(w, c);
}

static void report_all(struct command *c)
{
    struct writer w = writer_over(c->reply, sizeof c->reply);
    write32(&w, 0);
    for (size_t i = 0; i < command_row_count; i++)
        write_descriptor(&w, c, &command_rows[i]);
    put32(c->reply, (uint32_t)writer_len(&w) - 4);
    reply(c, &w);
}

/* The bits of the CDB that are looked at; of what names the command, its value. */
static void write_usage(struct writer *w, const struct row *row)
{
    uint8_t usage[ROW_USAGE_MAX];
    memcpy(usage, row->usage, sizeof usage);
    if (row->op == SCSI_VARIABLE_LENGTH)
        put16(usage + 7, row->action);
    else if (has_action(row))
        usage[0] = (uint8_t)((usage[0] & 0xe0) | row->action);
    write8(w, row->op);
    write_bytes(w, usage, row_len(row) - 1);
}

static void report_one(struct command *c, const struct row *row)
{
    enum { NOT_SUPPORTED = 1, AS_STANDARD = 3, CTDP_ONE = 0x80 };
    struct writer w = writer_over(c->reply, sizeof c->reply);
    bool timed = row && c->cdb[2] & RCTD;

    write8(&w, 0);
    write8(&w, (uint8_t)((row ? AS_STANDARD : NOT_SUPPORTED) | (timed ? CTDP_ONE : 0)));
    write16(&w, row ? (uint16_t)row_len(row) : 0);
    if (row) {
        write_usage(&w, row);
        write_timeouts(&w, c);
    }
    reply(c, &w);
}

static const struct row *first_of(uint8_t op)
{
    for (size_t i = 0; i < command_row_count; i++)
        if (command_rows[i].op == op)
            return &command_rows[i];
    return NULL;
}

static const struct row *exactly(uint8_t op, uint16_t action)
{
    for (size_t i = 0; i < command_row_count; i++)
        if (command_rows[i].op == op && command_rows[i].action == action)
            return &command_rows[i];
    return NULL;
}

void cmd_report_opcodes(struct command *c, struct lu *lu)
{
    enum { EVERY = 0, OP = 1, OP_AND_ACTION = 2, EITHER = 3 };
    uint8_t options = c->cdb[2] & 7, op = c->cdb[3];
    uint16_t action = get16(c->cdb + 4);
    const struct row *row = first_of(op);
    bool with_action = row && has_action(row);

    (void)lu;
    if (options == EVERY)
        report_all(c);
    else if (options > EITHER || (options == OP && with_action) ||
             (options == OP_AND_ACTION && row && !with_action))
        cmd_invalid_field(c);
    else if (with_action)
        report_one(c, action < ROW_ALL ? exactly(op, action) : NULL);
    else
        report_one(c, options == EITHER && action != 0 ? NULL : row);
}

/* --- REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS (SPC-4 6.36) --- */

void cmd_report_functions(struct command *c, struct lu *lu)
{
    enum { REPD = 0x80 };
    enum {
        ABORT_TASK = 0x80,
        ABORT_TASK_SET = 0x40,
        CLEAR_TASK_SET = 0x10,
        LU_RESET = 0x08,
        TARGET_RESET = 0x02
    };
    struct writer w = writer_over(c->reply, sizeof c->reply);

    (void)lu;
    write8(&w, ABORT_TASK | ABORT_TASK_SET | CLEAR_TASK_SET | LU_RESET | TARGET_RESET);
    write16(&w, 0);
    write8(&w, c->cdb[2] & REPD ? 12 : 0);
    if (c->cdb[2] & REPD) { /* timeouts: none are known */
        write32(&w, 0);
        write64(&w, 0);
    }
    reply(c, &w);
}
