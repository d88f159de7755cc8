/* SPDX-License-Identifier: MIT */
/* I/Os that are wanted back, wherever they are: each completes once, soon, and its memory is its caller's
 * then. */
#include "test.h"

#define DEPTH 16u
#define LEN   (16u * KIB)

static struct {
    struct berth_queue *queue;
    struct berth_seg segs[DEPTH];
    struct berth_io ios[DEPTH];
    uint8_t bytes[DEPTH][LEN];
    uint32_t times[DEPTH];
    int error[DEPTH];
    uint32_t requests; /* of task management */
    struct lab *lab;
    bool release;          /* what was held is answered before the first of them is */
    enum mini_turn answer; /* to all of them */
} t;

static enum mini_turn manage(void *arg, struct task *tmf)
{
    (void)arg;
    (void)tmf;
    t.requests++;
    if (t.release)
        mini_release(t.lab->target);
    return t.answer;
}

static struct lab *begin_with(const struct mini_config *config, uint32_t depth)
{
    memset(&t, 0, sizeof t);
    t.lab = lab_new(config, NULL);
    t.lab->options.depth = depth;
    mini_config(t.lab->target)->tmf = manage;
    assert_int_equal(lab_open(t.lab), 0);
    assert_int_equal(berth_queue_new(&t.queue, t.lab->lun, DEPTH), 0);
    return t.lab;
}

static struct lab *begin(void)
{
    return begin_with(NULL, 128);
}

static void submit(uint32_t n, uint32_t op, uint32_t len)
{
    t.segs[n] = seg_memory(t.bytes[n], len);
    t.ios[n] = make_io(op, (uint64_t)n * LEN, len, &t.segs[n], 1);
    t.ios[n].tag = n;
    memset(t.bytes[n], (int)n + 1, LEN);
    assert_int_equal(berth_queue_submit(t.queue, &t.ios[n], 1), 1);
}

/* What is done is its caller's, who writes over it at once. */
static int reap(uint32_t min, int timeout_ms)
{
    struct berth_done done[DEPTH];
    int count = berth_queue_reap(t.queue, done, min, DEPTH, timeout_ms);
    for (int i = 0; i < count; i++) {
        t.times[done[i].tag]++;
        t.error[done[i].tag] = done[i].error;
        memset(t.bytes[done[i].tag], 0xdb, LEN);
    }
    return count;
}

static void was(uint32_t n, int error)
{
    assert_int_equal(t.times[n], 1);
    if (t.error[n] != error)
        print_error("I/O %u: %s\n", n, berth_error_name(t.error[n]));
    assert_int_equal(t.error[n], error);
}

static void hold(uint32_t times)
{
    lab_rule(t.lab, (struct lab_rule){.op = LAB_ANY, .times = times, .turn = MINI_HOLD});
}

static void end(uint32_t logins)
{
    uint8_t buf[512];
    lab_no_rules(t.lab);
    assert_int_equal(berth_read(t.lab->lun, buf, sizeof buf, 0), 0);
    for (uint32_t n = 0; n < DEPTH; n++) {
        assert_true(t.times[n] <= 1);
        for (uint32_t i = 0; t.times[n] && i < LEN; i++) /* nothing has touched it since */
            assert_int_equal(t.bytes[n][i], 0xdb);
    }
    for (uint32_t i = 0; i < 256 * KIB; i++) /* and nothing of what was written then has gone out */
        assert_true(mini_disk(t.lab->target)[i] != 0xdb);
    assert_int_equal(mini_counters(t.lab->target)->logins, logins);
    lab_free(t.lab);
}

/* --- where they are --- */

static void not_submitted(void **state)
{
    (void)state;
    begin();
    assert_int_equal(berth_queue_cancel(t.queue, 0), 0);
    submit(0, BERTH_READ, 512);
    assert_int_equal(berth_queue_cancel(t.queue, 1), 0);
    assert_int_equal(reap(1, -1), 1);
    was(0, BERTH_OK);
    assert_int_equal(berth_queue_cancel(t.queue, 0), 0);
    end(1);
}

/* Nothing of it was sent: it is back at once, and leaves no hole in CmdSN (the referee listens). */
static void not_sent(void **state)
{
    (void)state;
    begin();
    for (uint32_t n = 0; n < 6; n++)
        submit(n, n % 2 ? BERTH_READ : BERTH_WRITE, LEN);
    assert_int_equal(berth_queue_cancel(t.queue, 2), 1);
    assert_int_equal(berth_queue_cancel(t.queue, 5), 1);
    assert_int_equal(berth_queue_cancel(t.queue, 5), 0); /* it is being brought back */
    assert_int_equal(reap(2, 0), 2);
    was(2, BERTH_E_ABORTED);
    was(5, BERTH_E_ABORTED);
    while (reap(1, -1) > 0)
        ;
    for (uint32_t n = 0; n < 5; n++)
        was(n, n == 2 ? BERTH_E_ABORTED : BERTH_OK);
    assert_int_equal(t.requests, 0);
    assert_int_equal(lab_seen(t.lab, SCSI_READ_10) + lab_seen(t.lab, SCSI_WRITE_10), 4);
    end(1);
}

/* No place in the window, or no task for it. */
static void waiting_for_room(void **state)
{
    (void)state;
    for (int way = 0; way < 2; way++) {
        begin_with(&(struct mini_config){.depth = way ? 2 : 16}, way ? 128 : 2);
        hold(2);
        for (uint32_t n = 0; n < 8; n++)
            submit(n, BERTH_WRITE, 4096);
        assert_int_equal(reap(1, 10), 0);
        for (uint32_t n = 2; n < 8; n += 2)
            assert_int_equal(berth_queue_cancel(t.queue, n), 1);
        assert_int_equal(reap(3, 0), 3);
        for (uint32_t n = 2; n < 8; n += 2)
            was(n, BERTH_E_ABORTED);
        mini_release(t.lab->target);
        while (reap(1, -1) > 0)
            ;
        for (uint32_t n = 0; n < 8; n++)
            was(n, n >= 2 && n % 2 == 0 ? BERTH_E_ABORTED : BERTH_OK);
        assert_int_equal(t.requests, 0);
        end(1);
    }
}

/* On the wire: the target is asked, and the others do not notice. */
static void on_the_wire(void **state)
{
    (void)state;
    for (uint32_t op = BERTH_READ; op <= BERTH_WRITE; op++) {
        begin();
        hold(2);
        for (uint32_t n = 0; n < 4; n++)
            submit(n, op, LEN);
        assert_int_equal(reap(2, 10), 2);
        assert_int_equal(berth_queue_cancel(t.queue, 0), 1);
        assert_int_equal(reap(2, 100), 1);
        was(0, BERTH_E_ABORTED);
        assert_int_equal(t.requests, 1);
        mini_release(t.lab->target);
        assert_int_equal(reap(1, -1), 1);
        was(1, BERTH_OK);
        end(1);
    }
}

/* The response was faster: it stands. */
static void outrun(void **state)
{
    (void)state;
    begin();
    t.release = true;
    hold(1);
    submit(0, BERTH_WRITE, LEN);
    assert_int_equal(reap(1, 10), 0);
    assert_int_equal(berth_queue_cancel(t.queue, 0), 1);
    assert_int_equal(reap(1, -1), 1);
    was(0, BERTH_OK);
    assert_int_equal(mini_disk(t.lab->target)[0], 1);
    end(1);
}

/* Done, only not reaped. */
static void done_already(void **state)
{
    (void)state;
    begin();
    submit(0, BERTH_READ, 512);
    submit(1, BERTH_READ, 512);
    hold(0);
    submit(2, BERTH_READ, 512);
    lab_no_rules(t.lab);
    assert_int_equal(reap(0, 0), 0);
    world_settle(t.lab->world);
    assert_int_equal(berth_queue_cancel(t.queue, 2), 1); /* takes in what has come */
    assert_int_equal(reap(3, -1), 3);
    was(0, BERTH_OK);
    was(1, BERTH_OK);
    end(1);
}

/* It waits out a BUSY: it will not be sent again. */
static void paused(void **state)
{
    (void)state;
    begin();
    lab_rule(t.lab, (struct lab_rule){.op = SCSI_WRITE_10, .turn = MINI_ANSWER, .status = SCSI_BUSY});
    submit(0, BERTH_WRITE, 512);
    assert_int_equal(reap(1, 25), 0);
    uint32_t seen = lab_seen(t.lab, SCSI_WRITE_10);
    assert_int_equal(berth_queue_cancel(t.queue, 0), 1);
    assert_int_equal(reap(1, 0), 1);
    was(0, BERTH_E_ABORTED);
    assert_int_equal(reap(1, 3000), 0);
    assert_int_equal(lab_seen(t.lab, SCSI_WRITE_10), seen);
    end(1);
}

/* BUSY is the answer while it is being aborted: then nothing of it was done. */
static void busy_while_aborted(void **state)
{
    (void)state;
    begin_with(&(struct mini_config){.slow_ns = 100 * NS_MS}, 128);
    t.answer = MINI_SLOW;
    hold(1);
    lab_rule(t.lab, (struct lab_rule){.op = SCSI_WRITE_10, .turn = MINI_ANSWER, .status = SCSI_BUSY});
    submit(0, BERTH_WRITE, 512);
    assert_int_equal(reap(1, 5), 0);
    submit(1, BERTH_WRITE, 512);
    assert_int_equal(berth_queue_cancel(t.queue, 1), 1);
    assert_int_equal(berth_queue_cancel(t.queue, 0), 1);
    while (reap(1, -1) > 0)
        ;
    was(0, BERTH_E_ABORTED);
    was(1, BERTH_E_ABORTED);
    end(1);
}

/* One I/O of many commands, some of them done, some on the wire, some not begun. */
static void in_pieces(void **state)
{
    (void)state;
    begin_with(&(struct mini_config){.depth = 16}, 3);
    t.lab->lun->info.max_transfer_bytes = 512;
    lab_rule(t.lab, (struct lab_rule){.op = LAB_ANY, .skip = 5, .turn = MINI_HOLD});
    submit(0, BERTH_WRITE, LEN);
    submit(1, BERTH_READ, 512);
    assert_int_equal(reap(1, 10), 0);
    assert_int_equal(berth_queue_cancel(t.queue, 0), 1);
    assert_int_equal(reap(1, 100), 1);
    was(0, BERTH_E_ABORTED);
    assert_int_equal(t.requests, 3);
    assert_int_equal(lab_seen(t.lab, SCSI_WRITE_10), 8);
    lab_no_rules(t.lab);
    assert_int_equal(berth_queue_cancel(t.queue, 1), 1);
    assert_int_equal(reap(1, -1), 1);
    end(1);
}

static void many_with_one_tag(void **state)
{
    (void)state;
    begin();
    hold(DEPTH);
    for (uint32_t n = 0; n < DEPTH; n++)
        submit(n, n % 2 ? BERTH_READ : BERTH_WRITE, 512);
    assert_int_equal(reap(1, 10), 0);
    for (uint32_t n = 0; n < DEPTH; n++)
        t.queue->requests[n].io.tag = 5;
    assert_int_equal(berth_queue_cancel(t.queue, 5), DEPTH);
    uint32_t count = 0;
    for (int got; (got = reap(1, -1)) > 0;)
        count += (uint32_t)got;
    assert_int_equal(count, DEPTH);
    assert_int_equal(t.requests, DEPTH);
    end(1);
}

/* --- at whose mercy --- */

/* The session is being sought: what has no session is nobody's but ours. */
static void without_a_session(void **state)
{
    (void)state;
    begin();
    hold(2);
    for (uint32_t n = 0; n < 4; n++)
        submit(n, BERTH_READ, LEN);
    assert_int_equal(reap(2, 10), 2);
    mini_stop(t.lab->target);
    assert_int_equal(reap(1, 500), 0);
    submit(4, BERTH_WRITE, 512);
    assert_int_equal(berth_queue_cancel(t.queue, 0), 1);
    assert_int_equal(berth_queue_cancel(t.queue, 4), 1);
    assert_int_equal(reap(2, 0), 2);
    was(0, BERTH_E_ABORTED);
    was(4, BERTH_E_ABORTED);
    mini_start(t.lab->target);
    assert_int_equal(reap(1, -1), 1);
    was(1, BERTH_OK);
    end(2);
}

/* A target that answers nothing more: bounded all the same. */
static void ignored(void **state)
{
    (void)state;
    begin();
    t.answer = MINI_HOLD;
    hold(1);
    submit(0, BERTH_WRITE, LEN);
    assert_int_equal(reap(1, 10), 0);
    uint64_t begin_ms = world_ms(t.lab->world);
    assert_int_equal(berth_queue_cancel(t.queue, 0), 1);
    assert_int_equal(reap(1, -1), 1);
    was(0, BERTH_E_ABORTED);
    assert_in_range(world_ms(t.lab->world) - begin_ms, 5000, 10005);
    end(2);
}

/* Half way through its data, at every turn. */
static void at_every_turn(void **state)
{
    (void)state;
    for (int turns = 0; turns < 60; turns++)
        for (uint32_t op = BERTH_READ; op <= BERTH_WRITE; op++) {
            memset(&t, 0, sizeof t);
            t.lab = lab_new(&(struct mini_config){.delay_ns = 3 * NS_MS},
                            &(struct sim_faults){.max_segment = 1000});
            assert_int_equal(lab_open(t.lab), 0);
            assert_int_equal(berth_queue_new(&t.queue, t.lab->lun, DEPTH), 0);
            for (uint32_t n = 0; n < 4; n++)
                submit(n, op, LEN);
            for (int n = 0; n < turns; n++)
                reap(4, 0);
            berth_queue_cancel(t.queue, 1);
            berth_queue_cancel(t.queue, 2);
            while (reap(1, -1) > 0)
                ;
            was(0, BERTH_OK);
            was(3, BERTH_OK);
            for (uint32_t n = 1; n < 3; n++)
                was(n, t.error[n] == BERTH_OK ? BERTH_OK : BERTH_E_ABORTED);
            end(1);
        }
}

/* A queue that is freed takes its writes back without costing the session. */
static void a_queue_is_freed(void **state)
{
    (void)state;
    begin();
    hold(8);
    for (uint32_t n = 0; n < 8; n++)
        submit(n, n % 2 ? BERTH_READ : BERTH_WRITE, LEN);
    assert_int_equal(reap(1, 10), 0);
    berth_queue_free(t.queue);
    assert_int_equal(t.requests, 8);
    memset(t.bytes, 0xdb, sizeof t.bytes);
    memset(t.times, 0, sizeof t.times);
    end(1);
}

/* One whose target does not let go is not waited for. */
static void a_queue_is_freed_by_force(void **state)
{
    (void)state;
    begin();
    t.answer = MINI_HOLD;
    hold(8);
    for (uint32_t n = 0; n < 8; n++)
        submit(n, n % 2 ? BERTH_READ : BERTH_WRITE, LEN);
    assert_int_equal(reap(1, 10), 0);
    uint64_t begin_ms = world_ms(t.lab->world);
    berth_queue_free(t.queue);
    assert_in_range(world_ms(t.lab->world) - begin_ms, 490, 510);
    memset(t.bytes, 0xdb, sizeof t.bytes);
    end(2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(not_submitted),
        cmocka_unit_test(not_sent),
        cmocka_unit_test(waiting_for_room),
        cmocka_unit_test(on_the_wire),
        cmocka_unit_test(outrun),
        cmocka_unit_test(done_already),
        cmocka_unit_test(paused),
        cmocka_unit_test(busy_while_aborted),
        cmocka_unit_test(in_pieces),
        cmocka_unit_test(many_with_one_tag),
        cmocka_unit_test(without_a_session),
        cmocka_unit_test(ignored),
        cmocka_unit_test(at_every_turn),
        cmocka_unit_test(a_queue_is_freed),
        cmocka_unit_test(a_queue_is_freed_by_force),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
