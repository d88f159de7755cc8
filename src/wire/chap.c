/* SPDX-License-Identifier: MIT */
#include "wire/chap.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

size_t chap_response(const struct wire_crypto *crypto, uint8_t algorithm, uint8_t id, const void *secret,
                     size_t secret_len, const void *challenge, size_t challenge_len,
                     uint8_t out[WIRE_HASH_MAX])
{
    const void *pieces[] = {&id, secret, challenge};
    const size_t lens[] = {1, secret_len, challenge_len};
    return crypto->hash(algorithm, pieces, lens, COUNT(pieces), out);
}

static bool is_one_of(uint64_t value, const uint8_t *set, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (set[i] == value)
            return true;
    return false;
}

int chap_pick(struct span offered, const uint8_t *ours, size_t count)
{
    int picked = 0;
    struct span item;
    for (size_t items = 0; span_item(&offered, &item); items++) {
        uint64_t algorithm;
        if (items == CHAP_LIST_MAX || !span_number(item, &algorithm))
            return -1;
        if (picked == 0 && is_one_of(algorithm, ours, count))
            picked = (int)algorithm;
    }
    return picked;
}

/* Room for eight numbers of three digits with commas. */
#define LIST_TEXT_MAX (4 * CHAP_LIST_MAX)

void chap_put_list(struct writer *w, const uint8_t *algorithms, size_t count)
{
    char text[LIST_TEXT_MAX + 1];
    struct writer list = writer_over(text, LIST_TEXT_MAX);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            write8(&list, ',');
        write_number(&list, algorithms[i]);
    }
    w->ok = w->ok && list.ok;
    text[writer_len(&list)] = '\0';
    text_put(w, "CHAP_A", text);
}

/* The algorithms there are. Words are in lower case and without hyphens here. */
static const struct {
    uint8_t number, digest_len;
    const char *word;
} rows[] = {
    {WIRE_CHAP_MD5, 16, "md5"},
    {WIRE_CHAP_SHA1, 20, "sha1"},
    {WIRE_CHAP_SHA256, 32, "sha256"},
    {WIRE_CHAP_SHA3_256, 32, "sha3256"},
};

size_t chap_digest_len(uint8_t algorithm)
{
    for (size_t i = 0; i < COUNT(rows); i++)
        if (rows[i].number == algorithm)
            return rows[i].digest_len;
    return 0;
}

static char folded(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static bool is_word(struct span s, const char *word)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.at[i] != '-' && (*word == '\0' || folded(s.at[i]) != *word++))
            return false;
    return *word == '\0';
}

static uint8_t number_of(struct span word)
{
    for (size_t i = 0; i < COUNT(rows); i++)
        if (is_word(word, rows[i].word))
            return rows[i].number;
    return 0;
}

size_t chap_algorithms_read(struct span words, uint8_t out[CHAP_LIST_MAX])
{
    size_t count = 0;
    struct span word;
    while (span_item(&words, &word)) {
        uint8_t number = number_of(word);
        if (number == 0 || count == CHAP_LIST_MAX || is_one_of(number, out, count))
            return 0;
        out[count++] = number;
    }
    return count;
}

bool chap_equal(const uint8_t *a, const uint8_t *b, size_t len)
{
    volatile uint8_t difference = 0; /* volatile: no early way out for the optimiser to find */
    for (size_t i = 0; i < len; i++)
        difference |= a[i] ^ b[i];
    return difference == 0;
}
