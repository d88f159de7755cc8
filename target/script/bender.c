/* SPDX-License-Identifier: MIT */
#include "script/bender.h"
#include <stdlib.h>
#include "script/scene.h"

#define GENERATIONS 4u /* of PDUs that rules make for PDUs that rules made */

void bender_fail(struct bender *b)
{
    b->broken = true;
}

/* --- leaving --- */

static void put_on(struct bender *b, struct side *to, struct parcel *p)
{
    const struct wire_crypto *crypto = b->play->crypto;
    bool header = to->full && to->header_digest, data = to->full && to->data_digest;
    if (!line_put(&to->line, p, header, data, crypto, b->play->now))
        bender_fail(b);
}

/* Whatever closes the connection does so behind the last copy. */
static void put_copies(struct bender *b, struct parcel *p)
{
    uint8_t closing = p->closing;
    p->closing = CLOSING_NOT;
    for (uint64_t i = 0; i < p->copies; i++)
        put_on(b, &b->initiator, p);
    p->closing = closing;
}

static void logged_in(struct bender *b)
{
    struct play *play = b->play;
    b->logged_in = true;
    if (play->first_login_ns == UINT64_MAX)
        play_begin(play);
    if (!play->hooks.tells_logins && !play->hooks.logins_by_request)
        play_login(play, b, b->initiator_name);
    bender_moment(b, MOMENT_LOGIN);
}

static void to_initiator(struct bender *b, struct parcel *p)
{
    struct entry *e = ledger_concerns(parcel_opcode(p)) ? ledger_find(&b->ledger, wire_itt(p->head)) : NULL;
    numbers_to_initiator(&b->numbers, p, e);
    if (e && !e->gone && brings_status(p->head))
        ledger_remove(&b->ledger, e);
    if (p->copies && p->copies_wait)
        hold_copies(b, p);
    else if (p->copies)
        put_copies(b, p);
    put_on(b, &b->initiator, p);
    if (side_sees(&b->initiator, p))
        logged_in(b);
}

/* Would it end the login, if the target agrees? */
static bool asks_for_full_feature(const struct parcel *p)
{
    struct wire_login_request r;
    if (parcel_opcode(p) != WIRE_LOGIN_REQUEST)
        return false;
    get_login_request(p->head, &r);
    return r.transit && r.nsg == WIRE_STAGE_FULL_FEATURE;
}

static void to_target(struct bender *b, struct parcel *p)
{
    if (b->play->hooks.logins_by_request && asks_for_full_feature(p))
        play_login(b->play, b, b->initiator_name);
    numbers_to_target(&b->numbers, p);
    side_sees(&b->target, p);
    for (uint64_t i = 0; i < p->copies && !p->copies_wait; i++)
        put_on(b, &b->target, p);
    if (p->copies && p->copies_wait)
        hold_copies(b, p);
    put_on(b, &b->target, p);
}

void bender_depart(struct bender *b, struct parcel *p)
{
    if (p->to == TO_INITIATOR)
        to_initiator(b, p);
    else
        to_target(b, p);
    parcel_free(p);
}

/* Raw: a reply had its number; a request's number is missing now. */
void bender_swallow(struct bender *b, struct parcel *p, struct entry *e, bool raw)
{
    if (p->to == TO_TARGET && !raw) {
        b->numbers.withheld += numbers_counts(p);
        if (e && parcel_opcode(p) == WIRE_SCSI_COMMAND)
            e->gone = true;
    } else if (raw) {
        numbers_to_initiator(&b->numbers, p, e);
    } else {
        numbers_without(&b->numbers, p, e);
    }
    parcel_free(p);
}

/* --- scenes --- */

static void find_entry(struct scene *s)
{
    const struct parcel *p = s->parcel;
    bool concerns = ledger_concerns(parcel_opcode(p));
    s->entry = concerns ? ledger_find(&s->bender->ledger, wire_itt(p->head)) : NULL;
}

/* What the target sends while its initiator is kept logging in can be for nobody. */
static bool too_early(const struct bender *b, const struct parcel *p)
{
    return p->to == TO_INITIATOR && b->target.full && !b->initiator.full &&
           parcel_bit(p) & FROM_TARGET & ~OPCODE(WIRE_LOGIN_RESPONSE);
}

static bool belongs_to_gone(const struct scene *s)
{
    return parcel_opcode(s->parcel) == WIRE_DATA_OUT && s->entry && s->entry->gone;
}

static void send_parcel(struct scene *s)
{
    struct bender *b = s->bender;
    struct parcel *p = s->parcel;
    if (s->drop || belongs_to_gone(s) || too_early(b, p))
        bender_swallow(b, p, s->entry, s->drop && s->drop->raw);
    else if (hold_joins(b, p) || (s->hold && hold_back(s)) || talk_begin(s))
        return; /* it is theirs */
    else if (s->split && parcel_opcode(p) == WIRE_DATA_IN) {
        if (!split_data_in(b, p, s->split))
            bender_fail(b);
        parcel_free(p);
    } else
        bender_depart(b, p);
}

static void introduce(struct bender *b, struct parcel *p);

/* PDUs that rules have made are looked at by the other rules, but not for ever. */
static void introduce_all(struct bender *b, struct list *parcels)
{
    struct list *node;
    while ((node = list_pop(parcels)) != NULL) {
        struct parcel *p = list_entry(node, struct parcel, link);
        if (p->generation > GENERATIONS)
            bender_depart(b, p);
        else
            introduce(b, p);
    }
}

static void finish(struct scene *s)
{
    struct bender *b = s->bender;
    introduce_all(b, &s->before);
    if (s->parcel) {
        find_entry(s); /* what was sent before may have ended the command */
        send_parcel(s);
    }
    introduce_all(b, &s->after);
    if (s->closing && !line_mark(&b->initiator.line, s->closing, false))
        bender_fail(b);
}

static void begin(struct scene *s)
{
    s->bender->play->events++;
    list_init(&s->before);
    list_init(&s->after);
}

/* All rules look before one acts. */
static void perform_all(struct scene *s)
{
    struct script *script = s->bender->play->script;
    struct rule *acting[SCRIPT_RULES_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < script->count; i++)
        if (scene_matches(s, script->rules[i]))
            acting[count++] = script->rules[i];
    for (uint32_t i = 0; i < count; i++) {
        s->rule = acting[i];
        scene_act(s);
    }
}

void bender_moment(struct bender *b, enum moment moment)
{
    struct scene s = {.bender = b, .moment = (uint8_t)moment};
    begin(&s);
    perform_all(&s);
    finish(&s);
}

/* One rule alone, whose time has come. */
void bender_perform(struct bender *b, struct rule *r)
{
    struct scene s = {.bender = b, .moment = MOMENT_TIME, .rule = r};
    begin(&s);
    if (scene_matches(&s, r))
        scene_act(&s);
    finish(&s);
}

static void count_command(struct play *play, struct entry *e)
{
    e->number = ++play->kind_counts[KIND_ANY];
    e->number_of_kind = e->kind == KIND_ANY ? e->number : ++play->kind_counts[e->kind];
}

/* What the PDU tells about the connection, before rules change it. */
static void look_at(struct scene *s, struct side *from)
{
    struct bender *b = s->bender;
    const struct parcel *p = s->parcel;
    numbers_heard(&b->numbers, p);
    side_sees(from, p);
    bender_meets(b, p);
    if (parcel_opcode(p) == WIRE_SCSI_COMMAND && from == &b->initiator) {
        s->entry = ledger_add(&b->ledger, p->head);
        if (s->entry)
            count_command(b->play, s->entry);
        else
            bender_fail(b);
    } else {
        find_entry(s);
    }
    if (s->entry && from == &b->initiator)
        s->completes = ledger_receives(s->entry, p->data_len);
}

/* A PDU as it came, for what waits for it: the PDU itself may be gone by then. */
struct sighting {
    struct what what;
    uint8_t bhs[WIRE_BHS_LEN];
    int kind;
};

static struct sighting sight(const struct scene *s)
{
    struct sighting seen = {
        .what = {.moment = MOMENT_PDU, .opcodes = parcel_bit(s->parcel), .last_data = s->completes},
        .kind = s->entry ? s->entry->kind : -1};
    memcpy(seen.bhs, s->parcel->head, sizeof seen.bhs);
    return seen;
}

static void process(struct bender *b, struct side *from, struct parcel *p)
{
    struct scene s = {.bender = b, .parcel = p, .moment = MOMENT_PDU};
    if (parcel_opcode(p) == WIRE_TMF_REQUEST)
        hold_let_go(b);
    begin(&s);
    look_at(&s, from);
    struct sighting seen = sight(&s);
    perform_all(&s);
    if (from == &b->initiator && talk_takes(b, p))
        s.parcel = NULL;
    finish(&s);
    hold_event(b->play, &seen.what, seen.bhs, seen.kind);
}

/* One that a rule has made. */
static void introduce(struct bender *b, struct parcel *p)
{
    struct scene s = {.bender = b, .parcel = p, .moment = MOMENT_PDU};
    begin(&s);
    find_entry(&s);
    struct sighting seen = sight(&s);
    perform_all(&s);
    finish(&s);
    hold_event(b->play, &seen.what, seen.bhs, seen.kind);
}

/* --- the two sides --- */

static void side_init(struct side *s, const struct wire_crypto *crypto, uint8_t to)
{
    cutter_init(&s->cutter, crypto, to);
    line_init(&s->line);
}

static void side_free(struct side *s)
{
    cutter_free(&s->cutter);
    line_free(&s->line);
}

struct bender *bender_new(struct play *play, uint32_t portal, uint64_t now)
{
    struct bender *b = calloc(1, sizeof *b);
    if (!b)
        return NULL;
    b->counts = calloc(play->script->count ? play->script->count : 1, sizeof *b->counts);
    if (!b->counts) {
        free(b);
        return NULL;
    }
    b->play = play;
    b->portal = portal;
    b->number = (uint32_t)++play->connections;
    b->window_until = UINT64_MAX;
    side_init(&b->initiator, play->crypto, TO_TARGET);
    side_init(&b->target, play->crypto, TO_INITIATOR);
    b->initiator.line.mute_until = play->mute_until;
    b->deaf_until = play->deaf_until;
    ledger_init(&b->ledger);
    list_init(&b->held);
    list_push(&play->benders, &b->link);
    play->now = now;
    bender_moment(b, MOMENT_CONNECT);
    return b;
}

void bender_free(struct bender *b)
{
    if (!b)
        return;
    list_remove(&b->link);
    hold_free(b);
    talk_free(b);
    ledger_free(&b->ledger);
    side_free(&b->initiator);
    side_free(&b->target);
    free(b->counts);
    free(b);
}

static const struct side *other(const struct bender *b, const struct side *s)
{
    return s == &b->initiator ? &b->target : &b->initiator;
}

uint64_t bender_room(const struct bender *b, const struct side *from)
{
    uint64_t waiting = other(b, from)->line.waiting;
    if (b->broken || (from == &b->initiator && b->play->now < b->deaf_until))
        return 0;
    return waiting < BENDER_QUEUE_MAX ? BENDER_QUEUE_MAX - waiting : 0;
}

void bender_take(struct bender *b, struct side *from, const void *bytes, uint64_t len, uint64_t now)
{
    const uint8_t *at = bytes;
    b->play->now = now;
    while (!b->broken) {
        struct parcel *p = cutter_take(&from->cutter, &at, &len);
        b->broken |= from->cutter.out_of_memory;
        if (!p)
            return;
        process(b, from, p);
    }
}

bool bender_pending(const struct bender *b, const struct side *to)
{
    return !b->broken && line_ready(&to->line, b->play->now);
}

uint32_t bender_peek(struct bender *b, struct side *to, struct berth_seg *segs, uint32_t max, uint64_t now)
{
    b->play->now = now;
    return b->broken ? 0 : line_peek(&to->line, now, segs, max);
}

void bender_done(struct bender *b, struct side *to, uint64_t n, uint64_t now)
{
    b->play->now = now;
    line_done(&to->line, n, now);
}

enum bender_wish bender_wish(const struct bender *b, bool *reset)
{
    const struct stretch *end = line_end(&b->initiator.line, b->play->now);
    if (!end)
        end = line_end(&b->target.line, b->play->now);
    *reset = end && end->closing == CLOSING_RST;
    if (b->broken)
        return WISH_CLOSE;
    if (!end || b->stranded)
        return WISH_NOTHING;
    return end->strand ? WISH_STRAND : WISH_CLOSE;
}

bool bender_busy(const struct bender *b)
{
    return !b->stranded && !b->broken && (!list_empty(&b->initiator.line.stretches) || b->talk.model);
}

void bender_stranded(struct bender *b)
{
    b->stranded = true;
    line_blind(&b->initiator.line);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t bender_deadline(const struct bender *b)
{
    uint64_t now = b->play->now;
    bool reset;
    if (bender_wish(b, &reset) != WISH_NOTHING)
        return now;
    uint64_t lines = earlier(line_due(&b->initiator.line, now), line_due(&b->target.line, now));
    uint64_t first = earlier(lines, earlier(hold_deadline(b), b->window_until));
    return b->deaf_until > now ? earlier(first, b->deaf_until) : first;
}
