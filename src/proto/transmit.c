/* SPDX-License-Identifier: MIT */
/* Sending: PDUs are built at the last moment into a ring of slots, and the ring is shown as one gather list.
 */
#include "proto/core.h"

static bool is_login(const struct tx_slot *slot)
{
    uint8_t opcode = wire_opcode(slot->head);
    return opcode == WIRE_LOGIN_REQUEST || opcode == WIRE_LOGIN_RESPONSE;
}

void stamp_initiator(struct conn *c, uint8_t *bhs)
{
    put32(bhs + 24, c->session->cmd_sn);
    put32(bhs + 28, c->exp_stat_sn);
}

void stamp_target(struct conn *c, uint8_t *bhs, bool takes_stat_sn)
{
    struct wire_window w = {c->stat_sn, c->session->exp_cmd_sn, session_max_cmd_sn(c->session)};
    put_window(bhs, &w);
    if (takes_stat_sn)
        c->stat_sn++;
}

static uint32_t digest_payload(struct conn *c, const struct tx_slot *slot)
{
    const struct wire_crypto *crypto = c->session->config.crypto;
    uint32_t crc = CRC32C_INIT;
    struct berth_seg seg;

    if (slot->control)
        return crypto->crc32c(crc, c->out.data, slot->data_len);
    for (uint64_t done = 0, got; done < slot->data_len; done += got) {
        extent_slice(&slot->task->data, slot->task_offset + done, slot->data_len - done, &seg, 1, &got);
        crc = crypto->crc32c(crc, seg.base, seg.len);
    }
    return crc;
}

/* Closes a slot whose header and payload are set: padding and digests. No digests during login (13.1). */
static void seal(struct conn *c, struct tx_slot *slot)
{
    const struct wire_crypto *crypto = c->session->config.crypto;
    bool digests = !is_login(slot);
    uint32_t pad = wire_padding(slot->data_len);

    slot->head_len = (uint8_t)(WIRE_BHS_LEN + wire_ahs_len(slot->head));
    if (digests && c->header_digest) {
        put32_le(slot->head + slot->head_len, crypto->header_digest(slot->head, slot->head_len));
        slot->head_len += WIRE_DIGEST_LEN;
    }
    memset(slot->tail, 0, pad);
    slot->tail_len = (uint8_t)pad;
    if (digests && c->data_digest && slot->data_len) {
        uint32_t crc = digest_payload(c, slot);
        if (pad)
            crc = crypto->crc32c(crc, slot->tail, pad);
        put32_le(slot->tail + pad, crc32c_final(crc));
        slot->tail_len += WIRE_DIGEST_LEN;
    }
}

bool conn_pdu_next(struct conn *c, struct tx_slot *slot)
{
    slot->control = slot->farewell = slot->last = false;
    slot->task = NULL;
    slot->task_offset = slot->data_len = 0;
    bool (*source)(struct conn *, struct tx_slot *) =
        c->role == ROLE_INITIATOR ? initiator_next : target_next;
    if (!outbox_next(c, slot) && !source(c, slot))
        return false;
    c->told_stat_sn = c->exp_stat_sn; /* every request has it */
    return true;
}

static void fill(struct conn *c)
{
    struct transmit *t = &c->tx;
    if (t->count == 0)
        t->first = 0; /* an idle connection touches few of them */
    while (t->count < CONN_TX_SLOTS && !c->failed) {
        struct tx_slot *slot = &t->slots[(t->first + t->count) % CONN_TX_SLOTS];
        if (!conn_pdu_next(c, slot))
            return;
        if (slot->task)
            slot->task->tx_refs++;
        seal(c, slot);
        t->count++;
    }
}

uint64_t slot_len(const struct tx_slot *slot)
{
    return (uint64_t)slot->head_len + slot->data_len + slot->tail_len;
}

struct gather {
    struct berth_seg *segs;
    uint32_t count, max;
    uint64_t skip; /* bytes already sent of what comes next */
};

static void gather_memory(struct gather *g, const uint8_t *bytes, uint64_t len)
{
    if (g->skip >= len) {
        g->skip -= len;
        return;
    }
    if (g->count < g->max)
        seg_put(&g->segs[g->count++], bytes + g->skip, len - g->skip);
    g->skip = 0;
}

/* false: the list is full before the payload's end. */
static bool gather_task(struct gather *g, const struct tx_slot *slot)
{
    uint64_t covered, left;
    if (g->skip >= slot->data_len) {
        g->skip -= slot->data_len;
        return true;
    }
    left = slot->data_len - g->skip;
    g->count += extent_slice(&slot->task->data, slot->task_offset + g->skip, left, g->segs + g->count,
                             g->max - g->count, &covered);
    g->skip = 0;
    return covered == left;
}

static bool gather_slot(struct conn *c, struct gather *g, const struct tx_slot *slot)
{
    gather_memory(g, slot->head, slot->head_len);
    if (slot->control)
        gather_memory(g, c->out.data, slot->data_len);
    else if (slot->data_len && !gather_task(g, slot))
        return false;
    if (g->count == g->max && slot->tail_len)
        return false;
    gather_memory(g, slot->tail, slot->tail_len);
    return true;
}

uint32_t conn_tx_peek(struct conn *c, struct berth_seg *segs, uint32_t max)
{
    struct transmit *t = &c->tx;
    struct gather g = {.segs = segs, .max = max, .skip = t->sent};

    if (c->phase == CONN_CLOSED)
        return 0;
    fill(c);
    for (uint32_t i = 0; i < t->count && g.count < max; i++)
        if (!gather_slot(c, &g, &t->slots[(t->first + i) % CONN_TX_SLOTS]))
            break;
    return g.count;
}

static void slot_done(struct conn *c, const struct tx_slot *slot)
{
    if (slot->control && slot->data_len)
        outbox_released(c, slot->data_len);
    if (c->role == ROLE_INITIATOR)
        initiator_slot_done(c, slot);
    else
        target_slot_done(c, slot);
}

void conn_tx_done(struct conn *c, uint32_t epoch, uint64_t n)
{
    struct transmit *t = &c->tx;
    if (epoch != c->epoch)
        return;
    t->sent += n;
    while (t->count > 0 && t->sent >= slot_len(&t->slots[t->first])) {
        struct tx_slot *slot = &t->slots[t->first];
        t->sent -= slot_len(slot);
        t->first = (t->first + 1) % CONN_TX_SLOTS;
        t->count--;
        slot_done(c, slot);
    }
    frame_resume(c);
}

bool conn_tx_pending(const struct conn *c)
{
    if (c->phase == CONN_CLOSED)
        return false;
    if (c->tx.count || c->failed)
        return c->tx.count;
    return (c->out.count && !c->answers_at) ||
           (c->role == ROLE_INITIATOR ? initiator_pending(c) : target_pending(c));
}

/* Short reads alone. What longer ones and writes cost is their bytes, and while they wait the peer runs dry:
 * 4 KiB writes, 32 in flight, cost 30 % more when they gathered, 64 KiB reads 4 %; 16 KiB reads cost 2 %
 * less. */
#define GATHER_BYTES (16u * 1024)

bool conn_tx_gathers(const struct conn *c)
{
    const struct session *s = c->session;
    if (c->role != ROLE_INITIATOR || c->phase != CONN_FULL || c->tx.count || c->out.count)
        return false;
    if (!list_empty(&c->sending) || list_empty(&s->queued))
        return false;
    const struct task *first = list_entry(s->queued.next, struct task, link);
    return first->kind == TASK_SCSI && !first->write && first->edtl <= GATHER_BYTES && !first->ahead &&
           2 * s->in_flight > s->slots.taken;
}

/* Of an initiator's PDUs most say nothing when they are out: what follows comes from the peer. */
bool conn_tx_news(const struct conn *c)
{
    const struct transmit *t = &c->tx;
    if (c->role == ROLE_TARGET || c->phase != CONN_FULL || c->failed || c->out.count || initiator_pending(c))
        return true;
    for (uint32_t i = 0; i < t->count; i++) {
        const struct tx_slot *slot = &t->slots[(t->first + i) % CONN_TX_SLOTS];
        if (slot->control || (slot->task && slot->task->state == TASK_ENDING))
            return true;
    }
    return false;
}

/* A command of which the peer cannot have more than a part has not been executed. */
void transmit_mark_unsent(struct conn *c)
{
    const struct transmit *t = &c->tx;
    for (uint32_t i = 0; i < t->count; i++) {
        const uint8_t *head = t->slots[(t->first + i) % CONN_TX_SLOTS].head;
        struct task *task =
            wire_opcode(head) == WIRE_SCSI_COMMAND ? session_find(c->session, wire_itt(head)) : NULL;
        if (task)
            task->unsent = true;
    }
}

void transmit_forget(struct conn *c)
{
    struct transmit *t = &c->tx;
    for (; t->count > 0; t->count--, t->first = (t->first + 1) % CONN_TX_SLOTS) {
        const struct tx_slot *slot = &t->slots[t->first];
        if (slot->task)
            slot->task->tx_refs--;
        if (slot->last && !slot->task->reserve)
            c->session->leaving--;
    }
    t->sent = 0;
    for (uint32_t i = 0; i < c->out.count; i++)
        c->out.entries[(c->out.first + i) % CONN_OUTBOX].task = NULL;
    c->out.count = 0;
    c->out.data_busy = false;
}
