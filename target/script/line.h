/* SPDX-License-Identifier: MIT */
/* What waits to leave towards one side, as bytes in their order: it can be stopped, cut into pieces, and made
 * to end. */
#ifndef SCRIPT_LINE_H
#define SCRIPT_LINE_H

#include <berth/seg.h>
#include "script/parcel.h"

/* Bytes of one PDU, or, without any, a mark: here the connection is to be closed. */
struct stretch {
    struct list link;
    uint64_t not_before;
    uint8_t closing; /* enum closing, after its last byte */
    bool strand;     /* with closing: the target is not to know */
    uint32_t len, done;
    uint8_t bytes[];
};

struct line {
    struct list stretches;
    uint64_t waiting; /* bytes */
    uint64_t mute_until;
    struct range sizes; /* of pieces; first 0: whole */
    struct range pause; /* after each piece, in ns */
    uint64_t *random;
    uint64_t piece; /* bytes left of the present piece; 0: the next one is to be chosen */
    uint64_t resume_at;
    bool blind; /* nobody is there any more: everything vanishes */
};

void line_init(struct line *l);
void line_free(struct line *l);

/* Digests are computed, damage is done. false without memory. */
bool line_put(struct line *l, const struct parcel *p, bool header_digest, bool data_digest,
              const struct wire_crypto *crypto, uint64_t now);
bool line_mark(struct line *l, uint8_t closing, bool strand);
void line_slice(struct line *l, struct range sizes, struct range pause, uint64_t *random);
void line_blind(struct line *l);

/* What may leave now, at most `max` segments. */
uint32_t line_peek(struct line *l, uint64_t now, struct berth_seg *segs, uint32_t max);
void line_done(struct line *l, uint64_t n, uint64_t now);
bool line_ready(const struct line *l, uint64_t now);
/* When something may leave that may not yet; UINT64_MAX: nothing waits for time. */
uint64_t line_due(const struct line *l, uint64_t now);
/* The mark that all before has left; NULL: none. */
const struct stretch *line_end(const struct line *l, uint64_t now);

#endif
