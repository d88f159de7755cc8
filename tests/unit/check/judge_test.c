/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "check/judge.h"

static struct check_case c;
static uint64_t fired[CASE_RULES_MAX];
static struct evidence e;
static struct check_outcome out;

static int begin(void **state)
{
    (void)state;
    c = (struct check_case){.id = "x", .end = END_EITHER};
    memset(fired, 0, sizeof fired);
    fired[0] = 1;
    e = (struct evidence){
        .c = &c, .runs = 1, .succeeded = 1, .time_ms = 1500, .fired = fired, .script_rules = 1};
    memset(&out, 0, sizeof out);
    return 0;
}

static void verdict(enum check_result result, uint32_t faults, const char *words)
{
    judge(&e, &out);
    assert_int_equal(out.result, result);
    assert_int_equal(out.faults, faults);
    assert_non_null(strstr(out.why, words));
}

static void foul(const char *rule, bool should)
{
    struct check_violation *v = &out.violations[out.violation_count++];
    *v = (struct check_violation){.count = 1, .should = should};
    snprintf(v->rule, sizeof v->rule, "%s", rule);
    snprintf(v->section, sizeof v->section, "1.2.3");
}

static void nothing_wrong_passes(void **state)
{
    (void)state;
    verdict(CHECK_PASSED, 0, "");
    assert_false(out.gave_up);
}

static void who_may_give_up_passes(void **state)
{
    (void)state;
    e.succeeded = 0;
    e.failed = 1;
    verdict(CHECK_PASSED, 0, "");
    assert_true(out.gave_up);
}

static void success_where_it_must_fail_is_a_fault(void **state)
{
    (void)state;
    c.end = END_FAILURE;
    verdict(CHECK_FAILED, CHECK_STATUS, "succeeded where it must fail");
}

static void failure_where_it_must_succeed_is_a_fault(void **state)
{
    (void)state;
    c.end = END_SUCCESS;
    e.succeeded = 0;
    e.failed = 1;
    verdict(CHECK_FAILED, CHECK_STATUS, "failed where it must succeed");
}

static void failure_before_the_case_comes_up_counts_only_where_it_must_succeed(void **state)
{
    (void)state;
    fired[0] = 0;
    c.end = END_FAILURE;
    verdict(CHECK_NOT_EXERCISED, 0, "did nothing");
    c.end = END_SUCCESS;
    e.failed = 1;
    verdict(CHECK_FAILED, CHECK_STATUS, "");
}

static void wrong_bytes_are_a_fault_in_any_case(void **state)
{
    (void)state;
    fired[0] = 0;
    snprintf(e.bytes, sizeof e.bytes, "byte 5 is wrong");
    verdict(CHECK_FAILED, CHECK_BYTES, "byte 5 is wrong");
}

static void a_late_command_is_a_fault(void **state)
{
    (void)state;
    e.succeeded = 0;
    e.bad = (struct child){.end = CHILD_LATE};
    verdict(CHECK_FAILED, CHECK_TIME, "did not end within 2 s");
}

static void a_crash_is_a_fault_also_where_it_must_fail(void **state)
{
    (void)state;
    c.end = END_FAILURE;
    e.succeeded = 0;
    e.bad = (struct child){.end = CHILD_KILLED, .status = SIGSEGV};
    verdict(CHECK_FAILED, CHECK_CRASH, "signal 11");
}

static void a_shell_tells_of_a_crash_too(void **state)
{
    (void)state;
    e.succeeded = 0;
    e.bad = (struct child){.end = CHILD_EXITED, .status = 128 + SIGABRT};
    verdict(CHECK_FAILED, CHECK_CRASH, "134");
}

static void a_broken_rule_is_a_fault_but_not_if_it_is_a_should_or_known(void **state)
{
    const char *const known[] = {"S1", "B1"};
    (void)state;
    foul("D20", true);
    verdict(CHECK_PASSED, 0, "");
    foul("S1", false);
    verdict(CHECK_FAILED, CHECK_WIRE, "S1 (RFC 7143 1.2.3)");
    e.known = known;
    e.known_count = 2;
    out.faults = 0;
    out.why[0] = '\0';
    verdict(CHECK_PASSED, 0, "");
    assert_true(out.violations[1].known);
    assert_false(out.violations[0].known);
}

static void what_nobody_can_keep_is_pardoned_in_its_case_alone(void **state)
{
    (void)state;
    c.pardon = "D3";
    foul("D3", false);
    verdict(CHECK_PASSED, 0, "");
    foul("D4", false);
    verdict(CHECK_FAILED, CHECK_WIRE, "D4");
}

static void what_is_watched_has_bounds(void **state)
{
    (void)state;
    c.watches[0] = (struct case_watch){"on connect note", 1, 3, "it connected too often"};
    fired[1] = 3;
    verdict(CHECK_PASSED, 0, "");
    fired[1] = 4;
    verdict(CHECK_FAILED, CHECK_CONDUCT, "too often (4 times)");
}

static void one_of_the_rules_that_must_come_true_has_to(void **state)
{
    (void)state;
    e.script_rules = 3;
    c.must = 6;
    c.must_words = "it did not answer";
    fired[2] = 1;
    verdict(CHECK_PASSED, 0, "");
    fired[2] = 0;
    verdict(CHECK_FAILED, CHECK_CONDUCT, "did not answer");
}

static void only_the_rules_that_are_named_make_a_case_exercised(void **state)
{
    (void)state;
    e.script_rules = 3;
    c.fired = 1;
    verdict(CHECK_PASSED, 0, "");
    c.fired = 0;
    verdict(CHECK_NOT_EXERCISED, 0, "");
    fired[1] = fired[2] = 1;
    verdict(CHECK_PASSED, 0, "");
}

static void all_that_is_wrong_is_told(void **state)
{
    (void)state;
    snprintf(e.bytes, sizeof e.bytes, "byte 5 is wrong");
    foul("C1", false);
    verdict(CHECK_FAILED, CHECK_BYTES | CHECK_WIRE, "byte 5 is wrong; rule C1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(nothing_wrong_passes, begin),
        cmocka_unit_test_setup(who_may_give_up_passes, begin),
        cmocka_unit_test_setup(success_where_it_must_fail_is_a_fault, begin),
        cmocka_unit_test_setup(failure_where_it_must_succeed_is_a_fault, begin),
        cmocka_unit_test_setup(failure_before_the_case_comes_up_counts_only_where_it_must_succeed, begin),
        cmocka_unit_test_setup(wrong_bytes_are_a_fault_in_any_case, begin),
        cmocka_unit_test_setup(a_late_command_is_a_fault, begin),
        cmocka_unit_test_setup(a_crash_is_a_fault_also_where_it_must_fail, begin),
        cmocka_unit_test_setup(a_shell_tells_of_a_crash_too, begin),
        cmocka_unit_test_setup(a_broken_rule_is_a_fault_but_not_if_it_is_a_should_or_known, begin),
        cmocka_unit_test_setup(what_nobody_can_keep_is_pardoned_in_its_case_alone, begin),
        cmocka_unit_test_setup(what_is_watched_has_bounds, begin),
        cmocka_unit_test_setup(one_of_the_rules_that_must_come_true_has_to, begin),
        cmocka_unit_test_setup(only_the_rules_that_are_named_make_a_case_exercised, begin),
        cmocka_unit_test_setup(all_that_is_wrong_is_told, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
