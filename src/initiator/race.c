/* SPDX-License-Identifier: MIT */
/* Reaching a portal that has several addresses (RFC 8305): an attempt at each, begun a little after the one
 * before it or as soon as that has failed; the first that connects wins and the others are closed before a
 * byte is sent on them. All share one deadline, and each gets its turn before it. */
#include <stdio.h>
#include "initiator/addresses.h"
#include "initiator/parts.h"

static void close_all_but(struct initiator *i, const struct racer *winner)
{
    for (uint32_t n = 0; n < RESOLVE_MAX; n++) {
        struct racer *r = &i->race.racers[n];
        if (r != winner && r->link.engine)
            link_close(&r->link);
    }
}

void race_end(struct initiator *i)
{
    close_all_but(i, NULL);
}

/* --- failures --- */

/* A refusal says more than silence, and silence more than what did not leave this host at all. */
static int telling(int error)
{
    switch (error) {
    case BERTH_OK:
        return -1;
    case BERTH_E_LOCAL:
    case BERTH_E_ADDRESS:
        return 0;
    case BERTH_E_UNREACHABLE:
        return 1;
    case BERTH_E_NO_ANSWER:
        return 2;
    default:
        return 3;
    }
}

static void note_failure(struct initiator *i, const struct racer *r, int error)
{
    struct race *race = &i->race;
    i->here->failed |= 1u << r->address;
    if (telling(error) < telling(race->error))
        return;
    const char *words = connection_words(&r->link, error);
    race->error = error;
    snprintf(race->words, sizeof race->words, "%s", words ? words : "");
}

static void lost(struct initiator *i)
{
    struct race *race = &i->race;
    char words[sizeof race->words + 32];
    const char *text = *race->words ? race->words : NULL;
    if (race->count > 1) {
        snprintf(words, sizeof words, "%s%s%u addresses tried", race->words, text ? ", " : "", race->count);
        text = words;
    }
    connection_lost(i, race->error ? race->error : BERTH_E_NO_ANSWER, text);
}

/* --- attempts --- */

static bool launch(struct initiator *i)
{
    struct race *race = &i->race;
    const struct resolved *all = &i->here->addresses;
    struct racer *r = &race->racers[race->next];
    struct engine_addr to;
    r->address = race->order[race->next++];
    memcpy(&to.sa, &all->sa[r->address], sizeof to.sa);
    to.len = all->len[r->address];
    r->link.last_errno = 0;
    r->link.why = NULL;
    int error = i->engine->ops->connect(i->engine, &r->link, &to, &i->bind, i->attempt_deadline);
    if (error)
        note_failure(i, r, error);
    else
        race->running++;
    return error == BERTH_OK;
}

/* The next one that can be begun; with none left and none under way, the race is lost. */
static void go_on(struct initiator *i)
{
    struct race *race = &i->race;
    uint64_t now = initiator_now(i);
    while (race->next < race->count && now < i->attempt_deadline)
        if (launch(i)) {
            race->next_at = race->next < race->count ? now + race->pause : UINT64_MAX;
            return;
        }
    race->next_at = UINT64_MAX;
    if (race->running == 0)
        lost(i);
}

/* The pauses are short enough for all addresses to have a turn. */
void race_begin(struct initiator *i)
{
    struct race *race = &i->race;
    struct place *here = i->here;
    uint64_t time = i->attempt_deadline - initiator_now(i);

    initiator_become(i, INITIATOR_CONNECTING);
    race->count = addresses_order(&here->addresses, here->first, here->failed, race->order);
    race->next = race->running = 0;
    race->error = BERTH_OK;
    race->words[0] = 0;
    race->pause = time / (race->count + 1);
    if (race->pause > INITIATOR_STAGGER)
        race->pause = INITIATOR_STAGGER;
    go_on(i);
}

void race_tick(struct initiator *i, uint64_t now)
{
    if (now >= i->race.next_at)
        go_on(i);
}

void race_won(struct initiator *i, struct racer *r)
{
    close_all_but(i, r);
    i->link = &r->link;
    i->here->first = r->address;
    i->here->stale = false;
}

void race_failed(struct initiator *i, struct racer *r, int error)
{
    i->race.running--;
    note_failure(i, r, error);
    go_on(i);
}
