/* SPDX-License-Identifier: MIT */
/* Small PDUs waiting to be sent: login, text, ping, logout, reject, task management responses. */
#include "proto/core.h"

/* After login an initiator's answers have no data: then it may go on receiving while it sends some of its
 * own. Otherwise each side could wait for the other to receive first. */
static bool answers_with_data(const struct conn *c)
{
    return c->role == ROLE_TARGET || c->phase == CONN_LOGIN;
}

bool outbox_ready(const struct conn *c)
{
    bool blocked = c->out.data_busy && answers_with_data(c);
    return !blocked && c->out.count < CONN_OUTBOX - 2; /* -2: an answer, and one of the owner's own */
}

bool outbox_data_free(const struct conn *c)
{
    bool answer_due = answers_with_data(c) && c->rx.state != FRAME_HEAD && c->rx.sink == SINK_CONTROL;
    return !c->out.data_busy && !answer_due;
}

bool outbox_spare(const struct conn *c)
{
    return c->out.count < CONN_OUTBOX - 1;
}

struct outbox_entry *outbox_push(struct conn *c, const uint8_t *bhs, uint32_t data_len)
{
    struct outbox *o = &c->out;
    if (o->count == CONN_OUTBOX)
        return NULL;
    struct outbox_entry *e = &o->entries[(o->first + o->count++) % CONN_OUTBOX];
    memset(e, 0, sizeof *e);
    memcpy(e->bhs, bhs, WIRE_BHS_LEN);
    wire_set_lengths(e->bhs, 0, data_len);
    e->data_len = data_len;
    c->answers_at = 0;
    if (data_len)
        o->data_busy = true;
    return e;
}

/* Which target PDUs use up a StatSN: all but an unsolicited NOP-In (11.19); Data-In and R2T do not come here.
 */
static bool takes_stat_sn(const uint8_t *bhs)
{
    return wire_opcode(bhs) != WIRE_NOP_IN || wire_itt(bhs) != WIRE_TAG_NONE;
}

bool outbox_next(struct conn *c, struct tx_slot *slot)
{
    struct outbox *o = &c->out;
    if (o->count == 0)
        return false;
    struct outbox_entry *e = &o->entries[o->first];
    memcpy(slot->head, e->bhs, WIRE_BHS_LEN);
    slot->control = true;
    slot->data_len = e->data_len;
    slot->farewell = e->farewell;
    slot->task = e->task;
    if (c->role == ROLE_INITIATOR)
        stamp_initiator(c, slot->head);
    else
        stamp_target(c, slot->head, takes_stat_sn(e->bhs));
    o->first = (o->first + 1) % CONN_OUTBOX;
    o->count--;
    c->answers_at = 0; /* one goes, all go */
    return true;
}

/* It may have been an answer to a challenge. */
void outbox_released(struct conn *c, uint32_t data_len)
{
    explicit_bzero(c->out.data, data_len);
    c->out.data_busy = false;
}
