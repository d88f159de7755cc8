/* SPDX-License-Identifier: MIT */
/* A LUN whose target is not there yet, opened with patience. */
#include "test.h"

#include <stdio.h>

static struct lab *lab;
static uint64_t comes_ms, enough_ms; /* by the world's clock; 0 never */
static uint16_t refusal;             /* of logins until then */
static char told[64];

static void each_turn(void *arg)
{
    (void)arg;
    if (comes_ms && world_ms(lab->world) >= comes_ms) {
        comes_ms = 0;
        refusal = 0;
        mini_start(lab->target);
    }
    lab->world->wake_at = comes_ms * NS_MS;
}

static uint16_t login(void *arg)
{
    (void)arg;
    return refusal;
}

static bool cancelled(void *arg)
{
    (void)arg;
    return enough_ms && world_ms(lab->world) >= enough_ms;
}

static void notice(void *arg, const struct berth_notice *n)
{
    size_t len = strlen(told);
    (void)arg;
    assert_int_equal(n->kind, BERTH_NOTICE_AWAY);
    snprintf(told + len, sizeof told - len, "%s ", berth_error_name(n->error));
}

/* It comes after so many ms, or never. */
static void begin(uint64_t after_ms, uint32_t open_timeout_ms)
{
    lab = lab_new(NULL, NULL);
    mini_config(lab->target)->login = login;
    lab->world->each_turn = each_turn;
    lab->options.open_timeout_ms = open_timeout_ms;
    lab->options.notice = notice;
    comes_ms = after_ms ? world_ms(lab->world) + after_ms : 0;
    enough_ms = refusal = 0;
    told[0] = 0;
}

static void opens(int error, uint64_t least_ms, uint64_t most_ms)
{
    uint64_t from = world_ms(lab->world);
    int got = lab_open(lab);
    if (got != error)
        print_error("%s: %s\n", berth_error_name(got), lab->why.text);
    assert_int_equal(got, error);
    assert_in_range(world_ms(lab->world) - from, least_ms, most_ms);
}

static void comes_later(void **state)
{
    (void)state;
    for (uint32_t sessions = 1; sessions <= 2; sessions++) {
        begin(60000, 120000);
        lab->options.sessions = sessions;
        mini_stop(lab->target);
        opens(BERTH_OK, 60000, 62000);
        assert_string_equal(told, "refused "); /* once */
        struct berth_status s = {.size = sizeof s};
        assert_int_equal(berth_lun_status(lab->lun, &s), 0);
        assert_int_equal(s.trouble.error, 0);
        uint8_t buf[512];
        assert_int_equal(berth_read(lab->lun, buf, sizeof buf, 0), 0);
        lab_free(lab);
    }
}

static void never_comes(void **state)
{
    (void)state;
    begin(0, 20000);
    mini_stop(lab->target);
    opens(BERTH_E_REFUSED, 18000, 20000);
    lab_free(lab);
}

/* An attempt is not cut short. */
static void silence(void **state)
{
    (void)state;
    begin(0, 5000);
    world_dead(lab->world, WORLD_PORT + 1);
    mini_config(lab->target)->deaf = true;
    opens(BERTH_E_NO_ANSWER, 9000, 10000);
    lab_free(lab);
}

static void for_ever(void **state)
{
    (void)state;
    begin(3600000, BERTH_FOR_EVER);
    mini_stop(lab->target);
    opens(BERTH_OK, 3600000, 3600000 + 2000);
    lab_free(lab);
}

static void enough(void **state)
{
    (void)state;
    begin(0, BERTH_FOR_EVER);
    mini_stop(lab->target);
    lab->options.cancelled = cancelled;
    enough_ms = world_ms(lab->world) + 5000;
    opens(BERTH_E_ABORTED, 5000, 5200);
    lab_free(lab);
}

/* One that is being started does not know its LUNs yet. */
static void not_known_yet(void **state)
{
    (void)state;
    begin(7000, 30000);
    refusal = 0x0203;
    opens(BERTH_OK, 7000, 9000);
    assert_string_equal(told, "no_target ");
    lab_free(lab);
    begin(7000, 0);
    refusal = 0x0203;
    opens(BERTH_E_NO_TARGET, 0, 10);
    lab_free(lab);
}

static void no_name_yet(void **state)
{
    (void)state;
    begin(0, 30000);
    lab->world->unresolved = 4;
    opens(BERTH_OK, 10, 5000);
    assert_string_equal(told, "resolve ");
    lab_free(lab);
}

/* No waiting cures a missing secret. */
static void hopeless(void **state)
{
    (void)state;
    begin(7000, BERTH_FOR_EVER);
    refusal = 0x0201;
    opens(BERTH_E_AUTH_REQUIRED, 0, 10);
    assert_string_equal(told, "");
    lab_free(lab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_later), cmocka_unit_test(never_comes), cmocka_unit_test(silence),
        cmocka_unit_test(for_ever),    cmocka_unit_test(enough),      cmocka_unit_test(not_known_yet),
        cmocka_unit_test(no_name_yet), cmocka_unit_test(hopeless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
