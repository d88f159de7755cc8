/* SPDX-License-Identifier: MIT */
/* Names, identifiers, login phase, CHAP. */
#include "talk.h"

/* --- parts of logins --- */

static void finish(struct talk *t)
{
    reply_login(t, login_response(t), "");
}

/* A request that stays in its stage, and its answer. */
static void linger(struct talk *t, const char *asked, const char *answered)
{
    struct wire_login_request q = login_request(t);
    q.transit = false;
    q.nsg = 0;
    say_login(t, q, asked);
    struct wire_login_response a = login_response(t);
    a.transit = false;
    reply_login(t, a, answered);
}

static void in_security(struct talk *t, const char *asked, const char *answered)
{
    struct wire_login_request q = login_request(t);
    q.transit = false;
    q.csg = q.nsg = 0;
    say_login(t, q, asked);
    struct wire_login_response a = login_response(t);
    a.transit = false;
    a.csg = 0;
    reply_login(t, a, answered);
}

static void answer_any_command(struct talk *t)
{
    say_command(t, read_command(t, 1, 0), 0);
    reply_status(t, 1);
}

/* --- names and identifiers --- */

/* A second connection joins the session of the first. */
static void join(struct talk *t, const char *names)
{
    log_in(t, "", "");
    use_line(t, 1);
    t->at->port = 0;
    t->at->tsih = TALK_TSIH;
    say_login(t, login_request(t), names);
    finish(t);
}

static void n1(struct talk *t, bool wrong)
{
    join(t, wrong ? "InitiatorName=iqn.2026-11.test:other\n" TARGET_NAME : NAMES);
}

static void n3(struct talk *t, bool wrong)
{
    say_login(t, login_request(t), wrong ? "InitiatorName=host7\n" TARGET_NAME : NAMES);
}

static void n3_length(struct talk *t, bool wrong)
{
    char names[400] = TARGET_NAME "InitiatorName=iqn.2026-11.test:";
    size_t len = strlen(names), name = wrong ? 224 : 223;
    memset(names + len, 'a', name - strlen("iqn.2026-11.test:"));
    strcat(names, "\n");
    say_login(t, login_request(t), names);
}

static void n4(struct talk *t, bool wrong)
{
    say_login(t, login_request(t), wrong ? TARGET_NAME : NAMES);
}

static void n4_again(struct talk *t, bool wrong)
{
    linger(t, NAMES, "");
    linger(t, wrong ? INITIATOR_NAME : "", "");
}

static void n5(struct talk *t, bool wrong)
{
    say_login(t, login_request(t), wrong ? INITIATOR_NAME : DISCOVERY);
}

static void n5_again(struct talk *t, bool wrong)
{
    linger(t, NAMES, "");
    linger(t, wrong ? TARGET_NAME : "InitiatorAlias=x\n", "");
}

/* The old session acknowledges what was sent after the new one had begun. */
static void n6(struct talk *t, bool wrong)
{
    log_in(t, "", "");
    say_command(t, read_command(t, 1, 0), 0);
    reply_status(t, 1);
    uint32_t old = t->at->stat_sn;
    use_line(t, 1);
    t->at->port = 0;
    linger(t, NAMES, GROUP);
    use_line(t, 0);
    struct wire_scsi_command late = read_command(t, 2, 0);
    late.exp_stat_sn = old; /* may have been on its way */
    say_command(t, late, 0);
    reply_status(t, 2);
    if (wrong)
        say_command(t, read_command(t, 3, 0), 0);
}

static void n6_other_port(struct talk *t, bool wrong)
{
    log_in(t, "", "");
    use_line(t, 1);
    t->at->port = wrong ? 0 : 1;
    log_in(t, "", "");
    use_line(t, 0);
    answer_any_command(t);
    say_command(t, read_command(t, 2, 0), 0);
}

static void n7(struct talk *t, bool wrong)
{
    struct wire_login_request q = login_request(t);
    q.isid[0] = wrong ? 0xc0 : 0x3f; /* reserved; OUI */
    say_login(t, q, NAMES);
}

static void n7_field(struct talk *t, bool wrong)
{
    struct wire_login_request q = login_request(t);
    q.isid[0] = wrong ? 0x81 : 0x40;
    say_login(t, q, NAMES);
}

static void n9(struct talk *t, bool wrong)
{
    struct wire_login_request q = login_request(t);
    q.tsih = wrong ? 99 : 0;
    say_login(t, q, NAMES);
}

static void n9_change(struct talk *t, bool wrong)
{
    join(t, NAMES);
    use_line(t, 2);
    t->at->port = 0;
    t->at->tsih = TALK_TSIH;
    linger(t, NAMES, "");
    t->at->tsih = wrong ? 0 : TALK_TSIH;
    say_login(t, login_request(t), "");
}

static void n10(struct talk *t, bool wrong)
{
    linger(t, NAMES, "");
    t->at->cid += wrong;
    say_login(t, login_request(t), "");
}

/* --- login phase --- */

static void l1(struct talk *t, bool wrong)
{
    if (!wrong)
        log_in(t, "", "");
    say_nop(t, ping(t, 1), 0);
}

static void l1_after(struct talk *t, bool wrong)
{
    log_in(t, "", "");
    if (wrong)
        say_login(t, login_request(t), "");
}

static void l2(struct talk *t, bool wrong)
{
    struct wire_login_request q = login_request(t);
    q.version_max = wrong;
    say_login(t, q, NAMES);
}

static void l3(struct talk *t, bool wrong)
{
    t->spoil = wrong ? 0x40 : 0;
    say_login(t, login_request(t), NAMES);
}

static void l4(struct talk *t, bool wrong)
{
    log_in(t, "", "");
    t->at->cmd_sn += wrong;
    say_command(t, read_command(t, 1, 0), 0);
}

static void l4_within(struct talk *t, bool wrong)
{
    linger(t, NAMES, "");
    t->at->cmd_sn += wrong;
    say_login(t, login_request(t), "");
}

static void l5(struct talk *t, bool wrong)
{
    linger(t, NAMES, "");
    struct wire_login_request q = login_request(t);
    q.exp_stat_sn -= wrong;
    say_login(t, q, "");
}

static void l5_after(struct talk *t, bool wrong)
{
    log_in(t, "", "");
    struct wire_scsi_command c = read_command(t, 1, 0);
    c.exp_stat_sn -= wrong;
    say_command(t, c, 0);
}

static void l6(struct talk *t, bool wrong)
{
    linger(t, NAMES, "");
    struct wire_login_request q = login_request(t);
    q.csg = wrong ? 0 : 1;
    say_login(t, q, "");
}

static void l6_reserved(struct talk *t, bool wrong)
{
    struct wire_login_request q = login_request(t);
    q.csg = 0;
    q.nsg = wrong ? 2 : 3;
    say_login(t, q, NAMES);
}

static void l6_back(struct talk *t, bool wrong)
{
    struct wire_login_request q = login_request(t);
    q.csg = 0;
    q.nsg = wrong ? 0 : 1;
    say_login(t, q, NAMES);
}

static void l6_both_bits(struct talk *t, bool wrong)
{
    struct wire_login_request q = login_request(t);
    q.more = wrong;
    say_login(t, q, NAMES);
}

static void l8(struct talk *t, bool wrong)
{
    struct wire_login_request q = login_request(t);
    say_login(t, q, NAMES);
    struct wire_login_response a = login_response(t);
    a.transit = false;
    a.more = true;
    reply_login(t, a, "TargetAli");
    say_login(t, login_request(t), wrong ? "InitiatorAlias=x\n" : "");
}

static void l9(struct talk *t, bool wrong)
{
    char text[9000] = NAMES;
    size_t len = strlen(text);
    memset(text + len, '\n', LOGIN_SEGMENT_MAX + wrong - len);
    say_login(t, login_request(t), text);
}

static void l10(struct talk *t, bool wrong)
{
    struct wire_login_request q = login_request(t);
    q.transit = false;
    q.nsg = 0;
    say_login(t, q, NAMES);
    struct wire_login_response a = login_response(t);
    a.transit = false;
    a.status_class = wrong ? 2 : 0;
    reply_login(t, a, "");
    say_login(t, login_request(t), "");
}

static void l19(struct talk *t, bool wrong)
{
    linger(t, NAMES, "");
    struct wire_login_request q = login_request(t);
    q.itt += wrong;
    say_login(t, q, "");
}

static void l19_isid(struct talk *t, bool wrong)
{
    linger(t, NAMES, "");
    t->at->port += wrong;
    say_login(t, login_request(t), "");
}

static void l20(struct talk *t, bool wrong)
{
    linger(t, NAMES, "");
    say_login(t, login_request(t), "");
    if (wrong)
        say_login(t, login_request(t), "");
}

/* --- CHAP --- */

static void choose_chap(struct talk *t)
{
    in_security(t, NAMES "AuthMethod=CHAP\n", "AuthMethod=CHAP\n");
}

#define CHALLENGE "0x00112233445566778899aabbccddeeff"

static void challenge(struct talk *t)
{
    choose_chap(t);
    in_security(t, "CHAP_A=7,5\n", "CHAP_A=5\nCHAP_I=9\nCHAP_C=" CHALLENGE "\n");
}

static void h1(struct talk *t, bool wrong)
{
    choose_chap(t);
    in_security(t, wrong ? "CHAP_A=7,6\n" : "CHAP_A=7,5\n", "");
}

static void h6(struct talk *t, bool wrong)
{
    challenge(t);
    in_security(t,
                wrong ? "CHAP_N=n\nCHAP_R=0x01\nCHAP_I=1\nCHAP_C=" CHALLENGE "\n"
                      : "CHAP_N=n\nCHAP_R=0x01\nCHAP_I=1\nCHAP_C=0x"
                        "99112233445566778899aabbccddeeff\n",
                "");
}

static void h10_late(struct talk *t, bool wrong)
{
    choose_chap(t);
    in_security(t, wrong ? "" : "CHAP_A=5\n", "");
}

static void h10_unanswered(struct talk *t, bool wrong)
{
    challenge(t);
    in_security(t, wrong ? "" : "CHAP_N=n\nCHAP_R=0x01\n", "");
}

static void h10_early(struct talk *t, bool wrong)
{
    in_security(t, wrong ? NAMES "AuthMethod=CHAP\nCHAP_A=5\n" : NAMES "AuthMethod=CHAP\n", "");
}

static void h10_half(struct talk *t, bool wrong)
{
    challenge(t);
    in_security(t, wrong ? "CHAP_N=n\nCHAP_R=0x01\nCHAP_I=1\n" : "CHAP_N=n\nCHAP_R=0x01\n", "");
}

static void h10_stage(struct talk *t, bool wrong)
{
    say_login(t, login_request(t), wrong ? NAMES "CHAP_A=5\n" : NAMES);
}

const struct trial login_trials[] = {
    {RULE_N1, n1},         {RULE_N3, n3},           {RULE_N3, n3_length},
    {RULE_N4, n4},         {RULE_N4, n4_again},     {RULE_N5, n5},
    {RULE_N5, n5_again},   {RULE_N6, n6},           {RULE_N6, n6_other_port},
    {RULE_N7, n7},         {RULE_N7, n7_field},     {RULE_N9, n9},
    {RULE_N9, n9_change},  {RULE_N10, n10},         {RULE_L1, l1},
    {RULE_L1, l1_after},   {RULE_L2, l2},           {RULE_L3, l3},
    {RULE_L4, l4},         {RULE_L4, l4_within},    {RULE_L5, l5},
    {RULE_L5, l5_after},   {RULE_L6, l6},           {RULE_L6, l6_reserved},
    {RULE_L6, l6_back},    {RULE_L6, l6_both_bits}, {RULE_L8, l8},
    {RULE_L9, l9},         {RULE_L10, l10},         {RULE_L19, l19},
    {RULE_L19, l19_isid},  {RULE_L20, l20},         {RULE_H1, h1},
    {RULE_H6, h6},         {RULE_H10, h10_late},    {RULE_H10, h10_unanswered},
    {RULE_H10, h10_early}, {RULE_H10, h10_half},    {RULE_H10, h10_stage},
};
const size_t login_trial_count = sizeof login_trials / sizeof login_trials[0];
