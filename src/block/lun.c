/* SPDX-License-Identifier: MIT */
/* Opening and closing a LUN; facts about it. */
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

int lun_say(struct berth_detail *detail, int error, const char *text)
{
    if (detail) {
        detail->error = error;
        snprintf(detail->text, sizeof detail->text, "%s", text ? text : berth_error_text(error));
    }
    return error;
}

/* --- callbacks of floor initiator --- */

static void session_changed(void *owner, int error, const char *text)
{
    struct berth_lun *lun = owner;
    if (error) {
        lun_say(&lun->detail, error, text);
        check_lost(lun);
        notice_give(&lun->options, &(struct berth_notice){BERTH_NOTICE_LOST, error, text, 0});
        return;
    }
    probe_session(lun); /* and whether the LUN is the same, the check will tell */
    if (text)
        notice_give(&lun->options, &(struct berth_notice){BERTH_NOTICE_GROUP, BERTH_OK, text, 0});
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
    depth_init(&lun->depth, lun->options.depth);
    lun->command_count = lun->options.depth + SESSION_IMMEDIATE_MAX;
    lun->commands = calloc(lun->command_count, sizeof *lun->commands);
    lun->zeros = calloc(1, LUN_ZEROS);
    if (!lun->commands || !lun->zeros)
        return BERTH_E_MEMORY;
    for (uint32_t i = 0; i < LUN_ZERO_SEGS; i++)
        lun->zero_segs[i] = seg_memory(lun->zeros, LUN_ZEROS);
    int error = berth_queue_new(&lun->own, lun, 1);
    return error ? error : check_init(lun);
}

/* Numbers and callbacks; what the pointers name is the caller's and was copied where it is needed. */
static void keep_options(struct berth_lun *lun, const struct berth_options *options)
{
    lun->options = *options;
    lun->options.initiator_name = lun->options.user = lun->options.mutual_user = NULL;
    lun->options.chap_algorithms = lun->options.isid = NULL;
    lun->options.secret = lun->options.mutual_secret = NULL;
    lun->options.keys = NULL;
    lun->options.bind_address = lun->options.bind_device = lun->options.redirects = NULL;
}

static int start(struct berth_lun *lun, const struct url *url, const struct berth_options *options,
                 const struct lun_world *world, struct berth_detail *detail)
{
    struct initiator_config config = {.target_name = url->target, .portal = url->portal};
    struct initiator_owner owner = {.task_done = lun_task_done,
                                    .replay = lun_replay,
                                    .session = session_changed,
                                    .attention = lun_attention,
                                    .tend = lun_tend,
                                    .cancelled = options->cancelled ? cancelled : NULL,
                                    .owner = lun};
    int error = options_check(&config, options, url->user, detail);
    if (error)
        return error;
    keep_options(lun, options);
    if (world) {
        config.engine = world->engine;
        config.resolve = world->resolve;
        config.seed = world->seed;
    }
    error = initiator_new(&lun->initiator, &config, &owner, lun->detail.text, sizeof lun->detail.text);
    if (error)
        return lun_say(detail, error, lun->detail.text);
    set_info(lun, url->lun);
    error = allocate(lun);
    if (error)
        return lun_say(detail, error, NULL);
    error = initiator_open(lun->initiator);
    if (error)
        return lun_say(detail, error, error == BERTH_E_ABORTED ? NULL : initiator_detail(lun->initiator));
    probe_session(lun);
    return BERTH_OK;
}

int lun_connect(struct berth_lun **out, const struct url *url, const struct berth_options *options,
                const struct lun_world *world, struct berth_detail *detail)
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
    int error = start(lun, url, options ? options : &defaults, world, detail);
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

int lun_open(struct berth_lun **out, const char *text, const struct berth_options *options,
             const struct lun_world *world, struct berth_detail *detail)
{
    struct url url;
    *out = NULL;
    int error = parse(&url, text, false, detail);
    if (!error)
        error = lun_connect(out, &url, options, world, detail);
    if (error)
        return error;
    error = (*out)->options.commands_only ? probe_identity(*out) : probe(*out);
    if (!error) {
        initiator_keep((*out)->initiator);
        check_enable(*out);
        return BERTH_OK;
    }
    lun_say(detail, error, (*out)->detail.error == error ? (*out)->detail.text : NULL);
    berth_lun_close(*out);
    *out = NULL;
    return error;
}

BERTH_EXPORT int berth_lun_open(struct berth_lun **out, const char *text, const struct berth_options *options,
                                struct berth_detail *detail)
{
    return lun_open(out, text, options, NULL, detail);
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
                                  .rx_bytes = i->rx_bytes + i->link->rx_bytes,
                                  .tx_bytes = i->tx_bytes + i->link->tx_bytes,
                                  .commands = lun->completed,
                                  .retries = i->replays,
                                  .lost_writes = lun->lost_writes};
}
