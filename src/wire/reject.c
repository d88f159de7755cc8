/* SPDX-License-Identifier: MIT */
/* Reject (11.17) and SNACK Request (11.16). */
#include "wire/header.h"

#define SNACK_TYPE_MASK 0x0fu

void put_reject(uint8_t *bhs, const struct wire_reject *r)
{
    header_start(bhs, WIRE_REJECT, false, HEADER_FINAL);
    bhs[2] = r->reason;
    put32(bhs + 16, WIRE_TAG_NONE);
    put_window(bhs, &r->window);
    put32(bhs + 36, r->data_sn);
}

void get_reject(const uint8_t *bhs, struct wire_reject *r)
{
    r->reason = bhs[2];
    get_window(bhs, &r->window);
    r->data_sn = get32(bhs + 36);
}

void put_snack(uint8_t *bhs, const struct wire_snack *s)
{
    header_start(bhs, WIRE_SNACK_REQUEST, false, HEADER_FINAL | (s->type & SNACK_TYPE_MASK));
    put64(bhs + 8, s->lun);
    put32(bhs + 16, s->itt);
    put32(bhs + 20, s->ttt_or_tag);
    put32(bhs + 28, s->exp_stat_sn);
    put32(bhs + 40, s->beg_run);
    put32(bhs + 44, s->run_length);
}

void get_snack(const uint8_t *bhs, struct wire_snack *s)
{
    s->type = bhs[1] & SNACK_TYPE_MASK;
    s->lun = get64(bhs + 8);
    s->itt = get32(bhs + 16);
    s->ttt_or_tag = get32(bhs + 20);
    s->exp_stat_sn = get32(bhs + 28);
    s->beg_run = get32(bhs + 40);
    s->run_length = get32(bhs + 44);
}

const char *wire_reject_text(uint8_t reason)
{
    static const char *const texts[] = {
        [WIRE_REJECT_DATA_DIGEST] = "data digest error",
        [WIRE_REJECT_SNACK] = "SNACK rejected",
        [WIRE_REJECT_PROTOCOL] = "protocol error",
        [WIRE_REJECT_COMMAND] = "command not supported",
        [WIRE_REJECT_TOO_MANY_IMMEDIATE] = "too many immediate commands",
        [WIRE_REJECT_TASK_IN_PROGRESS] = "task in progress",
        [WIRE_REJECT_INVALID_DATA_ACK] = "invalid data acknowledgment",
        [WIRE_REJECT_INVALID_FIELD] = "invalid PDU field",
        [WIRE_REJECT_LONG_OPERATION] = "no Target Transfer Tag left for a long operation",
        [WIRE_REJECT_NEGOTIATION_RESET] = "negotiation reset",
        [WIRE_REJECT_WAITING_FOR_LOGOUT] = "waiting for logout",
    };
    return reason < sizeof texts / sizeof texts[0] && texts[reason] ? texts[reason] : "unknown reason";
}
