/* SPDX-License-Identifier: MIT */
/* Fixed-width ASCII fields of SCSI data: padded with spaces when written, trimmed and made printable when
 * read, since a peer's bytes may end on a terminal. */
#ifndef SCSI_ASCII_H
#define SCSI_ASCII_H

#include "base/cursor.h"

static inline bool ascii_blank(uint8_t c)
{
    return c == ' ' || c == 0;
}

static inline char ascii_printable(uint8_t c)
{
    return c >= 0x20 && c < 0x7f ? (char)c : '?';
}

/* A copy of `field` without blanks at both ends, cut to `size` - 1 characters, NUL-terminated. */
static inline void ascii_trim(const uint8_t *field, size_t len, char *out, size_t size)
{
    size_t n = 0;
    while (len > 0 && ascii_blank(field[len - 1]))
        len--;
    while (len > 0 && ascii_blank(*field))
        field++, len--;
    if (size == 0)
        return;
    for (; n < len && n < size - 1; n++)
        out[n] = ascii_printable(field[n]);
    out[n] = '\0';
}

/* The next `width` bytes of `r` as text; what a short answer still holds of them. */
static inline void read_ascii(struct reader *r, size_t width, char *out, size_t size)
{
    size_t left = reader_left(r), len = width < left ? width : left;
    ascii_trim(read_bytes(r, len), len, out, size);
}

static inline void write_ascii(struct writer *w, const char *text, size_t width)
{
    uint8_t *field = write_room(w, width);
    size_t len = strlen(text);
    if (!field)
        return;
    memset(field, ' ', width);
    memcpy(field, text, len < width ? len : width);
}

static inline void write_zeros(struct writer *w, size_t len)
{
    uint8_t *p = write_room(w, len);
    if (p)
        memset(p, 0, len);
}

/* Everything written so far, or 0 when it did not fit. */
static inline size_t writer_result(const struct writer *w)
{
    return w->ok ? writer_len(w) : 0;
}

#endif
