/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <stdlib.h>
#include <cmocka.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "host/crypto.h"

/* Digests of "abc" (RFC 1321 A.5; FIPS 180-4 and FIPS 202 examples). */
static const struct {
    uint8_t algorithm;
    size_t len;
    uint8_t digest[WIRE_HASH_MAX];
} abc[] = {
    {WIRE_CHAP_MD5,
     16,
     {0x90, 0x01, 0x50, 0x98, 0x3c, 0xd2, 0x4f, 0xb0, 0xd6, 0x96, 0x3f, 0x7d, 0x28, 0xe1, 0x7f, 0x72}},
    {WIRE_CHAP_SHA1, 20, {0xa9, 0x99, 0x3e, 0x36, 0x47, 0x06, 0x81, 0x6a, 0xba, 0x3e,
                          0x25, 0x71, 0x78, 0x50, 0xc2, 0x6c, 0x9c, 0xd0, 0xd8, 0x9d}},
    {WIRE_CHAP_SHA256, 32, {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40,
                            0xde, 0x5d, 0xae, 0x22, 0x23, 0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17,
                            0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad}},
    {WIRE_CHAP_SHA3_256, 32, {0x3a, 0x98, 0x5d, 0xa7, 0x4f, 0xe2, 0x25, 0xb2, 0x04, 0x5c, 0x17,
                              0x2d, 0x6b, 0xd3, 0x90, 0xbd, 0x85, 0x5f, 0x08, 0x6e, 0x3e, 0x9d,
                              0x52, 0x5b, 0x46, 0xbf, 0xe2, 0x45, 0x11, 0x43, 0x15, 0x32}},
};

static size_t hash_one(uint8_t algorithm, const char *text, uint8_t out[WIRE_HASH_MAX])
{
    const void *piece = text;
    size_t len = strlen(text);
    return host_crypto()->hash(algorithm, &piece, &len, 1, out);
}

static void known_digests(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof abc / sizeof *abc; i++) {
        uint8_t out[WIRE_HASH_MAX];
        assert_int_equal(hash_one(abc[i].algorithm, "abc", out), abc[i].len);
        assert_memory_equal(out, abc[i].digest, abc[i].len);
    }
}

/* CHAP hashes identifier, secret and challenge, which lie apart; an empty piece counts for nothing. */
static void pieces_are_one_text(void **state)
{
    (void)state;
    const void *pieces[] = {"a", "", "bc"};
    const size_t lens[] = {1, 0, 2};
    for (size_t i = 0; i < sizeof abc / sizeof *abc; i++) {
        uint8_t out[WIRE_HASH_MAX];
        assert_int_equal(host_crypto()->hash(abc[i].algorithm, pieces, lens, 3, out), abc[i].len);
        assert_memory_equal(out, abc[i].digest, abc[i].len);
    }
}

static void no_pieces_is_the_empty_text(void **state)
{
    (void)state;
    uint8_t none[WIRE_HASH_MAX], empty[WIRE_HASH_MAX];
    assert_int_equal(host_crypto()->hash(WIRE_CHAP_SHA256, NULL, NULL, 0, none), 32);
    assert_int_equal(hash_one(WIRE_CHAP_SHA256, "", empty), 32);
    assert_memory_equal(none, empty, 32);
}

static void unknown_algorithms_have_no_digest(void **state)
{
    (void)state;
    const int unknown[] = {0, 1, 4, 9, 255};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        uint8_t out[WIRE_HASH_MAX];
        assert_int_equal(hash_one((uint8_t)unknown[i], "abc", out), 0);
    }
}

/* Asking for a provider that is not there stands for one that lacks the hash, as FIPS lacks MD5. The
 * program's own queue of OpenSSL errors stays as it was. */
static void a_missing_hash_has_no_digest(void **state)
{
    (void)state;
    uint8_t out[WIRE_HASH_MAX];
    ERR_clear_error();
    assert_int_equal(EVP_set_default_properties(NULL, "provider=none-such"), 1);
    assert_int_equal(hash_one(WIRE_CHAP_MD5, "abc", out), 0);
    assert_int_equal(EVP_set_default_properties(NULL, ""), 1);
    assert_int_equal(ERR_peek_error(), 0);
    assert_int_equal(hash_one(WIRE_CHAP_MD5, "abc", out), 16);
}

static void random_fills_everything_and_differs(void **state)
{
    (void)state;
    enum { SIZE = 1 << 20 };
    uint8_t *a = calloc(1, SIZE), *b = calloc(1, SIZE);
    assert_true(host_crypto()->random(a, SIZE));
    assert_true(host_crypto()->random(b, SIZE));
    for (size_t at = 0; at < SIZE; at += 16) {
        static const uint8_t zero[16];
        assert_memory_not_equal(a + at, zero, 16);
        assert_memory_not_equal(a + at, b + at, 16);
    }
    free(a);
    free(b);
    assert_true(host_crypto()->random(NULL, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_digests),
        cmocka_unit_test(pieces_are_one_text),
        cmocka_unit_test(no_pieces_is_the_empty_text),
        cmocka_unit_test(unknown_algorithms_have_no_digest),
        cmocka_unit_test(a_missing_hash_has_no_digest),
        cmocka_unit_test(random_fills_everything_and_differs),
    };
    return cmocka_run_group_tests_name("host crypto", tests, NULL, NULL);
}
