/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "base/bytes.h"
#include "host/crypto.h"
#include "pair.h"

uint32_t pair_random(struct pair *p, uint32_t below)
{
    p->random += 0x9e3779b97f4a7c15ull;
    uint64_t z = p->random;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return below ? (uint32_t)((z ^ (z >> 31)) % below) : 0;
}

void pair_config_init(struct pair_config *config, uint64_t seed)
{
    *config = (struct pair_config){.seed = seed,
                                   .immediate_data = true,
                                   .max_burst = 65536,
                                   .first_burst = 16384,
                                   .max_r2t = 1,
                                   .segment_i = 8192,
                                   .segment_t = 8192,
                                   .stage_bytes = CONN_STAGE_MIN,
                                   .direct_bytes = 4096,
                                   .first_cmd_sn = 0xfffffff8u};
}

/* --- the target's owner --- */

static void task_begin(void *owner, struct task *task)
{
    struct pair *p = owner;
    p->begun++;
    if (p->config.refuse_memory)
        return;
    struct berth_seg *seg = malloc(sizeof *seg);
    *seg = seg_memory(malloc(task->edtl + 1), task->edtl);
    task->data = (struct extent){.segs = seg, .count = 1, .len = task->edtl};
}

static void task_end(void *owner, struct task *task)
{
    struct pair *p = owner;
    p->ended++;
    if (task->kind == TASK_SCSI && task->data.segs) {
        free(task->data.segs->base);
        free((void *)(uintptr_t)task->data.segs);
    }
}

static uint16_t login_check(void *owner, struct conn *c)
{
    const struct pair *p = owner;
    struct span where = {p->config.redirect, p->config.redirect ? strlen(p->config.redirect) : 0};
    if (where.len > 0)
        portal_parse(where, &conn_login(c)->redirect);
    if (p->config.refuse)
        return p->config.refuse;
    conn_session(c)->tsih = 7;
    return conn_session(c)->discovery || strcmp(conn_login(c)->target_name, "iqn.2026-11.test:t") == 0
               ? WIRE_LOGIN_SUCCESS
               : WIRE_LOGIN_NOT_FOUND;
}

/* In a normal session a text is the protocol's own affair. */
static bool take_keys(struct conn *c, struct span request, struct writer *answer)
{
    struct reader r = reader_over(request.at, request.len);
    struct span key, value;
    while (text_next(&r, &key, &value) == TEXT_PAIR)
        conn_take_key(c, key, value, answer);
    return false;
}

/* 40 targets, as many as fit in one answer at a time. */
static bool text(void *owner, struct conn *c, struct span request, struct writer *answer, uint32_t *cursor)
{
    (void)owner;
    if (!conn_session(c)->discovery)
        return take_keys(c, request, answer);
    for (; *cursor < 40; ++*cursor) {
        if (writer_left(answer) < 80)
            return true;
        char name[] = "iqn.2026-11.test:t00";
        name[18] = (char)('0' + *cursor / 10);
        name[19] = (char)('0' + *cursor % 10);
        text_put(answer, "TargetName", name);
    }
    return false;
}

static void execute(struct pair *p, struct task *task)
{
    uint32_t offset = get32(task->cdb + 4), len = get32(task->cdb + 8);
    static const uint8_t sense[18] = {0x70, 0, 5, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x24, 0};
    p->executed++;
    assert(offset <= PAIR_DISK && len <= PAIR_DISK - offset);
    if (task->cdb[0] == 'W' && p->config.refuse_memory) {
        task->status = 8;
    } else if (task->cdb[0] == 'W') {
        assert(task->moved == task->edtl);
        extent_read(&task->data, 0, p->disk + offset, len);
    } else if (task->cdb[0] == 'R') {
        struct berth_seg *seg = malloc(sizeof *seg);
        *seg = seg_memory(malloc(len + 1), len);
        memcpy(seg->base, p->disk + offset, len);
        task->data = (struct extent){.segs = seg, .count = 1, .len = len};
    } else {
        task->status = 2;
        task->sense_len = sizeof sense;
        memcpy(task->sense, sense, sizeof sense);
    }
    session_respond(p->ts, task);
}

static bool target_work(struct pair *p)
{
    struct conn_event ev;
    struct task *task;
    bool did = false;
    while (conn_event(p->tc, &ev)) {
        p->last_t = ev;
        did = true;
        if (ev.kind == CONN_EV_TMF) {
            ev.task->response = session_abort(p->ts, ev.task);
            session_respond(p->ts, ev.task);
        }
    }
    while ((task = session_next_ready(p->ts)) != NULL) {
        execute(p, task);
        did = true;
    }
    return did;
}

/* --- set up --- */

static const uint8_t strong_first[] = {WIRE_CHAP_SHA256, WIRE_CHAP_SHA1, WIRE_CHAP_MD5};
static const uint8_t all_algorithms[] = {WIRE_CHAP_SHA3_256, WIRE_CHAP_SHA256, WIRE_CHAP_SHA1, WIRE_CHAP_MD5};

static struct login_credentials credentials(const char *name, const char *secret)
{
    return (struct login_credentials){name, (const uint8_t *)secret, secret ? strlen(secret) : 0};
}

static void want_common(struct negotiation *n, const struct pair_config *c, uint32_t segment)
{
    negotiation_want(n, KEY_MAX_RECV_DATA_SEGMENT_LENGTH, segment);
    negotiation_want(n, KEY_MAX_BURST_LENGTH, c->max_burst);
    negotiation_want(n, KEY_FIRST_BURST_LENGTH, c->first_burst);
    negotiation_want(n, KEY_MAX_OUTSTANDING_R2T, c->max_r2t);
    negotiation_want(n, KEY_INITIAL_R2T, c->initial_r2t);
    negotiation_want(n, KEY_IMMEDIATE_DATA, c->immediate_data);
    negotiation_want(n, KEY_HEADER_DIGEST,
                     c->header_digest ? CHOICES1(DIGEST_CRC32C) : CHOICES2(DIGEST_NONE, DIGEST_CRC32C));
    negotiation_want(n, KEY_DATA_DIGEST,
                     c->data_digest ? CHOICES1(DIGEST_CRC32C) : CHOICES2(DIGEST_NONE, DIGEST_CRC32C));
}

static void login_config_init(struct login_config *l, enum wire_role role)
{
    memset(l, 0, sizeof *l);
    memcpy(l->algorithms, strong_first, sizeof strong_first);
    l->algorithm_count = sizeof strong_first;
    negotiation_init(&l->want, role);
}

static void set_up_logins(struct pair *p)
{
    const struct pair_config *c = &p->config;
    login_config_init(&p->il, ROLE_INITIATOR);
    p->il.initiator_name = "iqn.2026-11.test:i";
    p->il.target_name = c->discovery ? NULL : c->target_name ? c->target_name : "iqn.2026-11.test:t";
    if (c->algorithm) {
        p->il.algorithms[0] = c->algorithm;
        p->il.algorithm_count = 1;
    }
    p->il.discovery = c->discovery;
    p->il.want.discovery = c->discovery;
    p->il.memory = &p->remembered;
    p->il.mine = credentials(c->user, c->secret);
    p->il.peer = credentials(c->mutual_user, c->mutual_secret);
    want_common(&p->il.want, c, c->segment_i);
    login_config_init(&p->tl, ROLE_TARGET);
    memcpy(p->tl.algorithms, all_algorithms, sizeof all_algorithms);
    p->tl.algorithm_count = sizeof all_algorithms;
    p->accounts[0] = credentials("somebody else", c->t_secret);
    p->accounts[1] = credentials(c->t_user, c->t_secret);
    p->accounts[2] = credentials("the last one", "and his secret of some length");
    p->tl.accounts = p->accounts;
    p->tl.account_count = c->t_user ? 3 : 0;
    p->tl.mine = credentials(c->t_mutual_user, c->t_mutual_secret);
    p->tl.required = c->t_user != NULL;
    p->tl.portal_group = 1;
    want_common(&p->tl.want, c, c->segment_t);
    if (c->digest_mismatch)
        p->tl.want.mine[KEY_HEADER_DIGEST] = CHOICES1(DIGEST_NONE);
    p->tl.want.wanted = 1ull << KEY_MAX_RECV_DATA_SEGMENT_LENGTH;
    p->tl.want.mine[KEY_AUTH_METHOD] = c->t_user ? CHOICES1(AUTH_CHAP) : CHOICES1(AUTH_NONE);
}

static struct conn_config conn_config(const struct pair *p, const struct login_config *login)
{
    return (struct conn_config){.cid = 3,
                                .stage_bytes = p->config.stage_bytes,
                                .control_bytes =
                                    p->config.control_bytes ? p->config.control_bytes : CONN_CONTROL_MIN,
                                .direct_bytes = p->config.direct_bytes,
                                .login_timeout_ns = 1000,
                                .login = login};
}

static void set_up_sessions(struct pair *p)
{
    struct session_config sc = {.role = ROLE_INITIATOR,
                                .depth = p->config.depth ? p->config.depth : PAIR_DEPTH,
                                .isid = {0x80, 1, 2, 3, 4, 5},
                                .first_cmd_sn = p->config.first_cmd_sn,
                                .crypto = host_crypto()};
    p->isc = p->tsc = sc;
    p->tsc.role = ROLE_TARGET;
    p->tsc.depth = p->config.t_depth ? p->config.t_depth : PAIR_DEPTH;
    p->tsc.owner = (struct session_owner){
        .task_begin = task_begin, .task_end = task_end, .login_check = login_check, .text = text, .owner = p};
    p->icc = conn_config(p, &p->il);
    p->tcc = conn_config(p, &p->tl);
}

static void join_target(struct pair *p)
{
    p->memory[1] = malloc(session_size(&p->tsc));
    p->ts = session_init(p->memory[1], &p->tsc);
    p->memory[3] = calloc(1, conn_size(p->ts, &p->tcc));
    p->tc = conn_init(p->memory[3], p->ts, &p->tcc, p->now);
}

static uint64_t time_of(void *pair)
{
    const struct pair *p = pair;
    return p->now;
}

struct pair *pair_new(const struct pair_config *config)
{
    struct pair *p = calloc(1, sizeof *p);
    p->config = *config;
    p->random = config->seed;
    set_up_logins(p);
    set_up_sessions(p);
    p->memory[0] = malloc(session_size(&p->isc));
    p->is = session_init(p->memory[0], &p->isc);
    p->memory[2] = calloc(1, conn_size(p->is, &p->icc));
    p->ic = conn_init(p->memory[2], p->is, &p->icc, p->now);
    join_target(p);
    witness_begin(&p->witness, time_of, p, p->config.breaks);
    p->referee = witness_connection(&p->witness);
    return p;
}

void pair_drop(struct pair *p)
{
    conn_drop(p->ic);
    conn_drop(p->tc);
    p->up = false;
}

void pair_reconnect(struct pair *p)
{
    free(p->memory[1]);
    free(p->memory[3]);
    session_restart(p->is);
    conn_init(p->memory[2], p->is, &p->icc, p->now);
    join_target(p);
    referee_free(p->referee);
    p->referee = witness_connection(&p->witness);
}

void pair_free(struct pair *p)
{
    referee_free(p->referee);
    witness_end(&p->witness);
    pair_drop(p);
    for (size_t i = 0; i < 4; i++)
        free(p->memory[i]);
    free(p);
}

/* --- moving bytes --- */

void pair_show(struct pair *p, bool to_target, const void *bytes, uint64_t len)
{
    scan_bytes(to_target ? referee_received(p->referee) : referee_sent(p->referee), bytes, len);
}

static uint64_t move(struct pair *p, struct conn *from, struct conn *to, uint32_t max, uint64_t limit)
{
    struct berth_seg segs[16];
    uint32_t n = conn_tx_peek(from, segs, max);
    uint64_t moved = 0;
    for (uint32_t i = 0; i < n && moved < limit; i++) {
        uint64_t want = segs[i].len < limit - moved ? segs[i].len : limit - moved;
        uint64_t took = conn_feed(to, segs[i].base, want, p->now);
        pair_show(p, to == p->tc, segs[i].base, took);
        moved += took;
        if (took < want)
            break;
    }
    if (moved)
        conn_tx_done(from, conn_epoch(from), moved);
    return moved;
}

uint64_t pair_move(struct pair *p, bool to_target, uint64_t limit)
{
    uint64_t moved = to_target ? move(p, p->ic, p->tc, 16, limit) : move(p, p->tc, p->ic, 16, limit);
    *(to_target ? &p->i_to_t : &p->t_to_i) += moved;
    return moved;
}

static uint64_t move_some(struct pair *p, bool to_target)
{
    uint32_t segs = 1 + pair_random(p, 16);
    uint64_t limit = p->config.max_move ? 1 + pair_random(p, p->config.max_move) : UINT64_MAX;
    uint64_t moved = to_target ? move(p, p->ic, p->tc, segs, limit) : move(p, p->tc, p->ic, segs, limit);
    *(to_target ? &p->i_to_t : &p->t_to_i) += moved;
    return moved;
}

static bool initiator_work(struct pair *p)
{
    bool did = false;
    struct conn_event ev;
    while (conn_event(p->ic, &ev)) {
        p->last_i = ev;
        p->up |= ev.kind == CONN_EV_LOGGED_IN;
        did = true;
    }
    return did;
}

bool pair_work(struct pair *p)
{
    bool did = initiator_work(p);
    did |= target_work(p);
    return did;
}

bool pair_step(struct pair *p)
{
    uint64_t a = move_some(p, true), b = move_some(p, false);
    bool did = pair_work(p);
    return did || a || b;
}

void pair_run(struct pair *p)
{
    while (pair_step(p))
        ;
}

struct task *pair_submit(struct pair *p, char op, uint32_t offset, uint32_t len, void *buf)
{
    struct task *task = session_task(p->is, TASK_SCSI);
    if (!task)
        return NULL;
    struct berth_seg *seg = malloc(sizeof *seg);
    *seg = seg_memory(buf, len);
    task->read = op == 'R';
    task->write = op == 'W';
    task->cdb_len = 16;
    task->cdb[0] = (uint8_t)op;
    put32(task->cdb + 4, offset);
    put32(task->cdb + 8, len);
    task->edtl = op == 'E' ? 0 : len;
    task->data = (struct extent){.segs = seg, .count = 1, .len = len};
    task->owner = seg;
    session_submit(p->is, task);
    return task;
}
