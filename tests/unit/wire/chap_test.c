/* SPDX-License-Identifier: MIT */
/* CHAP with real hashes behind struct wire_crypto, and hostile lists and values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <openssl/evp.h>
#include "wire/chap.h"

#define SPAN(literal) ((struct span){literal, sizeof(literal) - 1})

static const char *digest_name(uint8_t algorithm)
{
    switch (algorithm) {
    case WIRE_CHAP_MD5:
        return "MD5";
    case WIRE_CHAP_SHA1:
        return "SHA1";
    case WIRE_CHAP_SHA256:
        return "SHA256";
    case WIRE_CHAP_SHA3_256:
        return "SHA3-256";
    default:
        return NULL;
    }
}

static size_t hash(uint8_t algorithm, const void *const *pieces, const size_t *lens, size_t count,
                   uint8_t out[WIRE_HASH_MAX])
{
    const char *name = digest_name(algorithm);
    unsigned len = 0;
    if (!name)
        return 0;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    assert_true(EVP_DigestInit_ex(context, EVP_get_digestbyname(name), NULL));
    for (size_t i = 0; i < count; i++)
        assert_true(EVP_DigestUpdate(context, pieces[i], lens[i]));
    assert_true(EVP_DigestFinal_ex(context, out, &len));
    EVP_MD_CTX_free(context);
    return len;
}

static const struct wire_crypto crypto = {.hash = hash};

struct vector {
    uint8_t algorithm;
    const char *response;
};

/* id 0x27, secret and challenge as below; computed with another implementation */
static const struct vector vectors[] = {
    {WIRE_CHAP_MD5, "0x968cfa1d3ef86dff7d8fdefb97047ae8"},
    {WIRE_CHAP_SHA1, "0x673ca67c9432bfe49a7f5445c455dee397c61d73"},
    {WIRE_CHAP_SHA256, "0x1e51dcad80652cbeb82700f6175ed8cadf7531fe738dae6c1c1819cd9570c109"},
    {WIRE_CHAP_SHA3_256, "0xde04d57cfa0821b2cf3422e9e2f7c7938e2db97583e5bdb77407881b48e30fc6"},
};

static const char secret[] = "correct horse battery";
static const char challenge_hex[] = "0x404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f";
static const char challenge_base64[] = "0bQEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8=";

static void answers_challenges(void **state)
{
    (void)state;
    const char *const spellings[] = {challenge_hex, challenge_base64};
    for (size_t i = 0; i < 2 * sizeof vectors / sizeof vectors[0]; i++) {
        const struct vector *v = &vectors[i / 2];
        const char *spelling = spellings[i % 2];
        uint8_t challenge[CHAP_CHALLENGE_MAX], expected[WIRE_HASH_MAX], got[WIRE_HASH_MAX];
        long len = span_binary((struct span){spelling, strlen(spelling)}, challenge, sizeof challenge);
        assert_int_equal(len, 32);
        long expected_len =
            span_binary((struct span){v->response, strlen(v->response)}, expected, sizeof expected);
        size_t got_len =
            chap_response(&crypto, v->algorithm, 0x27, secret, strlen(secret), challenge, (size_t)len, got);
        assert_int_equal(got_len, expected_len);
        assert_int_equal(got_len, chap_digest_len(v->algorithm));
        assert_true(chap_equal(got, expected, got_len));
    }
}

static void every_ingredient_counts(void **state)
{
    (void)state;
    uint8_t base[WIRE_HASH_MAX], other[WIRE_HASH_MAX];
    chap_response(&crypto, WIRE_CHAP_SHA256, 1, "secretsecret", 12, "challenge", 9, base);
    chap_response(&crypto, WIRE_CHAP_SHA256, 2, "secretsecret", 12, "challenge", 9, other);
    assert_false(chap_equal(base, other, 32));
    chap_response(&crypto, WIRE_CHAP_SHA256, 1, "secretsecreT", 12, "challenge", 9, other);
    assert_false(chap_equal(base, other, 32));
    chap_response(&crypto, WIRE_CHAP_SHA256, 1, "secretsecret", 12, "challengE", 9, other);
    assert_false(chap_equal(base, other, 32));
    chap_response(&crypto, WIRE_CHAP_SHA256, 1, "secretsecretchallenge", 21, "", 0, other);
    assert_true(chap_equal(base, other, 32)); /* nothing but the concatenation */
}

static void has_no_answer_for_an_unknown_hash(void **state)
{
    (void)state;
    uint8_t out[WIRE_HASH_MAX];
    assert_int_equal(chap_response(&crypto, 9, 1, "s", 1, "c", 1, out), 0);
}

static void takes_the_longest_challenge(void **state)
{
    (void)state;
    static uint8_t challenge[CHAP_CHALLENGE_MAX + 1], back[CHAP_CHALLENGE_MAX + 1];
    static char text[2 * sizeof challenge + 16];
    memset(challenge, 0xa5, sizeof challenge);
    for (size_t len = CHAP_CHALLENGE_MAX; len <= CHAP_CHALLENGE_MAX + 1; len++) {
        struct writer w = writer_over(text, sizeof text);
        text_put_hex(&w, "CHAP_C", challenge, len);
        struct span value = {text + 7, writer_len(&w) - 8};
        back[CHAP_CHALLENGE_MAX] = 0x11;
        assert_int_equal(span_binary(value, back, CHAP_CHALLENGE_MAX), len == CHAP_CHALLENGE_MAX ? 1024 : -1);
        assert_int_equal(back[CHAP_CHALLENGE_MAX], 0x11);
    }
    assert_memory_equal(back, challenge, CHAP_CHALLENGE_MAX);
}

/* Every length a challenge may have, in each spelling there is, written by somebody else. */
static void reads_every_length_in_every_spelling(void **state)
{
    (void)state;
    static uint8_t challenge[CHAP_CHALLENGE_MAX + 1], back[CHAP_CHALLENGE_MAX];
    static char hex[2 * sizeof challenge + 3], base64[2 * sizeof challenge + 3];
    for (size_t i = 0; i < sizeof challenge; i++)
        challenge[i] = (uint8_t)(i * 167 + 13);
    for (size_t len = 1; len <= sizeof challenge; len++) {
        strcpy(hex, len % 2 ? "0x" : "0X");
        for (size_t i = 0; i < len; i++)
            sprintf(hex + 2 + 2 * i, i % 3 ? "%02x" : "%02X", challenge[i]);
        strcpy(base64, len % 2 ? "0B" : "0b");
        EVP_EncodeBlock((unsigned char *)base64 + 2, challenge, (int)len);
        const char *const spellings[] = {hex, base64};
        for (size_t i = 0; i < 2; i++) {
            long expected = len <= sizeof back ? (long)len : -1;
            assert_int_equal(
                span_binary((struct span){spellings[i], strlen(spellings[i])}, back, sizeof back), expected);
            assert_true(expected < 0 || memcmp(back, challenge, len) == 0);
        }
    }
}

struct pick_row {
    const char *offered;
    int picked;
};

static const uint8_t ours[] = {8, 7, 6, 5};
static const struct pick_row pick_rows[] = {
    {"5", 5},
    {"8,6,5", 8},
    {"6,8,5", 6},
    {"1,2,5", 5},
    {"0x7", 7},
    {"1,2,3", 0},
    {"4", 0},
    {"0", 0},
    {"256,5", 5},
    {"18446744073709551615,6", 6},
    {"261", 0}, /* 5 in its low byte */
    {"", -1},
    {",", -1},
    {"5,", -1},
    {",5", -1},
    {"5,,6", -1},
    {"5 ,6", -1},
    {"5;6", -1},
    {"MD5", -1},
    {"5,x", -1},
    {"-5", -1},
    {"05", -1},
    {"1,2,3,4,9,10,11,5", 5},
    {"1,2,3,4,9,10,11,12,5", -1},
    {"5,5", 5},
    {"18446744073709551616", -1},
    {"Reject", -1},
};

static void picks_the_peer_s_first(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof pick_rows / sizeof pick_rows[0]; i++) {
        struct span offered = {pick_rows[i].offered, strlen(pick_rows[i].offered)};
        int picked = chap_pick(offered, ours, sizeof ours);
        if (picked != pick_rows[i].picked)
            fail_msg("%s: %d", pick_rows[i].offered, picked);
    }
    assert_int_equal(chap_pick(SPAN("8,7,6"), ours + 3, 1), 0);
    assert_int_equal(chap_pick(SPAN("5"), ours, 0), 0);
}

static void puts_its_list(void **state)
{
    (void)state;
    char out[64];
    struct writer w = writer_over(out, sizeof out);
    chap_put_list(&w, ours, sizeof ours);
    assert_true(w.ok);
    assert_int_equal(writer_len(&w), sizeof "CHAP_A=8,7,6,5");
    assert_memory_equal(out, "CHAP_A=8,7,6,5", sizeof "CHAP_A=8,7,6,5");
    w = writer_over(out, sizeof out);
    chap_put_list(&w, ours + 3, 1);
    assert_string_equal(out, "CHAP_A=5");
    w = writer_over(out, 14);
    chap_put_list(&w, ours, sizeof ours);
    assert_false(w.ok);
    assert_int_equal(writer_len(&w), 0);
}

static void puts_the_longest_list(void **state)
{
    (void)state;
    static const uint8_t longest[CHAP_LIST_MAX] = {248, 249, 250, 251, 252, 253, 254, 255};
    uint8_t too_many[40];
    char out[64];
    memset(too_many, 255, sizeof too_many);
    struct writer w = writer_over(out, sizeof out);
    chap_put_list(&w, longest, CHAP_LIST_MAX);
    assert_string_equal(out, "CHAP_A=248,249,250,251,252,253,254,255");
    w = writer_over(out, sizeof out);
    chap_put_list(&w, too_many, sizeof too_many);
    assert_false(w.ok);
    assert_int_equal(writer_len(&w), 0);
}

struct words_row {
    const char *words;
    size_t count;
    uint8_t numbers[4];
};

static const struct words_row words_rows[] = {
    {CHAP_ALGORITHMS, 4, {8, 6, 5, 7}},
    {"SHA3-256,SHA256,SHA1,MD5", 4, {8, 7, 6, 5}},
    {"md5,sha1,sha256,sha3-256", 4, {5, 6, 7, 8}},
    {"SHA-256", 1, {7}},
    {"Sha3256,SHA-1", 2, {8, 6}},
    {"sha3-256", 1, {8}},
    {"", 0, {0}},
    {",", 0, {0}},
    {"MD5,", 0, {0}},
    {",MD5", 0, {0}},
    {"MD5,,SHA1", 0, {0}},
    {"MD5,MD5", 0, {0}},
    {"SHA1,MD5,SHA-1", 0, {0}},
    {"MD4", 0, {0}},
    {"MD", 0, {0}},
    {"MD55", 0, {0}},
    {"SHA", 0, {0}},
    {"SHA2-256", 0, {0}},
    {"MD5 ", 0, {0}},
    {" MD5", 0, {0}},
    {"MD5;SHA1", 0, {0}},
    {"5", 0, {0}},
    {"-", 0, {0}},
    {"None", 0, {0}},
};

static void reads_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof words_rows / sizeof words_rows[0]; i++) {
        const struct words_row *row = &words_rows[i];
        uint8_t out[CHAP_LIST_MAX + 1];
        memset(out, 0x77, sizeof out);
        size_t count = chap_algorithms_read((struct span){row->words, strlen(row->words)}, out);
        if (count != row->count || memcmp(out, row->numbers, count) != 0)
            fail_msg("%s: %zu", row->words, count);
        assert_int_equal(out[CHAP_LIST_MAX], 0x77);
    }
    uint8_t out[CHAP_LIST_MAX];
    assert_int_equal(chap_algorithms_read(SPAN("MD5\0"), out), 0);
}

static void knows_digest_lengths(void **state)
{
    (void)state;
    for (unsigned algorithm = 0; algorithm < 256; algorithm++) {
        size_t expected = algorithm == 5                     ? 16
                          : algorithm == 6                   ? 20
                          : algorithm == 7 || algorithm == 8 ? 32
                                                             : 0;
        assert_int_equal(chap_digest_len((uint8_t)algorithm), expected);
    }
}

static void compares_every_byte(void **state)
{
    (void)state;
    uint8_t a[32] = {0}, b[32] = {0};
    assert_true(chap_equal(a, b, sizeof a));
    for (size_t i = 0; i < sizeof a; i++) {
        for (int bit = 0; bit < 8; bit++) {
            b[i] = (uint8_t)(1 << bit);
            assert_false(chap_equal(a, b, sizeof a));
            assert_true(chap_equal(a, b, i));
        }
        b[i] = 0;
    }
    assert_true(chap_equal(a, b, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_challenges),
        cmocka_unit_test(every_ingredient_counts),
        cmocka_unit_test(has_no_answer_for_an_unknown_hash),
        cmocka_unit_test(takes_the_longest_challenge),
        cmocka_unit_test(reads_every_length_in_every_spelling),
        cmocka_unit_test(picks_the_peer_s_first),
        cmocka_unit_test(puts_its_list),
        cmocka_unit_test(puts_the_longest_list),
        cmocka_unit_test(reads_words),
        cmocka_unit_test(knows_digest_lengths),
        cmocka_unit_test(compares_every_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
