/* SPDX-License-Identifier: MIT */
#include "cli/attachment.h"
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "attach/caller.h"
#include "attach/exit.h"
#include "attach/request.h"
#include "attach/runtime.h"
#include "cli/clock.h"
#include "cli/say.h"

#define RETRY_MS  20 /* while the attachment's backlog is full */
#define NS_PER_MS 1000000u

struct peer {
    int fd;
    int64_t pid;
    uint32_t timeout_ms;
    char *in; /* of what was received; `len` bytes, of which the first `used` have been taken */
    size_t len, used;
};

static uint64_t deadline_after(int64_t ms)
{
    return ms < 0 ? UINT64_MAX : clock_ns() + (uint64_t)ms * NS_PER_MS;
}

static int left_ms(uint64_t deadline)
{
    uint64_t now = clock_ns();
    if (deadline == UINT64_MAX)
        return -1;
    return now >= deadline ? 0 : (int)((deadline - now + NS_PER_MS - 1) / NS_PER_MS);
}

/* false: not in time. */
static bool wait_for(int fd, short events, uint64_t deadline)
{
    struct pollfd p = {.fd = fd, .events = events};
    int n;
    do
        n = poll(&p, 1, left_ms(deadline));
    while (n < 0 && errno == EINTR);
    return n > 0;
}

/* --- lines --- */

static enum peer_line receive(struct peer *p, uint64_t deadline)
{
    if (p->used > 0)
        memmove(p->in, p->in + p->used, p->len - p->used);
    p->len -= p->used;
    p->used = 0;
    if (p->len == ANSWER_MAX)
        return PEER_BROKEN;
    if (!wait_for(p->fd, POLLIN, deadline))
        return PEER_LATE;
    ssize_t n = recv(p->fd, p->in + p->len, ANSWER_MAX - p->len, MSG_DONTWAIT);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? PEER_LINE : PEER_ENDED;
    p->len += (size_t)n;
    return n > 0 ? PEER_LINE : PEER_ENDED;
}

static enum peer_line next_line(struct peer *p, json_t **line, uint64_t deadline)
{
    size_t looked = 0;
    *line = NULL;
    for (;;) {
        const char *from = p->in + p->used, *end = memchr(from + looked, '\n', p->len - p->used - looked);
        looked = p->len - p->used;
        if (end) {
            *line = json_loadb(from, (size_t)(end - from), 0, NULL);
            p->used += (size_t)(end - from) + 1;
            return json_is_object(*line) ? PEER_LINE : PEER_BROKEN;
        }
        enum peer_line got = receive(p, deadline);
        if (got != PEER_LINE)
            return got;
    }
}

enum peer_line peer_next(struct peer *p, json_t **line, int timeout_ms)
{
    enum peer_line got = next_line(p, line, deadline_after(timeout_ms));
    if (got == PEER_BROKEN) {
        json_decref(*line);
        *line = NULL;
    }
    return got;
}

static bool send_text(struct peer *p, const char *text, size_t len, uint64_t deadline)
{
    while (len > 0) {
        ssize_t n = send(p->fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN && wait_for(p->fd, POLLOUT, deadline))
            continue;
        if (n < 0 && errno != EINTR)
            return false;
        text += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

/* --- opening --- */

/* A process that has stopped lets its backlog fill up: then this would wait, and must not. -1 with errno. */
static int connect_to(const char *path, uint64_t deadline)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof to.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(to.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    while (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) < 0) {
        int error = errno;
        if (error == EAGAIN && left_ms(deadline) > 0) {
            poll(NULL, 0, RETRY_MS);
            continue;
        }
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

__attribute__((format(printf, 3, 4))) static enum attachment_presence
tell(enum attachment_presence presence, char why[PEER_WHY_MAX], const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(why, PEER_WHY_MAX, format, args);
    va_end(args);
    return presence;
}

static bool is_there(const char *name, const char *suffix)
{
    char path[RUNTIME_PATH_MAX];
    return runtime_path(name, suffix, path) && access(path, F_OK) == 0;
}

static enum attachment_presence not_connected(const char *name, int error, char why[PEER_WHY_MAX])
{
    if (error == ENOENT && !is_there(name, ".lock"))
        return tell(ATTACHMENT_ABSENT, why, "%s is not attached; 'berth ls' lists what is", name);
    if (error == ENOENT || error == ECONNREFUSED)
        return tell(ATTACHMENT_DEAD, why, "%s has died, without a word; 'berth detach %s' tidies up", name,
                    name);
    if (error == EAGAIN)
        return tell(ATTACHMENT_SILENT, why, "%s does not answer; see whether its process hangs", name);
    if (error == EACCES || error == EPERM)
        return tell(ATTACHMENT_DENIED, why, "%s is somebody else's; ask as that user", name);
    errno = error;
    snprintf(why, PEER_WHY_MAX, "cannot connect to %s: %s%s", name, strerror(error), say_errno_next(error));
    return ATTACHMENT_FOREIGN;
}

static int64_t pid_of(int fd)
{
    struct ucred peer;
    socklen_t len = sizeof peer;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 ? peer.pid : 0;
}

/* An attachment that turns us away says so in the place of a greeting. */
static enum attachment_presence judge_greeting(const char *name, const json_t *line, char why[PEER_WHY_MAX])
{
    const char *kind = json_string_value(json_object_get(line, "berth"));
    const json_t *error = json_object_get(line, "error");
    if (error) {
        const char *text = json_string_value(json_object_get(error, "text"));
        snprintf(why, PEER_WHY_MAX, "%s: %s", name, text ? text : "it turns us away, and does not say why");
        return json_integer_value(json_object_get(error, "exit")) == STATUS_DENIED ? ATTACHMENT_DENIED
                                                                                   : ATTACHMENT_CROWDED;
    }
    if (!kind || strcmp(kind, "attachment") != 0)
        return tell(ATTACHMENT_FOREIGN, why, "%s is no attachment; see what has made %s.sock", name, name);
    if (json_integer_value(json_object_get(line, "version")) != REQUEST_VERSION)
        return tell(ATTACHMENT_FOREIGN, why,
                    "%s is of another version; use the berth that it was started with", name);
    return ATTACHMENT_ALIVE;
}

static enum attachment_presence take_greeting(struct peer *p, const char *name, uint64_t deadline,
                                              char why[PEER_WHY_MAX])
{
    json_t *line;
    enum attachment_presence presence;
    switch (next_line(p, &line, deadline)) {
    case PEER_LINE:
        presence = judge_greeting(name, line, why);
        break;
    case PEER_LATE:
        presence = tell(ATTACHMENT_SILENT, why, "%s does not answer; see whether its process hangs", name);
        break;
    case PEER_ENDED:
        presence = tell(ATTACHMENT_DEAD, why, "%s closed without a word: it is ending; try again", name);
        break;
    default:
        presence =
            tell(ATTACHMENT_FOREIGN, why, "%s is no attachment; see what has made %s.sock", name, name);
    }
    json_decref(line);
    return presence;
}

static struct peer *peer_new(int fd, uint32_t timeout_ms)
{
    struct peer *p = calloc(1, sizeof *p);
    char *in = malloc(ANSWER_MAX);
    if (!p || !in) {
        free(p);
        free(in);
        return NULL;
    }
    *p = (struct peer){.fd = fd, .pid = pid_of(fd), .timeout_ms = timeout_ms, .in = in};
    return p;
}

enum attachment_presence peer_open(struct peer **out, const char *name, uint32_t timeout_ms,
                                   char why[PEER_WHY_MAX])
{
    char path[RUNTIME_PATH_MAX];
    uint32_t patience = timeout_ms ? timeout_ms : ATTACHMENT_TIMEOUT_MS;
    uint64_t deadline = deadline_after(patience);
    *out = NULL;
    if (!runtime_path(name, ".sock", path))
        return tell(ATTACHMENT_ABSENT, why,
                    "%s is not attached; XDG_RUNTIME_DIR is longer than a path can be", name);
    int fd = connect_to(path, deadline);
    if (fd < 0)
        return not_connected(name, errno, why);
    *out = peer_new(fd, patience);
    if (*out)
        return take_greeting(*out, name, deadline, why);
    close(fd);
    return tell(ATTACHMENT_FOREIGN, why, "%s cannot be asked: there is no memory; free some", name);
}

void peer_close(struct peer *p)
{
    if (!p)
        return;
    close(p->fd);
    free(p->in);
    free(p);
}

int64_t peer_pid(const struct peer *p)
{
    return p->pid;
}

int peer_fd(const struct peer *p)
{
    return p->fd;
}

/* --- asking --- */

static json_t *refused(int *status, int value, char why[PEER_WHY_MAX], const char *sentence)
{
    *status = value;
    snprintf(why, PEER_WHY_MAX, "%s", sentence);
    return NULL;
}

static json_t *take_answer(json_t *line, int *status, char why[PEER_WHY_MAX])
{
    json_t *result = json_object_get(line, "result");
    const json_t *error = json_object_get(line, "error");
    const char *text = json_string_value(json_object_get(error, "text"));
    json_int_t exit = json_integer_value(json_object_get(error, "exit"));
    *status = STATUS_OK;
    if (json_is_true(json_object_get(line, "ok")) && json_is_object(result))
        return json_incref(result);
    if (!text || exit < 1 || exit > STATUS_RULES)
        return refused(status, STATUS_PROTOCOL, why,
                       "the attachment answers what makes no sense; use the berth that it was started with");
    return refused(status, (int)exit, why, text);
}

json_t *peer_ask(struct peer *p, json_t *request, int *status, char why[PEER_WHY_MAX])
{
    uint64_t deadline = deadline_after(p->timeout_ms);
    char *text = json_dumps(request, JSON_COMPACT);
    json_t *line = NULL, *result;
    json_decref(request);
    bool sent = text && send_text(p, text, strlen(text), deadline) && send_text(p, "\n", 1, deadline);
    free(text);
    switch (sent ? next_line(p, &line, deadline) : PEER_ENDED) {
    case PEER_LINE:
        result = take_answer(line, status, why);
        break;
    case PEER_LATE:
        result =
            refused(status, STATUS_UNREACHABLE, why,
                    "the attachment does not answer; wait longer with --timeout, or see whether it hangs");
        break;
    case PEER_ENDED:
        result = refused(status, STATUS_UNREACHABLE, why,
                         "the attachment has closed its control socket; see whether it still runs");
        break;
    default:
        result = refused(status, STATUS_PROTOCOL, why,
                         "the attachment answers what is no JSON; use the berth that it was started with");
    }
    json_decref(line);
    return result;
}

int attachment_status(enum attachment_presence presence)
{
    static const int of[] = {
        [ATTACHMENT_ALIVE] = STATUS_OK,
        [ATTACHMENT_ABSENT] = STATUS_ABSENT,
        [ATTACHMENT_DEAD] = STATUS_ABSENT,
        [ATTACHMENT_SILENT] = STATUS_UNREACHABLE,
        [ATTACHMENT_FOREIGN] = STATUS_PROTOCOL,
        [ATTACHMENT_DENIED] = STATUS_DENIED,
        [ATTACHMENT_CROWDED] = STATUS_UNREACHABLE,
    };
    return of[presence];
}

int attachment_check_name(const char *name)
{
    if (settings_is_name(name))
        return STATUS_OK;
    return fail(STATUS_USAGE, "'%s' names no attachment; names have letters, digits, '-', '_' and '.'", name);
}

int attachment_ask(const char *name, json_t *request, uint32_t timeout_ms, json_t **result)
{
    char why[PEER_WHY_MAX];
    struct peer *p;
    *result = NULL;
    int status = attachment_check_name(name);
    if (status != STATUS_OK) {
        json_decref(request);
        return status;
    }
    status = attachment_status(peer_open(&p, name, timeout_ms, why));
    if (status == STATUS_OK)
        *result = peer_ask(p, request, &status, why);
    else
        json_decref(request);
    peer_close(p);
    return status == STATUS_OK ? STATUS_OK : fail(status, "%s", why);
}
