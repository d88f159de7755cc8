/* SPDX-License-Identifier: MIT */
/* Login text, as far as both roles do the same (RFC 7143 6.2, 6.3). */
#include "proto/core.h"

_Static_assert(CONN_CONTROL_MAX <= TEXT_TOTAL_MAX, "the control buffer bounds the text of a login");

bool login_collect(struct conn *c, const struct pdu *pdu, bool more, struct reader *text)
{
    uint32_t have = c->control_have + pdu->data_len;
    c->control_have = more ? have : 0;
    *text = reader_over(c->control, have);
    return !more;
}

void login_forget(struct conn *c, uint32_t len)
{
    explicit_bzero(c->stage, c->rx.stage_begin);
    if (c->control_have == 0)
        explicit_bzero(c->control, len);
}

/* --- one pair --- */

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
        return login_take_chap(c, k, value, chap) ? NEGOTIATION_OK : NEGOTIATION_BAD;
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
