/* SPDX-License-Identifier: MIT */
/* Inside of the script reader: walking along the words of one rule. Every function that reads returns false
 * once it has said what is wrong. */
#ifndef SCRIPT_PARSE_H
#define SCRIPT_PARSE_H

#include "script/rule.h"
#include "script/words.h"

#define PARSE_LIST_MAX 1024u

struct parse {
    const char *const *at; /* the next word; NULL behind the last */
    const char *const *begin;
    const char *source;
    struct rule *rule;
    char *why;
    size_t why_size;
};

/* The word is not understood, or there is none: `wanted` says what to write instead. Returns false. */
bool parse_fail(struct parse *p, const char *wanted);
/* Anything else that is wrong; a whole sentence. Returns false. */
__attribute__((format(printf, 2, 3))) bool parse_refuse(struct parse *p, const char *format, ...);

/* Takes the next word if it is this one. */
bool parse_accept(struct parse *p, const char *word);
/* Takes the next word whatever it is; NULL (and said so) if there is none. */
const char *parse_word(struct parse *p, const char *wanted);

bool parse_number(struct parse *p, uint64_t least, uint64_t most, uint64_t *value);
bool parse_size(struct parse *p, uint64_t most, uint64_t *bytes);
bool parse_time(struct parse *p, struct range *ns);
bool parse_range(struct parse *p, struct range *r);
/* Take the next word if it is one. */
bool parse_maybe_range(struct parse *p, struct range *r);
bool parse_maybe_number(struct parse *p, uint64_t *value);
bool parse_what(struct parse *p, struct what *what);
bool parse_kind(struct parse *p, int *kind);
/* KEY=VALUE */
bool parse_pair(struct parse *p, const char **pair);
/* A field of one of these PDUs, or "byte N". */
bool parse_field(struct parse *p, uint64_t opcodes, const char **field, uint8_t *at);

/* conditions.c: all conditions from here on. */
bool parse_conditions(struct parse *p);
/* actions.c: all actions up to the end of the rule. */
bool parse_actions(struct parse *p);

#endif
