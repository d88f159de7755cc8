/* SPDX-License-Identifier: MIT */
/* Logout Request (11.14) and Logout Response (11.15). */
#include "wire/header.h"

#define REASON_MASK 0x7fu

void put_logout_request(uint8_t *bhs, const struct wire_logout_request *l)
{
    header_start(bhs, WIRE_LOGOUT_REQUEST, l->immediate, HEADER_FINAL | (l->reason & REASON_MASK));
    put32(bhs + 16, l->itt);
    put16(bhs + 20, l->cid);
    put32(bhs + 24, l->cmd_sn);
    put32(bhs + 28, l->exp_stat_sn);
}

void get_logout_request(const uint8_t *bhs, struct wire_logout_request *l)
{
    l->immediate = wire_immediate(bhs);
    l->reason = bhs[1] & REASON_MASK;
    l->itt = get32(bhs + 16);
    l->cid = get16(bhs + 20);
    l->cmd_sn = get32(bhs + 24);
    l->exp_stat_sn = get32(bhs + 28);
}

void put_logout_response(uint8_t *bhs, const struct wire_logout_response *l)
{
    header_start(bhs, WIRE_LOGOUT_RESPONSE, false, HEADER_FINAL);
    bhs[2] = l->response;
    put32(bhs + 16, l->itt);
    put_window(bhs, &l->window);
    put16(bhs + 40, l->time2wait_s);
    put16(bhs + 42, l->time2retain_s);
}

void get_logout_response(const uint8_t *bhs, struct wire_logout_response *l)
{
    l->response = bhs[2];
    l->itt = get32(bhs + 16);
    get_window(bhs, &l->window);
    l->time2wait_s = get16(bhs + 40);
    l->time2retain_s = get16(bhs + 42);
}
