/* SPDX-License-Identifier: MIT */
/* What all endpoints share: failures, and the choice of a kind. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cli/copy_endpoint.h"
#include "cli/say.h"

int endpoint_fail(struct endpoint *e, int status, const char *format, ...)
{
    va_list args;
    if (e->status != STATUS_OK)
        return e->status;
    va_start(args, format);
    vsnprintf(e->why, sizeof e->why, format, args);
    va_end(args);
    return e->status = status;
}

int endpoint_fail_errno(struct endpoint *e, const char *doing)
{
    int number = errno;
    return endpoint_fail(e, STATUS_SYSTEM, "cannot %s %s: %s%s", doing, e->name, strerror(number),
                         say_errno_next(number));
}

static bool is_whole_file(int fd)
{
    return lseek(fd, 0, SEEK_CUR) == 0 && !(fcntl(fd, F_GETFL) & O_APPEND);
}

/* Redirected files are files, with their holes; everything that cannot be addressed is a pipe. */
static int adopt(struct endpoint *e, int fd, const struct stat *st, bool writing)
{
    bool file = (S_ISREG(st->st_mode) || S_ISBLK(st->st_mode)) && is_whole_file(fd);
    off_t end;
    e->fd = fd;
    e->block = 1;
    e->kind = file ? &endpoint_file : &endpoint_pipe;
    e->size = ENDPOINT_UNKNOWN;
    if (!file) {
        endpoint_pipe_prepare(e, writing);
        return STATUS_OK;
    }
    end = lseek(fd, 0, SEEK_END);
    if (end < 0 || lseek(fd, 0, SEEK_SET) < 0)
        return fail_errno("find the size of", e->name);
    e->size = (uint64_t)end;
    return STATUS_OK;
}

static int refuse_directory(const struct endpoint *e)
{
    return fail(STATUS_USAGE, "%s is a directory; name a file, a block device, a LUN or -", e->name);
}

int endpoint_open_source(struct endpoint *e, const char *name)
{
    bool standard = strcmp(name, "-") == 0;
    struct stat st;
    e->name = standard ? "standard input" : name;
    e->fd = standard ? STDIN_FILENO : open(name, O_RDONLY | O_CLOEXEC);
    if (e->fd < 0 || fstat(e->fd, &st) < 0)
        return fail_errno("open", e->name);
    return S_ISDIR(st.st_mode) ? refuse_directory(e) : adopt(e, e->fd, &st, false);
}

static int open_stdout(struct endpoint *e)
{
    struct stat st;
    int status;
    e->name = "standard output";
    if (fstat(STDOUT_FILENO, &st) < 0)
        return fail_errno("write to", e->name);
    if (isatty(STDOUT_FILENO))
        return fail(STATUS_USAGE, "a terminal is no place for a LUN's bytes; redirect the output");
    status = adopt(e, STDOUT_FILENO, &st, true);
    e->fresh = e->kind == &endpoint_file && e->size == 0;
    if (S_ISREG(st.st_mode))
        e->size = ENDPOINT_UNKNOWN;
    return status;
}

/* Opens what is there. A mounted block device refuses O_EXCL. */
static int open_existing(struct endpoint *e, const struct stat *st, bool force, bool read_back)
{
    bool addressed = S_ISREG(st->st_mode) || S_ISBLK(st->st_mode);
    int mode = (read_back && addressed ? O_RDWR : O_WRONLY) | (S_ISBLK(st->st_mode) ? O_EXCL : 0);
    int status;
    if (S_ISDIR(st->st_mode))
        return refuse_directory(e);
    if (addressed && !force)
        return fail(STATUS_FAILED, "%s exists; give --force to overwrite it", e->name);
    e->fd = open(e->name, mode | O_CLOEXEC | O_NOCTTY);
    if (e->fd < 0)
        return fail_errno("open", e->name);
    status = adopt(e, e->fd, st, true);
    e->fresh = S_ISREG(st->st_mode);
    if (e->fresh)
        e->size = ENDPOINT_UNKNOWN;
    return status;
}

int endpoint_open_destination(struct endpoint *e, const char *name, bool force, bool read_back)
{
    struct stat st;
    if (strcmp(name, "-") == 0)
        return open_stdout(e);
    e->name = name;
    if (stat(name, &st) == 0)
        return open_existing(e, &st, force, read_back);
    if (errno != ENOENT)
        return fail_errno("open", name);
    e->kind = &endpoint_file;
    e->created = e->fresh = true;
    e->fd = -1;
    e->block = 1;
    e->size = ENDPOINT_UNKNOWN;
    return STATUS_OK;
}

int endpoint_begin(struct endpoint *e)
{
    if (e->created)
        e->fd = open(e->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (e->created && e->fd < 0)
        return fail_errno("create", e->name);
    if (e->fresh && ftruncate(e->fd, 0) < 0)
        return fail_errno("empty", e->name);
    return STATUS_OK;
}

static int refuse_end(const struct endpoint *e, uint64_t origin, uint64_t len)
{
    if (len == ENDPOINT_UNKNOWN || origin > e->size)
        return fail(STATUS_FAILED, "%s has no byte %" PRIu64 ": it holds %" PRIu64 "; begin before its end",
                    e->name, origin, e->size);
    return fail(STATUS_FAILED,
                "%s has no %" PRIu64 " bytes from byte %" PRIu64 " on: it holds %" PRIu64 "; ask for less",
                e->name, len, origin, e->size);
}

static bool fits_blocks(const struct endpoint *e, uint64_t n)
{
    return n == ENDPOINT_UNKNOWN || n % e->block == 0;
}

/* A file of its own size grows where it is written to; what it held before stays, for there is a place in it.
 */
int endpoint_narrow(struct endpoint *e, uint64_t origin, uint64_t len)
{
    if (e->kind->ordered)
        return fail(STATUS_USAGE, "%s is a pipe, and has no places; use a file", e->name);
    if (!fits_blocks(e, origin) || !fits_blocks(e, len))
        return fail(STATUS_USAGE, "%s has blocks of %" PRIu32 " bytes; begin and end at one", e->name,
                    e->block);
    e->fresh = e->fresh && e->created;
    e->origin = origin;
    if (e->size == ENDPOINT_UNKNOWN)
        return STATUS_OK;
    if (origin > e->size || (len != ENDPOINT_UNKNOWN && len > e->size - origin))
        return refuse_end(e, origin, len);
    e->size = len == ENDPOINT_UNKNOWN ? e->size - origin : len;
    return STATUS_OK;
}

void endpoint_close(struct endpoint *e)
{
    if (e->kind)
        e->kind->close(e);
}
