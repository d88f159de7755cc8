/* SPDX-License-Identifier: MIT */
/* What no pure floor may do: the purity test must find both. */
#include <stdlib.h>

void *house_impure(size_t size);

void *house_impure(size_t size)
{
    static unsigned seconds_so_far;
    seconds_so_far++;
    return malloc(size + seconds_so_far);
}
