/* SPDX-License-Identifier: MIT */
/* What a LUN says of itself, also when it says odd things or nothing at all. */
#include "test.h"

#include "base/bytes.h"
#include "scsi/cdb.h"
#include "scsi/identity.h"
#include "scsi/sense.h"

static struct lab_rule refuse(uint8_t op, uint8_t page)
{
    return (struct lab_rule){.op = op,
                             .page = page,
                             .turn = MINI_ANSWER,
                             .key = SENSE_ILLEGAL_REQUEST,
                             .asc = page ? ASC_INVALID_FIELD_IN_CDB : ASC_INVALID_OPCODE};
}

static struct lab_rule say(uint8_t op, uint8_t page, const void *data, uint32_t len)
{
    return (struct lab_rule){.op = op, .page = page, .turn = MINI_ANSWER, .data = data, .len = len};
}

static void facts(void **state)
{
    struct lab *l = lab_lun(&(struct mini_config){.lu = "ram:3M,block=4096", .attentions = true});
    const struct berth_lun_info *i = berth_lun_info(l->lun);
    (void)state;
    assert_int_equal(i->size_bytes, 3 * MIB);
    assert_int_equal(i->block_bytes, 4096);
    assert_int_equal(i->physical_block_bytes, 4096);
    assert_true(i->max_trim_bytes > 0 && i->max_zero_bytes > 0 && i->thin);
    assert_string_equal(i->target_name, MINI_IQN);
    assert_string_equal(i->portal, "host:3260");
    assert_string_equal(i->target_alias, "");
    assert_int_equal(strncmp(i->identity, "naa.3", 5), 0);
    assert_int_equal(strlen(i->serial), 16);
    assert_true(strlen(i->vendor) > 0 && strlen(i->product) > 0);
    assert_int_equal(i->lun, 0);
    assert_false(i->authenticated || i->mutual || i->header_digest || i->data_digest || i->rotational);
    assert_true(i->negotiated_count > 10);
    assert_int_equal(i->reconnects, 0);
    assert_int_equal(berth_lun_detail(l->lun)->error, 0);
    lab_free(l);
}

/* --- capacity --- */

struct capacity_row {
    uint64_t last_lba;
    uint32_t block;
    uint8_t exponent;
    int expected;
    uint64_t size;
    uint32_t physical;
};

static void capacities(void **state)
{
    static const struct capacity_row rows[] = {
        {0, 512, 0, 0, 512, 512},
        {99, 4096, 0, 0, 409600, 4096},
        {99, 512, 3, 0, 51200, 4096},
        {99, 65536, 15, 0, 6553600, 1u << 31},
        {99, 512, 8, 0, 51200, 131072},
        {(UINT64_MAX >> 9) - 2, 512, 0, 0, ((UINT64_MAX >> 9) - 1) * 512, 512},
        {UINT64_MAX, 512, 0, BERTH_E_PROTOCOL, 0, 0},
        {UINT64_MAX >> 9, 512, 0, BERTH_E_PROTOCOL, 0, 0},
        {99, 0, 0, BERTH_E_PROTOCOL, 0, 0},
        {99, 256, 0, BERTH_E_PROTOCOL, 0, 0},
        {99, 520, 0, BERTH_E_PROTOCOL, 0, 0},
        {99, 131072, 0, BERTH_E_PROTOCOL, 0, 0},
        {99, 0x80000000, 0, BERTH_E_PROTOCOL, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct capacity_row *r = &rows[i];
        uint8_t bytes[SCSI_CAPACITY_16_LEN] = {0};
        struct lab *l = lab_new(NULL, NULL);
        put64(bytes, r->last_lba);
        put32(bytes + 8, r->block);
        bytes[13] = r->exponent;
        lab_rule(l, say(SCSI_SERVICE_ACTION_IN_16, 0, bytes, sizeof bytes));
        assert_int_equal(lab_open(l), r->expected);
        if (!r->expected) {
            assert_int_equal(berth_lun_info(l->lun)->size_bytes, r->size);
            assert_int_equal(berth_lun_info(l->lun)->block_bytes, r->block);
            assert_int_equal(berth_lun_info(l->lun)->physical_block_bytes, r->physical);
        } else {
            assert_null(l->lun);
        }
        lab_free(l);
    }
}

static void capacity_10(void **state)
{
    struct lab *l = lab_new(NULL, NULL);
    (void)state;
    lab_rule(l, refuse(SCSI_SERVICE_ACTION_IN_16, 0));
    assert_int_equal(lab_open(l), 0);
    assert_int_equal(berth_lun_info(l->lun)->size_bytes, MIB);
    assert_false(berth_lun_info(l->lun)->thin);
    lab_free(l);

    l = lab_new(NULL, NULL);
    lab_rule(l, refuse(SCSI_SERVICE_ACTION_IN_16, 0));
    lab_rule(l, refuse(SCSI_READ_CAPACITY_10, 0));
    assert_int_equal(lab_open(l), BERTH_E_UNSUPPORTED);
    lab_free(l);
}

/* --- pages --- */

static void no_pages_at_all(void **state)
{
    uint8_t buf[512] = {0};
    struct lab *l = lab_new(NULL, NULL);
    (void)state;
    for (uint8_t page = 1; page < 200 && l->rule_count < 10; page++)
        if (page == VPD_SERIAL || page == VPD_IDENTIFICATION)
            lab_rule(l, refuse(SCSI_INQUIRY, page));
    static const uint8_t none[4] = {0, 0, 0, 0};
    lab_rule(l,
             (struct lab_rule){.op = SCSI_INQUIRY, .skip = 1, .turn = MINI_ANSWER, .data = none, .len = 4});
    lab_rule(l, refuse(SCSI_MODE_SENSE_6, 0));
    assert_int_equal(lab_open(l), 0);
    const struct berth_lun_info *i = berth_lun_info(l->lun);
    assert_int_equal(i->max_transfer_bytes, 16 * MIB);
    assert_int_equal(i->max_trim_bytes, 0);
    assert_int_equal(i->max_zero_bytes, 256 * MIB);
    assert_string_equal(i->identity, "");
    assert_string_equal(i->serial, "");
    assert_int_equal(berth_trim(l->lun, 512, 0), BERTH_E_UNSUPPORTED);
    assert_int_equal(berth_write(l->lun, buf, 512, 0, 0), 0);
    assert_int_equal(berth_zero(l->lun, 512, 0, 0), 0);
    lab_free(l);
}

/* Limits of one block, of a number no LUN has, and cut short at every length. */
static void odd_limits(void **state)
{
    static uint8_t page[64], buf[4096];
    (void)state;
    for (uint32_t len = 0; len <= sizeof page; len++) {
        memset(page, 0xff, sizeof page);
        memcpy(page, (uint8_t[]){0, 0xb0, 0, 60}, 4);
        put32(page + 8, 1); /* one block at a time */
        struct lab *l = lab_new(NULL, NULL);
        lab_rule(l, say(SCSI_INQUIRY, 0xb0, page, len));
        assert_int_equal(lab_open(l), 0);
        const struct berth_lun_info *i = berth_lun_info(l->lun);
        assert_true(i->max_transfer_bytes == 512 || i->max_transfer_bytes == 16 * MIB);
        assert_true(i->max_trim_bytes <= (uint64_t)UINT32_MAX * 512);
        assert_true(i->max_zero_bytes > 0 && i->max_zero_bytes <= (uint64_t)UINT32_MAX * 512);
        assert_int_equal(i->trim_granularity_bytes, 0); /* what was named does not fit 32 bits */
        assert_int_equal(berth_write(l->lun, buf, sizeof buf, 0, 0), 0);
        assert_int_equal(l->count, i->max_transfer_bytes == 512 ? 8 : 1);
        lab_free(l);
    }
}

/* --- LUNs that cannot be used --- */

static void not_a_disk(void **state)
{
    uint8_t inquiry[SCSI_INQUIRY_LEN];
    struct scsi_inquiry q = {
        .device_type = 5, .version = 6, .vendor = "ACME", .product = "CD", .revision = "1"};
    struct lab *l = lab_new(NULL, NULL);
    (void)state;
    scsi_put_inquiry_data(inquiry, &q);
    lab_rule(l, say(SCSI_INQUIRY, 0, inquiry, sizeof inquiry));
    assert_int_equal(lab_open(l), BERTH_E_UNSUPPORTED);
    assert_string_equal(l->why.text, "the LUN is not a disk");
    lab_free(l);
}

static void no_such_lun(void **state)
{
    struct lab *l = lab_new(NULL, NULL);
    (void)state;
    assert_int_equal(lun_open(&l->lun, "iscsi://host/" MINI_IQN "/7", NULL, &l->world->reach, &l->why),
                     BERTH_E_NO_LUN);
    assert_null(l->lun);
    assert_int_equal(l->why.error, BERTH_E_NO_LUN);
    assert_int_equal(mini_counters(l->target)->logouts, 1);
    lab_free(l);
}

/* A target whose only LUN stands at one address, and which says of all others, in one way or another, that
 * there is none. */
static struct {
    uint64_t address;
    bool reports, refuses;
} one;

static enum mini_turn report_one(struct task *task)
{
    uint8_t list[16] = {0, 0, 0, 8};
    put64(list + 8, one.address);
    if (one.reports)
        mini_data(task, list, sizeof list);
    else
        mini_sense(task, 5, 0x2000);
    return MINI_ANSWER;
}

static enum mini_turn at_one_address(void *arg, struct task *task)
{
    (void)arg;
    if (task->cdb[0] == SCSI_REPORT_LUNS)
        return report_one(task);
    if (task->lun != one.address && one.refuses) {
        mini_sense(task, 5, 0x2500);
        return MINI_ANSWER;
    }
    task->lun = task->lun == one.address ? 0 : UINT64_MAX;
    return MINI_EXECUTE;
}

static void either_form_of_a_number(void **state)
{
    static const struct {
        const char *url;
        uint64_t address;
        bool reports;
        int expected;
    } rows[] = {
        {"iscsi://host/" MINI_IQN "/255", 0x00ff000000000000, false, 0},
        {"iscsi://host/" MINI_IQN "/256", 0x4100000000000000, false, 0},
        {"iscsi://host/" MINI_IQN "/16383", 0x7fff000000000000, false, 0},
        {"iscsi://host/" MINI_IQN "/256", 0x0100000000000000, true, 0},
        {"iscsi://host/" MINI_IQN "/256", 0x0100000000000000, false, BERTH_E_NO_LUN},
        {"iscsi://host/" MINI_IQN "/256", 0x4101000000000000, true, BERTH_E_NO_LUN},
        {"iscsi://host/" MINI_IQN "/1", 0x0001000000000000, false, 0},
        {"iscsi://host/" MINI_IQN "/1", 0x4001000000000000, true, 0},
        {"iscsi://host/" MINI_IQN "/1", 0x4001000000000000, false, BERTH_E_NO_LUN},
    };
    (void)state;
    for (size_t i = 0; i < 2 * (sizeof rows / sizeof rows[0]); i++) {
        struct mini_config config = {.breaks = "D22"}; /* as the target wants it */
        struct lab *l = lab_new(&config, NULL);
        uint8_t buf[512];
        one.address = rows[i / 2].address;
        one.reports = rows[i / 2].reports;
        one.refuses = i % 2;
        mini_config(l->target)->script = at_one_address;
        int error = lun_open(&l->lun, rows[i / 2].url, NULL, &l->world->reach, &l->why);
        assert_int_equal(error, rows[i / 2].expected);
        if (error)
            assert_int_equal(l->why.error, error);
        else
            assert_int_equal(berth_read(l->lun, buf, sizeof buf, 0), 0);
        lab_free(l);
    }
}

static void short_inquiry(void **state)
{
    static const uint8_t bytes[4] = {0};
    struct lab *l = lab_new(NULL, NULL);
    (void)state;
    lab_rule(l, say(SCSI_INQUIRY, 0, bytes, sizeof bytes));
    assert_int_equal(lab_open(l), BERTH_E_PROTOCOL);
    assert_non_null(strstr(l->why.text, "INQUIRY"));
    lab_free(l);
}

/* Becoming ready is waited for, for two seconds. */
static void getting_ready(void **state)
{
    struct lab *l = lab_new(NULL, NULL);
    (void)state;
    lab_rule(l, (struct lab_rule){
                    .op = 0, .times = 5, .turn = MINI_ANSWER, .key = SENSE_NOT_READY, .asc = 0x0401});
    uint64_t begin = world_ms(l->world);
    assert_int_equal(lab_open(l), 0);
    assert_in_range(world_ms(l->world) - begin, 1000, 1100);
    lab_free(l);

    l = lab_new(NULL, NULL);
    lab_rule(l, (struct lab_rule){.op = 0, .turn = MINI_ANSWER, .key = SENSE_NOT_READY, .asc = 0x3a00});
    begin = world_ms(l->world);
    assert_int_equal(lab_open(l), BERTH_E_SCSI);
    assert_in_range(world_ms(l->world) - begin, 1000, 3000);
    lab_free(l);
}

/* While a LUN is being opened a lost session is a failure: nobody waits for minutes to be told. */
static void loss_while_opening(void **state)
{
    (void)state;
    for (uint32_t at = 0; at < 9; at++) {
        struct lab *l = lab_new(NULL, NULL);
        lab_rule(l, (struct lab_rule){.op = LAB_ANY, .skip = at, .times = 1, .turn = MINI_DROP});
        uint64_t begin = world_ms(l->world);
        int error = lab_open(l);
        assert_int_equal(berth_error_scope(error), BERTH_SCOPE_CONNECTION);
        assert_true(world_ms(l->world) - begin < 1000);
        assert_int_equal(l->why.error, error);
        assert_non_null(strstr(l->why.text, "host:3260"));
        lab_free(l);
    }
}

static bool at_once(void *arg)
{
    uint32_t *turns = arg;
    return (*turns)-- == 0 ? *turns = 0, true : false;
}

static void cancelled_while_opening(void **state)
{
    (void)state;
    for (uint32_t turns = 0; turns < 30; turns++) {
        struct lab *l = lab_new(NULL, NULL);
        uint32_t left = turns;
        l->options.cancelled = at_once;
        l->options.cancelled_arg = &left;
        assert_int_equal(lab_open(l), BERTH_E_ABORTED);
        assert_null(l->lun);
        assert_int_equal(l->why.error, BERTH_E_ABORTED);
        lab_free(l);
    }
}

/* --- extents --- */

static void extents(void **state)
{
    struct lab *l = lab_lun(NULL);
    uint64_t len;
    bool hole;
    uint8_t buf[4096] = {1};
    (void)state;
    assert_int_equal(berth_write(l->lun, buf, sizeof buf, 8192, 0), 0);
    assert_int_equal(berth_extent(l->lun, 0, &len, &hole), 0);
    assert_true(hole);
    assert_int_equal(len, 8192);
    assert_int_equal(berth_extent(l->lun, 8192, &len, &hole), 0);
    assert_false(hole);
    assert_int_equal(len, 4096);
    assert_int_equal(berth_extent(l->lun, MIB, &len, &hole), BERTH_E_RANGE);
    assert_int_equal(len, 0);
    assert_int_equal(berth_extent(l->lun, 100, &len, &hole), BERTH_E_RANGE);
    lab_rule(l, refuse(SCSI_SERVICE_ACTION_IN_16, 0));
    assert_int_equal(berth_extent(l->lun, 512, &len, &hole), 0); /* cannot tell: no hole to the end */
    assert_false(hole);
    assert_int_equal(len, MIB - 512);
    lab_free(l);
}

struct status_row {
    uint64_t lba;
    uint32_t blocks;
    uint8_t provisioning;
    uint64_t len; /* expected */
    bool hole;
};

/* Answers about other blocks, about none, or about more than there are. */
static void odd_extents(void **state)
{
    static const struct status_row rows[] = {
        {1, 8, 1, 8 * 512, true},
        {1, 8, 0, 8 * 512, false},
        {1, 8, 2, 8 * 512, false},
        {0, 8, 1, MIB - 512, false},
        {2, 8, 1, MIB - 512, false},
        {1, 0, 1, MIB - 512, false},
        {1, 2047, 1, MIB - 512, true},
        {1, UINT32_MAX, 1, MIB - 512, true},
        {UINT64_MAX, 1, 1, MIB - 512, false},
    };
    struct lab *l = lab_lun(NULL);
    uint8_t bytes[24];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct scsi_lba_status s = {rows[i].lba, rows[i].blocks, rows[i].provisioning};
        uint64_t len;
        bool hole;
        scsi_put_lba_status(bytes, sizeof bytes, &s);
        lab_no_rules(l);
        lab_rule(l, say(SCSI_SERVICE_ACTION_IN_16, 0, bytes, sizeof bytes));
        assert_int_equal(berth_extent(l->lun, 512, &len, &hole), 0);
        assert_int_equal(len, rows[i].len);
        assert_int_equal(hole, rows[i].hole);
    }
    lab_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(facts),
        cmocka_unit_test(capacities),
        cmocka_unit_test(capacity_10),
        cmocka_unit_test(no_pages_at_all),
        cmocka_unit_test(odd_limits),
        cmocka_unit_test(not_a_disk),
        cmocka_unit_test(no_such_lun),
        cmocka_unit_test(either_form_of_a_number),
        cmocka_unit_test(short_inquiry),
        cmocka_unit_test(getting_ready),
        cmocka_unit_test(loss_while_opening),
        cmocka_unit_test(cancelled_while_opening),
        cmocka_unit_test(extents),
        cmocka_unit_test(odd_extents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
