/* SPDX-License-Identifier: MIT */
/* I/Os of which not everything has become a command: they wait for a task, no longer than their time allows.
 * That time runs while the session is up, as that of commands does. */
#include "block/lun.h"

#define NS_PER_MS 1000000ull

/* --- ends --- */

void waiting_fail(struct request *r, const struct berth_done *why)
{
    list_remove(&r->link);
    r->issued = r->io.len_bytes;
    r->begun = true;
    request_fail(r, why);
    if (r->outstanding == 0)
        request_finish(r);
}

void waiting_fail_with(struct request *r, int error)
{
    waiting_fail(r, &(struct berth_done){.error = error, .bad_offset_bytes = UINT64_MAX});
}

void lun_fail_waiting(struct berth_lun *lun, const struct berth_done *why)
{
    while (!list_empty(&lun->waiting))
        waiting_fail(list_entry(lun->waiting.next, struct request, link), why);
}

/* --- time --- */

static void stamp(struct berth_lun *lun, struct request *r, uint64_t served)
{
    uint64_t ms = r->io.timeout_ms ? r->io.timeout_ms : lun->options.command_timeout_ms;
    r->wait_until = served + ms * NS_PER_MS;
    if (r->wait_until < lun->wait_first)
        lun->wait_first = r->wait_until;
}

/* Most never wait, and so the clock is asked for those alone that still do. */
void waiting_begin(struct berth_lun *lun)
{
    struct list *at = lun->waiting.prev;
    uint64_t served = 0;
    for (; at != &lun->waiting && list_entry(at, struct request, link)->wait_until == 0; at = at->prev) {
        served = served ? served : initiator_served(lun->initiator);
        stamp(lun, list_entry(at, struct request, link), served);
    }
}

void waiting_renew(struct berth_lun *lun, uint64_t before_ns, uint64_t now_ns)
{
    lun->wait_first = UINT64_MAX;
    list_each (at, &lun->waiting) {
        struct request *r = list_entry(at, struct request, link);
        if (r->wait_until && !r->io.timeout_ms)
            r->wait_until = r->wait_until + now_ns - before_ns;
        if (r->wait_until && r->wait_until < lun->wait_first)
            lun->wait_first = r->wait_until;
    }
}

static bool scan(struct berth_lun *lun, uint64_t served)
{
    bool ended = false;
    lun->wait_first = UINT64_MAX;
    for (struct list *at = lun->waiting.next, *next; at != &lun->waiting; at = next) {
        struct request *r = list_entry(at, struct request, link);
        next = at->next;
        if (r->wait_until <= served) {
            waiting_fail_with(r, BERTH_E_TIMEOUT);
            ended = true;
        } else if (r->wait_until < lun->wait_first) {
            lun->wait_first = r->wait_until;
        }
    }
    return ended;
}

static bool runs(const struct berth_lun *lun)
{
    return lun->initiator->state == INITIATOR_UP && !list_empty(&lun->waiting);
}

bool waiting_tend(struct berth_lun *lun)
{
    waiting_begin(lun);
    uint64_t served = runs(lun) ? initiator_served(lun->initiator) : 0;
    return served >= lun->wait_first && scan(lun, served);
}

uint64_t waiting_due(const struct berth_lun *lun)
{
    return runs(lun) ? lun->wait_first + lun->initiator->idle_ns : UINT64_MAX;
}
