/* SPDX-License-Identifier: MIT */
/* Is it still the same LUN? What is asked when the session was lost or something has changed, and what
 * becomes of I/Os meanwhile and afterwards. */
#include "test.h"

#include <stdio.h>
#include "base/bytes.h"
#include "scsi/cdb.h"
#include "scsi/identity.h"
#include "scsi/sense.h"

static char told[512]; /* notices, in order */
static uint64_t told_size;

static void note(void *arg, const struct berth_notice *n)
{
    static const char *const kinds[] = {
        [BERTH_NOTICE_LOST] = "lost",     [BERTH_NOTICE_BACK] = "back",     [BERTH_NOTICE_SIZE] = "size",
        [BERTH_NOTICE_GONE] = "gone",     [BERTH_NOTICE_WRITES] = "writes", [BERTH_NOTICE_SPACE] = "space",
        [BERTH_NOTICE_RIGHTS] = "rights", [BERTH_NOTICE_FAILED] = "failed"};
    (void)arg;
    size_t len = strlen(told);
    assert_true(n->kind <= BERTH_NOTICE_FAILED && kinds[n->kind] && strlen(n->text) > 0);
    snprintf(told + len, sizeof told - len, "%s%s%s ", kinds[n->kind], n->error ? ":" : "",
             n->error ? berth_error_name(n->error) : "");
    if (n->kind == BERTH_NOTICE_SIZE)
        told_size = n->size_bytes;
}

static struct lab *closed(const struct mini_config *config)
{
    struct lab *l = lab_new(config, NULL);
    told[0] = 0;
    told_size = 0;
    l->options.notice = note;
    return l;
}

static struct lab *opened(const struct mini_config *config)
{
    struct lab *l = closed(config);
    assert_int_equal(lab_open(l), 0);
    return l;
}

static uint8_t buf[4096];

static int write_block(struct lab *l)
{
    return berth_write(l->lun, buf, 512, 0, 0);
}

static struct lab_rule say(uint8_t op, uint8_t page, const void *data, uint32_t len)
{
    return (struct lab_rule){.op = op, .page = page, .turn = MINI_ANSWER, .data = data, .len = len};
}

static struct lab_rule sense(uint8_t op, uint8_t page, uint8_t key, uint16_t asc, uint32_t times)
{
    return (struct lab_rule){
        .op = op, .page = page, .turn = MINI_ANSWER, .key = key, .asc = asc, .times = times};
}

/* A page 83h with one NAA designator. */
static uint32_t make_identity(uint8_t page[16], uint8_t last)
{
    static const uint8_t bytes[16] = {0, VPD_IDENTIFICATION, 0, 12, 1, 3, 0, 8, 0x30, 1, 2, 3, 4, 5, 6};
    memcpy(page, bytes, 16);
    page[15] = last;
    return 16;
}

/* --- the order of things --- */

static const uint8_t questions[] = {
    SCSI_TEST_UNIT_READY, SCSI_INQUIRY, SCSI_INQUIRY, SCSI_SERVICE_ACTION_IN_16,
    SCSI_MODE_SENSE_6,    SCSI_INQUIRY, SCSI_INQUIRY,
};
#define QUESTIONS (sizeof questions / sizeof questions[0])

/* From the nth command in the log on: all questions, and then what had to wait. */
static void asked_first(const struct lab *l, uint32_t n, uint8_t then)
{
    for (size_t i = 0; i < QUESTIONS; i++)
        assert_int_equal(l->log[n + i].op, questions[i]);
    assert_int_equal(l->log[n + 2].cdb[2], VPD_IDENTIFICATION);
    assert_int_equal(l->log[n + QUESTIONS].op, then);
}

static void before_anything_is_sent_again(void **state)
{
    struct lab *l = opened(NULL);
    (void)state;
    lab_rule(l, (struct lab_rule){.op = SCSI_WRITE_10, .times = 1, .turn = MINI_DROP});
    assert_int_equal(write_block(l), 0);
    assert_int_equal(l->log[0].op, SCSI_WRITE_10);
    asked_first(l, 1, SCSI_WRITE_10);
    assert_int_equal(l->count, 2 + QUESTIONS);
    assert_string_equal(told, "lost:closed back ");
    lab_free(l);
}

/* Facts, counters and the detail may be asked for inside a notice: nothing is locked, and nothing is half
 * done. */
static void look(void *arg, const struct berth_notice *n)
{
    struct lab *l = arg;
    struct berth_stats stats;
    berth_lun_stats(l->lun, &stats);
    assert_int_equal(berth_lun_info(l->lun)->size_bytes, MIB);
    assert_non_null(berth_lun_detail(l->lun)->text);
    note(NULL, n);
}

static void notices_may_look(void **state)
{
    struct lab *l = closed(NULL);
    (void)state;
    l->options.notice = look;
    l->options.notice_arg = l;
    assert_int_equal(lab_open(l), 0);
    mini_reset(l->target);
    assert_int_equal(write_block(l), 0);
    assert_string_equal(told, "lost:closed back ");
    lab_free(l);
}

/* Nothing is on its way when the session is lost: the I/O that finds out waits like any other. */
static void before_the_first_one(void **state)
{
    struct lab *l = opened(&(struct mini_config){.attentions = true});
    (void)state;
    mini_reset(l->target);
    world_settle(l->world);
    assert_int_equal(write_block(l), 0);
    assert_int_equal(l->log[0].op, SCSI_TEST_UNIT_READY); /* hears of the reset */
    asked_first(l, 1, SCSI_WRITE_10);
    lab_free(l);
}

/* The whole depth is taken by commands that wait, and the questions find room all the same. */
static void with_all_tasks_in_use(void **state)
{
    struct lab *l = closed(NULL);
    struct berth_queue *q;
    struct berth_done done[8];
    struct berth_seg seg = seg_memory(buf, 512);
    struct berth_io io = make_io(BERTH_WRITE, 0, 512, &seg, 1);
    (void)state;
    l->options.depth = 4;
    assert_int_equal(lab_open(l), 0);
    assert_int_equal(berth_queue_new(&q, l->lun, 8), 0);
    lab_rule(l, (struct lab_rule){.op = SCSI_WRITE_10, .times = 4, .turn = MINI_HOLD});
    for (int i = 0; i < 8; i++)
        assert_int_equal(berth_queue_submit(q, &io, 1), 1);
    assert_int_equal(berth_queue_reap(q, done, 1, 8, 100), 0);
    mini_reset(l->target);
    assert_int_equal(berth_queue_reap(q, done, 8, 8, 5000), 8);
    for (int i = 0; i < 8; i++)
        assert_int_equal(done[i].error, 0);
    asked_first(l, 4, SCSI_WRITE_10);
    lab_free(l);
}

/* Not even the reserve has one left: the question waits, and so does the ping, and nothing runs in circles.
 */
static void with_no_task_at_all(void **state)
{
    struct lab *l = closed(NULL);
    struct task *tasks[64];
    struct berth_queue *q;
    struct berth_done done;
    uint32_t count = 0;
    (void)state;
    l->options.depth = 4;
    assert_int_equal(lab_open(l), 0);
    struct initiator *i = l->lun->initiator;
    assert_int_equal(berth_queue_new(&q, l->lun, 1), 0);
    struct berth_io io = make_io(BERTH_FLUSH, 0, 0, NULL, 0);
    while (count < 64 && (tasks[count] = initiator_task_ahead(i)) != NULL)
        count++;
    assert_in_range(count, 1, 63);
    check_want(l->lun);
    assert_int_equal(berth_queue_submit(q, &io, 1), 1);
    uint32_t turns = l->world->turns;
    assert_int_equal(berth_queue_reap(q, &done, 1, 1, 20000), 0);
    assert_in_range(l->world->turns - turns, 100, 10000);
    assert_int_equal(l->count, 0);
    while (count > 0)
        initiator_task_free(i, tasks[--count]);
    assert_int_equal(berth_queue_reap(q, &done, 1, 1, 1000), 1);
    assert_int_equal(done.error, 0);
    asked_first(l, 0, SCSI_SYNCHRONIZE_CACHE_10);
    lab_free(l);
}

/* A unit attention that one command hears keeps back those that are not sent yet. */
static void after_an_attention(void **state)
{
    struct lab *l = opened(&(struct mini_config){.depth = 1});
    struct berth_queue *q;
    struct berth_done done[2];
    struct berth_seg seg = seg_memory(buf, 512);
    struct berth_io io = make_io(BERTH_WRITE, 0, 512, &seg, 1);
    (void)state;
    assert_int_equal(berth_queue_new(&q, l->lun, 2), 0);
    lab_rule(l, sense(SCSI_WRITE_10, 0, SENSE_UNIT_ATTENTION, 0x2901, 1));
    assert_int_equal(berth_queue_submit(q, &io, 1), 1);
    assert_int_equal(berth_queue_submit(q, &io, 1), 1);
    assert_int_equal(berth_queue_reap(q, done, 2, 2, 5000), 2);
    asked_first(l, 1, SCSI_WRITE_10);
    assert_int_equal(lab_seen(l, SCSI_WRITE_10), 3);
    assert_string_equal(told, "");
    lab_free(l);
}

/* --- another device --- */

static void fenced(struct lab *l)
{
    struct berth_command c = {.cdb_len = 6};
    l->count = 0;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(write_block(l), BERTH_E_CHANGED);
        assert_int_equal(berth_read(l->lun, buf, 512, 0), BERTH_E_CHANGED);
        assert_int_equal(berth_flush(l->lun), BERTH_E_CHANGED);
        assert_int_equal(berth_scsi(l->lun, &c, NULL, 0, 0), BERTH_E_CHANGED);
    }
    assert_string_equal(berth_lun_detail(l->lun)->text, berth_error_text(BERTH_E_CHANGED));
    lab_no_rules(l);
    mini_reset(l->target);
    world_settle(l->world);
    assert_int_equal(write_block(l), BERTH_E_CHANGED); /* for ever */
    assert_int_equal(l->count, 0);
}

/* Those that were on the wire, those that waited, and those that come later: none of them is sent. */
static void another_device(void **state)
{
    uint8_t page[16];
    struct lab *l = opened(NULL);
    struct berth_queue *q;
    struct berth_done done[6];
    struct berth_seg seg = seg_memory(buf, sizeof buf);
    struct berth_io io = make_io(BERTH_WRITE, 0, sizeof buf, &seg, 1);
    (void)state;
    lab_rule(l, say(SCSI_INQUIRY, VPD_IDENTIFICATION, page, make_identity(page, 7)));
    lab_rule(l, (struct lab_rule){.op = SCSI_WRITE_10, .turn = MINI_HOLD});
    assert_int_equal(berth_queue_new(&q, l->lun, 6), 0);
    for (int i = 0; i < 6; i++)
        assert_int_equal(berth_queue_submit(q, &io, 1), 1);
    assert_int_equal(berth_queue_reap(q, done, 1, 6, 100), 0);
    mini_reset(l->target);
    uint32_t writes = lab_seen(l, SCSI_WRITE_10);
    assert_int_equal(berth_queue_reap(q, done, 6, 6, 5000), 6);
    for (int i = 0; i < 6; i++)
        assert_int_equal(done[i].error, BERTH_E_CHANGED);
    assert_int_equal(lab_seen(l, SCSI_WRITE_10), writes);
    assert_string_equal(told, "lost:closed gone:changed ");
    assert_int_equal(berth_error_scope(BERTH_E_CHANGED), BERTH_SCOPE_SESSION);
    fenced(l);
    assert_string_equal(told, "lost:closed gone:changed ");
    lab_free(l);
}

static void lose_session(struct lab *l)
{
    mini_reset(l->target);
    world_settle(l->world);
}

static void a_device_without_a_name(void **state)
{
    struct lab *l = opened(NULL);
    (void)state;
    lab_rule(l, sense(SCSI_INQUIRY, VPD_IDENTIFICATION, SENSE_ILLEGAL_REQUEST, 0x2400, 0));
    lose_session(l);
    assert_int_equal(write_block(l), BERTH_E_CHANGED);
    fenced(l);
    lab_free(l);
}

/* The name that the LUN was opened under is among others, wherever it stands. */
static void more_names_than_before(void **state)
{
    uint8_t page[16], more[32];
    struct lab *l = closed(NULL);
    (void)state;
    lab_rule(l, say(SCSI_INQUIRY, VPD_IDENTIFICATION, page, make_identity(page, 7)));
    assert_int_equal(lab_open(l), 0);
    memcpy(more, page, 16);
    memcpy(more + 16, page + 4, 12);
    more[3] = 24;
    more[15] = 8; /* a better known one comes first */
    lab_no_rules(l);
    lab_rule(l, say(SCSI_INQUIRY, VPD_IDENTIFICATION, more, 28));
    lose_session(l);
    assert_int_equal(write_block(l), 0);
    more[27] = 9;
    lose_session(l);
    assert_int_equal(write_block(l), BERTH_E_CHANGED);
    lab_free(l);
}

static void a_serial_number_for_want_of_a_name(void **state)
{
    uint8_t page[8] = {0, VPD_SERIAL, 0, 4, 'a', 'b', 'c', 'd'};
    struct lab *l = closed(NULL);
    (void)state;
    lab_rule(l, sense(SCSI_INQUIRY, VPD_IDENTIFICATION, SENSE_ILLEGAL_REQUEST, 0x2400, 0));
    lab_rule(l, say(SCSI_INQUIRY, VPD_SERIAL, page, sizeof page));
    assert_int_equal(lab_open(l), 0);
    lose_session(l);
    assert_int_equal(write_block(l), 0);
    page[7] = 'e';
    lose_session(l);
    assert_int_equal(write_block(l), BERTH_E_CHANGED);
    fenced(l);
    lab_free(l);
}

static uint8_t plain[36] = {0, 0, 6, 2, 31, [8] = 'M', 'a', 'k', 'e', 'r', ' ', ' ', ' ', 'D', 'i', 's', 'k'};

static void maker_and_product_for_want_of_anything(void **state)
{
    static const uint8_t none[4] = {0, VPD_SUPPORTED, 0, 0};
    struct lab *l = closed(NULL);
    (void)state;
    lab_rule(l, say(SCSI_INQUIRY, 0, plain, sizeof plain));
    (void)none;
    assert_int_equal(lab_open(l), 0);
    assert_string_equal(berth_lun_info(l->lun)->identity, "");
    lose_session(l);
    assert_int_equal(write_block(l), 0);
    plain[16] = 'T';
    lose_session(l);
    assert_int_equal(write_block(l), BERTH_E_CHANGED);
    plain[16] = 'D';
    lab_free(l);
}

static void another_type(void **state)
{
    static const uint8_t tape[36] = {1, 0x80, 6, 2, 31};
    struct lab *l = opened(NULL);
    (void)state;
    struct lab_rule rule = say(SCSI_INQUIRY, 0, tape, sizeof tape);
    rule.times = 1;
    lab_rule(l, rule);
    lose_session(l);
    assert_int_equal(write_block(l), BERTH_E_CHANGED);
    lab_free(l);
}

static void another_block(void **state)
{
    struct lab *l = opened(NULL);
    (void)state;
    mini_stop(l->target);
    mini_swap(l->target, "ram:1M,block=4096");
    mini_start(l->target);
    assert_int_equal(write_block(l), BERTH_E_CHANGED);
    lab_free(l);
}

/* --- no device --- */

static void gone_and_back(void **state)
{
    static const uint8_t none[36] = {0x7f, 0, 6, 2, 31};
    struct lab *l = opened(NULL);
    (void)state;
    lab_rule(l, say(SCSI_INQUIRY, 0, none, sizeof none));
    lose_session(l);
    for (int i = 0; i < 3; i++)
        assert_int_equal(write_block(l), BERTH_E_NO_LUN);
    assert_int_equal(lab_seen(l, SCSI_WRITE_10), 0);
    assert_string_equal(told, "lost:closed gone:no_lun ");
    lab_no_rules(l);
    assert_int_equal(write_block(l), 0);
    assert_string_equal(told, "lost:closed gone:no_lun back ");
    lab_free(l);
}

/* A command is the first to hear of it. */
static void gone_in_mid_session(void **state)
{
    struct lab *l = opened(NULL);
    (void)state;
    lab_rule(l, sense(LAB_ANY, 0, SENSE_ILLEGAL_REQUEST, ASC_LUN_NOT_SUPPORTED, 0));
    assert_int_equal(write_block(l), BERTH_E_NO_LUN);
    assert_int_equal(write_block(l), BERTH_E_NO_LUN);
    assert_int_equal(lab_seen(l, SCSI_WRITE_10), 1);
    assert_string_equal(told, "gone:no_lun ");
    lab_no_rules(l);
    assert_int_equal(write_block(l), 0);
    lab_free(l);
}

/* --- another size --- */

static void grown_while_away(void **state)
{
    struct lab *l = opened(NULL);
    (void)state;
    mini_stop(l->target);
    mini_swap(l->target, "ram:2M");
    mini_start(l->target);
    assert_int_equal(write_block(l), 0);
    assert_int_equal(berth_lun_info(l->lun)->size_bytes, 2 * MIB);
    assert_int_equal(berth_write(l->lun, buf, 512, 2 * MIB - 512, 0), 0);
    assert_true(told_size == 2 * MIB);
    assert_string_equal(told, "lost:closed size back ");
    lab_free(l);
}

/* What waits and lies beyond the end is not sent, in whole or in part. */
static void shrunk_while_away(void **state)
{
    struct lab *l = opened(NULL);
    struct berth_queue *q;
    struct berth_done done[3];
    struct berth_seg seg = seg_memory(buf, 4096);
    struct berth_io ios[3] = {make_io(BERTH_WRITE, 0, 4096, &seg, 1),
                              make_io(BERTH_WRITE, 512 * KIB - 512, 4096, &seg, 1),
                              make_io(BERTH_WRITE, MIB - 4096, 4096, &seg, 1)};
    (void)state;
    assert_int_equal(berth_queue_new(&q, l->lun, 3), 0);
    lab_rule(l, (struct lab_rule){.op = SCSI_WRITE_10, .times = 3, .turn = MINI_HOLD});
    for (uint64_t i = 0; i < 3; i++) {
        ios[i].tag = i;
        assert_int_equal(berth_queue_submit(q, &ios[i], 1), 1);
    }
    assert_int_equal(berth_queue_reap(q, done, 1, 3, 100), 0);
    mini_stop(l->target);
    mini_swap(l->target, "ram:512K");
    mini_start(l->target);
    assert_int_equal(berth_queue_reap(q, done, 3, 3, 5000), 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(done[i].error, done[i].tag ? BERTH_E_RANGE : 0);
    assert_int_equal(lab_seen(l, SCSI_WRITE_10), 4);
    assert_int_equal(berth_lun_info(l->lun)->size_bytes, 512 * KIB);
    assert_int_equal(berth_write(l->lun, buf, 512, 512 * KIB, 0), BERTH_E_RANGE);
    assert_int_equal(lab_seen(l, SCSI_WRITE_10), 4);
    lab_free(l);
}

static void resized_in_mid_session(void **state)
{
    static const uint64_t sizes[] = {2 * MIB, 512 * KIB, MIB};
    struct lab *l = opened(&(struct mini_config){.attentions = true});
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        told[0] = 0;
        mini_resize(l->target, sizes[i]);
        assert_int_equal(write_block(l), 0);
        assert_int_equal(berth_lun_info(l->lun)->size_bytes, sizes[i]);
        assert_int_equal(berth_write(l->lun, buf, 512, sizes[i] - 512, 0), 0);
        assert_int_equal(berth_write(l->lun, buf, 512, sizes[i], 0), BERTH_E_RANGE);
        assert_string_equal(told, "size ");
        assert_true(told_size == sizes[i]);
    }
    assert_int_equal(berth_lun_info(l->lun)->reconnects, 0);
    lab_free(l);
}

/* No unit attention: a read finds the end where it was not. */
static void shrunk_without_a_word(void **state)
{
    struct lab *l = opened(NULL);
    (void)state;
    mini_config(l->target)->attentions = false;
    lab_rule(l, sense(SCSI_READ_10, 0, SENSE_ILLEGAL_REQUEST, ASC_LBA_OUT_OF_RANGE, 1));
    uint8_t bytes[SCSI_CAPACITY_16_LEN] = {[6] = 3, [7] = 0xff, [10] = 2};
    lab_rule(l, say(SCSI_SERVICE_ACTION_IN_16, 0, bytes, sizeof bytes));
    assert_int_equal(berth_read(l->lun, buf, 512, 900 * KIB), BERTH_E_RANGE);
    assert_int_equal(write_block(l), 0);
    assert_int_equal(berth_lun_info(l->lun)->size_bytes, 512 * KIB);
    assert_string_equal(told, "size ");
    lab_free(l);
}

static void event(struct lab *l, uint64_t lun, uint16_t asc)
{
    uint8_t data[20] = {0, 18};
    const struct scsi_sense s = {.key = SENSE_UNIT_ATTENTION, .asc = asc};
    (void)lun;
    scsi_put_sense(data + 2, &s);
    mini_event(l->target, data, sizeof data);
    world_settle(l->world);
}

/* The target tells by itself (11.9.1 event 0), and no command is needed to hear of it. */
static void told_by_the_target(void **state)
{
    struct lab *l = opened(NULL);
    (void)state;
    mini_resize(l->target, 2 * MIB);
    lab_rule(l, sense(SCSI_TEST_UNIT_READY, 0, SENSE_UNIT_ATTENTION, ASC_CAPACITY_CHANGED, 1));
    event(l, 0, ASC_CAPACITY_CHANGED);
    assert_int_equal(berth_read(l->lun, buf, 512, 0), 0);
    assert_int_equal(berth_read(l->lun, buf, 512, 0), 0);
    assert_int_equal(berth_lun_info(l->lun)->size_bytes, 2 * MIB);
    assert_string_equal(told, "size ");
    told[0] = 0;
    event(l, 0, 0x3807);
    assert_int_equal(berth_read(l->lun, buf, 512, 0), 0);
    assert_string_equal(told, "space ");
    lab_free(l);
}

/* --- other facts --- */

static void caches_and_limits(void **state)
{
    static const uint8_t mode[24] = {23, 0, 0x80, 0, 0x08, 18, 0x04}; /* write protected, write cache */
    uint8_t limits[64] = {0, VPD_LIMITS, 0, 60, [10] = 0, [11] = 16};
    struct lab *l = opened(NULL);
    (void)state;
    assert_false(berth_lun_info(l->lun)->read_only);
    assert_true(berth_lun_info(l->lun)->max_trim_bytes > 0);
    lab_rule(l, say(SCSI_MODE_SENSE_6, 0, mode, sizeof mode));
    lab_rule(l, say(SCSI_INQUIRY, VPD_LIMITS, limits, sizeof limits));
    lab_rule(l, sense(SCSI_READ_10, 0, SENSE_UNIT_ATTENTION, ASC_MODE_CHANGED, 1));
    assert_int_equal(berth_read(l->lun, buf, 512, 0), 0);
    assert_true(berth_lun_info(l->lun)->read_only && berth_lun_info(l->lun)->write_cache);
    assert_int_equal(berth_lun_info(l->lun)->max_transfer_bytes, 8192);
    assert_int_equal(write_block(l), BERTH_E_READ_ONLY);
    lab_free(l);
}

/* News while it runs: once more from the beginning. */
static void changed_again_meanwhile(void **state)
{
    struct lab *l = opened(NULL);
    (void)state;
    lab_rule(l, sense(SCSI_MODE_SENSE_6, 0, SENSE_UNIT_ATTENTION, ASC_CAPACITY_CHANGED, 1));
    lose_session(l);
    assert_int_equal(write_block(l), 0);
    assert_int_equal(lab_seen(l, SCSI_SERVICE_ACTION_IN_16), 2);
    asked_first(l, 1 + QUESTIONS, SCSI_WRITE_10);
    lab_free(l);
}

/* Again and again: then it is taken as it is. */
static void changing_all_the_time(void **state)
{
    struct lab *l = opened(NULL);
    (void)state;
    for (uint32_t n = 0; n < 12; n++) {
        struct lab_rule rule = sense(SCSI_MODE_SENSE_6, 0, SENSE_UNIT_ATTENTION, ASC_CAPACITY_CHANGED, 1);
        rule.skip = n ? 1 : 0;
        lab_rule(l, rule);
    }
    lose_session(l);
    assert_int_equal(write_block(l), 0);
    assert_in_range(lab_seen(l, SCSI_SERVICE_ACTION_IN_16), 2, 10);
    lab_free(l);
}

/* --- trouble with the questions --- */

/* Every question in turn gets this answer for a while. */
static void each_question(struct lab_rule rule, uint32_t times)
{
    static const uint8_t pages[] = {0, 0, VPD_IDENTIFICATION, 0, 0, VPD_LIMITS, VPD_PROVISIONING};
    for (size_t i = 0; i < QUESTIONS; i++) {
        if (rule.status == SCSI_RESERVATION_CONFLICT && (i == 1 || i == 2))
            continue; /* see reserved_and_nameless() */
        struct lab *l = opened(NULL);
        rule.op = questions[i];
        rule.page = pages[i];
        rule.times = times;
        lab_rule(l, rule);
        lose_session(l);
        assert_int_equal(write_block(l), 0);
        assert_int_equal(lab_seen(l, SCSI_WRITE_10), 1);
        assert_string_equal(told,
                            rule.turn == MINI_DROP ? "lost:closed lost:closed back " : "lost:closed back ");
        lab_free(l);
    }
}

static void questions_are_put_off(void **state)
{
    (void)state;
    each_question((struct lab_rule){.turn = MINI_ANSWER, .status = SCSI_BUSY}, 5);
    each_question((struct lab_rule){.turn = MINI_ANSWER, .status = SCSI_TASK_SET_FULL}, 5);
    each_question((struct lab_rule){.turn = MINI_ANSWER, .key = SENSE_UNIT_ATTENTION, .asc = 0x2900}, 12);
    each_question((struct lab_rule){.turn = MINI_ANSWER, .key = SENSE_NOT_READY, .asc = 0x0401}, 5);
    each_question((struct lab_rule){.turn = MINI_ANSWER, .key = SENSE_ABORTED_COMMAND}, 3);
    each_question((struct lab_rule){.turn = MINI_ANSWER, .response = 1}, 3);
}

static void reserved_by_somebody(void **state)
{
    (void)state;
    each_question((struct lab_rule){.turn = MINI_ANSWER, .status = SCSI_RESERVATION_CONFLICT}, 0);
}

/* No reservation forbids an INQUIRY: who answers so has not said that it is the same LUN. */
static void reserved_and_nameless(void **state)
{
    static const uint8_t pages[] = {0, VPD_IDENTIFICATION};
    (void)state;
    for (size_t i = 0; i < sizeof pages; i++) {
        struct lab *l = opened(NULL);
        lab_rule(l, (struct lab_rule){.op = SCSI_INQUIRY,
                                      .page = pages[i],
                                      .turn = MINI_ANSWER,
                                      .status = SCSI_RESERVATION_CONFLICT});
        lose_session(l);
        assert_int_equal(write_block(l), BERTH_E_RESERVED);
        assert_int_equal(lab_seen(l, SCSI_WRITE_10), 0);
        lab_no_rules(l);
        assert_int_equal(write_block(l), 0); /* asked anew */
        lab_free(l);
    }
}

/* The session dies again under each of them, before or after the answer. */
static void a_second_loss(void **state)
{
    (void)state;
    each_question((struct lab_rule){.turn = MINI_DROP}, 1);
}

static void a_question_without_an_answer(void **state)
{
    struct lab *l = opened(NULL);
    (void)state;
    lab_rule(l, (struct lab_rule){.op = SCSI_INQUIRY, .times = 1, .turn = MINI_HOLD});
    lose_session(l);
    uint64_t begin = world_ms(l->world);
    int error = write_block(l);
    assert_true(error == BERTH_E_TIMEOUT);
    assert_in_range(world_ms(l->world) - begin, 29000, 41000);
    assert_int_equal(write_block(l), 0);
    lab_free(l);
}

/* Nothing more is said once we are leaving. */
static void fall_silent(void *arg)
{
    struct lab *l = arg;
    l->world->silent = l->lun->initiator->state == INITIATOR_LEAVING;
}

/* We are asked to leave while a question is to be asked again: until that is over, nothing runs in circles.
 */
static void asked_to_leave_meanwhile(void **state)
{
    struct lab *l = opened(NULL);
    struct berth_queue *q;
    struct berth_done done;
    struct berth_io io = make_io(BERTH_FLUSH, 0, 0, NULL, 0);
    const struct wire_async leave = {.event = WIRE_ASYNC_LOGOUT, .parameter3 = 5};
    (void)state;
    assert_int_equal(berth_queue_new(&q, l->lun, 1), 0);
    lab_rule(l, sense(SCSI_SERVICE_ACTION_IN_16, 0, SENSE_NOT_READY, 0x0401, 8)); /* becoming ready */
    check_want(l->lun);
    assert_int_equal(berth_queue_submit(q, &io, 1), 1);
    assert_int_equal(berth_queue_reap(q, &done, 1, 1, 100), 0);
    mini_async(l->target, &leave);
    l->world->each_turn = fall_silent;
    l->world->arg = l;
    uint32_t turns = l->world->turns;
    assert_int_equal(berth_queue_reap(q, &done, 1, 1, 20000), 1);
    assert_int_equal(done.error, 0);
    assert_in_range(l->world->turns - turns, 10, 5000);
    assert_int_equal(berth_lun_info(l->lun)->reconnects, 1);
    lab_free(l);
}

/* A LUN that has stopped says so at once to who asks, as it would without a check. */
static void stopped_meanwhile(void **state)
{
    struct lab *l = opened(NULL);
    (void)state;
    lab_rule(l, sense(SCSI_SERVICE_ACTION_IN_16, 0, SENSE_NOT_READY, ASC_START_REQUIRED, 0));
    lose_session(l);
    uint64_t begin = world_ms(l->world);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(write_block(l), BERTH_E_SCSI);
        assert_string_equal(berth_lun_detail(l->lun)->text,
                            "the target ended the command with an error status: NOT READY, 04h/02h (not "
                            "ready, start command required)");
    }
    assert_true(world_ms(l->world) - begin < 1000);
    assert_int_equal(lab_seen(l, SCSI_WRITE_10), 0);
    lab_no_rules(l);
    assert_int_equal(write_block(l), 0);
    lab_free(l);
}

/* I/Os have their own time, whatever the check is waiting for, and do not cost the connection. */
static void deadlines_run(void **state)
{
    struct lab *l = opened(NULL);
    struct berth_seg seg = seg_memory(buf, 512);
    struct berth_io io = make_io(BERTH_WRITE, 0, 512, &seg, 1);
    struct berth_done done;
    (void)state;
    lab_rule(l, (struct lab_rule){.op = SCSI_TEST_UNIT_READY, .turn = MINI_ANSWER, .status = SCSI_BUSY});
    lose_session(l);
    io.timeout_ms = 700;
    uint64_t begin = world_ms(l->world);
    assert_int_equal(one_io(l->lun, &io, &done), BERTH_E_TIMEOUT);
    assert_in_range(world_ms(l->world) - begin, 700, 1500);
    assert_int_equal(mini_counters(l->target)->logins, 2);
    lab_no_rules(l);
    assert_int_equal(one_io(l->lun, &io, &done), 0);
    assert_int_equal(mini_counters(l->target)->logins, 2);
    lab_free(l);
}

/* A target under whose every answer the session dies: I/Os end all the same, and there is no hammering. */
static void dies_every_time(void **state)
{
    struct lab *l = closed(NULL);
    (void)state;
    l->options.recovery_timeout_ms = 5000;
    l->options.command_timeout_ms = 600000;
    assert_int_equal(lab_open(l), 0);
    lab_rule(l, (struct lab_rule){.op = SCSI_INQUIRY, .turn = MINI_DROP});
    lose_session(l);
    uint64_t begin = world_ms(l->world);
    assert_int_equal(write_block(l), BERTH_E_LOST);
    assert_in_range(world_ms(l->world) - begin, 4000, 20000);
    assert_true(mini_counters(l->target)->logins < 60);
    lab_free(l);
}

/* --- devices that are no disks --- */

static void commands_only(void **state)
{
    uint8_t page[16];
    struct lab *l = closed(NULL);
    struct berth_command c = {.cdb_len = 6};
    (void)state;
    l->options.commands_only = true;
    lab_rule(l, sense(SCSI_TEST_UNIT_READY, 0, SENSE_NOT_READY, 0x3a00, 0));
    assert_int_equal(lab_open(l), 0);
    lose_session(l);
    assert_int_equal(berth_scsi(l->lun, &c, NULL, 0, 0), BERTH_E_SCSI);
    assert_int_equal(c.sense[2], SENSE_NOT_READY);
    assert_int_equal(l->count, 4); /* of the check: is it ready, what and who is it */
    lab_rule(l, say(SCSI_INQUIRY, VPD_IDENTIFICATION, page, make_identity(page, 1)));
    lose_session(l);
    assert_int_equal(berth_scsi(l->lun, &c, NULL, 0, 0), BERTH_E_CHANGED);
    lab_free(l);
}

/* --- giving up on it --- */

/* The caller goes at any time; nothing is left, and nothing is touched. */
static void cut_and_closed_at_any_time(void **state)
{
    (void)state;
    for (int turns = 0; turns < 60; turns++) {
        struct lab *l = opened(&(struct mini_config){.delay_ns = NS_MS});
        struct berth_queue *q;
        struct berth_done done;
        struct berth_seg seg = seg_memory(buf, 512);
        struct berth_io io = make_io(BERTH_WRITE, 0, 512, &seg, 1);
        assert_int_equal(berth_queue_new(&q, l->lun, 2), 0);
        assert_int_equal(berth_queue_submit(q, &io, 1), 1);
        lose_session(l);
        for (int n = 0; n < turns; n++)
            berth_queue_reap(q, &done, 1, 1, 0);
        if (turns % 2)
            berth_queue_free(q);
        if (turns % 3)
            assert_int_equal(berth_read(l->lun, buf, 512, 0), 0);
        lab_free(l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(before_anything_is_sent_again),
        cmocka_unit_test(notices_may_look),
        cmocka_unit_test(before_the_first_one),
        cmocka_unit_test(with_all_tasks_in_use),
        cmocka_unit_test(with_no_task_at_all),
        cmocka_unit_test(after_an_attention),
        cmocka_unit_test(another_device),
        cmocka_unit_test(a_device_without_a_name),
        cmocka_unit_test(more_names_than_before),
        cmocka_unit_test(a_serial_number_for_want_of_a_name),
        cmocka_unit_test(maker_and_product_for_want_of_anything),
        cmocka_unit_test(another_type),
        cmocka_unit_test(another_block),
        cmocka_unit_test(gone_and_back),
        cmocka_unit_test(gone_in_mid_session),
        cmocka_unit_test(grown_while_away),
        cmocka_unit_test(shrunk_while_away),
        cmocka_unit_test(resized_in_mid_session),
        cmocka_unit_test(shrunk_without_a_word),
        cmocka_unit_test(told_by_the_target),
        cmocka_unit_test(caches_and_limits),
        cmocka_unit_test(changed_again_meanwhile),
        cmocka_unit_test(changing_all_the_time),
        cmocka_unit_test(questions_are_put_off),
        cmocka_unit_test(reserved_by_somebody),
        cmocka_unit_test(reserved_and_nameless),
        cmocka_unit_test(a_second_loss),
        cmocka_unit_test(a_question_without_an_answer),
        cmocka_unit_test(stopped_meanwhile),
        cmocka_unit_test(asked_to_leave_meanwhile),
        cmocka_unit_test(deadlines_run),
        cmocka_unit_test(dies_every_time),
        cmocka_unit_test(commands_only),
        cmocka_unit_test(cut_and_closed_at_any_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
