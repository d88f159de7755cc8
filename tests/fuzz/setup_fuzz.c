/* SPDX-License-Identifier: MIT */
/* The file of `berth serve`: taken, or refused with a sentence that names one of its lines. */
#include "cli/setup.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct setup s;
    char why[SETUP_WHY_MAX] = "";
    FILE *file = size > 0 ? fmemopen((void *)(uintptr_t)data, size, "r") : NULL;
    if (!file)
        return 0;
    memset(&s, 0, sizeof s);
    int error = setup_read(&s, file, "f", why);
    fclose(file);
    fuzz_check((error == 0) == (why[0] == '\0'));
    fuzz_check(error == 0 || strncmp(why, "f:", 2) == 0);
    for (uint32_t i = 0; i < s.config.lun_count; i++)
        fuzz_check(s.config.luns[i].target < s.config.target_count &&
                   setup_place(&s, s.config.luns[i].spec)[0]);
    setup_free(&s);
    return 0;
}
