/* SPDX-License-Identifier: MIT */
/* What rules do. */
#include <string.h>
#include "script/random.h"
#include "script/scene.h"

static uint64_t some_time(const struct scene *s, const struct wait *w)
{
    return random_between(&s->rule->random, w->time.first, w->time.last);
}

static uint64_t time_from_now(const struct scene *s, const struct wait *w)
{
    return w->kind == WAIT_FOR ? s->bender->play->now + some_time(s, w) : UINT64_MAX;
}

/* --- loss, order, time --- */

static void drop(struct scene *s, const struct action *a)
{
    s->drop = a;
}

static void duplicate(struct scene *s, const struct action *a)
{
    s->parcel->copies = a->number;
    s->parcel->random = &s->rule->random;
    s->parcel->copies_wait = a->wait.kind == WAIT_NOT ? NULL : &a->wait;
}

static void delay(struct scene *s, const struct action *a)
{
    s->parcel->delay_ns = some_time(s, &a->wait);
}

static void hold(struct scene *s, const struct action *a)
{
    s->hold = a;
}

/* --- content --- */

static uint64_t edited(const struct edit *e, uint64_t old, uint64_t max, uint64_t *random)
{
    switch ((enum edit_how)e->how) {
    case EDIT_ADD:
        return old + e->value;
    case EDIT_LESS:
        return old - e->value;
    case EDIT_NONE:
        return max;
    case EDIT_RANDOM:
        return random_between(random, 0, max);
    case EDIT_SET:
        break;
    }
    return e->value;
}

/* Relative to a value that is not known yet; random and none are known now. */
static struct counter_edit counter_edit(const struct edit *e, bool raw, uint64_t *random)
{
    bool relative = e->how == EDIT_ADD || e->how == EDIT_LESS;
    return (struct counter_edit){.on = true,
                                 .raw = raw,
                                 .how = relative ? e->how : (uint8_t)EDIT_SET,
                                 .value = (uint32_t)(relative ? e->value : edited(e, 0, UINT32_MAX, random))};
}

void edit_apply(const struct edit *e, struct parcel *p, bool raw, uint64_t *random)
{
    const struct field *f = e->field ? field_find(e->field, parcel_opcode(p)) : NULL;
    if (p->bare)
        return;
    if (!e->field)
        p->head[e->at] = (uint8_t)edited(e, p->head[e->at], 0xff, random);
    else if (f && f->counter != COUNTER_NONE)
        p->counters[f->counter] = counter_edit(e, raw, random);
    else if (f)
        field_put(f, p->head, edited(e, field_get(f, p->head), field_max(f), random));
}

static void set(struct scene *s, const struct action *a)
{
    for (uint32_t i = 0; i < a->edit_count; i++)
        edit_apply(&a->edits[i], s->parcel, a->raw, &s->rule->random);
}

static void need(struct scene *s, bool ok)
{
    if (!ok)
        bender_fail(s->bender);
}

static void resize(struct scene *s, const struct action *a)
{
    uint64_t old = s->parcel->data_len, size = a->number;
    if (a->verb == EDIT_ADD)
        size = old + a->number;
    else if (a->verb == EDIT_LESS)
        size = old > a->number ? old - a->number : 0;
    need(s, parcel_resize(s->parcel, (uint32_t)(size < WIRE_DSL_MAX ? size : WIRE_DSL_MAX)));
}

static uint8_t digit(char c)
{
    return (uint8_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}

/* The data segment grows if need be. */
static void poke(struct scene *s, const struct action *a)
{
    struct parcel *p = s->parcel;
    size_t len = strlen(a->value) / 2;
    uint64_t end = a->number + len;
    bool ok = end <= WIRE_DSL_MAX && (end <= p->data_len || parcel_resize(p, (uint32_t)end));
    for (size_t i = 0; ok && i < len; i++)
        p->data[a->number + i] = (uint8_t)(digit(a->value[2 * i]) << 4 | digit(a->value[2 * i + 1]));
    need(s, ok || end > WIRE_DSL_MAX);
}

static void sense(struct scene *s, const struct action *a)
{
    if (parcel_bit(s->parcel) & (OPCODE(WIRE_SCSI_RESPONSE) | OPCODE(WIRE_ASYNC)))
        need(s, make_sense(s->parcel, &a->sense));
}

static struct span key_of(const struct action *a)
{
    size_t len = a->value ? (size_t)(a->value - a->key) - 1 : strlen(a->key);
    return (struct span){a->key, len};
}

static bool change_text(struct scene *s, const struct action *a, const char *value)
{
    struct parcel *p = s->parcel;
    switch ((enum text_verb)a->verb) {
    case TEXT_ADD:
        return parcel_text_add(p, key_of(a), value);
    case TEXT_REPLACE:
        return parcel_text_replace(p, key_of(a), value);
    case TEXT_REMOVE:
        return parcel_text_remove(p, key_of(a));
    case TEXT_CLEAR:
        return parcel_resize(p, 0);
    case TEXT_FILL:
        break;
    }
    return parcel_text_fill(p, a->number);
}

static void text(struct scene *s, const struct action *a)
{
    char value[PLAY_VALUE_MAX] = "";
    bool ok = !a->value || play_expand(s->bender->play, s->bender->portal, a->value, value, sizeof value);
    if (parcel_has_text(s->parcel))
        need(s, ok && change_text(s, a, value));
}

static void save(struct scene *s, const struct action *a)
{
    struct span value;
    if (parcel_has_text(s->parcel) && parcel_text_find(s->parcel, key_of(a), &value))
        play_save(s->bender->play, key_of(a), value);
}

static void split(struct scene *s, const struct action *a)
{
    s->split = a;
}

static void targets(struct scene *s, const struct action *a)
{
    s->targets = a;
}

/* A bit that the PDU does not have cannot be turned. */
static void alter(struct scene *s, const struct action *a)
{
    struct parcel *p = s->parcel;
    uint64_t len = a->place.part == PART_DATA ? p->data_len : WIRE_BHS_LEN + p->ahs_len;
    uint8_t *bytes = a->place.part == PART_DATA ? p->data : p->head;
    uint64_t bit = a->place.random && len ? random_between(&s->rule->random, 0, 8 * len - 1) : a->place.bit;
    if (!p->bare && bit < 8 * len)
        bytes[bit / 8] ^= (uint8_t)(0x80u >> bit % 8);
}

static void corrupt(struct scene *s, const struct action *a)
{
    struct parcel *p = s->parcel;
    p->random = &s->rule->random;
    if (p->damage_count < PARCEL_DAMAGES)
        p->damages[p->damage_count++] = a->place;
}

/* --- PDUs of its own --- */

static void queue(struct scene *s, const struct action *a, struct list *where)
{
    struct parcel *p = make_parcel(s, a);
    need(s, p);
    if (!p)
        return;
    p->maker = s->rule;
    p->fresh = FRESH;
    p->generation = (uint8_t)(s->parcel ? s->parcel->generation + 1 : 1);
    list_push(where, &p->link);
}

static void send(struct scene *s, const struct action *a)
{
    queue(s, a, &s->after);
}

static void send_first(struct scene *s, const struct action *a)
{
    queue(s, a, &s->before);
}

static void answer(struct scene *s, const struct action *a)
{
    s->drop = a;
    queue(s, a, &s->after);
}

static void hold_login(struct scene *s, const struct action *a)
{
    s->hold_login = a;
}

/* --- connections --- */

static void disconnect(struct scene *s, const struct action *a)
{
    s->closing = a->closing;
    if (!a->all)
        return;
    list_each (at, &s->bender->play->benders) {
        struct bender *b = list_entry(at, struct bender, link);
        if (b != s->bender && !line_mark(&b->initiator.line, a->closing, false))
            bender_fail(b);
    }
}

static void cut(struct scene *s, const struct action *a)
{
    struct parcel *p = s->parcel;
    p->cut_somewhere = a->place.random;
    p->random = &s->rule->random;
    p->cut = a->place.random ? ENDLESS : random_between(p->random, a->sizes.first, a->sizes.last);
    p->closing = a->closing;
}

static void mute(struct scene *s, const struct action *a)
{
    uint64_t until = time_from_now(s, &a->wait);
    s->bender->initiator.line.mute_until = until;
    if (!a->all)
        return;
    s->bender->play->mute_until = until;
    list_each (at, &s->bender->play->benders)
        list_entry(at, struct bender, link)->initiator.line.mute_until = until;
}

static void deaf(struct scene *s, const struct action *a)
{
    uint64_t until = time_from_now(s, &a->wait);
    s->bender->deaf_until = until;
    if (!a->all)
        return;
    s->bender->play->deaf_until = until;
    list_each (at, &s->bender->play->benders)
        list_entry(at, struct bender, link)->deaf_until = until;
}

static void slice(struct scene *s, const struct action *a)
{
    if (a->where & TO_INITIATOR)
        line_slice(&s->bender->initiator.line, a->sizes, a->wait.time, &s->rule->random);
    if (a->where & TO_TARGET)
        line_slice(&s->bender->target.line, a->sizes, a->wait.time, &s->rule->random);
}

static void window(struct scene *s, const struct action *a)
{
    struct numbers *n = &s->bender->numbers;
    n->clamped = true;
    n->clamp_raw = a->raw;
    n->clamp = (uint32_t)a->number;
    s->bender->window_until = time_from_now(s, &a->wait);
}

static void refuse(struct scene *s, const struct action *a)
{
    const struct play_hooks *h = &s->bender->play->hooks;
    if (h->refuse)
        h->refuse(h->owner, some_time(s, &a->wait));
}

static void restart(struct scene *s, const struct action *a)
{
    const struct play_hooks *h = &s->bender->play->hooks;
    if (h->restart)
        h->restart(h->owner, a, some_time(s, &a->wait));
}

static void note(struct scene *s, const struct action *a)
{
    (void)s;
    (void)a;
}

/* --- the table --- */

static const struct {
    void (*act)(struct scene *s, const struct action *a);
    bool needs_pdu; /* and a whole one */
} rows[ACT_KINDS] = {
    [ACT_DROP] = {drop, true},
    [ACT_DUPLICATE] = {duplicate, true},
    [ACT_DELAY] = {delay, true},
    [ACT_HOLD] = {hold, true},
    [ACT_STRAND] = {hold, true},
    [ACT_SET] = {set, true},
    [ACT_RESIZE] = {resize, true},
    [ACT_POKE] = {poke, true},
    [ACT_SENSE] = {sense, true},
    [ACT_TEXT] = {text, true},
    [ACT_SAVE] = {save, true},
    [ACT_SPLIT] = {split, true},
    [ACT_TARGETS] = {targets, true},
    [ACT_ALTER] = {alter, true},
    [ACT_CORRUPT] = {corrupt, true},
    [ACT_SEND] = {send, false},
    [ACT_SEND_FIRST] = {send_first, false},
    [ACT_ANSWER] = {answer, true},
    [ACT_HOLD_LOGIN] = {hold_login, true},
    [ACT_DISCONNECT] = {disconnect, false},
    [ACT_CUT] = {cut, true},
    [ACT_MUTE] = {mute, false},
    [ACT_DEAF] = {deaf, false},
    [ACT_SLICE] = {slice, false},
    [ACT_WINDOW] = {window, false},
    [ACT_REFUSE] = {refuse, false},
    [ACT_RESTART] = {restart, false},
    [ACT_NOTE] = {note, false},
};

void scene_act(struct scene *s)
{
    for (uint32_t i = 0; i < s->rule->action_count; i++) {
        const struct action *a = &s->rule->actions[i];
        if (s->parcel || !rows[a->kind].needs_pdu)
            rows[a->kind].act(s, a);
    }
}
