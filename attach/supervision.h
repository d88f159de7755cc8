/* SPDX-License-Identifier: MIT */
/* What the supervisor that has started us is told of the target once the disk is there: each change, and as
 * long as the target is sought when that goes on. For the control socket's thread: no I/O waits for it. */
#ifndef ATTACH_SUPERVISION_H
#define ATTACH_SUPERVISION_H

#include "attach/parts.h"
#include "attach/standing.h"

struct supervision {
    bool wanted;         /* there is one that wants to know */
    bool troubled;       /* the last that it was told is not that all is well */
    uint64_t look_at_ms; /* by caller_now_ms(), even if nothing happens; UINT64_MAX: not then */
    char told[STANDING_TEXT_MAX];
};

void supervision_begin(struct supervision *s);
/* Something has happened, or `look_at_ms` has come. */
void supervision_look(struct supervision *s, struct attachment *a);

#endif
