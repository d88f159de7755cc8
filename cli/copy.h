/* SPDX-License-Identifier: MIT */
/* A copy under way: two endpoints and a fixed set of slots, each of which carries one piece from one to the
 * other. */
#ifndef CLI_COPY_H
#define CLI_COPY_H

#include "cli/copy_endpoint.h"
#include "cli/progress.h"

/* The run of holes or data that an endpoint is in, so that it is asked once for each run. */
struct copy_run {
    uint64_t end;
    bool hole;
};

enum slot_state {
    SLOT_FREE,
    SLOT_READING, /* its transfers are under way: one when copying, up to two when comparing */
    SLOT_READY,   /* filled; waits for its turn at an ordered destination */
    SLOT_WRITING,
};

struct copy_slot {
    enum slot_state state;
    uint64_t offset, len;
    struct transfer a, b; /* b: the destination's side of a comparison */
};

struct copy {
    struct endpoint src, dst;
    uint8_t *buffers; /* COPY_DEPTH chunks */
    struct copy_slot slots[COPY_DEPTH];
    struct copy_run src_run, dst_run;
    uint64_t next;       /* where the next piece begins */
    uint64_t end;        /* where the last one ends, as far as is known */
    uint64_t checkpoint; /* bytes between flushes of a destination that may be lost */
    uint64_t stop;       /* pieces beyond it wait until what is before it is durable */
    uint64_t turn;       /* offset whose turn it is at an ordered destination */
    uint64_t losses;     /* of the destination, when the part before `stop` was begun */
    uint64_t done_bytes, hole_bytes;
    uint64_t differs; /* lowest offset at which the sides differ; UINT64_MAX none */
    struct progress progress;
};

/* Copies all of src to dst and makes it durable. Ends early when an endpoint fails or a signal arrives: see
 * copy_stopped(). */
void copy_pass(struct copy *c);

/* Reads both back and sets `differs`. Ends early likewise. */
void copy_verify(struct copy *c);

bool copy_stopped(const struct copy *c);

/* --- shared by the two passes --- */

/* Works `step` over all slots, pumping both ends and waiting in between, until nothing is left before `stop`.
 * `step` returns whether the slot got further. */
void copy_loop(struct copy *c, bool (*step)(struct copy *c, struct copy_slot *s), unsigned slots);

/* Makes `run` the run of `e` that holds `offset`, with borders that suit every block. */
void copy_run_at(struct copy *c, struct endpoint *e, struct copy_run *run, uint64_t offset);

/* `len` rounded up to blocks of `e`. */
uint64_t copy_padded(const struct endpoint *e, uint64_t len);

void copy_rewind(struct copy *c, const char *verb);

#endif
