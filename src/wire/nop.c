/* SPDX-License-Identifier: MIT */
/* NOP-Out (11.18) and NOP-In (11.19). */
#include "wire/header.h"

void put_nop_out(uint8_t *bhs, const struct wire_nop_out *n)
{
    header_start(bhs, WIRE_NOP_OUT, n->immediate, HEADER_FINAL);
    put64(bhs + 8, n->lun);
    put32(bhs + 16, n->itt);
    put32(bhs + 20, n->ttt);
    put32(bhs + 24, n->cmd_sn);
    put32(bhs + 28, n->exp_stat_sn);
}

void get_nop_out(const uint8_t *bhs, struct wire_nop_out *n)
{
    n->immediate = wire_immediate(bhs);
    n->lun = get64(bhs + 8);
    n->itt = get32(bhs + 16);
    n->ttt = get32(bhs + 20);
    n->cmd_sn = get32(bhs + 24);
    n->exp_stat_sn = get32(bhs + 28);
}

void put_nop_in(uint8_t *bhs, const struct wire_nop_in *n)
{
    header_start(bhs, WIRE_NOP_IN, false, HEADER_FINAL);
    put64(bhs + 8, n->lun);
    put32(bhs + 16, n->itt);
    put32(bhs + 20, n->ttt);
    put_window(bhs, &n->window);
}

void get_nop_in(const uint8_t *bhs, struct wire_nop_in *n)
{
    n->lun = get64(bhs + 8);
    n->itt = get32(bhs + 16);
    n->ttt = get32(bhs + 20);
    get_window(bhs, &n->window);
}
