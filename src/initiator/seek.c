/* SPDX-License-Identifier: MIT */
/* One attempt to reach the portal where we want to be: its addresses, as far as they are not known, then the
 * race to them. What becomes of it shows in connection.c. */
#include "initiator/addresses.h"
#include "initiator/parts.h"

#define NS_PER_MS 1000000ull

static void set_addresses(struct place *p, const struct resolved *found)
{
    p->first = addresses_find(found, &p->addresses, p->first);
    p->addresses = *found;
    p->failed = 0;
    p->stale = false;
}

/* A redirect that leads to a name without addresses is the target's fault, not that of who named it. */
static int name_error(const struct initiator *i, int error)
{
    return error == BERTH_E_RESOLVE && i->redirects > 0 ? BERTH_E_REDIRECT : error;
}

/* As hosts_find(), without the addresses where we are not to go. */
static int find(struct initiator *i, struct resolved *found, const char **why)
{
    int error = hosts_find(i, &i->here->portal, found, why);
    if (error || !i->here->restricted)
        return error;
    allowance_filter(&i->allowance, found);
    *why = "it leads to where redirects may not";
    return found->count ? BERTH_OK : BERTH_E_REDIRECT;
}

static void resolve(struct initiator *i)
{
    struct resolved found;
    const char *why;
    int error = find(i, &found, &why);
    if (error == RESOLVE_LATER && initiator_now(i) < i->attempt_deadline)
        return;
    if (error == RESOLVE_LATER) {
        error = BERTH_E_RESOLVE;
        why = "the name servers do not answer";
    }
    if (error) {
        connection_lost(i, name_error(i, error), why);
        return;
    }
    set_addresses(i->here, &found);
    race_begin(i);
}

/* After none of the old addresses has answered, new ones are taken if there are any by now. */
static void renew(struct initiator *i)
{
    struct place *here = i->here;
    struct resolved found;
    const char *why;
    if (!here->stale || here->addresses.count == 0)
        return;
    int error = find(i, &found, &why);
    if (error == BERTH_OK)
        set_addresses(here, &found);
    here->stale = error == RESOLVE_LATER;
}

void seek_begin(struct initiator *i)
{
    i->attempt_deadline = initiator_now(i) + i->policy.connect_timeout_ms * NS_PER_MS;
    if (!i->kept && i->retry_at && i->attempt_deadline > i->open_deadline)
        i->attempt_deadline = i->open_deadline; /* not the first attempt, and they share one time */
    i->refusal = 0;
    i->attempts++;
    i->counters.attempts++;
    renew(i);
    if (i->here->addresses.count > 0) {
        race_begin(i);
        return;
    }
    initiator_become(i, INITIATOR_RESOLVING);
    resolve(i);
}

void seek_home(struct initiator *i)
{
    i->here = &i->home;
    i->home.failed = 0;
    i->redirects = 0;
    i->moved = false;
    seek_begin(i);
}

bool seek_elsewhere(struct initiator *i)
{
    struct place *here = i->here;
    uint8_t order[RESOLVE_MAX];
    here->failed |= 1u << here->first;
    if (addresses_order(&here->addresses, here->first, here->failed, order) == 0)
        return false;
    seek_begin(i);
    return true;
}

void seek_failed(struct initiator *i, bool connected)
{
    struct place *here = i->here;
    if (connected) {
        here->first = here->addresses.count ? (here->first + 1) % here->addresses.count : 0;
        return;
    }
    here->stale = true;
    if (here == &i->home)
        hosts_prepare(i, &here->portal);
}

void seek_tick(struct initiator *i, uint64_t now)
{
    if (i->state == INITIATOR_RESOLVING)
        resolve(i);
    else if (i->state == INITIATOR_CONNECTING)
        race_tick(i, now);
}

/* What is due before the engine's own deadline for connections. */
uint64_t seek_due(const struct initiator *i)
{
    bool racing = i->state == INITIATOR_CONNECTING && i->race.next_at < i->attempt_deadline;
    return racing ? i->race.next_at : i->attempt_deadline;
}
