/* SPDX-License-Identifier: MIT */
#include "script/units.h"
#include <string.h>

#define WORD_MAX 64u

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return 16;
}

/* Digits from `*at` on; false if there is none or the number does not fit. */
static bool digits(const char **at, uint64_t base, uint64_t *value)
{
    const char *begin = *at;
    for (*value = 0; (uint64_t)digit_of(**at) < base; ++*at) {
        uint64_t digit = (uint64_t)digit_of(**at);
        if (*value > (UINT64_MAX - digit) / base)
            return false;
        *value = *value * base + digit;
    }
    return *at > begin;
}

static bool hexadecimal(const char *word)
{
    return word[0] == '0' && (word[1] == 'x' || word[1] == 'X');
}

bool units_number(const char *word, uint64_t *value)
{
    bool hex = hexadecimal(word);
    const char *at = hex ? word + 2 : word;
    return digits(&at, hex ? 16 : 10, value) && *at == 0;
}

struct unit {
    const char *name;
    uint64_t factor;
};

static bool scaled(const char *word, const struct unit *units, uint64_t *value)
{
    const char *at = word;
    if (!digits(&at, 10, value))
        return false;
    for (; units->name; units++)
        if (strcmp(at, units->name) == 0) {
            if (*value > UINT64_MAX / units->factor)
                return false;
            *value *= units->factor;
            return true;
        }
    return false;
}

bool units_size(const char *word, uint64_t *bytes)
{
    static const struct unit units[] = {
        {"", 1}, {"K", 1u << 10}, {"M", 1u << 20}, {"G", 1u << 30}, {NULL, 0}};
    return hexadecimal(word) ? units_number(word, bytes) : scaled(word, units, bytes);
}

bool units_time(const char *word, uint64_t *ns)
{
    static const struct unit units[] = {
        {"us", 1000}, {"ms", 1000000}, {"s", 1000000000}, {"m", 60000000000}, {NULL, 0}};
    return scaled(word, units, ns) && *ns <= UNITS_TIME_MAX;
}

/* The word before and behind `mark`; false if it has none. */
static bool divide(const char *word, const char *mark, char left[WORD_MAX], const char **right)
{
    const char *at = strstr(word, mark);
    size_t len = at ? (size_t)(at - word) : 0;
    if (!at || len >= WORD_MAX)
        return false;
    memcpy(left, word, len);
    left[len] = 0;
    *right = at + strlen(mark);
    return true;
}

static bool read_range(const char *word, bool open, bool (*read)(const char *, uint64_t *), struct range *r)
{
    char first[WORD_MAX];
    const char *last;
    if (!divide(word, "..", first, &last)) {
        bool ok = read(word, &r->first);
        r->last = r->first;
        return ok;
    }
    if (!read(first, &r->first))
        return false;
    r->last = UINT64_MAX;
    return (open && *last == 0) || (read(last, &r->last) && r->first <= r->last);
}

bool units_range(const char *word, struct range *r)
{
    return read_range(word, true, units_number, r);
}

bool units_time_range(const char *word, struct range *ns)
{
    return read_range(word, false, units_time, ns);
}

bool units_ratio(const char *word, uint64_t *part, uint64_t *whole)
{
    char left[WORD_MAX];
    const char *right;
    return divide(word, "/", left, &right) && units_number(left, part) && units_number(right, whole) &&
           *part > 0 && *part <= *whole;
}
