/* SPDX-License-Identifier: MIT */
#include "initiator/addresses.h"

#include <string.h>

static bool left(uint32_t taken, uint32_t i)
{
    return !(taken >> i & 1);
}

/* From `first` on, round the list: one of another family than `family`, or else any. a->count: none is left.
 */
static uint32_t next(const struct resolved *a, uint32_t first, uint32_t taken, int family)
{
    uint32_t any = a->count;
    for (uint32_t n = 0; n < a->count; n++) {
        uint32_t i = (first + n) % a->count;
        if (!left(taken, i))
            continue;
        if (a->sa[i].ss_family != family)
            return i;
        if (any == a->count)
            any = i;
    }
    return any;
}

uint32_t addresses_order(const struct resolved *a, uint32_t first, uint32_t without,
                         uint8_t order[RESOLVE_MAX])
{
    uint32_t count = 0, taken = without, i;
    int family = -1;
    while ((i = next(a, first, taken, family)) < a->count) {
        order[count++] = (uint8_t)i;
        taken |= 1u << i;
        family = a->sa[i].ss_family;
    }
    return count;
}

uint32_t addresses_find(const struct resolved *a, const struct resolved *b, uint32_t n)
{
    for (uint32_t i = 0; i < a->count && n < b->count; i++)
        if (a->len[i] == b->len[n] && memcmp(&a->sa[i], &b->sa[n], b->len[n]) == 0)
            return i;
    return 0;
}
