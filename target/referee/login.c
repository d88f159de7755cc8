/* SPDX-License-Identifier: MIT */
/* The login phase (RFC 7143 6.3, 11.12, 11.13). */
#include "referee/court.h"

#define ISID_FORMAT(isid) ((isid)[0] >> 6) /* T of 11.12.5 */
#define ISID_RESERVED     3

/* --- the first request --- */

static void judge_isid(struct referee *r, const uint8_t *isid)
{
    uint8_t format = ISID_FORMAT(isid);
    if (format == ISID_RESERVED)
        foul(r, RULE_N7, "ISID has the format 11b");
    else if (format != 0 && isid[0] & 0x3f)
        foul(r, RULE_N7, "ISID has the format %s with a field A that is not 0", format == 1 ? "01b" : "10b");
}

static void begin(struct referee *r, const struct wire_login_request *q)
{
    struct login_seen *l = &r->login;
    struct session_seen *s = r->session;
    l->started = true;
    l->first = *q;
    l->stage = q->csg;
    r->bargain.leading = q->tsih == 0;
    memcpy(s->isid, q->isid, sizeof s->isid);
    s->next_cmd_sn = q->cmd_sn;
    s->max_cmd_sn = q->cmd_sn - 1;
    judge_isid(r, q->isid);
    if (q->itt == WIRE_TAG_NONE)
        foul(r, RULE_C7, "a login has the reserved InitiatorTaskTag");
    if (q->tsih != 0 && !court_gave_tsih(r->court, q->tsih))
        foul(r, RULE_N9, "TSIH is %u, which the target never gave", q->tsih);
}

/* --- those behind it --- */

static void judge_identity(struct referee *r, const struct wire_login_request *q)
{
    const struct wire_login_request *first = &r->login.first;
    if (q->itt != first->itt || memcmp(q->isid, first->isid, sizeof q->isid) != 0)
        foul(r, RULE_L19, "InitiatorTaskTag or ISID changes within the login");
    if (q->tsih != first->tsih)
        foul(r, RULE_N9, "TSIH changes from %u to %u within the login", first->tsih, q->tsih);
    if (q->cid != first->cid)
        foul(r, RULE_N10, "CID changes from %u to %u within the login", first->cid, q->cid);
    if (q->cmd_sn != first->cmd_sn && r->bargain.leading)
        foul(r, RULE_L4, "CmdSN changes from %u to %u within the login", first->cmd_sn, q->cmd_sn);
}

static void judge_order(struct referee *r, const struct wire_login_request *q, uint32_t data_len)
{
    struct login_seen *l = &r->login;
    if (l->awaiting)
        foul(r, RULE_L20, "the Login Request before is not answered");
    else if (r->stat_known && q->exp_stat_sn != r->next_stat_sn)
        foul(r, RULE_L5, "ExpStatSN is %u, but StatSN was %u", q->exp_stat_sn, r->next_stat_sn - 1);
    if (l->more && data_len > 0)
        foul(r, RULE_L8, "%u bytes of data answer a response with C=1", data_len);
}

/* --- all of them --- */

static bool legal_transit(uint8_t csg, uint8_t nsg)
{
    return nsg > csg && nsg != 2 && nsg <= WIRE_STAGE_FULL_FEATURE;
}

static void judge_stage(struct referee *r, const struct wire_login_request *q)
{
    if (q->csg > WIRE_STAGE_OPERATIONAL)
        foul(r, RULE_L6, "CSG is %u", q->csg);
    else if (q->csg != r->login.stage)
        foul(r, RULE_L6, "CSG is %u, but the stage is %u", q->csg, r->login.stage);
    else if (q->transit && q->more)
        foul(r, RULE_L6, "both T and C are set");
    else if (q->transit && !legal_transit(q->csg, q->nsg))
        foul(r, RULE_L6, "T with CSG %u and NSG %u", q->csg, q->nsg);
}

static void judge_header(struct referee *r, const struct scan_pdu *pdu, const struct wire_login_request *q)
{
    if (!wire_immediate(pdu->bhs))
        foul(r, RULE_L3, "the I bit is not set");
    if (q->version_max != 0 || q->version_min != 0)
        foul(r, RULE_L2, "Version-max is %u, Version-min %u", q->version_max, q->version_min);
    if (pdu->data_len > LOGIN_SEGMENT_MAX)
        foul(r, RULE_L9, "DataSegmentLength is %u", pdu->data_len);
    judge_stage(r, q);
}

static const struct session_seen *joined(const struct referee *r)
{
    return r->bargain.leading ? NULL : court_session(r->court, r->login.first.tsih);
}

/* Who calls whom, after the first complete text. */
static void judge_names(struct referee *r)
{
    const struct session_seen *s = r->session, *old = joined(r);
    if (!(r->bargain.sent & 1ull << KEY_INITIATOR_NAME))
        foul(r, RULE_N4, "there is no InitiatorName");
    else if (old && strcmp(old->initiator, s->initiator) != 0)
        foul(r, RULE_N1, "InitiatorName differs from that of the session with TSIH %u", old->tsih);
    if (!s->discovery && !(r->bargain.sent & 1ull << KEY_TARGET_NAME))
        foul(r, RULE_N5, "there is no TargetName");
}

void judge_login(struct referee *r, const struct scan_pdu *pdu)
{
    struct login_seen *l = &r->login;
    struct wire_login_request q;
    get_login_request(pdu->bhs, &q);
    if (!l->started) {
        begin(r, &q);
    } else {
        judge_identity(r, &q);
        judge_order(r, &q, pdu->data_len);
    }
    judge_header(r, pdu, &q);
    l->awaiting = true;
    if (!text_gather(&r->mine, pdu, q.more))
        return;
    if (judge_pairs(r, q.csg == WIRE_STAGE_SECURITY ? KEY_SECURITY : KEY_OPERATIONAL) && !l->named)
        judge_names(r);
    l->named = true;
    text_done(&r->mine);
}

/* --- the target's answers --- */

static bool both_used(const struct referee *r)
{
    const uint32_t *v = r->session->agreed;
    return !v[KEY_INITIAL_R2T] || v[KEY_IMMEDIATE_DATA];
}

/* What must hold of the values together. Who goes on has taken them, whoever began with them. */
void judge_agreement(struct referee *r)
{
    const uint32_t *v = r->session->agreed;
    if (both_used(r) && v[KEY_FIRST_BURST_LENGTH] > v[KEY_MAX_BURST_LENGTH] &&
        r->bargain.sent & 1ull << KEY_FIRST_BURST_LENGTH)
        foul(r, RULE_T9, "FirstBurstLength is %u, MaxBurstLength %u", v[KEY_FIRST_BURST_LENGTH],
             v[KEY_MAX_BURST_LENGTH]);
    if (v[KEY_ERROR_RECOVERY_LEVEL] > 0 && v[KEY_DATA_SEQUENCE_IN_ORDER] && v[KEY_MAX_OUTSTANDING_R2T] > 1)
        foul(r, RULE_T10, "ErrorRecoveryLevel is %u, MaxOutstandingR2T %u", v[KEY_ERROR_RECOVERY_LEVEL],
             v[KEY_MAX_OUTSTANDING_R2T]);
}

static void enter_full_feature(struct referee *r, const uint8_t *bhs, const struct wire_login_response *a)
{
    const uint32_t *agreed = r->bargain.agreed;
    court_join(r, a->tsih);
    note_window(r, bhs);
    r->phase = SEEN_FULL;
    r->first = true;
    r->login_stat_sn = a->window.stat_sn;
    r->last_cmd_sn = r->login.first.cmd_sn - 1;
    r->received.header_digest = r->sent.header_digest = agreed[KEY_HEADER_DIGEST] == DIGEST_CRC32C;
    r->received.data_digest = r->sent.data_digest = agreed[KEY_DATA_DIGEST] == DIGEST_CRC32C;
}

void note_login(struct referee *r, const struct scan_pdu *pdu)
{
    struct login_seen *l = &r->login;
    struct wire_login_response a;
    get_login_response(pdu->bhs, &a);
    l->awaiting = false;
    l->more = a.more;
    if (a.status_class != 0) {
        r->phase = SEEN_REFUSED;
        return;
    }
    if (text_gather(&r->theirs, pdu, a.more)) {
        bool told = r->session->group >= 0;
        note_pairs(r);
        text_done(&r->theirs);
        if (!told && r->session->group >= 0)
            court_find_rival(r);
    }
    if (a.transit)
        l->stage = a.nsg;
    if (a.transit && a.nsg == WIRE_STAGE_FULL_FEATURE && r->phase == SEEN_LOGIN)
        enter_full_feature(r, pdu->bhs, &a);
}
