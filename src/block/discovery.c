/* SPDX-License-Identifier: MIT */
/* Asking around: SendTargets in a discovery session (RFC 7143 appendix C), REPORT LUNS of a target. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "block/lun.h"

#define TEXT_BYTES   (4u * 1024 * 1024) /* of all answers together */
#define TARGETS_MAX  65536u
#define LUNS_BYTES   (8u + 8u * 16384u)
#define LOGOUT_MS    1000u
#define ASK_TRIES    4u
#define ASK_PAUSE_NS (50ull * 1000000)

struct asking {
    struct task *task; /* set when it is done */
    bool given_up;
    struct initiator *initiator;
    const struct berth_options *options;
};

static void task_done(void *owner, struct task *task)
{
    struct asking *asking = owner;
    if (asking->given_up)
        initiator_task_free(asking->initiator, task);
    else
        asking->task = task;
}

/* The answer goes where the question was, so that it has to be asked anew: see ask_again(). */
static int replay(void *owner, const struct task *task)
{
    (void)owner;
    (void)task;
    return BERTH_E_UNKNOWN;
}

static void session_changed(void *owner, int error, const char *text)
{
    const struct berth_options *o = ((struct asking *)owner)->options;
    notice_give(o, &(struct berth_notice){error ? BERTH_NOTICE_LOST : BERTH_NOTICE_BACK, error,
                                          error ? text : NULL, 0});
}

static bool cancelled(void *owner)
{
    const struct berth_options *o = ((struct asking *)owner)->options;
    return o->cancelled && o->cancelled(o->cancelled_arg);
}

/* --- the answer --- */

struct answer {
    struct berth_target *targets;
    uint32_t count, room;
    const struct portal *via; /* of the discovery session: for what the target leaves out */
    bool named;               /* the last entry's name is the one whose addresses come */
    bool first;               /* none of them has come yet */
};

static struct berth_target *add(struct answer *a)
{
    if (a->count == TARGETS_MAX)
        return NULL;
    if (a->count == a->room) {
        uint32_t room = a->room ? a->room * 2 : 16;
        struct berth_target *more = realloc(a->targets, room * sizeof *more);
        if (!more)
            return NULL;
        a->targets = more;
        a->room = room;
    }
    memset(&a->targets[a->count], 0, sizeof a->targets[0]);
    a->targets[a->count].group = -1;
    return &a->targets[a->count++];
}

/* A name that is none is left out, and so are its addresses. */
static int take_name(struct answer *a, struct span value)
{
    a->named = false;
    if (!name_usable(value))
        return BERTH_OK;
    struct berth_target *t = add(a);
    if (!t)
        return BERTH_E_LIMIT;
    a->named = a->first = true;
    span_copy(value, t->name, sizeof t->name);
    portal_print(a->via, t->portal, sizeof t->portal);
    return BERTH_OK;
}

/* The first address replaces the default, every further one is an entry of its own. One that we cannot read
 * must not keep the good ones from being found. */
static int take_address(struct answer *a, struct span value)
{
    struct portal p;
    if (!a->named || !portal_parse(value, &p))
        return BERTH_OK;
    portal_complete(&p, a->via);
    char name[sizeof a->targets[0].name];
    memcpy(name, a->targets[a->count - 1].name, sizeof name);
    struct berth_target *t = a->first ? &a->targets[a->count - 1] : add(a);
    if (!t)
        return BERTH_E_LIMIT;
    a->first = false;
    memcpy(t->name, name, sizeof name);
    portal_print(&p, t->portal, sizeof t->portal);
    t->group = p.group;
    return BERTH_OK;
}

static int read_answer(struct answer *a, const void *text, size_t len)
{
    struct reader r = reader_over(text, len);
    struct span key, value;
    int error = BERTH_OK;
    enum text_next next;

    while (!error && (next = text_next(&r, &key, &value)) != TEXT_END) {
        if (next == TEXT_BAD)
            return BERTH_E_PROTOCOL;
        if (span_is(key, "TargetName"))
            error = take_name(a, value);
        else if (span_is(key, "TargetAddress"))
            error = take_address(a, value);
    }
    return error;
}

/* --- the question --- */

/* Rejected for want of room at the target (RFC 7143 11.17.1), or the session died before the answer was there
 * and is being brought back: it may be asked again a little later. */
static bool worth_asking(const struct task *task)
{
    if (task->error == BERTH_E_UNKNOWN)
        return true;
    return task->error == BERTH_E_REJECTED && (task->reject_reason == WIRE_REJECT_TOO_MANY_IMMEDIATE ||
                                               task->reject_reason == WIRE_REJECT_LONG_OPERATION);
}

static int pause_asking(struct asking *asking)
{
    uint64_t until = initiator_now(asking->initiator) + ASK_PAUSE_NS;
    int error = BERTH_OK;
    while (!error && initiator_now(asking->initiator) < until)
        error = initiator_wait(asking->initiator, until);
    return error;
}

/* Until it is done, or nobody wants it any more: then nothing touches its memory from here on. */
static int wait_for(struct asking *asking, struct task *task)
{
    int error = BERTH_OK;
    while (!asking->task && !error)
        error = initiator_wait(asking->initiator, UINT64_MAX);
    if (asking->task)
        return BERTH_OK;
    asking->given_up = true;
    initiator_cancel(asking->initiator, task, error);
    return error;
}

/* One question: what has come of it is in asking->task. */
static int ask(struct asking *asking, struct berth_seg *seg)
{
    static const char question[] = "SendTargets=All";
    struct task *task = initiator_task(asking->initiator, TASK_TEXT);
    if (!task)
        return BERTH_E_STATE;
    memcpy(seg->base, question, sizeof question);
    task->edtl = sizeof question;
    task->data = (struct extent){.segs = seg, .count = 1, .len = TEXT_BYTES};
    initiator_submit(asking->initiator, task, 0, initiator_now(asking->initiator));
    return wait_for(asking, task);
}

static int ask_again(struct asking *asking, struct berth_seg *seg)
{
    initiator_task_free(asking->initiator, asking->task);
    asking->task = NULL;
    int error = pause_asking(asking);
    return error ? error : ask(asking, seg);
}

static int send_targets(struct asking *asking, uint8_t *text, uint32_t *len)
{
    struct initiator *i = asking->initiator;
    struct berth_seg seg = seg_memory(text, TEXT_BYTES);
    int error = ask(asking, &seg);
    for (uint32_t tries = 1; !error && worth_asking(asking->task) && tries < ASK_TRIES; tries++)
        error = ask_again(asking, &seg);
    if (error)
        return error;
    error = asking->task->error == BERTH_E_UNKNOWN ? BERTH_E_CLOSED : asking->task->error;
    *len = asking->task->moved;
    initiator_task_free(i, asking->task);
    if (error && i->state != INITIATOR_FAILED)
        initiator_say(i, error, NULL);
    return error;
}

static int discover(struct asking *asking, struct answer *a)
{
    struct initiator *i = asking->initiator;
    uint32_t len = 0;
    uint8_t *text = malloc(TEXT_BYTES);
    int error = text ? initiator_open(i) : BERTH_E_MEMORY;
    if (!error)
        initiator_keep(i);
    if (!error)
        error = send_targets(asking, text, &len);
    if (!error) {
        a->via = &i->here->portal;
        error = read_answer(a, text, len);
        if (error)
            initiator_say(i, error, "the answer to SendTargets makes no sense");
    }
    initiator_close(i, LOGOUT_MS);
    free(text);
    return error;
}

static int start(struct asking *asking, const char *portal, const struct lun_world *world,
                 struct berth_detail *detail)
{
    struct initiator_config config = {0};
    struct initiator_owner owner = {.task_done = task_done,
                                    .replay = replay,
                                    .session = session_changed,
                                    .cancelled = asking->options->cancelled ? cancelled : NULL,
                                    .owner = asking};
    char words[INITIATOR_DETAIL_MAX];
    if (!portal_parse((struct span){portal, strlen(portal)}, &config.portal) || config.portal.group >= 0)
        return lun_say(detail, BERTH_E_ADDRESS, NULL);
    int error = options_check(&config, asking->options, NULL, detail);
    if (error)
        return error;
    config.isid_kind = ISID_RANDOM; /* no session of somebody's work is to end because of a question */
    if (config.policy.recovery_timeout_ms > config.policy.connect_timeout_ms)
        config.policy.recovery_timeout_ms = config.policy.connect_timeout_ms; /* who asks is waiting */
    config.policy.open_timeout_ms = 0;
    if (world) {
        config.engine = world->engine;
        config.resolve = world->resolve;
        config.seed = world->seed;
    }
    error = initiator_new(&asking->initiator, &config, &owner, words, sizeof words);
    return error ? lun_say(detail, error, words) : BERTH_OK;
}

int lun_discover(struct berth_target **targets, const char *portal, const struct berth_options *options,
                 const struct lun_world *world, struct berth_detail *detail)
{
    struct berth_options defaults;

    *targets = NULL;
    berth_options_init(&defaults);
    struct asking asking = {.options = options ? options : &defaults};
    struct answer a = {.count = 0};
    int error = start(&asking, portal, world, detail);
    if (error)
        return error;
    error = discover(&asking, &a);
    const char *words = initiator_detail(asking.initiator);
    if (error)
        lun_say(detail, error, error == BERTH_E_ABORTED || !*words ? NULL : words);
    initiator_free(asking.initiator);
    if (!error) {
        *targets = a.targets;
        return (int)a.count;
    }
    free(a.targets);
    return error;
}

BERTH_EXPORT int berth_discover(struct berth_target **targets, const char *portal,
                                const struct berth_options *options, struct berth_detail *detail)
{
    return lun_discover(targets, portal, options, NULL, detail);
}

BERTH_EXPORT void berth_targets_free(struct berth_target *targets)
{
    free(targets);
}

/* --- REPORT LUNS --- */

/* Calls each() with every number that the target reports, and its address. */
static int report_luns(struct berth_lun *lun, void (*each)(void *arg, uint32_t number, uint64_t address),
                       void *arg)
{
    uint8_t cdb[SCSI_CDB_MAX] = {0};
    struct berth_done done;
    uint8_t *reply = malloc(LUNS_BYTES);
    if (!reply)
        return BERTH_E_MEMORY;
    int64_t got = lun_ask(lun, cdb, scsi_put_report_luns(cdb, LUNS_BYTES), reply, LUNS_BYTES, &done);
    uint32_t count = got < 0 ? 0 : scsi_get_luns_count(reply, (size_t)got);
    for (uint32_t i = 0, number; i < count; i++)
        if (scsi_lun_decode_any(scsi_get_lun(reply, i), &number))
            each(arg, number, scsi_get_lun(reply, i));
    free(reply);
    return got < 0 ? (int)got : BERTH_OK;
}

static void compare_number(void *arg, uint32_t number, uint64_t address)
{
    struct berth_lun *lun = arg;
    if (number == lun->info.lun)
        lun->lun_field = address;
}

int discovery_find_lun(struct berth_lun *lun)
{
    lun->lun_field = scsi_lun_encode(0);
    return report_luns(lun, compare_number, lun);
}

struct numbers {
    uint32_t *at;
    uint32_t count, max;
};

static void take_number(void *arg, uint32_t number, uint64_t address)
{
    struct numbers *n = arg;
    (void)address;
    if (n->count++ < n->max)
        n->at[n->count - 1] = number;
}

BERTH_EXPORT int berth_luns(uint32_t *luns, uint32_t max, const char *text,
                            const struct berth_options *options, struct berth_detail *detail)
{
    struct berth_lun *lun;
    struct url url;
    const char *why;
    int error = url_parse(&url, text, true, &why);
    if (error)
        return lun_say(detail, error, why);
    url.lun = 0;
    error = lun_connect(&lun, &url, options, NULL, detail);
    if (error)
        return error;
    struct numbers found = {luns, 0, max};
    error = report_luns(lun, take_number, &found);
    if (error)
        lun_say(detail, error, lun->detail.text);
    berth_lun_close(lun);
    return error ? error : (int)found.count;
}
