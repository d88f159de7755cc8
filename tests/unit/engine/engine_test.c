/* SPDX-License-Identifier: MIT */
#include "peer.h"

#include <errno.h>

static void engines_have_names(void **state)
{
    (void)state;
    assert_null(engine_new("no-such-engine"));
    assert_null(engine_new(""));
    struct engine *e = engine_new("sockets");
    assert_non_null(e);
    assert_string_equal(e->ops->name, "sockets");
    assert_int_equal(e->ops->size, sizeof(struct engine_ops));
    assert_int_equal(e->ops->caps, ENGINE_LISTENS | ENGINE_REAL_TIME);
    assert_true(e->ops->fd(e) >= 0);
    engine_free(e);
}

static void limits_are_the_protocols(void **state)
{
    (void)state;
    struct engine_limits limits;
    memset(&limits, 0xff, sizeof limits);
    struct engine *e = engine_new("sockets");
    e->ops->limits(&limits);
    engine_free(e);
    assert_int_equal(limits.max_recv_segment, 16777215);
    assert_int_equal(limits.max_send_segment, 16777215);
    assert_int_equal(limits.max_burst, 16777215);
    assert_true(limits.max_depth >= 4095);
    assert_int_equal(limits.seg_kinds, 1u << BERTH_SEG_MEMORY);
    assert_int_equal(limits.send_kinds, 1u << BERTH_SEG_MEMORY | 1u << BERTH_SEG_FILE);
}

static void clock_goes_on(void **state)
{
    (void)state;
    struct engine *e = engine_new("sockets");
    uint64_t before = engine_now(e);
    uint64_t calls = e->syscalls;
    assert_int_equal(engine_poll(e, before + 2 * MS), BERTH_OK);
    assert_true(engine_now(e) >= before + 2 * MS);
    assert_int_equal(e->syscalls - calls, 1);
    engine_free(e);
}

static void errno_becomes_an_error(void **state)
{
    (void)state;
    static const int table[][2] = {
        {0, BERTH_OK},
        {ECONNREFUSED, BERTH_E_REFUSED},
        {ENETUNREACH, BERTH_E_UNREACHABLE},
        {EHOSTUNREACH, BERTH_E_UNREACHABLE},
        {ENETDOWN, BERTH_E_UNREACHABLE},
        {EHOSTDOWN, BERTH_E_UNREACHABLE},
        {EAFNOSUPPORT, BERTH_E_UNREACHABLE},
        {EADDRNOTAVAIL, BERTH_E_UNREACHABLE},
        {ETIMEDOUT, BERTH_E_NO_ANSWER},
        {ECONNRESET, BERTH_E_RESET},
        {ECONNABORTED, BERTH_E_RESET},
        {ENETRESET, BERTH_E_RESET},
        {EPIPE, BERTH_E_CLOSED},
        {ENOMEM, BERTH_E_MEMORY},
        {ENOBUFS, BERTH_E_MEMORY},
        {EMFILE, BERTH_E_SYSTEM},
        {EADDRINUSE, BERTH_E_SYSTEM},
        {EBADF, BERTH_E_SYSTEM},
        {99999, BERTH_E_SYSTEM},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        assert_int_equal(engine_error(table[i][0]), table[i][1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(engines_have_names),
        cmocka_unit_test(limits_are_the_protocols),
        cmocka_unit_test(clock_goes_on),
        cmocka_unit_test(errno_becomes_an_error),
    };
    return cmocka_run_group_tests_name("engine", tests, NULL, NULL);
}
