/* SPDX-License-Identifier: MIT */
/* key=value pairs: who may send which, what was proposed, what was agreed (RFC 7143 6.2, 12, 13). */
#include "referee/court.h"

static uint64_t bit(enum wire_key key)
{
    return 1ull << key;
}

static const char *name_of(enum wire_key key)
{
    return key_rows[key].name;
}

static bool is_chap(enum wire_key key)
{
    return key >= KEY_CHAP_A && key <= KEY_CHAP_R;
}

void bargain_restart(struct bargain *b)
{
    b->sent = b->asked = b->proposed = b->due = 0;
    b->unknown_due = b->unknown_answered = 0;
}

void bargain_init(struct bargain *b)
{
    b->leading = true;
    b->limit = key_rows[KEY_MAX_RECV_DATA_SEGMENT_LENGTH].initial;
    for (int key = 0; key < KEY_COUNT; key++)
        b->agreed[key] = key_rows[key].initial;
}

/* --- values --- */

static bool is_negotiated(enum wire_key key)
{
    switch ((enum key_type)key_rows[key].type) {
    case KEY_LIST:
    case KEY_BOOL_AND:
    case KEY_BOOL_OR:
    case KEY_NUMBER_MIN:
    case KEY_NUMBER_MAX:
    case KEY_OBSOLETE:
        return true;
    default:
        return false;
    }
}

static bool is_settled(enum wire_key key, uint32_t value)
{
    uint8_t type = key_rows[key].type;
    return (type == KEY_BOOL_AND && value == 0) || (type == KEY_BOOL_OR && value == 1);
}

static bool has_range(enum wire_key key)
{
    return key_rows[key].max > 0 && key_rows[key].type != KEY_LIST;
}

/* Could `answer` be the result of the target's proposal? */
static bool admitted(const struct bargain *b, enum wire_key key, uint32_t answer)
{
    if (key_rows[key].type == KEY_LIST)
        return choices_have(b->offer[key], answer);
    return key_result(key, b->offer[key], answer) == answer;
}

static void settle(struct referee *r, enum wire_key key, uint32_t value)
{
    r->bargain.agreed[key] = value;
    if (key == KEY_SESSION_TYPE)
        r->session->discovery = value == SESSION_DISCOVERY;
    if (key == KEY_AUTH_METHOD && value == AUTH_CHAP && r->chap.stage == CHAP_NONE)
        r->chap.stage = CHAP_CHOSEN;
}

/* --- answers of the initiator --- */

static void judge_value_of_answer(struct referee *r, enum wire_key key, struct span value)
{
    uint32_t answer;
    if (key_rows[key].type == KEY_OBSOLETE)
        return;
    if (!key_value_read(key, value, &answer) || !admitted(&r->bargain, key, answer))
        foul(r, RULE_T6, "the answer to %s was not proposed", name_of(key));
    else
        settle(r, key, answer);
}

static void judge_answer(struct referee *r, enum wire_key key, struct span value)
{
    enum constant constant = constant_of(value);
    r->bargain.proposed &= ~bit(key);
    r->bargain.due &= ~bit(key);
    if (constant == CONSTANT_NOT_UNDERSTOOD && key != KEY_PROTOCOL_LEVEL)
        foul(r, RULE_T13, "%s is answered NotUnderstood", name_of(key));
    else if (constant == CONSTANT_NONE)
        judge_value_of_answer(r, key, value);
}

/* --- proposals and declarations of the initiator --- */

static void judge_repetition(struct referee *r, enum wire_key key)
{
    if (!(r->bargain.sent & bit(key)))
        return;
    enum rule_id rule = key == KEY_INITIATOR_NAME ? RULE_N4
                        : key == KEY_TARGET_NAME  ? RULE_N5
                        : is_chap(key)            ? RULE_H10
                                                  : RULE_T3;
    foul(r, rule, "%s is sent again", name_of(key));
}

/* 13.4: TargetName is the initiator's in login only. */
static bool may_come(enum wire_key key, uint8_t where)
{
    return (key_rows[key].where & where) && !(key == KEY_TARGET_NAME && where == KEY_FULL_FEATURE);
}

static void judge_place(struct referee *r, enum wire_key key, uint8_t where)
{
    bool here = may_come(key, where), ours = key_rows[key].where & KEY_BY_INITIATOR;
    if (is_chap(key) && !here)
        foul(r, RULE_H10, "%s outside the security stage", name_of(key));
    else if (where == KEY_FULL_FEATURE && !here)
        foul(r, RULE_T15, "%s in a Text Request", name_of(key));
    else if (!here || !ours)
        foul(r, RULE_T18, "%s is %s", name_of(key), ours ? "not of this stage" : "the target's");
    else if (key_rows[key].where & KEY_LEADING && !r->bargain.leading)
        foul(r, RULE_T11, "%s on a connection that joins a session", name_of(key));
}

static void take_name(struct referee *r, enum wire_key key, struct span value)
{
    struct session_seen *s = r->session;
    bool ours = key == KEY_INITIATOR_NAME;
    span_copy(value, ours ? s->initiator : s->target, sizeof s->initiator);
    if (ours && !name_valid(value))
        foul(r, RULE_N3, "InitiatorName is not a name as it should be sent");
}

static void judge_number_proposed(struct referee *r, enum wire_key key, struct span value)
{
    uint32_t number = 0;
    if (!key_value_read(key, value, &number))
        foul(r, RULE_T2, "%s has a value that is none of its own", name_of(key));
    else if (key_rows[key].type == KEY_DECLARED_CHOICE || is_settled(key, number))
        settle(r, key, number);
}

static void judge_reporting(struct referee *r, struct span value)
{
    uint32_t choices = key_choices_read(KEY_TASK_REPORTING, value);
    if (!choices_have(choices, REPORT_RFC3720) || !choices_have(choices, REPORT_RESPONSE_FENCE))
        foul(r, RULE_T19, "TaskReporting leaves out a value that must be among those proposed");
}

static void judge_proposal(struct referee *r, enum wire_key key, struct span value, uint8_t where)
{
    judge_repetition(r, key);
    judge_place(r, key, where);
    if (constant_of(value) != CONSTANT_NONE) {
        foul(r, RULE_T2, "a constant of answers is proposed for %s", name_of(key));
        return;
    }
    if (is_negotiated(key))
        r->bargain.asked |= bit(key);
    if (key == KEY_TASK_REPORTING)
        judge_reporting(r, value);
    if (is_chap(key))
        judge_chap_key(r, key, value);
    else if (key == KEY_INITIATOR_NAME || (key == KEY_TARGET_NAME && where != KEY_FULL_FEATURE))
        take_name(r, key, value);
    else if (has_range(key))
        judge_number_proposed(r, key, value);
}

/* --- texts of the initiator --- */

static void judge_send_targets(struct referee *r, struct span value)
{
    r->text.targets = true;
    if (span_is(value, "All") && !r->session->discovery)
        foul(r, RULE_Y2, "SendTargets=All in a normal session");
}

static void judge_pair(struct referee *r, uint8_t where, struct span name, struct span value)
{
    enum wire_key key = key_find(name);
    if (key == KEY_UNKNOWN) {
        r->bargain.unknown_answered += constant_of(value) == CONSTANT_NOT_UNDERSTOOD;
        r->bargain.vendor |=
            constant_of(value) == CONSTANT_NONE && name.len > 2 && memcmp(name.at, "X-", 2) == 0;
        return;
    }
    if (r->bargain.proposed & bit(key))
        judge_answer(r, key, value);
    else
        judge_proposal(r, key, value, where);
    r->bargain.sent |= bit(key);
    if (key == KEY_SEND_TARGETS && where == KEY_FULL_FEATURE)
        judge_send_targets(r, value);
}

static void judge_debts(struct referee *r)
{
    const struct bargain *b = &r->bargain;
    for (int key = 0; key < KEY_COUNT; key++)
        if (b->due & bit((enum wire_key)key))
            foul(r, RULE_T4, "%s is not answered", name_of((enum wire_key)key));
    if (b->unknown_answered < b->unknown_due)
        foul(r, RULE_T5, "of %u unknown keys %u are answered NotUnderstood", b->unknown_due,
             b->unknown_answered);
}

static void clear_debts(struct bargain *b)
{
    b->proposed = b->due = 0;
    b->unknown_due = b->unknown_answered = 0;
}

/* A whole text of the initiator, sent in the stage `where` (enum key_where). */
bool judge_pairs(struct referee *r, uint8_t where)
{
    struct reader text = reader_over(r->mine.bytes, r->mine.len);
    struct span name, value;
    enum text_next next = TEXT_END;
    r->bargain.pairs = 0;
    r->chap.keys = 0;
    while (!r->mine.cut && (next = text_next(&text, &name, &value)) == TEXT_PAIR) {
        r->bargain.pairs++;
        judge_pair(r, where, name, value);
    }
    if (next == TEXT_BAD)
        foul(r, RULE_T1, "the text is malformed behind %u pairs", r->bargain.pairs);
    if (r->bargain.vendor && r->session->discovery)
        foul(r, RULE_T20, "a key that begins with X-");
    r->bargain.vendor = false;
    bool whole = !r->mine.cut && next != TEXT_BAD;
    if (whole)
        judge_debts(r);
    clear_debts(&r->bargain);
    if (whole && where == KEY_SECURITY)
        judge_chap_text(r);
    return whole;
}

/* --- texts of the target --- */

static void note_proposal(struct referee *r, enum wire_key key, struct span value)
{
    struct bargain *b = &r->bargain;
    uint32_t number = 0;
    if (key_rows[key].type == KEY_LIST)
        number = key_choices_read(key, value);
    else if (key_rows[key].type != KEY_OBSOLETE && !key_value_read(key, value, &number))
        return;
    b->offer[key] = number;
    b->proposed |= bit(key);
    if (is_settled(key, number))
        settle(r, key, number);
    else
        b->due |= bit(key);
}

static void note_declaration(struct referee *r, enum wire_key key, struct span value)
{
    struct bargain *b = &r->bargain;
    uint32_t number;
    uint64_t group;
    if (key == KEY_MAX_RECV_DATA_SEGMENT_LENGTH && key_value_read(key, value, &number) &&
        (r->phase == SEEN_LOGIN || number > b->limit)) /* a lower one may still be on its way */
        b->limit = number;
    if (key == KEY_TARGET_PORTAL_GROUP_TAG && span_number(value, &group))
        r->session->group = (int32_t)(group & 0xffff);
}

static void note_result(struct referee *r, enum wire_key key, struct span value)
{
    uint32_t number;
    r->bargain.asked &= ~bit(key);
    if (key_value_read(key, value, &number))
        settle(r, key, number);
}

static void note_pair(struct referee *r, struct span name, struct span value)
{
    enum wire_key key = key_find(name);
    if (key == KEY_UNKNOWN)
        r->bargain.unknown_due += constant_of(value) == CONSTANT_NONE;
    else if (is_chap(key))
        note_chap_key(r, key, value);
    else if (r->bargain.asked & bit(key))
        note_result(r, key, value);
    else if (is_negotiated(key) && constant_of(value) == CONSTANT_NONE)
        note_proposal(r, key, value);
    else
        note_declaration(r, key, value);
}

/* A whole text of the target. */
void note_pairs(struct referee *r)
{
    struct reader text = reader_over(r->theirs.bytes, r->theirs.len);
    struct span name, value;
    while (!r->theirs.cut && text_next(&text, &name, &value) == TEXT_PAIR)
        note_pair(r, name, value);
}
