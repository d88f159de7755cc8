/* SPDX-License-Identifier: MIT */
/* Start, loop and stop of the built-in target. */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include "lu/workers.h"
#include "serve/confine.h"
#include "serve/control.h"

#define TICK_NS 1000000000ull

int serve_refuse(const struct reason *why, int error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(why->text, why->size, format, args);
    va_end(args);
    return error;
}

int serve_blame(const struct serve_config *c, const char *text, int error, const struct reason *why)
{
    const char *place = error && c->place && text ? c->place(c->place_arg, text) : "";
    size_t len = strlen(place);
    if (len == 0 || len >= why->size)
        return error;
    memmove(why->text + len, why->text, why->size - len);
    memcpy(why->text, place, len);
    why->text[why->size - 1] = '\0';
    return error;
}

static int out_of_memory(const struct reason *why)
{
    return serve_refuse(why, BERTH_E_MEMORY, "%s", berth_error_text(BERTH_E_MEMORY));
}

/* --- what is allowed --- */

static bool secret_fits(const struct serve_account *a)
{
    return a->secret_len >= CHAP_SECRET_MIN && a->secret_len <= CHAP_SECRET_MAX;
}

/* One secret for both directions would let anybody reflect our challenge to us (RFC 7143 9.2.1). */
static bool same_secret(const struct serve_account *a, const struct serve_account *b)
{
    return b->name && a->secret_len == b->secret_len && memcmp(a->secret, b->secret, a->secret_len) == 0;
}

static int check_account(const struct serve_config *c, uint32_t number, const struct reason *why)
{
    const struct serve_account *a = &c->accounts[number];
    if (!secret_fits(a))
        return serve_refuse(why, BERTH_E_SECRET,
                            "the CHAP secret of %s must have 12 to 255 bytes (96 bits and more)", a->name);
    if (same_secret(a, &c->mutual))
        return serve_refuse(why, BERTH_E_SECRET,
                            "the secrets of the two directions must differ: use another for %s",
                            c->mutual.name);
    for (uint32_t i = 0; i < number; i++)
        if (strcmp(c->accounts[i].name, a->name) == 0)
            return serve_refuse(why, BERTH_E_ARGUMENT, "the user %s is there twice: leave one out", a->name);
    return BERTH_OK;
}

static int check(const struct serve_config *c, const struct reason *why)
{
    int error = BERTH_OK;
    if (c->lun_count == 0 && !c->control)
        return serve_refuse(why, BERTH_E_ARGUMENT, "there is nothing to serve: give at least one --lun");
    if (c->mutual.name && !secret_fits(&c->mutual))
        return serve_refuse(why, BERTH_E_SECRET, "the mutual CHAP secret must have 12 to 255 bytes");
    for (uint32_t i = 0; i < c->account_count && !error; i++)
        error = serve_blame(c, c->accounts[i].name, check_account(c, i, why), why);
    return error;
}

/* --- life --- */

static void stop(void *owner)
{
    struct target *t = owner;
    t->stopped = true;
    engine_wake(t->engine);
}

static void reap(void *owner)
{
    struct target *t = owner;
    workers_reap(t->workers);
}

static void announce(const struct target *t)
{
    const char *portals[SERVE_PORTALS_MAX];
    for (uint32_t i = 0; i < t->portal_count; i++)
        portals[i] = t->portals[i].text;
    if (t->config->ready)
        t->config->ready(t->config->ready_arg, portals, t->portal_count);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static int loop(struct target *t)
{
    int error = BERTH_OK;
    uint64_t next = 0;
    t->engine->wait = t->config->busy_poll ? ENGINE_POLLS : ENGINE_WAITS_AS_PAYS;
    while (!t->stopped && !error) {
        uint64_t now = engine_now(t->engine);
        error = engine_poll(t->engine, earlier(now + TICK_NS, stage_deadline(t)));
        stage_turn(t, engine_now(t->engine));
        if (now < next)
            continue;
        target_tick(t, now);
        luns_settle(t);
        control_tick(t, now);
        next = now + TICK_NS;
    }
    return error;
}

/* Nothing forbids it, but it is hardly meant, and RFC 7143 9.2.1 would have it told. */
static void warn_of_one_secret(struct target *t, uint32_t number)
{
    const struct serve_account *a = t->config->accounts;
    for (uint32_t i = 0; i < number; i++)
        if (same_secret(&a[number], &a[i]))
            log_say(t->log, engine_now(t->engine), LOG_FAULT,
                    "the users %s and %s have one secret: each can log in as the other", a[i].name,
                    a[number].name);
}

static void take_accounts(struct target *t)
{
    for (uint32_t i = 0; i < t->config->account_count; i++) {
        const struct serve_account *a = &t->config->accounts[i];
        warn_of_one_secret(t, i);
        t->accounts[i] = (struct login_credentials){a->name, a->secret, a->secret_len};
    }
}

/* The order is the initiator's affair (12.1.3). */
static int take_algorithms(struct target *t, const struct reason *why)
{
    const char *words = t->config->chap_algorithms ? t->config->chap_algorithms : CHAP_ALGORITHMS;
    t->algorithm_count = (uint8_t)chap_algorithms_read((struct span){words, strlen(words)}, t->algorithms);
    if (t->algorithm_count > 0)
        return BERTH_OK;
    int error =
        serve_refuse(why, BERTH_E_ARGUMENT,
                     "'%s' is no list of CHAP algorithms: name some of SHA3-256,SHA256,SHA1,MD5", words);
    return serve_blame(t->config, words, error, why);
}

static bool sends_files(const struct engine *e)
{
    struct engine_limits limits;
    e->ops->limits(&limits);
    return limits.send_kinds & 1u << BERTH_SEG_FILE;
}

/* A session is a descriptor: as many as the system lets us have. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

int target_open(struct target *t, const struct reason *why)
{
    int error = target_keys(&t->wishes, t->config, why);
    take_accounts(t);
    if (!error)
        error = take_algorithms(t, why);
    if (!error && watch_open(t) != BERTH_OK)
        error = out_of_memory(why);
    if (!error)
        error = stage_open(t, why);
    if (!error)
        error = nodes_open(t, why);
    if (!error)
        error = portals_open(t, why);
    if (!error)
        error = groups_open(t, why);
    if (!error)
        error = control_open(t, why);
    if (error)
        return error;
    raise_descriptor_limit();
    signal(SIGPIPE, SIG_IGN); /* of a piece of a file that is sent to somebody who has gone */
    t->sends_files = sends_files(t->engine);
    if (t->config->stop_fd >= 0)
        t->engine->ops->watch(t->engine, t->config->stop_fd, stop, t);
    return t->engine->ops->watch(t->engine, workers_fd(t->workers), reap, t) ? out_of_memory(why) : BERTH_OK;
}

void target_free(struct target *t)
{
    while (!list_empty(&t->sessions))
        target_session_end(list_entry(t->sessions.next, struct target_session, link));
    while (t->workers && workers_busy(t->workers) > 0)
        workers_wait(t->workers);
    stage_close(t);
    control_close(t);
    portals_close(t);
    if (t->config->stop_fd >= 0)
        t->engine->ops->watch(t->engine, t->config->stop_fd, NULL, NULL);
    if (t->workers)
        t->engine->ops->watch(t->engine, workers_fd(t->workers), NULL, NULL);
    engine_free(t->engine);
    watch_close(t);
    nodes_close(t);
    workers_free(t->workers);
    jobs_free(t);
    pool_free(&t->pool);
    log_free(t->log);
    free(t);
}

struct target *target_new(const struct serve_config *config, struct engine *engine)
{
    struct target *t = engine ? calloc(1, sizeof *t) : NULL;
    if (!t) {
        if (engine)
            engine_free(engine);
        return NULL;
    }
    t->config = config;
    t->since_ms = log_clock_ms();
    list_init(&t->sessions);
    list_init(&t->ending);
    list_init(&t->managing);
    list_init(&t->jobs);
    pool_init(&t->pool, TARGET_MEMORY);
    t->log = log_new(config);
    t->engine = engine;
    t->workers = workers_new();
    if (t->workers && t->log)
        return t;
    target_free(t);
    return NULL;
}

static int run(struct target *t, const struct reason *why)
{
    announce(t);
    int error = loop(t);
    stage_report(t);
    watch_verdict(t);
    return error ? serve_refuse(why, error, "%s", berth_error_text(error)) : BERTH_OK;
}

int serve_run(const struct serve_config *config, char *why_text, size_t why_size)
{
    struct reason why = {why_text, why_size};
    int error = check(config, &why);
    if (error)
        return error;
    struct target *t = target_new(config, engine_new("sockets"));
    if (!t)
        return out_of_memory(&why);
    error = target_open(t, &why);
    if (!error)
        error = confine(config, &why);
    if (!error)
        error = run(t, &why);
    target_free(t);
    return error;
}
