/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <berth/error.h>
#include <net/if.h>
#include <netinet/in.h>

#include "host/resolve.h"

static struct resolved out;
static const char *why;

static int resolve(const char *host, uint16_t port)
{
    struct portal p = {.port = port, .group = -1};
    memset(&out, 0xee, sizeof out);
    why = "untouched";
    strcpy(p.host, host);
    return host_resolve(&p, &out, &why);
}

static const struct sockaddr_in *v4(uint32_t i)
{
    return (const struct sockaddr_in *)&out.sa[i];
}

static const struct sockaddr_in6 *v6(uint32_t i)
{
    return (const struct sockaddr_in6 *)&out.sa[i];
}

static void numeric_v4(void **state)
{
    (void)state;
    assert_int_equal(resolve("192.0.2.7", 3260), BERTH_OK);
    assert_null(why);
    assert_int_equal(out.count, 1);
    assert_int_equal(out.len[0], sizeof(struct sockaddr_in));
    assert_int_equal(v4(0)->sin_family, AF_INET);
    assert_int_equal(ntohs(v4(0)->sin_port), 3260);
    assert_int_equal(ntohl(v4(0)->sin_addr.s_addr), 0xc0000207);
}

static void numeric_v6(void **state)
{
    (void)state;
    struct in6_addr want;
    inet_pton(AF_INET6, "2001:db8::7", &want);
    assert_int_equal(resolve("2001:db8::7", 65535), BERTH_OK);
    assert_int_equal(out.count, 1);
    assert_int_equal(out.len[0], sizeof(struct sockaddr_in6));
    assert_int_equal(v6(0)->sin6_family, AF_INET6);
    assert_int_equal(ntohs(v6(0)->sin6_port), 65535);
    assert_memory_equal(&v6(0)->sin6_addr, &want, sizeof want);
    assert_int_equal(v6(0)->sin6_scope_id, 0);
}

static void mapped_addresses_are_ipv4(void **state)
{
    (void)state;
    assert_int_equal(resolve("::ffff:192.0.2.7", 3260), BERTH_OK);
    assert_int_equal(out.count, 1);
    assert_int_equal(out.len[0], sizeof(struct sockaddr_in));
    assert_int_equal(v4(0)->sin_family, AF_INET);
    assert_int_equal(ntohs(v4(0)->sin_port), 3260);
    assert_int_equal(ntohl(v4(0)->sin_addr.s_addr), 0xc0000207);
}

static void addresses_and_names(void **state)
{
    static const struct {
        const char *text;
        bool numeric;
    } rows[] = {{"192.0.2.7", true},  {"::1", true},  {"fe80::1%lo", true}, {"fe80::1%no-such-if", false},
                {"localhost", false}, {"a.b", false}, {"", false},          {"1.2.3.4.5", false}};
    struct sockaddr_storage sa;
    socklen_t len;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct portal p = {.port = 1};
        strcpy(p.host, rows[i].text);
        assert_int_equal(host_numeric(&p, &out), rows[i].numeric);
        assert_int_equal(host_address(rows[i].text, &sa, &len), rows[i].numeric);
    }
}

static void scope_becomes_an_interface(void **state)
{
    (void)state;
    assert_int_not_equal(if_nametoindex("lo"), 0);
    assert_int_equal(resolve("fe80::1%lo", 3260), BERTH_OK);
    assert_int_equal(out.count, 1);
    assert_int_equal(v6(0)->sin6_scope_id, if_nametoindex("lo"));
}

static void unknown_scope_fails(void **state)
{
    (void)state;
    assert_int_equal(resolve("fe80::1%no-such-if", 3260), BERTH_E_RESOLVE);
    assert_int_equal(out.count, 0);
}

static void names_come_from_the_resolver(void **state)
{
    (void)state;
    assert_int_equal(resolve("localhost", 860), BERTH_OK);
    assert_true(out.count >= 1 && out.count <= RESOLVE_MAX);
    for (uint32_t i = 0; i < out.count; i++) {
        assert_true(v4(i)->sin_family == AF_INET || v4(i)->sin_family == AF_INET6);
        assert_int_equal(ntohs(v4(i)->sin_family == AF_INET ? v4(i)->sin_port : v6(i)->sin6_port), 860);
    }
}

/* A name no resolver answers: reserved for that (RFC 6761 6.4). */
static void unknown_names_say_why(void **state)
{
    (void)state;
    assert_int_equal(resolve("no-such-host.invalid", 3260), BERTH_E_RESOLVE);
    assert_int_equal(out.count, 0);
    assert_non_null(why);
    assert_string_not_equal(why, "untouched");
    assert_true(strlen(why) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numeric_v4),
        cmocka_unit_test(numeric_v6),
        cmocka_unit_test(mapped_addresses_are_ipv4),
        cmocka_unit_test(addresses_and_names),
        cmocka_unit_test(scope_becomes_an_interface),
        cmocka_unit_test(unknown_scope_fails),
        cmocka_unit_test(names_come_from_the_resolver),
        cmocka_unit_test(unknown_names_say_why),
    };
    return cmocka_run_group_tests_name("host resolve", tests, NULL, NULL);
}
