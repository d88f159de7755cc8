/* SPDX-License-Identifier: MIT */
#include "wire/text.h"

#define DIGITS_MAX 20u /* of a 64-bit number */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* The characters of a standard-label, and '#', which X#NodeArchitecture has (13.26). */
static bool is_key_char(char c)
{
    return is_letter(c) || is_digit(c) || (c != '\0' && strchr(".-+@_#", c));
}

/* 6.1 asks for a capital letter in front, which iSCSIProtocolLevel has not: any letter will do. */
static bool key_valid(struct span key)
{
    if (key.len == 0 || key.len > TEXT_KEY_MAX || !is_letter(key.at[0]))
        return false;
    for (size_t i = 1; i < key.len; i++)
        if (!is_key_char(key.at[i]))
            return false;
    return true;
}

static enum text_next bad(struct reader *r)
{
    r->ok = false;
    return TEXT_BAD;
}

enum text_next text_next(struct reader *r, struct span *key, struct span *value)
{
    while (r->ok && r->at < r->end && *r->at == 0)
        r->at++;
    if (!r->ok || r->at == r->end)
        return r->ok ? TEXT_END : TEXT_BAD;

    const uint8_t *start = r->at;
    const uint8_t *end = memchr(start, 0, reader_left(r));
    const uint8_t *equal = end ? memchr(start, '=', (size_t)(end - start)) : NULL;
    if (!equal)
        return bad(r);
    *key = (struct span){(const char *)start, (size_t)(equal - start)};
    *value = (struct span){(const char *)equal + 1, (size_t)(end - equal - 1)};
    if (!key_valid(*key))
        return bad(r);
    r->at = end + 1;
    return TEXT_PAIR;
}

void text_put_span(struct writer *w, struct span key, const char *value)
{
    size_t len = strlen(value);
    uint8_t *p = write_room(w, key.len + len + 2); /* all or nothing: no half pair is left behind */
    if (!p)
        return;
    memcpy(p, key.at, key.len);
    p[key.len] = '=';
    memcpy(p + key.len + 1, value, len + 1);
}

void text_put(struct writer *w, const char *key, const char *value)
{
    text_put_span(w, (struct span){key, strlen(key)}, value);
}

/* Writes the digits at the end of `out` and returns the first one. */
static const char *digits(uint64_t value, char out[DIGITS_MAX + 1])
{
    char *p = out + DIGITS_MAX;
    *p = '\0';
    do {
        *--p = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    return p;
}

void write_number(struct writer *w, uint64_t value)
{
    char out[DIGITS_MAX + 1];
    write_str(w, digits(value, out));
}

void text_put_number(struct writer *w, const char *key, uint64_t value)
{
    char out[DIGITS_MAX + 1];
    text_put(w, key, digits(value, out));
}

bool span_is(struct span s, const char *text)
{
    return s.len == strlen(text) && memcmp(s.at, text, s.len) == 0;
}

bool span_item(struct span *list, struct span *item)
{
    if (!list->at)
        return false;
    const char *comma = memchr(list->at, ',', list->len);
    *item = (struct span){list->at, comma ? (size_t)(comma - list->at) : list->len};
    *list = comma ? (struct span){comma + 1, list->len - item->len - 1} : (struct span){NULL, 0};
    return true;
}

static int hex_digit(char c)
{
    if (is_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Cuts "0x" or "0b" (either case) off; false if it is not there or nothing follows. */
static bool cut_prefix(struct span *s, char letter)
{
    if (s->len < 3 || s->at[0] != '0' || (s->at[1] | 0x20) != letter)
        return false;
    s->at += 2;
    s->len -= 2;
    return true;
}

static bool hex_number(struct span s, uint64_t *value)
{
    uint64_t v = 0;
    for (size_t i = 0; i < s.len; i++) {
        int digit = hex_digit(s.at[i]);
        if (digit < 0 || v > UINT64_MAX >> 4)
            return false;
        v = v << 4 | (unsigned)digit;
    }
    *value = v;
    return true;
}

static bool decimal_number(struct span s, uint64_t *value)
{
    uint64_t v = 0;
    if (s.len == 0 || (s.len > 1 && s.at[0] == '0'))
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (!is_digit(s.at[i]))
            return false;
        uint64_t digit = (uint64_t)(s.at[i] - '0');
        if (v > (UINT64_MAX - digit) / 10)
            return false;
        v = v * 10 + digit;
    }
    *value = v;
    return true;
}

bool span_number(struct span s, uint64_t *value)
{
    return cut_prefix(&s, 'x') ? hex_number(s, value) : decimal_number(s, value);
}

bool span_copy(struct span s, char *to, size_t size)
{
    if (size == 0)
        return false;
    to[0] = '\0';
    if (s.len >= size || (s.len > 0 && memchr(s.at, 0, s.len)))
        return false;
    if (s.len > 0)
        memcpy(to, s.at, s.len);
    to[s.len] = '\0';
    return true;
}

/* An odd number of digits is one of whole bytes with a zero in front (6.1: n digits are (n + 1) / 2 bytes).
 */
static long hex_bytes(struct span s, uint8_t *to, size_t max)
{
    size_t len = (s.len + 1) / 2, missing = s.len % 2;
    if (len > max)
        return -1;
    for (size_t i = 0; i < len; i++) {
        int high = i == 0 && missing ? 0 : hex_digit(s.at[2 * i - missing]);
        int low = hex_digit(s.at[2 * i + 1 - missing]);
        if (high < 0 || low < 0)
            return -1;
        to[i] = (uint8_t)(high << 4 | low);
    }
    return (long)len;
}

static int base64_digit(char c)
{
    if (is_letter(c))
        return c >= 'a' ? c - 'a' + 26 : c - 'A';
    if (is_digit(c))
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Decodes `count` digits (2 to 4) into count - 1 bytes; bits that no byte takes must be zero (RFC 4648 3.5),
 * so that one value has one spelling. */
static bool base64_group(const char *at, size_t count, uint8_t *to)
{
    uint32_t bits = 0;
    for (size_t i = 0; i < 4; i++) {
        int digit = i < count ? base64_digit(at[i]) : 0;
        if (digit < 0)
            return false;
        bits = bits << 6 | (unsigned)digit;
    }
    uint8_t bytes[3] = {(uint8_t)(bits >> 16), (uint8_t)(bits >> 8), (uint8_t)bits};
    memcpy(to, bytes, count - 1);
    return count == 4 || bytes[count - 1] == 0;
}

static long base64_bytes(struct span s, uint8_t *to, size_t max)
{
    if (s.len % 4 != 0)
        return -1;
    size_t padding = s.at[s.len - 1] != '=' ? 0 : s.at[s.len - 2] != '=' ? 1 : 2;
    size_t count = s.len - padding, len = s.len / 4 * 3 - padding;
    if (len > max)
        return -1;
    for (size_t i = 0, out = 0; i < count; i += 4, out += 3)
        if (!base64_group(s.at + i, count - i < 4 ? count - i : 4, to + out))
            return -1;
    return (long)len;
}

long span_binary(struct span s, uint8_t *to, size_t max)
{
    if (cut_prefix(&s, 'x'))
        return hex_bytes(s, to, max);
    return cut_prefix(&s, 'b') ? base64_bytes(s, to, max) : -1;
}

void text_put_hex(struct writer *w, const char *key, const uint8_t *bytes, size_t len)
{
    static const char hex[] = "0123456789abcdef";
    size_t key_len = strlen(key);
    uint8_t *p = write_room(w, key_len + 2 * len + 4);
    if (!p)
        return;
    memcpy(p, key, key_len);
    memcpy(p += key_len, "=0x", 3);
    p += 3;
    for (size_t i = 0; i < len; i++) {
        *p++ = (uint8_t)hex[bytes[i] >> 4];
        *p++ = (uint8_t)hex[bytes[i] & 15];
    }
    *p = 0;
}
