/* SPDX-License-Identifier: MIT */
/* A line of a script as words: separated by blanks, in double quotes where a word has blanks of its own, and
 * up to a '#' that begins a word. */
#ifndef SCRIPT_WORDS_H
#define SCRIPT_WORDS_H

#include <stddef.h>
#include <stdint.h>

#define WORDS_MAX      128u
#define WORDS_LINE_MAX 4096u

struct words {
    const char *at[WORDS_MAX + 1]; /* a NULL ends them */
    uint32_t count;
    char text[WORDS_LINE_MAX];
};

/* NULL, or what is wrong with the line, as the end of a sentence. */
const char *words_cut(struct words *w, const char *line, size_t len);

#endif
