/* SPDX-License-Identifier: MIT */
#include "script/what.h"
#include <stdio.h>
#include <string.h>
#include "base/bytes.h"

static const struct {
    const char *name;
    uint8_t opcode;
} pdus[] = {
    {"login-request", WIRE_LOGIN_REQUEST},
    {"login-response", WIRE_LOGIN_RESPONSE},
    {"text-request", WIRE_TEXT_REQUEST},
    {"text-response", WIRE_TEXT_RESPONSE},
    {"logout-request", WIRE_LOGOUT_REQUEST},
    {"logout-response", WIRE_LOGOUT_RESPONSE},
    {"command", WIRE_SCSI_COMMAND},
    {"scsi-response", WIRE_SCSI_RESPONSE},
    {"tmf-request", WIRE_TMF_REQUEST},
    {"tmf-response", WIRE_TMF_RESPONSE},
    {"data-out", WIRE_DATA_OUT},
    {"data-in", WIRE_DATA_IN},
    {"r2t", WIRE_R2T},
    {"nop-out", WIRE_NOP_OUT},
    {"nop-in", WIRE_NOP_IN},
    {"snack", WIRE_SNACK_REQUEST},
    {"async", WIRE_ASYNC},
    {"reject", WIRE_REJECT},
};

static const struct {
    const char *name;
    struct what what;
} others[] = {
    {"request", {.opcodes = FROM_INITIATOR}},
    {"reply", {.opcodes = FROM_TARGET}},
    {"status", {.opcodes = OPCODE(WIRE_SCSI_RESPONSE) | OPCODE(WIRE_DATA_IN), .status = true}},
    {"last-data", {.opcodes = OPCODE(WIRE_SCSI_COMMAND) | OPCODE(WIRE_DATA_OUT), .last_data = true}},
    {"connect", {.moment = MOMENT_CONNECT}},
    {"login", {.moment = MOMENT_LOGIN}},
};

/* How a CDB names its blocks: by the offsets and lengths of its fields. */
enum blocks { NO_BLOCKS, BLOCKS_6, BLOCKS_10, BLOCKS_12, BLOCKS_16, BLOCKS_CAW };

#define NO_ACTION 0xff

struct operation {
    uint8_t opcode, action; /* service action, or NO_ACTION */
    uint8_t blocks;         /* enum blocks */
};

#define OPERATIONS_MAX 4

/* SPC-4, SBC-3. */
static const struct {
    const char *name;
    struct operation operations[OPERATIONS_MAX];
    uint8_t count;
} kinds[] = {
    [KIND_ANY] = {"command", {{0}}, 0},
    {"read",
     {{0x08, NO_ACTION, BLOCKS_6},
      {0x28, NO_ACTION, BLOCKS_10},
      {0xa8, NO_ACTION, BLOCKS_12},
      {0x88, NO_ACTION, BLOCKS_16}},
     4},
    {"write",
     {{0x0a, NO_ACTION, BLOCKS_6},
      {0x2a, NO_ACTION, BLOCKS_10},
      {0xaa, NO_ACTION, BLOCKS_12},
      {0x8a, NO_ACTION, BLOCKS_16}},
     4},
    {"test-unit-ready", {{0x00, NO_ACTION, NO_BLOCKS}}, 1},
    {"request-sense", {{0x03, NO_ACTION, NO_BLOCKS}}, 1},
    {"inquiry", {{0x12, NO_ACTION, NO_BLOCKS}}, 1},
    {"mode-sense", {{0x1a, NO_ACTION, NO_BLOCKS}, {0x5a, NO_ACTION, NO_BLOCKS}}, 2},
    {"mode-select", {{0x15, NO_ACTION, NO_BLOCKS}, {0x55, NO_ACTION, NO_BLOCKS}}, 2},
    {"reserve", {{0x16, NO_ACTION, NO_BLOCKS}, {0x56, NO_ACTION, NO_BLOCKS}}, 2},
    {"release", {{0x17, NO_ACTION, NO_BLOCKS}, {0x57, NO_ACTION, NO_BLOCKS}}, 2},
    {"persistent-reserve-in", {{0x5e, NO_ACTION, NO_BLOCKS}}, 1},
    {"persistent-reserve-out", {{0x5f, NO_ACTION, NO_BLOCKS}}, 1},
    {"start-stop-unit", {{0x1b, NO_ACTION, NO_BLOCKS}}, 1},
    {"read-capacity", {{0x25, NO_ACTION, NO_BLOCKS}, {0x9e, 0x10, NO_BLOCKS}}, 2},
    {"report-luns", {{0xa0, NO_ACTION, NO_BLOCKS}}, 1},
    {"verify", {{0x2f, NO_ACTION, BLOCKS_10}, {0xaf, NO_ACTION, BLOCKS_12}, {0x8f, NO_ACTION, BLOCKS_16}}, 3},
    {"write-and-verify",
     {{0x2e, NO_ACTION, BLOCKS_10}, {0xae, NO_ACTION, BLOCKS_12}, {0x8e, NO_ACTION, BLOCKS_16}},
     3},
    {"compare-and-write", {{0x89, NO_ACTION, BLOCKS_CAW}}, 1},
    {"orwrite", {{0x8b, NO_ACTION, BLOCKS_16}}, 1},
    {"pre-fetch", {{0x34, NO_ACTION, BLOCKS_10}, {0x90, NO_ACTION, BLOCKS_16}}, 2},
    {"synchronize-cache", {{0x35, NO_ACTION, BLOCKS_10}, {0x91, NO_ACTION, BLOCKS_16}}, 2},
    {"write-same", {{0x41, NO_ACTION, BLOCKS_10}, {0x93, NO_ACTION, BLOCKS_16}}, 2},
    {"unmap", {{0x42, NO_ACTION, NO_BLOCKS}}, 1},
    {"get-lba-status", {{0x9e, 0x12, NO_BLOCKS}}, 1},
    {"maintenance-in", {{0xa3, NO_ACTION, NO_BLOCKS}}, 1},
};

_Static_assert(sizeof kinds / sizeof kinds[0] <= KINDS_MAX, "kinds are counted by number");

bool what_find(const char *word, struct what *what)
{
    int i = names_find(NAMES_OF(others), word), pdu = what_pdu(word), kind = what_kind(word);
    if (i >= 0)
        *what = others[i].what;
    else if (pdu >= 0)
        *what = (struct what){.opcodes = OPCODE(pdu)};
    else if (kind >= 0)
        *what = (struct what){.opcodes = OPCODE(WIRE_SCSI_COMMAND), .kind = (uint8_t)kind};
    return i >= 0 || pdu >= 0 || kind >= 0;
}

int what_pdu(const char *word)
{
    int i = names_find(NAMES_OF(pdus), word);
    return i < 0 ? -1 : pdus[i].opcode;
}

int what_kind(const char *word)
{
    return names_find(NAMES_OF(kinds), word);
}

void what_list_pdus(char *out, size_t size)
{
    names_list(NAMES_OF(pdus), out, size);
}

void what_list_kinds(char *out, size_t size)
{
    names_list(NAMES_OF(kinds), out, size);
}

void what_list_for(uint64_t opcodes, char *out, size_t size)
{
    size_t len = 0;
    out[0] = 0;
    for (size_t i = 0; i < sizeof pdus / sizeof pdus[0] && len < size; i++)
        if (opcodes & OPCODE(pdus[i].opcode))
            len += (size_t)snprintf(out + len, size - len, "%s%s", len ? ", " : "", pdus[i].name);
}

void what_list(char *out, size_t size)
{
    char one[512], two[512], three[128];
    names_list((struct names){&kinds[1], sizeof kinds[0], sizeof kinds / sizeof kinds[0] - 1}, two,
               sizeof two);
    what_list_pdus(one, sizeof one);
    names_list(NAMES_OF(others), three, sizeof three);
    snprintf(out, size, "%s; %s; %s", one, two, three);
}

static const struct operation *operation_of(const uint8_t *cdb, uint8_t *kind)
{
    for (uint8_t k = 1; k < sizeof kinds / sizeof kinds[0]; k++)
        for (uint8_t i = 0; i < kinds[k].count; i++) {
            const struct operation *o = &kinds[k].operations[i];
            if (o->opcode != cdb[0] || (o->action != NO_ACTION && o->action != (cdb[1] & 0x1f)))
                continue;
            *kind = k;
            return o;
        }
    *kind = KIND_ANY;
    return NULL;
}

uint8_t kind_of(const uint8_t *cdb)
{
    uint8_t kind;
    operation_of(cdb, &kind);
    return kind;
}

bool kind_blocks(const uint8_t *cdb, uint64_t *lba, uint64_t *count)
{
    uint8_t kind;
    const struct operation *o = operation_of(cdb, &kind);
    switch (o ? (enum blocks)o->blocks : NO_BLOCKS) {
    case BLOCKS_6:
        *lba = get24(cdb + 1) & 0x1fffff;
        *count = cdb[4] ? cdb[4] : 256;
        return true;
    case BLOCKS_10:
        *lba = get32(cdb + 2);
        *count = get16(cdb + 7);
        return true;
    case BLOCKS_12:
        *lba = get32(cdb + 2);
        *count = get32(cdb + 6);
        return true;
    case BLOCKS_16:
        *lba = get64(cdb + 2);
        *count = get32(cdb + 10);
        return true;
    case BLOCKS_CAW:
        *lba = get64(cdb + 2);
        *count = cdb[13];
        return true;
    case NO_BLOCKS:
        break;
    }
    return false;
}

bool brings_status(const uint8_t *bhs)
{
    uint8_t opcode = wire_opcode(bhs);
    return opcode == WIRE_SCSI_RESPONSE || (opcode == WIRE_DATA_IN && bhs[1] & 1);
}
