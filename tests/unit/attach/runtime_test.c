/* SPDX-License-Identifier: MIT */
/* Who has a name: one at a time, known by its pid, and nobody any more once it has died. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "attach/runtime.h"

static char folder[] = "/var/tmp/berth-runtime.XXXXXX", why[512], path[RUNTIME_PATH_MAX];

static int begin(void **state)
{
    (void)state;
    return mkdtemp(folder) && setenv("XDG_RUNTIME_DIR", folder, 1) == 0 ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    assert_non_null(runtime_folder(false, path, why, sizeof why));
    rmdir(path);
    return rmdir(folder);
}

static void test_folder(void **state)
{
    struct stat st;
    (void)state;
    assert_non_null(runtime_folder(true, path, why, sizeof why));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    chmod(path, 0770);
    assert_null(runtime_folder(true, path, why, sizeof why));
    assert_non_null(strstr(why, "ours alone"));
    chmod(path, 0700);
}

static void test_one_at_a_time(void **state)
{
    int64_t holder;
    (void)state;
    int fd = runtime_lock("x", &holder);
    assert_true(fd >= 0);
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    assert_int_equal(runtime_lock("x", &holder), -1);
    assert_int_equal(errno, EBUSY);
    assert_int_equal(holder, getpid());
    int other = runtime_lock("y", &holder);
    assert_true(other >= 0);
    assert_false(runtime_adopt("y", fd));
    assert_true(runtime_adopt("x", fd));
    runtime_unlock("x", fd);
    runtime_unlock("y", other);
    assert_true(runtime_path("x", ".lock", path));
    assert_int_equal(access(path, F_OK), -1);
    fd = runtime_lock("x", &holder);
    assert_true(fd >= 0);
    runtime_unlock("x", fd);
}

/* A process that was killed leaves its file behind, and no lock. */
static void test_dead_holder(void **state)
{
    int64_t holder;
    int status;
    (void)state;
    pid_t pid = fork();
    if (pid == 0)
        _exit(runtime_lock("x", &holder) >= 0 ? 0 : 1);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_true(runtime_path("x", ".lock", path));
    assert_int_equal(access(path, F_OK), 0);
    int fd = runtime_lock("x", &holder);
    assert_true(fd >= 0);
    runtime_unlock("x", fd);
}

/* The lock goes on to a child that takes it over, and stays when we let go of our copy. */
static void test_handed_over(void **state)
{
    int64_t holder;
    int status, to[2], from[2];
    char byte = 0;
    (void)state;
    assert_int_equal(pipe(to) + pipe(from), 0);
    int fd = runtime_lock("x", &holder);
    pid_t pid = fork();
    if (pid == 0) {
        bool ours = runtime_adopt("x", fd);
        if (write(to[1], &byte, 1) < 0 || read(from[0], &byte, 1) < 0)
            _exit(2);
        runtime_unlock("x", fd);
        _exit(ours ? 0 : 1);
    }
    assert_int_equal(read(to[0], &byte, 1), 1);
    close(fd);
    assert_int_equal(runtime_lock("x", &holder), -1);
    assert_int_equal(holder, pid);
    assert_int_equal(write(from[1], &byte, 1), 1);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    fd = runtime_lock("x", &holder);
    assert_true(fd >= 0);
    runtime_unlock("x", fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_folder),
        cmocka_unit_test(test_one_at_a_time),
        cmocka_unit_test(test_dead_holder),
        cmocka_unit_test(test_handed_over),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
