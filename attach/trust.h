/* SPDX-License-Identifier: MIT */
/* Files that tell a process of root what to do: who else could have had a part in them. */
#ifndef ATTACH_TRUST_H
#define ATTACH_TRUST_H

#include <stdbool.h>
#include <stddef.h>

/* false: we are root, and others may write to the open file or own it; `why` is a sentence with the next
 * step. What is no plain file has been handed over by whoever started us. */
bool trust_file(int fd, const char *path, char *why, size_t why_size);

#endif
