/* SPDX-License-Identifier: MIT */
/* What the log tells and keeps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "serve/log.h"

#define SECOND 1000000000ull

static struct log *l;
static struct {
    uint32_t count;
    int priority;
    char last[LOG_SENTENCE_MAX];
} heard;

static void hear(void *arg, int priority, const char *sentence)
{
    (void)arg;
    heard.count++;
    heard.priority = priority;
    snprintf(heard.last, sizeof heard.last, "%s", sentence);
}

static void listen(enum serve_log_level level)
{
    static struct serve_config config;
    config.log = hear;
    config.log_level = (int8_t)level;
    memset(&heard, 0, sizeof heard);
    l = log_new(&config);
    assert_non_null(l);
}

static int drop(void **state)
{
    (void)state;
    log_free(l);
    return 0;
}

static void tells_with_priorities(void **state)
{
    (void)state;
    listen(SERVE_LOG_NORMAL);
    log_say(l, 0, LOG_SESSION, "%s logged in", "joe");
    assert_string_equal(heard.last, "joe logged in");
    assert_int_equal(heard.priority, 6);
    log_say(l, 0, LOG_REFUSAL, "x");
    assert_int_equal(heard.priority, 4);
    log_say(l, 0, LOG_CHANGE, "x");
    assert_int_equal(heard.priority, 5);
    assert_int_equal(heard.count, 3);
}

static void levels_choose(void **state)
{
    static const uint32_t told[] = {2, 4, 5};
    (void)state;
    for (int level = SERVE_LOG_QUIET; level <= SERVE_LOG_DEBUG; level++) {
        listen((enum serve_log_level)level);
        for (int kind = 0; kind < LOG_KINDS; kind++)
            log_say(l, 0, (enum log_kind)kind, "x");
        assert_int_equal(heard.count, told[level - SERVE_LOG_QUIET]);
        assert_int_equal(log_wants(l, LOG_COMMAND), level == SERVE_LOG_DEBUG);
        assert_int_equal(log_count(l), level == SERVE_LOG_DEBUG ? 5 : 4); /* what is normal is kept */
        log_free(l);
    }
    listen(SERVE_LOG_QUIET);
    log_set_level(l, SERVE_LOG_DEBUG);
    assert_int_equal(log_level(l), SERVE_LOG_DEBUG);
    log_say(l, 0, LOG_COMMAND, "x");
    assert_int_equal(heard.count, 1);
}

static void levels_have_names(void **state)
{
    enum serve_log_level level;
    (void)state;
    assert_true(log_level_find("quiet", &level) && level == SERVE_LOG_QUIET);
    assert_true(log_level_find("normal", &level) && level == SERVE_LOG_NORMAL);
    assert_true(log_level_find("debug", &level) && level == SERVE_LOG_DEBUG);
    assert_false(log_level_find("loud", &level));
    assert_string_equal(log_level_name(SERVE_LOG_DEBUG), "debug");
    assert_string_equal(log_kind_name(LOG_FAULT), "fault");
    listen(SERVE_LOG_NORMAL); /* for drop() */
}

static void strangers_are_rationed(void **state)
{
    (void)state;
    listen(SERVE_LOG_NORMAL);
    for (uint32_t i = 0; i < LOG_BURST + 7; i++)
        log_say(l, SECOND, LOG_REFUSAL, "no");
    assert_int_equal(heard.count, LOG_BURST);
    log_say(l, SECOND, LOG_SESSION, "another kind");
    assert_int_equal(heard.count, LOG_BURST + 1);
    log_tick(l, 2 * SECOND);
    assert_int_equal(heard.count, LOG_BURST + 1);
    log_tick(l, (1 + LOG_SECONDS) * SECOND);
    assert_string_equal(heard.last, "7 more refusals like these in 10 seconds");
    log_say(l, (2 + LOG_SECONDS) * SECOND, LOG_REFUSAL, "again");
    assert_string_equal(heard.last, "again");
}

static void what_was_withheld_comes_before_the_next(void **state)
{
    (void)state;
    listen(SERVE_LOG_NORMAL);
    for (uint32_t i = 0; i < LOG_BURST + 1; i++)
        log_say(l, 0, LOG_FAULT, "bad");
    log_say(l, (1 + LOG_SECONDS) * SECOND, LOG_FAULT, "worse");
    assert_int_equal(heard.count, LOG_BURST + 2);
    assert_string_equal(log_line(l, log_count(l) - 2)->text, "1 more faults like these in 10 seconds");
}

static void our_own_doings_are_not_rationed(void **state)
{
    (void)state;
    listen(SERVE_LOG_DEBUG);
    for (uint32_t i = 0; i < 2 * LOG_BURST; i++) {
        log_say(l, 0, LOG_CHANGE, "x");
        log_say(l, 0, LOG_COMMAND, "x");
    }
    assert_int_equal(heard.count, 4 * LOG_BURST);
}

static void the_last_ones_are_kept(void **state)
{
    (void)state;
    listen(SERVE_LOG_NORMAL);
    assert_int_equal(log_count(l), 0);
    log_say(l, 0, LOG_CHANGE, "number 0");
    assert_int_equal(log_count(l), 1);
    assert_true(log_line(l, 0)->at_ms > 0);
    assert_int_equal(log_line(l, 0)->kind, LOG_CHANGE);
    for (uint32_t i = 1; i < LOG_KEPT + 3; i++)
        log_say(l, 0, LOG_CHANGE, "number %u", i);
    assert_int_equal(log_count(l), LOG_KEPT);
    assert_string_equal(log_line(l, 0)->text, "number 3");
    assert_string_equal(log_line(l, LOG_KEPT - 1)->text, "number 258");
}

static void nobody_need_listen(void **state)
{
    static const struct serve_config deaf;
    (void)state;
    l = log_new(&deaf);
    log_say(l, 0, LOG_SESSION, "x");
    log_tick(l, 100 * SECOND);
    assert_int_equal(log_count(l), 1);
}

#define TEST(name) cmocka_unit_test_teardown(name, drop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(tells_with_priorities),
        TEST(levels_choose),
        TEST(levels_have_names),
        TEST(strangers_are_rationed),
        TEST(what_was_withheld_comes_before_the_next),
        TEST(our_own_doings_are_not_rationed),
        TEST(the_last_ones_are_kept),
        TEST(nobody_need_listen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
