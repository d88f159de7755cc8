/* SPDX-License-Identifier: MIT */
/* What can be asked of an attachment, a row per verb. */
#ifndef ATTACH_VERBS_H
#define ATTACH_VERBS_H

#include <stdbool.h>
#include <stdint.h>
#include "attach/request.h"

struct attachment;

struct call {
    struct attachment *a;
    const json_t *request;
    json_t *result;         /* made by the verb */
    struct refusal refusal; /* or this */
    bool stream;            /* events follow the answer, those after `seq` */
    uint64_t seq;
    uint64_t asked_ms; /* of a slow verb: since when the target is asked, by the clock that people read */
};

enum verb_flags {
    VERB_SLOW = 1, /* waits for the target: has a thread of its own, and the key timeout_ms */
};

struct verb {
    const char *name;
    uint32_t flags;
    const char *keys[4]; /* what a request may have besides verb and version */
    int (*run)(struct call *c);
    const char *help;
};

extern const struct verb verbs[];
/* NULL with a refusal: no such verb, or a key that it does not have. */
const struct verb *verbs_find(const json_t *request, struct refusal *why);

/* status.c, stat.c: NULL: no memory. */
json_t *status_of(struct attachment *a);
json_t *users_of(struct attachment *a);
json_t *stat_of(struct attachment *a);
json_t *stat_prometheus(struct attachment *a);
json_t *settings_of(struct attachment *a);
const char *status_time(uint64_t ms, char out[32]); /* UTC, RFC 3339 */

/* set.c: all of an object's settings, or none. */
int set_all(struct call *c, const json_t *wanted);

#endif
