/* SPDX-License-Identifier: MIT */
/* The table of outcomes: which row is taken, and that none is in vain. */
#include "test.h"

#include "block/policy.h"
#include "scsi/cdb.h"

static const struct policy_row *of(uint8_t status, uint8_t key, uint16_t asc, bool deferred)
{
    const struct scsi_sense sense = {.valid = true, .deferred = deferred, .key = key, .asc = asc};
    return policy_find(status, &sense);
}

#define ROWS_MAX 128

/* All that a target can say: every row is the answer to something. */
static void every_row_is_reached(void **state)
{
    const struct policy_row *seen[ROWS_MAX] = {0}, *first = of(SCSI_BUSY, 0, 0, false);
    const struct scsi_sense none = {0};
    (void)state;
    uint32_t count = 0;
    for (uint32_t status = 0; status < 256; status++)
        seen[policy_find((uint8_t)status, &none) - first] = first;
    for (uint32_t key = 0; key < 16; key++)
        for (uint32_t asc = 0; asc < 0x10000; asc++)
            for (int deferred = 0; deferred < 2; deferred++)
                seen[of(SCSI_CHECK_CONDITION, (uint8_t)key, (uint16_t)asc, deferred) - first] = first;
    while (count < ROWS_MAX && seen[count])
        count++;
    for (uint32_t i = count; i < ROWS_MAX; i++)
        assert_null(seen[i]);
    assert_int_equal(policy_find(0x77, &none) - first, count - 1); /* the last one is for the rest */
    assert_true(count > 30);
}

/* What is sent again without asking: never what the LUN has refused for good. */
static void verdicts(void **state)
{
    static const struct {
        uint8_t status, key;
        uint16_t asc;
        uint8_t verdict;
    } rows[] = {
        {SCSI_BUSY, 0, 0, POLICY_LATER},
        {SCSI_TASK_SET_FULL, 0, 0, POLICY_LATER},
        {SCSI_TASK_ABORTED, 0, 0, POLICY_AGAIN},
        {SCSI_RESERVATION_CONFLICT, 0, 0, POLICY_FAIL},
        {SCSI_ACA_ACTIVE, 0, 0, POLICY_FAIL},
        {SCSI_CONDITION_MET, 0, 0, POLICY_FAIL},
        {0x10, 0, 0, POLICY_FAIL}, /* INTERMEDIATE, obsolete */
        {0x22, 0, 0, POLICY_FAIL}, /* COMMAND TERMINATED, obsolete */
        {SCSI_CHECK_CONDITION, SENSE_NO_SENSE, 0, POLICY_AGAIN},
        {SCSI_CHECK_CONDITION, SENSE_RECOVERED, 0x5d10, POLICY_FINE},
        {SCSI_CHECK_CONDITION, SENSE_NOT_READY, 0x0401, POLICY_LATER},
        {SCSI_CHECK_CONDITION, SENSE_NOT_READY, 0x0403, POLICY_FAIL},
        {SCSI_CHECK_CONDITION, SENSE_NOT_READY, 0x0404, POLICY_FAIL},
        {SCSI_CHECK_CONDITION, SENSE_NOT_READY, 0x0409, POLICY_LATER},
        {SCSI_CHECK_CONDITION, SENSE_NOT_READY, 0x040b, POLICY_FAIL},
        {SCSI_CHECK_CONDITION, SENSE_ABORTED_COMMAND, 0x4b00, POLICY_AGAIN},
        {SCSI_CHECK_CONDITION, SENSE_UNIT_ATTENTION, 0x2901, POLICY_AGAIN},
        {SCSI_CHECK_CONDITION, 15, 0, POLICY_FAIL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(of(rows[i].status, rows[i].key, rows[i].asc, false)->verdict, rows[i].verdict);
}

static void effects(void **state)
{
    static const struct {
        uint16_t asc;
        uint8_t effects;
    } rows[] = {
        {0x2900, POLICY_CHECK | POLICY_VOLATILE},
        {0x2901, POLICY_CHECK | POLICY_VOLATILE},
        {0x2902, POLICY_CHECK},
        {0x2903, POLICY_CHECK},
        {0x2904, POLICY_CHECK | POLICY_VOLATILE},
        {0x2907, POLICY_CHECK},
        {0x2a01, POLICY_CHECK},
        {0x2a03, POLICY_RIGHTS},
        {0x2a05, POLICY_RIGHTS},
        {0x2a06, 0},
        {0x2a09, POLICY_CHECK},
        {0x2f00, 0},
        {0x3807, POLICY_SPACE},
        {0x3f01, POLICY_CHECK},
        {0x3f03, POLICY_CHECK},
        {0x3f05, POLICY_CHECK},
        {0x3f0e, POLICY_CHECK},
        {0x5d00, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(of(SCSI_CHECK_CONDITION, SENSE_UNIT_ATTENTION, rows[i].asc, false)->effects,
                         rows[i].effects);
    assert_int_equal(of(SCSI_TASK_SET_FULL, 0, 0, false)->effects, POLICY_FEWER);
    assert_int_equal(of(SCSI_BUSY, 0, 0, false)->effects, 0);
    assert_int_equal(of(SCSI_CHECK_CONDITION, SENSE_MEDIUM_ERROR, 0x0c00, true)->effects, POLICY_LOSS);
    assert_int_equal(of(SCSI_CHECK_CONDITION, SENSE_RECOVERED, 0x0c00, true)->effects, 0);
}

/* A status other than CHECK CONDITION has no sense, whatever comes along. */
static void sense_belongs_to_check_condition(void **state)
{
    (void)state;
    assert_int_equal(of(SCSI_BUSY, SENSE_MEDIUM_ERROR, 0x1100, false)->error, BERTH_E_SCSI);
    assert_int_equal(of(SCSI_RESERVATION_CONFLICT, SENSE_MEDIUM_ERROR, 0x1100, true)->effects, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_reached),
        cmocka_unit_test(verdicts),
        cmocka_unit_test(effects),
        cmocka_unit_test(sense_belongs_to_check_condition),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
