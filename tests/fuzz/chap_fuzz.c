/* SPDX-License-Identifier: MIT */
/* CHAP: the peer's algorithm list, its challenge in either spelling, and our list read back. */
#include "fuzz.h"
#include "wire/chap.h"

static const uint8_t ours[] = {8, 7, 6, 5};

/* No hash, but a function of all bytes and of no others. */
static size_t toy_hash(uint8_t algorithm, const void *const *pieces, const size_t *lens, size_t count,
                       uint8_t out[WIRE_HASH_MAX])
{
    size_t len = chap_digest_len(algorithm), at = 0;
    memset(out, algorithm, WIRE_HASH_MAX);
    for (size_t i = 0; len > 0 && i < count; i++)
        for (size_t j = 0; j < lens[i]; j++, at++)
            out[at % len] = (uint8_t)(out[at % len] * 31 + ((const uint8_t *)pieces[i])[j]);
    return len;
}

static void check_pick(struct span list)
{
    int picked = chap_pick(list, ours, sizeof ours);
    fuzz_check(picked == -1 || picked == 0 || (picked >= 5 && picked <= 8));
    if (picked > 0)
        fuzz_check(list.len > 0 && chap_pick(list, (uint8_t[]){(uint8_t)picked}, 1) == picked);
    fuzz_check(chap_pick(list, NULL, 0) == (picked < 0 ? -1 : 0));
}

static void check_words(struct span words)
{
    uint8_t out[CHAP_LIST_MAX];
    size_t count = chap_algorithms_read(words, out);
    fuzz_check(count <= 4);
    for (size_t i = 0; i < count; i++)
        fuzz_check(chap_digest_len(out[i]) > 0);
}

static void check_challenge(struct span value)
{
    static const struct wire_crypto crypto = {.hash = toy_hash};
    uint8_t challenge[CHAP_CHALLENGE_MAX], a[WIRE_HASH_MAX], b[WIRE_HASH_MAX];
    long len = span_binary(value, challenge, sizeof challenge);
    fuzz_check(len >= -1 && len <= (long)sizeof challenge);
    if (len < 0)
        return;
    size_t digest =
        chap_response(&crypto, WIRE_CHAP_SHA256, 7, "0123456789ab", 12, challenge, (size_t)len, a);
    fuzz_check(digest == 32 && chap_equal(a, a, digest));
    challenge[len - 1] ^= 1;
    chap_response(&crypto, WIRE_CHAP_SHA256, 7, "0123456789ab", 12, challenge, (size_t)len, b);
    fuzz_check(!chap_equal(a, b, digest));
}

static void check_list(const uint8_t *algorithms, size_t count)
{
    char text[64];
    struct writer w = writer_over(text, sizeof text);
    chap_put_list(&w, algorithms, count);
    fuzz_check(w.ok && count <= CHAP_LIST_MAX);
    int expected = 0;
    for (size_t i = count; i-- > 0;)
        expected = algorithms[i] >= 5 && algorithms[i] <= 8 ? algorithms[i] : expected;
    struct span list = {text + 7, writer_len(&w) - 8};
    fuzz_check(chap_pick(list, ours, sizeof ours) == expected);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = {(const char *)data, size};
    check_pick(text);
    check_words(text);
    check_challenge(text);
    if (size >= 1 && size <= CHAP_LIST_MAX)
        check_list(data, size);
    return 0;
}
