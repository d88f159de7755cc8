/* SPDX-License-Identifier: MIT */
/* berth check-initiator: the conformance suite, run on an initiator that is given as a command. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "check/check.h"
#include "cli/check_report.h"
#include "cli/commands.h"
#include "cli/say.h"
#include "cli/signals.h"

static void choose(struct check_options *c, const struct options *o)
{
    for (; c->only_count < o->only_count; c->only_count++)
        c->only[c->only_count] = o->only[c->only_count];
    for (; c->skip_count < o->skip_count; c->skip_count++)
        c->skip[c->skip_count] = o->skip[c->skip_count];
    for (; c->known_count < o->known_count; c->known_count++)
        c->known[c->known_count] = o->known[c->known_count];
}

/* Addresses of either kind; the loopback interface's if none is given. */
static int choose_addresses(struct check_options *c, const struct options *o)
{
    if (o->portal_count == 0) {
        c->listen = "127.0.0.1";
        c->listen6 = "::1";
    }
    for (uint32_t i = 0; i < o->portal_count; i++) {
        const char **where = strchr(o->portals[i], ':') ? &c->listen6 : &c->listen;
        if (*where)
            return fail(STATUS_USAGE, "--listen takes one IPv4 address and one IPv6 address; leave %s out",
                        o->portals[i]);
        *where = o->portals[i];
    }
    if (!c->listen)
        return fail(STATUS_USAGE, "--listen needs an IPv4 address too: most cases use it");
    return STATUS_OK;
}

static int gather(struct check_options *c, const struct options *o)
{
    choose(c, o);
    c->command = o->operands;
    c->command_words = (uint32_t)o->operand_count;
    c->read = o->read_command;
    c->write = o->write_command;
    c->discover = o->discover_command;
    c->jobs = o->jobs;
    c->time_ms = o->limit_ms;
    return choose_addresses(c, o);
}

static int list(const struct check_options *c, const struct options *o)
{
    static struct check_report r;
    r.as_json = o->json;
    r.version = berth_version();
    int status = check_report_begin(&r, NULL);
    if (check_list(c, check_report_listed, &r) == 0)
        return fail(STATUS_USAGE, "no case is chosen; --list without --only shows all, with their topics");
    if (o->json)
        check_report_end(&r, NULL);
    return status;
}

/* Nothing that was seen to be right is no success either. */
static int status_of(const struct check_totals *t)
{
    if (t->results[CHECK_FAILED] > 0)
        return STATUS_RULES;
    if (t->results[CHECK_BROKEN] > 0)
        return STATUS_SYSTEM;
    return t->results[CHECK_PASSED] > 0 ? STATUS_OK : STATUS_FAILED;
}

static int run(struct check_options *c, const struct options *o)
{
    static struct check_report r;
    struct check_totals totals;
    char why[CHECK_WHY_MAX];
    r.as_json = o->json;
    r.verbose = o->verbose;
    r.version = berth_version();
    int status = check_report_begin(&r, o->junit);
    if (status != STATUS_OK)
        return status;
    c->done = check_report_case;
    c->arg = &r;
    fflush(stdout);
    int error = check_run(c, &totals, why, sizeof why);
    if (error)
        return fail(error == BERTH_E_ARGUMENT ? STATUS_USAGE : STATUS_SYSTEM, "%s", why);
    status = check_report_end(&r, &totals);
    if (totals.stopped)
        return STATUS_SIGNAL + signals_take(c->stop_fd);
    return status == STATUS_OK ? status_of(&totals) : status;
}

int cmd_check_initiator(const struct options *o)
{
    static struct check_options c;
    int status = gather(&c, o);
    if (status != STATUS_OK || o->list)
        return status == STATUS_OK ? list(&c, o) : status;
    c.stop_fd = signals_fd();
    if (c.stop_fd < 0)
        return fail_errno("watch for", "signals");
    status = run(&c, o);
    close(c.stop_fd);
    return status;
}
