/* SPDX-License-Identifier: MIT */
/* Opening and closing a LUN; options. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "block/lun.h"
#include "host/crypto.h"

#define LOGOUT_MS 1000u

BERTH_EXPORT const char *berth_version(void)
{
    return BERTH_VERSION;
}

BERTH_EXPORT const char *berth_crc32c_name(void)
{
    return host_crc32c_name();
}

BERTH_EXPORT void berth_options_init(struct berth_options *options)
{
    *options = (struct berth_options){.size = sizeof *options,
                                      .connect_timeout_ms = 10000,
                                      .command_timeout_ms = 30000,
                                      .recovery_timeout_ms = 120000,
                                      .ping_interval_ms = 5000,
                                      .ping_timeout_ms = 5000,
                                      .depth = 128};
}

int lun_say(struct berth_detail *detail, int error, const char *text)
{
    if (detail) {
        detail->error = error;
        snprintf(detail->text, sizeof detail->text, "%s", text ? text : berth_error_text(error));
    }
    return error;
}

/* --- options --- */

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

static const char *credentials_flaw(const struct berth_options *o, const char *user)
{
    const char *flaw = user ? secret_flaw(o, o->secret, o->secret_len) : NULL;
    if (flaw || !o->mutual_user)
        return flaw;
    if (!user)
        return "mutual CHAP needs a user name and secret of one's own";
    flaw = secret_flaw(o, o->mutual_secret, o->mutual_secret_len);
    return flaw             ? flaw
           : same_secret(o) ? "the secrets of the two directions must differ (RFC 7143 9.2.1)"
                            : NULL;
}

static bool numbers_ok(const struct berth_options *o)
{
    return o->depth >= 1 && o->depth <= LUN_DEPTH_MAX && o->header_digest <= BERTH_DIGEST_CRC32C &&
           o->data_digest <= BERTH_DIGEST_CRC32C && o->connect_timeout_ms && o->command_timeout_ms;
}

int options_check(struct initiator_config *config, const struct berth_options *o, const char *url_user,
                  struct berth_detail *detail)
{
    const char *user = o->user ? o->user : url_user && *url_user ? url_user : NULL;
    const char *flaw = credentials_flaw(o, user);
    if (flaw)
        return lun_say(detail, BERTH_E_SECRET, flaw);
    if (o->size != sizeof *o || !numbers_ok(o))
        return lun_say(detail, BERTH_E_ARGUMENT, "an option is out of range");
    if ((user && strlen(user) > CHAP_NAME_MAX) || (o->mutual_user && strlen(o->mutual_user) > CHAP_NAME_MAX))
        return lun_say(detail, BERTH_E_ARGUMENT, "a CHAP name is longer than 255 bytes");
    if (o->initiator_name && !name_valid((struct span){o->initiator_name, strlen(o->initiator_name)}))
        return lun_say(detail, BERTH_E_NAME, "the initiator name is not an iSCSI name");
    config->initiator_name = o->initiator_name;
    if (user)
        config->mine = (struct login_credentials){user, o->secret, o->secret_len};
    if (o->mutual_user)
        config->peer = (struct login_credentials){o->mutual_user, o->mutual_secret, o->mutual_secret_len};
    config->policy = (struct initiator_policy){.connect_timeout_ms = o->connect_timeout_ms,
                                               .command_timeout_ms = o->command_timeout_ms,
                                               .recovery_timeout_ms = o->recovery_timeout_ms,
                                               .ping_interval_ms = o->ping_interval_ms,
                                               .ping_timeout_ms = o->ping_timeout_ms,
                                               .depth = (uint16_t)o->depth,
                                               .header_digest = o->header_digest == BERTH_DIGEST_CRC32C,
                                               .data_digest = o->data_digest == BERTH_DIGEST_CRC32C};
    return BERTH_OK;
}

/* --- callbacks of floor initiator --- */

static void session_changed(void *owner, int error, const char *text)
{
    struct berth_lun *lun = owner;
    if (error)
        lun_say(&lun->detail, error, text);
    else
        probe_session(lun);
    if (lun->options.notice)
        lun->options.notice(lun->options.notice_arg, error, error ? text : "the session is back");
}

static bool cancelled(void *owner)
{
    struct berth_lun *lun = owner;
    return lun->options.cancelled && lun->options.cancelled(lun->options.cancelled_arg);
}

/* --- open --- */

static void set_info(struct berth_lun *lun, uint32_t number)
{
    struct berth_lun_info *info = &lun->info;
    info->lun = number;
    info->vendor = lun->vendor;
    info->product = lun->product;
    info->revision = lun->revision;
    info->serial = lun->serial;
    info->identity = lun->identity;
    info->target_name = lun->initiator->target_name;
    info->target_alias = "";
    info->portal = lun->portal;
    info->negotiated = lun->negotiated;
    info->block_bytes = 1; /* until the LUN has spoken */
}

static int allocate(struct berth_lun *lun)
{
    lun->commands = calloc(lun->options.depth + SESSION_IMMEDIATE_MAX, sizeof *lun->commands);
    lun->zeros = calloc(1, LUN_ZEROS);
    if (!lun->commands || !lun->zeros)
        return BERTH_E_MEMORY;
    for (uint32_t i = 0; i < LUN_ZERO_SEGS; i++)
        lun->zero_segs[i] = seg_memory(lun->zeros, LUN_ZEROS);
    return berth_queue_new(&lun->own, lun, 1);
}

static int start(struct berth_lun *lun, const struct url *url, const struct berth_options *options,
                 struct berth_detail *detail)
{
    struct initiator_config config = {.target_name = url->target, .portal = url->portal};
    struct initiator_owner owner = {lun_task_done, lun_may_replay, session_changed, cancelled, lun};
    int error = options_check(&config, options, url->user, detail);
    if (error)
        return error;
    lun->options = *options;
    error = initiator_new(&lun->initiator, &config, &owner, lun->detail.text, sizeof lun->detail.text);
    if (!error) {
        set_info(lun, url->lun);
        error = allocate(lun);
    }
    if (error)
        return lun_say(detail, error, NULL);
    error = initiator_open(lun->initiator);
    if (error)
        return lun_say(detail, error, error == BERTH_E_ABORTED ? NULL : initiator_detail(lun->initiator));
    probe_session(lun);
    return BERTH_OK;
}

int lun_connect(struct berth_lun **out, const struct url *url, const struct berth_options *options,
                struct berth_detail *detail)
{
    struct berth_options defaults;
    struct berth_lun *lun = calloc(1, sizeof *lun);
    *out = NULL;
    if (!lun)
        return lun_say(detail, BERTH_E_MEMORY, NULL);
    list_init(&lun->queues);
    list_init(&lun->waiting);
    list_init(&lun->paused);
    berth_options_init(&defaults);
    lun->lun_field = scsi_lun_encode(url->lun);
    int error = start(lun, url, options ? options : &defaults, detail);
    if (error) {
        berth_lun_close(lun);
        return error;
    }
    *out = lun;
    return BERTH_OK;
}

static int parse(struct url *url, const char *text, bool lun_optional, struct berth_detail *detail)
{
    const char *why;
    int error = url_parse(url, text, lun_optional, &why);
    return error ? lun_say(detail, error, why) : BERTH_OK;
}

BERTH_EXPORT int berth_lun_open(struct berth_lun **out, const char *text, const struct berth_options *options,
                                struct berth_detail *detail)
{
    struct url url;
    *out = NULL;
    int error = parse(&url, text, false, detail);
    if (!error)
        error = lun_connect(out, &url, options, detail);
    if (error)
        return error;
    error = probe(*out);
    if (!error)
        return BERTH_OK;
    if (detail)
        *detail = (*out)->detail;
    lun_say(detail, error, (*out)->detail.error ? (*out)->detail.text : NULL);
    berth_lun_close(*out);
    *out = NULL;
    return error;
}

BERTH_EXPORT void berth_lun_close(struct berth_lun *lun)
{
    if (!lun)
        return;
    lun->closing = true;
    if (lun->initiator) {
        initiator_close(lun->initiator, LOGOUT_MS);
        initiator_free(lun->initiator);
    }
    while (!list_empty(&lun->queues))
        berth_queue_free(list_entry(lun->queues.next, struct berth_queue, link));
    free(lun->commands);
    free(lun->zeros);
    free(lun);
}

/* --- facts --- */

BERTH_EXPORT const struct berth_lun_info *berth_lun_info(struct berth_lun *lun)
{
    return &lun->info;
}

BERTH_EXPORT const struct berth_detail *berth_lun_detail(const struct berth_lun *lun)
{
    return &lun->detail;
}

BERTH_EXPORT void berth_lun_stats(const struct berth_lun *lun, struct berth_stats *stats)
{
    const struct initiator *i = lun->initiator;
    *stats = (struct berth_stats){.syscalls = i->engine->syscalls,
                                  .rx_bytes = i->link.rx_bytes,
                                  .tx_bytes = i->link.tx_bytes,
                                  .commands = lun->completed,
                                  .retries = lun->retries + i->replays};
}
