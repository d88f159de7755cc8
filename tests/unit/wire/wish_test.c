/* SPDX-License-Identifier: MIT */
/* Wishes for negotiation keys in words: what is taken, and what is said of the rest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "wire/wish.h"

static const struct wish_bound bounds[] = {
    {KEY_HEADER_DIGEST, 0, 0},
    {KEY_IMMEDIATE_DATA, 0, 1},
    {KEY_MAX_BURST_LENGTH, 512, 65536},
    {KEY_MAX_CONNECTIONS, 1, 1},
};
#define COUNT (sizeof bounds / sizeof bounds[0])

static struct negotiation n;
static char flaw[WISH_FLAW_MAX];

static bool take(const char *word)
{
    negotiation_init(&n, ROLE_INITIATOR);
    memset(flaw, '#', sizeof flaw);
    return wish_take(&n, bounds, COUNT, word, flaw);
}

static void test_taken(void **state)
{
    (void)state;
    assert_true(take("MaxBurstLength=4096"));
    assert_int_equal(n.mine[KEY_MAX_BURST_LENGTH], 4096);
    assert_int_equal(n.wanted, 1ull << KEY_MAX_BURST_LENGTH);
    assert_string_equal(flaw, "");
    assert_true(take("MaxBurstLength=0x200"));
    assert_int_equal(n.mine[KEY_MAX_BURST_LENGTH], 512);
    assert_true(take("ImmediateData=No"));
    assert_int_equal(n.mine[KEY_IMMEDIATE_DATA], 0);
    assert_true(take("HeaderDigest=CRC32C,None"));
    assert_int_equal(n.mine[KEY_HEADER_DIGEST], CHOICES2(DIGEST_CRC32C, DIGEST_NONE));
}

static void test_flaws(void **state)
{
    static const char names[] = "' is no key that can be set; these can: HeaderDigest, ImmediateData, "
                                "MaxBurstLength, MaxConnections";
    static const struct {
        const char *word, *quoted, *rest;
    } trials[] = {
        {"", "''", " is no key: write it as in MaxBurstLength=65536"},
        {"MaxBurstLength", "'MaxBurstLength'", " is no key: write it as in MaxBurstLength=65536"},
        {"=1", "'", names},
        {"maxburstlength=512", "'maxburstlength", names},
        {"FirstBurstLength=512", "'FirstBurstLength", names}, /* a key, but not within the bounds */
        {"MaxBurstLength=", "MaxBurstLength", " must be a number from 512 to 65536, not ''"},
        {"MaxBurstLength=511", "MaxBurstLength", " must be a number from 512 to 65536, not '511'"},
        {"MaxBurstLength=65537", "MaxBurstLength", " must be a number from 512 to 65536, not '65537'"},
        {"MaxBurstLength=1 ", "MaxBurstLength", " must be a number from 512 to 65536, not '1 '"},
        {"MaxBurstLength=4294967808", "MaxBurstLength",
         " must be a number from 512 to 65536, not '4294967808'"},
        {"MaxConnections=2", "MaxConnections", " must be 1, not '2'"},
        {"ImmediateData=yes", "ImmediateData", " must be Yes or No, not 'yes'"},
        {"HeaderDigest=", "HeaderDigest", " must be a list of CRC32C and None, not ''"},
        {"HeaderDigest=CRC32C,Reject", "HeaderDigest",
         " must be a list of CRC32C and None, not 'CRC32C,Reject'"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof trials / sizeof trials[0]; i++) {
        char expected[WISH_FLAW_MAX];
        strcpy(expected, trials[i].quoted);
        strcat(expected, trials[i].rest);
        assert_false(take(trials[i].word));
        assert_string_equal(flaw, expected);
        assert_int_equal(n.wanted, 0);
    }
}

/* Whatever is written, the clause fits, and repeats only the beginning. */
static void test_long(void **state)
{
    char word[4096];
    (void)state;
    memset(word, 'x', sizeof word - 1);
    word[sizeof word - 1] = '\0';
    assert_false(take(word));
    assert_int_equal(strspn(flaw + 1, "x"), WISH_QUOTED_MAX);
    word[2000] = '=';
    assert_false(take(word));
    assert_non_null(strstr(flaw, "MaxConnections"));
    memcpy(word, "MaxBurstLength=", 15);
    assert_false(take(word));
    assert_non_null(strstr(flaw, "not 'xxxx"));
    assert_int_equal(flaw[strlen(flaw) - 1], '\'');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_taken),
        cmocka_unit_test(test_flaws),
        cmocka_unit_test(test_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
