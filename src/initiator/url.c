/* SPDX-License-Identifier: MIT */
#include <berth/error.h>
#include "initiator/url.h"

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Percent-decodes a part; false if it is malformed, holds a NUL or does not fit. */
static bool decode(struct span part, char *to, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < part.len; i++) {
        int c = (unsigned char)part.at[i];
        if (c == '%') {
            int hi = part.len - i > 2 ? hex(part.at[i + 1]) : -1;
            int lo = part.len - i > 2 ? hex(part.at[i + 2]) : -1;
            if (hi < 0 || lo < 0)
                return false;
            c = hi << 4 | lo;
            i += 2;
        }
        if (c == 0 || n + 1 >= size)
            return false;
        to[n++] = (char)c;
    }
    to[n] = 0;
    return true;
}

/* Cuts the text up to `c` off the front of `rest`; false if there is no such character. */
static bool cut(struct span *rest, char c, struct span *part)
{
    const char *at = memchr(rest->at, c, rest->len);
    if (!at)
        return false;
    *part = (struct span){rest->at, (size_t)(at - rest->at)};
    rest->len -= part->len + 1;
    rest->at = at + 1;
    return true;
}

/* A host and port. Behind the brackets' % stands an interface, and the % is written as %25 (RFC 6874) or, as
 * everywhere else, as itself: nothing else in an IPv6 address needs an escape. */
static bool decode_host(struct span part, char *to, size_t size)
{
    size_t n = 0;
    const char *end = part.len && part.at[0] == '[' ? memchr(part.at, ']', part.len) : NULL;
    size_t literal = end ? (size_t)(end - part.at) : 0;
    for (size_t i = 0; i < literal; i++) {
        if (n + 1 >= size || part.at[i] == 0)
            return false;
        to[n++] = part.at[i];
        if (part.at[i] == '%' && literal - i > 2 && memcmp(part.at + i, "%25", 3) == 0)
            i += 2;
    }
    return decode((struct span){part.at + literal, part.len - literal}, to + n, size - n);
}

static const char *take_authority(struct url *url, struct span authority)
{
    struct span user;
    char decoded[ADDRESS_MAX + 1];
    if (cut(&authority, '@', &user)) {
        if (memchr(user.at, ':', user.len))
            return "secrets do not belong into URLs: give user@ alone and the secret in a file";
        if (user.len == 0 || !decode(user, url->user, sizeof url->user))
            return "the user name is malformed";
    }
    if (!decode_host(authority, decoded, sizeof decoded))
        return "the host is malformed";
    struct span host = {decoded, strlen(decoded)};
    if (!portal_parse(host, &url->portal) || url->portal.group >= 0)
        return "the host or port is malformed";
    return NULL;
}

static bool take_lun(struct url *url, struct span text)
{
    char decoded[8];
    uint64_t number;
    if (!decode(text, decoded, sizeof decoded))
        return false;
    struct span digits = {decoded, strlen(decoded)};
    if (strspn(decoded, "0123456789") != digits.len || !span_number(digits, &number) || number > URL_LUN_MAX)
        return false;
    url->lun = (uint32_t)number;
    url->has_lun = true;
    return true;
}

/* Taken as it is: targets with upper case or underscores in their names are out there, and know themselves
 * only so. */
static const char *take_target(struct url *url, struct span text)
{
    if (!decode(text, url->target, sizeof url->target))
        return "the target name is malformed or too long";
    if (!name_usable((struct span){url->target, strlen(url->target)}))
        return "the target name is not an iSCSI name (iqn., eui. or naa.)";
    return NULL;
}

static const char *parse(struct url *url, struct span rest, bool lun_optional)
{
    static const char scheme[] = "iscsi://";
    struct span authority, target;
    const char *why;

    if (rest.len < sizeof scheme - 1 || memcmp(rest.at, scheme, sizeof scheme - 1) != 0)
        return "it does not begin with iscsi://";
    rest.at += sizeof scheme - 1;
    rest.len -= sizeof scheme - 1;
    if (!cut(&rest, '/', &authority))
        return "the target name is missing";
    if ((why = take_authority(url, authority)) != NULL)
        return why;
    bool has_lun = cut(&rest, '/', &target);
    if (!has_lun)
        target = rest;
    if ((why = take_target(url, target)) != NULL)
        return why;
    if (has_lun && rest.len > 0)
        return take_lun(url, rest) ? NULL : "the LUN is not a number from 0 to 16383";
    return lun_optional ? NULL : "the LUN is missing: add /0 or whichever you want";
}

int url_parse(struct url *url, const char *text, bool lun_optional, const char **why)
{
    memset(url, 0, sizeof *url);
    *why = parse(url, (struct span){text, strlen(text)}, lun_optional);
    return *why ? BERTH_E_URL : BERTH_OK;
}
