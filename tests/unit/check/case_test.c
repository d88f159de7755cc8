/* SPDX-License-Identifier: MIT */
/* Every row of the table is one that can be run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "check/case.h"
#include "check/disk.h"
#include "check/peer.h"
#include "check/scripts.h"

static void ids_are_words_and_stand_once(void **state)
{
    (void)state;
    for (size_t i = 0; case_at(i); i++) {
        const char *id = case_at(i)->id;
        assert_int_equal(strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789-"), strlen(id));
        assert_true(strlen(id) <= 34); /* the width of its column */
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(case_at(k)->id, id);
    }
}

static void each_has_a_section_and_a_sentence(void **state)
{
    (void)state;
    for (size_t i = 0; case_at(i); i++) {
        const struct check_case *c = case_at(i);
        assert_non_null(c->section);
        assert_non_null(c->sentence);
        assert_true(c->topic < TOPIC_COUNT);
        if (!strchr(c->sentence, ';') || c->sentence[strlen(c->sentence) - 1] == '.')
            fail_msg("%s: '%s' is not two clauses without a full stop", c->id, c->sentence);
    }
}

static void each_range_is_on_the_disk(void **state)
{
    (void)state;
    for (size_t i = 0; case_at(i); i++) {
        const struct check_case *c = case_at(i);
        uint64_t block = c->need & NEED_LARGE_BLOCKS ? 4096 : 512;
        assert_true((uint64_t)c->lba * block + c->blocks * block <= DISK_BYTES);
        assert_true(c->blocks > 0 || c->op == OP_DISCOVER);
    }
}

static void each_has_the_rules_that_it_speaks_of(void **state)
{
    (void)state;
    for (size_t i = 0; case_at(i); i++) {
        const struct check_case *c = case_at(i);
        uint32_t rules = peer_script_rules(c);
        if (c->script && !case_script(c->script))
            fail_msg("%s: there is no script %s", c->id, c->script);
        assert_true(rules + CASE_WATCHES_MAX <= CASE_RULES_MAX);
        assert_true(c->fired >> rules == 0 && c->must >> rules == 0);
        assert_true(!c->must == !c->must_words);
    }
}

/* What needs commands that are neither reads nor writes (or a flush, which few send), what nobody can bear,
 * what needs two sessions, what only they meet who have asked for FastAbort, and what no standard asks for.
 */
static const char *const without_case[] = {"cache-lost",
                                           "caw-response-lost",
                                           "reservation-response-lost",
                                           "stale-write-raw",
                                           "paths-flap",
                                           "fast-abort",
                                           "lun-replaced",
                                           NULL};

static bool has_case(const char *script)
{
    for (const char *const *name = without_case; *name; name++)
        if (strcmp(*name, script) == 0)
            return true;
    for (size_t i = 0; case_at(i); i++)
        if (case_at(i)->script && strcmp(case_at(i)->script, script) == 0)
            return true;
    return false;
}

static void each_script_has_a_case(void **state)
{
    uint32_t count = 0;
    (void)state;
    for (const struct embedded_script *s = embedded_scripts; s->name; s++, count++)
        if (!has_case(s->name))
            fail_msg("%s has no case", s->name);
    assert_true(count > 150);
}

/* The target takes all its rules and keys. */
static void each_target_starts(void **state)
{
    static struct peer p;
    (void)state;
    for (size_t i = 0; case_at(i); i++) {
        const struct check_case *c = case_at(i);
        if (!peer_start(&p, c, "127.0.0.1"))
            fail_msg("%s: %s", c->id, p.why);
        assert_true(peer_stop(&p));
        assert_int_equal(p.violation_count, 0);
        peer_free(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_words_and_stand_once),
        cmocka_unit_test(each_has_a_section_and_a_sentence),
        cmocka_unit_test(each_range_is_on_the_disk),
        cmocka_unit_test(each_has_the_rules_that_it_speaks_of),
        cmocka_unit_test(each_script_has_a_case),
        cmocka_unit_test(each_target_starts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
