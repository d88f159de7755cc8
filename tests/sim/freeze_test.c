/* SPDX-License-Identifier: MIT */
/* Freezing and thawing at every byte of the stream: the initiator's memory is thrown away each time, its
 * tasks' buffers move, and nobody notices. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "proto/freeze.h"
#include "wire/crc32c.h"
#include "portrait.h"
#include "workload.h"

struct record {
    uint8_t *bytes;
    size_t len;
};

static struct record freeze(struct session *s)
{
    struct record rec = {.bytes = malloc(session_frozen_max(s))};
    struct writer w = writer_over(rec.bytes, session_frozen_max(s));
    assert_int_equal(session_freeze(s, &w), BERTH_OK);
    rec.len = writer_len(&w);
    return rec;
}

static int thaw(struct workload *w, const struct record *rec, void *session_memory, void *conn_memory)
{
    struct pair *p = w->pair;
    struct reader r = reader_over(rec->bytes, rec->len);
    struct thaw t = {.session_memory = session_memory,
                     .conn_memory = conn_memory,
                     .session = &p->isc,
                     .conn = &p->icc,
                     .rebind = workload_rebind,
                     .owner = w};
    return session_thaw(&t, &r, &p->is, &p->ic);
}

/* The segments of the tasks that were thrown away. */
static void free_segs(struct workload *w)
{
    for (uint32_t i = 0; i < w->count; i++) {
        memset(w->ops[i].task->owner, 0xa5, sizeof(struct berth_seg));
        free(w->ops[i].task->owner);
    }
}

static void bury(void *memory, size_t size)
{
    memset(memory, 0xa5, size);
    free(memory);
}

static void move_house(struct workload *w)
{
    struct pair *p = w->pair;
    size_t session_len = session_size(&p->isc), conn_len = conn_size(p->is, &p->icc);
    struct record rec = freeze(p->is), again;
    struct portrait *before = portrait_of(p->is, p->ic), *after;
    void *session_memory = malloc(session_len), *conn_memory = malloc(conn_len);

    free_segs(w);
    bury(p->memory[0], session_len);
    bury(p->memory[2], conn_len);
    p->memory[0] = session_memory;
    p->memory[2] = conn_memory;
    assert_int_equal(thaw(w, &rec, session_memory, conn_memory), BERTH_OK);
    after = portrait_of(p->is, p->ic);
    portraits_equal(before, after);
    portrait_free(before);
    portrait_free(after);
    again = freeze(p->is);
    assert_int_equal(again.len, rec.len);
    assert_memory_equal(again.bytes, rec.bytes, rec.len);
    free(rec.bytes);
    free(again.bytes);
}

/* One byte at a time each way, and a new house after each. */
static uint32_t run_moving(struct workload *w, uint64_t step)
{
    struct pair *p = w->pair;
    uint32_t moves = 0;
    for (bool more = true; more;) {
        more = pair_move(p, true, step) > 0;
        move_house(w);
        more |= pair_move(p, false, step) > 0;
        move_house(w);
        more |= pair_work(p);
        move_house(w);
        workload_reap(w);
        moves += 3;
    }
    return moves;
}

static void every_byte(const struct pair_config *c, uint64_t step)
{
    struct pair *p = pair_new(c);
    struct workload *w = workload_new(p);
    workload_mix(w, 6, 1200);
    assert_true(run_moving(w, step) > 1000 / step);
    assert_true(p->up);
    assert_true(conn_ping(p->ic));
    workload_add(w, 'W', 900);
    workload_add(w, 'R', 900);
    run_moving(w, step);
    assert_false(conn_ping_out(p->ic));
    workload_check(w);
    conn_logout(p->ic, WIRE_LOGOUT_SESSION);
    run_moving(w, step);
    assert_int_equal(p->last_i.kind, CONN_EV_LOGGED_OUT);
    workload_free(w);
    pair_free(p);
}

/* Task management that waits, is on the wire or is answered moves house as well, with what it holds up. */
static uint32_t ends_managed(struct workload *w)
{
    struct task *task;
    uint32_t requests = 0;
    while ((task = session_reap(w->pair->is)) != NULL) {
        if (task->kind == TASK_TMF) {
            requests++;
            session_task_free(w->pair->is, task);
            continue;
        }
        w->ops[task->owner_tag].done++;
        assert_true(task->aborted == (task->error == BERTH_E_ABORTED));
    }
    return requests;
}

static void managed(const struct pair_config *c, uint64_t at)
{
    struct workload *w = workload_new(pair_new(c));
    struct pair *p = w->pair;
    uint32_t requests = 0;
    workload_mix(w, 6, 1200);
    for (bool more = true; more && p->i_to_t + p->t_to_i < at;)
        more = pair_move(p, true, 50) | pair_move(p, false, 50) | pair_work(p);
    for (uint32_t i = 0; i < 2; i++)
        if (w->ops[i].task->state == TASK_ACTIVE)
            assert_non_null(session_manage(p->is, p->ic, WIRE_TMF_ABORT_TASK, 0, w->ops[i].task));
    assert_non_null(session_manage(p->is, p->ic, WIRE_TMF_LU_RESET, 0, NULL));
    for (bool more = true; more; requests += ends_managed(w)) {
        move_house(w);
        more = pair_move(p, true, 37) > 0;
        move_house(w);
        more |= pair_move(p, false, 37) > 0;
        more |= pair_work(p);
    }
    assert_in_range(requests, 1, 3);
    for (uint32_t i = 0; i < w->count; i++)
        assert_int_equal(w->ops[i].done, 1);
    assert_int_equal(p->is->in_flight, 0);
    assert_int_equal(p->is->resets, 0);
    workload_free(w);
    pair_free(p);
}

static struct pair_config small(void)
{
    struct pair_config c;
    pair_config_init(&c, 42);
    c.segment_i = c.segment_t = c.first_burst = c.max_burst = 512;
    c.max_r2t = 2;
    c.direct_bytes = 100;
    return c;
}

static void test_every_byte_plain(void **state)
{
    (void)state;
    struct pair_config c = small();
    every_byte(&c, 1);
}

static void test_every_byte_digests(void **state)
{
    (void)state;
    struct pair_config c = small();
    c.header_digest = c.data_digest = true;
    every_byte(&c, 1);
}

static void test_every_byte_chap(void **state)
{
    (void)state;
    struct pair_config c = small();
    c.user = c.t_user = "user";
    c.secret = c.t_secret = "a secret of some length";
    c.mutual_user = c.t_mutual_user = "target";
    c.mutual_secret = c.t_mutual_secret = "another secret of length";
    every_byte(&c, 1);
}

/* Unsolicited data, several R2Ts, larger pieces that go straight into place, and steps of all kinds. */
static void test_management(void **state)
{
    struct pair_config c = small();
    (void)state;
    for (uint64_t at = 1500; at < 9000; at += 173)
        managed(&c, at);
}

static void test_steps(void **state)
{
    (void)state;
    for (uint64_t step = 2; step < 400; step = step * 3 / 2 + 1) {
        struct pair_config c = small();
        c.seed = step;
        c.initial_r2t = step % 2;
        c.immediate_data = step % 3;
        c.max_burst = 2048;
        c.first_burst = 700;
        c.data_digest = step % 5 == 0;
        every_byte(&c, step);
    }
}

static void scribble(struct pair *p, void *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        ((uint8_t *)bytes)[i] = (uint8_t)(1 + pair_random(p, 255));
}

#define SCRIBBLE(p, field) scribble(p, &(field), sizeof(field))

static void scribble_task(struct pair *p, struct task *t)
{
    SCRIBBLE(p, t->attr);
    SCRIBBLE(p, t->function);
    SCRIBBLE(p, t->lun);
    SCRIBBLE(p, t->cmd_sn);
    SCRIBBLE(p, t->referenced_tag);
    SCRIBBLE(p, t->ref_cmd_sn);
    SCRIBBLE(p, t->deadline_ns);
    SCRIBBLE(p, t->asked);
    SCRIBBLE(p, t->data_sn);
    SCRIBBLE(p, t->r2t_sn);
    SCRIBBLE(p, t->error);
    SCRIBBLE(p, t->response);
    SCRIBBLE(p, t->reject_reason);
    SCRIBBLE(p, t->status);
    SCRIBBLE(p, t->residual);
    SCRIBBLE(p, t->residual_kind);
    t->sense_len = 1 + pair_random(p, TASK_SENSE_MAX);
    scribble(p, t->sense, t->sense_len);
    t->immediate = t->unsolicited = true;
    t->burst_first = 5; /* the ring is in use across its end, whether it is in the queue or not */
    t->burst_count = t->edtl < 20 ? 0 : TASK_BURSTS;
    for (uint32_t i = 0; i < TASK_BURSTS; i++) {
        t->bursts[i] = (struct burst){.offset = i, .len = 3, .moved = 2};
        SCRIBBLE(p, t->bursts[i].ttt);
        SCRIBBLE(p, t->bursts[i].data_sn);
    }
}

static void scribble_login(struct pair *p, struct login *l)
{
    SCRIBBLE(p, l->rounds);
    SCRIBBLE(p, l->algorithm);
    SCRIBBLE(p, l->chap_id);
    SCRIBBLE(p, l->status);
    SCRIBBLE(p, l->itt);
    SCRIBBLE(p, l->challenge);
    SCRIBBLE(p, l->portal_group);
    SCRIBBLE(p, l->redirect.port);
    SCRIBBLE(p, l->redirect.group);
    SCRIBBLE(p, l->keys.mine);
    SCRIBBLE(p, l->keys.theirs);
    SCRIBBLE(p, l->keys.sent);
    SCRIBBLE(p, l->keys.received);
    SCRIBBLE(p, l->keys.open);
    SCRIBBLE(p, l->keys.wanted);
    SCRIBBLE(p, l->keys.pairs);
    l->keys.leading ^= true;
    l->keys.discovery ^= true;
    l->keys.transport ^= 1;
    l->done ^= true;
    l->chap_on = l->peer_proved = true;
    l->csg = WIRE_STAGE_SECURITY; /* a place that login_possible() knows */
    l->chap_step = CHAP_SENT_LIST;
    l->nsg = 2;
    strcpy(l->target_alias, "an alias");
    strcpy(l->chap_name, "who proved it");
    strcpy(l->redirect.host, "elsewhere");
}

static void scribble_events(struct pair *p, struct conn *c)
{
    c->event_first = CONN_EVENTS - 2;
    c->event_count = 5;
    for (uint32_t i = 0; i < CONN_EVENTS; i++) {
        struct conn_event *ev = &c->events[i];
        memset(ev, 0, sizeof *ev);
        ev->kind = (uint8_t)pair_random(p, CONN_EV_ERROR + 1);
        ev->rule = "a rule";
        SCRIBBLE(p, ev->reject_reason);
        SCRIBBLE(p, ev->login_status);
        SCRIBBLE(p, ev->error);
        SCRIBBLE(p, ev->async.lun);
        SCRIBBLE(p, ev->async.window.stat_sn);
        SCRIBBLE(p, ev->async.window.exp_cmd_sn);
        SCRIBBLE(p, ev->async.window.max_cmd_sn);
        SCRIBBLE(p, ev->async.event);
        SCRIBBLE(p, ev->async.vendor_code);
        SCRIBBLE(p, ev->async.parameter1);
        SCRIBBLE(p, ev->async.parameter2);
        SCRIBBLE(p, ev->async.parameter3);
    }
}

static void scribble_conn(struct pair *p, struct conn *c)
{
    SCRIBBLE(p, c->config.cid);
    SCRIBBLE(p, c->epoch);
    SCRIBBLE(p, c->exp_stat_sn);
    SCRIBBLE(p, c->told_stat_sn);
    SCRIBBLE(p, c->last_rx);
    SCRIBBLE(p, c->login_deadline);
    c->failed = c->ping_out = true;
    c->max_send = 512 + pair_random(p, 1u << 20);
    c->max_recv = 8192 + pair_random(p, 1u << 20);
    memcpy(c->stage, "left over", 9);
    c->rx.stage_begin = 5;
    c->rx.stage_end = 9;
    c->tx.sent = 3;
    scribble_events(p, c);
    scribble_login(p, &c->login);
}

/* Whatever the traffic of these tests leaves at one value all the time is given another. */
static void test_every_field(void **state)
{
    (void)state;
    struct pair_config c = small();
    c.user = c.t_user = "user";
    c.secret = c.t_secret = "a secret of some length";
    struct pair *p = pair_new(&c);
    struct workload *w = workload_new(p);
    while (!p->up)
        pair_step(p);
    workload_mix(w, 8, 1200);
    pair_move(p, true, 300);
    pair_move(p, true, 1000);
    for (uint32_t i = 0; i < w->count; i++)
        scribble_task(p, w->ops[i].task);
    scribble_conn(p, p->ic);
    SCRIBBLE(p, p->is->config.isid);
    SCRIBBLE(p, p->is->config.itt_engine_bits);
    for (uint32_t i = 0; i < w->count; i++)
        w->ops[i].task->itt = session_tag(p->is, w->ops[i].task);
    SCRIBBLE(p, p->is->tsih);
    SCRIBBLE(p, p->is->cmd_sn);
    SCRIBBLE(p, p->is->exp_cmd_sn);
    SCRIBBLE(p, p->is->max_cmd_sn);
    p->is->discovery = true;
    move_house(w);
    pair_drop(p);
    workload_free(w);
    pair_free(p);
}

/* Between two connections, with tasks detached: a record without a connection. */
static void test_without_connection(void **state)
{
    (void)state;
    struct pair_config c = small();
    struct pair *p = pair_new(&c);
    struct workload *w = workload_new(p);
    while (!p->up)
        pair_step(p);
    workload_mix(w, 6, 1200);
    pair_move(p, true, 2000);
    pair_drop(p);
    assert_false(list_empty(&p->is->detached));
    struct record rec = freeze(p->is);
    free_segs(w);
    bury(p->memory[0], session_size(&p->isc));
    p->memory[0] = malloc(session_size(&p->isc));
    struct conn *old = p->ic;
    assert_int_equal(thaw(w, &rec, p->memory[0], NULL), BERTH_OK);
    assert_null(p->ic);
    p->ic = old; /* its memory is used for the next one */
    pair_reconnect(p);
    struct list *node;
    while ((node = list_pop(&p->is->detached)) != NULL)
        session_requeue(p->is, list_entry(node, struct task, link));
    pair_run(p);
    workload_check(w);
    free(rec.bytes);
    workload_free(w);
    pair_free(p);
}

/* --- records that are none --- */

static int thaw_damaged(struct workload *w, struct record rec)
{
    void *session_memory = malloc(session_size(&w->pair->isc));
    void *conn_memory = malloc(conn_size(w->pair->is, &w->pair->icc));
    struct session *s = w->pair->is;
    struct conn *c = w->pair->ic;
    int error = thaw(w, &rec, session_memory, conn_memory);
    w->pair->is = s;
    w->pair->ic = c;
    free(session_memory);
    free(conn_memory);
    return error;
}

static bool refuse_all(void *owner, struct task *task)
{
    (void)owner;
    (void)task;
    return false;
}

static bool rebind_shorter(void *owner, struct task *task)
{
    static struct berth_seg seg;
    (void)owner;
    task->data = (struct extent){.segs = &seg, .count = 1, .len = task->data.len};
    return true; /* says it has memory of the right length, but the segments say otherwise */
}

static void test_damage(void **state)
{
    (void)state;
    struct pair_config c = small();
    struct pair *p = pair_new(&c);
    struct workload *w = workload_new(p);
    while (!p->up)
        pair_step(p);
    struct record rec = freeze(p->is);
    for (size_t cut = 0; cut < rec.len; cut++)
        assert_int_equal(thaw_damaged(w, (struct record){rec.bytes, cut}), BERTH_E_RECORD);
    for (size_t at = 0; at < rec.len; at++) {
        rec.bytes[at] ^= (uint8_t)(1u << at % 8);
        assert_int_equal(thaw_damaged(w, rec), BERTH_E_RECORD);
        rec.bytes[at] ^= (uint8_t)(1u << at % 8);
    }
    assert_int_equal(thaw_damaged(w, rec), BERTH_OK);
    p->isc.depth++;
    assert_int_equal(thaw_damaged(w, rec), BERTH_E_RECORD);
    p->isc.depth--;
    p->isc.role = ROLE_TARGET;
    assert_int_equal(thaw_damaged(w, rec), BERTH_E_RECORD);
    p->isc.role = ROLE_INITIATOR;
    free(rec.bytes);
    workload_free(w);
    pair_free(p);
}

static void thaw_with(struct pair *p, struct record *rec, bool (*rebind)(void *, struct task *), int wanted)
{
    struct thaw t = {.session_memory = malloc(session_size(&p->isc)),
                     .conn_memory = malloc(conn_size(p->is, &p->icc)),
                     .session = &p->isc,
                     .conn = &p->icc,
                     .rebind = rebind};
    struct reader r = reader_over(rec->bytes, rec->len);
    struct session *s;
    struct conn *conn;
    assert_int_equal(session_thaw(&t, &r, &s, &conn), wanted);
    free(t.session_memory);
    free(t.conn_memory);
}

static void test_unknown_memory(void **state)
{
    (void)state;
    struct pair_config c = small();
    struct pair *p = pair_new(&c);
    struct workload *w = workload_new(p);
    struct frozen_facts facts;
    workload_add(w, 'W', 100);
    struct record rec = freeze(p->is);
    struct reader r = reader_over(rec.bytes, rec.len);
    assert_int_equal(session_frozen_facts(&r, &facts), BERTH_OK);
    assert_int_equal(facts.depth, PAIR_DEPTH);
    assert_true(facts.has_conn);
    thaw_with(p, &rec, refuse_all, BERTH_E_RECORD);
    thaw_with(p, &rec, rebind_shorter, BERTH_E_RECORD);
    free(rec.bytes);
    pair_run(p);
    workload_check(w);
    workload_free(w);
    pair_free(p);
}

static void test_refused(void **state)
{
    (void)state;
    uint8_t room[64];
    struct pair_config c = small();
    struct pair *p = pair_new(&c);
    struct writer w = writer_over(room, sizeof room);
    assert_int_equal(session_freeze(p->ts, &w), BERTH_E_STATE);
    assert_int_equal(session_freeze(p->is, &w), BERTH_E_ARGUMENT);
    pair_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_byte_plain),   cmocka_unit_test(test_every_byte_digests),
        cmocka_unit_test(test_every_byte_chap),    cmocka_unit_test(test_steps),
        cmocka_unit_test(test_management),         cmocka_unit_test(test_every_field),
        cmocka_unit_test(test_without_connection), cmocka_unit_test(test_damage),
        cmocka_unit_test(test_unknown_memory),     cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
