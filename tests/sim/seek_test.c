/* SPDX-License-Identifier: MIT */
/* How a target is found and found again: many addresses, names, faults in the middle of it. The clock is a
 * fake one, so that every time can be asked for exactly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "clocked.h"

#define NS_MS   1000000ull
#define STAGGER (INITIATOR_STAGGER / NS_MS)

static uint8_t buf[4096];

static uint64_t open_ms(struct lab *l, const char *host, int expected)
{
    char url[256];
    uint64_t begin = world_ms(l->world);
    snprintf(url, sizeof url, "iscsi://%s/" MINI_IQN "/0", host);
    int error = lun_open(&l->lun, url, &l->options, &l->world->reach, &l->why);
    if (error != expected)
        print_message("%s: %s\n", berth_error_name(error), l->why.text);
    assert_int_equal(error, expected);
    return world_ms(l->world) - begin;
}

/* --- many addresses --- */

/* A dead address costs a moment, not the time of an attempt; the one that worked goes first when it comes to
 * finding it again. */
static void dead_addresses_first(void **state)
{
    (void)state;
    for (uint16_t dead = 1; dead < RESOLVE_MAX; dead++) {
        struct lab *l = lab_new(NULL, NULL);
        char host[64];
        for (uint16_t n = 1; n <= dead; n++)
            world_dead(l->world, (uint16_t)(WORLD_PORT - n));
        snprintf(host, sizeof host, "many-%d:%d", dead + 1, WORLD_PORT - dead);
        assert_int_equal(open_ms(l, host, 0), dead * STAGGER);
        for (int n = 0; n < 3; n++) {
            live_a_while(l);
            mini_reset(l->target);
            assert_true(read_ms(l, 0) < 5);
        }
        assert_int_equal(mini_counters(l->target)->logins, 4);
        lab_free(l);
    }
}

/* The same when the address that had worked dies. */
static void the_address_that_worked_dies(void **state)
{
    struct lab *l = lab_new(NULL, NULL);
    struct mini_target *other = world_target(l->world, &(struct mini_config){.port = WORLD_PORT + 2});
    (void)state;
    world_dead(l->world, WORLD_PORT + 1);
    open_ms(l, "many-3", 0);
    live_a_while(l);
    mini_stop(l->target);
    world_dead(l->world, WORLD_PORT);
    assert_in_range(read_ms(l, 0), 2 * STAGGER, 2 * STAGGER + 5);
    assert_int_equal(mini_counters(other)->logins, 1);
    lab_free(l);
}

/* One time for all of them, in which each gets its turn. */
static void one_time_for_all(void **state)
{
    struct lab *l = lab_new(NULL, NULL);
    (void)state;
    for (uint16_t n = 1; n < RESOLVE_MAX; n++)
        world_dead(l->world, (uint16_t)(WORLD_PORT - n));
    l->options.connect_timeout_ms = 170;
    assert_in_range(open_ms(l, "many-16:3245", 0), 150, 170);
    berth_lun_close(l->lun);
    l->options.connect_timeout_ms = 3000;
    assert_int_equal(open_ms(l, "many-3:3250", BERTH_E_NO_ANSWER), 3000);
    assert_non_null(strstr(l->why.text, "3 addresses tried"));
    assert_int_equal(open_ms(l, "many-1:3250", BERTH_E_NO_ANSWER), 3000);
    assert_null(strstr(l->why.text, "tried"));
    /* a refusal tells more than silence, whichever comes last */
    assert_int_equal(open_ms(l, "many-3:3244", BERTH_E_REFUSED), 3000);
    assert_non_null(strstr(l->why.text, "nothing listens there: 3 addresses tried"));
    lab_free(l);
}

static struct engine *late;

static void wake_up(void *arg)
{
    const struct lab *l = arg;
    if (world_ms(l->world) >= 1400)
        engine_poll(late, 0);
}

/* Who connects when another has won is not spoken to. */
static void only_one_speaks(void **state)
{
    struct lab *l = lab_new(&(struct mini_config){.port = WORLD_PORT + 1, .delay_ns = 50 * NS_MS},
                            &(struct sim_faults){.max_segment = 20, .latency_ns = NS_MS});
    (void)state;
    late = l->world->dead = sim_engine_new(l->world->sim);
    struct mini_target *slow = mini_new(late, &(struct mini_config){.port = WORLD_PORT});
    mini_start(slow);
    l->world->each_turn = wake_up;
    l->world->arg = l;
    open_ms(l, "many-2", 0);
    for (int n = 0; n < 50; n++)
        read_ms(l, 0);
    assert_true(world_ms(l->world) > 1400);
    assert_int_equal(mini_counters(l->target)->logins, 1);
    assert_int_equal(mini_counters(slow)->logins, 0);
    berth_lun_close(l->lun);
    l->lun = NULL;
    mini_free(slow);
    lab_free(l);
}

/* A portal that takes connections and says nothing: the next attempt goes to another one first. */
static void a_deaf_portal(void **state)
{
    struct lab *l = lab_new(NULL, NULL);
    (void)state;
    l->options.connect_timeout_ms = 1000;
    open_ms(l, "many-2", 0);
    live_a_while(l);
    struct mini_target *other = world_target(l->world, &(struct mini_config){.port = WORLD_PORT + 1});
    mini_config(l->target)->deaf = true;
    mini_reset(l->target);
    assert_in_range(read_ms(l, 0), 500, 520);
    assert_int_equal(mini_counters(other)->logins, 1);
    berth_lun_close(l->lun);
    assert_in_range(open_ms(l, "many-2", 0), 500, 520); /* the same the first time */
    berth_lun_close(l->lun);
    l->lun = NULL;
    assert_int_equal(open_ms(l, "many-1", BERTH_E_NO_ANSWER), 1000); /* whose turn would it be? */
    lab_free(l);
}

/* --- names --- */

static struct lab *lab_slow(uint64_t slow_ms)
{
    struct lab *l = lab_new(NULL, &(struct sim_faults){.latency_ns = NS_MS});
    l->world->slow_ms = slow_ms;
    return l;
}

static void a_slow_name_server(void **state)
{
    struct lab *l = lab_slow(2000);
    (void)state;
    assert_in_range(open_ms(l, "host", 0), 2000, 2020);
    assert_int_equal(l->world->resolves, 1);
    live_a_while(l);
    mini_reset(l->target);
    assert_true(read_ms(l, 0) < 20); /* who has been found before is not asked for again */
    assert_int_equal(l->world->resolves, 1);
    lab_free(l);
    l = lab_slow(20000);
    l->options.connect_timeout_ms = 700;
    assert_in_range(open_ms(l, "host", BERTH_E_RESOLVE), 700, 701);
    assert_non_null(strstr(l->why.text, "name servers do not answer"));
    lab_free(l);
}

/* The target has moved, and the name server knows. Old addresses are tried while it thinks. */
static void a_name_that_moves(void **state)
{
    (void)state;
    for (uint64_t slow_ms = 0; slow_ms <= 5000; slow_ms += 1000) {
        struct lab *l = lab_slow(slow_ms);
        open_ms(l, "host", 0);
        live_a_while(l);
        struct mini_target *other = world_target(l->world, &(struct mini_config){.port = WORLD_PORT + 1});
        mini_stop(l->target);
        l->world->moved = 1;
        assert_in_range(read_ms(l, 0), slow_ms, slow_ms + 1600); /* the longest pause */
        assert_int_equal(mini_counters(other)->logins, 1);
        lab_free(l);
    }
}

/* It does not know, or does not answer: then the old addresses have to do, and do. */
static void a_name_server_that_fails(void **state)
{
    for (int silent = 0; silent < 2; silent++) {
        struct lab *l = lab_slow(0);
        struct berth_queue *q;
        struct berth_done done;
        struct berth_seg seg = seg_memory(buf, 512);
        struct berth_io io = {.op = BERTH_READ, .len_bytes = 512, .segs = &seg, .seg_count = 1};
        (void)state;
        open_ms(l, "host", 0);
        live_a_while(l);
        mini_stop(l->target);
        l->world->unresolved = UINT32_MAX;
        l->world->slow_ms = silent ? 1000000 : 0;
        assert_int_equal(berth_queue_new(&q, l->lun, 1), 0);
        assert_int_equal(berth_queue_submit(q, &io, 1), 1);
        assert_int_equal(berth_queue_reap(q, &done, 1, 1, 9000), 0);
        mini_start(l->target);
        assert_int_equal(berth_queue_reap(q, &done, 1, 1, 1600), 1);
        assert_int_equal(done.error, 0);
        lab_free(l);
    }
}

static uint64_t enough_at;

static bool enough(void *arg)
{
    return enough_at > 0 && world_ms(arg) >= enough_at;
}

static void enough_of_names(void **state)
{
    struct lab *l = lab_slow(20000);
    (void)state;
    l->options.cancelled = enough;
    l->options.cancelled_arg = l->world;
    enough_at = world_ms(l->world) + 333;
    assert_in_range(open_ms(l, "host", BERTH_E_ABORTED), 333, 433);
    lab_free(l);
}

/* --- another portal group --- */

static char notices[512];

static void notice(void *arg, const struct berth_notice *n)
{
    (void)arg;
    if (n->kind == BERTH_NOTICE_GROUP)
        snprintf(notices + strlen(notices), sizeof notices - strlen(notices), "%s;", n->text);
}

static void through_another_group(void **state)
{
    struct lab *l = lab_new(NULL, NULL);
    static const uint16_t groups[] = {1, 7, 7, 1};
    (void)state;
    notices[0] = 0;
    l->options.notice = notice;
    open_ms(l, "host", 0);
    assert_int_equal(berth_lun_info(l->lun)->portal_group, 1);
    for (size_t n = 0; n < sizeof groups / sizeof groups[0]; n++) {
        mini_stop(l->target);
        mini_config(l->target)->group = groups[n];
        mini_start(l->target);
        read_ms(l, 0);
        assert_int_equal(berth_lun_info(l->lun)->portal_group, groups[n]);
    }
    assert_string_equal(notices, "it is now portal group 7 instead of 1, where the target sees a new nexus;"
                                 "it is now portal group 1 instead of 7, where the target sees a new nexus;");
    lab_free(l);
}

/* --- leaving --- */

/* After the answer to the logout the connection is closed when the target's end of it has come, or does not
 * come. */
static void the_end_of_a_connection(void **state)
{
    (void)state;
    for (int held = 0; held < 2; held++) {
        struct lab *l = lab_new(&(struct mini_config){.lingers = held},
                                &(struct sim_faults){.max_segment = 48, .latency_ns = NS_MS});
        open_ms(l, "host", 0);
        uint64_t begin = world_ms(l->world);
        berth_lun_close(l->lun);
        l->lun = NULL;
        assert_in_range(world_ms(l->world) - begin, held ? INITIATOR_FIN / NS_MS : 0,
                        held ? INITIATOR_FIN / NS_MS + 20 : 20);
        assert_int_equal(mini_counters(l->target)->logouts, 1);
        lab_free(l);
    }
}

/* --- a second fault --- */

/* While the session is sought the target dies once more, at every turn that this takes. */
struct second {
    struct lab *lab;
    uint32_t at, turns; /* of the engine, since the session was lost */
    int how;
    bool struck;
};

static void strike(struct second *s)
{
    s->struck = true;
    if (s->how == 0)
        mini_reset(s->lab->target);
    else if (s->how == 1)
        sim_engine_reset(s->lab->world->near);
    else
        mini_stop(s->lab->target);
}

static void second_fault(void *arg)
{
    struct second *s = arg;
    const struct initiator *i = s->lab->lun->initiator;
    if (i->state == INITIATOR_UP && s->turns == 0)
        return;
    if (s->turns++ == s->at)
        strike(s);
    if (s->struck && s->how == 2 && s->turns == s->at + 40)
        mini_start(s->lab->target);
}

static uint64_t with_second_fault(uint32_t at, int how, bool *struck)
{
    struct lab *l = lab_new(NULL, &(struct sim_faults){.max_segment = 24, .latency_ns = NS_MS});
    struct second s = {.lab = l, .at = at, .how = how};
    open_ms(l, "host", 0);
    live_a_while(l);
    l->world->each_turn = second_fault;
    l->world->arg = &s;
    mini_reset(l->target);
    uint64_t ms = read_ms(l, 0);
    *struck = s.struck;
    lab_free(l);
    return ms;
}

static void a_second_fault_at_every_turn(void **state)
{
    (void)state;
    for (int how = 0; how < 3; how++) {
        bool struck = true;
        uint32_t at = 0;
        for (; struck && at < 1000; at++)
            assert_true(with_second_fault(at, how, &struck) < 500);
        assert_in_range(at, 20, 900); /* there were that many turns to strike at */
    }
}

/* Every session dies as soon as it is up, or at any byte before: attempts become rare, and an end comes. */
struct unsteady {
    struct lab *lab;
    uint64_t after; /* bytes received */
    uint64_t attempt;
    uint32_t deaths;
};

static void kill_after(void *arg)
{
    struct unsteady *u = arg;
    const struct initiator *i = u->lab->lun->initiator;
    if (!i->attached || i->link->rx_bytes < u->after || i->attempt_deadline == u->attempt)
        return;
    u->attempt = i->attempt_deadline; /* dead, though it may take a turn to show */
    u->deaths++;
    sim_engine_reset(u->lab->world->near);
}

static void never_steady(void **state)
{
    (void)state;
    for (uint64_t after = 0; after < 400; after += 7) {
        struct lab *l = lab_new(NULL, &(struct sim_faults){.max_segment = 24, .latency_ns = NS_MS});
        struct unsteady u = {.lab = l, .after = after};
        l->options.recovery_timeout_ms = 20000;
        open_ms(l, "host", 0);
        live_a_while(l);
        mini_reset(l->target);
        l->world->each_turn = kill_after;
        l->world->arg = &u;
        uint64_t begin = world_ms(l->world);
        int error = berth_read(l->lun, buf, 512, 0);
        assert_true(error == BERTH_E_LOST || error == BERTH_E_UNKNOWN);
        assert_in_range(world_ms(l->world) - begin, 1, 20500);
        assert_in_range(u.deaths, 4, 50); /* 20 s of pauses that double up to 1.5 s */
        l->world->each_turn = NULL;
        lab_free(l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dead_addresses_first),
        cmocka_unit_test(the_address_that_worked_dies),
        cmocka_unit_test(one_time_for_all),
        cmocka_unit_test(only_one_speaks),
        cmocka_unit_test(a_deaf_portal),
        cmocka_unit_test(a_slow_name_server),
        cmocka_unit_test(a_name_that_moves),
        cmocka_unit_test(a_name_server_that_fails),
        cmocka_unit_test(enough_of_names),
        cmocka_unit_test(through_another_group),
        cmocka_unit_test(the_end_of_a_connection),
        cmocka_unit_test(a_second_fault_at_every_turn),
        cmocka_unit_test(never_steady),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
