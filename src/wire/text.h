/* SPDX-License-Identifier: MIT */
/* Text data segments: key=value pairs separated by NUL (RFC 7143 6.1, 6.2). Works on (pointer, length); a
 * missing final NUL is a format error, never a read past the end. */
#ifndef WIRE_TEXT_H
#define WIRE_TEXT_H

#include "base/cursor.h"

#define TEXT_KEY_MAX   63u    /* 6.1 */
#define TEXT_VALUE_MAX 255u   /* 6.1, unless the key's row says otherwise */
#define TEXT_PAIRS_MAX 256u   /* per negotiation: bounds work and replies against tiny unknown keys */
#define TEXT_TOTAL_MAX 65536u /* bytes one negotiation may span over PDUs with C=1 */

/* A piece of a text segment; not NUL terminated. */
struct span {
    const char *at;
    size_t len;
};

enum text_next { TEXT_PAIR, TEXT_END, TEXT_BAD };

/* Takes the next pair. Empty pairs (stray NULs at the end, as padding) are skipped. TEXT_BAD: no '=', an
 * illegal or too long key, no NUL at the end. */
enum text_next text_next(struct reader *r, struct span *key, struct span *value);

void text_put(struct writer *w, const char *key, const char *value); /* "key=value\0" */
void text_put_span(struct writer *w, struct span key, const char *value);
void text_put_number(struct writer *w, const char *key, uint64_t value); /* decimal */

void write_number(struct writer *w, uint64_t value); /* decimal digits alone */

bool span_is(struct span s, const char *text); /* equal, case-sensitive */

/* Cuts the next item off a comma-separated list; false when none is left. Empty items count, so that an empty
 * list has one. */
bool span_item(struct span *list, struct span *item);

/* Decimal or 0x hexadecimal constant (6.1 numerical-value); false on anything else or more than 64 bits. */
bool span_number(struct span s, uint64_t *value);

/* Copies into a NUL-terminated array; false (and "") if it does not fit or holds a NUL. */
bool span_copy(struct span s, char *to, size_t size);

/* Binary values (6.1): "0x" hex digits or "0b" base64 with its padding. Decodes at most `max` bytes, checking
 * the length before a byte is written; returns the count, or -1 if malformed or too long. */
long span_binary(struct span s, uint8_t *to, size_t max);

/* Writes "key=0x…\0". */
void text_put_hex(struct writer *w, const char *key, const uint8_t *bytes, size_t len);

#endif
