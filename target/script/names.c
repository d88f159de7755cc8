/* SPDX-License-Identifier: MIT */
#include "script/names.h"
#include <stdio.h>
#include <string.h>

static const char *name_at(struct names n, uint32_t i)
{
    const char *name;
    memcpy(&name, (const uint8_t *)n.rows + i * n.stride, sizeof name);
    return name;
}

int names_find(struct names n, const char *word)
{
    for (uint32_t i = 0; i < n.count; i++)
        if (strcmp(name_at(n, i), word) == 0)
            return (int)i;
    return -1;
}

void names_list(struct names n, char *out, size_t size)
{
    size_t len = 0;
    out[0] = 0;
    for (uint32_t i = 0; i < n.count; i++) {
        const char *before = i == 0 ? "" : i + 1 == n.count ? " or " : ", ";
        int more = snprintf(out + len, size - len, "%s%s", before, name_at(n, i));
        if (more < 0 || (size_t)more >= size - len) {
            snprintf(out + (size > 4 ? size - 4 : 0), 4, "...");
            return;
        }
        len += (size_t)more;
    }
}
