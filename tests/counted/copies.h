/* SPDX-License-Identifier: MIT */
/* Counts the bytes that a process copies: copies.c stands in for memcpy() and memmove(), for everything in
 * the process. What the compiler unrolls, some bytes of known length, is not seen, and neither is what the
 * kernel copies. */
#ifndef COUNTED_COPIES_H
#define COUNTED_COPIES_H

#include <stdint.h>

uint64_t copies_bytes(void); /* since the process began */

#endif
