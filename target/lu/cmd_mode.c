/* SPDX-License-Identifier: MIT */
/* MODE SENSE and MODE SELECT: the caching and the control page. One set of values for all initiators; nothing
 * is saved. */
#include "base/bytes.h"
#include "lu/cmd.h"

static struct scsi_mode current(const struct lu *lu)
{
    return (struct scsi_mode){
        .write_protected = lu->read_only,
        .dpo_fua = true,
        .write_cache = lu->write_cache && !lu->mode.cache_off,
        .descriptor_sense = lu->mode.descriptor_sense,
        .software_write_protect = lu->mode.write_protected,
    };
}

/* As the LU begins, and begins again after a reset. */
static struct scsi_mode initial(const struct lu *lu)
{
    struct lu fresh = *lu;
    fresh.mode = (struct lu_mode){0};
    return current(&fresh);
}

/* A cache that is not there cannot be switched on. */
static struct scsi_mode changeable(const struct lu *lu)
{
    return (struct scsi_mode){
        .changeable = true,
        .write_protected = lu->read_only,
        .dpo_fua = true,
        .write_cache = lu->write_cache,
        .descriptor_sense = true,
        .software_write_protect = true,
    };
}

/* --- MODE SENSE (SPC-4 6.11, 6.12) --- */

static void mode_sense(struct command *c, const struct lu *lu, size_t allocation,
                       size_t (*put)(uint8_t *out, size_t size, const struct scsi_mode *m, uint8_t page))
{
    enum { CHANGEABLE = 1, DEFAULT = 2, SAVED = 3 };
    uint8_t control = c->cdb[2] >> 6, page = c->cdb[2] & 0x3f, subpage = c->cdb[3];
    struct scsi_mode m = control == CHANGEABLE ? changeable(lu)
                         : control == DEFAULT  ? initial(lu)
                                               : current(lu);
    size_t len = subpage == 0 || subpage == 0xff ? put(c->reply, sizeof c->reply, &m, page) : 0;

    if (len == 0)
        cmd_invalid_field(c);
    else if (control == SAVED)
        cmd_fail(c, SENSE_ILLEGAL_REQUEST, ASC_SAVING_NOT_SUPPORTED);
    else
        cmd_reply(c, len, allocation);
}

void cmd_mode_sense_6(struct command *c, struct lu *lu)
{
    mode_sense(c, lu, c->cdb[4], scsi_put_mode_6);
}

void cmd_mode_sense_10(struct command *c, struct lu *lu)
{
    mode_sense(c, lu, get16(c->cdb + 7), scsi_put_mode_10);
}

/* --- MODE SELECT (SPC-4 6.9, 6.10) --- */

uint32_t cmd_mode_select_6_bytes(const struct command *c, struct lu *lu)
{
    (void)lu;
    return c->cdb[4];
}

uint32_t cmd_mode_select_10_bytes(const struct command *c, struct lu *lu)
{
    (void)lu;
    return get16(c->cdb + 7);
}

static bool same(const struct scsi_mode *a, const struct scsi_mode *b)
{
    return a->write_cache == b->write_cache && a->descriptor_sense == b->descriptor_sense &&
           a->software_write_protect == b->software_write_protect;
}

static void apply(struct command *c, struct lu *lu, const struct scsi_mode *wanted)
{
    lu->mode = (struct lu_mode){
        .cache_off = lu->write_cache && !wanted->write_cache,
        .descriptor_sense = wanted->descriptor_sense,
        .write_protected = wanted->software_write_protect,
    };
    lu_tell_others(lu, c->nexus, c->nexus->set, ASC_MODE_CHANGED);
}

/* What the parameter list in `reply` asks for; an ASC if that cannot be. */
static uint16_t read_list(const struct command *c, const struct lu *lu, struct scsi_mode *wanted)
{
    struct scsi_mode can = changeable(lu);
    bool six = c->cdb[0] == SCSI_MODE_SELECT_6;
    uint32_t told = six ? cmd_mode_select_6_bytes(c, NULL) : cmd_mode_select_10_bytes(c, NULL);
    *wanted = current(lu);
    return (six ? scsi_get_mode_select_6 : scsi_get_mode_select_10)(c->reply, told, &can, wanted);
}

static void have_emptied(struct command *c, struct lu *lu, int error)
{
    struct scsi_mode wanted;
    if (error) {
        lu->mode.cache_off = false;
        cmd_errno(c, error, ASC_WRITE_ERROR, 0);
    } else if (read_list(c, lu, &wanted) == ASC_NONE) {
        apply(c, lu, &wanted);
    }
}

/* What is in the cache when it is switched off was promised to be durable only now. */
static void change(struct command *c, struct lu *lu, const struct scsi_mode *wanted)
{
    struct scsi_mode is = current(lu);
    if (same(&is, wanted))
        return;
    if (is.write_cache && !wanted->write_cache) {
        lu->mode.cache_off = true; /* for what is written meanwhile */
        cmd_start(c, lu, &(struct lu_io){.kind = LU_FLUSH}, have_emptied);
        return;
    }
    apply(c, lu, wanted);
}

static void mode_select(struct command *c, struct lu *lu, uint32_t told)
{
    enum { PAGE_FORMAT = 0x10 };
    struct scsi_mode wanted;
    if (told == 0) /* no list: no error, no change */
        return;
    uint32_t len = cmd_take_parameters(c, told);
    uint16_t why = len < told ? ASC_PARAMETER_LIST_LENGTH : read_list(c, lu, &wanted);

    if (!(c->cdb[1] & PAGE_FORMAT))
        cmd_invalid_field(c);
    else if (why)
        cmd_fail(c, SENSE_ILLEGAL_REQUEST, why);
    else
        change(c, lu, &wanted);
}

void cmd_mode_select_6(struct command *c, struct lu *lu)
{
    mode_select(c, lu, cmd_mode_select_6_bytes(c, lu));
}

void cmd_mode_select_10(struct command *c, struct lu *lu)
{
    mode_select(c, lu, cmd_mode_select_10_bytes(c, lu));
}
