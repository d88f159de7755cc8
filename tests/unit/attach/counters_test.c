/* SPDX-License-Identifier: MIT */
/* What threads count at once adds up, and times fall where they belong. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "attach/counters.h"

#define THREADS 12u
#define EACH    1000u

static struct counters counters;

static void *work(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < EACH; i++)
        counters_add(&counters, ATTACHMENT_READ, 4096, 1500, i % 10 ? 0 : BERTH_E_MEDIUM);
    return NULL;
}

static void test_threads(void **state)
{
    pthread_t threads[THREADS];
    (void)state;
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, work, NULL), 0);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    struct counters_sum sum = counters_of(&counters, ATTACHMENT_READ);
    assert_int_equal(sum.count, THREADS * EACH);
    assert_int_equal(sum.errors, THREADS * EACH / 10);
    assert_int_equal(sum.bytes, THREADS * EACH / 10 * 9 * 4096);
    assert_int_equal(sum.ns, THREADS * EACH * 1500);
    assert_int_equal(sum.buckets[1], THREADS * EACH);
    assert_int_equal(counters_at(&sum, 0.5), 2000);
    sum = counters_of(&counters, ATTACHMENT_WRITE);
    assert_int_equal(sum.count, 0);
    assert_int_equal(counters_at(&sum, 0.5), 0);
}

static void test_buckets(void **state)
{
    static const struct {
        uint64_t ns;
        uint32_t bucket;
    } rows[] = {{0, 0}, {999, 0}, {1000, 1}, {1999, 1}, {2000, 2}, {UINT64_MAX, COUNTERS_BUCKETS - 1}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct counters *c = calloc(1, sizeof *c);
        counters_add(c, ATTACHMENT_TRIM, 1, rows[i].ns, 0);
        struct counters_sum sum = counters_of(c, ATTACHMENT_TRIM);
        assert_int_equal(sum.buckets[rows[i].bucket], 1);
        assert_true(rows[i].ns < counters_bucket_ns(rows[i].bucket) || rows[i].ns == UINT64_MAX);
        free(c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_threads), cmocka_unit_test(test_buckets)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
