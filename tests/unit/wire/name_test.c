/* SPDX-License-Identifier: MIT */
/* iSCSI names and portals, good and bad. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "wire/name.h"

static struct span span(const char *text)
{
    return (struct span){text, strlen(text)};
}

static const char *const valid[] = {
    "iqn.2001-04.com.example:storage:diskarrays-sn-a8675309", /* RFC 7143 4.2.7.4 */
    "iqn.2001-04.com.example",
    "iqn.2001-04.com.example:storage.tape1.sys1.xyz",
    "iqn.1999-12.a:b",
    "iqn.2001-01.com.example::",
    "iqn.2001-04.com.example:bl\xc3\xa4tter",                         /* two bytes */
    "iqn.2001-04.com.example:\xe6\x97\xa5\xe6\x9c\xac",               /* three */
    "iqn.2001-04.com.example:\xf0\x9f\x98\x80",                       /* four */
    "iqn.2001-04.com.example:\xc3\x9f-\xe0\xa0\x95-\xf0\x90\x80\x80", /* the lowest of three and four bytes */
    "iqn.2001-04.com.example:\xe0\xa0\x80",
    "eui.02004567a425678d",
    "naa.52004567ba64678d",
    "naa.62004567ba64678d0123456789abcdef",
};

/* Not normalised, but in use: good enough for somebody else's target. */
static const char *const usable[] = {
    "iqn.2000-01.com.Vendor:Target-1.4a2b",
    "iqn.2010-01.com.example:my_disk",
    "iqn.2010-1.com.example:x",
    "iqn.2010-13.com.example",
    "iqn.2010-00.com.example",
    "iqn.10-01.com.example",
    "iqn.2010-01.com..example",
    "iqn.2010-01.com.example.",
    "iqn.2010-01.:x",
    "iqn.2010-01.com.example:",
    "iqn.2010-01.",
    "iqn.2010-01",
    "iqn.2010/01.com",
    "iqn.x",
    "eui.02004567A425678D",
    "eui.02004567a425678",
    "eui.02004567a425678d0",
    "eui.02004567a425678g",
    "naa.52004567BA64678D",
    "naa.52004567ba64678d0",
    "naa.62004567ba64678d0123456789abcde",
    "naa.62004567ba64678d0123456789abcdef0",
    "iqn.2001-04.com.example:a/b",
    "iqn.2001-04.com.example:a,b",
};

static const char *const bad[] = {
    "",
    "iqn",
    "iqn.",
    "eui.",
    "naa.",
    "IQN.2001-04.com.example",
    "foo.2001-04.com.example",
    "2001-04.com.example",
    "iqn.2001-04.com.example:a b",
    "iqn.2001-04.com.example:a\tb",
    "iqn.2001-04.com.example:a\n",
    "iqn.2001-04.com.example:\x7f",
    "iqn.2001-04.com.example:\x01",
    "iqn.2001-04.com.example:\x80", /* a continuation byte alone */
    "iqn.2001-04.com.example:\xc3", /* cut short */
    "iqn.2001-04.com.example:\xe6\x97",
    "iqn.2001-04.com.example:\xf0\x9f\x98",
    "iqn.2001-04.com.example:\xc3(",
    "iqn.2001-04.com.example:\xc1\xa1", /* 'a' spelt too long */
    "iqn.2001-04.com.example:\xe0\x81\xa1",
    "iqn.2001-04.com.example:\xf0\x80\x81\xa1",
    "iqn.2001-04.com.example:\xf4\x90\x80\x80", /* above 10ffff */
    "iqn.2001-04.com.example:\xf8\x88\x80\x80\x80",
    "iqn.2001-04.com.example:\xff",
    "iqn.2001-04.com.example:\xed\xa0\x80",     /* surrogate */
    "iqn.2001-04.com.example:\xc2\x85",         /* C1 control */
    "iqn.2001-04.com.example:\xc2\xa0",         /* no-break space */
    "iqn.2001-04.com.example:\xe2\x80\x8b",     /* zero width space */
    "iqn.2001-04.com.example:\xe2\x80\xae",     /* right-to-left override */
    "iqn.2001-04.com.example:\xe3\x80\x80",     /* ideographic space */
    "iqn.2001-04.com.example:\xe3\x80\x82",     /* ideographic full stop */
    "iqn.2001-04.com.example:\xee\x80\x80",     /* private use */
    "iqn.2001-04.com.example:\xef\xbb\xbf",     /* byte order mark */
    "iqn.2001-04.com.example:\xef\xbf\xbd",     /* replacement character */
    "iqn.2001-04.com.example:\xef\xbf\xbf",     /* no character */
    "iqn.2001-04.com.example:\xf0\x9f\xbf\xbe", /* no character, plane 1 */
    "iqn.2001-04.com.example:\xf3\xa0\x80\x81", /* tag */
    "iqn.2001-04.com.example:\xf4\x80\x80\x80", /* private use, plane 16 */
};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static void expect(const char *name, bool is_valid, bool is_usable)
{
    if (name_valid(span(name)) != is_valid || name_usable(span(name)) != is_usable)
        fail_msg("%s: valid %d, usable %d", name, name_valid(span(name)), name_usable(span(name)));
}

static void judges_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(valid); i++)
        expect(valid[i], true, true);
    for (size_t i = 0; i < COUNT(usable); i++)
        expect(usable[i], false, true);
    for (size_t i = 0; i < COUNT(bad); i++)
        expect(bad[i], false, false);
}

static void limits_the_length(void **state)
{
    (void)state;
    char name[NAME_MAX_LEN + 2];
    memset(name, 'x', sizeof name);
    memcpy(name, "iqn.2001-04.com.example:", 24);
    assert_true(name_valid((struct span){name, NAME_MAX_LEN}));
    assert_true(name_usable((struct span){name, NAME_MAX_LEN}));
    assert_false(name_valid((struct span){name, NAME_MAX_LEN + 1}));
    assert_false(name_usable((struct span){name, NAME_MAX_LEN + 1}));
}

static void stops_at_the_span_s_end(void **state)
{
    (void)state;
    const char *name = "iqn.2001-04.com.example:x";
    char exact[32];
    for (size_t len = 0; len <= strlen(name); len++) {
        memcpy(exact + sizeof exact - len, name, len);
        /* whole from "iqn.2001-04.c" on, but for the dots and the colon */
        bool whole = len >= 13 && !strchr(".:", name[len - 1]);
        assert_int_equal(name_valid((struct span){exact + sizeof exact - len, len}), whole);
    }
    assert_false(name_valid((struct span){"iqn.2001-04.a\0b", 15}));
}

/* --- portals --- */

struct portal_row {
    const char *text;
    const char *host; /* NULL: not a portal */
    uint16_t port;
    int32_t group;
};

static const struct portal_row portal_rows[] = {
    {"10.0.0.1:5003,1", "10.0.0.1", 5003, 1}, /* RFC 7143 13.8 */
    {"[1080:0:0:0:8:800:200C:417A],65", "1080:0:0:0:8:800:200C:417A", 3260, 65},
    {"[1080::8:800:200C:417A]:5003,1", "1080::8:800:200C:417A", 5003, 1},
    {"computingcenter.example.com,23", "computingcenter.example.com", 3260, 23},
    {"host", "host", 3260, -1},
    {"host:1", "host", 1, -1},
    {"host:65535", "host", 65535, -1},
    {"host,0", "host", 3260, 0},
    {"host,65535", "host", 3260, 65535},
    {"host:0x0cbc,0x0a", "host", 3260, 10},
    {"my_host-1.lan", "my_host-1.lan", 3260, -1},
    {"[::1]", "::1", 3260, -1},
    {"[::]:99", "::", 99, -1},
    {"[FFFF::afAF]", "FFFF::afAF", 3260, -1},
    {"[fe80::1%eth0]:3261", "fe80::1%eth0", 3261, -1},
    {"[fe80::1%eth0.100],7", "fe80::1%eth0.100", 3260, 7},
    {"[fe80::1%2]", "fe80::1%2", 3260, -1},
    {"[::ffff:192.0.2.1]:3260", "::ffff:192.0.2.1", 3260, -1},
    {"", NULL, 0, 0},
    {":3260", NULL, 0, 0},
    {",1", NULL, 0, 0},
    {"host:", NULL, 0, 0},
    {"host:0", NULL, 0, 0},
    {"host:65536", NULL, 0, 0},
    {"host:99999999999999999999", NULL, 0, 0},
    {"host:-1", NULL, 0, 0},
    {"host:+1", NULL, 0, 0},
    {"host: 1", NULL, 0, 0},
    {"host:1 ", NULL, 0, 0},
    {"host:12a", NULL, 0, 0},
    {"host:http", NULL, 0, 0},
    {"host:1:2", NULL, 0, 0},
    {"host,", NULL, 0, 0},
    {"host,65536", NULL, 0, 0},
    {"host,-1", NULL, 0, 0},
    {"host,1,2", NULL, 0, 0},
    {"host,1:2", NULL, 0, 0},
    {"host:1,", NULL, 0, 0},
    {"ho st", NULL, 0, 0},
    {"host/", NULL, 0, 0},
    {"user@host", NULL, 0, 0},
    {"h\xc3\xb6st", NULL, 0, 0},
    {"::1", NULL, 0, 0}, /* which colon begins the port? */
    {"fe80::1:3260", NULL, 0, 0},
    {"[::1", NULL, 0, 0},
    {"::1]", NULL, 0, 0},
    {"[]", NULL, 0, 0},
    {"[10.0.0.1]", NULL, 0, 0},
    {"[host]", NULL, 0, 0},
    {"[::1]x", NULL, 0, 0},
    {"[::1]]", NULL, 0, 0},
    {"[[::1]]", NULL, 0, 0},
    {"[::1]3260", NULL, 0, 0},
    {"[::1]:", NULL, 0, 0},
    {"[fe80::1%]", NULL, 0, 0},
    {"[fe80::1%a%b]", NULL, 0, 0},
    {"[fe80::1%a/b]", NULL, 0, 0},
    {"[%eth0]", NULL, 0, 0},
    {"[abcd%x:y]", NULL, 0, 0},
};

static void parses_portals(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(portal_rows); i++) {
        const struct portal_row *row = &portal_rows[i];
        char exact[64];
        struct portal p;
        size_t len = strlen(row->text);
        memcpy(exact + sizeof exact - len, row->text, len);
        bool good = portal_parse((struct span){exact + sizeof exact - len, len}, &p);
        if (good != (row->host != NULL))
            fail_msg("%s", row->text);
        if (!good)
            continue;
        assert_string_equal(p.host, row->host);
        assert_int_equal(p.port, row->port);
        assert_int_equal(p.group, row->group);
    }
}

static void refuses_zeros_inside(void **state)
{
    (void)state;
    struct portal p;
    assert_false(portal_parse((struct span){"ho\0st", 5}, &p));
    assert_false(portal_parse((struct span){"host\0", 5}, &p));
    assert_false(portal_parse((struct span){"host:1\0", 7}, &p));
    assert_false(portal_parse((struct span){"[::1\0]", 6}, &p));
    assert_false(portal_parse((struct span){NULL, 0}, &p));
}

static void limits_the_host(void **state)
{
    (void)state;
    static char text[ADDRESS_MAX + 16];
    struct portal p;
    memset(text, 'h', sizeof text);
    memcpy(text + ADDRESS_MAX, ":99", 3);
    assert_true(portal_parse((struct span){text, ADDRESS_MAX + 3}, &p));
    assert_int_equal(strlen(p.host), ADDRESS_MAX);
    assert_int_equal(p.port, 99);
    memset(text, 'h', sizeof text);
    assert_false(portal_parse((struct span){text, ADDRESS_MAX + 1}, &p));
}

static void prints_what_it_parses(void **state)
{
    (void)state;
    static const char *const texts[] = {"10.0.0.1:5003", "[::1]:1", "[fe80::1%eth0]:65535", "a:3260"};
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct portal p;
        char out[64];
        assert_true(portal_parse(span(texts[i]), &p));
        portal_print(&p, out, sizeof out);
        assert_string_equal(out, texts[i]);
        for (size_t size = 1; size <= strlen(texts[i]); size++) {
            memset(out, 'x', sizeof out);
            portal_print(&p, out, size);
            assert_string_equal(out, "");
            assert_int_equal(out[size], 'x');
        }
        out[0] = 'x';
        portal_print(&p, out, 0);
        assert_int_equal(out[0], 'x');
    }
}

static void completes_what_was_left_out(void **state)
{
    static const struct {
        const char *told, *via, *expected;
    } rows[] = {
        {"0.0.0.0:3261,1", "192.0.2.1:3260", "192.0.2.1:3261"},
        {"[::]:3261,1", "[2001:db8::1]", "[2001:db8::1]:3261"},
        {"[0:0:0:0:0:0:0:0]", "san.example", "san.example:3260"},
        {"[fe80::1]:1", "[fe80::2%eth0]:2", "[fe80::1%eth0]:1"},
        {"[FEbf::1]:1", "[fe80::2%en0.7]", "[FEbf::1%en0.7]:1"},
        {"[fe80::1%lan]:1", "[fe80::2%eth0]", "[fe80::1%lan]:1"},
        {"[fe80::1]:1", "192.0.2.1", "[fe80::1]:1"},
        {"[fec0::1]:1", "[fe80::2%eth0]", "[fec0::1]:1"},
        {"[2001:db8::1]:1", "[fe80::2%eth0]", "[2001:db8::1]:1"},
        {"fe80.example:1", "[fe80::2%eth0]", "fe80.example:1"},
        {"10.0.0.0:1", "192.0.2.1", "10.0.0.0:1"},
        {"[::1]:1", "192.0.2.1", "[::1]:1"},
        {"0.0.0.0:7", "0.0.0.0:8", "0.0.0.0:7"},
    };
    (void)state;
    for (size_t n = 0; n < sizeof rows / sizeof rows[0]; n++) {
        struct portal told, via;
        char out[ADDRESS_MAX + 16];
        assert_true(portal_parse((struct span){rows[n].told, strlen(rows[n].told)}, &told));
        assert_true(portal_parse((struct span){rows[n].via, strlen(rows[n].via)}, &via));
        portal_complete(&told, &via);
        portal_print(&told, out, sizeof out);
        assert_string_equal(out, rows[n].expected);
    }
}

/* A scope that does not fit is left out, and nothing is written beyond. */
static void completes_within_bounds(void **state)
{
    struct portal told = {.port = 1}, via = {.port = 1};
    (void)state;
    memset(told.host, ':', ADDRESS_MAX);
    memcpy(told.host, "fe80", 4);
    memcpy(via.host, "fe80::%eth0", 12);
    portal_complete(&told, &via);
    assert_int_equal(strlen(told.host), ADDRESS_MAX);
    told.host[ADDRESS_MAX - 5] = 0;
    portal_complete(&told, &via);
    assert_int_equal(strlen(told.host), ADDRESS_MAX);
    assert_string_equal(told.host + ADDRESS_MAX - 5, "%eth0");
}

static const struct {
    const char *typed, *sent; /* "" if it will not do */
    enum name_flaw flaw;
} typed_rows[] = {
    {"iqn.2001-04.com.example:disk", "iqn.2001-04.com.example:disk", NAME_OK},
    {"IQN.2001-04.Com.Example:Disk-1", "iqn.2001-04.com.example:disk-1", NAME_OK},
    {"EUI.02004567A425678D", "eui.02004567a425678d", NAME_OK},
    {"naa.62004567BA64678D0123456789ABCDEF", "naa.62004567ba64678d0123456789abcdef", NAME_OK},
    {"", "", NAME_MALFORMED},
    {"disk", "", NAME_MALFORMED},
    {"iqn.2001-04.com.example:my_disk", "", NAME_MALFORMED},
    {"iqn.2001-04.com.example:a b", "", NAME_MALFORMED},
    {"iqn.2001-13.com.example", "", NAME_MALFORMED},
    {"eui.02004567a425678", "", NAME_MALFORMED},
    {"iqn.2001-04.com.example:bl\xc3\xa4tter", "", NAME_BEYOND_ASCII}, /* it is normalised, but who knows? */
    {"iqn.2001-04.com.example:BL\xc3\x84TTER", "", NAME_BEYOND_ASCII},
    {"iqn.2001-04.com.example:\xff", "", NAME_BEYOND_ASCII},
};

static void normalises_what_is_typed(void **state)
{
    (void)state;
    char out[NAME_MAX_LEN + 2], longest[NAME_MAX_LEN + 2];
    out[NAME_MAX_LEN + 1] = 'x';
    for (size_t i = 0; i < sizeof typed_rows / sizeof typed_rows[0]; i++) {
        assert_int_equal(name_typed(typed_rows[i].typed, out), typed_rows[i].flaw);
        assert_string_equal(out, typed_rows[i].sent);
    }
    memset(longest, 'A', sizeof longest);
    memcpy(longest, "IQN.2001-04.", 12);
    longest[NAME_MAX_LEN + 1] = '\0';
    assert_int_equal(name_typed(longest, out), NAME_MALFORMED);
    longest[NAME_MAX_LEN] = '\0';
    assert_int_equal(name_typed(longest, out), NAME_OK);
    assert_int_equal(strlen(out), NAME_MAX_LEN);
    assert_int_equal(out[NAME_MAX_LEN + 1], 'x');
}

static const struct {
    const char *text;
    bool good;
    uint8_t isid[ISID_LEN];
} isid_rows[] = {
    {"000000000001", true, {0, 0, 0, 0, 0, 1}}, /* an OUI, six bits of it in the first byte */
    {"3fFFffFFffFF", true, {0x3f, 0xff, 0xff, 0xff, 0xff, 0xff}},
    {"4000abcd0001", true, {0x40, 0, 0xab, 0xcd, 0, 1}}, /* an enterprise number */
    {"80123456789a", true, {0x80, 0x12, 0x34, 0x56, 0x78, 0x9a}},
    {"410000000000", false, {0}}, /* reserved bits */
    {"810000000000", false, {0}},
    {"bf0000000000", false, {0}},
    {"c00000000000", false, {0}}, /* a reserved format */
    {"ff0000000000", false, {0}},
    {"", false, {0}},
    {"80123456789", false, {0}},
    {"80123456789ab", false, {0}},
    {"80123456789g", false, {0}},
    {"0x8012345678", false, {0}},
    {"80:12:34:56:", false, {0}},
    {" 80123456789", false, {0}},
};

static void reads_isids(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof isid_rows / sizeof isid_rows[0]; i++) {
        uint8_t isid[ISID_LEN];
        if (isid_parse(span(isid_rows[i].text), isid) != isid_rows[i].good)
            fail_msg("%s", isid_rows[i].text);
        assert_true(!isid_rows[i].good || memcmp(isid, isid_rows[i].isid, ISID_LEN) == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(normalises_what_is_typed),
        cmocka_unit_test(reads_isids),
        cmocka_unit_test(judges_names),
        cmocka_unit_test(limits_the_length),
        cmocka_unit_test(stops_at_the_span_s_end),
        cmocka_unit_test(parses_portals),
        cmocka_unit_test(refuses_zeros_inside),
        cmocka_unit_test(limits_the_host),
        cmocka_unit_test(completes_what_was_left_out),
        cmocka_unit_test(completes_within_bounds),
        cmocka_unit_test(prints_what_it_parses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
