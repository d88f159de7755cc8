/* SPDX-License-Identifier: MIT */
/* What all headers share. */
#include "base/bytes.h"
#include "wire/pdu.h"

uint32_t wire_ahs_len(const uint8_t *bhs)
{
    return bhs[4] * 4u;
}

uint32_t wire_data_len(const uint8_t *bhs)
{
    return get24(bhs + 5);
}

uint32_t wire_itt(const uint8_t *bhs)
{
    return get32(bhs + 16);
}

void wire_set_lengths(uint8_t *bhs, uint32_t ahs_len, uint32_t data_len)
{
    bhs[4] = (uint8_t)(ahs_len / 4);
    put24(bhs + 5, data_len);
}

void put_window(uint8_t *bhs, const struct wire_window *w)
{
    put32(bhs + 24, w->stat_sn);
    put32(bhs + 28, w->exp_cmd_sn);
    put32(bhs + 32, w->max_cmd_sn);
}

void get_window(const uint8_t *bhs, struct wire_window *w)
{
    w->stat_sn = get32(bhs + 24);
    w->exp_cmd_sn = get32(bhs + 28);
    w->max_cmd_sn = get32(bhs + 32);
}

const char *wire_opcode_name(uint8_t opcode)
{
    static const char *const names[64] = {
        [WIRE_NOP_OUT] = "NOP-Out",
        [WIRE_SCSI_COMMAND] = "SCSI Command",
        [WIRE_TMF_REQUEST] = "Task Management Request",
        [WIRE_LOGIN_REQUEST] = "Login Request",
        [WIRE_TEXT_REQUEST] = "Text Request",
        [WIRE_DATA_OUT] = "SCSI Data-Out",
        [WIRE_LOGOUT_REQUEST] = "Logout Request",
        [WIRE_SNACK_REQUEST] = "SNACK Request",
        [WIRE_NOP_IN] = "NOP-In",
        [WIRE_SCSI_RESPONSE] = "SCSI Response",
        [WIRE_TMF_RESPONSE] = "Task Management Response",
        [WIRE_LOGIN_RESPONSE] = "Login Response",
        [WIRE_TEXT_RESPONSE] = "Text Response",
        [WIRE_DATA_IN] = "SCSI Data-In",
        [WIRE_LOGOUT_RESPONSE] = "Logout Response",
        [WIRE_R2T] = "R2T",
        [WIRE_ASYNC] = "Asynchronous Message",
        [WIRE_REJECT] = "Reject",
    };
    return opcode < 64 && names[opcode] ? names[opcode] : "unknown PDU";
}
