/* SPDX-License-Identifier: MIT */
/* Pings, task management, logout, asynchronous messages, SNACK. */
#include "talk.h"

/* --- pings --- */

static struct wire_nop_out answer(struct talk *t, uint32_t ttt, uint64_t lun)
{
    struct wire_nop_out n = ping(t, WIRE_TAG_NONE);
    n.ttt = ttt;
    n.lun = lun;
    return n;
}

static void be_pinged(struct talk *t)
{
    log_in(t, "", "");
    reply_nop(t, WIRE_TAG_NONE, 9, TALK_LUN);
}

static void p1(struct talk *t, bool wrong)
{
    be_pinged(t);
    say_nop(t, answer(t, 9, wrong ? 0 : TALK_LUN), 0);
}

static void p1_tag(struct talk *t, bool wrong)
{
    be_pinged(t);
    struct wire_nop_out n = answer(t, 9, TALK_LUN);
    n.itt = wrong ? 1 : WIRE_TAG_NONE;
    say_nop(t, n, 0);
}

static void p1_never(struct talk *t, bool wrong)
{
    be_pinged(t);
    t->now += 31 * NS_PER_S;
    if (!wrong)
        say_nop(t, answer(t, 9, TALK_LUN), 0);
    say_command(t, read_command(t, 1, 512), 0);
}

static void p2(struct talk *t, bool wrong)
{
    be_pinged(t);
    struct wire_nop_out n = answer(t, 9, TALK_LUN);
    n.immediate = !wrong;
    say_nop(t, n, 0);
}

static void p3(struct talk *t, bool wrong)
{
    be_pinged(t);
    say_nop(t, answer(t, wrong ? 8 : 9, TALK_LUN), 0);
}

static void p3_twice(struct talk *t, bool wrong)
{
    be_pinged(t);
    say_nop(t, answer(t, 9, TALK_LUN), 0);
    if (!wrong)
        reply_nop(t, WIRE_TAG_NONE, 9, TALK_LUN);
    say_nop(t, answer(t, 9, TALK_LUN), 0);
}

static void p4(struct talk *t, bool wrong)
{
    log_in(t, "", "MaxRecvDataSegmentLength=512\n");
    say_nop(t, ping(t, 1), 512 + wrong);
}

/* --- task management --- */

static struct wire_tmf_request abort_of(struct talk *t, uint32_t itt)
{
    struct wire_tmf_request q = tmf(t, WIRE_TMF_ABORT_TASK, 100);
    q.referenced_tag = itt;
    q.ref_cmd_sn = q.cmd_sn - 1;
    return q;
}

static void m1(struct talk *t, bool wrong)
{
    log_in(t, "", "");
    say_command(t, read_command(t, 1, 512), 0);
    struct wire_tmf_request q = abort_of(t, 1);
    q.ref_cmd_sn -= wrong;
    say_tmf(t, q);
}

static void m1_immediate(struct talk *t, bool wrong)
{
    log_in(t, "", "");
    say_command(t, read_command(t, 1, 512), 0);
    struct wire_scsi_command c = read_command(t, 2, 512);
    c.immediate = true;
    say_command(t, c, 0);
    t->at->cmd_sn--; /* it uses none up */
    say_command(t, read_command(t, 3, 512), 0);
    struct wire_tmf_request q = abort_of(t, 2);
    q.ref_cmd_sn = wrong ? c.cmd_sn : q.cmd_sn;
    say_tmf(t, q);
}

static void m1_no_tag(struct talk *t, bool wrong)
{
    log_in(t, "", "");
    say_command(t, read_command(t, 1, 512), 0);
    say_tmf(t, abort_of(t, wrong ? WIRE_TAG_NONE : 1));
}

static void m1_connection(struct talk *t, bool wrong)
{
    log_in(t, "", "");
    say_command(t, read_command(t, 1, 512), 0);
    use_line(t, 1);
    t->at->port = 0;
    t->at->tsih = TALK_TSIH;
    t->at->cmd_sn = t->lines[0].cmd_sn;
    log_in(t, "", "");
    use_line(t, wrong ? 1 : 0);
    say_tmf(t, abort_of(t, 1));
}

static void d22_abort(struct talk *t, bool wrong)
{
    log_in(t, "", "");
    say_command(t, read_command(t, 1, 512), 0);
    struct wire_tmf_request q = abort_of(t, 1);
    q.lun = wrong ? 0 : q.lun;
    say_tmf(t, q);
}

static void m2(struct talk *t, bool wrong)
{
    log_in(t, "", "");
    struct wire_tmf_request q = tmf(t, WIRE_TMF_LU_RESET, 1);
    q.referenced_tag = wrong ? 0 : WIRE_TAG_NONE;
    say_tmf(t, q);
}

static void m2_data(struct talk *t, bool wrong)
{
    uint8_t bhs[WIRE_BHS_LEN];
    log_in(t, "", "");
    const struct wire_tmf_request q = tmf(t, WIRE_TMF_LU_RESET, 1);
    put_tmf_request(bhs, &q);
    say(t, bhs, NULL, 0, NULL, wrong ? 4 : 0);
}

/* A tag is free again when a reset has ended its task. */
static void c7_reset(struct talk *t, bool wrong)
{
    log_in(t, "", "");
    say_command(t, read_command(t, 1, 512), 0);
    say_tmf(t, tmf(t, WIRE_TMF_LU_RESET, 2));
    reply_tmf(t, 2, wrong ? WIRE_TMF_UNSUPPORTED : WIRE_TMF_COMPLETE);
    say_command(t, read_command(t, 1, 512), 0);
}

/* Another connection takes over from one that is gone. */
static void move(struct talk *t, bool gone)
{
    use_line(t, 1);
    t->at->port = 0;
    t->at->tsih = TALK_TSIH;
    t->at->cmd_sn = t->lines[0].cmd_sn;
    log_in(t, "", "");
    if (!gone)
        return;
    referee_free(t->lines[0].r);
    t->lines[0].r = NULL;
}

static struct wire_tmf_request reassign(struct talk *t, uint32_t itt)
{
    struct wire_tmf_request q = abort_of(t, itt);
    q.function = WIRE_TMF_TASK_REASSIGN;
    q.lun = 0;
    q.ref_cmd_sn = 0;
    return q;
}

#define LEVEL(n) "ErrorRecoveryLevel=" #n "\n"

static void m10(struct talk *t, bool wrong)
{
    log_in(t, LEVEL(2), LEVEL(2));
    say_command(t, read_command(t, 1, 512), 0);
    move(t, !wrong);
    say_tmf(t, reassign(t, 1));
}

static void m10_level(struct talk *t, bool wrong)
{
    log_in(t, LEVEL(2), wrong ? LEVEL(1) : LEVEL(2));
    move(t, true);
    say_tmf(t, reassign(t, 1));
}

static void m10_immediate(struct talk *t, bool wrong)
{
    log_in(t, LEVEL(2), LEVEL(2));
    move(t, true);
    struct wire_tmf_request q = reassign(t, 1);
    q.immediate = !wrong;
    say_tmf(t, q);
}

static void x4(struct talk *t, bool wrong)
{
    log_in(t, LEVEL(2), LEVEL(2));
    if (wrong)
        say_text(t, text_request(t, 1), "SendTargets=\n");
    else
        say_command(t, read_command(t, 1, 512), 0);
    move(t, true);
    say_tmf(t, reassign(t, 1));
}

/* --- the end --- */

static void a1(struct talk *t, bool wrong)
{
    log_in(t, "", "");
    reply_async(t, WIRE_ASYNC_LOGOUT, 3);
    t->now += (wrong ? 4 : 3) * NS_PER_S;
    say_nop(t, ping(t, 1), 0);
    say_logout(t, logout_request(t, 2));
}

static void a3(struct talk *t, bool wrong)
{
    log_in(t, "", "");
    reply_async(t, WIRE_ASYNC_RENEGOTIATE, 3);
    t->now += 4 * NS_PER_S;
    if (!wrong)
        say_text(t, text_request(t, 1), "");
    say_nop(t, ping(t, 2), 0);
}

static void a6(struct talk *t, bool wrong)
{
    log_in(t, "", "");
    uint32_t before = t->at->stat_sn;
    reply_async(t, WIRE_ASYNC_LOGOUT, 3);
    struct wire_scsi_command c = read_command(t, 1, 512);
    c.exp_stat_sn = wrong ? c.exp_stat_sn : before; /* may not have seen it yet */
    say_command(t, c, 0);
}

static void o1(struct talk *t, bool wrong)
{
    log_in(t, "", "");
    reply_nop(t, WIRE_TAG_NONE, 9, 0);
    if (!wrong)
        say_command(t, read_command(t, 1, 512), 0);
    say_logout(t, logout_request(t, 2));
    if (wrong)
        say_command(t, read_command(t, 1, 512), 0);
    say_nop(t, answer(t, 9, 0), 0); /* no request */
}

static void o1_other(struct talk *t, bool wrong)
{
    log_in(t, "", "");
    struct wire_logout_request q = logout_request(t, 1);
    q.reason = WIRE_LOGOUT_CONNECTION;
    q.cid = wrong ? 0 : 5;
    say_logout(t, q);
    say_nop(t, ping(t, 2), 0);
}

/* --- SNACK --- */

static void e1(struct talk *t, bool wrong)
{
    log_in(t, LEVEL(1), wrong ? LEVEL(0) : LEVEL(1));
    say_snack(t, snack(t, 1));
}

static void reply_data_in(struct talk *t, uint32_t itt, uint32_t ttt)
{
    uint8_t bhs[WIRE_BHS_LEN];
    const struct wire_data_in d = {
        .acknowledge = true, .lun = TALK_LUN, .itt = itt, .ttt = ttt, .window = window(t, false)};
    put_data_in(bhs, &d);
    reply(t, bhs, NULL, 512);
}

/* A read of which one PDU has come, for which the target wants an acknowledgement. */
static void read_some(struct talk *t)
{
    log_in(t, LEVEL(1), LEVEL(1));
    say_command(t, read_command(t, 1, 4096), 0);
    reply_data_in(t, 1, 66);
}

static struct wire_snack data_ack(struct talk *t)
{
    struct wire_snack q = snack(t, 2);
    q.ttt_or_tag = 66;
    q.lun = TALK_LUN;
    q.beg_run = 1;
    return q;
}

static void e2_task(struct talk *t, bool wrong)
{
    read_some(t);
    struct wire_snack q = snack(t, 0);
    q.itt = wrong ? 2 : 1;
    say_snack(t, q);
}

static void e2_status(struct talk *t, bool wrong)
{
    read_some(t);
    struct wire_snack q = snack(t, 1);
    q.itt = wrong ? 1 : WIRE_TAG_NONE;
    say_snack(t, q);
}

static void e2_ack(struct talk *t, bool wrong)
{
    read_some(t);
    struct wire_snack q = data_ack(t);
    q.ttt_or_tag += wrong;
    say_snack(t, q);
}

static void e2_run(struct talk *t, bool wrong)
{
    read_some(t);
    struct wire_snack q = data_ack(t);
    q.run_length = wrong;
    say_snack(t, q);
}

static void e2_r_data(struct talk *t, bool wrong)
{
    read_some(t);
    struct wire_snack q = snack(t, 3);
    q.itt = 1;
    q.ttt_or_tag = wrong ? 0 : 1;
    say_snack(t, q);
}

static void e4_status(struct talk *t, bool wrong)
{
    read_some(t);
    struct wire_snack q = snack(t, 1);
    q.beg_run = t->at->stat_sn - wrong;
    q.run_length = 1;
    say_snack(t, q);
}

static void e4_data(struct talk *t, bool wrong)
{
    read_some(t);
    say_snack(t, data_ack(t));
    struct wire_snack q = snack(t, 0);
    q.itt = 1;
    q.beg_run = !wrong;
    q.run_length = 1;
    say_snack(t, q);
}

const struct trial session_trials[] = {
    {RULE_P1, p1},
    {RULE_P1, p1_tag},
    {RULE_P1, p1_never},
    {RULE_P2, p2},
    {RULE_P3, p3},
    {RULE_P3, p3_twice},
    {RULE_P4, p4},
    {RULE_M1, m1},
    {RULE_M1, m1_immediate},
    {RULE_M1, m1_no_tag},
    {RULE_M1, m1_connection},
    {RULE_M2, m2},
    {RULE_M2, m2_data},
    {RULE_D22, d22_abort},
    {RULE_C7, c7_reset},
    {RULE_M10, m10},
    {RULE_M10, m10_level},
    {RULE_M10, m10_immediate},
    {RULE_X4, x4},
    {RULE_A1, a1},
    {RULE_A3, a3},
    {RULE_A6, a6},
    {RULE_O1, o1},
    {RULE_O1, o1_other},
    {RULE_E1, e1},
    {RULE_E2, e2_task},
    {RULE_E2, e2_status},
    {RULE_E2, e2_ack},
    {RULE_E2, e2_run},
    {RULE_E2, e2_r_data},
    {RULE_E4, e4_status},
    {RULE_E4, e4_data},
};
const size_t session_trial_count = sizeof session_trials / sizeof session_trials[0];
