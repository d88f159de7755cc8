/* SPDX-License-Identifier: MIT */
/* The target's login (RFC 7143 6.3). */
#include "proto/core.h"

/* Answers with the text in the outbox' data area. */
static void respond(struct conn *c, bool transit, uint8_t nsg, uint32_t len)
{
    struct login *l = &c->login;
    uint8_t bhs[WIRE_BHS_LEN];
    struct wire_login_response r = {.transit = transit,
                                    .csg = l->csg,
                                    .nsg = transit ? nsg : 0,
                                    .tsih = transit && nsg == WIRE_STAGE_FULL_FEATURE ? c->session->tsih
                                                                                      : l->tsih,
                                    .itt = l->itt,
                                    .status_class = (uint8_t)(l->status >> 8),
                                    .status_detail = (uint8_t)l->status};
    memcpy(r.isid, l->isid, sizeof r.isid);
    put_login_response(bhs, &r);
    struct outbox_entry *e = outbox_push(c, bhs, len);
    e->farewell = l->status != 0;
}

/* Nothing more is accepted; the answer still goes out. */
bool login_refused(const struct conn *c)
{
    return c->role == ROLE_TARGET && c->login.status != 0;
}

/* Where a redirected initiator is to go (11.13.5): the one thing a refusal says besides its status. */
static uint32_t put_address(struct conn *c, uint16_t status)
{
    char address[ADDRESS_MAX + 16];
    struct writer w = writer_over(c->out.data, sizeof c->out.data);
    if (status >> 8 != WIRE_LOGIN_MOVED_TEMPORARILY >> 8 || !c->login.redirect.host[0])
        return 0;
    portal_print(&c->login.redirect, address, sizeof address);
    text_put(&w, "TargetAddress", address);
    return (uint32_t)writer_len(&w);
}

static void refuse(struct conn *c, uint16_t status)
{
    c->login.status = status;
    conn_become(c, CONN_LOGOUT);
    respond(c, false, 0, put_address(c, status));
}

/* --- first request --- */

static void remember(struct conn *c, const struct wire_login_request *r)
{
    struct login *l = &c->login;
    struct session *s = c->session;
    login_enter(c, r->csg <= WIRE_STAGE_OPERATIONAL ? r->csg : WIRE_STAGE_SECURITY); /* refused */
    l->tsih = r->tsih;
    memcpy(l->isid, r->isid, sizeof l->isid);
    memcpy(s->config.isid, r->isid, sizeof s->config.isid);
    c->config.cid = r->cid;
    s->exp_cmd_sn = r->cmd_sn;
    s->max_cmd_sn = r->cmd_sn - 1; /* no commands during login; opened by session_max_cmd_sn() */
    c->stat_sn = r->exp_stat_sn;
    l->started = true;
}

/* Which stage transitions there are (11.12.3). */
static bool legal_transit(uint8_t csg, uint8_t nsg)
{
    return (csg == WIRE_STAGE_SECURITY &&
            (nsg == WIRE_STAGE_OPERATIONAL || nsg == WIRE_STAGE_FULL_FEATURE)) ||
           (csg == WIRE_STAGE_OPERATIONAL && nsg == WIRE_STAGE_FULL_FEATURE);
}

static uint16_t header_flaw(const struct conn *c, const struct wire_login_request *r)
{
    const struct login *l = &c->login;
    if (r->version_min > 0)
        return WIRE_LOGIN_UNSUPPORTED_VERSION;
    if (r->csg > WIRE_STAGE_OPERATIONAL || (r->transit && (r->more || !legal_transit(r->csg, r->nsg))))
        return WIRE_LOGIN_INITIATOR_ERROR;
    if (l->started &&
        (r->csg != l->csg || r->cid != c->config.cid || memcmp(r->isid, l->isid, sizeof l->isid)))
        return WIRE_LOGIN_INVALID_REQUEST;
    return 0;
}

/* Who calls, and for what: known after the first complete text. */
static uint16_t introduce(struct conn *c, struct writer *w)
{
    struct login *l = &c->login;
    const struct session_owner *owner = &c->session->config.owner;
    bool discovery =
        l->keys.received & 1ull << KEY_SESSION_TYPE && l->keys.agreed[KEY_SESSION_TYPE] == SESSION_DISCOVERY;
    c->session->discovery = l->keys.discovery = discovery;
    if (!l->initiator_name[0] || (!discovery && !l->target_name[0]))
        return WIRE_LOGIN_MISSING_PARAMETER;
    uint16_t status = owner->login_check(owner->owner, c);
    if (status != 0)
        return status;
    if (!discovery)
        text_put_number(w, "TargetPortalGroupTag", l->config->portal_group);
    if (l->target_alias[0])
        text_put(w, "TargetAlias", l->target_alias);
    return 0;
}

/* --- security stage --- */

static bool chap_challenge(struct conn *c, const struct chap_keys *chap, struct writer *w)
{
    struct login *l = &c->login;
    int picked = chap_pick(chap->list, l->config->algorithms, l->config->algorithm_count);
    if (chap->seen != CHAP_BIT(KEY_CHAP_A) || picked <= 0)
        return false;
    l->algorithm = (uint8_t)picked;
    login_step(c, CHAP_SENT_CHALLENGE);
    text_put_number(w, "CHAP_A", l->algorithm);
    return login_challenge(c, w);
}

/* A name without an account is held against an account without a name: the same steps, and the same answer.
 */
static const struct login_credentials *account(const struct login_config *cfg, struct span name)
{
    static const struct login_credentials nobody;
    for (uint32_t i = 0; i < cfg->account_count; i++)
        if (span_is(name, cfg->accounts[i].name))
            return &cfg->accounts[i];
    return &nobody;
}

static bool chap_verify(struct conn *c, const struct chap_keys *chap, struct writer *w)
{
    const struct login_config *cfg = c->login.config;
    const unsigned one_way = CHAP_BIT(KEY_CHAP_N) | CHAP_BIT(KEY_CHAP_R);
    const unsigned mutual = one_way | CHAP_BIT(KEY_CHAP_I) | CHAP_BIT(KEY_CHAP_C);
    if ((chap->seen != one_way && chap->seen != mutual) || login_verify(c, account(cfg, chap->name), chap))
        return false;
    return chap->seen == one_way || !login_answer(c, &cfg->mine, chap, w);
}

/* One step of the CHAP conversation; empty requests in between are answered empty. */
static bool security(struct conn *c, const struct chap_keys *chap, struct writer *w)
{
    struct login *l = &c->login;
    if (chap->seen == 0)
        return true;
    if (l->chap_step == CHAP_IDLE)
        return chap_challenge(c, chap, w);
    return l->chap_step == CHAP_SENT_CHALLENGE && chap_verify(c, chap, w);
}

static bool may_leave_security(const struct login *l)
{
    return l->chap_on || l->config->required ? l->chap_step == CHAP_PASSED : true;
}

/* --- every complete request --- */

/* Our own offers, after the answers to theirs; true if there are some the initiator has to answer now. */
static bool offer(struct conn *c, struct writer *w)
{
    struct negotiation *keys = &c->login.keys;
    uint64_t open = keys->open;
    if (c->login.csg == WIRE_STAGE_OPERATIONAL)
        negotiation_offer(keys, KEY_OPERATIONAL, w);
    return keys->open != open;
}

static uint16_t take(struct conn *c, struct reader *text, struct writer *w)
{
    struct login *l = &c->login;
    struct chap_keys chap = {0};
    enum wire_key offender;
    bool first = !l->initiator_name[0];
    int result = login_take(c, text, w, &chap, &offender);
    uint16_t status = 0;

    if (result != NEGOTIATION_OK)
        status = offender == KEY_AUTH_METHOD ? WIRE_LOGIN_AUTH_FAILURE : WIRE_LOGIN_INITIATOR_ERROR;
    else if (first)
        status = introduce(c, w);
    if (status == 0 && l->csg == WIRE_STAGE_SECURITY && !security(c, &chap, w))
        status = WIRE_LOGIN_AUTH_FAILURE;
    if (status == 0 && l->csg == WIRE_STAGE_OPERATIONAL && !may_leave_security(l))
        status = WIRE_LOGIN_AUTH_FAILURE; /* it began beyond the stage that we insist on */
    explicit_bzero(&chap, sizeof chap);
    return status;
}

/* The answer's stage: on with T as asked, unless authentication is still missing. */
static void advance(struct conn *c, const struct wire_login_request *r, struct writer *w)
{
    struct login *l = &c->login;
    enum wire_key offender;
    bool transit = r->transit && (l->csg != WIRE_STAGE_SECURITY || may_leave_security(l));

    if (r->transit && l->csg == WIRE_STAGE_SECURITY && l->config->required && !l->chap_on) {
        refuse(c, WIRE_LOGIN_AUTH_FAILURE); /* it wants to go on without having said a word about it */
        return;
    }
    if (offer(c, w))
        transit = false;
    if (transit && r->nsg == WIRE_STAGE_FULL_FEATURE &&
        negotiation_check(&l->keys, &offender) != NEGOTIATION_OK) {
        refuse(c, WIRE_LOGIN_INITIATOR_ERROR);
        return;
    }
    respond(c, transit, r->nsg, (uint32_t)writer_len(w));
    if (!transit)
        return;
    login_enter(c, r->nsg);
    if (l->csg == WIRE_STAGE_FULL_FEATURE)
        conn_enter_full_feature(c);
}

static void take_request(struct conn *c, const struct wire_login_request *r, const struct pdu *pdu)
{
    struct reader text;
    if (!login_collect(c, pdu, r->more, &text)) {
        respond(c, false, 0, 0);
        return;
    }
    struct writer w = writer_over(c->out.data, sizeof c->out.data);
    uint16_t status = take(c, &text, &w);
    if (status == 0 && !w.ok)
        status = WIRE_LOGIN_INITIATOR_ERROR;
    if (status != 0)
        refuse(c, status);
    else
        advance(c, r, &w);
}

void login_request_end(struct conn *c, const struct pdu *pdu)
{
    struct login *l = &c->login;
    struct wire_login_request r;
    uint32_t text_len = c->control_have + pdu->data_len;

    get_login_request(pdu->bhs, &r);
    l->itt = r.itt;
    uint16_t status = header_flaw(c, &r);
    if (!l->started)
        remember(c, &r);
    if (status == 0 && ++l->rounds > LOGIN_ROUNDS_MAX)
        status = WIRE_LOGIN_INITIATOR_ERROR;
    if (status != 0)
        refuse(c, status);
    else
        take_request(c, &r, pdu);
    login_forget(c, text_len);
}
