/* SPDX-License-Identifier: MIT */
/* What a session that has logged in, looked around and fallen silent costs, at either end: memory that is
 * really there, not what was asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>
#include "rig.h"

#define SESSIONS 200u

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

static void check_growth(const char *whose, uint64_t before, uint64_t after, uint64_t kib_max)
{
    print_message("%s: %.1f KiB for each of %u idle sessions\n", whose,
                  ((double)after - (double)before) / SESSIONS, SESSIONS);
    assert_true(after > before);
    assert_in_range((after - before) / SESSIONS, 1, kib_max - 1);
}

static void test_idle_sessions(void **state)
{
    static struct berth_lun *luns[SESSIONS];
    struct rig r = {0};
    struct berth_detail why;
    (void)state;
    rig_start(&r, "ram:64M", false);
    uint64_t target = resident_kib(r.target), initiator = resident_kib(getpid());
    for (uint32_t i = 0; i < SESSIONS; i++)
        if (berth_lun_open(&luns[i], r.url, NULL, &why))
            fail_msg("session %u: %s", i, why.text);
    check_growth("target", target, resident_kib(r.target), 64);
    check_growth("initiator", initiator, resident_kib(getpid()), 224);
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
