/* SPDX-License-Identifier: MIT */
/* The control socket: what is asked of a target while it runs.
 *
 * One request is one line of words with a blank between them; in a word any byte may be written as a percent
 * sign and two hexadecimal digits, and a blank has to be. The answer is lines of records, and then "ok" or
 * "fail ERROR SENTENCE" with an enum berth_error:
 *
 *   { KEY    [ KEY    ( KEY    an object, a list, and an object that is told in one line, until } ] )
 *   t KEY TEXT    n KEY NUMBER    b KEY true|false
 *
 * The key of what is in a list is "-". In texts percent signs and control bytes are written as in words. A
 * new connection is greeted with CONTROL_GREETING, whose number changes when old programs would
 * misunderstand. */
#ifndef SERVE_CONTROL_H
#define SERVE_CONTROL_H

#include "serve/target.h"

#define CONTROL_GREETING     "berth-serve-control 1"
#define CONTROL_CLIENTS_MAX  16u
#define CONTROL_LINE_MAX     8192u /* bytes of a request */
#define CONTROL_WORDS_MAX    16u
#define CONTROL_ANSWER_MAX   (16u * 1024 * 1024)  /* bytes of an answer */
#define CONTROL_PATIENCE_NS  (30ull * 1000000000) /* for somebody who does not take an answer */
#define CONTROL_SENTENCE_MAX 1024u

struct answer;

struct control_request {
    struct target *target;
    const char *words[CONTROL_WORDS_MAX]; /* the verb comes first */
    uint32_t count;
    struct answer *answer;
    const struct reason *why;
};

struct control_verb {
    const char *name;
    const char *words;                     /* what stands behind it, for help */
    uint8_t least, most;                   /* how many words, the verb's own among them */
    int (*run)(struct control_request *r); /* 0, or an enum berth_error with a sentence in r->why */
    const char *help;
};

/* control_verbs.c: one row per verb. Whoever has something to tell or to be asked adds one. */
extern const struct control_verb control_verbs[];
extern const size_t control_verb_count;
/* Finds the verb and runs it. */
int control_run(struct control_request *r);

/* control.c. Opening does nothing if the configuration names no socket. */
int control_open(struct target *t, const struct reason *why);
void control_tick(struct target *t, uint64_t now);
void control_close(struct target *t);

/* answer.c. `key` is NULL in a list. */
struct answer *answer_new(void); /* NULL: no memory */
void answer_free(struct answer *a);
/* What was written; NULL if it is too long or memory ran out. Ends the writing. */
const char *answer_text_of(struct answer *a, size_t *len);
void answer_object(struct answer *a, const char *key);
void answer_object_end(struct answer *a);
void answer_row(struct answer *a, const char *key);
void answer_row_end(struct answer *a);
void answer_list(struct answer *a, const char *key);
void answer_list_end(struct answer *a);
void answer_text(struct answer *a, const char *key, const char *text);
void answer_number(struct answer *a, const char *key, uint64_t number);
void answer_bool(struct answer *a, const char *key, bool value);
void answer_time(struct answer *a, const char *key, uint64_t at_ms); /* since 1970, as text in UTC */
/* The last line. */
void answer_end(struct answer *a, int error, const char *sentence);

/* Takes a line apart, in place. false: too many words, or a percent sign without its digits. */
bool control_split(char *line, struct control_request *r);

#endif
