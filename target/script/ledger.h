/* SPDX-License-Identifier: MIT */
/* What a bender knows of the commands under way on its connection: what they are, and how far their data is
 * numbered. */
#ifndef SCRIPT_LEDGER_H
#define SCRIPT_LEDGER_H

#include "base/list.h"
#include "script/what.h"

#define LEDGER_MAX 4096u /* commands; beyond it the oldest are forgotten */

/* A counter of the target's: what the initiator is shown instead, and where it goes on. */
struct counting {
    uint32_t shift; /* added to what the target counts */
    uint32_t next;  /* for a PDU that the target knows nothing of */
};

struct entry {
    struct list link;
    uint32_t itt;
    uint8_t kind;                    /* of its CDB */
    uint64_t number, number_of_kind; /* from 1 on, over all connections */
    uint64_t lun;                    /* as a number; UINT64_MAX if it is none */
    bool has_blocks;
    uint64_t lba, blocks;
    uint32_t edtl;
    bool write;
    uint64_t received;       /* bytes of a write's data */
    struct counting data_sn; /* DataSN and R2TSN */
    bool gone;               /* the target has not got it, and is not to get its data */
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

/* A request of the command has come. true: with it the data of a write is complete. */
bool ledger_receives(struct entry *e, uint32_t data_len);

/* Does a PDU of this operation code belong to a command by its tag? */
static inline bool ledger_concerns(uint8_t opcode)
{
    return opcode < WIRE_OPCODES &&
           OPCODE(opcode) & (OPCODE(WIRE_SCSI_COMMAND) | OPCODE(WIRE_DATA_OUT) | OPCODE(WIRE_DATA_IN) |
                             OPCODE(WIRE_R2T) | OPCODE(WIRE_SCSI_RESPONSE) | OPCODE(WIRE_SNACK_REQUEST));
}

#endif
