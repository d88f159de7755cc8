/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "attach/exit.h"
#include "cli/secret.h"

static char path[] = "secret_test.XXXXXX";
static struct secret s;

static int make(void **state)
{
    int fd = mkstemp(path);
    (void)state;
    return fd < 0 ? -1 : close(fd);
}

static int drop(void **state)
{
    (void)state;
    return unlink(path);
}

static void put(const void *bytes, size_t len)
{
    int fd = open(path, O_WRONLY | O_TRUNC);
    assert_int_equal(write(fd, bytes, len), len);
    close(fd);
    chmod(path, 0600);
}

static int load(const char *text)
{
    put(text, strlen(text));
    return secret_load(&s, path, "joe", false);
}

static void is(const char *text)
{
    assert_int_equal(s.len, strlen(text));
    assert_memory_equal(s.bytes, text, s.len);
}

static void one_line_end_is_stripped(void **state)
{
    (void)state;
    assert_int_equal(load("correct horse"), STATUS_OK);
    is("correct horse");
    assert_int_equal(load("correct horse\n"), STATUS_OK);
    is("correct horse");
    assert_int_equal(load("correct horse\r\n"), STATUS_OK);
    is("correct horse");
    assert_int_equal(load("correct horse \n\n"), STATUS_OK);
    is("correct horse \n");
}

static void length_has_limits(void **state)
{
    char bytes[260];
    (void)state;
    assert_int_equal(load(""), STATUS_USAGE);
    assert_int_equal(load("\n"), STATUS_USAGE);
    assert_int_equal(load("elevenbytes\n"), STATUS_USAGE);
    assert_int_equal(load("twelve bytes\n"), STATUS_OK);
    memset(bytes, 'x', sizeof bytes);
    bytes[255] = '\n';
    put(bytes, 256);
    assert_int_equal(secret_load(&s, path, "joe", false), STATUS_OK);
    assert_int_equal(s.len, 255);
    put(bytes, 257);
    assert_int_equal(secret_load(&s, path, "joe", false), STATUS_USAGE);
    put(bytes, sizeof bytes);
    assert_int_equal(secret_load(&s, path, "joe", false), STATUS_USAGE);
}

static void weak_ones_only_when_allowed(void **state)
{
    (void)state;
    put("short", 5);
    assert_int_equal(secret_load(&s, path, "joe", false), STATUS_USAGE);
    assert_int_equal(secret_load(&s, path, "joe", true), STATUS_OK);
    is("short");
}

static void bytes_pass_unchanged(void **state)
{
    static const char bytes[] = "\x00\x01\xff\n\r\x00 twelve and more";
    (void)state;
    put(bytes, sizeof bytes);
    assert_int_equal(secret_load(&s, path, "joe", false), STATUS_OK);
    assert_int_equal(s.len, sizeof bytes);
    assert_memory_equal(s.bytes, bytes, sizeof bytes);
}

static void files_open_to_others_are_refused(void **state)
{
    static const mode_t bad[] = {0604, 0640, 0644, 0666, 0601, 0610};
    (void)state;
    put("correct horse", 13);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        chmod(path, bad[i]);
        assert_int_equal(secret_load(&s, path, "joe", false), STATUS_USAGE);
        assert_int_equal(s.len, 0);
    }
    chmod(path, 0400);
    assert_int_equal(secret_load(&s, path, "joe", false), STATUS_OK);
}

/* Whoever opened a descriptor decided who may read it. */
static void open_descriptors_are_taken(void **state)
{
    char name[32];
    int fd;
    (void)state;
    put("correct horse", 13);
    chmod(path, 0644);
    fd = open(path, O_RDONLY);
    snprintf(name, sizeof name, "/dev/fd/%d", fd);
    assert_int_equal(secret_load(&s, name, "joe", false), STATUS_OK);
    is("correct horse");
    close(fd);
}

static void standard_input_may_come_in_pieces(void **state)
{
    int ends[2], old = dup(STDIN_FILENO);
    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "correct ", 8), 8);
    assert_int_equal(write(ends[1], "horse\n", 6), 6);
    close(ends[1]);
    dup2(ends[0], STDIN_FILENO);
    assert_int_equal(secret_load(&s, "-", "joe", false), STATUS_OK);
    is("correct horse");
    dup2(old, STDIN_FILENO);
    close(ends[0]);
    close(old);
}

static void failures_leave_nothing(void **state)
{
    static const struct secret nothing;
    (void)state;
    assert_int_equal(load("elevenbytes"), STATUS_USAGE);
    assert_memory_equal(&s, &nothing, sizeof s);
    assert_int_equal(secret_load(&s, "/nonexistent/secret", "joe", false), STATUS_SYSTEM);
    assert_int_equal(secret_load(&s, "/", "joe", false), STATUS_SYSTEM);
    assert_memory_equal(&s, &nothing, sizeof s);
}

static void wiping(void **state)
{
    static const struct secret nothing;
    (void)state;
    assert_int_equal(load("correct horse"), STATUS_OK);
    secret_wipe(&s);
    assert_memory_equal(&s, &nothing, sizeof s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_line_end_is_stripped),
        cmocka_unit_test(length_has_limits),
        cmocka_unit_test(weak_ones_only_when_allowed),
        cmocka_unit_test(bytes_pass_unchanged),
        cmocka_unit_test(files_open_to_others_are_refused),
        cmocka_unit_test(open_descriptors_are_taken),
        cmocka_unit_test(standard_input_may_come_in_pieces),
        cmocka_unit_test(failures_leave_nothing),
        cmocka_unit_test(wiping),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
