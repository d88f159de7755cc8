/* SPDX-License-Identifier: MIT */
#include "attach/inifile.h"
#include <ini.h>
#include <stdlib.h>
#include <string.h>

#define LINE_ENDS 3 /* CR, LF and NUL */

int inifile_vfail(struct inifile *f, uint32_t line, const char *format, va_list args)
{
    if (f->failed)
        return 0;
    f->failed = line;
    int len = snprintf(f->why, f->why_size, "%s:%u: ", f->name, line);
    if (len >= 0 && (size_t)len < f->why_size)
        vsnprintf(f->why + len, f->why_size - (size_t)len, format, args);
    return 0;
}

int inifile_fail(struct inifile *f, uint32_t line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    inifile_vfail(f, line, format, args);
    va_end(args);
    return 0;
}

/* Without indentation, which would mean something to inih, and the mark that some editors begin with. */
static const char *first_byte(const struct inifile *f)
{
    const char *line = f->text;
    if (f->line == 1 && strncmp(line, "\xef\xbb\xbf", 3) == 0)
        line += 3;
    return line + strspn(line, " \t");
}

/* As fgets(), for inih: one whole line. */
static char *next_line(char *out, int size, void *file)
{
    struct inifile *f = file;
    ssize_t len = f->failed ? -1 : getline(&f->text, &f->text_size, f->file);
    if (len < 0)
        return NULL;
    f->line++;
    const char *line = first_byte(f);
    if (memchr(f->text, '\0', (size_t)len))
        inifile_fail(f, f->line, "the line holds a byte 0; this is no text file");
    else if (strlen(line) >= (size_t)size - 1)
        inifile_fail(f, f->line, "the line is longer than %d bytes; shorten it", size - LINE_ENDS);
    else if (f->look)
        f->look(f->arg, line);
    if (f->failed)
        return NULL;
    memcpy(out, line, strlen(line) + 1);
    return out;
}

static int take_pair(void *file, const char *section, const char *key, const char *value)
{
    struct inifile *f = file;
    return f->failed ? 0 : f->pair(f->arg, section, key, value);
}

/* Where inih lets a program choose (Debian's does), lines may be long; elsewhere they have 200 bytes. */
static void allow_long_lines(uint32_t bytes)
{
#ifdef HAVE_INI_MAX_LINE
    ini_use_stack = false;
    ini_max_line = ini_initial_alloc = (int)bytes + LINE_ENDS;
#else
    (void)bytes;
#endif
}

/* inih goes on behind a line that it cannot cut, and tells of it in the end: it may be the first mistake. */
static void look_back(struct inifile *f, int first)
{
    if (first <= 0 || (f->failed && (uint32_t)first >= f->failed))
        return;
    f->failed = 0;
    inifile_fail(f, (uint32_t)first, "this is neither [%s] nor KEY = VALUE; begin comments with #",
                 f->section);
}

int inifile_read(struct inifile *f)
{
    f->line = f->failed = 0;
    f->text = NULL;
    f->text_size = 0;
    allow_long_lines(f->line_max);
    int first = ini_parse_stream(next_line, f, take_pair, f);
    look_back(f, first);
    free(f->text);
    f->text = NULL;
    return first < 0 || ferror(f->file) ? -1 : 0;
}
