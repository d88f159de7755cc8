/* SPDX-License-Identifier: MIT */
/* SCSI Data-Out and Data-In (11.7), R2T (11.8). */
#include "wire/header.h"

#define DATA_ACKNOWLEDGE 0x40u
#define DATA_STATUS      0x01u
#define RESIDUAL_BITS    0x03u
#define RESIDUAL_AT      1

void put_data_out(uint8_t *bhs, const struct wire_data_out *d)
{
    header_start(bhs, WIRE_DATA_OUT, false, header_bit(d->final, HEADER_FINAL));
    put64(bhs + 8, d->lun);
    put32(bhs + 16, d->itt);
    put32(bhs + 20, d->ttt);
    put32(bhs + 28, d->exp_stat_sn);
    put32(bhs + 36, d->data_sn);
    put32(bhs + 40, d->buffer_offset);
}

void get_data_out(const uint8_t *bhs, struct wire_data_out *d)
{
    d->final = wire_final(bhs);
    d->lun = get64(bhs + 8);
    d->itt = get32(bhs + 16);
    d->ttt = get32(bhs + 20);
    d->exp_stat_sn = get32(bhs + 28);
    d->data_sn = get32(bhs + 36);
    d->buffer_offset = get32(bhs + 40);
}

/* The fields that mean something only together with S (11.7.3). */
static void put_data_in_status(uint8_t *bhs, const struct wire_data_in *d)
{
    bhs[1] |= (uint8_t)(DATA_STATUS | (d->residual_kind & RESIDUAL_BITS) << RESIDUAL_AT);
    bhs[3] = d->status;
    put32(bhs + 24, d->window.stat_sn);
    put32(bhs + 44, d->residual);
}

void put_data_in(uint8_t *bhs, const struct wire_data_in *d)
{
    header_start(bhs, WIRE_DATA_IN, false,
                 header_bit(d->final, HEADER_FINAL) | header_bit(d->acknowledge, DATA_ACKNOWLEDGE));
    put64(bhs + 8, d->lun);
    put32(bhs + 16, d->itt);
    put32(bhs + 20, d->ttt);
    put32(bhs + 28, d->window.exp_cmd_sn);
    put32(bhs + 32, d->window.max_cmd_sn);
    put32(bhs + 36, d->data_sn);
    put32(bhs + 40, d->buffer_offset);
    if (d->has_status)
        put_data_in_status(bhs, d);
}

static void get_data_in_status(const uint8_t *bhs, struct wire_data_in *d)
{
    d->status = d->has_status ? bhs[3] : 0;
    d->residual_kind = d->has_status ? bhs[1] >> RESIDUAL_AT & RESIDUAL_BITS : WIRE_RESIDUAL_NONE;
    d->residual = d->has_status ? get32(bhs + 44) : 0;
    d->window.stat_sn = d->has_status ? get32(bhs + 24) : 0;
}

void get_data_in(const uint8_t *bhs, struct wire_data_in *d)
{
    d->final = wire_final(bhs);
    d->acknowledge = bhs[1] & DATA_ACKNOWLEDGE;
    d->has_status = bhs[1] & DATA_STATUS;
    d->lun = get64(bhs + 8);
    d->itt = get32(bhs + 16);
    d->ttt = get32(bhs + 20);
    d->window.exp_cmd_sn = get32(bhs + 28);
    d->window.max_cmd_sn = get32(bhs + 32);
    d->data_sn = get32(bhs + 36);
    d->buffer_offset = get32(bhs + 40);
    get_data_in_status(bhs, d);
}

void put_r2t(uint8_t *bhs, const struct wire_r2t *r)
{
    header_start(bhs, WIRE_R2T, false, HEADER_FINAL);
    put64(bhs + 8, r->lun);
    put32(bhs + 16, r->itt);
    put32(bhs + 20, r->ttt);
    put_window(bhs, &r->window);
    put32(bhs + 36, r->r2t_sn);
    put32(bhs + 40, r->buffer_offset);
    put32(bhs + 44, r->desired_len);
}

void get_r2t(const uint8_t *bhs, struct wire_r2t *r)
{
    r->lun = get64(bhs + 8);
    r->itt = get32(bhs + 16);
    r->ttt = get32(bhs + 20);
    get_window(bhs, &r->window);
    r->r2t_sn = get32(bhs + 36);
    r->buffer_offset = get32(bhs + 40);
    r->desired_len = get32(bhs + 44);
}
