/* SPDX-License-Identifier: MIT */
/* CmdSN and ExpStatSN (RFC 7143 4.2.2). */
#include "referee/court.h"

/* --- status --- */

/* After login, which the initiator cannot have left without its last response (11.12.9). */
static void judge_first_ack(struct referee *r, uint32_t exp_stat_sn)
{
    if (serial_lt(exp_stat_sn, r->login_stat_sn + 1))
        foul(r, RULE_L5, "ExpStatSN is %u, but the login ended with StatSN %u", exp_stat_sn,
             r->login_stat_sn);
}

void judge_ack(struct referee *r, const uint8_t *bhs)
{
    uint32_t exp_stat_sn = get32(bhs + 28);
    if (serial_lt(r->next_stat_sn, exp_stat_sn)) {
        foul(r, RULE_S1, "ExpStatSN is %u, but the next StatSN will be %u", exp_stat_sn, r->next_stat_sn);
        return;
    }
    if (r->first)
        judge_first_ack(r, exp_stat_sn);
    if (serial_lt(r->acked, exp_stat_sn)) {
        r->acked = exp_stat_sn;
        r->unacked = 0;
    }
    if (r->unacked > REFEREE_UNACKED_MAX)
        foul(r, RULE_S5, "ExpStatSN is still %u after %u responses", exp_stat_sn, r->unacked);
    tasks_acknowledged(r, r->acked);
    if (r->rival && serial_lt(r->rival_stat_sn, exp_stat_sn)) {
        foul(r, RULE_N6, "the session goes on, although its initiator port has begun another");
        r->rival = false;
    }
}

/* A response that takes a StatSN. One that is repeated changes nothing, nor does one that is half the circle
 * away, where neither is before the other (RFC 1982 3.2). */
void note_status(struct referee *r, uint32_t stat_sn)
{
    if (!r->stat_known)
        r->acked = r->next_stat_sn = stat_sn;
    r->stat_known = true;
    r->unacked++;
    if (!serial_lt(stat_sn, r->next_stat_sn))
        r->next_stat_sn = stat_sn + 1;
}

/* --- commands --- */

/* MaxCmdSN of a target PDU, unless the two contradict each other (4.2.2.1). */
void note_window(struct referee *r, const uint8_t *bhs)
{
    struct session_seen *s = r->session;
    struct wire_window w;
    get_window(bhs, &w);
    if (!serial_lt(w.max_cmd_sn, w.exp_cmd_sn - 1) && serial_lt(s->max_cmd_sn, w.max_cmd_sn))
        s->max_cmd_sn = w.max_cmd_sn;
}

static void judge_immediate(struct referee *r, uint32_t cmd_sn)
{
    struct session_seen *s = r->session;
    if (cmd_sn != s->next_cmd_sn && !s->wide)
        foul(r, RULE_C5, "an immediate request has CmdSN %u instead of %u", cmd_sn, s->next_cmd_sn);
    s->immediates++;
}

/* Everything but ExpStatSN. */
static bool same_request(const uint8_t *a, const uint8_t *b)
{
    return memcmp(a, b, 28) == 0 && memcmp(a + 32, b + 32, WIRE_BHS_LEN - 32) == 0;
}

/* A request that was rejected has not been received, and its number is to be used again (7.3): by itself, or
 * by any other that fills the gap. */
void note_gap(struct referee *r, const struct scan_pdu *pdu)
{
    struct session_seen *s = r->session;
    uint8_t opcode = wire_opcode(pdu->data);
    uint32_t cmd_sn = get32(pdu->data + 24);
    bool numbered = !wire_immediate(pdu->data) && opcode <= WIRE_LOGOUT_REQUEST && opcode != WIRE_DATA_OUT &&
                    opcode != WIRE_LOGIN_REQUEST;
    if (numbered && serial_lt(cmd_sn, s->next_cmd_sn))
        s->gaps[s->gap_next++ % REFEREE_GAPS_MAX] = (struct gap_seen){true, cmd_sn};
}

static bool fills_gap(struct session_seen *s, uint32_t cmd_sn)
{
    for (uint32_t i = 0; i < REFEREE_GAPS_MAX; i++)
        if (s->gaps[i].open && s->gaps[i].cmd_sn == cmd_sn) {
            s->gaps[i].open = false;
            return true;
        }
    return false;
}

/* A number that was used before: a retry, or a mistake. Without recovery there are no gaps to close: what a
 * connection lost, it lost with itself. true: it is no retry. */
static bool judge_old_number(struct referee *r, const uint8_t *bhs, uint32_t cmd_sn)
{
    const struct session_seen *s = r->session;
    const struct task_seen *t = task_find(r->session, wire_itt(bhs));
    bool retry = t && !t->immediate && t->cmd_sn == cmd_sn;
    if (!retry)
        foul(r, RULE_C1, "CmdSN is %u, but that of the command before was %u", cmd_sn, s->next_cmd_sn - 1);
    else if (s->agreed[KEY_ERROR_RECOVERY_LEVEL] == 0)
        foul(r, RULE_C8, "CmdSN %u is sent again at error recovery level 0", cmd_sn);
    else if (!same_request(bhs, t->bhs))
        foul(r, RULE_C8, "CmdSN %u is sent again with another header", cmd_sn);
    return !retry;
}

static void judge_gap(struct referee *r, uint32_t cmd_sn)
{
    const struct session_seen *s = r->session;
    if (cmd_sn - s->next_cmd_sn == s->immediates)
        foul(r, RULE_C5, "CmdSN is %u instead of %u: immediate requests have used up numbers", cmd_sn,
             s->next_cmd_sn);
    else if (s->next_cmd_sn == r->login.first.cmd_sn)
        foul(r, RULE_L4, "the first command has CmdSN %u, the login had %u", cmd_sn, s->next_cmd_sn);
    else
        foul(r, RULE_C1, "CmdSN is %u instead of %u", cmd_sn, s->next_cmd_sn);
}

/* Across several connections only the order on each is known. */
static bool in_order(const struct referee *r, uint32_t cmd_sn)
{
    const struct session_seen *s = r->session;
    return s->wide ? serial_lt(r->last_cmd_sn, cmd_sn) : !serial_lt(cmd_sn, s->next_cmd_sn);
}

bool judge_number(struct referee *r, const uint8_t *bhs)
{
    struct session_seen *s = r->session;
    uint32_t cmd_sn = get32(bhs + 24);
    if (wire_immediate(bhs)) {
        judge_immediate(r, cmd_sn);
        return true;
    }
    if (!in_order(r, cmd_sn))
        return fills_gap(s, cmd_sn) || judge_old_number(r, bhs, cmd_sn);
    if (serial_lt(s->max_cmd_sn, cmd_sn)) {
        foul(r, RULE_C2, "CmdSN is %u, beyond MaxCmdSN %u", cmd_sn, s->max_cmd_sn);
        if (cmd_sn != s->next_cmd_sn)
            return true; /* the target ignores it, so it counts for nothing */
    } else if (cmd_sn != s->next_cmd_sn && !s->wide) {
        judge_gap(r, cmd_sn);
    }
    r->last_cmd_sn = cmd_sn;
    if (serial_le(s->next_cmd_sn, cmd_sn))
        s->next_cmd_sn = cmd_sn + 1;
    s->immediates = 0;
    return true;
}
