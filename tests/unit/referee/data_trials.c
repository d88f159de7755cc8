/* SPDX-License-Identifier: MIT */
/* Data-Out: unsolicited and solicited. */
#include "talk.h"

#define TTT 0x500u

/* --- unsolicited --- */

static void log_in_unsolicited(struct talk *t)
{
    const char *keys = "InitialR2T=No\nFirstBurstLength=2048\nMaxBurstLength=4096\n";
    log_in(t, keys, keys);
}

static void announce(struct talk *t, uint32_t itt, uint32_t edtl, uint32_t immediate)
{
    struct wire_scsi_command c = write_command(t, itt, edtl);
    c.final = false;
    say_command(t, c, immediate);
}

static struct wire_data_out unsolicited(struct talk *t, uint32_t itt, uint32_t sn, uint32_t offset)
{
    return data_out(t, itt, WIRE_TAG_NONE, sn, offset);
}

static void d1_uncalled(struct talk *t, bool wrong)
{
    log_in_unsolicited(t);
    if (wrong)
        say_command(t, write_command(t, 1, 1024), 0);
    else
        announce(t, 1, 1024, 0);
    say_last(t, unsolicited(t, 1, 0, 0), 1024);
}

static void d3_mode(struct talk *t, bool wrong)
{
    log_in(t, "", "");
    say_command(t, write_command(t, 1, 1024), 0);
    reply_r2t(t, 1, TTT, 0, 1024);
    if (wrong)
        say_last(t, unsolicited(t, 1, 0, 0), 1024);
    else
        say_last(t, data_out(t, 1, TTT, 0, 0), 1024);
}

static void d3_beyond(struct talk *t, bool wrong)
{
    log_in_unsolicited(t);
    announce(t, 1, 4096, 512);
    say_data(t, unsolicited(t, 1, 0, 512), 1024);
    say_last(t, unsolicited(t, 1, 1, 1536), wrong ? 1024 : 512);
}

static void d3_behind(struct talk *t, bool wrong)
{
    log_in_unsolicited(t);
    announce(t, 1, 4096, 0);
    say_last(t, unsolicited(t, 1, 0, 0), 2048);
    if (wrong)
        say_last(t, unsolicited(t, 1, 0, 2048), 512);
}

static void d4(struct talk *t, bool wrong)
{
    log_in_unsolicited(t);
    announce(t, 1, 4096, 512);
    say_last(t, unsolicited(t, 1, 0, 512), wrong ? 1024 : 1536);
}

static void d4_aborted(struct talk *t, bool wrong)
{
    log_in_unsolicited(t);
    announce(t, 1, 4096, 512);
    if (!wrong)
        say_tmf(t, tmf(t, WIRE_TMF_ABORT_TASK_SET, 2));
    say_last(t, unsolicited(t, 1, 0, 512), 0);
}

static void d5(struct talk *t, bool wrong)
{
    log_in_unsolicited(t);
    announce(t, 1, 1024, 0);
    announce(t, 2, 1024, 0);
    say_last(t, unsolicited(t, wrong ? 2 : 1, 0, 0), 1024);
    say_last(t, unsolicited(t, wrong ? 1 : 2, 0, 0), 1024);
}

static void d5_early_end(struct talk *t, bool wrong)
{
    log_in_unsolicited(t);
    announce(t, 1, 1024, 0);
    announce(t, 2, 1024, 0);
    if (!wrong)
        reply_status(t, 1);
    say_last(t, unsolicited(t, 2, 0, 0), 1024);
}

static void d24_unsolicited(struct talk *t, bool wrong)
{
    log_in_unsolicited(t);
    announce(t, 1, 1024, 0);
    say_last(t, unsolicited(t, 1, 0, 0), wrong ? 1028 : 1024);
}

/* --- solicited --- */

/* A write of 8 KiB, of which the target asks for `len` bytes at 4096. */
static void ask(struct talk *t, uint32_t len)
{
    log_in(t, "MaxBurstLength=4096\n", "MaxBurstLength=4096\n");
    say_command(t, write_command(t, 1, 8192), 0);
    reply_r2t(t, 1, TTT, 4096, len);
}

static void d6(struct talk *t, bool wrong)
{
    ask(t, 1024);
    say_last(t, data_out(t, 1, wrong ? TTT + 1 : TTT, 0, 4096), 1024);
}

static void d6_lun(struct talk *t, bool wrong)
{
    ask(t, 1024);
    struct wire_data_out d = data_out(t, 1, TTT, 0, 4096);
    d.lun = wrong ? 0 : d.lun;
    say_last(t, d, 1024);
}

static void d6_again(struct talk *t, bool wrong)
{
    ask(t, 1024);
    say_last(t, data_out(t, 1, TTT, 0, 4096), 1024);
    if (!wrong)
        reply_r2t(t, 1, TTT, 5120, 1024);
    say_last(t, data_out(t, 1, TTT, 0, 5120), 1024);
}

static void d7(struct talk *t, bool wrong)
{
    ask(t, 1024);
    say_last(t, data_out(t, 1, TTT, wrong, 4096), 1024);
}

static void d7_gap(struct talk *t, bool wrong)
{
    ask(t, 1024);
    say_data(t, data_out(t, 1, TTT, 0, 4096), 512);
    say_last(t, data_out(t, 1, TTT, 1 + wrong, 4608), 512);
}

static void d7_final(struct talk *t, bool wrong)
{
    ask(t, 1024);
    struct wire_data_out d = data_out(t, 1, TTT, 0, 4096);
    d.final = !wrong;
    say_data(t, d, 1024);
}

static void d8(struct talk *t, bool wrong)
{
    ask(t, 1024);
    say_data(t, data_out(t, 1, TTT, 0, 4096), 512);
    say_last(t, data_out(t, 1, TTT, 1, wrong ? 4604 : 4608), 512);
}

static void d8_too_much(struct talk *t, bool wrong)
{
    ask(t, 1024);
    say_last(t, data_out(t, 1, TTT, 0, 4096), wrong ? 1028 : 1024);
}

static void d8_too_little(struct talk *t, bool wrong)
{
    ask(t, 1024);
    say_last(t, data_out(t, 1, TTT, 0, 4096), wrong ? 1020 : 1024);
}

static void d8_aborted(struct talk *t, bool wrong)
{
    ask(t, 1024);
    struct wire_tmf_request q = tmf(t, WIRE_TMF_ABORT_TASK, 2);
    q.referenced_tag = 1;
    q.ref_cmd_sn = q.cmd_sn - 1;
    if (!wrong)
        say_tmf(t, q);
    say_last(t, data_out(t, 1, TTT, 0, 4096), 512);
}

static void d8_any_order(struct talk *t, bool wrong)
{
    log_in(t, "DataPDUInOrder=No\n", wrong ? "DataPDUInOrder=Yes\n" : "DataPDUInOrder=No\n");
    say_command(t, write_command(t, 1, 8192), 0);
    reply_r2t(t, 1, TTT, 4096, 1024);
    say_data(t, data_out(t, 1, TTT, 0, 4608), 512);
    say_last(t, data_out(t, 1, TTT, 1, wrong ? 4608 : 4096), 512);
}

static void d9(struct talk *t, bool wrong)
{
    log_in(t, "", "MaxRecvDataSegmentLength=512\n");
    say_command(t, write_command(t, 1, 8192), 0);
    reply_r2t(t, 1, TTT, 0, 516);
    if (!wrong)
        say_data(t, data_out(t, 1, TTT, 0, 0), 512);
    say_last(t, data_out(t, 1, TTT, !wrong, wrong ? 0 : 512), wrong ? 516 : 4);
}

/* Asked for too much, the best that can be done is to give it up. */
static void d9_burst(struct talk *t, bool wrong)
{
    ask(t, wrong ? 4100 : 4096);
    say_last(t, data_out(t, 1, TTT, 0, 4096), wrong ? 4100 : 4096);
}

static void d11(struct talk *t, bool wrong)
{
    ask(t, 1024);
    reply_r2t(t, 1, TTT + 1, 5120, 1024);
    if (!wrong)
        say_last(t, data_out(t, 1, TTT, 0, 4096), 1024);
    say_last(t, data_out(t, 1, TTT + 1, 0, 5120), 1024);
    if (wrong)
        say_last(t, data_out(t, 1, TTT, 0, 4096), 1024);
}

static void d25(struct talk *t, bool wrong)
{
    ask(t, 1024);
    say_last(t, data_out(t, wrong ? 2 : 1, TTT, 0, 4096), 1024);
}

/* What is on its way when the target has had enough is nobody's fault; what comes later is. */
static void d25_over(struct talk *t, bool wrong)
{
    ask(t, 1024);
    struct wire_data_out d = data_out(t, 1, TTT, 0, 4096);
    reply_status(t, 1);
    if (wrong)
        say_nop(t, ping(t, 2), 0); /* acknowledges the status */
    d.exp_stat_sn = t->at->stat_sn - !wrong;
    say_last(t, d, 1024);
}

static void d26(struct talk *t, bool wrong)
{
    ask(t, 1024);
    say_data(t, data_out(t, 1, TTT, 0, 4096), wrong ? 510 : 512);
    say_last(t, data_out(t, 1, TTT, 1, wrong ? 4606 : 4608), wrong ? 514 : 512);
}

static void q2(struct talk *t, bool wrong)
{
    log_in(t, "", "");
    say_command(t, write_command(t, 1, 1024), 0);
    reply_r2t(t, 1, TTT, 0, 1024);
    use_line(t, 1);
    t->at->port = 0;
    t->at->tsih = TALK_TSIH;
    log_in(t, "", "");
    use_line(t, wrong ? 1 : 0);
    say_last(t, data_out(t, 1, TTT, 0, 0), 1024);
}

static void m5(struct talk *t, bool wrong)
{
    log_in(t, "TaskReporting=FastAbort,ResponseFence,RFC3720\n",
           wrong ? "TaskReporting=FastAbort\n" : "TaskReporting=ResponseFence\n");
    say_command(t, write_command(t, 1, 1024), 0);
    reply_r2t(t, 1, TTT, 0, 1024);
    say_tmf(t, tmf(t, WIRE_TMF_ABORT_TASK_SET, 2));
    say_last(t, data_out(t, 1, TTT, 0, 0), 0);
}

const struct trial data_trials[] = {
    {RULE_D1, d1_uncalled}, {RULE_D3, d3_mode},      {RULE_D3, d3_beyond},
    {RULE_D3, d3_behind},   {RULE_D4, d4},           {RULE_D4, d4_aborted},
    {RULE_D5, d5},          {RULE_D5, d5_early_end}, {RULE_D24, d24_unsolicited},
    {RULE_D6, d6},          {RULE_D6, d6_lun},       {RULE_D6, d6_again},
    {RULE_D7, d7},          {RULE_D7, d7_gap},       {RULE_D7, d7_final},
    {RULE_D8, d8},          {RULE_D8, d8_too_much},  {RULE_D8, d8_too_little},
    {RULE_D8, d8_aborted},  {RULE_D8, d8_any_order}, {RULE_D9, d9},
    {RULE_D9, d9_burst},    {RULE_D11, d11},         {RULE_D25, d25},
    {RULE_D25, d25_over},   {RULE_D26, d26},         {RULE_Q2, q2},
    {RULE_M5, m5},
};
const size_t data_trial_count = sizeof data_trials / sizeof data_trials[0];
