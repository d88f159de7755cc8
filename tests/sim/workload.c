/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "workload.h"

#define REGION (PAIR_DISK / WORKLOAD_OPS)

/* Made once: the tests make thousands of pairs. */
static const uint8_t *pattern(void)
{
    static uint8_t bytes[PAIR_DISK];
    struct pair dice = {.random = 1};
    for (uint32_t i = 0; bytes[0] == 0 && i < PAIR_DISK; i++)
        bytes[PAIR_DISK - 1 - i] = (uint8_t)(1 + pair_random(&dice, 255));
    return bytes;
}

struct workload *workload_new(struct pair *p)
{
    struct workload *w = calloc(1, sizeof *w);
    w->pair = p;
    memcpy(w->model, pattern(), PAIR_DISK);
    memcpy(p->disk, pattern(), PAIR_DISK);
    return w;
}

struct op *workload_add(struct workload *w, char kind, uint32_t len)
{
    struct op *op = &w->ops[w->count];
    assert_true(w->count < WORKLOAD_OPS && len <= REGION);
    *op = (struct op){
        .kind = kind, .len = len, .offset = w->count * REGION + pair_random(w->pair, REGION - len + 1)};
    op->buf = malloc(len + 1);
    for (uint32_t i = 0; i < len; i++)
        op->buf[i] = (uint8_t)pair_random(w->pair, 256);
    op->task = pair_submit(w->pair, kind, op->offset, len, op->buf);
    assert_non_null(op->task);
    op->task->owner_tag = w->count++;
    return op;
}

void workload_mix(struct workload *w, uint32_t count, uint32_t len)
{
    for (uint32_t i = 0; i < count; i++)
        workload_add(w, "WRWER"[i % 5], i == 3 ? 0 : len * (1 + i % 3) / 3 + i % 4);
}

void workload_reap(struct workload *w)
{
    struct task *task;
    while ((task = session_reap(w->pair->is)) != NULL) {
        assert_true(task->owner_tag < w->count);
        assert_ptr_equal(task, w->ops[task->owner_tag].task);
        w->ops[task->owner_tag].done++;
    }
}

static void check_op(struct workload *w, const struct op *op)
{
    assert_int_equal(op->done, 1);
    assert_int_equal(op->task->state, TASK_DONE);
    assert_int_equal(op->task->tx_refs, 0);
    assert_int_equal(op->task->error, op->kind == 'E' ? BERTH_E_SCSI : BERTH_OK);
    if (op->kind == 'W')
        memcpy(w->model + op->offset, op->buf, op->len);
    if (op->kind == 'R')
        assert_memory_equal(op->buf, w->model + op->offset, op->len);
    if (op->kind == 'E') {
        assert_int_equal(op->task->sense_len, 18);
        assert_int_equal(op->task->sense[2], 5);
    }
}

void workload_check(struct workload *w)
{
    struct pair *p = w->pair;
    workload_reap(w);
    for (uint32_t i = 0; i < w->count; i++)
        check_op(w, &w->ops[i]);
    assert_memory_equal(w->model, p->disk, PAIR_DISK);
    assert_int_equal(p->is->in_flight, 0);
    assert_int_equal(p->ts->slots.taken, 0);
    assert_int_equal(p->ts->leaving, 0);
    assert_int_equal(p->ts->reserved, 0);
}

void workload_clear(struct workload *w)
{
    for (uint32_t i = 0; i < w->count; i++) {
        free(w->ops[i].task->owner);
        session_revoke(w->pair->is, w->ops[i].task, BERTH_E_ABORTED); /* if its connection is gone */
        session_task_free(w->pair->is, w->ops[i].task);
        free(w->ops[i].buf);
    }
    w->count = 0;
}

void workload_free(struct workload *w)
{
    workload_clear(w);
    free(w);
}

bool workload_rebind(void *owner, struct task *task)
{
    struct workload *w = owner;
    if (task->kind == TASK_TMF) /* has no memory */
        return true;
    if (task->owner_tag >= w->count)
        return false;
    struct op *op = &w->ops[task->owner_tag];
    struct berth_seg *seg = malloc(sizeof *seg);
    uint8_t *moved = malloc(op->len + 1);
    memcpy(moved, op->buf, op->len);
    memset(op->buf, 0xa5, op->len);
    free(op->buf);
    *seg = seg_memory(moved, op->len);
    op->buf = moved;
    op->task = task;
    task->owner = seg;
    task->data = (struct extent){.segs = seg, .count = 1, .len = op->len};
    return true;
}
