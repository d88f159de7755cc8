/* SPDX-License-Identifier: MIT */
/* The command table: what REPORT SUPPORTED OPERATION CODES tells is what command.c runs. */
#ifndef TARGET_ROWS_H
#define TARGET_ROWS_H

#include "lu/command.h"

#define ROW_USAGE_MAX 31u
#define ROW_ALL       0xffff /* whatever the service action */

enum row_flags {
    ALWAYS = 1,       /* runs where there is no LU, and past a pending unit attention (SAM-5 5.14.2) */
    OUT = 2,          /* the data go out */
    CHANGES = 4,      /* refused by a read-only LU */
    MEDIUM = 8,       /* refused by a LU that has been stopped */
    STANDBY = 16,     /* runs through a port that is in standby, too (SPC-4 5.11.2.6) */
    UNAVAILABLE = 32, /* and through one that is unavailable (5.11.2.7) */
    ALONE = 64, /* runs when nothing else does: what it has looked at is not to change before it is done */
    ANYWHERE = STANDBY | UNAVAILABLE,
    WRITES = OUT | CHANGES
};

/* `usage`: for the CDB's bytes from 1 on, the bits that this target knows. A command with any other bit set
 * asks for something it would not get, and is refused; so RDPROTECT, ANCHOR, NACA and reserved bits need no
 * code. */
struct row {
    uint8_t op;
    uint16_t action; /* byte 1, or bytes 8 and 9 of the variable length operation code */
    uint8_t flags;
    uint8_t access; /* enum access */
    const char *name;
    void (*run)(struct command *c, struct lu *lu);
    uint32_t (*bytes)(const struct command *c, struct lu *lu); /* of LU data in; of any data out with OUT */
    uint8_t usage[ROW_USAGE_MAX];
};

extern const struct row command_rows[];
extern const size_t command_row_count;

uint32_t row_len(const struct row *row); /* of the CDB */

#endif
