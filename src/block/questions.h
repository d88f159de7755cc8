/* SPDX-License-Identifier: MIT */
/* What a LUN is asked to see whether it is still the one that was opened, and how it is by now. */
#ifndef BLOCK_QUESTIONS_H
#define BLOCK_QUESTIONS_H

#include <stddef.h>
#include <stdint.h>

struct berth_lun;

enum finding {
    SAME,   /* or nothing that speaks against it: the next question */
    OTHER,  /* another device */
    GONE,   /* no LUN */
    UNSURE, /* no answer that helps */
};

struct question {
    /* Writes a CDB, or returns 0 where there is nothing to ask. */
    uint32_t (*ask)(const struct berth_lun *lun, uint8_t *cdb);
    enum finding (*hear)(struct berth_lun *lun, const uint8_t *reply, size_t len);
    uint32_t size;    /* of the reply, at most */
    uint8_t refused;  /* enum finding: what it means that the LUN does not know the question any more */
    uint8_t reserved; /* the same: that somebody's reservation keeps us from asking */
};

#define QUESTIONS 8u
extern const struct question questions[QUESTIONS];

#endif
