/* SPDX-License-Identifier: MIT */
#include "initiator/allowance.h"

#include <netinet/in.h>
#include <string.h>
#include <strings.h>

static uint8_t address_bits(sa_family_t family)
{
    return family == AF_INET ? 32 : 128;
}

static bool address_bytes(const struct sockaddr_storage *sa, uint8_t *out)
{
    const struct sockaddr_in *v4 = (const void *)sa;
    const struct sockaddr_in6 *v6 = (const void *)sa;
    if (sa->ss_family == AF_INET)
        memcpy(out, &v4->sin_addr, 4);
    else if (sa->ss_family == AF_INET6)
        memcpy(out, &v6->sin6_addr, 16);
    else
        return false;
    return true;
}

/* --- the list --- */

static bool take_bits(struct allowance_row *row, struct span text)
{
    uint64_t bits;
    row->bits = address_bits(row->family);
    if (!text.at)
        return true;
    if (!span_number(text, &bits) || bits > row->bits)
        return false;
    row->bits = (uint8_t)bits;
    return true;
}

/* A word of its own, which in a list would be taken for a host. */
static bool is_word(const char *text)
{
    return strcasecmp(text, "follow") == 0 || strcasecmp(text, "none") == 0;
}

static bool is_name(const char *text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_",
                      digits[] = "0123456789.";
    for (const char *c = text; *c; c++)
        if (!strchr(letters, *c) && !strchr(digits, *c))
            return false;
    return text[strspn(text, digits)] != 0;
}

/* Cuts "/BITS" off; `bits` stays without a beginning where there are none. */
static void cut_bits(struct span *item, struct span *bits)
{
    const char *slash = item->len ? memchr(item->at, '/', item->len) : NULL;
    if (!slash)
        return;
    *bits = (struct span){slash + 1, item->len - (size_t)(slash + 1 - item->at)};
    item->len = (size_t)(slash - item->at);
}

/* An address or network, or else the name of a host. */
static bool fill_row(struct allowance_row *row, struct span item)
{
    struct sockaddr_storage sa;
    socklen_t len;
    struct span bits = {NULL, 0};
    cut_bits(&item, &bits);
    if (item.len == 0 || !span_copy(item, row->name, sizeof row->name))
        return false;
    if (!host_address(row->name, &sa, &len))
        return !bits.at && is_name(row->name) && !is_word(row->name);
    row->name[0] = 0;
    row->family = sa.ss_family;
    return address_bytes(&sa, row->network) && take_bits(row, bits);
}

static bool take_row(struct allowance *a, struct span item)
{
    return a->count < ALLOWANCE_MAX && fill_row(&a->rows[a->count++], item);
}

static bool take_list(struct allowance *a, const char *text)
{
    for (;;) {
        size_t len = strcspn(text, ",");
        if (!take_row(a, (struct span){text, len}))
            return false;
        if (!text[len])
            return true;
        text += len + 1;
    }
}

const char *allowance_parse(struct allowance *a, const char *text)
{
    memset(a, 0, sizeof *a);
    a->everywhere = !text || strcmp(text, "follow") == 0;
    if (a->everywhere || strcmp(text, "none") == 0 || take_list(a, text))
        return NULL;
    return "redirects go to \"follow\", \"none\", or a list of at most 32 hosts, addresses and networks "
           "such as 192.0.2.0/24";
}

/* --- what it says --- */

bool allowance_names(const struct allowance *a, const char *host)
{
    for (uint32_t i = 0; i < a->count; i++)
        if (a->rows[i].name[0] && strcasecmp(a->rows[i].name, host) == 0)
            return true;
    return a->everywhere;
}

static bool same_bits(const uint8_t *a, const uint8_t *b, uint32_t bits)
{
    uint32_t whole = bits / 8, rest = bits % 8;
    return memcmp(a, b, whole) == 0 && (rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0);
}

static bool inside(const struct allowance_row *row, const struct sockaddr_storage *sa)
{
    uint8_t bytes[16];
    return !row->name[0] && row->family == sa->ss_family && address_bytes(sa, bytes) &&
           same_bits(bytes, row->network, row->bits);
}

static bool allowed(const struct allowance *a, const struct sockaddr_storage *sa)
{
    for (uint32_t i = 0; i < a->count; i++)
        if (inside(&a->rows[i], sa))
            return true;
    return a->everywhere;
}

void allowance_filter(const struct allowance *a, struct resolved *found)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < found->count; i++) {
        if (!allowed(a, &found->sa[i]))
            continue;
        found->sa[kept] = found->sa[i];
        found->len[kept++] = found->len[i];
    }
    found->count = kept;
}

void allowance_copy(struct allowance *to, const struct allowance *from)
{
    to->everywhere = from->everywhere;
    to->count = from->count;
    memcpy(to->rows, from->rows, from->count * sizeof from->rows[0]);
}
