/* SPDX-License-Identifier: MIT */
/* Which state follows which, of tasks and of connections. All builds insist on it, but for those with NDEBUG
 * (which no preset sets); what has been seen is noted, so that a test can tell that nothing is listed here
 * that never happens. */
#include "proto/core.h"

#define TO(state) (1u << (state))

/* ARCHITECTURE.md draws it. */
const uint8_t task_moves[TASK_STATES] = {
    /* initiator: submitted; target: a request has arrived; initiator: taken and not used */
    [TASK_FREE] = TO(TASK_QUEUED) | TO(TASK_ACTIVE) | TO(TASK_FREE),
    /* on the wire; taken back; a ping or logout of a connection that has died: free at once */
    [TASK_QUEUED] = TO(TASK_ACTIVE) | TO(TASK_DONE) | TO(TASK_FREE),
    /* initiator: outcome known; the connection died, with it what was about it alone: task management, and of
     * pings and logouts nothing is left. target: all data is here; the request is over, or ends with its
     * connection */
    [TASK_ACTIVE] = TO(TASK_ENDING) | TO(TASK_DETACHED) | TO(TASK_DONE) | TO(TASK_READY) | TO(TASK_FREE),
    /* target: answered; cut off before it was looked at */
    [TASK_READY] = TO(TASK_ANSWER) | TO(TASK_FREE),
    /* target: the answer is out, or will never be */
    [TASK_ANSWER] = TO(TASK_ENDING) | TO(TASK_FREE),
    /* sent afresh; given up */
    [TASK_DETACHED] = TO(TASK_QUEUED) | TO(TASK_DONE),
    /* no engine refers to it any more; a success that was not wholly sent when the connection died is none */
    [TASK_ENDING] = TO(TASK_DONE) | TO(TASK_FREE) | TO(TASK_DETACHED),
    /* reaped and given back; reaped and sent again */
    [TASK_DONE] = TO(TASK_FREE) | TO(TASK_QUEUED),
};

/* The numbers are those of 8.1.2 that lead from state to state here; 8.1.3 has the initiator's diagram. */
const uint8_t conn_moves[CONN_PHASES] = {
    [CONN_LOGIN] = TO(CONN_FULL)      /* T5 */
                   | TO(CONN_LOGOUT)  /* target: refused, and its answer is still to go out */
                   | TO(CONN_CLOSED), /* T7 */
    [CONN_FULL] = TO(CONN_LOGOUT)     /* T9, T10 */
                  | TO(CONN_CLOSED),  /* T8, T15 */
    [CONN_LOGOUT] = TO(CONN_CLOSED),  /* T13, T17 */
};

static bool allowed(uint8_t moves, uint32_t to)
{
    return moves >> to & 1u;
}

static void insist(bool legal)
{
#ifndef NDEBUG
    if (!legal)
        __builtin_trap();
#endif
    (void)legal;
}

void task_become(struct session *s, struct task *task, enum task_state state)
{
    insist(allowed(task_moves[task->state], state));
    s->moves_seen |= 1ull << (task->state * TASK_STATES + state);
    task->state = (uint8_t)state;
}

void conn_become(struct conn *c, enum conn_phase phase)
{
    insist(allowed(conn_moves[c->phase], phase));
    c->moves_seen |= (uint16_t)(1u << (c->phase * CONN_PHASES + phase));
    c->phase = (uint8_t)phase;
}
