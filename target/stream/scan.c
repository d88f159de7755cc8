/* SPDX-License-Identifier: MIT */
#include "stream/scan.h"
#include <string.h>
#include "base/bytes.h"
#include "wire/crc32c.h"

static void next_pdu(struct scan *s)
{
    s->head_have = s->data_have = s->data_len = s->tail_have = s->tail_need = 0;
    s->head_need = WIRE_BHS_LEN;
    s->header_digest_bad = false;
    s->crc = CRC32C_INIT;
}

void scan_init(struct scan *s, const struct wire_crypto *crypto,
               void (*pdu)(void *owner, const struct scan_pdu *pdu), void *owner)
{
    memset(s, 0, sizeof *s);
    s->crypto = crypto;
    s->pdu = pdu;
    s->owner = owner;
    next_pdu(s);
}

static uint32_t least(uint64_t a, uint64_t b)
{
    return (uint32_t)(a < b ? a : b);
}

static bool is_login(const struct scan *s)
{
    uint8_t opcode = wire_opcode(s->head);
    return opcode == WIRE_LOGIN_REQUEST || opcode == WIRE_LOGIN_RESPONSE;
}

static bool has_header_digest(const struct scan *s)
{
    return s->header_digest && !is_login(s);
}

static bool has_data_digest(const struct scan *s)
{
    return s->data_digest && !is_login(s) && s->data_len > 0;
}

/* --- the end of a PDU --- */

static bool is_whole(const struct scan *s)
{
    return s->data_have == s->data_len && s->tail_have == s->tail_need;
}

static bool data_digest_bad(const struct scan *s)
{
    return is_whole(s) && has_data_digest(s) &&
           crc32c_final(s->crc) != get32_le(s->tail + wire_padding(s->data_len));
}

static void finish(struct scan *s)
{
    uint32_t ahs_len = wire_ahs_len(s->head);
    struct scan_pdu pdu = {
        .bhs = s->head,
        .ahs = s->head + WIRE_BHS_LEN,
        .ahs_len = ahs_len,
        .data = s->data,
        .data_kept = least(s->data_have, SCAN_DATA_MAX),
        .data_len = s->data_len,
        .padding = s->tail,
        .padding_len = is_whole(s) ? wire_padding(s->data_len) : 0,
        .header_digest_bad = s->header_digest_bad,
        .data_digest_bad = data_digest_bad(s),
        .offset = s->offset,
    };
    s->offset += s->head_need + (uint64_t)s->data_len + s->tail_need;
    s->lost = s->header_digest_bad;
    s->pdu(s->owner, &pdu);
    next_pdu(s);
}

/* --- its parts --- */

/* The header is whole: how much follows it. A header that is damaged is told of as it is, and is the last. */
static void head_done(struct scan *s)
{
    uint32_t len = WIRE_BHS_LEN + wire_ahs_len(s->head);
    if (has_header_digest(s))
        s->header_digest_bad =
            crc32c_final(s->crypto->crc32c(CRC32C_INIT, s->head, len)) != get32_le(s->head + len);
    s->data_len = s->header_digest_bad ? 0 : wire_data_len(s->head);
    s->tail_need = wire_padding(s->data_len) + (has_data_digest(s) ? WIRE_DIGEST_LEN : 0);
    if (s->data_len == 0)
        finish(s);
}

static uint64_t take_head(struct scan *s, const uint8_t *bytes, uint64_t len)
{
    uint32_t n = least(len, s->head_need - s->head_have);
    memcpy(s->head + s->head_have, bytes, n);
    s->head_have += n;
    if (s->head_have < s->head_need)
        return n;
    uint32_t whole = WIRE_BHS_LEN + wire_ahs_len(s->head) + (has_header_digest(s) ? WIRE_DIGEST_LEN : 0);
    if (s->head_need < whole)
        s->head_need = whole;
    else
        head_done(s);
    return n;
}

static uint64_t take_data(struct scan *s, const uint8_t *bytes, uint64_t len)
{
    uint32_t n = least(len, s->data_len - s->data_have);
    if (s->data_have < SCAN_DATA_MAX)
        memcpy(s->data + s->data_have, bytes, least(n, SCAN_DATA_MAX - s->data_have));
    if (has_data_digest(s))
        s->crc = s->crypto->crc32c(s->crc, bytes, n);
    s->data_have += n;
    if (s->data_have == s->data_len && s->tail_need == 0)
        finish(s);
    return n;
}

/* Padding is part of the digest (11.2.3). */
static uint64_t take_tail(struct scan *s, const uint8_t *bytes, uint64_t len)
{
    uint32_t n = least(len, s->tail_need - s->tail_have);
    memcpy(s->tail + s->tail_have, bytes, n);
    s->tail_have += n;
    if (s->tail_have < s->tail_need)
        return n;
    if (has_data_digest(s))
        s->crc = s->crypto->crc32c(s->crc, s->tail, wire_padding(s->data_len));
    finish(s);
    return n;
}

/* A header that is whole without a data segment ends in head_done(): beyond it there is always something due.
 */
static uint64_t take(struct scan *s, const uint8_t *bytes, uint64_t len)
{
    if (s->data_len == 0)
        return take_head(s, bytes, len);
    if (s->data_have < s->data_len)
        return take_data(s, bytes, len);
    return take_tail(s, bytes, len);
}

void scan_bytes(struct scan *s, const uint8_t *bytes, uint64_t len)
{
    for (uint64_t done = 0; done < len && !s->lost;)
        done += take(s, bytes + done, len - done);
}

/* With a data segment to come the header is behind us. */
void scan_end(struct scan *s)
{
    if (s->data_len > 0 && !s->lost)
        finish(s);
}
