/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include "cli/clock.h"
#include "attach/exit.h"
#include "cli/signals.h"

#define AGAIN_NS                                                                                             \
    1000000000u /* timeout(1) and some supervisors send a signal twice in a row, and mean one                \
                 */

static volatile sig_atomic_t caught, deferred;
static uint64_t
    caught_ns; /* touched by the handler alone, which its own mask keeps from interrupting itself */

static _Noreturn void leave(int number)
{
    static const char early[] = "\nberth: interrupted; nothing was changed\n";
    static const char again[] = "\nberth: interrupted again; stopped without tidying up\n";
    const char *text = caught ? again : early;
    /* Nothing can be done about a write that fails here. */
    if (write(STDERR_FILENO, text, strlen(text)) < 0)
        _exit(STATUS_SIGNAL + number);
    _exit(STATUS_SIGNAL + number);
}

static void on_signal(int number)
{
    if (!deferred || (caught && clock_ns() - caught_ns > AGAIN_NS))
        leave(number);
    if (!caught)
        caught_ns = clock_ns();
    caught = number;
}

void signals_install(void)
{
    struct sigaction act = {.sa_handler = on_signal};
    /* No SA_RESTART: a wait must end so that the flag is seen. */
    sigemptyset(&act.sa_mask);
    sigaddset(&act.sa_mask, SIGINT);
    sigaddset(&act.sa_mask, SIGTERM);
    sigaction(SIGINT, &act, NULL);
    sigaction(SIGTERM, &act, NULL);
    signal(SIGPIPE, SIG_IGN);
}

void signals_defer(bool on)
{
    deferred = on;
}

int signals_caught(void)
{
    return caught;
}

int signals_take(int fd)
{
    struct signalfd_siginfo info;
    return read(fd, &info, sizeof info) == sizeof info ? (int)info.ssi_signo : SIGTERM;
}

int signals_fd(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return -1;
    return signalfd(-1, &set, SFD_CLOEXEC);
}
