/* SPDX-License-Identifier: MIT */
/* Being sent elsewhere (RFC 7143 11.13.5). Each hop is a login from the beginning, with all that the first
 * one demands. Where it may lead, the caller says; how far, and never in a circle, we do. */
#include "initiator/parts.h"

static bool seen(const struct initiator *i, const struct portal *to)
{
    for (uint32_t n = 0; n < i->redirects; n++)
        if (portal_same(&i->visited[n], to))
            return true;
    return portal_same(&i->here->portal, to);
}

/* Names are judged here; addresses once they are known, in seek.c. */
static const char *flaw(const struct initiator *i, const struct portal *to)
{
    if (!i->allowance.everywhere && i->allowance.count == 0)
        return "it is not to be followed";
    if (seen(i, to))
        return "the redirects go round in a circle";
    return i->redirects == INITIATOR_REDIRECTS ? "one redirect after another" : NULL;
}

void redirect_follow(struct initiator *i, const struct conn_event *ev)
{
    struct portal to = conn_login(i->conn)->redirect;
    portal_complete(&to, &i->here->portal);
    const char *why = flaw(i, &to);
    if (why) {
        connection_lost(i, BERTH_E_REDIRECT, why);
        return;
    }
    connection_drop(i);
    i->moved = (i->moved || i->redirects == 0) && ev->login_status == WIRE_LOGIN_MOVED_PERMANENTLY;
    i->visited[i->redirects++] = i->here->portal;
    i->here = &i->away;
    i->away = (struct place){.portal = to, .restricted = !allowance_names(&i->allowance, to.host)};
    seek_begin(i);
}

/* What has moved for good is sought there from now on, once it has been found there. */
void redirect_arrived(struct initiator *i)
{
    if (!i->moved)
        return;
    i->home = i->away;
    i->here = &i->home;
    i->moved = false;
}
