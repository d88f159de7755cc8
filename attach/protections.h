/* SPDX-License-Identifier: MIT */
/* What a process can do against its own memory being in the way of writing memory back. None of it is
 * promised: `status` tells of each whether it holds, and if not, why. berth-attach(1) says what no process in
 * user space can do. */
#ifndef ATTACH_PROTECTIONS_H
#define ATTACH_PROTECTIONS_H

#include "attach/settings.h"

enum protection_id {
    PROTECTION_OOM_SCORE,
    PROTECTION_IO_FLUSHER,
    PROTECTION_MEMORY_LOCKED,
    PROTECTION_PREFAULTED,
    PROTECTION_NO_NAMES,
    PROTECTIONS_COUNT,
};

struct protection {
    bool holds;
    char why[200]; /* one clause: what it does for us, or what is missing */
};

struct protections {
    struct protection rows[PROTECTIONS_COUNT];
};

const char *protections_word(enum protection_id id);

/* Before there are threads: they inherit what is set here. */
void protections_begin(struct protections *p, const struct settings *s);
/* Once everything has been touched that is needed. 0, or BERTH_E_SYSTEM if memory must be locked (mlock=yes)
 * and cannot be. */
int protections_complete(struct protections *p, const struct settings *s);

#endif
