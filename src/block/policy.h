/* SPDX-License-Identifier: MIT */
/* What is done about each status and each sense that a LUN may answer with. The table is in policy.c, and for
 * people in doc/internals/outcomes.md. */
#ifndef BLOCK_POLICY_H
#define BLOCK_POLICY_H

#include <stdint.h>
#include "scsi/sense.h"

enum policy_verdict {
    POLICY_FAIL,  /* the I/O ends with the row's error */
    POLICY_FINE,  /* it was done after all, if all of its data was moved */
    POLICY_AGAIN, /* it is sent again at once, a few times at most */
    POLICY_LATER, /* it is sent again after a pause, until its time is over */
};

/* What else is done, whatever becomes of the command. */
enum policy_effect {
    POLICY_CHECK = 1,    /* the LUN is asked who and how it is before anything else is sent to it */
    POLICY_FEWER = 2,    /* fewer commands are sent at once for a while */
    POLICY_LOSS = 4,     /* something that was written before is lost: told, and the next flush fails */
    POLICY_SPACE = 8,    /* the LUN's store is nearly full: told */
    POLICY_RIGHTS = 16,  /* reservations or registrations are gone: told */
    POLICY_VOLATILE = 32 /* a volatile cache is empty: writes that no flush has covered are lost */
};

struct policy_row {
    uint8_t kind;   /* enum policy_kind, policy.c */
    uint8_t value;  /* a status or a sense key */
    uint16_t first; /* ASC << 8 | ASCQ, from here... */
    uint16_t last;  /* ...to there */
    uint8_t verdict, effects;
    int error; /* of an I/O that ends with it, or that has been sent again too often */
    const char *why;
};

/* The row for a command that ended with this status, and this sense if that is CHECK CONDITION. Never NULL.
 */
const struct policy_row *policy_find(uint8_t status, const struct scsi_sense *sense);

#endif
