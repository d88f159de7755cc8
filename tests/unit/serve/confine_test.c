/* SPDX-License-Identifier: MIT */
/* What a confined target may do, and what it may not. Each is tried in a process of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>
#include "serve/confine.h"

#define NOBODY 65534u

enum { FINE = 0, FORBIDDEN = 1, OTHERWISE = 2, REFUSED = 3 };

static char words[256];
static const struct reason why = {words, sizeof words};

/* How a process ends that does `deed` as it is confined by `config`: one of the above, or 128 and a signal.
 */
static int confined(const struct serve_config *config, int (*deed)(void))
{
    int status;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(confine(config, &why) == BERTH_OK ? deed() : REFUSED);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int filtered(int (*deed)(void))
{
    static const struct serve_config usual;
    return confined(&usual, deed);
}

static int outcome(bool done)
{
    return done ? FINE : errno == EPERM ? FORBIDDEN : OTHERWISE;
}

/* --- what it needs --- */

static int open_file(void)
{
    char byte;
    int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    return outcome(fd >= 0 && pread(fd, &byte, 1, 0) == 1 && fcntl(fd, F_GETFL) >= 0 && close(fd) == 0);
}

static int open_sockets(void)
{
    static const int kinds[] = {AF_INET, AF_INET6, AF_UNIX};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        int fd = socket(kinds[i], SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0 && errno != EAFNOSUPPORT)
            return outcome(false);
        close(fd);
    }
    return FINE;
}

static void *work(void *arg)
{
    *(int *)arg = 7;
    return arg;
}

static int start_thread(void)
{
    pthread_t thread;
    int done = 0;
    errno = pthread_create(&thread, NULL, work, &done);
    return outcome(errno == 0 && pthread_join(thread, NULL) == 0 && done == 7);
}

static int resolve(void)
{
    struct addrinfo *found;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    if (getaddrinfo("localhost", "3260", &hints, &found) != 0)
        return OTHERWISE;
    freeaddrinfo(found);
    return FINE;
}

static int take_memory(void)
{
    void *at = mmap(NULL, 1u << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return outcome(at != MAP_FAILED && mprotect(at, 4096, PROT_READ) == 0 && munmap(at, 1u << 20) == 0);
}

static void test_what_it_needs(void **state)
{
    (void)state;
    assert_int_equal(filtered(open_file), FINE);
    assert_int_equal(filtered(open_sockets), FINE);
    assert_int_equal(filtered(start_thread), FINE);
    assert_int_equal(filtered(resolve), FINE);
    assert_int_equal(filtered(take_memory), FINE);
}

/* --- what it does not --- */

static int start_process(void)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    return outcome(pid > 0);
}

static int open_packets(void)
{
    return outcome(socket(AF_PACKET, SOCK_RAW, 0) >= 0);
}

static int map_code(void)
{
    return outcome(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
}

static int make_code(void)
{
    void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return outcome(mprotect(at, 4096, PROT_READ | PROT_EXEC) == 0);
}

static int leave_namespace(void)
{
    return outcome(unshare(CLONE_NEWUSER) == 0);
}

static int change_owner(void)
{
    return outcome(chown("/proc/self/status", 0, 0) == 0);
}

static int kill_parent(void)
{
    return outcome(kill(getppid(), 0) == 0);
}

static int become_somebody(void)
{
    return outcome(setuid(NOBODY) == 0);
}

static void test_what_it_does_not_need(void **state)
{
    static int (*const deeds[])(void) = {start_process,   open_packets, map_code,    make_code,
                                         leave_namespace, change_owner, kill_parent, become_somebody};
    (void)state;
    if (!confine_filters)
        skip();
    for (size_t i = 0; i < sizeof deeds / sizeof deeds[0]; i++)
        if (filtered(deeds[i]) != FORBIDDEN)
            fail_msg("deed %zu is not forbidden", i);
}

static int run_program(void)
{
    char *const argv[] = {(char *)(uintptr_t) "true", NULL};
    execv("/bin/true", argv);
    return outcome(false);
}

static int trace_parent(void)
{
    return outcome(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) == 0);
}

static void test_what_nobody_needs(void **state)
{
    (void)state;
    if (!confine_filters)
        skip();
    assert_int_equal(filtered(run_program), 128 + SIGSYS);
    assert_int_equal(filtered(trace_parent), 128 + SIGSYS);
}

static void test_without(void **state)
{
    static const struct serve_config free_config = {.no_seccomp = true};
    (void)state;
    assert_int_equal(confined(&free_config, start_process), FINE);
    assert_int_equal(confined(&free_config, map_code), FINE);
}

/* --- another user --- */

static int is_nobody(void)
{
    gid_t groups[4];
    bool is = getuid() == NOBODY && geteuid() == NOBODY && getgid() == NOBODY && getegid() == NOBODY;
    return is && getgroups(4, groups) == 0 && setuid(0) < 0 && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1
               ? FINE
               : OTHERWISE;
}

static int is_still_itself(void)
{
    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? FINE : OTHERWISE;
}

static const struct serve_config nobody = {.run_as = {"nobody", NOBODY, NOBODY}, .no_seccomp = true};

static void test_run_as(void **state)
{
    (void)state;
    if (getuid() != 0)
        skip();
    assert_int_equal(confined(&nobody, is_nobody), FINE);
    struct serve_config with_state = nobody;
    with_state.state_dir = "/proc/1";
    assert_int_equal(confined(&with_state, is_nobody), REFUSED);
}

/* Who is nobody already needs no privilege for it; who is not root can become nobody else. */
static int confine_again(void)
{
    static const struct serve_config root = {.run_as = {"root", 0, 0}};
    if (confine(&nobody, &why) != BERTH_OK || confine(&root, &why) == BERTH_OK)
        return OTHERWISE;
    return strcmp(words,
                  "cannot run as root: Operation not permitted; start it as root, or without --run-as") == 0
               ? FINE
               : OTHERWISE;
}

static void test_run_as_without_privileges(void **state)
{
    (void)state;
    if (getuid() != 0)
        skip();
    assert_int_equal(confined(&nobody, confine_again), FINE);
}

static void test_nobody_in_particular(void **state)
{
    static const struct serve_config usual;
    (void)state;
    assert_int_equal(confined(&usual, is_still_itself),
                     confine_filters ? OTHERWISE : FINE); /* prctl() is filtered */
    assert_int_equal(confined(&(const struct serve_config){.no_seccomp = true}, is_still_itself), FINE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_it_needs),
        cmocka_unit_test(test_what_it_does_not_need),
        cmocka_unit_test(test_what_nobody_needs),
        cmocka_unit_test(test_without),
        cmocka_unit_test(test_run_as),
        cmocka_unit_test(test_run_as_without_privileges),
        cmocka_unit_test(test_nobody_in_particular),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
