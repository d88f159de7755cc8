/* SPDX-License-Identifier: MIT */
/* Queues: what submit and reap return, and whose memory it is when a queue or a LUN goes away. Memory is
 * taken from the heap and given back as soon as the library says so: the address sanitizer watches. */
#include "test.h"

#include "scsi/cdb.h"
#include "scsi/sense.h"

#define DEPTH 8u

/* I/Os with memory of their own. */
struct load {
    struct berth_seg *segs;
    uint8_t *bytes;
    struct berth_io ios[DEPTH];
};

static void load_make(struct load *load, uint32_t op, uint32_t len)
{
    load->segs = calloc(DEPTH, sizeof *load->segs);
    load->bytes = malloc(DEPTH * (size_t)len);
    memset(load->bytes, 0x55, DEPTH * (size_t)len);
    for (uint32_t i = 0; i < DEPTH; i++) {
        load->segs[i] = seg_memory(load->bytes + i * (size_t)len, len);
        load->ios[i] = make_io(op, (uint64_t)i * len, len, &load->segs[i], 1);
        load->ios[i].tag = i;
    }
}

static void load_free(struct load *load)
{
    free(load->segs);
    free(load->bytes);
}

static struct berth_queue *queue(struct lab *l, uint32_t depth)
{
    struct berth_queue *q;
    assert_int_equal(berth_queue_new(&q, l->lun, depth), 0);
    return q;
}

/* --- codes --- */

static void depths(void **state)
{
    struct lab *l = lab_lun(NULL);
    struct berth_queue *q = (void *)16;
    (void)state;
    assert_int_equal(berth_queue_new(&q, l->lun, 0), BERTH_E_ARGUMENT);
    assert_null(q);
    assert_int_equal(berth_queue_new(&q, l->lun, 1025), BERTH_E_ARGUMENT);
    assert_int_equal(berth_queue_new(&q, l->lun, 1024), 0);
    berth_queue_free(q);
    berth_queue_free(NULL);
    lab_free(l);
}

static void submit_codes(void **state)
{
    struct lab *l = lab_lun(NULL);
    struct berth_queue *q = queue(l, 5);
    struct berth_done done[DEPTH];
    struct load load;
    (void)state;
    load_make(&load, BERTH_READ, 512);
    assert_int_equal(berth_queue_submit(q, load.ios, 0), 0);
    load.ios[0].offset_bytes = 1;
    assert_int_equal(berth_queue_submit(q, load.ios, 8), BERTH_E_RANGE);
    load.ios[0].offset_bytes = 0;
    load.ios[3].op = 99;
    assert_int_equal(berth_queue_submit(q, load.ios, 8), 3); /* up to the bad one */
    assert_int_equal(berth_queue_submit(q, load.ios + 3, 5), BERTH_E_ARGUMENT);
    load.ios[3].op = BERTH_READ;
    assert_int_equal(berth_queue_submit(q, load.ios + 3, 5), 2); /* as far as there is room */
    assert_int_equal(berth_queue_submit(q, load.ios, 1), BERTH_E_QUEUE_FULL);
    assert_int_equal(berth_queue_submit(q, load.ios, 0), 0);
    assert_int_equal(l->count, 0); /* nothing is sent before reap */
    assert_int_equal(berth_queue_reap(q, done, 3, 3, -1), 3);
    assert_int_equal(berth_queue_submit(q, load.ios, 8), 3);
    assert_int_equal(berth_queue_reap(q, done, 8, 8, -1), 5);
    assert_int_equal(berth_queue_reap(q, done, 1, 8, -1),
                     0); /* nothing is outstanding: nothing to wait for */
    berth_queue_free(q);
    load_free(&load);
    lab_free(l);
}

static void reap_waits_as_told(void **state)
{
    struct lab *l = lab_lun(NULL);
    struct berth_queue *q = queue(l, DEPTH);
    struct berth_done done[DEPTH];
    struct load load;
    (void)state;
    load_make(&load, BERTH_READ, 512);
    lab_rule(l, (struct lab_rule){.op = LAB_ANY, .skip = 2, .times = 1, .turn = MINI_HOLD});
    assert_int_equal(berth_queue_submit(q, load.ios, 3), 3);
    uint64_t begin = world_ms(l->world);
    int got = 0;
    while (got < 2)
        got += berth_queue_reap(q, done + got, 0, DEPTH - (uint32_t)got, 99999);
    assert_int_equal(world_ms(l->world), begin); /* min 0 waits for nothing */
    assert_int_equal(berth_queue_reap(q, done, 1, DEPTH, 250), 0);
    assert_in_range(world_ms(l->world) - begin, 250, 251);
    assert_int_equal(berth_queue_reap(q, done, 1, DEPTH, 0), 0);
    assert_int_equal(berth_queue_reap(q, done, 1, 0, -1),
                     0); /* no room for completions: nothing to wait for */
    assert_in_range(world_ms(l->world) - begin, 250, 251);
    assert_int_equal(berth_queue_reap(q, done, 5, DEPTH, -1), 1);
    assert_int_equal(done[0].error, BERTH_E_TIMEOUT);
    load_free(&load);
    lab_free(l);
}

/* Completions return to the queue that submitted, whoever does the work. */
static void queues_side_by_side(void **state)
{
    struct lab *l = lab_lun(NULL);
    struct berth_queue *a = queue(l, DEPTH), *b = queue(l, DEPTH);
    struct berth_done done[DEPTH];
    struct load load;
    (void)state;
    load_make(&load, BERTH_READ, 512);
    assert_int_equal(berth_queue_submit(a, load.ios, 4), 4);
    assert_int_equal(berth_queue_submit(b, load.ios + 4, 4), 4);
    assert_int_equal(berth_queue_reap(b, done, 4, DEPTH, -1), 4);
    for (int i = 0; i < 4; i++)
        assert_in_range(done[i].tag, 4, 7);
    assert_int_equal(berth_read(l->lun, load.bytes, 512, 0), 0); /* the blocking calls work beside them */
    assert_int_equal(berth_queue_reap(a, done, 4, DEPTH, -1), 4);
    for (int i = 0; i < 4; i++)
        assert_in_range(done[i].tag, 0, 3);
    load_free(&load);
    lab_free(l);
}

/* --- signals, cancelling, broken waits --- */

static void interrupt(void *arg)
{
    struct lab *l = arg;
    l->world->near->interrupted = true;
}

static void a_signal_ends_the_wait(void **state)
{
    struct lab *l = lab_lun(NULL);
    struct berth_queue *q = queue(l, DEPTH);
    struct berth_done done[DEPTH];
    struct load load;
    (void)state;
    load_make(&load, BERTH_READ, 512);
    lab_rule(l, (struct lab_rule){.op = LAB_ANY, .times = 1, .turn = MINI_HOLD});
    assert_int_equal(berth_queue_submit(q, load.ios, 1), 1);
    l->world->each_turn = interrupt;
    l->world->arg = l;
    uint64_t begin = world_ms(l->world);
    assert_int_equal(berth_queue_reap(q, done, 1, DEPTH, -1), 0);
    assert_true(world_ms(l->world) - begin < 1000);
    assert_int_equal(berth_read(l->lun, load.bytes + 512, 512, 0), 0); /* blocking calls go on */
    load_free(&load);
    lab_free(l);
}

static bool yes;

static bool asked(void *arg)
{
    ++*(uint32_t *)arg;
    return yes;
}

static struct lab *lab_cancellable(uint32_t *asked_times)
{
    struct lab *l = lab_new(&(struct mini_config){.late = true}, NULL);
    yes = false;
    l->options.cancelled = asked;
    l->options.cancelled_arg = asked_times;
    assert_int_equal(lab_open(l), 0);
    return l;
}

static void cancelled_reap(void **state)
{
    uint32_t times = 0;
    struct lab *l = lab_cancellable(&times);
    struct berth_queue *q = queue(l, DEPTH);
    struct berth_done done[DEPTH];
    struct load load;
    (void)state;
    load_make(&load, BERTH_READ, 512);
    lab_rule(l, (struct lab_rule){.op = LAB_ANY, .skip = 2, .times = 1, .turn = MINI_HOLD});
    assert_int_equal(berth_queue_submit(q, load.ios, 3), 3);
    uint64_t begin = world_ms(l->world);
    times = 0;
    assert_int_equal(berth_queue_reap(q, done, 3, DEPTH, 5000), 2);
    assert_in_range(times, 50, 100); /* ten times a second */
    assert_int_equal(world_ms(l->world) - begin, 5000);
    yes = true;
    assert_int_equal(berth_queue_submit(q, load.ios, 2), 2);
    begin = world_ms(l->world);
    int got = 0, reaped;
    for (int i = 0; i<100; i++, got += reaped> 0 ? reaped : 0)
        reaped = berth_queue_reap(q, done, 1, DEPTH, -1);
    assert_int_equal(reaped, BERTH_E_ABORTED); /* nothing is left to be returned */
    assert_int_equal(got, 2);                  /* what completes nevertheless is not lost */
    yes = false;
    assert_int_equal(berth_queue_reap(q, done, 1, DEPTH, -1), 1);
    assert_int_equal(done[0].error, BERTH_E_TIMEOUT);
    load_free(&load);
    lab_free(l);
}

/* The memory of a cancelled call is the caller's again when it returns, and the LUN works on. */
static void cancelled_calls(void **state)
{
    uint32_t times = 0;
    struct lab *l = lab_cancellable(&times);
    (void)state;
    for (uint32_t n = 0; n < 4; n++) {
        uint8_t *buf = malloc(64 * KIB);
        memset(buf, 1, 64 * KIB);
        lab_no_rules(l);
        lab_rule(l, (struct lab_rule){.op = LAB_ANY, .turn = MINI_HOLD});
        yes = true;
        assert_int_equal(n % 2 ? berth_read(l->lun, buf, 64 * KIB, 0)
                               : berth_write(l->lun, buf, 64 * KIB, 0, 0),
                         BERTH_E_ABORTED);
        assert_int_equal(berth_lun_detail(l->lun)->error, BERTH_E_ABORTED);
        free(buf);
        yes = false;
        lab_no_rules(l);
        uint8_t other[512];
        assert_int_equal(berth_read(l->lun, other, sizeof other, 0), 0);
    }
    uint64_t len;
    bool hole;
    yes = true;
    assert_int_equal(berth_extent(l->lun, 0, &len, &hole), BERTH_E_ABORTED);
    yes = false;
    lab_free(l);
}

static void the_engine_fails(void **state)
{
    struct lab *l = lab_lun(NULL);
    struct berth_queue *q = queue(l, DEPTH);
    struct berth_done done[DEPTH];
    struct load load;
    (void)state;
    load_make(&load, BERTH_WRITE, 512);
    assert_int_equal(berth_queue_submit(q, load.ios, DEPTH), DEPTH);
    l->world->poll_error = BERTH_E_SYSTEM;
    assert_int_equal(berth_queue_reap(q, done, DEPTH, DEPTH, -1), DEPTH);
    for (uint32_t i = 0; i < DEPTH; i++)
        assert_int_equal(done[i].error, BERTH_E_SYSTEM);
    assert_int_equal(berth_read(l->lun, load.bytes, 512, 0), BERTH_E_SYSTEM);
    load_free(&load);
    lab_free(l);
}

/* --- whose memory --- */

/* Gives a queue up after every number of turns, with bytes at every place between here and there. What was
 * written afterwards stays: nothing old comes later. */
static void free_in_flight_at(uint32_t turns, uint32_t op)
{
    struct sim_faults faults = {.max_segment = 3000};
    struct mini_config config = {.lu = "ram:1M", .late = true, .delay_ns = 30 * NS_MS};
    struct lab *l = lab_new(&config, &faults);
    struct berth_done done[DEPTH];
    struct load load;
    uint8_t mine[16 * KIB], back[16 * KIB];
    assert_int_equal(lab_open(l), 0);
    struct berth_queue *q = queue(l, DEPTH);
    load_make(&load, op, 16 * KIB);
    assert_int_equal(berth_queue_submit(q, load.ios, DEPTH), DEPTH);
    for (uint32_t i = 0; i < turns; i++)
        berth_queue_reap(q, done, 1, DEPTH, 0);
    berth_queue_free(q);
    load_free(&load);
    fill(mine, sizeof mine, turns);
    for (uint32_t i = 0; i < DEPTH; i++)
        assert_int_equal(berth_write(l->lun, mine, sizeof mine, i * 16 * KIB, 0), 0);
    world_settle(l->world);
    sim_world_advance(l->world->sim, 100 * NS_MS);
    world_settle(l->world);
    for (uint32_t i = 0; i < DEPTH; i++) {
        assert_int_equal(berth_read(l->lun, back, sizeof back, i * 16 * KIB), 0);
        assert_memory_equal(mine, back, sizeof mine);
    }
    lab_free(l);
}

static void queue_free_in_flight(void **state)
{
    (void)state;
    for (uint32_t turns = 0; turns < 120; turns++) {
        free_in_flight_at(turns, BERTH_WRITE);
        free_in_flight_at(turns, BERTH_READ);
    }
}

static void close_in_flight(void **state)
{
    struct sim_faults faults = {.max_segment = 3000};
    (void)state;
    for (uint32_t turns = 0; turns < 120; turns++) {
        struct lab *l = lab_new(&(struct mini_config){.lu = "ram:1M"}, &faults);
        struct berth_done done[DEPTH];
        struct load load;
        assert_int_equal(lab_open(l), 0);
        struct berth_queue *q = queue(l, DEPTH);
        load_make(&load, turns % 2 ? BERTH_READ : BERTH_WRITE, 16 * KIB);
        lab_rule(l, (struct lab_rule){.op = LAB_ANY, .skip = turns % 8, .turn = MINI_HOLD});
        assert_int_equal(berth_queue_submit(q, load.ios, DEPTH), DEPTH);
        for (uint32_t i = 0; i < turns; i++)
            berth_queue_reap(q, done, 1, DEPTH, 0);
        uint64_t begin = world_ms(l->world);
        berth_lun_close(l->lun);
        l->lun = NULL;
        assert_true(world_ms(l->world) - begin <= 1000);
        load_free(&load);
        lab_free(l);
    }
}

/* Commands that wait out a BUSY are nobody's any more, and are not sent again. */
static void free_while_paused(void **state)
{
    struct lab *l = lab_lun(NULL);
    struct berth_queue *q = queue(l, DEPTH);
    struct berth_done done[DEPTH];
    struct load load;
    uint8_t buf[512];
    (void)state;
    load_make(&load, BERTH_WRITE, 512);
    lab_rule(l, (struct lab_rule){.op = SCSI_WRITE_10, .turn = MINI_ANSWER, .status = SCSI_BUSY});
    assert_int_equal(berth_queue_submit(q, load.ios, DEPTH), DEPTH);
    assert_int_equal(berth_queue_reap(q, done, 1, DEPTH, 50), 0);
    assert_true(l->count >= DEPTH);
    berth_queue_free(q);
    load_free(&load);
    lab_no_rules(l);
    l->count = 0;
    lab_rule(l, (struct lab_rule){.op = SCSI_READ_10, .times = 8, .turn = MINI_ANSWER, .status = SCSI_BUSY});
    assert_int_equal(berth_read(l->lun, buf, sizeof buf, 0), 0);
    assert_int_equal(lab_seen(l, SCSI_WRITE_10), 0);
    assert_int_equal(l->count, 9);
    for (uint32_t i = 0; i < 200; i++) /* their tasks are free again */
        assert_int_equal(berth_read(l->lun, buf, sizeof buf, 0), 0);
    lab_free(l);
}

/* Writes are answered before their data has left: they are done only when it has, or are cut off with their
 * queue. */
static void answered_before_the_data_is_out(uint32_t turns, uint32_t *errors)
{
    struct sim_faults faults = {.max_segment = 500};
    struct mini_config config = {.lu = "ram:1M", .first_burst = 65536, .early = true};
    struct lab *l = lab_new(&config, &faults);
    struct berth_done done[DEPTH];
    struct load load;
    uint8_t buf[512];
    assert_int_equal(lab_open(l), 0);
    struct berth_queue *q = queue(l, DEPTH);
    load_make(&load, BERTH_WRITE, 64 * KIB);
    assert_int_equal(berth_queue_submit(q, load.ios, DEPTH), DEPTH);
    for (uint32_t i = 0; i < turns; i++) {
        int got = berth_queue_reap(q, done, 1, DEPTH, 0);
        for (int n = 0; n < got; n++, ++*errors)
            assert_int_equal(done[n].error, BERTH_E_RESERVED);
    }
    berth_queue_free(q);
    load_free(&load);
    assert_int_equal(berth_read(l->lun, buf, sizeof buf, 0), 0);
    lab_free(l);
}

static void free_with_data_on_its_way(void **state)
{
    uint32_t errors = 0;
    (void)state;
    for (uint32_t turns = 20; turns < 1500; turns += 13)
        answered_before_the_data_is_out(turns, &errors);
    assert_true(errors > 100);
}

/* Taking a queue away while others are at work leaves the others whole. */
static void other_queues_do_not_notice(void **state)
{
    struct sim_faults faults = {.max_segment = 3000};
    (void)state;
    for (uint32_t turns = 0; turns < 60; turns += 3) {
        struct lab *l = lab_new(&(struct mini_config){.lu = "ram:1M"}, &faults);
        struct berth_done done[DEPTH];
        struct load load, other;
        assert_int_equal(lab_open(l), 0);
        struct berth_queue *a = queue(l, DEPTH), *b = queue(l, DEPTH);
        load_make(&load, BERTH_WRITE, 16 * KIB);
        load_make(&other, BERTH_READ, 16 * KIB);
        memset(mini_disk(l->target) + 512 * KIB, 0xab, 128 * KIB);
        for (uint32_t i = 0; i < DEPTH; i++)
            other.ios[i].offset_bytes += 512 * KIB;
        assert_int_equal(berth_queue_submit(a, load.ios, DEPTH), DEPTH);
        assert_int_equal(berth_queue_submit(b, other.ios, DEPTH), DEPTH);
        for (uint32_t i = 0; i < turns; i++)
            berth_queue_reap(a, done, 1, DEPTH, 0);
        berth_queue_free(a);
        load_free(&load);
        assert_int_equal(berth_queue_reap(b, done, DEPTH, DEPTH, -1), DEPTH);
        for (uint32_t i = 0; i < DEPTH; i++)
            assert_int_equal(done[i].error, 0);
        assert_int_equal(other.bytes[0], 0xab);
        assert_int_equal(other.bytes[128 * KIB - 1], 0xab);
        load_free(&other);
        lab_free(l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(depths),
        cmocka_unit_test(submit_codes),
        cmocka_unit_test(reap_waits_as_told),
        cmocka_unit_test(queues_side_by_side),
        cmocka_unit_test(a_signal_ends_the_wait),
        cmocka_unit_test(cancelled_reap),
        cmocka_unit_test(cancelled_calls),
        cmocka_unit_test(the_engine_fails),
        cmocka_unit_test(queue_free_in_flight),
        cmocka_unit_test(close_in_flight),
        cmocka_unit_test(free_while_paused),
        cmocka_unit_test(free_with_data_on_its_way),
        cmocka_unit_test(other_queues_do_not_notice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
