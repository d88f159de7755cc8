/* SPDX-License-Identifier: MIT */
/* What the target wants of each negotiation key (RFC 7143 13): its own choice, unless the configuration has
 * another. */
#include "serve/target.h"
#include "wire/wish.h"

static const struct {
    enum wire_key key;
    uint32_t value;
} defaults[] = {
    {KEY_HEADER_DIGEST, CHOICES2(DIGEST_CRC32C, DIGEST_NONE)},
    {KEY_DATA_DIGEST, CHOICES2(DIGEST_CRC32C, DIGEST_NONE)},
    {KEY_MAX_CONNECTIONS, TARGET_CONNECTIONS_MAX},
    {KEY_INITIAL_R2T, 0},
    {KEY_IMMEDIATE_DATA, 1},
    {KEY_MAX_BURST_LENGTH, TARGET_BURST},
    {KEY_FIRST_BURST_LENGTH, TARGET_FIRST_BURST},
    {KEY_MAX_OUTSTANDING_R2T, TARGET_R2T},
    {KEY_DATA_PDU_IN_ORDER, 1},
    {KEY_DATA_SEQUENCE_IN_ORDER, 1},
    {KEY_DEFAULT_TIME2WAIT, 0},
    {KEY_DEFAULT_TIME2RETAIN, 0},
    {KEY_ERROR_RECOVERY_LEVEL, 0},
    {KEY_MAX_RECV_DATA_SEGMENT_LENGTH, TARGET_SEGMENT},
};

/* What the configuration may change, and how far the core goes. */
static const struct wish_bound bounds[] = {
    {KEY_HEADER_DIGEST, 0, 0},
    {KEY_DATA_DIGEST, 0, 0},
    {KEY_INITIAL_R2T, 0, 1},
    {KEY_IMMEDIATE_DATA, 0, 1},
    {KEY_MAX_CONNECTIONS, 1, TARGET_CONNECTIONS_MAX},
    {KEY_MAX_BURST_LENGTH, 512, 0xffffff},
    {KEY_FIRST_BURST_LENGTH, 512, 0xffffff},
    {KEY_MAX_OUTSTANDING_R2T, 1, TASK_R2T_MAX},
    {KEY_DEFAULT_TIME2WAIT, 0, 3600},
    {KEY_DEFAULT_TIME2RETAIN, 0, 3600},
    {KEY_MAX_RECV_DATA_SEGMENT_LENGTH, 512, 0xffffff},
};

static int set_word(struct negotiation *n, const char *word, const struct reason *why)
{
    char flaw[WISH_FLAW_MAX];
    if (wish_take(n, bounds, sizeof bounds / sizeof bounds[0], word, flaw))
        return BERTH_OK;
    return serve_refuse(why, BERTH_E_ARGUMENT, "%s", flaw);
}

int target_keys(struct negotiation *n, const struct serve_config *c, const struct reason *why)
{
    return target_keys_besides(n, c, NULL, 0, why);
}

int target_keys_besides(struct negotiation *n, const struct serve_config *c, const char *const *words,
                        uint32_t count, const struct reason *why)
{
    int error = BERTH_OK;
    negotiation_init(n, ROLE_TARGET);
    negotiation_want(n, KEY_AUTH_METHOD, CHOICES1(c->account_count ? AUTH_CHAP : AUTH_NONE));
    for (size_t i = 0; i < sizeof defaults / sizeof defaults[0]; i++)
        negotiation_want(n, defaults[i].key, defaults[i].value);
    for (uint32_t i = 0; i < c->key_count && !error; i++)
        error = serve_blame(c, c->keys[i], set_word(n, c->keys[i], why), why);
    for (uint32_t i = 0; i < count && !error; i++)
        error = set_word(n, words[i], why);
    if (!error && n->mine[KEY_FIRST_BURST_LENGTH] > n->mine[KEY_MAX_BURST_LENGTH])
        n->mine[KEY_FIRST_BURST_LENGTH] = n->mine[KEY_MAX_BURST_LENGTH]; /* 13.14 */
    n->wanted = 0; /* answers only, but for the one thing that is declared */
    negotiation_want(n, KEY_MAX_RECV_DATA_SEGMENT_LENGTH, n->mine[KEY_MAX_RECV_DATA_SEGMENT_LENGTH]);
    return error;
}
