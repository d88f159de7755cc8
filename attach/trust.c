/* SPDX-License-Identifier: MIT */
#include "attach/trust.h"
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

bool trust_file(int fd, const char *path, char *why, size_t why_size)
{
    struct stat st;
    if (geteuid() != 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return true;
    if (st.st_uid != 0)
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
