/* SPDX-License-Identifier: MIT */
/* The target wants us to log out, or to negotiate anew, which is the same to us (RFC 7143 11.9.1). Nothing
 * new is sent; what is under way may come to its end for a moment, so that none of it has to be done twice;
 * then we log out and come back. */
#include "initiator/parts.h"

#define NS_PER_MS 1000000ull
#define DRAIN_NS                                                                                             \
    (500 * NS_PER_MS)  /* for what is under way, at most; and never more than half of the time given */
#define GRACE_MS 1000u /* for the answer to the logout, beyond the time given for the request */

void parting_begin(struct initiator *i, uint32_t given_s)
{
    uint64_t drain = given_s * 500 * NS_PER_MS;
    if (i->part_by)
        return; /* we know */
    conn_part(i->conn);
    i->part_by = initiator_now(i) + (drain < DRAIN_NS ? drain : DRAIN_NS);
    i->part_given_ms = given_s * 1000 + GRACE_MS;
    parting_tick(i);
}

/* However long the target says that we may stay, the answer must not take longer than any other. */
static void leave(struct initiator *i, uint64_t now)
{
    uint32_t most = i->policy.connect_timeout_ms;
    i->part_by = 0;
    i->relogin = true;
    initiator_become(i, INITIATOR_LEAVING);
    i->attempt_deadline = now + (i->part_given_ms < most ? i->part_given_ms : most) * NS_PER_MS;
    conn_logout(i->conn, WIRE_LOGOUT_SESSION);
    initiator_kick(i);
}

void parting_tick(struct initiator *i)
{
    if (i->state != INITIATOR_UP || !i->part_by)
        return;
    uint64_t now = initiator_now(i);
    if (i->session->in_flight == 0 || now >= i->part_by)
        leave(i, now);
}

uint64_t parting_due(const struct initiator *i)
{
    return i->part_by ? i->part_by : UINT64_MAX;
}
