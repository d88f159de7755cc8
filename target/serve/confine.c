/* SPDX-License-Identifier: MIT */
/* What the target gives up before the first stranger may speak to it: the user it was started as, and system
 * calls that it never makes. */
#include "serve/confine.h"
#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* --- another user --- */

static int refuse_user(const struct serve_user *u, const struct reason *why)
{
    return serve_refuse(why, BERTH_E_SYSTEM, "cannot run as %s: %s; start it as root, or without --run-as",
                        u->name, strerror(errno));
}

static bool is_already(const struct serve_user *u)
{
    return getuid() == u->uid && geteuid() == u->uid && getgid() == u->gid && getegid() == u->gid;
}

/* Groups first: nobody but root may change them. What could be taken back was not given up. */
static int become(const struct serve_user *u, const struct reason *why)
{
    if (is_already(u))
        return BERTH_OK;
    if (setgroups(0, NULL) < 0 || setresgid(u->gid, u->gid, u->gid) < 0 ||
        setresuid(u->uid, u->uid, u->uid) < 0)
        return refuse_user(u, why);
    if (u->uid != 0 && setuid(0) == 0)
        return serve_refuse(why, BERTH_E_SYSTEM, "%s can become root again: choose another user", u->name);
    return BERTH_OK;
}

/* Reservations are written later, by whoever it is then. */
static int check_state_dir(const struct serve_config *c, const struct reason *why)
{
    if (!c->state_dir || access(c->state_dir, W_OK | X_OK) == 0)
        return BERTH_OK;
    return serve_refuse(why, BERTH_E_SYSTEM, "%s cannot write to %s: %s; give it the folder with chown",
                        c->run_as.name, c->state_dir, strerror(errno));
}

int confine(const struct serve_config *c, const struct reason *why)
{
    int error = BERTH_OK;
    if (c->run_as.name) {
        error = become(&c->run_as, why);
        if (!error)
            error = check_state_dir(c, why);
    }
    if (error)
        return serve_blame(c, c->run_as.name, error, why);
    if (c->control) /* LUNs may be added later, and the filter lets no code be loaded */
        lu_prepare();
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); /* nothing that it might start gets more than it has */
    return c->no_seccomp ? BERTH_OK : confine_calls(why);
}
