/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "cli/say.h"
#include "attach/utf8.h"

static bool line_stands;
static const char *place = "";

__attribute__((format(printf, 1, 0))) static void say_args(const char *format, va_list args)
{
    char text[1024], plain[1024];
    size_t len = strlen(place) < sizeof text / 2 ? strlen(place) : 0;
    memcpy(text, place, len);
    vsnprintf(text + len, sizeof text - len, format, args);
    say_in_place(NULL);
    fprintf(stderr, "berth: %s\n", utf8_plain(plain, sizeof plain, text));
}

void say_place(const char *where)
{
    place = where;
}

void say(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say_args(format, args);
    va_end(args);
}

int fail(int status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say_args(format, args);
    va_end(args);
    return status;
}

int fail_error(int error, const struct berth_detail *detail, const char *subject)
{
    char sentence[1024];
    exit_sentence(sentence, sizeof sentence, error, detail, subject);
    return fail(exit_find(error)->status, "%s", sentence);
}

static void say_timed(const char *plain)
{
    char date[32];
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &utc);
    fprintf(stderr, "berth: %s.%03ldZ %s\n", date, now.tv_nsec / 1000000, plain);
}

void say_log(enum say_log form, int priority, const char *sentence)
{
    char plain[1024];
    utf8_plain(plain, sizeof plain, sentence);
    if (form == SAY_LOG_JOURNAL)
        fprintf(stderr, "<%d>%s\n", priority, plain);
    else if (form == SAY_LOG_TIMED)
        say_timed(plain);
    else
        say("%s", plain);
}

/* Words for what to do about the commonest errno values; the rest speak for themselves. */
const char *say_errno_next(int number)
{
    switch (number) {
    case ENOSPC:
    case EDQUOT:
        return "; free some space, then try again";
    case ENOENT:
        return "; check the path";
    case EACCES:
    case EPERM:
        return "; check its permissions";
    case EBUSY:
        return "; unmount it first";
    case EPIPE:
        return "; its reader is gone";
    default:
        return "";
    }
}

int fail_errno(const char *doing, const char *name)
{
    int number = errno;
    return fail(STATUS_SYSTEM, "cannot %s %s: %s%s", doing, name, strerror(number), say_errno_next(number));
}

void say_in_place(const char *line)
{
    if (line_stands)
        fputs("\r\033[K", stderr);
    if (line)
        fputs(line, stderr);
    line_stands = line != NULL;
    fflush(stderr);
}
