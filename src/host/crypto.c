/* SPDX-License-Identifier: MIT */
#include "host/crypto.h"
#include "host/crc32c_host.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <sys/random.h>

/* CHAP algorithm numbers as libcrypto names them (RFC 1994; IANA's PPP authentication algorithms). */
static const struct {
    uint8_t algorithm;
    const EVP_MD *(*digest)(void);
} hashes[] = {
    {WIRE_CHAP_MD5, EVP_md5},
    {WIRE_CHAP_SHA1, EVP_sha1},
    {WIRE_CHAP_SHA256, EVP_sha256},
    {WIRE_CHAP_SHA3_256, EVP_sha3_256},
};

static const EVP_MD *digest_of(uint8_t algorithm)
{
    for (size_t i = 0; i < sizeof hashes / sizeof *hashes; i++)
        if (hashes[i].algorithm == algorithm)
            return hashes[i].digest();
    return NULL;
}

/* Init fails for what the running provider does not offer: MD5 under FIPS. */
static bool digest_pieces(EVP_MD_CTX *ctx, const EVP_MD *md, const void *const *pieces, const size_t *lens,
                          size_t count)
{
    if (!EVP_DigestInit_ex(ctx, md, NULL))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!EVP_DigestUpdate(ctx, pieces[i], lens[i]))
            return false;
    return true;
}

static size_t hash(uint8_t algorithm, const void *const *pieces, const size_t *lens, size_t count,
                   uint8_t out[WIRE_HASH_MAX])
{
    const EVP_MD *md = digest_of(algorithm);
    EVP_MD_CTX *ctx = md ? EVP_MD_CTX_new() : NULL;
    if (!ctx)
        return 0;
    unsigned len = 0;
    ERR_set_mark();
    if (!digest_pieces(ctx, md, pieces, lens, count) || !EVP_DigestFinal_ex(ctx, out, &len))
        len = 0;
    ERR_pop_to_mark(); /* the queue belongs to the program we live in */
    EVP_MD_CTX_free(ctx);
    return len;
}

/* The kernel's generator: nothing to seed, nothing to keep apart after a fork. */
static bool random_bytes(void *out, size_t len)
{
    uint8_t *p = out;
    while (len > 0) {
        ssize_t n = getrandom(p, len, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        p += n;
        len -= (size_t)n;
    }
    return true;
}

/* A table for each way of checksumming: it is chosen once, whoever calls through it finds nothing left to
 * ask. */
const struct wire_crypto *host_crypto(void)
{
#define WITH(name, usable, update, header) {hash, random_bytes, update, header},
    static const struct wire_crypto tables[] = {CRC32C_WAYS(WITH)};
    return &tables[crc32c_fastest()];
}
