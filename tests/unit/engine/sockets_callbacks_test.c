/* SPDX-License-Identifier: MIT */
/* Callbacks that close, free, connect, kick and flush while the engine is in the middle of a round. What goes
 * wrong here shows under AddressSanitizer. */
#include "raw.h"

#include <sys/eventfd.h>

#define LINKS 8u

static struct engine *e;
static struct hall hall;
static struct peer *peers[LINKS];
static int raws[LINKS];
static uint32_t called;

static int setup(void **state)
{
    (void)state;
    memset(&hall, 0, sizeof hall);
    memset(peers, 0, sizeof peers);
    called = 0;
    e = engine_new(TEST_ENGINE);
    return e ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < LINKS; i++)
        if (peers[i]) {
            peer_free(peers[i]);
            close(raws[i]);
        }
    hall_close(&hall, e);
    engine_free(e);
    return 0;
}

static void make_links(void (*on_progress)(struct peer *p), void (*on_down)(struct peer *p))
{
    for (uint32_t i = 0; i < LINKS; i++) {
        peers[i] = raw_pair(e, &raws[i]);
        peers[i]->on_progress = on_progress;
        peers[i]->on_down = on_down;
    }
    assert_int_equal(engine_poll(e, 0), BERTH_OK);
}

static void drop(uint32_t i)
{
    struct peer *p = peers[i];
    peers[i] = NULL;
    if (p)
        peer_free(p);
    close(raws[i]);
}

static void drop_others(struct peer *p)
{
    called++;
    for (uint32_t i = 0; i < LINKS; i++)
        if (peers[i] && peers[i] != p)
            drop(i);
}

static void drop_all(struct peer *p)
{
    (void)p;
    called++;
    for (uint32_t i = 0; i < LINKS; i++)
        drop(i);
}

static void drop_self(struct peer *p)
{
    called++;
    for (uint32_t i = 0; i < LINKS; i++)
        if (peers[i] == p)
            drop(i);
}

static void all_talk(void)
{
    for (uint32_t i = 0; i < LINKS; i++)
        raw_send(raws[i], 0, 0, 10);
}

static void progress_frees_the_others(void **state)
{
    (void)state;
    make_links(drop_others, NULL);
    all_talk();
    assert_int_equal(engine_poll(e, FOREVER), BERTH_OK);
    assert_int_equal(called, 1);
    assert_int_equal(engine_poll(e, 0), BERTH_OK);
    assert_int_equal(called, 1);
}

static void progress_frees_all(void **state)
{
    (void)state;
    make_links(drop_all, NULL);
    all_talk();
    assert_int_equal(engine_poll(e, FOREVER), BERTH_OK);
    assert_int_equal(called, 1);
    assert_true(list_empty(&e->links));
}

static void progress_frees_itself(void **state)
{
    (void)state;
    make_links(drop_self, NULL);
    all_talk();
    while (called < LINKS)
        assert_int_equal(engine_poll(e, FOREVER), BERTH_OK);
    assert_true(list_empty(&e->links));
}

static void all_kick(uint64_t n)
{
    for (uint32_t i = 0; i < LINKS; i++) {
        stub_push(&peers[i]->conn, n);
        link_kick(&peers[i]->link);
    }
}

/* The same from the sending half of the round, which walks the dirty list. */
static void sending_frees_the_others(void **state)
{
    (void)state;
    make_links(drop_others, NULL);
    all_kick(10);
    assert_int_equal(engine_poll(e, 0), BERTH_OK);
    assert_int_equal(called, 1);
    assert_true(list_empty(&e->dirty));
}

/* That something was closed while sending ends the round: its caller may have waited for just that. */
static void sending_frees_all_and_poll_returns(void **state)
{
    (void)state;
    make_links(drop_all, NULL);
    all_kick(10);
    assert_int_equal(engine_poll(e, FOREVER), BERTH_OK);
    assert_int_equal(called, 1);
}

static void down_frees_the_others(void **state)
{
    (void)state;
    make_links(NULL, drop_others);
    for (uint32_t i = 0; i < LINKS; i++)
        shutdown(raws[i], SHUT_WR);
    assert_int_equal(engine_poll(e, FOREVER), BERTH_OK);
    assert_int_equal(called, 1);
    assert_int_equal(engine_poll(e, 0), BERTH_OK);
    assert_int_equal(called, 1);
}

static void down_frees_itself(void **state)
{
    (void)state;
    make_links(NULL, drop_self);
    for (uint32_t i = 0; i < LINKS; i++)
        shutdown(raws[i], SHUT_WR);
    while (called < LINKS)
        assert_int_equal(engine_poll(e, FOREVER), BERTH_OK);
}

/* Ended with bytes still unread: progress() comes first, and after it nothing may be left to tell. */
static void progress_before_down_frees_itself(void **state)
{
    (void)state;
    make_links(drop_self, NULL);
    all_talk();
    for (uint32_t i = 0; i < LINKS; i++) {
        struct linger now = {.l_onoff = 1, .l_linger = 0};
        setsockopt(raws[i], SOL_SOCKET, SO_LINGER, &now, sizeof now);
        int fd = raws[i];
        raws[i] = dup(STDIN_FILENO);
        close(fd);
    }
    all_kick(10); /* sending fails, then what had arrived is read */
    while (called < LINKS)
        assert_int_equal(engine_poll(e, FOREVER), BERTH_OK);
    assert_int_equal(engine_poll(e, 0), BERTH_OK);
    assert_int_equal(called, LINKS);
}

/* Closed while connecting, in the callback of another that was refused in the same round. */
static void down_frees_connecting_links(void **state)
{
    (void)state;
    struct engine_addr where;
    int refusing = raw_refusing(&where);
    for (uint32_t i = 0; i < LINKS; i++) {
        peers[i] = peer_connect(e, &where);
        peers[i]->on_down = drop_others;
        raws[i] = dup(STDIN_FILENO);
    }
    while (called == 0)
        assert_int_equal(engine_poll(e, FOREVER), BERTH_OK);
    assert_int_equal(engine_poll(e, engine_now(e) + 5 * MS), BERTH_OK);
    assert_int_equal(called, 1);
    close(refusing);
}

static void up_closes(struct peer *p)
{
    called++;
    link_close(&p->link);
}

static void up_closes_itself(void **state)
{
    (void)state;
    hall_open(&hall, e, loopback4(0));
    struct peer *p = peer_connect(e, &hall.where);
    p->on_up = up_closes;
    run_until(e, &p->ups, 1);
    assert_int_equal(p->link.fd, -1);
    while (hall.count == 0 || hall.peers[0]->downs == 0)
        assert_int_equal(engine_poll(e, engine_now(e) + MS), BERTH_OK);
    assert_int_equal(hall.peers[0]->error, BERTH_E_CLOSED);
    assert_int_equal(p->downs, 0);
    peer_free(p);
}

static void accepted_setup(struct peer *p)
{
    p->on_up = up_closes;
}

static void accepted_link_closes_in_up(void **state)
{
    (void)state;
    hall.setup = accepted_setup;
    hall_open(&hall, e, loopback4(0));
    struct peer *p[3];
    for (int i = 0; i < 3; i++)
        p[i] = peer_connect(e, &hall.where);
    for (int i = 0; i < 3; i++) {
        run_until(e, &p[i]->downs, 1);
        assert_int_equal(p[i]->error, BERTH_E_CLOSED);
        peer_free(p[i]);
    }
    assert_int_equal(called, 3);
}

static void end_listener(struct peer *p)
{
    (void)p;
    called++;
    e->ops->unlisten(e, hall.listener);
    hall.listener = NULL;
}

static void ends_in_up(struct peer *p)
{
    p->on_up = end_listener;
}

/* That one of the three which comes from there. */
static int raw_from(const int raw[3], const struct engine_addr *from)
{
    struct engine_addr own;
    for (int i = 0; i < 3; i++) {
        own.len = sizeof own.sa;
        assert_int_equal(getsockname(raw[i], (struct sockaddr *)&own.sa, &own.len), 0);
        if (port_of(&own) == port_of(from))
            return raw[i];
    }
    fail_msg("none of them comes from port %u", port_of(from));
    return -1;
}

static void listener_ends_in(void (*setup_peer)(struct peer *p))
{
    hall.setup = setup_peer;
    hall_open(&hall, e, loopback4(0));
    int raw[3];
    for (int i = 0; i < 3; i++)
        raw[i] = raw_connect(&hall.where);
    while (called == 0)
        assert_int_equal(engine_poll(e, FOREVER), BERTH_OK);
    assert_int_equal(engine_poll(e, 0), BERTH_OK);
    assert_int_equal(called, 1);
    assert_int_equal(hall.count, 1);
    assert_int_equal(hall.peers[0]->ups, 1);
    raw_send(raw_from(raw, &hall.from), 0, 0, 10);
    run_moves(e, e, &hall.peers[0]->conn.tx_at, 10, &hall.peers[0]->conn.tx_at, 10);
    for (int i = 0; i < 3; i++)
        close(raw[i]);
}

static void listener_ends_in_accept(void **state)
{
    (void)state;
    listener_ends_in(end_listener);
}

static void listener_ends_in_up(void **state)
{
    (void)state;
    listener_ends_in(ends_in_up);
}

static void no_bell(void *owner)
{
    (void)owner;
    fail();
}

static int bell;

static void end_listener_and_watch(struct peer *p)
{
    end_listener(p);
    assert_int_equal(e->ops->watch(e, bell, NULL, NULL), BERTH_OK);
}

/* Both had something to tell in the same round. */
static void listener_and_watch_end_in_progress(void **state)
{
    (void)state;
    hall_open(&hall, e, loopback4(0));
    make_links(NULL, NULL);
    peers[0]->on_progress = end_listener_and_watch;
    bell = eventfd(0, EFD_CLOEXEC);
    assert_int_equal(e->ops->watch(e, bell, no_bell, NULL), BERTH_OK);
    raw_send(raws[0], 0, 0, 10); /* epoll reports in the order of arrival */
    raw_delivered(raws[0]);
    int raw = raw_connect(&hall.where);
    eventfd_write(bell, 1);
    assert_int_equal(engine_poll(e, FOREVER), BERTH_OK);
    assert_int_equal(called, 1);
    assert_int_equal(hall.count, 0);
    close(raw);
    close(bell);
}

/* ---- coming back, kicking, flushing ---- */

static void connect_again(struct peer *p)
{
    called++;
    stub_free(&p->conn);
    stub_init(&p->conn);
    assert_int_equal(e->ops->connect(e, &p->link, &hall.where, NULL, FOREVER), BERTH_OK);
}

static void down_connects_again(void **state)
{
    (void)state;
    hall_open(&hall, e, loopback4(0));
    struct peer *p = peer_connect(e, &hall.where);
    p->on_down = connect_again;
    run_until(e, &p->ups, 1);
    while (hall.count == 0)
        engine_poll(e, engine_now(e) + MS);
    link_close(&hall.peers[0]->link);
    run_until(e, &p->ups, 2);
    assert_int_equal(called, 1);
    stub_push(&p->conn, 1000);
    link_kick(&p->link);
    run_moves(e, e, &p->conn.rx_at, 1000, &p->conn.tx_at, 1000);
    peer_free(p);
}

/* A fresh link at the address of a freed one must not receive the other's events. */
static void replace(struct peer *p)
{
    called++;
    for (uint32_t i = 0; i < LINKS; i++) {
        if (!peers[i] || peers[i] == p)
            continue;
        link_close(&peers[i]->link);
        close(raws[i]);
        raws[i] = dup(STDIN_FILENO);
        assert_int_equal(e->ops->connect(e, &peers[i]->link, &hall.where, NULL, FOREVER), BERTH_OK);
    }
}

static void no_events_of_a_former_life(void **state)
{
    (void)state;
    hall_open(&hall, e, loopback4(0));
    make_links(replace, NULL);
    all_talk();
    assert_int_equal(engine_poll(e, FOREVER), BERTH_OK);
    assert_int_equal(called, 1);
    for (uint32_t i = 0; i < LINKS; i++) {
        run_until(e, &peers[i]->ups, peers[i]->progresses ? 1 : 2);
        assert_int_equal(peers[i]->downs, 0);
    }
}

static void talk_back(struct peer *p)
{
    if (++called > 3)
        return;
    stub_push(&p->conn, 10);
    link_kick(&p->link);
}

/* progress() after a send brings more: sent before poll() may sleep. */
static void kick_in_progress_is_sent_before_waiting(void **state)
{
    (void)state;
    int raw;
    struct peer *p = raw_pair(e, &raw);
    p->on_progress = talk_back;
    stub_push(&p->conn, 10);
    link_kick(&p->link);
    assert_int_equal(engine_poll(e, engine_now(e) + MS), BERTH_OK);
    assert_int_equal(p->conn.tx_at, 40);
    raw_expect(raw, 0, 0, 40);
    peer_free(p);
    close(raw);
}

static void always_talk(struct peer *p)
{
    stub_push(&p->conn, 1);
    link_kick(&p->link);
}

/* An owner who always has more does not keep poll() from returning, nor from receiving. */
static void endless_talker_does_not_hold_poll(void **state)
{
    (void)state;
    int raw[2];
    struct peer *p = raw_pair(e, &raw[0]), *other = raw_pair(e, &raw[1]);
    p->on_progress = always_talk;
    always_talk(p);
    raw_send(raw[1], 0, 0, 10);
    raw_delivered(raw[1]);
    assert_int_equal(engine_poll(e, FOREVER), BERTH_OK);
    assert_int_equal(engine_poll(e, FOREVER), BERTH_OK);
    assert_int_equal(other->conn.rx_at, 10);
    assert_in_range(p->progresses, 2, 16);
    peer_free(p);
    peer_free(other);
    close(raw[0]);
    close(raw[1]);
}

static void flush_all(struct peer *p)
{
    (void)p;
    called++;
    for (uint32_t i = 0; i < LINKS; i++)
        link_flush(&peers[i]->link);
}

static void flush_in_progress(void **state)
{
    (void)state;
    make_links(flush_all, NULL);
    all_kick(1000);
    assert_int_equal(engine_poll(e, 0), BERTH_OK);
    for (uint32_t i = 0; i < LINKS; i++)
        raw_expect(raws[i], 0, 0, 1000);
    assert_true(list_empty(&e->dirty));
    assert_true(called >= 1);
}

static void flush_to_the_dead(struct peer *p)
{
    called++;
    if (p != peers[0])
        return;
    for (uint32_t i = 1; i < LINKS; i++) {
        uint32_t downs = peers[i]->downs; /* an engine may have heard of it already */
        stub_push(&peers[i]->conn, 10);
        link_flush(&peers[i]->link);
        assert_int_equal(peers[i]->downs, downs);
    }
}

/* Links that break in a flush() of another's callback are told once each. */
static void flush_breaks_others(void **state)
{
    (void)state;
    make_links(flush_to_the_dead, NULL);
    for (uint32_t i = 1; i < LINKS; i++) {
        raw_reset(raws[i]);
        raws[i] = dup(STDIN_FILENO);
    }
    stub_push(&peers[0]->conn, 10);
    link_kick(&peers[0]->link);
    for (uint32_t i = 1; i < LINKS; i++) {
        run_until(e, &peers[i]->downs, 1);
        assert_int_equal(peers[i]->error, BERTH_E_RESET);
    }
    assert_int_equal(engine_poll(e, 0), BERTH_OK);
    for (uint32_t i = 1; i < LINKS; i++)
        assert_int_equal(peers[i]->downs, 1);
    assert_int_equal(peers[0]->downs, 0);
}

static void wake(struct peer *p)
{
    called++;
    engine_wake(p->link.engine);
}

static void wake_ends_the_wait(void **state)
{
    (void)state;
    int raw;
    struct peer *p = raw_pair(e, &raw);
    p->on_progress = wake;
    stub_push(&p->conn, 10);
    link_kick(&p->link);
    assert_int_equal(engine_poll(e, FOREVER), BERTH_OK);
    assert_int_equal(called, 1);
    peer_free(p);
    close(raw);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(progress_frees_the_others),
        T(progress_frees_all),
        T(progress_frees_itself),
        T(sending_frees_the_others),
        T(sending_frees_all_and_poll_returns),
        T(down_frees_the_others),
        T(down_frees_itself),
        T(progress_before_down_frees_itself),
        T(down_frees_connecting_links),
        T(up_closes_itself),
        T(accepted_link_closes_in_up),
        T(listener_ends_in_accept),
        T(listener_ends_in_up),
        T(listener_and_watch_end_in_progress),
        T(down_connects_again),
        T(no_events_of_a_former_life),
        T(kick_in_progress_is_sent_before_waiting),
        T(endless_talker_does_not_hold_poll),
        T(flush_in_progress),
        T(flush_breaks_others),
        T(wake_ends_the_wait),
    };
    return cmocka_run_group_tests_name("sockets engine, callbacks", tests, NULL, NULL);
}
