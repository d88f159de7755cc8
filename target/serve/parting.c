/* SPDX-License-Identifier: MIT */
/* Sessions that are to go because somebody who runs the target says so (RFC 7143 11.9.1). */
#include "serve/target.h"

/* What an initiator is told goes out with what else waits, as far as it takes it; nobody waits for that. */
void parting_kick(struct target_session *ts)
{
    const struct wire_async gone = {.event = WIRE_ASYNC_DROP_ALL};
    struct target *t = ts->target;
    if (conn_send_async(ts->conn, &gone, NULL, 0))
        t->engine->ops->flush(&ts->wire);
    target_session_end(ts);
}

bool parting_ask(struct target_session *ts, uint32_t seconds)
{
    const struct wire_async leave = {.event = WIRE_ASYNC_LOGOUT, .parameter3 = (uint16_t)seconds};
    if (!conn_send_async(ts->conn, &leave, NULL, 0))
        return false;
    link_kick(&ts->wire);
    ts->leave_by = engine_now(ts->target->engine) + seconds * 1000000000ull;
    return true;
}

bool parting_overdue(const struct target_session *ts, uint64_t now)
{
    return ts->leave_by != 0 && now >= ts->leave_by;
}
