/* SPDX-License-Identifier: MIT */
/* A connection against a peer that sends anything. Two cores log in to each other; then one of them is the
 * victim and the input speaks for the other: PDUs whose tags and numbers are made plausible so that they
 * reach the handlers. What must hold whatever comes: a task is done once, its memory is not written after
 * that, and success means that the bytes add up. */
#include "fuzz.h"
#include "base/cursor.h"
#include "host/crypto.h"
#include "proto/core.h"

#define TASKS      6u
#define TASK_BYTES 20000u
#define PDU_DATA   4096u

struct side {
    struct session *session;
    struct conn *conn;
    void *memory[2];
    struct login_config login;
};

struct io {
    struct task *task;
    struct berth_seg seg;
    bool reaped;
    uint32_t sum; /* of the memory, when it was reaped */
};

struct world {
    struct side initiator, target;
    struct io ios[TASKS];
    struct reader input;
    uint8_t answer[TASK_BYTES];
    struct berth_seg answer_seg;
    uint32_t begun, ended;
};

static const uint8_t opcodes_of_target[] = {
    WIRE_NOP_IN,          WIRE_SCSI_RESPONSE, WIRE_TMF_RESPONSE, WIRE_DATA_IN, WIRE_TEXT_RESPONSE,
    WIRE_LOGOUT_RESPONSE, WIRE_R2T,           WIRE_ASYNC,        WIRE_REJECT,  WIRE_LOGIN_RESPONSE};
static const uint8_t opcodes_of_initiator[] = {WIRE_NOP_OUT,       WIRE_SCSI_COMMAND, WIRE_TMF_REQUEST,
                                               WIRE_DATA_OUT,      WIRE_TEXT_REQUEST, WIRE_LOGOUT_REQUEST,
                                               WIRE_SNACK_REQUEST, WIRE_LOGIN_REQUEST};

/* --- the target's owner --- */

static void task_begin(void *owner, struct task *task)
{
    struct world *w = owner;
    if (task->edtl > TASK_BYTES)
        return; /* swallowed */
    struct berth_seg *seg = malloc(sizeof *seg);
    *seg = seg_memory(calloc(1, task->edtl + 1), task->edtl);
    task->data = (struct extent){.segs = seg, .count = 1, .len = task->edtl};
    w->begun++;
}

static void task_end(void *owner, struct task *task)
{
    struct world *w = owner;
    if (!task->data.segs || task->data.segs == &w->answer_seg)
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
    for (; *cursor < 400; ++*cursor) {
        if (writer_left(answer) < 64)
            return true;
        text_put(answer, "TargetName", "iqn.2026-11.test:one-of-many");
    }
    return false;
}

/* --- two cores, logged in --- */

static void side_init(struct world *w, struct side *s, enum wire_role role, uint8_t choice)
{
    struct session_config sc = {.role = (uint8_t)role,
                                .depth = TASKS,
                                .isid = {0x80, 0, 0, 0, 0, 1},
                                .first_cmd_sn = 0xfffffffcu,
                                .crypto = host_crypto(),
                                .owner = {.task_begin = task_begin,
                                          .task_end = task_end,
                                          .login_check = login_check,
                                          .text = text,
                                          .owner = w}};
    struct conn_config cc = {.cid = 1,
                             .stage_bytes = CONN_STAGE_MIN,
                             .control_bytes = CONN_CONTROL_MIN,
                             .direct_bytes = 1024,
                             .login_timeout_ns = 1000,
                             .login = &s->login};
    negotiation_init(&s->login.want, role);
    negotiation_want(&s->login.want, KEY_INITIAL_R2T, choice & 4);
    negotiation_want(&s->login.want, KEY_IMMEDIATE_DATA, !(choice & 8));
    negotiation_want(&s->login.want, KEY_MAX_BURST_LENGTH, 8192);
    negotiation_want(&s->login.want, KEY_FIRST_BURST_LENGTH, 2048);
    negotiation_want(&s->login.want, KEY_MAX_OUTSTANDING_R2T, 4);
    negotiation_want(&s->login.want, KEY_MAX_RECV_DATA_SEGMENT_LENGTH, PDU_DATA);
    s->login.initiator_name = "iqn.2026-11.test:i";
    s->login.target_name = "iqn.2026-11.test:t";
    s->login.portal_group = 1;
    s->login.want.discovery = s->login.discovery = choice & 16;
    s->memory[0] = malloc(session_size(&sc));
    s->session = session_init(s->memory[0], &sc);
    s->memory[1] = calloc(1, conn_size(s->session, &cc));
    s->conn = conn_init(s->memory[1], s->session, &cc, 0);
}

/* Moves what `from` has to say; false if that was nothing. `to` may be NULL: nobody hears it. */
static bool speak(struct side *from, struct side *to)
{
    struct berth_seg segs[8];
    uint32_t n = conn_tx_peek(from->conn, segs, 8);
    uint64_t moved = 0, took = 0;
    for (uint32_t i = 0; i < n && took == (i ? segs[i - 1].len : 0); i++)
        moved += took = to ? conn_feed(to->conn, segs[i].base, segs[i].len, 1) : segs[i].len;
    conn_tx_done(from->conn, conn_epoch(from->conn), moved);
    return moved > 0;
}

static void drain(struct side *s)
{
    struct conn_event ev;
    while (conn_event(s->conn, &ev))
        if (ev.kind == CONN_EV_TMF) {
            ev.task->response = session_abort(s->session, ev.task);
            session_respond(s->session, ev.task);
        }
}

static void log_in(struct world *w)
{
    bool more;
    do {
        more = speak(&w->initiator, &w->target);
        more |= speak(&w->target, &w->initiator);
        drain(&w->initiator);
        drain(&w->target);
    } while (more);
    fuzz_check(session_up(w->initiator.session) && session_up(w->target.session));
}

/* --- the victim's owner at work --- */

static void submit(struct io *io, struct session *s, uint8_t choice, uint32_t number)
{
    uint32_t len = number * 4096u + 100;
    io->seg = seg_memory(calloc(1, len), len);
    io->task = session_task(s, TASK_SCSI);
    fuzz_check(io->task);
    io->task->read = (choice ^ number) & 1;
    io->task->write = !io->task->read;
    io->task->cdb_len = number & 2 ? WIRE_CDB_MAX : WIRE_CDB_LEN;
    io->task->edtl = len < TASK_BYTES ? len : TASK_BYTES;
    io->seg.len = io->task->edtl;
    io->task->data = (struct extent){.segs = &io->seg, .count = 1, .len = io->task->edtl};
    session_submit(s, io->task);
}

static uint32_t sum(const struct io *io)
{
    uint32_t sum = 0;
    for (uint64_t i = 0; i < io->seg.len; i++)
        sum = sum * 31 + ((const uint8_t *)io->seg.base)[i];
    return sum;
}

static void reaped(struct io *io)
{
    const struct task *t = io->task;
    fuzz_check(!io->reaped && t->state == TASK_DONE && t->tx_refs == 0);
    if (t->error == BERTH_OK) {
        fuzz_check(t->residual_kind != WIRE_RESIDUAL_UNDERFLOW || t->residual <= t->edtl);
        fuzz_check(!t->read || t->moved == t->edtl || t->residual_kind == WIRE_RESIDUAL_UNDERFLOW);
    }
    io->reaped = true;
    io->sum = sum(io);
}

static void initiator_works(struct world *w)
{
    struct task *task;
    drain(&w->initiator);
    while ((task = session_reap(w->initiator.session)) != NULL)
        for (uint32_t i = 0; i < TASKS; i++)
            if (w->ios[i].task == task)
                reaped(&w->ios[i]);
}

static void target_works(struct world *w)
{
    struct task *task;
    drain(&w->target);
    while ((task = session_next_ready(w->target.session)) != NULL) {
        if (task->write)
            fuzz_check(task->moved <= task->edtl);
        if (task->read && !task->write) {
            w->answer_seg = seg_memory(w->answer, TASK_BYTES);
            task->data = (struct extent){.segs = &w->answer_seg, .count = 1, .len = TASK_BYTES};
        }
        session_respond(w->target.session, task);
    }
}

/* --- the peer, as the input has it --- */

enum choice_bits { AS_IS_TAG = 0x80, AS_IS_NUMBERS = 0x40, AS_IS_PLACE = 0x20, IMMEDIATE = 0x10 };

/* A task of the initiator: itself. A task of the target: any that has a command's tag. */
static struct task *some_task(struct world *w, bool to_target, uint8_t choice)
{
    if (!to_target) {
        struct io *io = &w->ios[choice % TASKS];
        return io->reaped ? NULL : io->task;
    }
    for (uint32_t i = 0; i < TASKS; i++) {
        uint32_t n = (choice + i) % TASKS;
        struct task *t = &w->target.session->tasks[n];
        if (slots_taken(&w->target.session->slots, n) && t->state == TASK_ACTIVE)
            return t;
    }
    return NULL;
}

static void target_tags(struct world *w, uint8_t *bhs, uint8_t choice, const struct task *task)
{
    if (!(choice & AS_IS_TAG) && task)
        put32(bhs + 16, task->itt);
    if (!(choice & AS_IS_NUMBERS))
        put32(bhs + 24, w->initiator.conn->exp_stat_sn);
    put32(bhs + 28, w->initiator.session->cmd_sn);
    put32(bhs + 32, w->initiator.session->cmd_sn + TASKS);
}

/* Offsets and sequence numbers as the victim waits for them. */
static void target_place(uint8_t *bhs, const struct task *task)
{
    bool r2t = wire_opcode(bhs) == WIRE_R2T;
    put32(bhs + 36, r2t ? task->r2t_sn : task->data_sn);
    put32(bhs + 40, task->moved);
    if (r2t)
        put32(bhs + 44, get32(bhs + 44) % 8192);
    else
        bhs[1] &= 0xf9; /* no residual */
}

static void initiator_tags(struct world *w, uint8_t *bhs, uint8_t choice)
{
    if (!(choice & AS_IS_TAG))
        put32(bhs + 16, choice % 8);
    if (!(choice & AS_IS_NUMBERS))
        put32(bhs + 24, w->target.session->exp_cmd_sn);
    if (choice & IMMEDIATE)
        bhs[0] |= 0x40;
    if (wire_opcode(bhs) == WIRE_SCSI_COMMAND)
        put32(bhs + 20, get32(bhs + 20) % (2 * TASK_BYTES));
}

static void initiator_place(uint8_t *bhs, const struct task *task)
{
    const struct burst *b = &task->bursts[task->burst_first % (sizeof task->bursts / sizeof task->bursts[0])];
    put32(bhs + 16, task->itt);
    put32(bhs + 20, b->ttt);
    put32(bhs + 36, b->data_sn);
    put32(bhs + 40, b->offset + b->moved);
}

static void make_plausible(struct world *w, bool to_target, uint8_t *bhs, uint8_t choice)
{
    const struct task *task = some_task(w, to_target, choice);
    uint8_t opcode = wire_opcode(bhs);
    if (to_target)
        initiator_tags(w, bhs, choice);
    else
        target_tags(w, bhs, choice, task);
    if (!task || (choice & AS_IS_PLACE))
        return;
    if (opcode == WIRE_DATA_IN || opcode == WIRE_R2T)
        target_place(bhs, task);
    if (opcode == WIRE_DATA_OUT)
        initiator_place(bhs, task);
}

static uint8_t opcode_of(uint8_t byte, bool to_target)
{
    if (byte & 0x80)
        return byte & 0x3f;
    return to_target ? opcodes_of_initiator[byte % sizeof opcodes_of_initiator]
                     : opcodes_of_target[byte % sizeof opcodes_of_target];
}

/* Data of the input as far as it goes (SCSI data is mostly zeros, so that short inputs move much), then
 * zeros. */
static void feed_data(struct world *w, struct side *victim, uint8_t opcode, uint32_t len)
{
    static const uint8_t zeros[PDU_DATA + 16];
    size_t given = opcode == WIRE_DATA_IN || opcode == WIRE_DATA_OUT ? 4 : len;
    if (given > reader_left(&w->input))
        given = reader_left(&w->input);
    if (given > len)
        given = len;
    conn_feed(victim->conn, read_bytes(&w->input, given), given, 2);
    conn_feed(victim->conn, zeros, len + wire_padding(len) - given, 2);
}

/* One PDU: opcode, choice, length of the data, the header's bytes, data. */
static bool attack(struct world *w, struct side *victim, bool to_target)
{
    uint8_t bhs[WIRE_BHS_LEN], opcode = opcode_of(read8(&w->input), to_target), choice = read8(&w->input);
    uint32_t len = read16(&w->input) % (PDU_DATA + 8);
    const uint8_t *bytes = read_bytes(&w->input, WIRE_BHS_LEN);
    if (!bytes)
        return false;
    memcpy(bhs, bytes, sizeof bhs);
    bhs[0] = opcode;
    make_plausible(w, to_target, bhs, choice);
    wire_set_lengths(bhs, 0, len);
    if (conn_feed(victim->conn, bhs, sizeof bhs, 2) < sizeof bhs)
        return false;
    feed_data(w, victim, opcode, len);
    return true;
}

/* The connection dies; what the initiator still has is given up, and no memory has changed behind anybody's
 * back. */
static void check_after(struct world *w)
{
    conn_drop(w->initiator.conn);
    conn_drop(w->target.conn);
    for (uint32_t i = 0; i < TASKS; i++)
        if (w->ios[i].task && !w->ios[i].reaped)
            session_revoke(w->initiator.session, w->ios[i].task, BERTH_E_LOST);
    initiator_works(w);
    fuzz_check(w->begun == w->ended);
    for (uint32_t i = 0; i < TASKS; i++) {
        struct io *io = &w->ios[i];
        fuzz_check(!io->task || (io->reaped && io->sum == sum(io)));
        free(io->seg.base);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world *w = calloc(1, sizeof *w);
    w->input = reader_over(data, size);
    uint8_t choice = read8(&w->input);
    bool to_target = choice & 1, early = choice & 2;
    struct side *victim = to_target ? &w->target : &w->initiator;

    side_init(w, &w->initiator, ROLE_INITIATOR, choice);
    side_init(w, &w->target, ROLE_TARGET, choice);
    if (!early)
        log_in(w);
    for (uint32_t i = 0; !to_target && i < TASKS; i++)
        submit(&w->ios[i], w->initiator.session, choice >> 5, i);
    do {
        speak(victim, NULL);
        if (to_target)
            target_works(w);
        else
            initiator_works(w);
    } while (attack(w, victim, to_target));
    speak(victim, NULL);
    check_after(w);
    free(w->initiator.memory[0]);
    free(w->initiator.memory[1]);
    free(w->target.memory[0]);
    free(w->target.memory[1]);
    free(w);
    return 0;
}
