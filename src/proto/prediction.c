/* SPDX-License-Identifier: MIT */
/* Where the data segment of the next PDU will belong, before its header is here. Between two large data
 * segments there are but a digest and a header: who offers memory for those and for the segment behind them
 * gets all three with one receive. A wrong guess costs a copy, out of the task that was believed to be next.
 */
#include "proto/core.h"

#define DOUBT_MAX 255u /* after a wrong guess so many are left out at most */

static struct task *next_member(const struct conn *c, const struct task *task)
{
    struct list *next = task->member.next;
    return next == &c->tasks ? NULL : list_entry(next, struct task, member);
}

static bool waits_for_data(const struct task *task)
{
    return task->kind == TASK_SCSI && task->read && task->state == TASK_ACTIVE && task->moved == 0;
}

/* Data of a task come in order, as we have agreed (13.18, 13.19); that tasks are answered in the order of
 * their commands is only likely. NULL: there is none. */
static struct task *guess(const struct conn *c, uint32_t *offset)
{
    const struct frame *f = &c->rx;
    *offset = f->task_offset + f->data_len;
    if (*offset < f->task->data.len)
        return f->task;
    *offset = 0;
    struct task *next = c->role == ROLE_INITIATOR ? next_member(c, f->task) : NULL;
    return next && waits_for_data(next) ? next : NULL;
}

static uint32_t least(uint64_t a, uint64_t b)
{
    return (uint32_t)(a < b ? a : b);
}

uint32_t prediction_want(struct conn *c, struct berth_seg *segs, uint32_t max)
{
    struct frame *f = &c->rx;
    struct prediction *p = &f->next;
    if (max < 2 || c->config.background_rx || f->data_len < FRAME_LARGE)
        return 0;
    if (p->passes > 0) {
        p->passes--;
        return 0;
    }
    p->task = guess(c, &p->offset);
    if (!p->task)
        return 0;
    p->came = 0;
    p->between = f->tail_need + WIRE_BHS_LEN + (c->header_digest ? WIRE_DIGEST_LEN : 0);
    uint32_t len =
        least(least(f->data_len, p->task->data.len - p->offset), c->config.stage_bytes - p->between);
    uint64_t covered;
    segs[0] = seg_memory(c->stage, p->between);
    return 1 + extent_slice(&p->task->data, p->offset, len, segs + 1, max - 1, &covered);
}

/* What came behind the first `keep` bytes goes where it would be without a guess. */
static void spill(struct conn *c, uint32_t keep)
{
    struct frame *f = &c->rx;
    struct prediction *p = &f->next;
    uint32_t n = p->came - keep;
    extent_read(&p->task->data, p->offset + keep, c->stage + f->stage_end, n);
    f->stage_end += n;
    p->came = keep;
}

/* How much of what came belongs where it is. */
static uint32_t hit(const struct frame *f)
{
    const struct prediction *p = &f->next;
    bool here = f->state == FRAME_DATA && f->sink == SINK_TASK && f->task == p->task &&
                f->task_offset == p->offset && f->data_have == 0 && f->stage_begin == f->stage_end;
    return here ? least(p->came, f->data_len) : 0;
}

uint32_t prediction_settle(struct conn *c)
{
    struct prediction *p = &c->rx.next;
    if (!p->task)
        return 0; /* spilled meanwhile */
    uint32_t keep = hit(&c->rx);
    p->doubt = keep == p->came ? p->doubt / 2 : least(2 * p->doubt + 1, DOUBT_MAX);
    p->passes = p->doubt;
    spill(c, keep);
    p->task = NULL;
    return keep;
}

void prediction_withdraw(struct conn *c)
{
    spill(c, 0);
    c->rx.next.task = NULL;
}
