/* SPDX-License-Identifier: MIT */
/* Being sent elsewhere (RFC 7143 11.13.5), and being turned away: which logins are tried again, and when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "clocked.h"

#define NS_MS 1000000ull

static uint8_t buf[512];

static uint16_t temporarily(void *arg)
{
    (void)arg;
    return WIRE_LOGIN_MOVED_TEMPORARILY;
}

static uint16_t permanently(void *arg)
{
    (void)arg;
    return WIRE_LOGIN_MOVED_PERMANENTLY;
}

typedef uint16_t moved(void *arg);

/* Home, from where it goes to the ports behind it, one after another; the last one serves. */
static struct lab *lab_chain(moved *const *moves, uint32_t hops)
{
    static char where[4][32];
    struct lab *l = lab_new(NULL, NULL);
    for (uint32_t n = 0; n <= hops; n++) {
        struct mini_target *t = l->target;
        if (n > 0)
            t = world_target(l->world, &(struct mini_config){.port = (uint16_t)(4000 + n)});
        if (n == hops)
            break;
        snprintf(where[n], sizeof where[n], "host%u:%u", n + 1, 4001 + n);
        mini_config(t)->login = moves[n];
        mini_config(t)->redirect = where[n];
    }
    return l;
}

static const char *where_we_are(struct lab *l)
{
    return berth_lun_info(l->lun)->portal;
}

/* Each session begins at home. */
static void a_temporary_move(void **state)
{
    struct lab *l = lab_chain((moved *const[]){temporarily}, 1);
    (void)state;
    assert_int_equal(lab_open(l), 0);
    assert_string_equal(where_we_are(l), "host1:4001");
    mini_config(l->target)->login = NULL; /* it is back, which only who asks there can know */
    live_a_while(l);
    mini_reset(l->world->targets[1]);
    read_ms(l, 0);
    assert_string_equal(where_we_are(l), "host:3260");
    lab_free(l);
}

/* Home is where it has moved to: nobody need be at the old place any more. */
static void a_permanent_move(void **state)
{
    struct lab *l = lab_chain((moved *const[]){permanently}, 1);
    (void)state;
    assert_int_equal(lab_open(l), 0);
    mini_stop(l->target);
    for (int n = 0; n < 3; n++) {
        uint32_t resolves = l->world->resolves;
        live_a_while(l);
        mini_reset(l->world->targets[1]);
        assert_true(read_ms(l, 0) < 5);
        assert_string_equal(where_we_are(l), "host1:4001");
        assert_int_equal(l->world->resolves, resolves);
    }
    lab_free(l);
}

/* Of a chain that is remembered which is permanent from home on. */
static void moves_of_both_kinds(void **state)
{
    static const struct {
        moved *moves[2];
        bool remembered;
    } rows[] = {{{permanently, permanently}, true},
                {{temporarily, permanently}, false},
                {{permanently, temporarily}, false},
                {{temporarily, temporarily}, false}};
    (void)state;
    for (size_t n = 0; n < sizeof rows / sizeof rows[0]; n++) {
        struct lab *l = lab_chain(rows[n].moves, 2);
        assert_int_equal(lab_open(l), 0);
        assert_string_equal(where_we_are(l), "host2:4002");
        mini_config(l->target)->login = NULL;
        live_a_while(l);
        mini_reset(l->world->targets[2]);
        read_ms(l, 0);
        assert_string_equal(where_we_are(l), rows[n].remembered ? "host2:4002" : "host:3260");
        lab_free(l);
    }
}

/* Where nobody was found it is not sought again. */
static void a_permanent_move_to_nowhere(void **state)
{
    struct lab *l = lab_chain((moved *const[]){permanently}, 1);
    (void)state;
    mini_config(l->target)->login = NULL;
    assert_int_equal(lab_open(l), 0);
    mini_config(l->target)->login = permanently;
    mini_config(l->target)->redirect = "host9:4009";
    live_a_while(l);
    mini_reset(l->target);
    struct berth_queue *q;
    struct berth_done done;
    struct berth_seg seg = seg_memory(buf, 512);
    struct berth_io io = {.op = BERTH_READ, .len_bytes = 512, .segs = &seg, .seg_count = 1};
    assert_int_equal(berth_queue_new(&q, l->lun, 1), 0);
    assert_int_equal(berth_queue_submit(q, &io, 1), 1);
    assert_int_equal(berth_queue_reap(q, &done, 1, 1, 5000), 0);
    mini_config(l->target)->login = NULL;
    assert_int_equal(berth_queue_reap(q, &done, 1, 1, 1600), 1);
    assert_int_equal(done.error, 0);
    assert_string_equal(where_we_are(l), "host:3260");
    lab_free(l);
}

static void circles_and_long_ways(void **state)
{
    static char where[INITIATOR_REDIRECTS + 1][32];
    struct lab *l = lab_chain((moved *const[]){temporarily, temporarily}, 2);
    (void)state;
    mini_config(l->world->targets[2])->login = temporarily;
    mini_config(l->world->targets[2])->redirect = "host1:4001"; /* not home, but seen */
    assert_int_equal(lab_open(l), BERTH_E_REDIRECT);
    assert_non_null(strstr(l->why.text, "round in a circle"));
    assert_int_equal(l->world->resolves, 3);
    lab_free(l);

    l = lab_new(&(struct mini_config){.login = temporarily}, NULL);
    world_target(l->world, &(struct mini_config){.port = 4001, .login = temporarily, .redirect = "c:4002"});
    world_target(l->world, &(struct mini_config){.port = 4002, .login = temporarily, .redirect = "d:4001"});
    mini_config(l->target)->redirect = "b:4001"; /* never the same name, but no end to it */
    assert_int_equal(lab_open(l), BERTH_E_REDIRECT);
    assert_non_null(strstr(l->why.text, "round in a circle"));
    snprintf(where[0], sizeof where[0], "e:4002");
    mini_config(l->world->targets[1])->redirect = where[0];
    lab_free(l);
}

static uint32_t hop;

static uint16_t further(void *arg)
{
    struct lab *l = arg;
    static char where[32];
    snprintf(where, sizeof where, "host%u:3260", ++hop);
    mini_config(l->target)->redirect = where;
    return WIRE_LOGIN_MOVED_TEMPORARILY;
}

static void always_another_name(void **state)
{
    struct lab *l = lab_new(NULL, NULL);
    (void)state;
    mini_config(l->target)->login = further;
    mini_config(l->target)->redirect = "host0:3260"; /* each refusal names the next one */
    hop = 0;
    assert_int_equal(lab_open(l), BERTH_E_REDIRECT);
    assert_non_null(strstr(l->why.text, "one redirect after another"));
    assert_int_equal(hop, INITIATOR_REDIRECTS + 1);
    lab_free(l);
}

/* --- where they may lead --- */

static void only_where_it_is_allowed(void **state)
{
    static const struct {
        const char *redirects;
        int expected;
        const char *words;
    } rows[] = {{"follow", 0, NULL},
                {"none", BERTH_E_REDIRECT, "not to be followed"},
                {"host1", 0, NULL},
                {"HOST1,host2", 0, NULL},
                {"host2", BERTH_E_REDIRECT, "where redirects may not"},
                {"192.0.2.0/24", BERTH_E_REDIRECT, "where redirects may not"}};
    (void)state;
    for (size_t n = 0; n < sizeof rows / sizeof rows[0]; n++) {
        struct lab *l = lab_chain((moved *const[]){temporarily}, 1);
        l->options.redirects = rows[n].redirects;
        assert_int_equal(lab_open(l), rows[n].expected);
        if (rows[n].words)
            assert_non_null(strstr(l->why.text, rows[n].words));
        assert_int_equal(mini_counters(l->world->targets[1])->logins, rows[n].expected == 0);
        lab_free(l);
    }
}

/* Who has to prove something at home has to prove it elsewhere. */
static void no_weaker_login(void **state)
{
    struct lab *l = lab_chain((moved *const[]){temporarily}, 1);
    static const char secret[] = "0123456789ab";
    (void)state;
    l->options.user = "me";
    l->options.secret = secret;
    l->options.secret_len = sizeof secret - 1;
    assert_int_equal(lab_open(l), BERTH_E_AUTH_DOWNGRADE); /* our targets have no CHAP */
    assert_int_equal(mini_counters(l->world->targets[1])->logins, 0);
    lab_free(l);
}

/* --- being turned away --- */

static uint16_t *statuses;

static uint16_t next_status(void *arg)
{
    (void)arg;
    return *statuses ? *statuses++ : 0;
}

static struct lab *lab_refusing(uint16_t *refusals)
{
    statuses = refusals;
    return lab_new(&(struct mini_config){.login = next_status}, NULL);
}

/* What a target may be able to do in a moment is asked for again, each time after a longer pause. */
static void opening_a_busy_target(void **state)
{
    uint16_t refusals[] = {WIRE_LOGIN_UNAVAILABLE, WIRE_LOGIN_TARGET_ERROR, WIRE_LOGIN_OUT_OF_RESOURCES,
                           0x03ff, 0};
    struct lab *l = lab_refusing(refusals);
    uint64_t begin = world_ms(l->world);
    (void)state;
    assert_int_equal(lab_open(l), 0);
    assert_int_equal(statuses - refusals, 4);
    assert_in_range(world_ms(l->world) - begin, 4 * 50, 1000);
    lab_free(l);
}

static uint16_t unavailable(void *arg)
{
    uint32_t *count = arg;
    ++*count;
    return WIRE_LOGIN_UNAVAILABLE;
}

/* Not for ever, and not often. */
static void opening_a_target_that_stays_busy(void **state)
{
    struct lab *l = lab_new(NULL, NULL);
    uint32_t count = 0;
    uint64_t begin = world_ms(l->world);
    (void)state;
    mini_config(l->target)->login = unavailable;
    mini_config(l->target)->arg = &count;
    mini_config(l->target)->script = NULL;
    assert_int_equal(lab_open(l), BERTH_E_BUSY);
    assert_non_null(strstr(l->why.text, "service unavailable (status 03/01)"));
    assert_in_range(world_ms(l->world) - begin, 8000, 10000);
    assert_in_range(count, 10, 25);
    lab_free(l);
}

/* What the initiator has done wrong it does not do again. */
static void final_refusals(void **state)
{
    static const struct {
        uint16_t status;
        int error;
        const char *words;
    } rows[] = {{0x0200, BERTH_E_LOGIN, "initiator error (status 02/00)"},
                {0x0201, BERTH_E_AUTH_REQUIRED, "authentication failed (status 02/01)"},
                {0x0202, BERTH_E_LOGIN, "access to this target not allowed (status 02/02)"},
                {0x0203, BERTH_E_NO_TARGET, "target not found (status 02/03)"},
                {0x0204, BERTH_E_NO_TARGET, "target removed (status 02/04)"},
                {0x0205, BERTH_E_LOGIN, "protocol version not supported (status 02/05)"},
                {0x0206, BERTH_E_BUSY, "too many connections (status 02/06)"},
                {0x0207, BERTH_E_LOGIN, "missing parameter (status 02/07)"},
                {0x0208, BERTH_E_LOGIN, "connection cannot join this session (status 02/08)"},
                {0x0209, BERTH_E_LOGIN, "session type not supported (status 02/09)"},
                {0x020a, BERTH_E_LOGIN, "session does not exist (status 02/0a)"},
                {0x020b, BERTH_E_LOGIN, "invalid request during login (status 02/0b)"},
                {0x02ee, BERTH_E_LOGIN, "unknown initiator error (status 02/ee)"},
                {0x0401, BERTH_E_LOGIN, "unknown login status (status 04/01)"},
                {0xff00, BERTH_E_LOGIN, "unknown login status (status ff/00)"}};
    (void)state;
    for (size_t n = 0; n < sizeof rows / sizeof rows[0]; n++) {
        uint16_t refusals[] = {rows[n].status, 0};
        struct lab *l = lab_refusing(refusals);
        uint64_t begin = world_ms(l->world);
        assert_int_equal(lab_open(l), rows[n].error);
        assert_int_equal(statuses - refusals, 1);
        assert_int_equal(world_ms(l->world), begin);
        assert_non_null(strstr(l->why.text, rows[n].words));
        lab_free(l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_temporary_move),         cmocka_unit_test(a_permanent_move),
        cmocka_unit_test(moves_of_both_kinds),      cmocka_unit_test(a_permanent_move_to_nowhere),
        cmocka_unit_test(circles_and_long_ways),    cmocka_unit_test(always_another_name),
        cmocka_unit_test(only_where_it_is_allowed), cmocka_unit_test(no_weaker_login),
        cmocka_unit_test(opening_a_busy_target),    cmocka_unit_test(opening_a_target_that_stays_busy),
        cmocka_unit_test(final_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
