/* SPDX-License-Identifier: MIT */
#include "attach/trust.h"
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* The whole of user ids is ours, or nobody can tell. */
static bool is_whole_machine(void)
{
    unsigned inside = 0, outside = 0, count = UINT_MAX;
    FILE *f = fopen("/proc/self/uid_map", "re");
    int taken = f ? fscanf(f, "%u %u %u", &inside, &outside, &count) : 0;
    if (f)
        fclose(f);
    return taken < 3 || (inside == 0 && count == UINT_MAX);
}

static unsigned overflow_uid(void)
{
    unsigned uid = 65534;
    FILE *f = fopen("/proc/sys/kernel/overflowuid", "re");
    if (f && fscanf(f, "%u", &uid) != 1)
        uid = 65534;
    if (f)
        fclose(f);
    return uid;
}

/* In a user namespace, as in a container without root, all who are not in it are shown as one, the host's
 * root among them. Who is root there has no more rights than the user who made it. */
static bool is_outside(uid_t uid)
{
    return !is_whole_machine() && uid == overflow_uid();
}

bool trust_file(int fd, const char *path, char *why, size_t why_size)
{
    struct stat st;
    if (geteuid() != 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return true;
    if (st.st_uid != 0 && !is_outside(st.st_uid))
        snprintf(why, why_size,
                 "%s belongs to another user (uid %u), and root follows only what root has written; read it, "
                 "then run 'chown root %s'",
                 path, (unsigned)st.st_uid, path);
    else if (st.st_mode & 022)
        snprintf(why, why_size,
                 "%s can be written by other users (mode %04o), and root follows only what root has written; "
                 "read it, then run 'chmod go-w %s'",
                 path, (unsigned)(st.st_mode & 07777), path);
    else
        return true;
    return false;
}
