/* SPDX-License-Identifier: MIT */
/* Pipes, and whatever else has no addresses, as ends of a copy: transfers wait in line until the other side
 * of the pipe has something or takes something. Nothing here blocks, so a slow pipe does not cost a LUN its
 * session. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cli/copy_endpoint.h"

#define ROOM (1024 * 1024) /* bytes that we would like a pipe to hold; the kernel may refuse */

static const uint8_t zeros[64 * 1024];

/* A descriptor of our own that does not block. Setting O_NONBLOCK on the one we were given would set it for
 * everybody else who has it. */
static int open_again(int fd)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
}

/* A pipe that polls writable takes PIPE_BUF bytes without blocking (pipe(7)); more only through a descriptor
 * that does not block. */
void endpoint_pipe_prepare(struct endpoint *e, bool writing)
{
    struct stat st;
    int own = -1;
    e->tail = &e->head;
    e->gulp = PIPE_BUF;
    if (fstat(e->fd, &st) < 0 || !S_ISFIFO(st.st_mode))
        return;
    fcntl(e->fd, F_SETPIPE_SZ, ROOM);
    if (writing)
        own = open_again(e->fd);
    if (own < 0)
        return;
    if (e->fd > STDERR_FILENO)
        close(e->fd);
    e->fd = own;
    e->gulp = sizeof zeros;
}

static int extent(struct endpoint *e, uint64_t offset, uint64_t *len, bool *hole)
{
    (void)e;
    *len = ENDPOINT_UNKNOWN - offset;
    *hole = false;
    return 0;
}

static void start(struct endpoint *e, struct transfer *t)
{
    t->next = NULL;
    *e->tail = t;
    e->tail = &t->next;
}

static void head_done(struct endpoint *e)
{
    e->head->done = true;
    e->head = e->head->next;
    if (!e->head)
        e->tail = &e->head;
}

static int wait_fd(const struct endpoint *e, short *events)
{
    if (!e->head)
        return -1;
    *events = e->head->op == TRANSFER_READ ? POLLIN : POLLOUT;
    return e->fd;
}

static bool ready(const struct endpoint *e)
{
    struct pollfd p = {.fd = e->fd};
    wait_fd(e, &p.events);
    return poll(&p, 1, 0) > 0;
}

static ssize_t put(struct endpoint *e, const struct transfer *t)
{
    uint64_t left = t->len - t->moved;
    const uint8_t *from = t->op == TRANSFER_ZERO ? zeros : t->buf + t->moved;
    return write(e->fd, from, left < e->gulp ? left : e->gulp);
}

static ssize_t get(struct endpoint *e, const struct transfer *t)
{
    return read(e->fd, t->buf + t->moved, t->len - t->moved);
}

/* Moves some bytes of the first transfer. */
static void move(struct endpoint *e)
{
    struct transfer *t = e->head;
    bool reading = t->op == TRANSFER_READ;
    ssize_t n = reading ? get(e, t) : put(e, t);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n < 0) {
        endpoint_fail_errno(e, reading ? "read" : "write to");
        return;
    }
    t->moved += (uint64_t)n;
    if (n == 0 || t->moved == t->len)
        head_done(e);
}

/* At most one transfer a call: the other end wants its turn too. */
static void pump(struct endpoint *e)
{
    const struct transfer *first = e->head;
    while (first && e->head == first && e->status == 0 && ready(e))
        move(e);
}

static void finish(struct endpoint *e, uint64_t size)
{
    (void)e;
    (void)size;
}

static void close_pipe(struct endpoint *e)
{
    if (e->fd > STDERR_FILENO)
        close(e->fd);
}

const struct endpoint_kind endpoint_pipe = {
    .name = "pipe",
    .ordered = true,
    .extent = extent,
    .start = start,
    .pump = pump,
    .wait_fd = wait_fd,
    .finish = finish,
    .close = close_pipe,
};
