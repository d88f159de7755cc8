/* SPDX-License-Identifier: MIT */
/* What may be changed of a LUN while it is open, and what is under way. */
#include <stdio.h>
#include <string.h>
#include "block/lun.h"

#define NS_PER_MS  1000000ull
#define FLAW_MAX   160u
#define FIRST_SIZE offsetof(struct berth_policy, connect_timeout_ms) /* below it there is nothing */

uint64_t lun_recovery_ns(const struct berth_lun *lun)
{
    uint32_t ms = lun->options.recovery_timeout_ms;
    return ms == BERTH_FOR_EVER ? UINT64_MAX : ms * NS_PER_MS;
}

struct berth_policy terms_of(const struct berth_options *o)
{
    return (struct berth_policy){.size = sizeof(struct berth_policy),
                                 .connect_timeout_ms = o->connect_timeout_ms,
                                 .command_timeout_ms = o->command_timeout_ms,
                                 .abort_timeout_ms = o->abort_timeout_ms,
                                 .recovery_timeout_ms = o->recovery_timeout_ms,
                                 .ping_interval_ms = o->ping_interval_ms,
                                 .ping_timeout_ms = o->ping_timeout_ms,
                                 .depth = o->depth};
}

static struct berth_policy in_force(const struct berth_lun *lun)
{
    return lun->lanes ? lanes_policy(lun->lanes) : terms_of(&lun->options);
}

BERTH_EXPORT int berth_lun_policy(const struct berth_lun *lun, struct berth_policy *policy)
{
    struct berth_policy now = in_force(lun);
    if (policy->size < FIRST_SIZE)
        return BERTH_E_ARGUMENT;
    now.size = policy->size < now.size ? policy->size : now.size;
    memcpy(policy, &now, now.size);
    return BERTH_OK;
}

/* --- what is wrong with it --- */

static bool flawed(const struct berth_policy *p, uint32_t depth_most, char why[FLAW_MAX])
{
    const struct {
        const char *name;
        uint32_t value, least, most;
    } rows[] = {
        {"connect_timeout_ms", p->connect_timeout_ms, 1, UINT32_MAX},
        {"command_timeout_ms", p->command_timeout_ms, 1, UINT32_MAX},
        {"abort_timeout_ms", p->abort_timeout_ms, 1, UINT32_MAX},
        {"ping_timeout_ms", p->ping_timeout_ms, p->ping_interval_ms > 0, UINT32_MAX},
        {"depth", p->depth, 1, depth_most},
    };
    for (size_t n = 0; n < sizeof rows / sizeof rows[0]; n++) {
        if (rows[n].value >= rows[n].least && rows[n].value <= rows[n].most)
            continue;
        snprintf(why, FLAW_MAX, "%s is %u, and must be from %u to %u%s", rows[n].name, rows[n].value,
                 rows[n].least, rows[n].most,
                 rows[n].value > rows[n].most ? ", which is what the LUN was opened with" : "");
        return true;
    }
    return false;
}

static int check(struct berth_lun *lun, const struct berth_policy *p)
{
    char why[FLAW_MAX];
    uint32_t most = lun->command_count - SESSION_IMMEDIATE_MAX;
    return flawed(p, most, why) ? lun_tell(lun, BERTH_E_ARGUMENT, why) : BERTH_OK;
}

/* --- from now on --- */

static void keep(struct berth_options *o, const struct berth_policy *p)
{
    o->connect_timeout_ms = p->connect_timeout_ms;
    o->command_timeout_ms = p->command_timeout_ms;
    o->abort_timeout_ms = p->abort_timeout_ms;
    o->recovery_timeout_ms = p->recovery_timeout_ms;
    o->ping_interval_ms = p->ping_interval_ms;
    o->ping_timeout_ms = p->ping_timeout_ms;
    o->depth = p->depth;
}

/* What the LUN has put off has as much time as if it had always been so. */
static void renew_patience(struct berth_lun *lun, uint64_t before_ns, uint64_t now_ns)
{
    for (uint32_t n = 0; n < lun->command_count; n++) {
        struct command *cmd = &lun->commands[n];
        if (cmd->request && cmd->patience_ns && !cmd->request->io.timeout_ms)
            cmd->patience_ns = cmd->patience_ns + now_ns - before_ns;
    }
}

static int apply(struct berth_lun *lun, void *arg)
{
    const struct berth_policy *p = arg;
    uint64_t before = lun->options.command_timeout_ms * NS_PER_MS, now = p->command_timeout_ms * NS_PER_MS;
    struct initiator *i = lun->initiator;
    struct initiator_policy times = i->policy;
    times.connect_timeout_ms = p->connect_timeout_ms;
    times.command_timeout_ms = p->command_timeout_ms;
    times.abort_timeout_ms = p->abort_timeout_ms;
    times.recovery_timeout_ms = p->recovery_timeout_ms;
    times.ping_interval_ms = p->ping_interval_ms;
    times.ping_timeout_ms = p->ping_timeout_ms;
    waiting_renew(lun, before, now);
    renew_patience(lun, before, now);
    depth_allow(&lun->depth, p->depth);
    keep(&lun->options, p);
    initiator_set_times(i, &times);
    return BERTH_OK;
}

static int change(struct berth_lun *lun, const struct berth_policy *wanted)
{
    struct berth_policy p = in_force(lun);
    if (wanted->size < FIRST_SIZE || wanted->size > sizeof p)
        return lun_tell(lun, BERTH_E_ARGUMENT, "the policy's size is none that this library knows");
    memcpy(&p, wanted, wanted->size);
    p.size = sizeof p;
    int error = check(lun, &p);
    if (error)
        return error;
    if (!lun->lanes)
        return apply(lun, &p);
    lanes_set_policy(lun->lanes, &p);
    return lanes_ask(lun->lanes, apply, &p);
}

BERTH_EXPORT int berth_lun_set_policy(struct berth_lun *lun, const struct berth_policy *policy)
{
    struct lanes *all = lun->lanes;
    if (all)
        pthread_mutex_lock(&all->changes);
    int error = change(lun, policy);
    if (all)
        pthread_mutex_unlock(&all->changes);
    if (!all || !all->threaded)
        reactor_alarm(lun->initiator->reactor, 0); /* who sleeps on the descriptor looks anew */
    return error;
}
