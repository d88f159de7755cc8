/* SPDX-License-Identifier: MIT */
/* Every move that login_moves.c lists is made: with and without CHAP, and at the target in the stages that
 * other initiators choose. That no other is made, the other tests of logins show: they would stop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "pair.h"
#include "proto/core.h"

#ifdef BERTH_MOVES
#define BYTES 4096u

static uint32_t seen;

static void end(struct pair *p)
{
    seen |= p->ic->login_moves_seen;
    seen |= p->tc->login_moves_seen;
    pair_free(p);
}

static struct pair_config chap(bool mutual)
{
    struct pair_config c;
    pair_config_init(&c, 11);
    c.user = c.t_user = "user";
    c.secret = c.t_secret = "a secret of some length";
    if (mutual) {
        c.mutual_user = c.t_mutual_user = "target";
        c.mutual_secret = c.t_mutual_secret = "another secret, of the target's";
    }
    return c;
}

static void ours(void)
{
    for (int how = 0; how < 3; how++) {
        struct pair_config c = chap(how == 2);
        if (how == 0)
            pair_config_init(&c, 11);
        struct pair *p = pair_new(&c);
        pair_run(p);
        assert_true(p->up);
        end(p);
    }
}

/* What one has to say; a request that asks for a transition then asks for the one to the end. */
static void carry(struct conn *from, struct conn *to)
{
    uint8_t bytes[BYTES];
    struct berth_seg segs[8];
    uint32_t count = conn_tx_peek(from, segs, 8), len = 0;
    for (uint32_t i = 0; i < count; i++) {
        assert_true(segs[i].len <= BYTES - len);
        memcpy(bytes + len, segs[i].base, segs[i].len);
        len += (uint32_t)segs[i].len;
    }
    if (from->role == ROLE_INITIATOR && len > 0 && bytes[1] & 0x80)
        bytes[1] |= WIRE_STAGE_FULL_FEATURE;
    conn_tx_done(from, conn_epoch(from), len);
    assert_int_equal(conn_feed(to, bytes, len, 1), len);
}

static void without_an_operational_stage(void)
{
    for (int how = 0; how < 2; how++) {
        struct pair_config c = chap(false);
        if (how == 0)
            pair_config_init(&c, 11);
        struct pair *p = pair_new(&c);
        for (int round = 0; round < 8 && p->tc->login.csg != WIRE_STAGE_FULL_FEATURE; round++) {
            carry(p->ic, p->tc);
            if (p->tc->login.csg != WIRE_STAGE_FULL_FEATURE)
                carry(p->tc, p->ic);
        }
        assert_true(session_up(p->ts));
        end(p);
    }
}

static void without_a_security_stage(void)
{
    static const char text[] = "InitiatorName=iqn.2026-11.test:i\0TargetName=iqn.2026-11.test:t";
    uint8_t pdu[WIRE_BHS_LEN + (sizeof text + 3) / 4 * 4] = {0};
    struct wire_login_request r = {.transit = true, .csg = 1, .nsg = 3, .isid = {0x80}, .cmd_sn = 1};
    struct pair_config c;
    pair_config_init(&c, 11);
    struct pair *p = pair_new(&c);
    put_login_request(pdu, &r);
    wire_set_lengths(pdu, 0, sizeof text);
    memcpy(pdu + WIRE_BHS_LEN, text, sizeof text);
    conn_feed(p->tc, pdu, sizeof pdu, 1);
    carry(p->tc, p->ic); /* the target has keys of its own to be answered */
    p->ic->failed = true;
    wire_set_lengths(pdu, 0, 0);
    put_login_request(pdu, &r);
    conn_feed(p->tc, pdu, WIRE_BHS_LEN, 1);
    assert_true(session_up(p->ts));
    end(p);
}

static void every_move(void **state)
{
    (void)state;
    ours();
    without_an_operational_stage();
    without_a_security_stage();
    for (uint32_t n = 0; n < LOGIN_MOVES; n++) {
        const struct login_move *m = &login_moves[n];
        if (!(seen >> n & 1))
            fail_msg("role %u, stage %u, step %u -> stage %u, step %u is listed, and never happens", m->role,
                     m->from, m->from_step, m->to, m->to_step);
    }
}
#endif

/* A record of a state that no way leads to is none of ours. */
static void no_other_place(void **state)
{
    (void)state;
    struct pair_config c;
    pair_config_init(&c, 11);
    struct pair *p = pair_new(&c);
    struct conn *both[] = {p->ic, p->tc};
    for (int i = 0; i < 2; i++) {
        struct login *l = &both[i]->login;
        assert_true(login_possible(both[i]));
        l->started = true;
        assert_true(login_possible(both[i]));
        l->csg = 2;
        assert_false(login_possible(both[i]));
        l->csg = WIRE_STAGE_OPERATIONAL;
        l->chap_step = CHAP_PASSED;
        assert_false(login_possible(both[i])); /* without CHAP */
        l->chap_on = true;
        assert_int_equal(login_possible(both[i]), i == 1); /* whose secret would it have been? */
        l->chap_step = CHAP_SENT_CHALLENGE;
        assert_false(login_possible(both[i]));
    }
    pair_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#ifdef BERTH_MOVES
        cmocka_unit_test(every_move),
#endif
        cmocka_unit_test(no_other_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
