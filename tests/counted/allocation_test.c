/* SPDX-License-Identifier: MIT */
/* Nothing is allocated per I/O. The initiator takes all it needs when it opens. The target takes memory for
 * commands when so many are under way for the first time, keeps it, and then takes no more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>
#include "rig.h"

#define RAM_STORE  "ram:64M"
#define COUNT_MAX  2000u
#define BYTES_MAX  (128u * 1024 * 1024)
#define WINDOWS    16u             /* until the target has seen its fullest moment */
#define GROWTH_MAX (2 * RIG_DEPTH) /* a job and a buffer for each command under way */

static const struct {
    const char *name;
    enum berth_op op;
    uint32_t len;
} workloads[] = {
    {"read 512 B", BERTH_READ, 512},        {"write 512 B", BERTH_WRITE, 512},
    {"read 4 KiB", BERTH_READ, 4096},       {"write 4 KiB", BERTH_WRITE, 4096},
    {"read 64 KiB", BERTH_READ, 65536},     {"write 64 KiB", BERTH_WRITE, 65536},
    {"read 256 KiB", BERTH_READ, 262144},   {"write 256 KiB", BERTH_WRITE, 262144},
    {"read 1 MiB", BERTH_READ, RIG_IO_MAX}, {"write 1 MiB", BERTH_WRITE, RIG_IO_MAX},
    {"zero 64 KiB", BERTH_ZERO, 65536},     {"trim 64 KiB", BERTH_TRIM, 65536},
    {"flush", BERTH_FLUSH, 4096},
};

struct reading {
    uint64_t taken[2], given[2]; /* ours, the target's */
};

static struct reading look(const struct rig *r)
{
    struct reading now;
    for (int i = 0; i < 2; i++) {
        now.taken[i] = atomic_load(&r->heap[i].taken);
        now.given[i] = atomic_load(&r->heap[i].given);
    }
    return now;
}

/* One window of I/Os. Returns what the target took and gave back. */
static uint64_t window(struct rig *r, const char *name, enum berth_op op, uint32_t len, uint32_t count)
{
    struct reading before = look(r);
    rig_run(r, op, len, count);
    struct reading after = look(r);
    uint64_t ours = after.taken[0] - before.taken[0] + after.given[0] - before.given[0];
    if (ours)
        print_error("%s: the initiator called the heap %llu times in %u I/Os\n", name,
                    (unsigned long long)ours, count);
    assert_int_equal(ours, 0);
    return after.taken[1] - before.taken[1] + after.given[1] - before.given[1];
}

static void check_workload(struct rig *r, const char *name, enum berth_op op, uint32_t len)
{
    uint32_t count = BYTES_MAX / len < COUNT_MAX ? BYTES_MAX / len : COUNT_MAX, windows = 0;
    uint64_t growth = 0, last;
    do {
        last = window(r, name, op, len, count);
        growth += last;
    } while (last > 0 && ++windows < WINDOWS);
    if (last > 0 || growth > GROWTH_MAX)
        print_error("%s: the target called the heap %llu times, %llu of them in the last %u I/Os\n", name,
                    (unsigned long long)growth, (unsigned long long)last, count);
    assert_int_equal(last, 0);
    assert_in_range(growth, 0, GROWTH_MAX);
}

/* `path`: the file behind the store, no longer needed once the target has it open; or NULL. */
static void check(struct rig r, const char *store, const char *path, bool digests)
{
    rig_start(&r, store, digests);
    if (path)
        unlink(path);
    struct reading opened = look(&r); /* who counts nothing proves nothing */
    assert_true(opened.taken[0] > 3);
    assert_true(opened.taken[1] > 3);
    for (size_t i = 0; i < sizeof workloads / sizeof workloads[0]; i++)
        check_workload(&r, workloads[i].name, workloads[i].op, workloads[i].len);
    rig_stop(&r);
}

static void check_store(const char *store, const char *path, bool digests)
{
    check((struct rig){0}, store, path, digests);
}

static void test_ram(void **state)
{
    (void)state;
    check_store(RAM_STORE, NULL, false);
}

/* With a data digest the target reads into memory of its own instead of showing the LUN's. */
static void test_ram_digests(void **state)
{
    (void)state;
    check_store(RAM_STORE, NULL, true);
}

/* I/Os come from this thread, and the work is done by others. */
static void test_reactors(void **state)
{
    (void)state;
    check((struct rig){.sessions = 3, .threads = 2}, RAM_STORE, NULL, false);
}

static void test_file(void **state)
{
    (void)state;
    char path[] = "counted-XXXXXX", store[64];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, RIG_LUN_BYTES), 0);
    close(fd);
    snprintf(store, sizeof store, "file:%s", path);
    check_store(store, path, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ram),
        cmocka_unit_test(test_ram_digests),
        cmocka_unit_test(test_reactors),
        cmocka_unit_test(test_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
