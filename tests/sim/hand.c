/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "hand.h"

#define TEXT_MAX 8192u

struct puppet *hand_new(const struct pair_config *config)
{
    struct pair_config c;
    if (!config)
        pair_config_init(&c, 9);
    struct pair *p = pair_new(config ? config : &c);
    struct puppet *u = puppet_new(p, p->ic);
    puppet_expect(u, WIRE_LOGIN_REQUEST);
    return u;
}

void hand_again(struct puppet *u)
{
    pair_drop(u->pair);
    pair_reconnect(u->pair);
    u->heard_len = 0;
    u->events = 0;
    puppet_expect(u, WIRE_LOGIN_REQUEST);
}

struct pair_config hand_chap(bool mutual)
{
    struct pair_config c;
    pair_config_init(&c, 9);
    c.user = USER;
    c.secret = SECRET;
    c.mutual_user = mutual ? PEER : NULL;
    c.mutual_secret = mutual ? PROOF : NULL;
    return c;
}

/* --- saying --- */

void hand_bytes(struct puppet *u, const struct hand *a, const void *text, uint32_t len)
{
    uint8_t bhs[WIRE_BHS_LEN];
    struct wire_login_response r = {.transit = a->nsg != a->csg,
                                    .csg = a->csg,
                                    .nsg = a->nsg,
                                    .more = a->more,
                                    .version_active = a->version,
                                    .tsih = a->nsg == WIRE_STAGE_FULL_FEATURE ? 5 : 0,
                                    .itt = a->itt,
                                    .window = {u->victim->exp_stat_sn, 1, 20},
                                    .status_class = (uint8_t)(a->status >> 8),
                                    .status_detail = (uint8_t)a->status};
    put_login_response(bhs, &r);
    puppet_say(u, bhs, text, len);
}

void hand_say(struct puppet *u, const struct hand *a)
{
    static char text[TEXT_MAX];
    uint32_t len = a->text ? (uint32_t)strlen(a->text) : 0;
    assert_true(len <= sizeof text);
    for (uint32_t i = 0; i < len; i++)
        text[i] = a->text[i] == '\n' ? '\0' : a->text[i];
    hand_bytes(u, a, text, len);
}

void hand_listed(struct puppet *u)
{
    hand_say(u, &(struct hand){.text = "AuthMethod=CHAP\nTargetPortalGroupTag=1\n"});
    puppet_expect(u, WIRE_LOGIN_REQUEST);
    assert_string_equal((const char *)u->data, "CHAP_A=7,6,5");
}

void hand_challenge(struct puppet *u, const char *text)
{
    hand_listed(u);
    hand_say(u, &(struct hand){.text = text});
    puppet_expect(u, WIRE_LOGIN_REQUEST);
    assert_int_equal(u->bhs[1], 0x81); /* T, on to the operational stage */
}

struct puppet *hand_challenged(bool mutual)
{
    struct pair_config c = hand_chap(mutual);
    struct puppet *u = hand_new(&c);
    hand_challenge(u, CHALLENGE);
    return u;
}

void hand_operational(struct puppet *u)
{
    puppet_expect(u, WIRE_LOGIN_REQUEST);
    assert_int_equal(u->bhs[1], 0x87); /* T, from the operational stage on */
    hand_say(u, &(struct hand){.csg = 1,
                               .nsg = 3,
                               .text = "MaxRecvDataSegmentLength=4096\nInitialR2T=Yes\n"
                                       "ImmediateData=Yes\nMaxBurstLength=8192\n"
                                       "FirstBurstLength=8192\nMaxOutstandingR2T=1\n"
                                       "HeaderDigest=None\nDataDigest=None\n"});
    puppet_fails(u, CONN_EV_LOGGED_IN, BERTH_OK);
    assert_true(session_up(u->pair->is));
}

/* --- hearing --- */

struct span hand_heard(const struct puppet *u, const char *name)
{
    struct reader r = reader_over(u->data, u->data_len);
    struct span key, value;
    while (text_next(&r, &key, &value) == TEXT_PAIR)
        if (span_is(key, name))
            return value;
    return (struct span){"", 0};
}

void hand_prove(const struct puppet *u, const char *name, const char *secret, char *text, size_t size)
{
    uint64_t id;
    uint8_t challenge[CHAP_CHALLENGE_MAX], response[WIRE_HASH_MAX];
    assert_true(span_number(hand_heard(u, "CHAP_I"), &id));
    long len = span_binary(hand_heard(u, "CHAP_C"), challenge, sizeof challenge);
    assert_int_equal(len, CHAP_CHALLENGE_LEN);
    size_t n = chap_response(u->pair->isc.crypto, WIRE_CHAP_MD5, (uint8_t)id, secret, strlen(secret),
                             challenge, (size_t)len, response);
    struct writer w = writer_over(text, size);
    text_put(&w, "CHAP_N", name);
    text_put_hex(&w, "CHAP_R", response, n);
    for (size_t i = 0; i < writer_len(&w); i++)
        if (!text[i])
            text[i] = '\n';
    text[writer_len(&w)] = 0;
}

void hand_refused(struct puppet *u, int error, const char *words)
{
    uint32_t events = puppet_drain(u);
    const char *rule = events == 1 && u->event.rule ? u->event.rule : "";
    if (u->event.error != error || !strstr(rule, words))
        fail_msg("%u events, %s: %s, not %s: %s", events, berth_error_name(u->event.error), rule,
                 berth_error_name(error), words);
    assert_int_equal(u->event.kind, CONN_EV_LOGIN_FAILED);
    assert_false(puppet_hear(u));
    assert_false(session_up(u->pair->is));
}
