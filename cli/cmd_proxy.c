/* SPDX-License-Identifier: MIT */
/* berth proxy: between an initiator and a target, misbehaving by a script, until a signal. */
#include <stdio.h>
#include <unistd.h>
#include "cli/commands.h"
#include "cli/rules.h"
#include "cli/say.h"
#include "cli/signals.h"
#include "proxy/proxy.h"

struct mediation {
    const struct options *o;
    struct rules_report rules;
};

static void ready_json(const char *to, const char *const *portals, uint32_t count)
{
    struct json j = {.out = stdout};
    json_put_object(&j, NULL);
    json_put_text(&j, "schema", "berth-proxy/1");
    json_put_text(&j, "to", to);
    json_put_array(&j, "portals");
    for (uint32_t i = 0; i < count; i++)
        json_put_text(&j, NULL, portals[i]);
    json_put_array_end(&j);
    json_put_object_end(&j);
    putchar('\n');
}

/* Scripts wait for these lines, so they leave at once. */
static void ready(void *arg, const char *const *portals, uint32_t count)
{
    const struct mediation *m = arg;
    if (m->o->json)
        ready_json(m->o->to_portal, portals, count);
    for (uint32_t i = 0; i < count && !m->o->json; i++)
        printf("berth: standing before %s on %s\n", m->o->to_portal, portals[i]);
    fflush(stdout);
}

static void tell_rule(void *arg, const struct proxy_rule *r)
{
    struct mediation *m = arg;
    rules_tell(&m->rules, r->source, r->text, r->matched, r->fired);
}

static void tell(void *arg, const char *sentence)
{
    (void)arg;
    say("%s", sentence);
}

static void configure(struct proxy_config *c, struct mediation *m, const uint64_t *seed)
{
    const struct options *o = m->o;
    for (; c->portal_count < o->portal_count; c->portal_count++)
        c->portals[c->portal_count] = o->portals[c->portal_count];
    c->to = o->to_portal;
    c->scripts = o->scripts;
    c->script_count = o->script_count;
    c->faults = o->faults;
    c->fault_count = o->fault_count;
    c->seed = o->seed_given ? seed : NULL;
    c->ready = ready;
    c->rule = tell_rule;
    c->say = tell;
    c->arg = m;
}

int cmd_proxy(const struct options *o)
{
    struct mediation m = {.o = o, .rules = {.schema = o->json ? "berth-proxy-rules/1" : NULL}};
    struct proxy_config c = {0};
    struct berth_detail why = {0};
    const uint64_t seed = o->seed;
    if (!o->to_portal)
        return fail(STATUS_USAGE, "there is nothing to stand before; give --to HOST:PORT, a target's portal");
    configure(&c, &m, &seed);
    c.stop_fd = signals_fd();
    if (c.stop_fd < 0)
        return fail_errno("watch for", "signals");
    why.error = proxy_run(&c, why.text, sizeof why.text);
    rules_end(&m.rules);
    close(c.stop_fd);
    if (why.error)
        return fail(exit_find(why.error)->status, "%s", why.text);
    say("no longer standing before %s", o->to_portal);
    return STATUS_OK;
}
