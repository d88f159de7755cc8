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
    struct initiator *i = owner;
    uint64_t count;
    i->alarm_at = 0;
    i->engine->syscalls++;
    if (read(i->alarm_fd, &count, sizeof count) < 0)
        return; /* moved in the meantime */
}

static void begin(struct initiator *i)
{
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (fd < 0)
        return;
    if (i->engine->ops->watch(i->engine, fd, gone_off, i) == BERTH_OK)
        i->alarm_fd = fd;
    else
        close(fd);
}

void alarm_end(struct initiator *i)
{
    if (i->alarm_fd < 0)
        return;
    i->engine->ops->watch(i->engine, i->alarm_fd, NULL, NULL);
    close(i->alarm_fd);
    i->alarm_fd = -1;
}

int initiator_fd(struct initiator *i)
{
    if (i->alarm_fd < 0 && i->engine->ops->caps & ENGINE_REAL_TIME)
        begin(i);
    return i->engine->ops->fd(i->engine);
}

void initiator_alarm(struct initiator *i, uint64_t due_ns)
{
    uint64_t timers = timers_next(i), at = timers < due_ns ? timers : due_ns;
    if (i->alarm_fd < 0 || at == UINT64_MAX || (i->alarm_at && i->alarm_at <= at))
        return;
    uint64_t past_is_now = at ? at : 1; /* all zero would disarm it */
    struct itimerspec t = {.it_value = {(time_t)(past_is_now / NS_PER_S), (long)(past_is_now % NS_PER_S)}};
    i->engine->syscalls++;
    if (timerfd_settime(i->alarm_fd, TFD_TIMER_ABSTIME, &t, NULL) == 0)
        i->alarm_at = at ? at : 1;
}
