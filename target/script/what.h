/* SPDX-License-Identifier: MIT */
/* What a rule can speak of: PDUs, kinds of commands, and events of a connection. */
#ifndef SCRIPT_WHAT_H
#define SCRIPT_WHAT_H

#include <stdbool.h>
#include <stdint.h>
#include "script/names.h"
#include "wire/pdu.h"

#define OPCODE(code) (1ull << (code))

#define FROM_INITIATOR                                                                                       \
    (OPCODE(WIRE_NOP_OUT) | OPCODE(WIRE_SCSI_COMMAND) | OPCODE(WIRE_TMF_REQUEST) |                           \
     OPCODE(WIRE_LOGIN_REQUEST) | OPCODE(WIRE_TEXT_REQUEST) | OPCODE(WIRE_DATA_OUT) |                        \
     OPCODE(WIRE_LOGOUT_REQUEST) | OPCODE(WIRE_SNACK_REQUEST))
#define FROM_TARGET                                                                                          \
    (OPCODE(WIRE_NOP_IN) | OPCODE(WIRE_SCSI_RESPONSE) | OPCODE(WIRE_TMF_RESPONSE) |                          \
     OPCODE(WIRE_LOGIN_RESPONSE) | OPCODE(WIRE_TEXT_RESPONSE) | OPCODE(WIRE_DATA_IN) |                       \
     OPCODE(WIRE_LOGOUT_RESPONSE) | OPCODE(WIRE_R2T) | OPCODE(WIRE_ASYNC) | OPCODE(WIRE_REJECT))

enum moment { MOMENT_PDU, MOMENT_CONNECT, MOMENT_LOGIN, MOMENT_TIME };

#define KIND_ANY 0 /* of commands; the others are rows of the table in what.c */

struct what {
    uint64_t opcodes; /* OPCODE() bits; a PDU of one of them */
    uint8_t moment;   /* enum moment */
    uint8_t kind;     /* of commands */
    bool status;      /* only where it brings a command's status */
    bool last_data;   /* only where it completes the data of a write */
};

/* false: there is no such word. */
bool what_find(const char *word, struct what *what);
/* A word for one PDU alone, such as can be sent: its operation code, or -1. */
int what_pdu(const char *word);
/* A word for a kind of command, "command" for any: its number, or -1. */
int what_kind(const char *word);
/* The words for these PDUs. */
void what_list_for(uint64_t opcodes, char *out, size_t size);
void what_list(char *out, size_t size);
void what_list_pdus(char *out, size_t size);
void what_list_kinds(char *out, size_t size);

#define KINDS_MAX 32u

/* The kind of a CDB; KIND_ANY if it has no row of its own. */
uint8_t kind_of(const uint8_t *cdb);
/* The blocks that a CDB is about; false if it is about none. */
bool kind_blocks(const uint8_t *cdb, uint64_t *lba, uint64_t *count);

/* Does this PDU bring a command's status? */
bool brings_status(const uint8_t *bhs);

#endif
