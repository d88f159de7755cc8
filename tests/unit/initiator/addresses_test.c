/* SPDX-License-Identifier: MIT */
/* The order in which a portal's addresses are tried. Letters are families, and so the addresses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <netinet/in.h>

#include "initiator/addresses.h"

static struct resolved make(const char *families)
{
    struct resolved a = {.count = 0};
    for (; *families; families++) {
        a.sa[a.count].ss_family = *families == '6' ? AF_INET6 : AF_INET;
        memcpy((uint8_t *)&a.sa[a.count] + 8, &a.count, sizeof a.count);
        a.len[a.count++] = sizeof(struct sockaddr_in);
    }
    return a;
}

static void orders(void **state)
{
    static const struct {
        const char *families;
        uint32_t first, without;
        const char *expected;
    } rows[] = {
        {"", 0, 0, ""},
        {"4", 0, 0, "0"},
        {"444", 0, 0, "012"},
        {"444", 1, 0, "120"},
        {"666444", 0, 0, "031425"},
        {"666444", 4, 0, "405132"}, /* from there on, round the list */
        {"64", 1, 0, "10"},
        {"66664", 0, 0, "04123"},
        {"46666", 1, 0, "10234"},
        {"646464", 0, 0, "012345"},
        {"666444", 0, 1, "13245"},
        {"666444", 0, 0x38, "012"},
        {"666444", 0, 0x3f, ""},
        {"6444444444444446", 15, 0, NULL},
    };
    (void)state;
    for (size_t n = 0; n < sizeof rows / sizeof rows[0]; n++) {
        struct resolved a = make(rows[n].families);
        uint8_t order[RESOLVE_MAX];
        char text[RESOLVE_MAX + 1] = "";
        uint32_t count = addresses_order(&a, rows[n].first, rows[n].without, order), seen = 0;
        for (uint32_t i = 0; i < count; i++) {
            assert_false(seen >> order[i] & 1); /* each once */
            seen |= 1u << order[i];
            text[i] = (char)('0' + order[i]);
        }
        if (rows[n].expected)
            assert_string_equal(text, rows[n].expected);
        else
            assert_int_equal(count, a.count);
    }
}

static void finds_them_again(void **state)
{
    struct resolved a = make("6644"), b = make("6644");
    (void)state;
    for (uint32_t n = 0; n < 4; n++)
        assert_int_equal(addresses_find(&a, &b, n), n);
    b.sa[2].ss_family = AF_UNIX;
    assert_int_equal(addresses_find(&a, &b, 2), 0);
    assert_int_equal(addresses_find(&a, &b, 4), 0); /* of a list that had none */
    b.count = 0;
    assert_int_equal(addresses_find(&a, &b, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(orders),
        cmocka_unit_test(finds_them_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
