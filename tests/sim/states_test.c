/* SPDX-License-Identifier: MIT */
/* Every state of tasks and connections is entered and left in every way that moves.c lists, and every
 * operation code is taken in the phases in which it may come, and in no other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "puppet.h"

#define LEN 4096u

static uint8_t buf[256 * 1024];

/* What all scenes together have seen. */
static uint64_t tasks_seen;
static uint16_t conns_seen;

static void note(const struct pair *p)
{
    tasks_seen |= p->is->moves_seen | p->ts->moves_seen;
    conns_seen |= p->ic->moves_seen | p->tc->moves_seen;
}

static struct pair_config usual(void)
{
    struct pair_config c;
    pair_config_init(&c, 7);
    c.immediate_data = false;
    c.initial_r2t = true;
    return c;
}

static struct pair *logged_in(const struct pair_config *c)
{
    struct pair *p = pair_new(c);
    pair_run(p);
    assert_true(p->up);
    return p;
}

static void give_back(struct pair *p, struct task *task)
{
    free(task->owner);
    session_task_free(p->is, task);
}

static void end(struct pair *p)
{
    struct task *task;
    note(p);
    while ((task = session_reap(p->is)) != NULL)
        give_back(p, task);
    pair_drop(p);
    note(p);
    while (!list_empty(&p->is->detached)) {
        task = list_entry(p->is->detached.next, struct task, link);
        session_revoke(p->is, task, BERTH_E_ABORTED);
        assert_ptr_equal(session_reap(p->is), task);
        give_back(p, task);
    }
    note(p);
    pair_free(p);
}

/* --- the initiator's tasks --- */

/* There and back; the second time it is the same task. */
static void all_goes_well(void)
{
    struct pair_config c = usual();
    struct pair *p = logged_in(&c);
    struct task *task = pair_submit(p, 'W', 0, LEN, buf);
    pair_run(p);
    assert_ptr_equal(session_reap(p->is), task);
    session_requeue(p->is, task);
    pair_run(p);
    conn_logout(p->ic, WIRE_LOGOUT_SESSION);
    pair_run(p);
    end(p);
}

static void not_used(void)
{
    struct pair_config c = usual();
    struct pair *p = logged_in(&c);
    session_task_free(p->is, session_task(p->is, TASK_SCSI));
    struct task *task = pair_submit(p, 'E', 0, 0, buf);
    session_revoke(p->is, task, BERTH_E_ABORTED); /* before it is on the wire */
    end(p);
}

static void pings(void)
{
    struct pair_config c = usual();
    struct berth_seg seg;
    for (int how = 0; how < 3; how++) {
        struct pair *p = logged_in(&c);
        assert_true(conn_ping(p->ic));
        if (how == 1)
            assert_int_equal(conn_tx_peek(p->ic, &seg, 1), 1); /* on the wire when the connection dies */
        if (how == 2)
            pair_run(p);
        end(p);
    }
}

static void connection_dies(void)
{
    struct pair_config c = usual();
    struct pair *p = logged_in(&c);
    struct task *task = pair_submit(p, 'R', 0, LEN, buf);
    pair_move(p, true, 48);
    pair_drop(p);
    note(p);
    pair_reconnect(p);
    pair_run(p);
    session_requeue(p->is, task);
    pair_run(p);
    assert_ptr_equal(session_reap(p->is), task);
    give_back(p, task);
    pair_submit(p, 'R', 0, LEN, buf);
    pair_move(p, true, 48);
    end(p);
}

static void management_dies(void)
{
    struct pair_config c = usual();
    struct pair *p = logged_in(&c);
    struct berth_seg seg;
    assert_non_null(session_manage(p->is, p->ic, WIRE_TMF_LU_RESET, 0, NULL));
    assert_int_equal(conn_tx_peek(p->ic, &seg, 1), 1);
    pair_drop(p);
    end(p);
}

/* "Good" is said before all has been sent, and then it never is. */
static void early_success(void)
{
    struct pair_config c = usual();
    struct puppet *u = puppet_new(logged_in(&c), NULL);
    struct pair *p = u->pair;
    struct task *task;
    struct berth_seg seg;
    uint8_t bhs[WIRE_BHS_LEN];
    u->victim = p->ic;
    task = pair_submit(p, 'W', 0, LEN, buf);
    puppet_expect(u, WIRE_SCSI_COMMAND);
    struct wire_r2t r = {.itt = task->itt, .ttt = 5, .window = puppet_window(u), .desired_len = LEN};
    put_r2t(bhs, &r);
    puppet_say(u, bhs, NULL, 0);
    assert_int_equal(conn_tx_peek(p->ic, &seg, 1), 1);
    struct wire_scsi_response a = {.itt = task->itt, .window = puppet_window(u)};
    put_scsi_response(bhs, &a);
    puppet_say(u, bhs, NULL, 0);
    assert_int_equal(task->state, TASK_ENDING);
    end(p);
    free(u->heard);
    free(u);
}

/* --- the target's tasks --- */

static void dies_at_the_target(void)
{
    struct pair_config c = usual();
    for (int ready = 0; ready < 2; ready++) {
        struct pair *p = logged_in(&c);
        pair_submit(p, ready ? 'R' : 'W', 0, LEN, buf);
        pair_move(p, true, 48); /* all of a read, but of a write only the command */
        end(p);
    }
}

static void cut_off_while_answering(void)
{
    struct pair_config c = usual();
    c.segment_i = 512;
    struct pair *p = logged_in(&c);
    struct berth_seg seg;
    struct task tmf = {.function = WIRE_TMF_LU_RESET};
    pair_submit(p, 'R', 0, 128 * 1024, buf);
    pair_move(p, true, 48);
    pair_work(p);
    assert_int_equal(conn_tx_peek(p->tc, &seg, 1), 1); /* more Data-In than there are slots */
    assert_int_equal(session_clear(p->ts, &tmf), 1);
    pair_run(p);
    end(p);
}

static void cut_off_while_receiving(void)
{
    struct pair_config c = usual();
    c.direct_bytes = 100;
    struct pair *p = logged_in(&c);
    struct berth_seg segs[4];
    p->tc->config.background_rx = true;
    struct task *task = pair_submit(p, 'W', 0, LEN, buf);
    while (!task->r2t_sn)
        assert_true(pair_step(p));
    pair_move(p, true, 48); /* the header of the data */
    assert_true(conn_rx_want(p->tc, segs, 4) > 1);
    struct task tmf = {.function = WIRE_TMF_ABORT_TASK, .referenced_tag = task->itt};
    assert_int_equal(session_abort(p->ts, &tmf), WIRE_TMF_COMPLETE);
    memset(segs[0].base, 0, LEN);
    conn_rx_done(p->tc, conn_epoch(p->tc), LEN, 9);
    end(p);
}

/* --- connections --- */

static void logins_fail(void)
{
    struct pair_config c = usual();
    c.refuse = WIRE_LOGIN_FORBIDDEN;
    struct pair *p = pair_new(&c);
    pair_run(p);
    end(p);
    c.refuse = 0;
    end(pair_new(&c));
}

/* --- the sums --- */

static const char *const task_names[] = {"FREE",   "QUEUED",   "ACTIVE", "READY",
                                         "ANSWER", "DETACHED", "ENDING", "DONE"};
static const char *const conn_names[] = {"LOGIN", "FULL", "LOGOUT", "CLOSED"};

static uint32_t compare(const uint8_t *moves, uint32_t states, uint64_t seen, const char *const *names)
{
    uint32_t wrong = 0;
    for (uint32_t from = 0; from < states; from++)
        for (uint32_t to = 0; to < states; to++)
            if ((moves[from] >> to & 1u) != (seen >> (from * states + to) & 1u)) {
                print_error("%s -> %s is listed, and never happens\n", names[from], names[to]);
                wrong++;
            }
    return wrong;
}

static void every_move(void **state)
{
    static void (*const scenes[])(void) = {
        all_goes_well,
        not_used,
        pings,
        connection_dies,
        early_success,
        management_dies,
        dies_at_the_target,
        cut_off_while_answering,
        cut_off_while_receiving,
        logins_fail,
    };
    (void)state;
    for (size_t i = 0; i < sizeof scenes / sizeof scenes[0]; i++)
        scenes[i]();
    assert_int_equal(compare(task_moves, TASK_STATES, tasks_seen, task_names), 0);
    assert_int_equal(compare(conn_moves, CONN_PHASES, conns_seen, conn_names), 0);
}

/* --- operation codes --- */

#define LOGIN  (1u << CONN_LOGIN)
#define FULL   (1u << CONN_FULL)
#define LOGOUT (1u << CONN_LOGOUT)

/* Who receives what, and when (RFC 7143 4.2.4, 11): written down a second time, from the RFC and not from
 * dispatch.c. */
static const struct place {
    uint8_t opcode, receiver, phases;
} places[] = {
    {WIRE_LOGIN_RESPONSE, ROLE_INITIATOR, LOGIN},
    {WIRE_NOP_IN, ROLE_INITIATOR, FULL | LOGOUT},
    {WIRE_SCSI_RESPONSE, ROLE_INITIATOR, FULL | LOGOUT},
    {WIRE_TMF_RESPONSE, ROLE_INITIATOR, FULL | LOGOUT},
    {WIRE_TEXT_RESPONSE, ROLE_INITIATOR, FULL | LOGOUT},
    {WIRE_DATA_IN, ROLE_INITIATOR, FULL | LOGOUT},
    {WIRE_LOGOUT_RESPONSE, ROLE_INITIATOR, FULL | LOGOUT},
    {WIRE_R2T, ROLE_INITIATOR, FULL | LOGOUT},
    {WIRE_ASYNC, ROLE_INITIATOR, FULL | LOGOUT},
    {WIRE_REJECT, ROLE_INITIATOR, FULL | LOGOUT},
    {WIRE_LOGIN_REQUEST, ROLE_TARGET, LOGIN},
    {WIRE_NOP_OUT, ROLE_TARGET, FULL | LOGOUT},
    {WIRE_DATA_OUT, ROLE_TARGET, FULL | LOGOUT},
    {WIRE_SCSI_COMMAND, ROLE_TARGET, FULL},
    {WIRE_TMF_REQUEST, ROLE_TARGET, FULL},
    {WIRE_TEXT_REQUEST, ROLE_TARGET, FULL},
    {WIRE_LOGOUT_REQUEST, ROLE_TARGET, FULL},
    {WIRE_SNACK_REQUEST, ROLE_TARGET, FULL},
};

static bool has_place(uint8_t opcode, uint8_t receiver, uint8_t phase)
{
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        if (places[i].opcode == opcode && places[i].receiver == receiver)
            return places[i].phases >> phase & 1u;
    return false;
}

/* A PDU of this kind about which nothing but its place could be wrong. */
static void make(const struct puppet *u, uint8_t opcode, uint8_t *bhs)
{
    memset(bhs, 0, WIRE_BHS_LEN);
    bhs[0] = opcode;
    bhs[1] = 0x80;
    put32(bhs + 16, opcode == WIRE_LOGIN_RESPONSE ? u->victim->login.itt : 0x00ffffff);
    put32(bhs + 20, WIRE_TAG_NONE);
    if (u->victim->role == ROLE_INITIATOR)
        put_window(bhs, &(struct wire_window){u->victim->exp_stat_sn, 0, 0});
    if (opcode == WIRE_NOP_OUT || opcode == WIRE_TMF_REQUEST || opcode == WIRE_LOGOUT_REQUEST ||
        opcode == WIRE_TEXT_REQUEST || opcode == WIRE_SCSI_COMMAND)
        bhs[0] |= 0x40;
}

static struct puppet *victim_in(uint8_t role, uint8_t phase)
{
    struct pair_config c = usual();
    c.breaks = "L1 L4 S1 C1 O1";
    struct pair *p = pair_new(&c);
    if (phase != CONN_LOGIN)
        pair_run(p);
    struct puppet *u = puppet_new(p, role == ROLE_INITIATOR ? p->ic : p->tc);
    while (puppet_hear(u)) /* until its first request is out it takes no answer */
        ;
    if (phase == CONN_LOGOUT)
        conn_become(u->victim, CONN_LOGOUT);
    return u;
}

/* Refused for its place: the words of dispatch.c for that, and no others. */
static bool misplaced(struct puppet *u)
{
    static const char *const words[] = {"not a login PDU", "operation code that this side",
                                        "no place in this phase"};
    if (puppet_drain(u) == 0 || u->event.kind != CONN_EV_ERROR)
        return false;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strstr(u->event.rule, words[i]))
            return true;
    return false;
}

static void every_operation_code(void **state)
{
    static const uint8_t roles[] = {ROLE_INITIATOR, ROLE_TARGET};
    uint32_t taken = 0;
    (void)state;
    for (uint8_t opcode = 0; opcode < WIRE_OPCODES; opcode++)
        for (size_t r = 0; r < 2; r++)
            for (uint8_t phase = CONN_LOGIN; phase < CONN_CLOSED; phase++) {
                struct puppet *u = victim_in(roles[r], phase);
                uint8_t bhs[WIRE_BHS_LEN];
                make(u, opcode, bhs);
                bool fits = has_place(opcode, roles[r], phase);
                assert_true(puppet_say(u, bhs, NULL, 0) > 0);
                if (misplaced(u) == fits)
                    fail_msg("%s in phase %u, receiver %zu: %s", wire_opcode_name(opcode), phase, r,
                             u->event.rule ? u->event.rule : "taken");
                taken += fits;
                puppet_free(u);
            }
    assert_int_equal(taken, 1 + 9 * 2 + 1 + 2 * 2 + 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_move),
        cmocka_unit_test(every_operation_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
