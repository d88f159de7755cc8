/* SPDX-License-Identifier: MIT */
#include "attach/caller.h"
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

uint64_t caller_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void caller_begin(struct caller *cl, int fd)
{
    *cl = (struct caller){.fd = fd};
}

void caller_end(struct caller *cl)
{
    close(cl->fd);
    free(cl->out);
    *cl = (struct caller){.fd = -1};
}

/* --- how it stands --- */

bool caller_busy(const struct caller *cl)
{
    return cl->out_len > 0 || cl->waits;
}

/* Who asked for events and closed its own half may still read them. */
bool caller_is_over(const struct caller *cl)
{
    return !caller_busy(cl) && (cl->done || (cl->eof && !cl->stream));
}

/* Who waits for a job does so because of us, and who listens to events has nothing to say; as long as it
 * takes them. */
bool caller_patient(const struct caller *cl)
{
    return cl->waits || (cl->stream && cl->out_len == 0);
}

/* --- answers --- */

void caller_answer(struct caller *cl, json_t *object)
{
    char *text = object ? json_dumps(object, JSON_COMPACT | JSON_PRESERVE_ORDER) : NULL;
    json_decref(object);
    cl->out_at = 0;
    cl->out_len = text ? strlen(text) : 0;
    cl->since_ms = caller_now_ms();
    if (text && cl->out_len < ANSWER_MAX) {
        text[cl->out_len++] = '\n'; /* where its NUL was, which nobody looks for */
        cl->out = text;
        return;
    }
    free(text);
    cl->out_len = 0;
    cl->done = true;
}

void caller_refuse(struct caller *cl, const struct refusal *r)
{
    caller_answer(cl, json_pack("{s:b, s:{s:s, s:i, s:o}}", "ok", 0, "error", "name", r->name, "exit",
                                r->exit, "text", request_text(r->text)));
}

bool caller_send(struct caller *cl)
{
    while (cl->out_at < cl->out_len) {
        ssize_t n = send(cl->fd, cl->out + cl->out_at, cl->out_len - cl->out_at, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0)
            return errno == EAGAIN || errno == EINTR;
        cl->out_at += (size_t)n;
        cl->since_ms = caller_now_ms();
    }
    free(cl->out);
    cl->out = NULL;
    cl->out_len = cl->out_at = 0;
    return true;
}

/* --- lines --- */

/* false: the caller is gone. */
static bool receive(struct caller *cl)
{
    ssize_t n = recv(cl->fd, cl->in + cl->in_len, sizeof cl->in - cl->in_len, MSG_DONTWAIT);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    cl->in_len += (size_t)n;
    cl->eof |= n == 0;
    cl->since_ms = caller_now_ms();
    return true;
}

/* No interest in input while it cannot be taken: poll would return at once, again and again. */
short caller_interest(const struct caller *cl)
{
    if (cl->out_len > 0)
        return POLLOUT;
    return cl->waits || cl->eof || cl->in_len == sizeof cl->in ? 0 : POLLIN;
}

/* Who has hung up may have left lines behind, which are read first; unless it would have to take answers. */
bool caller_heard(struct caller *cl, short happened)
{
    if ((happened & POLLERR) || ((happened & POLLHUP) && (caller_busy(cl) || cl->eof)))
        return false;
    return !(happened & (POLLIN | POLLHUP)) || caller_busy(cl) || receive(cl);
}

/* Behind a line without an end nobody knows where the next one would begin. */
bool caller_has_line(struct caller *cl, size_t *len)
{
    const char *end = memchr(cl->in, '\n', cl->in_len);
    *len = end ? (size_t)(end - cl->in) : cl->in_len;
    if (!end && cl->in_len < sizeof cl->in)
        return false;
    cl->done |= !end;
    return true;
}

void caller_forget_line(struct caller *cl, size_t len)
{
    size_t with_end = len < cl->in_len ? len + 1 : len;
    cl->in_len -= with_end;
    memmove(cl->in, cl->in + with_end, cl->in_len);
}
