/* SPDX-License-Identifier: MIT */
/* What an initiator that has logged in, looked around and fallen silent costs the target: memory that is
 * really there, not what was asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "rig.h"

#define SESSIONS 200u
#define KIB_MAX  64u

static uint64_t resident_kib(pid_t pid)
{
    char path[64], line[128];
    unsigned long long kib = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    while (fgets(line, sizeof line, f) && sscanf(line, "VmRSS: %llu", &kib) != 1)
        ;
    fclose(f);
    assert_true(kib > 0);
    return kib;
}

static void test_idle_sessions(void **state)
{
    static struct berth_lun *luns[SESSIONS];
    struct rig r;
    struct berth_detail why;
    (void)state;
    rig_start(&r, "ram:64M", false);
    uint64_t before = resident_kib(r.target);
    for (uint32_t i = 0; i < SESSIONS; i++)
        if (berth_lun_open(&luns[i], r.url, NULL, &why))
            fail_msg("session %u: %s", i, why.text);
    uint64_t after = resident_kib(r.target);
    print_message("%.1f KiB for each of %u idle sessions\n", (double)(after - before) / SESSIONS, SESSIONS);
    assert_true(after > before);
    assert_in_range((after - before) / SESSIONS, 1, KIB_MAX - 1);
    for (uint32_t i = 0; i < SESSIONS; i++)
        berth_lun_close(luns[i]);
    rig_stop(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_idle_sessions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
