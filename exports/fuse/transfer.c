/* SPDX-License-Identifier: MIT */
#include "transfer.h"

#include <errno.h>
#include <linux/fuse.h>
#include <string.h>

#include "reply.h"

/* A LUN that is there answers sooner, and then a signal must not make a difference: few programs expect that
 * a disk is interrupted. After this it must be possible to kill who waits. */
#define INTERRUPT_PATIENCE_NS 1000000000ull

#define DONE_MAX 64

static bool changes(const struct slot *s)
{
    return s->op == BERTH_WRITE || s->op == BERTH_ZERO;
}

static struct berth_io *add_io(struct disk *disk, struct slot *s, uint32_t op, uint64_t offset, uint64_t len)
{
    struct berth_io *io = &disk->ios[disk->io_count++];
    *io = (struct berth_io){.op = op,
                            .flags = s->flags,
                            .offset_bytes = offset,
                            .len_bytes = len,
                            .tag = (uint64_t)(s - disk->pool.slot)};
    s->pending++;
    return io;
}

static void add_transfer(struct disk *disk, struct slot *s, uint32_t op, uint64_t offset,
                         struct berth_seg *segs, uint32_t seg_count)
{
    uint64_t len = 0;
    for (uint32_t i = 0; i < seg_count; i++)
        len += segs[i].len;
    struct berth_io *io = add_io(disk, s, op, offset, len);
    io->segs = segs;
    io->seg_count = seg_count;
    if (op == BERTH_READ)
        io->flags = 0;
    else
        io->flags &= BERTH_FUA;
}

/* --- blocks that are changed in part: read, and written with what is new
 * ------------------------------------ */

static char *tail_edge(const struct disk *disk, const struct slot *s)
{
    return s->edge[span_one_edge(&s->span, disk->block_bytes) ? 0 : 1];
}

static bool has_own_tail(const struct disk *disk, const struct slot *s)
{
    return s->span.tail_bytes && !span_one_edge(&s->span, disk->block_bytes);
}

static void edge_io(struct disk *disk, struct slot *s, uint32_t op, int which)
{
    uint64_t offset = which ? s->span.end_bytes - disk->block_bytes : s->span.begin_bytes;
    s->segs[which] = (struct berth_seg){.base = s->edge[which], .len = disk->block_bytes};
    add_transfer(disk, s, op, offset, &s->segs[which], 1);
}

static void edges_io(struct disk *disk, struct slot *s, uint32_t op)
{
    if (s->span.head_bytes)
        edge_io(disk, s, op, 0);
    if (has_own_tail(disk, s))
        edge_io(disk, s, op, 1);
}

static void move_write(struct disk *disk, struct slot *s)
{
    uint32_t n = 0;
    if (s->span.head_bytes)
        s->segs[n++] = (struct berth_seg){.base = s->edge[0], .len = s->span.head_bytes};
    s->segs[n++] = (struct berth_seg){.base = s->data, .len = s->len_bytes};
    if (s->span.tail_bytes)
        s->segs[n++] = (struct berth_seg){.base = tail_edge(disk, s) + disk->block_bytes - s->span.tail_bytes,
                                          .len = s->span.tail_bytes};
    add_transfer(disk, s, BERTH_WRITE, s->span.begin_bytes, s->segs, n);
}

static void move_zero(struct disk *disk, struct slot *s)
{
    uint64_t inner = span_inner_len(&s->span, disk->block_bytes);
    uint32_t block = disk->block_bytes;
    if (s->span.head_bytes)
        memset(s->edge[0] + s->span.head_bytes, 0,
               block - s->span.head_bytes - (span_one_edge(&s->span, block) ? s->span.tail_bytes : 0));
    if (has_own_tail(disk, s))
        memset(s->edge[1], 0, block - s->span.tail_bytes);
    edges_io(disk, s, BERTH_WRITE);
    if (inner)
        add_io(disk, s, BERTH_ZERO, span_inner_begin(&s->span, block), inner);
}

/* The blocks that it touches are read whole, to where what was asked for comes to lie at `data`. */
static void move_read(struct disk *disk, struct slot *s)
{
    s->segs[0] = (struct berth_seg){.base = s->data - s->span.head_bytes,
                                    .len = s->span.end_bytes - s->span.begin_bytes};
    add_transfer(disk, s, BERTH_READ, s->span.begin_bytes, s->segs, 1);
}

static void move(struct disk *disk, struct slot *s)
{
    s->state = SLOT_MOVES;
    switch (s->op) {
    case BERTH_READ:
        move_read(disk, s);
        break;
    case BERTH_WRITE:
        move_write(disk, s);
        break;
    case BERTH_ZERO:
        move_zero(disk, s);
        break;
    default:
        add_io(disk, s, s->op, 0, 0);
    }
}

static void go(struct disk *disk, struct slot *s)
{
    if (!changes(s) || !span_ragged(&s->span)) {
        move(disk, s);
        return;
    }
    s->state = SLOT_EDGES;
    edges_io(disk, s, BERTH_READ);
}

/* --- one after the other where blocks are changed in part
 * --------------------------------------------------- */

/* Between reading a block and writing it back nobody else may change it. */
static bool in_the_way(const struct slot *earlier, const struct slot *s)
{
    return earlier != s && earlier->state != SLOT_FREE && earlier->sequence < s->sequence &&
           changes(earlier) && (span_ragged(&earlier->span) || span_ragged(&s->span)) &&
           span_overlaps(&earlier->span, &s->span);
}

static bool must_wait(const struct disk *disk, const struct slot *s)
{
    for (uint32_t i = 0; disk->ragged && i < SLOTS_MAX; i++)
        if (in_the_way(&disk->pool.slot[i], s))
            return true;
    return false;
}

static void let_others_go(struct disk *disk)
{
    for (uint32_t i = 0; disk->waiting && i < SLOTS_MAX; i++) {
        struct slot *s = &disk->pool.slot[i];
        if (s->state != SLOT_WAITS || must_wait(disk, s))
            continue;
        disk->waiting--;
        go(disk, s);
    }
}

void transfer_begin(struct disk *disk, struct slot *s)
{
    s->span = span_of(s->offset_bytes, s->len_bytes, disk->block_bytes);
    s->sequence = disk->sequence++;
    s->begun_ns = disk_now_ns();
    if (changes(s) && span_ragged(&s->span))
        disk->ragged++;
    if (changes(s) && must_wait(disk, s)) {
        s->state = SLOT_WAITS;
        disk->waiting++;
        return;
    }
    go(disk, s);
}

/* --- what is done
 * ------------------------------------------------------------------------------------------- */

static void answer(struct disk *disk, struct slot *s)
{
    if (s->error)
        reply_number(disk->fd, s->unique, reply_errno(s->error));
    else if (s->op == BERTH_READ)
        reply_data(disk->fd, s->unique, s->data, s->len_bytes);
    else if (s->op == BERTH_WRITE)
        reply_body(disk->fd, s->unique, &(struct fuse_write_out){.size = (uint32_t)s->len_bytes},
                   sizeof(struct fuse_write_out));
    else
        reply_number(disk->fd, s->unique, 0);
}

static void finish(struct disk *disk, struct slot *s)
{
    answer(disk, s);
    if (disk->count)
        disk->count(disk->arg, s->op, s->len_bytes, disk_now_ns() - s->begun_ns, s->error);
    if (s->wanted_back_ns)
        disk->wanted_back--;
    if (changes(s) && span_ragged(&s->span))
        disk->ragged--;
    pool_give(&disk->pool, s);
    let_others_go(disk);
}

static void step(struct disk *disk, struct slot *s, int error)
{
    s->pending--;
    if (error && !s->error)
        s->error = error;
    if (s->pending)
        return;
    bool more = s->state == SLOT_EDGES;
    if (more && s->cancelled && !s->error) /* nothing of it was done */
        s->error = BERTH_E_ABORTED;
    if (more && !s->error)
        move(disk, s);
    else
        finish(disk, s);
}

static void submit(struct disk *disk)
{
    uint32_t begin = 0;
    while (begin < disk->io_count) {
        int n = berth_queue_submit(disk->queue, disk->ios + begin, disk->io_count - begin);
        if (n < 0) /* the first one cannot be; what it leads to is added behind the others */
            step(disk, &disk->pool.slot[disk->ios[begin++].tag], n);
        else
            begin += (uint32_t)n;
    }
    disk->io_count = 0;
}

void transfer_turn(struct disk *disk)
{
    struct berth_done done[DONE_MAX];
    int n;
    do {
        submit(disk);
        n = berth_queue_reap(disk->queue, done, 0, DONE_MAX, 0);
        for (int i = 0; i < n; i++)
            step(disk, &disk->pool.slot[done[i].tag], done[i].error);
    } while (n > 0);
}

/* --- interrupts
 * --------------------------------------------------------------------------------------------- */

void transfer_want_back(struct disk *disk, uint64_t unique)
{
    for (uint32_t i = 0; i < SLOTS_MAX; i++) {
        struct slot *s = &disk->pool.slot[i];
        if (s->state == SLOT_FREE || s->unique != unique || s->wanted_back_ns)
            continue;
        s->wanted_back_ns = disk_now_ns();
        disk->wanted_back++;
    }
}

/* What is not under way yet, such as what one that was just taken back had held up, cannot be cancelled. */
static void take_back(struct disk *disk, struct slot *s)
{
    submit(disk);
    if (s->state == SLOT_FREE)
        return;
    s->cancelled = true;
    if (s->state == SLOT_WAITS) {
        disk->waiting--;
        s->error = BERTH_E_ABORTED;
        finish(disk, s);
    } else {
        berth_queue_cancel(disk->queue, (uint64_t)(s - disk->pool.slot));
    }
}

int transfer_overdue(struct disk *disk)
{
    uint64_t now = disk->wanted_back ? disk_now_ns() : 0, next = UINT64_MAX;
    for (uint32_t i = 0; disk->wanted_back && i < SLOTS_MAX; i++) {
        struct slot *s = &disk->pool.slot[i];
        if (s->state == SLOT_FREE || !s->wanted_back_ns || s->cancelled)
            continue;
        uint64_t due = s->wanted_back_ns + INTERRUPT_PATIENCE_NS;
        if (due <= now)
            take_back(disk, s);
        else if (due < next)
            next = due;
    }
    return next == UINT64_MAX ? -1 : (int)((next - now) / 1000000 + 1);
}

void transfer_abandon(struct disk *disk)
{
    for (uint32_t i = 0; i < SLOTS_MAX; i++)
        if (disk->pool.slot[i].state != SLOT_FREE)
            reply_number(disk->fd, disk->pool.slot[i].unique, ENOTCONN);
}
