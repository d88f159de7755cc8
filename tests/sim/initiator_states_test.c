/* SPDX-License-Identifier: MIT */
/* Every move of an initiator that states.c lists is made. That no other is, all tests of the initiator's
 * floors show: they would stop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "initiator/parts.h"
#include "world.h"

#ifdef BERTH_MOVES
#define MS 1000000ull

static uint64_t seen;

struct scene {
    struct world *world;
    struct mini_target *target;
    struct initiator *initiator;
    uint16_t status; /* of the next `statuses` logins */
    uint32_t statuses;
    bool breaks; /* the next login breaks off */
};

static void task_done(void *owner, struct task *task)
{
    struct scene *s = owner;
    initiator_task_free(s->initiator, task);
}

static int replay(void *owner, const struct task *task)
{
    (void)owner, (void)task;
    return BERTH_OK;
}

static void session(void *owner, int error, const char *text)
{
    (void)owner, (void)error, (void)text;
}

static uint16_t login(void *arg)
{
    struct scene *s = arg;
    if (s->statuses == 0)
        return 0;
    s->statuses--;
    return s->status;
}

static void each_turn(void *arg)
{
    struct scene *s = arg;
    if (!s->breaks || s->initiator->state != INITIATOR_LOGIN)
        return;
    s->breaks = false;
    mini_reset(s->target);
}

/* An initiator before its first attempt, and a target. */
static void begin(struct scene *s, const char *host)
{
    char detail[INITIATOR_DETAIL_MAX];
    struct initiator_owner owner = {.task_done = task_done, .replay = replay, .session = session, .owner = s};
    *s = (struct scene){.world = world_new(5, NULL)};
    s->target = world_target(s->world, &(struct mini_config){.login = login, .arg = s});
    s->world->each_turn = each_turn;
    s->world->arg = s;
    struct initiator_config config = {.target_name = MINI_IQN,
                                      .portal = {.port = WORLD_PORT, .group = -1},
                                      .policy = {.connect_timeout_ms = 1000,
                                                 .command_timeout_ms = 1000,
                                                 .recovery_timeout_ms = 3000,
                                                 .abort_timeout_ms = 1000,
                                                 .depth = 4},
                                      .allowance = {.everywhere = true},
                                      .engine = s->world->near,
                                      .resolve = s->world->reach.resolve,
                                      .seed = 1};
    snprintf(config.portal.host, sizeof config.portal.host, "%s", host);
    assert_int_equal(initiator_new(&s->initiator, &config, &owner, detail, sizeof detail), 0);
}

static void end(struct scene *s)
{
    seen |= s->initiator->moves_seen;
    initiator_free(s->initiator);
    world_free(s->world);
}

static void wait_for(struct scene *s, enum initiator_state state)
{
    for (int n = 0; n < 1000 && s->initiator->state != state; n++)
        initiator_wait(s->initiator, initiator_now(s->initiator) + 10 * MS);
    assert_int_equal(s->initiator->state, state);
}

static void open_and(struct scene *s, bool keep)
{
    begin(s, "host");
    assert_int_equal(initiator_open(s->initiator), 0);
    if (keep)
        initiator_keep(s->initiator);
}

static void opened_and_closed(void)
{
    struct scene s;
    open_and(&s, false);
    initiator_close(s.initiator, 1000);
    assert_int_equal(s.initiator->state, INITIATOR_IDLE);
    end(&s);
}

static void lost_and_found(void)
{
    struct scene s;
    open_and(&s, true);
    mini_stop(s.target);
    wait_for(&s, INITIATOR_WAITING);
    for (int n = 0; n < 20; n++)
        initiator_wait(s.initiator, initiator_now(s.initiator) + 10 * MS);
    mini_start(s.target);
    wait_for(&s, INITIATOR_UP);
    mini_stop(s.target);
    wait_for(&s, INITIATOR_FAILED);
    end(&s);
}

static void not_there(void)
{
    struct scene s;
    begin(&s, "nowhere");
    assert_int_equal(initiator_open(s.initiator), BERTH_E_RESOLVE);
    end(&s);
    begin(&s, "host");
    mini_stop(s.target);
    assert_int_equal(initiator_open(s.initiator), BERTH_E_REFUSED);
    end(&s);
}

static void refused(void)
{
    struct scene s;
    begin(&s, "host");
    s.status = WIRE_LOGIN_UNAVAILABLE;
    s.statuses = 1;
    assert_int_equal(initiator_open(s.initiator), 0);
    end(&s);
    begin(&s, "host");
    s.status = WIRE_LOGIN_FORBIDDEN;
    s.statuses = 1;
    assert_int_not_equal(initiator_open(s.initiator), 0);
    end(&s);
}

/* It has no address yet, and then it has. */
static void named_later(void)
{
    struct scene s;
    begin(&s, "host");
    s.initiator->policy.open_timeout_ms = 10000;
    s.world->unresolved = 2;
    assert_int_equal(initiator_open(s.initiator), 0);
    end(&s);
}

static void second_address(void)
{
    struct scene s;
    begin(&s, "many-2");
    world_target(s.world, &(struct mini_config){.port = WORLD_PORT + 1});
    s.breaks = true;
    assert_int_equal(initiator_open(s.initiator), 0);
    end(&s);
}

/* To where there is nothing, while the session is being sought. */
static void redirected(void)
{
    struct scene s;
    open_and(&s, true);
    mini_config(s.target)->redirect = "nowhere:3260";
    s.status = WIRE_LOGIN_MOVED_TEMPORARILY;
    s.statuses = 1;
    mini_reset(s.target);
    wait_for(&s, INITIATOR_WAITING);
    wait_for(&s, INITIATOR_UP);
    end(&s);
}

static void nobody_wants_it_back(void)
{
    struct scene s;
    open_and(&s, false);
    mini_reset(s.target);
    wait_for(&s, INITIATOR_FAILED);
    end(&s);
}

static void asked_to_leave(void)
{
    struct wire_async a = {.event = WIRE_ASYNC_LOGOUT, .parameter1 = 1, .parameter3 = 3};
    for (int keep = 0; keep < 2; keep++) {
        struct scene s;
        open_and(&s, keep);
        mini_async(s.target, &a);
        wait_for(&s, INITIATOR_LEAVING);
        wait_for(&s, keep ? INITIATOR_UP : INITIATOR_FAILED);
        end(&s);
    }
}

static void every_move(void **state)
{
    static void (*const scenes[])(void) = {opened_and_closed, lost_and_found,       not_there,
                                           refused,           second_address,       redirected,
                                           asked_to_leave,    nobody_wants_it_back, named_later};
    static const char *const names[] = {"IDLE", "RESOLVING", "CONNECTING", "LOGIN",
                                        "UP",   "LEAVING",   "WAITING",    "FAILED"};
    uint32_t unseen = 0;
    (void)state;
    for (size_t i = 0; i < sizeof scenes / sizeof scenes[0]; i++)
        scenes[i]();
    for (uint32_t from = 0; from < INITIATOR_STATES; from++)
        for (uint32_t to = 0; to < INITIATOR_STATES; to++)
            if (initiator_moves[from] >> to & 1u && !(seen >> (from * INITIATOR_STATES + to) & 1u)) {
                print_error("%s -> %s is listed, and never happens\n", names[from], names[to]);
                unseen++;
            }
    assert_int_equal(unseen, 0);
}
#endif

/* What has failed stays so, and what is new has nothing behind it. */
static void ends(void **state)
{
    (void)state;
    assert_int_equal(initiator_moves[INITIATOR_FAILED], 0);
    for (uint32_t from = 0; from < INITIATOR_STATES; from++)
        assert_int_equal(initiator_moves[from] >> INITIATOR_IDLE & 1, from == INITIATOR_LEAVING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#ifdef BERTH_MOVES
        cmocka_unit_test(every_move),
#endif
        cmocka_unit_test(ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
