/* SPDX-License-Identifier: MIT */
/* Where redirects may lead. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "initiator/allowance.h"

static struct allowance a;

static struct resolved one(const char *address)
{
    struct resolved r = {.count = 1};
    assert_true(host_address(address, &r.sa[0], &r.len[0]));
    return r;
}

static bool lets(const char *address)
{
    struct resolved r = one(address);
    allowance_filter(&a, &r);
    return r.count == 1;
}

static void everywhere_and_nowhere(void **state)
{
    (void)state;
    assert_null(allowance_parse(&a, NULL));
    assert_true(a.everywhere && allowance_names(&a, "any.example") && lets("192.0.2.1") && lets("::1"));
    assert_null(allowance_parse(&a, "follow"));
    assert_true(a.everywhere);
    assert_null(allowance_parse(&a, "none"));
    assert_false(a.everywhere || allowance_names(&a, "any.example") || lets("192.0.2.1") || lets("::1"));
    assert_int_equal(a.count, 0);
}

static void networks(void **state)
{
    (void)state;
    assert_null(allowance_parse(&a, "192.0.2.0/24,10.1.2.3,2001:db8::/33,172.16.0.0/12,198.51.100.77/31"));
    assert_int_equal(a.count, 5);
    assert_true(lets("192.0.2.0") && lets("192.0.2.255"));
    assert_false(lets("192.0.3.0") || lets("192.0.1.255"));
    assert_true(lets("10.1.2.3"));
    assert_false(lets("10.1.2.2"));
    assert_true(lets("2001:db8:7fff::1"));
    assert_false(lets("2001:db8:8000::1"));
    assert_true(lets("172.31.255.255"));
    assert_false(lets("172.32.0.0"));
    assert_true(lets("198.51.100.76") && lets("198.51.100.77"));
    assert_false(lets("198.51.100.78"));
    assert_true(lets("::ffff:192.0.2.9")); /* which is IPv4 */
    assert_false(allowance_names(&a, "192.0.2.1"));
}

static void the_whole_of_a_family(void **state)
{
    (void)state;
    assert_null(allowance_parse(&a, "0.0.0.0/0"));
    assert_true(lets("255.1.2.3"));
    assert_false(lets("::1"));
}

static void names(void **state)
{
    (void)state;
    assert_null(allowance_parse(&a, "san1.example,SAN2.example,localhost,192.0.2.1"));
    assert_true(allowance_names(&a, "san1.example"));
    assert_true(allowance_names(&a, "San2.Example"));
    assert_false(allowance_names(&a, "san3.example"));
    assert_false(allowance_names(&a, "san1.example.org"));
    assert_false(allowance_names(&a, ""));
    assert_true(lets("192.0.2.1"));
}

static void keeps_the_good_ones(void **state)
{
    struct resolved r = {.count = 0};
    static const char *const addresses[] = {"10.0.0.1", "192.0.2.1", "::1", "192.0.2.2"};
    (void)state;
    assert_null(allowance_parse(&a, "192.0.2.0/24"));
    for (; r.count < 4; r.count++)
        assert_true(host_address(addresses[r.count], &r.sa[r.count], &r.len[r.count]));
    allowance_filter(&a, &r);
    assert_int_equal(r.count, 2);
    struct resolved first = one("192.0.2.1"), second = one("192.0.2.2");
    assert_memory_equal(&r.sa[0], &first.sa[0], r.len[0]);
    assert_memory_equal(&r.sa[1], &second.sa[0], r.len[1]);
}

static void nonsense(void **state)
{
    static const char *const rows[] = {"",
                                       ",",
                                       "san.example,",
                                       "192.0.2.0/33",
                                       "192.0.2.0/",
                                       "192.0.2.0/-1",
                                       "192.0.2.0/24/24",
                                       "2001:db8::/129",
                                       "san.example/24",
                                       "follow,none",
                                       "san.example,none",
                                       "None",
                                       "192.0.2.0.1",
                                       "fe80::1%no-such-device"};
    char many[33 * 3];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (!allowance_parse(&a, rows[i]))
            fail_msg("'%s' was taken", rows[i]);
    for (size_t i = 0; i < sizeof many - 1; i++)
        many[i] = i % 3 == 2 ? ',' : 'a';
    many[32 * 3 - 1] = 0;
    assert_null(allowance_parse(&a, many));
    many[32 * 3 - 1] = ',';
    many[33 * 3 - 1] = 0;
    assert_non_null(allowance_parse(&a, many));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everywhere_and_nowhere), cmocka_unit_test(networks),
        cmocka_unit_test(the_whole_of_a_family),  cmocka_unit_test(names),
        cmocka_unit_test(keeps_the_good_ones),    cmocka_unit_test(nonsense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
