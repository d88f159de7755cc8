/* SPDX-License-Identifier: MIT */
/* How an attachment stands with its target: the library's account, or its own as long as there is none, in
 * words and numbers. For the control socket's thread. */
#ifndef ATTACH_STANDING_H
#define ATTACH_STANDING_H

#include "attach/parts.h"
#include "attach/request.h"

#define STANDING_TEXT_MAX (2 * CLAUSE_MAX)

/* All times by the clock that people read; 0: none. */
struct standing {
    const char *state, *words; /* "seeking", "the session is lost and being sought" */
    const char *then;          /* "; I/Os wait" */
    uint64_t since_ms, next_ms, gives_up_ms, attempts, error_ms;
    uint32_t in_flight, waiting, sessions, sessions_up;
    int error;
    char error_text[CLAUSE_MAX];
};

void standing_find(struct standing *to, struct attachment *a);

bool standing_is_well(const struct standing *s);   /* connected */
bool standing_is_asking(const struct standing *s); /* connected, and to be told whether it is the same LUN */
bool standing_is_away(const struct standing *s);   /* without a session */
bool standing_is_over(const struct standing *s);   /* without one for good */

/* How the next attempt is told: to who reads it now, or perhaps much later. */
enum standing_next { STANDING_NEXT_IN, STANDING_NEXT_AT };

/* One sentence for people. */
void standing_words(const struct standing *s, enum standing_next next, char out[STANDING_TEXT_MAX]);

/* Something has been asked of the target at `asked_ms`, and there is no answer: whose fault that is, since
 * when, and what is done about it. Returns -1. */
int standing_refuse(struct refusal *r, const char *name, struct attachment *a, uint64_t asked_ms);

#endif
