/* SPDX-License-Identifier: MIT */
/* Several sessions to one LUN as one device: who carries what, what becomes of it when one of them is lost,
 * and what they tell each other. */
#include "test.h"

#include <stdio.h>
#include "scsi/cdb.h"
#include "scsi/identity.h"
#include "scsi/sense.h"

#define BLOCK 512u
#define WRITE SCSI_WRITE_10
#define READ  SCSI_READ_10

static char told[256];
static uint8_t buf[16][BLOCK];
static struct berth_seg segs[16];
static bool shut; /* logins are refused */

static void note(void *arg, const struct berth_notice *n)
{
    static const char *const kinds[] = {
        [BERTH_NOTICE_LOST] = "lost",     [BERTH_NOTICE_BACK] = "back",     [BERTH_NOTICE_SIZE] = "size",
        [BERTH_NOTICE_GONE] = "gone",     [BERTH_NOTICE_WRITES] = "writes", [BERTH_NOTICE_SPACE] = "space",
        [BERTH_NOTICE_RIGHTS] = "rights", [BERTH_NOTICE_GROUP] = "group",   [BERTH_NOTICE_ENGINE] = "engine",
        [BERTH_NOTICE_AWAY] = "away",     [BERTH_NOTICE_FAILED] = "failed"};
    size_t len = strlen(told);
    (void)arg;
    assert_true(n->kind < sizeof kinds / sizeof kinds[0]);
    snprintf(told + len, sizeof told - len, "%s ", kinds[n->kind]);
}

/* There is no room for another session now. */
static uint16_t doorkeeper(void *arg)
{
    (void)arg;
    return shut ? 0x0301 : 0;
}

static struct lab *closed(uint32_t sessions)
{
    struct lab *l = lab_new(NULL, NULL);
    mini_config(l->target)->login = doorkeeper;
    told[0] = 0;
    shut = false;
    l->options.notice = note;
    l->options.sessions = sessions;
    l->options.recovery_timeout_ms = 10000;
    return l;
}

static struct lab *opened(uint32_t sessions)
{
    struct lab *l = closed(sessions);
    assert_int_equal(lab_open(l), 0);
    assert_int_equal(mini_counters(l->target)->sessions, sessions);
    return l;
}

static struct berth_queue *queue(struct lab *l)
{
    struct berth_queue *q;
    assert_int_equal(berth_queue_new(&q, l->lun, 16), 0);
    return q;
}

static void submit(struct berth_queue *q, enum berth_op op, uint32_t first, uint32_t count)
{
    struct berth_io ios[16];
    for (uint32_t n = 0; n < count; n++) {
        uint32_t at = first + n;
        segs[at] = seg_memory(buf[at], BLOCK);
        ios[n] = make_io(op, (uint64_t)at * BLOCK, BLOCK, &segs[at], 1);
        ios[n].tag = at;
    }
    assert_int_equal(berth_queue_submit(q, ios, count), count);
}

/* One completion, of this I/O. */
static int reap(struct berth_queue *q, uint64_t tag)
{
    struct berth_done done;
    assert_int_equal(berth_queue_reap(q, &done, 1, 1, -1), 1);
    assert_int_equal(done.tag, tag);
    return done.error;
}

static void reap_all(struct berth_queue *q, uint32_t count)
{
    struct berth_done done[16];
    assert_int_equal(berth_queue_reap(q, done, count, 16, -1), count);
    for (uint32_t n = 0; n < count; n++)
        assert_int_equal(done[n].error, 0);
}

static uint64_t carried(const struct lab *l, uint32_t lane)
{
    return l->lun->lanes->luns[lane]->completed;
}

static uint32_t sent(const struct lab *l, uint8_t op, uint64_t lba)
{
    uint32_t times = 0;
    for (uint32_t n = 0; n < l->count; n++)
        times += l->log[n].op == op && l->log[n].lba == lba;
    return times;
}

/* --- who they are --- */

static void identities(void **state)
{
    struct lab *l = opened(3);
    const uint8_t *isids[3];
    (void)state;
    for (uint32_t n = 0; n < 3; n++)
        isids[n] = l->lun->lanes->luns[n]->initiator->session->config.isid;
    for (uint32_t n = 1; n < 3; n++) {
        uint16_t before = (uint16_t)(isids[n - 1][4] << 8 | isids[n - 1][5]);
        uint16_t now = (uint16_t)(isids[n][4] << 8 | isids[n][5]);
        assert_memory_equal(isids[0], isids[n], 4);
        assert_int_equal(now, (uint16_t)(before + 1));
    }
    berth_lun_close(l->lun);
    l->lun = NULL;
    world_settle(l->world);
    assert_int_equal(mini_counters(l->target)->sessions, 0);
    assert_int_equal(mini_counters(l->target)->logouts, 3);
    lab_free(l);
}

/* Who cannot be told from others may be another one on every path. */
static void nameless(void **state)
{
    struct lab *l = closed(2);
    (void)state;
    lab_rule(
        l, (struct lab_rule){
               .op = SCSI_INQUIRY, .page = VPD_IDENTIFICATION, .turn = MINI_ANSWER, .key = 5, .asc = 0x2400});
    lab_rule(l, (struct lab_rule){
                    .op = SCSI_INQUIRY, .page = VPD_SERIAL, .turn = MINI_ANSWER, .key = 5, .asc = 0x2400});
    assert_int_equal(lab_open(l), BERTH_E_UNSUPPORTED);
    assert_non_null(strstr(l->why.text, "no name"));
    assert_null(l->lun);
    world_settle(l->world);
    assert_int_equal(mini_counters(l->target)->sessions, 0);
    lab_free(l);
}

static const uint8_t stranger[16] = {0, VPD_IDENTIFICATION, 0, 12, 1, 3, 0, 8, 0x30, 1, 2, 3, 4, 5, 6, 7};

static void another_one(void **state)
{
    struct lab *l = closed(2);
    (void)state;
    lab_rule(l, (struct lab_rule){.op = SCSI_INQUIRY,
                                  .page = VPD_IDENTIFICATION,
                                  .skip = 1,
                                  .turn = MINI_ANSWER,
                                  .data = stranger,
                                  .len = 16});
    assert_int_equal(lab_open(l), BERTH_E_CHANGED);
    assert_non_null(strstr(l->why.text, "another device"));
    lab_free(l);
}

/* --- who carries what --- */

static void one_queue_feeds_all(void **state)
{
    struct lab *l = opened(3);
    struct berth_queue *q = queue(l);
    uint64_t before[3];
    (void)state;
    for (uint32_t n = 0; n < 3; n++)
        before[n] = carried(l, n);
    for (uint32_t n = 0; n < 3; n++)
        submit(q, BERTH_READ, n * 4, 4); /* each run stays together */
    reap_all(q, 12);
    for (uint32_t n = 0; n < 3; n++)
        assert_int_equal(carried(l, n) - before[n], 4);
    lab_free(l);
}

static void each_queue_its_own(void **state)
{
    struct lab *l = opened(2);
    struct berth_queue *a = queue(l), *b = queue(l);
    uint64_t before[2] = {carried(l, 0), carried(l, 1)};
    (void)state;
    for (uint32_t n = 0; n < 3; n++)
        submit(b, BERTH_READ, n * 2, 2);
    reap_all(b, 6);
    assert_int_equal(carried(l, 0) - before[0], 0);
    assert_int_equal(carried(l, 1) - before[1], 6);
    berth_queue_free(a); /* now one is left for two sessions */
    submit(b, BERTH_READ, 0, 2);
    submit(b, BERTH_READ, 2, 2);
    reap_all(b, 4);
    assert_int_equal(carried(l, 0) - before[0], 2);
    lab_free(l);
}

static void own_commands_take_the_first(void **state)
{
    struct lab *l = opened(2);
    struct berth_queue *a = queue(l), *b = queue(l);
    struct berth_command command = {.cdb = {SCSI_TEST_UNIT_READY}, .cdb_len = 6};
    struct berth_io io = {.op = BERTH_SCSI, .command = &command};
    uint64_t before = carried(l, 0);
    (void)state, (void)a;
    assert_int_equal(berth_queue_submit(b, &io, 1), 1);
    reap_all(b, 1);
    assert_int_equal(carried(l, 0) - before, 1);
    for (uint8_t op = 0x16; op < 0x60; op++) { /* RESERVE, RELEASE, PERSISTENT RESERVE OUT */
        bool refused = op == 0x16 || op == 0x17 || op == 0x56 || op == 0x57 || op == 0x5f;
        command = (struct berth_command){.cdb = {op}, .cdb_len = 10};
        if (refused)
            assert_int_equal(berth_queue_submit(b, &io, 1), BERTH_E_UNSUPPORTED);
    }
    lab_free(l);
}

/* --- when one is lost --- */

/* The write that was under way waits for its own session, while others go through the sibling's: it is not
 * sent before the login that ends its older copy. */
static void a_write_waits_for_its_session(void **state)
{
    struct lab *l = opened(2);
    struct berth_queue *q = queue(l);
    (void)state;
    lab_rule(l, (struct lab_rule){.op = WRITE, .times = 1, .turn = MINI_DROP});
    submit(q, BERTH_WRITE, 0, 1);
    shut = true;
    assert_int_equal(berth_queue_reap(q, &(struct berth_done){0}, 1, 1, 200), 0);
    assert_int_equal(sent(l, WRITE, 0), 1);
    for (uint32_t n = 1; n < 8; n++) {
        submit(q, BERTH_WRITE, n, 1); /* all by the session that is left */
        assert_int_equal(reap(q, n), 0);
    }
    assert_int_equal(berth_queue_reap(q, &(struct berth_done){0}, 1, 1, 3000), 0);
    assert_int_equal(sent(l, WRITE, 0), 1);
    assert_string_equal(told, "lost ");
    shut = false;
    uint32_t logins = mini_counters(l->target)->logins;
    assert_int_equal(reap(q, 0), 0);
    assert_int_equal(sent(l, WRITE, 0), 2);
    assert_int_equal(mini_counters(l->target)->logins, logins + 1);
    assert_string_equal(told, "lost back ");
    assert_int_equal(berth_lun_info(l->lun)->reconnects, 1);
    lab_free(l);
}

/* What the lost one was doing may still happen: nobody may go on as if it could not. */
static void one_takes_all_with_it(void **state)
{
    struct lab *l = opened(3);
    struct berth_queue *q = queue(l);
    (void)state;
    lab_rule(l, (struct lab_rule){.op = WRITE, .times = 1, .turn = MINI_DROP});
    submit(q, BERTH_WRITE, 0, 1);
    shut = true;
    assert_int_equal(reap(q, 0), BERTH_E_LOST);
    assert_int_equal(berth_lun_detail(l->lun)->error, BERTH_E_LOST);
    submit(q, BERTH_WRITE, 1, 1);
    assert_int_equal(reap(q, 1), BERTH_E_LOST);
    submit(q, BERTH_READ, 2, 1);
    assert_int_equal(reap(q, 2), BERTH_E_LOST);
    assert_int_equal(sent(l, WRITE, 1), 0);
    assert_int_equal(berth_read(l->lun, buf[0], BLOCK, 0), BERTH_E_LOST);
    lab_free(l);
}

/* --- what they tell each other --- */

static void a_stranger_is_one_for_all(void **state)
{
    struct lab *l = opened(3);
    struct berth_queue *q = queue(l);
    (void)state;
    lab_rule(l, (struct lab_rule){.op = WRITE, .times = 1, .turn = MINI_DROP});
    lab_rule(l, (struct lab_rule){.op = SCSI_INQUIRY,
                                  .page = VPD_IDENTIFICATION,
                                  .times = 1,
                                  .turn = MINI_ANSWER,
                                  .data = stranger,
                                  .len = 16});
    submit(q, BERTH_WRITE, 0, 1);
    assert_int_equal(reap(q, 0), BERTH_E_CHANGED);
    for (uint32_t n = 1; n < 4; n++) { /* whichever session it would be */
        submit(q, BERTH_WRITE, n, 1);
        assert_int_equal(reap(q, n), BERTH_E_CHANGED);
        assert_int_equal(sent(l, WRITE, n), 0);
    }
    assert_string_equal(told, "lost gone ");
    lab_free(l);
}

/* The news came to one session, and the flush goes through the other. */
static void any_flush_tells_of_the_loss(void **state)
{
    struct lab *l = opened(2);
    struct berth_queue *a = queue(l), *b = queue(l);
    (void)state;
    lab_rule(l,
             (struct lab_rule){
                 .op = READ, .times = 1, .turn = MINI_ANSWER, .key = SENSE_MEDIUM_ERROR, .deferred = true});
    submit(a, BERTH_READ, 0, 1);
    assert_int_equal(reap(a, 0), 0);
    submit(b, BERTH_FLUSH, 1, 1);
    assert_int_equal(reap(b, 1), BERTH_E_MEDIUM);
    submit(a, BERTH_FLUSH, 2, 1);
    assert_int_equal(reap(a, 2), 0);
    lab_free(l);
}

static void power_lost(struct lab *l, struct berth_queue *q, uint64_t tag)
{
    lab_rule(l, (struct lab_rule){
                    .op = READ, .times = 1, .turn = MINI_ANSWER, .key = SENSE_UNIT_ATTENTION, .asc = 0x2901});
    submit(q, BERTH_READ, (uint32_t)tag, 1);
    assert_int_equal(reap(q, tag), 0);
}

/* A write cache is the device's: a flush covers what all sessions wrote, and what one hears of, all have
 * lost. */
static void caches_are_one_for_all(void **state)
{
    static const uint8_t mode[4 + 20] = {23, 0, 0, 0, 0x08, 0x12, 0x04};
    struct lab *l = closed(2);
    (void)state;
    lab_rule(
        l, (struct lab_rule){.op = SCSI_MODE_SENSE_6, .turn = MINI_ANSWER, .data = mode, .len = sizeof mode});
    assert_int_equal(lab_open(l), 0);
    struct berth_queue *a = queue(l), *b = queue(l);
    submit(a, BERTH_WRITE, 0, 1);
    assert_int_equal(reap(a, 0), 0);
    submit(b, BERTH_FLUSH, 1, 1);
    assert_int_equal(reap(b, 1), 0);
    power_lost(l, a, 2);
    submit(a, BERTH_FLUSH, 3, 1);
    assert_int_equal(reap(a, 3), 0);
    submit(b, BERTH_WRITE, 4, 1);
    assert_int_equal(reap(b, 4), 0);
    power_lost(l, a, 5);
    submit(b, BERTH_FLUSH, 6, 1);
    assert_int_equal(reap(b, 6), BERTH_E_SCSI);
    power_lost(l, b, 7); /* the other one hears of it, too: it has been told */
    submit(a, BERTH_FLUSH, 8, 1);
    assert_int_equal(reap(a, 8), 0);
    assert_true(carried(l, 0) > 0 && carried(l, 1) > 0);
    lab_free(l);
}

static void a_size_is_one_for_all(void **state)
{
    struct lab *l = opened(3);
    struct berth_queue *q = queue(l);
    (void)state;
    mini_resize(l->target, 2 * MIB);
    for (uint32_t n = 0; n < 6; n++) {
        submit(q, BERTH_READ, n, 1);
        assert_int_equal(reap(q, n), 0);
    }
    assert_int_equal(berth_lun_info(l->lun)->size_bytes, 2 * MIB);
    assert_string_equal(told, "size ");
    for (uint32_t n = 0; n < 3; n++)
        assert_int_equal(l->lun->lanes->luns[n]->info.size_bytes, 2 * MIB);
    lab_free(l);
}

/* --- queues --- */

static void freed_in_flight(void **state)
{
    struct lab *l = opened(3);
    struct berth_queue *q = queue(l), *other = queue(l);
    (void)state;
    lab_rule(l, (struct lab_rule){.op = READ, .skip = 1, .turn = MINI_HOLD});
    for (uint32_t n = 0; n < 6; n++)
        submit(q, BERTH_READ, n, 1);
    berth_queue_free(q);
    lab_no_rules(l);
    submit(other, BERTH_READ, 0, 4);
    reap_all(other, 4);
    lab_free(l);
}

static void cancelled(void **state)
{
    struct lab *l = opened(2);
    struct berth_queue *q = queue(l);
    (void)state;
    lab_rule(l, (struct lab_rule){.op = READ, .turn = MINI_HOLD});
    for (uint32_t n = 0; n < 4; n++)
        submit(q, BERTH_READ, n, 1);
    berth_queue_reap(q, &(struct berth_done){0}, 1, 1, 100);
    for (uint32_t n = 0; n < 4; n++)
        assert_int_equal(berth_queue_cancel(q, n), 1);
    for (uint32_t got = 0; got < 4; got++) {
        struct berth_done done;
        assert_int_equal(berth_queue_reap(q, &done, 1, 1, -1), 1);
        assert_int_equal(done.error, BERTH_E_ABORTED);
    }
    lab_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(identities),
        cmocka_unit_test(nameless),
        cmocka_unit_test(another_one),
        cmocka_unit_test(one_queue_feeds_all),
        cmocka_unit_test(each_queue_its_own),
        cmocka_unit_test(own_commands_take_the_first),
        cmocka_unit_test(a_write_waits_for_its_session),
        cmocka_unit_test(one_takes_all_with_it),
        cmocka_unit_test(a_stranger_is_one_for_all),
        cmocka_unit_test(any_flush_tells_of_the_loss),
        cmocka_unit_test(caches_are_one_for_all),
        cmocka_unit_test(a_size_is_one_for_all),
        cmocka_unit_test(freed_in_flight),
        cmocka_unit_test(cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
