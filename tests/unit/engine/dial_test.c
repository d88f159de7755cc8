/* SPDX-License-Identifier: MIT */
/* The local end of a connection is the one that was asked for, or there is no connection. */
#include "raw.h"

#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <sys/wait.h>

#include "engine/dial.h"

#define SKIPPED 77

static struct engine_bind bound; /* all zero before each test */

static int setup(void **state)
{
    (void)state;
    memset(&bound, 0, sizeof bound);
    return 0;
}

static struct engine_addr v4(const char *text)
{
    struct engine_addr a = loopback4(0);
    struct sockaddr_in *sa = (void *)&a.sa;
    assert_int_equal(inet_pton(AF_INET, text, &sa->sin_addr), 1);
    return a;
}

static void let_connect(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    assert_int_equal(poll(&p, 1, (int)(PATIENCE / MS)), 1);
    assert_false(p.revents & POLLERR);
}

/* Connects to a listener of its own; returns the descriptor, with the accepted one in `*far`. */
static int connected(const struct engine_bind *b, struct engine_addr *from, int *far)
{
    struct engine_addr to;
    int listener = raw_listen(&to, 4);
    struct dial d = {.to = &to, .bind = b};
    assert_int_equal(dial_begin(&d), BERTH_OK);
    assert_null(d.why);
    let_connect(d.fd);
    from->len = sizeof from->sa;
    *far = accept4(listener, (struct sockaddr *)&from->sa, &from->len, SOCK_CLOEXEC);
    assert_true(*far >= 0);
    close(listener);
    return d.fd;
}

static void expect_failure(const struct engine_addr *to, int err, const char *words)
{
    struct dial d = {.to = to, .bind = &bound};
    assert_int_equal(dial_begin(&d), BERTH_E_LOCAL);
    assert_int_equal(errno, err);
    assert_int_equal(d.fd, -1);
    assert_non_null(d.why);
    if (!strstr(d.why, words))
        fail_msg("'%s' is not in '%s'", words, d.why);
}

static void fails(int err, const char *words)
{
    struct engine_addr to;
    int listener = raw_listen(&to, 4);
    expect_failure(&to, err, words);
    close(listener);
}

static int number_of(int fd, int level, int option)
{
    int value = -1;
    socklen_t len = sizeof value;
    assert_int_equal(getsockopt(fd, level, option, &value, &len), 0);
    return value;
}

static void asked_for_nothing(void **state)
{
    struct engine_addr from;
    int far, fd = connected(NULL, &from, &far);
    (void)state;
    close(far);
    close(fd);
    fd = connected(&bound, &from, &far);
    assert_int_equal(number_of(fd, IPPROTO_TCP, TCP_NODELAY), 1);
    assert_int_equal(number_of(fd, IPPROTO_IP, IP_TOS), 0);
    close(far);
    close(fd);
}

static void a_source(void **state)
{
    struct engine_addr from;
    const struct sockaddr_in *sa = (const void *)&from.sa;
    int far;
    (void)state;
    bound.source = v4("127.0.0.2");
    int fd = connected(&bound, &from, &far);
    assert_int_equal(ntohl(sa->sin_addr.s_addr), 0x7f000002);
    close(far);
    close(fd);
}

static void a_source_elsewhere(void **state)
{
    (void)state;
    bound.source = v4("192.0.2.77");
    fails(EADDRNOTAVAIL, "not one of this host's");
    bound.first_port = 1024;
    bound.last_port = 65535;
    fails(EADDRNOTAVAIL, "not one of this host's"); /* and not 64512 times */
    bound.source = loopback6(0);
    fails(EAFNOSUPPORT, "another family");
}

static void a_device(void **state)
{
    struct engine_addr from;
    char name[IF_NAMESIZE] = "";
    socklen_t len = sizeof name;
    int far;
    (void)state;
    strcpy(bound.device, "lo");
    int fd = connected(&bound, &from, &far);
    assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &len), 0);
    assert_string_equal(name, "lo");
    close(far);
    close(fd);
    strcpy(bound.device, "no-such-device");
    fails(ENODEV, "no such network device");
}

static void classes(void **state)
{
    struct engine_addr from;
    int far;
    (void)state;
    bound.dscp = 46;
    bound.priority = 3;
    int fd = connected(&bound, &from, &far);
    assert_int_equal(number_of(fd, IPPROTO_IP, IP_TOS), 46 << 2);
    assert_int_equal(number_of(fd, SOL_SOCKET, SO_PRIORITY), 3);
    close(far);
    close(fd);
}

static void classes_of_ipv6(void **state)
{
    struct engine_addr to = loopback6(0);
    struct dial d = {.to = &to, .bind = &bound};
    (void)state;
    if (!have_ipv6())
        skip();
    int listener = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&to.sa, to.len), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&to.sa, &to.len), 0);
    bound.dscp = 63;
    bound.source = loopback6(0);
    bound.first_port = 20000;
    bound.last_port = 20100;
    assert_int_equal(dial_begin(&d), BERTH_OK);
    let_connect(d.fd);
    assert_int_equal(number_of(d.fd, IPPROTO_IPV6, IPV6_TCLASS), 63 << 2);
    close(d.fd);
    close(listener);
}

/* --- ports --- */

static void expect_ports(uint16_t first, uint16_t last)
{
    struct engine_addr from;
    int far;
    bound.first_port = first;
    bound.last_port = last;
    int fd = connected(&bound, &from, &far);
    assert_in_range(port_of(&from), first, last);
    raw_reset(fd); /* leaves nothing behind */
    close(far);
}

/* Within the system's range of ports, where the kernel may choose, and beyond, where it takes no notice. */
static void ranges_of_ports(void **state)
{
    (void)state;
    for (int n = 0; n < 20; n++) {
        expect_ports(45000, 45010);
        expect_ports(20000, 20010);
        expect_ports(32760, 32775); /* both sides of the usual border */
    }
    bound.source = v4("127.0.0.3");
    expect_ports(20000, 20001);
}

/* Two ports that nobody beside us has, nor looks at just now, as this test elsewhere would. */
static void find_range(void)
{
    const uint16_t begin = (uint16_t)(21000 + getpid() % 1000 * 2), end = (uint16_t)(begin + 100);
    for (bound.first_port = begin; bound.first_port < end; bound.first_port += 2) {
        int first = raw_bound(bound.first_port), last = raw_bound(bound.last_port = bound.first_port + 1);
        close(first);
        close(last);
        if (first >= 0 && last >= 0)
            return;
    }
    fail_msg("all ports from %u to %u are in use", begin, end - 1);
}

/* One port serves connections to as many peers as there are, and one to each. */
static void a_range_in_use(void **state)
{
    struct engine_addr to, from;
    int far[3], fd[3], listener = raw_listen(&to, 4);
    (void)state;
    find_range();
    for (int n = 0; n < 2; n++) {
        struct dial d = {.to = &to, .bind = &bound};
        assert_int_equal(dial_begin(&d), BERTH_OK);
        let_connect(fd[n] = d.fd);
        far[n] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    }
    expect_failure(&to, EADDRNOTAVAIL, "all local ports of the range are in use");
    fd[2] = connected(&bound, &from, &far[2]);
    assert_in_range(port_of(&from), bound.first_port, bound.last_port);
    for (int n = 0; n < 3; n++) {
        raw_reset(fd[n]);
        close(far[n]);
    }
    close(listener);
}

/* A port that somebody listens at. */
static void a_port_in_use(void **state)
{
    struct engine_addr where;
    int listener = raw_listen(&where, 4);
    (void)state;
    bound.first_port = bound.last_port = port_of(&where);
    fails(EADDRINUSE, "all local ports of the range are in use");
    close(listener);
}

/* --- what takes privileges --- */

static void as_nobody(void (*test)(void))
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (geteuid() == 0 && setuid(65534) < 0)
            _exit(SKIPPED);
        test();
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == SKIPPED)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void forbidden(int err, const char *words)
{
    struct engine_addr to = loopback4(1);
    struct dial d = {.to = &to, .bind = &bound};
    if (dial_begin(&d) == BERTH_E_LOCAL && errno == err && d.why && strstr(d.why, words))
        return;
    print_message("not refused with '%s' but %s\n", words, d.why ? d.why : "nothing");
    _exit(1);
}

static void mark_as_nobody(void)
{
    bound.mark = 42;
    forbidden(EPERM, "CAP_NET_ADMIN");
}

static void priority_as_nobody(void)
{
    bound.priority = 7;
    forbidden(EPERM, "CAP_NET_ADMIN");
}

static void low_ports_as_nobody(void)
{
    FILE *f = fopen("/proc/sys/net/ipv4/ip_unprivileged_port_start", "re");
    int start = 1024;
    if (f) {
        if (fscanf(f, "%d", &start) != 1)
            start = 1024;
        fclose(f);
    }
    if (start <= 1000)
        _exit(SKIPPED);
    bound.first_port = bound.last_port = 1000;
    forbidden(EACCES, "CAP_NET_BIND_SERVICE");
}

static void marks_are_for_some(void **state)
{
    (void)state;
    as_nobody(mark_as_nobody);
}

static void priorities_are_for_some(void **state)
{
    (void)state;
    as_nobody(priority_as_nobody);
}

static void low_ports_are_for_some(void **state)
{
    (void)state;
    as_nobody(low_ports_as_nobody);
}

/* Root of a container may not, as a rule. */
static bool may_mark(void)
{
    static const int mark = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool may = setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof mark) == 0;
    close(fd);
    return may;
}

static void a_mark(void **state)
{
    struct engine_addr from;
    int far;
    (void)state;
    if (!may_mark())
        skip();
    bound.mark = 0xcafe;
    int fd = connected(&bound, &from, &far);
    assert_int_equal(number_of(fd, SOL_SOCKET, SO_MARK), 0xcafe);
    close(far);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(asked_for_nothing, setup),
        cmocka_unit_test_setup(a_source, setup),
        cmocka_unit_test_setup(a_source_elsewhere, setup),
        cmocka_unit_test_setup(a_device, setup),
        cmocka_unit_test_setup(classes, setup),
        cmocka_unit_test_setup(classes_of_ipv6, setup),
        cmocka_unit_test_setup(ranges_of_ports, setup),
        cmocka_unit_test_setup(a_range_in_use, setup),
        cmocka_unit_test_setup(a_port_in_use, setup),
        cmocka_unit_test_setup(marks_are_for_some, setup),
        cmocka_unit_test_setup(priorities_are_for_some, setup),
        cmocka_unit_test_setup(low_ports_are_for_some, setup),
        cmocka_unit_test_setup(a_mark, setup),
    };
    return cmocka_run_group_tests_name("engine dial", tests, NULL, NULL);
}
