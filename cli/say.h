/* SPDX-License-Identifier: MIT */
/* What the command tells people, on standard error: one line, one sentence, "berth: " before it. */
#ifndef CLI_SAY_H
#define CLI_SAY_H

#include <berth/berth.h>
#include "attach/exit.h"

/* Says one sentence. Control characters in it, which may come from a peer, become '?'. */
__attribute__((format(printf, 1, 2))) void say(const char *format, ...);

/* What is said from now on is about this place, as in "FILE:LINE: "; "" for none. It must stay. */
void say_place(const char *where);

/* Says it and returns `status`, so that a function can end with `return fail(...)`. */
__attribute__((format(printf, 2, 3))) int fail(int status, const char *format, ...);

/* How a line of a log looks. */
enum say_log {
    SAY_LOG_PLAIN,   /* as any other sentence */
    SAY_LOG_TIMED,   /* with the time, in UTC, before it */
    SAY_LOG_JOURNAL, /* with its priority before it, as sd-daemon(3) has it, and without our name */
};

/* Says a sentence of a log. `priority` is one of syslog(3). */
void say_log(enum say_log form, int priority, const char *sentence);

/* Fails with the library's words, or with `subject` and the error's own if it gave none, and the next action.
 */
int fail_error(int error, const struct berth_detail *detail, const char *subject);

/* Fails with STATUS_SYSTEM, what could not be done, and the words for errno. */
int fail_errno(const char *doing, const char *name);

/* "; what to do next" for errno, or nothing. */
const char *say_errno_next(int number);

/* Puts `line` on the terminal in place of the previous such line; the next sentence wipes it. NULL wipes it
 * now. */
void say_in_place(const char *line);

#endif
