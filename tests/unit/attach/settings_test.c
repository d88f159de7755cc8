/* SPDX-License-Identifier: MIT */
/* The table of settings: each row takes what it says it takes and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "attach/attachment.h"
#include "attach/opening.h"

static char why[SETTINGS_WHY_MAX];

static int take(struct settings *s, const char *key, const char *value)
{
    why[0] = '\0';
    return settings_take(s, key, value, SETTINGS_GIVEN, why);
}

static void test_rows(void **state)
{
    (void)state;
    for (int i = 0; i < SETTINGS_COUNT; i++) {
        const struct setting_row *row = &settings_rows[i];
        assert_non_null(row->key);
        assert_int_equal(settings_find(row->key), i);
        assert_true(row->help[0] && row->value[0] && row->expected[0]);
    }
    assert_int_equal(settings_find("nonsense"), -1);
}

/* What the table says of defaults is what the library does. */
static void test_defaults(void **state)
{
    struct settings *s = settings_new();
    struct opening o;
    struct berth_options b;
    struct berth_detail detail;
    (void)state;
    take(s, "url", "iscsi://h/iqn.2026-11.test:x/0");
    assert_int_equal(opening_prepare(&o, s, &detail), 0);
    berth_options_init(&b);
    assert_int_equal(o.options.connect_timeout_ms, b.connect_timeout_ms);
    for (int i = SETTING_CONNECT_TIMEOUT; i <= SETTING_PING_TIMEOUT; i++)
        assert_string_equal(settings_source_word(settings_source(s, i)), "default");
    assert_int_equal(settings_number(s, SETTING_CONNECT_TIMEOUT), b.connect_timeout_ms);
    assert_int_equal(settings_number(s, SETTING_COMMAND_TIMEOUT), b.command_timeout_ms);
    assert_int_equal(settings_number(s, SETTING_ABORT_TIMEOUT), b.abort_timeout_ms);
    assert_int_equal(settings_number(s, SETTING_RECOVERY_TIMEOUT), b.recovery_timeout_ms);
    assert_int_equal(settings_number(s, SETTING_PING_INTERVAL), b.ping_interval_ms);
    assert_int_equal(settings_number(s, SETTING_PING_TIMEOUT), b.ping_timeout_ms);
    assert_int_equal(o.options.depth, b.depth);
    assert_int_equal(o.options.chap_challenge_min_bytes, b.chap_challenge_min_bytes);
    opening_wipe(&o);
    settings_free(s);
}

static void test_values(void **state)
{
    static const struct {
        const char *key, *good, *bad;
        uint32_t number;
    } rows[] = {
        {"as", "fuse", "disk", 1},
        {"name", "a.b-c_1", "../x", 0},
        {"name", "x", ".x", 0},
        {"name", "x", "a/b", 0},
        {"digest", "both", "crc", 3},
        {"depth", "1024", "1025", 1024},
        {"sessions", "1", "0", 1},
        {"reactors", "64", "-1", 64},
        {"mark", "0x2a", "0x123456789", 42},
        {"dscp", "63", "64", 63},
        {"command-timeout", "0.5", "0", 500},
        {"command-timeout", "30", "forever", 30000},
        {"ping-interval", "0", "-1", 0},
        {"wait", "forever", "soon", UINT32_MAX},
        {"wait", "2", "1e9", 2000},
        {"mlock", "no", "maybe", 2},
        {"read-only", "yes", "true", 1},
        {"ports", "40000-40999", "2-1", 40000},
        {"bind", "::1", "a\nb", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct settings *s = settings_new();
        int id = settings_find(rows[i].key);
        assert_int_equal(take(s, rows[i].key, rows[i].good), 0);
        assert_int_equal(settings_number(s, id), rows[i].number);
        assert_int_equal(take(s, rows[i].key, rows[i].bad), BERTH_E_ARGUMENT);
        assert_non_null(strstr(why, settings_rows[id].expected));
        assert_string_equal(settings_text(s, id), rows[i].good); /* a refusal changes nothing */
        assert_int_equal(take(s, rows[i].key, ""), 0);
        assert_false(settings_said(s, id));
        settings_free(s);
    }
}

static void test_keys(void **state)
{
    struct settings *s = settings_new(), *copy;
    uint32_t count;
    char key[32];
    (void)state;
    assert_int_equal(take(s, "key", "MaxBurstLength=65536"), 0);
    assert_int_equal(take(s, "key", "InitialR2T=No"), 0);
    assert_int_equal(take(s, "key", "MaxBurstLength=131072"), 0);
    assert_int_equal(take(s, "key", "=x"), BERTH_E_ARGUMENT);
    assert_int_equal(take(s, "key", "x"), BERTH_E_ARGUMENT);
    copy = settings_copy(s);
    assert_string_equal(settings_keys(copy, &count)[0], "MaxBurstLength=131072");
    assert_int_equal(count, 2);
    assert_int_equal(settings_differ(copy, s), SETTINGS_COUNT);
    for (uint32_t i = count; i < SETTINGS_KEYS_MAX; i++) {
        snprintf(key, sizeof key, "k%u=v", i);
        assert_int_equal(take(s, "key", key), 0);
    }
    assert_int_equal(take(s, "key", "one=more"), BERTH_E_ARGUMENT);
    assert_int_equal(settings_differ(copy, s), SETTING_KEY);
    settings_free(copy);
    settings_free(s);
}

static void expect_sentence(const struct settings *s, enum settings_spelling how, const char *expected)
{
    assert_int_equal(settings_check(s, how, why), expected ? BERTH_E_ARGUMENT : 0);
    if (expected && !strstr(why, expected))
        fail_msg("'%s' lacks '%s'", why, expected);
}

static void test_together(void **state)
{
    static const struct {
        const char *words[4];
        const char *word, *option; /* what the sentence has for either; NULL: fits */
    } rows[] = {
        {{"url=iscsi://h/t/0"}, NULL, NULL},
        {{"as=nbd"}, "there is no LUN; give url=URL", "there is no LUN; give its URL, here or in the file"},
        {{"url=iscsi://u:s@h/t/0"},
         "; give secret-file=FILE, and let the URL",
         "; give --secret-file FILE, and let"},
        {{"url=iscsi://u@h/t/0"},
         "needs a secret; give secret-file=FILE",
         "needs a secret; give --secret-file FILE"},
        {{"url=iscsi://u@h/t/0", "secret-file=f"}, NULL, NULL},
        {{"url=iscsi://h/t/0", "secret-file=f"},
         "belongs to a user; give user=NAME, or",
         "; give --user NAME, or"},
        {{"url=iscsi://h/t/0", "mutual-user=m", "mutual-secret-file=f"},
         "user of our own; give user=NAME",
         "; give --user NAME"},
        {{"url=iscsi://h/t/0", "user=u", "secret-file=f", "mutual-user=m"},
         "belong together; give mutual-secret-file=FILE",
         "together; give --mutual-secret-file FILE as well"},
        {{"url=iscsi://h/t/0", "user=u", "secret-file=f", "mutual-secret-file=m"},
         "give mutual-user=NAME",
         "give --mutual-user NAME as well"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct settings *s = settings_new();
        for (size_t w = 0; w < 4 && rows[i].words[w]; w++)
            assert_int_equal(attachment_take_word(s, rows[i].words[w], why), 0);
        expect_sentence(s, SETTINGS_AS_WORDS, rows[i].word);
        expect_sentence(s, SETTINGS_AS_OPTIONS, rows[i].option);
        settings_free(s);
    }
}

static void test_words(void **state)
{
    struct settings *s = settings_new();
    (void)state;
    assert_int_equal(attachment_take_word(s, "key=MaxBurstLength=65536", why), 0);
    assert_int_equal(attachment_take_word(s, "depth", why), BERTH_E_ARGUMENT);
    assert_non_null(strstr(why, "is not KEY=VALUE"));
    assert_int_equal(attachment_take_word(s, "colour=blue", why), BERTH_E_ARGUMENT);
    assert_non_null(strstr(why, "'colour' is no setting"));
    settings_free(s);
}

static void test_differ(void **state)
{
    struct settings *a = settings_new(), *b = settings_new();
    (void)state;
    take(a, "url", "iscsi://h/t/0");
    take(b, "url", "iscsi://h/t/0");
    take(b, "wait", "forever");
    take(b, "lock-fd", "7");
    take(b, "command-timeout", "30"); /* said, but the same as the default */
    assert_int_equal(settings_differ(a, b), SETTINGS_COUNT);
    take(a, "depth", "64");
    assert_int_equal(settings_differ(a, b), SETTING_DEPTH);
    take(b, "depth", "64");
    settings_take(b, "ping-interval", "1", SETTINGS_SET, why);
    assert_int_equal(settings_differ(a, b), SETTINGS_COUNT);
    settings_free(a);
    settings_free(b);
}

static void test_names(void **state)
{
    static const char *const rows[][2] = {
        {"iscsi://h/iqn.2026-11.io.berth:disks/3", "disks-3"},
        {"iscsi://h/iqn.2026-11.io.berth/0", "iqn.2026-11.io.berth-0"},
        {"iscsi://h/iqn.2026-11.io.berth:%2e%2e/0", "2e-2e-0"},
        {"iscsi://h", "h"},
        {"/", "disk"},
        {"", "disk"},
    };
    char name[SETTINGS_NAME_MAX + 1], url[300] = "iscsi://h/iqn.2026-11.io.berth:";
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        opening_name(rows[i][0], name);
        assert_string_equal(name, rows[i][1]);
        assert_true(settings_is_name(name));
    }
    memset(url + strlen(url), 'x', 200);
    opening_name(url, name);
    assert_int_equal(strlen(name), SETTINGS_NAME_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),   cmocka_unit_test(test_defaults), cmocka_unit_test(test_values),
        cmocka_unit_test(test_keys),   cmocka_unit_test(test_together), cmocka_unit_test(test_words),
        cmocka_unit_test(test_differ), cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
