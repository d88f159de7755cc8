/* SPDX-License-Identifier: MIT */
#include <stdint.h>
#include <string.h>
#include "attach/utf8.h"

/* RFC 3629 section 4, by first byte: length, and the range of the second byte, which shuts out overlong forms
 * and surrogates. The further bytes are 80..BF. */
static const struct {
    uint8_t first_min, first_max, len, second_min, second_max;
} forms[] = {
    {0x00, 0x7f, 1, 0x00, 0x00}, {0xc2, 0xdf, 2, 0x80, 0xbf}, {0xe0, 0xe0, 3, 0xa0, 0xbf},
    {0xe1, 0xec, 3, 0x80, 0xbf}, {0xed, 0xed, 3, 0x80, 0x9f}, {0xee, 0xef, 3, 0x80, 0xbf},
    {0xf0, 0xf0, 4, 0x90, 0xbf}, {0xf1, 0xf3, 4, 0x80, 0xbf}, {0xf4, 0xf4, 4, 0x80, 0x8f},
};

static bool follows(const unsigned char *s, size_t len)
{
    for (size_t i = 2; i < len; i++)
        if ((s[i] & 0xc0) != 0x80)
            return false;
    return true;
}

size_t utf8_len(const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (s[0] < forms[i].first_min || s[0] > forms[i].first_max)
            continue;
        if (forms[i].len == 1)
            return 1;
        if (s[1] < forms[i].second_min || s[1] > forms[i].second_max || !follows(s, forms[i].len))
            return 0;
        return forms[i].len;
    }
    return 0;
}

/* C0, DEL and C1 (C2 80..C2 9F) can move the cursor or change colours of a terminal. */
static bool control(const char *s, size_t len)
{
    const unsigned char *u = (const unsigned char *)s;
    return (len == 1 && (u[0] < 0x20 || u[0] == 0x7f)) || (len == 2 && u[0] == 0xc2 && u[1] < 0xa0);
}

char *utf8_plain(char *out, size_t size, const char *s)
{
    size_t used = 0;
    while (*s) {
        size_t len = utf8_len(s);
        bool bad = len == 0 || control(s, len);
        size_t put = bad ? 1 : len;
        if (put >= size - used)
            break;
        memcpy(out + used, bad ? "?" : s, put);
        used += put;
        s += len ? len : 1;
    }
    out[used] = '\0';
    return out;
}
