/* SPDX-License-Identifier: MIT */
/* MODE SENSE and MODE SELECT, and what the modes do. */
#include "disks.h"

enum { WCE = 4, D_SENSE = 4, SWP = 8 };

static struct scsi_mode mode_of(uint64_t lun, uint8_t page)
{
    struct scsi_mode m;
    run(lun, CDB(0x1a, 8, page, 0, 255));
    assert_int_equal(c.status, SCSI_GOOD);
    assert_true(scsi_get_mode_6(c.reply, c.data_in.len, &m));
    return m;
}

static void mode_pages_tell_protection_and_cache(void **state)
{
    (void)state;
    assert_false(mode_of(0, 0x3f).write_protected);
    assert_false(mode_of(0, 0x3f).write_cache); /* memory has nothing to lose before it loses all */
    assert_true(mode_of(0, 0x08).dpo_fua);
    assert_true(mode_of(1, 0x3f).write_protected);
    assert_true(mode_of(3, 0x08).write_cache);
    run(3, CDB(0x1a, 8, 0x48, 0, 255)); /* changeable */
    good(24);
    assert_int_equal(c.reply[6], 4);
    run(0, CDB(0x1a, 8, 0x48, 0, 255)); /* memory gets no cache by being told so */
    good(24);
    assert_int_equal(c.reply[6], 0);
    run(0, CDB(0x1a, 8, 0x4a, 0, 255));
    good(16);
    assert_memory_equal(c.reply + 4, "\x0a\x0a\x04\x00\x08\0\0\0\0\0\0\0", 12);
    run(3, CDB(0x1a, 8, 0x88, 0, 255)); /* default */
    good(24);
    assert_int_equal(c.reply[6], 4);
    run(3, CDB(0x5a, 8, 0x08, 0, 0, 0, 0, 1, 0));
    good(28);
    assert_int_equal(c.reply[10], 4);
}

static void unknown_mode_pages_are_refused(void **state)
{
    (void)state;
    for (uint8_t page = 0; page < 64; page++)
        for (int ten = 0; ten < 2; ten++) {
            run(0, ten ? CDB(0x5a, 0, page, 0, 0, 0, 0, 0, 255) : CDB(0x1a, 0, page, 0, 255));
            if (page == 0x08 || page == 0x0a || page == 0x3f)
                assert_int_equal(c.status, SCSI_GOOD);
            else
                invalid_field();
        }
    run(0, CDB(0x1a, 0, 0x3f, 0xff, 255)); /* all subpages: there are none but 0 */
    good(36);
    run(0, CDB(0x1a, 0, 0x0a, 0x01, 255));
    invalid_field();
    run(0, CDB(0x1a, 0, 0xc8, 0, 255)); /* saved values */
    refused(SENSE_ILLEGAL_REQUEST, ASC_SAVING_NOT_SUPPORTED);
}

/* --- MODE SELECT --- */

static const uint8_t caching[20] = {0x08, 0x12}, control[12] = {0x0a, 0x0a, 0, 0x10};

/* Selects one page with two of its bytes changed. */
static void select_6(uint64_t lun, const uint8_t *page, uint8_t byte_2, uint8_t byte_4)
{
    uint8_t len = (uint8_t)(page[1] + 2);
    memset(out, 0, 4);
    memcpy(out + 4, page, len);
    out[6] |= byte_2;
    out[8] |= byte_4;
    run(lun, CDB(0x15, 0x10, 0, 0, (uint8_t)(4 + len)));
}

static void bad_parameters(void)
{
    refused(SENSE_ILLEGAL_REQUEST, ASC_INVALID_FIELD_IN_PARAMETERS);
}

static void without_cache_every_change_is_flushed(void **state)
{
    (void)state;
    static const uint8_t changes[][16] = {
        {0x0a, 0, 0, 0, 1},
        {0x2a, 0, 0, 0, 0, 0, 0, 0, 1},
        {0x41, 0, 0, 0, 0, 0, 0, 0, 1},
        {0x93, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1},
        {0x8b, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1},
        {0x2e, 0, 0, 0, 0, 0, 0, 0, 1},
    };
    static const struct scsi_range range = {0, 8};
    select_6(3, caching, 0, 0);
    good(0);
    assert_int_equal(seen.flushes, 1); /* what was in it */
    assert_false(mode_of(3, 0x08).write_cache);
    for (size_t i = 0; i < COUNT(changes); i++) {
        seen.flushes = 0;
        run(3, changes[i]);
        good(0);
        assert_int_equal(seen.flushes, 1);
    }
    uint32_t len = scsi_put_unmap_list(out, sizeof out, &range, 1);
    run(3, CDB(0x42, 0, 0, 0, 0, 0, 0, 0, (uint8_t)len));
    good(0);
    assert_int_equal(seen.flushes, 2);
    memset(out, 0xee, 512);
    run(3, CDB(0x89, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1));
    good(0);
    assert_int_equal(seen.flushes, 3);
    seen.flush_error = -EIO;
    run(3, changes[1]);
    refused(SENSE_MEDIUM_ERROR, ASC_WRITE_ERROR);
    select_6(3, caching, WCE, 0);
    good(0);
    run(3, changes[1]);
    good(0);
}

static void a_cache_that_cannot_be_emptied_stays_on(void **state)
{
    (void)state;
    seen.flush_error = -EIO;
    select_6(3, caching, 0, 0);
    refused(SENSE_MEDIUM_ERROR, ASC_WRITE_ERROR);
    assert_true(mode_of(3, 0x08).write_cache);
}

static void a_failed_flush_fails_an_unmap(void **state)
{
    (void)state;
    static const struct scsi_range range = {0, 8};
    select_6(3, caching, 0, 0);
    seen.flush_error = -EIO;
    run(3, CDB(0x42, 0, 0, 0, 0, 0, 0, 0, (uint8_t)scsi_put_unmap_list(out, sizeof out, &range, 1)));
    refused(SENSE_MEDIUM_ERROR, ASC_WRITE_ERROR);
}

static void sense_comes_in_the_format_that_was_chosen(void **state)
{
    (void)state;
    select_6(0, control, D_SENSE, 0);
    good(0);
    run(0, CDB(0x28, 0, 0, 0, 0x08));
    assert_int_equal(c.sense_len, 8);
    assert_memory_equal(c.sense, "\x72\x05\x21\x00\0\0\0\0", 8);
    run(0, CDB(0x03, 0, 0, 0, 252)); /* there, the CDB chooses */
    good(18);
    assert_int_equal(c.reply[0], 0x70);
    run(0, CDB(0x03, 1, 0, 0, 252));
    good(8);
    assert_int_equal(c.reply[0], 0x72);
    run(2, CDB(0x28, 0, 0, 0, 0x80));
    assert_int_equal(c.sense[0], 0x70); /* of this LU, and no other */
    run(1, CDB(0xff));
    assert_int_equal(c.sense[0], 0x70);
    select_6(0, control, 0, 0);
    run(0, CDB(0x28, 0, 0, 0, 0x08));
    assert_int_equal(c.sense_len, 18);
}

static void software_write_protection_protects(void **state)
{
    (void)state;
    select_6(0, control, 0, SWP);
    good(0);
    assert_true(mode_of(0, 0x3f).write_protected);
    run(0, CDB(0x2a, 0, 0, 0, 0, 0, 0, 0, 1));
    refused(SENSE_DATA_PROTECT, ASC_SOFTWARE_WRITE_PROTECTED);
    assert_int_equal(command_data_out(&c), 0);
    run(0, CDB(0x28, 0, 0, 0, 0, 0, 0, 0, 1));
    good(512);
    run(1, CDB(0x2a, 0, 0, 0, 0, 0, 0, 0, 1));
    refused(SENSE_DATA_PROTECT, ASC_WRITE_PROTECTED);
    select_6(0, control, 0, 0);
    good(0);
    run(0, CDB(0x2a, 0, 0, 0, 0, 0, 0, 0, 1));
    good(0);
    assert_false(mode_of(0, 0x3f).write_protected);
}

static void what_cannot_be_changed_is_refused(void **state)
{
    (void)state;
    select_6(0, caching, WCE, 0); /* memory has no cache */
    bad_parameters();
    select_6(3, caching, WCE | 1, 0); /* RCD */
    bad_parameters();
    for (unsigned bit = 0; bit < 8; bit++)
        for (unsigned byte = 2; byte < 12; byte++) {
            uint8_t page[12];
            bool may = (byte == 2 && 1 << bit == D_SENSE) || (byte == 4 && 1 << bit == SWP);
            memcpy(page, control, sizeof page);
            page[byte] ^= (uint8_t)(1 << bit);
            select_6(0, page, 0, 0);
            may ? good(0) : bad_parameters();
            select_6(0, control, 0, 0);
            good(0);
        }
}

static void lists_must_be_whole(void **state)
{
    (void)state;
    run(0, CDB(0x15, 0x10)); /* no list: nothing to do */
    good(0);
    run(0, CDB(0x55, 0x10));
    good(0);
    memset(out, 0, 64);
    memcpy(out + 4, control, 12);
    for (uint8_t len = 1; len < 16; len++) {
        run(0, CDB(0x15, 0x10, 0, 0, len));
        if (len == 4) /* a header and no page */
            good(0);
        else
            refused(SENSE_ILLEGAL_REQUEST, ASC_PARAMETER_LIST_LENGTH);
    }
    run_edtl(0, CDB(0x15, 0x10, 0, 0, 16), 15); /* less came than the CDB says */
    refused(SENSE_ILLEGAL_REQUEST, ASC_PARAMETER_LIST_LENGTH);
    run(0, CDB(0x15, 0x00, 0, 0, 16)); /* no page format */
    invalid_field();
    run(0, CDB(0x15, 0x11, 0, 0, 16)); /* SP: nothing is saved */
    invalid_field();
    out[3] = 8;
    run(0, CDB(0x15, 0x10, 0, 0, 16));
    bad_parameters();
}

static void two_pages_change_together_or_not_at_all(void **state)
{
    (void)state;
    memset(out, 0, 64);
    memcpy(out + 8, caching, 20);
    memcpy(out + 28, control, 12);
    out[30] = D_SENSE;
    run(3, CDB(0x55, 0x10, 0, 0, 0, 0, 0, 0, 40));
    good(0);
    assert_false(mode_of(3, 0x08).write_cache);
    assert_true(double_lu.mode.descriptor_sense);
    out[10] = WCE;
    out[30] = 0x40;
    run(3, CDB(0x55, 0x10, 0, 0, 0, 0, 0, 0, 40));
    bad_parameters();
    assert_false(mode_of(3, 0x08).write_cache);
    out[7] = 8; /* block descriptors */
    run(3, CDB(0x55, 0x10, 0, 0, 0, 0, 0, 0, 40));
    bad_parameters();
}

static void the_others_hear_of_a_change(void **state)
{
    (void)state;
    static struct nexus other;
    other = (struct nexus){.set = &set};
    nexus_join(&nexus, (const uint8_t *)"one", 3);
    nexus_join(&other, (const uint8_t *)"two", 3);
    select_6(0, control, 0, 0); /* no change */
    assert_int_equal(nexus_take_attention(&other, 0), 0);
    select_6(0, control, D_SENSE, 0);
    assert_int_equal(nexus_take_attention(&other, 0), ASC_MODE_CHANGED);
    assert_int_equal(nexus_take_attention(&other, 1), 0);
    assert_int_equal(nexus_take_attention(&nexus, 0), 0);
    nexus_leave(&other);
    select_6(0, control, 0, 0);
    assert_int_equal(nexus_take_attention(&other, 0), 0);
    nexus_leave(&nexus);
    nexus_leave(&nexus);
    assert_null(set.nexuses);
}

static void a_reset_undoes_it_all(void **state)
{
    (void)state;
    static struct nexus other;
    other = (struct nexus){.set = &set};
    nexus_join(&nexus, (const uint8_t *)"one", 3);
    nexus_join(&other, (const uint8_t *)"two", 3);
    select_6(3, control, D_SENSE, SWP);
    select_6(3, caching, 0, 0);
    assert_true(double_lu.mode.cache_off && double_lu.mode.descriptor_sense &&
                double_lu.mode.write_protected);
    run(3, CDB(0x1a, 8, 0x88, 0, 255)); /* default */
    assert_int_equal(c.reply[6], WCE);
    lu_reset(&double_lu, &set);
    assert_false(double_lu.mode.cache_off || double_lu.mode.descriptor_sense ||
                 double_lu.mode.write_protected);
    assert_int_equal(nexus_take_attention(&other, 3), ASC_DEVICE_RESET);
    assert_int_equal(nexus_take_attention(&other, 2), 0);
    assert_int_equal(nexus_take_attention(&nexus, 3), ASC_DEVICE_RESET);
    nexus_leave(&nexus);
    nexus_leave(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(mode_pages_tell_protection_and_cache),
        TEST(unknown_mode_pages_are_refused),
        TEST(without_cache_every_change_is_flushed),
        TEST(a_cache_that_cannot_be_emptied_stays_on),
        TEST(a_failed_flush_fails_an_unmap),
        TEST(sense_comes_in_the_format_that_was_chosen),
        TEST(software_write_protection_protects),
        TEST(what_cannot_be_changed_is_refused),
        TEST(lists_must_be_whole),
        TEST(two_pages_change_together_or_not_at_all),
        TEST(the_others_hear_of_a_change),
        TEST(a_reset_undoes_it_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
