/* SPDX-License-Identifier: MIT */
#ifndef SERVE_CONFINE_H
#define SERVE_CONFINE_H

#include "serve/target.h"

/* Once all is open: run-as, and the filter of system calls. For the whole process and for good. */
int confine(const struct serve_config *c, const struct reason *why);

/* calls.c: leaves only the system calls that the target, its threads and its libraries make. Does nothing
 * where it was built without libseccomp, or with a sanitizer, which makes calls of its own. */
int confine_calls(const struct reason *why);
/* Is there such a filter in this build? */
extern const bool confine_filters;

#endif
