/* SPDX-License-Identifier: MIT */
/* Numbers, tags, SCSI Commands, fixed bits, digests. */
#include "talk.h"

static void one_command(struct talk *t, uint32_t itt)
{
    say_command(t, read_command(t, itt, 0), 0);
    reply_status(t, itt);
}

/* --- numbers --- */

static void c1(struct talk *t, bool wrong)
{
    log_in(t, "", "");
    one_command(t, 1);
    t->at->cmd_sn += wrong;
    one_command(t, 2);
}

static void c1_old(struct talk *t, bool wrong)
{
    log_in(t, "", "");
    one_command(t, 1);
    t->at->cmd_sn -= wrong;
    one_command(t, 2);
}

static void c1_wide(struct talk *t, bool wrong)
{
    log_in(t, "", "");
    one_command(t, 1);
    use_line(t, 1);
    t->at->port = 0;
    t->at->tsih = TALK_TSIH;
    t->at->cmd_sn = t->lines[0].cmd_sn;
    log_in(t, "", "");
    t->at->cmd_sn++;
    one_command(t, 2); /* overtakes the other connection's next */
    use_line(t, 0);
    one_command(t, 3);
    t->at->cmd_sn -= wrong;
    t->at->cmd_sn += !wrong;
    one_command(t, 4);
}

static void c2(struct talk *t, bool wrong)
{
    log_in(t, "", "");
    for (uint32_t i = 0; i < (wrong ? 33u : 32u); i++)
        say_command(t, read_command(t, i, 0), 0);
}

/* One that leaps out of the window is ignored, and so does not count. */
static void c2_leap(struct talk *t, bool wrong)
{
    log_in(t, "", "");
    one_command(t, 1);
    t->at->cmd_sn += wrong ? 100 : 0;
    say_command(t, read_command(t, 2, 0), 0);
    t->at->cmd_sn -= wrong ? 101 : 0;
    one_command(t, 3);
}

/* The number of a command that was rejected goes to a ping. */
static void c1_gap(struct talk *t, bool wrong)
{
    uint8_t bhs[WIRE_BHS_LEN], bad[WIRE_BHS_LEN];
    const struct wire_reject a = {.reason = WIRE_REJECT_COMMAND};
    log_in(t, "", "");
    struct wire_scsi_command c = read_command(t, 1, 512);
    say_command(t, c, 0);
    put_scsi_command(bad, &c);
    bad[0] = wrong ? WIRE_DATA_OUT : bad[0];
    put_reject(bhs, &a);
    const struct wire_window w = window(t, true);
    put_window(bhs, &w);
    reply(t, bhs, bad, WIRE_BHS_LEN);
    for (uint32_t itt = 2; itt < 4; itt++) { /* the second one is no plug any more */
        struct wire_nop_out n = ping(t, itt);
        n.immediate = itt == 3;
        n.cmd_sn -= itt == 2;
        say_nop(t, n, 0);
    }
    one_command(t, 4);
}

static void c5(struct talk *t, bool wrong)
{
    log_in(t, "", "");
    one_command(t, 1);
    struct wire_nop_out n = ping(t, 2);
    n.cmd_sn += wrong;
    say_nop(t, n, 0);
}

static void c5_used_up(struct talk *t, bool wrong)
{
    log_in(t, "", "");
    one_command(t, 1);
    say_nop(t, ping(t, 2), 0);
    t->at->cmd_sn += wrong;
    one_command(t, 3);
}

static void c7(struct talk *t, bool wrong)
{
    log_in(t, "", "");
    say_command(t, read_command(t, 1, 512), 0);
    say_command(t, read_command(t, wrong ? 1 : 2, 512), 0);
}

static void c7_over(struct talk *t, bool wrong)
{
    log_in(t, "", "");
    say_command(t, read_command(t, 1, 512), 0);
    if (!wrong)
        reply_status(t, 1);
    say_nop(t, ping(t, 1), 0);
}

static void c7_reserved(struct talk *t, bool wrong)
{
    log_in(t, "", "");
    say_command(t, read_command(t, wrong ? WIRE_TAG_NONE : 0, 512), 0);
}

static void c7_login(struct talk *t, bool wrong)
{
    struct wire_login_request q = login_request(t);
    q.itt = wrong ? WIRE_TAG_NONE : q.itt;
    say_login(t, q, NAMES);
}

static void c7_rejected(struct talk *t, bool wrong)
{
    uint8_t bhs[WIRE_BHS_LEN], bad[WIRE_BHS_LEN];
    const struct wire_reject a = {.reason = WIRE_REJECT_COMMAND};
    log_in(t, "", "");
    struct wire_scsi_command c = read_command(t, 1, 512);
    say_command(t, c, 0);
    put_scsi_command(bad, &c);
    put_reject(bhs, &a);
    const struct wire_window w = window(t, true);
    put_window(bhs, &w);
    reply(t, bhs, bad, wrong ? WIRE_BHS_LEN - 1 : WIRE_BHS_LEN);
    say_command(t, read_command(t, 1, 512), 0);
}

static void c8(struct talk *t, bool wrong)
{
    log_in(t, "ErrorRecoveryLevel=1\n", wrong ? "ErrorRecoveryLevel=0\n" : "ErrorRecoveryLevel=1\n");
    struct wire_scsi_command c = read_command(t, 1, 512);
    say_command(t, c, 0);
    say_command(t, c, 0);
}

static void c8_changed(struct talk *t, bool wrong)
{
    log_in(t, "ErrorRecoveryLevel=1\n", "ErrorRecoveryLevel=1\n");
    struct wire_scsi_command c = read_command(t, 1, 512);
    say_command(t, c, 0);
    c.cdb[5] = wrong;
    say_command(t, c, 0);
}

static void s1(struct talk *t, bool wrong)
{
    log_in(t, "", "");
    struct wire_scsi_command c = read_command(t, 1, 512);
    c.exp_stat_sn += wrong;
    say_command(t, c, 0);
}

/* A response comes twice, behind a later one. */
static void s1_repeated(struct talk *t, bool wrong)
{
    log_in(t, "", "");
    one_command(t, 1);
    one_command(t, 2);
    uint32_t next = t->at->stat_sn;
    t->at->stat_sn -= 2;
    reply_status(t, 1);
    t->at->stat_sn = next + wrong;
    say_nop(t, ping(t, 3), 0);
}

/* The target has damaged its own number: half the circle on. */
static void s1_far(struct talk *t, bool wrong)
{
    log_in(t, "", "");
    uint32_t next = t->at->stat_sn;
    t->at->stat_sn += 0x80000000u;
    reply_async(t, WIRE_ASYNC_VENDOR, 0);
    t->at->stat_sn = next + wrong;
    say_nop(t, ping(t, 1), 0);
}

static void s5(struct talk *t, bool wrong)
{
    log_in(t, "", "");
    uint32_t old = t->at->stat_sn;
    say_nop(t, ping(t, 2), 0);
    for (uint32_t i = 0; i < (wrong ? 1025u : 1024u); i++)
        reply_async(t, WIRE_ASYNC_VENDOR, 0);
    struct wire_nop_out n = ping(t, 1);
    n.exp_stat_sn = old;
    say_nop(t, n, 0);
}

/* --- commands --- */

static void d1(struct talk *t, bool wrong)
{
    log_in(t, "", "");
    struct wire_scsi_command c = read_command(t, 1, 512);
    c.final = !wrong;
    say_command(t, c, 0);
}

static void d1_direction(struct talk *t, bool wrong)
{
    log_in(t, "", "");
    struct wire_scsi_command c = read_command(t, 1, 512);
    c.read = !wrong;
    say_command(t, c, 0);
}

static void d1_nothing_left(struct talk *t, bool wrong)
{
    log_in(t, "InitialR2T=No\n", "InitialR2T=No\n");
    struct wire_scsi_command c = write_command(t, 1, 512);
    c.final = !wrong;
    say_command(t, c, 512);
}

static void d2(struct talk *t, bool wrong)
{
    log_in(t, "ImmediateData=Yes\n", wrong ? "ImmediateData=No\n" : "ImmediateData=Yes\n");
    say_command(t, write_command(t, 1, 512), 512);
}

static void d3_immediate(struct talk *t, bool wrong)
{
    log_in(t, "FirstBurstLength=512\n", "FirstBurstLength=512\n");
    say_command(t, write_command(t, 1, 1024), 512 + wrong);
}

static void d3_announced(struct talk *t, bool wrong)
{
    log_in(t, "InitialR2T=No\n", wrong ? "InitialR2T=Yes\n" : "InitialR2T=No\n");
    struct wire_scsi_command c = write_command(t, 1, 512);
    c.final = false;
    say_command(t, c, 0);
}

static void d9_immediate(struct talk *t, bool wrong)
{
    log_in(t, "", "MaxRecvDataSegmentLength=512\n");
    say_command(t, write_command(t, 1, 4096), 512 + wrong);
}

static void d24(struct talk *t, bool wrong)
{
    log_in(t, "", "");
    say_command(t, write_command(t, 1, 512), 512 + wrong);
}

static void d24_read(struct talk *t, bool wrong)
{
    log_in(t, "", "");
    say_command(t, read_command(t, 1, 512), wrong ? 4 : 0);
}

static void say_with_ahs(struct talk *t, struct wire_scsi_command c, const uint8_t *ahs, uint32_t len)
{
    uint8_t bhs[WIRE_BHS_LEN];
    put_scsi_command(bhs, &c);
    say(t, bhs, ahs, len, NULL, 0);
}

static void d18_short(struct talk *t, bool wrong)
{
    const uint8_t ahs[4] = {0, wrong ? 1 : 2, 1};
    const uint8_t more[8] = {0, 2, 1, 0, 0x11};
    log_in(t, "", "");
    struct wire_scsi_command c = read_command(t, 1, 0);
    c.cdb[0] = 0x7f;
    say_with_ahs(t, c, wrong ? ahs : more, wrong ? sizeof ahs : sizeof more);
}

static void d18_needless(struct talk *t, bool wrong)
{
    uint8_t ahs[20], cdb[WIRE_CDB_MAX] = {0};
    log_in(t, "", "");
    struct wire_scsi_command c = read_command(t, 1, 0);
    c.cdb[0] = wrong ? 0x88 : 0x7f;
    say_with_ahs(t, c, ahs, put_ahs_cdb(ahs, cdb, 32));
}

static void d18_both_ways(struct talk *t, bool wrong)
{
    const uint8_t ahs[8] = {0, 5, 2};
    log_in(t, "", "");
    struct wire_scsi_command c = write_command(t, 1, 512);
    c.read = true;
    say_with_ahs(t, c, ahs, wrong ? 0 : sizeof ahs);
}

static void d18_one_way(struct talk *t, bool wrong)
{
    const uint8_t ahs[8] = {0, 5, 2};
    log_in(t, "", "");
    say_with_ahs(t, write_command(t, 1, 512), ahs, wrong ? sizeof ahs : 0);
}

static void d18_overrun(struct talk *t, bool wrong)
{
    const uint8_t ahs[8] = {0, wrong ? 6 : 5, 1};
    log_in(t, "", "");
    struct wire_scsi_command c = read_command(t, 1, 0);
    c.cdb[0] = 0x7f;
    say_with_ahs(t, c, ahs, sizeof ahs);
}

static void d22(struct talk *t, bool wrong)
{
    log_in(t, "", "");
    struct wire_scsi_command c = read_command(t, 1, 512);
    c.lun = wrong ? 0x0100000000000000 : 0x4100000000000000; /* 256: as a number, and in flat space */
    say_command(t, c, 0);
}

static void d22_below(struct talk *t, bool wrong)
{
    log_in(t, "", "");
    struct wire_scsi_command c = read_command(t, 1, 512);
    c.lun = wrong ? 1 : 0x0001000000000000;
    say_command(t, c, 0);
}

static void d20(struct talk *t, bool wrong)
{
    log_in(t, "", "");
    t->padding = wrong ? 0x20 : 0;
    say_command(t, write_command(t, 1, 512), 510);
}

/* --- bits --- */

static void d21(struct talk *t, bool wrong)
{
    log_in(t, "", "");
    t->spoil = wrong ? 0x20 : 0; /* NOP-Out to NOP-In */
    say_nop(t, ping(t, 1), 0);
}

static void j4(struct talk *t, bool wrong)
{
    log_in(t, "", "");
    t->spoil = wrong ? 0x3f : 0;
    say_nop(t, ping(t, 1), 0);
}

static void b1(struct talk *t, bool wrong)
{
    log_in(t, "", "");
    t->spoil_at = 3;
    t->spoil = wrong ? 1 : 0;
    say_command(t, read_command(t, 1, 512), 0);
}

static void b1_final(struct talk *t, bool wrong)
{
    log_in(t, "", "");
    t->spoil_at = 1;
    t->spoil = wrong ? 0x80 : 0;
    say_tmf(t, tmf(t, WIRE_TMF_LU_RESET, 1));
}

static void b1_lun(struct talk *t, bool wrong)
{
    log_in(t, "", "");
    struct wire_tmf_request q = tmf(t, WIRE_TMF_TARGET_WARM_RESET, 1);
    q.lun = wrong ? q.lun : 0;
    say_tmf(t, q);
}

static void b1_next_stage(struct talk *t, bool wrong)
{
    t->spoil_at = 1;
    t->spoil = wrong ? 3 : 0;
    struct wire_login_request q = login_request(t);
    q.transit = false;
    say_login(t, q, NAMES);
}

static void b1_priority(struct talk *t, bool wrong)
{
    log_in(t, "iSCSIProtocolLevel=2\n", wrong ? "iSCSIProtocolLevel=1\n" : "iSCSIProtocolLevel=2\n");
    t->spoil_at = 2;
    t->spoil = 0x30;
    say_command(t, read_command(t, 1, 512), 0);
}

static void b2(struct talk *t, bool wrong)
{
    log_in(t, "", "");
    t->spoil = wrong ? 0x18 : 0x1c; /* not assigned; a vendor's */
    say_nop(t, ping(t, 1), 0);
}

static void b2_attribute(struct talk *t, bool wrong)
{
    log_in(t, "", "");
    struct wire_scsi_command c = read_command(t, 1, 512);
    c.attr = wrong ? 5 : WIRE_ATTR_ACA;
    say_command(t, c, 0);
}

static void b2_function(struct talk *t, bool wrong)
{
    log_in(t, "iSCSIProtocolLevel=2\n", wrong ? "iSCSIProtocolLevel=1\n" : "iSCSIProtocolLevel=2\n");
    say_tmf(t, tmf(t, WIRE_TMF_QUERY_TASK_SET, 1));
}

static void b2_reason(struct talk *t, bool wrong)
{
    log_in(t, "", "");
    struct wire_logout_request q = logout_request(t, 1);
    q.reason = wrong ? 3 : 1;
    say_logout(t, q);
}

static void b2_snack(struct talk *t, bool wrong)
{
    log_in(t, "ErrorRecoveryLevel=1\n", "ErrorRecoveryLevel=1\n");
    say_snack(t, snack(t, wrong ? 4 : 1));
}

static void b3(struct talk *t, bool wrong)
{
    uint8_t bhs[WIRE_BHS_LEN];
    log_in(t, "", "");
    const struct wire_logout_request q = logout_request(t, 1);
    put_logout_request(bhs, &q);
    say(t, bhs, NULL, 0, NULL, wrong ? 4 : 0);
}

static void b3_ahs(struct talk *t, bool wrong)
{
    uint8_t bhs[WIRE_BHS_LEN];
    const uint8_t ahs[4] = {0, 1, 1};
    log_in(t, "", "");
    const struct wire_nop_out q = ping(t, 1);
    put_nop_out(bhs, &q);
    say(t, bhs, ahs, wrong ? sizeof ahs : 0, NULL, 0);
}

/* --- digests --- */

#define BOTH_DIGESTS "HeaderDigest=CRC32C\nDataDigest=CRC32C\n"

static void g1(struct talk *t, bool wrong)
{
    log_in(t, BOTH_DIGESTS, BOTH_DIGESTS);
    t->at->header_digest = !wrong; /* not before the second PDU */
    say_nop(t, ping(t, 1), 0);
    t->at->header_digest = true;
    say_nop(t, ping(t, 2), 0);
}

static void g3(struct talk *t, bool wrong)
{
    log_in(t, BOTH_DIGESTS, BOTH_DIGESTS);
    say_nop(t, ping(t, 1), 0);
    t->bad_sum = wrong;
    say_nop(t, ping(t, 2), 0);
}

static void g3_data(struct talk *t, bool wrong)
{
    log_in(t, BOTH_DIGESTS, BOTH_DIGESTS);
    say_nop(t, ping(t, 1), 0);
    t->bad_sum = wrong;
    say_nop(t, ping(t, 2), 31);
    say_nop(t, ping(t, 3), 0); /* the framing is not lost */
}

const struct trial command_trials[] = {
    {RULE_C1, c1},
    {RULE_C1, c1_old},
    {RULE_C1, c1_wide},
    {RULE_C1, c1_gap},
    {RULE_C2, c2},
    {RULE_C2, c2_leap},
    {RULE_C5, c5},
    {RULE_C5, c5_used_up},
    {RULE_C7, c7},
    {RULE_C7, c7_over},
    {RULE_C7, c7_reserved},
    {RULE_C7, c7_login},
    {RULE_C7, c7_rejected},
    {RULE_C8, c8},
    {RULE_C8, c8_changed},
    {RULE_S1, s1},
    {RULE_S1, s1_repeated},
    {RULE_S1, s1_far},
    {RULE_S5, s5},
    {RULE_D1, d1},
    {RULE_D1, d1_direction},
    {RULE_D1, d1_nothing_left},
    {RULE_D2, d2},
    {RULE_D3, d3_immediate},
    {RULE_D3, d3_announced},
    {RULE_D9, d9_immediate},
    {RULE_D24, d24},
    {RULE_D24, d24_read},
    {RULE_D18, d18_short},
    {RULE_D18, d18_needless},
    {RULE_D18, d18_both_ways},
    {RULE_D18, d18_one_way},
    {RULE_D18, d18_overrun},
    {RULE_D22, d22},
    {RULE_D22, d22_below},
    {RULE_D20, d20},
    {RULE_D21, d21},
    {RULE_J4, j4},
    {RULE_B1, b1},
    {RULE_B1, b1_final},
    {RULE_B1, b1_lun},
    {RULE_B1, b1_next_stage},
    {RULE_B1, b1_priority},
    {RULE_B2, b2},
    {RULE_B2, b2_attribute},
    {RULE_B2, b2_function},
    {RULE_B2, b2_reason},
    {RULE_B2, b2_snack},
    {RULE_B3, b3},
    {RULE_B3, b3_ahs},
    {RULE_G1, g1},
    {RULE_G3, g3},
    {RULE_G3, g3_data},
};
const size_t command_trial_count = sizeof command_trials / sizeof command_trials[0];
