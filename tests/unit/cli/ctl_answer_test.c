/* SPDX-License-Identifier: MIT */
/* Answers of a control socket, as text and as JSON, and what is no answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "cli/ctl_answer.h"
#include "attach/exit.h"

static char *shown;

static int drop(void **state)
{
    (void)state;
    free(shown);
    shown = NULL;
    return 0;
}

static int show(const char *answer, bool json)
{
    size_t len;
    free(shown);
    FILE *in = fmemopen((void *)(uintptr_t)answer, strlen(answer), "r"), *out = open_memstream(&shown, &len);
    int status = ctl_answer(in, out, json);
    fclose(in);
    fclose(out);
    return status;
}

static void shows(const char *answer, const char *text, const char *json)
{
    assert_int_equal(show(answer, false), STATUS_OK);
    assert_string_equal(shown, text);
    assert_int_equal(show(answer, true), STATUS_OK);
    assert_string_equal(shown, json);
}

#define SCHEMA "{\"schema\":\"berth-serve-ctl/1\""

static void values(void **state)
{
    (void)state;
    shows("t name a b\nn count 18446744073709551615\nb well true\nb ill false\nt none \nok\n",
          "name               a b\n"
          "count              18446744073709551615\n"
          "well               yes\n"
          "ill                no\n"
          "none               -\n",
          SCHEMA
          ",\"name\":\"a b\",\"count\":18446744073709551615,\"well\":true,\"ill\":false,\"none\":\"\"}\n");
    shows("ok\n", "", SCHEMA "}\n");
}

/* What the wire may not have comes back, and a terminal does not get it. */
static void escapes(void **state)
{
    (void)state;
    shows("t a 100%25 %1B[2J%0A%7F\nt b 5% %2 %zz\nok\n",
          "a                  100% ?[2J??\n"
          "b                  5% %2 %zz\n",
          SCHEMA ",\"a\":\"100% \\u001b[2J\\n\\u007f\",\"b\":\"5% %2 %zz\"}\n");
}

static void rows(void **state)
{
    (void)state;
    shows("[ luns\n( -\nt target t\nn lun 0\nt alias \n)\n( -\nt target t\nn lun 1\nt alias x\n)\n]\nok\n",
          "t 0 -\nt 1 x\n",
          SCHEMA ",\"luns\":[{\"target\":\"t\",\"lun\":0,\"alias\":\"\"},{\"target\":\"t\",\"lun\":1,"
                 "\"alias\":\"x\"}]}\n");
}

static void objects(void **state)
{
    (void)state;
    shows("[ sessions\n{ -\nn session 1\n{ agreed\nt Digest None\n}\n[ allow\nt - i\nt - j\n]\n}\n{ -\nn "
          "session 2\n}\n]\nok\n",
          "session            1\n"
          "agreed\n"
          "  Digest             None\n"
          "allow              i\n"
          "allow              j\n"
          "\n"
          "session            2\n",
          SCHEMA ",\"sessions\":[{\"session\":1,\"agreed\":{\"Digest\":\"None\"},\"allow\":[\"i\",\"j\"]},{"
                 "\"session\":2}]}\n");
}

/* An answer is shown when it is whole, or not at all. */
static void failures(void **state)
{
    static const struct {
        const char *answer;
        int status;
    } fails[] = {
        {"fail -404 that is wrong: do this\n", STATUS_USAGE},
        {"t a b\nfail -305 there is no such LUN\n", STATUS_ABSENT},
        {"fail -309 too busy\n", STATUS_UNREACHABLE},
        {"fail -500 no memory\n", STATUS_SYSTEM},
        {"fail\n", STATUS_PROTOCOL},
        {"", STATUS_UNREACHABLE},
        {"t a b\n", STATUS_UNREACHABLE},
        {"t a b\nok", STATUS_OK},
    };
    (void)state;
    for (size_t i = 0; i < sizeof fails / sizeof fails[0]; i++) {
        assert_int_equal(show(fails[i].answer, false), fails[i].status);
        assert_int_equal(shown[0] != '\0', fails[i].status == STATUS_OK);
    }
}

static void nonsense(void **state)
{
    static const char *const answers[] = {
        "\nok\n",
        "hello\nok\n",
        "x a b\nok\n",
        "t a\nok\n",
        "}\nok\n",
        "{ a\n]\nok\n",
        "{ a\nok\n",
        "( a\n}\nok\n",
        "[ a\nt - 1\nok\n",
        "tab\nok\n",
        "{\nok\n",
        "{ a\n{ b\n{ c\n{ d\n{ e\n{ f\n{ g\n{ h\n",
        "{ 0123456789012345678901234567890123456789012345678901234567890123\n"};
    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        assert_int_equal(show(answers[i], false), STATUS_PROTOCOL);
        assert_string_equal(shown, "");
        assert_int_equal(show(answers[i], true), STATUS_PROTOCOL);
        assert_string_equal(shown, "");
    }
}

#define TEST(name) cmocka_unit_test_teardown(name, drop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(values), TEST(escapes), TEST(rows), TEST(objects), TEST(failures), TEST(nonsense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
