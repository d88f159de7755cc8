/* SPDX-License-Identifier: MIT */
/* A LUN is asked anew because somebody wants to know. */
#include "test.h"

#include <stdio.h>
#include "base/bytes.h"
#include "scsi/cdb.h"

static struct lab *lab;
static char told[64];

static void note(void *arg, const struct berth_notice *n)
{
    static const char *const kinds[] = {"lost", "back", "size", "gone"};
    size_t len = strlen(told);
    (void)arg;
    snprintf(told + len, sizeof told - len, "%s ", n->kind < 4 ? kinds[n->kind] : "?");
}

static void begin(uint32_t sessions)
{
    lab = lab_new(NULL, NULL);
    told[0] = 0;
    lab->options.sessions = sessions;
    lab->options.notice = note;
    lab->options.recovery_timeout_ms = 60000;
    assert_int_equal(lab_open(lab), 0);
}

static void answers(uint8_t op, const void *data, uint32_t len)
{
    lab_rule(lab, (struct lab_rule){.op = op, .turn = MINI_ANSWER, .data = data, .len = len});
}

static uint64_t size(void)
{
    return berth_lun_info(lab->lun)->size_bytes;
}

static void nothing_new(void **state)
{
    (void)state;
    begin(1);
    for (uint32_t n = 1; n <= 3; n++) {
        assert_int_equal(berth_lun_refresh(lab->lun), 0);
        assert_int_equal(lab_seen(lab, SCSI_INQUIRY) > 0, 1);
        assert_int_equal(lab_seen(lab, SCSI_TEST_UNIT_READY), n);
    }
    assert_string_equal(told, "");
    lab_free(lab);
}

/* The size changes behind a target that tells nobody. */
static void another_size(void **state)
{
    uint8_t capacity[SCSI_CAPACITY_16_LEN] = {0};
    (void)state;
    for (uint32_t sessions = 1; sessions <= 3; sessions++) {
        begin(sessions);
        const uint64_t before = size();
        put64(capacity, before / 512 * 2 - 1);
        put32(capacity + 8, 512);
        answers(SCSI_SERVICE_ACTION_IN_16, capacity, sizeof capacity);
        assert_int_equal(size(), before);
        assert_int_equal(berth_lun_refresh(lab->lun), 0);
        assert_int_equal(size(), before * 2);
        assert_string_equal(told, "size ");
        lab_free(lab);
    }
}

static void gone_and_back(void **state)
{
    (void)state;
    begin(1);
    lab_rule(lab, (struct lab_rule){.op = LAB_ANY, .turn = MINI_ANSWER, .key = 5, .asc = 0x2500});
    assert_int_equal(berth_lun_refresh(lab->lun), BERTH_E_NO_LUN);
    assert_int_equal(berth_lun_detail(lab->lun)->error, BERTH_E_NO_LUN);
    assert_int_equal(berth_lun_refresh(lab->lun), BERTH_E_NO_LUN); /* asked once more, and told once */
    assert_string_equal(told, "gone ");
    lab_no_rules(lab);
    assert_int_equal(berth_lun_refresh(lab->lun), 0);
    struct berth_status s = {.size = sizeof s};
    assert_int_equal(berth_lun_status(lab->lun, &s), 0);
    assert_int_equal(s.state, BERTH_STATE_UP);
    lab_free(lab);
}

static void another_device(void **state)
{
    uint8_t data[64] = {[4] = 59};
    (void)state;
    begin(2);
    memcpy(data + 8, "OTHER   PRODUCT         1   ", 28);
    lab_rule(lab, (struct lab_rule){
                      .op = SCSI_INQUIRY, .page = 0x83, .turn = MINI_ANSWER, .data = data, .len = 4});
    assert_int_equal(berth_lun_refresh(lab->lun), BERTH_E_CHANGED);
    assert_int_equal(berth_lun_refresh(lab->lun), BERTH_E_CHANGED);
    assert_string_equal(told, "gone ");
    lab_free(lab);
}

/* While the session is sought it waits, no longer than a command may take; and what it has begun goes on. */
static void away(void **state)
{
    uint8_t buf[512];
    (void)state;
    begin(1);
    mini_stop(lab->target);
    uint64_t from = world_ms(lab->world);
    assert_int_equal(berth_lun_refresh(lab->lun), BERTH_E_TIMEOUT);
    assert_in_range(world_ms(lab->world) - from, 30000, 30010);
    mini_start(lab->target);
    assert_int_equal(berth_lun_refresh(lab->lun), 0);
    assert_string_equal(told, "lost back ");
    assert_int_equal(berth_read(lab->lun, buf, sizeof buf, 0), 0);
    mini_stop(lab->target);
    assert_int_equal(berth_read(lab->lun, buf, sizeof buf, 0), BERTH_E_LOST);
    assert_int_equal(berth_lun_refresh(lab->lun), BERTH_E_LOST);
    lab_free(lab);
}

static bool enough;

static bool cancelled(void *arg)
{
    (void)arg;
    return enough;
}

static void given_up(void **state)
{
    (void)state;
    lab = lab_new(NULL, NULL);
    lab->options.cancelled = cancelled;
    enough = false;
    assert_int_equal(lab_open(lab), 0);
    mini_stop(lab->target);
    enough = true;
    assert_int_equal(berth_lun_refresh(lab->lun), BERTH_E_ABORTED);
    enough = false;
    lab_free(lab);
}

/* I/Os wait for it, and go on. */
static void with_ios(void **state)
{
    uint8_t bytes[4][512];
    struct berth_seg segs[4];
    struct berth_queue *q;
    struct berth_done done[4];
    (void)state;
    begin(2);
    assert_int_equal(berth_queue_new(&q, lab->lun, 4), 0);
    for (uint32_t n = 0; n < 4; n++) {
        segs[n] = seg_memory(bytes[n], 512);
        struct berth_io io = make_io(BERTH_READ, n * 512, 512, &segs[n], 1);
        assert_int_equal(berth_queue_submit(q, &io, 1), 1);
    }
    assert_int_equal(berth_lun_refresh(lab->lun), 0);
    assert_int_equal(berth_queue_reap(q, done, 4, 4, 1000), 4);
    for (uint32_t n = 0; n < 4; n++)
        assert_int_equal(done[n].error, 0);
    lab_free(lab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_new),    cmocka_unit_test(another_size), cmocka_unit_test(gone_and_back),
        cmocka_unit_test(another_device), cmocka_unit_test(away),         cmocka_unit_test(given_up),
        cmocka_unit_test(with_ios),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
