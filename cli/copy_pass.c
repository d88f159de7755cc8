/* SPDX-License-Identifier: MIT */
/* The copying pass. Pieces are read as far ahead as there are slots and written as they arrive; holes and
 * zeros of the source become holes of the destination. */
#include <inttypes.h>
#include <string.h>
#include "cli/copy.h"
#include "attach/exit.h"
#include "cli/pattern.h"
#include "cli/say.h"
#include "attach/size.h"

static uint8_t *buffer_of(struct copy *c, const struct copy_slot *s)
{
    return c->buffers + (size_t)(s - c->slots) * COPY_CHUNK;
}

static bool fits(struct copy *c, uint64_t offset, uint64_t len)
{
    if (len <= c->dst.size && offset <= c->dst.size - len)
        return true;
    endpoint_fail(&c->dst, STATUS_FAILED, "%s holds more than the %s of %s; use a larger one", c->src.name,
                  size_human(c->dst.size).s, c->dst.name);
    return false;
}

static bool write_out(struct copy *c, struct copy_slot *s)
{
    uint64_t padded = copy_padded(&c->dst, s->len);
    s->state = SLOT_READY;
    if ((c->dst.kind->ordered && s->offset != c->turn) || !fits(c, s->offset, padded))
        return false;
    if (s->a.op == TRANSFER_WRITE)
        memset(s->a.buf + s->len, 0, padded - s->len);
    s->a.len = padded;
    s->a.moved = 0;
    s->a.done = false;
    s->state = SLOT_WRITING;
    c->turn = s->offset + s->len;
    c->dst.kind->start(&c->dst, &s->a);
    return true;
}

/* A source that ended sooner than its size (only a pipe may) sets the end. */
static bool read_in(struct copy *c, struct copy_slot *s)
{
    if (s->a.moved < s->len) {
        uint64_t end = s->offset + s->a.moved;
        c->end = end < c->end ? end : c->end;
        s->len = s->a.moved;
    }
    if (s->len == 0) {
        s->state = SLOT_FREE;
        return true;
    }
    s->a.op = TRANSFER_WRITE;
    if (pattern_is_zero(s->a.buf, s->len))
        s->a.op = TRANSFER_ZERO;
    write_out(c, s);
    return true;
}

static uint64_t losses_of(const struct copy *c)
{
    return c->dst.kind->losses ? c->dst.kind->losses(&c->dst) : 0;
}

/* Is there more to copy now? After a loss there is not: the sooner it goes back, the less is done twice. */
static bool may_plan(struct copy *c)
{
    if (losses_of(c) != c->losses)
        c->stop = c->next;
    return c->next < c->end && c->next < c->stop;
}

static bool plan(struct copy *c, struct copy_slot *s)
{
    uint64_t limit;
    if (!may_plan(c))
        return false;
    copy_run_at(c, &c->src, &c->src_run, c->next);
    if (copy_stopped(c))
        return false;
    limit = c->src_run.hole ? COPY_ZERO_MAX : COPY_CHUNK;
    s->offset = c->next;
    s->len = c->src_run.end - c->next < limit ? c->src_run.end - c->next : limit;
    c->next += s->len;
    s->a = (struct transfer){.buf = buffer_of(c, s), .offset = s->offset, .len = s->len};
    if (c->src_run.hole) {
        s->a.op = TRANSFER_ZERO;
        return write_out(c, s), true;
    }
    s->state = SLOT_READING;
    c->src.kind->start(&c->src, &s->a);
    return true;
}

static bool account(struct copy *c, struct copy_slot *s)
{
    c->done_bytes += s->len;
    if (s->a.op == TRANSFER_ZERO)
        c->hole_bytes += s->len;
    s->state = SLOT_FREE;
    return true;
}

static bool step(struct copy *c, struct copy_slot *s)
{
    switch (s->state) {
    case SLOT_FREE:
        return plan(c, s);
    case SLOT_READING:
        return s->a.done && read_in(c, s);
    case SLOT_READY:
        return write_out(c, s);
    case SLOT_WRITING:
        return s->a.done && account(c, s);
    }
    return false;
}

struct mark {
    uint64_t next, done_bytes, hole_bytes;
};

/* Goes back to where the destination is known to be durable. A pipe cannot be read again. */
static void go_back(struct copy *c, const struct mark *safe)
{
    if (c->src.kind->ordered) {
        endpoint_fail(
            &c->dst, STATUS_FAILED,
            "%s was lost with data that it may not have stored, and %s cannot be read again; copy again",
            c->dst.name, c->src.name);
        return;
    }
    say("%s may have lost what it had not stored yet; copying again from %s on", c->dst.name,
        size_human(safe->done_bytes).s);
    c->src_run = (struct copy_run){0};
    c->next = c->turn = safe->next;
    c->done_bytes = safe->done_bytes;
    c->hole_bytes = safe->hole_bytes;
}

/* Copies up to the next checkpoint and makes it durable. If the destination was lost meanwhile, it may have
 * come back without what it had acknowledged but only cached: then that part is copied again. */
static void copy_part(struct copy *c)
{
    const struct mark safe = {c->next, c->done_bytes, c->hole_bytes};
    c->losses = losses_of(c);
    c->stop = c->dst.kind->losses ? c->next + c->checkpoint : UINT64_MAX;
    copy_loop(c, step, COPY_DEPTH);
    if (copy_stopped(c))
        return;
    c->dst.kind->finish(&c->dst, c->done_bytes);
    if (!copy_stopped(c) && losses_of(c) != c->losses)
        go_back(c, &safe);
}

void copy_pass(struct copy *c)
{
    copy_rewind(c, "copied");
    do
        copy_part(c);
    while (c->next < c->end && !copy_stopped(c));
}
