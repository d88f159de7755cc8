/* SPDX-License-Identifier: MIT */
/* Names to addresses without waiting. The system's resolver blocks, for as long as name servers are silent;
 * so a thread asks it, which lives as long as questions are open and touches nothing but the question and the
 * answer (doc/decisions/0007-names.md). */
#ifndef HOST_LOOKUP_H
#define HOST_LOOKUP_H

#include "host/resolve.h"

struct lookup;

/* What the thread calls: host_resolve(), or what a test puts in its place. */
typedef int lookup_resolver(const struct portal *p, struct resolved *out, const char **why);

/* NULL when memory or descriptors are short (errno tells). */
struct lookup *lookup_new(lookup_resolver *resolver);

/* Asks for a name. There is one question at a time: a new one takes the place of one that is still open, and
 * is put once the resolver is done with that. 0, or BERTH_E_SYSTEM if no thread can be had (errno tells). */
int lookup_ask(struct lookup *l, const struct portal *p);

/* Becomes readable when the answer is there. */
int lookup_fd(const struct lookup *l);
/* The descriptor's news have been heard: it is not readable any more. */
void lookup_heard(struct lookup *l);

/* Takes the answer to the last question, and what lookup_resolver returned, once. False: not there yet. */
bool lookup_take(struct lookup *l, struct resolved *out, int *error, const char **why);

/* Does not wait: a thread that is still in the resolver frees everything when it comes back. */
void lookup_free(struct lookup *l);

#endif
