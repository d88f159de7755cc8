/* SPDX-License-Identifier: MIT */
/* Private to floor wire: how every put_X() begins. */
#ifndef WIRE_HEADER_H
#define WIRE_HEADER_H

#include "base/bytes.h"
#include "wire/pdu.h"

#define HEADER_FINAL     0x80u /* byte 1: F, or T in login */
#define HEADER_CONTINUE  0x40u /* byte 1: C */
#define HEADER_IMMEDIATE 0x40u /* byte 0: I */

static inline uint8_t header_bit(bool on, uint32_t bit)
{
    return on ? (uint8_t)bit : 0;
}

/* Zeros, opcode and flags; a reserved field is then whatever nobody fills in. */
static inline void header_start(uint8_t *bhs, enum wire_opcode opcode, bool immediate, uint32_t flags)
{
    memset(bhs, 0, WIRE_BHS_LEN);
    bhs[0] = (uint8_t)opcode | header_bit(immediate, HEADER_IMMEDIATE);
    bhs[1] = (uint8_t)flags;
}

#endif
