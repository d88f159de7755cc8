/* SPDX-License-Identifier: MIT */
#include "crc32c_checks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIZE   (64u * 1024)
#define EVERY  2500u /* so many lengths: over one block of long lanes, some of short ones, and a rest */
#define STARTS 64u   /* as wide as the widest register */

static char complaint[160];
static uint8_t noise[SIZE];
static uint32_t seed = 1;

static uint32_t draw(void)
{
    seed = seed * 1664525u + 1013904223u;
    return seed >> 8;
}

static bool same(const char *what, size_t at, size_t len, uint32_t is, uint32_t should)
{
    if (is != should)
        snprintf(complaint, sizeof complaint, "%s: %zu bytes from %zu: %08x instead of %08x", what, len, at,
                 is, should);
    return is == should;
}

static bool against_the_rfc(const struct crc32c_way *way)
{
    static const struct {
        uint32_t digest; /* RFC 7143 A.4, read as little-endian numbers */
        uint8_t first, step;
    } rows[] = {{0x8a9136aa, 0, 0}, {0x62a8ab43, 0xff, 0}, {0x46dd794e, 0, 1}, {0x113fdb5c, 31, 0xff}};
    static const uint8_t command[48] = {
        0x01, 0xc0, [16] = 0x14, [22] = 0x04, 0x00, [27] = 0x14, [31] = 0x18, [32] = 0x28, [40] = 0x02};
    uint8_t bytes[32];
    for (size_t row = 0; row < sizeof rows / sizeof rows[0]; row++) {
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = (uint8_t)(rows[row].first + i * rows[row].step);
        if (!same("RFC 7143", row, 32, crc32c_final(way->update(CRC32C_INIT, bytes, 32)), rows[row].digest))
            return false;
    }
    return same("a READ(10)", 0, 48, crc32c_final(way->update(CRC32C_INIT, command, 48)), 0xd9963a56) &&
           same("its header", 0, 48, way->header(command, 48), 0xd9963a56);
}

/* The table's state moves on by a byte, so that each length costs only what the other way takes. */
static bool every_length_and_start(const struct crc32c_way *way)
{
    for (size_t at = 0; at < STARTS; at++) {
        uint32_t state = draw() ^ draw() << 16, should = state;
        for (size_t len = 0; len <= EVERY; len++) {
            if (!same("table", at, len, way->update(state, noise + at, len), should))
                return false;
            should = crc32c_table(should, noise + at + len, 1);
        }
    }
    return true;
}

static bool random_lengths(const struct crc32c_way *way)
{
    for (int i = 0; i < 400; i++) {
        size_t len = draw() % (i % 10 ? 6000 : SIZE), at = draw() % (SIZE - len);
        uint32_t state = draw() ^ draw() << 16;
        if (!same("table", at, len, way->update(state, noise + at, len),
                  crc32c_table(state, noise + at, len)))
            return false;
    }
    return true;
}

static bool cut_everywhere(const struct crc32c_way *way)
{
    uint32_t whole = crc32c_table(CRC32C_INIT, noise, EVERY);
    for (size_t cut = 0; cut <= EVERY; cut++) {
        uint32_t first = way->update(CRC32C_INIT, noise, cut);
        if (!same("in two pieces", cut, EVERY - cut, way->update(first, noise + cut, EVERY - cut), whole))
            return false;
    }
    return true;
}

/* The buffer ends where the allocation ends: a read beyond it shows under a sanitizer. */
static bool exact_buffers(const struct crc32c_way *way)
{
    for (size_t len = 1; len < 2 * EVERY; len += 1 + len / 40) {
        uint8_t *exact = malloc(len);
        if (!exact)
            return false;
        memcpy(exact, noise, len);
        bool ok = same("exactly", 0, len, way->update(7, exact, len), crc32c_table(7, noise, len));
        free(exact);
        if (!ok)
            return false;
    }
    return true;
}

/* 48 bytes and up to 255 words of additional header segments. */
static bool headers(const struct crc32c_way *way)
{
    for (size_t len = 48; len <= 48 + 4 * 255; len += 4) {
        uint8_t *exact = malloc(len);
        if (!exact)
            return false;
        memcpy(exact, noise + len, len);
        bool ok = same("header", len, len, way->header(exact, len), crc32c_table_header(noise + len, len));
        free(exact);
        if (!ok)
            return false;
    }
    return true;
}

const char *crc32c_check(const struct crc32c_way *way)
{
    snprintf(complaint, sizeof complaint, "no memory");
    for (size_t i = 0; i < SIZE; i++)
        noise[i] = (uint8_t)draw();
    bool ok = against_the_rfc(way) && every_length_and_start(way) && random_lengths(way) &&
              cut_everywhere(way) && exact_buffers(way) && headers(way);
    return ok ? NULL : complaint;
}
