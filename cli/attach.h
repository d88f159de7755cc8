/* SPDX-License-Identifier: MIT */
/* The parts of `berth attach`. */
#ifndef CLI_ATTACH_H
#define CLI_ATTACH_H

#include "attach/runtime.h"
#include "attach/settings.h"
#include "cli/options.h"

struct attach {
    const struct options *o;
    struct settings *s;
    const char *name;
    int lock_fd;
    bool taken; /* somebody else has the lock now */
};

/* --- attach_running.c --- */

/* Takes the name. STATUS_OK with lock_fd < 0: it is attached already, in the same way, and where has been
 * printed. Else enum exit_status, after it said what is wrong. */
int attach_take_name(struct attach *a);

/* --- attach_start.c --- */

/* Where the disk is to be, if nobody has said. Enum exit_status, like the next. */
int attach_set_place(const struct attach *a);
/* Begins what holds it, waits until it can be used, prints where. */
int attach_start(struct attach *a);
/* With --persist: whether its file may be written, before anything is begun. */
int attach_check_keeping(const struct attach *a);
/* With --persist: writes the file of what is attached now. */
int attach_keep(const struct attach *a);
void attach_print(const struct attach *a, const char *path, int64_t pid);

/* --- attach_program.c --- */

/* What is to be run, with all its words; NULL behind the last. Its words are the caller's to free. NULL after
 * it said why not. */
char **attach_program(const struct attach *a);
void attach_program_free(char **argv);

/* --- attach_hold.c --- */

/* The kind "none": holds the LUN in this very process. Returns enum exit_status at its end. */
int attach_hold(const struct settings *s);

#endif
