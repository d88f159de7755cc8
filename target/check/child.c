/* SPDX-License-Identifier: MIT */
#include "check/child.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SHELL_SIGNAL 128 /* what a shell adds to the number of the signal that ended its program */

void child_terms_limits(struct child_terms *t)
{
    if (getrlimit(RLIMIT_NOFILE, &t->files) != 0)
        t->files = (struct rlimit){RLIM_INFINITY, RLIM_INFINITY};
}

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000u + (uint64_t)t.tv_nsec / 1000000u;
}

/* --- the program --- */

static bool is_in_path(const char *program)
{
    const char *path = getenv("PATH");
    char file[PATH_MAX];
    for (path = path ? path : "/bin:/usr/bin"; *path; path += path[0] == ':') {
        size_t len = strcspn(path, ":");
        int need = snprintf(file, sizeof file, "%.*s%s%s", (int)len, path, len > 0 ? "/" : "", program);
        if (need > 0 && (size_t)need < sizeof file && access(file, X_OK) == 0)
            return true;
        path += len;
    }
    return false;
}

bool child_is_there(const char *program)
{
    return strchr(program, '/') ? access(program, X_OK) == 0 : is_in_path(program);
}

/* --- in the child --- */

static void redirect(const char *file, int flags, int fd)
{
    int opened = open(file, flags, 0600);
    if (opened < 0 || dup2(opened, fd) < 0)
        _exit(SHELL_SIGNAL - 1);
    if (opened != fd)
        close(opened);
}

/* As a program expects to find itself. The target in this process has changed some of it. */
static void become(char *const argv[], const struct child_terms *t, int told)
{
    sigset_t none;
    sigemptyset(&none);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setrlimit(RLIMIT_NOFILE, &t->files);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setpgid(0, 0);
    redirect("/dev/null", O_RDONLY, STDIN_FILENO);
    redirect(t->out, O_WRONLY | O_CREAT | O_TRUNC, STDOUT_FILENO);
    redirect(t->err, O_WRONLY | O_CREAT | O_TRUNC, STDERR_FILENO);
    execvp(argv[0], argv);
    int error = errno;
    if (write(told, &error, sizeof error) < 0)
        _exit(SHELL_SIGNAL - 2);
    _exit(SHELL_SIGNAL - 1);
}

/* --- around it --- */

/* Waits until the child has ended. Kills it if that takes too long. */
static enum child_end await(int pidfd, pid_t pid, const struct child_terms *t)
{
    const uint64_t end = now_ms() + t->time_ms;
    enum child_end how = CHILD_EXITED;
    struct pollfd p[2] = {{.fd = pidfd, .events = POLLIN}, {.fd = t->stop_fd, .events = POLLIN}};
    while (!(p[0].revents & POLLIN) && how == CHILD_EXITED) {
        uint64_t now = now_ms();
        poll(p, 2, now < end ? (int)(end - now) : 0);
        if (p[1].revents & POLLIN)
            how = CHILD_STOPPED;
        else if (!(p[0].revents & POLLIN) && now_ms() >= end)
            how = CHILD_LATE;
    }
    if (how != CHILD_EXITED)
        kill(-pid, SIGKILL);
    return how;
}

/* Its group goes with it, while its number is still its own. */
static struct child bury(pid_t pid, enum child_end how)
{
    siginfo_t info;
    int status = 0;
    while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) < 0 && errno == EINTR)
        continue;
    kill(-pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (how == CHILD_EXITED && WIFSIGNALED(status))
        return (struct child){.end = CHILD_KILLED, .status = WTERMSIG(status)};
    return (struct child){.end = how, .status = WEXITSTATUS(status)};
}

static struct child absent(int error)
{
    return (struct child){.end = CHILD_ABSENT, .status = error};
}

/* Whether it could be started is told through a pipe that closes when it has. */
static int start_error(const int pipe_fds[2])
{
    int error = 0;
    close(pipe_fds[1]);
    if (read(pipe_fds[0], &error, sizeof error) != sizeof error)
        error = 0;
    close(pipe_fds[0]);
    return error;
}

struct child child_run(char *const argv[], const struct child_terms *t)
{
    const uint64_t begin = now_ms();
    int told[2];
    if (pipe2(told, O_CLOEXEC) < 0)
        return absent(errno);
    pid_t pid = fork();
    if (pid == 0)
        become(argv, t, told[1]);
    int error = start_error(told);
    if (pid < 0)
        return absent(EAGAIN);
    setpgid(pid, pid);
    int pidfd = pidfd_open(pid, 0);
    struct child c = bury(pid, await(pidfd, pid, t));
    if (pidfd >= 0)
        close(pidfd);
    if (error)
        return absent(error);
    c.ms = (uint32_t)(now_ms() - begin);
    return c;
}

bool child_crashed(const struct child *c)
{
    static const int crashes[] = {SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGSYS};
    if (c->end == CHILD_KILLED)
        return true;
    for (size_t i = 0; i < sizeof crashes / sizeof crashes[0] && c->end == CHILD_EXITED; i++)
        if (c->status == SHELL_SIGNAL + crashes[i])
            return true;
    return false;
}
