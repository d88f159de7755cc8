/* SPDX-License-Identifier: MIT */
#include "script/cutter.h"
#include <string.h>
#include "base/bytes.h"
#include "wire/crc32c.h"

#define BARE_MAX (64u * 1024) /* bytes of a stream that is lost, at a time */

static void begin(struct cutter *c)
{
    c->parcel = NULL;
    c->head_have = c->data_have = c->tail_have = c->tail_need = 0;
    c->head_need = WIRE_BHS_LEN;
}

void cutter_init(struct cutter *c, const struct wire_crypto *crypto, uint8_t to)
{
    memset(c, 0, sizeof *c);
    c->crypto = crypto;
    c->to = to;
    begin(c);
}

void cutter_free(struct cutter *c)
{
    parcel_free(c->parcel);
    begin(c);
}

static uint32_t least(uint64_t a, uint64_t b)
{
    return (uint32_t)(a < b ? a : b);
}

/* Moves up to `need - *have` bytes to `to`; true when it is full. */
static bool fill(uint8_t *to, uint32_t *have, uint32_t need, const uint8_t **bytes, uint64_t *len)
{
    uint32_t n = least(*len, need - *have);
    if (n)
        memcpy(to + *have, *bytes, n);
    *have += n;
    *bytes += n;
    *len -= n;
    return *have == need;
}

static bool is_login(const uint8_t *head)
{
    return wire_opcode(head) == WIRE_LOGIN_REQUEST || wire_opcode(head) == WIRE_LOGIN_RESPONSE;
}

static uint32_t digest(const struct cutter *c, const uint8_t *bytes, uint32_t len, const uint8_t *more,
                       uint32_t more_len)
{
    uint32_t crc = c->crypto->crc32c(CRC32C_INIT, bytes, len);
    return crc32c_final(more_len ? c->crypto->crc32c(crc, more, more_len) : crc);
}

static uint32_t header_digest_len(const struct cutter *c)
{
    return c->header_digest && !is_login(c->head) ? WIRE_DIGEST_LEN : 0;
}

/* --- parts of a PDU --- */

/* The header is whole. false: it is not to be believed. */
static bool head_sound(const struct cutter *c)
{
    uint32_t len = WIRE_BHS_LEN + wire_ahs_len(c->head);
    return !header_digest_len(c) || digest(c, c->head, len, NULL, 0) == get32_le(c->head + len);
}

static bool out_of_memory(struct cutter *c)
{
    c->out_of_memory = true;
    return false;
}

static bool open_parcel(struct cutter *c)
{
    struct parcel *p = c->parcel = parcel_new(0, c->to);
    if (!p)
        return out_of_memory(c);
    p->ahs_len = wire_ahs_len(c->head);
    memcpy(p->head, c->head, WIRE_BHS_LEN + p->ahs_len);
    c->data_need = wire_data_len(c->head);
    bool digested = c->data_digest && !is_login(c->head) && c->data_need > 0;
    c->tail_need = wire_padding(c->data_need) + (digested ? WIRE_DIGEST_LEN : 0);
    return true;
}

/* Memory comes as data does: a length is only a claim. */
static bool take_data(struct cutter *c, const uint8_t **bytes, uint64_t *len)
{
    struct parcel *p = c->parcel;
    uint64_t due = c->data_have + *len < c->data_need ? c->data_have + *len : c->data_need;
    if (due > p->data_size) {
        uint64_t twice = 2ull * p->data_size;
        uint64_t size = twice > due ? (twice < c->data_need ? twice : c->data_need) : due;
        if (!parcel_reserve(p, (uint32_t)size))
            return out_of_memory(c);
    }
    return fill(p->data, &c->data_have, c->data_need, bytes, len);
}

/* Padding is part of the digest (11.2.3). */
static struct parcel *close_parcel(struct cutter *c)
{
    struct parcel *p = c->parcel;
    uint32_t pad = wire_padding(c->data_need);
    p->data_len = c->data_need;
    if (c->tail_need > pad)
        p->data_xor = digest(c, p->data, p->data_len, c->tail, pad) ^ get32_le(c->tail + pad);
    memcpy(p->pad, c->tail, pad);
    begin(c);
    return p;
}

static struct parcel *give_up(struct cutter *c)
{
    struct parcel *p = parcel_bare(c->head, c->head_have, c->to);
    c->lost = true;
    c->out_of_memory = !p;
    begin(c);
    return p;
}

static struct parcel *take_lost(struct cutter *c, const uint8_t **bytes, uint64_t *len)
{
    uint32_t n = least(*len, BARE_MAX);
    struct parcel *p = n ? parcel_bare(*bytes, n, c->to) : NULL;
    c->out_of_memory = n && !p;
    *bytes += n;
    *len -= n;
    return p;
}

/* true: the header is whole and there is a parcel for it. */
static bool take_head(struct cutter *c, const uint8_t **bytes, uint64_t *len, struct parcel **lost)
{
    if (!fill(c->head, &c->head_have, c->head_need, bytes, len))
        return false;
    c->head_need = WIRE_BHS_LEN + wire_ahs_len(c->head) + header_digest_len(c);
    if (!fill(c->head, &c->head_have, c->head_need, bytes, len))
        return false;
    if (!head_sound(c)) {
        *lost = give_up(c);
        return false;
    }
    return open_parcel(c);
}

struct parcel *cutter_take(struct cutter *c, const uint8_t **bytes, uint64_t *len)
{
    struct parcel *lost = NULL;
    if (c->lost)
        return take_lost(c, bytes, len);
    if (!c->parcel && !take_head(c, bytes, len, &lost))
        return lost;
    if (!take_data(c, bytes, len) || !fill(c->tail, &c->tail_have, c->tail_need, bytes, len))
        return NULL;
    return close_parcel(c);
}
