/* SPDX-License-Identifier: MIT */
/* Receiving into where the next data segment is believed to belong: whatever comes instead, and however the
 * stream is cut, every byte gets where it belongs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "puppet.h"

#define READS   6u
#define MOST    (96u * 1024) /* of a read */
#define SEGMENT 65536u
#define STREAM  (1024u * 1024)

struct scene {
    struct puppet *u;
    struct pair *p;
    struct task *tasks[READS];
    uint32_t count, sent[READS];
    uint8_t memory[READS][MOST];
    uint8_t stream[STREAM];
    size_t len;
    uint32_t stat_sn;
};

static uint8_t byte_of(uint32_t task, uint32_t offset)
{
    return (uint8_t)(task * 59 + offset * 7 + (offset >> 8) * 3 + 1);
}

static struct scene *begin(uint64_t seed, bool digests)
{
    struct scene *s = calloc(1, sizeof *s);
    struct pair_config c;
    pair_config_init(&c, seed);
    c.header_digest = c.data_digest = digests;
    c.segment_i = SEGMENT;
    s->p = pair_new(&c);
    pair_run(s->p);
    assert_true(s->p->up);
    s->u = puppet_new(s->p, s->p->ic);
    return s;
}

static void add_read(struct scene *s, uint32_t len)
{
    memset(s->memory[s->count], 0xee, MOST);
    s->tasks[s->count] = pair_submit(s->p, 'R', 0, len, s->memory[s->count]);
    puppet_expect(s->u, WIRE_SCSI_COMMAND);
    assert_int_equal(s->tasks[s->count]->state, TASK_ACTIVE);
    s->count++;
    s->stat_sn = s->u->victim->exp_stat_sn;
}

static void add(struct scene *s, const uint8_t *bhs, const void *data, uint32_t len)
{
    assert_true(s->len + PUPPET_PDU(len) <= STREAM);
    s->len += puppet_write(s->u, s->stream + s->len, bhs, data, len);
}

static struct wire_window window(const struct scene *s)
{
    uint32_t next = s->u->victim->session->cmd_sn;
    return (struct wire_window){s->stat_sn, next, next + PAIR_DEPTH};
}

/* The next `len` bytes of read i. */
static void add_data(struct scene *s, uint32_t i, uint32_t len, bool status)
{
    static uint8_t data[SEGMENT];
    uint8_t bhs[WIRE_BHS_LEN];
    uint32_t at = s->sent[i], sn = 0;
    for (uint32_t n = 0; n < len; n++)
        data[n] = byte_of(i, at + n);
    s->sent[i] += len;
    sn = s->tasks[i]->r2t_sn++; /* of a read nobody else counts there */
    struct wire_data_in d = {.final = status || s->sent[i] == s->tasks[i]->edtl,
                             .has_status = status,
                             .residual_kind = WIRE_RESIDUAL_NONE,
                             .itt = s->tasks[i]->itt,
                             .ttt = WIRE_TAG_NONE,
                             .window = window(s),
                             .data_sn = sn,
                             .buffer_offset = at};
    if (status && s->sent[i] < s->tasks[i]->edtl) {
        d.residual_kind = WIRE_RESIDUAL_UNDERFLOW;
        d.residual = s->tasks[i]->edtl - s->sent[i];
    }
    put_data_in(bhs, &d);
    add(s, bhs, data, len);
    s->stat_sn += status;
}

static void add_response(struct scene *s, uint32_t i)
{
    uint8_t bhs[WIRE_BHS_LEN];
    struct wire_scsi_response r = {
        .itt = s->tasks[i]->itt, .window = window(s), .exp_data_sn = s->tasks[i]->r2t_sn};
    put_scsi_response(bhs, &r);
    add(s, bhs, NULL, 0);
    s->stat_sn++;
}

static void add_ping(struct scene *s)
{
    uint8_t bhs[WIRE_BHS_LEN];
    struct wire_nop_in n = {.itt = WIRE_TAG_NONE, .ttt = WIRE_TAG_NONE, .window = window(s)};
    put_nop_in(bhs, &n);
    add(s, bhs, NULL, 0);
}

/* All of the stream, in pieces of at most so many bytes. */
static void pour(struct scene *s, uint32_t most)
{
    for (size_t at = 0, n; at < s->len; at += n) {
        n = 1 + pair_random(s->p, most);
        n = n < s->len - at ? n : s->len - at;
        assert_int_equal(puppet_babble(s->u, s->stream + at, n), n);
    }
    s->len = 0;
}

/* Each has its first `sent` bytes, and is done. */
static void end(struct scene *s)
{
    assert_int_equal(puppet_drain(s->u), 0);
    for (uint32_t i = 0; i < s->count; i++) {
        assert_int_equal(s->tasks[i]->state, TASK_DONE);
        assert_int_equal(s->tasks[i]->error, BERTH_OK);
        assert_int_equal(s->tasks[i]->tx_refs, 0);
        for (uint32_t n = 0; n < s->sent[i]; n++)
            if (s->memory[i][n] != byte_of(i, n))
                fail_msg("read %u, byte %u", i, n);
        free(s->tasks[i]->owner);
    }
    puppet_free(s->u);
    free(s);
}

/* What is offered behind `have` bytes of a read of 64 KiB. Returns the segments. */
static uint32_t offer(struct scene *s, uint32_t have, struct berth_seg *segs)
{
    uint8_t pdu[SEGMENT + 64];
    memcpy(pdu, s->stream, WIRE_BHS_LEN + have);
    assert_int_equal(puppet_babble(s->u, pdu, WIRE_BHS_LEN + have), WIRE_BHS_LEN + have);
    memmove(s->stream, s->stream + WIRE_BHS_LEN + have, s->len -= WIRE_BHS_LEN + have);
    return conn_rx_want(s->u->victim, segs, 4);
}

static void the_next_read_is_offered(void **state)
{
    (void)state;
    struct berth_seg segs[4];
    struct scene *s = begin(1, false);
    for (uint32_t i = 0; i < 3; i++)
        add_read(s, SEGMENT);
    for (uint32_t i = 0; i < 3; i++)
        add_data(s, i, SEGMENT, true);
    assert_int_equal(offer(s, 40000, segs), 3);
    assert_ptr_equal(segs[0].base, s->memory[0] + 40000);
    assert_int_equal(segs[0].len, SEGMENT - 40000);
    assert_int_equal(segs[1].len, WIRE_BHS_LEN);
    assert_ptr_equal(segs[2].base, s->memory[1]);
    pour(s, STREAM);
    assert_int_equal(s->u->victim->rx.next.doubt, 0);
    end(s);
}

static void the_next_part_of_a_read_is_offered(void **state)
{
    (void)state;
    struct berth_seg segs[4];
    struct scene *s = begin(2, false);
    add_read(s, MOST);
    add_read(s, MOST);
    add_data(s, 0, SEGMENT, false);
    add_data(s, 0, MOST - SEGMENT, true);
    add_data(s, 1, SEGMENT, false);
    add_data(s, 1, MOST - SEGMENT, true);
    assert_int_equal(offer(s, 20000, segs), 3);
    assert_ptr_equal(segs[2].base, s->memory[0] + SEGMENT);
    assert_true(segs[2].len <= MOST - SEGMENT);
    pour(s, STREAM);
    end(s);
}

static void take(struct scene *s, size_t n)
{
    assert_int_equal(puppet_babble(s->u, s->stream, n), n);
    memmove(s->stream, s->stream + n, s->len -= n);
}

/* The next time none is offered. */
static void a_wrong_guess_makes_wary(void **state)
{
    (void)state;
    struct berth_seg segs[4];
    struct scene *s = begin(3, false);
    for (uint32_t i = 0; i < 4; i++)
        add_read(s, SEGMENT);
    add_data(s, 0, SEGMENT, true);
    add_data(s, 2, SEGMENT, true); /* out of turn */
    add_data(s, 1, SEGMENT, true);
    add_data(s, 3, SEGMENT, true);
    assert_int_equal(offer(s, 40000, segs), 3);
    take(s, SEGMENT - 40000 + WIRE_BHS_LEN + 1000);
    assert_int_equal(s->u->victim->rx.next.doubt, 1);
    assert_int_equal(conn_rx_want(s->u->victim, segs, 4), 2);
    pour(s, STREAM);
    end(s);
}

/* An engine that receives in the background is offered none: what it writes to must be known. */
static void no_guess_in_the_background(void **state)
{
    (void)state;
    struct berth_seg segs[4];
    struct scene *s = begin(4, false);
    conn_background_rx(s->u->victim, true);
    add_read(s, SEGMENT);
    add_read(s, SEGMENT);
    add_data(s, 0, SEGMENT, true);
    add_data(s, 1, SEGMENT, true);
    assert_int_equal(offer(s, 40000, segs), 2);
    pour(s, STREAM);
    end(s);
}

/* A read ends before its time, where more of it was expected. */
static void a_short_read_spills(void **state)
{
    (void)state;
    for (uint32_t most = 1; most < 200000; most = most * 3 + 1) {
        struct scene *s = begin(most, most & 1);
        add_read(s, MOST);
        add_read(s, SEGMENT);
        add_data(s, 0, 40000, false);
        add_data(s, 0, 0, true);
        add_data(s, 1, SEGMENT, true);
        pour(s, most);
        end(s);
    }
}

/* A read that is given up while its data segment is expected is not written to. */
static void what_is_given_up_is_left_alone(void **state)
{
    (void)state;
    struct berth_seg segs[4];
    struct scene *s = begin(5, false);
    add_read(s, SEGMENT);
    add_read(s, SEGMENT);
    add_data(s, 0, SEGMENT, true);
    add_data(s, 1, SEGMENT, true);
    assert_int_equal(offer(s, 40000, segs), 3);
    session_revoke(s->p->is, s->tasks[1], BERTH_E_TIMEOUT);
    assert_int_equal(s->tasks[1]->state, TASK_DONE);
    pour(s, STREAM);
    for (uint32_t n = 0; n < SEGMENT; n++)
        assert_int_equal(s->memory[1][n], 0xee);
    free(s->tasks[1]->owner);
    s->count = 1;
    end(s);
}

/* A target that answers in any order, in parts of any size, with what it likes between them. */
static void any_order(uint64_t seed)
{
    static const uint32_t pieces[] = {700, 60000, 150000, STREAM};
    struct scene *s = begin(seed, seed & 1);
    for (uint32_t i = 0; i < READS; i++)
        add_read(s, 1 + pair_random(s->p, MOST));
    for (uint32_t left = READS; left > 0;) {
        uint32_t i = pair_random(s->p, 3) ? READS - left : pair_random(s->p, READS); /* mostly in order */
        uint32_t more = s->tasks[i]->edtl - s->sent[i];
        if (more == 0)
            continue;
        uint32_t len = pair_random(s->p, 3) ? SEGMENT : 1 + pair_random(s->p, SEGMENT);
        len = len < more ? len : more;
        bool apart = pair_random(s->p, 4) == 0;
        add_data(s, i, len, len == more && !apart);
        if (len == more && apart)
            add_response(s, i);
        if (pair_random(s->p, 6) == 0)
            add_ping(s);
        left = 0;
        for (uint32_t n = 0; n < READS; n++)
            left += s->sent[n] < s->tasks[n]->edtl;
    }
    pour(s, pieces[seed / 2 % 4]);
    end(s);
}

static void test_any_order(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 400; seed++)
        any_order(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_next_read_is_offered), cmocka_unit_test(the_next_part_of_a_read_is_offered),
        cmocka_unit_test(a_wrong_guess_makes_wary), cmocka_unit_test(no_guess_in_the_background),
        cmocka_unit_test(a_short_read_spills),      cmocka_unit_test(what_is_given_up_is_left_alone),
        cmocka_unit_test(test_any_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
