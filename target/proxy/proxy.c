/* SPDX-License-Identifier: MIT */
#include "proxy/proxy.h"
#include <berth/error.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "host/crypto.h"
#include "proxy/parts.h"

#define NS_PER_MS 1000000ull
#define RETRY_NS  (1000 * NS_PER_MS) /* between attempts to listen again */

int proxy_refuse(const struct proxy_why *why, int error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(why->text, why->size, format, args);
    va_end(args);
    return error;
}

void proxy_say(const struct proxy *x, const char *format, ...)
{
    char sentence[512];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    if (x->config->say)
        x->config->say(x->config->arg, sentence);
}

static uint64_t clock_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 * NS_PER_MS + (uint64_t)t.tv_nsec;
}

/* --- what a script may ask of the target --- */

static void refuse_for(void *proxy, uint64_t time_ns)
{
    struct proxy *x = proxy;
    gates_close(x);
    if (x->closed_until == UINT64_MAX || x->closed_until < x->play.now + time_ns)
        x->closed_until = x->play.now + time_ns;
}

/* Connections end when the present one has been looked after. */
static void restart_for(void *proxy, const struct action *how, uint64_t time_ns)
{
    struct proxy *x = proxy;
    (void)how;
    x->restart = true;
    refuse_for(x, time_ns);
}

static const char *portal_text(void *proxy, uint32_t number)
{
    const struct proxy *x = proxy;
    return number >= 1 && number <= x->gate_count ? x->gates[number - 1].text : NULL;
}

/* --- scripts --- */

/* A restart with changes is for those who are the target. */
static const struct rule *impossible(const struct script *s)
{
    for (uint32_t i = 0; i < s->count; i++)
        for (uint32_t n = 0; n < s->rules[i]->action_count; n++) {
            const struct action *a = &s->rules[i]->actions[n];
            if (a->kind == ACT_RESTART && (a->text_count > 0 || a->lun_count > 0))
                return s->rules[i];
        }
    return NULL;
}

static int read_scripts(struct proxy *x, const struct proxy_why *why)
{
    const struct proxy_config *c = x->config;
    int error = BERTH_OK;
    script_init(&x->script);
    for (uint32_t i = 0; i < c->script_count && !error; i++)
        error = script_load(&x->script, c->scripts[i], why->text, why->size);
    for (uint32_t i = 0; i < c->fault_count && !error; i++)
        error = script_add_fault(&x->script, i + 1, c->faults[i], why->text, why->size);
    const struct rule *r = impossible(&x->script);
    if (!error && r)
        return proxy_refuse(
            why, BERTH_E_ARGUMENT,
            "%s: a proxy cannot give the target other keys or LUNs; leave them out of restart", r->source);
    if (c->seed)
        x->script.seed = *c->seed;
    return error;
}

static void tell_rules(const struct proxy *x)
{
    for (uint32_t i = 0; x->config->rule && i < x->script.count; i++) {
        const struct rule *r = x->script.rules[i];
        const struct proxy_rule told = {r->source, r->text, r->matched, r->fired};
        x->config->rule(x->config->arg, &told);
    }
}

/* --- the loop --- */

static void drop_pairs(struct proxy *x)
{
    while (!list_empty(&x->pairs))
        pair_free(list_entry(x->pairs.next, struct pair, link));
}

/* Those that are stranded come first: what they still have to say to the target is to be there before the
 * login that was waited for. */
static void turn_pairs(struct proxy *x)
{
    for (int stranded = 1; stranded >= 0; stranded--)
        list_each (at, &x->pairs) {
            struct pair *p = list_entry(at, struct pair, link);
            if (p->bender->stranded == (stranded != 0))
                pair_turn(p);
        }
    for (struct list *at = x->pairs.next, *next; at != &x->pairs; at = next) {
        next = at->next;
        if (list_entry(at, struct pair, link)->over)
            pair_free(list_entry(at, struct pair, link));
    }
}

static void come_back(struct proxy *x)
{
    if (x->restart)
        drop_pairs(x);
    x->restart = false;
    if (x->play.now < x->closed_until)
        return;
    x->closed_until = gates_reopen(x) ? UINT64_MAX : x->play.now + RETRY_NS;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t deadline(const struct proxy *x)
{
    uint64_t first = earlier(play_deadline(&x->play), x->closed_until);
    list_each (at, &x->pairs)
        first = earlier(first, pair_deadline(list_entry(at, struct pair, link)));
    return first;
}

static struct pollfd *watch(struct proxy *x)
{
    struct pollfd *to = x->polls;
    *to++ = (struct pollfd){x->config->stop_fd, POLLIN, 0};
    for (uint32_t i = 0; i < x->gate_count; i++)
        *to++ = (struct pollfd){x->gates[i].fd, POLLIN, 0};
    list_each (at, &x->pairs) {
        pair_watch(list_entry(at, struct pair, link), to);
        to += 2;
    }
    return to;
}

/* In the order in which they were watched; those that come now are behind them. */
static void receive(struct proxy *x)
{
    const struct pollfd *from = x->polls + 1 + x->gate_count;
    list_each (at, &x->pairs) {
        pair_receive(list_entry(at, struct pair, link), from);
        from += 2;
    }
    for (uint32_t i = 0; i < x->gate_count; i++)
        if (x->polls[1 + i].revents)
            gate_accept(x, i);
}

static int wait_ns(struct proxy *x, uint64_t due)
{
    uint64_t now = clock_now(), left = due > now ? due - now : 0;
    struct timespec t = {(time_t)(left / (1000 * NS_PER_MS)), (long)(left % (1000 * NS_PER_MS))};
    size_t count = (size_t)(watch(x) - x->polls);
    return ppoll(x->polls, count, due == UINT64_MAX ? NULL : &t, NULL);
}

static int work(struct proxy *x, const struct proxy_why *why)
{
    for (;;) {
        play_tick(&x->play, clock_now());
        turn_pairs(x);
        come_back(x);
        if (wait_ns(x, deadline(x)) < 0 && errno != EINTR)
            return proxy_refuse(why, BERTH_E_SYSTEM, "poll: %s", strerror(errno));
        if (x->polls[0].revents)
            return BERTH_OK;
        x->play.now = clock_now();
        receive(x);
    }
}

/* --- life --- */

static int find_target(struct proxy *x, const struct proxy_why *why)
{
    struct portal p;
    const char *to = x->config->to, *words;
    if (!gate_parse(to, false, &p))
        return proxy_refuse(why, BERTH_E_ADDRESS, "'%s' is no portal; take HOST[:PORT] or [V6ADDR][:PORT]",
                            to);
    if (host_resolve(&p, &x->target, &words) != BERTH_OK)
        return proxy_refuse(why, BERTH_E_RESOLVE, "'%s' has no address: %s; take another name", to, words);
    return BERTH_OK;
}

static void tell_ready(const struct proxy *x)
{
    const char *texts[PROXY_PORTALS_MAX];
    for (uint32_t i = 0; i < x->gate_count; i++)
        texts[i] = x->gates[i].text;
    if (x->config->ready)
        x->config->ready(x->config->arg, texts, x->gate_count);
}

static int run(struct proxy *x, const struct proxy_why *why)
{
    const struct play_hooks hooks = {.refuse = refuse_for,
                                     .restart = restart_for,
                                     .portal = portal_text,
                                     .owner = x,
                                     .logins_by_request = true};
    int error = read_scripts(x, why);
    if (!error)
        error = find_target(x, why);
    if (!error)
        error = gates_open(x, why);
    if (error)
        return error;
    play_init(&x->play, &x->script, host_crypto(), &hooks);
    tell_ready(x);
    error = work(x, why);
    drop_pairs(x);
    tell_rules(x);
    return error;
}

int proxy_run(const struct proxy_config *config, char *why, size_t why_size)
{
    struct proxy *x = calloc(1, sizeof *x);
    const struct proxy_why reason = {why, why_size};
    if (!x)
        return proxy_refuse(&reason, BERTH_E_MEMORY, "%s", berth_error_text(BERTH_E_MEMORY));
    x->config = config;
    x->closed_until = UINT64_MAX;
    list_init(&x->pairs);
    int error = run(x, &reason);
    gates_close(x);
    script_free(&x->script);
    free(x);
    return error;
}
