/* SPDX-License-Identifier: MIT */
/* A whole PDU in memory of its own, on its way through a bender: it can be read, changed, kept and sent on,
 * with digests computed anew when it leaves. */
#ifndef SCRIPT_PARCEL_H
#define SCRIPT_PARCEL_H

#include "base/list.h"
#include "script/field.h"
#include "script/rule.h"
#include "wire/crypto.h"
#include "wire/text.h"

#define PARCEL_DAMAGES 8u

/* What a rule wants of a counter that gets its value later. */
struct counter_edit {
    bool on, raw;
    uint8_t how; /* EDIT_SET, EDIT_ADD or EDIT_LESS */
    uint32_t value;
};

enum fresh { FRESH_STAT_SN = 1, FRESH_DATA_SN = 2, FRESH = 3 };

struct parcel {
    struct list link;
    uint8_t to; /* enum directions */
    bool bare;  /* not a PDU but bytes that could not be framed */
    bool numbered;
    uint8_t fresh;      /* enum fresh bits: the target has no such number for it, here */
    uint8_t generation; /* 0: a side's own; else made by a rule, for one of the generation before */
    const struct rule *maker;
    uint32_t ahs_len, data_len, data_size;
    uint8_t *data;
    uint8_t pad[3];                /* behind the data, zeros once its length has changed */
    uint32_t header_xor, data_xor; /* by what its digests are wrong */

    /* orders for its departure */
    struct counter_edit counters[COUNTERS];
    uint64_t delay_ns;
    uint64_t copies;
    const struct wait *copies_wait;
    uint64_t cut;       /* bytes of it that leave; ENDLESS: all */
    bool cut_somewhere; /* chance says how many, at least one too few */
    uint8_t closing;
    struct place damages[PARCEL_DAMAGES];
    uint32_t damage_count;
    uint64_t *random; /* for what chance has to say: the rule's */

    uint8_t head[WIRE_BHS_LEN + WIRE_AHS_MAX];
};

/* An empty PDU, header all zeros but for the opcode; NULL without memory, as all that make one. */
struct parcel *parcel_new(uint8_t opcode, uint8_t to);
struct parcel *parcel_copy(const struct parcel *p);
struct parcel *parcel_slice(const struct parcel *p, uint32_t at,
                            uint32_t len); /* with this part of its data */
struct parcel *parcel_bare(const uint8_t *bytes, uint64_t len, uint8_t to);
void parcel_free(struct parcel *p);
void parcels_free(struct list *parcels);

/* Memory for so much data; its length stays. */
bool parcel_reserve(struct parcel *p, uint32_t len);
/* Room for a data segment of this length, zeros behind the present one; the header says so. */
bool parcel_resize(struct parcel *p, uint32_t len);

static inline uint8_t parcel_opcode(const struct parcel *p)
{
    return p->bare ? WIRE_OPCODES : wire_opcode(p->head);
}

static inline uint64_t parcel_bit(const struct parcel *p)
{
    return p->bare ? 0 : OPCODE(wire_opcode(p->head));
}

/* --- its text (parcel_text.c) --- */
#define PARCEL_TEXT_MAX (256u * 1024) /* bytes that a text may grow to */

/* The value of a key; false if there is none. */
bool parcel_text_find(const struct parcel *p, struct span key, struct span *value);
bool parcel_text_add(struct parcel *p, struct span key, const char *value);
/* Replaces it in its place, or adds it. */
bool parcel_text_replace(struct parcel *p, struct span key, const char *value);
bool parcel_text_remove(struct parcel *p, struct span key);
bool parcel_text_fill(struct parcel *p, uint64_t keys);
bool parcel_has_text(const struct parcel *p);

#endif
