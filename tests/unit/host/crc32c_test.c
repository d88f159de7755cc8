/* SPDX-License-Identifier: MIT */
/* Every way of computing a CRC32C against the table, and the table against the RFC. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <stdlib.h>
#include <cmocka.h>

#include "host/crc32c_host.h"
#include "host/crypto.h"
#include "wire/crc32c.h"

#define SIZE (64u * 1024)

static uint8_t *noise; /* SIZE bytes */
static uint32_t seed = 1;

static uint32_t draw(void)
{
    seed = seed * 1664525u + 1013904223u;
    return seed >> 8;
}

static int make_noise(void **state)
{
    (void)state;
    noise = malloc(SIZE);
    for (size_t i = 0; noise && i < SIZE; i++)
        noise[i] = (uint8_t)draw();
    return noise ? 0 : -1;
}

static int free_noise(void **state)
{
    (void)state;
    free(noise);
    return 0;
}

typedef uint32_t update_fn(uint32_t state, const void *bytes, size_t len);

static uint32_t crc(update_fn *update, const void *bytes, size_t len)
{
    return crc32c_final(update(CRC32C_INIT, bytes, len));
}

static void against_the_rfc(update_fn *update)
{
    uint8_t bytes[32];
    assert_int_equal(crc(update, "123456789", 9), 0xe3069283);
    memset(bytes, 0, sizeof bytes); /* RFC 7143 appendix A.4, digests read as little-endian numbers */
    assert_int_equal(crc(update, bytes, 32), 0x8a9136aa);
    memset(bytes, 0xff, sizeof bytes);
    assert_int_equal(crc(update, bytes, 32), 0x62a8ab43);
    for (uint8_t i = 0; i < 32; i++)
        bytes[i] = i;
    assert_int_equal(crc(update, bytes, 32), 0x46dd794e);
    for (uint8_t i = 0; i < 32; i++)
        bytes[i] = (uint8_t)(31 - i);
    assert_int_equal(crc(update, bytes, 32), 0x113fdb5c);
}

static void against_the_table(update_fn *update, size_t at, size_t len)
{
    uint32_t state = draw() ^ draw() << 16;
    assert_int_equal(update(state, noise + at, len), crc32c_table(state, noise + at, len));
}

/* Around every edge: words, lanes, blocks, and where the short way ends. */
static void lengths_around_edges(update_fn *update)
{
    static const size_t edges[] = {0, 8, 48, 256, 512, 1536, 3072, 4096, 4608, 8192};
    for (size_t i = 0; i < sizeof edges / sizeof *edges; i++)
        for (size_t len = edges[i] < 9 ? 0 : edges[i] - 9; len <= edges[i] + 9; len++)
            for (size_t at = 0; at < 8; at++)
                against_the_table(update, at, len);
}

static void random_lengths(update_fn *update)
{
    for (int i = 0; i < 2000; i++) {
        size_t len = draw() % (i % 10 ? 6000 : SIZE);
        against_the_table(update, draw() % (SIZE - len), len);
    }
}

/* The buffer ends where the allocation ends: a read beyond it shows under a sanitizer. */
static void exact_buffers(update_fn *update)
{
    for (size_t len = 0; len < 600; len += 1 + len / 40) {
        uint8_t *exact = malloc(len ? len : 1);
        memcpy(exact, noise, len);
        assert_int_equal(update(7, exact, len), crc32c_table(7, noise, len));
        free(exact);
    }
}

static void pieces(update_fn *update)
{
    for (int i = 0; i < 200; i++) {
        size_t cut = draw() % 10000;
        uint32_t state = update(update(CRC32C_INIT, noise, cut), noise + cut, 10000 - cut);
        assert_int_equal(state, crc32c_table(CRC32C_INIT, noise, 10000));
    }
}

static void check(update_fn *update)
{
    against_the_rfc(update);
    lengths_around_edges(update);
    random_lengths(update);
    exact_buffers(update);
    pieces(update);
}

static void every_way(void **state)
{
    (void)state;
    size_t count;
    const struct crc32c_way *ways = crc32c_ways(&count);
    for (size_t i = 0; i < count; i++) {
        print_message("           %s%s\n", ways[i].name, ways[i].usable() ? "" : ": not on this CPU");
        if (ways[i].usable())
            check(ways[i].update);
    }
}

static void last_way_is_always_usable(void **state)
{
    (void)state;
    size_t count;
    const struct crc32c_way *ways = crc32c_ways(&count);
    assert_true(count >= 1);
    assert_string_equal(ways[count - 1].name, "table");
    assert_true(ways[count - 1].usable());
}

static void host_way(void **state)
{
    (void)state;
    check(host_crypto()->crc32c);
}

static void name_is_the_fastest_usable(void **state)
{
    (void)state;
    size_t count, i = 0;
    const struct crc32c_way *ways = crc32c_ways(&count);
    while (!ways[i].usable())
        i++;
    assert_string_equal(host_crc32c_name(), ways[i].name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_way),
        cmocka_unit_test(last_way_is_always_usable),
        cmocka_unit_test(host_way),
        cmocka_unit_test(name_is_the_fastest_usable),
    };
    return cmocka_run_group_tests_name("host crc32c", tests, make_noise, free_noise);
}
