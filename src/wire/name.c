/* SPDX-License-Identifier: MIT */
#include "wire/name.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* --- characters --- */

struct range {
    uint32_t first, last;
};

/* Characters beyond ASCII that no name may hold (RFC 3722 section 6, with the tables of RFC 3454 it names).
 */
static const struct range prohibited[] = {
    {0x0080, 0x00a0},    /* C.2.2 control, C.1.2 space */
    {0x0340, 0x0341},    /* C.8 change display */
    {0x06dd, 0x06dd},    /* C.2.2 */
    {0x070f, 0x070f},    /* C.2.2 */
    {0x1680, 0x1680},    /* C.1.2 */
    {0x180e, 0x180e},    /* C.2.2 */
    {0x2000, 0x200f},    /* C.1.2, C.2.2, C.8 */
    {0x2028, 0x202f},    /* C.2.2, C.8, C.1.2 */
    {0x205f, 0x2063},    /* C.1.2, C.2.2 */
    {0x206a, 0x206f},    /* C.2.2, C.8 */
    {0x2ff0, 0x2ffb},    /* C.7 not canonical */
    {0x3000, 0x3000},    /* C.1.2 */
    {0x3002, 0x3002},    /* 6.1: typed instead of a dot */
    {0xd800, 0xf8ff},    /* C.5 surrogates, C.3 private use */
    {0xfdd0, 0xfdef},    /* C.4 no characters */
    {0xfeff, 0xfeff},    /* C.2.2 */
    {0xfff9, 0xffff},    /* C.2.2, C.6, C.4 */
    {0x1d173, 0x1d17a},  /* C.2.2 */
    {0xe0001, 0xe0001},  /* C.9 tags */
    {0xe0020, 0xe007f},  /* C.9 */
    {0xf0000, 0x10ffff}, /* C.3, C.4 */
};

static bool is_prohibited(uint32_t c)
{
    if ((c & 0xfffe) == 0xfffe) /* C.4: the last two of every plane */
        return true;
    for (size_t i = 0; i < COUNT(prohibited); i++)
        if (c >= prohibited[i].first && c <= prohibited[i].last)
            return true;
    return false;
}

/* How many bytes follow the first one of a UTF-8 character; -1 if none can begin so. */
static int utf8_more(uint8_t first)
{
    if (first < 0x80)
        return 0;
    if (first < 0xc2) /* continuation bytes, and what would be spelt too long */
        return -1;
    if (first < 0xe0)
        return 1;
    return first < 0xf0 ? 2 : first < 0xf5 ? 3 : -1;
}

/* The next character; r->ok turns false if it is not the one way to write it in UTF-8. */
static uint32_t read_utf8(struct reader *r)
{
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    uint8_t first = read8(r);
    int more = utf8_more(first);
    if (more <= 0) {
        r->ok = r->ok && more == 0;
        return first;
    }
    uint32_t c = first & (0x3fu >> more);
    for (int i = 0; i < more; i++) {
        uint8_t next = read8(r);
        r->ok = r->ok && (next & 0xc0) == 0x80;
        c = c << 6 | (next & 0x3f);
    }
    r->ok = r->ok && c >= least[more] && c <= 0x10ffff;
    return c;
}

static bool is_digit(uint32_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_lower(uint32_t c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_hex(uint32_t c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_alnum(uint32_t c)
{
    return is_lower(c) || (c >= 'A' && c <= 'Z') || is_digit(c);
}

/* RFC 3722 6.2 */
static bool is_name_char(uint32_t c)
{
    if (c >= 0x80)
        return !is_prohibited(c);
    return is_lower(c) || is_digit(c) || c == '-' || c == '.' || c == ':';
}

static bool is_usable_char(uint32_t c)
{
    return c >= 0x80 ? !is_prohibited(c) : c > ' ' && c < 0x7f;
}

static bool all_utf8(struct span s, bool (*allowed)(uint32_t))
{
    struct reader r = reader_over(s.at, s.len);
    while (r.ok && reader_left(&r) > 0)
        if (!allowed(read_utf8(&r)))
            return false;
    return r.ok;
}

static bool all_ascii(struct span s, bool (*allowed)(uint32_t))
{
    for (size_t i = 0; i < s.len; i++)
        if (!allowed((uint8_t)s.at[i]))
            return false;
    return s.len > 0;
}

/* --- names --- */

static struct span behind(struct span s, size_t skip)
{
    return skip ? (struct span){s.at + skip, s.len - skip}
                : s; /* nothing may be added to an empty span's NULL */
}

static bool begins(struct span s, const char *prefix)
{
    return s.len >= strlen(prefix) && memcmp(s.at, prefix, strlen(prefix)) == 0;
}

static bool is_hex_digit_lower(uint32_t c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f');
}

/* yyyy-mm. */
static bool date_valid(struct span s)
{
    static const char shape[] = "dddd-dd.";
    if (s.len < sizeof shape - 1)
        return false;
    for (size_t i = 0; i < sizeof shape - 1; i++)
        if (shape[i] == 'd' ? !is_digit((uint8_t)s.at[i]) : s.at[i] != shape[i])
            return false;
    int month = (s.at[5] - '0') * 10 + s.at[6] - '0';
    return month >= 1 && month <= 12;
}

/* Labels with a dot between, none of them empty. */
static bool domain_valid(struct span s)
{
    bool empty = true;
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] == '.' && empty)
            return false;
        empty = s.at[i] == '.';
    }
    return !empty;
}

/* yyyy-mm.domain[:string] (4.2.7.4) */
static bool iqn_valid(struct span s)
{
    if (!date_valid(s))
        return false;
    struct span rest = behind(s, strlen("yyyy-mm."));
    const char *colon = memchr(rest.at, ':', rest.len);
    struct span domain = {rest.at, colon ? (size_t)(colon - rest.at) : rest.len};
    return domain_valid(domain) && domain.len + 1 != rest.len;
}

static bool eui_valid(struct span s)
{
    return s.len == 16 && all_ascii(s, is_hex_digit_lower);
}

static bool naa_valid(struct span s)
{
    return (s.len == 16 || s.len == 32) && all_ascii(s, is_hex_digit_lower);
}

struct name_type {
    const char *prefix;
    bool (*valid)(struct span rest);
};

static const struct name_type types[] = {
    {"iqn.", iqn_valid}, /* 4.2.7.4 */
    {"eui.", eui_valid}, /* 4.2.7.5 */
    {"naa.", naa_valid}, /* 4.2.7.6 */
};

static const struct name_type *type_of(struct span name)
{
    for (size_t i = 0; i < COUNT(types); i++)
        if (begins(name, types[i].prefix))
            return &types[i];
    return NULL;
}

bool name_valid(struct span name)
{
    const struct name_type *type = type_of(name);
    return type && name.len <= NAME_MAX_LEN && all_utf8(name, is_name_char) && type->valid(behind(name, 4));
}

bool name_usable(struct span name)
{
    return type_of(name) && name.len > 4 && name.len <= NAME_MAX_LEN && all_utf8(name, is_usable_char);
}

enum name_flaw name_typed(const char *text, char out[NAME_MAX_LEN + 1])
{
    size_t len = 0;
    enum name_flaw flaw = NAME_OK;
    for (; text[len] && len < NAME_MAX_LEN && flaw == NAME_OK; len++) {
        char c = text[len];
        flaw = (uint8_t)c >= 0x80 ? NAME_BEYOND_ASCII : NAME_OK;
        out[len] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
    }
    out[len] = '\0';
    if (flaw == NAME_OK && (text[len] || !name_valid((struct span){out, len})))
        flaw = NAME_MALFORMED;
    if (flaw != NAME_OK)
        out[0] = '\0';
    return flaw;
}

/* --- ISIDs --- */

/* The two highest bits name the format. That of OUIs uses all of the others; in those of enterprise numbers
 * and of random numbers the rest of the byte is reserved. */
static bool isid_valid(const uint8_t isid[ISID_LEN])
{
    uint8_t format = isid[0] >> 6, rest = isid[0] & 0x3f;
    return format == 0 || (format != 3 && rest == 0);
}

bool isid_parse(struct span text, uint8_t isid[ISID_LEN])
{
    uint64_t bits = 0;
    char hex[2 + 2 * ISID_LEN] = "0x";
    if (text.len != 2 * ISID_LEN)
        return false;
    memcpy(hex + 2, text.at, text.len);
    if (!span_number((struct span){hex, sizeof hex}, &bits))
        return false;
    for (size_t i = 0; i < ISID_LEN; i++)
        isid[i] = (uint8_t)(bits >> (8 * (ISID_LEN - 1 - i)));
    return isid_valid(isid);
}

/* --- portals --- */

static bool is_host_char(uint32_t c)
{
    return is_alnum(c) || c == '-' || c == '.' || c == '_';
}

static bool is_ipv6_char(uint32_t c)
{
    return is_hex(c) || c == ':' || c == '.';
}

/* Cuts the longest front without any of `stops` off `s`. */
static struct span cut_until(struct span *s, const char *stops)
{
    size_t len = 0;
    while (len < s->len && (s->at[len] == '\0' || !strchr(stops, s->at[len])))
        len++;
    struct span front = {s->at, len};
    *s = behind(*s, len);
    return front;
}

static bool cut_char(struct span *s, char c)
{
    if (s->len == 0 || s->at[0] != c)
        return false;
    *s = behind(*s, 1);
    return true;
}

/* An address with at least one colon, and perhaps %scope. Whether it is a good one is the resolver's to say.
 */
static bool ipv6_plausible(struct span s)
{
    struct span address = cut_until(&s, "%");
    if (!all_ascii(address, is_ipv6_char) || !memchr(address.at, ':', address.len))
        return false;
    return s.len == 0 || (cut_char(&s, '%') && all_ascii(s, is_host_char));
}

static bool cut_host(struct span *s, struct span *host)
{
    if (!cut_char(s, '[')) {
        *host = cut_until(s, ":,");
        return all_ascii(*host, is_host_char);
    }
    *host = cut_until(s, "]");
    return cut_char(s, ']') && ipv6_plausible(*host);
}

/* The number up to the next of `stops`, 16 bits. */
static bool cut_number16(struct span *s, const char *stops, uint16_t *value)
{
    uint64_t number;
    if (!span_number(cut_until(s, stops), &number) || number > UINT16_MAX)
        return false;
    *value = (uint16_t)number;
    return true;
}

static bool parse_portal(struct span s, struct portal *p)
{
    struct span host;
    uint16_t group;
    if (!cut_host(&s, &host) || !span_copy(host, p->host, sizeof p->host))
        return false;
    if (cut_char(&s, ':') && (!cut_number16(&s, ",", &p->port) || p->port == 0))
        return false;
    if (cut_char(&s, ',')) {
        if (!cut_number16(&s, "", &group))
            return false;
        p->group = group;
    }
    return s.len == 0;
}

bool portal_parse(struct span text, struct portal *p)
{
    *p = (struct portal){.port = ISCSI_PORT, .group = -1};
    return parse_portal(text, p);
}

/* Only zeros, in whatever form. */
static bool unspecified(const char *host)
{
    bool ipv4 = strcmp(host, "0.0.0.0") == 0, ipv6 = strchr(host, ':') && host[strspn(host, "0:")] == '\0';
    return ipv4 || ipv6;
}

/* fe80::/10 (RFC 4291 2.5.6) */
static bool link_local(const char *host)
{
    return (host[0] | 0x20) == 'f' && (host[1] | 0x20) == 'e' && host[2] && strchr("89abAB", host[2]) &&
           host[3] && strchr(host, ':');
}

static void take_scope(struct portal *p, const char *scope)
{
    size_t len = strlen(p->host), more = strlen(scope);
    if (len + more < sizeof p->host)
        memcpy(p->host + len, scope, more + 1);
}

void portal_complete(struct portal *p, const struct portal *via)
{
    const char *scope = strchr(via->host, '%');
    if (unspecified(p->host))
        memcpy(p->host, via->host, sizeof p->host);
    else if (scope && link_local(p->host) && !strchr(p->host, '%'))
        take_scope(p, scope);
}

bool portal_same(const struct portal *a, const struct portal *b)
{
    return a->port == b->port && strcmp(a->host, b->host) == 0;
}

void portal_print(const struct portal *p, char *out, size_t size)
{
    bool ipv6 = strchr(p->host, ':') != NULL;
    struct writer w = writer_over(out, size);
    write_str(&w, ipv6 ? "[" : "");
    write_str(&w, p->host);
    write_str(&w, ipv6 ? "]:" : ":");
    write_number(&w, p->port);
    write8(&w, 0);
    if (!w.ok && size > 0)
        out[0] = '\0';
}
