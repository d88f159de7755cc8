/* SPDX-License-Identifier: MIT */
/* A command with places: how an initiator that is to be checked is started. "{lba}" in a word is a place and
 * becomes its value; words in brackets, as "[--user {user}]", are there only if all their places have one. */
#ifndef CHECK_TEMPLATE_H
#define CHECK_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TEMPLATE_WORDS_MAX 64u
#define TEMPLATE_TEXT_MAX  8192u /* bytes of all words, each with its NUL */
#define TEMPLATE_PLACE_MAX 32u   /* bytes of a place's name */

struct template
{
    const char *words[TEMPLATE_WORDS_MAX];
    uint32_t count;
    char memory[TEMPLATE_TEXT_MAX];
    size_t used;
};

struct place {
    const char *name;
    const char *value; /* NULL: it has none this time */
};

/* Words as a list, or in one text: divided by blanks, kept together by single or double quotes. The places
 * are those of `names`, which ends with NULL. False and one sentence in `why` if that is no command. */
bool template_take(struct template *t, char *const words[], uint32_t count, const char *const names[],
                   char *why, size_t why_size);
bool template_split(struct template *t, const char *text, const char *const names[], char *why,
                    size_t why_size);

/* Is there such a place in it? */
bool template_has(const struct template *t, const char *name);

/* A command as it is run. */
struct command_line {
    char *argv[TEMPLATE_WORDS_MAX + 1];
    char memory[2 * TEMPLATE_TEXT_MAX];
    size_t used;
};

/* Fills the places. `places` ends with a name of NULL. False: it becomes too long. */
bool template_fill(const struct template *t, const struct place *places, struct command_line *line);

#endif
