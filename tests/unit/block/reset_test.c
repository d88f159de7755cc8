/* SPDX-License-Identifier: MIT */
/* What a caller does to more than one command: resets, and a session that is to begin anew; and commands for
 * other LUNs than the handle's. */
#include "test.h"

#include "scsi/cdb.h"

#define WRITES 4u

static struct {
    struct lab *lab;
    struct berth_queue *queue;
    struct berth_seg seg;
    uint8_t bytes[4096];
    uint8_t function, response;
    enum mini_turn turn;
    uint64_t luns_seen[8];
    uint32_t seen;
} t;

static enum mini_turn manage(void *arg, struct task *tmf)
{
    (void)arg;
    t.function = tmf->function;
    tmf->response = t.response;
    return t.turn;
}

static struct lab *begin(void)
{
    memset(&t, 0, sizeof t);
    t.lab = lab_new(NULL, NULL);
    mini_config(t.lab->target)->tmf = manage;
    t.lab->options.abort_timeout_ms = 1000;
    assert_int_equal(lab_open(t.lab), 0);
    assert_int_equal(berth_queue_new(&t.queue, t.lab->lun, 16), 0);
    return t.lab;
}

/* Writes of which the target never says anything. */
static void strand(uint32_t count)
{
    lab_rule(t.lab, (struct lab_rule){.op = SCSI_WRITE_10, .times = count, .turn = MINI_HOLD});
    t.seg = seg_memory(t.bytes, sizeof t.bytes);
    for (uint32_t n = 0; n < count; n++) {
        struct berth_io io = make_io(BERTH_WRITE, n * sizeof t.bytes, sizeof t.bytes, &t.seg, 1);
        assert_int_equal(berth_queue_submit(t.queue, &io, 1), 1);
    }
    struct berth_done none;
    while (lab_seen(t.lab, SCSI_WRITE_10) < count)
        assert_int_equal(berth_queue_reap(t.queue, &none, 1, 1, 1), 0);
}

static int submit_reset(enum berth_reset which)
{
    struct berth_io io = {.op = BERTH_RESET, .flags = which, .tag = 1};
    return berth_queue_submit(t.queue, &io, 1);
}

/* Reaps everything; returns the error of the reset, and expects `others` of the writes. */
static int reap_all(uint32_t writes, int others)
{
    int error = 1;
    struct berth_done done;
    for (uint32_t n = 0; n < writes + 1; n++) {
        assert_int_equal(berth_queue_reap(t.queue, &done, 1, 1, 60000), 1);
        if (done.tag == 1)
            error = done.error;
        else
            assert_int_equal(done.error, others);
    }
    return error;
}

static void a_lun_is_reset(void **state)
{
    static const uint8_t functions[] = {WIRE_TMF_LU_RESET, WIRE_TMF_TARGET_WARM_RESET};
    (void)state;
    for (uint32_t which = BERTH_RESET_LUN; which <= BERTH_RESET_TARGET_WARM; which++) {
        struct lab *l = begin();
        strand(WRITES);
        assert_int_equal(submit_reset((enum berth_reset)which), 1);
        assert_int_equal(reap_all(WRITES, BERTH_E_ABORTED), 0);
        assert_int_equal(t.function, functions[which]);
        assert_int_equal(lab_seen(l, SCSI_WRITE_10), WRITES); /* none was sent again */
        assert_int_equal(berth_read(l->lun, t.bytes, sizeof t.bytes, 0), 0);
        assert_int_equal(berth_lun_info(l->lun)->reconnects, 0);
        lab_free(l);
    }
}

static void a_reset_is_refused(void **state)
{
    static const struct {
        uint8_t response;
        int error;
    } rows[] = {{WIRE_TMF_NO_LUN, BERTH_E_NO_LUN},
                {WIRE_TMF_UNSUPPORTED, BERTH_E_UNSUPPORTED},
                {WIRE_TMF_REJECTED, BERTH_E_REJECTED}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct lab *l = begin();
        t.turn = MINI_ANSWER;
        t.response = rows[i].response;
        assert_int_equal(submit_reset(BERTH_RESET_LUN), 1);
        assert_int_equal(reap_all(0, 0), rows[i].error);
        lab_free(l);
    }
}

/* One without an answer ends with the session, which comes back. */
static void a_reset_gets_no_answer(void **state)
{
    struct lab *l = begin();
    (void)state;
    t.turn = MINI_HOLD;
    strand(WRITES);
    assert_int_equal(submit_reset(BERTH_RESET_LUN), 1);
    assert_int_equal(reap_all(WRITES, BERTH_E_ABORTED), BERTH_E_UNKNOWN);
    assert_int_equal(berth_read(l->lun, t.bytes, sizeof t.bytes, 0), 0);
    assert_int_equal(berth_lun_info(l->lun)->reconnects, 1);
    lab_free(l);
}

static void what_cannot_be_reset(void **state)
{
    struct lab *l = begin();
    struct berth_done done;
    struct berth_command other = {.names_lun = true, .lun = 1};
    struct berth_io io = {.op = BERTH_RESET, .flags = BERTH_RESET_TARGET_COLD + 1};
    (void)state;
    assert_int_equal(one_io(l->lun, &io, &done), BERTH_E_ARGUMENT);
    io = (struct berth_io){.op = BERTH_RESET, .len_bytes = 512};
    assert_int_equal(one_io(l->lun, &io, &done), BERTH_E_ARGUMENT);
    io = (struct berth_io){.op = BERTH_RESET, .command = &other};
    assert_int_equal(one_io(l->lun, &io, &done), BERTH_E_STATE);
    io = (struct berth_io){.op = BERTH_RESET + 1};
    assert_int_equal(one_io(l->lun, &io, &done), BERTH_E_ARGUMENT);
    lab_free(l);
}

/* I/Os that are under way go on in the next session. */
static void a_session_begins_anew(void **state)
{
    struct lab *l = begin();
    (void)state;
    strand(WRITES);
    assert_int_equal(berth_lun_reconnect(l->lun), 0);
    assert_int_equal(berth_lun_reconnect(l->lun), 0); /* it is being sought already */
    struct berth_done done;
    for (uint32_t n = 0; n < WRITES; n++) {
        assert_int_equal(berth_queue_reap(t.queue, &done, 1, 1, 60000), 1);
        assert_int_equal(done.error, 0);
    }
    assert_int_equal(berth_lun_info(l->lun)->reconnects, 1);
    assert_int_equal(lab_seen(l, SCSI_WRITE_10), 2 * WRITES);
    lab_free(l);
}

static void a_session_that_is_gone_does_not(void **state)
{
    struct lab *l = begin();
    (void)state;
    struct berth_policy p = {.size = sizeof p};
    assert_int_equal(berth_lun_policy(l->lun, &p), 0);
    p.recovery_timeout_ms = 10;
    assert_int_equal(berth_lun_set_policy(l->lun, &p), 0);
    mini_stop(l->target);
    assert_true(berth_read(l->lun, t.bytes, sizeof t.bytes, 0) != 0);
    assert_int_equal(berth_lun_reconnect(l->lun), BERTH_E_STATE);
    lab_free(l);
}

/* --- other LUNs --- */

static enum mini_turn note_lun(void *arg, struct task *task)
{
    (void)arg;
    t.luns_seen[t.seen++ % 8] = task->lun;
    return MINI_EXECUTE;
}

static struct lab *begin_commands(void)
{
    memset(&t, 0, sizeof t);
    t.lab = lab_new(NULL, NULL);
    t.lab->options.commands_only = true;
    mini_config(t.lab->target)->script = note_lun;
    return t.lab;
}

static int test_ready(struct lab *l, bool names, uint32_t lun)
{
    struct berth_command c = {.cdb_len = 6, .names_lun = names, .lun = lun};
    return berth_scsi(l->lun, &c, NULL, 0, 0);
}

static void a_command_names_its_lun(void **state)
{
    struct lab *l = begin_commands();
    (void)state;
    assert_int_equal(lab_open(l), 0);
    t.seen = 0;
    assert_int_equal(test_ready(l, false, 5), 0);
    test_ready(l, true, 3);
    test_ready(l, true, 300);
    assert_int_equal(t.luns_seen[0], 0);
    assert_int_equal(t.luns_seen[1], scsi_lun_encode(3));
    assert_int_equal(t.luns_seen[2], scsi_lun_encode(300));
    assert_int_equal(test_ready(l, true, 16384), BERTH_E_ARGUMENT);
    lab_free(l);
}

static void only_where_nothing_else_is_done(void **state)
{
    struct lab *l = begin();
    (void)state;
    assert_int_equal(test_ready(l, true, 0), BERTH_E_STATE);
    lab_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lun_is_reset),          cmocka_unit_test(a_reset_is_refused),
        cmocka_unit_test(a_reset_gets_no_answer),  cmocka_unit_test(what_cannot_be_reset),
        cmocka_unit_test(a_session_begins_anew),   cmocka_unit_test(a_session_that_is_gone_does_not),
        cmocka_unit_test(a_command_names_its_lun), cmocka_unit_test(only_where_nothing_else_is_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
