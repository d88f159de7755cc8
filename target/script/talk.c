/* SPDX-License-Identifier: MIT */
/* Saying in many PDUs what the target said in one (RFC 7143 6.2, 11.10, 11.13): the requests that ask for the
 * rest are answered here. */
#include <stdio.h>
#include <string.h>
#include "base/bytes.h"
#include "script/scene.h"

#define TALK_SEGMENT 8000u /* text of a PDU; an initiator takes 8192 bytes at least (13.12) */
#define TALK_TAG     0x7c000000u
#define CONTINUE     0x40u
#define FINAL        0x80u /* T in login */

void talk_free(struct bender *b)
{
    parcel_free(b->talk.model);
    b->talk = (struct talk){.ttt = b->talk.ttt};
}

/* --- what a piece says --- */

static bool take_text(struct talk *t, struct parcel *p)
{
    uint32_t left = t->model->data_len - t->at, n = t->step < left ? t->step : left;
    if (!parcel_resize(p, n))
        return false;
    if (n)
        memcpy(p->data, t->model->data + t->at, n);
    t->at += n;
    t->step = t->steps;
    t->said = t->at == t->model->data_len;
    return true;
}

static bool list_targets(struct bender *b, struct parcel *p)
{
    struct talk *t = &b->talk;
    char name[64], address[PLAY_VALUE_MAX];
    if (!play_expand(b->play, b->portal, "{portal},1", address, sizeof address))
        return false;
    while (t->targets > 0 && p->data_len + strlen(address) + 80 < TALK_SEGMENT) {
        snprintf(name, sizeof name, "iqn.2026-11.io.berth:many-%llu", (unsigned long long)++t->target_number);
        if (!parcel_text_add(p, (struct span){"TargetName", 10}, name) ||
            !parcel_text_add(p, (struct span){"TargetAddress", 13}, address))
            return false;
        if (t->targets != ENDLESS)
            t->targets--;
    }
    return true;
}

static bool would_go_on(const struct parcel *p)
{
    return parcel_opcode(p) == WIRE_LOGIN_RESPONSE && p->head[1] & FINAL;
}

/* Nothing is left to be said, or waited for. A login goes on only when both sides want to (6.3). */
static bool over(const struct talk *t)
{
    return t->said && t->targets == 0 && t->idle == 0 && (t->wanted || !would_go_on(t->model));
}

/* --- pieces --- */

static void mark_unfinished(struct talk *t, struct parcel *p)
{
    bool login = parcel_opcode(p) == WIRE_LOGIN_RESPONSE;
    p->head[1] &= (uint8_t)(login ? ~(FINAL | CONTINUE | 0x03) : ~(FINAL | CONTINUE));
    p->head[1] |= t->said ? 0 : CONTINUE;
    if (login)
        put16(p->head + 14, 0); /* TSIH belongs to the last response */
    else
        put32(p->head + 20, TALK_TAG + t->ttt);
}

static struct parcel *next_piece(struct bender *b, bool *last)
{
    struct talk *t = &b->talk;
    struct parcel *p = parcel_copy(t->model);
    bool ok = p && parcel_resize(p, 0);
    if (ok && t->begun)
        p->fresh = FRESH;
    t->begun = true;
    if (ok && !t->said)
        ok = take_text(t, p);
    else if (ok && t->targets > 0)
        ok = list_targets(b, p);
    if (!ok) {
        parcel_free(p);
        return NULL;
    }
    *last = over(t);
    if (!*last)
        mark_unfinished(t, p);
    if (t->said && t->targets == 0 && t->idle > 0 && t->idle != ENDLESS)
        t->idle--;
    return p;
}

static void say(struct bender *b)
{
    bool last;
    struct parcel *p = next_piece(b, &last);
    if (!p) {
        bender_fail(b);
        return;
    }
    if (last)
        talk_free(b);
    bender_depart(b, p);
}

/* --- the talk --- */

static uint32_t step_of(uint64_t number)
{
    return number < WIRE_DSL_MAX ? (uint32_t)number : WIRE_DSL_MAX;
}

/* The parcel is the talk's then. false: there is nothing to talk about. */
bool talk_begin(struct scene *s)
{
    struct bender *b = s->bender;
    struct parcel *p = s->parcel;
    const struct action *split = s->split;
    bool login = parcel_opcode(p) == WIRE_LOGIN_RESPONSE, text = parcel_opcode(p) == WIRE_TEXT_RESPONSE;
    uint64_t idle = s->hold_login && would_go_on(p) ? s->hold_login->number : 0;
    uint64_t targets = s->targets && text ? s->targets->number : 0;
    if ((!login && !text) || (!split && !idle && !targets))
        return false;
    talk_free(b);
    b->talk = (struct talk){.model = p,
                            .idle = idle,
                            .targets = targets,
                            .step = split ? step_of(split->number) : WIRE_DSL_MAX,
                            .steps = split && split->all ? step_of(split->number) : WIRE_DSL_MAX,
                            .wanted = true,
                            .ttt = b->talk.ttt + 1};
    say(b);
    return true;
}

static bool for_us(const struct talk *t, const struct parcel *request)
{
    if (parcel_opcode(t->model) == WIRE_LOGIN_RESPONSE)
        return parcel_opcode(request) == WIRE_LOGIN_REQUEST;
    return parcel_opcode(request) == WIRE_TEXT_REQUEST && get32(request->head + 20) == TALK_TAG + t->ttt;
}

bool talk_takes(struct bender *b, struct parcel *request)
{
    struct talk *t = &b->talk;
    if (!t->model || !for_us(t, request))
        return false;
    memcpy(t->model->head + 16, request->head + 16, 4);
    t->wanted = request->head[1] & FINAL;
    bender_swallow(b, request, NULL, false);
    say(b);
    return true;
}
