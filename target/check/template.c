/* SPDX-License-Identifier: MIT */
#include "check/template.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NAME_LETTERS "abcdefghijklmnopqrstuvwxyz_"

__attribute__((format(printf, 3, 4))) static bool refuse(char *why, size_t why_size, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(why, why_size, format, args);
    va_end(args);
    return false;
}

/* --- places --- */

/* The place at `at`: its name, and the length of all of it; 0: braces that are none. */
static size_t place_at(const char *at, char name[TEMPLATE_PLACE_MAX])
{
    size_t len = at[0] == '{' ? strspn(at + 1, NAME_LETTERS) : 0;
    if (len == 0 || len >= TEMPLATE_PLACE_MAX || at[len + 1] != '}')
        return 0;
    memcpy(name, at + 1, len);
    name[len] = '\0';
    return len + 2;
}

/* The first place from `*at` on; `*at` goes behind it. */
static bool next_place(const char **at, char name[TEMPLATE_PLACE_MAX])
{
    while ((*at = strchr(*at, '{')) != NULL) {
        size_t len = place_at(*at, name);
        *at += len ? len : 1;
        if (len)
            return true;
    }
    return false;
}

static bool known(const char *name, const char *const names[])
{
    for (; *names; names++)
        if (strcmp(*names, name) == 0)
            return true;
    return false;
}

/* The name of a place whose closing brace was forgotten, as it seems. Other braces are the command's own. */
static bool unclosed(const char *word, const char *const names[], char name[TEMPLATE_PLACE_MAX])
{
    for (; (word = strchr(word, '{')) != NULL; word++) {
        size_t len = strspn(word + 1, NAME_LETTERS);
        if (len == 0 || len >= TEMPLATE_PLACE_MAX || word[len + 1] == '}')
            continue;
        memcpy(name, word + 1, len);
        name[len] = '\0';
        if (known(name, names))
            return true;
    }
    return false;
}

static bool check_places(const char *word, const char *const names[], char *why, size_t why_size)
{
    char name[TEMPLATE_PLACE_MAX];
    if (unclosed(word, names, name))
        return refuse(why, why_size, "{%s is not closed: write {%s}", name, name);
    while (next_place(&word, name))
        if (!known(name, names))
            return refuse(why, why_size,
                          "there is no place {%s}; berth-check-initiator(1) lists those that there are",
                          name);
    return true;
}

bool template_has(const struct template *t, const char *name)
{
    char found[TEMPLATE_PLACE_MAX];
    for (uint32_t i = 0; i < t->count; i++)
        for (const char *at = t->words[i]; next_place(&at, found);)
            if (strcmp(found, name) == 0)
                return true;
    return false;
}

/* --- brackets --- */

static bool opens(const char *word)
{
    return word[0] == '[';
}

static bool closes(const char *word)
{
    size_t len = strlen(word);
    return len > 0 && word[len - 1] == ']';
}

/* One behind the last word of the group that begins with word `first`; 0: it has no end. */
static uint32_t group_end(const struct template *t, uint32_t first)
{
    for (uint32_t i = first; i < t->count; i++)
        if (closes(t->words[i]))
            return i + 1;
    return 0;
}

static bool check_groups(const struct template *t, char *why, size_t why_size)
{
    for (uint32_t i = 0; i < t->count; i++) {
        if (!opens(t->words[i]))
            continue;
        uint32_t end = group_end(t, i);
        if (end == 0)
            return refuse(why, why_size, "the bracket before '%s' is not closed; end a later word with ]",
                          t->words[i] + 1);
        i = end - 1;
    }
    return true;
}

/* --- taking words --- */

static char *room_for(struct template *t, size_t len)
{
    if (t->count == TEMPLATE_WORDS_MAX || len >= sizeof t->memory - t->used)
        return NULL;
    char *word = t->memory + t->used;
    t->words[t->count++] = word;
    t->used += len + 1;
    return word;
}

static bool add(struct template *t, const char *word)
{
    char *room = room_for(t, strlen(word));
    if (room)
        memcpy(room, word, strlen(word) + 1);
    return room != NULL;
}

static bool finish(const struct template *t, const char *const names[], char *why, size_t why_size)
{
    if (t->count == 0)
        return refuse(why, why_size, "the command is empty; name a program");
    for (uint32_t i = 0; i < t->count; i++)
        if (!check_places(t->words[i], names, why, why_size))
            return false;
    return check_groups(t, why, why_size);
}

bool template_take(struct template *t, char *const words[], uint32_t count, const char *const names[],
                   char *why, size_t why_size)
{
    t->count = 0;
    t->used = 0;
    for (uint32_t i = 0; i < count; i++)
        if (!add(t, words[i]))
            return refuse(why, why_size, "the command is too long at '%s'; put it into a script", words[i]);
    return finish(t, names, why, why_size);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n';
}

/* The word at `*at`, without its quotes, into `out`, which is as large as all of the text. */
static bool read_word(const char **at, char *out)
{
    char quote = '\0';
    for (; **at && (quote || !is_blank(**at)); (*at)++) {
        if (quote ? **at == quote : **at == '"' || **at == '\'')
            quote = quote ? '\0' : **at;
        else
            *out++ = **at;
    }
    *out = '\0';
    return quote == '\0';
}

bool template_split(struct template *t, const char *text, const char *const names[], char *why,
                    size_t why_size)
{
    char word[TEMPLATE_TEXT_MAX];
    t->count = 0;
    t->used = 0;
    if (strlen(text) >= sizeof word)
        return refuse(why, why_size, "the command is too long; put it into a script");
    for (;;) {
        while (is_blank(*text))
            text++;
        if (!*text)
            return finish(t, names, why, why_size);
        if (!read_word(&text, word))
            return refuse(why, why_size, "a quote in '%s' is not closed; end it", word);
        if (!add(t, word))
            return refuse(why, why_size, "the command is too long at '%s'; put it into a script", word);
    }
}

/* --- filling --- */

static const char *value_of(const struct place *places, const char *name)
{
    for (; places->name; places++)
        if (strcmp(places->name, name) == 0)
            return places->value;
    return NULL;
}

static bool has_values(const struct template *t, uint32_t first, uint32_t end, const struct place *places)
{
    char name[TEMPLATE_PLACE_MAX];
    for (uint32_t i = first; i < end; i++)
        for (const char *at = t->words[i]; next_place(&at, name);)
            if (!value_of(places, name))
                return false;
    return true;
}

static bool put(struct command_line *line, const char *bytes, size_t len)
{
    if (len >= sizeof line->memory - line->used)
        return false;
    memcpy(line->memory + line->used, bytes, len);
    line->used += len;
    return true;
}

/* `len` bytes of a word, its places filled. */
static bool fill_word(struct command_line *line, const char *word, size_t len, const struct place *places)
{
    char name[TEMPLATE_PLACE_MAX];
    bool ok = true;
    while (len > 0 && ok) {
        size_t step = place_at(word, name);
        const char *value = step ? value_of(places, name) : NULL;
        if (value)
            ok = put(line, value, strlen(value));
        else if (!step)
            ok = put(line, word, 1);
        step = step ? step : 1;
        word += step;
        len -= step < len ? step : len;
    }
    return ok && put(line, "", 1);
}

/* A word without the brackets of its group. */
static bool fill(struct command_line *line, const char *word, bool first, bool last,
                 const struct place *places)
{
    return fill_word(line, word + first, strlen(word) - first - last, places);
}

bool template_fill(const struct template *t, const struct place *places, struct command_line *line)
{
    uint32_t count = 0, end = 0; /* of the group */
    line->used = 0;
    for (uint32_t i = 0; i < t->count; i++) {
        const char *word = t->words[i];
        bool first = i >= end && opens(word);
        if (first)
            end = group_end(t, i);
        if (first && !has_values(t, i, end, places)) {
            i = end - 1;
            continue;
        }
        line->argv[count++] = line->memory + line->used;
        if (!fill(line, word, first, i < end && i + 1 == end, places))
            return false;
    }
    line->argv[count] = NULL;
    return count > 0;
}
