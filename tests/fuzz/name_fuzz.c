/* SPDX-License-Identifier: MIT */
/* Names and portals: what was read and is printed reads as the same again. */
#include "fuzz.h"
#include "wire/name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = fuzz_copy(data, size);
    struct span text = {(const char *)copy, size};
    struct portal first, second;
    char printed[ADDRESS_MAX + 16];

    (void)name_valid(text);
    if (portal_parse(text, &first)) {
        fuzz_check(first.group >= -1 && strlen(first.host) > 0);
        portal_print(&first, printed, sizeof printed);
        fuzz_check(portal_parse((struct span){printed, strlen(printed)}, &second));
        fuzz_check(strcmp(first.host, second.host) == 0 && first.port == second.port);
    }
    free(copy);
    return 0;
}
