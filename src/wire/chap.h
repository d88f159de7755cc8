/* SPDX-License-Identifier: MIT */
/* CHAP arithmetic (RFC 1994; RFC 7143 12.1.3 and 9.2.1). No state: proto's login keeps the conversation. */
#ifndef WIRE_CHAP_H
#define WIRE_CHAP_H

#include "wire/crypto.h"
#include "wire/text.h"

#define CHAP_CHALLENGE_MAX 1024u /* bytes, 12.1.3 */
#define CHAP_CHALLENGE_MIN 16u   /* shorter ones from a peer are refused: too easily repeated */
#define CHAP_CHALLENGE_LEN 32u   /* what we send */
#define CHAP_SECRET_MIN    12u   /* 96 bits, 9.2.1 */
#define CHAP_SECRET_MAX    255u
#define CHAP_NAME_MAX      255u
#define CHAP_LIST_MAX      8u

/* response = H(id || secret || challenge); returns its length or 0 if the hash is missing. */
size_t chap_response(const struct wire_crypto *crypto, uint8_t algorithm, uint8_t id, const void *secret,
                     size_t secret_len, const void *challenge, size_t challenge_len,
                     uint8_t out[WIRE_HASH_MAX]);

/* What a peer gets who asks for nothing else: see doc/decisions/0002-chap-order.md. */
#define CHAP_ALGORITHMS "SHA3-256,SHA1,MD5,SHA256"

/* "SHA3-256,SHA256,SHA1,MD5", or some of them in any order; case and hyphens do not matter. Their numbers go
 * to `out`; returns how many there are, 0 if a word is unknown or there twice. */
size_t chap_algorithms_read(struct span words, uint8_t out[CHAP_LIST_MAX]);

/* Picks the first of the peer's list "8,6,5" that is in `ours`; returns 0 if none is. Malformed lists: -1. */
int chap_pick(struct span offered, const uint8_t *ours, size_t count);

/* Writes "CHAP_A=8,6,5\0". */
void chap_put_list(struct writer *w, const uint8_t *algorithms, size_t count);

size_t chap_digest_len(uint8_t algorithm); /* 16, 20, 32; 0 if unknown */

/* Constant time over `len`. */
bool chap_equal(const uint8_t *a, const uint8_t *b, size_t len);

#endif
