/* SPDX-License-Identifier: MIT */
/* Text segments: whatever a peer writes, in every stage and to both roles, is negotiated within the bounds of
 * the answer, and the answer is well-formed. The first byte chooses role, stage and kind of session. */
#include "fuzz.h"
#include "wire/chap.h"
#include "wire/keys.h"

#define ANSWER_MAX 2048u

static const uint8_t stages[] = {KEY_SECURITY, KEY_OPERATIONAL, KEY_FULL_FEATURE, KEY_OPERATIONAL};

static void start(struct negotiation *n, uint8_t choice)
{
    negotiation_init(n, choice & 1 ? ROLE_TARGET : ROLE_INITIATOR);
    n->discovery = choice & 8;
    n->leading = !(choice & 16);
    negotiation_want(n, KEY_HEADER_DIGEST, CHOICES2(DIGEST_CRC32C, DIGEST_NONE));
    negotiation_want(n, KEY_MAX_BURST_LENGTH, 1u << 20);
    negotiation_want(n, KEY_INITIAL_R2T, 0);
    negotiation_want(n, KEY_MAX_RECV_DATA_SEGMENT_LENGTH, 1u << 18);
}

static void well_formed(const struct writer *w)
{
    struct reader r = reader_over(w->start, writer_len(w));
    struct span key, value;
    enum text_next next;
    while ((next = text_next(&r, &key, &value)) == TEXT_PAIR)
        fuzz_check(value.len <= TEXT_VALUE_MAX);
    fuzz_check(next == TEXT_END);
}

static void look_at_value(struct span value)
{
    uint8_t binary[CHAP_CHALLENGE_MAX];
    char text[TEXT_VALUE_MAX + 1];
    uint64_t number;
    static const uint8_t ours[] = {WIRE_CHAP_SHA3_256, WIRE_CHAP_SHA1, WIRE_CHAP_MD5};

    long len = span_binary(value, binary, sizeof binary);
    fuzz_check(len >= -1 && len <= (long)sizeof binary);
    fuzz_check(!span_copy(value, text, sizeof text) || strlen(text) == value.len);
    (void)span_number(value, &number);
    int algorithm = chap_pick(value, ours, sizeof ours);
    fuzz_check(algorithm <= 0 || memchr(ours, algorithm, sizeof ours));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    struct negotiation n;
    struct span key, value;
    enum wire_key offender;
    uint8_t where = stages[data[0] >> 1 & 3];
    uint8_t *copy = fuzz_copy(data + 1, size - 1), *answer = malloc(ANSWER_MAX);
    struct reader r = reader_over(copy, size - 1);
    struct writer w = writer_over(answer, ANSWER_MAX);

    start(&n, data[0]);
    negotiation_offer(&n, where, &w);
    fuzz_check(w.ok);
    while (text_next(&r, &key, &value) == TEXT_PAIR) {
        look_at_value(value);
        int result = negotiation_take(&n, where, key, value, &w, &offender);
        fuzz_check(result <= NEGOTIATION_OK && result >= NEGOTIATION_FULL);
        fuzz_check(n.pairs <= TEXT_PAIRS_MAX || result == NEGOTIATION_FULL);
        if (result != NEGOTIATION_OK)
            break;
    }
    well_formed(&w);
    (void)negotiation_check(&n, &offender);
    free(answer);
    free(copy);
    return 0;
}
