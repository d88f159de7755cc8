/* SPDX-License-Identifier: MIT */
/* Where the addresses of a portal come from. Nobody waits for a name server while I/O goes on: a thread asks
 * (host/lookup.h), and the engine's poll() ends when it is back. Addresses that are spelt out need neither.
 */
#include <errno.h>
#include <string.h>
#include "host/lookup.h"
#include "initiator/parts.h"

static void heard(void *owner)
{
    struct initiator *i = owner;
    lookup_heard(i->lookup);
    reactor_touch(i);
}

static bool have_lookup(struct initiator *i)
{
    if (i->lookup)
        return true;
    struct lookup *l = lookup_new(host_resolve);
    if (!l)
        return false;
    if (i->engine->ops->watch(i->engine, lookup_fd(l), heard, i) == BERTH_OK) {
        i->lookup = l;
        return true;
    }
    lookup_free(l);
    return false;
}

void hosts_end(struct initiator *i)
{
    if (!i->lookup)
        return;
    i->engine->ops->watch(i->engine, lookup_fd(i->lookup), NULL, NULL);
    lookup_free(i->lookup);
    i->lookup = NULL;
}

static int ask(struct initiator *i, const struct portal *p, const char **why)
{
    if (portal_same(&i->asked, p))
        return RESOLVE_LATER;
    int error = have_lookup(i) ? lookup_ask(i->lookup, p) : BERTH_E_SYSTEM;
    if (error) {
        *why = strerror(errno);
        return error;
    }
    i->asked = *p;
    return RESOLVE_LATER;
}

int hosts_find(struct initiator *i, const struct portal *p, struct resolved *out, const char **why)
{
    int error;
    *why = NULL;
    if (i->resolve) {
        reactor_touch(i); /* there is nobody who would tell when to ask it again */
        return i->resolve(p, out, why);
    }
    if (host_numeric(p, out))
        return BERTH_OK;
    if (!portal_same(&i->asked, p) || !lookup_take(i->lookup, out, &error, why))
        return ask(i, p, why);
    i->asked.host[0] = 0;
    return error;
}

void hosts_prepare(struct initiator *i, const struct portal *p)
{
    struct resolved none;
    const char *why;
    if (!i->resolve && !host_numeric(p, &none))
        (void)ask(i, p, &why); /* if it cannot be asked for now, it is when the time has come */
}
