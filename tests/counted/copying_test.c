/* SPDX-License-Identifier: MIT */
/* Bytes copied in the initiator for each byte of payload. What is large is received where it belongs, and
 * nothing is copied on its way out; what is small is staged, many PDUs with one system call, and copied once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "copies.h"
#include "rig.h"

#define BYTES 32u * 1024 * 1024

static const struct {
    const char *name;
    enum berth_op op;
    uint32_t len;
    double most; /* copied per byte of payload */
} rows[] = {
    /* once, and the I/O itself */
    {"read 512 B", BERTH_READ, 512, 1.3},
    {"read 4 KiB", BERTH_READ, 4096, 1.05},
    {"read 16 KiB", BERTH_READ, 16384, 1.02},
    /* what was staged with the header */
    {"read 64 KiB", BERTH_READ, 65536, 0.05},
    {"read 256 KiB", BERTH_READ, 262144, 0.02},
    {"read 1 MiB", BERTH_READ, RIG_IO_MAX, 0.03},
    /* the I/O itself, and headers and digests put side by side: of what the kernel did not take, each time */
    {"write 4 KiB", BERTH_WRITE, 4096, 0.1},
    {"write 64 KiB", BERTH_WRITE, 65536, 0.02},
    {"write 1 MiB", BERTH_WRITE, RIG_IO_MAX, 0.02},
};

static void check(bool digests)
{
    struct rig r = {0};
    rig_start(&r, "ram:64M", digests);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint32_t count = BYTES / rows[i].len < 4096 ? BYTES / rows[i].len : 4096;
        rig_run(&r, rows[i].op, rows[i].len, 64);
        uint64_t before = copies_bytes();
        rig_run(&r, rows[i].op, rows[i].len, count);
        double copied = (double)(copies_bytes() - before) / ((double)count * rows[i].len);
        print_message("%s%s: %.4f bytes copied per byte\n", rows[i].name, digests ? ", digests" : "", copied);
        assert_true(copied <= rows[i].most);
    }
    rig_stop(&r);
}

static void test_plain(void **state)
{
    (void)state;
    check(false);
}

static void test_digests(void **state)
{
    (void)state;
    check(true);
}

/* Who counts nothing proves nothing. */
static void test_copies_are_seen(void **state)
{
    (void)state;
    static char from[1000], to[1000];
    size_t (*volatile len)(const char *, size_t) = strnlen; /* not known to the compiler */
    memset(from, 'x', sizeof from);
    uint64_t before = copies_bytes();
    memcpy(to, from, len(from, sizeof from));
    memmove(to + 1, to, len(from, 500));
    assert_true(copies_bytes() - before >= 1500);
    assert_int_equal(to[999], 'x');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copies_are_seen),
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_digests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
