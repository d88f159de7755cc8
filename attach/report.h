/* SPDX-License-Identifier: MIT */
/* What is told, once, to whoever started an attachment and waits for it: it can be used, or will never be. To
 * `berth attach` as a line of JSON through a pipe; of one in the foreground, to standard output and error. */
#ifndef ATTACH_REPORT_H
#define ATTACH_REPORT_H

#include "attach/settings.h"

#define REPORT_MAX 8192u /* bytes of a line */

/* Both close the descriptor that the settings name, if it is a pipe of `berth attach`, and do nothing if none
 * is. In the foreground a failure is the program's own to tell. */
void report_ready(const struct settings *s, const char *name, const char *kind, const char *path);
void report_failed(const struct settings *s, const char *name, int error, const char *sentence);

#endif
