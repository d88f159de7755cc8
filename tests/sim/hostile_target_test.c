/* SPDX-License-Identifier: MIT */
/* An initiator whose target does what it must not, or may but seldom does: what is an error of the
 * connection, what of the task, what is swallowed, and that nothing is ever called success that was none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "puppet.h"

#define LEN 3000u /* of the commands here */

static uint8_t payload[9000];

struct scene {
    struct puppet *u;
    struct pair *p;
    struct task *task;
    uint8_t buf[LEN + 8];
};

static struct pair_config usual(void)
{
    struct pair_config c;
    pair_config_init(&c, 3);
    c.immediate_data = false;
    c.initial_r2t = true;
    c.max_burst = 2048;
    c.first_burst = 1024;
    c.max_r2t = 2;
    return c;
}

/* Logged in, one command ('R', 'W' or 'E', 0: none) on the wire. */
static struct scene *scene_of(const struct pair_config *c, char op)
{
    struct scene *s = calloc(1, sizeof *s);
    for (uint32_t i = 0; i < sizeof payload; i++)
        payload[i] = (uint8_t)(i * 7 + 1);
    s->p = pair_new(c);
    pair_run(s->p);
    assert_true(s->p->up);
    s->u = puppet_new(s->p, s->p->ic);
    memset(s->buf, 0xee, sizeof s->buf);
    if (!op)
        return s;
    s->task = pair_submit(s->p, op, 0, op == 'E' ? 0 : LEN, s->buf);
    puppet_expect(s->u, WIRE_SCSI_COMMAND);
    assert_int_equal(s->task->state, TASK_ACTIVE);
    return s;
}

static struct scene *scene(char op)
{
    struct pair_config c = usual();
    return scene_of(&c, op);
}

static void scene_end(struct scene *s)
{
    assert_int_equal(s->buf[LEN], 0xee);
    if (s->task)
        free(s->task->owner);
    puppet_free(s->u);
    free(s);
}

/* The connection has failed for this reason, or (BERTH_OK) nothing has happened to it. */
static void connection(struct scene *s, const char *what, int error)
{
    uint32_t n = puppet_drain(s->u);
    if ((error == BERTH_OK) != (n == 0) || (n && s->u->event.error != error))
        print_error("%s: %u events, %s\n", what, n, s->u->event.rule ? s->u->event.rule : "");
    assert_int_equal(n, error ? 1 : 0);
    if (!error)
        return;
    assert_int_equal(s->u->event.kind, CONN_EV_ERROR);
    assert_int_equal(s->u->event.error, error);
    assert_non_null(s->u->event.rule);
    assert_null(session_reap(s->p->is)); /* nothing was completed by it */
    assert_false(puppet_hear(s->u));     /* and nothing more is said */
}

/* The task is done, once, with this outcome. */
static void outcome(struct scene *s, const char *what, int error)
{
    struct task *task = session_reap(s->p->is);
    if (!task || task->error != error)
        print_error("%s: %s\n", what, task ? berth_error_name(task->error) : "not done");
    assert_ptr_equal(task, s->task);
    assert_int_equal(task->error, error);
    assert_int_equal(task->tx_refs, 0);
    assert_null(session_reap(s->p->is));
}

/* --- Data-In --- */

struct data_in {
    uint32_t offset, len, sn;
    bool final, status;
    uint8_t scsi_status, residual_kind;
    uint32_t residual;
};

static void say_data_in(struct scene *s, uint32_t itt, const struct data_in *d)
{
    uint8_t bhs[WIRE_BHS_LEN];
    struct wire_data_in in = {.final = d->final,
                              .has_status = d->status,
                              .status = d->scsi_status,
                              .residual_kind = d->residual_kind,
                              .residual = d->residual,
                              .itt = itt,
                              .ttt = WIRE_TAG_NONE,
                              .window = puppet_window(s->u),
                              .data_sn = d->sn,
                              .buffer_offset = d->offset};
    put_data_in(bhs, &in);
    puppet_say(s->u, bhs, payload, d->len);
}

struct data_in_row {
    const char *what;
    char op;
    struct data_in first, second; /* len 0 and no status: not sent */
    int connection, task;         /* task: BERTH_E_STATE means not done */
};

/* clang-format off */
static const struct data_in_row data_ins[] = {
    {"all at once", 'R', {.len = LEN, .final = true, .status = true}, {0}, 0, BERTH_OK},
    {"in two", 'R', {.len = 1000}, {1000, 2000, 1, true, true, 0, 0, 0}, 0, BERTH_OK},
    {"an empty one ends it", 'R', {.len = LEN}, {LEN, 0, 1, true, true, 0, 0, 0}, 0, BERTH_OK},
    {"an empty one with an odd offset ends it", 'R', {.len = LEN}, {0, 0, 9, true, true, 0, 0, 0}, 0, BERTH_OK},
    {"short, and says so", 'R', {.len = 1000}, {1000, 1000, 1, true, true, 0, WIRE_RESIDUAL_UNDERFLOW, 1000}, 0, BERTH_OK},
    {"empty, and says so", 'R', {0, 0, 0, true, true, 0, WIRE_RESIDUAL_UNDERFLOW, LEN}, {0}, 0, BERTH_OK},
    {"there would be more", 'R', {0, LEN, 0, true, true, 0, WIRE_RESIDUAL_OVERFLOW, 50}, {0}, 0, BERTH_OK},
    {"short without a word", 'R', {.len = 1000, .final = true, .status = true}, {0}, 0, BERTH_E_SHORT},
    {"empty without a word", 'R', {0, 0, 0, true, true, 0, 0, 0}, {0}, 0, BERTH_E_SHORT},
    {"shorter than it says", 'R', {0, 1000, 0, true, true, 0, WIRE_RESIDUAL_UNDERFLOW, 1000}, {0}, 0, BERTH_E_SHORT},
    {"longer than it says", 'R', {0, LEN, 0, true, true, 0, WIRE_RESIDUAL_UNDERFLOW, 1000}, {0}, 0, BERTH_E_SHORT},
    {"busy", 'R', {0, 0, 0, true, true, 8, WIRE_RESIDUAL_UNDERFLOW, LEN}, {0}, 0, BERTH_E_SCSI},
    {"both residuals", 'R', {0, LEN, 0, true, true, 0, 3, 10}, {0}, BERTH_E_PROTOCOL, BERTH_E_STATE},
    {"residual beyond all", 'R', {0, 0, 0, true, true, 0, WIRE_RESIDUAL_UNDERFLOW, LEN + 1}, {0}, BERTH_E_PROTOCOL, BERTH_E_STATE},
    {"for a write", 'W', {.len = 100}, {0}, BERTH_E_PROTOCOL, BERTH_E_STATE},
    {"for a command without data", 'E', {.len = 1}, {0}, BERTH_E_PROTOCOL, BERTH_E_STATE},
    {"beyond the end", 'R', {.len = LEN + 1}, {0}, BERTH_E_PROTOCOL, BERTH_E_STATE},
    {"across the end", 'R', {.len = LEN}, {.offset = LEN, .len = 1, .sn = 1}, BERTH_E_PROTOCOL, BERTH_E_STATE},
    {"offset that wraps", 'R', {.offset = 0xfffffff0, .len = 100}, {0}, BERTH_E_PROTOCOL, BERTH_E_STATE},
    {"a hole", 'R', {.offset = 100, .len = 100}, {0}, BERTH_E_PROTOCOL, BERTH_E_STATE},
    {"the same again", 'R', {.len = 100}, {.len = 100, .sn = 1}, BERTH_E_PROTOCOL, BERTH_E_STATE},
    {"DataSN from 1", 'R', {.len = 100, .sn = 1}, {0}, BERTH_E_PROTOCOL, BERTH_E_STATE},
    {"DataSN twice", 'R', {.len = 100}, {.offset = 100, .len = 100}, BERTH_E_PROTOCOL, BERTH_E_STATE},
    {"DataSN leaps", 'R', {.len = 100}, {.offset = 100, .len = 100, .sn = 2}, BERTH_E_PROTOCOL, BERTH_E_STATE},
    {"status without the final bit", 'R', {.len = LEN, .status = true}, {0}, BERTH_E_PROTOCOL, BERTH_E_STATE},
};
/* clang-format on */

static bool sent(const struct data_in *d)
{
    return d->len || d->status;
}

static void test_data_in(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof data_ins / sizeof data_ins[0]; i++) {
        const struct data_in_row *row = &data_ins[i];
        struct scene *s = scene(row->op);
        say_data_in(s, s->task->itt, &row->first);
        if (sent(&row->second))
            say_data_in(s, s->task->itt, &row->second);
        connection(s, row->what, row->connection);
        if (row->task != BERTH_E_STATE)
            outcome(s, row->what, row->task);
        if (row->task == BERTH_OK && row->first.len == LEN)
            assert_memory_equal(s->buf, payload, LEN);
        scene_end(s);
    }
}

/* --- R2T --- */

struct r2t {
    uint32_t offset, len, sn, ttt;
};

static void say_r2t(struct scene *s, uint32_t itt, const struct r2t *r)
{
    uint8_t bhs[WIRE_BHS_LEN];
    struct wire_r2t r2t = {.lun = 0x1234,
                           .itt = itt,
                           .ttt = r->ttt,
                           .window = puppet_window(s->u),
                           .r2t_sn = r->sn,
                           .buffer_offset = r->offset,
                           .desired_len = r->len};
    put_r2t(bhs, &r2t);
    puppet_say(s->u, bhs, NULL, 0);
}

static void test_r2t_flaws(void **state)
{
    static const struct {
        const char *what;
        char op;
        struct r2t r[4];
        uint32_t count;
    } rows[] = {
        {"for a read", 'R', {{0, 100, 0, 5}}, 1},
        {"for a command without data", 'E', {{0, 100, 0, 5}}, 1},
        {"for nothing", 'W', {{0, 0, 0, 5}}, 1},
        {"beyond MaxBurstLength", 'W', {{0, 2049, 0, 5}}, 1},
        {"beyond the end", 'W', {{LEN, 1, 0, 5}}, 1},
        {"across the end", 'W', {{2000, LEN - 2000 + 1, 0, 5}}, 1},
        {"offset far out", 'W', {{0xffffffff, 1, 0, 5}}, 1},
        {"a sum that wraps", 'W', {{0xfffffc00, 0x401, 0, 5}}, 1},
        {"no tag", 'W', {{0, 100, 0, WIRE_TAG_NONE}}, 1},
        {"R2TSN from 1", 'W', {{0, 100, 1, 5}}, 1},
        {"R2TSN twice", 'W', {{0, 100, 0, 5}, {100, 100, 0, 6}}, 2},
        {"the same bytes twice", 'W', {{0, 100, 0, 5}, {0, 100, 1, 6}}, 2},
        {"bytes in part asked for", 'W', {{0, 100, 0, 5}, {99, 100, 1, 6}}, 2},
        {"backwards", 'W', {{500, 100, 0, 5}, {0, 100, 1, 6}}, 2},
        {"one too many", 'W', {{0, 100, 0, 5}, {100, 100, 1, 6}, {200, 100, 2, 7}}, 3},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scene *s = scene(rows[i].op);
        for (uint32_t n = 0; n < rows[i].count; n++)
            say_r2t(s, s->task->itt, &rows[i].r[n]);
        connection(s, rows[i].what, BERTH_E_PROTOCOL);
        scene_end(s);
    }
}

struct response {
    uint8_t code, status, residual_kind;
    uint32_t residual, exp_data_sn, data_len; /* data: SenseLength and sense */
    const uint8_t *data;
};

static void say_response(struct scene *s, uint32_t itt, const struct response *r)
{
    uint8_t bhs[WIRE_BHS_LEN];
    struct wire_scsi_response out = {.response = r->code,
                                     .status = r->status,
                                     .residual_kind = r->residual_kind,
                                     .residual = r->residual,
                                     .itt = itt,
                                     .window = puppet_window(s->u),
                                     .exp_data_sn = r->exp_data_sn};
    put_scsi_response(bhs, &out);
    puppet_say(s->u, bhs, r->data, r->data_len);
}

/* Two R2Ts at once, answered in order, in pieces of the target's segment size as far as it is whole words,
 * LUN and tag as asked. */
static void test_r2ts_answered(void **state)
{
    (void)state;
    struct pair_config c = usual();
    c.segment_t = 703;
    c.breaks = "D6"; /* the LUN is not that of the command, so that it can be told from 0 */
    struct scene *s = scene_of(&c, 'W');
    struct wire_data_out d;
    memcpy(s->buf, payload, LEN);
    s->task->lun = 0x77;
    say_r2t(s, s->task->itt, &(struct r2t){0, 2000, 0, 5});
    say_r2t(s, s->task->itt, &(struct r2t){2000, 1000, 1, 6});
    static const uint32_t lens[] = {700, 700, 600, 700, 300};
    uint32_t at = 0;
    for (uint32_t i = 0; i < 5; i++) {
        puppet_expect(s->u, WIRE_DATA_OUT);
        get_data_out(s->u->bhs, &d);
        assert_int_equal(s->u->data_len, lens[i]);
        assert_memory_equal(s->u->data, payload + at, lens[i]);
        assert_int_equal(d.buffer_offset, at);
        assert_int_equal(d.ttt, i < 3 ? 5 : 6);
        assert_int_equal(d.data_sn, i < 3 ? i : i - 3);
        assert_int_equal(d.final, i == 2 || i == 4);
        assert_int_equal(d.itt, s->task->itt);
        assert_true(d.lun == 0x77);
        at += lens[i];
    }
    assert_false(puppet_hear(s->u));
    say_response(s, s->task->itt, &(struct response){.exp_data_sn = 2});
    connection(s, "two R2Ts", BERTH_OK);
    outcome(s, "two R2Ts", BERTH_OK);
    scene_end(s);
}

/* As many R2Ts as agreed while the unsolicited sequence is still being sent, and one more. */
static void test_r2ts_behind_unsolicited(void **state)
{
    (void)state;
    enum { WHOLE = 80000, FIRST = 65536 };
    struct pair_config c = usual();
    struct berth_seg segs[1];
    c.initial_r2t = false;
    c.segment_t = 512;
    c.max_burst = c.first_burst = FIRST;
    c.breaks = "D6"; /* the R2Ts come before the command has been heard */
    c.max_r2t = 50;  /* comes down to what a task has room for */
    struct scene *s = scene_of(&c, 0);
    uint8_t *buf = malloc(WHOLE);
    memset(buf, 0x5c, WHOLE);
    assert_int_equal(s->p->is->keys.agreed[KEY_MAX_OUTSTANDING_R2T], TASK_R2T_MAX);
    s->task = pair_submit(s->p, 'W', 0, WHOLE, buf);
    assert_int_equal(conn_tx_peek(s->p->ic, segs, 1), 1);
    assert_true(s->task->unsolicited); /* more of it than there are transmit slots */
    for (uint32_t i = 0; i < TASK_R2T_MAX; i++)
        say_r2t(s, s->task->itt, &(struct r2t){FIRST + i * 1000, 1000, i, 5});
    connection(s, "behind unsolicited data", BERTH_OK);
    uint32_t sent = 0;
    while (puppet_hear(s->u))
        sent += s->u->data_len;
    assert_int_equal(sent, FIRST + TASK_R2T_MAX * 1000);
    for (uint32_t i = TASK_R2T_MAX; i < TASK_R2T_MAX + 1; i++) /* answered: there is room again */
        say_r2t(s, s->task->itt, &(struct r2t){FIRST + i * 1000, 1000, i, 5});
    puppet_expect(s->u, WIRE_DATA_OUT);
    connection(s, "after them", BERTH_OK);
    scene_end(s);
    free(buf);
}

/* --- SCSI Response --- */

static const uint8_t sense_of_18[] = {0, 18, 0x70, 0, 5, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x24, 0, 0, 0, 0, 0};
static const uint8_t sense_lies[] = {0, 19, 0x70, 0, 5, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x24, 0, 0, 0, 0, 0};
static const uint8_t sense_lies_much[] = {0xff, 0xff, 0x70, 0};
static const uint8_t one_byte[] = {7};

static void test_responses(void **state)
{
    static const struct {
        const char *what;
        char op;
        uint32_t moved; /* of a read: came before, in one PDU; of a write: asked for and sent */
        struct response r;
        int connection, task;
        uint32_t sense_len;
    } rows[] = {
        {"good", 'R', LEN, {.exp_data_sn = 1}, 0, BERTH_OK, 0},
        {"short", 'R', 1000, {.exp_data_sn = 1}, 0, BERTH_E_SHORT, 0},
        {"short, said", 'R', 1000, {0, 0, 1, 2000, 1, 0, NULL}, 0, BERTH_OK, 0},
        {"said more than is missing", 'R', 1000, {0, 0, 1, 2001, 1, 0, NULL}, 0, BERTH_E_SHORT, 0},
        {"data was lost", 'R', LEN, {.exp_data_sn = 2}, BERTH_E_PROTOCOL, 0, 0},
        {"both residuals", 'R', LEN, {0, 0, 3, 1, 1, 0, NULL}, BERTH_E_PROTOCOL, 0, 0},
        {"residual too long", 'R', 0, {0, 0, 1, LEN + 1, 0, 0, NULL}, BERTH_E_PROTOCOL, 0, 0},
        {"write", 'W', LEN, {.exp_data_sn = 2}, 0, BERTH_OK, 0},
        {"write, nothing asked for", 'W', 0, {0}, 0, BERTH_E_SHORT, 0},
        {"write, half of it, said", 'W', 2000, {0, 0, 1, 1000, 1, 0, NULL}, 0, BERTH_OK, 0},
        {"write, half of it", 'W', 2000, {.exp_data_sn = 1}, 0, BERTH_E_SHORT, 0},
        {"write, all sent, less taken", 'W', LEN, {0, 0, 1, 1000, 2, 0, NULL}, 0, BERTH_OK, 0},
        {"target failure", 'R', LEN, {1, 0, 0, 0, 1, 0, NULL}, 0, BERTH_E_TARGET, 0},
        {"target failure with all kinds of things",
         'R',
         0,
         {1, 2, 3, LEN + 1, 9, 20, sense_of_18},
         0,
         BERTH_E_TARGET,
         0},
        {"vendor's failure", 'R', LEN, {0x80, 0, 0, 0, 1, 0, NULL}, 0, BERTH_E_TARGET, 0},
        {"vendor's last failure", 'R', LEN, {0xff, 0, 0, 0, 1, 0, NULL}, 0, BERTH_E_TARGET, 0},
        {"first reserved response", 'R', LEN, {2, 0, 0, 0, 1, 0, NULL}, BERTH_E_PROTOCOL, 0, 0},
        {"last reserved response", 'R', LEN, {0x7f, 0, 0, 0, 1, 0, NULL}, BERTH_E_PROTOCOL, 0, 0},
        {"check condition", 'E', 0, {0, 2, 0, 0, 0, 20, sense_of_18}, 0, BERTH_E_SCSI, 18},
        {"sense length too long by one", 'E', 0, {0, 2, 0, 0, 0, 20, sense_lies}, 0, BERTH_E_SCSI, 0},
        {"sense length absurd", 'E', 0, {0, 2, 0, 0, 0, 4, sense_lies_much}, 0, BERTH_E_SCSI, 0},
        {"sense length cut", 'E', 0, {0, 2, 0, 0, 0, 1, one_byte}, 0, BERTH_E_SCSI, 0},
        {"check condition without sense", 'R', 0, {0, 2, 1, LEN, 0, 0, NULL}, 0, BERTH_E_SCSI, 0},
        {"status and not all data", 'R', 1000, {0, 0x28, 0, 0, 7, 0, NULL}, 0, BERTH_E_SCSI, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scene *s = scene(rows[i].op);
        if (rows[i].op == 'R' && rows[i].moved)
            say_data_in(s, s->task->itt, &(struct data_in){.len = rows[i].moved, .final = true});
        if (rows[i].op == 'W' && rows[i].moved)
            say_r2t(s, s->task->itt, &(struct r2t){0, 2000, 0, 5});
        if (rows[i].op == 'W' && rows[i].moved > 2000)
            say_r2t(s, s->task->itt, &(struct r2t){2000, 1000, 1, 6});
        while (puppet_hear(s->u))
            ;
        say_response(s, s->task->itt, &rows[i].r);
        connection(s, rows[i].what, rows[i].connection);
        if (!rows[i].connection) {
            outcome(s, rows[i].what, rows[i].task);
            assert_int_equal(s->task->sense_len, rows[i].sense_len);
        }
        scene_end(s);
    }
}

/* A sense longer than any, in a segment longer than the control buffer: kept is what there is room for. */
static void test_long_sense(void **state)
{
    (void)state;
    static uint8_t data[9000];
    struct pair_config c = usual();
    c.segment_i = 16384;
    struct scene *s = scene_of(&c, 'E');
    put16(data, 8000);
    memset(data + 2, 0x72, sizeof data - 2);
    say_response(s, s->task->itt, &(struct response){.status = 2, .data = data, .data_len = sizeof data});
    connection(s, "long sense", BERTH_OK);
    outcome(s, "long sense", BERTH_E_SCSI);
    assert_int_equal(s->task->sense_len, TASK_SENSE_MAX);
    scene_end(s);
}

/* --- numbering and tags --- */

/* A response for nobody, or for somebody else: counts, and touches nothing. */
static void test_strange_tags(void **state)
{
    (void)state;
    struct scene *s = scene('R');
    const uint32_t tags[] = {s->task->itt ^ 0x1000,
                             s->task->itt + 1,
                             s->task->itt ^ 0x01000000,
                             0,
                             WIRE_TAG_NONE,
                             0x00ffffff,
                             0xfff,
                             s->task->itt ^ 0x2000};
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++) {
        uint32_t stat_sn = s->p->ic->exp_stat_sn;
        say_data_in(s, tags[i], &(struct data_in){.len = 100});
        say_r2t(s, tags[i], &(struct r2t){0, 100, 0, 5});
        assert_int_equal(s->p->ic->exp_stat_sn, stat_sn);
        say_response(s, tags[i], &(struct response){0});
        assert_int_equal(s->p->ic->exp_stat_sn, stat_sn + 1);
    }
    connection(s, "strange tags", BERTH_OK);
    assert_int_equal(s->task->moved, 0);
    assert_int_equal(s->buf[0], 0xee);
    say_data_in(s, s->task->itt, &(struct data_in){.len = LEN, .final = true, .status = true});
    outcome(s, "the right tag", BERTH_OK);
    scene_end(s);
}

/* What still comes for a task that was given up does not find the one that has its slot now. */
static void test_stale_tag(void **state)
{
    (void)state;
    struct scene *s = scene('R');
    uint8_t other[LEN];
    uint32_t stale = s->task->itt;
    say_data_in(s, stale, &(struct data_in){.len = 100});
    session_revoke(s->p->is, s->task, BERTH_E_ABORTED);
    outcome(s, "given up", BERTH_E_ABORTED);
    free(s->task->owner);
    session_task_free(s->p->is, s->task);
    memset(other, 0xee, sizeof other);
    s->task = pair_submit(s->p, 'R', 0, LEN, other);
    puppet_expect(s->u, WIRE_SCSI_COMMAND);
    assert_true(s->task->itt != stale);
    memset(s->buf, 0xee, sizeof s->buf);
    say_data_in(s, stale,
                &(struct data_in){.offset = 100, .len = LEN - 100, .sn = 1, .final = true, .status = true});
    assert_int_equal(other[0], 0xee);
    assert_int_equal(s->buf[100], 0xee);
    assert_null(session_reap(s->p->is));
    say_data_in(s, s->task->itt, &(struct data_in){.len = LEN, .final = true, .status = true});
    outcome(s, "the task after it", BERTH_OK);
    assert_memory_equal(other, payload, LEN);
    scene_end(s);
}

static void test_stat_sn(void **state)
{
    (void)state;
    for (int way = 0; way < 4; way++) {
        struct scene *s = scene('R');
        uint32_t sn = s->p->ic->exp_stat_sn;
        s->p->ic->exp_stat_sn = sn + (way == 0   ? 1u
                                      : way == 1 ? 1000u
                                      : way == 2 ? 0xfffffffeu
                                                 : 0x7fffffffu);
        uint8_t
            bhs[WIRE_BHS_LEN]; /* what puppet_window() says now is ahead of, or behind, what is expected */
        struct wire_scsi_response r = {.itt = s->task->itt, .window = puppet_window(s->u)};
        put_scsi_response(bhs, &r);
        s->p->ic->exp_stat_sn = sn;
        puppet_say(s->u, bhs, NULL, 0);
        if (way == 2) { /* seen before: swallowed, and not an answer */
            connection(s, "old StatSN", BERTH_OK);
            assert_null(session_reap(s->p->is));
            assert_int_equal(s->task->state, TASK_ACTIVE);
        } else {
            connection(s, "gap in StatSN", BERTH_E_PROTOCOL);
        }
        scene_end(s);
    }
}

/* An answer of every kind under a StatSN that was used before: not an answer. With the right one it is. */
static void test_old_answers(void **state)
{
    static const uint8_t opcodes[] = {WIRE_TMF_RESPONSE, WIRE_NOP_IN, WIRE_TEXT_RESPONSE,
                                      WIRE_LOGOUT_RESPONSE, WIRE_REJECT};
    static const enum task_kind kinds[] = {TASK_TMF, TASK_NOP, TASK_TEXT, TASK_LOGOUT, TASK_TMF};
    (void)state;
    for (size_t i = 0; i < sizeof opcodes; i++) {
        struct scene *s = scene(0);
        struct session *is = s->p->is;
        struct berth_seg seg = seg_memory(s->buf, LEN);
        struct task *task = session_task(is, kinds[i]);
        task->data = (struct extent){.segs = &seg, .count = 1, .len = LEN};
        task->immediate = true;
        task->function = kinds[i] == TASK_TMF ? WIRE_TMF_LU_RESET : WIRE_LOGOUT_SESSION;
        task->referenced_tag = WIRE_TAG_NONE;
        session_submit(is, task);
        assert_true(puppet_hear(s->u));
        uint8_t bhs[WIRE_BHS_LEN] = {opcodes[i], 0x80}, rejected[WIRE_BHS_LEN] = {WIRE_TMF_REQUEST};
        struct wire_window w = puppet_window(s->u);
        put32(bhs + 16, task->itt);
        put32(bhs + 20, WIRE_TAG_NONE);
        put32(rejected + 16, task->itt);
        w.stat_sn--;
        for (int n = 0; n < 2; n++) {
            put_window(bhs, &w);
            puppet_say(s->u, bhs, rejected, opcodes[i] == WIRE_REJECT ? WIRE_BHS_LEN : 0);
            assert_int_equal(is->slots.taken - (session_reap(is) != NULL), n == 0);
            assert_int_equal(task->state == TASK_ACTIVE, n == 0);
            w.stat_sn++;
        }
        assert_true(puppet_drain(s->u) <= 1 && s->u->event.kind != CONN_EV_ERROR);
        scene_end(s);
    }
}

/* The same response again, byte by byte: no second completion, the connection lives. */
static void test_replay(void **state)
{
    (void)state;
    struct scene *s = scene('E');
    uint8_t bhs[WIRE_BHS_LEN];
    struct wire_scsi_response r = {.itt = s->task->itt, .window = puppet_window(s->u)};
    put_scsi_response(bhs, &r);
    for (int i = 0; i < 3; i++)
        puppet_say(s->u, bhs, NULL, 0);
    outcome(s, "once", BERTH_OK);
    connection(s, "replay", BERTH_OK);
    scene_end(s);
}

/* MaxCmdSN far below ExpCmdSN, and windows of yesterday: ignored. */
static void test_windows(void **state)
{
    (void)state;
    struct scene *s = scene(0);
    struct session *is = s->p->is;
    uint32_t max = is->max_cmd_sn, exp = is->exp_cmd_sn;
    const struct wire_window odd[] = {
        {0, exp + 5, exp + 3}, {0, exp - 3, max - 3}, {0, exp, max - 1}, {0, exp, exp - 1}};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        session_window(is, &odd[i]);
        assert_int_equal(is->exp_cmd_sn, exp);
        assert_int_equal(is->max_cmd_sn, max);
    }
    session_window(is, &(struct wire_window){0, exp + 1, max + 1});
    assert_int_equal(is->exp_cmd_sn, exp + 1);
    assert_int_equal(is->max_cmd_sn, max + 1);
    scene_end(s);
}

static void say_nop_in(struct scene *s, uint32_t itt, uint32_t ttt, uint64_t lun, uint32_t data_len)
{
    uint8_t bhs[WIRE_BHS_LEN];
    struct wire_nop_in in = {.lun = lun, .itt = itt, .ttt = ttt, .window = puppet_window(s->u)};
    put_nop_in(bhs, &in);
    puppet_say(s->u, bhs, payload, data_len);
}

/* --- Reject --- */

static void say_reject(struct scene *s, uint8_t reason, const void *header, uint32_t len)
{
    uint8_t bhs[WIRE_BHS_LEN];
    struct wire_reject r = {.reason = reason, .window = puppet_window(s->u)};
    put_reject(bhs, &r);
    puppet_say(s->u, bhs, header, len);
}

static void test_rejects(void **state)
{
    static const struct {
        const char *what;
        uint8_t opcode;
        uint32_t flip; /* of the tag */
        uint32_t len;
        bool ends;
    } rows[] = {
        {"our command", WIRE_SCSI_COMMAND, 0, 48, true},
        {"our data", WIRE_DATA_OUT, 0, 48, false},
        {"our command, immediate", WIRE_SCSI_COMMAND | 0x40, 0, 48, true},
        {"more than a header", WIRE_SCSI_COMMAND, 0, 60, true},
        {"a cut header", WIRE_SCSI_COMMAND, 0, 47, false},
        {"no header", WIRE_SCSI_COMMAND, 0, 0, false},
        {"another tag", WIRE_SCSI_COMMAND, 0x1000, 48, false},
        {"another kind", WIRE_TMF_REQUEST, 0, 48, false},
        {"a ping", WIRE_NOP_OUT, 0, 48, false},
        {"a login", WIRE_LOGIN_REQUEST, 0, 48, false},
        {"a target's PDU", WIRE_DATA_IN, 0, 48, false},
        {"no PDU at all", 0x3e, 0, 48, false},
        {"between the known ones", 0x08, 0, 48, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scene *s = scene('W');
        uint8_t header[64] = {rows[i].opcode};
        put32(header + 16, s->task->itt ^ rows[i].flip);
        say_reject(s, WIRE_REJECT_PROTOCOL, header, rows[i].len);
        assert_int_equal(puppet_drain(s->u), 1);
        assert_int_equal(s->u->event.kind, CONN_EV_REJECT);
        assert_int_equal(s->u->event.reject_reason, WIRE_REJECT_PROTOCOL);
        if (rows[i].ends)
            outcome(s, rows[i].what, BERTH_E_REJECTED);
        else
            assert_int_equal(s->task->state, TASK_ACTIVE);
        assert_null(session_reap(s->p->is));
        assert_false(puppet_hear(s->u)); /* its number was taken all the same */
        scene_end(s);
    }
}

/* A Reject of a request that the target has not counted (7.3): it still waits for this number. */
static void reject_uncounted(struct scene *s, const uint8_t *header, uint32_t cmd_sn)
{
    uint8_t bhs[WIRE_BHS_LEN];
    struct wire_reject r = {.reason = WIRE_REJECT_COMMAND, .window = puppet_window(s->u)};
    r.window.exp_cmd_sn = cmd_sn;
    put_reject(bhs, &r);
    puppet_say(s->u, bhs, header, WIRE_BHS_LEN);
    assert_int_equal(puppet_drain(s->u), 1);
    assert_int_equal(s->u->event.kind, CONN_EV_REJECT);
}

static void test_rejected_number(void **state)
{
    (void)state;
    struct scene *s = scene('W');
    uint8_t header[WIRE_BHS_LEN];
    struct wire_nop_out plug;
    uint32_t number = s->task->cmd_sn;
    memcpy(header, s->u->bhs, WIRE_BHS_LEN);
    s->task->deadline_ns = 77;
    s->p->is->max_cmd_sn = number; /* the plug is not a new command: the window does not matter to it */
    assert_true(conn_ping(s->p->ic));
    puppet_expect(s->u, WIRE_NOP_OUT);
    reject_uncounted(s, header, number);
    outcome(s, "rejected", BERTH_E_REJECTED);
    assert_int_equal(s->task->reject_reason, WIRE_REJECT_COMMAND);
    assert_true(s->task->unsent); /* nobody has done it */
    puppet_expect(s->u, WIRE_NOP_OUT);
    get_nop_out(s->u->bhs, &plug);
    assert_false(plug.immediate);
    assert_int_equal(plug.cmd_sn, number);
    assert_int_equal(plug.ttt, WIRE_TAG_NONE);
    assert_int_equal(session_find(s->p->is, plug.itt)->deadline_ns, 77); /* the command's own */
    assert_int_equal(s->p->is->cmd_sn, number + 1);
    say_nop_in(s, plug.itt, WIRE_TAG_NONE, 0, 0);
    assert_true(conn_ping_out(s->p->ic)); /* it was no ping */
    assert_false(puppet_hear(s->u));
    connection(s, "plugged", BERTH_OK);
    free(s->task->owner);
    session_task_free(s->p->is, s->task);
    s->task = pair_submit(s->p, 'R', 0, LEN, s->buf);
    puppet_expect(s->u, WIRE_SCSI_COMMAND);
    assert_int_equal(get32(s->u->bhs + 24), number + 1);
    scene_end(s);
}

/* The plug is rejected as well: there is no end to that but the session's. */
static void test_rejected_plug(void **state)
{
    (void)state;
    struct scene *s = scene('W');
    uint8_t header[WIRE_BHS_LEN];
    uint32_t number = s->task->cmd_sn;
    memcpy(header, s->u->bhs, WIRE_BHS_LEN);
    reject_uncounted(s, header, number);
    outcome(s, "rejected", BERTH_E_REJECTED);
    puppet_expect(s->u, WIRE_NOP_OUT);
    uint8_t bhs[WIRE_BHS_LEN];
    struct wire_reject r = {.reason = WIRE_REJECT_COMMAND, .window = puppet_window(s->u)};
    r.window.exp_cmd_sn = number;
    put_reject(bhs, &r);
    puppet_say(s->u, bhs, s->u->bhs, WIRE_BHS_LEN);
    assert_int_equal(puppet_drain(s->u), 2);
    assert_int_equal(s->u->event.error, BERTH_E_REJECTED);
    assert_false(puppet_hear(s->u));
    scene_end(s);
}

/* Rejected data does not end its command (7.3). What does is believed if it is a failure, but not that all
 * has been written. */
static void test_rejected_data(void **state)
{
    (void)state;
    for (int good = 0; good < 2; good++) {
        struct scene *s = scene('W');
        say_r2t(s, s->task->itt, &(struct r2t){0, 2000, 0, 5});
        say_r2t(s, s->task->itt, &(struct r2t){2000, LEN - 2000, 1, 6});
        puppet_expect(s->u, WIRE_DATA_OUT);
        say_reject(s, good ? 0 : WIRE_REJECT_DATA_DIGEST, s->u->bhs, WIRE_BHS_LEN);
        assert_int_equal(puppet_drain(s->u), 1);
        assert_int_equal(s->task->state, TASK_ACTIVE);
        while (puppet_hear(s->u))
            assert_int_equal(wire_opcode(s->u->bhs), WIRE_DATA_OUT);
        say_response(s, s->task->itt,
                     good ? &(struct response){.exp_data_sn = 2}
                          : &(struct response){.status = 2, .data = sense_of_18, .data_len = 20});
        outcome(s, "rejected data", good ? BERTH_E_REJECTED : BERTH_E_SCSI);
        assert_int_equal(s->task->reject_reason, good ? WIRE_REJECT_RESERVED : WIRE_REJECT_DATA_DIGEST);
        assert_false(s->task->unsent);
        scene_end(s);
    }
}

static void test_rejected_logout(void **state)
{
    (void)state;
    struct scene *s = scene(0);
    conn_logout(s->p->ic, WIRE_LOGOUT_SESSION);
    puppet_expect(s->u, WIRE_LOGOUT_REQUEST);
    say_reject(s, WIRE_REJECT_TOO_MANY_IMMEDIATE, s->u->bhs, WIRE_BHS_LEN);
    assert_int_equal(puppet_drain(s->u), 2);
    assert_int_equal(s->u->event.kind, CONN_EV_LOGGED_OUT);
    assert_int_equal(s->u->event.error, BERTH_E_REJECTED);
    assert_int_equal(s->p->is->slots.taken, 0);
    scene_end(s);
}

/* --- pings --- */

static void test_ping_answered(void **state)
{
    (void)state;
    struct scene *s = scene(0);
    uint32_t stat_sn = s->p->ic->exp_stat_sn, cmd_sn = s->p->is->cmd_sn;
    struct wire_nop_out out;
    say_nop_in(s, WIRE_TAG_NONE, 0x55, 0x0123456789abcdefull, 0);
    puppet_expect(s->u, WIRE_NOP_OUT);
    get_nop_out(s->u->bhs, &out);
    assert_true(out.immediate);
    assert_int_equal(out.ttt, 0x55);
    assert_true(out.lun == 0x0123456789abcdefull);
    assert_int_equal(out.itt, WIRE_TAG_NONE);
    assert_int_equal(out.cmd_sn, cmd_sn);
    assert_int_equal(out.exp_stat_sn, stat_sn);
    assert_int_equal(s->u->data_len, 0);
    say_nop_in(s, WIRE_TAG_NONE, WIRE_TAG_NONE, 0, 0); /* wants no answer: it moves the window */
    say_nop_in(s, WIRE_TAG_NONE, WIRE_TAG_NONE, 0, 500);
    assert_false(puppet_hear(s->u));
    assert_int_equal(s->p->ic->exp_stat_sn, stat_sn);
    connection(s, "ping", BERTH_OK);
    scene_end(s);
}

static void test_own_ping(void **state)
{
    (void)state;
    struct scene *s = scene(0);
    assert_true(conn_ping(s->p->ic));
    assert_false(conn_ping(s->p->ic));
    puppet_expect(s->u, WIRE_NOP_OUT);
    uint32_t itt = wire_itt(s->u->bhs);
    assert_true(conn_ping_out(s->p->ic));
    say_nop_in(s, itt + 1, WIRE_TAG_NONE, 0, 0);
    assert_true(conn_ping_out(s->p->ic));
    say_nop_in(s, itt, WIRE_TAG_NONE, 0, 0);
    assert_false(conn_ping_out(s->p->ic));
    assert_null(session_reap(s->p->is));
    assert_int_equal(s->p->is->slots.taken, 0);
    assert_int_equal(s->p->is->in_flight, 0);
    assert_true(conn_ping(s->p->ic)); /* rejected: over as well, and not reported as a task */
    puppet_expect(s->u, WIRE_NOP_OUT);
    say_reject(s, WIRE_REJECT_TOO_MANY_IMMEDIATE, s->u->bhs, WIRE_BHS_LEN);
    assert_false(conn_ping_out(s->p->ic));
    assert_null(session_reap(s->p->is));
    assert_int_equal(s->p->is->slots.taken, 0);
    scene_end(s);
}

/* An answer to our ping that asks for one itself. */
static void test_ping_both_ways(void **state)
{
    (void)state;
    struct scene *s = scene(0);
    assert_true(conn_ping(s->p->ic));
    puppet_expect(s->u, WIRE_NOP_OUT);
    say_nop_in(s, wire_itt(s->u->bhs), 0x55, 0, 0);
    connection(s, "both tags", BERTH_E_PROTOCOL);
    scene_end(s);
}

/* What was received is acknowledged by itself when the owner says so, and not twice. */
static void test_acknowledgement(void **state)
{
    (void)state;
    struct scene *s = scene('E');
    struct conn *victim = s->p->ic;
    struct wire_nop_out out;
    assert_false(conn_owes_ack(victim));
    say_response(s, s->task->itt, &(struct response){0});
    outcome(s, "done", BERTH_OK);
    assert_true(conn_owes_ack(victim));
    conn_acknowledge(victim);
    assert_false(conn_owes_ack(victim)); /* it is on its way, even while nothing can be sent */
    puppet_expect(s->u, WIRE_NOP_OUT);
    get_nop_out(s->u->bhs, &out);
    assert_true(out.immediate);
    assert_int_equal(out.itt, WIRE_TAG_NONE);
    assert_int_equal(out.ttt, WIRE_TAG_NONE);
    assert_int_equal(out.exp_stat_sn, victim->exp_stat_sn);
    assert_false(conn_owes_ack(victim));
    conn_acknowledge(victim);
    assert_false(puppet_hear(s->u));
    connection(s, "acknowledged", BERTH_OK);
    scene_end(s);
}

/* A ping comes into the middle of a long write: its answer waits for no more than what was on its way out. */
static void test_ping_into_write(void **state)
{
    (void)state;
    enum { WHOLE = 80000 };
    struct pair_config c = usual();
    c.segment_t = 512;
    c.max_burst = WHOLE;
    struct scene *s = scene_of(&c, 0);
    uint8_t *buf = calloc(1, WHOLE);
    struct berth_seg segs[1];
    s->task = pair_submit(s->p, 'W', 0, WHOLE, buf);
    puppet_expect(s->u, WIRE_SCSI_COMMAND);
    s->p->is->max_cmd_sn = s->p->is->cmd_sn - 1; /* and the window is closed */
    say_r2t(s, s->task->itt, &(struct r2t){0, WHOLE, 0, 5});
    assert_int_equal(conn_tx_peek(s->p->ic, segs, 1), 1); /* as many PDUs are ready as there are slots */
    struct wire_nop_in in = {.itt = WIRE_TAG_NONE, .ttt = 0x55, .window = puppet_window(s->u)};
    in.window.max_cmd_sn = s->p->is->max_cmd_sn;
    uint8_t bhs[WIRE_BHS_LEN];
    put_nop_in(bhs, &in);
    puppet_say(s->u, bhs, NULL, 0);
    uint32_t before = 0;
    while (puppet_hear(s->u) && wire_opcode(s->u->bhs) == WIRE_DATA_OUT)
        before++;
    assert_int_equal(wire_opcode(s->u->bhs), WIRE_NOP_OUT);
    assert_int_equal(get32(s->u->bhs + 20), 0x55);
    assert_true(before <= CONN_TX_SLOTS);
    puppet_expect(s->u, WIRE_DATA_OUT); /* and there is more of the write */
    connection(s, "a ping into a write", BERTH_OK);
    scene_end(s);
    free(buf);
}

static uint32_t answers_heard(struct scene *s)
{
    uint32_t answers = 0;
    while (puppet_hear(s->u))
        answers += wire_opcode(s->u->bhs) == WIRE_NOP_OUT;
    return answers;
}

/* Answers to pings wait a moment for each other, but neither when they are many, nor when something else
 * goes, nor when the caller is about to leave. */
static void test_answers_gather(void **state)
{
    (void)state;
    for (int how = 0; how < 4; how++) {
        struct scene *s = scene(0);
        struct conn *victim = s->p->ic;
        assert_true(conn_deadline(victim) == UINT64_MAX);
        say_nop_in(s, WIRE_TAG_NONE, 1, 0, 0);
        uint64_t due = conn_last_rx(victim) + CONN_ANSWERS_NS;
        uint32_t answers = 1;
        say_nop_in(s, WIRE_TAG_NONE, 2, 0, 0);
        answers++;
        assert_false(conn_tx_pending(victim));
        assert_true(conn_deadline(victim) == due); /* the first one's time counts */
        conn_tick(victim, due - 1);
        assert_false(conn_tx_pending(victim));
        if (how == 0)
            conn_tick(victim, due);
        else if (how == 1)
            conn_hurry(victim);
        else if (how == 2)
            s->task = pair_submit(s->p, 'E', 0, 0, s->buf);
        else
            for (; answers < CONN_OUTBOX / 2; answers++)
                say_nop_in(s, WIRE_TAG_NONE, 3, 0, 0);
        assert_true(conn_tx_pending(victim));
        assert_true(conn_deadline(victim) == UINT64_MAX || how == 2);
        assert_int_equal(answers_heard(s), answers);
        assert_true(conn_deadline(victim) == UINT64_MAX);
        assert_false(conn_tx_pending(victim));
        connection(s, "answers", BERTH_OK);
        scene_end(s);
    }
}

/* Pings without end and nobody to send the answers: the core stops taking more, and goes on once it can send.
 */
static void test_ping_storm(void **state)
{
    (void)state;
    struct scene *s = scene(0);
    uint8_t storm[WIRE_BHS_LEN * 1000];
    for (uint32_t i = 0; i < 1000; i++) {
        struct wire_nop_in in = {.itt = WIRE_TAG_NONE, .ttt = i, .window = puppet_window(s->u)};
        put_nop_in(storm + i * WIRE_BHS_LEN, &in);
    }
    size_t fed = 0;
    uint32_t answers = 0;
    while (answers < 1000) {
        uint64_t took = puppet_babble(s->u, storm + fed, sizeof storm - fed);
        fed += took;
        assert_true(s->p->ic->out.count < CONN_OUTBOX);
        uint32_t before = answers;
        while (puppet_hear(s->u))
            assert_int_equal(get32(s->u->bhs + 20), answers++);
        assert_true(answers > before);
    }
    assert_int_equal(fed, sizeof storm);
    connection(s, "storm", BERTH_OK);
    scene_end(s);
}

/* The same with asynchronous messages that nobody drains. */
static void test_event_storm(void **state)
{
    (void)state;
    struct scene *s = scene(0);
    uint32_t seen = 0;
    size_t fed = 0;
    uint8_t storm[WIRE_BHS_LEN * 200];
    for (uint32_t i = 0; i < 200; i++) {
        struct wire_async a = {
            .event = WIRE_ASYNC_VENDOR, .parameter1 = (uint16_t)i, .window = puppet_window(s->u)};
        a.window.stat_sn += i;
        put_async(storm + i * WIRE_BHS_LEN, &a);
    }
    while (seen < 200) {
        fed += puppet_babble(s->u, storm + fed, sizeof storm - fed);
        assert_true(s->p->ic->event_count < CONN_EVENTS);
        struct conn_event ev;
        assert_true(conn_event(s->p->ic, &ev));
        assert_int_equal(ev.kind, CONN_EV_ASYNC);
        assert_int_equal(ev.async.parameter1, seen++);
    }
    connection(s, "events", BERTH_OK);
    scene_end(s);
}

/* --- the rest --- */

/* With sense data, short and longer than the control buffer; the window and the stream go on. */
static void test_async(void **state)
{
    static const uint32_t lens[] = {0, 20, 8192, 9000};
    (void)state;
    struct pair_config c = usual();
    c.segment_i = 16384;
    struct scene *s = scene_of(&c, 'R');
    for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        uint8_t bhs[WIRE_BHS_LEN], data[9000] = {0, 18};
        struct wire_async a = {
            .event = WIRE_ASYNC_LOGOUT, .parameter3 = (uint16_t)i, .window = puppet_window(s->u)};
        put_async(bhs, &a);
        puppet_say(s->u, bhs, data, lens[i]);
        assert_int_equal(puppet_drain(s->u), 1);
        assert_int_equal(s->u->event.kind, CONN_EV_ASYNC);
        assert_int_equal(s->u->event.async.event, WIRE_ASYNC_LOGOUT);
        assert_int_equal(s->u->event.async.parameter3, i);
    }
    say_nop_in(s, WIRE_TAG_NONE, WIRE_TAG_NONE, 0, 9000);
    connection(s, "a long NOP-In", BERTH_OK);
    say_data_in(s, s->task->itt, &(struct data_in){.len = LEN, .final = true, .status = true});
    outcome(s, "after them", BERTH_OK);
    assert_memory_equal(s->buf, payload, LEN);
    scene_end(s);
}

/* The sense of a SCSI event is kept as far as key and code are in it; what lies about its length is none. */
static void test_async_sense(void **state)
{
    static const struct {
        const char *what;
        uint32_t claimed, len, kept;
    } rows[] = {
        {"none", 0, 0, 0},
        {"no room for a length", 18, 1, 0},
        {"only a length", 18, 2, 0},
        {"one byte", 1, 3, 1},
        {"fixed format", 18, 20, 18},
        {"one byte too few", 18, 19, 0},
        {"no sense", 0, 20, 0},
        {"much", 252, 254, CONN_SENSE_MAX},
        {"more than sense can be", 8100, 8102, 20},
        {"wild", 65535, 8192, 0},
        {"behind our buffer", 8191, 9000, 0},
    };
    (void)state;
    struct pair_config c = usual();
    c.segment_i = 16384;
    struct scene *s = scene_of(&c, 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t bhs[WIRE_BHS_LEN], data[9000];
        struct wire_async a = {.event = WIRE_ASYNC_SCSI, .lun = 7, .window = puppet_window(s->u)};
        for (uint32_t n = 2; n < sizeof data; n++)
            data[n] = (uint8_t)n;
        put16(data, (uint16_t)rows[i].claimed);
        put_async(bhs, &a);
        puppet_say(s->u, bhs, data, rows[i].len);
        assert_int_equal(puppet_drain(s->u), 1);
        if (s->u->event.sense_len != rows[i].kept)
            print_error("%s\n", rows[i].what);
        assert_int_equal(s->u->event.sense_len, rows[i].kept);
        assert_memory_equal(s->u->event.sense, data + 2, rows[i].kept);
        assert_int_equal(s->u->event.async.lun, 7);
    }
    scene_end(s);
}

/* We are to leave: no new command goes (11.9.1), whether the owner has heard of it or not; anything else
 * does. */
static void test_asked_to_leave(void **state)
{
    (void)state;
    struct scene *s = scene(0);
    uint8_t bhs[WIRE_BHS_LEN];
    struct wire_async a = {.window = puppet_window(s->u), .event = WIRE_ASYNC_LOGOUT, .parameter3 = 9};
    put_async(bhs, &a);
    puppet_say(s->u, bhs, NULL, 0);
    s->task = pair_submit(s->p, 'R', 0, LEN, s->buf);
    assert_false(puppet_hear(s->u));
    assert_true(conn_ping(s->p->ic));
    puppet_expect(s->u, WIRE_NOP_OUT);
    assert_false(puppet_hear(s->u));
    assert_int_equal(puppet_drain(s->u), 1);
    assert_false(puppet_hear(s->u));
    conn_logout(s->p->ic, WIRE_LOGOUT_SESSION);
    puppet_expect(s->u, WIRE_LOGOUT_REQUEST);
    scene_end(s);
}

/* Text of the initiator's own waits to be sent: what comes is taken all the same, lest both sides wait. */
static void test_text_blocks_nothing(void **state)
{
    (void)state;
    struct scene *s = scene('R');
    struct berth_seg seg = seg_memory(payload, 100), shown[4];
    struct task *text = session_task(s->p->is, TASK_TEXT);
    text->edtl = 100;
    text->data = (struct extent){.segs = &seg, .count = 1, .len = 100};
    session_submit(s->p->is, text);
    assert_int_equal(conn_tx_peek(s->p->ic, shown, 4), 2);
    conn_tx_done(s->p->ic, conn_epoch(s->p->ic), 50); /* and no more for now */
    say_data_in(s, s->task->itt, &(struct data_in){.len = LEN, .final = true, .status = true});
    outcome(s, "past the text", BERTH_OK);
    scene_end(s);
}

static void test_misplaced(void **state)
{
    static const struct {
        const char *what;
        uint8_t opcode;
        uint32_t data_len;
        int error;
    } rows[] = {
        {"an initiator's PDU", WIRE_SCSI_COMMAND, 0, BERTH_E_PROTOCOL},
        {"no such operation", 0x2a, 0, BERTH_E_PROTOCOL},
        {"vendor's operation", 0x3c, 0, BERTH_E_PROTOCOL},
        {"Login Response in full feature phase", WIRE_LOGIN_RESPONSE, 0, BERTH_E_PROTOCOL},
        {"R2T with data", WIRE_R2T, 4, BERTH_E_PROTOCOL},
        {"task management response with data", WIRE_TMF_RESPONSE, 1, BERTH_E_PROTOCOL},
        {"longer than MaxRecvDataSegmentLength", WIRE_DATA_IN, 8193, BERTH_E_PROTOCOL},
    };
    static const uint8_t zeros[9000];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scene *s = scene('R');
        uint8_t bhs[WIRE_BHS_LEN] = {rows[i].opcode};
        puppet_say(s->u, bhs, zeros, rows[i].data_len);
        connection(s, rows[i].what, rows[i].error);
        scene_end(s);
    }
}

/* Bits and fields that mean nothing are not looked at (11), whatever is in them. */
static void test_reserved_bits(void **state)
{
    (void)state;
    struct scene *s = scene('W');
    struct wire_window w = puppet_window(s->u);
    uint8_t bhs[WIRE_BHS_LEN];
    memset(bhs, 0xff, sizeof bhs);
    bhs[0] = 0xc0 | WIRE_R2T;
    put32(bhs + 16, s->task->itt);
    put32(bhs + 20, 5);
    put_window(bhs, &w);
    put32(bhs + 36, 0);
    put32(bhs + 40, 0);
    put32(bhs + 44, 2048);
    puppet_say(s->u, bhs, NULL, 0);
    puppet_expect(s->u, WIRE_DATA_OUT);
    memset(bhs, 0xff, sizeof bhs);
    bhs[0] = 0xc0 | WIRE_SCSI_RESPONSE;
    bhs[1] = 0xe3; /* U, and whatever is no residual */
    bhs[2] = bhs[3] = 0;
    put32(bhs + 16, s->task->itt);
    put_window(bhs, &w);
    put32(bhs + 36, 1);
    put32(bhs + 44, LEN - 2048);
    puppet_say(s->u, bhs, NULL, 0);
    outcome(s, "reserved bits", BERTH_OK);
    memset(bhs, 0xff, sizeof bhs);
    bhs[0] = 0xc0 | WIRE_NOP_IN;
    put32(bhs + 20, 7);
    w = puppet_window(s->u);
    put_window(bhs, &w);
    puppet_say(s->u, bhs, NULL, 0);
    puppet_expect(s->u, WIRE_NOP_OUT);
    connection(s, "reserved bits", BERTH_OK);
    scene_end(s);
}

/* A CDB of 32 bytes: what is behind the first 16 goes in an additional header segment, under the digest. */
static void test_long_cdb(void **state)
{
    (void)state;
    for (uint8_t len = 16; len <= WIRE_CDB_MAX; len++) {
        struct pair_config c = usual();
        c.header_digest = len % 2;
        struct scene *s = scene_of(&c, 0);
        struct task *task = session_task(s->p->is, TASK_SCSI);
        uint8_t cdb[WIRE_CDB_MAX] = {0};
        for (uint8_t n = 0; n < len; n++)
            task->cdb[n] = (uint8_t)(n == 0 ? 0x7f : n == 7 ? len - 8 : n + 1);
        task->cdb_len = len;
        session_submit(s->p->is, task);
        puppet_expect(s->u, WIRE_SCSI_COMMAND);
        assert_int_equal(wire_ahs_len(s->u->bhs), len > 16 ? 4 + (len - 16 + 3) / 4 * 4 : 0);
        if (len > 16)
            assert_int_equal(get16(s->u->ahs), len - 15);
        memcpy(cdb, s->u->bhs + 32, WIRE_CDB_LEN);
        assert_int_equal(get_ahs_cdb(s->u->ahs, wire_ahs_len(s->u->bhs), cdb), len > 16 ? len : 16);
        assert_memory_equal(cdb, task->cdb, len);
        session_revoke(s->p->is, task, BERTH_E_ABORTED);
        connection(s, "a long CDB", BERTH_OK);
        scene_end(s);
    }
}

/* Responses are delivered in the order in which they came, whatever order the commands had: then the fences
 * of the target hold here, too (4.2.2.3). */
static void test_order_of_responses(void **state)
{
    static const uint8_t order[] = {2, 0, 3, 1};
    (void)state;
    struct scene *s = scene(0);
    struct task *tasks[4];
    for (int n = 0; n < 4; n++) {
        tasks[n] = pair_submit(s->p, 'E', 0, 0, s->buf);
        puppet_expect(s->u, WIRE_SCSI_COMMAND);
    }
    for (int n = 0; n < 4; n++)
        say_response(s, tasks[order[n]]->itt,
                     &(struct response){.status = 2, .data = sense_of_18, .data_len = n == 0 ? 20 : 0});
    for (int n = 0; n < 4; n++) {
        assert_ptr_equal(session_reap(s->p->is), tasks[order[n]]);
        assert_int_equal(tasks[order[n]]->sense_len, n == 0 ? 18 : 0);
        free(tasks[order[n]]->owner);
    }
    connection(s, "order", BERTH_OK);
    scene_end(s);
}

/* AHS nobody knows: passed over. */
static void test_unknown_ahs(void **state)
{
    (void)state;
    struct scene *s = scene('E');
    uint8_t bhs[WIRE_BHS_LEN], ahs[WIRE_AHS_MAX];
    memset(ahs, 0x5a, sizeof ahs);
    struct wire_scsi_response r = {.itt = s->task->itt, .window = puppet_window(s->u)};
    put_scsi_response(bhs, &r);
    puppet_say_ahs(s->u, bhs, ahs, sizeof ahs, sense_of_18, 20);
    outcome(s, "AHS", BERTH_OK);
    connection(s, "AHS", BERTH_OK);
    scene_end(s);
}

static void test_tmf(void **state)
{
    (void)state;
    for (uint8_t response = 0; response < 8; response++) {
        struct scene *s = scene(0);
        s->task = session_task(s->p->is, TASK_TMF);
        s->task->function = WIRE_TMF_LU_RESET;
        s->task->referenced_tag = WIRE_TAG_NONE;
        s->task->immediate = true;
        session_submit(s->p->is, s->task);
        puppet_expect(s->u, WIRE_TMF_REQUEST);
        uint8_t bhs[WIRE_BHS_LEN];
        struct wire_tmf_response r = {
            .response = response, .itt = s->task->itt, .window = puppet_window(s->u)};
        say_response(s, s->task->itt, &(struct response){0}); /* of the wrong kind: not for it */
        r.window.stat_sn++;
        put_tmf_response(bhs, &r);
        puppet_say(s->u, bhs, NULL, 0);
        outcome(s, "TMF", BERTH_OK); /* an answer, whatever it says */
        assert_int_equal(s->task->response, response);
        scene_end(s);
    }
}

static void test_logout(void **state)
{
    (void)state;
    for (uint8_t response = 0; response < 4; response++) {
        struct scene *s = scene('R');
        conn_logout(s->p->ic, WIRE_LOGOUT_CONNECTION);
        puppet_expect(s->u, WIRE_LOGOUT_REQUEST);
        assert_true(wire_immediate(s->u->bhs));     /* no window may keep it back */
        assert_int_equal(get16(s->u->bhs + 20), 3); /* the CID */
        uint8_t bhs[WIRE_BHS_LEN];
        struct wire_logout_response r = {.response = response,
                                         .itt = wire_itt(s->u->bhs),
                                         .window = puppet_window(s->u),
                                         .time2wait_s = 9};
        put_logout_response(bhs, &r);
        puppet_say(s->u, bhs, NULL, 0);
        assert_int_equal(puppet_drain(s->u), 1);
        assert_int_equal(s->u->event.kind, CONN_EV_LOGGED_OUT);
        assert_int_equal(s->u->event.error, response ? BERTH_E_REJECTED : BERTH_OK);
        assert_int_equal(s->u->event.async.parameter2, response < 2 ? 0 : 9); /* 11.15.3 */
        assert_null(session_reap(s->p->is));
        scene_end(s);
    }
}

/* Text that contradicts itself, or never ends. */
static void test_text(void **state)
{
    static const struct {
        const char *what;
        bool final, more;
        uint32_t ttt;
        int error;
    } rows[] = {
        {"final with a tag", true, false, 5, BERTH_E_PROTOCOL},
        {"not final without one", false, false, WIRE_TAG_NONE, BERTH_E_PROTOCOL},
        {"final and to be continued", true, true, WIRE_TAG_NONE, BERTH_E_PROTOCOL},
        {"good", true, false, WIRE_TAG_NONE, BERTH_OK},
        {"for ever and ever", false, false, 5, BERTH_E_LIMIT},
        {"for ever and ever, C", false, true, 5, BERTH_E_LIMIT},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scene *s = scene(0);
        struct berth_seg seg = seg_memory(s->buf, LEN);
        s->task = session_task(s->p->is, TASK_TEXT);
        s->task->edtl = sizeof "A=b";
        memcpy(s->buf, "A=b", sizeof "A=b");
        s->task->data = (struct extent){.segs = &seg, .count = 1, .len = LEN};
        session_submit(s->p->is, s->task);
        puppet_expect(s->u, WIRE_TEXT_REQUEST);
        uint32_t rounds = 0;
        while (s->task->state == TASK_ACTIVE && rounds++ < 5000) {
            uint8_t bhs[WIRE_BHS_LEN];
            struct wire_text_response r = {.final = rows[i].final,
                                           .more = rows[i].more,
                                           .lun = 9,
                                           .itt = s->task->itt,
                                           .ttt = rows[i].ttt,
                                           .window = puppet_window(s->u)};
            put_text_response(bhs, &r);
            puppet_say(s->u, bhs, NULL, 0);
            while (puppet_hear(s->u)) {
                assert_int_equal(get32(s->u->bhs + 20), rows[i].ttt);
                assert_true(get64(s->u->bhs + 8) == 9);
            }
        }
        outcome(s, rows[i].what, rows[i].error);
        connection(s, rows[i].what, BERTH_OK);
        scene_end(s);
    }
}

/* --- digests --- */

static struct pair_config with_digests(void)
{
    struct pair_config c = usual();
    c.header_digest = c.data_digest = true;
    return c;
}

/* A header damaged in any one bit, digest included: the connection is gone as soon as the header is there,
 * and no field of it was believed. */
static void test_header_digest(void **state)
{
    (void)state;
    struct pair_config c = with_digests();
    for (uint32_t bit = 1; bit <= (WIRE_BHS_LEN + WIRE_DIGEST_LEN) * 8; bit++) {
        struct scene *s = scene_of(&c, 'R');
        s->u->header_flip = bit;
        say_data_in(s, s->task->itt, &(struct data_in){.len = 0, .final = true, .status = true});
        connection(s, "header digest", BERTH_E_HEADER_DIGEST);
        assert_int_equal(s->buf[0], 0xee);
        assert_int_equal(s->task->state, TASK_ACTIVE);
        scene_end(s);
    }
}

/* Damaged data in any one byte, padding and digest included, placed or staged: never a success. */
static void test_data_digest(void **state)
{
    (void)state;
    struct pair_config c = with_digests();
    for (uint32_t bit = 1; bit <= (LEN + WIRE_DIGEST_LEN) * 8; bit += 61) {
        c.direct_bytes = bit % 2 ? 100 : 100000;
        struct scene *s = scene_of(&c, 'R');
        s->u->data_flip = bit;
        say_data_in(s, s->task->itt, &(struct data_in){.len = LEN, .final = true, .status = true});
        connection(s, "data digest", BERTH_E_DATA_DIGEST);
        scene_end(s);
    }
}

/* A response whose data is damaged is lost, and so is what came unasked but has a StatSN (7.8): nothing that
 * a later one could complete. */
static void test_damaged_responses(void **state)
{
    static const uint8_t opcodes[] = {WIRE_SCSI_RESPONSE, WIRE_TEXT_RESPONSE, WIRE_ASYNC, WIRE_REJECT,
                                      WIRE_NOP_IN};
    (void)state;
    for (size_t i = 0; i < sizeof opcodes; i++)
        for (uint32_t bit = 1; bit <= (48 + WIRE_DIGEST_LEN) * 8; bit += 13) {
            struct pair_config c = with_digests();
            struct scene *s = scene_of(&c, 'R');
            uint8_t bhs[WIRE_BHS_LEN] = {opcodes[i], 0x80}, data[WIRE_BHS_LEN] = {WIRE_SCSI_COMMAND};
            struct wire_window w = puppet_window(s->u);
            put32(bhs + 16,
                  opcodes[i] == WIRE_ASYNC || opcodes[i] == WIRE_REJECT ? WIRE_TAG_NONE : s->task->itt);
            put32(bhs + 20, WIRE_TAG_NONE);
            put32(data + 16, s->task->itt);
            put_window(bhs, &w);
            s->u->data_flip = bit;
            puppet_say(s->u, bhs, data, sizeof data);
            connection(s, wire_opcode_name(opcodes[i]), BERTH_E_DATA_DIGEST);
            assert_int_equal(s->task->state, TASK_ACTIVE);
            scene_end(s);
        }
}

/* A caller changes memory that is being sent: the digest is that of the bytes as they were, so that the
 * change is damage, and no target takes it for what was to be written. */
static void test_changed_under_way(void **state)
{
    (void)state;
    struct pair_config c;
    pair_config_init(&c, 5);
    c.header_digest = c.data_digest = true;
    c.breaks = "G1"; /* a digest that is wrong in the first PDU might have been left out */
    struct pair *p = pair_new(&c);
    struct berth_seg segs[8];
    uint8_t *buf = calloc(1, 4096);
    pair_run(p);
    struct task *task = pair_submit(p, 'W', 0, 4096, buf);
    assert_true(conn_tx_peek(p->ic, segs, 8) > 0);
    buf[1000] = 1;
    while (pair_move(p, true, 100000) || pair_move(p, false, 100000) || pair_work(p))
        ;
    assert_int_equal(p->last_t.kind, CONN_EV_ERROR);
    assert_int_equal(p->last_t.error, BERTH_E_DATA_DIGEST);
    assert_int_equal(task->state, TASK_ACTIVE);
    assert_int_equal(p->executed, 0);
    pair_drop(p);
    free(task->owner);
    pair_free(p);
    free(buf);
}

/* 7.8: what was not asked for and is damaged is discarded. */
static void test_discarded(void **state)
{
    (void)state;
    struct pair_config c = with_digests();
    struct scene *s = scene_of(&c, 'R');
    s->u->data_flip = 5;
    say_nop_in(s, WIRE_TAG_NONE, WIRE_TAG_NONE, 0, 100);
    connection(s, "unsolicited", BERTH_OK);
    say_data_in(s, s->task->itt, &(struct data_in){.len = LEN, .final = true, .status = true});
    outcome(s, "after it", BERTH_OK);
    assert_memory_equal(s->buf, payload, LEN);
    scene_end(s);
}

/* --- giving up --- */

/* A write is answered while half of it is still to be sent: done only when the transmitter has let go. */
static void test_early_answer(void **state)
{
    (void)state;
    struct scene *s = scene('W');
    struct berth_seg segs[4];
    say_r2t(s, s->task->itt, &(struct r2t){0, 2000, 0, 5});
    assert_true(conn_tx_peek(s->p->ic, segs, 4) > 1);
    conn_tx_done(s->p->ic, conn_epoch(s->p->ic), 100);
    say_response(s, s->task->itt, &(struct response){.status = 2, .data = sense_of_18, .data_len = 20});
    assert_int_equal(s->task->state, TASK_ENDING);
    assert_null(session_reap(s->p->is));
    while (conn_tx_peek(s->p->ic, segs, 1))
        conn_tx_done(s->p->ic, conn_epoch(s->p->ic), segs[0].len);
    outcome(s, "early answer", BERTH_E_SCSI);
    assert_int_equal(s->p->is->in_flight, 0);
    connection(s, "early answer", BERTH_OK);
    scene_end(s);
}

/* The same with "good", and then the connection is lost: bytes that never left were not written by anybody.
 */
static void test_early_success(void **state)
{
    (void)state;
    for (int all = 0; all < 2; all++) {
        struct scene *s = scene('W');
        struct berth_seg segs[4];
        say_r2t(s, s->task->itt, &(struct r2t){0, 2000, 0, 5});
        say_r2t(s, s->task->itt, &(struct r2t){2000, 1000, 1, 6});
        while (conn_tx_peek(s->p->ic, segs, 1) && (all || segs[0].base != s->buf + 2000))
            conn_tx_done(s->p->ic, conn_epoch(s->p->ic), segs[0].len);
        say_response(s, s->task->itt, &(struct response){.exp_data_sn = 2});
        conn_drop(s->p->ic);
        assert_int_equal(s->task->tx_refs, 0);
        assert_int_equal(s->task->state, all ? TASK_DONE : TASK_DETACHED);
        if (all)
            outcome(s, "all sent", BERTH_OK);
        scene_end(s);
    }
}

/* An engine receives in the background into the task's memory when the task is given up. */
static void background(bool digests, bool given_back)
{
    struct pair_config c = usual();
    c.data_digest = digests;
    c.direct_bytes = 100;
    struct scene *s = scene_of(&c, 'R');
    struct conn *victim = s->p->ic;
    struct berth_seg segs[4];
    uint8_t pdu[WIRE_BHS_LEN + LEN + 8];
    struct wire_data_in in = {
        .final = true, .has_status = true, .itt = s->task->itt, .window = puppet_window(s->u)};
    victim->config.background_rx = true;
    put_data_in(pdu, &in);
    wire_set_lengths(pdu, 0, LEN);
    memcpy(pdu + WIRE_BHS_LEN, payload, LEN);
    put32_le(pdu + WIRE_BHS_LEN + LEN, crc32c_final(crc32c_table(CRC32C_INIT, payload, LEN)));
    puppet_babble(s->u, pdu, WIRE_BHS_LEN + 1000);
    assert_true(conn_rx_want(victim, segs, 4) == 2);
    assert_ptr_equal(segs[0].base, s->buf + 1000);
    session_revoke(s->p->is, s->task, BERTH_E_TIMEOUT);
    assert_null(session_reap(s->p->is)); /* not yet: the bytes may still come */
    assert_int_equal(s->task->state, TASK_ENDING);
    if (given_back) {
        conn_rx_done(victim, conn_epoch(victim), 0, 9); /* the engine gave the receive back */
        outcome(s, "given back", BERTH_E_TIMEOUT);
        memset(s->buf, 0xee, sizeof s->buf);
        puppet_babble(s->u, pdu + WIRE_BHS_LEN + 1000, LEN - 1000 + (digests ? 4 : 0));
        assert_int_equal(s->buf[1000], 0xee);
    } else {
        memcpy(segs[0].base, payload + 1000, 1500);
        conn_rx_done(victim, conn_epoch(victim), 1500, 9);
        outcome(s, "receive over", BERTH_E_TIMEOUT);
        memset(s->buf, 0xee, sizeof s->buf);
        puppet_babble(s->u, pdu + WIRE_BHS_LEN + 2500, LEN - 2500 + (digests ? 4 : 0));
        assert_int_equal(s->buf[2500], 0xee);
    }
    connection(s, "background", BERTH_OK);
    assert_int_equal(s->p->is->in_flight, 0);
    scene_end(s);
}

static void test_background_receive(void **state)
{
    (void)state;
    background(false, false);
    background(true, false);
    background(false, true);
    background(true, true);
}

/* A receive under way behind staged bytes that a send sets free: nothing moves under it. */
static void test_background_staging(void **state)
{
    (void)state;
    struct scene *s = scene(0);
    struct conn *victim = s->p->ic;
    struct berth_seg segs[4];
    uint8_t pings[WIRE_BHS_LEN * 20];
    for (uint32_t i = 0; i < 20; i++) {
        struct wire_nop_in in = {.itt = WIRE_TAG_NONE, .ttt = i, .window = puppet_window(s->u)};
        put_nop_in(pings + i * WIRE_BHS_LEN, &in);
    }
    victim->config.background_rx = true;
    puppet_babble(s->u, pings, WIRE_BHS_LEN * 18);
    assert_int_equal(conn_rx_want(victim, segs, 4), 1); /* some of them wait in the staging area */
    uint32_t heard = 0;
    while (puppet_hear(s->u))
        heard++;
    assert_int_equal(heard, 18);
    memcpy(segs[0].base, pings + WIRE_BHS_LEN * 18, WIRE_BHS_LEN * 2);
    conn_rx_done(victim, conn_epoch(victim), WIRE_BHS_LEN * 2, 9);
    while (puppet_hear(s->u))
        assert_int_equal(get32(s->u->bhs + 20), heard++);
    assert_int_equal(heard, 20);
    connection(s, "staging", BERTH_OK);
    scene_end(s);
}

/* Bytes and sends of a connection that has been dropped since. */
static void test_old_epoch(void **state)
{
    (void)state;
    struct scene *s = scene('R');
    struct conn *victim = s->p->ic;
    uint32_t epoch = conn_epoch(victim);
    struct berth_seg segs[4];
    assert_true(conn_rx_want(victim, segs, 4) > 0);
    pair_drop(s->p);
    conn_rx_done(victim, epoch, 48, 9);
    conn_tx_done(victim, epoch, 48);
    pair_reconnect(s->p);
    assert_true(conn_epoch(victim) != epoch);
    conn_rx_done(victim, epoch, 48, 9);
    conn_tx_done(victim, epoch, 48);
    pair_run(s->p);
    assert_true(s->p->up);
    scene_end(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_data_in),
        cmocka_unit_test(test_r2t_flaws),
        cmocka_unit_test(test_r2ts_answered),
        cmocka_unit_test(test_r2ts_behind_unsolicited),
        cmocka_unit_test(test_responses),
        cmocka_unit_test(test_long_sense),
        cmocka_unit_test(test_strange_tags),
        cmocka_unit_test(test_stale_tag),
        cmocka_unit_test(test_stat_sn),
        cmocka_unit_test(test_old_answers),
        cmocka_unit_test(test_replay),
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_rejects),
        cmocka_unit_test(test_rejected_number),
        cmocka_unit_test(test_rejected_plug),
        cmocka_unit_test(test_rejected_data),
        cmocka_unit_test(test_rejected_logout),
        cmocka_unit_test(test_ping_answered),
        cmocka_unit_test(test_own_ping),
        cmocka_unit_test(test_ping_both_ways),
        cmocka_unit_test(test_acknowledgement),
        cmocka_unit_test(test_ping_into_write),
        cmocka_unit_test(test_answers_gather),
        cmocka_unit_test(test_ping_storm),
        cmocka_unit_test(test_event_storm),
        cmocka_unit_test(test_async),
        cmocka_unit_test(test_async_sense),
        cmocka_unit_test(test_asked_to_leave),
        cmocka_unit_test(test_text_blocks_nothing),
        cmocka_unit_test(test_misplaced),
        cmocka_unit_test(test_reserved_bits),
        cmocka_unit_test(test_long_cdb),
        cmocka_unit_test(test_order_of_responses),
        cmocka_unit_test(test_unknown_ahs),
        cmocka_unit_test(test_tmf),
        cmocka_unit_test(test_logout),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_header_digest),
        cmocka_unit_test(test_data_digest),
        cmocka_unit_test(test_damaged_responses),
        cmocka_unit_test(test_changed_under_way),
        cmocka_unit_test(test_discarded),
        cmocka_unit_test(test_early_answer),
        cmocka_unit_test(test_early_success),
        cmocka_unit_test(test_background_receive),
        cmocka_unit_test(test_background_staging),
        cmocka_unit_test(test_old_epoch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
