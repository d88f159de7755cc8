/* SPDX-License-Identifier: MIT */
#include "storm.h"
#include <string.h>
#include "scsi/sense.h"

#define NS_MS 1000000ull

const char *const storm_fault_names[STORM_FAULTS] = {
    "cut",    "reset",   "crash", "change", "silence",  "deaf",     "mute", "stranger",   "refusals",
    "slices", "killers", "lost",  "slow",   "stranded", "statuses", "news", "unanswered", "unheard",
};

static uint64_t now(const struct storm *s)
{
    return sim_world_now(s->world->sim);
}

static void last_for(struct storm *s, enum storm_fault f, uint64_t most_ms)
{
    s->until_ns[f] = now(s) + dice_between(&s->weather_dice, 1, most_ms) * NS_MS;
}

static void hit(struct storm *s, enum storm_fault f, uint32_t most)
{
    s->turns_of[f] += (uint32_t)dice_between(&s->weather_dice, 1, most);
}

static bool strikes(struct storm *s, enum storm_fault f)
{
    if (s->turns_of[f] == 0)
        return false;
    s->turns_of[f]--;
    return true;
}

/* --- one fault each --- */

static void other_values(struct storm *s)
{
    static const uint32_t bursts[] = {512, 4096, 65536, 262144}, segments[] = {512, 1000, 8192, 65536};
    struct mini_config *c = mini_config(s->target);
    c->max_burst = bursts[dice_below(&s->weather_dice, 4)];
    c->first_burst = bursts[dice_below(&s->weather_dice, 3)];
    if (c->first_burst > c->max_burst)
        c->first_burst = c->max_burst;
    c->segment = segments[dice_below(&s->weather_dice, 4)];
    c->depth = (uint16_t)dice_between(&s->weather_dice, 1, 32);
}

static void network(struct storm *s)
{
    struct sim_faults f = s->plan.network;
    if (s->until_ns[STORM_SLICES])
        f.max_segment = (uint32_t)dice_between(&s->weather_dice, 1, 64);
    sim_world_set_faults(s->world->sim, &f);
}

static void tell_news(struct storm *s)
{
    static const uint8_t events[] = {WIRE_ASYNC_LOGOUT,   WIRE_ASYNC_DROP_CONNECTION,
                                     WIRE_ASYNC_DROP_ALL, WIRE_ASYNC_RENEGOTIATE,
                                     WIRE_ASYNC_SCSI,     WIRE_ASYNC_VENDOR};
    struct wire_async a = {.event = events[dice_below(&s->weather_dice, sizeof events)],
                           .parameter1 = 1,
                           .parameter2 = (uint16_t)dice_below(&s->weather_dice, 2),
                           .parameter3 = (uint16_t)dice_below(&s->weather_dice, 4)};
    mini_async(s->target, &a);
}

static void begin(struct storm *s, enum storm_fault f)
{
    switch (f) {
    case STORM_CUT:
        mini_reset(s->target);
        break;
    case STORM_RESET:
        world_reset(s->world);
        break;
    case STORM_CRASH:
    case STORM_CHANGE:
        mini_stop(s->target);
        last_for(s, f, s->plan.longest_ms);
        break;
    case STORM_SILENCE:
        s->world->silent = true;
        last_for(s, f, s->plan.longest_ms);
        break;
    case STORM_DEAF:
        sim_engine_cut_off(s->world->far, true);
        last_for(s, f, s->plan.longest_ms);
        break;
    case STORM_MUTE:
        world_cut_off(s->world, true);
        last_for(s, f, s->plan.longest_ms);
        break;
    case STORM_STRANGER:
        mini_config(s->target)->deaf = true;
        mini_reset(s->target);
        last_for(s, f, s->plan.longest_ms);
        break;
    case STORM_REFUSALS:
        hit(s, f, 3);
        mini_reset(s->target);
        break;
    case STORM_SLICES:
        last_for(s, f, 200);
        network(s);
        break;
    case STORM_KILLERS:
    case STORM_LOST:
    case STORM_UNANSWERED:
    case STORM_UNHEARD:
        hit(s, f, 3);
        break;
    case STORM_SLOW:
    case STORM_STRANDED:
        hit(s, f, 8);
        break;
    case STORM_STATUSES: /* all of them could hit one command, with pauses of up to 1.25 s, and 30 s to live
                          */
        hit(s, f, 20);
        break;
    case STORM_NEWS:
        tell_news(s);
        break;
    case STORM_FAULTS:
        break;
    }
}

static void end(struct storm *s, enum storm_fault f)
{
    s->until_ns[f] = 0;
    switch (f) {
    case STORM_CHANGE:
        other_values(s);
        mini_start(s->target);
        break;
    case STORM_CRASH:
        mini_start(s->target);
        break;
    case STORM_SILENCE:
        s->world->silent = false;
        break;
    case STORM_DEAF:
        sim_engine_cut_off(s->world->far, false);
        break;
    case STORM_MUTE:
        world_cut_off(s->world, false);
        break;
    case STORM_STRANGER: /* who is still connected to the stranger hears no more of it */
        mini_config(s->target)->deaf = false;
        mini_reset(s->target);
        break;
    case STORM_SLICES:
        network(s);
        break;
    default:
        break;
    }
    storm_tell(s, "end of %s", storm_fault_names[f]);
}

/* --- when --- */

static void next(struct storm *s)
{
    s->next_turn = s->world->turns + (uint32_t)dice_between(&s->weather_dice, 1, s->plan.every_turns);
    s->next_ns = now(s) + dice_between(&s->weather_dice, 1, s->plan.every_ms) * NS_MS;
}

static enum storm_fault choose(struct storm *s)
{
    uint32_t kinds = s->plan.harsh ? STORM_FAULTS : STORM_UNANSWERED;
    enum storm_fault f = (enum storm_fault)dice_below(&s->weather_dice, kinds);
    return s->until_ns[f] ? STORM_RESET : f; /* it is under way already */
}

static void strike(struct storm *s)
{
    enum storm_fault f = choose(s);
    if ((f == STORM_CRASH && s->until_ns[STORM_CHANGE]) || (f == STORM_CHANGE && s->until_ns[STORM_CRASH]))
        f = STORM_RESET;
    storm_tell(s, "%s", storm_fault_names[f]);
    s->report->faults++;
    s->report->by_kind[f]++;
    s->faults_left--;
    begin(s, f);
    next(s);
}

static bool calm(const struct storm *s)
{
    for (uint32_t f = 0; f < STORM_FAULTS; f++)
        if (s->until_ns[f] || s->turns_of[f])
            return false;
    return s->faults_left == 0;
}

static uint64_t earliest(const struct storm *s)
{
    uint64_t first = s->faults_left ? s->next_ns : UINT64_MAX;
    for (uint32_t f = 0; f < STORM_FAULTS; f++)
        if (s->until_ns[f] && s->until_ns[f] < first)
            first = s->until_ns[f];
    return first == UINT64_MAX ? 0 : first;
}

/* The session's link changes hands again and again, whatever the weather. */
static void swap(struct storm *s)
{
    uint32_t every = s->plan.swap_turns;
    if (every && s->world->turns % every == 0 && world_swap(s->world, s->lun->initiator->link))
        s->report->swaps++;
}

void weather_turn(void *storm)
{
    struct storm *s = storm;
    swap(s);
    sim_world_advance(s->world->sim, s->plan.turn_ns);
    for (uint32_t f = 0; f < STORM_FAULTS; f++)
        if (s->until_ns[f] && s->until_ns[f] <= now(s))
            end(s, (enum storm_fault)f);
    if (s->faults_left && (s->world->turns >= s->next_turn || now(s) >= s->next_ns))
        strike(s);
    s->world->wake_at = earliest(s);
    if (!s->calm_ns && calm(s)) {
        s->calm_ns = now(s);
        storm_tell(s, "calm");
    }
}

void weather_begin(struct storm *s)
{
    s->faults_left = s->plan.faults;
    s->world->each_turn = weather_turn;
    s->world->arg = s;
    next(s);
}

/* --- commands and logins --- */

/* What is sent again at once is so only a few times: all of these could hit the same command. */
static enum mini_turn ask_for_patience(struct storm *s, struct task *task)
{
    uint64_t kinds = s->agains < LUN_TRIES / 2 || s->plan.harsh ? 5 : 2,
             kind = dice_below(&s->weather_dice, kinds);
    s->agains += kind >= 2;
    switch (kind) {
    case 0:
        mini_status(task, SCSI_BUSY);
        break;
    case 1:
        mini_status(task, SCSI_TASK_SET_FULL);
        break;
    case 2:
        mini_status(task, SCSI_TASK_ABORTED);
        break;
    case 3:
        mini_sense(task, SENSE_ABORTED_COMMAND, 0);
        break;
    default:
        mini_sense(task, SENSE_UNIT_ATTENTION, 0x2901);
        break;
    }
    return MINI_ANSWER;
}

enum mini_turn weather_command(void *storm, struct task *task)
{
    struct storm *s = storm;
    if (!s->lun) /* it is being opened */
        return MINI_EXECUTE;
    if (strikes(s, STORM_KILLERS))
        return MINI_DROP;
    if (strikes(s, STORM_LOST))
        return MINI_LOSE_ALL;
    if (task->write && strikes(s, STORM_SLOW))
        return MINI_SLOW;
    if (task->write && strikes(s, STORM_STRANDED))
        return MINI_STRAND;
    if (strikes(s, STORM_UNANSWERED))
        return MINI_HOLD;
    if (strikes(s, STORM_UNHEARD))
        return MINI_LOSE;
    return strikes(s, STORM_STATUSES) ? ask_for_patience(s, task) : MINI_EXECUTE;
}

uint16_t weather_login(void *storm)
{
    static const uint16_t refusals[] = {WIRE_LOGIN_TARGET_ERROR, WIRE_LOGIN_UNAVAILABLE,
                                        WIRE_LOGIN_OUT_OF_RESOURCES, WIRE_LOGIN_NOT_FOUND};
    struct storm *s = storm;
    return strikes(s, STORM_REFUSALS) ? refusals[dice_below(&s->weather_dice, 4)] : 0;
}
