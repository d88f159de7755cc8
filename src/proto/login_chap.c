/* SPDX-License-Identifier: MIT */
/* CHAP in the login, as far as both roles do the same (RFC 7143 12.1.3, 9.2.1). */
#include "proto/core.h"

/* --- keys --- */

static const char *take_byte(struct span value, uint8_t *out, const char *flaw)
{
    uint64_t number;
    if (!span_number(value, &number) || number > 255)
        return flaw;
    *out = (uint8_t)number;
    return NULL;
}

static const char *take_binary(struct span value, uint8_t *to, size_t max, size_t *len, const char *flaw)
{
    long n = span_binary(value, to, max);
    *len = n > 0 ? (size_t)n : 0;
    return n > 0 ? NULL : flaw;
}

static const char *take_name(struct span value, struct span *name)
{
    *name = value;
    return value.len <= CHAP_NAME_MAX ? NULL : "a CHAP_N of more than 255 bytes (6.1)";
}

static const char *take_algorithm(const struct conn *c, struct span value, struct chap_keys *chap)
{
    chap->list = value;
    if (c->role == ROLE_TARGET)
        return NULL; /* a list */
    return take_byte(value, &chap->algorithm, "a CHAP_A that is not one number (12.1.3)");
}

static const char *take_value(const struct conn *c, enum wire_key key, struct span value,
                              struct chap_keys *chap)
{
    switch (key) {
    case KEY_CHAP_A:
        return take_algorithm(c, value, chap);
    case KEY_CHAP_I:
        return take_byte(value, &chap->id, "a CHAP_I that is no number from 0 to 255 (12.1.3)");
    case KEY_CHAP_C:
        return take_binary(value, chap->challenge, sizeof chap->challenge, &chap->challenge_len,
                           "a CHAP_C that is malformed or has more than 1024 bytes (12.1.3)");
    case KEY_CHAP_R:
        return take_binary(value, chap->response, sizeof chap->response, &chap->response_len,
                           "a CHAP_R that is malformed or longer than any hash (12.1.3)");
    default:
        return take_name(value, &chap->name);
    }
}

bool login_take_chap(struct conn *c, enum wire_key key, struct span value, struct chap_keys *chap)
{
    if (c->login.csg != WIRE_STAGE_SECURITY || !c->login.chap_on)
        chap->flaw = "a CHAP key where there is no CHAP conversation (12.1.3)";
    else
        chap->flaw = take_value(c, key, value, chap);
    chap->seen |= (uint8_t)CHAP_BIT(key);
    return !chap->flaw;
}

/* --- challenges --- */

static bool remembers(const uint8_t (*kept)[WIRE_HASH_MAX], uint32_t count, const uint8_t *one)
{
    for (uint32_t i = 0; i < count && i < CHAP_REMEMBERED; i++)
        if (memcmp(kept[i], one, WIRE_HASH_MAX) == 0)
            return true;
    return false;
}

static void remember(uint8_t (*kept)[WIRE_HASH_MAX], uint32_t *count, const uint8_t *one)
{
    memcpy(kept[(*count)++ % CHAP_REMEMBERED], one, WIRE_HASH_MAX);
}

bool login_challenge(struct conn *c, struct writer *w)
{
    _Static_assert(CHAP_CHALLENGE_LEN == WIRE_HASH_MAX, "our challenges are remembered as they are");
    struct login *l = &c->login;
    const struct wire_crypto *crypto = c->session->config.crypto;
    struct chap_memory *memory = l->config->memory;
    if (!crypto->random(l->challenge, sizeof l->challenge) || !crypto->random(&l->chap_id, 1))
        return false;
    if (memory)
        remember(memory->ours, &memory->our_count, l->challenge);
    text_put_number(w, "CHAP_I", l->chap_id);
    text_put_hex(w, "CHAP_C", l->challenge, sizeof l->challenge);
    return true;
}

/* A challenge that is ours comes from somebody who wants us to do his homework, on this connection or on
 * another (9.2.1). */
static bool is_ours(const struct login *l, const struct chap_keys *chap)
{
    const struct chap_memory *memory = l->config->memory;
    if (chap->challenge_len != CHAP_CHALLENGE_LEN)
        return false;
    return chap_equal(chap->challenge, l->challenge, sizeof l->challenge) ||
           (memory && remembers(memory->ours, memory->our_count, chap->challenge));
}

/* An answer to it may have been recorded. Challenges are remembered by their digests, for they may be long.
 */
static bool came_before(struct conn *c, const struct chap_keys *chap)
{
    struct chap_memory *memory = c->login.config->memory;
    uint8_t digest[WIRE_HASH_MAX] = {0};
    const void *pieces[] = {chap->challenge};
    const size_t lens[] = {chap->challenge_len};
    if (!memory || !c->session->config.crypto->hash(c->login.algorithm, pieces, lens, 1, digest))
        return false;
    if (remembers(memory->theirs, memory->their_count, digest))
        return true;
    remember(memory->theirs, &memory->their_count, digest);
    return false;
}

static const char *challenge_flaw(struct conn *c, const struct chap_keys *chap)
{
    const struct login_config *cfg = c->login.config;
    size_t least = cfg->challenge_min ? cfg->challenge_min : CHAP_CHALLENGE_MIN;
    if (chap->challenge_len < least)
        return "a challenge shorter than what we demand (9.2.1)";
    if (is_ours(&c->login, chap))
        return "our own challenge, sent back to us (9.2.1)";
    return came_before(c, chap) ? "a challenge that an earlier login has had (9.2.1)" : NULL;
}

/* --- responses --- */

static size_t response_to(const struct conn *c, const struct login_credentials *who, uint8_t id,
                          const uint8_t *challenge, size_t challenge_len, uint8_t out[WIRE_HASH_MAX])
{
    return chap_response(c->session->config.crypto, c->login.algorithm, id, who->secret, who->secret_len,
                         challenge, challenge_len, out);
}

const char *login_answer(struct conn *c, const struct login_credentials *who, const struct chap_keys *chap,
                         struct writer *w)
{
    uint8_t response[WIRE_HASH_MAX];
    const char *flaw = challenge_flaw(c, chap);
    if (flaw)
        return flaw;
    if (!who->name)
        return "a challenge to somebody who has no secret (12.1.3)";
    size_t len = response_to(c, who, chap->id, chap->challenge, chap->challenge_len, response);
    if (len == 0)
        return "an algorithm that this host's library does not offer (12.1.3)";
    text_put(w, "CHAP_N", who->name);
    text_put_hex(w, "CHAP_R", response, len);
    explicit_bzero(response, sizeof response);
    return NULL;
}

/* Is it the answer that `who` gives to our challenge? */
static bool is_response_of(const struct conn *c, const struct login_credentials *who,
                           const struct chap_keys *chap)
{
    const struct login *l = &c->login;
    uint8_t wanted[WIRE_HASH_MAX];
    size_t len = response_to(c, who, l->chap_id, l->challenge, sizeof l->challenge, wanted);
    bool equal = len > 0 && chap->response_len == len && chap_equal(chap->response, wanted, len);
    explicit_bzero(wanted, sizeof wanted);
    return equal;
}

/* An answer that we could have given ourselves proves nothing: one secret for both directions (9.2.1). */
const char *login_verify(struct conn *c, const struct login_credentials *who, const struct chap_keys *chap)
{
    struct login *l = &c->login;
    bool name_ok = who->name && span_is(chap->name, who->name);
    bool response_ok = is_response_of(c, who, chap);
    if (l->config->mine.name && is_response_of(c, &l->config->mine, chap))
        return "it answers with the secret of the other direction (9.2.1)";
    if (!name_ok || !response_ok || !span_copy(chap->name, l->chap_name, sizeof l->chap_name))
        return "its CHAP_N or CHAP_R is wrong (12.1.3)";
    l->peer_proved = true;
    login_step(c, CHAP_PASSED);
    return NULL;
}
