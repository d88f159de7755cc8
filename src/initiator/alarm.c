/* SPDX-License-Identifier: MIT */
/* For callers that sleep on our descriptor in a loop of their own: the engine's descriptor knows of bytes,
 * not of time, so a timer stands beside it. It is allowed to go off early: it is moved only to earlier times.
 */
#include <sys/timerfd.h>
#include <unistd.h>
#include "initiator/parts.h"

#define NS_PER_S 1000000000ull

static void gone_off(void *owner)
{
    struct reactor *r = owner;
    uint64_t count;
    r->alarm_at = 0;
    r->engine->syscalls++;
    if (read(r->alarm_fd, &count, sizeof count) < 0)
        return; /* moved in the meantime */
}

static void begin(struct reactor *r)
{
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (fd < 0)
        return;
    if (r->engine->ops->watch(r->engine, fd, gone_off, r) == BERTH_OK)
        r->alarm_fd = fd;
    else
        close(fd);
}

void reactor_alarm_end(struct reactor *r)
{
    if (r->alarm_fd < 0)
        return;
    r->engine->ops->watch(r->engine, r->alarm_fd, NULL, NULL);
    close(r->alarm_fd);
    r->alarm_fd = -1;
}

int reactor_fd(struct reactor *r)
{
    if (r->alarm_fd < 0 && r->engine->ops->caps & ENGINE_REAL_TIME)
        begin(r);
    return engine_fd(r->engine);
}

void reactor_alarm(struct reactor *r, uint64_t due_ns)
{
    if (r->alarm_fd < 0)
        return;
    uint64_t timers = reactor_due(r), at = timers < due_ns ? timers : due_ns;
    if (at == UINT64_MAX || (r->alarm_at && r->alarm_at <= at))
        return;
    uint64_t past_is_now = at ? at : 1; /* all zero would disarm it */
    struct itimerspec t = {.it_value = {(time_t)(past_is_now / NS_PER_S), (long)(past_is_now % NS_PER_S)}};
    r->engine->syscalls++;
    if (timerfd_settime(r->alarm_fd, TFD_TIMER_ABSTIME, &t, NULL) == 0)
        r->alarm_at = past_is_now;
}
