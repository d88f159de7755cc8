/* SPDX-License-Identifier: MIT */
/* SendTargets and REPORT LUNS, with answers that are good, odd and bad. */
#include "test.h"

#include <stdio.h>
#include "base/bytes.h"
#include "scsi/cdb.h"
#include "wire/text.h"

struct find {
    struct world *world;
    const char *answer; /* pairs, a '\n' behind each */
    uint32_t repeat;
    struct berth_target *targets;
    struct berth_detail why;
    struct berth_options options;
};

static void put_answer(void *arg, struct writer *w)
{
    const struct find *f = arg;
    for (uint32_t n = 0; n <= f->repeat; n++)
        for (const char *at = f->answer; *at; at++)
            write8(w, *at == '\n' ? 0 : (uint8_t)*at);
}

static struct find *find_new(const char *answer)
{
    struct find *f = calloc(1, sizeof *f);
    f->world = world_new(1, NULL);
    f->answer = answer;
    berth_options_init(&f->options);
    world_target(f->world, &(struct mini_config){.targets = put_answer, .arg = f});
    return f;
}

static int discover(struct find *f)
{
    return lun_discover(&f->targets, "host", &f->options, &f->world->reach, &f->why);
}

static void find_free(struct find *f)
{
    berth_targets_free(f->targets);
    world_free(f->world);
    free(f);
}

struct answer_row {
    const char *answer;
    int expected;
    const char *found; /* "name portal group" of each, a ';' behind it */
};

static void answers(void **state)
{
    static const struct answer_row rows[] = {
        {"", 0, ""},
        {"TargetName=iqn.2026-11.t:a\n", 1, "iqn.2026-11.t:a host:3260 -1;"},
        {"TargetName=iqn.2026-11.t:a\nTargetAddress=192.0.2.1:3261,7\n", 1,
         "iqn.2026-11.t:a 192.0.2.1:3261 7;"},
        {"TargetName=iqn.2026-11.t:a\nTargetAddress=192.0.2.1,1\nTargetAddress=[2001:db8::1]:860,2\n", 2,
         "iqn.2026-11.t:a 192.0.2.1:3260 1;iqn.2026-11.t:a [2001:db8::1]:860 2;"},
        {"TargetName=iqn.2026-11.t:a\nTargetAddress=h1\nTargetName=iqn.2026-11.t:b\nTargetName=eui."
         "0123456789abcdef\n"
         "TargetAddress=h2:1,0\n",
         3, "iqn.2026-11.t:a h1:3260 -1;iqn.2026-11.t:b host:3260 -1;eui.0123456789abcdef h2:1 0;"},
        {"TargetName=iqn.2026-11.t:a\nTargetAddress=0.0.0.0:3261,7\nTargetAddress=[::]:3262,8\n", 2,
         "iqn.2026-11.t:a host:3261 7;iqn.2026-11.t:a host:3262 8;"}, /* of every address it has */
        {"TargetName=iqn.2026-11.t:a\nTargetAddress=[fe80::1]:3261,7\nTargetAddress=[::ffff:192.0.2.1],8\n",
         2, "iqn.2026-11.t:a [fe80::1]:3261 7;iqn.2026-11.t:a [::ffff:192.0.2.1]:3260 8;"},
        {"X-more=1\nTargetName=iqn.2026-11.t:a\nTargetAlias=soft\n", 1, "iqn.2026-11.t:a host:3260 -1;"},
        /* what cannot be read must not hide what can */
        {"TargetName=iqn.2026-11.t:a\nTargetAddress=what is "
         "this\nTargetAddress=h:99999\nTargetAddress=h2,5\n",
         1, "iqn.2026-11.t:a h2:3260 5;"},
        {"TargetName=nonsense\nTargetAddress=h1,1\nTargetName=iqn.2026-11.t:b\nTargetAddress=h2,1\n", 1,
         "iqn.2026-11.t:b h2:3260 1;"},
        {"TargetAddress=h1,1\nTargetName=iqn.2026-11.t:a\n", 1, "iqn.2026-11.t:a host:3260 -1;"},
        {"TargetName=\n", 0, ""},
        {"no pair\n", BERTH_E_PROTOCOL, NULL},
        {"TargetName=iqn.2026-11.t:a", BERTH_E_PROTOCOL, NULL}, /* no end */
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct find *f = find_new(rows[i].answer);
        char found[1024] = "", one[600];
        int count = discover(f);
        if (count != rows[i].expected)
            print_message("row %zu: %s\n", i, f->why.text);
        assert_int_equal(count, rows[i].expected);
        for (int n = 0; n < count; n++) {
            snprintf(one, sizeof one, "%s %s %d;", f->targets[n].name, f->targets[n].portal,
                     f->targets[n].group);
            strcat(found, one);
        }
        if (rows[i].found)
            assert_string_equal(found, rows[i].found);
        else
            assert_null(f->targets);
        assert_int_equal(mini_counters(f->world->targets[0])->logouts, 1);
        find_free(f);
    }
}

static void many(void **state)
{
    struct find *f = find_new("TargetName=iqn.2026-11.t:a\nTargetAddress=h,1\n");
    (void)state;
    f->repeat = 150;
    assert_int_equal(discover(f), 151);
    assert_string_equal(f->targets[150].portal, "h:3260");
    find_free(f);
}

static void portals(void **state)
{
    static const char *const bad[] = {"",    "host:",  "host:0", "host:65536", "[::1",
                                      "::1", "host,1", "a b",    "h/x"};
    struct find *f = find_new("");
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(lun_discover(&f->targets, bad[i], NULL, &f->world->reach, &f->why), BERTH_E_ADDRESS);
        assert_null(f->targets);
    }
    assert_int_equal(lun_discover(&f->targets, "nowhere", NULL, &f->world->reach, &f->why), BERTH_E_RESOLVE);
    assert_int_equal(lun_discover(&f->targets, "host:1", NULL, &f->world->reach, &f->why), BERTH_E_REFUSED);
    assert_int_equal(lun_discover(&f->targets, "many-3:3258", NULL, &f->world->reach, &f->why), 0);
    find_free(f);
}

/* --- losses, and people who have had enough --- */

static uint32_t left;

static bool enough(void *arg)
{
    (void)arg;
    return left == 0 || --left == 0;
}

/* At every moment; the answer may still come afterwards, and must not be put anywhere. */
static void cancelled(void **state)
{
    (void)state;
    for (uint32_t turns = 1; turns < 40; turns++) {
        struct find *f = find_new("TargetName=iqn.2026-11.t:a\n");
        left = turns;
        f->options.cancelled = enough;
        int error = discover(f);
        assert_true(error == BERTH_E_ABORTED || (turns > 5 && error == 1));
        if (error < 0)
            assert_non_null(strstr(f->why.text, "aborted"));
        find_free(f);
    }
}

static uint32_t turn, at_turn;

static void reset_once(void *arg)
{
    struct find *f = arg;
    if (++turn == at_turn)
        mini_reset(f->world->targets[0]);
}

/* A connection that is lost before we are in is an error, told at once; later the question is asked again.
 * There is never half an answer. */
static void lost_at_every_turn(void **state)
{
    uint32_t errors = 0, again = 0;
    (void)state;
    for (at_turn = 1; at_turn < 40; at_turn++) {
        struct find *f = find_new("TargetName=iqn.2026-11.t:a\n");
        turn = 0;
        f->world->each_turn = reset_once;
        f->world->arg = f;
        uint64_t begin = world_ms(f->world);
        int error = discover(f);
        assert_true(error == 1 || berth_error_scope(error) == BERTH_SCOPE_CONNECTION);
        assert_true(world_ms(f->world) - begin <= 1000);
        errors += error < 0;
        again += mini_counters(f->world->targets[0])->logins > 1;
        assert_true(error == 1 || again == 0); /* once in, never out */
        find_free(f);
    }
    assert_true(errors > 1);
    assert_true(again > 1);
}

static void reset_when_in(void *arg)
{
    struct find *f = arg;
    if (mini_counters(f->world->targets[0])->sessions)
        mini_reset(f->world->targets[0]);
}

static void never_answered(void **state)
{
    struct find *f = find_new("TargetName=iqn.2026-11.t:a\n");
    (void)state;
    f->world->each_turn = reset_when_in;
    f->world->arg = f;
    uint64_t begin = world_ms(f->world);
    int error = discover(f);
    assert_int_equal(berth_error_scope(error), BERTH_SCOPE_CONNECTION);
    assert_true(world_ms(f->world) - begin <= 10000);
    find_free(f);
}

/* --- REPORT LUNS: through the real one, since berth_luns() brings its own engine --- */

static void luns_of_bad_urls(void **state)
{
    struct berth_detail why;
    (void)state;
    assert_int_equal(berth_luns(NULL, 0, "iscsi://", NULL, &why), BERTH_E_URL);
    assert_int_equal(berth_luns(NULL, 0, "iscsi://127.0.0.1:1/" MINI_IQN, NULL, &why), BERTH_E_REFUSED);
    assert_int_equal(berth_luns(NULL, 0, "iscsi://127.0.0.1:1/" MINI_IQN "/", NULL, &why), BERTH_E_REFUSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers),
        cmocka_unit_test(many),
        cmocka_unit_test(portals),
        cmocka_unit_test(cancelled),
        cmocka_unit_test(lost_at_every_turn),
        cmocka_unit_test(never_answered),
        cmocka_unit_test(luns_of_bad_urls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
