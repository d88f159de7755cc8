/* SPDX-License-Identifier: MIT */
#include "attach/runtime.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* --- where --- */

static bool whose(const char *path, char *why, size_t size)
{
    struct stat st;
    if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() && !(st.st_mode & 022))
        return true;
    snprintf(why, size,
             "%.200s is not a folder that is ours alone to write in; set XDG_RUNTIME_DIR to one, or mend it",
             path);
    return false;
}

const char *runtime_folder(bool make, char out[RUNTIME_PATH_MAX], char *why, size_t why_size)
{
    const char *above = getenv("XDG_RUNTIME_DIR");
    int len = snprintf(out, RUNTIME_PATH_MAX, "%s/berth", above && above[0] == '/' ? above : "/run");
    if (len < 0 || len >= (int)RUNTIME_PATH_MAX) {
        snprintf(why, why_size, "XDG_RUNTIME_DIR is longer than a path can be");
        return NULL;
    }
    if (!make)
        return out;
    if (mkdir(out, 0700) < 0 && errno != EEXIST) {
        snprintf(why, why_size, "cannot make the folder %.200s: %s; set XDG_RUNTIME_DIR to one of yours", out,
                 strerror(errno));
        return NULL;
    }
    return whose(out, why, why_size) ? out : NULL;
}

bool runtime_path(const char *name, const char *suffix, char out[RUNTIME_PATH_MAX])
{
    char why[8];
    if (!runtime_folder(false, out, why, sizeof why))
        return false;
    size_t len = strlen(out);
    int more = snprintf(out + len, RUNTIME_PATH_MAX - len, "/%s%s", name, suffix);
    return more > 0 && (size_t)more < RUNTIME_PATH_MAX - len;
}

/* --- the lock --- */

/* A lock file that was taken away while we waited for it is nobody's lock. */
static bool still_there(const char *path, int fd)
{
    struct stat here, there;
    return fstat(fd, &here) == 0 && stat(path, &there) == 0 && here.st_ino == there.st_ino &&
           here.st_dev == there.st_dev;
}

static int64_t signature(int fd)
{
    char text[24] = "";
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    return n > 0 ? strtoll(text, NULL, 10) : 0;
}

/* -1 with errno; EAGAIN: try once more. */
static int lock_once(const char *path, int64_t *holder)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -1;
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        *holder = signature(fd);
        close(fd);
        errno = EBUSY;
        return -1;
    }
    if (still_there(path, fd))
        return fd;
    close(fd);
    errno = EAGAIN;
    return -1;
}

int runtime_lock(const char *name, int64_t *holder)
{
    char path[RUNTIME_PATH_MAX];
    int fd;
    *holder = 0;
    if (!runtime_path(name, ".lock", path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    do
        fd = lock_once(path, holder);
    while (fd < 0 && errno == EAGAIN);
    if (fd >= 0)
        runtime_sign(fd);
    return fd;
}

bool runtime_adopt(const char *name, int fd)
{
    char path[RUNTIME_PATH_MAX];
    if (!runtime_path(name, ".lock", path) || !still_there(path, fd) || flock(fd, LOCK_EX | LOCK_NB) < 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
        return false;
    runtime_sign(fd);
    return true;
}

void runtime_sign(int fd)
{
    char text[24];
    int len = snprintf(text, sizeof text, "%" PRId64 "\n", (int64_t)getpid());
    if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)len, 0) != len)
        return; /* nobody depends on it: whoever asks is told that it is held, and not by whom */
}

void runtime_unlock(const char *name, int fd)
{
    char path[RUNTIME_PATH_MAX];
    if (fd < 0)
        return;
    if (runtime_path(name, ".lock", path) && still_there(path, fd))
        unlink(path);
    close(fd);
}

/* --- sockets --- */

int runtime_connect(const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int error = ENAMETOOLONG;
    int fd = -1;
    if (strlen(path) < sizeof to.sun_path) {
        memcpy(to.sun_path, path, strlen(path) + 1);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
            return fd;
        error = errno;
    }
    if (fd >= 0)
        close(fd);
    errno = error;
    return -1;
}
