/* SPDX-License-Identifier: MIT */
/* Text Request (11.10) and Text Response (11.11). */
#include "wire/header.h"

static uint8_t flags(bool final, bool more)
{
    return header_bit(final, HEADER_FINAL) | header_bit(more, HEADER_CONTINUE);
}

void put_text_request(uint8_t *bhs, const struct wire_text_request *t)
{
    header_start(bhs, WIRE_TEXT_REQUEST, t->immediate, flags(t->final, t->more));
    put64(bhs + 8, t->lun);
    put32(bhs + 16, t->itt);
    put32(bhs + 20, t->ttt);
    put32(bhs + 24, t->cmd_sn);
    put32(bhs + 28, t->exp_stat_sn);
}

void get_text_request(const uint8_t *bhs, struct wire_text_request *t)
{
    t->immediate = wire_immediate(bhs);
    t->final = wire_final(bhs);
    t->more = bhs[1] & HEADER_CONTINUE;
    t->lun = get64(bhs + 8);
    t->itt = get32(bhs + 16);
    t->ttt = get32(bhs + 20);
    t->cmd_sn = get32(bhs + 24);
    t->exp_stat_sn = get32(bhs + 28);
}

void put_text_response(uint8_t *bhs, const struct wire_text_response *t)
{
    header_start(bhs, WIRE_TEXT_RESPONSE, false, flags(t->final, t->more));
    put64(bhs + 8, t->lun);
    put32(bhs + 16, t->itt);
    put32(bhs + 20, t->ttt);
    put_window(bhs, &t->window);
}

void get_text_response(const uint8_t *bhs, struct wire_text_response *t)
{
    t->final = wire_final(bhs);
    t->more = bhs[1] & HEADER_CONTINUE;
    t->lun = get64(bhs + 8);
    t->itt = get32(bhs + 16);
    t->ttt = get32(bhs + 20);
    get_window(bhs, &t->window);
}
