/* SPDX-License-Identifier: MIT */
/* Commands that are late, at targets that help, refuse, fall silent or die in each step towards their end:
 * one completion each, by the time that the steps' limits add up to. The clock is a fake one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lab.h"

#define NS_MS 1000000ull
#define IOS   128u
#define BLOCK 512u

/* --- I/Os --- */

struct ios {
    struct berth_queue *queue;
    struct berth_io io[IOS];
    struct berth_seg seg[IOS];
    uint8_t buf[IOS][BLOCK];
    uint64_t submitted_ms[IOS], took_ms[IOS];
    uint32_t times[IOS]; /* completions */
    int error[IOS];
};

static struct ios *ios_new(struct lab *l)
{
    struct ios *s = calloc(1, sizeof *s);
    assert_int_equal(berth_queue_new(&s->queue, l->lun, IOS), 0);
    return s;
}

static void submit(struct lab *l, struct ios *s, uint32_t n, uint32_t op, uint32_t timeout_ms)
{
    s->seg[n] = seg_memory(s->buf[n], BLOCK);
    s->io[n] = (struct berth_io){.op = op,
                                 .offset_bytes = n * BLOCK,
                                 .len_bytes = BLOCK,
                                 .segs = &s->seg[n],
                                 .seg_count = 1,
                                 .tag = n,
                                 .timeout_ms = timeout_ms};
    memset(s->buf[n], (int)(n + 1), BLOCK);
    s->submitted_ms[n] = world_ms(l->world);
    assert_int_equal(berth_queue_submit(s->queue, &s->io[n], 1), 1);
}

static int reap(struct lab *l, struct ios *s, uint32_t min, int timeout_ms)
{
    struct berth_done done[IOS];
    int count = berth_queue_reap(s->queue, done, min, IOS, timeout_ms);
    assert_true(count >= 0);
    for (int i = 0; i < count; i++) {
        uint64_t n = done[i].tag;
        assert_in_range(n, 0, IOS - 1);
        s->times[n]++;
        s->error[n] = done[i].error;
        s->took_ms[n] = world_ms(l->world) - s->submitted_ms[n];
    }
    return count;
}

static void reap_all(struct lab *l, struct ios *s)
{
    while (reap(l, s, 1, -1) > 0)
        ;
}

static void was(const struct ios *s, uint32_t n, int error, uint64_t least_ms, uint64_t most_ms)
{
    assert_int_equal(s->times[n], 1);
    if (s->error[n] != error)
        print_error("I/O %u: %s\n", n, berth_error_name(s->error[n]));
    assert_int_equal(s->error[n], error);
    assert_in_range(s->took_ms[n], least_ms, most_ms);
}

/* --- what the target makes of task management --- */

static struct {
    enum mini_turn turns[8]; /* of the first requests; the rest is executed */
    uint8_t response[8];     /* to those that are answered */
    uint8_t functions[512];
    uint64_t at_ms[512];
    uint32_t count;
    bool release; /* what was held is answered first */
    struct lab *lab;
} managed;

static enum mini_turn manage(void *arg, struct task *tmf)
{
    uint32_t n = managed.count++;
    (void)arg;
    managed.functions[n] = tmf->function;
    managed.at_ms[n] = world_ms(managed.lab->world);
    if (managed.release)
        mini_release(managed.lab->target);
    if (n >= 8)
        return MINI_EXECUTE;
    tmf->response = managed.response[n];
    return managed.turns[n];
}

static struct lab *lab_managed_with(const struct mini_config *config)
{
    struct lab *l = lab_new(config, NULL);
    memset(&managed, 0, sizeof managed);
    managed.lab = l;
    mini_config(l->target)->tmf = manage;
    return l;
}

static struct lab *lab_managed(void)
{
    struct lab *l = lab_managed_with(&(struct mini_config){.depth = IOS});
    assert_int_equal(lab_open(l), 0);
    return l;
}

static void hold(struct lab *l, uint32_t times)
{
    lab_rule(l, (struct lab_rule){.op = LAB_ANY, .times = times, .turn = MINI_HOLD});
}

static void still_works(struct lab *l)
{
    uint8_t buf[BLOCK];
    lab_no_rules(l);
    assert_int_equal(berth_read(l->lun, buf, BLOCK, 0), 0);
}

static void finish(struct lab *l, struct ios *s)
{
    still_works(l);
    lab_free(l);
    free(s);
}

/* --- one that is late --- */

/* It is aborted, and the session goes on: so do the others. */
static void one_late(void **state)
{
    struct lab *l = lab_managed();
    struct ios *s = ios_new(l);
    (void)state;
    hold(l, 1);
    submit(l, s, 0, BERTH_WRITE, 0);
    submit(l, s, 1, BERTH_READ, 0);
    assert_int_equal(reap(l, s, 1, 5), 1);
    was(s, 1, BERTH_OK, 0, 5);
    assert_int_equal(reap(l, s, 1, 29980), 0);
    submit(l, s, 2, BERTH_READ, 0);
    reap_all(l, s);
    was(s, 0, BERTH_E_TIMEOUT, 30000, 30005);
    was(s, 2, BERTH_OK, 0, 5);
    assert_int_equal(managed.count, 1);
    assert_int_equal(managed.functions[0], WIRE_TMF_ABORT_TASK);
    assert_int_equal(mini_counters(l->target)->aborted, 1);
    assert_int_equal(mini_counters(l->target)->logins, 1);
    assert_int_equal(mini_disk(l->target)[0], 0); /* nothing of it was written */
    finish(l, s);
}

/* Its command has come to an end meanwhile, so nobody waits for it; but what gets no answer is not kept for
 * ever. */
static void an_abort_without_an_answer(void **state)
{
    struct lab *l = lab_managed();
    struct ios *s = ios_new(l);
    (void)state;
    managed.release = true;
    managed.turns[0] = MINI_HOLD;
    hold(l, 1);
    submit(l, s, 0, BERTH_WRITE, 100);
    reap_all(l, s);
    was(s, 0, BERTH_OK, 100, 105);
    assert_int_equal(managed.count, 1);
    for (int n = 0; n < 50; n++) {
        assert_int_equal(l->lun->initiator->aborts, 1);
        still_works(l);
        sim_world_advance(l->world->sim, 99 * NS_MS);
    }
    assert_int_equal(mini_counters(l->target)->logins, 1);
    sim_world_advance(l->world->sim, 100 * NS_MS);
    still_works(l);
    assert_int_equal(mini_counters(l->target)->logins, 2);
    assert_int_equal(l->lun->initiator->aborts, 0);
    finish(l, s);
}

/* Each I/O has its own time, to the millisecond. */
static void own_deadlines(void **state)
{
    static const uint32_t times[] = {1, 250, 2, 40000, 3, 0, 5000, 7, 100, 29999, 30001, 4, 60000};
    enum { COUNT = sizeof times / sizeof times[0] };
    struct lab *l = lab_managed();
    struct ios *s = ios_new(l);
    (void)state;
    hold(l, COUNT);
    for (uint32_t n = 0; n < COUNT; n++)
        submit(l, s, n, n % 2 ? BERTH_READ : BERTH_WRITE, times[n]);
    reap_all(l, s);
    for (uint32_t n = 0; n < COUNT; n++) {
        uint32_t time = times[n] ? times[n] : 30000;
        was(s, n, BERTH_E_TIMEOUT, time, time + 3);
    }
    assert_int_equal(managed.count, COUNT);
    assert_int_equal(mini_counters(l->target)->logins, 1);
    finish(l, s);
}

/* Deadlines that come in no order, while other commands are done in between. */
static void deadlines_in_a_stream(void **state)
{
    struct lab *l = lab_managed();
    struct ios *s = ios_new(l);
    (void)state;
    for (uint32_t n = 0; n < IOS; n++) {
        if (n % 8 == 0)
            lab_no_rules(l), hold(l, 1);
        submit(l, s, n, BERTH_READ, 1 + (n * 37) % 50);
        reap(l, s, 1, 3);
    }
    reap_all(l, s);
    for (uint32_t n = 0; n < IOS; n++) {
        uint32_t time = 1 + (n * 37) % 50;
        was(s, n, n % 8 ? BERTH_OK : BERTH_E_TIMEOUT, n % 8 ? 0 : time, time + 3);
    }
    finish(l, s);
}

/* A resubmission has all of its time again. */
static void again_after_busy(void **state)
{
    struct lab *l = lab_managed();
    struct ios *s = ios_new(l);
    (void)state;
    lab_rule(l, (struct lab_rule){.op = LAB_ANY, .times = 1, .turn = MINI_ANSWER, .status = SCSI_BUSY});
    hold(l, 1);
    submit(l, s, 0, BERTH_WRITE, 200);
    reap_all(l, s);
    was(s, 0, BERTH_E_TIMEOUT, 210, 215);
    finish(l, s);
}

/* The caller's memory is not given back before the target has let go of it. */
static void memory_until_the_answer(void **state)
{
    struct lab *l = lab_managed_with(&(struct mini_config){.slow_ns = 900 * NS_MS});
    (void)state;
    assert_int_equal(lab_open(l), 0);
    struct ios *s = ios_new(l);
    managed.turns[0] = MINI_SLOW;
    hold(l, 1);
    submit(l, s, 0, BERTH_WRITE, 0);
    assert_int_equal(reap(l, s, 1, 30001), 0);
    const struct initiator *i = l->lun->initiator;
    assert_int_equal(i->session->in_flight, 2); /* it, and what is to end it */
    reap_all(l, s);
    was(s, 0, BERTH_E_TIMEOUT, 30000, 30905);
    assert_int_equal(i->session->in_flight, 0);
    finish(l, s);
}

/* --- races --- */

/* The response comes while its abort is under way: that is the outcome, whatever is then said of the abort.
 */
static void response_first(void **state)
{
    (void)state;
    for (int way = 0; way < 3; way++) {
        struct lab *l = lab_managed();
        struct ios *s = ios_new(l);
        managed.release = true;
        managed.turns[0] = way == 0 ? MINI_EXECUTE : way == 1 ? MINI_ANSWER : MINI_HOLD;
        managed.response[0] = WIRE_TMF_UNSUPPORTED;
        hold(l, 1);
        submit(l, s, 0, BERTH_WRITE, 0);
        reap_all(l, s);
        was(s, 0, BERTH_OK, 30000, 30005);
        assert_int_equal(mini_disk(l->target)[0], 1);
        managed.release = false;
        assert_int_equal(reap(l, s, 1, 20000), 0); /* nothing comes of an abort that nobody needs any more */
        assert_int_equal(managed.count, 1);
        assert_int_equal(mini_counters(l->target)->logins, 1);
        finish(l, s);
    }
}

/* --- many at once --- */

/* Exactly one completion each, and never more than a few requests at a time. */
static uint32_t most_at_once;

static void watch_requests(void *arg)
{
    const struct initiator *i = ((struct lab *)arg)->lun->initiator;
    if (i->aborts > most_at_once)
        most_at_once = i->aborts;
}

static void hundred_late(void **state)
{
    (void)state;
    for (int way = 0; way < 4; way++) {
        struct lab *l = lab_managed();
        struct ios *s = ios_new(l);
        for (int n = 0; way == 3 && n < 8; n++) /* the first few are not answered at all */
            managed.turns[n] = MINI_HOLD;
        most_at_once = 0;
        l->world->each_turn = watch_requests;
        l->world->arg = l;
        hold(l, 100);
        for (uint32_t n = 0; n < 100; n++)
            submit(l, s, n,
                   way == 0   ? BERTH_WRITE
                   : way == 1 ? BERTH_READ
                   : n % 2    ? BERTH_READ
                              : BERTH_WRITE,
                   0);
        reap_all(l, s);
        for (uint32_t n = 0; n < 100; n++)
            was(s, n, BERTH_E_TIMEOUT, 30000, way == 3 ? 40010 : 30010);
        assert_int_equal(most_at_once, ESCALATION_ABORTS);
        assert_int_equal(mini_counters(l->target)->aborted, way == 3 ? 0 : 100);
        still_works(l);
        assert_int_equal(mini_counters(l->target)->logins, way == 3 ? 2 : 1);
        finish(l, s);
    }
}

/* --- each step --- */

static const uint8_t codes[] = {0, 1, 2, 3, 4, 5, 6, 7, 99, WIRE_TMF_REJECTED};

/* Every answer to the first step, and to the second: who refuses gets the next one, once each. */
static void every_answer(void **state)
{
    (void)state;
    for (size_t n = 0; n < sizeof codes * sizeof codes; n++) {
        uint8_t abort = codes[n / sizeof codes], reset = codes[n % sizeof codes];
        struct lab *l = lab_managed();
        struct ios *s = ios_new(l);
        managed.turns[0] = abort == 0 ? MINI_EXECUTE : MINI_ANSWER;
        managed.turns[1] = reset == 0 ? MINI_EXECUTE : MINI_ANSWER;
        managed.response[0] = abort;
        managed.response[1] = reset;
        bool first = abort <= WIRE_TMF_NO_TASK, second = !first && reset == WIRE_TMF_COMPLETE;
        hold(l, 1);
        submit(l, s, 0, n % 2 ? BERTH_READ : BERTH_WRITE, 0);
        reap_all(l, s);
        was(s, 0, BERTH_E_TIMEOUT, 30000, 30005);
        assert_int_equal(managed.count, first ? 1 : 2);
        if (!first)
            assert_int_equal(managed.functions[1], WIRE_TMF_LU_RESET);
        still_works(l);
        assert_int_equal(mini_counters(l->target)->logins, first || second ? 1 : 2);
        finish(l, s);
    }
}

static void every_rejection(void **state)
{
    (void)state;
    for (uint8_t reason = 1; reason <= 12; reason++) {
        struct lab *l = lab_managed();
        struct ios *s = ios_new(l);
        bool later = reason == WIRE_REJECT_TOO_MANY_IMMEDIATE;
        managed.turns[0] = managed.turns[1] = managed.turns[2] = MINI_REJECT;
        mini_config(l->target)->reject_reason = reason;
        hold(l, 1);
        submit(l, s, 0, BERTH_WRITE, 0);
        reap_all(l, s);
        was(s, 0, BERTH_E_TIMEOUT, 30000, 30200);
        assert_int_equal(managed.count, later ? 4 : 2); /* again and again, or the next step */
        for (uint32_t n = 0; n < managed.count; n++)
            assert_int_equal(managed.functions[n], later || n == 0 ? WIRE_TMF_ABORT_TASK : WIRE_TMF_LU_RESET);
        still_works(l);
        assert_int_equal(mini_counters(l->target)->logins, later ? 1 : 2);
        finish(l, s);
    }
}

/* Too many immediate requests for ever: not again and again for ever. */
static void rejected_for_ever(void **state)
{
    struct lab *l = lab_managed();
    struct ios *s = ios_new(l);
    (void)state;
    mini_config(l->target)->reject_reason = WIRE_REJECT_TOO_MANY_IMMEDIATE;
    for (int n = 0; n < 8; n++)
        managed.turns[n] = MINI_REJECT;
    l->lun->initiator->policy.abort_timeout_ms = 300;
    hold(l, 1);
    submit(l, s, 0, BERTH_WRITE, 0);
    reap_all(l, s);
    was(s, 0, BERTH_E_TIMEOUT, 30300, 30310);
    assert_in_range(managed.count, 5, 8);
    assert_int_equal(managed.functions[managed.count - 1], WIRE_TMF_LU_RESET);
    finish(l, s);
}

/* Some other bytes come meanwhile, so that the target is not dead. */
static void talk(void *arg)
{
    struct lab *l = arg;
    static uint64_t last;
    if (world_ms(l->world) == last)
        return;
    last = world_ms(l->world);
    mini_async(l->target, &(struct wire_async){.event = WIRE_ASYNC_VENDOR});
}

/* No answer to the first step, or to any: each has its limit, and the session is the end of it. */
static void no_answers(void **state)
{
    static const uint32_t limits[] = {5000, 2, 100, 20000};
    (void)state;
    for (size_t i = 0; i < 8; i++) {
        uint32_t limit = limits[i / 2];
        bool reset_works = i % 2;
        struct lab *l = lab_managed_with(&(struct mini_config){.depth = IOS});
        l->options.abort_timeout_ms = limit;
        assert_int_equal(lab_open(l), 0);
        l->world->each_turn = talk;
        l->world->arg = l;
        struct ios *s = ios_new(l);
        managed.turns[0] = MINI_HOLD;
        managed.turns[1] = reset_works ? MINI_EXECUTE : MINI_HOLD;
        hold(l, 1);
        submit(l, s, 0, BERTH_WRITE, 0);
        uint64_t ends = 30000 + limit * (reset_works ? 1 : 2);
        reap_all(l, s);
        was(s, 0, BERTH_E_TIMEOUT, ends, ends + 5);
        assert_int_equal(managed.count, 2);
        still_works(l);
        assert_int_equal(mini_counters(l->target)->logins, reset_works ? 1 : 2);
        finish(l, s);
    }
}

/* Where nothing at all is heard any more, the LUN's reset is spared to others. */
static void silence(void **state)
{
    struct lab *l = lab_managed();
    struct ios *s = ios_new(l);
    (void)state;
    managed.turns[0] = managed.turns[1] = MINI_HOLD;
    l->lun->initiator->policy.ping_interval_ms = 0;
    hold(l, 1);
    submit(l, s, 0, BERTH_WRITE, 0);
    reap_all(l, s);
    was(s, 0, BERTH_E_TIMEOUT, 35000, 35005);
    assert_int_equal(managed.count, 1);
    still_works(l);
    assert_int_equal(mini_counters(l->target)->logins, 2);
    finish(l, s);
}

/* The connection dies in the first step, or in the second. */
static void connection_dies(void **state)
{
    (void)state;
    for (int step = 0; step < 2; step++) {
        struct lab *l = lab_managed();
        struct ios *s = ios_new(l);
        managed.turns[0] = step ? MINI_ANSWER : MINI_DROP;
        managed.turns[1] = MINI_DROP;
        managed.response[0] = WIRE_TMF_UNSUPPORTED;
        hold(l, 1);
        submit(l, s, 0, BERTH_WRITE, 0);
        submit(l, s, 1, BERTH_READ, 60000);
        reap_all(l, s);
        was(s, 0, BERTH_E_TIMEOUT, 30000, 30005);
        was(s, 1, BERTH_OK, 0, 5);
        assert_int_equal(managed.count, (uint32_t)step + 1);
        still_works(l);
        assert_int_equal(mini_counters(l->target)->logins, 2);
        assert_int_equal(berth_lun_info(l->lun)->reconnects, 1);
        finish(l, s);
    }
}

/* Whoever was not late and is ended with the others is sent again, and its caller does not notice. */
static void the_innocent(void **state)
{
    (void)state;
    for (int way = 0; way < 2; way++) { /* by the reset, or by the session's end */
        struct lab *l = lab_managed();
        struct ios *s = ios_new(l);
        managed.turns[0] = managed.turns[1] = MINI_ANSWER;
        managed.response[0] = managed.response[1] = WIRE_TMF_UNSUPPORTED;
        if (way == 0)
            managed.turns[1] = MINI_EXECUTE;
        hold(l, 20);
        for (uint32_t n = 0; n < 20; n++)
            submit(l, s, n, n % 2 ? BERTH_READ : BERTH_WRITE, n == 7 ? 1000 : 50000);
        reap_all(l, s);
        for (uint32_t n = 0; n < 20; n++)
            was(s, n, n == 7 ? BERTH_E_TIMEOUT : BERTH_OK, 1000, 1100);
        assert_int_equal(managed.count, 2);
        assert_int_equal(mini_counters(l->target)->logins, way + 1);
        assert_int_equal(mini_disk(l->target)[6 * BLOCK], 7);
        finish(l, s);
    }
}

/* A reset that works must not be the beginning of the next one: what is late again has its steps again. */
static void late_again_and_again(void **state)
{
    struct lab *l = lab_managed();
    struct ios *s = ios_new(l);
    (void)state;
    hold(l, 0); /* for ever */
    for (uint32_t n = 0; n < IOS; n++)
        submit(l, s, n, BERTH_WRITE, 1000 + n);
    reap_all(l, s);
    for (uint32_t n = 0; n < IOS; n++)
        was(s, n, BERTH_E_TIMEOUT, 1000 + n, 1003 + n);
    assert_int_equal(managed.count, IOS);
    assert_int_equal(mini_counters(l->target)->logins, 1);
    finish(l, s);
}

/* --- not on the wire --- */

/* The window is closed for all of its time: it is withdrawn, leaves no gap, and nothing has to be aborted for
 * it. */
static void never_sent(void **state)
{
    struct lab *l = lab_managed_with(&(struct mini_config){.depth = 4});
    (void)state;
    assert_int_equal(lab_open(l), 0);
    struct ios *s = ios_new(l);
    hold(l, 4);
    for (uint32_t n = 0; n < 10; n++)
        submit(l, s, n, BERTH_READ, n < 4 ? 20000 : 1000);
    assert_int_equal(reap(l, s, 6, 1500), 6);
    for (uint32_t n = 4; n < 10; n++)
        was(s, n, BERTH_E_TIMEOUT, 1000, 1003);
    assert_int_equal(managed.count, 0);
    mini_release(l->target);
    reap_all(l, s);
    for (uint32_t n = 0; n < 4; n++)
        was(s, n, BERTH_OK, 1000, 1010);
    assert_int_equal(mini_counters(l->target)->logins, 1);
    finish(l, s);
}

/* --- the target says that it ends a LUN's tasks --- */

/* Where FastAbort is agreed they are asked for one by one, and sent again; elsewhere the message means
 * nothing. */
static void tasks_ended(void **state)
{
    (void)state;
    for (int agreed = 0; agreed < 2; agreed++) {
        struct lab *l = lab_managed();
        struct ios *s = ios_new(l);
        struct wire_async a = {.event = WIRE_ASYNC_TASKS_ENDED, .lun = l->lun->lun_field};
        if (agreed)
            l->lun->initiator->session->keys.agreed[KEY_TASK_REPORTING] = REPORT_FAST_ABORT;
        hold(l, 10);
        for (uint32_t n = 0; n < 10; n++)
            submit(l, s, n, n % 2 ? BERTH_READ : BERTH_WRITE, 0);
        assert_int_equal(reap(l, s, 1, 100), 0);
        mini_async(l->target, &a);
        reap_all(l, s);
        for (uint32_t n = 0; n < 10; n++)
            was(s, n, agreed ? BERTH_OK : BERTH_E_TIMEOUT, agreed ? 100 : 30000, agreed ? 110 : 30010);
        assert_int_equal(managed.count, 10);
        assert_int_equal(mini_counters(l->target)->logins, 1);
        finish(l, s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_late),          cmocka_unit_test(an_abort_without_an_answer),
        cmocka_unit_test(own_deadlines),     cmocka_unit_test(deadlines_in_a_stream),
        cmocka_unit_test(again_after_busy),  cmocka_unit_test(memory_until_the_answer),
        cmocka_unit_test(response_first),    cmocka_unit_test(hundred_late),
        cmocka_unit_test(every_answer),      cmocka_unit_test(every_rejection),
        cmocka_unit_test(rejected_for_ever), cmocka_unit_test(no_answers),
        cmocka_unit_test(silence),           cmocka_unit_test(connection_dies),
        cmocka_unit_test(the_innocent),      cmocka_unit_test(late_again_and_again),
        cmocka_unit_test(never_sent),        cmocka_unit_test(tasks_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
