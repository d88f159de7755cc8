/* SPDX-License-Identifier: MIT */
/* What the kernel says about a file in its page cache, asked in either way. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#include "lu/page_cache.h"

#define SIZE  (1u << 20)
#define CHUNK (256u * 1024)

static int fd;

static void warm(uint64_t offset, uint64_t len)
{
    static uint8_t bytes[SIZE];
    assert_int_equal(pread(fd, bytes, len, (off_t)offset), len);
}

/* Out of the cache with all of it; read-ahead must not bring back what nobody asked for. */
static void cool(void)
{
    assert_int_equal(fsync(fd), 0);
    assert_int_equal(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
    assert_int_equal(posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM), 0);
}

/* A file system in memory keeps everything, and cannot be asked. */
static bool askable(void)
{
    uint8_t byte;
    const struct iovec one = {&byte, 1};
    warm(0, 1);
    bool can = preadv2(fd, &one, 1, 0, RWF_NOWAIT) == 1;
    cool();
    return can && preadv2(fd, &one, 1, 0, RWF_NOWAIT) < 0;
}

static int set_up(void **state)
{
    static uint8_t bytes[SIZE];
    char path[] = "berth-page-cache-XXXXXX";
    (void)state;
    fd = mkstemp(path);
    if (fd < 0)
        return -1;
    unlink(path);
    return write(fd, bytes, sizeof bytes) == sizeof bytes ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    return close(fd);
}

static bool holds(struct page_cache *p, uint64_t offset, uint64_t len)
{
    p->known_uses = 0; /* each question by itself */
    p->last_end = UINT64_MAX;
    return page_cache_holds(p, offset, len);
}

static void check(struct page_cache *p)
{
    cool();
    assert_false(holds(p, 0, CHUNK));
    warm(0, SIZE);
    assert_true(holds(p, 0, CHUNK));
    assert_true(holds(p, 512, SIZE - 512));
    assert_true(holds(p, SIZE - CHUNK, CHUNK));
    assert_false(holds(p, SIZE - CHUNK, CHUNK + 1)); /* beyond the end */
    assert_false(holds(p, UINT64_MAX, 2));
    assert_false(holds(p, 0, 0));
    cool();
    warm(SIZE - CHUNK, CHUNK); /* the end is here, the beginning is not */
    assert_true(holds(p, SIZE - CHUNK, CHUNK));
    assert_false(holds(p, 0, SIZE));
}

static void test_direct(void **state)
{
    (void)state;
    struct page_cache p = {.fd = fd, .size = SIZE};
    if (!askable())
        skip();
    warm(0, SIZE);
    page_cache_holds(&p, 0, CHUNK);
    if (p.no_stat) { /* a kernel before 6.5 */
        page_cache_forget(&p);
        skip();
    }
    check(&p);
    assert_null(p.map);
    page_cache_forget(&p);
}

static void test_by_mapping(void **state)
{
    (void)state;
    struct page_cache p = {.fd = fd, .size = SIZE, .no_stat = true};
    if (!askable())
        skip();
    check(&p);
    assert_non_null(p.map);
    page_cache_forget(&p);
    assert_null(p.map);
}

/* What is read in order is believed for a while without a question; what is not, is not. */
static void test_reading_on(void **state)
{
    (void)state;
    struct page_cache p = {.fd = fd, .size = SIZE};
    if (!askable())
        skip();
    warm(0, SIZE);
    assert_true(page_cache_holds(&p, 0, CHUNK)); /* as if the file had been read up to here */
    cool();
    assert_true(page_cache_holds(&p, CHUNK, CHUNK));
    assert_true(page_cache_holds(&p, 3 * CHUNK, CHUNK));
    assert_true(page_cache_holds(&p, 2 * CHUNK, CHUNK));
    assert_true(page_cache_holds(&p, 0, CHUNK));
    assert_false(page_cache_holds(&p, 0, CHUNK)); /* that was believed often enough */
    warm(0, SIZE);
    assert_true(page_cache_holds(&p, 0, CHUNK));
    page_cache_forget(&p);
    cool();
    assert_false(page_cache_holds(&p, CHUNK, CHUNK));
    page_cache_forget(&p);
}

/* Who may only read the file is told by the kernel that all of it is there, which is not so. */
static void check_reader(bool no_stat)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    struct page_cache p = {.fd = open(path, O_RDONLY), .size = SIZE, .no_stat = no_stat};
    assert_true(p.fd >= 0);
    assert_int_equal(seteuid(65534), 0);
    bool cold = holds(&p, 0, CHUNK);
    warm(CHUNK - 1, 1); /* the byte that is looked at is here, the others are not */
    bool last = holds(&p, 0, CHUNK);
    assert_int_equal(seteuid(0), 0);
    assert_false(cold);
    assert_false(last);
    page_cache_forget(&p);
    close(p.fd);
}

static void test_reader(void **state)
{
    (void)state;
    if (geteuid() != 0 || !askable())
        skip();
    assert_int_equal(fchmod(fd, 0444), 0);
    check_reader(false);
    cool();
    check_reader(true);
}

static void test_no_way(void **state)
{
    (void)state;
    struct page_cache p = {.fd = fd, .size = SIZE, .no_stat = true, .no_map = true};
    warm(0, SIZE);
    assert_false(page_cache_holds(&p, 0, CHUNK));
    page_cache_forget(&p);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_direct), TEST(test_by_mapping), TEST(test_reading_on), TEST(test_reader), TEST(test_no_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
