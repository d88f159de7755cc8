/* SPDX-License-Identifier: MIT */
/* The machine that runs a negotiation (RFC 7143 6.2) over the key table. */
#include "wire/keys.h"

#define OFFER_TEXT_MAX 64u /* the longest list or number that we write */

static uint64_t bit(enum wire_key key)
{
    return (uint64_t)1 << key;
}

static uint8_t peer_of(const struct negotiation *n)
{
    return n->role == ROLE_INITIATOR ? ROLE_TARGET : ROLE_INITIATOR;
}

/* Do the rules of stage, side and connection let `role` begin with this key here? */
static bool may_send(const struct negotiation *n, enum wire_key key, uint8_t role, uint8_t where)
{
    uint8_t row = key_rows[key].where, side = role == ROLE_INITIATOR ? KEY_BY_INITIATOR : KEY_BY_TARGET;
    if (!(row & where) || !(row & side) || ((row & KEY_LEADING) && !n->leading))
        return false;
    /* 13.4: the initiator names a target in login, the target names targets when asked for a list */
    return key != KEY_TARGET_NAME || (role == ROLE_TARGET) == (where == KEY_FULL_FEATURE);
}

static bool other_transport(const struct negotiation *n, enum wire_key key)
{
    return key_rows[key].transport != KEY_ANY_TRANSPORT && key_rows[key].transport != n->transport;
}

static bool irrelevant(const struct negotiation *n, enum wire_key key)
{
    return other_transport(n, key) || (n->discovery && (key_rows[key].where & KEY_NOT_DISCOVERY));
}

/* What we want, after what the session dictates: no recovery in a discovery session (7.4.1). */
static uint32_t ours(const struct negotiation *n, enum wire_key key)
{
    return n->discovery && key == KEY_ERROR_RECOVERY_LEVEL ? 0 : n->mine[key];
}

/* A value in the shape of an offer. */
static uint32_t as_offer(enum wire_key key, uint32_t value)
{
    return key_rows[key].type == KEY_LIST ? CHOICES1(value) : value;
}

/* Could `value` be the result of our offer with some answer? */
static bool admissible(const struct negotiation *n, enum wire_key key, uint32_t value)
{
    return key_result(key, ours(n, key), as_offer(key, value)) == value;
}

/* Can we go on if the key stays at its default? */
static bool default_will_do(const struct negotiation *n, enum wire_key key)
{
    const struct key_row *row = &key_rows[key];
    switch ((enum key_type)row->type) {
    case KEY_DECLARED_NUMBER:
        return row->initial <= n->mine[key]; /* the peer sends no more than we can take */
    case KEY_DECLARED_CHOICE:
        return row->initial == n->mine[key];
    case KEY_DECLARED_TEXT:
    case KEY_AUTH:
    case KEY_OBSOLETE:
        return true;
    default:
        return admissible(n, key, row->initial);
    }
}

static int stay_at_default(const struct negotiation *n, enum wire_key key)
{
    return default_will_do(n, key) ? NEGOTIATION_OK : NEGOTIATION_REFUSED;
}

/* Is the outcome certain whatever the peer says (6.2.2)? */
static bool settled_by_us(const struct negotiation *n, enum wire_key key)
{
    uint8_t type = key_rows[key].type;
    return (type == KEY_BOOL_AND && !ours(n, key)) || (type == KEY_BOOL_OR && ours(n, key));
}

void negotiation_init(struct negotiation *n, enum wire_role role)
{
    memset(n, 0, sizeof *n);
    n->role = (uint8_t)role;
    n->transport = KEY_TCP_ONLY;
    n->leading = true;
    for (int key = 0; key < KEY_COUNT; key++) {
        n->agreed[key] = key_rows[key].initial;
        n->mine[key] = n->theirs[key] = as_offer((enum wire_key)key, key_rows[key].initial);
    }
}

static uint32_t clamp(const struct key_row *row, uint32_t value)
{
    if (value < row->min)
        return row->min;
    return value > row->max ? row->max : value;
}

void negotiation_want(struct negotiation *n, enum wire_key key, uint32_t mine)
{
    n->mine[key] = key_rows[key].type == KEY_LIST ? mine : clamp(&key_rows[key], mine);
    n->wanted |= bit(key);
    if (key == KEY_SESSION_TYPE)
        n->discovery = n->mine[key] == SESSION_DISCOVERY;
}

/* --- offering --- */

static bool has_value(enum wire_key key)
{
    return key_rows[key].max > 0;
}

static bool declared(enum wire_key key)
{
    uint8_t type = key_rows[key].type;
    return type == KEY_DECLARED_NUMBER || type == KEY_DECLARED_CHOICE || type == KEY_DECLARED_TEXT;
}

static bool to_be_offered(const struct negotiation *n, enum wire_key key, uint8_t where)
{
    bool sent = where != KEY_FULL_FEATURE && (n->sent & bit(key));
    return (n->wanted & bit(key)) && !sent && has_value(key) && may_send(n, key, n->role, where) &&
           !irrelevant(n, key);
}

static void write_offer(const struct negotiation *n, enum wire_key key, struct writer *w)
{
    char text[OFFER_TEXT_MAX];
    if (key_rows[key].type == KEY_LIST)
        key_choices_text(key, n->mine[key], text, sizeof text);
    else
        key_value_text(key, ours(n, key), text, sizeof text);
    text_put(w, key_rows[key].name, text);
}

static void offered(struct negotiation *n, enum wire_key key)
{
    n->wanted &= ~bit(key);
    n->sent |= bit(key);
    if (!declared(key))
        n->open |= bit(key);
    if (key == KEY_SESSION_TYPE || settled_by_us(n, key))
        n->agreed[key] = ours(n, key);
}

void negotiation_offer(struct negotiation *n, uint8_t where, struct writer *w)
{
    for (int i = 0; i < KEY_COUNT; i++) {
        enum wire_key key = (enum wire_key)i;
        if (!to_be_offered(n, key, where))
            continue;
        write_offer(n, key, w);
        if (w->ok)
            offered(n, key);
    }
}

/* --- taking: answers --- */

static int take_no_value(struct negotiation *n, enum wire_key key, enum constant constant)
{
    n->open &= ~bit(key);
    n->received |= bit(key);
    if (constant == CONSTANT_IRRELEVANT && key_rows[key].type != KEY_LIST)
        return NEGOTIATION_OK;
    return stay_at_default(n, key);
}

/* None, where it was not offered: nobody may choose so (6.2.1), but what it means is clear, and it happens.
 */
static bool chose_default(enum wire_key key, uint32_t answer)
{
    return key_rows[key].type == KEY_LIST && answer == key_rows[key].initial;
}

static int take_answer(struct negotiation *n, enum wire_key key, struct span value)
{
    enum constant constant = constant_of(value);
    uint32_t answer;
    if (constant != CONSTANT_NONE)
        return take_no_value(n, key, constant);
    if (!key_value_read(key, value, &answer))
        return NEGOTIATION_BAD;
    if (!admissible(n, key, answer))
        return chose_default(key, answer) ? take_no_value(n, key, CONSTANT_REJECT) : NEGOTIATION_BAD;
    n->open &= ~bit(key);
    n->received |= bit(key);
    n->theirs[key] = as_offer(key, answer);
    n->agreed[key] = answer;
    return NEGOTIATION_OK;
}

/* Does the peer send our own declaration back with a word why it will not have it? Declared texts are written
 * by the caller, so that `sent` does not know them; then it is enough that the peer has no right to the key.
 */
static bool is_complaint(const struct negotiation *n, enum wire_key key, uint8_t where, struct span value)
{
    return declared(key) && constant_of(value) != CONSTANT_NONE && may_send(n, key, n->role, where) &&
           ((n->sent & bit(key)) || !may_send(n, key, peer_of(n), where));
}

static int take_complaint(const struct negotiation *n, enum wire_key key, enum constant constant)
{
    if (constant == CONSTANT_IRRELEVANT)
        return NEGOTIATION_OK;
    if (constant == CONSTANT_REJECT && key_rows[key].type == KEY_DECLARED_TEXT)
        return NEGOTIATION_REFUSED;
    return stay_at_default(n, key);
}

/* --- taking: offers and declarations --- */

static int answer(struct negotiation *n, enum wire_key key, const char *text, struct writer *w)
{
    text_put(w, key_rows[key].name, text);
    if (!w->ok)
        return NEGOTIATION_FULL;
    n->received |= bit(key);
    n->sent |= bit(key);
    return NEGOTIATION_OK;
}

static bool read_offer(enum wire_key key, struct span value, uint32_t *offer)
{
    if (key_rows[key].type != KEY_LIST)
        return key_value_read(key, value, offer);
    *offer = key_choices_read(key, value);
    return true;
}

static int take_offer(struct negotiation *n, enum wire_key key, struct span value, struct writer *w)
{
    char text[OFFER_TEXT_MAX];
    uint32_t offer = 0, result = UINT32_MAX;
    if (irrelevant(n, key))
        return answer(n, key, "Irrelevant", w);
    if (read_offer(key, value, &offer))
        result = key_result(key, offer, ours(n, key));
    if (result == UINT32_MAX) {
        int r = answer(n, key, "Reject", w);
        return r == NEGOTIATION_OK ? stay_at_default(n, key) : r;
    }
    key_value_text(key, result, text, sizeof text);
    if (answer(n, key, text, w) != NEGOTIATION_OK)
        return NEGOTIATION_FULL;
    n->theirs[key] = offer;
    n->agreed[key] = result;
    return NEGOTIATION_OK;
}

static int take_declaration(struct negotiation *n, enum wire_key key, struct span value)
{
    uint32_t declaration;
    if (!other_transport(n, key)) {
        if (!key_value_read(key, value, &declaration))
            return NEGOTIATION_BAD;
        n->theirs[key] = declaration;
    }
    if (key == KEY_SESSION_TYPE) {
        n->agreed[key] = n->theirs[key];
        n->discovery = n->theirs[key] == SESSION_DISCOVERY;
    }
    n->received |= bit(key);
    return NEGOTIATION_OK;
}

static int take_new(struct negotiation *n, enum wire_key key, struct span value, struct writer *w)
{
    switch ((enum key_type)key_rows[key].type) {
    case KEY_DECLARED_TEXT:
    case KEY_AUTH:
        n->received |= bit(key);
        return NEGOTIATION_OK;
    case KEY_DECLARED_NUMBER:
    case KEY_DECLARED_CHOICE:
        return take_declaration(n, key, value);
    default:
        break;
    }
    if (constant_of(value) != CONSTANT_NONE)
        return NEGOTIATION_BAD;
    return key_rows[key].type == KEY_OBSOLETE ? answer(n, key, "Reject", w) : take_offer(n, key, value, w);
}

/* A constant is never answered: two sides would throw NotUnderstood at each other for ever. */
static int take_unknown(struct span key, struct span value, struct writer *w)
{
    if (constant_of(value) != CONSTANT_NONE)
        return NEGOTIATION_BAD;
    text_put_span(w, key, "NotUnderstood");
    return w->ok ? NEGOTIATION_OK : NEGOTIATION_FULL;
}

static bool repeated(const struct negotiation *n, enum wire_key key, uint8_t where)
{
    return where != KEY_FULL_FEATURE && key != KEY_TARGET_ADDRESS && (n->received & bit(key));
}

int negotiation_take(struct negotiation *n, uint8_t where, struct span key, struct span value,
                     struct writer *w, enum wire_key *offender)
{
    enum wire_key found = *offender = key_find(key);
    if (n->pairs >= TEXT_PAIRS_MAX)
        return NEGOTIATION_FULL;
    n->pairs++;
    if (found == KEY_UNKNOWN)
        return take_unknown(key, value, w);
    if (n->open & bit(found))
        return take_answer(n, found, value);
    if (is_complaint(n, found, where, value))
        return take_complaint(n, found, constant_of(value));
    if (!may_send(n, found, peer_of(n), where) || repeated(n, found, where))
        return NEGOTIATION_BAD;
    return take_new(n, found, value, w);
}

/* --- after the last round --- */

/* Not every open offer needs its answer: see negotiation_check(). */
static bool answer_missing(const struct negotiation *n, enum wire_key key)
{
    return (n->open & bit(key)) && !settled_by_us(n, key) && key != KEY_TASK_REPORTING &&
           key != KEY_PROTOCOL_LEVEL;
}

static bool first_burst_too_long(const struct negotiation *n)
{
    const uint32_t *v = n->agreed;
    bool used = !v[KEY_INITIAL_R2T] || v[KEY_IMMEDIATE_DATA];
    return used && (n->received & bit(KEY_FIRST_BURST_LENGTH)) &&
           v[KEY_FIRST_BURST_LENGTH] > v[KEY_MAX_BURST_LENGTH];
}

static bool too_many_r2t(const struct negotiation *n)
{
    const uint32_t *v = n->agreed;
    return v[KEY_ERROR_RECOVERY_LEVEL] > 0 && v[KEY_DATA_SEQUENCE_IN_ORDER] && v[KEY_MAX_OUTSTANDING_R2T] > 1;
}

int negotiation_check(const struct negotiation *n, enum wire_key *offender)
{
    for (int key = 0; key < KEY_COUNT; key++) {
        *offender = (enum wire_key)key;
        if (answer_missing(n, *offender))
            return NEGOTIATION_BAD;
    }
    *offender = KEY_FIRST_BURST_LENGTH;
    if (first_burst_too_long(n))
        return NEGOTIATION_BAD;
    *offender = KEY_MAX_OUTSTANDING_R2T;
    return too_many_r2t(n) ? NEGOTIATION_BAD : NEGOTIATION_OK;
}
