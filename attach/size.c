/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "attach/size.h"

#define SECONDS_MAX (24.0 * 60 * 60)

static const char letters[] = "KMGT";

/* strtoull alone would take "-1", "+1" and leading blanks. */
static bool number(const char *text, uint64_t *value, const char **end)
{
    char *stop;
    if (!isdigit((unsigned char)text[0]))
        return false;
    errno = 0;
    *value = strtoull(text, &stop, 10);
    *end = stop;
    return errno == 0;
}

/* Bits that the suffix shifts by; -1 if it is none. */
static int shift_of(const char *suffix)
{
    const char *letter;
    if (!suffix[0])
        return 0;
    letter = strchr(letters, toupper((unsigned char)suffix[0]));
    if (!letter)
        return -1;
    suffix++;
    if (suffix[0] == 'i' && suffix[1] == 'B')
        suffix += 2;
    return suffix[0] ? -1 : 10 * (int)(letter - letters + 1);
}

bool size_parse(const char *text, uint64_t *bytes)
{
    const char *end;
    uint64_t value;
    int shift;
    if (!number(text, &value, &end))
        return false;
    shift = shift_of(end);
    if (shift < 0 || value > UINT64_MAX >> shift)
        return false;
    *bytes = value << shift;
    return true;
}

bool size_count(const char *text, uint32_t min, uint32_t max, uint32_t *out)
{
    const char *end;
    uint64_t value;
    if (!number(text, &value, &end) || *end || value < min || value > max)
        return false;
    *out = (uint32_t)value;
    return true;
}

bool size_range(const char *text, uint32_t min, uint32_t max, uint32_t *first, uint32_t *last)
{
    const char *end;
    uint64_t value;
    if (!number(text, &value, &end) || value < min || value > max)
        return false;
    *first = *last = (uint32_t)value;
    return *end == '\0' || (*end == '-' && size_count(end + 1, *first, max, last));
}

bool size_bits(const char *text, uint32_t *out)
{
    const char *digits = text + 2;
    bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    if (!hex)
        return size_count(text, 0, UINT32_MAX, out);
    if (strlen(digits) < 1 || strlen(digits) > 8 || digits[strspn(digits, "0123456789abcdefABCDEF")])
        return false;
    *out = (uint32_t)strtoul(digits, NULL, 16);
    return true;
}

bool size_seconds(const char *text, uint32_t *ms)
{
    char *end;
    double value;
    if (strspn(text, "0123456789.") != strlen(text) || !isdigit((unsigned char)text[0]))
        return false;
    value = strtod(text, &end);
    if (*end || value < 0.001 || value > SECONDS_MAX)
        return false;
    *ms = (uint32_t)(value * 1000 + 0.5);
    return true;
}

struct size_text size_human(uint64_t bytes)
{
    struct size_text out;
    double value = (double)bytes;
    int unit = -1;
    while (value >= 1023.95 && letters[unit + 1]) {
        value /= 1024;
        unit++;
    }
    if (unit < 0)
        snprintf(out.s, sizeof out.s, "%" PRIu64 " bytes", bytes);
    else
        snprintf(out.s, sizeof out.s, "%.1f %ciB", value, letters[unit]);
    return out;
}

struct size_text size_rate(double bytes_per_s)
{
    struct size_text out;
    snprintf(out.s, sizeof out.s, "%.1f MB/s", bytes_per_s / 1e6);
    return out;
}

struct size_text size_clock(uint64_t seconds)
{
    struct size_text out;
    unsigned minutes = (unsigned)(seconds / 60 % 60), rest = (unsigned)(seconds % 60);
    if (seconds >= 3600)
        snprintf(out.s, sizeof out.s, "%" PRIu64 ":%02u:%02u", seconds / 3600, minutes, rest);
    else
        snprintf(out.s, sizeof out.s, "%u:%02u", minutes, rest);
    return out;
}
