/* SPDX-License-Identifier: MIT */
/* The referee in the simulation: it hears what an initiator of ours and a target say to each other, and a
 * test ends at once when the initiator breaks a rule that the test does not name. */
#ifndef SIM_WITNESS_H
#define SIM_WITNESS_H

#include "referee/referee.h"

struct witness {
    struct referee_court *court;
    uint64_t (*now)(void *arg); /* ns */
    void *arg;
    const char *breaks; /* rules that the test breaks on purpose: "H1 D5"; NULL: none */
};

/* `w` must stay where it is until its end. */
void witness_begin(struct witness *w, uint64_t (*now)(void *arg), void *arg, const char *breaks);
void witness_end(struct witness *w);

struct referee *witness_connection(struct witness *w);

#endif
