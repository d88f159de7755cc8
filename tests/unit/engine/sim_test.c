/* SPDX-License-Identifier: MIT */
/* The simulated world: repeatable to the byte, and under the same contract as the real one. */
#include "peer.h"

#include <errno.h>

#include "engine/sim.h"

static struct sim_world *w;
static struct engine *a, *b; /* a connects, b listens */
static struct hall hall;

static void make_world(uint64_t seed, const struct sim_faults *faults)
{
    memset(&hall, 0, sizeof hall);
    w = sim_world_new(seed, faults);
    a = sim_engine_new(w);
    b = sim_engine_new(w);
}

static void end_world(void)
{
    hall_close(&hall, b);
    engine_free(a);
    engine_free(b);
    sim_world_free(w);
}

static int setup(void **state)
{
    (void)state;
    make_world(1, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    end_world();
    return 0;
}

static void turn(uint64_t ahead)
{
    assert_int_equal(engine_poll(a, sim_world_now(w) + ahead), BERTH_OK);
    assert_int_equal(engine_poll(b, sim_world_now(w) + ahead), BERTH_OK);
}

static void turns(uint32_t count)
{
    for (; count > 0; count--)
        turn(0);
}

static struct peer *pair_up(void)
{
    hall_open(&hall, b, sim_addr(0));
    struct peer *p = peer_connect(a, &hall.where);
    turns(4);
    assert_int_equal(p->ups, 1);
    assert_int_equal(hall.count, 1);
    assert_int_equal(hall.peers[0]->ups, 1);
    return p;
}

/* ---- transfers ---- */

static void echo_through(uint32_t max_segment, uint64_t total)
{
    struct sim_faults faults = {.max_segment = max_segment};
    make_world(max_segment, &faults);
    struct peer *p = pair_up();
    p->conn.tx_seg = 48;
    p->conn.rx_seg = 100;
    p->conn.rx_segs = 7;
    stub_push(&p->conn, total);
    link_kick(&p->link);
    while (p->conn.rx_at < total)
        turns(1);
    assert_false(p->conn.mismatch);
    assert_int_equal(p->link.tx_bytes, total);
    assert_int_equal(p->link.rx_bytes, total);
    assert_true(max_segment == 0 || p->link.tx_calls >= total / max_segment);
    assert_int_equal(p->downs, 0);
    peer_free(p);
    end_world();
}

static void every_segment_size(void **state)
{
    (void)state;
    for (uint32_t size = 0; size <= 100; size++)
        echo_through(size, 3000);
    for (uint32_t size = 128; size <= 1 << 20; size *= 2)
        echo_through(size, 300000);
    echo_through(0, 5 << 20);
}

static void both_ways(void **state)
{
    (void)state;
    sim_world_set_faults(w, &(struct sim_faults){.max_segment = 10000});
    hall.pattern = true;
    struct peer *p = pair_up();
    struct conn *far = &hall.peers[0]->conn;
    p->conn.tx_seed = far->rx_seed = 6;
    far->tx_seed = p->conn.rx_seed = 5;
    stub_push(&p->conn, 3 << 20);
    stub_push(far, 2 << 20);
    link_kick(&p->link);
    link_kick(&hall.peers[0]->link);
    while (p->conn.rx_at < 2 << 20 || hall.peers[0]->conn.rx_at < 3 << 20)
        turns(1);
    assert_false(p->conn.mismatch);
    assert_false(hall.peers[0]->conn.mismatch);
    peer_free(p);
}

/* ---- the seed decides ---- */

static uint64_t trace;

static void note(uint64_t what)
{
    trace = (trace ^ what) * 0x100000001b3ull;
}

static void note_up(struct peer *p)
{
    note(1 + p->ups);
}

static void note_progress(struct peer *p)
{
    note(p->conn.rx_at);
    note(p->conn.tx_at + 1000003);
    note(sim_world_now(w));
}

static void note_down(struct peer *p)
{
    note((uint64_t)-p->error);
    note(p->conn.rx_at);
}

static void note_all(struct peer *p)
{
    p->on_up = note_up;
    p->on_progress = note_progress;
    p->on_down = note_down;
}

/* Several links under every fault; everything that can be seen from outside goes into the trace. */
static uint64_t story(uint64_t seed)
{
    static const struct sim_faults faults = {
        .max_segment = 700, .reset = 5, .refuse = 200, .latency_ns = 1000};
    struct peer *p[6];
    trace = 0xcbf29ce484222325ull;
    make_world(seed, &faults);
    hall.setup = note_all;
    hall_open(&hall, b, sim_addr(7));
    for (uint32_t i = 0; i < 6; i++) {
        p[i] = peer_connect(a, &hall.where);
        note_all(p[i]);
        stub_push(&p[i]->conn, 20000);
    }
    for (uint32_t i = 0; i < 300; i++)
        turn(10000);
    note(sim_world_random(w));
    for (uint32_t i = 0; i < 6; i++)
        peer_free(p[i]);
    end_world();
    return trace;
}

static void same_seed_same_story(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        uint64_t first = story(seed);
        assert_true(first == story(seed));
        assert_true(first != story(seed + 1));
    }
}

static void random_numbers_are_spread(void **state)
{
    (void)state;
    uint32_t counts[16] = {0};
    for (uint32_t i = 0; i < 16000; i++)
        counts[sim_world_random(w) % 16]++;
    for (uint32_t i = 0; i < 16; i++)
        assert_in_range(counts[i], 800, 1200);
}

/* ---- time ---- */

static void time_passes_only_when_idle(void **state)
{
    (void)state;
    sim_world_set_faults(w, &(struct sim_faults){.max_segment = 10, .latency_ns = 500});
    struct peer *p = pair_up();
    uint64_t start = sim_world_now(w);
    assert_true(start > 0);
    stub_push(&p->conn, 1000);
    link_kick(&p->link);
    while (p->conn.rx_at < 1000)
        turn(100000);
    assert_int_equal(sim_world_now(w), start);
    turn(100000);
    turn(100000);
    assert_int_equal(sim_world_now(w), engine_now(a));
    assert_in_range(sim_world_now(w), start + 500, start + 2000);
    peer_free(p);
}

static void time_stops_at_until(void **state)
{
    (void)state;
    sim_world_set_faults(w, &(struct sim_faults){.latency_ns = 700});
    uint64_t start = sim_world_now(w);
    for (int i = 0; i < 10; i++) {
        engine_poll(a, start + 1000);
        engine_poll(b, start + 1000);
    }
    assert_int_equal(sim_world_now(w), start + 1000);
    turns(5); /* 0 ahead: no waiting, no time */
    engine_poll(a, 0);
    assert_int_equal(sim_world_now(w), start + 1000);
    engine_poll(a, FOREVER);
    assert_int_equal(sim_world_now(w), start + 1700);
    sim_world_advance(w, 5);
    assert_int_equal(engine_now(b), start + 1705);
}

static void no_latency_goes_straight_there(void **state)
{
    (void)state;
    uint64_t start = sim_world_now(w);
    engine_poll(b, 0);
    engine_poll(a, start + 5000 * MS);
    assert_int_equal(sim_world_now(w), start + 5000 * MS);
    engine_poll(a, FOREVER); /* nothing ever: stays */
    assert_int_equal(sim_world_now(w), start + 5000 * MS);
}

/* ---- connecting ---- */

static void expect_down(struct peer *p, int error, int err)
{
    assert_int_equal(p->downs, 1);
    assert_int_equal(p->error, error);
    assert_int_equal(p->link.last_errno, err);
}

static void nobody_listens(void **state)
{
    (void)state;
    struct engine_addr where = sim_addr(99);
    struct peer *p = peer_connect(a, &where);
    assert_int_equal(p->downs, 0); /* told from poll() */
    turns(1);
    expect_down(p, BERTH_E_REFUSED, ECONNREFUSED);
    assert_int_equal(p->ups, 0);
    assert_true(list_empty(&a->links));
    peer_free(p);
}

static void refused_by_chance(void **state)
{
    (void)state;
    sim_world_set_faults(w, &(struct sim_faults){.refuse = 512});
    hall_open(&hall, b, sim_addr(1));
    uint32_t refused = 0;
    for (uint32_t i = 0; i < 40; i++) {
        struct peer *p = peer_connect(a, &hall.where);
        turns(3);
        refused += p->downs;
        assert_int_equal(p->ups + p->downs, 1);
        peer_free(p);
    }
    assert_in_range(refused, 8, 32);
    assert_int_equal(hall.count, 40 - refused);
}

static void silent_host(void **state)
{
    (void)state;
    hall_open(&hall, b, sim_addr(1));
    struct peer *p = peer_new();
    uint64_t deadline = sim_world_now(w) + 50;
    assert_int_equal(a->ops->connect(a, &p->link, &hall.where, NULL, deadline), BERTH_OK);
    for (int i = 0; i < 5; i++)
        engine_poll(a, FOREVER); /* b has no turn */
    assert_int_equal(sim_world_now(w), deadline);
    expect_down(p, BERTH_E_NO_ANSWER, ETIMEDOUT);
    assert_int_equal(p->ups, 0);
    engine_poll(b, 0); /* accepts what has gone already, and sees that */
    engine_poll(b, 0);
    assert_int_equal(hall.count, 1);
    expect_down(hall.peers[0], BERTH_E_CLOSED, 0);
    peer_free(p);
}

static void backlog_is_bounded(void **state)
{
    (void)state;
    struct peer *p[SIM_BACKLOG + 1];
    hall_open(&hall, b, sim_addr(1));
    for (uint32_t i = 0; i <= SIM_BACKLOG; i++)
        p[i] = peer_connect(a, &hall.where);
    turns(5);
    assert_int_equal(hall.count, SIM_BACKLOG);
    for (uint32_t i = 0; i <= SIM_BACKLOG; i++) {
        assert_int_equal(p[i]->ups, i < SIM_BACKLOG);
        peer_free(p[i]);
    }
}

static void listener_refuses(void **state)
{
    (void)state;
    hall.full = true;
    hall_open(&hall, b, sim_addr(1));
    struct peer *p = peer_connect(a, &hall.where);
    turns(4);
    assert_int_equal(p->ups, 1);
    expect_down(p, BERTH_E_CLOSED, 0);
    peer_free(p);
}

static void unlisten_refuses_those_who_wait(void **state)
{
    (void)state;
    hall_open(&hall, b, sim_addr(1));
    struct peer *p = peer_connect(a, &hall.where), *gone = peer_connect(a, &hall.where);
    peer_free(gone);
    hall_close(&hall, b);
    turns(1);
    expect_down(p, BERTH_E_REFUSED, ECONNREFUSED);
    peer_free(p);
}

static void ports(void **state)
{
    (void)state;
    struct hall second = {.full = true};
    hall_open(&hall, b, sim_addr(0));
    hall_open(&second, b, sim_addr(0));
    assert_memory_not_equal(&hall.where.sa, &second.where.sa, sizeof(struct sockaddr));
    struct listener *third = NULL;
    struct engine_addr same = hall.where, real = {.sa.ss_family = AF_INET, .len = sizeof(struct sockaddr)};
    assert_int_equal(a->ops->listen(a, &same, hall_accept, &hall, &third), BERTH_E_SYSTEM);
    assert_int_equal(errno, EADDRINUSE);
    struct peer *p = peer_new();
    assert_int_equal(a->ops->connect(a, &p->link, &real, NULL, FOREVER), BERTH_E_ADDRESS);
    peer_free(p);
    hall_close(&second, b);
}

/* ---- flow ---- */

static void a_full_pipe_waits(void **state)
{
    (void)state;
    hall.pattern = true;
    struct peer *p = pair_up();
    hall.peers[0]->conn.rx_seg = 4096;
    hall.peers[0]->conn.rx_gate = 1; /* takes one piece, then wants to send first */
    stub_push(&p->conn, 3 << 20);
    link_kick(&p->link);
    turns(100);
    assert_int_equal(hall.peers[0]->conn.rx_at, 4096);
    assert_int_equal(p->conn.tx_at, SIM_PIPE_BYTES + 4096);
    stub_push(&hall.peers[0]->conn, 1);
    link_kick(&hall.peers[0]->link);
    while (hall.peers[0]->conn.rx_at < 3 << 20)
        turns(1);
    assert_false(hall.peers[0]->conn.mismatch);
    peer_free(p);
}

static void nothing_leaves_without_a_kick(void **state)
{
    (void)state;
    struct peer *p = pair_up();
    stub_push(&p->conn, 10);
    turns(10);
    assert_int_equal(p->conn.tx_at, 0);
    link_kick(&p->link);
    turns(10);
    assert_int_equal(p->conn.tx_at, 10);
    peer_free(p);
}

static void flush_sends_now(void **state)
{
    (void)state;
    sim_world_set_faults(w, &(struct sim_faults){.max_segment = 3});
    struct peer *p = pair_up();
    stub_push(&p->conn, 1000);
    a->ops->flush(&p->link);
    assert_int_equal(p->conn.tx_at, 1000);
    assert_int_equal(p->progresses, 0);
    assert_true(p->link.tx_calls > 300);
    stub_push(&p->conn, 3 << 20);
    a->ops->flush(&p->link);
    assert_int_equal(p->conn.tx_at, SIM_PIPE_BYTES);
    assert_false(list_empty(&p->link.dirty)); /* the rest follows by itself */
    peer_free(p);
}

static void bytes_wait_for_a_conn(void **state)
{
    (void)state;
    struct peer *p = pair_up();
    struct peer *far = hall.peers[0];
    link_attach(&far->link, NULL);
    far->link.state |= 4; /* as if it had come up so: LINK_RX_PAUSED */
    stub_push(&p->conn, 10);
    link_kick(&p->link);
    turns(10);
    assert_int_equal(far->conn.rx_at, 0);
    link_attach(&far->link, &far->conn);
    link_kick(&far->link);
    turns(10);
    assert_int_equal(p->conn.rx_at, 10);
    peer_free(p);
}

/* ---- ends and resets ---- */

static uint64_t seen_by_progress;

static void see(struct peer *p)
{
    assert_int_equal(p->downs, 0);
    seen_by_progress = p->conn.rx_at;
}

static void end_comes_last(void **state)
{
    (void)state;
    hall.pattern = true;
    sim_world_set_faults(w, &(struct sim_faults){.max_segment = 50});
    struct peer *p = pair_up();
    hall.peers[0]->on_progress = see;
    stub_push(&p->conn, 10000);
    a->ops->flush(&p->link);
    link_close(&p->link);
    link_close(&p->link);
    turns(500);
    expect_down(hall.peers[0], BERTH_E_CLOSED, 0);
    assert_int_equal(hall.peers[0]->rx_at_down, 10000);
    assert_int_equal(seen_by_progress, 10000);
    assert_false(hall.peers[0]->conn.mismatch);
    assert_int_equal(p->downs, 0);
    peer_free(p);
}

/* Whoever sends to a peer that has gone is reset, once what had arrived is read or cannot be. */
static void sending_to_the_gone_resets(void **state)
{
    (void)state;
    struct peer *p = pair_up();
    p->conn.rx_seg = 10;
    p->conn.rx_gate = 10;
    stub_push(&hall.peers[0]->conn, 0);
    hall.peers[0]->conn.echo = false;
    stub_push(&hall.peers[0]->conn, 100);
    b->ops->flush(&hall.peers[0]->link);
    turns(3);
    assert_int_equal(p->conn.rx_at, 10);
    link_close(&hall.peers[0]->link);
    turns(3);
    assert_int_equal(p->downs, 0); /* paused: does not see the end */
    stub_push(&p->conn, 10);
    link_kick(&p->link);
    turns(3);
    expect_down(p, BERTH_E_RESET, ECONNRESET);
    peer_free(p);
}

static void resets_reach_both(void **state)
{
    (void)state;
    uint32_t whole = 0;
    for (uint64_t seed = 0; seed < 60; seed++) {
        make_world(seed, &(struct sim_faults){.max_segment = 100, .latency_ns = 1});
        hall.pattern = true;
        struct peer *p = pair_up();
        stub_push(&p->conn, 10000);
        a->ops->flush(&p->link);
        sim_world_set_faults(w, &(struct sim_faults){.max_segment = 100, .reset = 100});
        turns(500);
        struct peer *far = hall.peers[0];
        expect_down(p, BERTH_E_RESET, ECONNRESET);
        expect_down(far, BERTH_E_RESET, ECONNRESET);
        assert_false(far->conn.mismatch); /* what did arrive is right, up to where it stops */
        assert_true(far->conn.rx_at <= 10000);
        whole += far->conn.rx_at == 10000;
        peer_free(p);
        end_world();
    }
    assert_in_range(whole, 5, 55); /* sometimes the rest still arrives, sometimes not */
}

/* ---- callbacks that interfere ---- */

#define LINKS 6u

static struct peer *peers[LINKS];
static uint32_t called;

static void drop_others(struct peer *p)
{
    called++;
    for (uint32_t i = 0; i < LINKS; i++)
        if (peers[i] && peers[i] != p) {
            peer_free(peers[i]);
            peers[i] = NULL;
        }
}

static void drop_all(struct peer *p)
{
    (void)p;
    called++;
    for (uint32_t i = 0; i < LINKS; i++) {
        if (peers[i])
            peer_free(peers[i]);
        peers[i] = NULL;
    }
}

static void meddle(void (*on_progress)(struct peer *p), void (*on_down)(struct peer *p))
{
    called = 0;
    hall_open(&hall, b, sim_addr(1));
    for (uint32_t i = 0; i < LINKS; i++)
        peers[i] = peer_connect(a, &hall.where);
    turns(5);
    for (uint32_t i = 0; i < LINKS; i++) {
        peers[i]->on_progress = on_progress;
        peers[i]->on_down = on_down;
        stub_push(&peers[i]->conn, 1000);
        link_kick(&peers[i]->link);
    }
}

static void progress_frees(void **state)
{
    (void)state;
    meddle(drop_others, NULL);
    engine_poll(a, 0);
    assert_int_equal(called, 1);
    turns(20);
    drop_all(NULL);
    hall_close(&hall, b);
    meddle(drop_all, NULL);
    turns(20);
    assert_int_equal(called, 1);
    assert_true(list_empty(&a->links));
}

static void down_frees(void **state)
{
    (void)state;
    meddle(NULL, drop_others);
    for (uint32_t i = 0; i < LINKS; i++)
        link_close(&hall.peers[i]->link);
    turns(5);
    assert_int_equal(called, 1);
    drop_all(NULL);
}

static void again(struct peer *p)
{
    struct engine_addr where = sim_addr(99);
    assert_int_equal(a->ops->connect(a, &p->link, &where, NULL, FOREVER), BERTH_OK);
}

static void down_connects_again(void **state)
{
    (void)state;
    struct engine_addr where = sim_addr(99);
    struct peer *p = peer_connect(a, &where), *q = peer_connect(a, &where);
    p->on_down = q->on_down = again;
    engine_poll(a, 0);
    assert_int_equal(p->downs + q->downs, 2); /* and poll() has returned */
    engine_poll(a, 0);
    assert_int_equal(p->downs + q->downs, 4);
    peer_free(p);
    peer_free(q);
}

static void end_listener(struct peer *p)
{
    (void)p;
    called++;
    b->ops->unlisten(b, hall.listener);
    hall.listener = NULL;
}

static void listener_ends_in_accept(void **state)
{
    (void)state;
    called = 0;
    hall.setup = end_listener;
    hall_open(&hall, b, sim_addr(1));
    struct peer *first = peer_connect(a, &hall.where), *second = peer_connect(a, &hall.where);
    turns(4);
    assert_int_equal(called, 1);
    assert_int_equal(first->ups, 1);
    expect_down(second, BERTH_E_REFUSED, ECONNREFUSED);
    peer_free(first);
    peer_free(second);
}

static void the_rest_of_the_table(void **state)
{
    (void)state;
    struct engine_limits limits;
    a->ops->limits(&limits);
    assert_int_equal(limits.seg_kinds, 1u << BERTH_SEG_MEMORY);
    assert_int_equal(limits.send_kinds, 1u << BERTH_SEG_MEMORY);
    assert_int_equal(limits.max_recv_segment, 16777215);
    assert_string_equal(a->ops->name, "sim");
    assert_int_equal(a->ops->size, sizeof(struct engine_ops));
    assert_int_equal(a->ops->caps, ENGINE_LISTENS);
    assert_int_equal(a->ops->fd(a), -1);
    assert_int_equal(a->ops->watch(a, 0, NULL, NULL), BERTH_E_UNSUPPORTED);
    assert_null(engine_new("sim"));
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_segment_size),
        cmocka_unit_test(same_seed_same_story),
        cmocka_unit_test(resets_reach_both),
        T(both_ways),
        T(random_numbers_are_spread),
        T(time_passes_only_when_idle),
        T(time_stops_at_until),
        T(no_latency_goes_straight_there),
        T(nobody_listens),
        T(refused_by_chance),
        T(silent_host),
        T(backlog_is_bounded),
        T(listener_refuses),
        T(unlisten_refuses_those_who_wait),
        T(ports),
        T(a_full_pipe_waits),
        T(nothing_leaves_without_a_kick),
        T(flush_sends_now),
        T(bytes_wait_for_a_conn),
        T(end_comes_last),
        T(sending_to_the_gone_resets),
        T(progress_frees),
        T(down_frees),
        T(down_connects_again),
        T(listener_ends_in_accept),
        T(the_rest_of_the_table),
    };
    return cmocka_run_group_tests_name("sim engine", tests, NULL, NULL);
}
