/* SPDX-License-Identifier: MIT */
/* How a login may go on: the stage of each role, and how far CHAP has come in it. What is not here never
 * happens, and so nobody gets past the security stage whose proof was owed. A login that ends before its time
 * is a move of the connection's (moves.c). Builds for tests stop at any other move, and note which have been
 * made, so that a test can tell that nothing is listed here that never happens. */
#include "proto/core.h"

#define MOVE(role, from, from_step, to, to_step)                                                             \
    {                                                                                                        \
        ROLE_##role, STAGE_##from, CHAP_##from_step, STAGE_##to, CHAP_##to_step                              \
    }
#define STAGE_NONE        LOGIN_NO_STAGE
#define STAGE_SECURITY    WIRE_STAGE_SECURITY
#define STAGE_OPERATIONAL WIRE_STAGE_OPERATIONAL
#define STAGE_FULL        WIRE_STAGE_FULL_FEATURE

/* The numbers are sections of RFC 7143. */
const struct login_move login_moves[LOGIN_MOVES] = {
    /* 6.3.2: we always begin with who we are, and with how that is to be proved */
    MOVE(INITIATOR, NONE, IDLE, SECURITY, IDLE),
    /* 12.1.3, step by step: algorithms; the answer to the challenge; mutual: the target's answer */
    MOVE(INITIATOR, SECURITY, IDLE, SECURITY, SENT_LIST),
    MOVE(INITIATOR, SECURITY, SENT_LIST, SECURITY, SENT_RESPONSE),
    MOVE(INITIATOR, SECURITY, SENT_RESPONSE, SECURITY, PASSED),
    /* 6.3.1: on with T, when AuthMethod=None was agreed, or CHAP has come to its end */
    MOVE(INITIATOR, SECURITY, IDLE, OPERATIONAL, IDLE),
    MOVE(INITIATOR, SECURITY, PASSED, OPERATIONAL, PASSED),
    /* 6.3.3 */
    MOVE(INITIATOR, OPERATIONAL, IDLE, FULL, IDLE),
    MOVE(INITIATOR, OPERATIONAL, PASSED, FULL, PASSED),

    /* 6.3.1: the initiator says where it begins; without security where none is demanded */
    MOVE(TARGET, NONE, IDLE, SECURITY, IDLE),
    MOVE(TARGET, NONE, IDLE, OPERATIONAL, IDLE),
    /* 12.1.3: the challenge; its answer was right */
    MOVE(TARGET, SECURITY, IDLE, SECURITY, SENT_CHALLENGE),
    MOVE(TARGET, SECURITY, SENT_CHALLENGE, SECURITY, PASSED),
    /* 11.12.3: the three ways from stage to stage */
    MOVE(TARGET, SECURITY, IDLE, OPERATIONAL, IDLE),
    MOVE(TARGET, SECURITY, PASSED, OPERATIONAL, PASSED),
    MOVE(TARGET, SECURITY, IDLE, FULL, IDLE),
    MOVE(TARGET, SECURITY, PASSED, FULL, PASSED),
    MOVE(TARGET, OPERATIONAL, IDLE, FULL, IDLE),
    MOVE(TARGET, OPERATIONAL, PASSED, FULL, PASSED),
};

bool login_possible(const struct conn *c)
{
    const struct login *l = &c->login;
    bool chap = l->chap_on && (c->role == ROLE_TARGET || l->config->mine.name);
    if (l->chap_step != CHAP_IDLE && !chap)
        return false;
    for (uint32_t n = 0; n < LOGIN_MOVES; n++) {
        const struct login_move *m = &login_moves[n];
        if (m->role == c->role && m->to == l->csg && m->to_step == l->chap_step)
            return l->started || l->chap_step == CHAP_IDLE;
    }
    return false;
}

#ifdef BERTH_MOVES
static uint8_t stage_of(const struct login *l)
{
    return l->started ? l->csg : LOGIN_NO_STAGE;
}

static void note(struct conn *c, uint8_t stage, uint8_t step)
{
    uint8_t from = stage_of(&c->login), from_step = c->login.chap_step;
    uint32_t n = 0;
    for (; n < LOGIN_MOVES; n++) {
        const struct login_move *m = &login_moves[n];
        if (m->role == c->role && m->from == from && m->from_step == from_step && m->to == stage &&
            m->to_step == step)
            break;
    }
    if (n == LOGIN_MOVES)
        __builtin_trap();
    c->login_moves_seen |= 1u << n;
}
#else
static void note(struct conn *c, uint8_t stage, uint8_t step)
{
    (void)c, (void)stage, (void)step;
}
#endif

void login_enter(struct conn *c, uint8_t stage)
{
    note(c, stage, c->login.chap_step);
    c->login.csg = stage;
}

void login_step(struct conn *c, enum login_chap_step step)
{
    note(c, c->login.csg, (uint8_t)step);
    c->login.chap_step = (uint8_t)step;
}
