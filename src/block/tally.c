/* SPDX-License-Identifier: MIT */
/* What is counted of the I/Os. No clock is asked for it: when an I/O began is when its deadline was set, and
 * it ended when the last byte came. */
#include <string.h>
#include "block/lun.h"

#define NS_PER_US 1000u

/* --- counting --- */

static uint32_t latency_class(uint64_t ns)
{
    uint64_t us = ns / NS_PER_US;
    uint32_t n = us ? 64u - (uint32_t)__builtin_clzll(us) : 0;
    return n < BERTH_LATENCIES ? n : BERTH_LATENCIES - 1;
}

static void count_success(struct berth_op_counters *c, const struct request *r)
{
    uint64_t heard = r->begun_ns ? initiator_heard(r->lun->initiator) : 0;
    c->bytes += r->op == BERTH_SCSI ? r->io.command->moved_bytes : r->io.len_bytes;
    if (r->begun_ns) /* else it needed no command */
        c->latency_us[latency_class(heard > r->begun_ns ? heard - r->begun_ns : 0)]++;
}

void tally_request(const struct request *r)
{
    if (r->op >= BERTH_OPS)
        return; /* a question of our own */
    struct berth_op_counters *c = &r->lun->tally->ops[r->op];
    c->count++;
    if (r->done.error)
        c->errors++;
    else
        count_success(c, r);
}

static uint64_t *counter_of(struct tally *t, uint8_t status, const struct scsi_sense *sense)
{
    switch (status) {
    case SCSI_BUSY:
        return &t->busy;
    case SCSI_TASK_SET_FULL:
        return &t->task_set_full;
    case SCSI_RESERVATION_CONFLICT:
        return &t->conflicts;
    case SCSI_CHECK_CONDITION:
        return sense->valid ? &t->checks[sense->key & 15] : &t->other_statuses;
    default:
        return &t->other_statuses;
    }
}

void tally_status(struct berth_lun *lun, const struct command *cmd, const struct scsi_sense *sense)
{
    if (cmd->request->io.op != OP_ASK)
        ++*counter_of(lun->tally, cmd->task->status, sense);
}

/* Shut out is who was so at the end of a round. */
void tally_tend(struct berth_lun *lun)
{
    struct tally *t = lun->tally;
    bool before = lun->shut_out, now = initiator_shut_out(lun->initiator);
    if (before == now)
        return;
    lun->shut_out = now;
    t->shut_out += now;
    if (now)
        t->shut_out_at = initiator_now(lun->initiator);
    else
        t->shut_out_ns += initiator_now(lun->initiator) - t->shut_out_at;
}

/* --- telling --- */

static void add_ops(struct berth_counters *all, const struct tally *t)
{
    for (uint32_t op = 0; op < BERTH_OPS; op++) {
        all->ops[op].count += t->ops[op].count;
        all->ops[op].errors += t->ops[op].errors;
        all->ops[op].bytes += t->ops[op].bytes;
        for (uint32_t n = 0; n < BERTH_LATENCIES; n++)
            all->ops[op].latency_us[n] += t->ops[op].latency_us[n];
    }
}

static void add_statuses(struct berth_counters *all, const struct tally *t)
{
    all->busy += t->busy;
    all->task_set_full += t->task_set_full;
    all->conflicts += t->conflicts;
    all->other_statuses += t->other_statuses;
    for (uint32_t n = 0; n < 16; n++)
        all->checks[n] += t->checks[n];
    all->attentions += t->attentions;
}

static void add_pings(struct berth_counters *all, const struct initiator_counters *c)
{
    all->pings += c->pings;
    all->pongs += c->pongs;
    if (c->pongs == 0)
        return;
    if (all->ping_sessions++ == 0 || c->ping_min_ns < all->ping_min_ns)
        all->ping_min_ns = c->ping_min_ns;
    if (c->ping_max_ns > all->ping_max_ns)
        all->ping_max_ns = c->ping_max_ns;
    all->ping_last_ns = c->ping_last_ns;
}

_Static_assert(BERTH_OPS == BERTH_RESET + 1, "all of them");
_Static_assert((int)LOSSES == (int)BERTH_LOSSES && (int)LOSS_CALLER == (int)BERTH_LOSS_CALLER,
               "the same reasons");

static void add_session(struct berth_counters *all, const struct initiator *i)
{
    const struct initiator_counters *c = &i->counters;
    for (uint32_t n = 0; n < LOSSES; n++)
        all->losses[n] += c->losses[n];
    all->retries += i->replays;
    all->reconnects += i->reconnects;
    all->attempts += c->attempts;
    all->failures += c->failures;
    all->aborts += c->aborts;
    all->resets += c->resets;
    add_pings(all, c);
}

static int add(struct berth_lun *lun, void *arg)
{
    struct berth_counters *all = arg;
    tally_tend(lun);
    add_ops(all, lun->tally);
    add_statuses(all, lun->tally);
    add_session(all, lun->initiator);
    all->window_closed += lun->tally->shut_out;
    all->window_closed_ns += lun->tally->shut_out_ns;
    if (lun->shut_out)
        all->window_closed_ns += initiator_now(lun->initiator) - lun->tally->shut_out_at;
    return BERTH_OK;
}

BERTH_EXPORT int berth_lun_counters(struct berth_lun *lun, struct berth_counters *counters)
{
    struct berth_counters all = {0};
    if (lun->lanes)
        lanes_ask(lun->lanes, add, &all);
    else
        add(lun, &all);
    return lun_give(counters, &all, sizeof all);
}
