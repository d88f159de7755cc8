/* SPDX-License-Identifier: MIT */
/* Sizes as people write them: 1G. */
#include <errno.h>
#include <stdlib.h>
#include "lu/lu.h"

/* How far left a unit moves a number; -1 for what is no unit. */
static int unit_shift(const char *unit)
{
    if (!*unit)
        return 0;
    if (unit[1])
        return -1;
    switch (*unit) {
    case 'k':
    case 'K':
        return 10;
    case 'm':
    case 'M':
        return 20;
    case 'g':
    case 'G':
        return 30;
    case 't':
    case 'T':
        return 40;
    default:
        return -1;
    }
}

static bool parse(const char *text, uint64_t *size)
{
    char *unit;
    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    unsigned long long number = strtoull(text, &unit, 10);
    int shift = unit_shift(unit);
    if (errno || shift < 0 || number == 0 || number > (unsigned long long)INT64_MAX >> shift)
        return false;
    *size = (uint64_t)number << shift;
    return true;
}

int lu_read_size(const char *text, uint64_t *size, const struct lu_reason *why)
{
    if (parse(text, size))
        return 0;
    return lu_refuse(
        why, "'%s' is no size: write a number above 0, with K, M, G or T if you like, as in ram:1G", text);
}
