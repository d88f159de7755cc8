/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "check/template.h"

static const char *const names[] = {"url", "file", "user", "secret", NULL};
static struct template t;
static struct command_line line;
static char why[200];

static const struct place all[] = {
    {"url", "iscsi://h/t/0"}, {"file", "/a/b c"}, {"user", "joe"}, {"secret", "[s]"}, {NULL, NULL}};
static const struct place nobody[] = {{"url", "iscsi://h/t/0"}, {"file", "f"}, {"user", NULL}, {NULL, NULL}};

/* The words as they are run, a bar between them. */
static const char *filled(const char *text, const struct place *places)
{
    static char out[1000];
    size_t used = 0;
    assert_true(template_split(&t, text, names, why, sizeof why));
    assert_true(template_fill(&t, places, &line));
    out[0] = '\0';
    for (char **word = line.argv; *word; word++)
        used += (size_t)snprintf(out + used, sizeof out - used, "%s%s", used ? "|" : "", *word);
    return out;
}

static void words_are_divided_by_blanks_and_kept_together_by_quotes(void **state)
{
    (void)state;
    assert_string_equal(filled("a  b\tc\n d", all), "a|b|c|d");
    assert_string_equal(filled("sh -c 'echo \"x y\"' \"it's\" ''", all), "sh|-c|echo \"x y\"|it's|");
    assert_string_equal(filled("a'b c'd", all), "ab cd");
}

static void places_become_their_values(void **state)
{
    (void)state;
    assert_string_equal(filled("r {url} {file}", all), "r|iscsi://h/t/0|/a/b c");
    assert_string_equal(filled("r --at={url}/{user}/", all), "r|--at=iscsi://h/t/0/joe/");
    assert_string_equal(filled("r x{user}y", nobody), "r|xy");
    assert_string_equal(filled("r '{\"a\": {}}' {Url}", all), "r|{\"a\": {}}|{Url}");
    assert_string_equal(filled("r '{print $1}' {urls", all), "r|{print $1}|{urls");
}

static void groups_are_there_if_all_their_places_have_values(void **state)
{
    (void)state;
    assert_string_equal(filled("r [-u {user} -s {secret}] {file}", all), "r|-u|joe|-s|[s]|/a/b c");
    assert_string_equal(filled("r [-u {user} -s {secret}] {file}", nobody), "r|f");
    assert_string_equal(filled("r [{user}] x [{url}]", nobody), "r|x|iscsi://h/t/0");
    assert_string_equal(filled("r [-v] [-w]", nobody), "r|-v|-w");
}

static void words_of_a_list_stay_as_they_are(void **state)
{
    char prog[] = "my prog", file[] = "{file}", quoted[] = "'q'";
    char *const list[] = {prog, file, quoted};
    (void)state;
    assert_true(template_take(&t, list, 3, names, why, sizeof why));
    assert_true(template_fill(&t, all, &line));
    assert_string_equal(line.argv[0], "my prog");
    assert_string_equal(line.argv[1], "/a/b c");
    assert_string_equal(line.argv[2], "'q'");
    assert_null(line.argv[3]);
}

static void what_a_template_has_is_known(void **state)
{
    (void)state;
    assert_true(template_split(&t, "r a{url}b{file}", names, why, sizeof why));
    assert_true(template_has(&t, "url"));
    assert_true(template_has(&t, "file"));
    assert_false(template_has(&t, "user"));
}

static void refused(const char *text, const char *words)
{
    assert_false(template_split(&t, text, names, why, sizeof why));
    assert_non_null(strstr(why, words));
}

static void what_is_no_command_is_refused(void **state)
{
    static char text[2 * TEMPLATE_TEXT_MAX];
    (void)state;
    refused("", "empty");
    refused("  \t", "empty");
    refused("r {nothing}", "no place {nothing}");
    refused("r 'a b", "not closed");
    refused("r {url", "{url is not closed: write {url}");
    refused("r {file} x{url/", "{url is not closed");
    refused("r [-u {user}", "bracket before '-u'");
    memset(text, 'x', sizeof text - 1);
    refused(text, "too long");
    for (uint32_t i = 0; i < TEMPLATE_WORDS_MAX + 1; i++)
        memcpy(text + 2 * (size_t)i, "a ", 3);
    refused(text, "too long");
}

static void what_becomes_too_long_is_refused(void **state)
{
    static char value[TEMPLATE_TEXT_MAX];
    const struct place places[] = {{"url", value}, {NULL, NULL}};
    (void)state;
    memset(value, 'x', sizeof value - 1);
    assert_true(template_split(&t, "r {url} {url} {url}", names, why, sizeof why));
    assert_false(template_fill(&t, places, &line));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_divided_by_blanks_and_kept_together_by_quotes),
        cmocka_unit_test(places_become_their_values),
        cmocka_unit_test(groups_are_there_if_all_their_places_have_values),
        cmocka_unit_test(words_of_a_list_stay_as_they_are),
        cmocka_unit_test(what_a_template_has_is_known),
        cmocka_unit_test(what_is_no_command_is_refused),
        cmocka_unit_test(what_becomes_too_long_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
