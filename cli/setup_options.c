/* SPDX-License-Identifier: MIT */
/* The options of `berth serve` on top of its file: berth-serve.conf(5) says what adds and what replaces. */
#include <string.h>
#include "cli/ctl.h"
#include "cli/say.h"
#include "cli/setup.h"
#include "cli/supervisor.h"

/* An option beyond what there is room for beside the file. */
static int no_room(const char *option, const char *value, const char *expected)
{
    return fail(STATUS_USAGE, "--%s must be %s, not '%s'; take out some of the file", option, expected,
                value);
}

/* What a supervisor handed over and --listen, if there is any of it, instead of what the file says. */
static int take_portals(struct setup *s, const struct options *o)
{
    struct serve_config *c = &s->config;
    const char *handed[SERVE_PORTALS_MAX], *expected;
    uint32_t count = supervisor_sockets(handed);
    if (count > SERVE_PORTALS_MAX)
        return fail(STATUS_USAGE, "more than %u sockets were handed over; name fewer in the socket unit",
                    SERVE_PORTALS_MAX);
    if (count > 0 || o->portal_count > 0)
        c->portal_count = 0;
    for (uint32_t i = 0; i < count; i++)
        setup_add_portal(s, handed[i]);
    for (uint32_t i = 0; i < o->portal_count; i++)
        if ((expected = setup_add_portal(s, o->portals[i])))
            return no_room("listen", o->portals[i], expected);
    return STATUS_OK;
}

static uint32_t find_target(const struct setup *s, const char *iqn)
{
    uint32_t i = 0;
    while (i < s->config.target_count && iqn && strcmp(s->config.targets[i].iqn, iqn) != 0)
        i++;
    return i;
}

/* --lun and --allow: of the target that --iqn names. */
static int take_target(struct setup *s, const struct options *o)
{
    uint32_t target = find_target(s, o->iqn);
    const char *expected = NULL;
    if (target == s->config.target_count && (expected = setup_add_target(s, o->iqn ? o->iqn : SERVE_IQN)))
        return no_room("iqn", o->iqn, expected);
    for (uint32_t i = 0; i < o->store_count; i++)
        if ((expected = setup_add_lun(s, target, setup_next_lun(s, target), o->stores[i])))
            return no_room("lun", o->stores[i], expected);
    for (uint32_t i = 0; i < o->allowed_count; i++)
        if ((expected = setup_add_allowed(s, target, o->allowed[i])))
            return no_room("allow", o->allowed[i], expected);
    return STATUS_OK;
}

static int take_keys(struct setup *s, const struct options *o)
{
    const char *expected;
    for (uint32_t i = 0; i < o->key_count; i++)
        if ((expected = setup_add_key(s, o->keys[i])))
            return no_room("key", o->keys[i], expected);
    return STATUS_OK;
}

static int take_logins(struct setup *s, const struct options *o)
{
    const char *expected;
    if (o->user && (expected = setup_add_account(s, o->user, o->secret_file)))
        return no_room("user", o->user, expected);
    if (o->mutual_user) {
        s->config.mutual.name = o->mutual_user;
        s->mutual_file = o->mutual_secret_file;
    }
    return STATUS_OK;
}

static int take_scripts(struct setup *s, const struct options *o)
{
    const char *expected;
    for (uint32_t i = 0; i < o->script_count; i++)
        if ((expected = setup_add_script(s, o->scripts[i])))
            return no_room("script", o->scripts[i], expected);
    for (uint32_t i = 0; i < o->fault_count; i++)
        if ((expected = setup_add_fault(s, o->faults[i])))
            return no_room("fault", o->faults[i], expected);
    return STATUS_OK;
}

static int place_control(struct setup *s)
{
    if (!s->control)
        return STATUS_OK;
    s->config.control = ctl_path(s->control, true, s->control_path);
    return s->config.control ? STATUS_OK
                             : fail_errno("make the folder for the control socket", s->control_path);
}

static void take_words(struct setup *s, const struct options *o)
{
    struct serve_config *c = &s->config;
    c->no_auth |= o->no_auth;
    c->busy_poll |= o->busy_poll;
    if (o->log_given)
        c->log_level = o->log_level;
    if (o->control)
        s->control = o->control;
    c->no_seccomp |= o->no_seccomp;
    if (o->run_as)
        c->run_as.name = o->run_as;
    if (o->chap_algorithms)
        c->chap_algorithms = o->chap_algorithms;
    if (o->state_dir)
        c->state_dir = o->state_dir;
}

int setup_take_options(struct setup *s, const struct options *o)
{
    static int (*const takes[])(struct setup *, const struct options *) = {
        take_portals, take_target, take_keys, take_logins, take_scripts};
    int status = STATUS_OK;
    for (size_t i = 0; i < sizeof takes / sizeof takes[0] && status == STATUS_OK; i++)
        status = takes[i](s, o);
    s->referee |= o->referee;
    take_words(s, o);
    if (status == STATUS_OK)
        status = setup_find_user(s);
    return status == STATUS_OK ? place_control(s) : status;
}
