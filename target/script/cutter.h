/* SPDX-License-Identifier: MIT */
/* Cuts one direction of a byte stream into whole PDUs (RFC 7143 11.1, 11.2), digests off. A PDU whose header
 * digest is wrong, and what follows it, cannot be framed: it passes as it is. */
#ifndef SCRIPT_CUTTER_H
#define SCRIPT_CUTTER_H

#include "script/parcel.h"

struct cutter {
    const struct wire_crypto *crypto;
    uint8_t to;                      /* enum directions: where its parcels go */
    bool header_digest, data_digest; /* set by the owner; login PDUs never have any */
    bool lost;                       /* nothing is framed any more */
    bool out_of_memory;

    /* inside the current PDU */
    struct parcel *parcel;
    uint32_t head_have, data_have, tail_have;
    uint32_t data_need; /* its length is set when all of it is there */
    uint32_t head_need, tail_need;
    uint8_t head[WIRE_BHS_LEN + WIRE_AHS_MAX + WIRE_DIGEST_LEN];
    uint8_t tail[3 + WIRE_DIGEST_LEN];
};

void cutter_init(struct cutter *c, const struct wire_crypto *crypto, uint8_t to);
void cutter_free(struct cutter *c);

/* Takes bytes from `*bytes` on, at most up to the end of a PDU; moves both along. Returns the PDU, which is
 * the caller's then, or NULL when all bytes are taken. */
struct parcel *cutter_take(struct cutter *c, const uint8_t **bytes, uint64_t *len);

#endif
