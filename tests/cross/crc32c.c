/* SPDX-License-Identifier: MIT */
/* The checks of tests/unit/host/crc32c_test.c without cmocka, which is not there for other architectures.
 * Prints the ways that this CPU has, in their order. */
#include <stdio.h>
#include "crc32c_checks.h"

int main(void)
{
    size_t count;
    const struct crc32c_way *ways = crc32c_ways(&count);
    for (size_t i = 0; i < count; i++) {
        if (!ways[i].usable())
            continue;
        const char *complaint = crc32c_check(&ways[i]);
        printf("%s%s%s\n", ways[i].name, complaint ? ": " : "", complaint ? complaint : "");
        if (complaint)
            return 1;
    }
    return 0;
}
