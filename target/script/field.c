/* SPDX-License-Identifier: MIT */
#include "script/field.h"
#include <stdio.h>
#include <string.h>

#define ALL  (FROM_INITIATOR | FROM_TARGET)
#define CMD  OPCODE(WIRE_SCSI_COMMAND)
#define RSP  OPCODE(WIRE_SCSI_RESPONSE)
#define TREQ OPCODE(WIRE_TMF_REQUEST)
#define TRSP OPCODE(WIRE_TMF_RESPONSE)
#define DOUT OPCODE(WIRE_DATA_OUT)
#define DIN  OPCODE(WIRE_DATA_IN)
#define R2T  OPCODE(WIRE_R2T)
#define ASY  OPCODE(WIRE_ASYNC)
#define XREQ OPCODE(WIRE_TEXT_REQUEST)
#define XRSP OPCODE(WIRE_TEXT_RESPONSE)
#define LREQ OPCODE(WIRE_LOGIN_REQUEST)
#define LRSP OPCODE(WIRE_LOGIN_RESPONSE)
#define OREQ OPCODE(WIRE_LOGOUT_REQUEST)
#define ORSP OPCODE(WIRE_LOGOUT_RESPONSE)
#define SNK  OPCODE(WIRE_SNACK_REQUEST)
#define REJ  OPCODE(WIRE_REJECT)
#define NOUT OPCODE(WIRE_NOP_OUT)
#define NIN  OPCODE(WIRE_NOP_IN)

#define NUMBERED (CMD | TREQ | XREQ | LREQ | OREQ | NOUT)

/* Bytes 8 to 15 of these PDUs are no LUN. */
#define HAS_LUN (ALL & ~(LREQ | LRSP | RSP | TRSP | OREQ | ORSP | REJ))

/* name, PDUs, offset, bytes, shift, bits, counter, section */
static const struct field fields[] = {
    {"opcode", ALL, 0, 1, 0, 6, COUNTER_NONE, "11.2.1.2"},
    {"immediate", FROM_INITIATOR, 0, 1, 6, 1, COUNTER_NONE, "11.2.1.1"},
    {"final", ALL & ~(LREQ | LRSP), 1, 1, 7, 1, COUNTER_NONE, "11.2.1.3"},
    {"transit", LREQ | LRSP, 1, 1, 7, 1, COUNTER_NONE, "11.12.1"},
    {"continue", LREQ | LRSP | XREQ | XRSP, 1, 1, 6, 1, COUNTER_NONE, "11.10.2"},
    {"csg", LREQ | LRSP, 1, 1, 2, 2, COUNTER_NONE, "11.12.3"},
    {"nsg", LREQ | LRSP, 1, 1, 0, 2, COUNTER_NONE, "11.12.3"},
    {"read", CMD, 1, 1, 6, 1, COUNTER_NONE, "11.3.1"},
    {"write", CMD, 1, 1, 5, 1, COUNTER_NONE, "11.3.1"},
    {"attr", CMD, 1, 1, 0, 3, COUNTER_NONE, "11.3.1"},
    {"bidi-overflow", RSP, 1, 1, 4, 1, COUNTER_NONE, "11.4.1"},
    {"bidi-underflow", RSP, 1, 1, 3, 1, COUNTER_NONE, "11.4.1"},
    {"overflow", RSP | DIN, 1, 1, 2, 1, COUNTER_NONE, "11.4.1"},
    {"underflow", RSP | DIN, 1, 1, 1, 1, COUNTER_NONE, "11.4.1"},
    {"acknowledge", DIN, 1, 1, 6, 1, COUNTER_NONE, "11.7.2"},
    {"has-status", DIN, 1, 1, 0, 1, COUNTER_NONE, "11.7.3"},
    {"function", TREQ, 1, 1, 0, 7, COUNTER_NONE, "11.5.1"},
    {"reason", OREQ, 1, 1, 0, 7, COUNTER_NONE, "11.14.1"},
    {"type", SNK, 1, 1, 0, 4, COUNTER_NONE, "11.16.1"},
    {"response", RSP | TRSP | ORSP, 2, 1, 0, 8, COUNTER_NONE, "11.4.3"},
    {"reason", REJ, 2, 1, 0, 8, COUNTER_NONE, "11.17.1"},
    {"version-max", LREQ | LRSP, 2, 1, 0, 8, COUNTER_NONE, "11.12.4"},
    {"version-min", LREQ, 3, 1, 0, 8, COUNTER_NONE, "11.12.4"},
    {"version-active", LRSP, 3, 1, 0, 8, COUNTER_NONE, "11.13.2"},
    {"status", RSP | DIN, 3, 1, 0, 8, COUNTER_NONE, "11.4.2"},
    {"ahs-length", ALL, 4, 1, 0, 8, COUNTER_NONE, "11.2.1.5"},
    {"data-length", ALL, 5, 3, 0, 24, COUNTER_NONE, "11.2.1.6"},
    {"lun", HAS_LUN, 8, 8, 0, 64, COUNTER_NONE, "11.2.1.7"},
    {"isid", LREQ | LRSP, 8, 6, 0, 48, COUNTER_NONE, "11.12.5"},
    {"tsih", LREQ | LRSP, 14, 2, 0, 16, COUNTER_NONE, "11.12.6"},
    {"itt", ALL, 16, 4, 0, 32, COUNTER_NONE, "11.2.1.8"},
    {"cid", LREQ | OREQ, 20, 2, 0, 16, COUNTER_NONE, "11.12.7"},
    {"edtl", CMD, 20, 4, 0, 32, COUNTER_NONE, "11.3.4"},
    {"referenced-tag", TREQ, 20, 4, 0, 32, COUNTER_NONE, "11.5.4"},
    {"snack-tag", RSP, 20, 4, 0, 32, COUNTER_NONE, "11.4.4"},
    {"ttt", DOUT | DIN | R2T | XREQ | XRSP | NOUT | NIN | SNK, 20, 4, 0, 32, COUNTER_NONE, "11.7.4"},
    {"stat-sn", FROM_TARGET, 24, 4, 0, 32, COUNTER_STAT_SN, "11.4.9"},
    {"cmd-sn", NUMBERED, 24, 4, 0, 32, COUNTER_CMD_SN, "11.3.2"},
    {"exp-stat-sn", FROM_INITIATOR, 28, 4, 0, 32, COUNTER_EXP_STAT_SN, "11.3.3"},
    {"exp-cmd-sn", FROM_TARGET, 28, 4, 0, 32, COUNTER_EXP_CMD_SN, "11.4.10"},
    {"max-cmd-sn", FROM_TARGET, 32, 4, 0, 32, COUNTER_MAX_CMD_SN, "11.4.11"},
    {"operation", CMD, 32, 1, 0, 8, COUNTER_NONE, "11.3.5"},
    {"ref-cmd-sn", TREQ, 32, 4, 0, 32, COUNTER_NONE, "11.5.5"},
    {"exp-data-sn", RSP, 36, 4, 0, 32, COUNTER_EXP_DATA_SN, "11.4.8"},
    {"exp-data-sn", TREQ, 36, 4, 0, 32, COUNTER_NONE, "11.5.6"},
    {"data-sn", DIN, 36, 4, 0, 32, COUNTER_DATA_SN, "11.7.5"},
    {"data-sn", DOUT | REJ, 36, 4, 0, 32, COUNTER_NONE, "11.7.5"},
    {"r2t-sn", R2T, 36, 4, 0, 32, COUNTER_DATA_SN, "11.8.2"},
    {"event", ASY, 36, 1, 0, 8, COUNTER_NONE, "11.9.1"},
    {"vendor-code", ASY, 37, 1, 0, 8, COUNTER_NONE, "11.9.2"},
    {"parameter1", ASY, 38, 2, 0, 16, COUNTER_NONE, "11.9.1"},
    {"parameter2", ASY, 40, 2, 0, 16, COUNTER_NONE, "11.9.1"},
    {"parameter3", ASY, 42, 2, 0, 16, COUNTER_NONE, "11.9.1"},
    {"status-class", LRSP, 36, 1, 0, 8, COUNTER_NONE, "11.13.5"},
    {"status-detail", LRSP, 37, 1, 0, 8, COUNTER_NONE, "11.13.5"},
    {"buffer-offset", DIN | DOUT | R2T, 40, 4, 0, 32, COUNTER_NONE, "11.7.6"},
    {"bidi-residual", RSP, 40, 4, 0, 32, COUNTER_NONE, "11.4.6"},
    {"time2wait", ORSP, 40, 2, 0, 16, COUNTER_NONE, "11.15.3"},
    {"time2retain", ORSP, 42, 2, 0, 16, COUNTER_NONE, "11.15.4"},
    {"beg-run", SNK, 40, 4, 0, 32, COUNTER_NONE, "11.16.6"},
    {"residual", RSP | DIN, 44, 4, 0, 32, COUNTER_NONE, "11.4.5"},
    {"desired-length", R2T, 44, 4, 0, 32, COUNTER_NONE, "11.8.4"},
    {"run-length", SNK, 44, 4, 0, 32, COUNTER_NONE, "11.16.7"},
};

#define FIELDS (sizeof fields / sizeof fields[0])

static const struct field *find(const char *name, uint64_t opcodes)
{
    for (size_t i = 0; i < FIELDS; i++)
        if (fields[i].opcodes & opcodes && strcmp(fields[i].name, name) == 0)
            return &fields[i];
    return NULL;
}

const struct field *field_find(const char *name, uint8_t opcode)
{
    return find(name, OPCODE(opcode & 0x3f));
}

const char *field_name(const char *name, uint64_t opcodes)
{
    const struct field *f = find(name, opcodes);
    return f ? f->name : NULL;
}

void field_list(uint64_t opcodes, char *out, size_t size)
{
    size_t len = 0;
    for (size_t i = 0; i < FIELDS && len < size; i++)
        if (fields[i].opcodes & opcodes && find(fields[i].name, opcodes) == &fields[i])
            len += (size_t)snprintf(out + len, size - len, "%s, ", fields[i].name);
    if (len < size)
        snprintf(out + len, size - len, "byte N");
}

static uint64_t mask(const struct field *f)
{
    return f->bits == 64 ? UINT64_MAX : (1ull << f->bits) - 1;
}

static uint64_t get_bytes(const uint8_t *p, uint32_t bytes)
{
    uint64_t v = 0;
    for (uint32_t i = 0; i < bytes; i++)
        v = v << 8 | p[i];
    return v;
}

uint64_t field_get(const struct field *f, const uint8_t *bhs)
{
    return get_bytes(bhs + f->offset, f->bytes) >> f->shift & mask(f);
}

void field_put(const struct field *f, uint8_t *bhs, uint64_t value)
{
    uint64_t keep = get_bytes(bhs + f->offset, f->bytes) & ~(mask(f) << f->shift);
    uint64_t all = keep | (value & mask(f)) << f->shift;
    for (uint32_t i = f->bytes; i > 0; i--, all >>= 8)
        bhs[f->offset + i - 1] = (uint8_t)all;
}

uint64_t field_max(const struct field *f)
{
    return mask(f);
}

uint64_t field_lun(uint64_t number)
{
    if (number < 256)
        return number << 48;
    return number < 16384 ? (0x4000 | number) << 48 : number;
}
