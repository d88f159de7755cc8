/* SPDX-License-Identifier: MIT */
/* One case from beginning to end: target, commands, verdict. */
#ifndef CHECK_TRIAL_H
#define CHECK_TRIAL_H

#include "check/case.h"
#include "check/check.h"
#include "check/template.h"

enum trial_command { TRIAL_READ, TRIAL_WRITE, TRIAL_DISCOVER, TRIAL_COMMANDS };

/* What all cases have in common. */
struct suite {
    const struct check_options *options;
    struct template *commands[TRIAL_COMMANDS]; /* NULL: there is none */
    struct template memory[TRIAL_COMMANDS];
    const char *folder; /* where files may be put */
    bool ipv6;          /* there is an address to listen on */
};

/* Names of places, for templates. */
extern const char *const trial_places[];

/* Can the initiator do what the case asks of it? False with the reason in `why`. */
bool trial_possible(const struct suite *s, const struct check_case *c, char *why, size_t why_size);

/* Runs it, in this process. Returns false if the user has stopped it. */
bool trial_run(const struct suite *s, const struct check_case *c, struct check_outcome *out);

#endif
