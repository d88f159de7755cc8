/* SPDX-License-Identifier: MIT */
#include "script/words.h"
#include <stdbool.h>
#include <string.h>

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Moves one word, which begins at `*from`, to `to`; quotes may stand anywhere in it. Returns its new end, or
 * NULL if a quote stays open. */
static char *take_word(const char **from, const char *end, char *to)
{
    bool quoted = false;
    for (; *from < end && (quoted || !blank(**from)); ++*from) {
        if (**from == '"')
            quoted = !quoted;
        else
            *to++ = **from;
    }
    return quoted ? NULL : to;
}

const char *words_cut(struct words *w, const char *line, size_t len)
{
    const char *at = line, *end = line + len;
    char *to = w->text;
    w->count = 0;
    w->at[0] = NULL;
    if (len >= WORDS_LINE_MAX)
        return "the line is longer than 4095 bytes; make two rules of it";
    if (memchr(line, 0, len))
        return "a NUL byte has no place in a script; remove it";
    for (;;) {
        while (at < end && blank(*at))
            at++;
        if (at == end || *at == '#')
            return NULL;
        if (w->count == WORDS_MAX)
            return "the line has more than 128 words; make two rules of it";
        w->at[w->count++] = to;
        w->at[w->count] = NULL;
        to = take_word(&at, end, to);
        if (!to)
            return "a quote is not closed; end it with \"";
        *to++ = 0;
    }
}
