/* SPDX-License-Identifier: MIT */
/* The verdict on a case, from what was seen of it. Nothing here looks at anything else. */
#ifndef CHECK_JUDGE_H
#define CHECK_JUDGE_H

#include "check/case.h"
#include "check/check.h"
#include "check/child.h"

struct evidence {
    const struct check_case *c;
    uint32_t runs, succeeded, failed; /* commands, and what they said */
    struct child bad;      /* the first that neither succeeded nor failed; end CHILD_EXITED: none */
    uint32_t time_ms;      /* that a command may take */
    char bytes[200];       /* what is wrong with them; "": nothing */
    const uint64_t *fired; /* of the script's rules, then of those that watch */
    uint32_t script_rules;
    const char *const *known; /* rules that the user knows to be broken */
    uint32_t known_count;
};

/* Fills in result, faults, gave_up and why. The violations are there already. */
void judge(const struct evidence *e, struct check_outcome *o);

#endif
