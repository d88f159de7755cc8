/* SPDX-License-Identifier: MIT */
#include "initiator/reactor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "initiator/parts.h"

#define ROOM_MIN 8u

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

int reactor_new(struct reactor **out, struct engine *engine)
{
    struct reactor *r = calloc(1, sizeof *r);
    *out = NULL;
    if (!r)
        return BERTH_E_MEMORY;
    r->owns_engine = engine == NULL;
    r->engine = engine ? engine : engine_new("sockets");
    if (!r->engine) {
        int error = errno == ENOMEM ? BERTH_E_MEMORY : BERTH_E_SYSTEM;
        free(r);
        return error;
    }
    list_init(&r->members);
    list_init(&r->touched);
    r->alarm_fd = -1;
    r->left_at = engine_now(r->engine);
    *out = r;
    return BERTH_OK;
}

void reactor_free(struct reactor *r)
{
    if (!r)
        return;
    reactor_alarm_end(r);
    if (r->owns_engine)
        engine_free(r->engine);
    free(r->agenda.entries);
    free(r);
}

/* --- members --- */

static bool make_room(struct reactor *r)
{
    uint32_t room = r->room ? 2 * r->room : ROOM_MIN;
    if (r->count < r->room)
        return true;
    struct agenda_entry **more = realloc(r->agenda.entries, room * sizeof *more);
    if (!more)
        return false;
    r->agenda.entries = more;
    r->room = room;
    return true;
}

int reactor_join(struct reactor *r, struct initiator *i)
{
    list_init(&i->member);
    list_init(&i->touched);
    agenda_entry_init(&i->due);
    if (!make_room(r))
        return BERTH_E_MEMORY;
    i->reactor = r;
    i->engine = r->engine;
    list_push(&r->members, &i->member);
    r->count++;
    return BERTH_OK;
}

void reactor_leave(struct initiator *i)
{
    list_remove(&i->member);
    list_remove(&i->touched);
    agenda_set(&i->reactor->agenda, &i->due, UINT64_MAX);
    i->reactor->count--;
    i->reactor = NULL;
}

void reactor_touch(struct initiator *i)
{
    if (list_empty(&i->touched))
        list_push(&i->reactor->touched, &i->touched);
}

/* --- a round --- */

/* A time that has moved to later is found out when the earlier one has come: for busy sessions times move
 * with every byte. */
static void find_due(struct initiator *i)
{
    uint64_t above = i->owner.tend ? i->owner.tend(i->owner.owner) : UINT64_MAX;
    uint64_t due = earlier(timers_next(i), above);
    if (due < i->due.due_ns)
        agenda_set(&i->reactor->agenda, &i->due, due);
}

static void find_all_due(struct reactor *r)
{
    list_each (at, &r->touched)
        find_due(list_entry(at, struct initiator, touched));
}

uint64_t reactor_due(struct reactor *r)
{
    find_all_due(r);
    return agenda_first(&r->agenda);
}

static void look_after(struct initiator *i, uint64_t now)
{
    timers_run(i, now);
    connection_drain(i);
    find_due(i);
}

/* Whoever is touched meanwhile has to wait for the next round, or this one might not end. */
static void look_after_touched(struct reactor *r, uint64_t now)
{
    struct agenda_entry *e;
    struct list all, *at;
    while ((e = agenda_take(&r->agenda, now)) != NULL)
        reactor_touch(list_entry(e, struct initiator, due));
    list_init(&all);
    while ((at = list_pop(&r->touched)) != NULL)
        list_push(&all, at);
    while ((at = list_pop(&all)) != NULL)
        look_after(list_entry(at, struct initiator, touched), now);
}

static void fail_all(struct reactor *r, int error)
{
    const char *words = strerror(errno);
    list_each (at, &r->members) {
        struct initiator *i = list_entry(at, struct initiator, member);
        if (i->state == INITIATOR_FAILED)
            continue;
        initiator_say(i, error, words);
        recovery_fail(i, error);
        reactor_touch(i);
    }
}

static void resume(struct reactor *r, uint64_t now)
{
    uint64_t away = now - r->left_at;
    if (away > TIMERS_AWAY_NS)
        list_each (at, &r->members)
            timers_resume(list_entry(at, struct initiator, member), away);
}

static void gather(struct reactor *r)
{
    if (r->gather)
        r->gather(r->owner);
}

static uint64_t wait_until(struct reactor *r, uint64_t until_ns)
{
    uint64_t until = earlier(until_ns, agenda_first(&r->agenda));
    return until > 0 && r->may_sleep && !r->may_sleep(r->owner) ? 0 : until;
}

int reactor_poll(struct reactor *r, uint64_t until_ns)
{
    resume(r, engine_now(r->engine));
    gather(r);
    find_all_due(r);
    int error = engine_poll(r->engine, wait_until(r, until_ns));
    if (error)
        fail_all(r, error);
    gather(r);
    r->left_at = engine_now(r->engine);
    look_after_touched(r, r->left_at);
    return error;
}
