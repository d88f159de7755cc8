/* SPDX-License-Identifier: MIT */
/* Who USER[:GROUP] is on this machine. */
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include "cli/say.h"
#include "cli/setup.h"
#include "attach/size.h"

#define NAME_SIZE 256u
#define ID_MAX    (UINT32_MAX - 1) /* the last one stands for nobody in system calls */

static int refuse(struct setup *s, const char *what, const char *name)
{
    say_place(setup_place(s, s->config.run_as.name));
    int status = fail(STATUS_USAGE, "there is no %s '%s' here; name one that exists, as USER or USER:GROUP",
                      what, name);
    say_place("");
    return status;
}

/* A number needs no entry. */
static bool find_group(const char *name, uint32_t *gid)
{
    const struct group *g = getgrnam(name);
    if (g)
        *gid = g->gr_gid;
    return g || size_count(name, 0, ID_MAX, gid);
}

/* A number without an entry has no group. */
static bool find_user(const char *name, uint32_t *uid, uint32_t *gid, bool needs_group)
{
    const struct passwd *p = getpwnam(name);
    if (!p && size_count(name, 0, ID_MAX, uid)) {
        p = getpwuid(*uid);
        if (!p)
            return !needs_group;
    }
    if (!p)
        return false;
    *uid = p->pw_uid;
    *gid = p->pw_gid;
    return true;
}

int setup_find_user(struct setup *s)
{
    struct serve_user *u = &s->config.run_as;
    char name[NAME_SIZE];
    if (!u->name)
        return STATUS_OK;
    if (strlen(u->name) >= sizeof name)
        return refuse(s, "user", u->name);
    strcpy(name, u->name);
    char *group = strchr(name, ':');
    if (group)
        *group++ = '\0';
    if (!find_user(name, &u->uid, &u->gid, !group))
        return refuse(s, "user", name);
    return group && !find_group(group, &u->gid) ? refuse(s, "group", group) : STATUS_OK;
}
