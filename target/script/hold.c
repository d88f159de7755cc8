/* SPDX-License-Identifier: MIT */
/* PDUs that wait while others pass. */
#include <stdlib.h>
#include "base/bytes.h"
#include "script/random.h"
#include "script/scene.h"

static struct held *held_new(struct bender *b, const struct wait *w, uint64_t *random)
{
    struct held *h = calloc(1, sizeof *h);
    if (!h)
        return NULL;
    bool timed = w->kind == WAIT_FOR;
    list_init(&h->parcels);
    h->until_ns = timed ? b->play->now + random_between(random, w->time.first, w->time.last) : UINT64_MAX;
    h->event = timed ? NULL : &w->event;
    h->left = timed ? 0 : w->event.count;
    h->born = b->play->events;
    list_push(&b->held, &h->link);
    return h;
}

static void join(struct bender *b, struct held *h, struct parcel *p)
{
    uint64_t bytes = sizeof *p + p->data_len;
    list_push(&h->parcels, &p->link);
    h->bytes += bytes;
    b->held_bytes += bytes;
}

static void held_free(struct bender *b, struct held *h)
{
    b->held_bytes -= h->bytes;
    parcels_free(&h->parcels);
    list_remove(&h->link);
    free(h);
}

void hold_free(struct bender *b)
{
    while (!list_empty(&b->held)) {
        b->play->left_waiting++;
        held_free(b, list_entry(b->held.next, struct held, link));
    }
}

static void strand(struct scene *s)
{
    struct bender *b = s->bender;
    b->stubborn = s->hold->raw;
    if (!line_mark(&b->initiator.line, s->hold->closing, true))
        bender_fail(b);
}

/* Raw: it has its number already, and the others go on behind it. */
static void number_held(struct scene *s, struct held *h)
{
    struct bender *b = s->bender;
    struct parcel *p = s->parcel;
    bool raw = s->hold->raw && s->hold->kind == ACT_HOLD;
    h->belongs = parcel_opcode(p) == WIRE_SCSI_COMMAND;
    h->itt = wire_itt(p->head);
    h->withheld = !raw && numbers_counts(p);
    b->numbers.withheld += h->withheld;
    if (raw)
        numbers_to_initiator(&b->numbers, p, s->entry);
    else
        numbers_without(&b->numbers, p, s->entry);
    p->fresh = FRESH;
}

/* false: there is no room for more; it is to go its way. */
bool hold_back(struct scene *s)
{
    struct bender *b = s->bender;
    if (b->held_bytes > BENDER_HELD_MAX)
        return false;
    struct held *h = held_new(b, &s->hold->wait, &s->rule->random);
    if (!h) {
        bender_fail(b);
        return false;
    }
    number_held(s, h);
    join(b, h, s->parcel);
    if (s->hold->kind == ACT_STRAND)
        strand(s);
    return true;
}

bool hold_joins(struct bender *b, struct parcel *p)
{
    if (parcel_opcode(p) != WIRE_DATA_OUT)
        return false;
    list_each (at, &b->held) {
        struct held *h = list_entry(at, struct held, link);
        if (h->belongs && h->itt == wire_itt(p->head) && b->held_bytes <= BENDER_HELD_MAX) {
            join(b, h, p);
            return true;
        }
    }
    return false;
}

/* To the byte what leaves now, later. */
void hold_copies(struct bender *b, const struct parcel *p)
{
    struct held *h = held_new(b, p->copies_wait, p->random);
    for (uint64_t i = 0; h && i < p->copies && b->held_bytes <= BENDER_HELD_MAX; i++) {
        struct parcel *copy = parcel_copy(p);
        if (!copy) {
            bender_fail(b);
            return;
        }
        copy->numbered = true;
        join(b, h, copy);
    }
}

/* A command that was withheld is now the newest that the target gets. */
static void release(struct bender *b, struct held *h)
{
    struct list *node = h->parcels.next;
    if (h->withheld && node != &h->parcels) {
        struct parcel *p = list_entry(node, struct parcel, link);
        b->numbers.withheld--;
        put32(p->head + 24, b->numbers.cmd_sn - 1);
    }
    while ((node = list_pop(&h->parcels)) != NULL)
        bender_depart(b, list_entry(node, struct parcel, link));
    held_free(b, h);
}

/* A request of task management is on its way: commands that it may be about reach the target before it. */
void hold_let_go(struct bender *b)
{
    for (struct list *at = b->held.next, *next; at != &b->held; at = next) {
        struct held *h = list_entry(at, struct held, link);
        next = at->next;
        if (h->belongs)
            release(b, h);
    }
}

void hold_tick(struct bender *b, uint64_t now)
{
    for (struct list *at = b->held.next, *next; at != &b->held; at = next) {
        struct held *h = list_entry(at, struct held, link);
        next = at->next;
        if (h->until_ns <= now)
            release(b, h);
    }
}

uint64_t hold_deadline(const struct bender *b)
{
    uint64_t first = UINT64_MAX;
    list_each (at, &b->held) {
        const struct held *h = list_entry(at, struct held, link);
        if (h->until_ns < first)
            first = h->until_ns;
    }
    return first;
}

static bool fits(const struct event *e, const struct what *what, const uint8_t *bhs, int kind)
{
    if (e->what.moment != what->moment || (what->moment == MOMENT_PDU && !(e->what.opcodes & what->opcodes)))
        return false;
    if ((e->what.status && !brings_status(bhs)) || (e->what.last_data && !what->last_data))
        return false;
    int of = e->what.kind != KIND_ANY ? e->what.kind : e->of;
    return of < 0 || (kind >= 0 && (of == KIND_ANY || of == kind));
}

static void tell(struct bender *b, const struct what *what, const uint8_t *bhs, int kind)
{
    for (struct list *at = b->held.next, *next; at != &b->held; at = next) {
        struct held *h = list_entry(at, struct held, link);
        next = at->next;
        if (!h->event || h->born == b->play->events || !fits(h->event, what, bhs, kind))
            continue;
        if (--h->left == 0)
            release(b, h);
    }
}

void hold_event(struct play *play, const struct what *what, const uint8_t *bhs, int kind)
{
    list_each (at, &play->benders)
        tell(list_entry(at, struct bender, link), what, bhs, kind);
}

void hold_event_for(struct bender *b, const struct what *what)
{
    tell(b, what, NULL, -1);
}
