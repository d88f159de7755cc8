/* SPDX-License-Identifier: MIT */
/* What a caller may ask for: defaults, and what is wrong with the rest. */
#include <string.h>
#include "block/lun.h"
#include "host/identity.h"

BERTH_EXPORT void berth_options_init(struct berth_options *options)
{
    *options = (struct berth_options){.size = sizeof *options,
                                      .connect_timeout_ms = 10000,
                                      .command_timeout_ms = 30000,
                                      .abort_timeout_ms = 5000,
                                      .recovery_timeout_ms = 120000,
                                      .ping_interval_ms = 5000,
                                      .ping_timeout_ms = 5000,
                                      .chap_challenge_min_bytes = CHAP_CHALLENGE_MIN,
                                      .depth = 128,
                                      .sessions = 1};
}

static const char *secret_flaw(const struct berth_options *o, const void *secret, size_t len)
{
    if (!secret || len == 0)
        return "a user name was given without a secret";
    if (len > CHAP_SECRET_MAX)
        return "the CHAP secret is longer than 255 bytes";
    if (len < CHAP_SECRET_MIN && !o->allow_weak_secret)
        return "the CHAP secret is shorter than 12 bytes (96 bits), which RFC 7143 9.2.1 forbids";
    return NULL;
}

static bool same_secret(const struct berth_options *o)
{
    return o->secret_len == o->mutual_secret_len && memcmp(o->secret, o->mutual_secret, o->secret_len) == 0;
}

/* A secret whose name was forgotten means a login that is not the one that was meant. */
static const char *one_way_flaw(const struct berth_options *o, const char *user)
{
    if (!user)
        return o->secret ? "a secret was given without a user name" : NULL;
    return *user ? secret_flaw(o, o->secret, o->secret_len) : "the user name is empty";
}

static const char *mutual_flaw(const struct berth_options *o, const char *user)
{
    if (!o->mutual_user)
        return o->mutual_secret ? "a mutual secret was given without a mutual user name" : NULL;
    if (!user)
        return "mutual CHAP needs a user name and secret of one's own";
    if (!*o->mutual_user)
        return "the mutual user name is empty";
    const char *flaw = secret_flaw(o, o->mutual_secret, o->mutual_secret_len);
    if (flaw)
        return flaw;
    return same_secret(o) ? "the secrets of the two directions must differ (RFC 7143 9.2.1)" : NULL;
}

static const char *credentials_flaw(const struct berth_options *o, const char *user)
{
    const char *flaw = one_way_flaw(o, user);
    return flaw ? flaw : mutual_flaw(o, user);
}

static bool numbers_ok(const struct berth_options *o)
{
    return o->depth >= 1 && o->depth <= LUN_DEPTH_MAX && o->sessions >= 1 && o->sessions <= LANES_MAX &&
           o->header_digest <= BERTH_DIGEST_CRC32C && o->data_digest <= BERTH_DIGEST_CRC32C &&
           o->connect_timeout_ms && o->command_timeout_ms && o->abort_timeout_ms &&
           (o->ping_timeout_ms || !o->ping_interval_ms) && o->wait <= BERTH_WAIT_POLL &&
           o->chap_challenge_min_bytes >= 1 && o->chap_challenge_min_bytes <= CHAP_CHALLENGE_MAX;
}

static const uint8_t engine_waits[] = {[BERTH_WAIT_AS_PAYS] = ENGINE_WAITS_AS_PAYS,
                                       [BERTH_WAIT_SLEEP] = ENGINE_SLEEPS,
                                       [BERTH_WAIT_POLL] = ENGINE_POLLS};

static struct initiator_policy policy_of(const struct berth_options *o)
{
    return (struct initiator_policy){.connect_timeout_ms = o->connect_timeout_ms,
                                     .command_timeout_ms = o->command_timeout_ms,
                                     .abort_timeout_ms = o->abort_timeout_ms,
                                     .recovery_timeout_ms = o->recovery_timeout_ms,
                                     .open_timeout_ms = o->open_timeout_ms,
                                     .ping_interval_ms = o->ping_interval_ms,
                                     .ping_timeout_ms = o->ping_timeout_ms,
                                     .depth = (uint16_t)o->depth,
                                     .wait = engine_waits[o->wait],
                                     .header_digest = o->header_digest == BERTH_DIGEST_CRC32C,
                                     .data_digest = o->data_digest == BERTH_DIGEST_CRC32C};
}

/* --- checks: 0, or an error with words about it --- */

static int check_credentials(struct initiator_config *config, const struct berth_options *o, const char *user,
                             struct berth_detail *detail)
{
    const char *flaw = credentials_flaw(o, user);
    if (flaw)
        return lun_say(detail, BERTH_E_SECRET, flaw);
    if ((user && strlen(user) > CHAP_NAME_MAX) || (o->mutual_user && strlen(o->mutual_user) > CHAP_NAME_MAX))
        return lun_say(detail, BERTH_E_ARGUMENT, "a CHAP name is longer than 255 bytes");
    if (user)
        config->mine = (struct login_credentials){user, o->secret, o->secret_len};
    if (o->mutual_user)
        config->peer = (struct login_credentials){o->mutual_user, o->mutual_secret, o->mutual_secret_len};
    config->challenge_min = (uint16_t)o->chap_challenge_min_bytes;
    return BERTH_OK;
}

static int check_algorithms(struct initiator_config *config, const struct berth_options *o,
                            struct berth_detail *detail)
{
    if (!o->chap_algorithms)
        return BERTH_OK;
    struct span list = {o->chap_algorithms, strlen(o->chap_algorithms)};
    config->algorithm_count = (uint8_t)chap_algorithms_read(list, config->algorithms);
    if (config->algorithm_count > 0)
        return BERTH_OK;
    return lun_say(detail, BERTH_E_ARGUMENT,
                   "the CHAP algorithms are no list of SHA3-256, SHA256, SHA1 and MD5");
}

BERTH_EXPORT int berth_initiator_name(char name[BERTH_NAME_SIZE], const char *wanted,
                                      struct berth_detail *detail)
{
    enum name_flaw flaw = NAME_OK;
    if (wanted)
        flaw = name_typed(wanted, name);
    else
        host_initiator_name(name, BERTH_NAME_SIZE);
    if (flaw == NAME_BEYOND_ASCII)
        return lun_say(detail, BERTH_E_NAME,
                       "the initiator name goes beyond ASCII, which is not normalised here");
    return flaw ? lun_say(detail, BERTH_E_NAME, "the initiator name is not an iSCSI name") : BERTH_OK;
}

static int check_name(struct initiator_config *config, const struct berth_options *o,
                      struct berth_detail *detail)
{
    char name[BERTH_NAME_SIZE];
    config->initiator_name = o->initiator_name;
    return berth_initiator_name(name, o->initiator_name, detail);
}

static int check_isid(struct initiator_config *config, const struct berth_options *o,
                      struct berth_detail *detail)
{
    config->isid_offset = o->isid_offset;
    if (!o->isid)
        return BERTH_OK;
    config->isid_kind = strcmp(o->isid, "name") == 0 ? ISID_OF_NAME : ISID_GIVEN;
    if (config->isid_kind == ISID_OF_NAME ||
        isid_parse((struct span){o->isid, strlen(o->isid)}, config->isid))
        return BERTH_OK;
    return lun_say(detail, BERTH_E_ARGUMENT,
                   "the ISID is neither 'name' nor 12 hexadecimal digits that begin with 40, 80 or 00 to 3f");
}

static int check_keys(struct initiator_config *config, const struct berth_options *o,
                      struct berth_detail *detail)
{
    char flaw[WISH_FLAW_MAX];
    config->keys = o->keys;
    config->key_count = o->key_count;
    for (uint32_t k = 0; k < o->key_count; k++)
        if (!initiator_key_fits(o->keys[k], flaw))
            return lun_say(detail, BERTH_E_ARGUMENT, flaw);
    return BERTH_OK;
}

static int check_redirects(struct initiator_config *config, const struct berth_options *o,
                           struct berth_detail *detail)
{
    const char *flaw = allowance_parse(&config->allowance, o->redirects);
    return flaw ? lun_say(detail, BERTH_E_ARGUMENT, flaw) : BERTH_OK;
}

static int check_engine(struct initiator_config *config, const struct berth_options *o,
                        struct berth_detail *detail)
{
    config->carrier = o->engine;
    if (!o->engine || engine_known(o->engine))
        return BERTH_OK;
    return lun_say(detail, BERTH_E_ARGUMENT, LUN_ENGINES);
}

static int check_binding(struct initiator_config *config, const struct berth_options *o,
                         struct berth_detail *detail)
{
    return binding_check(&config->bind, o, detail);
}

int options_check(struct initiator_config *config, const struct berth_options *o, const char *url_user,
                  struct berth_detail *detail)
{
    static int (*const checks[])(struct initiator_config *, const struct berth_options *,
                                 struct berth_detail *) = {
        check_algorithms, check_name, check_isid, check_keys, check_redirects, check_binding, check_engine};
    if (o->size != sizeof *o) /* nothing in it is where we would look for it */
        return lun_say(detail, BERTH_E_ARGUMENT, "the options were not made by berth_options_init()");
    const char *user = o->user ? o->user : url_user && *url_user ? url_user : NULL;
    int error = check_credentials(config, o, user, detail);
    if (!error && !numbers_ok(o))
        error = lun_say(detail, BERTH_E_ARGUMENT, "an option is out of range");
    for (size_t i = 0; i < sizeof checks / sizeof checks[0] && !error; i++)
        error = checks[i](config, o, detail);
    if (!error)
        config->policy = policy_of(o);
    return error;
}
