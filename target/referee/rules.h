/* SPDX-License-Identifier: MIT */
/* What the referee holds an initiator to: one row per rule. A row's tests are in tests/unit/referee/, and
 * doc/internals/referee.md tells the same to people. */
#ifndef REFEREE_RULES_H
#define REFEREE_RULES_H

enum rule_id {
    /* names and identifiers of sessions and connections */
    RULE_N1,
    RULE_N3,
    RULE_N4,
    RULE_N5,
    RULE_N6,
    RULE_N7,
    RULE_N9,
    RULE_N10,
    /* login phase */
    RULE_L1,
    RULE_L2,
    RULE_L3,
    RULE_L4,
    RULE_L5,
    RULE_L6,
    RULE_L8,
    RULE_L9,
    RULE_L10,
    RULE_L19,
    RULE_L20,
    /* CHAP */
    RULE_H1,
    RULE_H6,
    RULE_H10,
    /* text and negotiation */
    RULE_T1,
    RULE_T2,
    RULE_T3,
    RULE_T4,
    RULE_T5,
    RULE_T6,
    RULE_T8,
    RULE_T9,
    RULE_T10,
    RULE_T11,
    RULE_T13,
    RULE_T14,
    RULE_T15,
    RULE_T18,
    RULE_T19,
    RULE_T20,
    /* commands and their numbers */
    RULE_C1,
    RULE_C2,
    RULE_C5,
    RULE_C7,
    RULE_C8,
    /* status numbers */
    RULE_S1,
    RULE_S5,
    /* SCSI commands and data */
    RULE_D1,
    RULE_D2,
    RULE_D3,
    RULE_D4,
    RULE_D5,
    RULE_D6,
    RULE_D7,
    RULE_D8,
    RULE_D9,
    RULE_D11,
    RULE_D18,
    RULE_D20,
    RULE_D21,
    RULE_D22,
    RULE_D24,
    RULE_D25,
    RULE_D26,
    /* bits of the header */
    RULE_B1,
    RULE_B2,
    RULE_B3,
    /* digests */
    RULE_G1,
    RULE_G3,
    /* pings */
    RULE_P1,
    RULE_P2,
    RULE_P3,
    RULE_P4,
    /* task management */
    RULE_M1,
    RULE_M2,
    RULE_M5,
    RULE_M10,
    RULE_X4,
    /* asynchronous messages and the end */
    RULE_A1,
    RULE_A3,
    RULE_A6,
    RULE_J4,
    RULE_O1,
    /* recovery */
    RULE_E1,
    RULE_E2,
    RULE_E4,
    RULE_Q2,
    /* discovery */
    RULE_Y1,
    RULE_Y2,
    RULE_Y3,
    RULE_COUNT,
};

enum rule_level { RULE_MUST, RULE_SHOULD };

struct rule_row {
    const char *id;
    const char *section;   /* of RFC 7143 */
    enum rule_level level; /* as the section says it */
    const char *statement;
};

extern const struct rule_row rule_rows[RULE_COUNT];

#endif
