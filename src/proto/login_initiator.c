/* SPDX-License-Identifier: MIT */
/* The initiator's login (RFC 7143 6.3): security stage, operational stage, full feature phase. */
#include "proto/core.h"

static void give_up(struct conn *c, int error, const char *rule)
{
    if (c->failed)
        return;
    c->failed = true;
    struct conn_event *ev = conn_raise(c, CONN_EV_LOGIN_FAILED);
    ev->error = error;
    ev->rule = rule;
    ev->login_status = c->login.status;
}

/* Sends the text in the outbox' data area as the next Login Request; nsg == csg means no transit. */
static void request(struct conn *c, uint8_t nsg, uint32_t len)
{
    struct login *l = &c->login;
    const struct session *s = c->session;
    uint8_t bhs[WIRE_BHS_LEN];
    struct wire_login_request r = {.transit = nsg != l->csg,
                                   .csg = l->csg,
                                   .nsg = nsg != l->csg ? nsg : 0,
                                   .tsih = s->tsih,
                                   .cid = c->config.cid,
                                   .itt = l->itt};
    memcpy(r.isid, s->config.isid, sizeof r.isid);
    put_login_request(bhs, &r);
    l->nsg = nsg;
    outbox_push(c, bhs, len);
}

static struct writer text_area(struct conn *c)
{
    return writer_over(c->out.data, sizeof c->out.data);
}

/* The first request names both ends (13.4, 13.5). Without CHAP it asks for None and for the next stage at
 * once. */
void login_begin(struct conn *c)
{
    struct login *l = &c->login;
    const struct login_config *cfg = l->config;
    struct writer w = text_area(c);
    bool chap = cfg->mine.name != NULL;

    login_enter(c, WIRE_STAGE_SECURITY);
    l->itt = 0;
    text_put(&w, "InitiatorName", cfg->initiator_name);
    if (cfg->initiator_alias)
        text_put(&w, "InitiatorAlias", cfg->initiator_alias);
    text_put(&w, "SessionType", cfg->discovery ? "Discovery" : "Normal");
    if (cfg->target_name)
        text_put(&w, "TargetName", cfg->target_name);
    negotiation_want(&l->keys, KEY_AUTH_METHOD, chap ? CHOICES1(AUTH_CHAP) : CHOICES1(AUTH_NONE));
    negotiation_offer(&l->keys, KEY_SECURITY, &w);
    request(c, chap ? WIRE_STAGE_SECURITY : WIRE_STAGE_OPERATIONAL, (uint32_t)writer_len(&w));
}

/* --- the answer's header --- */

/* Refused before we have shown anything: what we show cannot be the reason, but that we want to may be. */
static int auth_error(const struct login *l)
{
    if (!l->config->mine.name)
        return BERTH_E_AUTH_REQUIRED;
    return l->chap_step < CHAP_SENT_RESPONSE ? BERTH_E_AUTH_DOWNGRADE : BERTH_E_AUTH;
}

/* A target says so, too, when none of the algorithms will do. */
static const char *status_words(const struct login *l)
{
    if (l->status == WIRE_LOGIN_AUTH_FAILURE && l->chap_step == CHAP_SENT_LIST)
        return "it takes none of the CHAP algorithms that we offer (12.1.3)";
    return wire_login_status_text(l->status);
}

static int status_error(const struct login *l)
{
    switch (l->status) {
    case WIRE_LOGIN_AUTH_FAILURE:
        return auth_error(l);
    case WIRE_LOGIN_NOT_FOUND:
    case WIRE_LOGIN_REMOVED:
        return BERTH_E_NO_TARGET;
    case WIRE_LOGIN_TARGET_ERROR:
    case WIRE_LOGIN_UNAVAILABLE:
    case WIRE_LOGIN_OUT_OF_RESOURCES:
    case WIRE_LOGIN_TOO_MANY_CONNECTIONS:
        return BERTH_E_BUSY;
    default:
        return BERTH_E_LOGIN;
    }
}

/* Before its data is waited for: only what answers us is believed to be a Login Response at all. */
bool login_response_begin(struct conn *c, struct pdu *pdu)
{
    const struct login *l = &c->login;
    struct wire_login_response r;
    get_login_response(pdu->bhs, &r);
    if (r.itt == l->itt && (r.version_active == 0 || r.status_class != 0)) /* of a refusal it may be any */
        return true;
    conn_fail(c, l->started ? BERTH_E_PROTOCOL : BERTH_E_NOT_ISCSI,
              "a Login Response that does not belong to the request (11.13)");
    return false;
}

static const char *stage_flaw(const struct login *l, const struct wire_login_response *r)
{
    if (r->csg != l->csg)
        return "a Login Response of another stage (11.13)";
    if (r->transit && (r->nsg != l->nsg || l->nsg == l->csg || r->more))
        return "a stage transition that was not asked for (6.3)";
    return NULL;
}

/* A jump out of the security stage before the end of an authentication that we demand is no mere mistake. */
static int stage_error(const struct login *l, const struct wire_login_response *r)
{
    bool due = l->config->mine.name && l->csg == WIRE_STAGE_SECURITY && l->chap_step != CHAP_PASSED;
    return due && (r->csg != l->csg || r->nsg != l->csg) ? BERTH_E_AUTH_DOWNGRADE : BERTH_E_PROTOCOL;
}

static bool header_ok(struct conn *c, const struct wire_login_response *r)
{
    const struct login *l = &c->login;
    const char *flaw = stage_flaw(l, r);
    if (l->status != 0)
        return true; /* a refusal, or a redirect: the rest of the header hardly matters */
    if (l->started && r->window.stat_sn != c->exp_stat_sn)
        give_up(c, BERTH_E_PROTOCOL, "a gap in StatSN during login (11.13.4)");
    else if (flaw)
        give_up(c, stage_error(l, r), flaw);
    return !c->failed;
}

/* TargetAddress of a redirect (11.13.5) comes in the same response. */
static void redirected(struct conn *c, struct reader *text)
{
    struct span key, value;
    while (text_next(text, &key, &value) == TEXT_PAIR)
        if (span_is(key, "TargetAddress") && portal_parse(value, &c->login.redirect)) {
            c->failed = true;
            conn_raise(c, CONN_EV_REDIRECT)->login_status = c->login.status;
            return;
        }
    give_up(c, BERTH_E_REDIRECT, "a redirect without a usable TargetAddress (11.13.5)");
}

/* --- stages --- */

static const char too_much[] = "the target asks for more than one PDU holds";

static const uint8_t *algorithms(const struct login *l)
{
    return l->config->algorithms;
}

static void chap_list(struct conn *c, struct writer *w)
{
    chap_put_list(w, algorithms(&c->login), c->login.config->algorithm_count);
    login_step(c, CHAP_SENT_LIST);
    request(c, WIRE_STAGE_SECURITY, (uint32_t)writer_len(w));
}

static bool offered(const struct login *l, uint8_t algorithm)
{
    return memchr(algorithms(l), algorithm, l->config->algorithm_count) != NULL;
}

/* Writes the answer to the target's challenge. */
static const char *chap_answer(struct conn *c, const struct chap_keys *chap, struct writer *w)
{
    struct login *l = &c->login;
    const unsigned needed = CHAP_BIT(KEY_CHAP_A) | CHAP_BIT(KEY_CHAP_I) | CHAP_BIT(KEY_CHAP_C);
    if (chap->seen != needed)
        return "a challenge that is incomplete, or comes with more than belongs to it (12.1.3)";
    if (!offered(l, chap->algorithm))
        return "an algorithm that was not offered (12.1.3)";
    l->algorithm = chap->algorithm;
    return login_answer(c, &l->config->mine, chap, w);
}

static void chap_respond(struct conn *c, const struct chap_keys *chap, struct writer *w)
{
    struct login *l = &c->login;
    const char *flaw = chap_answer(c, chap, w);
    if (flaw)
        give_up(c, BERTH_E_CHAP, flaw);
    else if (l->config->peer.name && !login_challenge(c, w))
        give_up(c, BERTH_E_SYSTEM, "there are no random bytes for a challenge");
    else if (!w->ok)
        give_up(c, BERTH_E_LIMIT, too_much);
    else {
        login_step(c, CHAP_SENT_RESPONSE);
        request(c, WIRE_STAGE_OPERATIONAL, (uint32_t)writer_len(w));
    }
}

/* After our answer: the target goes on, and with mutual CHAP it must have proved itself first. */
static bool chap_end(struct conn *c, const struct chap_keys *chap)
{
    const struct login_credentials *peer = &c->login.config->peer;
    const char *flaw = NULL;
    if (!peer->name)
        login_step(c, CHAP_PASSED);
    else if (chap->seen == (CHAP_BIT(KEY_CHAP_N) | CHAP_BIT(KEY_CHAP_R)))
        flaw = login_verify(c, peer, chap);
    else
        flaw = "its CHAP_N or CHAP_R is missing, or comes with other keys (12.1.3)";
    if (!peer->name && chap->seen != 0)
        give_up(c, BERTH_E_CHAP, "a proof that nobody has asked for (12.1.3)");
    else if (flaw)
        give_up(c, BERTH_E_TARGET_AUTH, flaw);
    return !c->failed;
}

/* Requests go on asking for the next stage until the target follows. */
static void ask_to_leave(struct conn *c, struct writer *w)
{
    request(c, WIRE_STAGE_OPERATIONAL, (uint32_t)writer_len(w));
}

static void security(struct conn *c, const struct chap_keys *chap, struct writer *w)
{
    struct login *l = &c->login;
    if (!l->config->mine.name)
        ask_to_leave(c, w); /* the target took its time */
    else if (!l->chap_on)
        give_up(c, BERTH_E_AUTH_DOWNGRADE, "it does not agree to AuthMethod=CHAP (12)");
    else if (l->chap_step == CHAP_IDLE && chap->seen == 0)
        chap_list(c, w);
    else if (l->chap_step == CHAP_SENT_LIST)
        chap_respond(c, chap, w);
    else if (l->chap_step == CHAP_SENT_RESPONSE && (chap->seen == 0 || chap_end(c, chap)))
        ask_to_leave(c, w);
    else if (l->chap_step == CHAP_PASSED && chap->seen == 0)
        ask_to_leave(c, w);
    else if (!c->failed)
        give_up(c, BERTH_E_CHAP, "CHAP keys out of order (12.1.3)");
}

/* Leaving the security stage is the moment of truth: whatever was demanded must have happened. */
static bool may_leave_security(struct conn *c, const struct chap_keys *chap)
{
    const struct login *l = &c->login;
    if (!l->config->mine.name)
        return true;
    if (l->chap_step == CHAP_SENT_RESPONSE && !chap_end(c, chap))
        return false;
    if (l->chap_step != CHAP_PASSED)
        give_up(c, BERTH_E_AUTH_DOWNGRADE, "it goes on without the authentication that we demand (6.3.2)");
    return !c->failed;
}

static void operational(struct conn *c, struct writer *w)
{
    negotiation_offer(&c->login.keys, KEY_OPERATIONAL, w);
    if (w->ok)
        request(c, WIRE_STAGE_FULL_FEATURE, (uint32_t)writer_len(w));
    else
        give_up(c, BERTH_E_LIMIT, too_much);
}

static void full_feature(struct conn *c, const struct wire_login_response *r)
{
    enum wire_key offender = KEY_UNKNOWN;
    if (negotiation_check(&c->login.keys, &offender) != NEGOTIATION_OK) {
        give_up(c, BERTH_E_NEGOTIATION, offender < KEY_COUNT ? key_rows[offender].name : "key");
        return;
    }
    if (r->tsih == 0) {
        give_up(c, BERTH_E_PROTOCOL, "a TSIH of zero for a new session (11.13.3)");
        return;
    }
    c->session->tsih = r->tsih;
    c->session->discovery = c->login.config->discovery;
    conn_enter_full_feature(c);
}

static void advance(struct conn *c, const struct wire_login_response *r, const struct chap_keys *chap,
                    struct writer *w)
{
    struct login *l = &c->login;
    if (r->transit && l->csg == WIRE_STAGE_SECURITY && !may_leave_security(c, chap))
        return;
    if (r->transit)
        login_enter(c, r->nsg);
    if (l->csg == WIRE_STAGE_SECURITY)
        security(c, chap, w);
    else if (l->csg == WIRE_STAGE_OPERATIONAL)
        operational(c, w);
    else
        full_feature(c, r);
}

static bool is_chap(enum wire_key key)
{
    return key < KEY_COUNT && key_rows[key].type == KEY_AUTH;
}

/* Where nothing better is to be said, it is the key's name. */
static const char *text_flaw(const struct login *l, int result, enum wire_key offender,
                             const struct chap_keys *chap)
{
    if (result == NEGOTIATION_FULL)
        return "more keys than one login may have, or more to answer than one PDU holds (6.2)";
    if (offender == KEY_AUTH_METHOD)
        return l->config->mine.name ? "it does not agree to AuthMethod=CHAP (12)"
                                    : "it does not agree to AuthMethod=None (12)";
    if (is_chap(offender))
        return chap->flaw ? chap->flaw : "a CHAP key that comes twice, or where it has no place (12.1.3)";
    if (result == NEGOTIATION_REFUSED && offender == KEY_HEADER_DIGEST)
        return "it does without the header digests that we demand (HeaderDigest, 13.1)";
    if (result == NEGOTIATION_REFUSED && offender == KEY_DATA_DIGEST)
        return "it does without the data digests that we demand (DataDigest, 13.1)";
    return offender < KEY_COUNT ? key_rows[offender].name : "an illegal text segment (6.1)";
}

static int text_error(const struct login *l, int result, enum wire_key offender)
{
    if (offender == KEY_AUTH_METHOD)
        return l->config->mine.name ? BERTH_E_AUTH_DOWNGRADE : BERTH_E_AUTH_REQUIRED;
    if (result == NEGOTIATION_FULL)
        return BERTH_E_LIMIT;
    if (is_chap(offender))
        return BERTH_E_CHAP;
    return result == NEGOTIATION_REFUSED ? BERTH_E_NEGOTIATION : BERTH_E_PROTOCOL;
}

static void take_text(struct conn *c, const struct wire_login_response *r, struct reader *text)
{
    const struct login *l = &c->login;
    struct chap_keys chap = {0};
    enum wire_key offender;
    struct writer w = text_area(c);
    int result = login_take(c, text, &w, &chap, &offender);
    if (result != NEGOTIATION_OK)
        give_up(c, text_error(l, result, offender), text_flaw(l, result, offender, &chap));
    else
        advance(c, r, &chap, &w);
    explicit_bzero(&chap, sizeof chap);
}

static void take_response(struct conn *c, const struct wire_login_response *r, const struct pdu *pdu)
{
    struct login *l = &c->login;
    struct reader text;
    l->started = true;
    c->exp_stat_sn = r->window.stat_sn + 1;
    session_window(c->session, &r->window);
    bool complete = login_collect(c, pdu, r->more, &text);
    if (r->status_class == 1)
        redirected(c, &text);
    else if (l->status != 0)
        give_up(c, status_error(l), status_words(l));
    else if (++l->rounds > LOGIN_ROUNDS_MAX)
        give_up(c, BERTH_E_LIMIT, "the target does not bring the login to an end");
    else if (!complete)
        request(c, l->nsg, 0); /* as eager to go on as before (6.3.3) */
    else
        take_text(c, r, &text);
}

void login_response_end(struct conn *c, const struct pdu *pdu)
{
    struct wire_login_response r;
    uint32_t text_len = c->control_have + pdu->data_len;
    get_login_response(pdu->bhs, &r);
    c->login.status = (uint16_t)(r.status_class << 8 | r.status_detail);
    if (header_ok(c, &r))
        take_response(c, &r, pdu);
    login_forget(c, text_len);
}
