/* SPDX-License-Identifier: MIT */
/* READ(32) and WRITE(32), found by the service action behind their operation code. */
#include <stdlib.h>
#include "disks.h"

enum { READ = 0x0009, WRITE = 0x000b };

/* Runs the CDB on a LUN, with data-out as long as it asks for. `len` bytes of it have come. */
static void run_long(uint32_t lun, const uint8_t *cdb, uint32_t len)
{
    c = (struct command){.nexus = &nexus, .lun = scsi_lun_encode(lun), .cdb = cdb, .cdb_len = len};
    c.memory = memory, c.done = count_done;
    c.edtl_out = command_data_out(&c);
    out_segs[0] = seg_memory(out, c.edtl_out);
    c.data_out = (struct extent){out_segs, 1, 0, c.edtl_out};
    command_execute(&c);
}

static uint8_t *make(uint16_t action, uint64_t lba, uint32_t blocks)
{
    static uint8_t cdb[SCSI_CDB_MAX];
    memset(cdb, 0, sizeof cdb);
    cdb[0] = 0x7f;
    cdb[7] = 24;
    put16(cdb + 8, action);
    put64(cdb + 12, lba);
    put32(cdb + 28, blocks);
    return cdb;
}

static void blocks_go_both_ways(void **state)
{
    (void)state;
    struct lu *const lus[] = {[0] = &disk, [2] = &wide};
    for (uint32_t lun = 0; lun <= 2; lun += 2) {
        uint32_t len = 5 * lus[lun]->block;
        fill(out, len, lun);
        run_long(lun, make(WRITE, 100, 5), 32);
        good(0);
        assert_int_equal(command_data_out(&c), len);
        assert_memory_equal(stored(lus[lun], 100), out, len);
        assert_string_equal(command_name(&c), "WRITE(32)");
        run_long(lun, make(READ, 100, 5), 32);
        good(len);
        assert_int_equal(command_data_in(&c), len);
        assert_memory_equal(memory, out, len);
        assert_string_equal(command_name(&c), "READ(32)");
    }
}

static void fua_is_in_byte_10(void **state)
{
    (void)state;
    uint8_t *cdb = make(WRITE, 0, 1);
    run_long(3, cdb, 32);
    good(0);
    assert_int_equal(seen.flushes, 0);
    cdb[10] = 0x08;
    run_long(3, cdb, 32);
    good(0);
    assert_int_equal(seen.flushes, 1);
}

static void ranges_end_with_the_lu(void **state)
{
    (void)state;
    for (uint16_t action = READ; action <= WRITE; action += WRITE - READ) {
        run_long(0, make(action, BLOCKS - 1, 2), 32);
        out_of_range();
        run_long(3, make(action, UINT64_MAX, UINT32_MAX), 32);
        out_of_range();
        assert_int_equal(command_data_in(&c) + command_data_out(&c), 0);
        run_long(3, make(action, 0, COMMAND_XFER_MAX / 512 + 1), 32);
        invalid_field();
    }
    run_long(1, make(WRITE, 0, 1), 32);
    refused(SENSE_DATA_PROTECT, ASC_WRITE_PROTECTED);
}

static void the_length_must_be_right(void **state)
{
    (void)state;
    uint8_t *cdb = make(READ, 0, 1);
    for (unsigned additional = 0; additional < 256; additional++) {
        cdb[7] = (uint8_t)additional;
        run_long(0, cdb, 32);
        if (additional == 24)
            good(512);
        else
            invalid_field();
    }
    cdb[7] = 24;
    for (uint32_t len = 6; len < 32; len++) { /* and as much must have come */
        uint8_t *exact = malloc(len);         /* the sanitizer sees one byte too far */
        memcpy(exact, cdb, len);
        run_long(0, exact, len);
        invalid_field();
        assert_int_equal(command_data_in(&c), 0);
        free(exact);
    }
}

/* Each bit that is none of a field we know, the protection information and its tags among them. */
static void unknown_bits_are_refused(void **state)
{
    (void)state;
    static const uint8_t known[32] = {0xff, 0,    0,    0,           0,    0,    0x3f, 0xff,
                                      0xff, 0xff, 0x1a, [12] = 0xff, 0xff, 0xff, 0xff, 0xff,
                                      0xff, 0xff, 0xff, [28] = 0xff, 0xff, 0xff, 0xff};
    for (uint16_t action = READ; action <= WRITE; action += WRITE - READ)
        for (uint32_t bit = 8; bit < 256; bit++) {
            uint8_t *cdb = make(action, 0, 1), mask = (uint8_t)(0x80 >> bit % 8);
            bool rarc = action == READ && bit / 8 == 10 && mask == 0x04;
            if (known[bit / 8] & mask || rarc)
                continue;
            cdb[bit / 8] |= mask;
            run_long(0, cdb, 32);
            invalid_field();
        }
    uint8_t *cdb = make(READ, 0, 1);
    cdb[10] = 0x1e, cdb[6] = 0x3f;
    run_long(0, cdb, 32);
    good(512);
}

static void other_actions_are_refused(void **state)
{
    (void)state;
    static const uint16_t actions[] = {0x0000, 0x0001, 0x0007, 0x000a, 0x000c,
                                       0x000d, 0x0109, 0x0900, 0xffff};
    for (size_t i = 0; i < COUNT(actions); i++) {
        run_long(0, make(actions[i], 0, 1), 32);
        invalid_field();
        assert_string_equal(command_name(&c), "unknown operation");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(blocks_go_both_ways),      TEST(fua_is_in_byte_10),        TEST(ranges_end_with_the_lu),
        TEST(the_length_must_be_right), TEST(unknown_bits_are_refused), TEST(other_actions_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
