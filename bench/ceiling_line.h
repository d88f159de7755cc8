/* SPDX-License-Identifier: MIT */
/* One connection of the ceiling's receiver, and the shapes in which it may receive. */
#ifndef BENCH_CEILING_LINE_H
#define BENCH_CEILING_LINE_H

#include <sys/types.h>
#include <sys/uio.h>
#include "ceiling.h"
#include "load.h"

#define LINE_PIECES  1024u /* as many as the kernel takes */
#define LINE_STAGING (256u * 1024)

struct line {
    int fd;
    struct load *load;
    uint32_t segment;

    /* slots: on their way in the order of their requests, completed, and to be asked for */
    uint32_t *fifo, head, tail, mask;
    uint32_t *done, done_count;
    uint32_t *waiting, waiting_count;

    /* where in the stream we are */
    struct pdu now;  /* the answer's header, as far as it has come */
    uint32_t got;    /* bytes of header and data of it */
    uint32_t data;   /* bytes of data of the slot at the head, in earlier segments */
    uint64_t passed; /* shape plain: bytes of the answer at the head */

    uint8_t *staging; /* shape plain: as large as all that may be on its way */
    size_t staging_bytes, staging_at;
    struct pdu *heads, *requests;
    struct iovec iov[LINE_PIECES];
};

struct shape {
    const char *name;
    /* One system call. What has come whole is in `done` then. Like recv(). */
    ssize_t (*receive)(struct line *n, int flags);
};

const struct shape *shape_find(const char *name); /* or NULL */
void line_prepare(struct line *n, struct load *load, uint32_t segment, const struct shape *shape);

static inline uint32_t line_in_flight(const struct line *n)
{
    return n->tail - n->head;
}

#endif
