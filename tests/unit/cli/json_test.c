/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <math.h>
#include "cli/json.h"

static char *text;
static size_t text_len;
static struct json j;

static int begin(void **state)
{
    (void)state;
    j = (struct json){.out = open_memstream(&text, &text_len)};
    return j.out ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    free(text);
    text = NULL;
    return 0;
}

static void is(const char *expected)
{
    fclose(j.out);
    assert_string_equal(text, expected);
}

static void empty_things(void **state)
{
    (void)state;
    json_put_object(&j, NULL);
    json_put_array(&j, "a");
    json_put_array_end(&j);
    json_put_object(&j, "o");
    json_put_object_end(&j);
    json_put_object_end(&j);
    is("{\"a\":[],\"o\":{}}");
}

static void commas_only_between(void **state)
{
    (void)state;
    json_put_object(&j, NULL);
    json_put_u64(&j, "n", UINT64_MAX);
    json_put_array(&j, "a");
    json_put_int(&j, NULL, -1);
    json_put_object(&j, NULL);
    json_put_bool(&j, "yes", true);
    json_put_bool(&j, "no", false);
    json_put_object_end(&j);
    json_put_text(&j, NULL, "");
    json_put_array_end(&j);
    json_put_int(&j, "last", 0);
    json_put_object_end(&j);
    is("{\"n\":18446744073709551615,\"a\":[-1,{\"yes\":true,\"no\":false},\"\"],\"last\":0}");
}

static void text_is_escaped(void **state)
{
    (void)state;
    json_put_text(&j, NULL, "a\"b\\c/\n\r\t\b\x01\x7f\x1b[31m");
    is("\"a\\\"b\\\\c/\\n\\r\\t\\u0008\\u0001\\u007f\\u001b[31m\"");
}

static void keys_are_escaped(void **state)
{
    (void)state;
    json_put_object(&j, NULL);
    json_put_int(&j, "\"", 1);
    json_put_object_end(&j);
    is("{\"\\\"\":1}");
}

static void utf8_passes_and_the_rest_does_not(void **state)
{
    (void)state;
    json_put_text(&j, NULL, "\xc3\xa4\xe2\x82\xac\xf0\x9f\x9a\xa2|\xff|\xc3|\xe2\x82|\xc0\xaf|\xed\xa0\x80");
    is("\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x9a\xa2|\\ufffd|\\ufffd|\\ufffd\\ufffd|\\ufffd\\ufffd|"
       "\\ufffd\\ufffd\\ufffd\"");
}

static void reals(void **state)
{
    (void)state;
    json_put_array(&j, NULL);
    json_put_real(&j, NULL, 0.25);
    json_put_real(&j, NULL, 1.0 / 3);
    json_put_real(&j, NULL, 1073741824);
    json_put_real(&j, NULL, -4);
    json_put_real(&j, NULL, 1e300);
    json_put_real(&j, NULL, NAN);
    json_put_real(&j, NULL, INFINITY);
    json_put_array_end(&j);
    is("[0.25,0.333333333,1073741824,-4,1e+300,null,null]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(empty_things, begin, end),
        cmocka_unit_test_setup_teardown(commas_only_between, begin, end),
        cmocka_unit_test_setup_teardown(text_is_escaped, begin, end),
        cmocka_unit_test_setup_teardown(keys_are_escaped, begin, end),
        cmocka_unit_test_setup_teardown(utf8_passes_and_the_rest_does_not, begin, end),
        cmocka_unit_test_setup_teardown(reals, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
