/* SPDX-License-Identifier: MIT */
/* An initiator between an owner who does everything an owner may (submits, gives up, pings, logs out, loses
 * the connection, moves house) and a target that says anything, half of it plausible. What must hold: every
 * task is done exactly once; its memory is given back then and not touched again; success of a read means
 * that every byte is the one the target has for that place; success of a write, that every byte was sent. */
#include "duo.h"
#include "proto/freeze.h"

#define IOS       DUO_DEPTH
#define IO_MAX    9000u
#define OPS_MAX   400u
#define RECONNECT 3u

struct io {
    struct task *task; /* NULL: free */
    uint32_t number;   /* of its pattern, never used twice */
    struct berth_seg segs[3];
    bool sent[IO_MAX]; /* of a write: these bytes went out */
};

struct world {
    struct duo duo;
    struct io ios[IOS];
    uint32_t numbers, reconnects;
    bool over;
};

/* --- the owner's memory: three pieces of their own --- */

static uint8_t *byte_at(struct io *io, uint32_t at)
{
    for (uint32_t i = 0;; at -= (uint32_t)io->segs[i++].len)
        if (at < io->segs[i].len)
            return (uint8_t *)io->segs[i].base + at;
}

static void give_memory(struct io *io, uint32_t len)
{
    uint32_t cut = len / 3;
    io->segs[0] = seg_memory(malloc(cut + 1), cut);
    io->segs[1] = seg_memory(malloc(cut + 1), cut);
    io->segs[2] = seg_memory(malloc(len - 2 * cut + 1), len - 2 * cut);
    for (uint32_t i = 0; i < 3; i++)
        memset(io->segs[i].base, 0, io->segs[i].len);
    io->task->data = (struct extent){.segs = io->segs, .count = 3, .len = len};
}

static void take_memory(struct io *io)
{
    for (uint32_t i = 0; i < 3; i++)
        free(io->segs[i].base);
}

/* --- the owner's doings --- */

static void submit(struct world *w, uint8_t how, uint32_t len)
{
    static const uint8_t kinds[] = {TASK_SCSI, TASK_SCSI, TASK_SCSI, TASK_TEXT, TASK_TMF};
    struct session *s = w->duo.initiator.session;
    struct io *io = &w->ios[how % IOS];
    struct task *task = io->task ? NULL : session_task(s, kinds[(how >> 3) % 5]);
    if (!task)
        return;
    *io = (struct io){.task = task, .number = ++w->numbers};
    task->owner_tag = (uint64_t)(io - w->ios);
    task->read = task->kind == TASK_SCSI && how & 0x40;
    task->write = task->kind == TASK_SCSI && !task->read;
    task->immediate = task->kind == TASK_TMF || (how & 0x80 && len % 7 == 0);
    task->cdb_len = len & 1 ? WIRE_CDB_MAX : WIRE_CDB_LEN;
    task->function = WIRE_TMF_LU_RESET;
    task->edtl = task->kind == TASK_TMF ? 0 : task->kind == TASK_TEXT ? len % 100 : len % IO_MAX;
    give_memory(io, task->kind == TASK_TEXT ? len % IO_MAX + 100 : task->edtl);
    for (uint32_t i = 0; task->write && i < task->edtl; i++)
        *byte_at(io, i) = duo_byte(io->number, i);
    session_submit(s, task);
}

static void check_success(struct io *io)
{
    const struct task *t = io->task;
    uint32_t used = t->edtl - (t->residual_kind == WIRE_RESIDUAL_UNDERFLOW ? t->residual : 0);
    fuzz_check(t->residual_kind != WIRE_RESIDUAL_UNDERFLOW || t->residual <= t->edtl);
    fuzz_check(t->response == 0 && t->status == 0);
    for (uint32_t i = 0; t->read && i < used; i++)
        fuzz_check(*byte_at(io, i) == duo_byte(io->number, i));
    for (uint32_t i = 0; t->write && i < used; i++)
        fuzz_check(io->sent[i]);
}

static void reap(struct world *w)
{
    struct session *s = w->duo.initiator.session;
    struct task *task;
    while ((task = session_reap(s)) != NULL) {
        struct io *io = &w->ios[task->owner_tag];
        fuzz_check(io->task == task && task->state == TASK_DONE && task->tx_refs == 0);
        if (task->error == BERTH_OK && task->kind == TASK_SCSI)
            check_success(io);
        take_memory(io); /* whoever touches it now is caught */
        session_task_free(s, task);
        io->task = NULL;
    }
}

static void drain(struct world *w)
{
    struct conn_event ev;
    while (conn_event(w->duo.initiator.conn, &ev))
        fuzz_check(ev.kind <= CONN_EV_ERROR && ev.kind != CONN_EV_TMF);
    reap(w);
}

static bool rebind(void *owner, struct task *task)
{
    struct world *w = owner;
    struct io *io = &w->ios[task->owner_tag % IOS];
    uint64_t len = task->data.len;
    struct berth_seg old[3];
    memcpy(old, io->segs, sizeof old);
    io->task = task;
    give_memory(io, (uint32_t)len);
    for (uint32_t i = 0; i < 3; i++) {
        memcpy(io->segs[i].base, old[i].base, old[i].len);
        free(old[i].base);
    }
    return true;
}

/* Into new memory; what was in the old is gone. */
static void move_house(struct world *w)
{
    struct duo_side *s = &w->duo.initiator;
    size_t max = session_frozen_max(s->session);
    uint8_t *record = malloc(max);
    struct writer out = writer_over(record, max);
    if (session_freeze(s->session, &out) == BERTH_E_STATE) {
        fuzz_check(s->conn->rx.lent);
        free(record);
        return;
    }
    fuzz_check(out.ok);
    struct reader in = reader_over(record, writer_len(&out));
    duo_side_free(s);
    s->memory[0] = malloc(session_size(&s->session_config));
    s->memory[1] = malloc(conn_size(NULL, &s->conn_config));
    struct thaw t = {s->memory[0], s->memory[1], &s->session_config, &s->conn_config, rebind, w};
    fuzz_check(session_thaw(&t, &in, &s->session, &s->conn) == BERTH_OK);
    free(record);
}

static void log_in(struct world *w)
{
    struct duo *d = &w->duo;
    d->wire_len = d->heard_len = 0;
    duo_session(&d->target);
    duo_conn(d, &d->target);
    duo_log_in(d);
}

/* Lost and made anew; what was on the wire is sent again or given up. */
static void reconnect(struct world *w, uint8_t how)
{
    struct duo *d = &w->duo;
    struct list *node;
    if (w->reconnects++ >= RECONNECT)
        return;
    conn_drop(d->initiator.conn);
    conn_drop(d->target.conn);
    duo_side_free(&d->target);
    reap(w);
    fuzz_check(d->initiator.session->in_flight == 0);
    while ((node = list_pop(&d->initiator.session->detached)) != NULL) {
        struct task *task = list_entry(node, struct task, link);
        fuzz_check(task->state == TASK_DETACHED && !task->conn);
        if (how & 1)
            session_requeue(d->initiator.session, task);
        else
            session_revoke(d->initiator.session, task, BERTH_E_UNKNOWN);
        if (how & 1)
            memset(w->ios[task->owner_tag].sent, 0, IO_MAX);
    }
    reap(w);
    session_restart(d->initiator.session);
    conn_init(d->initiator.memory[1], d->initiator.session, &d->initiator.conn_config, ++d->now);
    log_in(w);
}

/* --- what the initiator says --- */

static void note_sent(struct world *w, uint32_t itt, uint32_t offset, const uint8_t *data, uint32_t len)
{
    for (uint32_t i = 0; i < IOS && len; i++) {
        struct io *io = &w->ios[i];
        if (!io->task || io->task->itt != itt || !io->task->write)
            continue;
        fuzz_check(offset <= io->task->edtl && len <= io->task->edtl - offset);
        for (uint32_t n = 0; n < len; n++) {
            fuzz_check(data[n] == duo_byte(io->number, offset + n));
            fuzz_check(!io->sent[offset + n]); /* nothing twice */
            io->sent[offset + n] = true;
        }
    }
}

static void hear(struct world *w, uint64_t limit)
{
    uint8_t bhs[WIRE_BHS_LEN], data[DUO_SEGMENT];
    uint32_t len;
    duo_listen(&w->duo, limit);
    while (duo_hear(&w->duo, bhs, data, &len)) {
        if (wire_opcode(bhs) == WIRE_SCSI_COMMAND)
            note_sent(w, wire_itt(bhs), 0, data, len);
        if (wire_opcode(bhs) == WIRE_DATA_OUT)
            note_sent(w, wire_itt(bhs), get32(bhs + 40), data, len);
    }
}

/* --- what the target says --- */

static const uint8_t opcodes[] = {
    WIRE_DATA_IN,       WIRE_DATA_IN,       WIRE_DATA_IN,         WIRE_R2T,
    WIRE_R2T,           WIRE_SCSI_RESPONSE, WIRE_NOP_IN,          WIRE_TMF_RESPONSE,
    WIRE_TEXT_RESPONSE, WIRE_ASYNC,         WIRE_LOGOUT_RESPONSE, WIRE_REJECT};

enum how { ODD_TAG = 1, ODD_NUMBERS = 2, ODD_PLACE = 4, ODD_LENGTH = 8, ODD_OPCODE = 16, DAMAGED = 32 };

/* The kind of task that a PDU answers; -1: any. */
static int kind_for(uint8_t opcode)
{
    switch (opcode) {
    case WIRE_NOP_IN:
        return TASK_NOP;
    case WIRE_TMF_RESPONSE:
        return TASK_TMF;
    case WIRE_TEXT_RESPONSE:
        return TASK_TEXT;
    case WIRE_LOGOUT_RESPONSE:
        return TASK_LOGOUT;
    case WIRE_REJECT:
        return -1;
    default:
        return TASK_SCSI;
    }
}

static struct task *some_task(struct world *w, uint8_t opcode, uint8_t which)
{
    struct session *s = w->duo.initiator.session;
    int kind = kind_for(opcode);
    for (uint32_t i = 0; i < s->slots.count; i++) {
        uint32_t n = (which + i) % s->slots.count;
        struct task *t = &s->tasks[n];
        if (slots_taken(&s->slots, n) && t->state == TASK_ACTIVE && (kind < 0 || t->kind == kind))
            return t;
    }
    return NULL;
}

/* The header that is rejected. */
static void put_rejected(uint8_t *data, const struct task *t)
{
    static const uint8_t requests[] = {WIRE_SCSI_COMMAND, WIRE_TMF_REQUEST, WIRE_NOP_OUT, WIRE_TEXT_REQUEST,
                                       WIRE_LOGOUT_REQUEST};
    data[0] = requests[t->kind];
    put32(data + 16, t->itt);
}

static void put_numbers(struct world *w, uint8_t *bhs, uint8_t how)
{
    const struct session *s = w->duo.initiator.session;
    if (how & ODD_NUMBERS)
        return;
    put32(bhs + 24, w->duo.initiator.conn->exp_stat_sn);
    put32(bhs + 28, s->cmd_sn);
    put32(bhs + 32, s->cmd_sn + DUO_DEPTH);
}

/* Where the task goes on; returns how long a data segment fits. */
static uint32_t put_place(uint8_t *bhs, const struct task *t, uint32_t len)
{
    uint32_t left = t->edtl - (wire_opcode(bhs) == WIRE_R2T ? t->asked : t->moved);
    if (len > left)
        len = left;
    put32(bhs + 36, wire_opcode(bhs) == WIRE_R2T ? t->r2t_sn : t->data_sn);
    put32(bhs + 40, wire_opcode(bhs) == WIRE_R2T ? t->asked : t->moved);
    if (wire_opcode(bhs) == WIRE_R2T)
        put32(bhs + 44, len);
    return len;
}

/* Data-In has the right bytes for its place, whatever the place; everything else what the input has. */
static void put_data(struct world *w, const uint8_t *bhs, uint8_t *data, uint32_t len)
{
    uint32_t offset = get32(bhs + 40);
    for (uint32_t i = 0; i < IOS; i++)
        if (w->ios[i].task && w->ios[i].task->itt == wire_itt(bhs) && wire_opcode(bhs) == WIRE_DATA_IN)
            for (uint32_t n = 0; n < len; n++)
                data[n] = duo_byte(w->ios[i].number, offset + n);
}

/* A completed command in most cases: no residual, status good, ExpDataSN right. */
static void put_outcome(uint8_t *bhs, const struct task *t, uint8_t how)
{
    if (wire_opcode(bhs) == WIRE_SCSI_RESPONSE && !(how & ODD_LENGTH)) {
        bhs[1] = 0x80;
        bhs[2] = bhs[3] = 0;
        put32(bhs + 36, t->data_sn);
    }
    if (wire_opcode(bhs) == WIRE_DATA_IN && !(how & ODD_LENGTH)) {
        bhs[1] &= 0x81;
        bhs[3] = 0;
    }
    if (wire_opcode(bhs) == WIRE_TEXT_RESPONSE && !(how & ODD_LENGTH))
        put32(bhs + 20, bhs[1] & 0x80 ? WIRE_TAG_NONE : 7);
}

static void say(struct world *w)
{
    struct duo *d = &w->duo;
    uint8_t bhs[WIRE_BHS_LEN], data[DUO_SEGMENT + 8] = {0};
    uint8_t opcode = read8(&d->input), how = read8(&d->input), which = read8(&d->input);
    uint32_t len = read16(&d->input) % (how & ODD_LENGTH ? DUO_SEGMENT + 8 : DUO_SEGMENT);
    for (uint32_t i = 0; i < WIRE_BHS_LEN; i += 4)
        put32(bhs + i, 0);
    for (uint32_t i = 1; i < WIRE_BHS_LEN && which & 0x80; i++)
        bhs[i] = read8(&d->input);
    bhs[0] = how & ODD_OPCODE ? opcode : opcodes[opcode % sizeof opcodes];
    bhs[1] = read8(&d->input);
    const struct task *t = some_task(w, bhs[0], which);
    if (t && !(how & ODD_TAG))
        put32(bhs + 16, t->itt);
    put_numbers(w, bhs, how);
    if (t && !(how & ODD_PLACE) && (wire_opcode(bhs) == WIRE_DATA_IN || wire_opcode(bhs) == WIRE_R2T))
        len = put_place(bhs, t, len);
    if (t)
        put_outcome(bhs, t, how);
    bool none = wire_opcode(bhs) == WIRE_R2T || wire_opcode(bhs) == WIRE_TMF_RESPONSE;
    for (uint32_t i = 0; i < len && i < 60; i++)
        data[i] = read8(&d->input);
    if (t && bhs[0] == WIRE_REJECT && !(how & ODD_PLACE))
        put_rejected(data, t);
    put_data(w, bhs, data, len);
    if (d->wire_len >= DUO_WIRE / 2)
        return;
    duo_say(d, bhs, data, none && !(how & ODD_LENGTH) ? 0 : len);
    if (how & DAMAGED)
        duo_damage(d, which);
}

/* --- one step --- */

static void give_up(struct world *w, uint8_t which)
{
    struct task *t = w->ios[which % IOS].task;
    if (t)
        session_revoke(w->duo.initiator.session, t, BERTH_E_ABORTED);
}

static void step(struct world *w, uint8_t op)
{
    struct duo *d = &w->duo;
    struct berth_seg segs[4];
    switch (op % 32) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4:
        submit(w, read8(&d->input), read16(&d->input));
        break;
    case 5:
    case 6:
        give_up(w, read8(&d->input));
        break;
    case 7:
        conn_ping(d->initiator.conn);
        break;
    case 8:
        if (read8(&d->input) == 0x5a)
            conn_logout(d->initiator.conn, WIRE_LOGOUT_SESSION);
        break;
    case 9:
        reconnect(w, read8(&d->input));
        break;
    case 10:
    case 11:
        move_house(w);
        break;
    case 12: /* a receive is under way in the background until the next one */
        conn_rx_want(d->initiator.conn, segs, 4);
        break;
    case 13:
        conn_tick(d->initiator.conn, d->now);
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

/* Nothing is left behind anywhere. */
static void end(struct world *w)
{
    struct duo *d = &w->duo;
    struct session *s = d->initiator.session;
    conn_drop(d->initiator.conn);
    conn_drop(d->target.conn);
    reap(w);
    for (uint32_t i = 0; i < IOS; i++)
        if (w->ios[i].task)
            session_revoke(s, w->ios[i].task, BERTH_E_LOST);
    reap(w);
    for (uint32_t i = 0; i < IOS; i++)
        fuzz_check(!w->ios[i].task);
    fuzz_check(s->in_flight == 0 && s->slots.taken == 0);
    fuzz_check(list_empty(&s->queued) && list_empty(&s->detached) && list_empty(&s->done));
}

static uint16_t login_check(void *owner, struct conn *c)
{
    (void)owner;
    conn_session(c)->tsih = 1;
    return WIRE_LOGIN_SUCCESS;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct session_owner owner = {.login_check = login_check};
    struct world *w = calloc(1, sizeof *w);
    struct duo *d = &w->duo;
    duo_begin(d, data, size);
    d->victim = &d->initiator;
    duo_configure(d, &d->initiator, ROLE_INITIATOR, NULL);
    duo_configure(d, &d->target, ROLE_TARGET, &owner);
    d->initiator.conn_config.background_rx = d->choice & 64;
    duo_session(&d->initiator);
    duo_conn(d, &d->initiator);
    log_in(w);
    for (uint32_t i = 0; i < OPS_MAX && reader_left(&d->input) > 0; i++)
        step(w, read8(&d->input));
    end(w);
    duo_side_free(&d->initiator);
    duo_side_free(&d->target);
    free(w);
    return 0;
}
