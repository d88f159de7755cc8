/* SPDX-License-Identifier: MIT */
#include "stamp.h"
#include <string.h>
#include "base/bytes.h"
#include "host/crypto.h"
#include "wire/crc32c.h"

#define MAGIC    0x6265727468626c6bull /* "berthblk" */
#define CRC_AT   28u
#define FILL_AT  32u
#define FILL_ODD 0x9e3779b97f4a7c15ull

static uint32_t checksum(const uint8_t *bytes, uint32_t len)
{
    const struct wire_crypto *crypto = host_crypto();
    uint32_t crc = crypto->crc32c(CRC32C_INIT, bytes, CRC_AT);
    return crc32c_final(crypto->crc32c(crc, bytes + FILL_AT, len - FILL_AT));
}

static void fill(uint8_t *bytes, uint32_t len, uint64_t word)
{
    for (uint32_t at = FILL_AT; at < len; at += 8, word += FILL_ODD)
        memcpy(bytes + at, &word, 8);
}

void stamp_put(uint8_t *bytes, uint32_t len, const struct stamp *s)
{
    put64(bytes, MAGIC);
    put64(bytes + 8, s->block);
    put64(bytes + 16, s->generation);
    put32(bytes + 24, s->writer);
    fill(bytes, len, s->block * 0xff51afd7ed558ccdull ^ s->generation);
    put32(bytes + CRC_AT, checksum(bytes, len));
}

/* All bytes are `value`, as the first one is and each is like the one before it. */
static bool all(const uint8_t *bytes, uint64_t len, uint8_t value)
{
    return len == 0 || (bytes[0] == value && memcmp(bytes, bytes + 1, len - 1) == 0);
}

enum stamp_state stamp_get(const uint8_t *bytes, uint32_t len, struct stamp *s)
{
    if (get64(bytes) != MAGIC)
        return all(bytes, len, 0) ? STAMP_BLANK : STAMP_DAMAGED;
    *s = (struct stamp){get64(bytes + 8), get64(bytes + 16), get32(bytes + 24)};
    return get32(bytes + CRC_AT) == checksum(bytes, len) ? STAMP_SOUND : STAMP_DAMAGED;
}

void stamp_poison(uint8_t *bytes, uint64_t len)
{
    memset(bytes, STAMP_POISON, len);
}

bool stamp_poisoned(const uint8_t *bytes, uint64_t len)
{
    return all(bytes, len, STAMP_POISON);
}
