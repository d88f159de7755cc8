/* SPDX-License-Identifier: MIT */
/* Tables of words: their rows begin with a name. What a script may say at a place is one of these. */
#ifndef SCRIPT_NAMES_H
#define SCRIPT_NAMES_H

#include <stddef.h>
#include <stdint.h>

struct names {
    const void *rows; /* each begins with `const char *name` */
    size_t stride;
    uint32_t count;
};

#define NAMES_OF(rows) ((struct names){(rows), sizeof(rows)[0], sizeof(rows) / sizeof(rows)[0]})

/* The row's index, or -1. */
int names_find(struct names n, const char *word);
/* "drop, hold or set" into `out`; a list that does not fit ends with "...". */
void names_list(struct names n, char *out, size_t size);

#endif
