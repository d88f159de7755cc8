/* SPDX-License-Identifier: MIT */
/* Having a LUN asked anew who and how it is, because somebody wants to know. */
#include "block/lun.h"

#define NS_PER_MS 1000000ull

struct before {
    uint32_t turns[LANES_MAX]; /* checks that had come to an end */
};

static int begin(struct berth_lun *lun, void *arg)
{
    struct before *b = arg;
    b->turns[lun->lane] = lun->check.turns;
    check_anew(lun);
    return BERTH_OK;
}

static const struct berth_lun *lane_of(const struct berth_lun *lun, uint32_t n)
{
    return lun->lanes ? lun->lanes->luns[n] : lun;
}

/* Where all is on the caller's thread: what has come of it by now; BERTH_E_TIMEOUT: nothing yet. */
static int found(const struct berth_lun *lun, const struct before *b)
{
    int error = BERTH_OK;
    for (uint32_t n = 0; n < (lun->lanes ? lun->lanes->count : 1); n++) {
        const struct berth_lun *lane = lane_of(lun, n);
        if (lane->check.fence.error)
            return lane->check.fence.error;
        if (lane->initiator->state == INITIATOR_FAILED)
            return lane->initiator->error;
        if (lane->check.turns == b->turns[n])
            return BERTH_E_TIMEOUT;
        error = error ? error : lane->check.found;
    }
    return error;
}

static int work_on_it(struct berth_lun *lun, const struct before *b)
{
    uint64_t until = initiator_now(lun->initiator) + lun->options.command_timeout_ms * NS_PER_MS;
    int error;
    while ((error = found(lun, b)) == BERTH_E_TIMEOUT && initiator_now(lun->initiator) < until)
        if (queue_wait(lun, until) == BERTH_E_ABORTED)
            return BERTH_E_ABORTED;
    initiator_flush(lun->initiator);
    return error;
}

BERTH_EXPORT int berth_lun_refresh(struct berth_lun *lun)
{
    struct lanes *all = lun->lanes;
    struct before b;
    int error;
    if (all)
        lanes_ask(all, begin, &b);
    else
        begin(lun, &b);
    if (all && all->threaded)
        error = lanes_await_checks(all, b.turns, lanes_policy(all).command_timeout_ms);
    else
        error = work_on_it(lun, &b);
    if (error && all)
        return lanes_say(all, error, NULL);
    return error ? lun_say(&lun->detail, error, NULL) : BERTH_OK;
}
