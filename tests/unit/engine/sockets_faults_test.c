/* SPDX-License-Identifier: MIT */
/* The sockets engine when things go wrong: refusals, silence, ends and resets, shortages, signals. */
#include "raw.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>

static struct engine *e;
static struct hall hall;

static int setup(void **state)
{
    (void)state;
    memset(&hall, 0, sizeof hall);
    e = engine_new(TEST_ENGINE);
    return e ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    hall_close(&hall, e);
    engine_free(e);
    return 0;
}

static void expect_down(struct peer *p, int error, int err)
{
    run_until(e, &p->downs, 1);
    assert_int_equal(p->error, error);
    assert_int_equal(p->link.last_errno, err);
    assert_int_equal(p->link.fd, -1);
    assert_true(list_empty(&e->links));
    assert_int_equal(engine_poll(e, 0), BERTH_OK);
    assert_int_equal(p->downs, 1);
}

/* ---- connecting ---- */

static void refused(void **state)
{
    (void)state;
    struct engine_addr where;
    int refusing = raw_refusing(&where);
    struct peer *p = peer_connect(e, &where);
    expect_down(p, BERTH_E_REFUSED, ECONNREFUSED);
    assert_int_equal(p->ups, 0);
    peer_free(p);
    close(refusing);
}

/* How many wait to be accepted. */
static uint32_t waiting_at(int listener)
{
    struct tcp_info info = {.tcpi_state = 0};
    socklen_t len = sizeof info;
    assert_int_equal(getsockopt(listener, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
    return info.tcpi_unacked;
}

/* A listener whose backlog is full drops every further SYN: the silence of a dead host. */
static int silent_host(struct engine_addr *where, int fillers[2])
{
    int fd = raw_listen(where, 1);
    for (int i = 0; i < 2; i++)
        fillers[i] = raw_connect(where);
    while (waiting_at(fd) < 2)
        sched_yield();
    return fd;
}

static void close_host(int fd, const int fillers[2])
{
    close(fillers[0]);
    close(fillers[1]);
    close(fd);
}

static void silence_ends_at_the_deadline(void **state)
{
    (void)state;
    struct engine_addr where;
    int fillers[2], fd = silent_host(&where, fillers);
    struct peer *p = peer_new();
    e->wait = ENGINE_SLEEPS;
    uint64_t deadline = engine_now(e) + 30 * MS, calls = e->syscalls;
    assert_int_equal(e->ops->connect(e, &p->link, &where, NULL, deadline), BERTH_OK);
    while (p->downs == 0)
        assert_int_equal(engine_poll(e, FOREVER), BERTH_OK);
    assert_in_range(engine_now(e), deadline, deadline + PATIENCE);
    assert_in_range(e->syscalls - calls, 1, 10); /* slept, did not spin */
    expect_down(p, BERTH_E_NO_ANSWER, ETIMEDOUT);
    assert_int_equal(p->ups, 0);
    peer_free(p);
    close_host(fd, fillers);
}

static void deadlines_end_in_their_order(void **state)
{
    (void)state;
    struct engine_addr where;
    int fillers[2], fd = silent_host(&where, fillers);
    struct peer *late = peer_new(), *soon = peer_new(), *never = peer_connect(e, &where);
    uint64_t now = engine_now(e), later = now + 200 * MS;
    e->ops->connect(e, &late->link, &where, NULL, later);
    e->ops->connect(e, &soon->link, &where, NULL, now + 10 * MS);
    run_until(e, &soon->downs, 1);
    if (late->downs > 0) /* then the machine had no time for us before */
        assert_true(engine_now(e) >= later);
    run_until(e, &late->downs, 1);
    assert_int_equal(never->downs, 0);
    peer_free(never);
    peer_free(soon);
    peer_free(late);
    close_host(fd, fillers);
}

static void deadline_in_the_past(void **state)
{
    (void)state;
    struct engine_addr where;
    int fillers[2], fd = silent_host(&where, fillers);
    struct peer *p = peer_new();
    assert_int_equal(e->ops->connect(e, &p->link, &where, NULL, 0), BERTH_OK);
    assert_int_equal(p->downs, 0); /* told from poll(), not from connect() */
    assert_int_equal(engine_poll(e, FOREVER), BERTH_OK);
    expect_down(p, BERTH_E_NO_ANSWER, ETIMEDOUT);
    peer_free(p);
    close_host(fd, fillers);
}

static void again(struct peer *p)
{
    e->ops->connect(e, &p->link, p->arg, NULL, 0);
}

/* An owner who at once tries again, with a deadline that has passed, must not keep poll() from returning. */
static void hopeless_owner_does_not_hold_poll(void **state)
{
    (void)state;
    struct engine_addr where;
    int fillers[2], fd = silent_host(&where, fillers);
    struct peer *p = peer_new();
    p->arg = &where;
    p->on_down = again;
    again(p);
    assert_int_equal(engine_poll(e, 0), BERTH_OK);
    assert_int_equal(p->downs, 1);
    assert_int_equal(engine_poll(e, 0), BERTH_OK);
    assert_int_equal(p->downs, 2);
    peer_free(p);
    close_host(fd, fillers);
}

static void addresses_that_are_none(void **state)
{
    (void)state;
    struct peer *p = peer_new();
    struct engine_addr local = {.sa.ss_family = AF_UNIX, .len = sizeof(struct sockaddr)};
    assert_int_equal(e->ops->connect(e, &p->link, &local, NULL, FOREVER), BERTH_E_ADDRESS);
    assert_true(list_empty(&e->links));
    peer_free(p);
}

/* In a namespace without interfaces nothing has a route. */
static void unreachable_in_namespace(void)
{
    struct engine_addr far = loopback4(3260);
    struct peer *p = peer_new();
    ((struct sockaddr_in *)&far.sa)->sin_addr.s_addr = htonl(0xc0000201);
    int error = e->ops->connect(e, &p->link, &far, NULL, FOREVER);
    _exit(error == BERTH_E_UNREACHABLE && p->link.last_errno == ENETUNREACH && list_empty(&e->links) ? 0 : 1);
}

static int child_result(pid_t child)
{
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void no_route(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0 && unshare(CLONE_NEWNET) < 0)
            _exit(77);
        unreachable_in_namespace();
    }
    int result = child_result(child);
    if (result == 77) {
        print_message("           no network namespaces here\n");
        skip();
    }
    assert_int_equal(result, 0);
}

/* ---- ends and resets ---- */

static uint64_t at_progress;

static void note_progress(struct peer *p)
{
    assert_int_equal(p->downs, 0);
    at_progress = p->conn.rx_at;
}

/* All that had arrived reaches the conn, and its owner, before down(). */
static void end_comes_last(void **state)
{
    (void)state;
    int raw;
    struct peer *p = raw_pair(e, &raw);
    p->conn.rx_seg = 1000;
    p->on_progress = note_progress;
    raw_send(raw, 0, 0, 30001);
    close(raw);
    expect_down(p, BERTH_E_CLOSED, 0);
    assert_int_equal(p->rx_at_down, 30001);
    assert_int_equal(at_progress, 30001);
    assert_false(p->conn.mismatch);
    peer_free(p);
}

static void reset_comes_last(void **state)
{
    (void)state;
    int raw;
    struct peer *p = raw_pair(e, &raw);
    p->on_progress = note_progress;
    raw_send(raw, 0, 0, 5000);
    raw_reset(raw);
    expect_down(p, BERTH_E_RESET, ECONNRESET);
    assert_int_equal(p->rx_at_down, 5000);
    assert_int_equal(at_progress, 5000);
    peer_free(p);
}

/* In one round: what came, a pause, and the end. */
static void what_came_before_a_pause_is_told(void **state)
{
    (void)state;
    int raw;
    struct peer *p = raw_pair(e, &raw);
    at_progress = 0;
    p->on_progress = note_progress;
    p->conn.rx_seg = 100;
    p->conn.rx_segs = 1;
    p->conn.rx_gate = 100;
    raw_send(raw, 0, 0, 5000);
    raw_reset(raw);
    expect_down(p, BERTH_E_RESET, ECONNRESET);
    assert_int_equal(p->rx_at_down, 100);
    assert_int_equal(at_progress, 100);
    peer_free(p);
}

static void reset_of_an_idle_link(void **state)
{
    (void)state;
    int raw;
    struct peer *p = raw_pair(e, &raw);
    raw_reset(raw);
    expect_down(p, BERTH_E_RESET, ECONNRESET);
    assert_int_equal(p->progresses, 0);
    peer_free(p);
}

static void reset_while_blocked(void **state)
{
    (void)state;
    int raw;
    struct peer *p = raw_pair(e, &raw);
    stub_push(&p->conn, 16 << 20);
    link_kick(&p->link);
    for (int i = 0; i < 5; i++)
        engine_poll(e, engine_now(e) + MS);
    assert_true(p->conn.tx_at < 16 << 20);
    raw_reset(raw);
    expect_down(p, BERTH_E_RESET, ECONNRESET);
    peer_free(p);
}

/* Nobody receives, nobody can send: only the hang-up tells. */
static void reset_while_paused(void **state)
{
    (void)state;
    int raw;
    struct peer *p = raw_pair(e, &raw);
    p->conn.rx_gate = 100;
    p->conn.rx_seg = 100;
    raw_send(raw, 0, 0, 300);
    run_moves(e, e, &p->conn.rx_at, 100, &p->conn.rx_at, 100);
    assert_int_equal(p->conn.rx_at, 100);
    raw_reset(raw);
    expect_down(p, BERTH_E_RESET, ECONNRESET);
    peer_free(p);
}

static void reset_before_a_conn(void **state)
{
    (void)state;
    struct engine_addr where;
    int listener = raw_listen(&where, 1);
    struct peer *p = peer_connect(e, &where);
    p->no_conn = true;
    run_until(e, &p->ups, 1);
    raw_reset(accept(listener, NULL, NULL));
    expect_down(p, BERTH_E_RESET, ECONNRESET);
    close(listener);
    peer_free(p);
}

/* A target says why and closes while the initiator is still talking: sending fails, but its words are read.
 */
static void last_words_are_heard(void **state)
{
    (void)state;
    int raw;
    struct peer *p = raw_pair(e, &raw);
    p->on_progress = note_progress;
    raw_send(raw, 0, 0, 48);
    raw_reset(raw);
    raw_reset_arrives(p);
    stub_push(&p->conn, 48);
    link_kick(&p->link);
    expect_down(p, BERTH_E_RESET, ECONNRESET);
    assert_int_equal(p->rx_at_down, 48);
    assert_int_equal(at_progress, 48);
    assert_int_equal(p->conn.tx_at, 0);
    peer_free(p);
}

/* flush() may be called from anywhere in the owner: it leaves the bad news to poll(). */
static void flush_does_not_call_back(void **state)
{
    (void)state;
    int raw;
    struct peer *p = raw_pair(e, &raw);
    raw_send(raw, 0, 0, 48);
    raw_reset(raw);
    raw_reset_arrives(p);
    stub_push(&p->conn, 48);
    link_flush(&p->link);
    assert_int_equal(p->downs, 0);
    link_flush(&p->link);
    link_kick(&p->link);
    assert_int_equal(p->downs, 0);
    assert_int_equal(engine_poll(e, FOREVER), BERTH_OK);
    assert_int_equal(p->downs, 1);
    expect_down(p, BERTH_E_RESET, ECONNRESET);
    assert_int_equal(p->rx_at_down, 48);
    peer_free(p);
}

/* Answered with a RST after the peer's own close, sending ends in EPIPE: an error, and no SIGPIPE to the
 * process. */
static void sending_to_the_gone_raises_no_signal(void **state)
{
    (void)state;
    int raw;
    struct peer *p = raw_pair(e, &raw);
    close(raw);
    for (int i = 0; i < 2; i++) {
        stub_push(&p->conn, 48);
        link_flush(&p->link);
        raw_reset_arrives(p);
    }
    expect_down(p, BERTH_E_CLOSED, EPIPE);
    peer_free(p);
}

static void close_of_a_broken_link(void **state)
{
    (void)state;
    int raw;
    struct peer *p = raw_pair(e, &raw);
    raw_reset(raw);
    stub_push(&p->conn, 48);
    link_flush(&p->link);
    link_close(&p->link);
    assert_int_equal(engine_poll(e, 0), BERTH_OK);
    assert_int_equal(p->downs, 0);
    assert_true(list_empty(&e->dirty));
    peer_free(p);
}

/* The peer has only stopped talking; for iSCSI that ends the connection all the same. */
static void half_close_is_an_end(void **state)
{
    (void)state;
    int raw;
    struct peer *p = raw_pair(e, &raw);
    raw_send(raw, 0, 0, 10);
    shutdown(raw, SHUT_WR);
    expect_down(p, BERTH_E_CLOSED, 0);
    assert_int_equal(p->rx_at_down, 10);
    peer_free(p);
    close(raw);
}

/* limits() promises memory and files; anything else is the floor above's mistake and must not send rubbish.
 */
static void segments_of_a_kind_not_promised(void **state)
{
    (void)state;
    int raw;
    struct peer *p = raw_pair(e, &raw);
    p->conn.tx_kind = BERTH_SEG_FIXED;
    stub_push(&p->conn, 10);
    link_kick(&p->link);
    expect_down(p, BERTH_E_SYSTEM, EOPNOTSUPP);
    assert_int_equal(p->conn.tx_at, 0);
    peer_free(p);
    close(raw);
}

/* What was promised of a file that has become shorter cannot be sent. */
static void files_that_end_early(void **state)
{
    (void)state;
    if (!sends_files(e))
        return;
    int raw, file = raw_file(6000);
    struct peer *p = raw_pair(e, &raw);
    p->conn.tx_file = file;
    stub_push(&p->conn, 8192);
    link_kick(&p->link);
    expect_down(p, BERTH_E_SYSTEM, EIO);
    assert_int_equal(p->conn.tx_at, 6000);
    raw_expect(raw, 0, 0, 6000);
    peer_free(p);
    close(raw);
    close(file);
}

static void files_that_are_none(void **state)
{
    (void)state;
    if (!sends_files(e))
        return;
    int raw;
    struct peer *p = raw_pair(e, &raw);
    p->conn.tx_file = 9999;
    stub_push(&p->conn, 8192);
    link_kick(&p->link);
    expect_down(p, BERTH_E_SYSTEM, EBADF);
    assert_int_equal(p->conn.tx_at, 4096);
    peer_free(p);
    close(raw);
}

static void refusing_listener(void **state)
{
    (void)state;
    hall.full = true;
    hall_open(&hall, e, loopback4(0));
    struct peer *p = peer_connect(e, &hall.where);
    expect_down(p, BERTH_E_CLOSED, 0);
    assert_int_equal(p->ups, 1);
    assert_int_equal(hall.count, 0);
    peer_free(p);
}

static void links_can_be_used_again(void **state)
{
    (void)state;
    hall_open(&hall, e, loopback4(0));
    struct peer *p = peer_connect(e, &hall.where);
    for (uint32_t i = 1; i <= 3; i++) {
        stub_init(&p->conn);
        stub_push(&p->conn, 1000);
        run_moves(e, e, &p->conn.rx_at, 1000, &p->conn.tx_at, 1000);
        assert_int_equal(p->link.rx_bytes, 1000);
        link_close(&p->link);
        link_close(&p->link);
        assert_int_equal(p->ups, i);
        stub_free(&p->conn);
        assert_int_equal(e->ops->connect(e, &p->link, &hall.where, NULL, FOREVER), BERTH_OK);
        assert_null(p->link.conn);
    }
    assert_int_equal(p->downs, 0);
    peer_free(p);
}

/* ---- shortages, signals, kernels ---- */

static void out_of_descriptors(void **state)
{
    (void)state;
    struct rlimit before, none;
    hall_open(&hall, e, loopback4(0));
    int raw = raw_connect(&hall.where);
    int lowest = dup(raw);
    close(lowest);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){.rlim_cur = (rlim_t)lowest, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    uint64_t calls = e->syscalls, begin = engine_now(e), until = begin + 50 * MS;
    do
        assert_int_equal(engine_poll(e, until), BERTH_OK);
    while (engine_now(e) < until);
    uint64_t looks = 1 + (engine_now(e) - begin) / (100 * MS);
    calls = e->syscalls - calls;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    /* accept failed once, then it looked away. Who does not makes thousands; the end of a ring that was here
     * before ends some waits. */
    assert_in_range(calls, 1, 60 * looks);
    assert_int_equal(hall.count, 0);
    while (hall.count == 0)
        assert_int_equal(engine_poll(e, FOREVER), BERTH_OK); /* it looks again without being told */
    raw_send(raw, 0, 0, 10);
    run_moves(e, e, &hall.peers[0]->conn.tx_at, 10, &hall.peers[0]->conn.tx_at, 10);
    close(raw);
}

static void resting_listener_can_go(void **state)
{
    (void)state;
    struct rlimit before, none;
    hall_open(&hall, e, loopback4(0));
    int raw = raw_connect(&hall.where);
    getrlimit(RLIMIT_NOFILE, &before);
    none = (struct rlimit){.rlim_cur = (rlim_t)raw + 1, .rlim_max = before.rlim_max};
    setrlimit(RLIMIT_NOFILE, &none);
    engine_poll(e, 0);
    setrlimit(RLIMIT_NOFILE, &before);
    assert_int_equal(hall.count, 0);
    hall_close(&hall, e);
    uint64_t calls = e->syscalls;
    assert_int_equal(engine_poll(e, engine_now(e) + 150 * MS), BERTH_OK);
    assert_int_equal(e->syscalls - calls, 1);
    close(raw);
}

static volatile sig_atomic_t alarms;

static void on_alarm(int number)
{
    (void)number;
    alarms++;
}

static void a_signal_ends_the_wait(void **state)
{
    (void)state;
    struct sigaction act = {.sa_handler = on_alarm}, old;
    struct itimerval often = {.it_value.tv_usec = 10000, .it_interval.tv_usec = 10000}, never = {{0}, {0}};
    sigaction(SIGALRM, &act, &old);
    setitimer(ITIMER_REAL, &often, NULL);
    for (alarms = 0; alarms == 0;) /* the end of a ring that was here before ends a wait, too */
        assert_int_equal(engine_poll(e, FOREVER), BERTH_OK);
    setitimer(ITIMER_REAL, &never, NULL);
    sigaction(SIGALRM, &old, NULL);
}

/* epoll_pwait2() answered with `err`, as old kernels and strict containers do. */
static bool forbid_pwait2(int err)
{
    struct sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_epoll_pwait2, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)err),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof rules / sizeof *rules, rules};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static void wait_in_ms(int err)
{
    if (!forbid_pwait2(err))
        _exit(77);
    uint32_t in_vain = 0; /* it is tried once; if the time is up before, there is nothing to try */
    for (int i = 0; i < 100 && (i < 10 || in_vain == 0); i++) {
        uint64_t until = engine_now(e) + MS + 300000, calls = e->syscalls;
        if (engine_poll(e, until) != BERTH_OK || engine_now(e) < until)
            _exit(1); /* rounded down: the caller would spin */
        in_vain += e->syscalls - calls == 2;
        if (e->syscalls - calls > 2)
            _exit(2);
    }
    _exit(in_vain == 1 ? 0 : 3);
}

static void kernels_without_pwait2(void **state)
{
    (void)state;
    static const int errors[] = {ENOSYS, EPERM};
    for (size_t i = 0; i < 2; i++) {
        pid_t child = fork();
        if (child == 0)
            wait_in_ms(errors[i]);
        int result = child_result(child);
        if (result == 77)
            skip();
        assert_int_equal(result, 0);
    }
}

static void poll_of_a_dead_engine_fails(void **state)
{
    (void)state;
    int copy = dup(e->ops->fd(e));
    close(e->ops->fd(e));
    assert_int_equal(engine_poll(e, 0), BERTH_E_SYSTEM);
    assert_int_equal(dup2(copy, e->ops->fd(e)), e->ops->fd(e));
    close(copy);
}

static void ring(void *owner)
{
    (void)owner;
}

/* The engine closes what it still has: the sanitizers see what is left. */
static void free_closes_everything(void **state)
{
    (void)state;
    struct engine *own = engine_new(TEST_ENGINE);
    struct hall h = {.full = false};
    hall_open(&h, own, loopback4(0));
    struct peer *p = peer_connect(own, &h.where);
    run_until(own, &p->ups, 1);
    while (h.count == 0)
        engine_poll(own, engine_now(own) + MS);
    int fd = eventfd(0, EFD_CLOEXEC), link_fd = p->link.fd;
    own->ops->watch(own, fd, ring, NULL);
    stub_push(&p->conn, 10);
    link_kick(&p->link);
    engine_free(own);
    assert_int_equal(p->link.fd, -1);
    assert_int_equal(p->downs, 0);
    assert_int_equal(fcntl(link_fd, F_GETFD), -1);
    p->link.engine = h.peers[0]->link.engine = NULL;
    peer_free(h.peers[0]);
    peer_free(p);
    close(fd);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(refused),
        T(silence_ends_at_the_deadline),
        T(deadlines_end_in_their_order),
        T(deadline_in_the_past),
        T(hopeless_owner_does_not_hold_poll),
        T(addresses_that_are_none),
        T(no_route),
        T(end_comes_last),
        T(reset_comes_last),
        T(what_came_before_a_pause_is_told),
        T(reset_of_an_idle_link),
        T(reset_while_blocked),
        T(reset_while_paused),
        T(reset_before_a_conn),
        T(last_words_are_heard),
        T(flush_does_not_call_back),
        T(sending_to_the_gone_raises_no_signal),
        T(close_of_a_broken_link),
        T(half_close_is_an_end),
        T(segments_of_a_kind_not_promised),
        T(files_that_end_early),
        T(files_that_are_none),
        T(refusing_listener),
        T(links_can_be_used_again),
        T(out_of_descriptors),
        T(resting_listener_can_go),
        T(a_signal_ends_the_wait),
        T(kernels_without_pwait2),
        T(poll_of_a_dead_engine_fails),
        T(free_closes_everything),
    };
    return cmocka_run_group_tests_name("sockets engine, faults", tests, NULL, NULL);
}
