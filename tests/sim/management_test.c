/* SPDX-License-Identifier: MIT */
/* Task management of an initiator core, at a target made by hand: what is asked, what goes on until it is
 * answered, what the answer ends, and what may come afterwards (RFC 7143 11.5, 11.6, 4.2.3). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "puppet.h"

#define LEN   3000u /* of each command */
#define TASKS 4u
#define LUN   0x0001000000000000ull

static uint8_t payload[LEN];

struct scene {
    struct puppet *u;
    struct pair *p;
    struct session *is;
    uint32_t count;
    struct task *tasks[TASKS];
    uint8_t bufs[TASKS][LEN + 8];
};

static struct scene *scene_with(uint32_t segment)
{
    struct pair_config c;
    struct scene *s = calloc(1, sizeof *s);
    pair_config_init(&c, 5);
    c.immediate_data = false;
    c.initial_r2t = true;
    c.max_burst = 2048;
    c.first_burst = 1024;
    c.max_r2t = 3;
    c.segment_t = segment;
    for (uint32_t i = 0; i < sizeof payload; i++)
        payload[i] = (uint8_t)(i * 7 + 1);
    s->p = pair_new(&c);
    pair_run(s->p);
    assert_true(s->p->up);
    s->u = puppet_new(s->p, s->p->ic);
    s->is = s->p->is;
    return s;
}

static struct scene *scene(void)
{
    return scene_with(0);
}

static struct task *issue(struct scene *s, char op, uint64_t lun)
{
    uint8_t *buf = s->bufs[s->count];
    memset(buf, 0xee, LEN + 8);
    struct task *task = pair_submit(s->p, op, 0, LEN, buf);
    task->lun = lun;
    puppet_expect(s->u, WIRE_SCSI_COMMAND);
    assert_int_equal(task->state, TASK_ACTIVE);
    return s->tasks[s->count++] = task;
}

static void scene_end(struct scene *s)
{
    for (uint32_t i = 0; i < s->count; i++) {
        assert_int_equal(s->bufs[i][LEN], 0xee);
        free(s->tasks[i]->owner);
    }
    puppet_free(s->u);
    free(s);
}

/* The request goes out, and nothing before it. */
static struct task *ask(struct scene *s, uint8_t function, const struct task *subject)
{
    struct task *tmf = session_manage(s->is, s->p->ic, function, LUN, subject);
    assert_non_null(tmf);
    assert_true(puppet_hear(s->u));
    assert_int_equal(wire_opcode(s->u->bhs), WIRE_TMF_REQUEST);
    return tmf;
}

static void answer_in(struct scene *s, const struct task *tmf, uint8_t response, uint8_t *bhs, uint32_t ahead)
{
    struct wire_tmf_response r = {.response = response, .itt = tmf->itt, .window = puppet_window(s->u)};
    r.window.stat_sn += ahead;
    put_tmf_response(bhs, &r);
}

static void answer(struct scene *s, const struct task *tmf, uint8_t response)
{
    uint8_t bhs[WIRE_BHS_LEN];
    answer_in(s, tmf, response, bhs, 0);
    puppet_say(s->u, bhs, NULL, 0);
}

static void respond_in(struct scene *s, uint32_t itt, uint8_t *bhs, uint32_t ahead)
{
    struct wire_scsi_response r = {.itt = itt, .window = puppet_window(s->u)};
    r.window.stat_sn += ahead;
    put_scsi_response(bhs, &r);
}

static void respond(struct scene *s, uint32_t itt)
{
    uint8_t bhs[WIRE_BHS_LEN];
    respond_in(s, itt, bhs, 0);
    puppet_say(s->u, bhs, NULL, 0);
}

/* All of a read, with its status. */
static void deliver(struct scene *s, uint32_t itt)
{
    uint8_t bhs[WIRE_BHS_LEN];
    struct wire_data_in d = {
        .final = true, .has_status = true, .itt = itt, .ttt = WIRE_TAG_NONE, .window = puppet_window(s->u)};
    put_data_in(bhs, &d);
    puppet_say(s->u, bhs, payload, LEN);
}

static void want(struct scene *s, const struct task *task, uint32_t itt, uint32_t sn, uint32_t offset,
                 uint32_t len)
{
    uint8_t bhs[WIRE_BHS_LEN];
    struct wire_r2t r = {.lun = task->lun,
                         .itt = itt,
                         .ttt = 70 + sn,
                         .window = puppet_window(s->u),
                         .r2t_sn = sn,
                         .buffer_offset = offset,
                         .desired_len = len};
    put_r2t(bhs, &r);
    puppet_say(s->u, bhs, NULL, 0);
}

static void quiet(struct scene *s)
{
    assert_int_equal(puppet_drain(s->u), 0);
    assert_false(puppet_hear(s->u));
}

/* The next one done is this one. */
static void reaps(struct scene *s, const struct task *task, int error, bool aborted)
{
    struct task *done = session_reap(s->is);
    assert_ptr_equal(done, task);
    assert_int_equal(done->error, error);
    assert_int_equal(done->aborted, aborted);
    assert_int_equal(done->tx_refs, 0);
}

static void reaps_tmf(struct scene *s, struct task *tmf, int error, uint8_t response)
{
    reaps(s, tmf, error, false);
    assert_int_equal(tmf->response, response);
    assert_int_equal(s->is->resets, 0);
    session_task_free(s->is, tmf);
}

static void nothing_done(struct scene *s)
{
    assert_null(session_reap(s->is));
}

/* --- the request --- */

static void test_request(void **state)
{
    struct wire_tmf_request q;
    struct scene *s = scene();
    (void)state;
    struct task *first = issue(s, 'R', LUN), *second = issue(s, 'W', LUN);
    uint32_t next = s->is->cmd_sn;
    ask(s, WIRE_TMF_ABORT_TASK, first);
    get_tmf_request(s->u->bhs, &q);
    assert_true(q.immediate);
    assert_int_equal(q.function, WIRE_TMF_ABORT_TASK);
    assert_int_equal(q.lun, LUN);
    assert_int_equal(q.referenced_tag, first->itt);
    assert_int_equal(q.ref_cmd_sn, first->cmd_sn);
    assert_int_equal(q.cmd_sn, next);
    assert_int_equal(q.exp_data_sn, 0);
    assert_int_equal(s->u->data_len, 0);
    ask(s, WIRE_TMF_ABORT_TASK, second);
    get_tmf_request(s->u->bhs, &q);
    assert_int_equal(q.ref_cmd_sn, second->cmd_sn);
    assert_int_equal(q.ref_cmd_sn, first->cmd_sn + 1);
    assert_int_equal(s->is->cmd_sn, next); /* none of them has taken a number */
    scene_end(s);
}

/* A task without a number of its own is named by the request's. */
static void test_request_for_immediate(void **state)
{
    struct wire_tmf_request q;
    struct scene *s = scene();
    (void)state;
    struct task *task = pair_submit(s->p, 'R', 0, LEN, s->bufs[0]);
    memset(s->bufs[0], 0xee, LEN + 8);
    task->lun = LUN;
    task->immediate = true;
    s->tasks[s->count++] = task;
    puppet_expect(s->u, WIRE_SCSI_COMMAND);
    issue(s, 'R', LUN); /* takes that number */
    ask(s, WIRE_TMF_ABORT_TASK, task);
    get_tmf_request(s->u->bhs, &q);
    assert_int_equal(q.referenced_tag, task->itt);
    assert_int_equal(q.cmd_sn, s->is->cmd_sn);
    assert_int_equal(q.ref_cmd_sn, q.cmd_sn);
    scene_end(s);
}

static void test_request_for_many(void **state)
{
    static const struct {
        uint8_t function;
        uint64_t lun;
    } rows[] = {{WIRE_TMF_ABORT_TASK_SET, LUN},  {WIRE_TMF_CLEAR_ACA, LUN},
                {WIRE_TMF_CLEAR_TASK_SET, LUN},  {WIRE_TMF_LU_RESET, LUN},
                {WIRE_TMF_TARGET_WARM_RESET, 0}, {WIRE_TMF_TARGET_COLD_RESET, 0}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct wire_tmf_request q;
        struct scene *s = scene();
        struct task *task = issue(s, 'R', LUN);
        ask(s, rows[i].function, NULL);
        get_tmf_request(s->u->bhs, &q);
        assert_int_equal(q.function, rows[i].function);
        assert_int_equal(q.lun, rows[i].lun);
        assert_int_equal(q.referenced_tag, WIRE_TAG_NONE);
        assert_int_equal(q.ref_cmd_sn, 0);
        assert_int_equal(task->state, TASK_ACTIVE);
        scene_end(s);
    }
}

static void test_no_task_for_it(void **state)
{
    struct scene *s = scene();
    (void)state;
    struct task *task = issue(s, 'R', LUN), *tmf = NULL;
    uint32_t n = 0;
    while ((tmf = session_manage(s->is, s->p->ic, WIRE_TMF_ABORT_TASK, LUN, task)) != NULL)
        n++;
    assert_true(n >= SESSION_IMMEDIATE_MAX);
    scene_end(s);
}

/* --- the answer --- */

struct answer_row {
    uint8_t function;
    bool ends[8]; /* by response code */
};

/* Every function with every code: the task is over, or goes on as if nothing had been asked. */
static void test_every_answer(void **state)
{
    static const struct answer_row rows[] = {
        {WIRE_TMF_ABORT_TASK, {true, true}},  {WIRE_TMF_ABORT_TASK_SET, {true}},
        {WIRE_TMF_CLEAR_ACA, {false}},        {WIRE_TMF_CLEAR_TASK_SET, {true}},
        {WIRE_TMF_LU_RESET, {true}},          {WIRE_TMF_TARGET_WARM_RESET, {true}},
        {WIRE_TMF_TARGET_COLD_RESET, {true}}, {WIRE_TMF_QUERY_TASK, {false}},
        {WIRE_TMF_QUERY_TASK_SET, {false}},   {WIRE_TMF_IT_NEXUS_RESET, {true}},
        {WIRE_TMF_QUERY_ASYNC_EVENT, {false}}};
    static const uint8_t codes[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 254, WIRE_TMF_REJECTED};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0] * sizeof codes; i++) {
        const struct answer_row *row = &rows[i / sizeof codes];
        uint8_t code = codes[i % sizeof codes];
        bool one = row->function == WIRE_TMF_ABORT_TASK || row->function == WIRE_TMF_QUERY_TASK;
        bool ends = code < 8 && row->ends[code];
        struct scene *s = scene();
        s->p->witness.breaks = "B2"; /* functions that were not agreed on */
        struct task *task = issue(s, 'R', LUN);
        struct task *tmf = ask(s, row->function, one ? task : NULL);
        uint32_t itt = task->itt;
        answer(s, tmf, code);
        if (ends)
            reaps(s, task, BERTH_E_ABORTED, true);
        reaps_tmf(s, tmf, BERTH_OK, code);
        deliver(s, itt);
        if (!ends)
            reaps(s, task, BERTH_OK, false);
        nothing_done(s);
        assert_memory_equal(s->bufs[0], ends ? &(uint8_t){0xee} : payload, 1);
        quiet(s);
        scene_end(s);
    }
}

/* Even in the same segment what stands behind the answer comes too late (11.5.1). */
static void test_response_right_behind(void **state)
{
    (void)state;
    for (int before = 0; before < 2; before++) {
        struct scene *s = scene();
        uint8_t both[2 * WIRE_BHS_LEN];
        struct task *task = issue(s, 'E', LUN);
        task->edtl = 0;
        struct task *tmf = ask(s, WIRE_TMF_ABORT_TASK, task);
        answer_in(s, tmf, before ? WIRE_TMF_NO_TASK : WIRE_TMF_COMPLETE, both + (before ? WIRE_BHS_LEN : 0),
                  before ? 1 : 0);
        respond_in(s, task->itt, both + (before ? 0 : WIRE_BHS_LEN), before ? 0 : 1);
        assert_int_equal(puppet_babble(s->u, both, sizeof both), sizeof both);
        reaps(s, task, before ? BERTH_OK : BERTH_E_ABORTED, !before);
        reaps_tmf(s, tmf, BERTH_OK, before ? WIRE_TMF_NO_TASK : WIRE_TMF_COMPLETE);
        nothing_done(s);
        quiet(s);
        scene_end(s);
    }
}

/* The second answer finds nobody, and takes its StatSN. */
static void test_answered_twice(void **state)
{
    struct scene *s = scene();
    (void)state;
    struct task *task = issue(s, 'R', LUN), *other = issue(s, 'R', LUN);
    struct task *tmf = ask(s, WIRE_TMF_ABORT_TASK, task);
    struct task copy = *tmf;
    answer(s, tmf, WIRE_TMF_COMPLETE);
    reaps(s, task, BERTH_E_ABORTED, true);
    reaps_tmf(s, tmf, BERTH_OK, WIRE_TMF_COMPLETE);
    answer(s, &copy, WIRE_TMF_COMPLETE);
    answer(s, &copy, WIRE_TMF_REJECTED);
    nothing_done(s);
    quiet(s);
    deliver(s, other->itt);
    reaps(s, other, BERTH_OK, false);
    scene_end(s);
}

/* Other LUNs' tasks, other tasks of the LUN: who is meant, and who is not. */
static void test_who_is_covered(void **state)
{
    static const struct {
        uint8_t function;
        bool first, second, foreign;
    } rows[] = {{WIRE_TMF_ABORT_TASK, true, false, false},
                {WIRE_TMF_ABORT_TASK_SET, true, true, false},
                {WIRE_TMF_LU_RESET, true, true, false},
                {WIRE_TMF_TARGET_WARM_RESET, true, true, true}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scene *s = scene();
        struct task *first = issue(s, 'R', LUN), *second = issue(s, 'R', LUN), *foreign = issue(s, 'R', 0);
        struct task *tmf = ask(s, rows[i].function, i == 0 ? first : NULL);
        answer(s, tmf, WIRE_TMF_COMPLETE);
        if (rows[i].first)
            reaps(s, first, BERTH_E_ABORTED, true);
        if (rows[i].second)
            reaps(s, second, BERTH_E_ABORTED, true);
        if (rows[i].foreign)
            reaps(s, foreign, BERTH_E_ABORTED, true);
        reaps_tmf(s, tmf, BERTH_OK, WIRE_TMF_COMPLETE);
        nothing_done(s);
        scene_end(s);
    }
}

/* The reason is told; the task goes on. */
static void test_rejected(void **state)
{
    (void)state;
    for (uint8_t reason = 1; reason <= 12; reason++) {
        struct scene *s = scene();
        struct task *task = issue(s, 'R', LUN), *tmf = ask(s, WIRE_TMF_LU_RESET, NULL);
        uint8_t bhs[WIRE_BHS_LEN], header[WIRE_BHS_LEN];
        struct wire_reject r = {.reason = reason, .window = puppet_window(s->u)};
        memcpy(header, s->u->bhs, sizeof header);
        put_reject(bhs, &r);
        puppet_say(s->u, bhs, header, sizeof header);
        assert_int_equal(puppet_drain(s->u), 1);
        assert_int_equal(s->u->event.kind, CONN_EV_REJECT);
        assert_int_equal(tmf->reject_reason, reason);
        reaps_tmf(s, tmf, BERTH_E_REJECTED, 0);
        nothing_done(s);
        deliver(s, task->itt);
        reaps(s, task, BERTH_OK, false);
        scene_end(s);
    }
}

/* --- data that is owed --- */

static void expect_data(struct scene *s, uint32_t ttt, uint32_t sn, uint32_t offset, uint32_t len, bool final)
{
    struct wire_data_out d;
    assert_true(puppet_hear(s->u));
    assert_int_equal(wire_opcode(s->u->bhs), WIRE_DATA_OUT);
    get_data_out(s->u->bhs, &d);
    assert_int_equal(d.ttt, ttt);
    assert_int_equal(d.data_sn, sn);
    assert_int_equal(d.buffer_offset, offset);
    assert_int_equal(s->u->data_len, len);
    assert_int_equal(d.final, final);
}

/* One task may still end well: it gets all that it is asked for. */
static void test_data_of_one(void **state)
{
    struct scene *s = scene_with(512);
    (void)state;
    struct task *task = issue(s, 'W', LUN), *tmf = ask(s, WIRE_TMF_ABORT_TASK, task);
    want(s, task, task->itt, 0, 0, 1100);
    expect_data(s, 70, 0, 0, 512, false);
    expect_data(s, 70, 1, 512, 512, false);
    expect_data(s, 70, 2, 1024, 76, true);
    want(s, task, task->itt, 1, 1100, 1900);
    expect_data(s, 71, 0, 1100, 512, false);
    for (int n = 0; n < 3; n++)
        assert_true(puppet_hear(s->u));
    respond(s, task->itt);
    reaps(s, task, BERTH_OK, false);
    answer(s, tmf, WIRE_TMF_NO_TASK);
    reaps_tmf(s, tmf, BERTH_OK, WIRE_TMF_NO_TASK);
    quiet(s);
    scene_end(s);
}

/* Where a whole LUN waits for the end, a sequence ends with its next PDU (11.5.1), be it begun or not. */
static void test_data_is_cut_short(void **state)
{
    struct scene *s = scene_with(512);
    struct berth_seg seg[2];
    (void)state;
    struct task *task = issue(s, 'W', LUN), *foreign = issue(s, 'W', 0);
    want(s, task, task->itt, 0, 0, 2000);
    assert_int_equal(conn_tx_peek(s->p->ic, seg, 2), 2); /* that far it has been put together */
    for (uint32_t n = 0; n < 4; n++)
        expect_data(s, 70, n, n * 512, n < 3 ? 512 : 464, n == 3);
    struct task *tmf = ask(s, WIRE_TMF_LU_RESET, NULL);
    assert_int_equal(s->is->resets, 1);
    want(s, task, task->itt, 1, 2000, 600);
    want(s, task, task->itt, 2, 2600, 400);
    expect_data(s, 71, 0, 2000, 512, true);
    expect_data(s, 72, 0, 2600, 400, true);
    want(s, foreign, foreign->itt, 0, 0, 600);
    expect_data(s, 70, 0, 0, 512, false);
    expect_data(s, 70, 1, 512, 88, true);
    answer(s, tmf, WIRE_TMF_COMPLETE);
    reaps(s, task, BERTH_E_ABORTED, true);
    reaps_tmf(s, tmf, BERTH_OK, WIRE_TMF_COMPLETE);
    quiet(s);
    scene_end(s);
}

/* A sequence that is longer than the transmit ring is cut in its midst. */
static void test_data_is_cut_in_the_midst(void **state)
{
    struct pair_config c;
    static uint8_t big[200000];
    (void)state;
    pair_config_init(&c, 5);
    c.immediate_data = false;
    c.initial_r2t = true;
    c.max_burst = sizeof big;
    c.segment_t = 512;
    struct scene *s = calloc(1, sizeof *s);
    s->p = pair_new(&c);
    pair_run(s->p);
    s->u = puppet_new(s->p, s->p->ic);
    s->is = s->p->is;
    struct task *task = pair_submit(s->p, 'W', 0, sizeof big, big), *tmf;
    task->lun = LUN;
    puppet_expect(s->u, WIRE_SCSI_COMMAND);
    want(s, task, task->itt, 0, 0, sizeof big);
    struct berth_seg seg[2];
    conn_tx_peek(s->p->ic, seg, 2); /* fills the ring, and none of it leaves */
    assert_int_equal(s->p->ic->tx.count, CONN_TX_SLOTS);
    tmf = session_manage(s->is, s->p->ic, WIRE_TMF_LU_RESET, LUN, NULL);
    for (uint32_t n = 0; n < CONN_TX_SLOTS; n++)
        expect_data(s, 70, n, n * 512, 512, false);
    assert_true(puppet_hear(s->u));
    assert_int_equal(wire_opcode(s->u->bhs), WIRE_TMF_REQUEST);
    expect_data(s, 70, CONN_TX_SLOTS, CONN_TX_SLOTS * 512, 512, true);
    quiet(s);
    answer(s, tmf, WIRE_TMF_COMPLETE);
    reaps(s, task, BERTH_E_ABORTED, true);
    free(task->owner);
    puppet_free(s->u);
    free(s);
}

/* With FastAbort nothing more is sent for what a wide request covers; R2Ts are counted all the same
 * (4.2.3.4). */
static void test_data_stops(void **state)
{
    struct scene *s = scene_with(512);
    (void)state;
    s->is->keys.agreed[KEY_TASK_REPORTING] = REPORT_FAST_ABORT;
    struct task *task = issue(s, 'W', LUN);
    want(s, task, task->itt, 0, 0, 600);
    want(s, task, task->itt, 1, 600, 600);
    struct task *tmf = session_manage(s->is, s->p->ic, WIRE_TMF_LU_RESET, LUN, NULL);
    puppet_expect(s->u, WIRE_TMF_REQUEST); /* what was due before it may have gone */
    quiet(s);
    want(s, task, task->itt, 2, 1200, 600);
    want(s, task, task->itt, 3, 1800, 600);
    quiet(s);
    answer(s, tmf, WIRE_TMF_COMPLETE);
    reaps(s, task, BERTH_E_ABORTED, true);
    reaps_tmf(s, tmf, BERTH_OK, WIRE_TMF_COMPLETE);
    scene_end(s);
}

/* One task alone is none of FastAbort's cases. */
static void test_data_of_one_does_not_stop(void **state)
{
    struct scene *s = scene();
    (void)state;
    s->is->keys.agreed[KEY_TASK_REPORTING] = REPORT_FAST_ABORT;
    struct task *task = issue(s, 'W', LUN);
    ask(s, WIRE_TMF_ABORT_TASK, task);
    want(s, task, task->itt, 0, 0, 500);
    expect_data(s, 70, 0, 0, 500, true);
    scene_end(s);
}

/* Data is in the transmit ring when the end is confirmed: the task is done when the ring has let go of it. */
static void test_memory_in_the_ring(void **state)
{
    struct scene *s = scene_with(512);
    struct berth_seg seg[8];
    (void)state;
    struct task *task = issue(s, 'W', LUN), *tmf = ask(s, WIRE_TMF_ABORT_TASK, task);
    want(s, task, task->itt, 0, 0, 1100);
    assert_true(conn_tx_peek(s->p->ic, seg, 8) > 0);
    answer(s, tmf, WIRE_TMF_COMPLETE);
    reaps_tmf(s, tmf, BERTH_OK, WIRE_TMF_COMPLETE);
    nothing_done(s);
    assert_int_equal(task->state, TASK_ENDING);
    while (puppet_hear(s->u))
        ;
    reaps(s, task, BERTH_E_ABORTED, true);
    scene_end(s);
}

/* --- meanwhile --- */

/* Behind a reset no command goes out until it is answered, whatever the answer; pings do. */
static void test_new_commands_wait(void **state)
{
    (void)state;
    for (int complete = 0; complete < 2; complete++) {
        struct scene *s = scene();
        struct task *tmf = ask(s, WIRE_TMF_LU_RESET, NULL);
        s->tasks[s->count] = pair_submit(s->p, 'R', 0, LEN, s->bufs[0]);
        memset(s->bufs[s->count++], 0xee, LEN + 8);
        assert_false(puppet_hear(s->u));
        assert_true(conn_ping(s->p->ic));
        assert_true(puppet_hear(s->u));
        assert_int_equal(wire_opcode(s->u->bhs), WIRE_NOP_OUT);
        answer(s, tmf, complete ? WIRE_TMF_COMPLETE : WIRE_TMF_UNSUPPORTED);
        assert_true(puppet_hear(s->u));
        assert_int_equal(wire_opcode(s->u->bhs), WIRE_SCSI_COMMAND);
        scene_end(s);
    }
}

/* ABORT TASK holds nobody up. */
static void test_new_commands_go_on(void **state)
{
    struct scene *s = scene();
    (void)state;
    ask(s, WIRE_TMF_ABORT_TASK, issue(s, 'R', LUN));
    issue(s, 'R', LUN);
    scene_end(s);
}

/* The connection ends: requests are over, tasks are for the owner to decide upon, and nothing is held up. */
static void test_connection_dies(void **state)
{
    (void)state;
    for (int sent = 0; sent < 2; sent++) {
        struct scene *s = scene();
        struct task *task = issue(s, 'R', LUN);
        struct task *one = session_manage(s->is, s->p->ic, WIRE_TMF_ABORT_TASK, LUN, task);
        struct task *all = session_manage(s->is, s->p->ic, WIRE_TMF_LU_RESET, LUN, NULL);
        while (sent && puppet_hear(s->u))
            ;
        pair_drop(s->p);
        assert_int_equal(s->is->in_flight, 0);
        assert_int_equal(s->is->resets, 0);
        assert_true(list_empty(&s->is->queued));
        reaps(s, one, BERTH_E_UNKNOWN, false);
        reaps(s, all, BERTH_E_UNKNOWN, false);
        nothing_done(s);
        assert_int_equal(task->state, TASK_DETACHED);
        session_revoke(s->is, task, BERTH_E_TIMEOUT);
        reaps(s, task, BERTH_E_TIMEOUT, false);
        scene_end(s);
    }
}

/* --- what the target says unasked --- */

/* Its tasks are being ended: data stops, and the message is acknowledged, with its LUN, where that was
 * agreed. */
static void test_tasks_ended(void **state)
{
    (void)state;
    for (int agreed = 0; agreed < 2; agreed++) {
        struct scene *s = scene_with(512);
        uint8_t bhs[WIRE_BHS_LEN];
        struct wire_nop_out out;
        if (agreed)
            s->is->keys.agreed[KEY_TASK_REPORTING] = REPORT_FAST_ABORT;
        struct task *task = issue(s, 'W', LUN), *foreign = issue(s, 'W', 0);
        want(s, task, task->itt, 0, 0, 600);
        want(s, foreign, foreign->itt, 0, 0, 100);
        struct wire_async a = {.event = WIRE_ASYNC_TASKS_ENDED, .lun = LUN, .window = puppet_window(s->u)};
        put_async(bhs, &a);
        puppet_say(s->u, bhs, NULL, 0);
        assert_int_equal(puppet_drain(s->u), 1);
        assert_int_equal(s->u->event.async.event, WIRE_ASYNC_TASKS_ENDED);
        if (agreed) {
            assert_true(puppet_hear(s->u));
            assert_int_equal(wire_opcode(s->u->bhs), WIRE_NOP_OUT);
            get_nop_out(s->u->bhs, &out);
            assert_true(out.immediate);
            assert_int_equal(out.itt, WIRE_TAG_NONE);
            assert_int_equal(out.ttt, WIRE_TAG_NONE);
            assert_int_equal(out.lun, LUN);
            assert_int_equal(out.exp_stat_sn, a.window.stat_sn + 1);
        } else {
            expect_data(s, 70, 0, 0, 512, false);
            expect_data(s, 70, 1, 512, 88, true);
        }
        expect_data(s, 70, 0, 0, 100, true);
        assert_false(puppet_hear(s->u));
        assert_int_equal(task->state, TASK_ACTIVE);
        scene_end(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request),
        cmocka_unit_test(test_request_for_immediate),
        cmocka_unit_test(test_request_for_many),
        cmocka_unit_test(test_no_task_for_it),
        cmocka_unit_test(test_every_answer),
        cmocka_unit_test(test_response_right_behind),
        cmocka_unit_test(test_answered_twice),
        cmocka_unit_test(test_who_is_covered),
        cmocka_unit_test(test_rejected),
        cmocka_unit_test(test_data_of_one),
        cmocka_unit_test(test_data_is_cut_short),
        cmocka_unit_test(test_data_is_cut_in_the_midst),
        cmocka_unit_test(test_data_stops),
        cmocka_unit_test(test_data_of_one_does_not_stop),
        cmocka_unit_test(test_memory_in_the_ring),
        cmocka_unit_test(test_new_commands_wait),
        cmocka_unit_test(test_new_commands_go_on),
        cmocka_unit_test(test_connection_dies),
        cmocka_unit_test(test_tasks_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
