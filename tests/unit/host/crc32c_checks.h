/* SPDX-License-Identifier: MIT */
/* What every way of computing a CRC32C has to pass. Needs nothing but libc: run natively by crc32c_test.c,
 * and for other architectures by tests/cross/. */
#ifndef CRC32C_CHECKS_H
#define CRC32C_CHECKS_H

#include "host/crc32c_host.h"

/* NULL, or what went wrong, which stays true until the next call. */
const char *crc32c_check(const struct crc32c_way *way);

#endif
