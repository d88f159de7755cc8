/* SPDX-License-Identifier: MIT */
/* CHAP secrets: from a file, an open descriptor or the terminal; never from the command line or environment.
 */
#ifndef CLI_SECRET_H
#define CLI_SECRET_H

#include "attach/secret.h"

/* Reads `whose` secret from `file` ("-": standard input), or from the terminal if `file` is NULL. Without
 * `weak`, fewer than SECRET_MIN bytes are refused. Returns enum exit_status after it said what is wrong. */
int secret_load(struct secret *s, const char *file, const char *whose, bool weak);

#endif
