/* SPDX-License-Identifier: MIT */
/* What a peer sends as text may be any bytes: this tells the harmless ones. */
#ifndef ATTACH_UTF8_H
#define ATTACH_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Length of the well-formed UTF-8 character that the NUL-terminated `s` begins with; 0 if it begins with
 * none. */
size_t utf8_len(const char *s);

/* Copies `s` into `out`, with '?' for every control character and stray byte, cut to fit. Returns `out`. */
char *utf8_plain(char *out, size_t size, const char *s);

#endif
