/* SPDX-License-Identifier: MIT */
/* The control socket: who connects to it, lines in and answers out. Nobody here can hold the target: what is
 * not taken waits in memory of bounded size, and whoever has an answer waiting is not read from.
 *
 * An engine tells when a descriptor can be read, and nothing else; so the sockets are in an epoll of their
 * own, which can be read whenever one of them has something to do. */
#include "serve/control.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define EVENTS  8
#define BACKLOG 8

struct client {
    struct list link; /* in control->clients */
    int fd;
    bool writing;         /* waits to be written to, instead of read from */
    bool done;            /* nothing more will come */
    uint64_t stuck_since; /* when an answer last moved on, or began */
    struct answer *answer;
    const char *out; /* of the answer, what is still to be sent */
    size_t out_len, in_len;
    char in[CONTROL_LINE_MAX + 1]; /* and a byte 0 behind a line that has no end */
};

struct control {
    struct target *target;
    int epoll, listener;
    struct list clients;
    uint32_t client_count;
    bool resting; /* there were no descriptors left to accept with */
};

static uint64_t now_of(const struct control *c)
{
    return engine_now(c->target->engine);
}

static int watch(struct control *c, int op, int fd, uint32_t interest, void *what)
{
    struct epoll_event ev = {.events = interest, .data.ptr = what};
    return epoll_ctl(c->epoll, op, fd, &ev);
}

/* --- clients --- */

static void drop(struct control *c, struct client *cl)
{
    list_remove(&cl->link);
    c->client_count--;
    watch(c, EPOLL_CTL_DEL, cl->fd, 0, NULL);
    close(cl->fd);
    answer_free(cl->answer);
    free(cl);
}

/* Sends what it can. false: the client is gone. */
static bool send_out(struct control *c, struct client *cl)
{
    while (cl->out_len > 0) {
        ssize_t n = send(cl->fd, cl->out, cl->out_len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0)
            return errno == EAGAIN || errno == EINTR;
        cl->out += n;
        cl->out_len -= (size_t)n;
        cl->stuck_since = now_of(c);
    }
    answer_free(cl->answer);
    cl->answer = NULL;
    return true;
}

/* An answer that cannot be had is the end of the conversation. */
static void reply(struct control *c, struct client *cl, struct answer *a)
{
    cl->answer = a;
    cl->out = answer_text_of(a, &cl->out_len);
    cl->stuck_since = now_of(c);
    if (cl->out)
        return;
    cl->out_len = 0;
    cl->done = true;
}

/* --- requests --- */

static int run_line(struct control *c, char *line, size_t len, struct answer *a, const struct reason *why)
{
    struct control_request r = {.target = c->target, .answer = a, .why = why};
    if (len >= CONTROL_LINE_MAX)
        return serve_refuse(why, BERTH_E_ARGUMENT, "the request is longer than %u bytes: shorten it",
                            CONTROL_LINE_MAX - 1);
    if (strlen(line) != len || !control_split(line, &r))
        return serve_refuse(why, BERTH_E_ARGUMENT,
                            "this is no request: write at most %u words, and %%25 for a percent sign",
                            CONTROL_WORDS_MAX);
    return control_run(&r);
}

/* What a verb had written before it failed is no answer. */
static void answer_line(struct control *c, struct client *cl, char *line, size_t len)
{
    char text[CONTROL_SENTENCE_MAX] = "";
    const struct reason why = {text, sizeof text};
    struct answer *a = answer_new();
    int error = a ? run_line(c, line, len, a, &why) : BERTH_E_MEMORY;
    if (error) {
        answer_free(a);
        a = answer_new();
    }
    if (!a) {
        cl->done = true;
        return;
    }
    answer_end(a, error, text[0] ? text : berth_error_text(error));
    reply(c, cl, a);
}

/* One line at a time: the next waits until the answer has left. One that never ends is the last. true: there
 * was one. */
static bool take_line(struct control *c, struct client *cl)
{
    char *end = memchr(cl->in, '\n', cl->in_len);
    size_t len = end ? (size_t)(end - cl->in) : cl->in_len, used = len + 1;
    if (!end && cl->in_len < sizeof cl->in - 1)
        return false;
    cl->done |= !end;
    len -= len > 0 && cl->in[len - 1] == '\r';
    cl->in[len] = '\0';
    answer_line(c, cl, cl->in, len);
    cl->in_len = end ? cl->in_len - used : 0;
    memmove(cl->in, cl->in + used, cl->in_len);
    return true;
}

/* false: the client is gone. */
static bool receive(struct client *cl)
{
    ssize_t n = recv(cl->fd, cl->in + cl->in_len, sizeof cl->in - 1 - cl->in_len, MSG_DONTWAIT);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    cl->in_len += (size_t)n;
    cl->done |= n == 0;
    return true;
}

static bool pump(struct control *c, struct client *cl)
{
    if (!send_out(c, cl))
        return false;
    while (cl->out_len == 0 && take_line(c, cl))
        if (!send_out(c, cl))
            return false;
    return send_out(c, cl) && (!cl->done || cl->out_len > 0);
}

static void client_event(struct control *c, struct client *cl)
{
    if ((!cl->writing && !receive(cl)) || !pump(c, cl)) {
        drop(c, cl);
        return;
    }
    if (cl->writing == (cl->out_len > 0))
        return;
    cl->writing = !cl->writing;
    if (watch(c, EPOLL_CTL_MOD, cl->fd, cl->writing ? EPOLLOUT : EPOLLIN, cl) < 0)
        drop(c, cl);
}

/* --- connections --- */

/* A fresh socket has room for a line. */
static bool greet(int fd, const char *words)
{
    return send(fd, words, strlen(words), MSG_NOSIGNAL | MSG_DONTWAIT) > 0;
}

static void admit(struct control *c, int fd)
{
    struct client *cl = c->client_count < CONTROL_CLIENTS_MAX ? calloc(1, sizeof *cl) : NULL;
    bool welcome = greet(fd, CONTROL_GREETING "\n");
    char full[64];
    snprintf(full, sizeof full, "fail %d too many are connected: try again later\n", BERTH_E_LIMIT);
    if (!cl && welcome)
        greet(fd, full);
    if (!cl || !welcome || watch(c, EPOLL_CTL_ADD, fd, EPOLLIN, cl) < 0) {
        close(fd);
        free(cl);
        return;
    }
    cl->fd = fd;
    c->client_count++;
    list_push(&c->clients, &cl->link);
}

/* Without a descriptor to spare, whoever calls would keep us awake: nobody is heard until the next tick. */
static void accept_all(struct control *c)
{
    int fd;
    while ((fd = accept4(c->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
        admit(c, fd);
    c->resting = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
    if (c->resting)
        watch(c, EPOLL_CTL_MOD, c->listener, 0, NULL);
}

/* A verb may stop the target, but frees none of this. */
static void ready(void *owner)
{
    struct target *t = owner;
    struct epoll_event events[EVENTS];
    int count = epoll_wait(t->control->epoll, events, EVENTS, 0);
    for (int i = 0; i < count; i++)
        if (events[i].data.ptr)
            client_event(t->control, events[i].data.ptr);
        else
            accept_all(t->control);
}

void control_tick(struct target *t, uint64_t now)
{
    struct control *c = t->control;
    if (!c)
        return;
    if (c->resting)
        watch(c, EPOLL_CTL_MOD, c->listener, EPOLLIN, NULL);
    c->resting = false;
    for (struct list *at = c->clients.next, *next; at != &c->clients; at = next) {
        struct client *cl = list_entry(at, struct client, link);
        next = at->next;
        if (cl->out_len > 0 && now >= cl->stuck_since + CONTROL_PATIENCE_NS)
            drop(c, cl);
    }
}

/* --- life --- */

static int cannot(const struct reason *why, const char *path)
{
    return serve_refuse(why, BERTH_E_SYSTEM, "cannot have the control socket %s: %s; choose another path",
                        path, strerror(errno));
}

/* What a target left behind that was killed is taken away; what anybody listens at is not. */
static int make_room(const struct sockaddr_un *where, const struct reason *why)
{
    const char *path = where->sun_path;
    struct stat st;
    if (lstat(path, &st) != 0)
        return errno == ENOENT ? BERTH_OK : cannot(why, path);
    if (!S_ISSOCK(st.st_mode))
        return serve_refuse(why, BERTH_E_ARGUMENT, "%s is there and no socket: choose another path", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool taken =
        fd >= 0 && (connect(fd, (const struct sockaddr *)where, sizeof *where) == 0 || errno == EAGAIN);
    if (fd >= 0)
        close(fd);
    if (taken)
        return serve_refuse(why, BERTH_E_ARGUMENT, "another target listens at %s: choose another path", path);
    return unlink(path) == 0 ? BERTH_OK : cannot(why, path);
}

/* Only its owner may speak to it. */
static int listen_at(const struct sockaddr_un *where)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mode_t before = umask(0177);
    bool bound = fd >= 0 && bind(fd, (const struct sockaddr *)where, sizeof *where) == 0;
    umask(before);
    if (bound && listen(fd, BACKLOG) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static int open_socket(struct control *c, const char *path, const struct reason *why)
{
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof where.sun_path)
        return serve_refuse(why, BERTH_E_ARGUMENT,
                            "%s: a socket's path has at most %zu bytes: choose a shorter one", path,
                            sizeof where.sun_path - 1);
    memcpy(where.sun_path, path, strlen(path) + 1);
    int error = make_room(&where, why);
    if (error)
        return error;
    c->listener = listen_at(&where);
    c->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (c->listener < 0 || c->epoll < 0 || watch(c, EPOLL_CTL_ADD, c->listener, EPOLLIN, NULL) < 0)
        return cannot(why, path);
    return BERTH_OK;
}

int control_open(struct target *t, const struct reason *why)
{
    const char *path = t->config->control;
    if (!path)
        return BERTH_OK;
    struct control *c = calloc(1, sizeof *c);
    if (!c)
        return serve_refuse(why, BERTH_E_MEMORY, "%s", berth_error_text(BERTH_E_MEMORY));
    t->control = c;
    c->target = t;
    c->epoll = c->listener = -1;
    list_init(&c->clients);
    int error = open_socket(c, path, why);
    if (!error && t->engine->ops->watch(t->engine, c->epoll, ready, t) != BERTH_OK)
        error = cannot(why, path);
    return serve_blame(t->config, path, error, why);
}

void control_close(struct target *t)
{
    struct control *c = t->control;
    if (!c)
        return;
    while (!list_empty(&c->clients))
        drop(c, list_entry(c->clients.next, struct client, link));
    if (c->epoll >= 0) {
        t->engine->ops->watch(t->engine, c->epoll, NULL, NULL);
        close(c->epoll);
    }
    if (c->listener >= 0) {
        unlink(t->config->control);
        close(c->listener);
    }
    free(c);
    t->control = NULL;
}
