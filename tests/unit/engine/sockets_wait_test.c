/* SPDX-License-Identifier: MIT */
/* How the sockets engine waits: looks, sleeps in a receive, and lets commands gather meanwhile. */
#include "raw.h"

#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/time.h>

#define LOOKS_MAX 24u /* of one wait that looks first: 20 us, one in each */
/* A wait that somebody comes in between of costs other calls than it should: so many may be. What is wrong in
 * all of them is wrong. */
#define TRIES 50u

static struct engine *e;

static int setup(void **state)
{
    (void)state;
    e = engine_new("sockets");
    return e ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    engine_free(e);
    return 0;
}

static void send_some(struct peer *p, uint64_t n)
{
    stub_push(&p->conn, n);
    link_kick(&p->link);
}

static uint64_t calls_of_a_wait(uint64_t ms)
{
    uint64_t before = e->syscalls, until = engine_now(e) + ms * MS;
    assert_int_equal(engine_poll(e, until), BERTH_OK);
    assert_true(engine_now(e) >= until);
    return e->syscalls - before;
}

static bool within(uint64_t calls, uint64_t least, uint64_t most)
{
    return calls >= least && calls <= most;
}

/* Behind a byte that was sent, or without one. */
static void a_wait_takes(struct peer *p, bool sends, uint64_t ms, uint64_t least, uint64_t most)
{
    for (uint32_t i = 0; i < TRIES; i++) {
        uint64_t before = e->syscalls;
        if (sends)
            send_some(p, 1);
        calls_of_a_wait(ms);
        if (within(e->syscalls - before, least, most))
            return;
    }
    fail_msg("no wait of %u ms takes %u to %u calls", (uint32_t)ms, (uint32_t)least, (uint32_t)most);
}

/* Many waits of a peer of its own, each behind a byte that was sent or, if it says so, only the first. */
static bool waits_take(uint32_t waits, bool each_sends, uint64_t least, uint64_t most)
{
    int raw;
    uint64_t calls = 0;
    struct peer *p = raw_pair(e, &raw);
    for (uint32_t i = 0; i < waits; i++) {
        if (i == 0 || each_sends)
            send_some(p, 1);
        calls += calls_of_a_wait(1);
    }
    raw_expect(raw, 0, 0, (size_t)p->conn.tx_at);
    peer_free(p);
    close(raw);
    return within(calls, least, most);
}

static void expect_waits(uint32_t waits, bool each_sends, uint64_t least, uint64_t most)
{
    for (uint32_t i = 0; i < TRIES; i++) {
        if (waits_take(waits, each_sends, least, most))
            return;
        engine_free(e); /* with what it has learnt */
        e = engine_new("sockets");
    }
    fail_msg("no %u waits take %u to %u calls", waits, (uint32_t)least, (uint32_t)most);
}

/* --- looking --- */

/* After nothing has come the next waits sleep at once, and ever more of them. */
static void looks_less_and_less(void **state)
{
    (void)state;
    /* a send, a sleep; and at the waits 1, 3, 7, 15, 31, 63, 127 some looks */
    expect_waits(130, true, 2 * 130, 2 * 130 + 7 * LOOKS_MAX);
}

/* There may be an answer only to what was sent. */
static void looks_once_for_what_it_sent(void **state)
{
    (void)state;
    expect_waits(130, false, 1 + 130, 1 + 130 + LOOKS_MAX);
}

/* With plenty to come, on one link or on all of them together. Its patience is not touched by that. */
static void sleeps_where_plenty_is_to_come(void **state)
{
    (void)state;
    int raw[2];
    struct peer *p = raw_pair(e, &raw[0]), *other = raw_pair(e, &raw[1]);
    p->conn.rx_due = 50000;
    other->conn.rx_due = 50000;
    for (uint32_t i = 0; i < 20; i++)
        a_wait_takes(p, true, 1, 2, 2);
    other->conn.rx_due = 40000;
    a_wait_takes(p, true, 1, 4, 2 + LOOKS_MAX);
    peer_free(p);
    peer_free(other);
    close(raw[0]);
    close(raw[1]);
}

/* One receive a look, and nothing else. */
static void polls_with_a_receive_each(void **state)
{
    (void)state;
    int raw;
    struct peer *p = raw_pair(e, &raw);
    e->wait = ENGINE_POLLS;
    uint64_t receives = p->link.rx_calls, calls = 0;
    while (calls <= 100)
        calls += calls_of_a_wait(20);
    assert_int_equal(p->link.rx_calls - receives, calls);
    raw_send(raw, 0, 0, 10);
    assert_int_equal(engine_poll(e, FOREVER), BERTH_OK);
    assert_int_equal(p->conn.rx_at, 10);
    receives = p->link.rx_calls, calls = e->syscalls;
    assert_int_equal(engine_poll(e, 0), BERTH_OK);
    assert_int_equal(e->syscalls - calls, 1);
    assert_int_equal(p->link.rx_calls - receives, 1);
    close(raw);
    assert_int_equal(engine_poll(e, FOREVER), BERTH_OK);
    assert_int_equal(p->downs, 1);
    peer_free(p);
}

/* --- sleeping in a receive --- */

static void a_nap_keeps_to_the_time(void **state)
{
    (void)state;
    int raw;
    struct peer *p = raw_pair(e, &raw);
    e->wait = ENGINE_SLEEPS;
    a_wait_takes(p, false, 120, 2, 5); /* three to prepare it, a receive, and epoll for the rest */
    a_wait_takes(p, false, 120, 2, 2);
    a_wait_takes(p, false, 8, 1, 1);
    peer_free(p);
    close(raw);
}

struct dripper {
    int raw;
    pthread_t thread;
};

static void *drip(void *arg)
{
    const struct dripper *d = arg;
    for (uint32_t i = 0; i < 3; i++) {
        usleep(3000);
        raw_send(d->raw, 0, 10 * i, 10);
    }
    return NULL;
}

/* What its owner hears of a data segment that arrives in pieces. */
static uint32_t news_of_a_drip(void)
{
    struct dripper d;
    struct peer *p = raw_pair(e, &d.raw);
    e->wait = ENGINE_SLEEPS;
    p->conn.rx_dull = 30;
    uint32_t before = p->progresses;
    assert_int_equal(pthread_create(&d.thread, NULL, drip, &d), 0);
    for (uint32_t i = 0; i < 100 && p->conn.rx_at < 30; i++)
        assert_int_equal(engine_poll(e, FOREVER), BERTH_OK);
    assert_int_equal(p->conn.rx_at, 30);
    uint32_t news = p->progresses - before;
    pthread_join(d.thread, NULL);
    peer_free(p);
    close(d.raw);
    return news;
}

/* The owner sleeps on through the middle of a data segment, if that does not take longer than a nap. */
static void a_nap_goes_on_until_there_is_news(void **state)
{
    (void)state;
    uint32_t tries = 1;
    while (news_of_a_drip() != 1)
        assert_true(tries++ < TRIES);
}

static void a_nap_ends_with_the_link(void **state)
{
    (void)state;
    int raw;
    struct peer *p = raw_pair(e, &raw);
    e->wait = ENGINE_SLEEPS;
    raw_send(raw, 0, 0, 100);
    close(raw);
    while (p->downs == 0)
        assert_int_equal(engine_poll(e, FOREVER), BERTH_OK);
    assert_int_equal(p->error, BERTH_E_CLOSED);
    assert_int_equal(p->rx_at_down, 100);
    peer_free(p);
}

static void on_alarm(int number)
{
    (void)number;
}

static void a_signal_ends_a_nap(void **state)
{
    (void)state;
    int raw;
    struct peer *p = raw_pair(e, &raw);
    struct sigaction act = {.sa_handler = on_alarm, .sa_flags = SA_RESTART}, old;
    struct itimerval soon = {.it_value.tv_usec = 10000, .it_interval.tv_usec = 10000};
    e->wait = ENGINE_SLEEPS;
    sigaction(SIGALRM, &act, &old);
    setitimer(ITIMER_REAL, &soon, NULL);
    assert_int_equal(engine_poll(e, engine_now(e) + PATIENCE), BERTH_OK);
    assert_true(e->interrupted);
    setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
    sigaction(SIGALRM, &old, NULL);
    peer_free(p);
    close(raw);
}

/* A descriptor that blocks must not do so for a send, be it memory or a file, nor for a look. */
static void nothing_else_blocks(void **state)
{
    (void)state;
    enum { TOTAL = 16 << 20 };
    int raw, file = raw_file(TOTAL);
    struct peer *p = raw_pair(e, &raw);
    e->wait = ENGINE_SLEEPS;
    for (uint32_t i = 0; i < 2; i++) {
        calls_of_a_wait(60); /* the nap */
        assert_int_equal(engine_poll(e, 0), BERTH_OK);
        p->conn.tx_file = i ? file : 0;
        p->conn.tx_seg = 60000;
        uint64_t begin = p->conn.tx_at;
        send_some(p, TOTAL);
        assert_int_equal(engine_poll(e, engine_now(e) + 20 * MS), BERTH_OK);
        assert_true(p->conn.tx_at < begin + TOTAL);
        if (i == 0)
            for (uint64_t at = begin, sent; at < TOTAL; at = sent) {
                sent = p->conn.tx_at;
                raw_expect(raw, 0, at, (size_t)(sent - at));
                engine_poll(e, engine_now(e) + MS);
            }
    }
    peer_free(p);
    close(raw);
    close(file);
}

/* --- what is watched beside one link --- */

static void heard(void *owner)
{
    uint64_t times;
    int *fd = owner;
    assert_int_equal(read(*fd, &times, sizeof times), sizeof times);
    *fd = -1 - *fd;
}

static void is_heard(enum engine_wait wait, bool at_once)
{
    int raw, fd = eventfd(0, 0), told = fd;
    uint64_t once = 1;
    struct peer *p = raw_pair(e, &raw);
    e->wait = (uint8_t)wait;
    assert_int_equal(e->ops->watch(e, fd, heard, &told), BERTH_OK);
    for (uint32_t i = 0; i < 3; i++) {
        told = fd;
        assert_int_equal(write(fd, &once, sizeof once), sizeof once);
        for (uint32_t n = 0; n < 100 && told == fd; n++)
            assert_int_equal(engine_poll(e, at_once ? 0 : FOREVER), BERTH_OK);
        assert_int_not_equal(told, fd);
    }
    e->ops->watch(e, fd, NULL, NULL);
    peer_free(p);
    close(raw);
    close(fd);
}

static void watches_are_heard(void **state)
{
    (void)state;
    is_heard(ENGINE_SLEEPS, false);
    is_heard(ENGINE_SLEEPS, true);
    is_heard(ENGINE_WAITS_AS_PAYS, false);
    is_heard(ENGINE_POLLS, false);
    is_heard(ENGINE_POLLS, true);
}

/* Each poll finds something on the link, and could leave it at that. */
static void a_busy_link_drowns_nothing(void **state)
{
    (void)state;
    static const uint8_t waits[] = {ENGINE_WAITS_AS_PAYS, ENGINE_POLLS, ENGINE_SLEEPS};
    for (size_t i = 0; i < sizeof waits; i++) {
        int raw, fd = eventfd(0, 0), told = fd;
        uint64_t once = 1;
        struct peer *p = raw_pair(e, &raw);
        e->wait = waits[i];
        assert_int_equal(e->ops->watch(e, fd, heard, &told), BERTH_OK);
        assert_int_equal(write(fd, &once, sizeof once), sizeof once);
        for (uint32_t n = 0; n < 100 && told == fd; n++) {
            raw_send(raw, 0, n, 1);
            assert_int_equal(engine_poll(e, FOREVER), BERTH_OK);
        }
        assert_int_not_equal(told, fd);
        e->ops->watch(e, fd, NULL, NULL);
        peer_free(p);
        close(raw);
        close(fd);
    }
}

static void who_polls_one_link_accepts_others(void **state)
{
    (void)state;
    static struct hall hall;
    int raw;
    struct peer *p = raw_pair(e, &raw);
    e->wait = ENGINE_POLLS;
    hall_open(&hall, e, loopback4(0));
    uint64_t receives = p->link.rx_calls;
    assert_int_equal(engine_poll(e, engine_now(e) + MS), BERTH_OK);
    assert_true(p->link.rx_calls > receives); /* it looks at the link, without asking which */
    int other = raw_connect(&hall.where);
    for (uint32_t n = 0; n < 100 && hall.count == 0; n++) {
        raw_send(raw, 0, n, 1);
        assert_int_equal(engine_poll(e, FOREVER), BERTH_OK);
    }
    assert_int_equal(hall.count, 1);
    hall_close(&hall, e);
    peer_free(p);
    close(raw);
    close(other);
}

/* --- gathering --- */

static void commands_gather_while_answers_come(void **state)
{
    (void)state;
    int raw;
    struct peer *p = raw_pair(e, &raw);
    send_some(p, 10);
    assert_int_equal(engine_poll(e, 0), BERTH_OK);
    p->conn.gathers = true;
    send_some(p, 10);
    raw_send(raw, 0, 0, 5);
    raw_arrives(p, 5);
    assert_int_equal(engine_poll(e, FOREVER), BERTH_OK);
    assert_int_equal(p->conn.rx_at, 5);
    assert_int_equal(p->conn.tx_at, 10); /* held */
    p->conn.gathers = false;
    send_some(p, 10);
    uint64_t sends = p->link.tx_calls;
    assert_int_equal(engine_poll(e, 0), BERTH_OK);
    assert_int_equal(p->conn.tx_at, 30);
    assert_int_equal(p->link.tx_calls - sends, 1);
    raw_expect(raw, 0, 0, 30);
    peer_free(p);
    close(raw);
}

static void nothing_is_held_when_no_answer_comes(void **state)
{
    (void)state;
    static const uint8_t waits[] = {ENGINE_WAITS_AS_PAYS, ENGINE_POLLS, ENGINE_SLEEPS};
    int raw;
    struct peer *p = raw_pair(e, &raw);
    p->conn.gathers = true;
    for (uint32_t i = 0; i < 3; i++) {
        e->wait = waits[i];
        send_some(p, 10);
        calls_of_a_wait(2);
        assert_int_equal(p->conn.tx_at, 10 * (i + 1));
    }
    raw_expect(raw, 0, 0, 30);
    peer_free(p);
    close(raw);
}

/* Who does not wait has other things to do. */
static void nothing_is_held_without_a_wait(void **state)
{
    (void)state;
    int raw;
    struct peer *p = raw_pair(e, &raw);
    p->conn.gathers = true;
    send_some(p, 10);
    assert_int_equal(engine_poll(e, 0), BERTH_OK);
    assert_int_equal(p->conn.tx_at, 10);
    send_some(p, 10);
    e->ops->flush(&p->link);
    assert_int_equal(p->conn.tx_at, 20);
    raw_expect(raw, 0, 0, 20);
    peer_free(p);
    close(raw);
}

/* A link that is closed while it is held is gone. */
static void close_it(struct peer *p)
{
    link_close(p->arg);
}

static void a_held_link_may_be_closed(void **state)
{
    (void)state;
    int raw[2];
    struct peer *p = raw_pair(e, &raw[0]), *other = raw_pair(e, &raw[1]);
    send_some(p, 10);
    assert_int_equal(engine_poll(e, 0), BERTH_OK);
    p->conn.gathers = true;
    send_some(p, 10);
    other->on_progress = close_it;
    other->arg = &p->link;
    raw_send(raw[1], 0, 0, 1);
    raw_arrives(other, 1);
    assert_int_equal(engine_poll(e, FOREVER), BERTH_OK);
    assert_int_equal(p->conn.tx_at, 10);
    peer_free(p);
    assert_int_equal(engine_poll(e, 0), BERTH_OK);
    peer_free(other);
    close(raw[0]);
    close(raw[1]);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(looks_less_and_less),
        T(looks_once_for_what_it_sent),
        T(sleeps_where_plenty_is_to_come),
        T(polls_with_a_receive_each),
        T(a_nap_keeps_to_the_time),
        T(a_nap_goes_on_until_there_is_news),
        T(a_nap_ends_with_the_link),
        T(a_signal_ends_a_nap),
        T(nothing_else_blocks),
        T(watches_are_heard),
        T(a_busy_link_drowns_nothing),
        T(who_polls_one_link_accepts_others),
        T(commands_gather_while_answers_come),
        T(nothing_is_held_when_no_answer_comes),
        T(nothing_is_held_without_a_wait),
        T(a_held_link_may_be_closed),
    };
    return cmocka_run_group_tests_name("waiting of the sockets engine", tests, NULL, NULL);
}
