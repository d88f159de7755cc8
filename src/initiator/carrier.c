/* SPDX-License-Identifier: MIT */
/* Which engine carries the connection. The reactor's own connects, and whoever stands in front of it may take
 * over what has come up; if that one cannot go on, the first has it again. */
#include "initiator/parts.h"

static struct engine *wanted(const struct initiator *i)
{
    return i->fronted && i->engine->front ? i->engine->front : i->engine;
}

/* Where it cannot be had it stays where it is: that is no reason to lose a session. */
void carrier_up(struct initiator *i)
{
    (void)link_move(i->link, wanted(i));
}

int initiator_carry(struct initiator *i, const char *name, const char **why)
{
    struct engine *carrier;
    bool before = i->fronted;
    int error = engine_beside(i->engine, name, &carrier, why);
    if (error)
        return error;
    i->fronted = carrier != i->engine;
    if (!i->attached)
        return BERTH_OK;
    error = link_move(i->link, carrier);
    if (error && error != BERTH_E_STATE)
        i->fronted = before;
    connection_drain(i);
    reactor_touch(i);
    return error == BERTH_E_STATE ? BERTH_OK : error; /* its end has come, and is about to be told */
}

const char *initiator_carrier(const struct initiator *i)
{
    const struct engine *e = i->attached ? i->link->engine : wanted(i);
    return e->ops->name;
}

void carrier_lost(struct link *l, const char *why)
{
    struct initiator *i = list_entry(l, struct racer, link)->initiator;
    i->fronted = false;
    connection_drain(i);
    reactor_touch(i);
    if (i->owner.carried)
        i->owner.carried(i->owner.owner, why);
}
