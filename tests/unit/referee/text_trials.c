/* SPDX-License-Identifier: MIT */
/* Keys, negotiation, Text Requests, discovery. */
#include "talk.h"

/* --- texts --- */

static void t1(struct talk *t, bool wrong)
{
    say_login(t, login_request(t), wrong ? NAMES "SessionType" : NAMES "SessionType=Normal\n");
}

static void t1_delimiter(struct talk *t, bool wrong)
{
    say_login(t, login_request(t), wrong ? NAMES "InitiatorAlias=x" : NAMES "InitiatorAlias=x\n");
}

static void t1_over_pdus(struct talk *t, bool wrong)
{
    struct wire_login_request q = login_request(t);
    q.transit = false;
    q.more = true;
    q.nsg = 0;
    say_login(t, q, NAMES "InitiatorA");
    struct wire_login_response a = login_response(t);
    a.transit = false;
    reply_login(t, a, "");
    say_login(t, login_request(t), wrong ? "lias\n" : "lias=x\n");
}

static void t2(struct talk *t, bool wrong)
{
    log_in(t, wrong ? "MaxBurstLength=511\n" : "MaxBurstLength=512\n", "MaxBurstLength=512\n");
}

static void t2_constant(struct talk *t, bool wrong)
{
    log_in(t, wrong ? "InitialR2T=Reject\n" : "InitialR2T=No\n", "InitialR2T=Yes\n");
}

static void t3(struct talk *t, bool wrong)
{
    log_in(t, wrong ? "MaxConnections=1\nMaxConnections=2\n" : "MaxConnections=1\n", "MaxConnections=1\n");
}

/* A login of two rounds in whose middle the target proposes something. */
static void propose(struct talk *t, const char *proposed, const char *answered)
{
    struct wire_login_request q = login_request(t);
    q.transit = false;
    q.nsg = 0;
    say_login(t, q, NAMES);
    struct wire_login_response a = login_response(t);
    a.transit = false;
    reply_login(t, a, proposed);
    say_login(t, login_request(t), answered);
    reply_login(t, login_response(t), "");
}

static void t4(struct talk *t, bool wrong)
{
    propose(t, "MaxBurstLength=65536\n", wrong ? "" : "MaxBurstLength=512\n");
}

static void t4_settled(struct talk *t, bool wrong)
{
    propose(t, wrong ? "ImmediateData=Yes\n" : "ImmediateData=No\n", "");
}

static void t5(struct talk *t, bool wrong)
{
    propose(t, "X-org.example.colour=red\n", wrong ? "" : "X-org.example.colour=NotUnderstood\n");
}

static void t6_number(struct talk *t, bool wrong)
{
    propose(t, "MaxBurstLength=65536\n", wrong ? "MaxBurstLength=65537\n" : "MaxBurstLength=65536\n");
}

static void t6_list(struct talk *t, bool wrong)
{
    propose(t, "HeaderDigest=None\n", wrong ? "HeaderDigest=CRC32C\n" : "HeaderDigest=None\n");
}

static void t6_boolean(struct talk *t, bool wrong)
{
    propose(t, "InitialR2T=Yes\n", wrong ? "InitialR2T=No\n" : "InitialR2T=Yes\n");
}

static void t4_marker(struct talk *t, bool wrong)
{
    propose(t, "IFMarker=Yes\n", wrong ? "" : "IFMarker=Reject\n");
}

static void t13(struct talk *t, bool wrong)
{
    propose(t, "OFMarker=No\n", wrong ? "OFMarker=NotUnderstood\n" : "OFMarker=No\n");
}

static void t13_later_key(struct talk *t, bool wrong)
{
    propose(t, wrong ? "MaxConnections=2\n" : "iSCSIProtocolLevel=2\n",
            wrong ? "MaxConnections=NotUnderstood\n" : "iSCSIProtocolLevel=NotUnderstood\n");
}

static void t8(struct talk *t, bool wrong)
{
    char text[700] = "SendTargets=", padding[600];
    memset(padding, '\n', sizeof padding);
    padding[512 + wrong - strlen(text)] = '\0';
    log_in(t, "", "MaxRecvDataSegmentLength=512\n");
    say_text(t, text_request(t, 1), strcat(text, padding));
}

static void t9(struct talk *t, bool wrong)
{
    const char *answer = wrong ? "MaxBurstLength=1024\nFirstBurstLength=2048\n"
                               : "MaxBurstLength=1024\nFirstBurstLength=1024\n";
    log_in(t, "MaxBurstLength=1024\nFirstBurstLength=2048\n", answer);
    say_nop(t, ping(t, 1), 0);
}

/* The target contradicts itself: the initiator may see that, and say nothing more. */
static void t9_no_more(struct talk *t, bool wrong)
{
    const char *keys = "MaxBurstLength=1024\nFirstBurstLength=2048\n";
    log_in(t, keys, keys);
    if (wrong)
        say_nop(t, ping(t, 1), 0);
}

static void t10(struct talk *t, bool wrong)
{
    const char *answer =
        wrong ? "ErrorRecoveryLevel=1\nMaxOutstandingR2T=2\n" : "ErrorRecoveryLevel=1\nMaxOutstandingR2T=1\n";
    log_in(t, "ErrorRecoveryLevel=1\nMaxOutstandingR2T=2\n", answer);
    say_nop(t, ping(t, 1), 0);
}

static void t11(struct talk *t, bool wrong)
{
    log_in(t, "", "");
    use_line(t, 1);
    t->at->port = 0;
    t->at->tsih = TALK_TSIH;
    log_in(t, wrong ? "InitialR2T=No\n" : "HeaderDigest=None\n", "");
}

static void t15(struct talk *t, bool wrong)
{
    log_in(t, "", "");
    say_text(t, text_request(t, 1), wrong ? "MaxBurstLength=512\n" : "MaxRecvDataSegmentLength=512\n");
}

static void t18_stage(struct talk *t, bool wrong)
{
    struct wire_login_request q = login_request(t);
    q.csg = wrong ? 0 : 1;
    say_login(t, q, NAMES "MaxConnections=1\n");
}

static void t20(struct talk *t, bool wrong)
{
    struct wire_login_request q = login_request(t);
    say_login(t, q, wrong ? DISCOVERY "X-com.example.test=1\n" : NAMES "X-com.example.test=1\n");
}

static void t19(struct talk *t, bool wrong)
{
    log_in(t, wrong ? "TaskReporting=FastAbort,RFC3720\n" : "TaskReporting=FastAbort,ResponseFence,RFC3720\n",
           "TaskReporting=RFC3720\n");
    say_nop(t, ping(t, 1), 0);
}

static void t18_side(struct talk *t, bool wrong)
{
    say_login(t, login_request(t), wrong ? NAMES "TargetAlias=x\n" : NAMES "InitiatorAlias=x\n");
}

/* --- Text Requests --- */

static void t14(struct talk *t, bool wrong)
{
    log_in(t, "", "");
    say_text(t, text_request(t, 1), "SendTargets=\n");
    if (!wrong)
        reply_text(t, text_response(t, 1), "");
    say_text(t, text_request(t, 2), "SendTargets=\n");
}

static void t14_bits(struct talk *t, bool wrong)
{
    log_in(t, "", "");
    struct wire_text_request q = text_request(t, 1);
    q.more = true;
    q.final = wrong;
    say_text(t, q, "SendTar");
}

/* A list that is longer than one response. */
static struct wire_text_request go_on(struct talk *t)
{
    log_in_discovery(t);
    say_text(t, text_request(t, 1), "SendTargets=All\n");
    struct wire_text_response a = text_response(t, 1);
    a.final = false;
    a.ttt = 77;
    a.lun = TALK_LUN;
    reply_text(t, a, TARGET_NAME);
    struct wire_text_request q = text_request(t, 1);
    q.ttt = 77;
    q.lun = TALK_LUN;
    return q;
}

static void t14_tag(struct talk *t, bool wrong)
{
    struct wire_text_request q = go_on(t);
    q.itt += wrong;
    say_text(t, q, "");
}

static void t14_immediate(struct talk *t, bool wrong)
{
    struct wire_text_request q = go_on(t);
    q.immediate = !wrong;
    say_text(t, q, "");
}

static void y3(struct talk *t, bool wrong)
{
    struct wire_text_request q = go_on(t);
    q.ttt += wrong;
    say_text(t, q, "");
}

static void y3_lun(struct talk *t, bool wrong)
{
    struct wire_text_request q = go_on(t);
    q.lun = wrong ? 0 : q.lun;
    say_text(t, q, "");
}

/* A new request, with the reserved tag, drops what was left. */
static void y3_over(struct talk *t, bool wrong)
{
    struct wire_text_request q = go_on(t);
    say_text(t, q, "");
    reply_text(t, text_response(t, 1), "");
    q.ttt = wrong ? q.ttt : WIRE_TAG_NONE;
    q.lun = wrong ? q.lun : 0;
    say_text(t, q, wrong ? "" : "SendTargets=All\n");
}

/* --- discovery --- */

static void y1(struct talk *t, bool wrong)
{
    if (wrong)
        log_in_discovery(t);
    else
        log_in(t, "", "");
    say_command(t, read_command(t, 1, 512), 0);
}

static void y1_ping(struct talk *t, bool wrong)
{
    log_in_discovery(t);
    reply_nop(t, WIRE_TAG_NONE, 5, 0);
    struct wire_nop_out n = ping(t, wrong ? 1 : WIRE_TAG_NONE);
    n.ttt = wrong ? WIRE_TAG_NONE : 5;
    say_nop(t, n, 0);
}

static void y1_text(struct talk *t, bool wrong)
{
    log_in_discovery(t);
    say_text(t, text_request(t, 1), wrong ? "MaxRecvDataSegmentLength=512\n" : "SendTargets=All\n");
}

static void y1_logout(struct talk *t, bool wrong)
{
    log_in_discovery(t);
    struct wire_logout_request q = logout_request(t, 1);
    q.reason = wrong ? WIRE_LOGOUT_CONNECTION : WIRE_LOGOUT_SESSION;
    say_logout(t, q);
}

static void y2(struct talk *t, bool wrong)
{
    if (wrong)
        log_in(t, "", "");
    else
        log_in_discovery(t);
    say_text(t, text_request(t, 1), "SendTargets=All\n");
}

static void y2_alone(struct talk *t, bool wrong)
{
    log_in(t, "", "");
    say_text(t, text_request(t, 1), wrong ? "SendTargets=\nInitiatorAlias=x\n" : "SendTargets=\n");
}

const struct trial text_trials[] = {
    {RULE_T1, t1},          {RULE_T1, t1_delimiter}, {RULE_T1, t1_over_pdus}, {RULE_T2, t2},
    {RULE_T2, t2_constant}, {RULE_T3, t3},           {RULE_T4, t4},           {RULE_T4, t4_settled},
    {RULE_T4, t4_marker},   {RULE_T5, t5},           {RULE_T6, t6_number},    {RULE_T6, t6_list},
    {RULE_T6, t6_boolean},  {RULE_T8, t8},           {RULE_T9, t9},           {RULE_T9, t9_no_more},
    {RULE_T10, t10},        {RULE_T11, t11},         {RULE_T13, t13},         {RULE_T13, t13_later_key},
    {RULE_T14, t14},        {RULE_T14, t14_bits},    {RULE_T14, t14_tag},     {RULE_T14, t14_immediate},
    {RULE_T19, t19},        {RULE_T20, t20},         {RULE_T15, t15},         {RULE_T18, t18_stage},
    {RULE_T18, t18_side},   {RULE_Y1, y1},           {RULE_Y1, y1_ping},      {RULE_Y1, y1_text},
    {RULE_Y1, y1_logout},   {RULE_Y2, y2},           {RULE_Y2, y2_alone},     {RULE_Y3, y3},
    {RULE_Y3, y3_lun},      {RULE_Y3, y3_over},
};
const size_t text_trial_count = sizeof text_trials / sizeof text_trials[0];
