/* SPDX-License-Identifier: MIT */
/* Opening and closing a LUN; facts about it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "block/lun.h"
#include "block/reactors.h"
#include "host/crypto.h"
#include "host/pages.h"

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

/* It is being opened, and there is time for more attempts: the caller may want to say why it takes so long,
 * and once is enough. */
static void tell_of_attempt(struct berth_lun *lun, int error, const char *text)
{
    if (lun->detail.error == error)
        return;
    lun_say(&lun->detail, error, text);
    lanes_notice(lun, &(struct berth_notice){BERTH_NOTICE_AWAY, error, text, 0});
}

static void session_changed(void *owner, int error, const char *text)
{
    struct berth_lun *lun = owner;
    if (error && !lun->check.enabled) {
        tell_of_attempt(lun, error, text);
        return;
    }
    if (error) {
        lun_say(&lun->detail, error, text);
        check_lost(lun);
        lanes_notice(lun, &(struct berth_notice){BERTH_NOTICE_LOST, error, text, 0});
        return;
    }
    probe_session(lun); /* and whether the LUN is the same, the check will tell */
    lanes_publish(lun);
    if (text)
        lanes_notice(lun, &(struct berth_notice){BERTH_NOTICE_GROUP, BERTH_OK, text, 0});
    if (!lun->check.enabled) /* no LUN will be asked */
        lanes_notice(lun, &(struct berth_notice){.kind = BERTH_NOTICE_BACK});
}

/* One that is being opened says so by how that ends. */
static void given_up(void *owner, int error, const char *text)
{
    struct berth_lun *lun = owner;
    char words[sizeof lun->detail.text + 32];
    snprintf(words, sizeof words, "the session was given up: %s", text);
    if (lun->check.enabled)
        lanes_notice(lun, &(struct berth_notice){BERTH_NOTICE_FAILED, error, words, 0});
}

static void carried(void *owner, const char *why)
{
    struct berth_lun *lun = owner;
    char text[160];
    lun->info.engine = initiator_carrier(lun->initiator);
    snprintf(text, sizeof text, "the engine '%s' carries the session now: %s", lun->info.engine, why);
    lanes_notice(lun, &(struct berth_notice){BERTH_NOTICE_ENGINE, BERTH_OK, text, 0});
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
    info->engine = initiator_carrier(lun->initiator);
    info->block_bytes = 1; /* until the LUN has spoken */
}

static size_t size_with(uint32_t command_count)
{
    return sizeof(struct berth_lun) + command_count * sizeof(struct command);
}

static int allocate(struct berth_lun *lun)
{
    depth_init(&lun->depth, lun->options.depth);
    lun->zeros = pages_new(sizeof *lun->zeros);
    lun->tally = pages_new(sizeof *lun->tally);
    if (!lun->zeros || !lun->tally)
        return BERTH_E_MEMORY;
    int error = queue_make(&lun->own, lun, 1);
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
    lun->options.engine = NULL;
    lun->options.bind_address = lun->options.bind_device = lun->options.redirects = NULL;
}

/* Where the session is worked on, and as which one of several. Their identities follow upon that of the
 * first. */
static void settle_in(struct berth_lun *lun, const struct lun_place *place, struct initiator_config *config)
{
    const struct initiator *first = lun->lane > 0 ? lun->lanes->luns[0]->initiator : NULL;
    if (lun->worker)
        config->reactor = lun->worker->reactor;
    else if (first)
        config->reactor = first->reactor;
    if (place->world) {
        config->engine = place->world->engine;
        config->resolve = place->world->resolve;
        config->seed = place->world->seed + lun->lane;
    }
    if (!first)
        return;
    memcpy(config->isid, first->session->config.isid, sizeof config->isid);
    config->isid_kind = ISID_GIVEN;
    config->isid_offset = (uint16_t)lun->lane;
}

static int start(struct berth_lun *lun, const struct url *url, const struct berth_options *options,
                 const struct lun_place *place, struct berth_detail *detail)
{
    struct initiator_config config = {.target_name = url->target, .portal = url->portal};
    struct initiator_owner owner = {.task_done = lun_task_done,
                                    .replay = lun_replay,
                                    .session = session_changed,
                                    .given_up = given_up,
                                    .attention = lun_attention,
                                    .carried = carried,
                                    .tend = lun_tend,
                                    .cancelled = options->cancelled ? cancelled : NULL,
                                    .owner = lun};
    int error = options_check(&config, options, url->user, detail);
    if (error)
        return error;
    keep_options(lun, options);
    settle_in(lun, place, &config);
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

static int connect_at(struct berth_lun **out, const struct url *url, const struct berth_options *options,
                      const struct lun_place *place, struct berth_detail *detail)
{
    uint32_t depth = options->depth <= LUN_DEPTH_MAX ? options->depth : 0; /* then start() has a complaint */
    struct berth_lun *lun = pages_new(size_with(depth + SESSION_IMMEDIATE_MAX));
    *out = NULL;
    if (!lun)
        return lun_say(detail, BERTH_E_MEMORY, NULL);
    lun->command_count = depth + SESSION_IMMEDIATE_MAX;
    lun->pid = getpid();
    list_init(&lun->queues);
    list_init(&lun->waiting);
    lun->wait_first = UINT64_MAX;
    list_init(&lun->paused);
    lun->lanes = place->lanes;
    lun->lane = place->lane;
    lun->worker = place->worker;
    lun->poke.kind = MAIL_POKE;
    lun->lun_field = scsi_lun_encode(url->lun);
    int error = start(lun, url, options, place, detail);
    if (error) {
        lun_end(lun);
        lun_free(lun);
        return error;
    }
    *out = lun;
    return BERTH_OK;
}

int lun_connect(struct berth_lun **out, const struct url *url, const struct berth_options *options,
                const struct lun_world *world, struct berth_detail *detail)
{
    struct berth_options defaults;
    const struct lun_place place = {.world = world};
    berth_options_init(&defaults);
    return connect_at(out, url, options ? options : &defaults, &place, detail);
}

static int parse(struct url *url, const char *text, bool lun_optional, struct berth_detail *detail)
{
    const char *why;
    int error = url_parse(url, text, lun_optional, &why);
    return error ? lun_say(detail, error, why) : BERTH_OK;
}

int lun_open_at(struct berth_lun **out, const struct url *url, const struct berth_options *options,
                const struct lun_place *place, struct berth_detail *detail)
{
    int error = connect_at(out, url, options, place, detail);
    if (error)
        return error;
    struct berth_lun *lun = *out;
    if (!url->has_lun)
        return BERTH_OK; /* there is nobody to be asked */
    error = lun->options.commands_only ? probe_identity(lun) : probe(lun);
    if (!error)
        return BERTH_OK;
    lun_say(detail, error, lun->detail.error == error ? lun->detail.text : NULL);
    lun_end(lun);
    lun_free(lun);
    *out = NULL;
    return error;
}

void lun_keep(struct berth_lun *lun)
{
    initiator_keep(lun->initiator);
    check_enable(lun);
    lun->state_ns = initiator_now(lun->initiator);
}

static bool has_lanes(const struct berth_options *o)
{
    return o->size == sizeof *o && o->sessions >= 1 && o->sessions <= LANES_MAX &&
           (o->sessions > 1 || o->reactors);
}

int lun_open(struct berth_lun **out, const char *text, const struct berth_options *options,
             const struct lun_world *world, struct berth_detail *detail)
{
    struct berth_options defaults;
    struct url url;
    const struct lun_place alone = {.world = world};
    *out = NULL;
    berth_options_init(&defaults);
    if (!options)
        options = &defaults;
    bool lanes = has_lanes(options);
    int error = parse(&url, text, options->commands_only && !lanes, detail);
    if (error)
        return error;
    if (lanes)
        return lanes_open(out, &url, options, world, detail);
    error = lun_open_at(out, &url, options, &alone, detail);
    if (!error && url.has_lun)
        lun_keep(*out);
    else if (!error)
        initiator_keep((*out)->initiator);
    return error;
}

BERTH_EXPORT int berth_lun_open(struct berth_lun **out, const char *text, const struct berth_options *options,
                                struct berth_detail *detail)
{
    return lun_open(out, text, options, NULL, detail);
}

/* --- close --- */

bool lun_is_inherited(const struct berth_lun *lun)
{
    return lun->pid != getpid();
}

void lun_leave(struct berth_lun *lun)
{
    lun->closing = true;
    if (lun->initiator && !lun_is_inherited(lun))
        initiator_leave(lun->initiator, LOGOUT_MS);
}

void lun_end(struct berth_lun *lun)
{
    lun->closing = true;
    if (lun->initiator) {
        if (lun_is_inherited(lun))
            engine_disown(lun->initiator->engine);
        else
            initiator_close(lun->initiator, LOGOUT_MS);
        initiator_free(lun->initiator);
    }
    lun->initiator = NULL;
    port_flush(lun);
}

static void drop(struct berth_queue *q)
{
    if (q)
        queue_drop(q);
}

void lun_free(struct berth_lun *lun)
{
    while (!list_empty(&lun->queues))
        drop(list_entry(lun->queues.next, struct berth_queue, link));
    drop(lun->own);
    drop(lun->check.queue);
    pages_free(lun->zeros, sizeof *lun->zeros);
    pages_free(lun->tally, sizeof *lun->tally);
    pages_free(lun, size_with(lun->command_count));
}

BERTH_EXPORT void berth_lun_close(struct berth_lun *lun)
{
    if (!lun)
        return;
    if (lun->lanes) {
        lanes_close(lun->lanes);
        return;
    }
    lun_end(lun);
    lun_free(lun);
}

int lun_tell(struct berth_lun *lun, int error, const char *text)
{
    return lun->lanes ? lanes_say(lun->lanes, error, text) : lun_say(&lun->detail, error, text);
}

static int set_engine(struct berth_lun *lun, void *arg)
{
    const char *const *name = arg, *why;
    int error = initiator_carry(lun->initiator, *name, &why);
    lun->info.engine = initiator_carrier(lun->initiator);
    lanes_publish(lun);
    return error ? lun_tell(lun, error, why) : BERTH_OK;
}

BERTH_EXPORT int berth_lun_set_engine(struct berth_lun *lun, const char *engine)
{
    if (!engine || !engine_known(engine))
        return lun_tell(lun, BERTH_E_ARGUMENT, LUN_ENGINES);
    return lun->lanes ? lanes_ask(lun->lanes, set_engine, &engine) : set_engine(lun, &engine);
}

/* --- begin anew --- */

static int reconnect(struct berth_lun *lun, void *arg)
{
    (void)arg;
    return initiator_renew(lun->initiator);
}

BERTH_EXPORT int berth_lun_reconnect(struct berth_lun *lun)
{
    if (lun->lanes)
        return lanes_ask(lun->lanes, reconnect, NULL);
    int error = reconnect(lun, NULL);
    reactor_alarm(lun->initiator->reactor, 0); /* who sleeps on the descriptor looks anew */
    return error;
}

/* --- facts --- */

BERTH_EXPORT const struct berth_lun_info *berth_lun_info(struct berth_lun *lun)
{
    return lun->lanes ? lanes_show(lun->lanes) : &lun->info;
}

BERTH_EXPORT const struct berth_detail *berth_lun_detail(const struct berth_lun *lun)
{
    return lun->lanes && lun->lanes->threaded ? &lun->lanes->detail : &lun->detail;
}

void lun_stats(const struct berth_lun *lun, struct berth_stats *stats)
{
    const struct initiator *i = lun->initiator;
    *stats = (struct berth_stats){.syscalls = i->engine->syscalls,
                                  .rx_bytes = i->rx_bytes + i->link->rx_bytes,
                                  .tx_bytes = i->tx_bytes + i->link->tx_bytes,
                                  .commands = lun->completed,
                                  .retries = i->replays,
                                  .lost_writes = lun->lost_writes};
}

BERTH_EXPORT void berth_lun_stats(const struct berth_lun *lun, struct berth_stats *stats)
{
    if (lun->lanes)
        lanes_stats(lun->lanes, stats);
    else
        lun_stats(lun, stats);
}
