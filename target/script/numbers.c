/* SPDX-License-Identifier: MIT */
#include "script/numbers.h"
#include "base/bytes.h"
#include "wire/serial.h"

bool numbers_counts(const struct parcel *p)
{
    const uint64_t numbered = OPCODE(WIRE_SCSI_COMMAND) | OPCODE(WIRE_TMF_REQUEST) |
                              OPCODE(WIRE_TEXT_REQUEST) | OPCODE(WIRE_LOGOUT_REQUEST) | OPCODE(WIRE_NOP_OUT);
    return parcel_bit(p) & numbered && !wire_immediate(p->head);
}

/* R2T and an unsolicited NOP-In show the next one (11.8.3, 11.19.2); Data-In without status has none. */
bool numbers_uses_stat_sn(const uint8_t *bhs)
{
    switch (wire_opcode(bhs)) {
    case WIRE_R2T:
        return false;
    case WIRE_DATA_IN:
        return brings_status(bhs);
    case WIRE_NOP_IN:
        return wire_itt(bhs) != WIRE_TAG_NONE;
    default:
        return true;
    }
}

static bool shows_stat_sn(const uint8_t *bhs)
{
    return wire_opcode(bhs) != WIRE_DATA_IN || brings_status(bhs);
}

/* --- what the two sides say --- */

static void heard_initiator(struct numbers *n, const struct parcel *p)
{
    uint32_t cmd_sn = get32(p->head + 24);
    if (!n->asked && parcel_opcode(p) == WIRE_LOGIN_REQUEST)
        n->cmd_sn = cmd_sn;
    n->asked = true;
    if (numbers_counts(p) && !serial_lt(cmd_sn, n->cmd_sn))
        n->cmd_sn = cmd_sn + 1;
}

static void heard_target(struct numbers *n, const struct parcel *p)
{
    struct wire_window w;
    get_window(p->head, &w);
    if (shows_stat_sn(p->head))
        n->target_stat_sn = w.stat_sn + numbers_uses_stat_sn(p->head);
    if (!n->answered)
        n->stat_sn.next = w.stat_sn;
    n->window = w;
    n->answered = true;
}

void numbers_heard(struct numbers *n, const struct parcel *p)
{
    if (parcel_bit(p) & FROM_INITIATOR)
        heard_initiator(n, p);
    else if (parcel_bit(p) & FROM_TARGET)
        heard_target(n, p);
}

/* --- leaving --- */

static uint32_t edited(const struct parcel *p, enum counter which, uint32_t value)
{
    const struct counter_edit *e = &p->counters[which];
    if (!e->on)
        return value;
    switch (e->how) {
    case EDIT_ADD:
        return value + e->value;
    case EDIT_LESS:
        return value - e->value;
    default:
        return e->value;
    }
}

/* What is shown for a number of the target's, or, if it has none, what comes next. */
static uint32_t show(struct counting *c, bool fresh, uint32_t own)
{
    if (!fresh)
        return own + c->shift;
    c->shift++;
    return c->next;
}

/* `shown` stands where `due` was due: from here on it goes on from what was shown, unless that was raw. */
static void go_on(struct counting *c, const struct counter_edit *e, uint32_t due, uint32_t shown)
{
    uint32_t moved = e->on && !e->raw ? shown - due : 0;
    c->shift += moved;
    c->next = due + moved + 1;
}

/* A number that is shown but not used up is shown again. */
static void stamp_stat_sn(struct numbers *n, struct parcel *p)
{
    struct counting *c = &n->stat_sn;
    bool uses = numbers_uses_stat_sn(p->head), fresh = p->fresh & FRESH_STAT_SN;
    if (!shows_stat_sn(p->head) && !p->counters[COUNTER_STAT_SN].on)
        return;
    uint32_t due = !uses && fresh ? c->next : show(c, fresh && uses, get32(p->head + 24));
    uint32_t shown = edited(p, COUNTER_STAT_SN, due);
    put32(p->head + 24, shown);
    if (uses)
        go_on(c, &p->counters[COUNTER_STAT_SN], due, shown);
}

/* What was promised once is kept, unless the clamp is raw. */
static uint32_t clamp_window(const struct numbers *n, uint32_t exp_cmd_sn, uint32_t max_cmd_sn)
{
    uint32_t limit = exp_cmd_sn + n->clamp - 1;
    if (!n->clamped || serial_lt(max_cmd_sn, limit))
        return max_cmd_sn;
    return !n->clamp_raw && serial_lt(limit, n->max_told) ? n->max_told : limit;
}

static void stamp_window(struct numbers *n, struct parcel *p)
{
    struct wire_window w = n->window;
    if (!(p->fresh & FRESH_STAT_SN))
        get_window(p->head, &w);
    uint32_t exp_cmd_sn = w.exp_cmd_sn + n->withheld;
    uint32_t max_cmd_sn = clamp_window(n, exp_cmd_sn, w.max_cmd_sn + n->withheld);
    n->max_told = max_cmd_sn;
    put32(p->head + 28, edited(p, COUNTER_EXP_CMD_SN, exp_cmd_sn));
    put32(p->head + 32, edited(p, COUNTER_MAX_CMD_SN, max_cmd_sn));
}

static bool has_data_sn(const struct parcel *p)
{
    return parcel_opcode(p) == WIRE_DATA_IN || parcel_opcode(p) == WIRE_R2T;
}

/* Where the command is not known, its numbers stay as they are, but for what a rule wants of them. */
static void stamp_data_sn(struct parcel *p, struct entry *e)
{
    struct counting nobodys = {0, get32(p->head + 36)}, *c = e ? &e->data_sn : &nobodys;
    uint32_t own = get32(p->head + 36);
    if (has_data_sn(p)) {
        uint32_t due = show(c, p->fresh & FRESH_DATA_SN, own);
        uint32_t shown = edited(p, COUNTER_DATA_SN, due);
        put32(p->head + 36, shown);
        go_on(c, &p->counters[COUNTER_DATA_SN], due, shown);
    } else if (parcel_opcode(p) == WIRE_SCSI_RESPONSE) {
        uint32_t due = p->generation > 0 ? c->next : own + c->shift;
        put32(p->head + 36, edited(p, COUNTER_EXP_DATA_SN, due));
    }
}

void numbers_to_initiator(struct numbers *n, struct parcel *p, struct entry *e)
{
    if (p->numbered || !(parcel_bit(p) & FROM_TARGET))
        return;
    p->numbered = true;
    stamp_stat_sn(n, p);
    stamp_window(n, p);
    stamp_data_sn(p, e);
}

void numbers_without(struct numbers *n, const struct parcel *p, struct entry *e)
{
    if (p->numbered || !(parcel_bit(p) & FROM_TARGET))
        return;
    if (numbers_uses_stat_sn(p->head) && !(p->fresh & FRESH_STAT_SN))
        n->stat_sn.shift--;
    if (e && has_data_sn(p) && !(p->fresh & FRESH_DATA_SN))
        e->data_sn.shift--;
}

/* The target is told of nothing that it has not sent. */
static uint32_t target_exp_stat_sn(const struct numbers *n, uint32_t exp_stat_sn)
{
    uint32_t shifted = exp_stat_sn - n->stat_sn.shift;
    return serial_lt(n->target_stat_sn, shifted) ? n->target_stat_sn : shifted;
}

void numbers_to_target(const struct numbers *n, struct parcel *p)
{
    if (p->numbered || !(parcel_bit(p) & FROM_INITIATOR))
        return;
    p->numbered = true;
    if (n->answered)
        put32(p->head + 28, edited(p, COUNTER_EXP_STAT_SN, target_exp_stat_sn(n, get32(p->head + 28))));
    if (field_find("cmd-sn", wire_opcode(p->head)))
        put32(p->head + 24, edited(p, COUNTER_CMD_SN, get32(p->head + 24) - n->withheld));
}
