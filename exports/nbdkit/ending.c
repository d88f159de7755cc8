/* SPDX-License-Identifier: MIT */
/* Who wants an attachment to end says so to its control socket, or sends a signal to nbdkit. nbdkit then
 * takes no more requests, but waits for its clients to hang up, and has no way to make them. So: whoever has
 * not hung up after a while is cut, once nothing is under way any more. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "plugin.h"

#define GRACE_MS  2000 /* for clients to hang up, and requests to be answered */
#define INSIST_MS 100  /* the same, where somebody insists on the end */
#define CANCEL_MS 1000 /* for what then is still under way: the library looks every 100 ms */

static const int signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM}; /* those that nbdkit(1) lists */
#define SIGNALS (sizeof signals / sizeof signals[0])

static struct {
    struct attachment *attachment;
    int asked, over; /* eventfds: a signal came; nbdkit is done with us */
    pthread_t thread;
    bool running;
    struct sigaction nbdkits[SIGNALS];
} ending = {.asked = -1, .over = -1};

static void ring(int fd)
{
    int number = errno;
    eventfd_write(fd, 1);
    errno = number;
}

static bool heard(int fd, int timeout_ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    while (poll(&p, 1, timeout_ms) < 0 && errno == EINTR)
        ;
    return p.revents;
}

/* nbdkit hands out no more requests, and those that it had have been answered or taken back. */
static void cut(void)
{
    attachment_end(ending.attachment);
    _exit(0);
}

static void *wait_for_end(void *arg)
{
    struct pollfd fds[] = {{.fd = ending.over, .events = POLLIN},
                           {.fd = ending.asked, .events = POLLIN},
                           {.fd = attachment_end_fd(ending.attachment), .events = POLLIN}};
    (void)arg;
    while (poll(fds, 3, -1) < 0 && errno == EINTR)
        ;
    if (fds[0].revents)
        return NULL;
    nbdkit_shutdown();
    if (heard(ending.over, attachment_insisted(ending.attachment) ? INSIST_MS : GRACE_MS))
        return NULL;
    attachment_ask_end(ending.attachment);
    if (!heard(ending.over, CANCEL_MS))
        cut();
    return NULL;
}

/* nbdkit's own handler first. */
static void on_signal(int number, siginfo_t *info, void *context)
{
    for (size_t i = 0; i < SIGNALS; i++) {
        if (signals[i] != number)
            continue;
        if (ending.nbdkits[i].sa_flags & SA_SIGINFO)
            ending.nbdkits[i].sa_sigaction(number, info, context);
        else
            ending.nbdkits[i].sa_handler(number);
    }
    ring(ending.asked);
}

static bool is_handled(const struct sigaction *sa)
{
    return sa->sa_flags & SA_SIGINFO || (sa->sa_handler != SIG_DFL && sa->sa_handler != SIG_IGN);
}

static void listen_in(void)
{
    for (size_t i = 0; i < SIGNALS; i++) {
        sigaction(signals[i], NULL, &ending.nbdkits[i]);
        struct sigaction ours = ending.nbdkits[i];
        ours.sa_flags |= SA_SIGINFO;
        ours.sa_sigaction = on_signal;
        if (is_handled(&ending.nbdkits[i]))
            sigaction(signals[i], &ours, NULL);
    }
}

static void hand_back(void)
{
    for (size_t i = 0; i < SIGNALS; i++)
        if (is_handled(&ending.nbdkits[i]))
            sigaction(signals[i], &ending.nbdkits[i], NULL);
}

static int start_thread(void)
{
    sigset_t all, before;
    sigfillset(&all); /* signals are for nbdkit's threads */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int number = pthread_create(&ending.thread, NULL, wait_for_end, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return number;
}

int ending_begin(struct attachment *a)
{
    ending.attachment = a;
    ending.asked = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    ending.over = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (ending.asked < 0 || ending.over < 0)
        return errno;
    int number = start_thread();
    ending.running = number == 0;
    if (ending.running)
        listen_in();
    return number;
}

void ending_end(void)
{
    if (!ending.running)
        return;
    ending.running = false;
    ring(ending.over);
    pthread_join(ending.thread, NULL);
    hand_back();
    close(ending.asked);
    close(ending.over);
}
