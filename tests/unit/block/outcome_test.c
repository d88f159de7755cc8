/* SPDX-License-Identifier: MIT */
/* Outcomes of commands: which error they are, and which commands are sent again. */
#include "test.h"

#include <stdio.h>

#include "scsi/cdb.h"
#include "scsi/sense.h"

/* --- errors --- */

struct error_row {
    uint8_t status, key;
    uint16_t asc;
    int expected;
};

static void errors(void **state)
{
    static const struct error_row rows[] = {
        {0, SENSE_DATA_PROTECT, 0x2707, BERTH_E_NO_SPACE},
        {0, SENSE_DATA_PROTECT, 0x2700, BERTH_E_READ_ONLY},
        {0, SENSE_DATA_PROTECT, 0x0000, BERTH_E_READ_ONLY},
        {0, SENSE_MEDIUM_ERROR, 0x1100, BERTH_E_MEDIUM},
        {0, SENSE_MEDIUM_ERROR, 0x0c00, BERTH_E_MEDIUM},
        {0, SENSE_HARDWARE_ERROR, 0x4400, BERTH_E_MEDIUM},
        {0, SENSE_ILLEGAL_REQUEST, 0x2100, BERTH_E_RANGE},
        {0, SENSE_ILLEGAL_REQUEST, 0x2500, BERTH_E_NO_LUN},
        {0, SENSE_ILLEGAL_REQUEST, 0x2000, BERTH_E_UNSUPPORTED},
        {0, SENSE_ILLEGAL_REQUEST, 0x2400, BERTH_E_UNSUPPORTED},
        {0, SENSE_ILLEGAL_REQUEST, 0x2600, BERTH_E_SCSI},
        {0, SENSE_NOT_READY, 0x3a00, BERTH_E_SCSI},
        {0, SENSE_NOT_READY, 0x0402, BERTH_E_SCSI},
        {0, SENSE_NOT_READY, 0x0404, BERTH_E_SCSI},
        {0, SENSE_ABORTED_COMMAND, 0x1001, BERTH_E_MEDIUM},
        {0, SENSE_VENDOR, 0x8001, BERTH_E_SCSI},
        {0, SENSE_BLANK_CHECK, 0, BERTH_E_SCSI},
        {0, SENSE_MISCOMPARE, 0x1d00, BERTH_E_SCSI},
        {SCSI_RESERVATION_CONFLICT, 0, 0, BERTH_E_RESERVED},
        {SCSI_ACA_ACTIVE, 0, 0, BERTH_E_SCSI},
        {SCSI_CONDITION_MET, 0, 0, BERTH_E_SCSI},
        {0x77, 0, 0, BERTH_E_SCSI}, /* nobody knows it */
    };
    struct lab *l = lab_lun(NULL);
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct error_row *r = &rows[i];
        uint8_t buf[512] = {0};
        struct berth_seg seg = seg_memory(buf, sizeof buf);
        struct berth_io io = make_io(i % 2 ? BERTH_READ : BERTH_WRITE, 0, sizeof buf, &seg, 1);
        struct berth_done done;
        lab_no_rules(l);
        l->count = 0;
        uint8_t op = i % 2 ? SCSI_READ_10 : SCSI_WRITE_10;
        lab_rule(l, (struct lab_rule){
                        .op = op, .turn = MINI_ANSWER, .status = r->status, .key = r->key, .asc = r->asc});
        assert_int_equal(one_io(l->lun, &io, &done), r->expected);
        assert_int_equal(done.scsi_status, r->key ? SCSI_CHECK_CONDITION : r->status);
        assert_int_equal(done.sense_key, r->key);
        assert_int_equal(done.asc, r->asc);
        assert_int_equal(lab_seen(l, op), 1); /* none of these is tried again */
    }
    lab_free(l);
}

/* A CHECK CONDITION without sense, and an iSCSI response that is none of success. */
static void no_sense_and_target_failure(void **state)
{
    uint8_t buf[512];
    struct lab *l = lab_lun(NULL);
    struct berth_seg seg = seg_memory(buf, sizeof buf);
    struct berth_io io = make_io(BERTH_READ, 0, sizeof buf, &seg, 1);
    struct berth_done done;
    (void)state;
    lab_rule(l, (struct lab_rule){.op = SCSI_READ_10,
                                  .times = 1,
                                  .turn = MINI_ANSWER,
                                  .key = SENSE_UNIT_ATTENTION,
                                  .no_sense = true});
    assert_int_equal(one_io(l->lun, &io, &done), BERTH_E_SCSI);
    assert_int_equal(done.scsi_status, SCSI_CHECK_CONDITION);
    assert_int_equal(done.sense_key, 0);
    lab_rule(l, (struct lab_rule){
                    .op = SCSI_READ_10, .times = 1, .turn = MINI_ANSWER, .status = SCSI_BUSY, .response = 1});
    assert_int_equal(one_io(l->lun, &io, &done), BERTH_E_TARGET);
    assert_int_equal(done.scsi_status, 0);
    lab_free(l);
}

/* GOOD, but with less data than was asked for. */
static void short_is_no_success(void **state)
{
    uint8_t buf[1024], half[512] = {0};
    struct lab *l = lab_lun(NULL);
    (void)state;
    lab_rule(l, (struct lab_rule){.op = SCSI_READ_10, .turn = MINI_ANSWER, .data = half, .len = sizeof half});
    assert_int_equal(berth_read(l->lun, buf, sizeof buf, 0), BERTH_E_SHORT);
    lab_free(l);
}

/* --- sent again --- */

struct again_row {
    uint8_t status, key;
    uint16_t asc;
    bool paused;
};

static const struct again_row again_rows[] = {
    {0, SENSE_UNIT_ATTENTION, 0x2900, false},  {0, SENSE_UNIT_ATTENTION, 0x3f0e, false},
    {0, SENSE_ABORTED_COMMAND, 0x0000, false}, {0, SENSE_ABORTED_COMMAND, 0x4705, false},
    {SCSI_TASK_ABORTED, 0, 0, false},          {SCSI_BUSY, 0, 0, true},
    {SCSI_TASK_SET_FULL, 0, 0, true},          {0, SENSE_NOT_READY, 0x0401, true},
    {0, SENSE_NOT_READY, 0x0407, true},        {0, SENSE_NOT_READY, 0x040a, true},
};

static void answer_with(struct lab *l, uint8_t op, const struct again_row *r, uint32_t times)
{
    lab_no_rules(l);
    l->count = 0;
    lab_rule(l, (struct lab_rule){.op = op,
                                  .times = times,
                                  .turn = MINI_ANSWER,
                                  .status = r->status,
                                  .key = r->key,
                                  .asc = r->asc});
}

static void again(void **state)
{
    struct lab *l = lab_lun(NULL);
    (void)state;
    for (size_t i = 0; i < sizeof again_rows / sizeof again_rows[0]; i++) {
        const struct again_row *r = &again_rows[i];
        uint8_t buf[512], back[512];
        struct berth_stats before, after;
        fill(buf, sizeof buf, (uint32_t)i);
        berth_lun_stats(l->lun, &before);
        answer_with(l, SCSI_WRITE_10, r, 3);
        assert_int_equal(berth_write(l->lun, buf, sizeof buf, 0, 0), 0);
        assert_int_equal(lab_seen(l, SCSI_WRITE_10), 4);
        berth_lun_stats(l->lun, &after);
        assert_int_equal(after.retries - before.retries, 3);
        assert_int_equal(after.commands - before.commands, 1);
        assert_int_equal(berth_read(l->lun, back, sizeof back, 0), 0);
        assert_memory_equal(buf, back, sizeof buf);
        for (uint32_t n = 1; n < 4; n++) {
            uint64_t pause =
                lab_find(l, SCSI_WRITE_10, n)->time_ns - lab_find(l, SCSI_WRITE_10, n - 1)->time_ns;
            uint64_t base = 10 * NS_MS << (n - 1);
            assert_true(r->paused ? pause >= base && pause <= base * 5 / 4 + NS_MS : pause < 5 * NS_MS);
        }
    }
    lab_free(l);
}

/* Not for ever: eight times at once, or until the command's time is over. */
static void not_for_ever(void **state)
{
    struct lab *l = lab_lun(NULL);
    (void)state;
    for (size_t i = 0; i < sizeof again_rows / sizeof again_rows[0]; i++) {
        const struct again_row *r = &again_rows[i];
        uint8_t buf[512];
        uint64_t begin = world_ms(l->world);
        answer_with(l, SCSI_READ_10, r, 0);
        assert_int_equal(berth_read(l->lun, buf, sizeof buf, 0), BERTH_E_SCSI);
        uint64_t took = world_ms(l->world) - begin;
        if (r->paused) {
            assert_in_range(took, 30000, 31400);
            assert_in_range(lab_seen(l, SCSI_READ_10), 30, 45);
        } else {
            assert_int_equal(lab_seen(l, SCSI_READ_10), 9);
            assert_true(took < 100);
        }
        lab_no_rules(l);
        assert_int_equal(berth_read(l->lun, buf, sizeof buf, 0), 0);
    }
    lab_free(l);
}

/* Not even if there is no command that does not hear of it. */
static void a_storm_of_attentions(void **state)
{
    static const struct again_row reset = {0, SENSE_UNIT_ATTENTION, 0x2900, false};
    uint8_t buf[512];
    struct lab *l = lab_lun(NULL);
    (void)state;
    answer_with(l, LAB_ANY, &reset, 0);
    uint64_t begin = world_ms(l->world);
    int error = berth_read(l->lun, buf, sizeof buf, 0);
    assert_true(error == BERTH_E_SCSI || error == BERTH_E_TIMEOUT);
    assert_in_range(world_ms(l->world) - begin, 29000, 31000);
    assert_true(l->count < 1500); /* with pauses: no hammering */
    lab_no_rules(l);
    assert_int_equal(berth_read(l->lun, buf, sizeof buf, 0), 0);
    lab_free(l);
}

static uint32_t told[8]; /* notices by kind */
static char told_last[128];

static void note(void *arg, const struct berth_notice *n)
{
    (void)arg;
    told[n->kind]++;
    snprintf(told_last, sizeof told_last, "%s", n->text);
}

static struct lab *lab_that_tells(void)
{
    struct lab *l = lab_new(NULL, NULL);
    memset(told, 0, sizeof told);
    l->options.notice = note;
    assert_int_equal(lab_open(l), 0);
    return l;
}

static struct lab_rule once(uint8_t key, uint16_t asc, bool deferred)
{
    return (struct lab_rule){
        .op = LAB_ANY, .times = 1, .turn = MINI_ANSWER, .key = key, .asc = asc, .deferred = deferred};
}

/* Deferred sense speaks of an earlier command: this one was not begun and goes again, and what is lost is
 * told by a notice, a counter and the next flush, once each. */
static void deferred_errors_are_told(void **state)
{
    uint8_t buf[512] = {0};
    struct lab *l = lab_that_tells();
    struct berth_io flush = make_io(BERTH_FLUSH, 0, 0, NULL, 0);
    struct berth_stats stats;
    struct berth_done done;
    (void)state;
    lab_rule(l, once(SENSE_MEDIUM_ERROR, ASC_WRITE_ERROR, true));
    assert_int_equal(berth_read(l->lun, buf, sizeof buf, 0), 0);
    assert_int_equal(l->count, 2);
    assert_int_equal(told[BERTH_NOTICE_WRITES], 1);
    assert_string_equal(told_last,
                        "the LUN failed to keep data that it had acknowledged: MEDIUM ERROR, 0ch/00h");
    berth_lun_stats(l->lun, &stats);
    assert_int_equal(stats.lost_writes, 1);
    assert_int_equal(berth_write(l->lun, buf, sizeof buf, 0, 0), 0);
    assert_int_equal(one_io(l->lun, &flush, &done), BERTH_E_MEDIUM);
    assert_int_equal(done.tag, flush.tag);
    assert_int_equal(done.scsi_status, SCSI_CHECK_CONDITION);
    assert_int_equal(done.sense_key, SENSE_MEDIUM_ERROR);
    assert_int_equal(done.asc, ASC_WRITE_ERROR);
    assert_int_equal(berth_flush(l->lun), 0);
    lab_free(l);
}

/* The flush itself may be the one that hears of it. */
static void deferred_errors_of_a_flush(void **state)
{
    struct lab *l = lab_that_tells();
    (void)state;
    lab_rule(l, once(SENSE_HARDWARE_ERROR, 0x4400, true));
    assert_int_equal(berth_flush(l->lun), BERTH_E_MEDIUM);
    assert_int_equal(berth_flush(l->lun), 0);
    assert_int_equal(told[BERTH_NOTICE_WRITES], 1);
    lab_free(l);
}

static void deferred_trouble_without_loss(void **state)
{
    uint8_t buf[512];
    struct lab *l = lab_that_tells();
    (void)state;
    lab_rule(l, once(SENSE_RECOVERED, 0x1800, true));
    assert_int_equal(berth_read(l->lun, buf, sizeof buf, 0), 0);
    assert_int_equal(l->count, 2);
    assert_int_equal(berth_flush(l->lun), 0);
    assert_int_equal(told[BERTH_NOTICE_WRITES], 0);
    lab_free(l);
}

static void news_are_told(void **state)
{
    static const struct {
        uint16_t asc;
        uint32_t kind;
    } rows[] = {{0x3807, BERTH_NOTICE_SPACE},
                {ASC_RESERVATIONS_PREEMPTED, BERTH_NOTICE_RIGHTS},
                {ASC_RESERVATIONS_RELEASED, BERTH_NOTICE_RIGHTS},
                {ASC_REGISTRATIONS_PREEMPTED, BERTH_NOTICE_RIGHTS}};
    uint8_t buf[512];
    struct lab *l = lab_that_tells();
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        memset(told, 0, sizeof told);
        lab_rule(l, once(SENSE_UNIT_ATTENTION, rows[i].asc, false));
        assert_int_equal(berth_read(l->lun, buf, sizeof buf, 0), 0);
        assert_int_equal(told[rows[i].kind], 1);
    }
    lab_free(l);
}

/* --- where the damage is --- */

static void place_of_the_damage(void **state)
{
    static const struct {
        uint64_t lba, expected;
    } rows[] = {{8, 4096},       {9, 4608},        {15, 7680},
                {7, UINT64_MAX}, {16, UINT64_MAX}, {1ull << 40, UINT64_MAX}};
    uint8_t buf[4096];
    struct lab *l = lab_lun(NULL);
    struct berth_seg seg = seg_memory(buf, sizeof buf);
    struct berth_io io = make_io(BERTH_READ, 4096, sizeof buf, &seg, 1);
    struct berth_done done;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct lab_rule rule = once(SENSE_MEDIUM_ERROR, ASC_UNRECOVERED_READ, false);
        rule.has_information = true;
        rule.information = rows[i].lba;
        lab_rule(l, rule);
        assert_int_equal(one_io(l->lun, &io, &done), BERTH_E_MEDIUM);
        assert_true(done.bad_offset_bytes == rows[i].expected);
    }
    lab_rule(l, once(SENSE_MEDIUM_ERROR, ASC_UNRECOVERED_READ, false));
    assert_int_equal(one_io(l->lun, &io, &done), BERTH_E_MEDIUM);
    assert_true(done.bad_offset_bytes == UINT64_MAX);
    lab_free(l);
}

/* --- how many at once --- */

struct crowd {
    uint32_t most, now, seen; /* the target takes `most` commands, has `now`, and saw `seen` at once */
    uint32_t refused, ended;
};

static enum mini_turn count(void *arg, struct task *task)
{
    struct crowd *c = arg;
    if (c->now == c->most) {
        c->refused++;
        mini_status(task, SCSI_TASK_SET_FULL);
        return MINI_ANSWER;
    }
    c->now++;
    c->seen = c->now > c->seen ? c->now : c->seen;
    return MINI_EXECUTE;
}

static void count_ended(void *arg, struct task *task)
{
    (void)task;
    ((struct crowd *)arg)->now--;
    ((struct crowd *)arg)->ended++;
}

static void reads_in_a_row(struct lab *l, uint32_t total)
{
    static uint8_t buf[512];
    struct berth_seg seg = seg_memory(buf, sizeof buf);
    struct berth_io io = make_io(BERTH_READ, 0, sizeof buf, &seg, 1);
    struct berth_queue *q;
    struct berth_done done[32];
    assert_int_equal(berth_queue_new(&q, l->lun, 32), 0);
    for (uint32_t sent = 0, ended = 0; ended < total;) {
        while (sent < total && berth_queue_submit(q, &io, 1) == 1)
            sent++;
        int got = berth_queue_reap(q, done, 1, 32, -1);
        for (int i = 0; i < got; i++)
            assert_int_equal(done[i].error, 0);
        ended += (uint32_t)got;
    }
    berth_queue_free(q);
}

/* TASK SET FULL: fewer are sent, so that hardly any is refused in the end, and more again when there is room.
 */
static void depth_follows_the_task_set(void **state)
{
    struct crowd crowd = {.most = 32};
    struct lab *l = lab_lun(&(struct mini_config){.lu = "ram:1M", .depth = 32, .delay_ns = NS_MS});
    (void)state;
    mini_config(l->target)->script = count;
    mini_config(l->target)->ended = count_ended;
    mini_config(l->target)->arg = &crowd;
    reads_in_a_row(l, 1000);
    assert_int_equal(crowd.seen, 32);
    assert_int_equal(crowd.refused, 0);

    crowd.most = 4;
    reads_in_a_row(l, 1000);
    uint32_t first = crowd.refused;
    assert_in_range(first, 4, 200);
    assert_in_range(l->lun->depth.limit, 1, 8);
    crowd.refused = 0;
    reads_in_a_row(l, 1000);
    assert_in_range(crowd.refused, 1, 100); /* it tries from time to time */

    crowd.most = 32;
    crowd.seen = 0;
    reads_in_a_row(l, 10000);
    assert_int_equal(crowd.seen, 32);
    lab_free(l);
}

/* A task set of one. */
static void one_at_a_time(void **state)
{
    struct crowd crowd = {.most = 1};
    struct lab *l = lab_lun(&(struct mini_config){.lu = "ram:1M", .depth = 32, .delay_ns = NS_MS});
    (void)state;
    mini_config(l->target)->script = count;
    mini_config(l->target)->ended = count_ended;
    mini_config(l->target)->arg = &crowd;
    reads_in_a_row(l, 300);
    assert_int_equal(crowd.seen, 1);
    assert_in_range(l->lun->depth.limit, 1, 3);
    lab_free(l);
}

/* Recovered with all data there is a success, without the data it is not. */
static void recovered_errors(void **state)
{
    uint8_t buf[512] = {0};
    struct lab *l = lab_lun(NULL);
    (void)state;
    lab_rule(l, (struct lab_rule){.op = LAB_ANY, .turn = MINI_ANSWER, .key = SENSE_RECOVERED, .asc = 0x1701});
    assert_int_equal(berth_write(l->lun, buf, sizeof buf, 0, 0), 0);
    assert_int_equal(berth_flush(l->lun), 0);
    assert_int_equal(berth_read(l->lun, buf, sizeof buf, 0), BERTH_E_SHORT);
    lab_free(l);
}

/* While some commands wait out a BUSY, the others go on; and the shortest pause counts, not the oldest. */
static void pauses_are_each_commands_own(void **state)
{
    static uint8_t buf[4][512];
    struct lab *l = lab_lun(NULL);
    struct berth_queue *q;
    struct berth_done done[4];
    struct berth_seg segs[4];
    struct berth_io ios[4];
    (void)state;
    for (uint32_t i = 0; i < 4; i++) {
        segs[i] = seg_memory(buf[i], 512);
        ios[i] = make_io(BERTH_READ, i * 512, 512, &segs[i], 1);
        ios[i].tag = i;
    }
    assert_int_equal(berth_queue_new(&q, l->lun, 4), 0);
    lab_rule(l, (struct lab_rule){.op = LAB_ANY, .times = 7, .turn = MINI_ANSWER, .status = SCSI_BUSY});
    assert_int_equal(berth_queue_submit(q, ios, 1), 1);
    uint64_t begin = world_ms(l->world); /* the first one is refused 7 times and waits for a second at last */
    while (l->count < 7)
        assert_int_equal(berth_queue_reap(q, done, 1, 4, 1), 0);
    lab_rule(l, (struct lab_rule){.op = LAB_ANY, .times = 1, .turn = MINI_ANSWER, .status = SCSI_BUSY});
    assert_int_equal(berth_queue_submit(q, ios + 1, 3), 3);
    uint64_t then = world_ms(l->world);
    assert_int_equal(berth_queue_reap(q, done, 3, 4, -1), 3);
    assert_true(world_ms(l->world) - then <= 20);
    assert_int_equal(berth_queue_reap(q, done, 1, 4, -1), 1);
    assert_int_equal(done[0].tag, 0);
    assert_true(world_ms(l->world) - begin >= 1270);
    lab_free(l);
}

/* A session that is gone for good ends the commands that wait in a pause, too. */
static void paused_when_the_session_fails(void **state)
{
    uint8_t buf[512];
    struct lab *l = lab_new(NULL, NULL);
    struct berth_seg seg = seg_memory(buf, sizeof buf);
    struct berth_io io = make_io(BERTH_READ, 0, sizeof buf, &seg, 1);
    struct berth_queue *q;
    struct berth_done done;
    (void)state;
    l->options.recovery_timeout_ms = 0;
    assert_int_equal(lab_open(l), 0);
    assert_int_equal(berth_queue_new(&q, l->lun, 4), 0);
    lab_rule(l, (struct lab_rule){.op = LAB_ANY, .turn = MINI_ANSWER, .status = SCSI_BUSY});
    assert_int_equal(berth_queue_submit(q, &io, 1), 1);
    while (l->count < 8)
        assert_int_equal(berth_queue_reap(q, &done, 1, 1, 1), 0);
    mini_stop(l->target);
    uint64_t begin = world_ms(l->world);
    assert_int_equal(berth_queue_reap(q, &done, 1, 1, -1), 1);
    assert_int_equal(done.error, BERTH_E_LOST);
    assert_true(world_ms(l->world) - begin <= 1000);
    assert_int_equal(berth_queue_submit(q, &io, 1), 1); /* and so does everything that comes later */
    assert_int_equal(berth_queue_reap(q, &done, 1, 1, -1), 1);
    assert_int_equal(done.error, BERTH_E_LOST);
    assert_int_equal(berth_read(l->lun, buf, sizeof buf, 0), BERTH_E_LOST);
    lab_free(l);
}

/* The answer that would have it sent again arrives together with the end of the session. */
static void attention_when_the_session_fails(void **state)
{
    uint8_t buf[512];
    struct lab *l = lab_new(NULL, NULL);
    (void)state;
    l->options.recovery_timeout_ms = 0;
    assert_int_equal(lab_open(l), 0);
    lab_rule(l,
             (struct lab_rule){.op = LAB_ANY, .times = 3, .turn = MINI_ANSWER, .key = SENSE_UNIT_ATTENTION});
    lab_rule(l, (struct lab_rule){.op = LAB_ANY, .turn = MINI_DROP});
    assert_int_equal(berth_read(l->lun, buf, sizeof buf, 0), BERTH_E_LOST);
    lab_free(l);
}

/* --- commands that are late --- */

/* Answers that never come: those I/Os end when their time is over, one by one, and the session stays. */
static void late_commands(void **state)
{
    static uint8_t buf[8][512];
    struct lab *l = lab_lun(&(struct mini_config){.lu = "ram:1M"});
    struct berth_queue *q;
    struct berth_done done[8];
    struct berth_seg segs[8];
    struct berth_io ios[8];
    int timeouts = 0;
    (void)state;
    for (uint32_t i = 0; i < 8; i++) {
        segs[i] = seg_memory(buf[i], 512);
        ios[i] = make_io(i % 2 ? BERTH_READ : BERTH_WRITE, i * 512, 512, &segs[i], 1);
        ios[i].tag = i;
    }
    assert_int_equal(berth_queue_new(&q, l->lun, 8), 0);
    lab_rule(l, (struct lab_rule){.op = LAB_ANY, .skip = 2, .times = 1, .turn = MINI_HOLD});
    uint64_t begin = world_ms(l->world);
    assert_int_equal(berth_queue_submit(q, ios, 8), 8);
    assert_int_equal(berth_queue_reap(q, done, 7, 8, -1), 7);
    assert_true(world_ms(l->world) - begin < 200);
    for (int i = 0; i < 7; i++)
        assert_int_equal(done[i].error, 0);
    begin = world_ms(l->world);
    assert_int_equal(berth_queue_submit(q, ios + 4, 4), 4);
    lab_rule(l, (struct lab_rule){.op = LAB_ANY, .times = 4, .turn = MINI_HOLD}); /* these were on the way */
    assert_int_equal(berth_queue_reap(q, done, 5, 8, 29000), 0);
    assert_int_equal(berth_queue_reap(q, done, 5, 8, -1), 5);
    assert_in_range(world_ms(l->world) - begin, 30000, 30200);
    for (int i = 0; i < 5; i++)
        timeouts += done[i].error == BERTH_E_TIMEOUT;
    assert_int_equal(timeouts, 5);
    assert_int_equal(berth_read(l->lun, buf[0], 512, 0), 0);
    assert_int_equal(berth_lun_info(l->lun)->reconnects, 0);
    lab_free(l);
}

/* One command at a time, and this one is not answered. */
static struct berth_queue *behind_a_late_one(struct lab *l, struct berth_io ios[3], struct berth_seg segs[3])
{
    static uint8_t buf[3][512];
    struct berth_queue *q;
    l->lun->depth.limit = l->lun->depth.most = 1;
    for (uint32_t i = 0; i < 3; i++) {
        segs[i] = seg_memory(buf[i], 512);
        ios[i] = make_io(BERTH_READ, i * 512, 512, &segs[i], 1);
        ios[i].timeout_ms = i == 2 ? 700 : 1000;
        ios[i].tag = i;
    }
    assert_int_equal(berth_queue_new(&q, l->lun, 3), 0);
    assert_int_equal(berth_queue_submit(q, ios, 3), 3);
    return q;
}

/* What waits to become a command has a deadline all the same, each its own. */
static void late_before_it_is_sent(void **state)
{
    struct lab *l = lab_lun(NULL);
    struct berth_seg segs[3];
    struct berth_io ios[3];
    struct berth_done done;
    (void)state;
    lab_rule(l, (struct lab_rule){.op = LAB_ANY, .turn = MINI_HOLD});
    uint64_t begin = world_ms(l->world);
    struct berth_queue *q = behind_a_late_one(l, ios, segs);
    for (uint32_t n = 0; n < 3; n++) {
        assert_int_equal(berth_queue_reap(q, &done, 1, 1, -1), 1);
        assert_int_equal(done.error, BERTH_E_TIMEOUT);
        assert_int_equal(done.tag == 2, n == 0);
        assert_in_range(world_ms(l->world) - begin, n ? 1000 : 700, n ? 1010 : 701);
    }
    assert_int_equal(lab_seen(l, SCSI_READ_10), 1);
    lab_free(l);
}

/* Not the time in which there was no session. */
static void an_outage_is_not_waiting(void **state)
{
    struct lab *l = lab_lun(NULL);
    struct berth_seg segs[3];
    struct berth_io ios[3];
    struct berth_done done[3];
    (void)state;
    lab_rule(l, (struct lab_rule){.op = LAB_ANY, .times = 1, .turn = MINI_HOLD});
    struct berth_queue *q = behind_a_late_one(l, ios, segs);
    assert_int_equal(berth_queue_reap(q, done, 3, 3, 500), 0);
    mini_stop(l->target);
    assert_int_equal(berth_queue_reap(q, done, 3, 3, 5000), 0);
    mini_start(l->target);
    assert_int_equal(berth_queue_reap(q, done, 3, 3, 5000), 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(done[i].error, 0);
    lab_free(l);
}

/* Only the one whose time is over; the other one has its own. */
static void late_one_of_two(void **state)
{
    static uint8_t buf[2][512];
    struct lab *l = lab_lun(NULL);
    struct berth_queue *q;
    struct berth_done done[2];
    struct berth_seg segs[2] = {seg_memory(buf[0], 512), seg_memory(buf[1], 512)};
    struct berth_io ios[2] = {make_io(BERTH_WRITE, 0, 512, &segs[0], 1),
                              make_io(BERTH_WRITE, 512, 512, &segs[1], 1)};
    (void)state;
    ios[0].tag = 0;
    assert_int_equal(berth_queue_new(&q, l->lun, 2), 0);
    lab_rule(l, (struct lab_rule){.op = LAB_ANY, .times = 2, .turn = MINI_HOLD});
    assert_int_equal(berth_queue_submit(q, ios, 1), 1);
    assert_int_equal(berth_queue_reap(q, done, 1, 2, 20000), 0);
    assert_int_equal(berth_queue_submit(q, ios + 1, 1), 1);
    assert_int_equal(berth_queue_reap(q, done, 1, 2, 9000), 0);
    assert_int_equal(berth_queue_reap(q, done, 1, 2, 1100), 1);
    assert_int_equal(done[0].tag, 0);
    assert_int_equal(done[0].error, BERTH_E_TIMEOUT);
    assert_int_equal(berth_queue_reap(q, done, 1, 2, 19000), 0);
    assert_int_equal(berth_queue_reap(q, done, 1, 2, 1100), 1);
    assert_int_equal(done[0].tag, 77);
    assert_int_equal(done[0].error, BERTH_E_TIMEOUT);
    assert_int_equal(lab_seen(l, SCSI_WRITE_10), 2);
    lab_free(l);
}

/* A command under which every session dies ends one day; the others do not suffer for it. */
static void a_command_that_kills(void **state)
{
    static uint8_t buf[512];
    struct lab *l = lab_new(NULL, NULL);
    struct berth_seg seg = seg_memory(buf, sizeof buf);
    struct berth_io io = make_io(BERTH_WRITE, 0, sizeof buf, &seg, 1);
    struct berth_done done;
    (void)state;
    l->options.recovery_timeout_ms = 60000;
    assert_int_equal(lab_open(l), 0);
    lab_rule(l, (struct lab_rule){.op = SCSI_WRITE_10, .turn = MINI_DROP});
    uint64_t begin = world_ms(l->world);
    int error = one_io(l->lun, &io, &done);
    assert_in_range(world_ms(l->world) - begin, 55000, 65000);
    assert_true(error == BERTH_E_LOST || error == BERTH_E_UNKNOWN);
    assert_in_range(mini_counters(l->target)->logins, 15, 80); /* with pauses: no hammering */
    lab_free(l);
}

/* The same, but each session lives for a while: then only this command ends. */
static void a_command_that_kills_slowly(void **state)
{
    static uint8_t buf[512];
    struct lab *l = lab_new(&(struct mini_config){.delay_ns = 0}, NULL);
    struct berth_seg seg = seg_memory(buf, sizeof buf);
    struct berth_io io = make_io(BERTH_WRITE, 0, sizeof buf, &seg, 1);
    struct berth_queue *q;
    struct berth_done done;
    int reaped = 0;
    (void)state;
    l->options.recovery_timeout_ms = 20000;
    assert_int_equal(lab_open(l), 0);
    assert_int_equal(berth_queue_new(&q, l->lun, 1), 0);
    lab_rule(l, (struct lab_rule){.op = SCSI_WRITE_10, .turn = MINI_HOLD});
    uint64_t begin = world_ms(l->world);
    assert_int_equal(berth_queue_submit(q, &io, 1), 1);
    while (reaped == 0 && world_ms(l->world) < begin + 100000) {
        reaped = berth_queue_reap(q, &done, 1, 1, 1000);
        if (reaped == 0)
            mini_reset(l->target);
    }
    assert_int_equal(reaped, 1);
    assert_int_equal(done.error, BERTH_E_UNKNOWN);
    assert_in_range(world_ms(l->world) - begin, 20000, 23000);
    assert_int_equal(berth_read(l->lun, buf, sizeof buf, 0), 0);
    lab_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors),
        cmocka_unit_test(no_sense_and_target_failure),
        cmocka_unit_test(short_is_no_success),
        cmocka_unit_test(again),
        cmocka_unit_test(not_for_ever),
        cmocka_unit_test(a_storm_of_attentions),
        cmocka_unit_test(deferred_errors_are_told),
        cmocka_unit_test(deferred_errors_of_a_flush),
        cmocka_unit_test(deferred_trouble_without_loss),
        cmocka_unit_test(news_are_told),
        cmocka_unit_test(place_of_the_damage),
        cmocka_unit_test(depth_follows_the_task_set),
        cmocka_unit_test(one_at_a_time),
        cmocka_unit_test(recovered_errors),
        cmocka_unit_test(pauses_are_each_commands_own),
        cmocka_unit_test(paused_when_the_session_fails),
        cmocka_unit_test(attention_when_the_session_fails),
        cmocka_unit_test(late_commands),
        cmocka_unit_test(late_one_of_two),
        cmocka_unit_test(late_before_it_is_sent),
        cmocka_unit_test(an_outage_is_not_waiting),
        cmocka_unit_test(a_command_that_kills),
        cmocka_unit_test(a_command_that_kills_slowly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
