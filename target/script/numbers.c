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
    if (!n->answered)
        n->stat_sn = w.stat_sn;
    if (shows_stat_sn(p->head))
        n->target_stat_sn = w.stat_sn + numbers_uses_stat_sn(p->head);
    if (!n->answered || serial_lt(n->exp_cmd_sn, w.exp_cmd_sn))
        n->exp_cmd_sn = w.exp_cmd_sn;
    if (!n->answered || serial_lt(n->max_cmd_sn, w.max_cmd_sn))
        n->max_cmd_sn = w.max_cmd_sn;
    if (!n->answered)
        n->max_told = w.max_cmd_sn;
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

/* Where a counter goes on that showed `shown` where `value` was due. */
static uint32_t next_after(const struct parcel *p, enum counter which, uint32_t value, uint32_t shown)
{
    const struct counter_edit *e = &p->counters[which];
    return (e->on && !e->raw ? shown : value) + 1;
}

static void stamp_stat_sn(struct numbers *n, struct parcel *p)
{
    uint32_t shown = edited(p, COUNTER_STAT_SN, n->stat_sn);
    if (!shows_stat_sn(p->head) && !p->counters[COUNTER_STAT_SN].on)
        return;
    put32(p->head + 24, shown);
    if (numbers_uses_stat_sn(p->head))
        n->stat_sn = next_after(p, COUNTER_STAT_SN, n->stat_sn, shown);
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
    uint32_t exp_cmd_sn = n->exp_cmd_sn + n->withheld;
    uint32_t max_cmd_sn = clamp_window(n, exp_cmd_sn, n->max_cmd_sn + n->withheld);
    n->max_told = max_cmd_sn;
    put32(p->head + 28, edited(p, COUNTER_EXP_CMD_SN, exp_cmd_sn));
    put32(p->head + 32, edited(p, COUNTER_MAX_CMD_SN, max_cmd_sn));
}

static void stamp_data_sn(struct parcel *p, struct entry *e)
{
    uint8_t opcode = wire_opcode(p->head);
    if (opcode == WIRE_DATA_IN || opcode == WIRE_R2T) {
        uint32_t shown = edited(p, COUNTER_DATA_SN, e->data_sn);
        put32(p->head + 36, shown);
        e->data_sn = next_after(p, COUNTER_DATA_SN, e->data_sn, shown);
    } else if (opcode == WIRE_SCSI_RESPONSE) {
        put32(p->head + 36, edited(p, COUNTER_EXP_DATA_SN, e->data_sn));
    }
}

/* Without an entry the target's own numbers stand, and what a rule wants besides. */
static void stamp_unknown(struct parcel *p)
{
    enum counter which = parcel_opcode(p) == WIRE_SCSI_RESPONSE ? COUNTER_EXP_DATA_SN : COUNTER_DATA_SN;
    if (p->counters[which].on)
        put32(p->head + 36, edited(p, which, get32(p->head + 36)));
}

void numbers_to_initiator(struct numbers *n, struct parcel *p, struct entry *e)
{
    if (p->numbered || !(parcel_bit(p) & FROM_TARGET))
        return;
    p->numbered = true;
    stamp_stat_sn(n, p);
    stamp_window(n, p);
    if (e)
        stamp_data_sn(p, e);
    else
        stamp_unknown(p);
}

/* The target is told of nothing that it has not sent. */
static uint32_t target_exp_stat_sn(const struct numbers *n, uint32_t exp_stat_sn)
{
    uint32_t shifted = exp_stat_sn - (n->stat_sn - n->target_stat_sn);
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
