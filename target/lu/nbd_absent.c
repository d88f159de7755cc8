/* SPDX-License-Identifier: MIT */
/* "nbd:URI" where berth was built without libnbd. */
#include "lu/lu.h"

static int refuse(struct lu *lu, const char *where, const struct lu_reason *why)
{
    (void)lu;
    return lu_refuse(
        why, "nbd:%s: this berth was built without libnbd: install libnbd-dev and build it again", where);
}

const struct lu_backend lu_nbd = {.name = "nbd", .open = refuse};
