/* SPDX-License-Identifier: MIT */
#include "attach/secret.h"
#include <berth/error.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOOK_UP_MS 200
#define ROOM       (SECRET_MAX + 3u) /* for a line end, and for one byte that is too many */

bool secret_room(struct secret *s)
{
    void *room = mmap(NULL, ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (room == MAP_FAILED)
        return false;
    s->bytes = room;
    (void)mlock(room, ROOM); /* not everybody may */
    return madvise(room, ROOM, MADV_DONTDUMP) == 0;
}

void secret_wipe(struct secret *s)
{
    if (s->bytes) {
        explicit_bzero(s->bytes, ROOM);
        munmap(s->bytes, ROOM);
    }
    *s = (struct secret){0};
}

/* A signal that comes just before a read would not end it, so we look up from time to time. */
static bool readable(int fd, bool (*stop)(void))
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    while (!stop || !stop()) {
        int n = poll(&p, 1, LOOK_UP_MS);
        if (n > 0)
            return true;
        if (n < 0 && errno != EINTR)
            return false;
    }
    return false;
}

/* read() leaves no copy in a stdio buffer. */
int secret_take(struct secret *s, int fd, bool line, bool (*stop)(void))
{
    while (s->len < ROOM) {
        ssize_t n = readable(fd, stop) ? read(fd, s->bytes + s->len, ROOM - s->len) : -1;
        if (n < 0)
            return -1;
        s->len += (size_t)n;
        if (n == 0 || (line && memchr(s->bytes, '\n', s->len)))
            break;
    }
    return 0;
}

/* Already open, so whoever opened it answers for who else can read it. */
static bool handed_over(const char *file)
{
    return strncmp(file, "/dev/fd/", 8) == 0 || strncmp(file, "/proc/self/fd/", 14) == 0 ||
           strcmp(file, "/dev/stdin") == 0;
}

static int cannot(char why[SECRET_WHY_MAX], const char *doing)
{
    snprintf(why, SECRET_WHY_MAX, "%s", doing);
    return BERTH_E_SYSTEM;
}

static int check_mode(int fd, const char *file, char why[SECRET_WHY_MAX])
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return cannot(why, "read the secret file");
    if (!S_ISREG(st.st_mode) || !(st.st_mode & 077))
        return 0;
    snprintf(why, SECRET_WHY_MAX,
             "the secret file %s is open to other users (mode %04o); run 'chmod 600 %s' first", file,
             (unsigned)(st.st_mode & 07777), file);
    return BERTH_E_SECRET;
}

int secret_read(struct secret *s, const char *file, bool (*stop)(void), char why[SECRET_WHY_MAX])
{
    int error = 0;
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return cannot(why, "open the secret file");
    if (!handed_over(file))
        error = check_mode(fd, file, why);
    if (!error && secret_take(s, fd, isatty(fd) == 1, stop) < 0)
        error = cannot(why, "read the secret file");
    int number = errno;
    close(fd);
    errno = number;
    return error;
}

static void strip_line_end(struct secret *s)
{
    if (s->len && s->bytes[s->len - 1] == '\n')
        s->len--;
    if (s->len && s->bytes[s->len - 1] == '\r')
        s->len--;
}

int secret_finish(struct secret *s, const char *whose, bool weak, char why[SECRET_WHY_MAX])
{
    strip_line_end(s);
    if (s->len > SECRET_MAX)
        snprintf(why, SECRET_WHY_MAX, "the secret of %s is longer than 255 bytes; use one of 12 to 255",
                 whose);
    else if (s->len == 0)
        snprintf(why, SECRET_WHY_MAX, "the secret of %s is empty; use one of 12 to 255 bytes", whose);
    else if (s->len < SECRET_MIN && !weak)
        snprintf(why, SECRET_WHY_MAX, "the secret of %s has only %zu bits; use at least 96 bits (12 bytes)",
                 whose, s->len * 8);
    else
        return 0;
    return BERTH_E_SECRET;
}
