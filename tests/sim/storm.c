/* SPDX-License-Identifier: MIT */
#include "storm.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NS_MS      1000000ull
#define TURNS_MAX  3000000u /* of one run; more is a storm that does not end */
#define AFTER_CALM 40u      /* I/Os */

void storm_wrong(struct storm *s, const char *format, ...)
{
    va_list args;
    if (s->report->wrong[0])
        return; /* the first one counts */
    va_start(args, format);
    vsnprintf(s->report->wrong, sizeof s->report->wrong, format, args);
    va_end(args);
    storm_tell(s, "WRONG: %s", s->report->wrong);
}

void storm_tell(const struct storm *s, const char *format, ...)
{
    va_list args;
    if (!s->loud)
        return;
    printf("%10.3f s, turn %6u: ", (double)sim_world_now(s->world->sim) / 1e9, s->world->turns);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
}

/* --- the plan --- */

static uint32_t between(struct storm *s, uint32_t first, uint32_t last)
{
    return (uint32_t)dice_between(&s->dice, first, last);
}

static bool perhaps(struct storm *s)
{
    return dice_below(&s->dice, 2);
}

static void notice(void *arg, const struct berth_notice *n)
{
    const struct storm *s = arg;
    storm_tell(s, "notice: %s", n->text);
}

static void plan_options(struct storm *s)
{
    struct berth_options *o = &s->plan.options;
    bool harsh = s->plan.harsh;
    berth_options_init(o);
    o->ping_interval_ms = between(s, 200, 5000);
    o->ping_timeout_ms = between(s, 200, 5000);
    o->connect_timeout_ms = between(s, 1000, 10000);
    o->command_timeout_ms = harsh ? between(s, 500, 5000) : 60000;
    o->recovery_timeout_ms = harsh ? between(s, 1000, 30000) : 600000;
    o->depth = between(s, 1, STORM_DEPTH);
    o->sessions = s->seed % 3 ? 1 : (uint32_t)(2 + s->seed / 3 % 4);
    o->header_digest = perhaps(s) ? BERTH_DIGEST_CRC32C : BERTH_DIGEST_NONE;
    o->data_digest = perhaps(s) ? BERTH_DIGEST_CRC32C : BERTH_DIGEST_NONE;
    o->notice = notice;
    o->notice_arg = s;
}

static void plan_target(struct storm *s)
{
    struct mini_config *c = &s->plan.target;
    static const uint64_t delays[] = {0, 100000, NS_MS, 20 * NS_MS};
    c->lu = s->plan.unit == 512 ? "ram:128K,block=512" : "ram:1M,block=4096";
    c->depth = (uint16_t)between(s, 1, 40);
    c->delay_ns = delays[dice_below(&s->dice, 4)];
    c->slow_ns = between(s, 1, 3000) * NS_MS;
    c->late = perhaps(s);
    c->attentions = perhaps(s) && (s->plan.harsh || s->plan.faults <= 2); /* one after each login */
    c->time2wait_s = dice_below(&s->dice, 4) ? 0 : 1;
    c->breaks = "A1 A3"; /* who is asked for something while the network is down hears of it too late */
    c->script = weather_command;
    c->login = weather_login;
    c->arg = s;
}

static void plan(struct storm *s)
{
    struct storm_plan *p = &s->plan;
    p->harsh = dice_below(&s->dice, 2);
    p->faults = between(s, 1, 12);
    p->ios = between(s, 50, 300);
    p->unit = dice_below(&s->dice, 4) ? 512 : 4096;
    p->depth = between(s, 1, STORM_DEPTH);
    p->every_turns = between(s, 5, 400);
    p->every_ms = between(s, 1, 3000);
    p->longest_ms = between(s, 10, 15000);
    p->span = between(s, STORM_LONG, STORM_BLOCKS);
    if (perhaps(s))
        p->span = between(s, 2, STORM_LONG);
    p->turn_ns = between(s, 10000, 300000);
    p->network = (struct sim_faults){.latency_ns = between(s, 1, 20) * NS_MS};
    if (perhaps(s))
        p->network.max_segment = between(s, 20, 5000);
    p->swap_turns = s->seed % 3 ? 1 + (uint32_t)(s->seed % 7) : 0;
    plan_options(s);
    plan_target(s);
}

/* --- the run --- */

static bool enough(const struct storm *s)
{
    return s->report->wrong[0] || s->over ||
           (s->report->ios >= s->plan.ios && s->calm_ns && s->report->back_ms);
}

static bool still_going(struct storm *s)
{
    if (s->world->turns > TURNS_MAX)
        storm_wrong(s, "there is no end to it");
    return !s->report->wrong[0];
}

static void work(struct storm *s)
{
    while (!enough(s) && still_going(s)) {
        burden_fill(s);
        burden_reap(s, 1000);
    }
    for (uint32_t n = 0; n < AFTER_CALM && !s->over && still_going(s); n++) {
        burden_fill(s);
        burden_reap(s, -1);
    }
    while (s->flying > 0 && still_going(s))
        burden_reap(s, 1000);
}

/* Once all is well, the next attempt succeeds: one may be under way that has to give up first, and before the
 * next one there is a pause. */
static void check_time(struct storm *s)
{
    const struct berth_options *o = &s->plan.options;
    uint64_t most = 2ull * o->connect_timeout_ms + o->ping_interval_ms + o->ping_timeout_ms + 2 * 3000 +
                    (s->plan.harsh ? o->command_timeout_ms : 0) + 2000;
    if (!s->over && s->report->back_ms > most)
        storm_wrong(s, "it took %llu ms until an I/O completed, at most %llu are right",
                    (unsigned long long)s->report->back_ms, (unsigned long long)most);
}

static void check_sessions(struct storm *s)
{
    const struct mini_counters *c = mini_counters(s->target);
    world_settle(s->world);
    sim_world_advance(s->world->sim, 20000 * NS_MS); /* logins that were given up halfway run out */
    world_settle(s->world);
    if (c->sessions > 0)
        storm_wrong(s, "%u sessions are left at the target", c->sessions);
}

static void drop_ios(struct storm *s)
{
    for (uint32_t i = 0; i < STORM_DEPTH; i++)
        if (s->ios[i].used)
            free(s->ios[i].buf);
}

/* Every fault ends at once, for the sake of those that began after the last I/O. */
static void clear_up(struct storm *s)
{
    s->world->each_turn = NULL;
    s->world->silent = false;
    s->world->wake_at = 0;
    world_cut_off(s->world, false);
    sim_engine_cut_off(s->world->far, false);
    if (mini_config(s->target)->deaf)
        mini_reset(s->target);
    mini_config(s->target)->deaf = false;
    mini_start(s->target);
}

static void live(struct storm *s)
{
    struct berth_detail why;
    struct berth_lun *lun;
    int error = lun_open(&lun, WORLD_URL, &s->plan.options, &s->world->reach, &why);
    if (error) {
        storm_wrong(s, "the LUN did not open: %s", why.text);
        return;
    }
    s->lun = lun;
    berth_queue_new(&s->queue, s->lun, STORM_DEPTH);
    weather_begin(s);
    work(s);
    s->report->reconnects = berth_lun_info(s->lun)->reconnects;
    clear_up(s);
    check_time(s);
    berth_lun_close(s->lun);
    drop_ios(s);
}

bool storm_run(uint64_t seed, bool loud, struct storm_report *report)
{
    struct storm *s = calloc(1, sizeof *s);
    memset(report, 0, sizeof *report);
    s->seed = seed;
    s->loud = loud;
    s->report = report;
    s->dice.state = seed;
    s->weather_dice.state = ~seed;
    s->ledger = (struct ledger){s->entries, STORM_BLOCKS};
    plan(s);
    s->world = world_new(seed, &s->plan.network);
    s->target = world_target(s->world, &s->plan.target);
    live(s);
    if (!report->wrong[0])
        check_sessions(s);
    burden_verify(s);
    report->late = mini_counters(s->target)->late;
    report->lasted_ms = world_ms(s->world);
    world_free(s->world);
    free(s);
    return !report->wrong[0];
}
