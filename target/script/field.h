/* SPDX-License-Identifier: MIT */
/* The fields of all headers by name (RFC 7143 section 11), for rules that test or change one. */
#ifndef SCRIPT_FIELD_H
#define SCRIPT_FIELD_H

#include <stdbool.h>
#include <stdint.h>
#include "script/what.h"

/* Counters: they have their value only when a PDU leaves, or, coming in, when the target gets it. */
enum counter {
    COUNTER_NONE,
    COUNTER_STAT_SN,
    COUNTER_EXP_CMD_SN,
    COUNTER_MAX_CMD_SN,
    COUNTER_DATA_SN, /* of Data-In, and R2TSN */
    COUNTER_EXP_DATA_SN,
    COUNTER_CMD_SN,
    COUNTER_EXP_STAT_SN,
    COUNTERS,
};

struct field {
    const char *name;
    uint64_t opcodes; /* the PDUs that have it there */
    uint8_t offset, bytes;
    uint8_t shift, bits; /* inside these bytes, from the lowest bit */
    uint8_t counter;     /* enum counter */
    const char *section;
};

/* The field of this name in this PDU, or NULL. */
const struct field *field_find(const char *name, uint8_t opcode);
/* Has one of these PDUs such a field? Then the row's name itself is returned, which lives on; else NULL. */
const char *field_name(const char *name, uint64_t opcodes);
/* The names of all fields that one of these PDUs has. */
void field_list(uint64_t opcodes, char *out, size_t size);

uint64_t field_get(const struct field *f, const uint8_t *bhs);
void field_put(const struct field *f, uint8_t *bhs, uint64_t value); /* what does not fit is cut off */
uint64_t field_max(const struct field *f);

/* A LUN as its eight bytes (SAM-5 4.7); a number that is none is taken as these bytes. */
uint64_t field_lun(uint64_t number);

#endif
