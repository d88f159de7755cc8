/* SPDX-License-Identifier: MIT */
/* Queues: where I/Os come in and completions go out. */
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "block/lun.h"
#include "block/reactors.h"

#define NS_PER_MS 1000000ull

/* --- making and freeing --- */

int queue_make(struct berth_queue **out, struct berth_lun *lun, uint32_t depth)
{
    *out = NULL;
    if (depth == 0 || depth > LUN_DEPTH_MAX)
        return BERTH_E_ARGUMENT;
    struct berth_queue *q = calloc(1, sizeof *q + depth * sizeof q->requests[0]);
    if (!q)
        return BERTH_E_MEMORY;
    q->lun = lun;
    q->depth = depth;
    q->bell = -1;
    q->internal = true;
    list_init(&q->link);
    list_init(&q->free);
    list_init(&q->done);
    for (uint32_t i = 0; i < depth; i++) {
        struct request *r = &q->requests[i];
        r->queue = q;
        r->lun = lun;
        r->mail.kind = MAIL_IO;
        r->recall.kind = MAIL_RECALL;
        list_push(&q->free, &r->link);
    }
    *out = q;
    return BERTH_OK;
}

void queue_drop(struct berth_queue *q)
{
    list_remove(&q->link);
    free(q->spread);
    port_free(q->port);
    if (q->bell >= 0)
        close(q->bell);
    free(q);
}

static void heard(void *owner)
{
    struct berth_queue *q = owner;
    struct engine *e = q->lun->initiator->engine;
    uint64_t times;
    e->syscalls++;
    if (read(q->bell, &times, sizeof times) < 0)
        return; /* heard before */
    q->woken = true;
    engine_wake(e);
}

/* For berth_queue_wake(), where somebody may really sleep. */
static int hang_bell(struct berth_queue *q)
{
    struct engine *e = q->lun->initiator->engine;
    if (!(e->ops->caps & ENGINE_REAL_TIME))
        return BERTH_OK;
    q->bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return q->bell < 0 ? BERTH_E_SYSTEM : e->ops->watch(e, q->bell, heard, q);
}

static void take_bell_down(struct berth_queue *q)
{
    struct initiator *i = q->lun->initiator;
    if (q->bell >= 0 && i)
        i->engine->ops->watch(i->engine, q->bell, NULL, NULL);
}

static void enter_list(struct berth_queue *q)
{
    struct lanes *all = q->lun->lanes;
    if (!all) {
        list_push(&q->lun->queues, &q->link);
        return;
    }
    pthread_mutex_lock(&all->lock);
    list_push(&all->queues, &q->link);
    pthread_mutex_unlock(&all->lock);
    atomic_fetch_add(&all->feeders, !q->internal);
}

static void leave_list(struct berth_queue *q)
{
    struct lanes *all = q->lun->lanes;
    if (!all)
        return;
    pthread_mutex_lock(&all->lock);
    list_remove(&q->link);
    pthread_mutex_unlock(&all->lock);
    atomic_fetch_sub(&all->feeders, !q->internal);
}

static int spread_out(struct berth_queue *q)
{
    struct lanes *all = q->lun->lanes;
    if (!all || all->count == 1 || q->internal)
        return BERTH_OK;
    pthread_mutex_lock(&all->lock);
    uint32_t home = all->next_home++ % all->count;
    pthread_mutex_unlock(&all->lock);
    q->spread = spread_new(all->count, q->depth, home);
    return q->spread ? BERTH_OK : BERTH_E_MEMORY;
}

static int make_for_caller(struct berth_queue **out, struct berth_lun *lun, uint32_t depth, bool internal)
{
    int error = queue_make(out, lun, depth);
    if (error)
        return error;
    (*out)->internal = internal;
    error = spread_out(*out);
    if (!error)
        error = lun->lanes && lun->lanes->threaded ? port_new(&(*out)->port, !internal) : hang_bell(*out);
    if (error) {
        queue_drop(*out);
        *out = NULL;
        return error;
    }
    enter_list(*out);
    return BERTH_OK;
}

BERTH_EXPORT int berth_queue_new(struct berth_queue **out, struct berth_lun *lun, uint32_t depth)
{
    return make_for_caller(out, lun, depth, false);
}

BERTH_EXPORT void berth_queue_free(struct berth_queue *q)
{
    if (!q || lun_is_inherited(q->lun))
        return; /* what is under way is the parent's */
    queue_cut(q);
    take_bell_down(q);
    leave_list(q);
    queue_drop(q);
}

int queue_borrow(struct berth_queue **out, struct berth_lun *lun)
{
    struct lanes *all = lun->lanes;
    pthread_mutex_lock(&all->lock);
    struct list *node = list_pop(&all->spare);
    if (node)
        list_push(&all->queues, node);
    pthread_mutex_unlock(&all->lock);
    if (!node)
        return make_for_caller(out, lun, 1, true);
    *out = list_entry(node, struct berth_queue, link);
    return BERTH_OK;
}

void queue_give_back(struct berth_queue *q)
{
    struct lanes *all = q->lun->lanes;
    pthread_mutex_lock(&all->lock);
    list_remove(&q->link);
    list_push(&all->spare, &q->link);
    pthread_mutex_unlock(&all->lock);
}

/* --- submit --- */

struct bounds lun_bounds(const struct berth_lun *lun)
{
    struct lanes *all = lun->lanes;
    if (!all)
        return (struct bounds){lun->info.block_bytes, lun->info.size_bytes, lun->info.read_only,
                               lun->info.max_trim_bytes > 0, lun->info.thin};
    return (struct bounds){all->block_bytes,
                           atomic_load_explicit(&all->facts.size_bytes, memory_order_relaxed),
                           atomic_load_explicit(&all->facts.read_only, memory_order_relaxed),
                           atomic_load_explicit(&all->facts.trims, memory_order_relaxed),
                           atomic_load_explicit(&all->facts.thin, memory_order_relaxed)};
}

static bool aligned(const struct bounds *b, const struct berth_io *io)
{
    uint64_t mask = b->block_bytes - 1u;
    return ((io->offset_bytes | io->len_bytes) & mask) == 0 && io->offset_bytes <= b->size_bytes &&
           io->len_bytes <= b->size_bytes - io->offset_bytes;
}

static int check_segs(const struct berth_io *io)
{
    uint64_t left = io->len_bytes;
    if (io->seg_count > BERTH_SEGS_MAX || (io->seg_count > 0 && !io->segs))
        return BERTH_E_ARGUMENT;
    for (uint32_t i = 0; i < io->seg_count; i++) {
        const struct berth_seg *seg = &io->segs[i];
        if (seg->kind != BERTH_SEG_MEMORY)
            return BERTH_E_UNSUPPORTED;
        if (seg->len > left || (seg->len > 0 && !seg->base))
            return BERTH_E_ARGUMENT;
        left -= seg->len;
    }
    return left ? BERTH_E_ARGUMENT : BERTH_OK;
}

static bool moves_data(const struct berth_io *io)
{
    return io->op == BERTH_READ || io->op == BERTH_WRITE || io->op == BERTH_SCSI;
}

/* Reservations and registrations are those of one session, and would shut the others out. */
static bool is_of_one_session(uint8_t opcode)
{
    static const uint8_t opcodes[] = {0x16, 0x17, 0x56, 0x57, 0x5f}; /* RESERVE, RELEASE, PR OUT (SPC-4) */
    return memchr(opcodes, opcode, sizeof opcodes) != NULL;
}

static int check_named(const struct berth_lun *lun, const struct berth_command *c)
{
    if (c->names_lun && !lun->options.commands_only)
        return BERTH_E_STATE;
    return c->names_lun && c->lun > URL_LUN_MAX ? BERTH_E_ARGUMENT : BERTH_OK;
}

static int check_command(const struct berth_lun *lun, const struct berth_io *io)
{
    const struct berth_command *c = io->command;
    if (!c || c->cdb_len == 0 || c->cdb_len > BERTH_CDB_MAX || c->attribute > BERTH_ATTRIBUTE_ACA)
        return BERTH_E_ARGUMENT;
    if (c->direction > BERTH_DATA_OUT)
        return BERTH_E_UNSUPPORTED;
    if (io->len_bytes > UINT32_MAX || (io->len_bytes > 0 && c->direction == BERTH_DATA_NONE))
        return BERTH_E_ARGUMENT;
    if (lun->lanes && lun->lanes->count > 1 && is_of_one_session(c->cdb[0]))
        return BERTH_E_UNSUPPORTED;
    int error = check_named(lun, c);
    return error ? error : check_segs(io);
}

static int check_reset(const struct berth_lun *lun, const struct berth_io *io)
{
    if (io->flags > BERTH_RESET_TARGET_COLD || io->len_bytes > 0)
        return BERTH_E_ARGUMENT;
    if (lun->lanes && lun->lanes->count > 1)
        return BERTH_E_UNSUPPORTED;
    return io->command ? check_named(lun, io->command) : BERTH_OK;
}

static int check_io(const struct berth_lun *lun, const struct berth_io *io)
{
    if (io->op == BERTH_RESET)
        return check_reset(lun, io);
    if (io->op > BERTH_RESET || (io->flags & ~(uint32_t)(BERTH_FUA | BERTH_MAY_TRIM)))
        return BERTH_E_ARGUMENT;
    if (io->op == BERTH_SCSI)
        return check_command(lun, io);
    if (lun->options.commands_only)
        return BERTH_E_STATE;
    if (io->op == BERTH_FLUSH)
        return BERTH_OK;
    const struct bounds b = lun_bounds(lun);
    if (!aligned(&b, io))
        return BERTH_E_RANGE;
    if (io->op != BERTH_READ && b.read_only)
        return BERTH_E_READ_ONLY;
    if (io->op == BERTH_TRIM && !b.trims)
        return BERTH_E_UNSUPPORTED;
    return moves_data(io) ? check_segs(io) : BERTH_OK;
}

static void take_command(struct request *r, struct berth_command *c)
{
    memcpy(r->cdb, c->cdb, c->cdb_len);
    r->cdb_len = c->cdb_len;
    r->direction = c->direction;
    r->attribute = c->attribute;
    r->io.offset_bytes = 0;
    c->status = c->sense_len = 0;
    c->moved_bytes = c->overflow_bytes = 0;
}

/* A free one, of which nothing has been done yet. */
static struct request *take_request(struct berth_queue *q, const struct berth_io *io, struct berth_lun *lun)
{
    struct list *node = list_pop(&q->free);
    if (!node)
        return NULL;
    struct request *r = list_entry(node, struct request, link);
    r->lun = lun;
    r->place = REQUEST_AWAY;
    if (q->spread)
        spread_enter(q->spread, lun->lane);
    r->io = *io;
    r->data = (struct extent){0};
    r->op = (uint8_t)io->op;
    r->lun_field = lun->lun_field;
    r->issued = r->wait_until = r->begun_ns = 0;
    r->outstanding = r->reply_len = 0;
    r->begun = r->sync_after = r->cancelled = false;
    r->under_way = true;
    r->done = (struct berth_done){.tag = io->tag, .bad_offset_bytes = UINT64_MAX};
    q->outstanding++;
    return r;
}

static struct request *make_request(struct berth_queue *q, const struct berth_io *io, struct berth_lun *lun)
{
    struct request *r = take_request(q, io, lun);
    if (io->op == BERTH_FLUSH)
        r->io.offset_bytes = r->io.len_bytes = 0;
    if (io->command && io->op >= BERTH_SCSI && io->command->names_lun)
        r->lun_field = scsi_lun_encode(io->command->lun);
    if (io->op == BERTH_SCSI)
        take_command(r, io->command);
    if (moves_data(io))
        r->data = (struct extent){.segs = io->segs, .count = io->seg_count, .len = io->len_bytes};
    return r;
}

struct request *queue_question(struct berth_queue *q, const uint8_t *cdb, uint32_t cdb_len,
                               const struct berth_seg *seg)
{
    struct request *r = take_request(q, &(struct berth_io){.op = OP_ASK, .len_bytes = seg->len}, q->lun);
    if (!r)
        return NULL;
    r->direction = BERTH_DATA_IN;
    r->attribute = BERTH_ATTRIBUTE_SIMPLE;
    r->data = (struct extent){.segs = seg, .count = seg->len ? 1 : 0, .len = seg->len};
    memcpy(r->cdb, cdb, cdb_len);
    r->cdb_len = (uint8_t)cdb_len;
    return r;
}

/* Requests on their way to one lane. */
struct outgoing {
    struct berth_lun *lun; /* NULL: none yet */
    struct mail_bundle letters;
};

static void send_off(struct berth_queue *q, struct outgoing *out)
{
    if (!out->lun)
        return;
    if (q->port) {
        worker_post(out->lun->worker, &out->letters);
    } else {
        lun_pump(out->lun);
        waiting_begin(out->lun);
    }
    *out = (struct outgoing){0};
}

static void hand_over(struct berth_queue *q, struct outgoing *out, struct request *r)
{
    if (out->lun != r->lun)
        send_off(q, out);
    out->lun = r->lun;
    if (q->port)
        mail_bundle_add(&out->letters, &r->mail);
    else
        list_push(&r->lun->waiting, &r->link);
}

void queue_give(struct berth_queue *q, struct request *r)
{
    struct outgoing out = {0};
    hand_over(q, &out, r);
    send_off(q, &out);
}

/* Where the next I/O goes: as long as there is room to where the last one went, so that commands gather; to
 * the first session those of the caller's own, which may be about what the target keeps for a session. */
static struct berth_lun *lane_for(struct berth_queue *q, const struct berth_io *io, uint32_t *chosen)
{
    const struct lanes *all = q->lun->lanes;
    if (!q->spread || io->op >= BERTH_SCSI)
        return q->lun;
    bool own = lanes_have_own(all);
    if (*chosen == LANES_MAX || (!own && !spread_has_room(q->spread, *chosen)))
        *chosen = spread_pick(q->spread, own, lanes_up, all);
    return all->luns[*chosen];
}

BERTH_EXPORT int berth_queue_submit(struct berth_queue *q, const struct berth_io *ios, uint32_t count)
{
    struct outgoing out = {0};
    uint32_t taken = 0, chosen = LANES_MAX;
    int error = BERTH_OK;
    for (; taken < count && !list_empty(&q->free); taken++) {
        error = check_io(q->lun, &ios[taken]);
        if (error)
            break;
        hand_over(q, &out, make_request(q, &ios[taken], lane_for(q, &ios[taken], &chosen)));
    }
    send_off(q, &out);
    if (chosen != LANES_MAX)
        spread_turn(q->spread, chosen);
    if (error && taken == 0)
        return error;
    return taken == 0 && count > 0 ? BERTH_E_QUEUE_FULL : (int)taken;
}

/* --- reap --- */

void request_finish(struct request *r)
{
    struct berth_queue *q = r->queue;
    r->under_way = false;
    list_remove(&r->link);
    tally_request(r);
    if (q->port) {
        port_return(r);
        return;
    }
    r->place = REQUEST_BACK;
    list_push(&q->done, &r->link);
    q->done_count++;
}

/* Why a session was lost, its lane knows; now the caller is to know it, too. */
static void explain(struct berth_queue *q, int error)
{
    if (q->lun->lanes && !q->internal && berth_error_scope(error) == BERTH_SCOPE_SESSION)
        lanes_say(q->lun->lanes, error, NULL);
}

static void retire(struct berth_queue *q, struct request *r)
{
    r->place = REQUEST_FREE;
    if (q->spread)
        spread_leave(q->spread, r->lun->lane);
    q->outstanding--;
    q->done_count--;
    if (!r->recalled) /* else when that is back */
        list_push(&q->free, &r->link);
}

uint32_t queue_collect(struct berth_queue *q, struct berth_done *done, uint32_t max)
{
    uint32_t n = 0;
    struct list *node;
    while (n < max && (node = list_pop(&q->done)) != NULL) {
        struct request *r = list_entry(node, struct request, link);
        done[n] = r->done;
        if (done[n].error)
            explain(q, done[n].error);
        retire(q, r);
        n++;
    }
    return n;
}

/* One of those on this thread that still has rounds, if there is one. */
static struct berth_lun *lively(struct berth_lun *lun)
{
    const struct lanes *all = lun->lanes;
    for (uint32_t n = 0; all && !all->threaded && n < all->count; n++)
        if (all->luns[n]->initiator->state != INITIATOR_FAILED)
            return all->luns[n];
    return lun;
}

int queue_wait(struct berth_lun *lun, uint64_t until_ns)
{
    struct berth_lun *worked = lively(lun);
    int error = initiator_wait(worked->initiator, until_ns);
    if (lun->initiator->state == INITIATOR_FAILED) /* which may have no rounds any more */
        lun_tend(lun);
    if (error && error != BERTH_E_ABORTED)
        lun_say(&lun->detail, error, initiator_detail(worked->initiator));
    return error;
}

static uint64_t deadline(const struct berth_lun *lun, int timeout_ms)
{
    return timeout_ms < 0 ? UINT64_MAX : initiator_now(lun->initiator) + (uint64_t)timeout_ms * NS_PER_MS;
}

static bool has_enough(const struct berth_queue *q, uint32_t wanted)
{
    return q->woken || q->outstanding == q->done_count || q->done_count >= wanted;
}

static int wait_for(struct berth_queue *q, uint32_t wanted, int timeout_ms)
{
    const struct initiator *i = q->lun->initiator;
    int error = BERTH_OK;
    if (has_enough(q, wanted))
        return BERTH_OK;
    uint64_t until = deadline(q->lun, timeout_ms);
    do {
        error = queue_wait(q->lun, until);
    } while (error != BERTH_E_ABORTED && !i->engine->interrupted && !has_enough(q, wanted) &&
             (until == UINT64_MAX || initiator_now(i) < until));
    return error;
}

static bool any_done(const struct berth_lun *lun)
{
    list_each (at, lun->lanes ? &lun->lanes->queues : &lun->queues)
        if (list_entry(at, struct berth_queue, link)->done_count > 0)
            return true;
    return false;
}

static void flush_all(const struct berth_lun *lun)
{
    const struct lanes *all = lun->lanes;
    for (uint32_t n = 0; all && n < all->count; n++)
        initiator_flush(all->luns[n]->initiator);
    if (!all)
        initiator_flush(lun->initiator);
}

/* The caller may be off to sleep on the descriptor, or to do other things for long: nothing that could be
 * sent is kept back. */
static void part(struct berth_queue *q)
{
    struct reactor *r = q->lun->initiator->reactor;
    flush_all(q->lun);
    reactor_alarm(r, any_done(q->lun) || engine_has_work(r->engine) ? 0 : UINT64_MAX);
}

BERTH_EXPORT int berth_queue_reap(struct berth_queue *q, struct berth_done *done, uint32_t min, uint32_t max,
                                  int timeout_ms)
{
    if (q->port)
        return port_reap(q, done, min, max, timeout_ms);
    int error = min ? wait_for(q, min < max ? min : max, timeout_ms) : queue_wait(q->lun, 0);
    uint32_t count = queue_collect(q, done, max);
    q->woken = false;
    if (min == 0 || q->outstanding == 0)
        part(q);
    return count == 0 && error == BERTH_E_ABORTED ? error : (int)count;
}

BERTH_EXPORT void berth_queue_wake(struct berth_queue *q)
{
    const uint64_t once = 1;
    if (q->port)
        port_wake(q->port);
    else if (q->bell >= 0 && write(q->bell, &once, sizeof once) < 0)
        return; /* it has been rung 2^64 times */
}

BERTH_EXPORT int berth_queue_fd(const struct berth_queue *queue)
{
    struct berth_queue *q = (struct berth_queue *)(uintptr_t)queue; /* whose caller is known from now on */
    return q->port ? port_fd(q) : reactor_fd(q->lun->initiator->reactor);
}
