/* SPDX-License-Identifier: MIT */
/* Bytes as hexadecimal digits, both ways. */
#ifndef CLI_HEX_H
#define CLI_HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Appends the bytes that `text` names to `out`, of which *len are in use and `size` there: pairs of digits,
 * with blanks or colons between them, or one digit standing alone. False if it is something else, or too
 * much. */
bool hex_read(const char *text, uint8_t *out, size_t *len, size_t size);

/* "70000500", NUL-terminated, and with "..." at its end if not all fit. Returns `out`. */
char *hex_text(char *out, size_t size, const void *bytes, size_t len);

/* Lines of sixteen: offset, bytes, and what of them is printable. */
void hex_dump(FILE *out, const void *bytes, size_t len);

#endif
