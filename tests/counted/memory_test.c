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

/* Its own memory, counted page by page: /proc/PID/status lacks what each processor has yet to tell. */
static uint64_t resident_kib(pid_t pid)
{
    char path[64], line[128];
    unsigned long long kib = 0;
    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    while (fgets(line, sizeof line, f) && sscanf(line, "Anonymous: %llu", &kib) != 1)
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

/* SESSIONS sessions as so many LUNs. */
static void check_sessions(struct rig *r, const char *name, uint32_t lun_count,
                           struct berth_reactors *reactors, uint64_t kib_max)
{
    static struct berth_lun *luns[SESSIONS];
    struct berth_options options;
    struct berth_detail why;
    uint64_t target = resident_kib(r->target), initiator = resident_kib(getpid());
    berth_options_init(&options);
    options.sessions = SESSIONS / lun_count;
    options.reactors = reactors;
    for (uint32_t i = 0; i < lun_count; i++)
        if (berth_lun_open(&luns[i], r->url, &options, &why))
            fail_msg("%s, LUN %u: %s", name, i, why.text);
    check_growth("target", target, resident_kib(r->target), 64);
    check_growth(name, initiator, resident_kib(getpid()), kib_max);
    for (uint32_t i = 0; i < lun_count; i++)
        berth_lun_close(luns[i]);
}

static void test_idle_sessions(void **state)
{
    struct rig r = {0};
    (void)state;
    rig_start(&r, "ram:64M", false);
    check_sessions(&r, "initiator, a LUN each", SESSIONS, NULL, 64);
    rig_stop(&r);
}

static void test_idle_sessions_of_one_lun(void **state)
{
    struct rig r = {0};
    (void)state;
    rig_start(&r, "ram:64M", false);
    check_sessions(&r, "initiator, one LUN", 1, NULL, 64);
    rig_stop(&r);
}

/* Whatever calls come from other threads, a LUN keeps counters and facts for them. */
static void test_idle_sessions_of_a_reactor(void **state)
{
    struct rig r = {0};
    struct berth_reactors *reactors;
    (void)state;
    rig_start(&r, "ram:64M", false);
    assert_int_equal(berth_reactors_new(&reactors, 1, NULL, 0), 0);
    check_sessions(&r, "initiator, a LUN each, one reactor", SESSIONS, reactors, 80);
    assert_int_equal(berth_reactors_free(reactors), 0);
    rig_stop(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_idle_sessions),
        cmocka_unit_test(test_idle_sessions_of_one_lun),
        cmocka_unit_test(test_idle_sessions_of_a_reactor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
