/* SPDX-License-Identifier: MIT */
#include "attach/control.h"
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "attach/caller.h"
#include "attach/exit.h"
#include "attach/parts.h"
#include "attach/runtime.h"
#include "attach/standing.h"
#include "attach/supervision.h"
#include "attach/verbs.h"

#define STACK_BYTES (256u * 1024)
#define REST_MS     1000u

/* A verb that waits for the target, on a thread of its own. One at a time. */
struct job {
    pthread_t thread;
    bool begun;
    atomic_bool over;
    const struct verb *verb;
    struct call call;
    struct caller *caller; /* NULL: it has left, or waits no longer */
    uint64_t until_ms;     /* how long it waits, by caller_now_ms() */
};

struct control {
    struct attachment *a;
    int wake, listener;
    pthread_t thread;
    bool running;
    atomic_bool stopping;
    bool resting; /* there were no descriptors left to accept with */
    struct job job;
    struct supervision supervision;
    char path[RUNTIME_PATH_MAX];
    struct caller callers[CALLERS_MAX];
};

static void drop(struct control *c, struct caller *cl)
{
    if (c->job.caller == cl)
        c->job.caller = NULL;
    if (cl->stream)
        atomic_fetch_sub(&c->a->listeners, 1);
    caller_end(cl);
}

/* --- requests and jobs --- */

static void finish_call(struct control *c, struct caller *cl, struct call *call, int error)
{
    if (error) {
        json_decref(call->result);
        caller_refuse(cl, &call->refusal);
        return;
    }
    caller_answer(cl,
                  json_pack("{s:b, s:o}", "ok", 1, "result", call->result ? call->result : json_object()));
    if (call->stream && !cl->stream) {
        cl->stream = true;
        cl->seq = call->seq;
        atomic_fetch_add(&c->a->listeners, 1);
    }
}

static void *work(void *arg)
{
    struct control *c = arg;
    if (c->job.verb->run(&c->job.call) == 0)
        c->job.call.refusal.name = NULL;
    atomic_store(&c->job.over, true);
    control_wake(c);
    return NULL;
}

static int refuse_job(const struct control *c, struct refusal *r)
{
    char since[32];
    struct standing s;
    standing_find(&s, c->a);
    if (standing_is_away(&s))
        return standing_refuse(r, "BUSY", c->a, c->job.call.asked_ms);
    return refuse(r, "BUSY", STATUS_UNREACHABLE,
                  "the target of %s was asked already, at %s, and has not answered yet; try again later",
                  c->a->name, status_time(c->job.call.asked_ms, since));
}

/* How long a request waits; false: it does not say that in a way that makes sense. */
static bool take_patience(const json_t *request, uint64_t *until_ms)
{
    const json_t *timeout = json_object_get(request, "timeout_ms");
    json_int_t ms = json_integer_value(timeout);
    *until_ms = timeout ? caller_now_ms() + (uint64_t)ms : UINT64_MAX;
    return !timeout || (json_is_integer(timeout) && ms >= 0 && ms <= INT_MAX);
}

static int begin_job(struct control *c, struct caller *cl, const struct verb *verb, json_t *request,
                     struct call *call)
{
    if (c->job.begun)
        return refuse_job(c, &call->refusal);
    if (!take_patience(request, &c->job.until_ms))
        return refuse(&call->refusal, "VALUE", STATUS_USAGE, "timeout_ms must be a number of milliseconds");
    c->job.call = (struct call){.a = c->a, .request = request, .asked_ms = attachment_now_ms()};
    c->job.verb = verb;
    atomic_store(&c->job.over, false);
    if (pthread_create(&c->job.thread, NULL, work, c) != 0)
        return refuse(&call->refusal, "MEMORY", STATUS_SYSTEM,
                      "there is no thread for that; free some memory");
    c->job.begun = cl->waits = true;
    c->job.caller = cl;
    return 0;
}

static void end_job(struct control *c)
{
    struct job *j = &c->job;
    pthread_join(j->thread, NULL);
    json_decref((json_t *)(uintptr_t)j->call.request);
    j->begun = false;
    atomic_store(&j->over, false);
    if (!j->caller) {
        json_decref(j->call.result);
        return;
    }
    j->caller->waits = false;
    finish_call(c, j->caller, &j->call, j->call.refusal.name != NULL);
    j->caller = NULL;
}

/* Who has waited as long as it wanted to is told why. The target is asked on: nobody can take that back. */
static void end_patience(struct control *c)
{
    struct call call = {.a = c->a};
    struct caller *cl = c->job.caller;
    standing_refuse(&call.refusal, "TARGET", c->a, c->job.call.asked_ms);
    cl->waits = false;
    c->job.caller = NULL;
    finish_call(c, cl, &call, -1);
}

static void run_request(struct control *c, struct caller *cl, const char *line, size_t len)
{
    struct call call = {.a = c->a};
    json_t *request = request_parse(line, len, &call.refusal);
    const struct verb *verb = request ? verbs_find(request, &call.refusal) : NULL;
    call.request = request;
    if (verb && (verb->flags & VERB_SLOW)) {
        if (begin_job(c, cl, verb, request, &call) == 0)
            return;
        verb = NULL;
    }
    finish_call(c, cl, &call, verb ? verb->run(&call) : -1);
    json_decref(request);
}

/* true: there was a line. */
static bool take_line(struct control *c, struct caller *cl)
{
    size_t len;
    if (!caller_has_line(cl, &len))
        return false;
    run_request(c, cl, cl->in, len);
    caller_forget_line(cl, len);
    return true;
}

/* --- events --- */

static json_t *event_json(const struct event *e, uint64_t missed)
{
    char at[32];
    if (missed)
        return json_pack("{s:s, s:I, s:I}", "event", "missed", "seq", (json_int_t)(e->seq - 1), "count",
                         (json_int_t)missed);
    return json_pack("{s:s, s:I, s:s, s:i, s:o}", "event", e->kind, "seq", (json_int_t)e->seq, "at",
                     status_time(e->ms, at), "error", e->error, "text", request_text(e->text));
}

/* One at a time: whoever is slow has the rest in the ring, and is told what has fallen out of it. true: there
 * was one. */
static bool take_event(struct control *c, struct caller *cl)
{
    struct event e;
    uint64_t missed;
    if (!cl->stream || !events_next(&c->a->events, cl->seq, &e, &missed))
        return false;
    cl->seq = missed ? e.seq - 1 : e.seq;
    caller_answer(cl, event_json(&e, missed));
    return true;
}

/* Until there is nothing to do, or something to wait for. false: the caller is gone. */
static bool pump(struct control *c, struct caller *cl)
{
    if (!caller_send(cl))
        return false;
    while (!caller_busy(cl) && (take_line(c, cl) || take_event(c, cl)))
        if (!caller_send(cl))
            return false;
    return !caller_is_over(cl);
}

/* --- connections --- */

static bool ours(int fd)
{
    struct ucred peer;
    socklen_t len = sizeof peer;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
           (peer.uid == 0 || peer.uid == geteuid());
}

static struct caller *free_place(struct control *c)
{
    for (uint32_t i = 0; i < CALLERS_MAX; i++)
        if (c->callers[i].fd < 0)
            return &c->callers[i];
    return NULL;
}

static void admit(struct control *c, int fd)
{
    struct caller *place = free_place(c), turned_away, *cl = place ? place : &turned_away;
    struct refusal r;
    caller_begin(cl, fd);
    if (!ours(fd)) {
        refuse(&r, "DENIED", STATUS_DENIED, "only the user that runs the attachment, and root, may ask it");
        caller_refuse(cl, &r);
    } else if (!place) {
        refuse(&r, "LIMIT", STATUS_UNREACHABLE, "too many are connected; try again later");
        caller_refuse(cl, &r);
    } else {
        caller_answer(cl, json_pack("{s:s, s:i, s:s, s:s, s:I}", "berth", "attachment", "version",
                                    REQUEST_VERSION, "name", c->a->name, "release", berth_version(), "pid",
                                    (json_int_t)getpid()));
        if (pump(c, cl))
            return;
    }
    caller_send(cl);
    drop(c, cl);
}

/* Without a descriptor to spare, whoever calls would keep us awake: nobody is heard for a while then. */
static void accept_some(struct control *c)
{
    errno = 0;
    for (uint32_t i = 0; i < CALLERS_MAX; i++) {
        int fd = accept4(c->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0)
            admit(c, fd);
        else
            break;
    }
    c->resting = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
}

/* --- the thread --- */

/* Milliseconds until the first one has tried our patience; -1: nobody does. */
static int look_after(struct control *c, uint64_t now)
{
    uint64_t first = c->resting ? now + REST_MS : UINT64_MAX;
    if (c->job.caller && c->job.until_ms < first)
        first = c->job.until_ms;
    if (c->supervision.look_at_ms < first)
        first = c->supervision.look_at_ms;
    for (struct caller *cl = c->callers; cl < c->callers + CALLERS_MAX; cl++) {
        if (cl->fd < 0 || caller_patient(cl))
            continue;
        uint64_t until = cl->since_ms + CALLER_PATIENCE_MS;
        if (now >= until)
            drop(c, cl);
        else if (until < first)
            first = until;
    }
    return first == UINT64_MAX ? -1 : first > now ? (int)(first - now) : 0;
}

static void fill(const struct control *c, struct pollfd p[CALLERS_MAX + 2])
{
    p[0] = (struct pollfd){.fd = c->wake, .events = POLLIN};
    p[1] = (struct pollfd){.fd = c->resting ? -1 : c->listener, .events = POLLIN};
    for (uint32_t i = 0; i < CALLERS_MAX; i++)
        p[i + 2] = (struct pollfd){.fd = c->callers[i].fd, .events = caller_interest(&c->callers[i])};
}

static void serve_caller(struct control *c, struct caller *cl, short happened)
{
    if (!caller_heard(cl, happened) || !pump(c, cl))
        drop(c, cl);
}

static void round_of_work(struct control *c)
{
    struct pollfd p[CALLERS_MAX + 2];
    eventfd_t count;
    fill(c, p);
    if (poll(p, CALLERS_MAX + 2, look_after(c, caller_now_ms())) < 0)
        return;
    if (p[0].revents)
        eventfd_read(c->wake, &count);
    if (c->job.begun && atomic_load(&c->job.over))
        end_job(c);
    if (c->job.caller && caller_now_ms() >= c->job.until_ms)
        end_patience(c);
    if (p[0].revents || caller_now_ms() >= c->supervision.look_at_ms)
        supervision_look(&c->supervision, c->a);
    for (uint32_t i = 0; i < CALLERS_MAX; i++)
        if (c->callers[i].fd >= 0 && c->callers[i].fd == p[i + 2].fd)
            serve_caller(c, &c->callers[i], p[i + 2].revents);
    if (p[1].revents || c->resting)
        accept_some(c);
}

static void *run(void *arg)
{
    struct control *c = arg;
    while (!atomic_load(&c->stopping))
        round_of_work(c);
    return NULL;
}

void control_wake(struct control *c)
{
    if (c && (c->supervision.wanted || atomic_load(&c->a->listeners) > 0 || atomic_load(&c->job.over) ||
              atomic_load(&c->stopping)))
        eventfd_write(c->wake, 1);
}

/* --- life --- */

static int cannot(const struct control *c, struct berth_detail *detail, const char *doing)
{
    detail->error = BERTH_E_SYSTEM;
    snprintf(detail->text, sizeof detail->text, "cannot %s the control socket %.300s: %s", doing, c->path,
             strerror(errno));
    return BERTH_E_SYSTEM;
}

/* The name is ours, so whatever is there was left by a process that has died. Only its owner may speak to it;
 * the folder sees to that until the mode is set. */
static int listen_at(struct control *c)
{
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    if (strlen(c->path) >= sizeof where.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(where.sun_path, c->path, strlen(c->path) + 1);
    unlink(c->path);
    c->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return c->listener >= 0 && bind(c->listener, (const struct sockaddr *)&where, sizeof where) == 0 &&
                   chmod(c->path, 0600) == 0 && listen(c->listener, CALLERS_BACKLOG) == 0
               ? 0
               : -1;
}

/* Signals are for the export's own threads. */
static int start_thread(struct control *c)
{
    pthread_attr_t attr;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    int error = pthread_create(&c->thread, &attr, run, c);
    pthread_attr_destroy(&attr);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    c->running = error == 0;
    return error ? -1 : 0;
}

int control_start(struct attachment *a, struct berth_detail *detail)
{
    struct control *c = calloc(1, sizeof *c);
    if (!c) {
        *detail = (struct berth_detail){BERTH_E_MEMORY, "there is no memory for the control socket"};
        return BERTH_E_MEMORY;
    }
    supervision_begin(&c->supervision);
    c->a = a;
    a->control = c;
    c->listener = -1;
    for (uint32_t i = 0; i < CALLERS_MAX; i++)
        c->callers[i].fd = -1;
    c->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (!runtime_path(a->name, ".sock", c->path) || c->wake < 0 || listen_at(c) < 0)
        return cannot(c, detail, "have");
    return start_thread(c) < 0 ? cannot(c, detail, "serve") : 0;
}

void control_halt(struct control *c)
{
    if (!c)
        return;
    atomic_store(&c->stopping, true);
    control_wake(c);
    if (c->running)
        pthread_join(c->thread, NULL);
    c->running = false;
    if (c->job.begun)
        end_job(c);
}

/* The events until the end, as far as they are taken at once. */
static void tell_rest(struct control *c, struct caller *cl)
{
    while (caller_send(cl) && cl->out_len == 0 && take_event(c, cl))
        ;
}

void control_stop(struct control *c)
{
    if (!c)
        return;
    control_halt(c);
    for (uint32_t i = 0; i < CALLERS_MAX; i++)
        if (c->callers[i].fd >= 0) {
            tell_rest(c, &c->callers[i]);
            drop(c, &c->callers[i]);
        }
    if (c->listener >= 0) {
        unlink(c->path);
        close(c->listener);
    }
    if (c->wake >= 0)
        close(c->wake);
    free(c);
}
