/* SPDX-License-Identifier: MIT */
/* Every rule of the referee has trials that break it and nothing else, and their legal neighbours; what it
 * tells is bounded. */
#include <stdio.h>
#include "talk.h"

struct bundle {
    const struct trial *trials;
    const size_t *count;
};

static const struct bundle bundles[] = {
    {login_trials, &login_trial_count},     {text_trials, &text_trial_count},
    {command_trials, &command_trial_count}, {data_trials, &data_trial_count},
    {session_trials, &session_trial_count},
};

static void explain(const struct talk *t, const struct trial *trial, size_t at, bool wrong)
{
    print_error("trial %zu of rule %s, %s: %u violations, last: %s\n", at, rule_rows[trial->rule].id,
                wrong ? "wrong" : "right", t->told, t->last);
}

static bool passes(const struct trial *trial, size_t at, bool wrong)
{
    struct talk *t = talk_new();
    trial->run(t, wrong);
    uint32_t of_rule = t->heard[trial->rule];
    bool fine = wrong ? of_rule > 0 && t->told == of_rule : t->told == 0;
    if (!fine)
        explain(t, trial, at, wrong);
    talk_free(t);
    return fine;
}

static void every_trial(void **state)
{
    uint32_t failed = 0;
    (void)state;
    for (size_t b = 0; b < sizeof bundles / sizeof bundles[0]; b++)
        for (size_t i = 0; i < *bundles[b].count; i++) {
            failed += !passes(&bundles[b].trials[i], i, true);
            failed += !passes(&bundles[b].trials[i], i, false);
        }
    assert_int_equal(failed, 0);
}

static bool has_trial(enum rule_id rule)
{
    for (size_t b = 0; b < sizeof bundles / sizeof bundles[0]; b++)
        for (size_t i = 0; i < *bundles[b].count; i++)
            if (bundles[b].trials[i].rule == rule)
                return true;
    return false;
}

static void every_rule_is_tried(void **state)
{
    (void)state;
    for (int rule = 0; rule < RULE_COUNT; rule++) {
        assert_non_null(rule_rows[rule].id);
        if (!has_trial((enum rule_id)rule))
            fail_msg("rule %s has no trial", rule_rows[rule].id);
    }
}

/* --- what is told --- */

static void break_rules(struct talk *t, uint32_t times)
{
    for (uint32_t i = 0; i < times; i++) {
        struct wire_nop_out n = ping(t, WIRE_TAG_NONE);
        n.ttt = i;
        say_nop(t, n, 0);
    }
}

static void repetition_is_counted(void **state)
{
    (void)state;
    struct talk *t = talk_new();
    log_in(t, "", "");
    break_rules(t, 100);
    assert_int_equal(t->told, REFEREE_SHOWN_PER_RULE);
    assert_int_equal(court_totals(t->court)->violations, 100);
    assert_int_equal(court_totals(t->court)->by_rule[RULE_P3], 100);
    talk_free(t);
}

static void many_connections_are_counted(void **state)
{
    (void)state;
    struct talk *t = talk_new();
    for (uint32_t i = 0; i < REFEREE_SHOWN_MAX; i++) {
        log_in(t, "", "");
        break_rules(t, REFEREE_SHOWN_PER_RULE);
        referee_free(t->at->r);
        t->at->r = NULL;
        use_line(t, 0);
    }
    assert_int_equal(t->told, REFEREE_SHOWN_MAX);
    assert_int_equal(court_totals(t->court)->connections, REFEREE_SHOWN_MAX + 1);
    assert_int_equal(court_totals(t->court)->violations, REFEREE_SHOWN_MAX * REFEREE_SHOWN_PER_RULE);
    talk_free(t);
}

static void a_line_says_it_all(void **state)
{
    char verdict[REFEREE_LINE_MAX];
    (void)state;
    struct talk *t = talk_new();
    log_in(t, "", "");
    referee_verdict(court_totals(t->court), verdict);
    assert_string_equal(verdict, "1 PDU of 1 connection checked, no violation");
    break_rules(t, 2);
    assert_string_equal(
        t->last, "P3 (RFC 7143 11.18.2): TargetTransferTag is 0x00000001, which no ping has: NOP-Out itt "
                 "0xffffffff at 160 of connection 1 from somewhere, iqn.2026-11.test:i, header "
                 "408000000000000000000000"
                 "00000000ffffffff00000001fffffffdffffffff"
                 "00000000000000000000000000000000");
    referee_verdict(court_totals(t->court), verdict);
    assert_string_equal(verdict, "3 PDUs of 1 connection checked, 2 violations (P3: 2)");
    talk_free(t);
}

/* Every rule broken as often as can be counted: the verdict is as long as a line may be. */
static void a_verdict_fits(void **state)
{
    struct referee_totals t = {UINT64_MAX, UINT32_MAX, 0, UINT64_MAX, {0}};
    char verdict[REFEREE_LINE_MAX];
    (void)state;
    for (int rule = 0; rule < RULE_COUNT; rule++)
        t.by_rule[rule] = UINT64_MAX;
    referee_verdict(&t, verdict);
    assert_in_range(strlen(verdict), 900, sizeof verdict - 1);
}

/* --- more than can be remembered --- */

/* Tags that are not known prove nothing any more. */
static void a_crowd_is_not_judged(void **state)
{
    (void)state;
    struct talk *t = talk_new();
    log_in(t, "", "");
    for (uint32_t i = 0; i < 3000; i++)
        say_nop(t, ping(t, i), 0);
    say_last(t, data_out(t, 2900, 5, 0, 0), 512);
    assert_int_equal(t->told, 0);
    say_nop(t, ping(t, 1), 0);
    assert_int_equal(t->heard[RULE_C7], 1);
    talk_free(t);
}

static void many_r2ts_are_not_judged(void **state)
{
    (void)state;
    struct talk *t = talk_new();
    log_in(t, "", "");
    say_command(t, write_command(t, 1, 65536), 0);
    for (uint32_t i = 0; i < 100; i++)
        reply_r2t(t, 1, i, i * 512, 512);
    say_last(t, data_out(t, 1, 5000, 0, 0), 512);
    assert_int_equal(t->told, 0);
    talk_free(t);
}

static void many_pings_are_not_judged(void **state)
{
    (void)state;
    struct talk *t = talk_new();
    log_in(t, "", "");
    for (uint32_t i = 0; i < 100; i++)
        reply_nop(t, WIRE_TAG_NONE, i, 0);
    for (uint32_t i = 0; i < 100; i++) {
        struct wire_nop_out n = ping(t, WIRE_TAG_NONE);
        n.ttt = i;
        say_nop(t, n, 0);
    }
    assert_int_equal(t->told, 0);
    talk_free(t);
}

/* The target has had enough of it in the middle of its data. */
static void the_last_pdu_is_judged_by_its_header(void **state)
{
    (void)state;
    struct talk *t = talk_new();
    uint8_t bhs[WIRE_BHS_LEN];
    log_in(t, "", "");
    say_command(t, write_command(t, 1, 4096), 0);
    reply_r2t(t, 1, 5, 0, 4096);
    const struct wire_data_out d = data_out(t, 1, 5, 7, 0);
    put_data_out(bhs, &d);
    wire_set_lengths(bhs, 0, 4096);
    scan_bytes(referee_received(t->at->r), bhs, sizeof bhs);
    assert_int_equal(t->told, 0);
    referee_free(t->at->r);
    t->at->r = NULL;
    assert_int_equal(t->heard[RULE_D7], 2); /* its number, and no F where all data is there */
    assert_int_equal(t->told, 2);
    talk_free(t);
}

static void a_text_without_end_is_not_judged(void **state)
{
    char piece[8193];
    (void)state;
    struct talk *t = talk_new();
    memset(piece, 'a', sizeof piece - 1);
    piece[sizeof piece - 1] = '\0';
    for (uint32_t i = 0; i < 20; i++) {
        struct wire_login_request q = login_request(t);
        q.transit = false;
        q.nsg = 0;
        q.more = i < 19;
        say_login(t, q, piece);
        struct wire_login_response a = login_response(t);
        a.transit = false;
        reply_login(t, a, "");
    }
    assert_int_equal(t->told, 0);
    talk_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_trial),
        cmocka_unit_test(every_rule_is_tried),
        cmocka_unit_test(repetition_is_counted),
        cmocka_unit_test(many_connections_are_counted),
        cmocka_unit_test(a_line_says_it_all),
        cmocka_unit_test(a_verdict_fits),
        cmocka_unit_test(a_crowd_is_not_judged),
        cmocka_unit_test(many_r2ts_are_not_judged),
        cmocka_unit_test(many_pings_are_not_judged),
        cmocka_unit_test(the_last_pdu_is_judged_by_its_header),
        cmocka_unit_test(a_text_without_end_is_not_judged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
