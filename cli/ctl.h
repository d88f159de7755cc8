/* SPDX-License-Identifier: MIT */
/* A conversation with a target through its control socket. */
#ifndef CLI_CTL_H
#define CLI_CTL_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* What `berth serve` says first; the number is that of the form of all else (target/serve/control.h). */
#define CTL_GREETING "berth-serve-control 1"
#define CTL_DEFAULT  "serve" /* the name that serve-ctl takes where none is given */

/* A path as it is, or for a name without a slash, its place in the folder for such sockets: that of the user
 * who runs us, or the system's. Makes the folder if `make`. Returns `out`; NULL with errno. */
const char *ctl_path(const char *name, bool make, char out[PATH_MAX]);

#define CTL_TIMEOUT_MS 60000u /* stores that are far away take their time to open */

/* Connects and reads the greeting. Each word of the target is waited for so long; 0: CTL_TIMEOUT_MS. Returns
 * enum exit_status after it said what is wrong. */
int ctl_open(FILE **ctl, const char *path, uint32_t timeout_ms);

/* Asks, and prints the answer as text or as one JSON object. Returns enum exit_status after it said what is
 * wrong.
 */
int ctl_ask(FILE *ctl, char *const *words, int count, bool json);

#endif
