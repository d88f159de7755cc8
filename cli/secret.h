/* SPDX-License-Identifier: MIT */
/* CHAP secrets: from a file, an open descriptor or the terminal; never from the command line or environment.
 */
#ifndef CLI_SECRET_H
#define CLI_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SECRET_MIN 12u  /* 96 bits, RFC 7143 9.2.1 */
#define SECRET_MAX 255u /* bytes */

/* Its bytes lie in memory of their own, which core dumps leave out and swap does not get (within the host's
 * limits). */
struct secret {
    uint8_t *bytes; /* NULL: there is none */
    size_t len;
};

/* Reads `whose` secret from `file` ("-": standard input), or from the terminal if `file` is NULL. Without
 * `weak`, fewer than SECRET_MIN bytes are refused. Returns enum exit_status after it said what is wrong. */
int secret_load(struct secret *s, const char *file, const char *whose, bool weak);

/* Wipes it and gives its memory back. */
void secret_wipe(struct secret *s);

#endif
