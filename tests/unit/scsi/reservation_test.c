/* SPDX-License-Identifier: MIT */
#include "check.h"
#include "base/bytes.h"
#include "scsi/reservation.h"

static void types_are_what_the_standard_says(void **state)
{
    (void)state;
    static const struct {
        uint8_t type;
        bool exclusive, registrants, all;
    } rows[] = {{1, false, false, false}, {3, true, false, false}, {5, false, true, false},
                {6, true, true, false},   {7, false, true, true},  {8, true, true, true}};
    for (unsigned type = 0, next = 0; type < 256; type++) {
        bool known = next < COUNT(rows) && rows[next].type == type;
        assert_int_equal(scsi_pr_known((uint8_t)type), known);
        assert_int_equal(scsi_pr_exclusive((uint8_t)type), known && rows[next].exclusive);
        assert_int_equal(scsi_pr_registrants((uint8_t)type), known && rows[next].registrants);
        assert_int_equal(scsi_pr_all((uint8_t)type), known && rows[next].all);
        next += known;
    }
}

static void lists_read_back(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 8; bits++) {
        const struct scsi_pr_out p = {0x0102030405060708, 0x1112131415161718, bits & 1, bits & 2, bits & 4};
        struct scsi_pr_out back;
        uint8_t list[24], want[24] = {1, 2, 3, 4, 5, 6, 7, 8, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18};
        want[20] = (uint8_t)((bits & 1) << 3 | (bits & 2) << 1 | bits >> 2);
        scsi_put_pr_out(list, &p);
        assert_memory_equal(list, want, sizeof want);
        scsi_get_pr_out(list, &back);
        assert_int_equal(back.key, p.key);
        assert_int_equal(back.action_key, p.action_key);
        assert_int_equal(back.spec_i_pt, p.spec_i_pt);
        assert_int_equal(back.all_tg_pt, p.all_tg_pt);
        assert_int_equal(back.aptpl, p.aptpl);
    }
}

static void answers_have_their_layout(void **state)
{
    (void)state;
    uint8_t out[40];
    scsi_put_pr_header(out, 0x01020304, 16);
    assert_memory_equal(out, "\1\2\3\4\0\0\0\x10", 8);
    assert_int_equal(scsi_put_pr_reservation(out, 5, PR_NONE, 9), 8);
    assert_memory_equal(out, "\0\0\0\5\0\0\0\0", 8);
    assert_int_equal(scsi_put_pr_reservation(out, 5, 6, 0x0a0b), 24);
    assert_memory_equal(out, "\0\0\0\5\0\0\0\x10\0\0\0\0\0\0\x0a\x0b\0\0\0\0\0\6\0\0", 24);
    scsi_put_pr_capabilities(out, false, false);
    assert_memory_equal(out, "\0\x08\4\x80\xea\x01\0\0", 8);
    scsi_put_pr_capabilities(out, true, true);
    assert_memory_equal(out, "\0\x08\5\x81\xea\x01\0\0", 8);
}

static void a_status_has_its_layout(void **state)
{
    (void)state;
    struct scsi_pr_status s = {.key = 7, .type = 5, .port = 1, .id = (const uint8_t *)"abcd", .id_len = 4};
    uint8_t out[28];
    assert_int_equal(scsi_put_pr_status(out, sizeof out, &s), 28);
    assert_memory_equal(out, "\0\0\0\0\0\0\0\7\0\0\0\0\1\5\0\0\0\0\0\1\0\0\0\4abcd", 28);
    assert_int_equal(scsi_put_pr_status(out, 27, &s), 0);
    s.type = PR_NONE;
    scsi_put_pr_status(out, sizeof out, &s);
    assert_int_equal(out[12] | out[13], 0);
}

static void a_move_reads_back(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 4; bits++) {
        const struct scsi_pr_move m = {
            0x0102030405060708, 0x1112131415161718, bits & 1, bits & 2, 0x2122, (const uint8_t *)"abcdef", 6};
        struct scsi_pr_move back;
        uint8_t list[30],
            want[30] = {1,    2, 3, 4,    5,    6, 7, 8, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17,
                        0x18, 0, 0, 0x21, 0x22, 0, 0, 0, 6,    'a',  'b',  'c',  'd',  'e',  'f'};
        want[17] = (uint8_t)((bits & 1) << 1 | bits >> 1);
        scsi_put_pr_move(list, &m);
        assert_memory_equal(list, want, sizeof want);
        assert_true(scsi_get_pr_move(list, sizeof list, &back));
        assert_int_equal(back.key, m.key);
        assert_int_equal(back.action_key, m.action_key);
        assert_int_equal(back.unregister, m.unregister);
        assert_int_equal(back.aptpl, m.aptpl);
        assert_int_equal(back.port, m.port);
        assert_ptr_equal(back.id, list + 24);
        assert_int_equal(back.id_len, 6);
        for (size_t len = 0; len < sizeof list; len++)
            assert_false(scsi_get_pr_move(list, len, &back));
        put32(list + 20, UINT32_MAX);
        assert_false(scsi_get_pr_move(list, sizeof list, &back));
    }
}

#define NAME "iqn.x:a"

/* A TransportID around `text`, told to be `told` bytes long. */
static size_t make_id(uint8_t *id, const char *text, size_t told)
{
    memset(id, 0, 128);
    id[0] = 0x45;
    put16(id + 2, (uint16_t)told);
    memcpy(id + 4, text, strlen(text));
    return 4 + told;
}

static void the_same_port_has_the_same_id(void **state)
{
    (void)state;
    static const char *const texts[] = {NAME ",i,0x0123456789ab", NAME ",i,0x0123456789AB",
                                        "IQN.x:A,i,0x0123456789ab"};
    uint8_t id[128], out[64];
    for (size_t i = 0; i < COUNT(texts); i++)
        for (size_t told = 28; told <= 40; told += 4) {
            memset(out, 0xee, sizeof out);
            assert_int_equal(scsi_get_transport_id(id, make_id(id, texts[i], told), out, sizeof out), 32);
            assert_memory_equal(out, "\x45\0\0\x1c" NAME ",i,0x0123456789ab\0\0\0\0", 32);
            assert_int_equal(out[32], 0xee);
            assert_int_equal(scsi_get_transport_id(id, 4 + told, out, 31), 0);
            assert_int_equal(scsi_get_transport_id(id, 3 + told, out, sizeof out), 0);
        }
}

static void what_names_no_port_is_no_id(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t told;
    } rows[] = {{NAME, 28},
                {",i,0x0123456789ab", 28},
                {NAME ",t,0x0123456789ab", 28},
                {NAME ",i,0x0123456789a", 28},
                {NAME ",i,0x0123456789ag", 28},
                {NAME ",i,0x0123456789ab", 24},
                {NAME ",i,0x0123456789ab", 30},
                {"abc,i,0x0123456789abcdef", 24}};
    uint8_t id[128], out[64];
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(scsi_get_transport_id(id, make_id(id, rows[i].text, rows[i].told), out, sizeof out),
                         0);
    size_t len = make_id(id, NAME ",i,0x0123456789ab", 28);
    for (unsigned first = 0; first < 256; first++) {
        id[0] = (uint8_t)first;
        assert_int_equal(scsi_get_transport_id(id, len, out, sizeof out) > 0, first == 0x45);
    }
}

static void read_id(const uint8_t *bytes, size_t len)
{
    uint8_t out[64];
    struct scsi_pr_move m;
    scsi_get_transport_id(bytes, len, out, sizeof out);
    scsi_get_pr_move(bytes, len, &m);
}

static void hostile_ids_are_not_read_past_their_end(void **state)
{
    (void)state;
    uint8_t id[128];
    each_prefix(id, make_id(id, NAME ",i,0x0123456789ab", 28), read_id);
    each_hostile(64, read_id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_are_what_the_standard_says),
        cmocka_unit_test(lists_read_back),
        cmocka_unit_test(answers_have_their_layout),
        cmocka_unit_test(a_status_has_its_layout),
        cmocka_unit_test(a_move_reads_back),
        cmocka_unit_test(the_same_port_has_the_same_id),
        cmocka_unit_test(what_names_no_port_is_no_id),
        cmocka_unit_test(hostile_ids_are_not_read_past_their_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
