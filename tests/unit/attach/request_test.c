/* SPDX-License-Identifier: MIT */
/* What is a request, and what every line that is none is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "attach/events.h"
#include "attach/exit.h"
#include "attach/verbs.h"

static struct refusal why;

static json_t *parse(const char *line)
{
    why = (struct refusal){.name = NULL};
    return request_parse(line, strlen(line), &why);
}

static void test_good(void **state)
{
    static const char *const lines[] = {
        "{\"verb\":\"status\"}",
        " {\"verb\" : \"set\", \"settings\":{\"a\":[1,2,{\"b\":[[[]]]}]}}\r",
        "{\"verb\":\"\\u0041\",\"version\":1}",
        "{\"verb\":\"[[[[[[[[[[[[\\\"{{{{{{{{{{{{\"}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        json_t *request = parse(lines[i]);
        assert_non_null(request);
        assert_null(why.name);
        json_decref(request);
    }
}

static void test_bad(void **state)
{
    static const struct {
        const char *line, *name, *text;
    } rows[] = {
        {"", "REQUEST", "no JSON object"},
        {"status", "REQUEST", "no JSON object"},
        {"[]", "REQUEST", "no JSON object"},
        {"{\"verb\":\"x\"", "REQUEST", "no JSON object"},
        {"{\"verb\":\"x\"} {}", "REQUEST", "no JSON object"},
        {"{\"verb\":\"x\",\"verb\":\"y\"}", "REQUEST", "no JSON object"},
        {"{\"verb\":\"\xff\"}", "REQUEST", "no JSON object"},
        {"{}", "REQUEST", "has no verb"},
        {"{\"verb\":1}", "REQUEST", "has no verb"},
        {"{\"verb\":\"x\",\"a\":[[[[[[[[1]]]]]]]]}", "REQUEST", "more than 8 deep"},
        {"{\"verb\":\"x\",\"version\":2}", "VERSION", "version 1"},
        {"{\"verb\":\"x\",\"version\":\"1\"}", "VERSION", "version 1"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_null(parse(rows[i].line));
        assert_string_equal(why.name, rows[i].name);
        assert_non_null(strstr(why.text, rows[i].text));
        assert_non_null(strchr(why.text, ';'));
    }
}

static void test_long(void **state)
{
    size_t len = REQUEST_LINE_MAX + 1;
    char *line = malloc(len);
    (void)state;
    memset(line, ' ', len);
    memcpy(line, "{\"verb\":\"x\"}", 12);
    json_t *request = request_parse(line, len - 1, &why);
    assert_non_null(request);
    json_decref(request);
    assert_null(request_parse(line, len, &why));
    assert_non_null(strstr(why.text, "longer than 8192"));
    free(line);
}

static void test_verbs(void **state)
{
    json_t *request;
    (void)state;
    for (const struct verb *v = verbs; v->name; v++) {
        request = json_pack("{s:s, s:i}", "verb", v->name, "version", 1);
        assert_ptr_equal(verbs_find(request, &why), v);
        json_object_set_new(request, "colour", json_true());
        assert_null(verbs_find(request, &why));
        assert_string_equal(why.name, "KEY");
        json_decref(request);
    }
    request = json_pack("{s:s}", "verb", "frob");
    assert_null(verbs_find(request, &why));
    assert_string_equal(why.name, "VERB");
    assert_int_equal(why.exit, STATUS_USAGE);
    json_decref(request);
}

/* Whoever comes too late is told how much is gone, and gets all the rest. */
static void test_events(void **state)
{
    static struct events e;
    struct event got;
    uint64_t missed, seq = 0;
    (void)state;
    events_init(&e);
    assert_false(events_next(&e, 0, &got, &missed));
    for (unsigned i = 0; i < EVENTS_KEPT; i++)
        events_add(&e, "kind", 0, "text");
    assert_true(events_next(&e, 0, &got, &missed));
    assert_int_equal(missed, 0);
    assert_int_equal(got.seq, 1);
    for (unsigned i = 0; i < 5; i++)
        events_add(&e, "kind", -1, "text");
    assert_true(events_next(&e, 1, &got, &missed));
    assert_int_equal(missed, 4);
    assert_int_equal(got.seq, 6);
    for (seq = got.seq - 1; events_next(&e, seq, &got, &missed); seq++)
        assert_int_equal(got.seq, seq + 1);
    assert_int_equal(seq, events_last(&e));
    assert_int_equal(seq, EVENTS_KEPT + 5);
    events_destroy(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),  cmocka_unit_test(test_bad),    cmocka_unit_test(test_long),
        cmocka_unit_test(test_verbs), cmocka_unit_test(test_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
