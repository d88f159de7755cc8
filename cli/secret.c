/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>
#include "cli/say.h"
#include "cli/secret.h"
#include "cli/signals.h"

#define LOOK_UP_MS 200
#define ROOM       (SECRET_MAX + 3u) /* for a line end, and for one byte that is too many */

static bool make_room(struct secret *s)
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
static bool readable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    while (!signals_caught()) {
        int n = poll(&p, 1, LOOK_UP_MS);
        if (n > 0)
            return true;
        if (n < 0 && errno != EINTR)
            return false;
    }
    return false;
}

/* Until the end, a full buffer, or, on a terminal, the end of the line. read() leaves no copy in a stdio
 * buffer. */
static int take(struct secret *s, int fd, bool line)
{
    while (s->len < ROOM) {
        ssize_t n = readable(fd) ? read(fd, s->bytes + s->len, ROOM - s->len) : -1;
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

static int check_mode(int fd, const char *file)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return fail_errno("read the secret file", file);
    if (!S_ISREG(st.st_mode) || !(st.st_mode & 077))
        return STATUS_OK;
    return fail(STATUS_USAGE,
                "the secret file %s is open to other users (mode %04o); run 'chmod 600 %s' first", file,
                (unsigned)(st.st_mode & 07777), file);
}

static int from_file(struct secret *s, const char *file)
{
    int status = STATUS_OK;
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return fail_errno("open the secret file", file);
    if (!handed_over(file))
        status = check_mode(fd, file);
    if (status == STATUS_OK && take(s, fd, isatty(fd) == 1) < 0)
        status = fail_errno("read the secret file", file);
    close(fd);
    return status;
}

/* Ctrl-C must not leave the terminal mute: deferred, it ends the read and the echo comes back first. The
 * question comes when the terminal is mute, for whoever answers at once would see the answer, or lose it with
 * what was typed before. */
static int ask_silently(struct secret *s, int tty, const char *whose)
{
    struct termios old, mute;
    int result;
    if (tcgetattr(tty, &old) < 0)
        return -1;
    mute = old;
    mute.c_lflag &= ~(tcflag_t)ECHO;
    signals_defer(true);
    tcsetattr(tty, TCSAFLUSH, &mute);
    dprintf(tty, "secret of %s: ", whose);
    result = take(s, tty, true);
    tcsetattr(tty, TCSAFLUSH, &old);
    signals_defer(false);
    dprintf(tty, "\n");
    return result;
}

static int from_terminal(struct secret *s, const char *whose)
{
    int result, tty = isatty(STDERR_FILENO) ? open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY) : -1;
    if (tty < 0)
        return fail(STATUS_USAGE, "there is no terminal to ask for the secret of %s; give it in a file",
                    whose);
    result = ask_silently(s, tty, whose);
    close(tty);
    if (signals_caught())
        return fail(STATUS_SIGNAL + signals_caught(), "interrupted; nothing was changed");
    return result < 0 ? fail_errno("read the secret from", "the terminal") : STATUS_OK;
}

static int from_stdin(struct secret *s, const char *whose)
{
    if (isatty(STDIN_FILENO))
        return from_terminal(s, whose);
    return take(s, STDIN_FILENO, false) < 0 ? fail_errno("read the secret from", "standard input")
                                            : STATUS_OK;
}

static void strip_line_end(struct secret *s)
{
    if (s->len && s->bytes[s->len - 1] == '\n')
        s->len--;
    if (s->len && s->bytes[s->len - 1] == '\r')
        s->len--;
}

static int check_length(const struct secret *s, const char *whose, bool weak)
{
    if (s->len > SECRET_MAX)
        return fail(STATUS_USAGE, "the secret of %s is longer than 255 bytes; use one of 12 to 255", whose);
    if (s->len == 0)
        return fail(STATUS_USAGE, "the secret of %s is empty; use one of 12 to 255 bytes", whose);
    if (s->len < SECRET_MIN && !weak)
        return fail(STATUS_USAGE, "the secret of %s has only %zu bits; use at least 96 bits (12 bytes)",
                    whose, s->len * 8);
    return STATUS_OK;
}

int secret_load(struct secret *s, const char *file, const char *whose, bool weak)
{
    int status;
    *s = (struct secret){0};
    if (!make_room(s))
        status = fail_errno("find memory for", "a secret");
    else if (!file)
        status = from_terminal(s, whose);
    else
        status = strcmp(file, "-") == 0 ? from_stdin(s, whose) : from_file(s, file);
    if (status == STATUS_OK) {
        strip_line_end(s);
        status = check_length(s, whose, weak);
    }
    if (status != STATUS_OK)
        secret_wipe(s);
    return status;
}
