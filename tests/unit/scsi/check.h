/* SPDX-License-Identifier: MIT */
/* What every test of this floor needs: cmocka, and answers cut short at each byte. */
#ifndef TEST_SCSI_CHECK_H
#define TEST_SCSI_CHECK_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Calls `read` with every prefix of `bytes`, each in memory of exactly its length, so that the address
 * sanitizer sees one byte too far. */
static inline void each_prefix(const uint8_t *bytes, size_t len, void (*read)(const uint8_t *, size_t))
{
    for (size_t n = 0; n <= len; n++) {
        uint8_t *copy = malloc(n ? n : 1);
        assert_non_null(copy);
        memcpy(copy, bytes, n);
        read(copy + (n ? 0 : 1), n);
        free(copy);
    }
}

/* The same over hostile bytes: all ones, and noise from a fixed seed. */
static inline void each_hostile(size_t len, void (*read)(const uint8_t *, size_t))
{
    uint8_t bytes[512];
    uint32_t seed = 1;

    assert_true(len <= sizeof bytes);
    memset(bytes, 0xff, len);
    each_prefix(bytes, len, read);
    for (int round = 0; round < 50; round++) {
        for (size_t i = 0; i < len; i++) {
            seed = seed * 1664525 + 1013904223;
            bytes[i] = (uint8_t)(seed >> 24);
        }
        each_prefix(bytes, len, read);
    }
}

#endif
