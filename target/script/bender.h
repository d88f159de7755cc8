/* SPDX-License-Identifier: MIT */
/* Bends one connection by the rules of a script: bytes of the initiator and of the target come in, PDUs are
 * counted, matched and changed, and bytes for both go out, now or later. It knows neither sockets nor the
 * protocol core, only the bytes. */
#ifndef SCRIPT_BENDER_H
#define SCRIPT_BENDER_H

#include "script/cutter.h"
#include "script/line.h"
#include "script/numbers.h"
#include "script/play.h"

#define BENDER_QUEUE_MAX (4u * 1024 * 1024)  /* bytes on a line before its side is not listened to */
#define BENDER_HELD_MAX  (64u * 1024 * 1024) /* bytes that rules may hold; beyond it PDUs pass */

/* What a bender wants of whoever has the connection. */
enum bender_wish {
    WISH_NOTHING,
    WISH_CLOSE,  /* close it */
    WISH_STRAND, /* close it, but let the target's side live on: bender_stranded() */
};

/* One of the two sides that talk, and its view of the login. */
struct side {
    struct cutter cutter;            /* what comes from it */
    struct line line;                /* what goes to it */
    bool header_digest, data_digest; /* as agreed so far, in its eyes */
    bool full;                       /* its full feature phase has begun */
};

/* PDUs that overtake others let wait; the first, and what belongs to it. */
struct held {
    struct list link;
    struct list parcels;
    uint64_t until_ns;         /* UINT64_MAX: an event */
    const struct event *event; /* or NULL */
    uint64_t left;             /* events */
    uint64_t bytes;
    uint64_t born; /* play->events when it was; that one does not count */
    bool belongs;  /* Data-Out of the command `itt` joins it */
    bool withheld;
    uint32_t itt;
};

/* A text that is sent in more PDUs than the target made of it; see talk.c. */
struct talk {
    struct parcel *model;            /* what the target said; NULL: there is no talk */
    uint32_t at;                     /* bytes of its text that are out */
    uint32_t step, steps;            /* the next piece, and those behind it */
    bool said;                       /* all of its text is out */
    uint64_t idle;                   /* responses yet to come that keep the login where it is */
    uint64_t targets, target_number; /* yet to be listed; the last one listed */
    bool begun;                      /* its first piece is out, which has the target's own number */
    bool wanted;                     /* the present request would go on to the next stage, too */
    uint32_t ttt;
};

struct bender {
    struct list link; /* in play->benders */
    struct play *play;
    uint32_t number, portal;
    struct side initiator, target;
    struct numbers numbers;
    struct ledger ledger;
    struct talk talk;
    struct list held;
    uint64_t held_bytes;
    uint64_t *counts; /* of rules that count per connection */
    uint64_t deaf_until, window_until;
    uint32_t next_tag;
    bool discovery, logged_in, stranded, broken;
    bool stubborn; /* stranded by a raw rule: reinstatement does not end it */
    char initiator_name[RULE_NAME_MAX];
};

/* A connection that came to this portal. NULL without memory. */
struct bender *bender_new(struct play *play, uint32_t portal, uint64_t now);
void bender_free(struct bender *b);

/* Bytes of the initiator or of the target (`from`), as many as bender_room() has room for. */
uint64_t bender_room(const struct bender *b, const struct side *from);
void bender_take(struct bender *b, struct side *from, const void *bytes, uint64_t len, uint64_t now);

/* Bytes for a side. */
bool bender_pending(const struct bender *b, const struct side *to);
uint32_t bender_peek(struct bender *b, struct side *to, struct berth_seg *segs, uint32_t max, uint64_t now);
void bender_done(struct bender *b, struct side *to, uint64_t n, uint64_t now);

enum bender_wish bender_wish(const struct bender *b, bool *reset);
/* Is there something that the initiator has yet to get, before the connection may be closed? */
bool bender_busy(const struct bender *b);
/* The initiator is gone, and the target is not to know. */
void bender_stranded(struct bender *b);

/* When it is to be looked after again: by play_tick(), or because it wants something. */
uint64_t bender_deadline(const struct bender *b);

#endif
