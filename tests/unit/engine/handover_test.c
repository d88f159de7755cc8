/* SPDX-License-Identifier: MIT */
/* Links that go from one engine to another, and engines that cannot go on. */
#include "raw.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "engine/sim.h"
#include "engine/uring_parts.h"

/* Of a poll that waits: to submit, and to look once more when the time has come. */
#define POLL_CALLS 4u

static struct engine *e;
static struct hall hall;

static int setup(void **state)
{
    (void)state;
    memset(&hall, 0, sizeof hall);
    e = engine_new("io_uring");
    return e ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    hall_close(&hall, e);
    engine_free(e);
    return 0;
}

static struct uring *ring(void)
{
    return uring_of(e->front);
}

/* ---- from one to the other ---- */

static struct engine *elsewhere(const struct link *l)
{
    return l->engine == e ? e->front : e;
}

static void a_thousand_moves_lose_nothing(void **state)
{
    (void)state;
    enum { MOVES = 1000, EACH = 20011 };
    hall_open(&hall, e, loopback4(0));
    struct peer *p = peer_connect(e, &hall.where);
    p->conn.tx_seg = 777;
    p->conn.rx_seg = 5000;
    run_until(e, &p->ups, 1);
    for (uint32_t i = 0; i < MOVES; i++) {
        struct link *l = i % 3 || hall.count == 0 ? &p->link : &hall.peers[0]->link;
        stub_push(&p->conn, EACH);
        link_kick(&p->link);
        for (uint32_t polls = i % 4; polls > 0; polls--)
            assert_int_equal(engine_poll(e, engine_now(e) + MS), BERTH_OK);
        if (i % 5 == 0)
            link_flush(l);
        assert_int_equal(link_move(l, elsewhere(l)), BERTH_OK);
    }
    uint64_t total = (uint64_t)MOVES * EACH;
    run_moves(e, e, &p->conn.rx_at, total, &p->conn.tx_at, total);
    assert_false(p->conn.mismatch);
    assert_int_equal(p->link.rx_bytes, total);
    assert_int_equal(p->link.tx_bytes, total);
    assert_int_equal(p->ups, 1);
    assert_int_equal(p->downs, 0);
    peer_free(p);
}

static void what_came_while_moving_is_not_lost(void **state)
{
    (void)state;
    int raw;
    struct peer *p = raw_pair(e, &raw);
    assert_int_equal(engine_poll(e, 0), BERTH_OK); /* the receive is in flight */
    raw_send(raw, 0, 0, 1000);
    assert_int_equal(link_move(&p->link, e), BERTH_OK);
    run_moves(e, e, &p->conn.rx_at, 1000, &p->conn.rx_at, 1000);
    assert_false(p->conn.background);
    raw_send(raw, 0, 1000, 1000);
    assert_int_equal(link_move(&p->link, e->front), BERTH_OK);
    run_moves(e, e, &p->conn.rx_at, 2000, &p->conn.rx_at, 2000);
    assert_true(p->conn.background);
    assert_false(p->conn.mismatch);
    peer_free(p);
    close(raw);
}

static void the_end_is_told_by_who_has_it(void **state)
{
    (void)state;
    for (int reset = 0; reset < 2; reset++) {
        int raw;
        struct peer *p = raw_pair(e, &raw);
        assert_int_equal(engine_poll(e, 0), BERTH_OK);
        if (reset)
            raw_reset(raw);
        else
            close(raw);
        assert_int_equal(link_move(&p->link, e), BERTH_OK);
        assert_int_equal(p->downs, 0);
        run_until(e, &p->downs, 1);
        assert_int_equal(p->error, reset ? BERTH_E_RESET : BERTH_E_CLOSED);
        peer_free(p);
    }
}

static void links_that_are_not_up_stay(void **state)
{
    (void)state;
    hall_open(&hall, e, loopback4(0));
    struct peer *p = peer_connect(e, &hall.where);
    assert_int_equal(link_move(&p->link, e->front), BERTH_E_STATE);
    run_until(e, &p->ups, 1);
    link_close(&p->link);
    assert_int_equal(link_move(&p->link, e), BERTH_E_STATE);
    peer_free(p);
}

static void one_descriptor_for_both(void **state)
{
    (void)state;
    int raw, fd = engine_fd(e);
    struct peer *p = raw_pair(e, &raw);
    for (uint32_t i = 0; i < 20; i++) {
        assert_int_equal(link_move(&p->link, elsewhere(&p->link)), BERTH_OK);
        while (engine_has_work(e))
            assert_int_equal(engine_poll(e, 0), BERTH_OK);
        link_flush(&p->link);
        raw_send(raw, 0, i * 10, 10);
        struct pollfd pfd = {.fd = fd, .events = POLLIN};
        uint64_t all = (i + 1) * 10;
        assert_int_equal(poll(&pfd, 1, (int)(PATIENCE / MS)), 1);
        run_moves(e, e, &p->conn.rx_at, all, &p->conn.rx_at, all);
    }
    assert_int_equal(engine_fd(e), fd);
    peer_free(p);
    close(raw);
}

static void quiet_links_are_told_when_nothing_writes(void **state)
{
    (void)state;
    int raw;
    struct peer *p = raw_pair(e, &raw);
    assert_int_equal(engine_poll(e, 0), BERTH_OK);
    assert_true(uring_flies(carried_of(&p->link), URING_RECV));
    uint32_t before = p->progresses;
    link_quiesce(&p->link);
    link_quiesce(&p->link);
    run_until(e, &p->progresses, before + 1);
    raw_send(raw, 0, 0, 100);
    run_moves(e, e, &p->conn.rx_at, 100, &p->conn.rx_at, 100);
    assert_false(p->conn.mismatch);
    peer_free(p);
    close(raw);
}

static long sleeps(void)
{
    struct rusage u;
    getrusage(RUSAGE_THREAD, &u);
    return u.ru_nvcsw;
}

/* For what has come the kernel sets a flag in memory: who polls looks at that. It neither sleeps nor calls
 * anybody. */
static void polling_takes_no_calls(void **state)
{
    (void)state;
    int raw;
    uint32_t awake = 0;
    struct peer *p = raw_pair(e, &raw);
    e->wait = ENGINE_POLLS;
    for (uint64_t i = 1; i <= 10; i++) {
        uint64_t calls = e->syscalls;
        long before = sleeps();
        assert_int_equal(engine_poll(e, engine_now(e) + 10 * MS), BERTH_OK);
        awake += sleeps() == before; /* others may stop it now and then */
        assert_in_range(e->syscalls - calls, 0, POLL_CALLS);
        raw_send(raw, 0, p->conn.rx_at, 10);
        run_moves(e, e, &p->conn.rx_at, 10 * i, &p->conn.rx_at, 10 * i);
    }
    assert_int_not_equal(awake, 0);
    assert_false(p->conn.mismatch);
    peer_free(p);
    close(raw);
}

/* ---- threads ---- */

static void *talk(void *arg)
{
    struct peer *p = arg;
    uint64_t until = p->conn.tx_end + 100000;
    stub_push(&p->conn, 100000);
    link_kick(&p->link);
    run_moves(e, e, &p->conn.rx_at, until, &p->conn.tx_at, until);
    return NULL;
}

static void another_thread_may_go_on(void **state)
{
    (void)state;
    hall_open(&hall, e, loopback4(0));
    struct peer *p = peer_connect(e, &hall.where);
    for (int i = 0; i < 5; i++) {
        pthread_t thread;
        talk(p);
        assert_int_equal(pthread_create(&thread, NULL, talk, p), 0);
        pthread_join(thread, NULL);
    }
    assert_false(p->conn.mismatch);
    assert_ptr_equal(p->link.engine, e->front);
    peer_free(p);
}

enum { MANY = 8 };

static void *poll_for_news(void *arg)
{
    struct peer *p = arg;
    run_until(e, &p->progresses, p->progresses + 1);
    return NULL;
}

static void *talk_all(void *arg)
{
    struct peer **all = arg;
    for (uint32_t i = 0; i < MANY; i++) {
        stub_push(&all[i]->conn, 300000);
        link_kick(&all[i]->link);
    }
    for (uint32_t i = 0; i < MANY; i++) {
        uint64_t until = all[i]->conn.tx_end;
        run_moves(e, e, &all[i]->conn.rx_at, until, &all[i]->conn.tx_at, until);
    }
    return NULL;
}

/* What they want to send is more than the ring takes at once: some have it queued when the ring turns out to
 * be another thread's. */
static void another_thread_may_go_on_with_many(void **state)
{
    (void)state;
    struct peer *all[MANY];
    hall_open(&hall, e, loopback4(0));
    for (uint32_t i = 0; i < MANY; i++) {
        all[i] = peer_connect(e, &hall.where);
        all[i]->conn.tx_seg = 77;
        run_until(e, &all[i]->ups, 1);
    }
    for (int i = 0; i < 5; i++) {
        pthread_t thread;
        talk_all(all);
        assert_int_equal(pthread_create(&thread, NULL, talk_all, all), 0);
        pthread_join(thread, NULL);
    }
    for (uint32_t i = 0; i < MANY; i++) {
        assert_false(all[i]->conn.mismatch);
        assert_int_equal(all[i]->link.tx_bytes, 10 * 300000);
        peer_free(all[i]);
    }
}

/* The receive that was to be stopped is gone with the ring of the thread before. */
static void another_thread_is_told_when_nothing_writes(void **state)
{
    (void)state;
    int raw;
    pthread_t thread;
    struct peer *p = raw_pair(e, &raw);
    for (int i = 0; i < 2; i++) {
        uint32_t before = p->progresses;
        while (!uring_flies(carried_of(&p->link), URING_RECV))
            assert_int_equal(engine_poll(e, 0), BERTH_OK);
        link_quiesce(&p->link);
        assert_int_equal(pthread_create(&thread, NULL, poll_for_news, p), 0);
        pthread_join(thread, NULL);
        assert_int_equal(p->progresses, before + 1);
    }
    peer_free(p);
    close(raw);
}

static void *close_it(void *arg)
{
    link_close(&((struct peer *)arg)->link);
    return NULL;
}

static void another_thread_may_close(void **state)
{
    (void)state;
    int raw;
    pthread_t thread;
    struct peer *p = raw_pair(e, &raw);
    assert_int_equal(engine_poll(e, 0), BERTH_OK);
    assert_int_equal(pthread_create(&thread, NULL, close_it, p), 0);
    pthread_join(thread, NULL);
    peer_free(p);
    close(raw);
}

/* ---- engines that cannot go on ---- */

static void expect_given_back(struct peer *p)
{
    uint64_t total = p->conn.tx_end + 500000;
    stub_push(&p->conn, 500000);
    link_kick(&p->link);
    run_moves(e, e, &p->conn.rx_at, total, &p->conn.tx_at, total);
    assert_false(p->conn.mismatch);
    assert_int_equal(p->link.tx_bytes, total);
    assert_int_equal(p->downs, 0);
    assert_int_equal(p->moves, 1);
    assert_ptr_equal(p->link.engine, e);
    assert_null(e->front);
}

static void a_ring_that_fails_gives_its_links_back(void **state)
{
    (void)state;
    static const int errors[] = {ENOMEM, EBADF, EIO};
    hall_open(&hall, e, loopback4(0));
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        const char *why;
        assert_int_equal(engine_prefer(e, "io_uring", &why), BERTH_OK);
        struct peer *p = peer_connect(e, &hall.where);
        talk(p);
        ring()->failure = errors[i];
        expect_given_back(p);
        assert_non_null(strstr(p->words, strerror(errors[i])));
        peer_free(p);
        hall_close(&hall, e);
        hall_open(&hall, e, loopback4(0));
    }
}

/* `call` is answered with `err` from now on. */
static bool forbid(uint32_t call, uint32_t err)
{
    struct sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | err),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof rules / sizeof *rules, rules};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static void in_a_child(void (*what)(void))
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        what();
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void talk_until_forbidden(void)
{
    e = engine_new("io_uring"); /* a ring that was made by the parent is the parent's */
    hall_open(&hall, e, loopback4(0));
    struct peer *p = peer_connect(e, &hall.where);
    talk(p);
    if (!forbid(SYS_io_uring_enter, EPERM))
        _exit(77);
    expect_given_back(p);
    assert_non_null(strstr(p->words, "io_uring_enter: Operation not permitted"));
}

static void entering_is_forbidden_under_way(void **state)
{
    (void)state;
    in_a_child(talk_until_forbidden);
}

static void ask_where_forbidden(void)
{
    const char *why;
    if (!forbid(SYS_io_uring_setup, EPERM))
        _exit(77);
    assert_null(engine_new("io_uring"));
    struct engine *plain = engine_new("sockets");
    assert_int_equal(engine_prefer(plain, "io_uring", &why), BERTH_E_SYSTEM);
    assert_non_null(strstr(why, "forbidden"));
    assert_int_equal(engine_prefer(plain, "auto", &why), BERTH_OK);
    assert_null(plain->front);
    engine_free(plain);
    e = engine_new("auto");
    hall_open(&hall, e, loopback4(0));
    struct peer *p = peer_connect(e, &hall.where);
    talk(p);
    assert_ptr_equal(p->link.engine, e);
}

static void setting_up_is_forbidden(void **state)
{
    (void)state;
    in_a_child(ask_where_forbidden);
}

static void other_engines_have_no_front(void **state)
{
    (void)state;
    const char *why;
    struct sim_world *w = sim_world_new(1, NULL);
    struct engine *sim = sim_engine_new(w);
    assert_int_equal(engine_prefer(sim, "io_uring", &why), BERTH_E_SYSTEM);
    assert_non_null(why);
    assert_int_equal(engine_prefer(sim, "auto", &why), BERTH_OK);
    assert_int_equal(engine_prefer(sim, "steam", &why), BERTH_E_ARGUMENT);
    engine_free(sim);
    sim_world_free(w);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_thousand_moves_lose_nothing),
        T(what_came_while_moving_is_not_lost),
        T(the_end_is_told_by_who_has_it),
        T(links_that_are_not_up_stay),
        T(one_descriptor_for_both),
        T(quiet_links_are_told_when_nothing_writes),
        T(polling_takes_no_calls),
        T(another_thread_may_go_on),
        T(another_thread_may_go_on_with_many),
        T(another_thread_is_told_when_nothing_writes),
        T(another_thread_may_close),
        T(a_ring_that_fails_gives_its_links_back),
        T(entering_is_forbidden_under_way),
        T(setting_up_is_forbidden),
        T(other_engines_have_no_front),
    };
    return cmocka_run_group_tests_name("engines that change hands", tests, NULL, NULL);
}
