/* SPDX-License-Identifier: MIT */
/* What this initiator asks for in a login: sizes within the engine's limits, digests, names and credentials;
 * and what a caller may have it ask for instead. */
#include <stdio.h>
#include <string.h>
#include "host/vault.h"
#include "initiator/parts.h"

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static void want_at_most(struct negotiation *n, enum wire_key key, uint32_t limit)
{
    negotiation_want(n, key, least(n->mine[key], limit));
}

/* What we ask for is what every engine that may ever carry this session can do. */
static void limit_sizes(struct initiator *i, struct negotiation *n)
{
    struct engine_limits limits;
    engine_limits_ever(i->engine, &limits);
    want_at_most(n, KEY_MAX_RECV_DATA_SEGMENT_LENGTH, limits.max_recv_segment);
    if (i->login.discovery) /* what comes goes through the control buffer */
        want_at_most(n, KEY_MAX_RECV_DATA_SEGMENT_LENGTH, CONN_CONTROL_MAX);
    want_at_most(n, KEY_MAX_BURST_LENGTH, limits.max_burst);
    want_at_most(n, KEY_FIRST_BURST_LENGTH, n->mine[KEY_MAX_BURST_LENGTH]); /* 13.14 */
}

/* What a caller may ask for instead of our defaults, and how far the core goes. */
static const struct wish_bound bounds[] = {
    {KEY_HEADER_DIGEST, 0, 0},
    {KEY_DATA_DIGEST, 0, 0},
    {KEY_INITIAL_R2T, 0, 1},
    {KEY_IMMEDIATE_DATA, 0, 1},
    {KEY_MAX_CONNECTIONS, 1, 1},
    {KEY_MAX_RECV_DATA_SEGMENT_LENGTH, 512, 0xffffff},
    {KEY_MAX_BURST_LENGTH, 512, 0xffffff},
    {KEY_FIRST_BURST_LENGTH, 512, 0xffffff},
    {KEY_MAX_OUTSTANDING_R2T, 1, TASK_R2T_MAX - 1},
    {KEY_DEFAULT_TIME2WAIT, 0, 3600},
    {KEY_DEFAULT_TIME2RETAIN, 0, 3600},
};
#define BOUND_COUNT (sizeof bounds / sizeof bounds[0])

bool initiator_key_fits(const char *word, char flaw[WISH_FLAW_MAX])
{
    struct negotiation scratch;
    negotiation_init(&scratch, ROLE_INITIATOR);
    return wish_take(&scratch, bounds, BOUND_COUNT, word, flaw);
}

static void take_keys(struct negotiation *n, const struct initiator_config *config)
{
    char flaw[WISH_FLAW_MAX];
    for (uint32_t k = 0; k < config->key_count; k++)
        wish_take(n, bounds, BOUND_COUNT, config->keys[k], flaw);
}

/* Of which a discovery session sends none (13). */
static void want_data_keys(struct negotiation *n)
{
    negotiation_want(n, KEY_MAX_BURST_LENGTH, INITIATOR_BURST);
    negotiation_want(n, KEY_FIRST_BURST_LENGTH, INITIATOR_FIRST_BURST);
    negotiation_want(n, KEY_MAX_CONNECTIONS, 1);
    negotiation_want(n, KEY_INITIAL_R2T, 0);
    negotiation_want(n, KEY_IMMEDIATE_DATA, 1);
    negotiation_want(n, KEY_MAX_OUTSTANDING_R2T, TASK_R2T_MAX - 1);
    negotiation_want(n, KEY_DATA_PDU_IN_ORDER, 1);
    negotiation_want(n, KEY_DATA_SEQUENCE_IN_ORDER, 1);
    negotiation_want(n, KEY_TASK_REPORTING,
                     CHOICES3(REPORT_FAST_ABORT, REPORT_RESPONSE_FENCE, REPORT_RFC3720));
}

static void set_keys(struct initiator *i, const struct initiator_config *config)
{
    struct login_config *l = &i->login;
    struct negotiation *n = &l->want;
    const struct initiator_policy *p = &i->policy;

    l->initiator_name = i->initiator_name;
    l->target_name = config->target_name ? i->target_name : NULL;
    l->discovery = config->target_name == NULL;
    negotiation_init(n, ROLE_INITIATOR);
    n->discovery = l->discovery;
    negotiation_want(n, KEY_HEADER_DIGEST, CHOICES1(p->header_digest ? DIGEST_CRC32C : DIGEST_NONE));
    negotiation_want(n, KEY_DATA_DIGEST, CHOICES1(p->data_digest ? DIGEST_CRC32C : DIGEST_NONE));
    negotiation_want(n, KEY_MAX_RECV_DATA_SEGMENT_LENGTH, INITIATOR_SEGMENT);
    negotiation_want(n, KEY_ERROR_RECOVERY_LEVEL, 0);
    negotiation_want(n, KEY_DEFAULT_TIME2WAIT, 0);
    negotiation_want(n, KEY_DEFAULT_TIME2RETAIN, 0);
    want_data_keys(n);
    take_keys(n, config);
    limit_sizes(i, n);
}

/* --- who we are --- */

static struct login_credentials keep(const struct login_credentials *c, char *name, uint8_t *secret)
{
    if (!c->name)
        return (struct login_credentials){0};
    snprintf(name, CHAP_NAME_MAX + 1, "%s", c->name);
    memcpy(secret, c->secret, c->secret_len);
    return (struct login_credentials){name, secret, c->secret_len};
}

static void set_chap(struct initiator *i, const struct initiator_config *config)
{
    struct login_config *l = &i->login;
    struct span words = {CHAP_ALGORITHMS, strlen(CHAP_ALGORITHMS)};
    memcpy(l->algorithms, config->algorithms, sizeof l->algorithms);
    l->algorithm_count = config->algorithm_count;
    if (l->algorithm_count == 0)
        l->algorithm_count = (uint8_t)chap_algorithms_read(words, l->algorithms);
    l->challenge_min = config->challenge_min;
    l->memory = &i->challenges;
    l->mine = keep(&config->mine, i->user, i->secrets->mine);
    l->peer = keep(&config->peer, i->mutual_user, i->secrets->peer);
}

int wishes_set(struct initiator *i, const struct initiator_config *config)
{
    set_keys(i, config);
    if (!config->mine.name)
        return BERTH_OK;
    i->secrets = vault_new(sizeof *i->secrets);
    if (!i->secrets)
        return BERTH_E_MEMORY;
    set_chap(i, config);
    return BERTH_OK;
}
