/* SPDX-License-Identifier: MIT */
/* Inside of the bender: one PDU, or one moment, and what the rules make of it. */
#ifndef SCRIPT_SCENE_H
#define SCRIPT_SCENE_H

#include "script/bender.h"

struct scene {
    struct bender *bender;
    struct rule *rule;     /* that acts */
    struct parcel *parcel; /* NULL: a moment */
    struct entry *entry;   /* of the command it belongs to, or NULL */
    uint8_t moment;
    bool completes; /* the data of a write */

    /* what the actions want */
    const struct action *drop, *hold, *split, *hold_login, *targets;
    struct list before, after; /* PDUs of our own */
    uint8_t closing;
};

/* match.c: does this rule act here? Counts. */
bool scene_matches(const struct scene *s, struct rule *r);

/* act.c: what the rule's actions do at once; the rest is noted down in the scene. */
void scene_act(struct scene *s);
/* Changes a field of a PDU, or notes down what is to become of a counter. */
void edit_apply(const struct edit *e, struct parcel *p, bool raw, uint64_t *random);

/* make.c: the PDU of a send or answer; NULL without memory. */
struct parcel *make_parcel(struct scene *s, const struct action *a);
bool make_sense(struct parcel *p, const struct sense_model *m);

/* login.c: what a PDU of the login phase tells about the connection. true: with it full feature phase
 * begins for this side. */
bool side_sees(struct side *s, const struct parcel *p);
void bender_meets(struct bender *b, const struct parcel *request);

/* hold.c */
bool hold_back(struct scene *s);
/* true: it has joined a command that is held. */
bool hold_joins(struct bender *b, struct parcel *p);
void hold_let_go(struct bender *b);
void hold_copies(struct bender *b, const struct parcel *p);
void hold_tick(struct bender *b, uint64_t now);
uint64_t hold_deadline(const struct bender *b);
/* Something has happened that PDUs may wait for; `kind` is of the command it belongs to, or -1. */
void hold_event(struct play *play, const struct what *what, const uint8_t *bhs, int kind);
void hold_event_for(struct bender *b, const struct what *what);
void hold_free(struct bender *b);

/* play.c: the first login; times count from now. */
void play_begin(struct play *p);

/* talk.c */
bool talk_begin(struct scene *s);
/* true: the request was for us; it is the talk's now. */
bool talk_takes(struct bender *b, struct parcel *request);
void talk_free(struct bender *b);

/* split.c: sends a Data-In in pieces. */
bool split_data_in(struct bender *b, const struct parcel *p, const struct action *a);

/* bender.c: on the line with it, numbered. The parcel is freed, or kept elsewhere. */
void bender_depart(struct bender *b, struct parcel *p);
/* The target is not to get it, or the initiator. Frees it. */
void bender_swallow(struct bender *b, struct parcel *p, struct entry *e, bool raw);
void bender_moment(struct bender *b, enum moment moment);
void bender_perform(struct bender *b, struct rule *r);
void bender_fail(struct bender *b); /* no memory: the connection ends */

#endif
