/* SPDX-License-Identifier: MIT */
/* The initiator under way: a command as a process group of its own, with nothing to read from and its outputs
 * in files, that does not outlive its time. */
#ifndef CHECK_CHILD_H
#define CHECK_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

enum child_end {
    CHILD_EXITED,
    CHILD_KILLED,  /* by a signal that was not ours */
    CHILD_LATE,    /* by ours, for it took too long */
    CHILD_STOPPED, /* the user wants no more */
    CHILD_ABSENT,  /* it could not be started */
};

struct child {
    enum child_end end;
    int status; /* exit status, signal number, or errno of what could not be started */
    uint32_t ms;
};

struct child_terms {
    const char *out, *err; /* files; they are made anew */
    uint32_t time_ms;
    int stop_fd; /* readable: stop */
    struct rlimit files;
};

/* What a process has as limits of its descriptors before the target in it asks for more. */
void child_terms_limits(struct child_terms *t);

/* Is there such a program, at its path or in PATH? */
bool child_is_there(const char *program);

/* Runs it to its end, and ends what it leaves behind in its group. */
struct child child_run(char *const argv[], const struct child_terms *t);

/* An exit status by which shells tell that a program crashed. */
bool child_crashed(const struct child *c);

#endif
