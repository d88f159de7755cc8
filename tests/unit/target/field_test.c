/* SPDX-License-Identifier: MIT */
/* The table of fields against the encoders of floor wire: what one writes the other reads, in its place
 * alone. */
#include "script/field.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
#include "base/bytes.h"

/* --- what floor wire has there --- */

static uint64_t login_response(const uint8_t *bhs, const char *name)
{
    struct wire_login_response r;
    get_login_response(bhs, &r);
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {{"transit", r.transit},
                {"continue", r.more},
                {"csg", r.csg},
                {"version-max", r.version_max},
                {"version-active", r.version_active},
                {"tsih", r.tsih},
                {"itt", r.itt},
                {"stat-sn", r.window.stat_sn},
                {"exp-cmd-sn", r.window.exp_cmd_sn},
                {"max-cmd-sn", r.window.max_cmd_sn},
                {"status-class", r.status_class},
                {"status-detail", r.status_detail}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (strcmp(rows[i].name, name) == 0)
            return rows[i].value;
    return UINT64_MAX;
}

static uint64_t scsi_response(const uint8_t *bhs, const char *name)
{
    struct wire_scsi_response r;
    get_scsi_response(bhs, &r);
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {{"response", r.response},
                {"status", r.status},
                {"snack-tag", r.snack_tag},
                {"exp-data-sn", r.exp_data_sn},
                {"residual", r.residual},
                {"bidi-residual", r.bidi_residual},
                {"underflow", r.residual_kind == WIRE_RESIDUAL_UNDERFLOW},
                {"overflow", r.residual_kind == WIRE_RESIDUAL_OVERFLOW},
                {"bidi-underflow", r.bidi_residual_kind == WIRE_RESIDUAL_UNDERFLOW},
                {"bidi-overflow", r.bidi_residual_kind == WIRE_RESIDUAL_OVERFLOW}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (strcmp(rows[i].name, name) == 0)
            return rows[i].value;
    return UINT64_MAX;
}

static uint64_t data_in(const uint8_t *bhs, const char *name)
{
    struct wire_data_in d;
    get_data_in(bhs, &d);
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {
        {"final", d.final}, {"acknowledge", d.acknowledge}, {"has-status", d.has_status},      {"lun", d.lun},
        {"ttt", d.ttt},     {"data-sn", d.data_sn},         {"buffer-offset", d.buffer_offset}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (strcmp(rows[i].name, name) == 0)
            return rows[i].value;
    return UINT64_MAX;
}

static uint64_t others(const uint8_t *bhs, const char *name)
{
    struct wire_async a;
    struct wire_r2t r;
    struct wire_scsi_command c;
    struct wire_reject j;
    get_async(bhs, &a);
    get_r2t(bhs, &r);
    get_scsi_command(bhs, &c);
    get_reject(bhs, &j);
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {{"event", a.event},
                {"vendor-code", a.vendor_code},
                {"parameter1", a.parameter1},
                {"parameter2", a.parameter2},
                {"parameter3", a.parameter3},
                {"r2t-sn", r.r2t_sn},
                {"desired-length", r.desired_len},
                {"read", c.read},
                {"write", c.write},
                {"attr", c.attr},
                {"edtl", c.edtl},
                {"cmd-sn", c.cmd_sn},
                {"exp-stat-sn", c.exp_stat_sn},
                {"immediate", c.immediate},
                {"operation", c.cdb[0]},
                {"reason", j.reason}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (strcmp(rows[i].name, name) == 0)
            return rows[i].value;
    return UINT64_MAX;
}

static const struct {
    uint8_t opcode;
    const char *names;
    uint64_t (*get)(const uint8_t *bhs, const char *name);
} views[] = {
    {WIRE_LOGIN_RESPONSE,
     "transit continue csg version-max version-active tsih itt stat-sn exp-cmd-sn max-cmd-sn "
     "status-class "
     "status-detail",
     login_response},
    {WIRE_SCSI_RESPONSE,
     "response status snack-tag exp-data-sn residual bidi-residual underflow overflow bidi-underflow "
     "bidi-overflow",
     scsi_response},
    {WIRE_DATA_IN, "final acknowledge has-status lun ttt data-sn buffer-offset", data_in},
    {WIRE_ASYNC, "event vendor-code parameter1 parameter2 parameter3", others},
    {WIRE_R2T, "r2t-sn desired-length", others},
    {WIRE_SCSI_COMMAND, "read write attr edtl cmd-sn exp-stat-sn immediate operation", others},
    {WIRE_REJECT, "reason", others},
};

/* Alone in a header of zeros, and cleared in one of ones. */
static void check(uint8_t opcode, const char *name, uint64_t (*get)(const uint8_t *, const char *))
{
    const struct field *f = field_find(name, opcode);
    uint8_t bhs[WIRE_BHS_LEN] = {opcode};
    assert_non_null(f);
    uint64_t value = field_max(f) & 0x1234567899abcdefu;
    value = value ? value : field_max(f);
    field_put(f, bhs, value);
    if (get(bhs, name) != value)
        fail_msg("%s is elsewhere", name);
    assert_true(field_get(f, bhs) == value);
    field_put(f, bhs, 0);
    for (uint32_t i = 1; i < sizeof bhs; i++)
        assert_int_equal(bhs[i], 0);
}

static void fields_are_where_the_encoders_have_them(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof views / sizeof views[0]; i++) {
        char names[256], *save = NULL;
        strcpy(names, views[i].names);
        for (char *name = strtok_r(names, " ", &save); name; name = strtok_r(NULL, " ", &save))
            check(views[i].opcode, name, views[i].get);
    }
}

/* Whatever a field's width, its neighbours stay. */
static void neighbours_stay(void **state)
{
    char list[1024], *save = NULL;
    (void)state;
    for (uint8_t opcode = 0; opcode < WIRE_OPCODES; opcode++) {
        field_list(OPCODE(opcode), list, sizeof list);
        for (char *name = strtok_r(list, ", ", &save); name; name = strtok_r(NULL, ", ", &save)) {
            const struct field *f = field_find(name, opcode);
            uint8_t bhs[WIRE_BHS_LEN], ones = 0;
            if (!f)
                continue;
            memset(bhs, 0xff, sizeof bhs);
            field_put(f, bhs, 0);
            assert_true(field_get(f, bhs) == 0);
            for (uint32_t i = 0; i < sizeof bhs; i++)
                ones = (uint8_t)(ones + __builtin_popcount(bhs[i]));
            if ((8 * sizeof bhs - f->bits) % 256 != ones)
                fail_msg("%s of %02x has more than %u bits", name, opcode, f->bits);
            field_put(f, bhs, UINT64_MAX);
            assert_true(field_get(f, bhs) == field_max(f));
        }
    }
}

static void luns_are_written_as_sam_has_it(void **state)
{
    (void)state;
    assert_true(field_lun(0) == 0);
    assert_true(field_lun(255) == 0x00ff000000000000u);
    assert_true(field_lun(256) == 0x4100000000000000u);
    assert_true(field_lun(16383) == 0x7fff000000000000u);
    assert_true(field_lun(16384) == 16384);
}

static void unknown_fields(void **state)
{
    (void)state;
    assert_null(field_find("residual", WIRE_R2T));
    assert_null(field_name("nonsense", UINT64_MAX));
    assert_string_equal(field_name("residual", FROM_TARGET), "residual");
}

/* --- kinds of commands --- */

static void kinds(void **state)
{
    static const struct {
        uint8_t cdb[WIRE_CDB_LEN];
        const char *kind;
        uint64_t lba, blocks;
    } rows[] = {
        {{0x08, 0x1f, 0xff, 0xff, 0}, "read", 0x1fffff, 256},
        {{0x2a, 0, 1, 2, 3, 4, 0, 5, 6}, "write", 0x01020304, 0x506},
        {{0xa8, 0, 0, 0, 0, 9, 0, 0, 1, 0}, "read", 9, 256},
        {{0x8a, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 8}, "write", 0x100000000, 8},
        {{0x89, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 2}, "compare-and-write", 7, 2},
        {{0x9e, 0x10}, "read-capacity", 0, 0},
        {{0x9e, 0x12}, "get-lba-status", 0, 0},
        {{0x9e, 0x11}, "command", 0, 0},
        {{0xff}, "command", 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t lba = 0, blocks = 0;
        assert_int_equal(kind_of(rows[i].cdb), what_kind(rows[i].kind));
        assert_int_equal(kind_blocks(rows[i].cdb, &lba, &blocks), rows[i].blocks > 0);
        assert_true(lba == rows[i].lba && blocks == rows[i].blocks);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_where_the_encoders_have_them),
        cmocka_unit_test(neighbours_stay),
        cmocka_unit_test(luns_are_written_as_sam_has_it),
        cmocka_unit_test(unknown_fields),
        cmocka_unit_test(kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
