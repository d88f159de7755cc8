/* SPDX-License-Identifier: MIT */
/* What a bender knows of the commands under way on its connection: what they are, and how far their data is
 * numbered. */
#ifndef SCRIPT_LEDGER_H
#define SCRIPT_LEDGER_H

#include "base/list.h"
#include "script/what.h"

#define LEDGER_MAX 4096u /* commands; beyond it the oldest are forgotten */

struct entry {
    struct list link;
    uint32_t itt;
    uint8_t kind;                    /* of its CDB */
    uint64_t number, number_of_kind; /* from 1 on, over all connections */
    uint64_t lun;                    /* as a number; UINT64_MAX if it is none */
    bool has_blocks;
    uint64_t lba, blocks;
    uint32_t edtl;
    uint32_t data_sn; /* next DataSN or R2TSN towards the initiator */
    bool gone;        /* the target has not got it, and is not to get its data */
};

struct ledger {
    struct list entries; /* oldest first */
    uint32_t count;
};

void ledger_init(struct ledger *l);
void ledger_free(struct ledger *l);
/* A new command, by its header; one with the same tag is over. NULL without memory. */
struct entry *ledger_add(struct ledger *l, const uint8_t *bhs);
struct entry *ledger_find(struct ledger *l, uint32_t itt);
void ledger_remove(struct ledger *l, struct entry *e);

/* Does a PDU of this operation code belong to a command by its tag? */
static inline bool ledger_concerns(uint8_t opcode)
{
    return opcode < WIRE_OPCODES &&
           OPCODE(opcode) & (OPCODE(WIRE_SCSI_COMMAND) | OPCODE(WIRE_DATA_OUT) | OPCODE(WIRE_DATA_IN) |
                             OPCODE(WIRE_R2T) | OPCODE(WIRE_SCSI_RESPONSE) | OPCODE(WIRE_SNACK_REQUEST));
}

#endif
