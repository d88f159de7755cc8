/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "cli/histogram.h"

static struct histogram h;

static int clear(void **state)
{
    (void)state;
    histogram_clear(&h);
    return 0;
}

static void empty_is_zero(void **state)
{
    (void)state;
    assert_int_equal(histogram_at(&h, 0.5), 0);
    assert_int_equal(histogram_at(&h, 1), 0);
    assert_true(histogram_mean(&h) == 0);
}

/* Below 128 every value has its own bucket, so ranks come out exactly. */
static void small_values_are_exact(void **state)
{
    (void)state;
    for (uint64_t v = 1; v <= 100; v++)
        histogram_add(&h, v);
    assert_int_equal(histogram_at(&h, 0), 1);
    assert_int_equal(histogram_at(&h, 0.01), 1);
    assert_int_equal(histogram_at(&h, 0.011), 2);
    assert_int_equal(histogram_at(&h, 0.5), 50);
    assert_int_equal(histogram_at(&h, 0.99), 99);
    assert_int_equal(histogram_at(&h, 0.999), 100);
    assert_int_equal(histogram_at(&h, 1), 100);
    assert_true(histogram_mean(&h) == 50.5);
}

static void large_values_are_close(void **state)
{
    (void)state;
    for (uint64_t v = 1; v <= 100000; v++)
        histogram_add(&h, v * 1000);
    for (int percent = 1; percent <= 100; percent++) {
        double exact = percent * 1e6, found = (double)histogram_at(&h, percent / 100.0);
        assert_true(found >= exact && found <= exact * 1.016);
    }
    assert_int_equal(histogram_at(&h, 1), 100000000);
}

static void an_outlier_shows_only_in_the_tail(void **state)
{
    (void)state;
    for (int i = 0; i < 999; i++)
        histogram_add(&h, 100);
    histogram_add(&h, 5000000);
    assert_int_equal(histogram_at(&h, 0.999), 100);
    assert_int_equal(histogram_at(&h, 0.9991), 5000000);
    assert_int_equal(h.min, 100);
    assert_int_equal(h.max, 5000000);
}

static void buckets_join_without_gaps(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        assert_true(histogram_floor(i) < histogram_floor(i + 1));
        assert_int_equal(histogram_index(histogram_floor(i)), i);
        assert_int_equal(histogram_index(histogram_floor(i + 1) - 1), i);
    }
    assert_int_equal(histogram_floor(HISTOGRAM_BUCKETS), 1ull << HISTOGRAM_TOP);
}

static void huge_values_share_the_last_bucket(void **state)
{
    (void)state;
    assert_int_equal(histogram_index(UINT64_MAX), HISTOGRAM_BUCKETS - 1);
    assert_int_equal(histogram_index(1ull << HISTOGRAM_TOP), HISTOGRAM_BUCKETS - 1);
    histogram_add(&h, 1ull << 50);
    assert_int_equal(histogram_at(&h, 0.5), 1ull << 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(empty_is_zero, clear),
        cmocka_unit_test_setup(small_values_are_exact, clear),
        cmocka_unit_test_setup(large_values_are_close, clear),
        cmocka_unit_test_setup(an_outlier_shows_only_in_the_tail, clear),
        cmocka_unit_test_setup(buckets_join_without_gaps, clear),
        cmocka_unit_test_setup(huge_values_share_the_last_bucket, clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
