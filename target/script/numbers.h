/* SPDX-License-Identifier: MIT */
/* The counters of a connection on both sides of a bender (RFC 7143 4.2.2). What leaves towards the initiator
 * is numbered as it leaves; what the target counts differently is translated. */
#ifndef SCRIPT_NUMBERS_H
#define SCRIPT_NUMBERS_H

#include "script/ledger.h"
#include "script/parcel.h"

struct numbers {
    bool answered, asked;            /* a PDU has come from the target, from the initiator */
    uint32_t stat_sn;                /* next towards the initiator */
    uint32_t target_stat_sn;         /* next that the target gives */
    uint32_t cmd_sn;                 /* next that the initiator gives */
    uint32_t withheld;               /* commands that the initiator has given and the target not got */
    uint32_t exp_cmd_sn, max_cmd_sn; /* as the target last said */
    uint32_t max_told;               /* MaxCmdSN as the initiator knows it */
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

/* Has this request a CmdSN of its own? */
bool numbers_counts(const struct parcel *p);
/* Does this reply use up a StatSN? */
bool numbers_uses_stat_sn(const uint8_t *bhs);

#endif
