/* SPDX-License-Identifier: MIT */
/* CHAP as far as it shows on the wire (RFC 7143 12.1.3, 9.2.1). */
#include "referee/court.h"

#define MD5        5 /* RFC 1994 */
#define KEY(name)  (1u << (KEY_CHAP_##name - KEY_CHAP_A))
#define ONE_WAY    (KEY(N) | KEY(R))
#define BOTH_WAYS  (ONE_WAY | KEY(I) | KEY(C))
#define CHAP_I_MAX 255u

static bool lists(struct span list, uint64_t algorithm)
{
    struct span item;
    uint64_t number;
    while (span_item(&list, &item))
        if (span_number(item, &number) && number == algorithm)
            return true;
    return false;
}

static bool reflects(const struct chap_seen *c, struct span value)
{
    uint8_t own[sizeof c->challenge];
    long len = span_binary(value, own, sizeof own);
    return len > 0 && len == c->challenge_len && memcmp(own, c->challenge, (size_t)len) == 0;
}

void judge_chap_key(struct referee *r, enum wire_key key, struct span value)
{
    uint64_t number;
    r->chap.keys |= 1u << (key - KEY_CHAP_A);
    if (key == KEY_CHAP_A && !lists(value, MD5))
        foul(r, RULE_H1, "CHAP_A does not list MD5");
    if (key == KEY_CHAP_I && (!span_number(value, &number) || number > CHAP_I_MAX))
        foul(r, RULE_T2, "CHAP_I is no number from 0 to 255");
    if (key == KEY_CHAP_C && reflects(&r->chap, value))
        foul(r, RULE_H6, "CHAP_C is the target's own");
}

static void advance(struct referee *r, uint32_t keys)
{
    struct chap_seen *c = &r->chap;
    if (keys == KEY(A) && c->stage == CHAP_CHOSEN)
        c->stage = CHAP_LISTED;
    else if ((keys == ONE_WAY || keys == BOTH_WAYS) && c->stage == CHAP_CHALLENGED)
        c->stage = CHAP_ANSWERED;
    else if (keys)
        foul(r, RULE_H10, "CHAP keys out of order, or not those that go together");
    else if (c->stage == CHAP_CHOSEN || c->stage == CHAP_CHALLENGED)
        foul(r, RULE_H10,
             c->stage == CHAP_CHOSEN ? "CHAP was agreed, but CHAP_A does not follow"
                                     : "no answer follows the challenge");
}

/* A whole text of the security stage. */
void judge_chap_text(struct referee *r)
{
    advance(r, r->chap.keys);
}

void note_chap_key(struct referee *r, enum wire_key key, struct span value)
{
    struct chap_seen *c = &r->chap;
    if (key != KEY_CHAP_C)
        return;
    c->challenge_len = span_binary(value, c->challenge, sizeof c->challenge);
    if (c->stage == CHAP_LISTED)
        c->stage = CHAP_CHALLENGED;
}
