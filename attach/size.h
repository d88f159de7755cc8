/* SPDX-License-Identifier: MIT */
/* Numbers as people write and read them. */
#ifndef ATTACH_SIZE_H
#define ATTACH_SIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "4096", "4k", "1M", "2GiB": K, M, G, T are powers of 1024. False unless all of `text` is such a number. */
bool size_parse(const char *text, uint64_t *bytes);

/* A decimal number min..max. */
bool size_count(const char *text, uint32_t min, uint32_t max, uint32_t *out);

/* "FIRST-LAST", or one number for both; decimal, min..max. */
bool size_range(const char *text, uint32_t min, uint32_t max, uint32_t *first, uint32_t *last);

/* A number of 32 bits, decimal or hexadecimal behind 0x. */
bool size_bits(const char *text, uint32_t *out);

/* "10", "0.5": seconds as milliseconds, 1 ms to a day. */
bool size_seconds(const char *text, uint32_t *ms);

struct size_text {
    char s[32];
};

struct size_text size_human(uint64_t bytes);    /* "1.5 GiB" */
struct size_text size_rate(double bytes_per_s); /* "312.4 MB/s", decimal like disks and networks count */
struct size_text size_clock(uint64_t seconds);  /* "1:02:03", "0:07" */

#endif
