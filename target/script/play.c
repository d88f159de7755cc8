/* SPDX-License-Identifier: MIT */
#include "script/play.h"
#include <stdio.h>
#include <string.h>
#include "script/random.h"
#include "script/scene.h"

void play_init(struct play *p, struct script *script, const struct wire_crypto *crypto,
               const struct play_hooks *hooks)
{
    memset(p, 0, sizeof *p);
    p->script = script;
    p->crypto = crypto;
    if (hooks)
        p->hooks = *hooks;
    p->first_login_ns = UINT64_MAX;
    list_init(&p->benders);
    script_rewind(script);
}

/* --- time --- */

static uint64_t next_turn(struct rule *r, uint64_t after)
{
    return after + random_between(&r->random, r->period.first, r->period.last);
}

void play_begin(struct play *p)
{
    p->first_login_ns = p->now;
    for (uint32_t i = 0; i < p->script->count; i++) {
        struct rule *r = p->script->rules[i];
        if (r->what.moment == MOMENT_TIME)
            r->due_ns = next_turn(r, p->now);
    }
}

static void perform_rule(struct play *p, struct rule *r)
{
    r->due_ns = r->repeats ? next_turn(r, p->now) : UINT64_MAX;
    list_each (at, &p->benders) {
        struct bender *b = list_entry(at, struct bender, link);
        if (b->logged_in && !b->stranded)
            bender_perform(b, r);
    }
}

/* The time is over, and the initiator must hear of it: nothing else may be on its way. */
static void open_window(struct bender *b)
{
    struct parcel *p = parcel_new(WIRE_NOP_IN, TO_INITIATOR);
    const struct wire_nop_in in = {.itt = WIRE_TAG_NONE, .ttt = WIRE_TAG_NONE};
    b->window_until = UINT64_MAX;
    b->numbers.clamped = false;
    if (!p) {
        bender_fail(b);
        return;
    }
    put_nop_in(p->head, &in);
    p->fresh = FRESH;
    if (b->logged_in)
        bender_depart(b, p);
    else
        parcel_free(p);
}

void play_tick(struct play *p, uint64_t now)
{
    p->now = now;
    for (uint32_t i = 0; i < p->script->count; i++)
        if (p->script->rules[i]->due_ns <= now)
            perform_rule(p, p->script->rules[i]);
    list_each (at, &p->benders) {
        struct bender *b = list_entry(at, struct bender, link);
        hold_tick(b, now);
        if (b->window_until <= now)
            open_window(b);
    }
}

uint64_t play_deadline(const struct play *p)
{
    uint64_t first = UINT64_MAX;
    for (uint32_t i = 0; i < p->script->count; i++)
        if (p->script->rules[i]->due_ns < first)
            first = p->script->rules[i]->due_ns;
    list_each (at, &p->benders) {
        uint64_t due = bender_deadline(list_entry(at, struct bender, link));
        if (due < first)
            first = due;
    }
    return first;
}

/* --- across connections --- */

void play_login(struct play *p, const struct bender *by, const char *initiator)
{
    const struct what what = {.moment = MOMENT_LOGIN};
    p->events++;
    list_each (at, &p->benders) {
        struct bender *b = list_entry(at, struct bender, link);
        if (b != by && strcmp(b->initiator_name, initiator) == 0)
            hold_event_for(b, &what);
    }
}

static struct play_saved *find_saved(struct play *p, struct span key)
{
    for (uint32_t i = 0; i < p->saved_count; i++)
        if (span_is(key, p->saved[i].key))
            return &p->saved[i];
    if (p->saved_count == PLAY_SAVED_MAX)
        return NULL;
    struct play_saved *s = &p->saved[p->saved_count];
    if (!span_copy(key, s->key, sizeof s->key))
        return NULL;
    p->saved_count++;
    return s;
}

void play_save(struct play *p, struct span key, struct span value)
{
    struct play_saved *s = find_saved(p, key);
    if (s)
        span_copy(value, s->value, sizeof s->value);
}

static const char *portal_address(const struct play *p, uint32_t own, struct span name)
{
    uint64_t number = own;
    struct span digits = {name.at + 6, name.len - 6};
    if (!p->hooks.portal || (digits.len > 0 && !span_number(digits, &number)))
        return NULL;
    return p->hooks.portal(p->hooks.owner, (uint32_t)number);
}

/* What a name in braces stands for; NULL: nothing, and it stays as it is. */
static const char *meaning(const struct play *p, uint32_t portal, struct span name)
{
    for (uint32_t i = 0; i < p->saved_count; i++)
        if (span_is(name, p->saved[i].key))
            return p->saved[i].value;
    if (name.len >= 6 && memcmp(name.at, "portal", 6) == 0)
        return portal_address(p, portal, name);
    return NULL;
}

bool play_expand(const struct play *p, uint32_t portal, const char *text, char *out, size_t size)
{
    struct writer w = writer_over(out, size);
    while (*text) {
        const char *end = *text == '{' ? strchr(text, '}') : NULL;
        const char *value =
            end ? meaning(p, portal, (struct span){text + 1, (size_t)(end - text) - 1}) : NULL;
        if (value)
            write_str(&w, value);
        else
            write8(&w, (uint8_t)*text);
        text = value ? end + 1 : text + 1;
    }
    write8(&w, 0);
    return w.ok;
}
