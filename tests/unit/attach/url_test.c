/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "attach/url.h"

static void user_is(const char *url, const char *expected)
{
    const char *user;
    size_t len = url_user(url, &user);
    assert_int_equal(len, strlen(expected));
    assert_memory_equal(user, expected, len);
}

static void host_is(const char *url, const char *expected)
{
    const char *host;
    size_t len = url_host(url, &host);
    assert_int_equal(len, strlen(expected));
    assert_memory_equal(host, expected, len);
}

static void users(void **state)
{
    (void)state;
    user_is("iscsi://alice@host/t/0", "alice");
    user_is("iscsi://a%40b:c@host/t/0", "a%40b:c");
    user_is("iscsi://host/t/0", "");
    user_is("iscsi://@host/t/0", "");
    user_is("iscsi://host/iqn.x:a@b/0", "");
    user_is("", "");
}

static void hosts(void **state)
{
    (void)state;
    host_is("iscsi://host/t/0", "host");
    host_is("iscsi://host:3261/t/0", "host");
    host_is("iscsi://alice@192.0.2.1:3261/t/0", "192.0.2.1");
    host_is("iscsi://@host/t/0", "host");
    host_is("iscsi://[2001:db8::1]:3261/t/0", "[2001:db8::1]");
    host_is("iscsi://[2001:db8::1/t/0", "[2001:db8::1");
    host_is("", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(users), cmocka_unit_test(hosts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
