/* SPDX-License-Identifier: MIT */
/* bench_crc32c: GB/s of every way to compute a CRC32C that this CPU has, over data that is in the first
 * cache, in the second, and in none; and what the digest of one header takes. The best of several short runs
 * counts: what disturbs one only makes it slower. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "host/crc32c_host.h"
#include "host/crypto.h"

#define RUNS       9
#define RUN_NS     4e6 /* each is to take so long */
#define COLD_BYTES ((size_t)256 << 20)
#define HEADER_LEN 48u

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* `len` 0: headers. Returns the time of one call. */
static double run(const struct crc32c_way *way, const uint8_t *bytes, size_t len, size_t span, size_t count)
{
    uint32_t crc = CRC32C_INIT;
    size_t at = 0;
    double start = now_ns();
    for (size_t i = 0; i < count; i++) {
        crc ^= len ? way->update(crc, bytes + at, len) : way->header(bytes + at, HEADER_LEN);
        at = at + 2 * (len + HEADER_LEN) > span ? 0 : at + len + !len * HEADER_LEN;
    }
    __asm__ volatile("" ::"r"(crc)); /* somebody wants the result */
    return (now_ns() - start) / (double)count;
}

static double best(const struct crc32c_way *way, const uint8_t *bytes, size_t len, size_t span)
{
    double once = run(way, bytes, len, span, 16), least = once, ns;
    size_t count = once < RUN_NS ? (size_t)(RUN_NS / (once + 1)) : 1;
    for (int i = 0; i < RUNS; i++)
        if ((ns = run(way, bytes, len, span, count)) < least)
            least = ns;
    return least;
}

int main(void)
{
    uint8_t *bytes = malloc(COLD_BYTES);
    if (!bytes)
        return 2;
    memset(bytes, 'x', COLD_BYTES);
    size_t count;
    const struct crc32c_way *ways = crc32c_ways(&count);
    printf("%-14s %11s %8s %8s %8s %8s   taken: %s\n", "CRC32C, GB/s", "ns/header", "512 B", "4 KiB",
           "256 KiB", "cold", host_crc32c_name());
    for (size_t i = 0; i < count; i++)
        if (ways[i].usable())
            printf("%-14s %11.1f %8.1f %8.1f %8.1f %8.1f\n", ways[i].name, best(&ways[i], bytes, 0, 4096),
                   512 / best(&ways[i], bytes, 512, 16384), 4096 / best(&ways[i], bytes, 4096, 16384),
                   262144 / best(&ways[i], bytes, 262144, 262144),
                   262144 / best(&ways[i], bytes, 262144, COLD_BYTES));
    free(bytes);
    return 0;
}
