/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include <berth/error.h>
#include "initiator/url.h"

#define T    "iqn.2026-11.test:t"
#define X10  "xxxxxxxxxx"
#define X100 X10 X10 X10 X10 X10 X10 X10 X10 X10 X10

struct good_row {
    const char *text, *user, *host;
    uint16_t port;
    const char *target;
    uint32_t lun;
};

static const struct good_row good[] = {
    {"iscsi://h/" T "/0", "", "h", 3260, T, 0},
    {"iscsi://h/" T "/16383", "", "h", 3260, T, 16383},
    {"iscsi://h:1/" T "/1", "", "h", 1, T, 1},
    {"iscsi://h:65535/" T "/1", "", "h", 65535, T, 1},
    {"iscsi://192.0.2.1:860/" T "/2", "", "192.0.2.1", 860, T, 2},
    {"iscsi://[::1]/" T "/3", "", "::1", 3260, T, 3},
    {"iscsi://[2001:db8::1]:3261/" T "/3", "", "2001:db8::1", 3261, T, 3},
    {"iscsi://[fe80::1%25eth0]/" T "/3", "", "fe80::1%eth0", 3260, T, 3},
    {"iscsi://[fe80::1%25en0.100]:1/" T "/3", "", "fe80::1%en0.100", 1, T, 3},
    {"iscsi://[fe80::1%eth0]/" T "/3", "", "fe80::1%eth0", 3260, T, 3}, /* as people write it */
    {"iscsi://me@[fe80::1%fc0]:1/" T "/3", "me", "fe80::1%fc0", 1, T, 3},
    {"iscsi://[fe80::1%2525]:1/" T "/3", "", "fe80::1%25", 1, T, 3},
    {"iscsi://[fe80::1%eth0]%3A77/" T "/3", "", "fe80::1%eth0", 77, T, 3},
    {"iscsi://me@h/" T "/0", "me", "h", 3260, T, 0},
    {"iscsi://me@[::1]:1/" T "/0", "me", "::1", 1, T, 0},
    {"iscsi://my%20name@h/" T "/0", "my name", "h", 3260, T, 0},
    {"iscsi://a%3Ab%40c%2Fd@h/" T "/0", "a:b@c/d", "h", 3260, T, 0}, /* what only the encoding lets in */
    {"iscsi://%c3%A9@h/" T "/0", "\xc3\xa9", "h", 3260, T, 0},
    {"iscsi://under_score-1.example/" T "/0", "", "under_score-1.example", 3260, T, 0},
    {"iscsi://h%2Eexample/" T "/0", "", "h.example", 3260, T, 0},
    {"iscsi://h%3A99/" T "/0", "", "h", 99, T, 0},
    {"iscsi://%5B::1%5D/" T "/0", "", "::1", 3260, T, 0},
    {"iscsi://h/iqn%2e2026-11.test%3at/0", "", "h", 3260, T, 0},
    {"iscsi://h/iqn.2026-11.test:a%2Fb/0", "", "h", 3260, "iqn.2026-11.test:a/b", 0},
    {"iscsi://h/iqn.2026-11.test:a%25b/0", "", "h", 3260, "iqn.2026-11.test:a%b", 0},
    {"iscsi://h/iqn.2026-11.test:UPPER_case/0", "", "h", 3260, "iqn.2026-11.test:UPPER_case", 0},
    {"iscsi://h/eui.0123456789abcdef/0", "", "h", 3260, "eui.0123456789abcdef", 0},
    {"iscsi://h/naa.0123456789abcdef/0", "", "h", 3260, "naa.0123456789abcdef", 0},
    {"iscsi://h/" T "/%31%30", "", "h", 3260, T, 10},
};

static void good_ones(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        const struct good_row *r = &good[i];
        struct url url;
        const char *why = "";
        memset(&url, 0xee, sizeof url);
        int error = url_parse(&url, r->text, false, &why);
        if (error)
            print_message("%s: %s\n", r->text, why);
        assert_int_equal(error, 0);
        assert_null(why);
        assert_string_equal(url.user, r->user);
        assert_string_equal(url.portal.host, r->host);
        assert_int_equal(url.portal.port, r->port);
        assert_int_equal(url.portal.group, -1);
        assert_string_equal(url.target, r->target);
        assert_int_equal(url.lun, r->lun);
        assert_true(url.has_lun);
    }
}

struct bad_row {
    const char *text, *why; /* a word of it */
};

static const struct bad_row bad[] = {
    {"", "begin"},
    {"iscsi", "begin"},
    {"iscsi:/h/" T "/0", "begin"},
    {"iser://h/" T "/0", "begin"},
    {" iscsi://h/" T "/0", "begin"},
    {"iscsi://", "target name is missing"},
    {"iscsi://h", "target name is missing"},
    {"iscsi:///" T "/0", "host or port"},
    {"iscsi://h/", "target name"},
    {"iscsi://h//0", "target name"},
    {"iscsi://h/" T, "LUN is missing"},
    {"iscsi://h/" T "/", "LUN is missing"},
    {"iscsi://h/" T "/x", "not a number"},
    {"iscsi://h/" T "/-1", "not a number"},
    {"iscsi://h/" T "/+1", "not a number"},
    {"iscsi://h/" T "/ 1", "not a number"},
    {"iscsi://h/" T "/1 ", "not a number"},
    {"iscsi://h/" T "/0x10", "not a number"},
    {"iscsi://h/" T "/007", "not a number"}, /* octal, somebody might think */
    {"iscsi://h/" T "/1.0", "not a number"},
    {"iscsi://h/" T "/16384", "not a number"},
    {"iscsi://h/" T "/99999999999999999999", "not a number"},
    {"iscsi://h/" T "/0000000000000000000001", "not a number"},
    {"iscsi://h/" T "/0/", "not a number"},
    {"iscsi://h/" T "/0/1", "not a number"},
    {"iscsi://h/" T "/0?digest=crc32c", "not a number"},
    {"iscsi://h/" T "/%", "not a number"},
    {"iscsi://h/" T "/%3", "not a number"},
    {"iscsi://h/" T "/%00", "not a number"},
    {"iscsi://h:/" T "/0", "host or port"},
    {"iscsi://h:0/" T "/0", "host or port"},
    {"iscsi://h:65536/" T "/0", "host or port"},
    {"iscsi://h:x/" T "/0", "host or port"},
    {"iscsi://h:-1/" T "/0", "host or port"},
    {"iscsi://h,1/" T "/0", "host or port"},
    {"iscsi://h:3260,1/" T "/0", "host or port"},
    {"iscsi://::1/" T "/0", "host or port"},
    {"iscsi://[::1/" T "/0", "host or port"},
    {"iscsi://[h]/" T "/0", "host or port"},
    {"iscsi://[::1]x/" T "/0", "host or port"},
    {"iscsi://[fe80::1%25]/" T "/0", "host or port"},
    {"iscsi://[fe80::1%25a b]/" T "/0", "host or port"},
    {"iscsi://h h/" T "/0", "host or port"},
    {"iscsi://h%20h/" T "/0", "host or port"},
    {"iscsi://h%00/" T "/0", "host is malformed"},
    {"iscsi://h%zz/" T "/0", "host is malformed"},
    {"iscsi://[fe80::1%]/" T "/0", "host or port"},
    {"iscsi://[fe80::1%eth0%25]/" T "/0", "host or port"},
    {"iscsi://[fe80::1%eth0]%zz/" T "/0", "host is malformed"},
    {"iscsi://" X100 X100 X100 "/" T "/0", "host is malformed"},
    {"iscsi://a@b@h/" T "/0", "host or port"},
    {"iscsi://me:secret@h/" T "/0", "secrets"},
    {"iscsi://:secret@h/" T "/0", "secrets"},
    {"iscsi://me:@h/" T "/0", "secrets"},
    {"iscsi://@h/" T "/0", "user name"},
    {"iscsi://%@h/" T "/0", "user name"},
    {"iscsi://%4@h/" T "/0", "user name"},
    {"iscsi://a%00b@h/" T "/0", "user name"},
    {"iscsi://" X100 X100 X100 "@h/" T "/0", "user name"},
    {"iscsi://h/t/0", "iqn., eui. or naa."},
    {"iscsi://h/iqn./0", "iqn., eui. or naa."},
    {"iscsi://h/IQN.2026-11.test:t/0", "iqn., eui. or naa."},
    {"iscsi://h/iqn.2026-11.test:a%20b/0", "iqn., eui. or naa."},
    {"iscsi://h/iqn.2026-11.test:a%0ab/0", "iqn., eui. or naa."},
    {"iscsi://h/iqn.2026-11.test:a%ffb/0", "iqn., eui. or naa."},
    {"iscsi://h/iqn.2026-11.test:a%00b/0", "malformed"},
    {"iscsi://h/iqn.2026-11.test:a%b/0", "malformed"},
    {"iscsi://h/iqn.2026-11.test:" X100 X100 X10 "/0", "malformed or too long"},
};

static void bad_ones(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct url url;
        const char *why = NULL;
        int error = url_parse(&url, bad[i].text, false, &why);
        if (!error || !why || !strstr(why, bad[i].why))
            fail_msg("%s: %d, %s", bad[i].text, error, why ? why : "no reason");
        assert_int_equal(error, BERTH_E_URL);
    }
}

/* A refusal never repeats what stood where a secret would. */
static void secrets_are_not_repeated(void **state)
{
    struct url url;
    const char *why;
    (void)state;
    assert_int_equal(url_parse(&url, "iscsi://me:hunter2@h/" T "/0", false, &why), BERTH_E_URL);
    assert_null(strstr(why, "hunter2"));
    assert_null(memchr(&url, '2', sizeof url.user));
}

static void without_a_lun(void **state)
{
    static const char *const texts[] = {"iscsi://h/" T, "iscsi://h/" T "/"};
    struct url url;
    const char *why;
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(url_parse(&url, texts[i], true, &why), 0);
        assert_string_equal(url.target, T);
        assert_false(url.has_lun);
        assert_int_equal(url.lun, 0);
    }
    assert_int_equal(url_parse(&url, "iscsi://h/" T "/5", true, &why), 0);
    assert_true(url.has_lun);
    assert_int_equal(url.lun, 5);
    assert_int_equal(url_parse(&url, "iscsi://h/" T "/x", true, &why), BERTH_E_URL);
    assert_int_equal(url_parse(&url, "iscsi://h/", true, &why), BERTH_E_URL);
}

/* Every length that fits, and the first that does not. */
static void longest_parts(void **state)
{
    char text[1200], part[400];
    struct url url;
    const char *why;
    (void)state;
    for (int len = 1; len < 300; len++) {
        memset(part, 'a', sizeof part);
        part[len] = 0;
        snprintf(text, sizeof text, "iscsi://%s@h/" T "/0", part);
        assert_int_equal(url_parse(&url, text, false, &why), len <= (int)URL_USER_MAX ? 0 : BERTH_E_URL);
        snprintf(text, sizeof text, "iscsi://%s/" T "/0", part);
        assert_int_equal(url_parse(&url, text, false, &why), len <= (int)ADDRESS_MAX ? 0 : BERTH_E_URL);
        snprintf(text, sizeof text, "iscsi://h/iqn.2026-11.t:%s/0", part);
        bool fits = len + strlen("iqn.2026-11.t:") <= NAME_MAX_LEN;
        assert_int_equal(url_parse(&url, text, false, &why), fits ? 0 : BERTH_E_URL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_ones),
        cmocka_unit_test(bad_ones),
        cmocka_unit_test(secrets_are_not_repeated),
        cmocka_unit_test(without_a_lun),
        cmocka_unit_test(longest_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
