/* SPDX-License-Identifier: MIT */
/* A target between an owner who takes his time (executes late, in any order, refuses memory, aborts, pings)
 * and an initiator that says anything, half of it plausible. What must hold: memory asked for is given back
 * exactly once and not touched after that; a write that is ready has every byte, in its place; every command
 * is answered at most once; StatSN runs without a gap and the window never shrinks; nothing is left behind.
 */
#include "duo.h"

#define OPS_MAX  400u
#define EDTL_MAX 12000u
#define HAND_MAX 8u

struct world {
    struct duo duo;
    struct task *hand[HAND_MAX]; /* what the owner executes */
    uint32_t in_hand;
    uint32_t begun, ended; /* pieces of memory */
    uint32_t numbers;      /* names each piece of memory */
    bool refuse_memory;    /* for the next command */
    uint32_t stat_sn, max_cmd_sn;
    bool numbered; /* the two above have been seen */
};

/* --- the owner's memory: one piece per write --- */

static void task_begin(void *owner, struct task *task)
{
    struct world *w = owner;
    if (w->refuse_memory || task->edtl > EDTL_MAX)
        return;
    struct berth_seg *seg = malloc(sizeof *seg);
    *seg = seg_memory(malloc(task->edtl), task->edtl);
    memset(seg->base, 0, task->edtl);
    task->data = (struct extent){.segs = seg, .count = 1, .len = task->edtl};
    task->owner_tag = ++w->numbers;
    w->begun++;
}

static void task_end(void *owner, struct task *task)
{
    struct world *w = owner;
    if (!task->data.segs)
        return;
    free(task->data.segs->base);
    free((void *)(uintptr_t)task->data.segs);
    w->ended++;
}

static uint16_t login_check(void *owner, struct conn *c)
{
    (void)owner;
    conn_session(c)->tsih = 1;
    return WIRE_LOGIN_SUCCESS;
}

static bool text(void *owner, struct conn *c, struct span request, struct writer *answer, uint32_t *cursor)
{
    (void)owner;
    (void)c;
    (void)request;
    for (; *cursor < 90; ++*cursor) {
        if (writer_left(answer) < 64)
            return true;
        text_put(answer, "TargetName", "iqn.2026-11.test:one-of-many");
    }
    return false;
}

/* --- the owner's doings --- */

/* The bytes are a function of their place, so that each can be checked. */
static void check_write(const struct task *t)
{
    uint8_t byte;
    fuzz_check(t->moved == t->edtl || !t->data.len);
    for (uint32_t i = 0; t->data.len && i < t->edtl; i++) {
        extent_read(&t->data, i, &byte, 1);
        fuzz_check(byte == duo_byte(1, i));
    }
}

static void take_ready(struct world *w)
{
    struct task *t;
    while (w->in_hand < HAND_MAX && (t = session_next_ready(w->duo.target.session)) != NULL) {
        fuzz_check(t->state == TASK_READY && t->kind == TASK_SCSI);
        if (t->write)
            check_write(t);
        w->hand[w->in_hand++] = t;
    }
}

static void respond(struct world *w, uint8_t which, uint32_t len)
{
    if (w->in_hand == 0)
        return;
    uint32_t at = which % w->in_hand--;
    struct task *t = w->hand[at];
    w->hand[at] = w->hand[w->in_hand];
    if (t->read && len % EDTL_MAX > 0) {
        struct berth_seg *seg = malloc(sizeof *seg);
        len %= EDTL_MAX;
        *seg = seg_memory(malloc(len), len);
        for (uint32_t i = 0; i < len; i++)
            ((uint8_t *)seg->base)[i] = duo_byte(2, i);
        t->data = (struct extent){.segs = seg, .count = 1, .len = len};
        w->begun++;
    }
    if (which & 0x80) {
        t->status = 2;
        t->sense_len = which % 20;
        memset(t->sense, 0x72, t->sense_len);
    }
    session_respond(w->duo.target.session, t);
}

static void drain(struct world *w)
{
    struct conn_event ev;
    while (conn_event(w->duo.target.conn, &ev))
        if (ev.kind == CONN_EV_TMF) {
            ev.task->response = session_abort(w->duo.target.session, ev.task);
            session_respond(w->duo.target.session, ev.task);
        }
}

static void abort_some(struct world *w, uint8_t function, uint32_t tag)
{
    struct task tmf = {.function = function % 8, .lun = 0, .referenced_tag = tag};
    session_abort(w->duo.target.session, &tmf);
}

/* --- what the target says --- */

static bool uses_stat_sn(const uint8_t *bhs)
{
    switch (wire_opcode(bhs)) {
    case WIRE_R2T:
        return false;
    case WIRE_DATA_IN:
        return bhs[1] & 1;
    case WIRE_NOP_IN:
        return wire_itt(bhs) != WIRE_TAG_NONE;
    default:
        return true;
    }
}

static void check_numbers(struct world *w, const uint8_t *bhs)
{
    struct wire_window n;
    get_window(bhs, &n);
    if (w->numbered && uses_stat_sn(bhs))
        fuzz_check(n.stat_sn == w->stat_sn);
    if (w->numbered)
        fuzz_check((int32_t)(n.max_cmd_sn - w->max_cmd_sn) >= 0);
    fuzz_check((int32_t)(n.max_cmd_sn - n.exp_cmd_sn + 1) >= 0 &&
               n.max_cmd_sn - n.exp_cmd_sn + 1 <= DUO_DEPTH);
    if (uses_stat_sn(bhs)) {
        w->stat_sn = n.stat_sn + 1;
        w->numbered = true;
    }
    w->max_cmd_sn = n.max_cmd_sn;
}

static void hear(struct world *w, uint64_t limit)
{
    uint8_t bhs[WIRE_BHS_LEN], data[DUO_SEGMENT];
    uint32_t len;
    duo_listen(&w->duo, limit);
    while (duo_hear(&w->duo, bhs, data, &len)) {
        check_numbers(w, bhs);
        for (uint32_t i = 0; wire_opcode(bhs) == WIRE_DATA_IN && i < len; i++)
            fuzz_check(data[i] == duo_byte(2, get32(bhs + 40) + i));
    }
}

/* --- what the initiator says --- */

static const uint8_t opcodes[] = {WIRE_SCSI_COMMAND, WIRE_SCSI_COMMAND,   WIRE_SCSI_COMMAND, WIRE_DATA_OUT,
                                  WIRE_DATA_OUT,     WIRE_DATA_OUT,       WIRE_NOP_OUT,      WIRE_TMF_REQUEST,
                                  WIRE_TEXT_REQUEST, WIRE_LOGOUT_REQUEST, WIRE_SNACK_REQUEST};

enum how {
    ODD_TAG = 1,
    ODD_NUMBERS = 2,
    ODD_PLACE = 4,
    ODD_LENGTH = 8,
    ODD_OPCODE = 16,
    DAMAGED = 32,
    IMMEDIATE = 64
};

static struct task *some_write(struct world *w, uint8_t which)
{
    struct session *s = w->duo.target.session;
    for (uint32_t i = 0; i < s->slots.count; i++) {
        uint32_t n = (which + i) % s->slots.count;
        struct task *t = &s->tasks[n];
        if (slots_taken(&s->slots, n) && t->state == TASK_ACTIVE && t->burst_count > 0)
            return t;
    }
    return NULL;
}

/* Goes on where the target waits; returns how much is due. */
static uint32_t put_place(uint8_t *bhs, const struct task *t, uint32_t len)
{
    const struct burst *b = &t->bursts[t->burst_first];
    uint32_t left = b->len - b->moved;
    len = len < left ? len : left;
    put32(bhs + 16, t->itt);
    put32(bhs + 20, b->ttt);
    put32(bhs + 36, b->data_sn);
    put32(bhs + 40, b->offset + b->moved);
    bhs[1] = len == left ? 0x80 : 0;
    return len;
}

/* A command as it was agreed; returns how much immediate data it has. */
static uint32_t put_command(struct world *w, uint8_t *bhs, uint8_t which, uint32_t len)
{
    const uint32_t *agreed = w->duo.target.session->keys.agreed;
    bool write = which & 1, open = write && which & 2 && !agreed[KEY_INITIAL_R2T];
    uint32_t edtl = get16(bhs + 34) % EDTL_MAX;
    uint32_t limit = write && agreed[KEY_IMMEDIATE_DATA] ? DUO_FIRST : 0;
    bhs[1] = (uint8_t)((open ? 0 : 0x80) | (write ? 0x20 : 0x40));
    put32(bhs + 20, edtl);
    len = len < limit ? len : limit;
    return len < edtl ? len : edtl;
}

static void put_requests(const struct world *w, uint8_t *bhs, uint8_t how, uint8_t which)
{
    if (!(how & ODD_TAG))
        put32(bhs + 16, which % 32u);
    if (!(how & ODD_NUMBERS))
        put32(bhs + 24, w->duo.target.session->exp_cmd_sn);
    if (how & IMMEDIATE)
        bhs[0] |= 0x40;
    if (wire_opcode(bhs) == WIRE_TEXT_REQUEST && !(how & ODD_PLACE)) {
        bhs[1] = 0x80;
        put32(bhs + 20, which & 1 ? WIRE_TAG_NONE : w->duo.target.conn->text_ttt);
    }
    if (wire_opcode(bhs) == WIRE_TMF_REQUEST && !(how & ODD_PLACE))
        put32(bhs + 20, which % 7u);
}

static void say(struct world *w)
{
    struct duo *d = &w->duo;
    uint8_t bhs[WIRE_BHS_LEN], data[DUO_SEGMENT + 8] = {0};
    uint8_t opcode = read8(&d->input), how = read8(&d->input), which = read8(&d->input);
    uint32_t len = read16(&d->input) % (how & ODD_LENGTH ? DUO_SEGMENT + 8 : DUO_SEGMENT);
    memset(bhs, 0, sizeof bhs);
    for (uint32_t i = 1; i < WIRE_BHS_LEN && which & 0x80; i++)
        bhs[i] = read8(&d->input);
    bhs[0] = how & ODD_OPCODE ? opcode : opcodes[opcode % sizeof opcodes];
    bhs[1] = read8(&d->input);
    put16(bhs + 34, read16(&d->input)); /* part of the CDB; edtl comes from here */
    put_requests(w, bhs, how, which);
    uint8_t what = wire_opcode(bhs);
    const struct task *t = what == WIRE_DATA_OUT ? some_write(w, which) : NULL;
    if (t && !(how & ODD_PLACE))
        len = put_place(bhs, t, len);
    if (what == WIRE_SCSI_COMMAND && !(how & ODD_PLACE))
        len = put_command(w, bhs, which, len);
    if ((what == WIRE_TMF_REQUEST || what == WIRE_SNACK_REQUEST) && !(how & ODD_LENGTH))
        len = 0;
    uint32_t offset = what == WIRE_DATA_OUT ? get32(bhs + 40) : 0;
    for (uint32_t i = 0; i < len; i++)
        data[i] = duo_byte(1, offset + i);
    if (d->wire_len >= DUO_WIRE / 2)
        return;
    duo_say(d, bhs, data, len);
    if (how & DAMAGED)
        duo_damage(d, which);
}

/* --- one step --- */

static void step(struct world *w, uint8_t op)
{
    struct duo *d = &w->duo;
    struct berth_seg segs[4];
    const struct wire_async async = {.event = WIRE_ASYNC_VENDOR};
    static const uint8_t words[16];
    switch (op % 32) {
    case 0:
    case 1:
    case 2:
    case 3:
        take_ready(w);
        break;
    case 4:
    case 5:
    case 6:
    case 7:
        respond(w, read8(&d->input), read16(&d->input));
        break;
    case 8:
        abort_some(w, read8(&d->input), read8(&d->input) % 7u);
        break;
    case 9:
        conn_send_async(d->target.conn, &async, words, op / 32 * 2u);
        break;
    case 10:
        conn_send_nop_in(d->target.conn);
        break;
    case 11: /* a receive is under way in the background until the next one */
        conn_rx_want(d->target.conn, segs, 4);
        break;
    case 12:
        w->refuse_memory = !w->refuse_memory;
        break;
    case 13:
        conn_tick(d->target.conn, d->now);
        break;
    case 14:
    case 15:
        hear(w, read8(&d->input));
        break;
    default:
        say(w);
        hear(w, UINT64_MAX);
        duo_deliver(d, op & 0x80 ? read8(&d->input) * 4u : DUO_WIRE);
    }
    drain(w);
}

static void end(struct world *w)
{
    struct duo *d = &w->duo;
    struct session *s = d->target.session;
    conn_drop(d->initiator.conn);
    conn_drop(d->target.conn);
    drain(w);
    fuzz_check(list_empty(&s->ready));
    while (w->in_hand > 0)
        respond(w, 0, 100);
    fuzz_check(w->begun == w->ended);
    fuzz_check(s->slots.taken == 0 && s->reserved == 0 && s->leaving == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world *w = calloc(1, sizeof *w);
    struct duo *d = &w->duo;
    const struct session_owner owner = {
        .task_begin = task_begin, .task_end = task_end, .login_check = login_check, .text = text, .owner = w};
    duo_begin(d, data, size);
    d->victim = &d->target;
    duo_configure(d, &d->initiator, ROLE_INITIATOR, NULL);
    duo_configure(d, &d->target, ROLE_TARGET, &owner);
    d->target.conn_config.background_rx = d->choice & 64;
    duo_session(&d->initiator);
    duo_session(&d->target);
    duo_conn(d, &d->initiator);
    duo_conn(d, &d->target);
    duo_log_in(d);
    for (uint32_t i = 0; i < OPS_MAX && reader_left(&d->input) > 0; i++)
        step(w, read8(&d->input));
    end(w);
    duo_side_free(&d->initiator);
    duo_side_free(&d->target);
    free(w);
    return 0;
}
