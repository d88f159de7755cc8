/* SPDX-License-Identifier: MIT */
/* Commands of the caller's own: what they bring back, and what becomes of them when the session is lost. */
#include "test.h"

#include "base/bytes.h"
#include "scsi/cdb.h"
#include "scsi/identity.h"
#include "scsi/reservation.h"
#include "scsi/sense.h"

static struct berth_command make(const void *cdb, uint8_t len, enum berth_direction direction)
{
    struct berth_command c = {.cdb_len = len, .direction = (uint8_t)direction, .status = 0x77};
    memcpy(c.cdb, cdb, len);
    return c;
}

static struct berth_command make_inquiry(uint8_t allocation)
{
    const uint8_t cdb[6] = {SCSI_INQUIRY, 0, 0, 0, allocation, 0};
    return make(cdb, sizeof cdb, BERTH_DATA_IN);
}

/* PERSISTENT RESERVE OUT, REGISTER: `list` receives its parameters. */
static struct berth_command make_register(uint8_t list[SCSI_PR_OUT_LEN], uint64_t key)
{
    const uint8_t cdb[10] = {SCSI_PERSISTENT_RESERVE_OUT, 0, 0, 0, 0, 0, 0, 0, SCSI_PR_OUT_LEN, 0};
    const struct scsi_pr_out p = {.action_key = key};
    scsi_put_pr_out(list, &p);
    return make(cdb, sizeof cdb, BERTH_DATA_OUT);
}

/* COMPARE AND WRITE of block 0, which holds zeros. */
static struct berth_command make_compare(uint8_t data[1024])
{
    const uint8_t cdb[16] = {SCSI_COMPARE_AND_WRITE, [13] = 1};
    memset(data, 0, 512);
    memset(data + 512, 'n', 512);
    return make(cdb, sizeof cdb, BERTH_DATA_OUT);
}

/* --- what is not done twice --- */

/* The target rejects data of every command that is on the wire. */
static void reject_data(void *arg)
{
    struct lab *l = arg;
    struct session *s = l->lun->initiator->session;
    for (uint32_t n = 0; n < s->slots.count; n++)
        if (slots_taken(&s->slots, n) && s->tasks[n].write && s->tasks[n].state == TASK_ACTIVE)
            s->tasks[n].reject_reason = WIRE_REJECT_DATA_DIGEST;
}

/* A target that has rejected data, and then says that all is well, has done something. */
static void rejected_data(void **state)
{
    uint8_t data[1024];
    struct lab *l = lab_lun(NULL);
    struct berth_command c = make_compare(data);
    (void)state;
    l->world->each_turn = reject_data;
    l->world->arg = l;
    assert_int_equal(berth_scsi(l->lun, &c, data, sizeof data, 0), BERTH_E_REJECTED);
    assert_int_equal(lab_seen(l, SCSI_COMPARE_AND_WRITE), 1);
    assert_int_equal(mini_disk(l->target)[0], 'n');
    assert_int_equal(berth_write(l->lun, data, 512, 0, 0), BERTH_E_REJECTED);
    assert_int_equal(lab_seen(l, SCSI_WRITE_10), 1 + LUN_TRIES); /* this may be */
    lab_rule(l, (struct lab_rule){.op = SCSI_WRITE_10, .turn = MINI_ANSWER, .key = SENSE_RECOVERED});
    assert_int_equal(berth_write(l->lun, data, 512, 0, 0), BERTH_E_REJECTED);
    l->world->each_turn = NULL;
    assert_int_equal(berth_write(l->lun, data, 512, 0, 0), 0);
    lab_free(l);
}

/* --- what they bring back --- */

static void data_comes_in(void **state)
{
    uint8_t reply[255] = {0};
    struct lab *l = lab_lun(NULL);
    struct berth_command c = make_inquiry(255);
    struct scsi_inquiry q;
    (void)state;
    assert_int_equal(berth_scsi(l->lun, &c, reply, sizeof reply, 0), 0);
    assert_int_equal(c.status, SCSI_GOOD);
    assert_int_equal(c.sense_len, 0);
    assert_int_equal(c.moved_bytes, SCSI_INQUIRY_LEN);
    assert_int_equal(c.overflow_bytes, 0);
    assert_true(scsi_get_inquiry_data(reply, (size_t)c.moved_bytes, &q));
    assert_string_equal(q.vendor, berth_lun_info(l->lun)->vendor);
    c = make_inquiry(36); /* room for less than the LUN would give */
    assert_int_equal(berth_scsi(l->lun, &c, reply, 20, 0), 0);
    assert_int_equal(c.moved_bytes, 20);
    assert_int_equal(c.overflow_bytes, 16);
    lab_free(l);
}

static void data_goes_out(void **state)
{
    uint8_t list[SCSI_PR_OUT_LEN], reply[64] = {0};
    struct lab *l = lab_lun(NULL);
    struct berth_command c = make_register(list, 0x1234);
    const uint8_t keys[10] = {SCSI_PERSISTENT_RESERVE_IN, 0, 0, 0, 0, 0, 0, 0, sizeof reply, 0};
    (void)state;
    assert_int_equal(berth_scsi(l->lun, &c, list, sizeof list, 0), 0);
    assert_int_equal(c.moved_bytes, sizeof list);
    c = make(keys, sizeof keys, BERTH_DATA_IN);
    assert_int_equal(berth_scsi(l->lun, &c, reply, sizeof reply, 0), 0);
    assert_int_equal(get64(reply + 8), 0x1234);
    lab_free(l);
}

static void nothing_goes_either_way(void **state)
{
    struct lab *l = lab_lun(NULL);
    struct berth_command c = make("\0\0\0\0\0", 6, BERTH_DATA_NONE);
    (void)state;
    assert_int_equal(berth_scsi(l->lun, &c, NULL, 0, 0), 0);
    assert_int_equal(l->log[0].op, SCSI_TEST_UNIT_READY);
    assert_false(l->log[0].read || l->log[0].write);
    c = make("\x12\0\0\0\x24", 6, BERTH_DATA_IN); /* no room: what there would be is told */
    assert_int_equal(berth_scsi(l->lun, &c, NULL, 0, 0), 0);
    assert_true(l->log[1].read);
    assert_int_equal(l->log[1].edtl, 0);
    assert_int_equal(c.moved_bytes, 0);
    assert_int_equal(c.overflow_bytes, 36);
    lab_free(l);
}

static void long_cdbs(void **state)
{
    uint8_t cdb[32] = {SCSI_VARIABLE_LENGTH, [7] = 24, [9] = 0x09, [19] = 3, [31] = 1};
    uint8_t block[512], back[512];
    struct lab *l = lab_lun(NULL);
    struct berth_command c = make(cdb, sizeof cdb, BERTH_DATA_IN);
    (void)state;
    fill(block, sizeof block, 3);
    assert_int_equal(berth_write(l->lun, block, sizeof block, 3 * 512, 0), 0);
    assert_int_equal(berth_scsi(l->lun, &c, back, sizeof back, 0), 0);
    assert_memory_equal(block, back, sizeof block);
    lab_free(l);
}

static enum mini_turn note_attribute(void *arg, struct task *task)
{
    *(uint8_t *)arg = task->attr;
    return MINI_EXECUTE;
}

static void attributes(void **state)
{
    static const uint8_t on_the_wire[] = {WIRE_ATTR_SIMPLE, WIRE_ATTR_ORDERED, WIRE_ATTR_HEAD, WIRE_ATTR_ACA};
    uint8_t heard = 0xff;
    struct lab *l = lab_lun(NULL);
    (void)state;
    mini_config(l->target)->script = note_attribute;
    mini_config(l->target)->arg = &heard;
    for (uint8_t attribute = 0; attribute < sizeof on_the_wire; attribute++) {
        struct berth_command c = make("\0\0\0\0\0", 6, BERTH_DATA_NONE);
        c.attribute = attribute;
        berth_scsi(l->lun, &c, NULL, 0, 0);
        assert_int_equal(heard, on_the_wire[attribute]);
    }
    lab_free(l);
}

/* All of the sense data, and the status, as they came; nothing is sent a second time. */
static void every_status_is_the_callers(void **state)
{
    static const struct {
        uint8_t status, key;
        uint16_t asc;
        int error;
    } rows[] = {
        {SCSI_CHECK_CONDITION, SENSE_UNIT_ATTENTION, ASC_CAPACITY_CHANGED, BERTH_E_SCSI},
        {SCSI_CHECK_CONDITION, SENSE_NOT_READY, 0x0401, BERTH_E_SCSI},
        {SCSI_CHECK_CONDITION, SENSE_RECOVERED, 0x1701, BERTH_E_SCSI},
        {SCSI_CHECK_CONDITION, SENSE_MEDIUM_ERROR, ASC_UNRECOVERED_READ, BERTH_E_MEDIUM},
        {SCSI_CHECK_CONDITION, SENSE_MISCOMPARE, ASC_MISCOMPARE, BERTH_E_SCSI},
        {SCSI_BUSY, 0, 0, BERTH_E_SCSI},
        {SCSI_TASK_SET_FULL, 0, 0, BERTH_E_SCSI},
        {SCSI_TASK_ABORTED, 0, 0, BERTH_E_SCSI},
        {SCSI_RESERVATION_CONFLICT, 0, 0, BERTH_E_RESERVED},
        {SCSI_CONDITION_MET, 0, 0, 0},
    };
    struct lab *l = lab_lun(NULL);
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct berth_command c = make("\3\0\0\0\0", 6, BERTH_DATA_NONE);
        lab_no_rules(l);
        l->count = 0;
        lab_rule(l, (struct lab_rule){.op = SCSI_REQUEST_SENSE,
                                      .turn = MINI_ANSWER,
                                      .status = rows[i].status,
                                      .key = rows[i].key,
                                      .asc = rows[i].asc});
        assert_int_equal(berth_scsi(l->lun, &c, NULL, 0, 0), rows[i].error);
        assert_int_equal(c.status, rows[i].status);
        assert_int_equal(c.sense_len, rows[i].key ? 18 : 0);
        if (rows[i].key) {
            assert_int_equal(c.sense[0], 0x70);
            assert_int_equal(c.sense[2], rows[i].key);
            assert_int_equal(get16(c.sense + 12), rows[i].asc);
        }
        assert_int_equal(lab_seen(l, SCSI_REQUEST_SENSE), 1);
    }
    lab_free(l);
}

/* A response other than "completed at target" says nothing of a status (RFC 7143 11.4.3). */
static void target_failure_has_no_status(void **state)
{
    struct lab *l = lab_lun(NULL);
    struct berth_command c = make("\0\0\0\0\0", 6, BERTH_DATA_NONE);
    (void)state;
    lab_rule(
        l,
        (struct lab_rule){
            .op = LAB_ANY, .turn = MINI_ANSWER, .key = SENSE_UNIT_ATTENTION, .asc = 0x2900, .response = 1});
    assert_int_equal(berth_scsi(l->lun, &c, NULL, 0, 0), BERTH_E_TARGET);
    assert_int_equal(c.status, 0);
    assert_int_equal(c.sense_len, 0);
    lab_free(l);
}

static int submitted(struct lab *l, struct berth_command *c, uint64_t len, struct berth_seg *seg)
{
    struct berth_io io = {.op = BERTH_SCSI, .len_bytes = len, .segs = seg, .seg_count = 1, .command = c};
    struct berth_done done;
    return one_io(l->lun, &io, &done);
}

static void what_cannot_be(void **state)
{
    uint8_t buf[512];
    struct berth_seg seg = seg_memory(buf, sizeof buf);
    struct lab *l = lab_lun(NULL);
    struct berth_command c = make_inquiry(96);
    (void)state;
    assert_int_equal(submitted(l, NULL, 512, &seg), BERTH_E_ARGUMENT);
    c.direction = BERTH_DATA_OUT + 1; /* bidirectional */
    assert_int_equal(submitted(l, &c, 512, &seg), BERTH_E_UNSUPPORTED);
    c.direction = BERTH_DATA_NONE;
    assert_int_equal(submitted(l, &c, 512, &seg), BERTH_E_ARGUMENT);
    c.direction = BERTH_DATA_IN;
    assert_int_equal(submitted(l, &c, 511, &seg), BERTH_E_ARGUMENT);
    assert_int_equal(submitted(l, &c, 1ull << 32, &seg), BERTH_E_ARGUMENT);
    c.attribute = BERTH_ATTRIBUTE_ACA + 1;
    assert_int_equal(submitted(l, &c, 512, &seg), BERTH_E_ARGUMENT);
    c.attribute = 0;
    c.cdb_len = 0;
    assert_int_equal(submitted(l, &c, 512, &seg), BERTH_E_ARGUMENT);
    c.cdb_len = BERTH_CDB_MAX + 1;
    assert_int_equal(submitted(l, &c, 512, &seg), BERTH_E_ARGUMENT);
    assert_int_equal(l->count, 0);
    lab_free(l);
}

/* --- the session is lost --- */

static void executed_once(struct lab *l, struct berth_command *c, void *data, uint32_t len)
{
    lab_rule(l, (struct lab_rule){.op = c->cdb[0], .times = 1, .turn = MINI_DROP});
    assert_int_equal(berth_scsi(l->lun, c, data, len, 0), BERTH_E_UNKNOWN);
    assert_string_equal(berth_lun_detail(l->lun)->text, berth_error_text(BERTH_E_UNKNOWN));
    assert_int_equal(berth_flush(l->lun), 0); /* the session is back, and the others go on */
    assert_int_equal(lab_seen(l, c->cdb[0]), 1);
}

/* The connection dies when the command has come whole: it may have been executed. */
static void outcome_unknown(void **state)
{
    uint8_t list[SCSI_PR_OUT_LEN], data[1024];
    struct lab *l = lab_lun(NULL);
    struct berth_command c = make_register(list, 1);
    (void)state;
    executed_once(l, &c, list, sizeof list);
    c = make_compare(data);
    executed_once(l, &c, data, sizeof data);
    c = make("\x16\0\0\0\0", 6, BERTH_DATA_NONE); /* RESERVE(6) */
    executed_once(l, &c, NULL, 0);
    c = make("\xc1\0\0\0\0", 6, BERTH_DATA_NONE); /* a vendor's own */
    executed_once(l, &c, NULL, 0);
    lab_free(l);
}

static void harmless_ones_are_sent_again(void **state)
{
    uint8_t reply[96];
    struct lab *l = lab_lun(NULL);
    struct berth_command c = make_inquiry(96);
    (void)state;
    lab_rule(l, (struct lab_rule){.op = SCSI_INQUIRY, .times = 2, .turn = MINI_DROP});
    assert_int_equal(berth_scsi(l->lun, &c, reply, sizeof reply, 0), 0);
    assert_true(lab_seen(l, SCSI_INQUIRY) >= 3);
    lab_free(l);
}

static int reap_one(struct berth_queue *q)
{
    struct berth_done done;
    assert_int_equal(berth_queue_reap(q, &done, 1, 1, -1), 1);
    return done.error;
}

/* The window was closed: it had no CmdSN, and nobody has executed it. */
static void not_sent_at_all(void **state)
{
    uint8_t buf[512], list[SCSI_PR_OUT_LEN];
    struct lab *l = lab_lun(&(struct mini_config){.depth = 1});
    struct berth_command c = make_register(list, 1);
    struct berth_seg segs[2] = {seg_memory(buf, sizeof buf), seg_memory(list, sizeof list)};
    struct berth_io ios[2] = {make_io(BERTH_READ, 0, sizeof buf, &segs[0], 1),
                              make_io(BERTH_SCSI, 0, sizeof list, &segs[1], 1)};
    struct berth_queue *q;
    struct berth_done done;
    (void)state;
    ios[1].command = &c;
    assert_int_equal(berth_queue_new(&q, l->lun, 2), 0);
    lab_rule(l, (struct lab_rule){.op = SCSI_READ_10, .times = 1, .turn = MINI_HOLD});
    assert_int_equal(berth_queue_submit(q, ios, 2), 2);
    assert_int_equal(berth_queue_reap(q, &done, 1, 1, 100), 0);
    assert_int_equal(lab_seen(l, SCSI_PERSISTENT_RESERVE_OUT), 0);
    mini_reset(l->target);
    assert_int_equal(reap_one(q), 0);
    assert_int_equal(reap_one(q), 0);
    assert_int_equal(lab_seen(l, SCSI_PERSISTENT_RESERVE_OUT), 1);
    lab_free(l);
}

/* It had its CmdSN, and stood in the line behind data that nobody took: not a whole PDU of it has left. */
static void not_sent_whole(void **state)
{
    static uint8_t buf[256 * KIB];
    uint8_t list[SCSI_PR_OUT_LEN];
    struct lab *l = lab_lun(&(struct mini_config){
        .lu = "ram:4M", .first_burst = sizeof buf, .max_burst = sizeof buf, .segment = sizeof buf});
    struct berth_command c = make_register(list, 1);
    struct berth_seg segs[2] = {seg_memory(buf, sizeof buf), seg_memory(list, sizeof list)};
    struct berth_io write = make_io(BERTH_WRITE, 0, sizeof buf, &segs[0], 1);
    struct berth_io reserve = make_io(BERTH_SCSI, 0, sizeof list, &segs[1], 1);
    struct berth_queue *q;
    struct berth_done done;
    (void)state;
    reserve.command = &c;
    assert_int_equal(berth_queue_new(&q, l->lun, 10), 0);
    world_settle(l->world);
    l->world->silent = true;
    for (int i = 0; i < 6; i++)
        assert_int_equal(berth_queue_submit(q, &write, 1), 1);
    assert_int_equal(berth_queue_submit(q, &reserve, 1), 1);
    for (int turn = 0; turn < 100; turn++)
        assert_int_equal(berth_queue_reap(q, &done, 1, 1, 0), 0);
    assert_true(list_empty(&l->lun->initiator->session->queued)); /* it has its CmdSN */
    mini_reset(l->target);
    l->world->silent = false;
    for (int i = 0; i < 7; i++)
        assert_int_equal(reap_one(q), 0);
    assert_int_equal(lab_seen(l, SCSI_PERSISTENT_RESERVE_OUT), 1);
    lab_free(l);
}

/* --- LUNs that are no disks, or not ready --- */

static void commands_only(void **state)
{
    static const uint8_t tape[36] = {0x01, 0x80, 0x06, 0x02, 31};
    uint8_t buf[512];
    struct lab *l = lab_new(NULL, NULL);
    struct berth_command c = make("\0\0\0\0\0", 6, BERTH_DATA_NONE);
    (void)state;
    l->options.commands_only = true;
    lab_rule(l, (struct lab_rule){
                    .op = SCSI_INQUIRY, .times = 1, .turn = MINI_ANSWER, .data = tape, .len = sizeof tape});
    lab_rule(l, (struct lab_rule){
                    .op = SCSI_TEST_UNIT_READY, .turn = MINI_ANSWER, .key = SENSE_NOT_READY, .asc = 0x3a00});
    assert_int_equal(lab_open(l), 0);
    assert_int_equal(berth_lun_info(l->lun)->size_bytes, 0);
    assert_int_equal(strncmp(berth_lun_info(l->lun)->identity, "naa.", 4), 0);
    assert_int_equal(berth_scsi(l->lun, &c, NULL, 0, 0), BERTH_E_SCSI);
    assert_int_equal(c.sense[2], SENSE_NOT_READY);
    assert_int_equal(berth_read(l->lun, buf, sizeof buf, 0), BERTH_E_STATE);
    assert_int_equal(berth_flush(l->lun), BERTH_E_STATE);
    c = make("\x0a\0\0\0\1", 6, BERTH_DATA_OUT); /* the next block of a tape */
    lab_rule(l, (struct lab_rule){.op = SCSI_WRITE_6, .times = 1, .turn = MINI_DROP});
    assert_int_equal(berth_scsi(l->lun, &c, buf, sizeof buf, 0), BERTH_E_UNKNOWN);
    lab_free(l);
}

static void the_first_command_hears_no_attention(void **state)
{
    struct lab *l = lab_new(&(struct mini_config){.attentions = true}, NULL);
    struct berth_command c = make("\0\0\0\0\0", 6, BERTH_DATA_NONE);
    (void)state;
    l->options.commands_only = true;
    assert_int_equal(lab_open(l), 0);
    assert_int_equal(berth_scsi(l->lun, &c, NULL, 0, 0), 0);
    lab_free(l);
}

static void no_lun_is_none(void **state)
{
    static const uint8_t none[36] = {0x7f, 0, 0x06, 0x02, 31};
    struct lab *l = lab_new(NULL, NULL);
    (void)state;
    l->options.commands_only = true;
    lab_rule(l, (struct lab_rule){.op = SCSI_INQUIRY, .turn = MINI_ANSWER, .data = none, .len = sizeof none});
    assert_int_equal(lab_open(l), BERTH_E_NO_LUN);
    lab_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data_comes_in),
        cmocka_unit_test(data_goes_out),
        cmocka_unit_test(nothing_goes_either_way),
        cmocka_unit_test(long_cdbs),
        cmocka_unit_test(attributes),
        cmocka_unit_test(every_status_is_the_callers),
        cmocka_unit_test(target_failure_has_no_status),
        cmocka_unit_test(what_cannot_be),
        cmocka_unit_test(outcome_unknown),
        cmocka_unit_test(harmless_ones_are_sent_again),
        cmocka_unit_test(not_sent_at_all),
        cmocka_unit_test(not_sent_whole),
        cmocka_unit_test(commands_only),
        cmocka_unit_test(rejected_data),
        cmocka_unit_test(the_first_command_hears_no_attention),
        cmocka_unit_test(no_lun_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
