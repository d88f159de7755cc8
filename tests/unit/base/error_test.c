/* SPDX-License-Identifier: MIT */
/* Every code has its words, its name and its scope. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include <stdbool.h>
#include <berth/error.h>

static bool is_known(int error)
{
    return strcmp(berth_error_name(error), "unknown_error") != 0;
}

static enum berth_scope scope_of_range(int error)
{
    return error == 0     ? BERTH_SCOPE_NONE
           : error > -200 ? BERTH_SCOPE_TASK
           : error > -300 ? BERTH_SCOPE_CONNECTION
           : error > -400 ? BERTH_SCOPE_SESSION
           : error > -500 ? BERTH_SCOPE_USAGE
                          : BERTH_SCOPE_SYSTEM;
}

static void knows_the_last_code_of_each_range(void **state)
{
    (void)state;
    static const int last[] = {BERTH_OK,        BERTH_E_RESERVED, BERTH_E_RESET,
                               BERTH_E_CHANGED, BERTH_E_RECORD,   BERTH_E_LOCAL};
    for (size_t i = 0; i < sizeof last / sizeof last[0]; i++) {
        assert_true(is_known(last[i]));
        assert_false(is_known(last[i] - 1)); /* a new code moves the end: this test wants to hear of it */
        for (int error = last[i] / 100 * 100; error > last[i]; error--)
            assert_true(is_known(error)); /* no gaps: no code without a row */
    }
}

static void gives_each_code_its_own_words(void **state)
{
    (void)state;
    for (int a = 0; a > -700; a--) {
        if (!is_known(a))
            continue;
        assert_int_equal(berth_error_scope(a), scope_of_range(a));
        assert_true(strlen(berth_error_text(a)) > 4);
        for (int b = a - 1; b > -700; b--)
            if (is_known(b)) {
                assert_string_not_equal(berth_error_name(a), berth_error_name(b));
                assert_string_not_equal(berth_error_text(a), berth_error_text(b));
            }
    }
}

static void writes_phrases_not_sentences(void **state)
{
    (void)state;
    for (int error = 0; error > -700; error--) {
        const char *text = berth_error_text(error), *name = berth_error_name(error);
        assert_int_not_equal(text[strlen(text) - 1], '.');
        assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz_"), strlen(name));
    }
}

static void survives_any_number(void **state)
{
    (void)state;
    static const int strange[] = {1, 200, -1, -99, -199, -600, -1000000, INT32_MIN, INT32_MAX};
    for (size_t i = 0; i < sizeof strange / sizeof strange[0]; i++) {
        assert_string_equal(berth_error_text(strange[i]), "unknown error");
        assert_string_equal(berth_error_name(strange[i]), "unknown_error");
        assert_int_equal(berth_error_scope(strange[i]), BERTH_SCOPE_SYSTEM);
    }
}

static void spells_names_like_the_constants(void **state)
{
    (void)state;
    assert_string_equal(berth_error_name(BERTH_E_AUTH_REQUIRED), "auth_required");
    assert_string_equal(berth_error_name(BERTH_E_QUEUE_FULL), "queue_full");
    assert_string_equal(berth_error_text(BERTH_OK), "no error");
}

/* Who answers with 0 has said that all is well. */
static void has_an_errno_for_each_failure(void **state)
{
    (void)state;
    assert_int_equal(berth_error_errno(BERTH_OK), 0);
    for (int error = -1; error > -700; error--)
        assert_in_range(berth_error_errno(error), 1, 4095);
    assert_int_equal(berth_error_errno(-99), EIO);
    assert_int_equal(berth_error_errno(1), EIO);
    assert_int_equal(berth_error_errno(BERTH_E_MEDIUM), EIO);
    assert_int_equal(berth_error_errno(BERTH_E_NO_SPACE), ENOSPC);
    assert_int_equal(berth_error_errno(BERTH_E_CHANGED), ENODEV);
    assert_int_equal(berth_error_errno(BERTH_E_LOST), ENOTCONN);
}

static void leaves_errno_alone(void **state)
{
    (void)state;
    errno = ENOTTY;
    berth_error_errno(BERTH_E_READ_ONLY);
    assert_int_equal(errno, ENOTTY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_the_last_code_of_each_range),
        cmocka_unit_test(gives_each_code_its_own_words),
        cmocka_unit_test(writes_phrases_not_sentences),
        cmocka_unit_test(survives_any_number),
        cmocka_unit_test(spells_names_like_the_constants),
        cmocka_unit_test(has_an_errno_for_each_failure),
        cmocka_unit_test(leaves_errno_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
