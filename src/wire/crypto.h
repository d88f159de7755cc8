/* SPDX-License-Identifier: MIT */
/* What the pure floors need of the host: hashes, random bytes, fast CRC. Filled in by floor host (or a test)
 * and passed down as one table; nothing below it calls a library. */
#ifndef WIRE_CRYPTO_H
#define WIRE_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* CHAP algorithm numbers (IANA; RFC 1994, RFC 7143 12.1.3, RFC 7143 errata registry). */
enum wire_chap_algorithm {
    WIRE_CHAP_MD5 = 5,
    WIRE_CHAP_SHA1 = 6,
    WIRE_CHAP_SHA256 = 7,
    WIRE_CHAP_SHA3_256 = 8,
};

#define WIRE_HASH_MAX 32u

struct wire_crypto {
    /* Hash of the concatenation of `count` pieces with CHAP algorithm `algorithm`; returns the digest's
     * length, or 0 if the algorithm is not available. */
    size_t (*hash)(uint8_t algorithm, const void *const *pieces, const size_t *lens, size_t count,
                   uint8_t out[WIRE_HASH_MAX]);
    /* Fills with bytes from a cryptographic generator; false when there are none to be had. */
    bool (*random)(void *out, size_t len);
    /* Same contract as crc32c_table(), for data of any length. */
    uint32_t (*crc32c)(uint32_t state, const void *bytes, size_t len);
    /* And as crc32c_table_header(): most headers have 48 bytes, for which choosing a way takes longer than
     * they do. */
    uint32_t (*header_digest)(const void *header, size_t len);
};

#endif
