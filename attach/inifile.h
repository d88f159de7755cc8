/* SPDX-License-Identifier: MIT */
/* Reading an INI file, of attachments or of the target. inih cuts it into sections, keys and values; what
 * inih does not tell is found here: numbers of lines, lines that are no text or too long, and the first
 * mistake of all, with a sentence. */
#ifndef ATTACH_INIFILE_H
#define ATTACH_INIFILE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct inifile {
    FILE *file;
    const char *name;    /* of the file; this and the next for sentences */
    const char *section; /* what stands in a header: "SECTION" */
    uint32_t line_max;   /* bytes of a line, where inih lets a program choose */
    /* Sees each line before inih does, without indentation. NULL: nobody wants to. */
    void (*look)(void *arg, const char *line);
    /* As inih has it, until something has failed. 0: it just has. */
    int (*pair)(void *arg, const char *section, const char *key, const char *value);
    void *arg;
    char *why; /* the sentence about what has failed */
    size_t why_size;

    uint32_t line;   /* the one at hand, from 1 */
    uint32_t failed; /* the line that is wrong; 0: none yet */
    char *text;      /* of getline() */
    size_t text_size;
};

/* Reads it all, or until something has failed. -1: it cannot be read, or there is no memory. */
int inifile_read(struct inifile *f);

/* "NAME:LINE: ..." if it is the first mistake. Returns 0, for pair(). */
__attribute__((format(printf, 3, 4))) int inifile_fail(struct inifile *f, uint32_t line, const char *format,
                                                       ...);
__attribute__((format(printf, 3, 0))) int inifile_vfail(struct inifile *f, uint32_t line, const char *format,
                                                        va_list args);

#endif
