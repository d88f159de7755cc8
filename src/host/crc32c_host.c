/* SPDX-License-Identifier: MIT */
#include "host/crc32c_host.h"
#include "host/crypto.h"

#include <limits.h>

#ifdef HAVE_ISAL
#include <isa-l/crc.h>

#define ISAL_MIN 256u /* below, the CPU's instruction is done before ISA-L has begun */

/* ISA-L takes and returns the plain register, as our contract does: no inversion on either side. */
uint32_t crc32c_isal(uint32_t state, const void *bytes, size_t len)
{
    unsigned char *p = (unsigned char *)(uintptr_t)bytes; /* its prototype forgets const */
#ifdef CRC32C_CPU
    if (len < ISAL_MIN)
        return crc32c_cpu(state, bytes, len);
#endif
    for (; len > INT_MAX; len -= INT_MAX, p += INT_MAX)
        state = crc32_iscsi(p, INT_MAX, state);
    return crc32_iscsi(p, (int)len, state);
}
#endif

bool crc32c_table_usable(void)
{
    return true;
}

#define WAY(name, usable, update, header) {name, usable, update, header},
static const struct crc32c_way ways[] = {CRC32C_WAYS(WAY)};

const struct crc32c_way *crc32c_ways(size_t *count)
{
    *count = sizeof ways / sizeof *ways;
    return ways;
}

size_t crc32c_fastest(void)
{
    size_t i = 0;
    while (!ways[i].usable())
        i++;
    return i;
}

const char *host_crc32c_name(void)
{
    return ways[crc32c_fastest()].name;
}
