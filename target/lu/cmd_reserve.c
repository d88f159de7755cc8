/* SPDX-License-Identifier: MIT */
/* RESERVE and RELEASE as SPC-2 has them (7.21, 7.16): the whole LU for one nexus, until it releases it,
 * leaves, or the LU is reset. */
#include "lu/cmd.h"

void cmd_reserve(struct command *c, struct lu *lu)
{
    if (lu->reservation.old && lu->reservation.old != c->nexus)
        cmd_conflict(c);
    else
        lu->reservation.old = c->nexus;
}

/* To release what one has not is no error. */
void cmd_release(struct command *c, struct lu *lu)
{
    if (lu->reservation.old == c->nexus)
        lu->reservation.old = NULL;
}
