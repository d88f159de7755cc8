/* SPDX-License-Identifier: MIT */
#include "attach/negotiated.h"
#include <string.h>

const char *negotiated_asked_by(const struct berth_negotiated *n)
{
    bool mine, theirs;
    if (!n->agreed[0])
        return "each for itself"; /* declared, not negotiated (RFC 7143 6.2) */
    mine = strcmp(n->agreed, n->mine) == 0;
    theirs = strcmp(n->agreed, n->theirs) == 0;
    if (mine && theirs)
        return "both";
    if (mine)
        return "us";
    if (theirs)
        return "target";
    return n->mine[0] || n->theirs[0] ? "rule" : "default";
}
