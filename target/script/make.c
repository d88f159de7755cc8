/* SPDX-License-Identifier: MIT */
/* PDUs that a rule invents: what they say if the rule does not say otherwise. */
#include <string.h>
#include "base/bytes.h"
#include "script/scene.h"

#define FIRST_TAG 0x7b000000u /* of ours; far from what targets count from */

/* Fixed format (SPC-4 4.5.3) behind its length (11.4.7.1). */
bool make_sense(struct parcel *p, const struct sense_model *m)
{
    uint8_t sense[252] = {[0] = 0x70, [2] = m->key, [7] = 10, [12] = m->asc, [13] = m->ascq};
    uint32_t len = m->length < sizeof sense ? (uint32_t)m->length : 18;
    if (m->none)
        return parcel_resize(p, 0);
    if (!parcel_resize(p, 2 + len))
        return false;
    put16(p->data, (uint16_t)(m->claim <= UINT16_MAX ? m->claim : len));
    memcpy(p->data + 2, sense, len);
    return true;
}

static void put_field(struct parcel *p, const char *name, uint64_t value)
{
    const struct field *f = field_find(name, parcel_opcode(p));
    if (f)
        field_put(f, p->head, value);
}

/* A Reject comes with the header of what it rejects (11.17.4). */
static bool put_rejected(struct parcel *p, const struct parcel *rejected)
{
    put_field(p, "reason", WIRE_REJECT_PROTOCOL);
    put_field(p, "itt", WIRE_TAG_NONE);
    if (!rejected)
        return true;
    if (!parcel_resize(p, WIRE_BHS_LEN))
        return false;
    memcpy(p->data, rejected->head, WIRE_BHS_LEN);
    return true;
}

/* The answer to a Login Request stays in its stage. */
static void answer_login(struct parcel *p, const struct parcel *request)
{
    if (!request || parcel_opcode(request) != WIRE_LOGIN_REQUEST)
        return;
    memcpy(p->head + 8, request->head + 8, 8); /* ISID, TSIH */
    p->head[1] = request->head[1] & 0x0c;      /* CSG */
}

/* A ping, which asks for an answer (11.19.1). */
static void put_ping(struct bender *b, struct parcel *p)
{
    put_field(p, "itt", WIRE_TAG_NONE);
    put_field(p, "ttt", FIRST_TAG + b->next_tag++);
}

static bool own_words(const struct scene *s, struct parcel *p)
{
    const struct parcel *at_hand = s->parcel;
    switch (parcel_opcode(p)) {
    case WIRE_REJECT:
        return put_rejected(p, at_hand);
    case WIRE_LOGIN_RESPONSE:
        answer_login(p, at_hand);
        break;
    case WIRE_NOP_IN:
        put_ping(s->bender, p);
        break;
    case WIRE_ASYNC:
        put_field(p, "itt", WIRE_TAG_NONE);
        put_field(p, "event", WIRE_ASYNC_VENDOR);
        break;
    case WIRE_R2T:
        put_field(p, "ttt", FIRST_TAG + s->bender->next_tag++);
        put_field(p, "desired-length", s->entry ? s->entry->edtl : 0);
        break;
    case WIRE_NOP_OUT:
        put_field(p, "immediate", 1);
        put_field(p, "ttt", WIRE_TAG_NONE);
        break;
    default:
        put_field(p, "ttt", WIRE_TAG_NONE);
        break;
    }
    return true;
}

/* An answer has the tag of what it answers. */
static struct parcel *fresh(const struct scene *s, uint8_t opcode, uint8_t to)
{
    struct parcel *p = parcel_new(opcode, to);
    if (!p)
        return NULL;
    if (opcode != WIRE_LOGIN_RESPONSE && opcode != WIRE_LOGIN_REQUEST)
        p->head[1] = 0x80;
    if (s->parcel && !s->parcel->bare)
        memcpy(p->head + 16, s->parcel->head + 16, 4);
    if (s->entry && s->entry->lun < UINT64_MAX)
        put_field(p, "lun", field_lun(s->entry->lun));
    if (own_words(s, p))
        return p;
    parcel_free(p);
    return NULL;
}

static bool put_texts(const struct scene *s, const struct action *a, struct parcel *p)
{
    char value[PLAY_VALUE_MAX];
    for (uint32_t i = 0; i < a->text_count; i++) {
        const char *pair = a->texts[i], *equals = strchr(pair, '=');
        struct span key = {pair, (size_t)(equals - pair)};
        if (!play_expand(s->bender->play, s->bender->portal, equals + 1, value, sizeof value) ||
            !parcel_text_add(p, key, value))
            return false;
    }
    return true;
}

/* The edits stand at the end: they may say anything. */
static bool dress(const struct scene *s, const struct action *a, struct parcel *p)
{
    if (a->kind == ACT_ANSWER)
        p->head[3] = a->status;
    if (a->has_data && !parcel_resize(p, (uint32_t)a->number))
        return false;
    if (!put_texts(s, a, p) || (a->sense.on && !make_sense(p, &a->sense)))
        return false;
    for (uint32_t i = 0; i < a->edit_count; i++)
        edit_apply(&a->edits[i], p, a->raw, &s->rule->random);
    return true;
}

struct parcel *make_parcel(struct scene *s, const struct action *a)
{
    uint8_t to = FROM_TARGET & OPCODE(a->opcode) ? TO_INITIATOR : TO_TARGET;
    bool same = s->parcel && parcel_opcode(s->parcel) == a->opcode;
    struct parcel *p = same ? parcel_copy(s->parcel) : fresh(s, a->opcode, to);
    if (p && dress(s, a, p))
        return p;
    parcel_free(p);
    return NULL;
}
