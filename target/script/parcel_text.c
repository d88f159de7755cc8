/* SPDX-License-Identifier: MIT */
/* Changing the keys of a text data segment (RFC 7143 6.1). What is no pair stays as it is. */
#include "script/parcel.h"
#include <string.h>

bool parcel_has_text(const struct parcel *p)
{
    return parcel_bit(p) & (OPCODE(WIRE_LOGIN_REQUEST) | OPCODE(WIRE_LOGIN_RESPONSE) |
                            OPCODE(WIRE_TEXT_REQUEST) | OPCODE(WIRE_TEXT_RESPONSE));
}

/* Where the item that begins at `at` ends, its NUL included if it has one. */
static uint32_t item_end(const struct parcel *p, uint32_t at)
{
    const uint8_t *nul = memchr(p->data + at, 0, p->data_len - at);
    return nul ? (uint32_t)(nul - p->data) + 1 : p->data_len;
}

static bool is_key(const struct parcel *p, uint32_t at, uint32_t end, struct span key)
{
    return end - at > key.len && memcmp(p->data + at, key.at, key.len) == 0 && p->data[at + key.len] == '=';
}

/* The first item with this key; false: there is none. */
static bool find(const struct parcel *p, struct span key, uint32_t *begin, uint32_t *end)
{
    for (*begin = 0; *begin < p->data_len; *begin = *end) {
        *end = item_end(p, *begin);
        if (is_key(p, *begin, *end, key))
            return true;
    }
    return false;
}

bool parcel_text_find(const struct parcel *p, struct span key, struct span *value)
{
    uint32_t begin, end;
    if (!find(p, key, &begin, &end))
        return false;
    uint32_t from = begin + (uint32_t)key.len + 1;
    bool closed = p->data[end - 1] == 0;
    *value = (struct span){(const char *)p->data + from, end - from - closed};
    return true;
}

/* Bytes [begin, end) become `len` others. */
static bool replace(struct parcel *p, uint32_t begin, uint32_t end, const void *with, uint32_t len)
{
    uint32_t old = p->data_len, rest = old - end, now = begin + len + rest;
    if (now > PARCEL_TEXT_MAX || !parcel_resize(p, now > old ? now : old))
        return false;
    if (rest)
        memmove(p->data + begin + len, p->data + end, rest);
    if (len)
        memcpy(p->data + begin, with, len);
    return parcel_resize(p, now);
}

/* "key=value\0" */
static bool put_item(struct parcel *p, uint32_t begin, uint32_t end, struct span key, const char *value)
{
    uint8_t item[8192];
    struct writer w = writer_over(item, sizeof item);
    text_put_span(&w, key, value);
    return w.ok && replace(p, begin, end, item, (uint32_t)writer_len(&w));
}

bool parcel_text_add(struct parcel *p, struct span key, const char *value)
{
    return put_item(p, p->data_len, p->data_len, key, value);
}

bool parcel_text_replace(struct parcel *p, struct span key, const char *value)
{
    uint32_t begin, end;
    return find(p, key, &begin, &end) ? put_item(p, begin, end, key, value) : parcel_text_add(p, key, value);
}

bool parcel_text_remove(struct parcel *p, struct span key)
{
    uint32_t begin, end;
    while (find(p, key, &begin, &end))
        if (!replace(p, begin, end, NULL, 0))
            return false;
    return true;
}

/* Four bytes each: as many as a segment can hold. */
bool parcel_text_fill(struct parcel *p, uint64_t keys)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    uint32_t at = p->data_len;
    if (at + keys * 4 > PARCEL_TEXT_MAX || !parcel_resize(p, at + (uint32_t)keys * 4))
        return false;
    for (uint64_t i = 0; i < keys; i++, at += 4) {
        p->data[at] = (uint8_t)letters[i / 52 % 52];
        p->data[at + 1] = (uint8_t)letters[i % 52];
        p->data[at + 2] = '=';
    }
    return true;
}
