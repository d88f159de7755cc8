/* SPDX-License-Identifier: MIT */
#include "disks.h"

/* --- which LU, which command --- */

static void a_missing_lun_says_so(void **state)
{
    (void)state;
    static const uint64_t luns[] = {0x0004000000000000, 0x4100000000000000, 0x7fff000000000000,
                                    0x0000000000000001, 0x0100000000000000, UINT64_MAX};
    for (size_t i = 0; i < COUNT(luns); i++) {
        run_edtl(luns[i], CDB(0x00), 0);
        refused(SENSE_ILLEGAL_REQUEST, ASC_LUN_NOT_SUPPORTED);
        run_edtl(luns[i], CDB(0x28, 0, 0, 0, 0, 0, 0, 0, 1), 0);
        refused(SENSE_ILLEGAL_REQUEST, ASC_LUN_NOT_SUPPORTED);
        run_edtl(luns[i], CDB(0x2a, 0, 0, 0, 0, 0, 0, 0, 1), ENOUGH);
        assert_int_equal(command_data_in(&c) + command_data_out(&c), 0);
        run_edtl(luns[i], CDB(0xff), 0);
        refused(SENSE_ILLEGAL_REQUEST, ASC_LUN_NOT_SUPPORTED);
        run_edtl(luns[i], CDB(0x12, 0, 0, 0, 255), 0);
        good(SCSI_INQUIRY_LEN);
        assert_int_equal(c.reply[0], 0x7f);
        run_edtl(luns[i], CDB(0x12, 1, 0, 0, 255), 0);
        invalid_field();
    }
}

static void flat_addresses_reach_the_same_lu(void **state)
{
    (void)state;
    run_edtl(0x40ff000000000000, CDB(0x00), 0);
    good(0);
    run_edtl(0x00ff000000000000, CDB(0x00), 0);
    good(0);
}

static void unknown_operations_are_refused(void **state)
{
    (void)state;
    static const uint8_t known[] = {0x00, 0x03, 0x08, 0x0a, 0x12, 0x15, 0x16, 0x17, 0x1a, 0x1b, 0x1d,
                                    0x25, 0x28, 0x2a, 0x2e, 0x2f, 0x34, 0x35, 0x41, 0x42, 0x55, 0x56,
                                    0x57, 0x5a, 0x5e, 0x5f, 0x7f, 0x88, 0x89, 0x8a, 0x8b, 0x8e, 0x8f,
                                    0x90, 0x91, 0x93, 0x9e, 0xa0, 0xa3, 0xa8, 0xaa, 0xae, 0xaf};
    for (unsigned op = 0; op < 256; op++) {
        struct scsi_sense s = {0};
        run(0, CDB((uint8_t)op));
        if (c.status)
            scsi_get_sense(c.sense, c.sense_len, &s);
        assert_int_equal(s.asc != ASC_INVALID_OPCODE, memchr(known, (int)op, sizeof known) != NULL);
        assert_int_equal(strcmp(command_name(&c), "unknown operation") == 0,
                         op == 0x7f || op == 0x9e || op == 0xa3 || !memchr(known, (int)op, sizeof known));
    }
    run(0, CDB(0x28));
    assert_string_equal(command_name(&c), "READ(10)");
}

static void unknown_service_actions_are_invalid_fields(void **state)
{
    (void)state;
    for (uint8_t action = 0; action < 32; action++)
        if (action != 0x10 && action != 0x12) {
            run(0, CDB(0x9e, action));
            invalid_field();
        }
}

/* Every bit that no field of ours lies in, one by one: byte 1 and on of each CDB, as masks of what may be
 * set. */
static void reserved_bits_are_refused(void **state)
{
    (void)state;
    static const uint8_t rows[][16] = {
        {0x00, 0, 0, 0, 0, 0},
        {0x03, 1, 0, 0, 0xff, 0},
        {0x08, 0x1f, 0xff, 0xff, 0xff, 0},
        {0x0a, 0x1f, 0xff, 0xff, 0xff, 0},
        {0x12, 0x01, 0xff, 0xff, 0xff, 0},
        {0x15, 0x10, 0, 0, 0xff, 0},
        {0x16, 0, 0, 0, 0, 0},
        {0x17, 0, 0, 0, 0, 0},
        {0x1a, 0x08, 0xff, 0xff, 0xff, 0},
        {0x1b, 0x01, 0, 0x0f, 0xf7, 0},
        {0x1d, 0x17, 0, 0, 0, 0},
        {0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0},
        {0x28, 0x1e, 0xff, 0xff, 0xff, 0xff, 0x3f, 0xff, 0xff, 0},
        {0x2a, 0x1a, 0xff, 0xff, 0xff, 0xff, 0x3f, 0xff, 0xff, 0},
        {0x2e, 0x16, 0xff, 0xff, 0xff, 0xff, 0x3f, 0xff, 0xff, 0},
        {0x2f, 0x16, 0xff, 0xff, 0xff, 0xff, 0x3f, 0xff, 0xff, 0},
        {0x34, 0x02, 0xff, 0xff, 0xff, 0xff, 0x3f, 0xff, 0xff, 0},
        {0x35, 0x06, 0xff, 0xff, 0xff, 0xff, 0x3f, 0xff, 0xff, 0},
        {0x41, 0x08, 0xff, 0xff, 0xff, 0xff, 0x3f, 0xff, 0xff, 0},
        {0x42, 0, 0, 0, 0, 0, 0x3f, 0xff, 0xff, 0},
        {0x55, 0x10, 0, 0, 0, 0, 0, 0xff, 0xff, 0},
        {0x56, 0, 0, 0, 0, 0, 0, 0, 0, 0},
        {0x57, 0, 0, 0, 0, 0, 0, 0, 0, 0},
        {0x5e, 0x03, 0, 0, 0, 0, 0, 0xff, 0xff, 0},
        {0x5f, 0x07, 0xff, 0, 0, 0xff, 0xff, 0xff, 0xff, 0},
        {0x5a, 0x18, 0xff, 0xff, 0, 0, 0, 0xff, 0xff, 0},
        {0x88, 0x1e, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f, 0},
        {0x89, 0x1a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0xff, 0x3f, 0},
        {0x8a, 0x1a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f, 0},
        {0x8b, 0x1a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f, 0},
        {0x8e, 0x16, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f, 0},
        {0x8f, 0x16, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f, 0},
        {0x90, 0x02, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f, 0},
        {0x91, 0x06, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f, 0},
        {0x93, 0x09, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f, 0},
        {0xa0, 0, 0xff, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0},
        {0xa8, 0x1e, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f, 0},
        {0xaa, 0x1a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f, 0},
        {0xae, 0x16, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f, 0},
        {0xaf, 0x16, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        for (uint32_t bit = 8; bit < scsi_cdb_len(rows[i][0]) * 8; bit++) {
            uint8_t cdb[16] = {rows[i][0]}, mask = (uint8_t)(0x80 >> bit % 8);
            if (rows[i][bit / 8] & mask)
                continue;
            cdb[bit / 8] = mask;
            run(0, cdb);
            invalid_field();
        }
}

/* And every bit of a field that is known, on commands that are good without it. */
static void known_bits_are_taken(void **state)
{
    (void)state;
    static const uint8_t rows[][16] = {
        {0x08, 0x01, 0, 0, 1},
        {0x08, 0x10, 0, 0, 1},
        {0x0a, 0x10, 0, 0, 1},
        {0x1a, 0x08, 0x3f, 0, 255},
        {0x1b, 1, 0, 0, 1},
        {0x1b, 0, 0, 0x0f, 0xb1},
        {0x28, 0x1e, 0, 0, 0, 0, 0x3f, 0, 1},
        {0x2a, 0x1a, 0, 0, 0, 0, 0x3f, 0, 1},
        {0x35, 0x06, 0, 0, 0, 0, 0x3f},
        {0x5a, 0x18, 0x3f, 0, 0, 0, 0, 1, 0},
        {0x42, 0, 0, 0, 0, 0, 0x3f, 0, 0},
        {0x41, 0x08, 0, 0, 0, 0, 0x3f, 0, 1},
        {0x93, 0x09, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x3f},
        {0x88, 0x1e, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x3f},
        {0x8a, 0x1a, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x3f},
        {0x91, 0x06, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x3f},
        {0xa8, 0x1e, 0, 0, 0, 0, 0, 0, 0, 1, 0x3f},
        {0xaa, 0x1a, 0, 0, 0, 0, 0, 0, 0, 1, 0x3f},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        run(3, rows[i]);
        if (c.status)
            fail_msg("row %zu: sense %02x %02x/%02x", i, c.sense[2], c.sense[12], c.sense[13]);
    }
}

/* On commands that are good without them, where another field would hide the refusal above. */
static void neighbours_of_known_bits_are_refused(void **state)
{
    (void)state;
    static const uint8_t rows[][16] = {
        {0x1a, 0x01, 0x3f, 0, 255},
        {0x1a, 0x10, 0x3f, 0, 255},
        {0x5a, 0x01, 0x3f, 0, 0, 0, 0, 1, 0},
        {0x5a, 0x20, 0x3f, 0, 0, 0, 0, 1, 0},
        {0x41, 0x01, 0, 0, 0, 0, 0, 0, 1},
        {0x41, 0x10, 0, 0, 0, 0, 0, 0, 1},
        {0x93, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1},
        {0x93, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        run(0, rows[i]);
        invalid_field();
        assert_int_equal(command_data_out(&c), 0);
    }
}

static void bytes_behind_the_cdb_are_not_read(void **state)
{
    (void)state;
    run(0, CDB(0x00, 0, 0, 0, 0, 0, 0xff, 0xff));
    good(0);
    run(0, CDB(0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff));
    good(8);
    run(0, CDB(0xa8, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0xff));
    good(512);
}

static void reserved_bits_of_service_actions_are_refused(void **state)
{
    (void)state;
    for (uint32_t at = 2; at < 10; at++) { /* READ CAPACITY(16) has no LBA any more */
        uint8_t cdb[16] = {0x9e, 0x10};
        cdb[at] = 1;
        run(0, cdb);
        invalid_field();
    }
    run(0, CDB(0x9e, 0x30));
    invalid_field();
    run(0, CDB(0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)); /* PMI */
    invalid_field();
    run(0, CDB(0x9e, 0x12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4)); /* NACA */
    invalid_field();
}

static void protection_information_is_refused(void **state)
{
    (void)state;
    static const uint8_t ops[] = {0x28, 0x2a, 0x2e, 0x2f, 0x88, 0x89, 0x8a, 0x8b,
                                  0x8e, 0x8f, 0xa8, 0xaa, 0xae, 0xaf, 0x41, 0x93};
    for (size_t i = 0; i < COUNT(ops); i++)
        for (uint8_t protect = 1; protect < 8; protect++) {
            uint8_t cdb[16] = {ops[i], (uint8_t)(protect << 5)};
            cdb[scsi_cdb_len(ops[i]) == 10 ? 8 : scsi_cdb_len(ops[i]) == 12 ? 9 : 13] = 1;
            run(0, cdb);
            assert_int_equal(command_data_in(&c), 0);
            assert_int_equal(command_data_out(&c), 0);
            invalid_field();
        }
}

static void short_cdbs_are_refused(void **state)
{
    (void)state;
    uint8_t cdb[6] = {0x28};
    c = (struct command){.nexus = &nexus, .cdb = cdb, .cdb_len = 6, .done = count_done};
    assert_int_equal(command_data_in(&c), 0);
    command_execute(&c);
    invalid_field();
    for (c.cdb_len = 0; c.cdb_len < 6; c.cdb_len++) {
        command_execute(&c);
        refused(SENSE_ILLEGAL_REQUEST, ASC_INVALID_OPCODE);
    }
    cdb[0] = 0x00;
    command_execute(&c);
    good(0);
    cdb[0] = 0x9e; /* known, though not in six bytes */
    command_execute(&c);
    invalid_field();
}

/* --- unit attentions --- */

static void a_nexus_begins_with_power_on(void **state)
{
    (void)state;
    nexus_init(&nexus, &set, 1);
    for (int lun = 0; lun < 2; lun++) {
        run((uint64_t)lun, CDB(0x12, 0, 0, 0, 96));
        good(96);
        run((uint64_t)lun, CDB(0xa0, 0, 0, 0, 0, 0, 0, 0, 1, 0));
        good(8 + 5 * 8);
        run((uint64_t)lun, CDB(0x00));
        refused(SENSE_UNIT_ATTENTION, ASC_POWER_ON);
        run((uint64_t)lun, CDB(0x00));
        good(0);
    }
}

static void attention_comes_before_the_command_is_looked_at(void **state)
{
    (void)state;
    fill(out, 512, 1);
    nexus_attention(&nexus, ASC_DEVICE_RESET);
    run(0, CDB(0x2a, 0, 0, 0, 0, 0, 0, 0, 1));
    refused(SENSE_UNIT_ATTENTION, ASC_DEVICE_RESET);
    assert_int_equal(stored(&disk, 0)[0], 0); /* and nothing was done */
    run(2, CDB(0xff));
    refused(SENSE_UNIT_ATTENTION, ASC_DEVICE_RESET);
    run(2, CDB(0xff));
    refused(SENSE_ILLEGAL_REQUEST, ASC_INVALID_OPCODE);
}

static void request_sense_tells_and_clears_attention(void **state)
{
    (void)state;
    struct scsi_sense s;
    nexus_attention(&nexus, ASC_NEXUS_LOSS);
    run(0, CDB(0x03, 0, 0, 0, 252));
    good(18);
    scsi_get_sense(c.reply, 18, &s);
    assert_int_equal(s.key, SENSE_UNIT_ATTENTION);
    assert_int_equal(s.asc, ASC_NEXUS_LOSS);
    run(0, CDB(0x03, 0, 0, 0, 5));
    good(5);
    assert_int_equal(c.reply[2], SENSE_NO_SENSE);
    run(77, CDB(0x03, 0, 0, 0, 18));
    good(18);
    scsi_get_sense(c.reply, 18, &s);
    assert_int_equal(s.asc, ASC_LUN_NOT_SUPPORTED);
}

static void a_pending_reset_is_not_pushed_aside(void **state)
{
    (void)state;
    nexus_init(&nexus, &set, 1);
    nexus_attention(&nexus, ASC_DEVICE_RESET); /* but by another */
    run(2, CDB(0x00));
    refused(SENSE_UNIT_ATTENTION, ASC_DEVICE_RESET);
    nexus_init(&nexus, &set, 1);
    nexus_attention(&nexus, ASC_LUNS_CHANGED);
    run(0, CDB(0x00));
    refused(SENSE_UNIT_ATTENTION, ASC_POWER_ON);
    nexus_attention(&nexus, ASC_LUNS_CHANGED);
    nexus_attention(&nexus, ASC_NEXUS_LOSS);
    run(0, CDB(0x00));
    refused(SENSE_UNIT_ATTENTION, ASC_NEXUS_LOSS);
}

static void reading_the_list_settles_its_change(void **state)
{
    (void)state;
    nexus_attention(&nexus, ASC_LUNS_CHANGED);
    run(2, CDB(0x00));
    refused(SENSE_UNIT_ATTENTION, ASC_LUNS_CHANGED);
    nexus_attention(&nexus, ASC_LUNS_CHANGED);
    run(0, CDB(0xa0, 0, 0, 0, 0, 0, 0, 0, 1, 0));
    run(2, CDB(0x00));
    good(0);
}

/* --- identity --- */

static void inquiry_tells_who_it_is(void **state)
{
    (void)state;
    struct scsi_inquiry q;
    run(0, CDB(0x12, 0, 0, 0xff, 0xff));
    good(SCSI_INQUIRY_LEN);
    assert_true(scsi_get_inquiry_data(c.reply, SCSI_INQUIRY_LEN, &q));
    assert_int_equal(q.qualifier, 0);
    assert_int_equal(q.device_type, 0);
    assert_int_equal(q.version, 6);
    assert_true(q.command_queue);
    assert_false(q.third_party_copy || q.protect);
    assert_int_equal(q.port_groups, 1);
    assert_string_equal(q.vendor, "BERTH");
    assert_string_equal(q.product, "VIRTUAL DISK");
    assert_memory_equal(c.reply + 58, "\x00\xa0\x09\x60\x04\x60\x04\xc0", 8);
    run(0, CDB(0x12, 0, 0x80, 0, 255)); /* a page code without EVPD */
    invalid_field();
}

static void answers_are_cut_to_the_allocation(void **state)
{
    (void)state;
    static const struct {
        uint8_t cdb[16];
        uint32_t at, bytes; /* of the allocation length */
        uint32_t len;       /* of the answer */
    } rows[] = {
        {{0x12}, 3, 2, 96},
        {{0x12, 1, 0x00}, 3, 2, 11},
        {{0x12, 1, 0x80}, 3, 2, 20},
        {{0x12, 1, 0x83}, 3, 2, 4 + 12 + 28 + 8 + 8},
        {{0x12, 1, 0x86}, 3, 2, 64},
        {{0x12, 1, 0xb0}, 3, 2, 64},
        {{0x12, 1, 0xb1}, 3, 2, 64},
        {{0x12, 1, 0xb2}, 3, 2, 8},
        {{0x9e, 0x10}, 10, 4, 32},
        {{0x9e, 0x12}, 10, 4, 24},
        {{0xa0}, 6, 4, 8 + 5 * 8},
        {{0x1a, 0, 0x3f}, 4, 1, 36},
        {{0x5a, 0, 0x3f}, 7, 2, 40},
        {{0x03}, 4, 1, 18},
        {{0xa3, 0x0a}, 6, 4, 16},
        {{0xa3, 0x2a}, 6, 4, 20},
        {{0xa3, 0x0d}, 6, 4, 4},
        {{0xa3, 0x0d, 0x80}, 6, 4, 16},
        {{0xa3, 0x0c, 1, 0x2a}, 6, 4, 14},
        {{0xa3, 0x0c, 0x83, 0x9e, 0, 0x10}, 6, 4, 32},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        for (uint32_t allocation = 0; allocation < 256; allocation++) {
            uint8_t cdb[16];
            memcpy(cdb, rows[i].cdb, sizeof cdb);
            cdb[rows[i].at + rows[i].bytes - 1] = (uint8_t)allocation;
            run(0, cdb);
            good(allocation < rows[i].len ? allocation : rows[i].len);
            assert_int_equal(command_data_in(&c), cdb[0] == 0xa0 ? allocation : 0); /* no LU data */
            assert_int_equal(command_data_out(&c), 0);
        }
}

static void vpd_pages_are_those_that_are_listed(void **state)
{
    (void)state;
    uint8_t listed[256];
    run(0, CDB(0x12, 1, 0, 1, 0));
    memcpy(listed, c.reply, c.data_in.len);
    size_t len = c.data_in.len;
    assert_memory_equal(listed, "\0\0\0\7\0\x80\x83\x86\xb0\xb1\xb2", 11);
    for (unsigned page = 0; page < 256; page++) {
        run(0, CDB(0x12, 1, (uint8_t)page, 1, 0));
        if (scsi_get_vpd_supported(listed, len, (uint8_t)page))
            assert_int_equal(c.reply[1], page);
        else
            invalid_field();
    }
}

static void vpd_pages_tell_the_truth(void **state)
{
    (void)state;
    char serial[32];
    struct scsi_designator d;
    struct scsi_limits l;
    struct scsi_characteristics ch;
    struct scsi_provisioning p;
    run(2, CDB(0x12, 1, 0x80, 1, 0));
    assert_true(scsi_get_vpd_serial(c.reply, c.data_in.len, serial, sizeof serial));
    assert_string_equal(serial, wide.serial);
    run(2, CDB(0x12, 1, 0x83, 1, 0));
    assert_true(scsi_get_vpd_designator(c.reply, c.data_in.len, &d));
    assert_int_equal(d.type, 3);
    assert_memory_equal(d.bytes, wide.naa, 8);
    run(2, CDB(0x12, 1, 0xb0, 1, 0));
    assert_true(scsi_get_vpd_limits(c.reply, c.data_in.len, &l));
    assert_int_equal(l.max_transfer, COMMAND_XFER_MAX / 4096);
    assert_int_equal(l.max_unmap_ranges, 255);
    assert_int_equal(l.max_unmap_blocks, 1u << 20);
    assert_int_equal(l.max_write_same, 1u << 15);
    assert_int_equal(l.max_compare_and_write, 255);
    assert_int_equal(l.unmap_granularity, 1);
    assert_true(l.wsnz && l.unmap_alignment_valid);
    run(0, CDB(0x12, 1, 0xb0, 1, 0));
    assert_true(scsi_get_vpd_limits(c.reply, c.data_in.len, &l));
    assert_int_equal(l.max_transfer, COMMAND_XFER_MAX / 512);
    assert_int_equal(l.optimal_granularity, 8);
    run(0, CDB(0x12, 1, 0xb1, 1, 0));
    assert_true(scsi_get_vpd_characteristics(c.reply, c.data_in.len, &ch));
    assert_int_equal(ch.rotation_rate, 1);
    run(0, CDB(0x12, 1, 0xb2, 1, 0));
    assert_true(scsi_get_vpd_provisioning(c.reply, c.data_in.len, &p));
    assert_true(p.unmap && p.write_same_16 && p.write_same_10 && p.read_zeros);
    assert_false(p.anchor);
    assert_int_equal(p.type, 2);
}

static void a_read_only_lu_promises_no_unmap(void **state)
{
    (void)state;
    struct scsi_limits l;
    struct scsi_provisioning p;
    run(1, CDB(0x12, 1, 0xb0, 1, 0));
    assert_true(scsi_get_vpd_limits(c.reply, c.data_in.len, &l));
    assert_int_equal(l.max_unmap_blocks, 0);
    assert_int_equal(l.max_unmap_ranges, 0);
    run(1, CDB(0x12, 1, 0xb2, 1, 0));
    assert_true(scsi_get_vpd_provisioning(c.reply, c.data_in.len, &p));
    assert_false(p.unmap || p.write_same_16 || p.write_same_10);
    assert_true(p.read_zeros);
}

static void the_list_of_luns_is_whole_on_any_lun(void **state)
{
    (void)state;
    static const uint32_t want[] = {0, 1, 2, 3, 255};
    static const uint64_t luns[] = {0, 0x00ff000000000000, 0x0042000000000000, UINT64_MAX};
    for (size_t i = 0; i < COUNT(luns); i++)
        for (uint8_t select = 0; select <= 2; select += 2) {
            run_edtl(luns[i], CDB(0xa0, 0, select, 0, 0, 0, 0, 1, 0, 0), 0);
            good(48);
            assert_int_equal(scsi_get_luns_count(memory, 48), 5);
            for (uint32_t n = 0; n < 5; n++)
                assert_int_equal(scsi_get_lun(memory, n), scsi_lun_encode(want[n]));
        }
    run(0, CDB(0xa0, 0, 1, 0, 0, 0, 0, 1)); /* well known LUs: none */
    good(8);
    assert_int_equal(scsi_get_luns_count(memory, 8), 0);
    run(0, CDB(0xa0, 0, 3, 0, 0, 0, 0, 1));
    invalid_field();
}

static void a_full_list_of_luns_fits(void **state)
{
    (void)state;
    static struct lu_set full;
    for (size_t i = 0; i < COMMAND_LU_MAX; i++)
        full.lus[i] = &disk;
    nexus.set = &full;
    run(0, CDB(0xa0, 0, 0, 0, 0, 0, 0, 0, 1, 0));
    good(256);
    assert_int_equal(get32(memory), COMMAND_LU_MAX * 8); /* cut, but told whole */
    run(0, CDB(0xa0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff));
    good(8 + COMMAND_LU_MAX * 8);
    assert_int_equal(command_data_in(&c), 8 + COMMAND_LU_MAX * 8);
    assert_int_equal(get64(memory + 8 + 255 * 8), 0x00ff000000000000);
    assert_int_equal(get64(memory + 8 + 256 * 8), 0x4100000000000000);
    assert_int_equal(get64(memory + 8 + 1023 * 8), 0x43ff000000000000);
    run_edtl(0x43ff000000000000, CDB(0x00), 0);
    good(0);
    run_edtl(0x4400000000000000, CDB(0x00), 0);
    refused(SENSE_ILLEGAL_REQUEST, ASC_LUN_NOT_SUPPORTED);
    c.cdb = CDB(0xa0, 0, 0, 0, 0, 0, 0, 0, 1, 0);
    c.memory = NULL;
    command_execute(&c);
    refused(SENSE_HARDWARE_ERROR, ASC_INTERNAL_FAILURE);
}

static void capacity_is_told_both_ways(void **state)
{
    (void)state;
    struct scsi_capacity told;
    run(0, CDB(0x25));
    good(8);
    assert_true(scsi_get_capacity_10(c.reply, 8, &told));
    assert_int_equal(told.last_lba, BLOCKS - 1);
    assert_int_equal(told.block_bytes, 512);
    run(0, CDB(0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32));
    good(32);
    assert_true(scsi_get_capacity_16(c.reply, 32, &told));
    assert_int_equal(told.last_lba, BLOCKS - 1);
    assert_true(told.thin && told.read_zeros);
    assert_false(told.protected);
    assert_int_equal(told.physical_exponent, 3);
    run(2, CDB(0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32));
    assert_true(scsi_get_capacity_16(c.reply, 32, &told));
    assert_int_equal(told.last_lba, 4095);
    assert_int_equal(told.block_bytes, 4096);
    assert_int_equal(told.physical_exponent, 0);
    run(3, CDB(0x25));
    assert_memory_equal(c.reply, "\xff\xff\xff\xff", 4);
}

static void queues_and_caches_are_told(void **state)
{
    (void)state;
    run(0, CDB(0x12, 1, 0x86, 1, 0));
    assert_memory_equal(c.reply + 4, "\0\7\0", 3);
    run(3, CDB(0x12, 1, 0x86, 1, 0));
    assert_memory_equal(c.reply + 4, "\0\7\1", 3); /* it has a cache that forgets */
}

static void a_self_test_reads(void **state)
{
    (void)state;
    run(3, CDB(0x1d, 0x10)); /* no test, no pages: nothing to do */
    good(0);
    assert_int_equal(seen.reads, 0);
    run(3, CDB(0x1d, 0x07));
    good(0);
    assert_int_equal(seen.reads, 1);
    assert_int_equal(seen.len, 512);
    seen.error = -EIO;
    run(3, CDB(0x1d, 0x04));
    refused(SENSE_HARDWARE_ERROR, ASC_FAILED_SELF_TEST);
    run(3, CDB(0x1d, 0x20)); /* a background test */
    invalid_field();
    run(3, CDB(0x1d, 0x10, 0, 0, 8)); /* a page */
    invalid_field();
}

static void a_stop_lasts_until_the_start(void **state)
{
    (void)state;
    static const struct {
        uint8_t bits;
        uint32_t flushes;
        bool stopped;
    } rows[] = {{0x01, 0, false}, {0x00, 1, true},  {0x04, 0, true},  {0x02, 1, true}, {0x10, 0, true},
                {0x21, 0, true},  {0x03, 0, false}, {0x10, 0, false}, {0x20, 0, false}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        seen.flushes = 0;
        run(3, CDB(0x1b, 0, 0, 0, rows[i].bits));
        good(0);
        assert_int_equal(seen.flushes, rows[i].flushes);
        assert_int_equal(double_lu.stopped, rows[i].stopped);
    }
    seen.flush_error = -EIO;
    run(3, CDB(0x1b));
    refused(SENSE_MEDIUM_ERROR, ASC_WRITE_ERROR);
    assert_false(double_lu.stopped);
}

static void what_is_stopped_is_not_ready(void **state)
{
    (void)state;
    static const uint8_t medium[] = {0x00, 0x08, 0x0a, 0x28, 0x2a, 0x2e, 0x2f, 0x34, 0x35, 0x41, 0x42, 0x88,
                                     0x89, 0x8a, 0x8b, 0x8e, 0x8f, 0x90, 0x91, 0x93, 0xa8, 0xaa, 0xae, 0xaf};
    static const uint8_t others[][16] = {{0x12, 0, 0, 0, 96},
                                         {0xa0, 0, 0, 0, 0, 0, 0, 0, 1},
                                         {0x25},
                                         {0x1a, 0, 0x3f, 0, 255},
                                         {0x5e, 2, 0, 0, 0, 0, 0, 0, 8}};
    struct scsi_sense s;
    run(0, CDB(0x1b));
    for (size_t i = 0; i < sizeof medium; i++) {
        run(0, CDB(medium[i]));
        refused(SENSE_NOT_READY, ASC_START_REQUIRED);
        assert_int_equal(command_data_in(&c) + command_data_out(&c), 0);
    }
    run(0, CDB(0x9e, 0x12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 24));
    refused(SENSE_NOT_READY, ASC_START_REQUIRED);
    for (size_t i = 0; i < COUNT(others); i++) {
        run(0, others[i]);
        assert_int_equal(c.status, SCSI_GOOD);
    }
    run(0, CDB(0x03, 0, 0, 0, 18));
    scsi_get_sense(c.reply, 18, &s);
    assert_int_equal(s.key, SENSE_NOT_READY);
    assert_int_equal(s.asc, ASC_START_REQUIRED);
    lu_reset(&disk, &set);
    run(0, CDB(0x00));
    good(0);
}

static void what_is_not_there_is_refused_as_such(void **state)
{
    (void)state;
    /* EXTENDED COPY, RECEIVE COPY RESULTS, SET TARGET PORT GROUPS, FORMAT UNIT. */
    static const uint8_t absent[] = {0x83, 0x84, 0xa4, 0x04};
    for (size_t i = 0; i < sizeof absent; i++) {
        run(0, CDB(absent[i], 0, 0, 0, 0, 0, 0, 24, 0, 9));
        refused(SENSE_ILLEGAL_REQUEST, ASC_INVALID_OPCODE);
        assert_int_equal(command_data_out(&c), 0);
    }
}

/* --- reads and writes --- */

struct form {
    uint8_t read, write;
    uint32_t lba_at, lba_bytes, count_at, count_bytes;
};
static const struct form forms[] = {
    {0x08, 0x0a, 2, 2, 4, 1}, {0x28, 0x2a, 2, 4, 7, 2}, {0xa8, 0xaa, 2, 4, 6, 4}, {0x88, 0x8a, 2, 8, 10, 4}};

static void put_field(uint8_t *cdb, uint32_t at, uint32_t bytes, uint64_t value)
{
    for (uint32_t i = 0; i < bytes; i++)
        cdb[at + i] = (uint8_t)(value >> 8 * (bytes - 1 - i));
}

static uint8_t *make_rw(const struct form *f, bool writing, uint64_t lba, uint32_t count)
{
    static uint8_t cdb[16];
    memset(cdb, 0, sizeof cdb);
    cdb[0] = writing ? f->write : f->read;
    put_field(cdb, f->lba_at, f->lba_bytes, lba);
    put_field(cdb, f->count_at, f->count_bytes, count);
    return cdb;
}

static void every_form_moves_blocks(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(forms); i++) {
        fill(out, 5 * 512, (unsigned)i);
        run(0, make_rw(&forms[i], true, 100 + i * 10, 5));
        good(0);
        assert_int_equal(command_data_out(&c), 5 * 512);
        assert_int_equal(command_data_in(&c), 0);
        assert_memory_equal(stored(&disk, 100 + i * 10), out, 5 * 512);
        run(0, make_rw(&forms[i], false, 100 + i * 10, 5));
        good(5 * 512);
        assert_int_equal(command_data_in(&c), 5 * 512);
        assert_int_equal(command_data_out(&c), 0);
        assert_ptr_equal(c.data_in.segs[0].base, memory);
        assert_memory_equal(memory, out, 5 * 512);
    }
}

static void blocks_of_4096_bytes_are_moved(void **state)
{
    (void)state;
    fill(out, 8192, 3);
    run(2, make_rw(&forms[1], true, 4094, 2));
    good(0);
    assert_memory_equal(stored(&wide, 4094), out, 8192);
    run(2, make_rw(&forms[1], true, 4095, 2));
    out_of_range();
}

static void a_count_of_zero_moves_nothing_but_in_six_bytes(void **state)
{
    (void)state;
    run(0, make_rw(&forms[0], false, 0, 0));
    good(256 * 512);
    for (size_t i = 1; i < COUNT(forms); i++) {
        run(0, make_rw(&forms[i], false, 0, 0));
        good(0);
        run(0, make_rw(&forms[i], true, BLOCKS - 1, 0));
        good(0);
        run(0, make_rw(&forms[i], true, BLOCKS, 0)); /* the LBA itself must exist */
        out_of_range();
    }
}

static void ranges_end_with_the_lu(void **state)
{
    (void)state;
    static const struct {
        uint64_t lba;
        uint32_t count;
        bool fits;
    } rows[] = {{0, BLOCKS, true},      {0, BLOCKS + 1, false},
                {BLOCKS - 1, 1, true},  {BLOCKS - 1, 2, false},
                {BLOCKS, 1, false},     {0x80000000, 1, false},
                {0xffffffff, 1, false}, {0xffffffff, 0xffffffff, false},
                {1, 0xffffffff, false}};
    for (size_t f = 2; f < COUNT(forms); f++)
        for (size_t i = 0; i < COUNT(rows); i++)
            for (int writing = 0; writing < 2; writing++) {
                run(0, make_rw(&forms[f], writing, rows[i].lba, rows[i].count));
                if (rows[i].fits)
                    assert_int_equal(c.status, SCSI_GOOD);
                else
                    out_of_range();
                assert_int_equal(command_data_in(&c) + command_data_out(&c),
                                 rows[i].fits ? rows[i].count * 512 : 0);
            }
}

static void sums_of_64_bits_do_not_wrap(void **state)
{
    (void)state;
    static const uint64_t beyond[] = {UINT64_MAX, UINT64_MAX - 1, UINT64_MAX / 512, UINT64_MAX / 2};
    for (size_t i = 0; i < COUNT(beyond); i++)
        for (int writing = 0; writing < 2; writing++) {
            run(3, make_rw(&forms[3], writing, beyond[i], 2));
            out_of_range();
            run(0, make_rw(&forms[3], writing, beyond[i], 0xffffffff));
            out_of_range();
        }
    assert_int_equal(seen.reads + seen.writes, 0);
    run(3, make_rw(&forms[3], false, UINT64_MAX / 512 - 1, 1));
    good(512);
    assert_int_equal(seen.offset, UINT64_MAX / 512 * 512 - 512);
}

static void one_command_has_a_limit(void **state)
{
    (void)state;
    uint32_t max = COMMAND_XFER_MAX / 512;
    run(3, make_rw(&forms[3], false, 0, max));
    good(COMMAND_XFER_MAX);
    run(3, make_rw(&forms[3], false, 0, max + 1));
    invalid_field();
    assert_int_equal(command_data_in(&c), 0);
    run(3, make_rw(&forms[3], true, 0, max));
    good(0);
    assert_int_equal(seen.len, COMMAND_XFER_MAX);
    run(3, make_rw(&forms[3], true, 0, 0xffffffff));
    invalid_field();
    assert_int_equal(command_data_out(&c), 0);
    run(2, make_rw(&forms[3], false, 0, 1024));
    good(COMMAND_XFER_MAX);
    run(2, make_rw(&forms[3], false, 0, 1025));
    invalid_field();
}

static void reads_may_show_the_stores_memory(void **state)
{
    (void)state;
    fill(out, 1024, 4);
    run(0, make_rw(&forms[1], true, 7, 2));
    c.may_peek = true;
    run(0, make_rw(&forms[1], false, 7, 2));
    good(1024);
    assert_int_equal(command_data_in(&c), 0);
    assert_ptr_equal(c.data_in.segs[0].base, stored(&disk, 7));
    run(3, make_rw(&forms[1], false, 7, 2)); /* this store has no memory to show */
    assert_int_equal(command_data_in(&c), 1024);
    assert_ptr_equal(c.data_in.segs[0].base, memory);
}

/* As when it was to be refused on its arrival, had to wait, and may be read now. */
static void a_read_without_memory_is_to_be_repeated(void **state)
{
    (void)state;
    uint8_t *cdb = make_rw(&forms[1], false, 0, 1);
    c = (struct command){.nexus = &nexus, .cdb = cdb, .cdb_len = 16, .done = count_done};
    command_execute(&c);
    assert_int_equal(c.status, SCSI_BUSY);
    assert_int_equal(c.data_in.len + c.sense_len, 0);
}

static void a_read_only_lu_is_not_written(void **state)
{
    (void)state;
    static const uint8_t ops[] = {0x0a, 0x2a, 0xaa, 0x8a, 0x89, 0x41, 0x93, 0x42};
    for (size_t i = 0; i < COUNT(ops); i++) {
        run(1, CDB(ops[i], 0, 0, 0, ops[i] == 0x0a ? 1 : 0));
        refused(SENSE_DATA_PROTECT, ASC_WRITE_PROTECTED);
        assert_int_equal(command_data_out(&c), 0);
    }
    run(1, make_rw(&forms[1], false, 0, 1));
    good(512);
    assert_int_equal(command_data_in(&c), 512);
    run(1, CDB(0x35));
    good(0);
}

static void a_small_edtl_writes_the_blocks_that_came(void **state)
{
    (void)state;
    fill(out, 1024, 5);
    run_edtl(0, make_rw(&forms[1], true, 10, 2), 512);
    good(0);
    assert_memory_equal(stored(&disk, 10), out, 512);
    assert_int_equal(stored(&disk, 11)[0], 0);
    run_edtl(0, make_rw(&forms[1], true, 20, 2), 700); /* half a block is no block */
    good(0);
    assert_memory_equal(stored(&disk, 20), out, 512);
    assert_int_equal(stored(&disk, 21)[0], 0);
    run_edtl(0, make_rw(&forms[1], true, 30, 1), 0);
    good(0);
    assert_int_equal(stored(&disk, 30)[0], 0);
}

static void data_that_did_not_come_are_no_success(void **state)
{
    (void)state;
    uint8_t *cdb = make_rw(&forms[1], true, 0, 2);
    struct berth_seg seg = seg_memory(out, 512);
    c = (struct command){.nexus = &nexus, .cdb = cdb, .cdb_len = 16, .edtl_out = 1024, .done = count_done};
    c.data_out = (struct extent){&seg, 1, 0, 512};
    fill(out, 512, 1);
    command_execute(&c);
    refused(SENSE_ABORTED_COMMAND, ASC_INTERNAL_FAILURE);
    assert_int_equal(stored(&disk, 0)[0], 0);
}

static void fua_is_honest(void **state)
{
    (void)state;
    run(3, CDB(0x2a, 0, 0, 0, 0, 0, 0, 0, 1));
    assert_int_equal(seen.flushes, 0);
    run(3, CDB(0x2a, 8, 0, 0, 0, 0, 0, 0, 1));
    good(0);
    assert_int_equal(seen.flushes, 1);
    run(3, CDB(0x28, 8, 0, 0, 0, 0, 0, 0, 1));
    good(512);
    assert_int_equal(seen.flushes, 2);
    seen.flush_error = -EIO;
    run(3, CDB(0x2a, 8, 0, 0, 0, 9, 0, 0, 1));
    refused(SENSE_MEDIUM_ERROR, ASC_WRITE_ERROR);
    run(3, CDB(0x28, 8, 0, 0, 0, 9, 0, 0, 1));
    refused(SENSE_MEDIUM_ERROR, ASC_WRITE_ERROR);
    double_lu.write_cache = false; /* nothing to flush */
    run(3, CDB(0x2a, 8, 0, 0, 0, 9, 0, 0, 1));
    good(0);
}

static void errors_of_the_store_become_sense(void **state)
{
    (void)state;
    static const struct {
        int error;
        uint8_t key;
        uint16_t reading, writing;
    } rows[] = {
        {-EIO, SENSE_MEDIUM_ERROR, ASC_UNRECOVERED_READ, ASC_WRITE_ERROR},
        {-EBADF, SENSE_MEDIUM_ERROR, ASC_UNRECOVERED_READ, ASC_WRITE_ERROR},
        {-ENOSPC, SENSE_DATA_PROTECT, ASC_SPACE_ALLOCATION_FAILED, ASC_SPACE_ALLOCATION_FAILED},
        {-EDQUOT, SENSE_DATA_PROTECT, ASC_SPACE_ALLOCATION_FAILED, ASC_SPACE_ALLOCATION_FAILED},
        {-EROFS, SENSE_DATA_PROTECT, ASC_WRITE_PROTECTED, ASC_WRITE_PROTECTED},
        {-EINVAL, SENSE_HARDWARE_ERROR, ASC_INTERNAL_FAILURE, ASC_INTERNAL_FAILURE},
        {-ENOMEM, SENSE_HARDWARE_ERROR, ASC_INTERNAL_FAILURE, ASC_INTERNAL_FAILURE},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        seen.error = seen.flush_error = rows[i].error;
        run(3, make_rw(&forms[1], false, 5, 1));
        refused(rows[i].key, rows[i].reading);
        run(3, CDB(0x9e, 0x12));
        refused(rows[i].key, rows[i].reading);
        run(3, make_rw(&forms[1], true, 5, 1));
        refused(rows[i].key, rows[i].writing);
        run(3, CDB(0x35));
        refused(rows[i].key, rows[i].writing);
        run(3, CDB(0x41, 8, 0, 0, 0, 5, 0, 0, 1));
        refused(rows[i].key, rows[i].writing);
        run(3, CDB(0x1b));
        refused(rows[i].key, rows[i].writing);
    }
}

static void medium_errors_name_their_place(void **state)
{
    (void)state;
    struct scsi_sense s;
    seen.error = -EIO;
    run(3, make_rw(&forms[1], false, 0x12345678, 1));
    scsi_get_sense(c.sense, c.sense_len, &s);
    assert_true(s.has_information);
    assert_int_equal(s.information, 0x12345678);
    run(3, make_rw(&forms[3], false, 0x123456789a, 1));
    scsi_get_sense(c.sense, c.sense_len, &s);
    assert_int_equal(s.information, 0x123456789a);
    assert_int_equal(s.key, SENSE_MEDIUM_ERROR);
}

static void synchronize_cache_flushes(void **state)
{
    (void)state;
    run(3, CDB(0x35));
    good(0);
    run(3, CDB(0x91, 2, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1)); /* IMMED: flushed all the same */
    good(0);
    assert_int_equal(seen.flushes, 2);
    run(0, CDB(0x35, 0, 0, 0, 0x07, 0xff, 0, 0, 1));
    good(0);
    run(0, CDB(0x35, 0, 0, 0, 0x07, 0xff, 0, 0, 2));
    out_of_range();
    run(0, CDB(0x35, 0, 0, 0, 0x08, 0));
    out_of_range();
    run(3, CDB(0x91, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff));
    out_of_range();
    assert_int_equal(seen.flushes, 2);
}

/* --- COMPARE AND WRITE --- */

static void run_compare(uint64_t lun, uint64_t lba, uint8_t count, bool fua)
{
    uint8_t cdb[16] = {0x89, fua ? 8 : 0};
    put64(cdb + 2, lba);
    cdb[13] = count;
    run(lun, cdb);
}

static void a_match_is_written(void **state)
{
    (void)state;
    struct lu *const lus[] = {[0] = &disk, [2] = &wide};
    for (uint32_t lun = 0; lun <= 2; lun += 2) {
        uint32_t len = 100 * lus[lun]->block;
        memset(out, 0, len); /* what is there */
        fill(out + len, len, lun);
        run_compare(lun, 7, 100, false);
        good(0);
        assert_int_equal(command_data_out(&c), 2 * len);
        assert_memory_equal(stored(lus[lun], 7), out + len, len);
        assert_int_equal(stored(lus[lun], 6)[0], 0);
        assert_int_equal(stored(lus[lun], 107)[0], 0);
        memcpy(out, out + len, len); /* once more, from that to zeros */
        memset(out + len, 0, len);
        run_compare(lun, 7, 100, false);
        good(0);
        assert_int_equal(stored(lus[lun], 7)[0], 0);
    }
}

static void a_difference_is_told_and_nothing_written(void **state)
{
    (void)state;
    static const uint32_t places[] = {0, 1, 511, 512, 1000, 1535};
    struct scsi_sense s;
    for (size_t i = 0; i < COUNT(places); i++) {
        memset(out, 0, 1536);
        memset(out + 1536, 0x77, 1536);
        out[places[i]] = 1;
        out[1535] |= 2;
        run_compare(0, 9, 3, false);
        refused(SENSE_MISCOMPARE, ASC_MISCOMPARE);
        scsi_get_sense(c.sense, c.sense_len, &s);
        assert_true(s.has_information);
        assert_int_equal(s.information, places[i]);
        assert_int_equal(stored(&disk, 9)[0], 0);
        assert_int_equal(stored(&disk, 11)[0], 0);
    }
}

static void compare_and_write_has_its_limits(void **state)
{
    (void)state;
    run_compare(0, BLOCKS - 1, 2, false);
    out_of_range();
    run_compare(3, UINT64_MAX, 255, false);
    out_of_range();
    assert_int_equal(command_data_out(&c), 0);
    run_compare(0, 0, 0, false); /* nothing to compare: nothing differs */
    good(0);
    run_edtl(0, CDB(0x89), 512 * 512); /* 256 blocks, of which the field kept nothing */
    invalid_field();
    for (uint32_t edtl = 0; edtl <= 2048; edtl += 512) {
        memset(out, 0, 1024);
        run_edtl(0, CDB(0x89, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1), edtl);
        if (edtl == 1024)
            good(0);
        else
            invalid_field();
    }
    c.data_out.len = 1023; /* lost on the way */
    command_execute(&c);
    invalid_field();
}

static void compare_and_write_flushes_with_fua(void **state)
{
    (void)state;
    memset(out, 0xee, 4096); /* whatever the double left in the reply: it reads nothing */
    run_compare(3, 5, 1, false);
    good(0);
    assert_int_equal(seen.reads, 1);
    assert_int_equal(seen.writes, 1);
    assert_int_equal(seen.flushes, 0);
    run_compare(3, 5, 1, true);
    good(0);
    assert_int_equal(seen.flushes, 1);
    seen.error = -EIO;
    run_compare(3, 5, 1, true);
    refused(SENSE_MEDIUM_ERROR, ASC_UNRECOVERED_READ);
    assert_int_equal(seen.writes, 2);
    seen.error = 0, seen.flush_error = -ENOSPC;
    run_compare(3, 5, 1, true);
    refused(SENSE_DATA_PROTECT, ASC_SPACE_ALLOCATION_FAILED);
}

/* --- provisioning --- */

static void fill_disk(struct lu *lu)
{
    fill(out, 1024 * 1024, 7);
    struct berth_seg seg = seg_memory(out, 1024 * 1024);
    assert_int_equal(lu->backend->write(lu, 0, &(struct extent){&seg, 1, 0, seg.len}), 0);
}

static bool is_zero(struct lu *lu, uint64_t lba, uint64_t count)
{
    const uint8_t *at = stored(lu, lba);
    for (uint64_t i = 0; i < count * lu->block; i++)
        if (at[i])
            return false;
    return true;
}

/* UNMAP with these ranges, its CDB's parameter list length changed by `extra`. */
static void run_unmap(uint64_t lun, const struct scsi_range *ranges, uint32_t count, int extra)
{
    uint8_t cdb[16] = {0};
    uint32_t len = scsi_put_unmap_list(out, sizeof out, ranges, count);
    scsi_put_unmap(cdb, (uint16_t)((int)len + extra));
    run(lun, cdb);
}

static void expect_status(uint64_t lun, uint64_t lba, uint64_t blocks, uint8_t provisioning)
{
    struct scsi_lba_status s;
    uint8_t cdb[16];
    scsi_put_get_lba_status(cdb, lba, 24);
    run(lun, cdb);
    good(24);
    assert_true(scsi_get_lba_status(c.reply, 24, 0, &s));
    assert_int_equal(s.lba, lba);
    assert_int_equal(s.blocks, blocks);
    assert_int_equal(s.provisioning, provisioning);
}

static void unmap_makes_holes(void **state)
{
    (void)state;
    static const struct scsi_range ranges[] = {{64, 64}, {0, 0}, {1024, 8}, {2047, 1}};
    fill_disk(&disk);
    run_unmap(0, ranges, 4, 0);
    good(0);
    assert_int_equal(command_data_out(&c), 8 + 4 * 16);
    assert_true(is_zero(&disk, 64, 64) && is_zero(&disk, 1024, 8) && is_zero(&disk, 2047, 1));
    assert_int_equal(stored(&disk, 63)[511], 1 | (uint8_t)((64 * 512 - 1) * 13 + (64 * 512 - 1) / 509 + 7));
    assert_false(is_zero(&disk, 128, 1) || is_zero(&disk, 2046, 1));
    expect_status(0, 0, 64, 0);
    expect_status(0, 64, 64, 1);
    expect_status(0, 100, 28, 1);
    expect_status(0, 128, 1024 - 128, 0);
    expect_status(0, 1024, 8, 1);
    expect_status(0, 2047, 1, 0); /* less than a page: zeros that are there */
}

static void unmap_is_checked_before_it_begins(void **state)
{
    (void)state;
    static const struct scsi_range beyond[] = {{0, 8}, {BLOCKS - 1, 2}}, past[] = {{0, 8}, {BLOCKS, 1}},
                                   wraps[] = {{0, 8}, {UINT64_MAX, UINT32_MAX}},
                                   nothing[] = {{UINT64_MAX, 0}};
    fill_disk(&disk);
    run_unmap(0, beyond, 2, 0);
    out_of_range();
    run_unmap(0, past, 2, 0);
    out_of_range();
    run_unmap(0, wraps, 2, 0);
    out_of_range();
    memcpy(out, "\0\0", 2);
    assert_false(is_zero(&disk, 0, 1));
    run_unmap(0, nothing, 1, 0); /* no blocks: no error, wherever */
    good(0);
}

static void unmap_has_limits(void **state)
{
    (void)state;
    static struct scsi_range many[256];
    const struct scsi_range most[] = {{0, 1u << 20}}, more[] = {{0, (1u << 20) - 1}, {0, 2}};
    for (uint32_t i = 0; i < 256; i++)
        many[i] = (struct scsi_range){i, 1};
    run_unmap(0, many, 255, 0);
    good(0);
    run_unmap(0, many, 256, 0);
    refused(SENSE_ILLEGAL_REQUEST, ASC_INVALID_FIELD_IN_PARAMETERS);
    run_unmap(3, most, 1, 0);
    good(0);
    assert_int_equal(seen.len, 512 * 1024 * 1024);
    run_unmap(3, more, 2, 0);
    refused(SENSE_ILLEGAL_REQUEST, ASC_INVALID_FIELD_IN_PARAMETERS);
    assert_int_equal(seen.punches, 1);
}

static void unmap_lists_must_be_whole(void **state)
{
    (void)state;
    static const struct scsi_range one[] = {{0, 8}};
    run_unmap(0, one, 1, -24); /* a list of no length asks for nothing */
    good(0);
    for (int cut = -23; cut < 0; cut++) {
        run_unmap(0, one, 1, cut);
        refused(SENSE_ILLEGAL_REQUEST, ASC_PARAMETER_LIST_LENGTH);
    }
    run_unmap(0, one, 1, 100); /* what lies behind the list is not looked at */
    good(0);
    run_unmap(0, one, 1, 65535 - 24);
    good(0);
    scsi_put_unmap_list(out, sizeof out, one, 1);
    run_edtl(0, CDB(0x42, 0, 0, 0, 0, 0, 0, 0, 24), 20); /* EDTL below the list */
    refused(SENSE_ILLEGAL_REQUEST, ASC_PARAMETER_LIST_LENGTH);
}

static void a_failed_unmap_stops(void **state)
{
    (void)state;
    static const struct scsi_range two[] = {{0, 8}, {16, 8}};
    seen.error = -EIO;
    run_unmap(3, two, 2, 0);
    refused(SENSE_MEDIUM_ERROR, ASC_WRITE_ERROR);
    assert_int_equal(seen.punches, 1);
}

static void run_same(uint64_t lun, const struct scsi_write_same *ws)
{
    uint8_t cdb[16];
    scsi_put_write_same_16(cdb, ws);
    run(lun, cdb);
}

static void write_same_repeats_its_block(void **state)
{
    (void)state;
    struct lu *const lus[] = {[0] = &disk, [2] = &wide};
    for (uint32_t lun = 0; lun <= 2; lun += 2) {
        struct lu *lu = lus[lun];
        fill(out, lu->block, 11);
        run_same(lun, &(struct scsi_write_same){
                          .lba = 3, .blocks = 2000, .unmap = lun == 2}); /* over many chunks */
        good(0);
        assert_int_equal(command_data_out(&c), lu->block);
        for (uint64_t lba = 3; lba < 2003; lba++)
            assert_memory_equal(stored(lu, lba), out, lu->block);
        assert_true(is_zero(lu, 2, 1) && is_zero(lu, 2003, 1));
    }
    fill(out, 512, 12);
    run(0, CDB(0x41, 0, 0, 0, 0, 9, 0, 0, 2));
    good(0);
    assert_memory_equal(stored(&disk, 10), out, 512);
    assert_memory_not_equal(stored(&disk, 11), out, 512);
}

static void write_same_of_zeros_punches_only_with_unmap(void **state)
{
    (void)state;
    static const struct {
        bool unmap, ndob, hole;
    } rows[] = {{false, false, false}, {true, false, true}, {false, true, false}, {true, true, true}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        fill_disk(&disk);
        memset(out, 0, 512);
        if (rows[i].ndob)
            memset(out, 0x55, 512); /* not looked at */
        run_same(0, &(struct scsi_write_same){
                        .lba = 256, .blocks = 512, .unmap = rows[i].unmap, .ndob = rows[i].ndob});
        good(0);
        assert_int_equal(command_data_out(&c), rows[i].ndob ? 0 : 512);
        assert_true(is_zero(&disk, 256, 512));
        assert_false(is_zero(&disk, 255, 1) || is_zero(&disk, 768, 1));
        if (rows[i].hole)
            expect_status(0, 256, 512, 1);
        else
            expect_status(0, 256, BLOCKS - 256, 0);
    }
}

static void one_bit_is_no_zero(void **state)
{
    (void)state;
    fill_disk(&disk);
    memset(out, 0, 512);
    out[511] = 1;
    run_same(0, &(struct scsi_write_same){.lba = 256, .blocks = 8, .unmap = true});
    assert_memory_equal(stored(&disk, 263), out, 512);
    expect_status(0, 256, BLOCKS - 256, 0);
}

static void write_same_has_limits(void **state)
{
    (void)state;
    uint32_t max = 1u << 15;
    run_same(3, &(struct scsi_write_same){.blocks = max, .ndob = true});
    good(0);
    run_same(3, &(struct scsi_write_same){.blocks = max + 1, .ndob = true});
    invalid_field();
    run_same(3, &(struct scsi_write_same){.blocks = 0, .ndob = true}); /* WSNZ */
    invalid_field();
    run_same(0, &(struct scsi_write_same){.lba = BLOCKS - 1, .blocks = 2});
    out_of_range();
    assert_int_equal(command_data_out(&c), 0);
    run_same(3, &(struct scsi_write_same){.lba = UINT64_MAX, .blocks = UINT32_MAX, .unmap = true});
    out_of_range();
    run_same(0, &(struct scsi_write_same){.blocks = 1, .unmap = true, .anchor = true});
    invalid_field();
    for (uint32_t edtl = 0; edtl <= 1024; edtl += 256) { /* anything but a block */
        run_edtl(0, CDB(0x41, 0, 0, 0, 0, 0, 0, 0, 1), edtl);
        if (edtl == 512)
            good(0);
        else
            invalid_field();
    }
    run_edtl(scsi_lun_encode(3), CDB(0x93, 0x01, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1),
             512); /* NDOB with data */
    invalid_field();
}

static void lba_status_stays_inside(void **state)
{
    (void)state;
    expect_status(0, 0, BLOCKS, 1);
    expect_status(0, BLOCKS - 1, 1, 1);
    expect_status(3, 0, UINT32_MAX, 1); /* more than the field holds */
    run(0, CDB(0x9e, 0x12, 0, 0, 0, 0, 0, 0, 0x08, 0, 0, 0, 0, 24));
    out_of_range();
    run(3, CDB(0x9e, 0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 24));
    out_of_range();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_missing_lun_says_so),
        TEST(flat_addresses_reach_the_same_lu),
        TEST(unknown_operations_are_refused),
        TEST(unknown_service_actions_are_invalid_fields),
        TEST(reserved_bits_are_refused),
        TEST(known_bits_are_taken),
        TEST(neighbours_of_known_bits_are_refused),
        TEST(bytes_behind_the_cdb_are_not_read),
        TEST(reserved_bits_of_service_actions_are_refused),
        TEST(protection_information_is_refused),
        TEST(short_cdbs_are_refused),
        TEST(a_nexus_begins_with_power_on),
        TEST(attention_comes_before_the_command_is_looked_at),
        TEST(request_sense_tells_and_clears_attention),
        TEST(a_pending_reset_is_not_pushed_aside),
        TEST(reading_the_list_settles_its_change),
        TEST(inquiry_tells_who_it_is),
        TEST(answers_are_cut_to_the_allocation),
        TEST(vpd_pages_are_those_that_are_listed),
        TEST(vpd_pages_tell_the_truth),
        TEST(a_read_only_lu_promises_no_unmap),
        TEST(the_list_of_luns_is_whole_on_any_lun),
        TEST(a_full_list_of_luns_fits),
        TEST(capacity_is_told_both_ways),
        TEST(queues_and_caches_are_told),
        TEST(a_self_test_reads),
        TEST(a_stop_lasts_until_the_start),
        TEST(what_is_stopped_is_not_ready),
        TEST(what_is_not_there_is_refused_as_such),
        TEST(every_form_moves_blocks),
        TEST(blocks_of_4096_bytes_are_moved),
        TEST(a_count_of_zero_moves_nothing_but_in_six_bytes),
        TEST(ranges_end_with_the_lu),
        TEST(sums_of_64_bits_do_not_wrap),
        TEST(one_command_has_a_limit),
        TEST(reads_may_show_the_stores_memory),
        TEST(a_read_without_memory_is_to_be_repeated),
        TEST(a_read_only_lu_is_not_written),
        TEST(a_small_edtl_writes_the_blocks_that_came),
        TEST(data_that_did_not_come_are_no_success),
        TEST(fua_is_honest),
        TEST(errors_of_the_store_become_sense),
        TEST(medium_errors_name_their_place),
        TEST(synchronize_cache_flushes),
        TEST(a_match_is_written),
        TEST(a_difference_is_told_and_nothing_written),
        TEST(compare_and_write_has_its_limits),
        TEST(compare_and_write_flushes_with_fua),
        TEST(unmap_makes_holes),
        TEST(unmap_is_checked_before_it_begins),
        TEST(unmap_has_limits),
        TEST(unmap_lists_must_be_whole),
        TEST(a_failed_unmap_stops),
        TEST(write_same_repeats_its_block),
        TEST(write_same_of_zeros_punches_only_with_unmap),
        TEST(one_bit_is_no_zero),
        TEST(write_same_has_limits),
        TEST(lba_status_stays_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
