/* SPDX-License-Identifier: MIT */
/* The frame machine: a byte stream becomes PDUs (RFC 7143 11.1, 11.2). Small things are staged and copied; a
 * large remainder of a data segment is received straight into the task's memory. */
#include "proto/core.h"

#define SMALL_STAGE 2048u /* behind a large data segment */

static uint32_t stage_have(const struct frame *f)
{
    return f->stage_end - f->stage_begin;
}

static struct pdu frame_pdu(struct conn *c)
{
    struct frame *f = &c->rx;
    return (struct pdu){.bhs = f->head,
                        .ahs = f->head + WIRE_BHS_LEN,
                        .ahs_len = wire_ahs_len(f->head),
                        .data_len = f->data_len,
                        .data = c->control + c->control_have,
                        .task = f->task,
                        .task_offset = f->task_offset};
}

static void next_head(struct frame *f)
{
    f->state = FRAME_HEAD;
    f->head_have = 0;
    f->head_need = WIRE_BHS_LEN;
    f->task = NULL;
    f->task_offset = 0;
}

/* The header must be whole and sound before a field of it steers anything; only its own length is read
 * before. */
static bool head_digest_ok(struct conn *c)
{
    struct frame *f = &c->rx;
    uint32_t len = WIRE_BHS_LEN + wire_ahs_len(f->head);
    if (!c->header_digest)
        return true;
    return c->session->config.crypto->header_digest(f->head, len) == get32_le(f->head + len);
}

/* What that length makes us wait for may never come, if it is the length that is damaged. Only commands have
 * additional header segments (11.2), so that no other header is believed to. */
static bool head_length_ok(const struct conn *c)
{
    bool command = c->role == ROLE_TARGET && wire_opcode(c->rx.head) == WIRE_SCSI_COMMAND;
    return !c->header_digest || command || wire_ahs_len(c->rx.head) == 0;
}

static void data_end(struct conn *c)
{
    struct frame *f = &c->rx;
    struct pdu pdu = frame_pdu(c);
    bool sound = !(c->data_digest && f->data_len) ||
                 crc32c_final(f->crc) == get32_le(f->tail + wire_padding(f->data_len));

    f->news = true;
    f->stage_limit = f->data_len >= FRAME_LARGE ? SMALL_STAGE : c->config.stage_bytes;
    if (sound)
        conn_pdu_received(c, &pdu);
    else
        dispatch_data_digest_error(c, &pdu);
    next_head(f);
}

static void data_begin(struct conn *c)
{
    struct frame *f = &c->rx;
    f->data_have = f->tail_have = 0;
    f->data_len = wire_data_len(f->head);
    f->crc = CRC32C_INIT;
    f->tail_need = wire_padding(f->data_len) + (c->data_digest && f->data_len ? WIRE_DIGEST_LEN : 0);

    struct pdu pdu = frame_pdu(c);
    const struct dispatch_row *row = dispatch_find(c, wire_opcode(f->head));
    if (!dispatch_begin(c, &pdu))
        return;
    f->task = pdu.task;
    f->task_offset = pdu.task_offset;
    f->sink = row->scsi_data ? (pdu.task ? SINK_TASK : SINK_NONE) : SINK_CONTROL;
    f->state = f->data_len ? FRAME_DATA : FRAME_TAIL;
    if (!f->data_len)
        data_end(c);
}

static uint32_t take(struct conn *c, void *to, uint32_t need)
{
    struct frame *f = &c->rx;
    uint32_t n = stage_have(f) < need ? stage_have(f) : need;
    memcpy(to, c->stage + f->stage_begin, n);
    f->stage_begin += n;
    return n;
}

static void run_head(struct conn *c)
{
    struct frame *f = &c->rx;
    f->head_have += take(c, f->head + f->head_have, f->head_need - f->head_have);
    if (c->phase == CONN_LOGIN && !dispatch_plausible(c, f->head, f->head_have))
        return;
    if (f->head_have < f->head_need)
        return;
    uint32_t whole = WIRE_BHS_LEN + wire_ahs_len(f->head) + (c->header_digest ? WIRE_DIGEST_LEN : 0);
    if (f->head_need < whole && head_length_ok(c))
        f->head_need = whole;
    else if (!head_length_ok(c) || !head_digest_ok(c))
        conn_fail(c, BERTH_E_HEADER_DIGEST, "header digest mismatch (7.8)");
    else
        data_begin(c);
}

/* Control data beyond the buffer is swallowed: dispatch_begin() let it through only where that is harmless.
 */
static void sink_staged(struct conn *c, const uint8_t *from, uint32_t n)
{
    struct frame *f = &c->rx;
    uint32_t room = c->config.control_bytes - c->control_have;
    if (f->sink == SINK_TASK)
        extent_write(&f->task->data, f->task_offset + f->data_have, from, n);
    else if (f->sink == SINK_CONTROL && f->data_have < room)
        memcpy(c->control + c->control_have + f->data_have, from,
               n < room - f->data_have ? n : room - f->data_have);
}

static void data_advance(struct conn *c, uint32_t n)
{
    struct frame *f = &c->rx;
    if (f->sink == SINK_TASK)
        task_data_placed(f->task, f->task_offset + f->data_have, n);
    f->data_have += n;
    if (f->data_have < f->data_len)
        return;
    f->state = FRAME_TAIL;
    if (!f->tail_need)
        data_end(c);
}

static void run_data(struct conn *c)
{
    struct frame *f = &c->rx;
    uint32_t left = f->data_len - f->data_have;
    uint32_t n = stage_have(f) < left ? stage_have(f) : left;
    const uint8_t *from = c->stage + f->stage_begin;

    sink_staged(c, from, n);
    if (c->data_digest)
        f->crc = c->session->config.crypto->crc32c(f->crc, from, n);
    f->stage_begin += n;
    data_advance(c, n);
}

/* Padding is part of the digest (11.2.3). */
static void run_tail(struct conn *c)
{
    struct frame *f = &c->rx;
    uint32_t pad = wire_padding(f->data_len);
    f->tail_have += take(c, f->tail + f->tail_have, f->tail_need - f->tail_have);
    if (f->tail_have < f->tail_need)
        return;
    if (c->data_digest && pad)
        f->crc = c->session->config.crypto->crc32c(f->crc, f->tail, pad);
    data_end(c);
}

/* A new PDU is begun only when whatever it asks of us can be queued. */
static bool stalled(const struct conn *c)
{
    return c->failed || c->phase == CONN_CLOSED ||
           (c->rx.state == FRAME_HEAD &&
            (!outbox_ready(c) || c->event_count > CONN_EVENTS / 2 || login_refused(c)));
}

static void run(struct conn *c)
{
    static void (*const step[])(struct conn *) = {
        [FRAME_HEAD] = run_head, [FRAME_DATA] = run_data, [FRAME_TAIL] = run_tail};
    while (stage_have(&c->rx) > 0 && !stalled(c))
        step[c->rx.state](c);
    /* The staging area is tidied up in rx_want alone: behind stage_end a receive may be under way. */
}

static struct berth_seg stage_room(struct conn *c)
{
    struct frame *f = &c->rx;
    if (f->stage_begin > 0) {
        memmove(c->stage, c->stage + f->stage_begin, stage_have(f));
        f->stage_end -= f->stage_begin;
        if (c->phase == CONN_LOGIN)
            explicit_bzero(c->stage + f->stage_end, f->stage_begin);
        f->stage_begin = 0;
    }
    uint32_t limit = f->stage_limit > f->stage_end ? f->stage_limit : f->stage_end;
    return seg_memory(c->stage + f->stage_end, limit - f->stage_end);
}

static bool wants_direct(const struct conn *c)
{
    const struct frame *f = &c->rx;
    return f->state == FRAME_DATA && f->sink == SINK_TASK && stage_have(f) == 0 &&
           (f->data_len >= FRAME_LARGE || f->data_len - f->data_have >= c->config.direct_bytes);
}

/* The task cannot be done while an engine may write to its memory. */
static void lend(struct frame *f)
{
    f->lent = f->task;
    f->lent->tx_refs++;
}

void frame_unlend(struct conn *c)
{
    struct task *task = c->rx.lent;
    c->rx.lent = NULL;
    c->rx.want_direct = 0;
    c->rx.next.task = NULL;
    if (task)
        task_settle(task);
}

void conn_background_rx(struct conn *c, bool on)
{
    c->config.background_rx = on;
    frame_unlend(c);
}

uint32_t conn_rx_want(struct conn *c, struct berth_seg *segs, uint32_t max)
{
    struct frame *f = &c->rx;
    uint32_t n = 0;

    frame_unlend(c);
    if (c->failed || c->phase == CONN_CLOSED || max < 2)
        return 0;
    if (wants_direct(c)) {
        uint32_t left = f->data_len - f->data_have;
        f->stage_limit = f->data_len >= FRAME_LARGE ? SMALL_STAGE : c->config.stage_bytes;
        n = extent_slice(&f->task->data, f->task_offset + f->data_have, left, segs, max - 1, &f->want_direct);
        if (c->config.background_rx)
            lend(f);
        if (f->want_direct < left)
            return n;
        f->stage_begin = f->stage_end = 0;
        uint32_t more = prediction_want(c, segs + n, max - n);
        if (more > 0)
            return n + more;
    }
    segs[n] = stage_room(c);
    return segs[n].len ? n + 1 : n;
}

/* A task given up in the meantime has left the frame, but its memory is there until unlent. */
static void placed_directly(struct conn *c, uint32_t n)
{
    struct frame *f = &c->rx;
    const struct task *task = f->task ? f->task : f->lent;
    struct berth_seg seg;
    if (c->data_digest && task)
        for (uint64_t done = 0, got; done < n; done += got) {
            extent_slice(&task->data, f->task_offset + f->data_have + done, n - done, &seg, 1, &got);
            f->crc = c->session->config.crypto->crc32c(f->crc, seg.base, seg.len);
        }
    data_advance(c, n);
}

static uint64_t predicted(const struct frame *f, uint64_t behind_direct)
{
    return f->next.task && behind_direct > f->next.between ? behind_direct - f->next.between : 0;
}

static void placed_ahead(struct conn *c, uint32_t n)
{
    c->rx.next.came = n;
    run(c);
    uint32_t placed = prediction_settle(c);
    if (placed > 0)
        placed_directly(c, placed);
}

bool conn_rx_news(struct conn *c)
{
    bool news = c->rx.news || c->failed || c->phase != CONN_FULL;
    c->rx.news = false;
    return news;
}

void conn_rx_done(struct conn *c, uint32_t epoch, uint64_t n, uint64_t now)
{
    if (epoch != c->epoch)
        return;
    uint64_t direct = n < c->rx.want_direct ? n : c->rx.want_direct;
    uint64_t ahead = predicted(&c->rx, n - direct);
    if (n > 0)
        c->last_rx = now;
    c->rx.stage_end += (uint32_t)(n - direct - ahead);
    if (direct > 0)
        placed_directly(c, (uint32_t)direct);
    if (ahead > 0)
        placed_ahead(c, (uint32_t)ahead);
    frame_unlend(c);
    run(c);
}

uint64_t conn_feed(struct conn *c, const void *bytes, uint64_t n, uint64_t now)
{
    const uint8_t *at = bytes;
    uint64_t left = n;
    struct berth_seg segs[4];

    while (left > 0) {
        uint32_t count = conn_rx_want(c, segs, 4);
        uint64_t put = 0;
        for (uint32_t i = 0; i < count && left > 0; i++) {
            uint64_t len = segs[i].len < left ? segs[i].len : left;
            memcpy(segs[i].base, at, len);
            at += len;
            put += len;
            left -= len;
        }
        if (put == 0)
            break;
        conn_rx_done(c, c->epoch, put, now);
    }
    return n - left;
}

/* What was held back for want of room may go on: something was sent, or an event was drained. */
void frame_resume(struct conn *c)
{
    if (stage_have(&c->rx) > 0)
        run(c);
}

/* The task's memory is no longer to be touched: what is left of its data segment is swallowed. */
void frame_forget_task(struct conn *c, const struct task *task)
{
    if (c->rx.next.task == task)
        prediction_withdraw(c);
    if (c->command == task)
        c->command = NULL;
    if (c->rx.task == task) {
        c->rx.task = NULL;
        if (c->rx.sink == SINK_TASK)
            c->rx.sink = SINK_NONE;
    }
}

void frame_init(struct conn *c)
{
    c->rx = (struct frame){.stage_limit = c->config.stage_bytes};
    next_head(&c->rx);
}
