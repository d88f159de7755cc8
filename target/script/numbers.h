/* SPDX-License-Identifier: MIT */
/* The counters of a connection on both sides of a bender (RFC 7143 4.2.2). As long as no rule interferes each
 * side sees what the other says, mistakes included; from then on one side's numbers are shifted for the
 * other. */
#ifndef SCRIPT_NUMBERS_H
#define SCRIPT_NUMBERS_H

#include "script/ledger.h"
#include "script/parcel.h"

struct numbers {
    bool answered, asked; /* a PDU has come from the target, from the initiator */
    struct counting stat_sn;
    uint32_t target_stat_sn;   /* next that the target gives */
    uint32_t cmd_sn;           /* next that the initiator gives */
    uint32_t withheld;         /* commands that the initiator has given and the target not got */
    struct wire_window window; /* as the target last said; stat_sn is not used */
    uint32_t max_told;         /* MaxCmdSN as the initiator knows it */
    bool clamped, clamp_raw;
    uint32_t clamp; /* commands that the window holds at most */
};

/* A PDU has come, from either side: its counters are what that side counts. */
void numbers_heard(struct numbers *n, const struct parcel *p);

/* It leaves towards the target. */
void numbers_to_target(const struct numbers *n, struct parcel *p);
/* It leaves towards the initiator, or is to be thought lost on its way; `e` is its command's entry, or NULL.
 */
void numbers_to_initiator(struct numbers *n, struct parcel *p, struct entry *e);
/* The initiator does not get it, or not here: what follows takes its numbers. */
void numbers_without(struct numbers *n, const struct parcel *p, struct entry *e);

/* Has this request a CmdSN of its own? */
bool numbers_counts(const struct parcel *p);
/* Does this reply use up a StatSN? */
bool numbers_uses_stat_sn(const uint8_t *bhs);

#endif
