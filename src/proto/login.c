/* SPDX-License-Identifier: MIT */
/* Login text and CHAP, as far as both roles do the same (RFC 7143 6.2, 6.3, 12.1.3). */
#include "proto/core.h"

bool login_collect(struct conn *c, const struct pdu *pdu, bool more, struct reader *text)
{
    uint32_t have = c->control_have + pdu->data_len;
    c->control_have = more ? have : 0;
    *text = reader_over(c->control, have);
    return !more;
}

/* --- one pair --- */

static bool take_byte(struct span value, uint8_t *out)
{
    uint64_t number;
    if (!span_number(value, &number) || number > 255)
        return false;
    *out = (uint8_t)number;
    return true;
}

static bool take_binary(struct span value, uint8_t *to, size_t max, size_t *len)
{
    long n = span_binary(value, to, max);
    *len = n > 0 ? (size_t)n : 0;
    return n > 0;
}

static bool take_chap(struct conn *c, enum wire_key key, struct span value, struct chap_keys *chap)
{
    if (chap->seen & CHAP_BIT(key) || c->login.csg != WIRE_STAGE_SECURITY || !c->login.chap_on)
        return false; /* twice, or at a time when there is no CHAP conversation */
    chap->seen |= (uint8_t)CHAP_BIT(key);
    switch (key) {
    case KEY_CHAP_A:
        chap->list = value;
        return c->role == ROLE_TARGET || take_byte(value, &chap->algorithm);
    case KEY_CHAP_I:
        return take_byte(value, &chap->id);
    case KEY_CHAP_C:
        return take_binary(value, chap->challenge, sizeof chap->challenge, &chap->challenge_len);
    case KEY_CHAP_R:
        return take_binary(value, chap->response, sizeof chap->response, &chap->response_len);
    default:
        chap->name = value;
        return value.len <= CHAP_NAME_MAX;
    }
}

static bool take_group(struct login *l, struct span value)
{
    uint64_t group;
    if (!span_number(value, &group) || group > 65535)
        return false;
    l->portal_group = (int32_t)group;
    return true;
}

static bool take_text(struct login *l, enum wire_key key, struct span value)
{
    switch (key) {
    case KEY_INITIATOR_NAME:
        return name_valid(value) && span_copy(value, l->initiator_name, sizeof l->initiator_name);
    case KEY_TARGET_NAME:
        return name_valid(value) && span_copy(value, l->target_name, sizeof l->target_name);
    case KEY_INITIATOR_ALIAS:
        return span_copy(value, l->initiator_alias, sizeof l->initiator_alias);
    case KEY_TARGET_ALIAS:
        return span_copy(value, l->target_alias, sizeof l->target_alias);
    case KEY_TARGET_PORTAL_GROUP_TAG:
        return take_group(l, value);
    case KEY_TARGET_ADDRESS:
        return portal_parse(value, &l->redirect);
    default:
        return true;
    }
}

static int take_pair(struct conn *c, struct span key, struct span value, struct writer *w,
                     struct chap_keys *chap, enum wire_key *offender)
{
    struct login *l = &c->login;
    uint8_t where = l->csg == WIRE_STAGE_SECURITY ? KEY_SECURITY : KEY_OPERATIONAL;
    int result = negotiation_take(&l->keys, where, key, value, w, offender);
    enum wire_key k = key_find(key);
    if (result != NEGOTIATION_OK || k == KEY_UNKNOWN)
        return result;
    *offender = k;
    if (k == KEY_AUTH_METHOD)
        l->chap_on = l->keys.agreed[KEY_AUTH_METHOD] == AUTH_CHAP;
    if (key_rows[k].type == KEY_AUTH)
        return take_chap(c, k, value, chap) ? NEGOTIATION_OK : NEGOTIATION_BAD;
    return take_text(l, k, value) ? NEGOTIATION_OK : NEGOTIATION_BAD;
}

int login_take(struct conn *c, struct reader *text, struct writer *w, struct chap_keys *chap,
               enum wire_key *offender)
{
    struct span key, value;
    enum text_next next;
    *offender = KEY_UNKNOWN;
    while ((next = text_next(text, &key, &value)) == TEXT_PAIR) {
        int result = take_pair(c, key, value, w, chap, offender);
        if (result != NEGOTIATION_OK)
            return result;
        if (!w->ok)
            return NEGOTIATION_FULL;
    }
    return next == TEXT_END ? NEGOTIATION_OK : NEGOTIATION_BAD;
}

/* --- CHAP --- */

bool login_challenge(struct conn *c, struct writer *w)
{
    struct login *l = &c->login;
    const struct wire_crypto *crypto = c->session->config.crypto;
    if (!crypto->random(l->challenge, sizeof l->challenge) || !crypto->random(&l->chap_id, 1))
        return false;
    text_put_number(w, "CHAP_I", l->chap_id);
    text_put_hex(w, "CHAP_C", l->challenge, sizeof l->challenge);
    return w->ok;
}

/* A challenge that is ours comes from somebody who wants us to do his homework (9.2.1). */
static bool reflected(const struct login *l, const struct chap_keys *chap)
{
    return chap->challenge_len == sizeof l->challenge &&
           chap_equal(chap->challenge, l->challenge, sizeof l->challenge);
}

bool login_answer(struct conn *c, const struct login_credentials *who, const struct chap_keys *chap,
                  struct writer *w)
{
    uint8_t response[WIRE_HASH_MAX];
    if (!who->name || chap->challenge_len < CHAP_CHALLENGE_MIN || reflected(&c->login, chap))
        return false;
    size_t len = chap_response(c->session->config.crypto, c->login.algorithm, chap->id, who->secret,
                               who->secret_len, chap->challenge, chap->challenge_len, response);
    if (len == 0)
        return false;
    text_put(w, "CHAP_N", who->name);
    text_put_hex(w, "CHAP_R", response, len);
    return w->ok;
}

bool login_verify(struct conn *c, const struct login_credentials *who, const struct chap_keys *chap)
{
    struct login *l = &c->login;
    uint8_t wanted[WIRE_HASH_MAX];
    size_t len = chap_response(c->session->config.crypto, l->algorithm, l->chap_id, who->secret,
                               who->secret_len, l->challenge, sizeof l->challenge, wanted);
    bool name_ok = who->name && span_is(chap->name, who->name);
    bool response_ok = len > 0 && chap->response_len == len && chap_equal(chap->response, wanted, len);
    explicit_bzero(wanted, sizeof wanted);
    if (!name_ok || !response_ok || !span_copy(chap->name, l->chap_name, sizeof l->chap_name))
        return false;
    l->peer_proved = true;
    l->chap_step = CHAP_PASSED;
    return true;
}
