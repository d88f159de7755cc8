/* SPDX-License-Identifier: MIT */
/* One direction of a connection's byte stream, cut into PDUs (RFC 7143 11.1, 11.2) for those who only look at
 * it. The framing is read again from the bytes themselves and shares nothing with the protocol core but the
 * digests' arithmetic: a witness that asked the accused for the facts would be none.
 *
 * Nothing is allocated and nothing refers to the stream's bytes: headers and the first SCAN_DATA_MAX bytes of
 * each data segment are kept, of SCSI data too. Bytes behind a PDU that cannot be framed are ignored. */
#ifndef STREAM_SCAN_H
#define STREAM_SCAN_H

#include "base/cursor.h"
#include "wire/crypto.h"
#include "wire/pdu.h"

#define SCAN_HEAD_MAX (WIRE_BHS_LEN + WIRE_AHS_MAX + WIRE_DIGEST_LEN)
#define SCAN_DATA_MAX 8192u                 /* a login or text segment fits (13.12) */
#define SCAN_TAIL_MAX (3 + WIRE_DIGEST_LEN) /* padding and digest */

/* A whole PDU as it passed; valid during the callback. */
struct scan_pdu {
    const uint8_t *bhs;
    const uint8_t *ahs;
    uint32_t ahs_len;
    const uint8_t *data;          /* the first `data_kept` bytes of the data segment */
    uint32_t data_kept, data_len; /* kept: fewer also where the stream ended within the PDU */
    const uint8_t *padding;
    uint32_t padding_len;
    bool header_digest_bad, data_digest_bad; /* only where digests are on */
    uint64_t offset;                         /* of its first byte in the stream */
};

struct scan {
    const struct wire_crypto *crypto;
    /* Set by the owner when full feature phase begins; login PDUs have none whatever these say (13.1). */
    bool header_digest, data_digest;
    bool lost; /* a header digest was wrong: where the next PDU begins is not known any more */
    void (*pdu)(void *owner, const struct scan_pdu *pdu);
    void *owner;

    /* inside the current PDU */
    uint64_t offset;
    uint32_t head_have, head_need, data_have, data_len, tail_have, tail_need, crc;
    bool header_digest_bad;
    uint8_t head[SCAN_HEAD_MAX];
    uint8_t tail[SCAN_TAIL_MAX];
    uint8_t data[SCAN_DATA_MAX];
};

void scan_init(struct scan *s, const struct wire_crypto *crypto,
               void (*pdu)(void *owner, const struct scan_pdu *pdu), void *owner);

/* The next bytes of the stream; calls `pdu` for every PDU they complete. */
void scan_bytes(struct scan *s, const uint8_t *bytes, uint64_t len);

/* The stream is over: a PDU that came in part, but with its whole header, is told of. */
void scan_end(struct scan *s);

/* Is the stream between two PDUs? */
static inline bool scan_at_boundary(const struct scan *s)
{
    return s->head_have == 0;
}

#endif
