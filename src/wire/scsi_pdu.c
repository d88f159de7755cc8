/* SPDX-License-Identifier: MIT */
/* SCSI Command (11.3) with its extended CDB (11.2.2.3), and SCSI Response (11.4). */
#include "base/cursor.h"
#include "wire/header.h"

#define COMMAND_READ  0x40u
#define COMMAND_WRITE 0x20u
#define ATTR_MASK     0x07u
#define RESIDUAL_BITS 0x03u /* overflow and underflow, as in enum wire_residual */
#define RESIDUAL_AT   1     /* shift of O and U in byte 1 */
#define BIDI_AT       3     /* shift of o and u */

#define AHS_EXTENDED_CDB 1u
#define AHS_CODE_MASK    0x3fu
#define AHS_CDB_SHORTER  15u /* AHSLength is the CDB's length less this */

void put_scsi_command(uint8_t *bhs, const struct wire_scsi_command *c)
{
    header_start(bhs, WIRE_SCSI_COMMAND, c->immediate,
                 header_bit(c->final, HEADER_FINAL) | header_bit(c->read, COMMAND_READ) |
                     header_bit(c->write, COMMAND_WRITE) | (c->attr & ATTR_MASK));
    put64(bhs + 8, c->lun);
    put32(bhs + 16, c->itt);
    put32(bhs + 20, c->edtl);
    put32(bhs + 24, c->cmd_sn);
    put32(bhs + 28, c->exp_stat_sn);
    memcpy(bhs + 32, c->cdb, WIRE_CDB_LEN);
}

void get_scsi_command(const uint8_t *bhs, struct wire_scsi_command *c)
{
    c->immediate = wire_immediate(bhs);
    c->final = wire_final(bhs);
    c->read = bhs[1] & COMMAND_READ;
    c->write = bhs[1] & COMMAND_WRITE;
    c->attr = bhs[1] & ATTR_MASK;
    c->lun = get64(bhs + 8);
    c->itt = get32(bhs + 16);
    c->edtl = get32(bhs + 20);
    c->cmd_sn = get32(bhs + 24);
    c->exp_stat_sn = get32(bhs + 28);
    memcpy(c->cdb, bhs + 32, WIRE_CDB_LEN);
}

void put_scsi_response(uint8_t *bhs, const struct wire_scsi_response *r)
{
    header_start(bhs, WIRE_SCSI_RESPONSE, false,
                 HEADER_FINAL | (r->residual_kind & RESIDUAL_BITS) << RESIDUAL_AT |
                     (r->bidi_residual_kind & RESIDUAL_BITS) << BIDI_AT);
    bhs[2] = r->response;
    bhs[3] = r->status;
    put32(bhs + 16, r->itt);
    put32(bhs + 20, r->snack_tag);
    put_window(bhs, &r->window);
    put32(bhs + 36, r->exp_data_sn);
    put32(bhs + 40, r->bidi_residual);
    put32(bhs + 44, r->residual);
}

void get_scsi_response(const uint8_t *bhs, struct wire_scsi_response *r)
{
    r->response = bhs[2];
    r->status = bhs[3];
    r->residual_kind = bhs[1] >> RESIDUAL_AT & RESIDUAL_BITS;
    r->bidi_residual_kind = bhs[1] >> BIDI_AT & RESIDUAL_BITS;
    r->itt = get32(bhs + 16);
    r->snack_tag = get32(bhs + 20);
    get_window(bhs, &r->window);
    r->exp_data_sn = get32(bhs + 36);
    r->bidi_residual = get32(bhs + 40);
    r->residual = get32(bhs + 44);
}

uint32_t put_ahs_cdb(uint8_t *ahs, const uint8_t *cdb, uint32_t cdb_len)
{
    if (cdb_len <= WIRE_CDB_LEN)
        return 0;
    uint32_t extra = cdb_len - WIRE_CDB_LEN, len = 4 + extra + wire_padding(extra);
    memset(ahs, 0, len);
    put16(ahs, (uint16_t)(cdb_len - AHS_CDB_SHORTER));
    ahs[2] = AHS_EXTENDED_CDB;
    memcpy(ahs + 4, cdb + WIRE_CDB_LEN, extra);
    return len;
}

/* One AHS: the code and the `len` bytes of content, which begin with the byte behind the type. */
static const uint8_t *read_ahs(struct reader *r, uint8_t *code, uint32_t *len)
{
    *len = read16(r);
    *code = read8(r) & AHS_CODE_MASK;
    const uint8_t *content = read_bytes(r, *len);
    read_bytes(r, wire_padding(3 + *len));
    return content;
}

/* Takes the content of an extended CDB AHS; returns the whole CDB's length or -1. */
static int take_extended_cdb(const uint8_t *content, uint32_t len, uint8_t cdb[WIRE_CDB_MAX])
{
    if (len < 2 || len > WIRE_CDB_MAX - AHS_CDB_SHORTER)
        return -1;
    memcpy(cdb + WIRE_CDB_LEN, content + 1, len - 1);
    return (int)(len + AHS_CDB_SHORTER);
}

int get_ahs_cdb(const uint8_t *ahs, uint32_t ahs_len, uint8_t cdb[WIRE_CDB_MAX])
{
    struct reader r = reader_over(ahs, ahs_len);
    int found = WIRE_CDB_LEN;
    while (reader_left(&r) > 0) {
        uint8_t code;
        uint32_t len;
        const uint8_t *content = read_ahs(&r, &code, &len);
        if (!r.ok)
            return -1;
        if (code != AHS_EXTENDED_CDB)
            continue;
        found = found == WIRE_CDB_LEN ? take_extended_cdb(content, len, cdb) : -1; /* two would contradict */
        if (found < 0)
            return -1;
    }
    return found;
}
