/* SPDX-License-Identifier: MIT */
/* Negotiations. First half of the inputs: one side against arbitrary text. Other half: two of our sides with
 * arbitrary wishes, who must come to one mind. */
#include "fuzz.h"
#include "wire/keys.h"

#define REPLY_MAX 8192u

static const uint8_t stages[] = {KEY_SECURITY, KEY_OPERATIONAL, KEY_FULL_FEATURE};

static uint32_t some_choices(enum wire_key key, uint32_t seed)
{
    uint32_t count = key_rows[key].max + 1, first = seed % count, second = (seed >> 8) % count;
    return second == first ? CHOICES1(first) : CHOICES2(first, second);
}

/* Wishes for the keys that have values, from the input. */
static void wish(struct negotiation *n, struct reader *r)
{
    uint32_t offered = read32(r);
    for (int i = 0; i <= KEY_PROTOCOL_LEVEL; i++) {
        enum wire_key key = (enum wire_key)i;
        uint32_t seed = read32(r), mine = key_rows[key].type == KEY_LIST ? some_choices(key, seed) : seed;
        struct negotiation clamped = *n;
        negotiation_want(&clamped, key, mine);
        if (offered >> i & 1)
            *n = clamped;
        else
            n->mine[key] = clamped.mine[key];
    }
}

static void check_state(const struct negotiation *n)
{
    for (int i = 0; i <= KEY_PROTOCOL_LEVEL; i++) {
        const struct key_row *row = &key_rows[i];
        fuzz_check(n->agreed[i] >= row->min && n->agreed[i] <= row->max);
        if (row->type == KEY_LIST)
            fuzz_check(n->agreed[i] == row->initial || choices_have(n->mine[i], n->agreed[i]));
        if (row->type == KEY_NUMBER_MIN)
            fuzz_check(n->agreed[i] == row->initial || n->agreed[i] <= n->mine[i]);
        if (row->type == KEY_DECLARED_NUMBER)
            fuzz_check(n->theirs[i] >= row->min && n->theirs[i] <= row->max);
    }
    fuzz_check((n->open & ~n->sent) == 0 && n->pairs <= TEXT_PAIRS_MAX);
}

/* A reply has one whole pair, or nothing. */
static void check_reply(const uint8_t *reply, size_t len, int result)
{
    struct reader r = reader_over(reply, len);
    struct span key, value;
    fuzz_check(len == 0 || text_next(&r, &key, &value) == TEXT_PAIR);
    fuzz_check(text_next(&r, &key, &value) == TEXT_END);
    fuzz_check(len == 0 || result == NEGOTIATION_OK || result == NEGOTIATION_REFUSED);
}

static int take(struct negotiation *n, uint8_t where, struct span key, struct span value)
{
    uint8_t reply[128];
    struct negotiation before = *n;
    struct writer w = writer_over(reply, sizeof reply);
    enum wire_key offender = KEY_COUNT + 1;
    int result = negotiation_take(n, where, key, value, &w, &offender);
    check_reply(reply, writer_len(&w), result);
    fuzz_check(offender == key_find(key));
    if (result == NEGOTIATION_BAD || result == NEGOTIATION_FULL) {
        before.pairs = n->pairs;
        fuzz_check(memcmp(&before, n, sizeof before) == 0);
    }
    check_state(n);
    return result;
}

static void against_text(struct reader *r, uint8_t flags)
{
    struct negotiation n;
    uint8_t out[REPLY_MAX], where = stages[flags >> 4 & 1];
    struct span key, value;
    enum wire_key offender;
    negotiation_init(&n, flags & 2 ? ROLE_TARGET : ROLE_INITIATOR);
    n.leading = !(flags & 4);
    n.transport = flags & 8 ? KEY_ANY_TRANSPORT : KEY_TCP_ONLY;
    wish(&n, r);
    if (!r->ok)
        return;
    struct writer w = writer_over(out, sizeof out);
    negotiation_offer(&n, where, &w);
    fuzz_check(w.ok);
    check_state(&n);
    while (text_next(r, &key, &value) == TEXT_PAIR)
        if (take(&n, where, key, value) == NEGOTIATION_BAD)
            where = stages[key.len % 3]; /* a real side would stop; we go on elsewhere */
    negotiation_check(&n, &offender);
}

static size_t deliver(struct negotiation *to, const uint8_t *text, size_t len, uint8_t *out)
{
    struct reader r = reader_over(text, len);
    struct writer w = writer_over(out, REPLY_MAX);
    struct span key, value;
    enum wire_key offender;
    enum text_next next;
    while ((next = text_next(&r, &key, &value)) == TEXT_PAIR) {
        int result = negotiation_take(to, KEY_OPERATIONAL, key, value, &w, &offender);
        fuzz_check(result == NEGOTIATION_OK || result == NEGOTIATION_REFUSED);
    }
    fuzz_check(next == TEXT_END);
    negotiation_offer(to, KEY_OPERATIONAL, &w);
    fuzz_check(w.ok);
    check_state(to);
    return writer_len(&w);
}

static void against_each_other(struct reader *r)
{
    struct negotiation i, t;
    static uint8_t a[REPLY_MAX], b[REPLY_MAX];
    enum wire_key offender;
    negotiation_init(&i, ROLE_INITIATOR);
    negotiation_init(&t, ROLE_TARGET);
    wish(&i, r);
    wish(&t, r);
    t.discovery = false; /* only the initiator's word counts */
    struct writer w = writer_over(a, sizeof a);
    negotiation_offer(&i, KEY_OPERATIONAL, &w);
    if (!(i.sent >> KEY_SESSION_TYPE & 1))
        i.discovery = false;
    size_t len = deliver(&t, a, writer_len(&w), b);
    len = deliver(&i, b, len, a);
    len = deliver(&t, a, len, b);
    fuzz_check(len == 0 && i.open == 0 && t.open == 0);
    for (int key = 0; key <= KEY_PROTOCOL_LEVEL; key++)
        fuzz_check(i.agreed[key] == t.agreed[key]);
    fuzz_check(negotiation_check(&i, &offender) == negotiation_check(&t, &offender));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader r = reader_over(data, size);
    uint8_t flags = read8(&r);
    if (flags & 1)
        against_each_other(&r);
    else
        against_text(&r, flags);
    return 0;
}
