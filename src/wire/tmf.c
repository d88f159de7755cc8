/* SPDX-License-Identifier: MIT */
/* Task Management Function Request (11.5) and Response (11.6). */
#include "wire/header.h"

#define FUNCTION_MASK 0x7fu

void put_tmf_request(uint8_t *bhs, const struct wire_tmf_request *t)
{
    header_start(bhs, WIRE_TMF_REQUEST, t->immediate, HEADER_FINAL | (t->function & FUNCTION_MASK));
    put64(bhs + 8, t->lun);
    put32(bhs + 16, t->itt);
    put32(bhs + 20, t->referenced_tag);
    put32(bhs + 24, t->cmd_sn);
    put32(bhs + 28, t->exp_stat_sn);
    put32(bhs + 32, t->ref_cmd_sn);
    put32(bhs + 36, t->exp_data_sn);
}

void get_tmf_request(const uint8_t *bhs, struct wire_tmf_request *t)
{
    t->immediate = wire_immediate(bhs);
    t->function = bhs[1] & FUNCTION_MASK;
    t->lun = get64(bhs + 8);
    t->itt = get32(bhs + 16);
    t->referenced_tag = get32(bhs + 20);
    t->cmd_sn = get32(bhs + 24);
    t->exp_stat_sn = get32(bhs + 28);
    t->ref_cmd_sn = get32(bhs + 32);
    t->exp_data_sn = get32(bhs + 36);
}

void put_tmf_response(uint8_t *bhs, const struct wire_tmf_response *t)
{
    header_start(bhs, WIRE_TMF_RESPONSE, false, HEADER_FINAL);
    bhs[2] = t->response;
    put32(bhs + 16, t->itt);
    put_window(bhs, &t->window);
}

void get_tmf_response(const uint8_t *bhs, struct wire_tmf_response *t)
{
    t->response = bhs[2];
    t->itt = get32(bhs + 16);
    get_window(bhs, &t->window);
}
