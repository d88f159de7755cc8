/* SPDX-License-Identifier: MIT */
/* Slices of segment lists, all of them, against one flat buffer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "base/seg.h"

#define FLAT_LEN 14u

static uint8_t flat[FLAT_LEN], pieces[5][8];
static struct berth_seg segs[5];

/* 14 bytes in segments of 3, 0, 1, 8 and 2. */
static int setup(void **state)
{
    static const uint64_t lens[] = {3, 0, 1, 8, 2};
    uint8_t value = 1;
    (void)state;
    for (uint32_t i = 0, at = 0; i < 5; i++) {
        segs[i] = seg_memory(pieces[i], lens[i]);
        for (uint32_t j = 0; j < lens[i]; j++)
            flat[at++] = pieces[i][j] = value++;
    }
    return 0;
}

static void check_slice(const struct extent *e, uint64_t offset, uint64_t len, uint32_t max)
{
    struct berth_seg out[5];
    uint64_t covered, at = 0;
    uint32_t n = extent_slice(e, offset, len, out, max, &covered);
    assert_true(n <= max);
    for (uint32_t i = 0; i < n; i++) {
        assert_true(out[i].len > 0);
        assert_memory_equal(out[i].base, flat + e->skip + offset + at, out[i].len);
        at += out[i].len;
    }
    assert_int_equal(at, covered);
    assert_true(covered <= len);
    assert_true(covered == len || n == max);
}

static void slices_every_range(void **state)
{
    (void)state;
    for (uint64_t skip = 0; skip <= FLAT_LEN; skip++) {
        struct extent e = {segs, 5, skip, FLAT_LEN - skip};
        for (uint64_t offset = 0; offset <= e.len; offset++)
            for (uint64_t len = 0; len <= e.len - offset; len++)
                for (uint32_t max = 0; max <= 5; max++)
                    check_slice(&e, offset, len, max);
    }
}

static void reads_and_writes_every_range(void **state)
{
    (void)state;
    struct extent e = {segs, 5, 0, FLAT_LEN};
    for (uint64_t offset = 0; offset <= FLAT_LEN; offset++)
        for (uint64_t len = 0; len <= FLAT_LEN - offset; len++) {
            uint8_t got[FLAT_LEN + 1] = {0}, patch[FLAT_LEN];
            extent_read(&e, offset, got, len);
            assert_memory_equal(got, flat + offset, len);
            assert_int_equal(got[len], 0);
            memset(patch, (int)(0x80 + len), sizeof patch);
            extent_write(&e, offset, patch, len);
            memcpy(flat + offset, patch, len);
            extent_read(&e, 0, got, FLAT_LEN);
            assert_memory_equal(got, flat, FLAT_LEN);
        }
}

static void slices_files_by_offset(void **state)
{
    (void)state;
    const struct berth_seg file = {.kind = BERTH_SEG_FILE, .index = 7, .offset = 1000, .len = 100};
    struct extent e = {&file, 1, 10, 90};
    struct berth_seg out;
    uint64_t covered;
    assert_int_equal(extent_slice(&e, 5, 20, &out, 1, &covered), 1);
    assert_int_equal(out.kind, BERTH_SEG_FILE);
    assert_int_equal(out.index, 7);
    assert_int_equal(out.offset, 1015);
    assert_int_equal(out.len, 20);
    assert_int_equal(covered, 20);
}

static void slices_far_offsets(void **state)
{
    (void)state;
    const uint64_t far = (uint64_t)1 << 40;
    const struct berth_seg files[] = {{.kind = BERTH_SEG_FILE, .offset = 0, .len = far},
                                      {.kind = BERTH_SEG_FILE, .offset = far, .len = far}};
    struct extent e = {files, 2, 1, 2 * far - 1};
    struct berth_seg out[2];
    uint64_t covered;
    assert_int_equal(extent_slice(&e, far - 2, 10, out, 2, &covered), 2);
    assert_int_equal(out[0].offset, far - 1);
    assert_int_equal(out[0].len, 1);
    assert_int_equal(out[1].offset, far);
    assert_int_equal(out[1].len, 9);
}

static void sums_lengths(void **state)
{
    (void)state;
    assert_int_equal(segs_len(segs, 5), FLAT_LEN);
    assert_int_equal(segs_len(segs, 2), 3);
    assert_int_equal(segs_len(NULL, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(slices_every_range, setup),
        cmocka_unit_test_setup(reads_and_writes_every_range, setup),
        cmocka_unit_test(slices_files_by_offset),
        cmocka_unit_test(slices_far_offsets),
        cmocka_unit_test_setup(sums_lengths, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
