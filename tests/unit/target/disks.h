/* SPDX-License-Identifier: MIT */
/* What every test of the target's commands needs: some logical units, a nexus, and one command to run. */
#ifndef TEST_TARGET_DISKS_H
#define TEST_TARGET_DISKS_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include "base/bytes.h"
#include "scsi/cdb.h"
#include "scsi/identity.h"
#include "scsi/sense.h"
#include "lu/command.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define IQN          "iqn.2026-11.io.berth:test"
#define ENOUGH       UINT32_MAX /* EDTL: what the command takes */
#define BLOCKS       2048u      /* of LUN 0: 1 MiB */

/* LUN 0: ram of 512 byte blocks; 1: the same read-only; 2: ram of 4096 byte blocks; 3: the double; 255: ram.
 */
static struct lu disk, read_only, wide, double_lu, last;
static struct lu_set set = {
    .lus = {[0] = &disk, [1] = &read_only, [2] = &wide, [3] = &double_lu, [255] = &last}};
static struct nexus nexus;
static struct command c;
static uint8_t memory[COMMAND_XFER_MAX], out[COMMAND_XFER_MAX];
static struct berth_seg out_segs[2];
static int times_done;

/* --- the double: a backend that fails when told to, and counts --- */

static struct {
    int error; /* what every function returns */
    int flush_error;
    uint32_t reads, writes, flushes, punches;
    uint64_t offset, len; /* of the last call */
} seen;

static inline int double_read(struct lu *lu, uint64_t offset, const struct extent *to)
{
    (void)lu;
    seen.reads++, seen.offset = offset, seen.len = to->len;
    return seen.error;
}

static inline int double_write(struct lu *lu, uint64_t offset, const struct extent *from)
{
    (void)lu;
    seen.writes++, seen.offset = offset, seen.len = from->len;
    return seen.error;
}

static inline int double_flush(struct lu *lu)
{
    (void)lu;
    seen.flushes++;
    return seen.flush_error;
}

static inline int double_punch(struct lu *lu, uint64_t offset, uint64_t len)
{
    (void)lu;
    seen.punches++, seen.offset = offset, seen.len = len;
    return seen.error;
}

static inline int double_map(struct lu *lu, uint64_t offset, uint64_t *len, bool *allocated)
{
    (void)lu, (void)offset, (void)len;
    *allocated = false;
    return seen.error;
}

static const struct lu_backend double_backend = {.name = "double",
                                                 .read = double_read,
                                                 .write = double_write,
                                                 .flush = double_flush,
                                                 .punch = double_punch,
                                                 .map = double_map};

/* --- running commands --- */

static inline void count_done(struct command *command)
{
    assert_ptr_equal(command, &c);
    times_done++;
}

static inline void open_lu(struct lu *lu, const char *spec, uint16_t number)
{
    char why[256];
    if (lu_open(lu, spec, number, IQN, why, sizeof why))
        fail_msg("%s", why);
}

static inline int set_up(void **state)
{
    (void)state;
    open_lu(&disk, "ram:1M", 0);
    open_lu(&read_only, "ram:1M,ro", 1);
    open_lu(&wide, "ram:16M,block=4096", 2);
    open_lu(&last, "ram:1M", 255);
    /* As large as 512 byte blocks with 64 bit LBAs can be in bytes, for sums that must not wrap. */
    double_lu = (struct lu){.backend = &double_backend,
                            .block = 512,
                            .number = 3,
                            .write_cache = true,
                            .size = UINT64_MAX / 512 * 512,
                            .serial = "double"};
    memset(&seen, 0, sizeof seen);
    memset(&nexus, 0, sizeof nexus);
    set.nexuses = NULL;
    set.group_count = 0;
    nexus.set = &set;
    nexus.id.port = 1;
    c = (struct command){.nexus = &nexus};
    memset(out, 0, sizeof out);
    return 0;
}

static inline int tear_down(void **state)
{
    (void)state;
    lu_close(&disk);
    lu_close(&read_only);
    lu_close(&wide);
    lu_close(&last);
    return 0;
}

/* Runs `cdb` on `lun` as a target does: data-out as long as asked for, in two segments, cut to `edtl_out`. */
static inline void run_edtl(uint64_t lun, const uint8_t cdb[16], uint32_t edtl_out)
{
    static uint8_t kept[16]; /* tests ask about the command afterwards */
    bool may_peek = c.may_peek;
    memcpy(kept, cdb, sizeof kept);
    memset(&c, 0xee, offsetof(struct command, reply));
    memset(c.reply, 0xee, sizeof c.reply);
    c.nexus = &nexus, c.lun = lun, c.cdb = kept, c.cdb_len = 16, c.may_peek = may_peek;
    c.attribute = ATTRIBUTE_SIMPLE, c.stage = COMMAND_OUTSIDE, c.may_refer = false;
    c.memory = memory;
    c.done = count_done;

    uint32_t takes = command_data_out(&c), len;
    c.edtl_out = edtl_out == ENOUGH ? takes : edtl_out;
    len = takes < c.edtl_out ? takes : c.edtl_out;
    out_segs[0] = seg_memory(out, len / 3);
    out_segs[1] = seg_memory(out + len / 3, len - len / 3);
    c.data_out = (struct extent){out_segs, 2, 0, len};
    times_done = 0;
    command_execute(&c);
    assert_int_equal(times_done, 1);
}

static inline void run(uint64_t number, const uint8_t *cdb)
{
    run_edtl(scsi_lun_encode((uint32_t)number), cdb, ENOUGH);
}
#define CDB(...) ((uint8_t[16]){__VA_ARGS__})

static inline void good(uint64_t data_len)
{
    if (c.status != SCSI_GOOD)
        fail_msg("status %02x, sense %02x %02x/%02x", c.status, c.sense[2], c.sense[12], c.sense[13]);
    assert_int_equal(c.sense_len, 0);
    assert_int_equal(c.data_in.len, data_len);
    if (data_len)
        assert_int_equal(segs_len(c.data_in.segs, c.data_in.count), data_len);
}

static inline void refused(uint8_t key, uint16_t asc)
{
    struct scsi_sense s;
    assert_int_equal(c.status, SCSI_CHECK_CONDITION);
    assert_true(c.sense_len >= 8 && c.sense_len <= COMMAND_SENSE_MAX);
    assert_int_equal(c.data_in.len, 0);
    scsi_get_sense(c.sense, c.sense_len, &s);
    assert_true(s.valid);
    assert_int_equal(s.key, key);
    assert_int_equal(s.asc, asc);
}

static inline void invalid_field(void)
{
    refused(SENSE_ILLEGAL_REQUEST, ASC_INVALID_FIELD_IN_CDB);
}

static inline void out_of_range(void)
{
    refused(SENSE_ILLEGAL_REQUEST, ASC_LBA_OUT_OF_RANGE);
}

static inline void fill(uint8_t *bytes, size_t len, unsigned seed)
{
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)((i * 13 + i / 509 + seed) | 1);
}

static inline const uint8_t *stored(struct lu *lu, uint64_t lba)
{
    return lu->backend->peek(lu, lba * lu->block, lu->block);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

#endif
