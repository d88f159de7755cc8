/* SPDX-License-Identifier: MIT */
/* Memory for secrets is zeroed, left out of core dumps, and shared with nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <cmocka.h>
#include "host/vault.h"

/* The VmFlags of the mapping that `address` lies in (proc(5)). */
static void flags_of(const void *address, char flags[512])
{
    char line[512];
    unsigned long begin, end;
    bool in = false;
    FILE *f = fopen("/proc/self/smaps", "re");
    assert_non_null(f);
    flags[0] = '\0';
    while (fgets(line, sizeof line, f)) {
        if (sscanf(line, "%lx-%lx ", &begin, &end) == 2)
            in = (uintptr_t)address >= begin && (uintptr_t)address < end;
        else if (in && strncmp(line, "VmFlags:", 8) == 0)
            strcpy(flags, line + 8);
    }
    fclose(f);
    assert_true(flags[0]);
}

static void is_left_out_of_core_dumps(void **state)
{
    char flags[512];
    (void)state;
    for (size_t size = 1; size < 20000; size = size * 3 + 1) {
        uint8_t *vault = vault_new(size);
        assert_non_null(vault);
        flags_of(vault, flags);
        assert_non_null(strstr(flags, " dd"));
        flags_of(vault + size - 1, flags);
        assert_non_null(strstr(flags, " dd"));
        for (size_t i = 0; i < size; i++)
            assert_int_equal(vault[i], 0);
        memset(vault, 0x55, size);
        vault_free(vault, size);
    }
}

static void does_without_locked_memory(void **state)
{
    struct rlimit old, none = {0, 0};
    (void)state;
    getrlimit(RLIMIT_MEMLOCK, &old);
    none.rlim_max = old.rlim_max;
    setrlimit(RLIMIT_MEMLOCK, &none);
    uint8_t *vault = vault_new(100);
    assert_non_null(vault);
    vault_free(vault, 100);
    setrlimit(RLIMIT_MEMLOCK, &old);
    vault_free(NULL, 100);
}

static void says_when_there_is_no_memory(void **state)
{
    (void)state;
    assert_null(vault_new(SIZE_MAX / 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_left_out_of_core_dumps),
        cmocka_unit_test(does_without_locked_memory),
        cmocka_unit_test(says_when_there_is_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
