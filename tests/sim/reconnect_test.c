/* SPDX-License-Identifier: MIT */
/* The policy of floor initiator, one rule at a time: who is tried, when, how long, and what stands
 * afterwards. The clock is a fake one, so that every time can be asked for exactly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "clocked.h"
#include "proto/core.h" /* for a peer that never answers a ping */

#define NS_MS 1000000ull

static uint8_t buf[64 * 1024];

static struct lab *lab_with_recovery(uint32_t recovery_ms)
{
    struct lab *l = lab_new(NULL, NULL);
    l->options.recovery_timeout_ms = recovery_ms;
    assert_int_equal(lab_open(l), 0);
    return l;
}

/* --- coming back --- */

static void same_isid(void **state)
{
    struct lab *l = lab_lun(NULL);
    uint8_t isid[6];
    (void)state;
    memcpy(isid, mini_counters(l->target)->isid, 6);
    assert_int_equal(isid[0], 0x80);
    for (uint32_t n = 1; n <= 5; n++) {
        live_a_while(l);
        mini_reset(l->target);
        assert_true(read_ms(l, 0) < 10); /* nothing to wait for: at once */
        assert_memory_equal(mini_counters(l->target)->isid, isid, 6);
        assert_int_equal(berth_lun_info(l->lun)->reconnects, n);
    }
    struct lab *other = l;
    lab_free(other);
    l = lab_lun(NULL);
    assert_memory_not_equal(mini_counters(l->target)->isid, isid,
                            6); /* another LUN, another initiator port */
    lab_free(l);
}

/* What is asked for is what the target hears, and what is made of a name is the same for the next one who has
 * it. */
static void chosen_isid(void **state)
{
    static const struct {
        const char *isid, *name;
        uint16_t offset;
        uint8_t heard[6];
    } rows[] = {
        {"80123456789a", NULL, 0, {0x80, 0x12, 0x34, 0x56, 0x78, 0x9a}},
        {"80123456fffe", NULL, 3, {0x80, 0x12, 0x34, 0x56, 0x00, 0x01}}, /* the qualifier wraps */
        {"4000abcd0000", NULL, 1, {0x40, 0x00, 0xab, 0xcd, 0x00, 0x01}},
        {"name", "iqn.2026-11.test:a", 0, {0x80}},
        {"name", "IQN.2026-11.Test:A", 0, {0x80}},
        {"name", "iqn.2026-11.test:b", 0, {0x80}},
    };
    uint8_t heard[sizeof rows / sizeof rows[0]][6];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct lab *l = lab_new(NULL, NULL);
        l->options.isid = rows[i].isid;
        l->options.isid_offset = rows[i].offset;
        l->options.initiator_name = rows[i].name;
        assert_int_equal(lab_open(l), 0);
        memcpy(heard[i], mini_counters(l->target)->isid, 6);
        assert_memory_equal(heard[i], rows[i].heard, rows[i].name ? 1 : 6);
        lab_free(l);
    }
    assert_memory_equal(heard[3], heard[4], 6);
    assert_memory_not_equal(heard[3], heard[5], 6);
}

static char notices[512];

static void notice(void *arg, const struct berth_notice *n)
{
    (void)arg;
    assert_true(strlen(n->text) > 0);
    bool failed = n->kind == BERTH_NOTICE_FAILED;
    assert_true(failed || n->kind == (n->error ? BERTH_NOTICE_LOST : BERTH_NOTICE_BACK));
    snprintf(notices + strlen(notices), sizeof notices - strlen(notices), "%s%s;", failed ? "failed " : "",
             berth_error_name(n->error));
}

static void notices_and_counters(void **state)
{
    struct lab *l = lab_new(NULL, NULL);
    struct berth_stats before, after;
    (void)state;
    notices[0] = 0;
    l->options.notice = notice;
    assert_int_equal(lab_open(l), 0);
    assert_string_equal(notices, "");
    berth_lun_stats(l->lun, &before);
    mini_stop(l->target);
    struct berth_queue *q;
    struct berth_done done;
    struct berth_seg seg = seg_memory(buf, 512);
    struct berth_io io = {.op = BERTH_READ, .len_bytes = 512, .segs = &seg, .seg_count = 1};
    assert_int_equal(berth_queue_new(&q, l->lun, 1), 0);
    assert_int_equal(berth_queue_submit(q, &io, 1), 1);
    assert_int_equal(berth_queue_reap(q, &done, 1, 1, 5000), 0);
    assert_string_equal(notices, "closed;"); /* once, however many attempts are made */
    mini_start(l->target);
    assert_int_equal(berth_queue_reap(q, &done, 1, 1, 5000), 1);
    assert_int_equal(done.error, 0);
    assert_string_equal(notices, "closed;ok;");
    berth_lun_stats(l->lun, &after);
    assert_true(after.rx_bytes > before.rx_bytes + 512);
    assert_true(after.tx_bytes > before.tx_bytes + 48);
    assert_int_equal(after.commands - before.commands, 1);
    lab_free(l);
}

/* That it is over is told once, and not of a LUN that never was open. */
static void notice_of_giving_up(void **state)
{
    struct lab *l = lab_new(NULL, NULL);
    (void)state;
    notices[0] = 0;
    l->options.notice = notice;
    l->options.recovery_timeout_ms = 777;
    assert_int_equal(lab_open(l), 0);
    mini_stop(l->target);
    assert_int_equal(read_ms(l, BERTH_E_LOST), 777);
    assert_string_equal(notices, "closed;failed lost;");
    assert_int_equal(read_ms(l, BERTH_E_LOST), 0);
    assert_string_equal(notices, "closed;failed lost;");
    lab_free(l);

    notices[0] = 0;
    l = lab_new(NULL, NULL);
    l->options.notice = notice;
    mini_stop(l->target);
    assert_int_not_equal(lab_open(l), 0);
    assert_string_equal(notices, "");
    lab_free(l);
}

/* Attempts are seen by their deadlines: one for each. */
struct attempts {
    struct lab *lab;
    uint64_t last, times[256];
    uint32_t count;
};

static void look_for_attempts(void *arg)
{
    struct attempts *a = arg;
    const struct initiator *i = a->lab->lun->initiator;
    if (i->attempt_deadline == a->last)
        return;
    a->last = i->attempt_deadline;
    a->times[a->count++] = i->attempt_deadline - i->policy.connect_timeout_ms * NS_MS;
}

static void backoff(void **state)
{
    struct lab *l = lab_with_recovery(60000);
    struct attempts *a = calloc(1, sizeof *a);
    uint64_t expected = 0;
    (void)state;
    live_a_while(l);
    a->lab = l;
    a->last = l->lun->initiator->attempt_deadline;
    l->world->each_turn = look_for_attempts;
    l->world->arg = a;
    mini_stop(l->target);
    assert_int_equal(read_ms(l, BERTH_E_LOST), 60000);
    assert_in_range(a->count, 45, 95);
    for (uint32_t n = 1; n < a->count; n++) {
        uint64_t pause = a->times[n] - a->times[n - 1],
                 left = l->lun->initiator->lost_at + 60000 * NS_MS - a->times[n - 1];
        expected = n == 1                                 ? 10 * NS_MS
                   : expected * 2 > INITIATOR_BACKOFF_MAX ? INITIATOR_BACKOFF_MAX
                                                          : expected * 2;
        if (left > 6000 * NS_MS)
            assert_in_range(pause, expected / 2, expected + NS_MS);
        else
            assert_true(pause <= left / 2 + NS_MS || pause <= 10 * NS_MS);
    }
    assert_non_null(strstr(berth_lun_detail(l->lun)->text, "connection refused"));
    free(a);
    lab_free(l);
}

/* To the millisecond, whatever it is that does not work. */
static void recovery_timeout_is_exact(void **state)
{
    static const uint32_t times[] = {0, 1, 49, 50, 777, 5000, 9999, 10001, 35000, 120000};
    (void)state;
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++)
        for (int way = 0; way < 4; way++) {
            struct lab *l = lab_with_recovery(times[i]);
            if (way == 0)
                mini_stop(l->target); /* nobody listens */
            if (way == 1)
                mini_config(l->target)->deaf = true; /* somebody else listens */
            if (way == 2)
                lab_rule(l, (struct lab_rule){.op = LAB_ANY, .turn = MINI_DROP}); /* the command kills */
            if (way <= 1)
                mini_reset(l->target);
            if (way == 3) {
                l->world->silent = true; /* the network is down */
                assert_int_equal(read_ms(l, BERTH_E_LOST), 10000 + times[i]);
            } else if (way == 2) {
                int error = berth_read(l->lun, buf, 512, 0);
                assert_true(error == BERTH_E_LOST || error == BERTH_E_UNKNOWN);
                assert_true(world_ms(l->world) <= 1000 + times[i] + 3000);
            } else {
                assert_int_equal(read_ms(l, BERTH_E_LOST), times[i]);
            }
            if (way != 2)
                assert_int_equal(read_ms(l, BERTH_E_LOST), 0); /* and so it stays */
            lab_free(l);
        }
}

/* A target that is being started: nobody listens, then it does not know its own name, then it is busy. */
static uint16_t *statuses;

static uint16_t next_status(void *arg)
{
    (void)arg;
    return *statuses ? *statuses++ : 0;
}

static void restarting_targets(void **state)
{
    static uint16_t refusals[] = {WIRE_LOGIN_NOT_FOUND,
                                  WIRE_LOGIN_NOT_FOUND,
                                  WIRE_LOGIN_REMOVED,
                                  WIRE_LOGIN_UNAVAILABLE,
                                  WIRE_LOGIN_OUT_OF_RESOURCES,
                                  WIRE_LOGIN_TARGET_ERROR,
                                  WIRE_LOGIN_FORBIDDEN,
                                  WIRE_LOGIN_NO_SESSION,
                                  WIRE_LOGIN_INITIATOR_ERROR,
                                  WIRE_LOGIN_INVALID_REQUEST,
                                  0x0377,
                                  0};
    struct lab *l = lab_lun(NULL);
    (void)state;
    mini_config(l->target)->login = next_status;
    statuses = refusals;
    mini_stop(l->target);
    mini_start(l->target);
    assert_in_range(read_ms(l, 0), 1000, 30000);
    assert_int_equal(statuses - refusals, 11);
    lab_free(l);
}

/* What no waiting cures ends at once, and nobody is asked twice. */
static void hopeless(void **state)
{
    static uint16_t refusals[] = {WIRE_LOGIN_AUTH_FAILURE, 0};
    struct lab *l = lab_lun(NULL);
    (void)state;
    mini_config(l->target)->login = next_status;
    statuses = refusals;
    mini_reset(l->target);
    assert_true(read_ms(l, BERTH_E_AUTH_REQUIRED) < 10);
    assert_non_null(strstr(berth_lun_detail(l->lun)->text, "host:3260: the target requires authentication"));
    assert_int_equal(read_ms(l, BERTH_E_AUTH_REQUIRED), 0);
    assert_int_equal(mini_counters(l->target)->logins, 1);
    lab_free(l);
}

/* --- the first time --- */

static void first_refusal_is_final(void **state)
{
    static const struct {
        uint16_t status;
        int error;
    } rows[] = {{WIRE_LOGIN_NOT_FOUND, BERTH_E_NO_TARGET},
                {WIRE_LOGIN_REMOVED, BERTH_E_NO_TARGET},
                {WIRE_LOGIN_AUTH_FAILURE, BERTH_E_AUTH_REQUIRED},
                {WIRE_LOGIN_FORBIDDEN, BERTH_E_LOGIN},
                {0x0900, BERTH_E_LOGIN},
                {WIRE_LOGIN_INITIATOR_ERROR, BERTH_E_LOGIN}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint16_t refusals[] = {rows[i].status, 0};
        struct lab *l = lab_new(&(struct mini_config){.login = next_status}, NULL);
        statuses = refusals;
        assert_int_equal(lab_open(l), rows[i].error);
        assert_int_equal(statuses - refusals, 1);
        assert_int_equal(l->why.error, rows[i].error);
        lab_free(l);
    }
}

static int open_host(struct lab *l, const char *host)
{
    char url[256];
    snprintf(url, sizeof url, "iscsi://%s/" MINI_IQN "/0", host);
    return lun_open(&l->lun, url, &l->options, &l->world->reach, &l->why);
}

/* Every address gets its try, in order; an error of the last one stands. */
static void every_address(void **state)
{
    (void)state;
    for (int count = 1; count <= 16; count++)
        for (int port = 3260 - count; port <= 3261; port++) {
            struct lab *l = lab_new(NULL, NULL);
            char host[64];
            bool covered = port <= 3260 && port + count > 3260;
            snprintf(host, sizeof host, "many-%d:%d", count, port);
            assert_int_equal(open_host(l, host), covered ? 0 : BERTH_E_REFUSED);
            assert_int_equal(l->world->resolves, 1);
            lab_free(l);
        }
}

static void silent_addresses(void **state)
{
    struct lab *l = lab_new(&(struct mini_config){.deaf = true}, NULL);
    (void)state;
    l->options.connect_timeout_ms = 700;
    uint64_t begin = world_ms(l->world);
    assert_int_equal(open_host(l, "many-2"), BERTH_E_REFUSED); /* the second one's */
    assert_int_equal(world_ms(l->world) - begin, 350);
    assert_int_equal(open_host(l, "many-2:3259"), BERTH_E_NO_ANSWER);
    assert_non_null(strstr(l->why.text, "the login got no answer"));
    l->world->silent = true;
    begin = world_ms(l->world);
    assert_int_equal(open_host(l, "many-3"), BERTH_E_REFUSED);
    assert_int_equal(world_ms(l->world) - begin, 700);
    lab_free(l);
}

/* Addresses of another kind than the engine's are passed over as well. */
static int (*plain_resolve)(const struct portal *p, struct resolved *out, const char **why);

static int resolve_foreign(const struct portal *p, struct resolved *out, const char **why)
{
    int error = plain_resolve(p, out, why);
    out->sa[0].ss_family = AF_INET6;
    return error;
}

static void addresses_that_cannot_be_used(void **state)
{
    struct lab *l = lab_new(NULL, NULL);
    (void)state;
    plain_resolve = l->world->reach.resolve;
    l->world->reach.resolve = resolve_foreign;
    assert_int_equal(open_host(l, "many-2:3259"), 0);
    berth_lun_close(l->lun);
    assert_int_equal(open_host(l, "many-1:3260"), BERTH_E_ADDRESS);
    lab_free(l);
}

/* The address that worked is the first to be tried again, and no name server is asked. */
static void the_address_that_worked(void **state)
{
    struct lab *l = lab_new(NULL, NULL);
    (void)state;
    assert_int_equal(open_host(l, "many-5:3257"), 0); /* the fourth */
    l->world->unresolved = UINT32_MAX;
    for (int n = 0; n < 3; n++) {
        live_a_while(l);
        mini_reset(l->target);
        assert_true(read_ms(l, 0) < 10);
    }
    struct mini_target *second = world_target(l->world, &(struct mini_config){.port = 3261});
    mini_stop(l->target);
    assert_true(read_ms(l, 0) < 200); /* the next one, after a first pause */
    assert_int_equal(mini_counters(second)->logins, 1);
    assert_int_equal(l->world->resolves, 1);
    lab_free(l);
}

/* --- redirects --- */

static uint16_t moved(void *arg)
{
    (void)arg;
    return WIRE_LOGIN_MOVED_TEMPORARILY;
}

static struct lab *lab_redirected(const char *where, uint16_t port)
{
    struct lab *l = lab_new(&(struct mini_config){.login = moved, .redirect = where}, NULL);
    if (port)
        world_target(l->world, &(struct mini_config){.port = port});
    return l;
}

static void redirects_are_followed(void **state)
{
    struct lab *l = lab_redirected("elsewhere:4000,1", 4000);
    (void)state;
    assert_int_equal(lab_open(l), 0);
    assert_string_equal(berth_lun_info(l->lun)->portal, "elsewhere:4000");
    for (int n = 0; n < 3; n++) { /* each session begins at home */
        uint32_t resolves = l->world->resolves;
        mini_reset(l->world->targets[1]);
        assert_true(read_ms(l, 0) < 100);
        assert_int_equal(l->world->resolves, resolves + 1);
    }
    mini_stop(l->world->targets[1]); /* the redirect is gone: home serves by itself */
    mini_config(l->target)->login = NULL;
    assert_true(read_ms(l, 0) < 1000);
    assert_string_equal(berth_lun_info(l->lun)->portal, "host:3260");
    lab_free(l);
}

static void redirects_in_circles(void **state)
{
    struct lab *l = lab_redirected("host:3260", 0);
    (void)state;
    assert_int_equal(lab_open(l), BERTH_E_REDIRECT);
    assert_non_null(strstr(l->why.text, "round in a circle"));
    assert_int_equal(l->world->resolves, 1);
    lab_free(l);
}

static void redirects_to_nowhere(void **state)
{
    struct lab *l = lab_redirected("nowhere:1", 0);
    (void)state;
    assert_int_equal(lab_open(l), BERTH_E_REDIRECT);
    assert_non_null(strstr(l->why.text, "no such host here"));
    mini_config(l->target)->redirect = "host:4001";
    assert_int_equal(lab_open(l), BERTH_E_REFUSED);
    assert_non_null(strstr(l->why.text, "host:4001"));
    mini_config(l->target)->redirect = NULL;
    assert_int_equal(lab_open(l), BERTH_E_REDIRECT);
    mini_config(l->target)->redirect = "what is this";
    assert_int_equal(lab_open(l), BERTH_E_REDIRECT);
    lab_free(l);
}

/* Two nodes that send each other the initiator while a service moves: no reason to give up. */
static void redirects_while_a_service_moves(void **state)
{
    static const char *const bad[] = {"host:3260", "nowhere:1", "host:4001", NULL};
    struct lab *l = lab_lun(NULL);
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct berth_queue *q;
        struct berth_done done;
        struct berth_seg seg = seg_memory(buf, 512);
        struct berth_io io = {.op = BERTH_READ, .len_bytes = 512, .segs = &seg, .seg_count = 1};
        mini_config(l->target)->login = moved;
        mini_config(l->target)->redirect = bad[i];
        mini_reset(l->target);
        assert_int_equal(berth_queue_new(&q, l->lun, 1), 0);
        assert_int_equal(berth_queue_submit(q, &io, 1), 1);
        assert_int_equal(berth_queue_reap(q, &done, 1, 1, 20000), 0);
        mini_config(l->target)->login = NULL;
        assert_int_equal(berth_queue_reap(q, &done, 1, 1, 4000), 1);
        assert_int_equal(done.error, 0);
        berth_queue_free(q);
    }
    lab_free(l);
}

/* --- what the target asks for --- */

static void time2wait(void **state)
{
    struct lab *l = lab_lun(&(struct mini_config){.time2wait_s = 4});
    (void)state;
    mini_reset(l->target);
    assert_in_range(read_ms(l, 0), 4000, 4010);
    mini_reset(l->target);
    assert_in_range(read_ms(l, 0), 4000, 4010);
    lab_free(l);
    l = lab_new(&(struct mini_config){.time2wait_s = 3600}, NULL);
    l->options.recovery_timeout_ms = 5000;
    assert_int_equal(lab_open(l), 0);
    mini_reset(l->target);
    assert_int_equal(read_ms(l, BERTH_E_LOST), 5000);
    lab_free(l);
}

static void told(struct lab *l, uint8_t event, uint16_t p2, uint16_t p3)
{
    struct wire_async a = {.event = event, .parameter1 = 1, .parameter2 = p2, .parameter3 = p3};
    mini_async(l->target, &a);
}

static void asked_to_leave(void **state)
{
    static const uint8_t events[] = {WIRE_ASYNC_LOGOUT, WIRE_ASYNC_RENEGOTIATE};
    (void)state;
    for (int n = 0; n < 2; n++) {
        struct lab *l = lab_lun(&(struct mini_config){.time2wait_s = 4});
        told(l, events[n], 0, 3);
        told(l, events[n], 0, 3);
        while (berth_lun_info(l->lun)->reconnects == 0)
            assert_true(read_ms(l, 0) < 10); /* in order: there is nothing that Time2Wait would be for */
        assert_int_equal(mini_counters(l->target)->logouts, 1);
        assert_int_equal(mini_counters(l->target)->logins, 2);
        assert_int_equal(berth_lun_info(l->lun)->reconnects, 1);
        lab_free(l);
    }
}

/* --- with commands under way --- */

struct busy {
    struct lab *lab;
    struct berth_queue *queue;
    struct berth_seg seg;
    struct berth_io io;
    struct berth_done done;
};

/* One write is on its way, and will not be answered. */
static struct busy busy_new(void)
{
    struct busy b = {.lab = lab_lun(NULL), .seg = seg_memory(buf, 512)};
    b.io = (struct berth_io){.op = BERTH_WRITE, .len_bytes = 512, .segs = &b.seg, .seg_count = 1};
    assert_int_equal(berth_queue_new(&b.queue, b.lab->lun, 2), 0);
    lab_rule(b.lab, (struct lab_rule){.op = LAB_ANY, .times = 1, .turn = MINI_HOLD});
    b.io.segs = &b.seg;
    return b;
}

static void busy_submit(struct busy *b)
{
    b->io.segs = &b->seg;
    assert_int_equal(berth_queue_submit(b->queue, &b->io, 1), 1);
}

/* What is under way may come to its end, so that nothing is done twice; what is new waits for the next
 * session. */
static void asked_to_leave_while_busy(void **state)
{
    (void)state;
    for (int n = 0; n < 2; n++) {
        struct busy b = busy_new();
        busy_submit(&b);
        assert_int_equal(berth_queue_reap(b.queue, &b.done, 1, 1, 10), 0);
        told(b.lab, n ? WIRE_ASYNC_LOGOUT : WIRE_ASYNC_RENEGOTIATE, 0, 4);
        assert_int_equal(berth_queue_reap(b.queue, &b.done, 1, 1, 1), 0);
        busy_submit(&b);
        assert_int_equal(berth_queue_reap(b.queue, &b.done, 1, 1, 300), 0);
        assert_int_equal(lab_seen(b.lab, SCSI_WRITE_10), 1);
        mini_release(b.lab->target);
        for (int i = 0; i < 2; i++) {
            assert_int_equal(berth_queue_reap(b.queue, &b.done, 1, 1, 100), 1);
            assert_int_equal(b.done.error, 0);
        }
        assert_int_equal(lab_seen(b.lab, SCSI_WRITE_10), 2);
        assert_int_equal(mini_counters(b.lab->target)->logouts, 1);
        assert_int_equal(mini_counters(b.lab->target)->logins, 2);
        lab_free(b.lab);
    }
}

/* What does not end soon enough is done again. */
static void asked_to_leave_while_stuck(void **state)
{
    static const struct {
        uint16_t given_s;
        uint64_t ms;
    } rows[] = {{4, 500}, {60, 500}, {1, 500}, {0, 0}};
    (void)state;
    for (size_t n = 0; n < sizeof rows / sizeof rows[0]; n++) {
        struct busy b = busy_new();
        busy_submit(&b);
        assert_int_equal(berth_queue_reap(b.queue, &b.done, 1, 1, 10), 0);
        uint64_t begin = world_ms(b.lab->world);
        told(b.lab, WIRE_ASYNC_LOGOUT, 0, rows[n].given_s);
        assert_int_equal(berth_queue_reap(b.queue, &b.done, 1, 1, -1), 1);
        assert_int_equal(b.done.error, 0);
        assert_in_range(world_ms(b.lab->world) - begin, rows[n].ms, rows[n].ms + 10);
        assert_int_equal(mini_counters(b.lab->target)->logouts, 1);
        assert_int_equal(lab_seen(b.lab, SCSI_WRITE_10), 2);
        lab_free(b.lab);
    }
}

static void told_to_wait(void **state)
{
    static const uint8_t events[] = {WIRE_ASYNC_DROP_CONNECTION, WIRE_ASYNC_DROP_ALL};
    (void)state;
    for (int n = 0; n < 2; n++) {
        struct lab *l = lab_lun(NULL);
        told(l, events[n], 7, 0);
        assert_in_range(read_ms(l, 0), 7000, 7010);
        lab_free(l);
    }
    struct lab *l = lab_with_recovery(3000);
    told(l, WIRE_ASYNC_DROP_ALL, 65535, 0); /* for 18 hours: not with us */
    assert_int_equal(read_ms(l, BERTH_E_LOST), 3000);
    lab_free(l);
}

/* A logout that is refused tells how long to wait before the next, which our login is (11.15.3); one that
 * succeeds has nothing to say at level 0. */
static void logout_refused(void **state)
{
    static const struct {
        int error;
        uint16_t time2wait;
        uint64_t waits;
    } rows[] = {{BERTH_E_REJECTED, 5, 5000}, {BERTH_E_REJECTED, 0, 2000}, {BERTH_OK, 5, 0}};
    (void)state;
    for (size_t n = 0; n < sizeof rows / sizeof rows[0]; n++) {
        struct lab *l = lab_lun(&(struct mini_config){.time2wait_s = 2});
        struct initiator *i = l->lun->initiator;
        i->state = INITIATOR_LEAVING;
        i->relogin = true;
        i->attempt_deadline = UINT64_MAX;
        struct conn_event *ev = conn_raise(i->conn, CONN_EV_LOGGED_OUT);
        ev->error = rows[n].error;
        ev->async.parameter2 = rows[n].time2wait;
        assert_in_range(read_ms(l, 0), rows[n].waits, rows[n].waits + 10);
        lab_free(l);
    }
}

/* "Log out within so many seconds", and then the answer to the logout does not come. */
static uint64_t silent_until;

static void fall_silent(void *arg)
{
    struct lab *l = arg;
    if (l->lun->initiator->state == INITIATOR_LEAVING)
        l->world->silent = true;
    if (world_ms(l->world) > silent_until)
        l->world->silent = false;
}

static void asked_to_leave_and_kept_waiting(void **state)
{
    static const struct {
        uint16_t given_s;
        uint64_t ms;
    } rows[] = {{65535, 10000}, {9, 10000}, {8, 9000}, {2, 3000}, {0, 1000}};
    (void)state;
    for (size_t n = 0; n < sizeof rows / sizeof rows[0]; n++) {
        struct lab *l = lab_new(NULL, &(struct sim_faults){.latency_ns = NS_MS});
        assert_int_equal(lab_open(l), 0);
        l->world->each_turn = fall_silent;
        l->world->arg = l;
        told(l, WIRE_ASYNC_LOGOUT, 0, rows[n].given_s);
        uint64_t begin = world_ms(l->world);
        silent_until = begin + rows[n].ms;
        while (berth_lun_info(l->lun)->reconnects == 0)
            read_ms(l, 0);
        assert_in_range(world_ms(l->world) - begin, rows[n].ms, rows[n].ms + 100);
        lab_free(l);
    }
}

static void other_news(void **state)
{
    static const uint8_t events[] = {WIRE_ASYNC_SCSI, WIRE_ASYNC_TASKS_ENDED, WIRE_ASYNC_VENDOR, 77};
    struct lab *l = lab_lun(NULL);
    (void)state;
    for (size_t i = 0; i < sizeof events; i++) {
        told(l, events[i], 5, 5);
        assert_true(read_ms(l, 0) < 10);
    }
    assert_int_equal(mini_counters(l->target)->logins, 1);
    lab_free(l);
}

static struct scsi_sense heard;
static uint32_t times_heard;

static void hear(void *owner, uint64_t lun, const struct scsi_sense *sense)
{
    assert_non_null(owner);
    assert_int_equal(lun, scsi_lun_encode(0));
    heard = *sense;
    times_heard++;
}

/* Sense that cannot be read, or is missing, is nobody's. */
static void scsi_events(void **state)
{
    static const uint8_t bad[][20] = {{0, 18, 0x7f, 0, 6}, {0, 19, 0x70, 0, 6}, {0, 1, 0x70}, {0}};
    uint8_t good[20] = {0, 18};
    struct lab *l = lab_lun(NULL);
    (void)state;
    times_heard = 0;
    l->lun->initiator->owner.attention = hear;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        mini_event(l->target, bad[i], sizeof bad[i]);
        assert_true(read_ms(l, 0) < 10);
        assert_int_equal(times_heard, 0);
    }
    scsi_put_sense(good + 2, &(struct scsi_sense){.key = SENSE_UNIT_ATTENTION, .asc = ASC_CAPACITY_CHANGED});
    mini_event(l->target, good, sizeof good);
    assert_true(read_ms(l, 0) < 10);
    assert_int_equal(times_heard, 1);
    assert_int_equal(heard.key, SENSE_UNIT_ATTENTION);
    assert_int_equal(heard.asc, ASC_CAPACITY_CHANGED);
    lab_free(l);
}

/* --- silence --- */

static void pings(void **state)
{
    static const struct {
        uint32_t interval, timeout;
    } rows[] = {{5000, 5000}, {1000, 200}, {200, 1000}, {1, 1}, {60000, 3000}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct lab *l = lab_new(NULL, NULL);
        l->options.ping_interval_ms = rows[i].interval;
        l->options.ping_timeout_ms = rows[i].timeout;
        l->options.recovery_timeout_ms = 0;
        l->options.command_timeout_ms = 600000;
        assert_int_equal(lab_open(l), 0);
        lab_rule(l, (struct lab_rule){.op = LAB_ANY, .times = 1, .turn = MINI_HOLD});
        struct berth_queue *q;
        struct berth_done done;
        struct berth_seg seg = seg_memory(buf, 512);
        struct berth_io io = {.op = BERTH_READ, .len_bytes = 512, .segs = &seg, .seg_count = 1};
        assert_int_equal(berth_queue_new(&q, l->lun, 1), 0);
        assert_int_equal(berth_queue_submit(q, &io, 1), 1);
        assert_int_equal(berth_queue_reap(q, &done, 1, 1, 200000), 0); /* it answers its pings: no loss */
        assert_int_equal(berth_lun_info(l->lun)->reconnects, 0);
        uint64_t begin = world_ms(l->world);
        l->world->silent = true;
        assert_int_equal(berth_queue_reap(q, &done, 1, 1, -1), 1);
        assert_int_equal(done.error, BERTH_E_LOST);
        assert_in_range(world_ms(l->world) - begin, rows[i].timeout, rows[i].interval + rows[i].timeout + 1);
        lab_free(l);
    }
}

/* A peer that never answers a ping but sends other things is alive; when it stops, that is noticed all the
 * same, and nobody spins while it goes on. */
static void unanswered_pings(void **state)
{
    struct lab *l = lab_with_recovery(0);
    struct initiator *i = l->lun->initiator;
    struct berth_queue *q;
    struct berth_done done;
    struct berth_seg seg = seg_memory(buf, 512);
    struct berth_io io = {.op = BERTH_READ, .len_bytes = 512, .segs = &seg, .seg_count = 1};
    (void)state;
    assert_int_equal(berth_queue_new(&q, l->lun, 2), 0);
    lab_rule(l, (struct lab_rule){.op = LAB_ANY, .times = 1, .turn = MINI_HOLD});
    assert_int_equal(berth_queue_submit(q, &io, 1), 1);
    for (int n = 0; n < 27; n++) {
        i->conn->ping_out = true; /* as if the answer had not come */
        assert_int_equal(berth_queue_reap(q, &done, 1, 1, 500), 0);
        assert_int_equal(berth_queue_submit(q, &io, 1), 1);
        assert_int_equal(berth_queue_reap(q, &done, 1, 1, 500), 1);
    }
    assert_int_equal(i->state, INITIATOR_UP);
    assert_true(l->world->turns < 5000);
    i->conn->ping_out = true;
    uint64_t begin = world_ms(l->world);
    l->world->silent = true;
    assert_int_equal(berth_queue_reap(q, &done, 1, 1, -1), 1);
    assert_true(world_ms(l->world) - begin <= 10001);
    lab_free(l);
}

static void no_pings(void **state)
{
    struct lab *l = lab_new(NULL, NULL);
    (void)state;
    l->options.ping_interval_ms = l->options.ping_timeout_ms = 0;
    assert_int_equal(lab_open(l), 0);
    l->world->silent = true;
    l->options.recovery_timeout_ms = 0;
    assert_int_equal(read_ms(l, BERTH_E_TIMEOUT), 30000 + 5000); /* its own time, and that of its abort */
    lab_free(l);
}

/* Without pings an idle session acknowledges what it has received all the same, once. */
static void idle_acknowledgement(void **state)
{
    struct lab *l = lab_new(NULL, NULL);
    (void)state;
    l->options.ping_interval_ms = 0;
    assert_int_equal(lab_open(l), 0);
    const struct initiator *i = l->lun->initiator;
    assert_int_equal(read_ms(l, 0), 0);
    assert_true(conn_owes_ack(i->conn));
    uint64_t sent = i->link->tx_bytes;
    for (uint64_t begin = world_ms(l->world), passed = 0; passed < 9999;
         passed = world_ms(l->world) - begin) {
        assert_true(conn_owes_ack(i->conn));
        assert_int_equal(i->link->tx_bytes, sent);
        initiator_wait(l->lun->initiator, (begin + 9999) * NS_MS);
    }
    initiator_wait(l->lun->initiator, initiator_now(i) + 10 * NS_MS);
    assert_false(conn_owes_ack(i->conn));
    for (int n = 0; n < 50; n++)
        initiator_wait(l->lun->initiator, initiator_now(i) + 10000 * NS_MS);
    assert_int_equal(i->link->tx_bytes, sent + WIRE_BHS_LEN);
    assert_int_equal(berth_lun_info(l->lun)->reconnects, 0);
    lab_free(l);
}

/* --- callers that are away --- */

struct away {
    struct lab *lab;
    struct berth_queue *queue;
    struct berth_seg seg;
    struct berth_io io;
    struct berth_done done;
};

static struct away *away_new(struct lab *l, uint32_t op, uint32_t len)
{
    struct away *a = calloc(1, sizeof *a);
    a->lab = l;
    a->seg = seg_memory(buf, len);
    a->io = (struct berth_io){.op = op, .len_bytes = len, .segs = &a->seg, .seg_count = 1};
    assert_int_equal(berth_queue_new(&a->queue, l->lun, 2), 0);
    return a;
}

static void pass(struct away *a, uint64_t ms)
{
    sim_world_advance(a->lab->world->sim, ms * NS_MS);
}

/* The answer is there, the ping was sent and answered, only nobody has looked for ten minutes. */
static void away_with_the_answer_there(void **state)
{
    struct away *a = away_new(lab_lun(NULL), BERTH_READ, 512);
    (void)state;
    assert_int_equal(berth_queue_submit(a->queue, &a->io, 1), 1);
    assert_int_equal(berth_queue_reap(a->queue, &a->done, 0, 1, 0), 0);
    world_settle(a->lab->world);
    pass(a, 600000);
    assert_int_equal(berth_queue_reap(a->queue, &a->done, 1, 1, 0), 1);
    assert_int_equal(a->done.error, 0);
    assert_int_equal(mini_counters(a->lab->target)->logins, 1);
    lab_free(a->lab);
    free(a);
}

/* Half of the data was sent when the caller left. */
static void away_with_data_to_send(void **state)
{
    struct lab *l = lab_new(NULL, &(struct sim_faults){.max_segment = 1000});
    (void)state;
    assert_int_equal(lab_open(l), 0);
    struct away *a = away_new(l, BERTH_WRITE, sizeof buf);
    for (int n = 0; n < 20; n++) {
        assert_int_equal(berth_queue_submit(a->queue, &a->io, 1), 1);
        for (int turn = 0; turn < n; turn++)
            assert_int_equal(berth_queue_reap(a->queue, &a->done, 1, 1, 0), 0);
        pass(a, 600000);
        assert_int_equal(berth_queue_reap(a->queue, &a->done, 1, 1, -1), 1);
        assert_int_equal(a->done.error, 0);
    }
    assert_int_equal(mini_counters(l->target)->logins, 1);
    lab_free(l);
    free(a);
}

/* A ping that falls due as a call ends leaves at once: its time runs. */
static void ping_at_the_end_of_a_call(void **state)
{
    struct away *a = away_new(lab_lun(NULL), BERTH_READ, 512);
    (void)state;
    lab_rule(a->lab, (struct lab_rule){.op = LAB_ANY, .times = 1, .turn = MINI_HOLD});
    assert_int_equal(berth_queue_submit(a->queue, &a->io, 1), 1);
    assert_int_equal(berth_queue_reap(a->queue, &a->done, 1, 1, 0), 0);
    uint64_t due = conn_last_rx(a->lab->lun->initiator->conn) + 5000 * NS_MS;
    pass(a, (due - initiator_now(a->lab->lun->initiator)) / NS_MS);
    assert_int_equal(berth_queue_reap(a->queue, &a->done, 1, 1, 0), 0);
    assert_true(conn_ping_out(a->lab->lun->initiator->conn));
    world_settle(a->lab->world);
    pass(a, 9000);
    assert_int_equal(berth_queue_reap(a->queue, &a->done, 1, 1, 0), 0);
    assert_int_equal(a->lab->lun->initiator->state, INITIATOR_UP);
    lab_free(a->lab);
    free(a);
}

/* A ping was out when the caller left, and the network was down until it returned: the answer has its time.
 */
static void away_with_a_ping_out(void **state)
{
    struct lab *l = lab_new(NULL, &(struct sim_faults){.max_segment = 5});
    (void)state;
    assert_int_equal(lab_open(l), 0);
    struct away *a = away_new(l, BERTH_READ, 512);
    l->world->silent = true;
    pass(a, 5000);
    assert_int_equal(berth_queue_reap(a->queue, &a->done, 0, 1, 0), 0);
    assert_true(conn_ping_out(l->lun->initiator->conn));
    pass(a, 600000);
    l->world->silent = false;
    assert_int_equal(berth_queue_submit(a->queue, &a->io, 1), 1);
    assert_int_equal(berth_queue_reap(a->queue, &a->done, 1, 1, -1), 1);
    assert_int_equal(a->done.error, 0);
    assert_int_equal(mini_counters(l->target)->logins, 1);
    lab_free(l);
    free(a);
}

/* Time that a caller with a loop of its own spends outside counts, as long as it calls often enough. */
static void a_loop_of_its_own(void **state)
{
    struct away *a = away_new(lab_lun(NULL), BERTH_READ, 512);
    int got = 0, calls = 0;
    (void)state;
    lab_rule(a->lab, (struct lab_rule){.op = LAB_ANY, .times = 1, .turn = MINI_HOLD});
    assert_int_equal(berth_queue_submit(a->queue, &a->io, 1), 1);
    for (; got == 0 && calls < 100; calls++) {
        got = berth_queue_reap(a->queue, &a->done, 0, 1, 0);
        world_settle(a->lab->world);
        pass(a, 5000);
    }
    assert_int_equal(got, 1);
    assert_int_equal(a->done.error, BERTH_E_TIMEOUT);
    assert_in_range(calls, 6, 8);
    assert_int_equal(mini_counters(a->lab->target)->logins, 1);
    lab_free(a->lab);
    free(a);
}

/* Idle, too: such a caller's pings go out and are answered, and a dead peer is noticed. */
static void an_idle_loop(void **state)
{
    struct away *a = away_new(lab_lun(NULL), BERTH_READ, 512);
    const struct initiator *i = a->lab->lun->initiator;
    (void)state;
    for (int n = 0; n < 100; n++) {
        assert_int_equal(berth_queue_reap(a->queue, &a->done, 0, 1, 0), 0);
        world_settle(a->lab->world);
        pass(a, 5000);
        assert_int_equal(i->state, INITIATOR_UP);
    }
    assert_true(a->lab->world->turns < 5000);
    a->lab->world->silent = true;
    for (int n = 0; n < 4 && i->state == INITIATOR_UP; n++) {
        assert_int_equal(berth_queue_reap(a->queue, &a->done, 0, 1, 0), 0);
        pass(a, 5000);
    }
    assert_int_equal(i->state, INITIATOR_WAITING);
    lab_free(a->lab);
    free(a);
}

/* The session was lost, then nobody called for an hour: the next call still brings it back. */
static void away_while_lost(void **state)
{
    (void)state;
    for (int turns = 1; turns < 12; turns++) {
        struct lab *l = lab_with_recovery(20000);
        struct away *a = away_new(l, BERTH_READ, 512);
        mini_stop(l->target);
        assert_int_equal(berth_queue_submit(a->queue, &a->io, 1), 1);
        for (int n = 0; n < turns; n++)
            assert_int_equal(berth_queue_reap(a->queue, &a->done, 1, 1, n > 3 ? 300 : 0), 0);
        pass(a, 3600000);
        mini_start(l->target);
        assert_int_equal(berth_queue_reap(a->queue, &a->done, 1, 1, -1), 1);
        assert_int_equal(a->done.error, 0);
        lab_free(l);
        free(a);
    }
}

/* The target has thrown the session out meanwhile. */
static void away_for_too_long(void **state)
{
    struct lab *l = lab_lun(NULL);
    (void)state;
    mini_reset(l->target);
    sim_world_advance(l->world->sim, 3600000 * NS_MS);
    assert_true(read_ms(l, 0) < 10);
    lab_free(l);
}

/* --- the end --- */

static bool yes(void *arg)
{
    (void)arg;
    return true;
}

/* Closing works in every state, takes a second at most, and leaves nothing behind. */
static void close_at_every_turn(void **state)
{
    (void)state;
    for (int turns = 0; turns < 60; turns++) {
        struct lab *l = lab_new(NULL, &(struct sim_faults){.max_segment = 60});
        assert_int_equal(lab_open(l), 0);
        struct away *a = away_new(l, BERTH_WRITE, 4096);
        mini_reset(l->target);
        if (turns % 3 == 0)
            mini_stop(l->target);
        assert_int_equal(berth_queue_submit(a->queue, &a->io, 1), 1);
        for (int n = 0; n < turns; n++)
            berth_queue_reap(a->queue, &a->done, 1, 1, 1);
        if (turns % 4 == 0)
            l->world->silent = true;
        uint64_t begin = world_ms(l->world);
        if (turns % 5 == 0)
            l->lun->options.cancelled = yes;
        berth_lun_close(l->lun);
        l->lun = NULL;
        assert_true(world_ms(l->world) - begin <= 1000);
        lab_free(l);
        free(a);
    }
}

/* Who is leaving anyway does not come back because the target asked for it. */
static void asked_to_leave_while_leaving(void **state)
{
    struct lab *l = lab_new(NULL, NULL);
    (void)state;
    notices[0] = 0;
    l->options.notice = notice;
    assert_int_equal(lab_open(l), 0);
    told(l, WIRE_ASYNC_LOGOUT, 0, 3);
    berth_lun_close(l->lun);
    l->lun = NULL;
    assert_string_equal(notices, "");
    assert_int_equal(mini_counters(l->target)->logins, 1);
    assert_int_equal(mini_counters(l->target)->logouts, 1);
    lab_free(l);
}

static uint64_t enough_at;

static bool enough(void *arg)
{
    return enough_at > 0 && world_ms(arg) >= enough_at;
}

static void cancelled_while_lost(void **state)
{
    struct lab *l = lab_new(NULL, NULL);
    (void)state;
    enough_at = 0;
    l->options.cancelled = enough;
    l->options.cancelled_arg = l->world;
    assert_int_equal(lab_open(l), 0);
    mini_config(l->target)->deaf = true;
    mini_reset(l->target);
    enough_at = world_ms(l->world) + 3333;
    assert_in_range(read_ms(l, BERTH_E_ABORTED), 3333, 3433);
    enough_at = 0;
    mini_config(l->target)->deaf = false;
    mini_reset(l->target);
    assert_true(read_ms(l, 0) < 3000);
    lab_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_isid),
        cmocka_unit_test(chosen_isid),
        cmocka_unit_test(notices_and_counters),
        cmocka_unit_test(notice_of_giving_up),
        cmocka_unit_test(backoff),
        cmocka_unit_test(recovery_timeout_is_exact),
        cmocka_unit_test(restarting_targets),
        cmocka_unit_test(hopeless),
        cmocka_unit_test(first_refusal_is_final),
        cmocka_unit_test(every_address),
        cmocka_unit_test(silent_addresses),
        cmocka_unit_test(addresses_that_cannot_be_used),
        cmocka_unit_test(the_address_that_worked),
        cmocka_unit_test(redirects_are_followed),
        cmocka_unit_test(redirects_in_circles),
        cmocka_unit_test(redirects_to_nowhere),
        cmocka_unit_test(redirects_while_a_service_moves),
        cmocka_unit_test(time2wait),
        cmocka_unit_test(asked_to_leave),
        cmocka_unit_test(asked_to_leave_while_busy),
        cmocka_unit_test(asked_to_leave_while_stuck),
        cmocka_unit_test(told_to_wait),
        cmocka_unit_test(logout_refused),
        cmocka_unit_test(asked_to_leave_and_kept_waiting),
        cmocka_unit_test(other_news),
        cmocka_unit_test(scsi_events),
        cmocka_unit_test(pings),
        cmocka_unit_test(unanswered_pings),
        cmocka_unit_test(no_pings),
        cmocka_unit_test(idle_acknowledgement),
        cmocka_unit_test(away_with_the_answer_there),
        cmocka_unit_test(away_with_data_to_send),
        cmocka_unit_test(ping_at_the_end_of_a_call),
        cmocka_unit_test(away_with_a_ping_out),
        cmocka_unit_test(a_loop_of_its_own),
        cmocka_unit_test(an_idle_loop),
        cmocka_unit_test(away_while_lost),
        cmocka_unit_test(away_for_too_long),
        cmocka_unit_test(close_at_every_turn),
        cmocka_unit_test(asked_to_leave_while_leaving),
        cmocka_unit_test(cancelled_while_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
