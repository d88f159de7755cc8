/* SPDX-License-Identifier: MIT */
#include "attach/unmount.h"
#include <errno.h>
#include <spawn.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/wait.h>

extern char **environ;

static int run_fusermount(const char *path, bool lazily)
{
    const char *argv[] = {"fusermount3", "-u", "-q", lazily ? "-z" : "--", path, NULL};
    pid_t child;
    int state;
    int number = posix_spawnp(&child, argv[0], NULL, NULL, (char **)(uintptr_t)argv, environ);
    if (number)
        return number;
    while (waitpid(child, &state, 0) < 0)
        if (errno != EINTR)
            return errno;
    return WIFEXITED(state) && WEXITSTATUS(state) == 0 ? 0 : EBUSY;
}

int unmount(const char *path, bool lazily)
{
    if (umount2(path, UMOUNT_NOFOLLOW | (lazily ? MNT_DETACH : 0)) == 0)
        return 0;
    return errno == EPERM ? run_fusermount(path, lazily) : errno;
}
