/* SPDX-License-Identifier: MIT */
/* A script: rules in their order, read from text (berth-script(5)). */
#ifndef SCRIPT_SCRIPT_H
#define SCRIPT_SCRIPT_H

#include "script/rule.h"

#define SCRIPT_RULES_MAX 1024u
#define SCRIPT_TEXT_MAX  (1024u * 1024) /* bytes of one file */

struct script {
    struct rule *rules[SCRIPT_RULES_MAX];
    uint32_t count;
    uint64_t seed;
};

void script_init(struct script *s);
void script_free(struct script *s);

/* Adds the rules of a text. `name` stands in messages before the number of the line; without `lines` it
 * stands alone. Returns false and one sentence in `why` at the first line that is not understood. */
bool script_read(struct script *s, const char *name, bool lines, const char *text, size_t len, char *why,
                 size_t why_size);

/* The same with a file, and with the `number`th rule of a command line. Return enum berth_error. */
int script_load(struct script *s, const char *file, char *why, size_t why_size);
int script_add_fault(struct script *s, uint32_t number, const char *rule, char *why, size_t why_size);

/* Begins anew: nothing has fired, chance starts at the seed. */
void script_rewind(struct script *s);

#endif
