/* SPDX-License-Identifier: MIT */
/* Which state of an initiator follows which. Builds for tests stop at any other move, and note which have
 * been made, so that a test can tell that nothing is listed here that never happens. */
#include "initiator/parts.h"

#define TO(state) (1u << INITIATOR_##state)

/* The numbers are those of RFC 7143 8.3.1. Its LOGGED_IN is UP and LEAVING here; its FREE and FAILED are all
 * that lies between one session and the next, which it leaves to us. */
const uint16_t initiator_moves[INITIATOR_STATES] = {
    /* it is opened; of a new one no address is known yet */
    [INITIATOR_IDLE] = TO(RESOLVING),
    /* there are addresses; there are none: the first time that is the end, later the end of a redirect */
    [INITIATOR_RESOLVING] = TO(CONNECTING) | TO(FAILED) | TO(WAITING),
    /* an address has taken the connection; none has */
    [INITIATOR_CONNECTING] = TO(LOGIN) | TO(FAILED) | TO(WAITING),
    [INITIATOR_LOGIN] = TO(UP)           /* N1; after a loss, also N6 of the session before */
                        | TO(RESOLVING)  /* redirected (11.13.5) */
                        | TO(CONNECTING) /* the connection broke: the next address, the first time */
                        | TO(WAITING)    /* refused for now, or lost once more */
                        | TO(FAILED),    /* refused for good, or with nobody left to ask */
    [INITIATOR_UP] = TO(LEAVING)         /* closed, or asked to log out (11.9.1) */
                     | TO(WAITING)       /* N5: all connections are lost */
                     | TO(FAILED),       /* the same, but nobody wants it back, or no waiting helps */
    [INITIATOR_LEAVING] = TO(IDLE)       /* N3: closed */
                          | TO(WAITING)  /* N3, to log in again as the target wanted */
                          | TO(FAILED),  /* the same, but nobody wants it back */
    /* the next attempt, at home, whose addresses are known since a name server has told them; N6: no time or
       hope is left */
    [INITIATOR_WAITING] = TO(CONNECTING) | TO(RESOLVING) | TO(FAILED),
    [INITIATOR_FAILED] = 0, /* for ever */
};

void initiator_become(struct initiator *i, enum initiator_state state)
{
#ifdef BERTH_MOVES
    if (!(initiator_moves[i->state] >> state & 1u))
        __builtin_trap();
    i->moves_seen |= 1ull << (i->state * INITIATOR_STATES + state);
#endif
    i->state = (uint8_t)state;
}
