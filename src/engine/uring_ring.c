/* SPDX-License-Identifier: MIT */
/* The ring. The kernel does what was submitted, and copies what has arrived, only inside our own calls
 * (DEFER_TASKRUN): between them an operation in flight is a promise, no access. And it belongs to one thread
 * (SINGLE_ISSUER): in another it is begun anew, and what had not happened is asked for once more. */
#include "engine/link.h"
#include "engine/uring_parts.h"

#include <berth/error.h>
#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define RETRIES   8u           /* of a call that did not take all that was queued */
#define RECALL_NS 100000000ull /* between two looks at what is being cancelled */
#define NS_PER_S  1000000000ull

static void begin_anew(struct uring *u);

int uring_ring_begin(struct uring *u)
{
    struct io_uring_params p = {
        .flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG |
                 IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE,
        .cq_entries = URING_CQES,
    };
    uint32_t needed = IORING_FEAT_EXT_ARG | IORING_FEAT_NODROP | IORING_FEAT_SUBMIT_STABLE;
    u->base->syscalls++;
    int r = io_uring_queue_init_params(URING_SQES, &u->ring, &p);
    if (r == 0 && (p.features & needed) != needed) {
        io_uring_queue_exit(&u->ring);
        r = -EINVAL;
    }
    u->open = r == 0;
    if (u->open && u->bell >= 0)
        r = io_uring_register_eventfd(&u->ring, u->bell);
    return r;
}

/* A ring whose work is put off until we come does not make its own descriptor readable. */
int uring_bell(struct uring *u)
{
    if (u->bell >= 0)
        return u->bell;
    u->base->syscalls += 2;
    u->bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    int r = u->bell < 0 ? -errno : io_uring_register_eventfd(&u->ring, u->bell);
    if (r == -EEXIST)
        begin_anew(u);
    else if (r < 0)
        u->failure = -r;
    return u->bell;
}

void uring_hush(struct uring *u)
{
    uint64_t count;
    if (u->bell < 0)
        return;
    u->base->syscalls++;
    (void)!read(u->bell, &count, sizeof count);
    if (!u->failure && !uring_idle(u)) /* it may have rung just now */
        (void)!eventfd_write(u->bell, 1);
}

/* What is in flight dies with it, without another access to anybody's memory. */
void uring_ring_end(struct uring *u)
{
    if (!u->open)
        return;
    u->base->syscalls++;
    u->open = false;
    io_uring_queue_exit(&u->ring);
}

/* ---- what comes back ---- */

static void land(struct uring *u, const struct io_uring_cqe *cqe)
{
    enum uring_op op = cqe->user_data & URING_MASK;
    struct carried *c = (void *)(uintptr_t)(cqe->user_data & ~(uint64_t)URING_MASK);
    if (op == URING_NONE)
        return;
    if (op == URING_BASE) {
        u->watching = false;
        u->base_ready = true;
        return;
    }
    c->flying &= (uint8_t) ~(1u << op);
    c->landed |= (uint8_t)(1u << op);
    c->result[op] = cqe->res;
    uring_make_ready(u, c);
}

static void land_all(struct uring *u)
{
    struct io_uring_cqe *cqe;
    uint32_t head, count = 0;
    io_uring_for_each_cqe(&u->ring, head, cqe)
    {
        land(u, cqe);
        count++;
    }
    io_uring_cq_advance(&u->ring, count);
}

/* ---- entering the kernel ---- */

struct io_uring_sqe *uring_sqe(struct uring *u, struct carried *c, enum uring_op op)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&u->ring);
    if (!sqe) {
        uring_enter(u, 0, 0);
        sqe = io_uring_get_sqe(&u->ring);
    }
    if (!sqe) /* the call has failed: nothing is submitted any more, and this neither */
        sqe = &u->nowhere;
    memset(sqe, 0, sizeof *sqe);
    sqe->user_data = (uintptr_t)c | op;
    if (c)
        c->flying |= (uint8_t)(1u << op);
    return sqe;
}

bool uring_taken(const struct uring *u, uint32_t place)
{
    return (int32_t)(IO_URING_READ_ONCE(*u->ring.sq.khead) - place) > 0;
}

/* In the order in which they were queued. */
static void sort_sends(struct uring *u)
{
    while (!list_empty(&u->queued)) {
        struct carried *c = list_entry(u->queued.next, struct carried, sending);
        if (!uring_taken(u, c->place))
            return;
        list_remove(&c->sending);
        list_push(&u->sending, &c->sending);
    }
}

/* A receive that was being cancelled has ended all the same. */
static void forget(struct uring *u, struct carried *c)
{
    c->flying = 0;
    list_remove(&c->sending);
    link_mark_dirty(c->link);
    if (!c->stopped || c->landed & 1u << URING_RECV)
        return;
    c->landed |= 1u << URING_RECV;
    c->result[URING_RECV] = -ECANCELED;
    uring_make_ready(u, c);
}

/* What was in flight and has not come back has not happened, nor what was queued. */
static void begin_anew(struct uring *u)
{
    land_all(u);
    uring_ring_end(u);
    list_each (at, &u->engine.links)
        forget(u, carried_of(list_entry(at, struct link, node)));
    u->watching = false;
    u->again = true;
    u->failure = -uring_ring_begin(u);
}

static int call(struct uring *u, uint32_t wait, uint64_t until_ns)
{
    struct io_uring_cqe *cqe;
    uint64_t now = until_ns && until_ns != UINT64_MAX ? engine_now(u->base) : 0;
    uint64_t left = until_ns > now ? until_ns - now : 0;
    struct __kernel_timespec t = {(long long)(left / NS_PER_S), (long long)(left % NS_PER_S)};
    u->base->syscalls++;
    if (wait == 0 || left == 0)
        return io_uring_submit_and_get_events(&u->ring);
    return io_uring_submit_and_wait_timeout(&u->ring, &cqe, wait, until_ns == UINT64_MAX ? NULL : &t, NULL);
}

/* A signal, the end of the wait, a moment without memory, more completions than there is room for: all of
 * these are seen to by what is done anyhow. */
static bool harmless(int r)
{
    return r >= 0 || r == -EINTR || r == -ETIME || r == -EAGAIN || r == -EBUSY;
}

/* Completions that the kernel keeps for want of room may be those of sends that failed: whoever has none
 * counts as sent. */
static bool unfinished(const struct uring *u)
{
    return io_uring_sq_ready(&u->ring) > 0 || io_uring_cq_has_overflow(&u->ring);
}

void uring_enter(struct uring *u, uint32_t wait, uint64_t until_ns)
{
    for (uint32_t i = 0; !u->failure && (i == 0 || unfinished(u)); i++) {
        int r = i < RETRIES ? call(u, wait, until_ns) : -ENOMEM;
        if (r == -EINTR && wait > 0)
            u->base->interrupted = true;
        land_all(u);
        sort_sends(u);
        if (r == -EEXIST)
            begin_anew(u);
        else if (!harmless(r))
            u->failure = -r;
    }
    u->iov_used = u->msg_used = 0;
}

bool uring_idle(const struct uring *u)
{
    const uint32_t work = IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW;
    return io_uring_sq_ready(&u->ring) == 0 && io_uring_cq_ready(&u->ring) == 0 &&
           !(IO_URING_READ_ONCE(*u->ring.sq.kflags) & work);
}

/* ---- taking back ---- */

void uring_cancel(struct uring *u, struct carried *c, enum uring_op op)
{
    struct io_uring_sqe *sqe = uring_sqe(u, NULL, URING_NONE);
    io_uring_prep_cancel64(sqe, (uintptr_t)c | op, 0);
    sqe->user_data = URING_NONE;
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
}

/* Whatever waits for a socket ends within the call that cancels it. */
void uring_recall(struct uring *u, struct carried *c)
{
    for (uint32_t op = 0; op < URING_OPS && !u->failure; op++)
        if (uring_flies(c, op))
            uring_cancel(u, c, op);
    while (c->flying && !u->failure)
        uring_enter(u, 1, engine_now(u->base) + RECALL_NS);
    c->flying = 0; /* a ring that has failed does nothing any more */
}
